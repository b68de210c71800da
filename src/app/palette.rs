//! Data colours for canvases, read from the style sheet's tokens so that there is one place for colour.

use std::cell::RefCell;

use leptos::prelude::*;

use super::state::{Lab, lab};
pub use crate::analysis::colour::Rgb;
use crate::analysis::colour::{Ramps, luminance, parse};

/// The data colours of the current theme.
#[derive(Clone, Debug, PartialEq)]
pub struct Palette {
    ramps: Ramps,
    /// Ground and line of the hatching of masked cells.
    pub hatch: [String; 2],
    /// Text on light and on dark cells.
    pub text: [String; 2],
}

thread_local! {
    /// What was read last, and of which of the themes that there were.
    static KNOWN: RefCell<Option<(u32, Palette)>> = const { RefCell::new(None) };
}

impl Palette {
    /// The palette of the current theme; tracks its changes. Read from the styles once for each: a read makes the browser lay out first what has changed since its
    /// last frame, and every canvas asks.
    pub fn current() -> Self {
        let theme = lab().palette.get();
        KNOWN.with_borrow_mut(|known| match known {
            Some((of, palette)) if *of == theme => palette.clone(),
            _ => known.insert((theme, Self::read())).1.clone(),
        })
    }

    /// Reads that of the theme that is set now, before whoever sets it mounts anything: there is the least to lay out.
    pub fn renew(lab: Lab) {
        let theme = lab.palette.get_untracked();
        KNOWN.with_borrow_mut(|known| *known = Some((theme, Self::read())));
    }

    fn read() -> Self {
        let token = tokens();
        let (paper, ink) = (token("--card"), token("--ink"));
        let dark = luminance(parse(&paper).unwrap_or([255; 3])) < 0.5;
        Self {
            ramps: Ramps::read(&token),
            hatch: [token("--hatch-0"), token("--hatch-1")],
            text: if dark { [paper, ink] } else { [ink, paper] },
        }
    }

    /// 0 is the ground, 1 the strongest.
    pub fn sequential(&self, t: f32) -> Rgb {
        self.ramps.sequential(t)
    }

    /// −1 to 1 around the middle colour.
    pub fn diverging(&self, t: f32) -> Rgb {
        self.ramps.diverging(t)
    }

    /// A weight as a share of the largest.
    pub fn weight(&self, share: f32) -> Rgb {
        self.ramps.weight(share)
    }

    /// Text colour that can be read on `ground`.
    pub fn text_on(&self, ground: Rgb) -> &str {
        let dark_text = usize::from(luminance(ground) < 0.45);
        &self.text[dark_text]
    }
}

/// What the names of the style sheet's tokens stand for now.
pub fn tokens() -> impl Fn(&str) -> String {
    let styles = document().document_element().and_then(|root| window().get_computed_style(&root).ok().flatten());
    move |name| {
        let value = styles.as_ref().and_then(|styles| styles.get_property_value(name).ok());
        value.map(|value| value.trim().to_owned()).unwrap_or_default()
    }
}

//! Data colours for canvases, read from the style sheet's tokens so that there is one place for colour.

use leptos::prelude::*;

use super::state::lab;

/// A colour, 0 to 255 each.
pub type Rgb = [u8; 3];

/// The data colours of the current theme.
#[derive(Clone, Debug, PartialEq)]
pub struct Palette {
    sequential: [Rgb; 4],
    diverging: [Rgb; 3],
    /// Ground and line of the hatching of masked cells.
    pub hatch: [String; 2],
    /// Text on light and on dark cells.
    pub text: [String; 2],
}

impl Palette {
    /// The palette of the current theme; tracks its changes.
    pub fn current() -> Self {
        lab().palette.track();
        let styles = document().document_element().and_then(|root| window().get_computed_style(&root).ok().flatten());
        let token = |name: &str| {
            styles
                .as_ref()
                .and_then(|s| s.get_property_value(name).ok())
                .map(|v| v.trim().to_owned())
                .unwrap_or_default()
        };
        let rgb = |name: &str| parse(&token(name)).unwrap_or([128; 3]);
        let (paper, ink) = (token("--card"), token("--ink"));
        let dark = luminance(parse(&paper).unwrap_or([255; 3])) < 0.5;
        Self {
            sequential: [rgb("--seq-0"), rgb("--seq-1"), rgb("--seq-2"), rgb("--seq-3")],
            diverging: [rgb("--div-neg"), rgb("--div-mid"), rgb("--div-pos")],
            hatch: [token("--hatch-0"), token("--hatch-1")],
            text: if dark { [paper, ink] } else { [ink, paper] },
        }
    }

    /// 0 is the ground, 1 the strongest.
    pub fn sequential(&self, t: f32) -> Rgb {
        let x = t.clamp(0.0, 1.0) * 3.0;
        let i = (x as usize).min(2);
        mix(self.sequential[i], self.sequential[i + 1], x - i as f32)
    }

    /// −1 to 1 around the middle colour. The power lifts small values off the ground.
    pub fn diverging(&self, t: f32) -> Rgb {
        let t = t.clamp(-1.0, 1.0);
        let end = if t < 0.0 { self.diverging[0] } else { self.diverging[2] };
        mix(self.diverging[1], end, t.abs().powf(0.8))
    }

    /// Text colour that can be read on `ground`.
    pub fn text_on(&self, ground: Rgb) -> &str {
        let dark_text = usize::from(luminance(ground) < 0.45);
        &self.text[dark_text]
    }
}

fn mix(a: Rgb, b: Rgb, t: f32) -> Rgb {
    std::array::from_fn(|i| (f32::from(a[i]) + (f32::from(b[i]) - f32::from(a[i])) * t).round() as u8)
}

fn luminance(c: Rgb) -> f32 {
    (0.2126 * f32::from(c[0]) + 0.7152 * f32::from(c[1]) + 0.0722 * f32::from(c[2])) / 255.0
}

/// `#rrggbb` only: that is how the tokens are written.
fn parse(hex: &str) -> Option<Rgb> {
    let digits = hex.strip_prefix('#').filter(|d| d.len() == 6)?;
    let byte = |i: usize| digits.get(i..i + 2).and_then(|pair| u8::from_str_radix(pair, 16).ok());
    Some([byte(0)?, byte(2)?, byte(4)?])
}

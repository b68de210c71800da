//! Light, dark, or as the system says.

use leptos::prelude::*;

use crate::app::palette::Palette;
use crate::app::reactive::{RwSignal, effect};
use crate::app::state::{Lab, Theme};
use crate::app::url;

/// Whether the page is on its way to paper, which is light: styles would turn by themselves, canvases are painted anew.
fn printing() -> RwSignal<bool> {
    let printing = RwSignal::new(false);
    for (event, begins) in [("beforeprint", true), ("afterprint", false)] {
        // The page listens for as long as it lives.
        drop(window_event_listener_untyped(event, move |_| printing.set(begins)));
    }
    printing
}

/// Keeps `data-theme`, `lang` and the title of the document in step with the state, and the state in step with the system while it is `Auto`.
pub fn follow(lab: Lab) {
    let system = RwSignal::new(system_dark());
    if let Ok(Some(query)) = window().match_media("(prefers-color-scheme: dark)") {
        let on_change = wasm_bindgen::closure::Closure::<dyn Fn()>::new(move || system.set(system_dark()));
        query.set_onchange(Some(wasm_bindgen::JsCast::unchecked_ref(on_change.as_ref())));
        // The page listens for as long as it lives.
        on_change.forget();
    }
    let printing = printing();
    effect(move || {
        let dark = match lab.theme.get() {
            _ if printing.get() => false,
            Theme::Auto => system.get(),
            Theme::Light => false,
            Theme::Dark => true,
        };
        set_root("data-theme", if dark { "dark" } else { "light" });
        // Canvases read the tokens: they redraw after the attribute has changed.
        lab.palette.update(|n| *n += 1);
        Palette::renew(lab);
    });
    effect(move || {
        let (lang, title) = match lab.lang.get() {
            crate::catalogue::Lang::En => ("en", "Attention Playground"),
            crate::catalogue::Lang::Zh => ("zh-CN", "注意力实验场 · Attention Playground"),
        };
        set_root("lang", lang);
        // What a tab, a bookmark and a screen reader call the page.
        document().set_title(title);
    });
}

/// Switches between light and dark.
pub fn toggle(lab: Lab) {
    let dark = match lab.theme.get_untracked() {
        Theme::Auto => system_dark(),
        Theme::Light => false,
        Theme::Dark => true,
    };
    url::set_theme(lab, if dark { Theme::Light } else { Theme::Dark });
}

/// Whether the system asks for dark.
pub fn system_dark() -> bool {
    window().match_media("(prefers-color-scheme: dark)").ok().flatten().is_some_and(|m| m.matches())
}

fn set_root(name: &str, value: &str) {
    if let Some(root) = document().document_element() {
        // Setting an attribute with a valid name cannot fail.
        let _ = root.set_attribute(name, value);
    }
}

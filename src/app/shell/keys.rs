//! Keys that work everywhere on the page. A key pressed in a text field belongs to the field.

use leptos::prelude::*;
use wasm_bindgen::JsCast;

use crate::app::reactive::RwSignal;
use crate::app::state::Lab;
use crate::app::url;
use crate::experiment::Stage;

/// Listens for as long as the page lives.
pub fn listen(lab: Lab, help: RwSignal<bool>) {
    let handle = window_event_listener(leptos::ev::keydown, move |event| {
        let typing = event.target().and_then(|t| t.dyn_into::<web_sys::HtmlElement>().ok()).is_some_and(|e| {
            matches!(e.tag_name().as_str(), "TEXTAREA" | "SELECT")
                || (e.tag_name() == "INPUT"
                    && !matches!(e.get_attribute("type").as_deref(), Some("range" | "checkbox" | "radio")))
        });
        let command = event.ctrl_key() || event.meta_key();
        let key = event.key();
        let used = match key.as_str() {
            "z" | "Z" if command && !typing => {
                if event.shift_key() {
                    lab.redo()
                } else {
                    lab.undo()
                }
                true
            }
            "y" if command && !typing => {
                lab.redo();
                true
            }
            "Escape" => {
                lab.cancel.update(|c| *c += 1);
                false
            }
            _ if typing || command || event.alt_key() => false,
            "?" => {
                help.set(true);
                true
            }
            // Not over another sheet, nor twice.
            "e" if !dialog_open() => press(".top__export"),
            "l" => {
                url::copy_link(lab);
                true
            }
            "[" | "]" => {
                step_head(lab, key == "]");
                true
            }
            // A matrix takes digits for its own and passes none on; under a sheet nobody sees the map.
            "1" | "2" | "3" | "4" | "5" | "6" if !dialog_open() => {
                let index = key.parse::<usize>().unwrap_or(1) - 1;
                lab.show(|view| view.stage = Stage::ALL[index.min(5)]);
                true
            }
            _ => false,
        };
        if used {
            event.prevent_default();
        }
    });
    // The listener lives as long as the page.
    std::mem::forget(handle);
}

/// Whether a sheet lies over the page.
fn dialog_open() -> bool {
    document().query_selector("dialog[open]").is_ok_and(|found| found.is_some())
}

/// Presses a button of the page; says whether it is there.
fn press(button: &str) -> bool {
    let found = document().query_selector(button).ok().flatten();
    let button = found.and_then(|element| element.dyn_into::<web_sys::HtmlElement>().ok());
    button.map(|button| button.click()).is_some()
}

fn step_head(lab: Lab, forward: bool) {
    let heads = lab.loaded.with_untracked(|l| l.as_ref().map_or(1, |l| l.dims.q_heads)).max(1);
    lab.show(|view| view.head = (view.head + if forward { 1 } else { heads - 1 }) % heads);
}

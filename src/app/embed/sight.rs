//! Whether the frame is on the screen.

use leptos::prelude::*;
use wasm_bindgen::JsCast;
use wasm_bindgen::closure::Closure;
use web_sys::{IntersectionObserver, IntersectionObserverEntry};

use crate::app::reactive::RwSignal;

/// Follows whether any of this document is to be seen, through the frames around it and in a tab that is shown. True where a browser can't say.
pub fn follow() -> RwSignal<bool> {
    let seen = RwSignal::new(false);
    let on_change = Closure::<dyn Fn(js_sys::Array)>::new(move |entries: js_sys::Array| {
        let last = entries.get(entries.length().saturating_sub(1)).dyn_into::<IntersectionObserverEntry>();
        seen.set(last.map_or(true, |entry| entry.is_intersecting()));
    });
    match (IntersectionObserver::new(on_change.as_ref().unchecked_ref()), document().document_element()) {
        (Ok(observer), Some(root)) => observer.observe(&root),
        _ => seen.set(true),
    }
    // It watches for as long as the document lives.
    on_change.forget();
    seen
}

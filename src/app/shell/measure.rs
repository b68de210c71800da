//! Sizes of elements as signals.

use leptos::html::Div;
use wasm_bindgen::JsCast;
use wasm_bindgen::closure::Closure;

use crate::app::element::NodeRef;
use crate::app::reactive::{RwSignal, effect};

/// Width of an element in CSS pixels; changes when the layout does.
pub fn element_width(node: NodeRef<Div>) -> RwSignal<f64> {
    let width = RwSignal::new(0.0);
    effect(move || {
        let Some(element) = node.get() else { return };
        let on_resize = Closure::<dyn Fn(js_sys::Array)>::new(move |entries: js_sys::Array| {
            if let Ok(entry) = entries.get(0).dyn_into::<web_sys::ResizeObserverEntry>() {
                width.try_set(entry.content_rect().width());
            }
        });
        if let Ok(observer) = web_sys::ResizeObserver::new(on_resize.as_ref().unchecked_ref()) {
            observer.observe(&element);
        }
        // The observer lives as long as the element it watches, which lives as long as the page.
        on_resize.forget();
    });
    width
}

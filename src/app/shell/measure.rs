//! Sizes of elements as signals.

use leptos::html::Div;
use leptos::prelude::{SetValue, StoredValue};
use wasm_bindgen::JsCast;
use wasm_bindgen::closure::Closure;

use crate::app::element::NodeRef;
use crate::app::reactive::{RwSignal, effect};

/// Watches an element until the view around it is gone.
struct Watch {
    observer: web_sys::ResizeObserver,
    _told: Closure<dyn Fn(js_sys::Array)>,
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.observer.disconnect();
    }
}

/// Width of an element in CSS pixels; changes when the layout does.
pub fn element_width(node: NodeRef<Div>) -> RwSignal<f64> {
    let width = RwSignal::new(0.0);
    let watch = StoredValue::new_local(None);
    effect(move || {
        let Some(element) = node.get() else { return };
        let told = Closure::<dyn Fn(js_sys::Array)>::new(move |entries: js_sys::Array| {
            if let Ok(entry) = entries.get(0).dyn_into::<web_sys::ResizeObserverEntry>() {
                width.try_set(entry.content_rect().width());
            }
        });
        if let Ok(observer) = web_sys::ResizeObserver::new(told.as_ref().unchecked_ref()) {
            observer.observe(&element);
            watch.set_value(Some(Watch { observer, _told: told }));
        }
    });
    width
}

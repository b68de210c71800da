//! Files dropped beside the places that take them: without a listener the browser would open them in the page's stead.

use leptos::prelude::*;
use leptos::task::spawn_local;
use wasm_bindgen::JsCast;
use wasm_bindgen::closure::Closure;
use web_sys::DragEvent;

use crate::app::share;
use crate::app::state::Lab;

/// Keeps the page for as long as it lives; a saved experiment and a file with numbers open in `lab`, where there is one.
pub fn guard(lab: Option<Lab>) {
    let handle = Closure::<dyn Fn(DragEvent)>::new(move |event: DragEvent| {
        // Text that is dragged from field to field is the browser's.
        let Some(files) = event.data_transfer().filter(|data| data.types().includes(&"Files".into(), 0)) else {
            return;
        };
        event.prevent_default();
        if let ("drop", Some(lab), Some(file)) =
            (event.type_().as_str(), lab, files.files().and_then(|files| files.get(0)))
        {
            spawn_local(async move {
                share::open_file(lab, file, true).await;
            });
        }
    });
    for event in ["dragover", "drop"] {
        // Adding a listener of a known kind can't fail.
        let _ = window().add_event_listener_with_callback(event, handle.as_ref().unchecked_ref());
    }
    handle.forget();
}

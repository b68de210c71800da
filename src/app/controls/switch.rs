//! On or off.

use leptos::prelude::*;

use crate::app::reactive::Signal;
use crate::app::view::{handler, view};

/// A switch with its label.
#[component]
pub fn Switch(
    /// Label.
    label: Signal<String>,
    /// Whether it is on.
    #[prop(into)]
    on: Signal<bool>,
    /// Called with the new state.
    on_change: Callback<bool>,
) -> impl IntoView {
    view! {
        <label class="switch">
            <input
                type="checkbox"
                role="switch"
                prop:checked=move || on.get()
                on:change=handler(move |event| on_change.run(event_target_checked(&event)))
            />
            <span>{label}</span>
        </label>
    }
}

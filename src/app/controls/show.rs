//! A part of a view that comes and goes.

use leptos::prelude::*;

use crate::app::reactive::Signal;
use crate::app::view::view;

/// Its children while `when` is true. Leptos' own is compiled once more for every condition and every child.
#[component]
pub fn Show(
    /// Whether they are there.
    #[prop(into)]
    when: Signal<bool>,
    /// What comes and goes.
    children: ChildrenFn,
) -> impl IntoView {
    let when = Signal::memo(move || when.get());
    view! { {move || if when.get() { children() } else { ().into_any() }} }
}

//! What a link did to the numbers that it carries.

use leptos::prelude::*;

use crate::app::controls::{Show, exponential};
use crate::app::reactive::Signal;
use crate::app::state::lab;
use crate::app::view::view;
use crate::catalogue::Lang;

/// Says by how much the input's numbers were rounded for a shorter link; nothing where they are exact.
#[component]
pub fn Exactness() -> impl IntoView {
    let lab = lab();
    let rounded = Signal::memo(move || lab.experiment.with(|e| e.input.rounded()));
    let said = move || {
        let bound = exponential(rounded.get(), 1);
        match lab.lang.get() {
            Lang::En => format!("Not exact: a link rounded these numbers, each by at most {bound}."),
            Lang::Zh => format!("并非精确值：链接已将这些数值舍入，每个至多改变 {bound}。"),
        }
    };
    view! { <Show when=Signal::derive(move || rounded.get() > 0.0)><p class="note exactness" role="note">{said}</p></Show> }
}

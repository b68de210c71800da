//! The middle of the page: stages as tabs over one map, the legend, and all heads as small multiples.

mod axes;
mod draw;
mod heads;
mod legend;
mod scale;
mod stages;
mod view;

pub use draw::{draw, paint_cells};
pub use scale::Scale;

use leptos::prelude::*;

use super::i18n::t;
use super::state::lab;
use crate::app::reactive::RwSignal;
use crate::app::view::view;

/// The attention column.
#[component]
pub fn AttentionColumn() -> impl IntoView {
    let lab = lab();
    let painting = RwSignal::new(false);
    view! {
        <h2 id="h-attention">
            {t("Attention", "注意力")}
            <small>{t("head", "头")} " " {move || lab.experiment.with(|e| (e.view.head + 1).to_string())}</small>
        </h2>
        <div class="card card--map">
            <stages::Stages painting=painting />
            <view::MapView painting=painting />
            <legend::Legend />
        </div>
        <div class="card card--heads">
            <heads::Heads />
        </div>
    }
}

//! The middle of the page: stages as tabs over one map, the legend, and all heads as small multiples.

mod axes;
mod draw;
mod heads;
mod legend;
mod scale;
mod stages;
mod view;

pub use heads::Heads;

pub use draw::{draw, paint_cells};
pub use scale::Scale;

use leptos::prelude::*;

use super::i18n::t;
use super::state::lab;
use crate::app::reactive::RwSignal;
use crate::app::view::view;

/// In the context of a frame whose author has locked the mask, so that nothing may be painted over it.
#[derive(Clone, Copy)]
pub struct MaskLocked;

/// The attention column.
#[component]
pub fn AttentionColumn() -> impl IntoView {
    let lab = lab();
    view! {
        <h2 id="h-attention">
            {t("Attention", "注意力")}
            <small>{t("head", "头")} " " {move || lab.experiment.with(|e| (e.view.head + 1).to_string())}</small>
        </h2>
        <MapCard />
        <div class="card card--heads">
            <Heads />
        </div>
    }
}

/// Stages, the large map, its legend.
#[component]
pub fn MapCard() -> impl IntoView {
    let painting = RwSignal::new(false);
    let paintable = use_context::<MaskLocked>().is_none();
    view! {
        <div class="card card--map">
            <stages::Stages painting=painting paintable=paintable />
            <view::MapView painting=painting paintable=paintable />
            <legend::Legend />
        </div>
    }
}

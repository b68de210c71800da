//! The patterns joined with the mask, in their order: how each is joined, for which heads, its sliders, and the way back.

mod row;

pub use row::{join_of, joins};

use leptos::prelude::*;

use super::opening::{OneFormula, Opening};
use crate::app::controls::IssueLine;
use crate::app::i18n::t;
use crate::app::reactive::Signal;
use crate::app::state::lab;
use crate::app::view::view;
use crate::catalogue::{List, Text};

/// The list; nothing while there are none.
#[component]
pub fn Layers() -> impl IntoView {
    let lab = lab();
    // A row is built anew when another pattern takes its place; everything else in it follows by itself.
    let ids = Signal::memo(move || {
        lab.experiment.with(|e| e.combine.iter().map(|layer| layer.id.clone()).collect::<Vec<_>>())
    });
    view! {
        <div class="joined" hidden=move || ids.with(Vec::is_empty)>
            <ol aria-label=t("Joined patterns", "组合的模式")>
                {move || {
                    let ids = ids.get();
                    let count = ids.len();
                    ids.into_iter().enumerate().map(|(at, id)| view! { <row::Row at=at count=count id=id /> }).collect_view()
                }}
            </ol>
            <IssueLine path="combine" except="combine[" />
            <OneFormula which=Opening::Chosen(List::Mask) says=Text::new("Edit as one formula", "合成一条公式编辑") />
        </div>
    }
}

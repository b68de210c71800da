//! The position scheme.

use leptos::prelude::*;

use super::About;
use super::opening::{Opening, opening};
use super::params::{Owner, ParamRows};
use super::tables::{Reader, Tables};
use crate::app::controls::{Card, Choices, IssueLine, Item, Look, Show, words, words_of};
use crate::app::i18n::t;
use crate::app::inputs::follow;
use crate::app::positions::Compare;
use crate::app::reactive::{RwSignal, Signal};
use crate::app::state::lab;
use crate::app::view::view;
use crate::app::whole::{More, shown};
use crate::catalogue::{self, List, PositionEntry, Slot};
use crate::experiment::{Choice, Input};

/// The scheme that does nothing.
const NONE: &str = "none";

/// The position card.
#[component]
pub fn PositionCard() -> impl IntoView {
    let lab = lab();
    let id = Signal::memo(move || lab.experiment.with(|e| e.position.id.clone()));
    let expanded = RwSignal::new(false);
    let shown = shown(expanded, catalogue::opening()[1], move || {
        id.with(|id| catalogue::positions().iter().position(|entry| entry.id == id))
    });
    let items = move || {
        let item = |p: &PositionEntry| Item::new(p.id, words_of(p.name)).hint(words_of(p.about));
        catalogue::positions().iter().take(shown.get()).map(item).collect::<Vec<_>>()
    };
    let choose = Callback::new(move |id: String| {
        lab.edit("position.id", |e| {
            e.position = Choice::of(&id);
            follow(e);
        })
    });
    let captured = Signal::memo(move || {
        lab.experiment.with(|e| matches!(e.input, Input::Capture { .. }) && e.position.id != NONE)
    });
    view! {
        <Card title=words("Position", "位置")>
            {move || view! { <Choices label=words("Position scheme", "位置方案") items=items() chosen=id on_choose=choose look=Look::Chips /> }}
            <More expanded=expanded en="More schemes" zh="更多方案" />
            <Compare />
            {move || catalogue::position(&id.get()).map(|entry| {
                let formula = match entry.slot {
                    Slot::Score { formula, .. } => Some(formula),
                    Slot::Content(content) => content.score,
                    _ => None,
                };
                view! {
                    {formula.map(|f| view! { <code class="formula-line">"score = "{f}</code> })}
                    <ParamRows owner=Owner::Position params=entry.params />
                    <Tables reader=Reader::Entry(Owner::Position) />
                    {(entry.id != NONE).then(|| opening(Opening::Chosen(List::Position)))}
                    <About about=entry.about paper=entry.paper ours=entry.ours />
                }
            })}
            <Show when=captured>
                <p class="note">{t(
                    "The captured model has positions in it already; this comes on top.",
                    "采集的模型本身已含位置信息，这里是额外叠加。",
                )}</p>
            </Show>
            <IssueLine path="position" except="position.params" />
        </Card>
    }
}

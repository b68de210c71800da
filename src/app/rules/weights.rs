//! From scores to weights: the normaliser.

use leptos::prelude::*;

use super::About;
use super::opening::{Opening, opening};
use super::params::{Owner, ParamRows};
use super::tables::{Reader, Tables};
use crate::app::controls::{Card, Choices, IssueLine, Item, Look, Show, words, words_of};
use crate::app::reactive::{RwSignal, Signal};
use crate::app::state::lab;
use crate::app::view::view;
use crate::app::whole::{More, shown};
use crate::catalogue::{self, List, NormaliserEntry};
use crate::experiment::Choice;

/// The card of the normaliser.
#[component]
pub fn WeightsCard() -> impl IntoView {
    let lab = lab();
    let id = Signal::memo(move || lab.experiment.with(|e| e.normaliser.id.clone()));
    let expanded = RwSignal::new(false);
    let shown = shown(expanded, catalogue::opening()[2], move || {
        id.with(|id| catalogue::normalisers().iter().position(|entry| entry.id == id))
    });
    let items = move || {
        let item = |n: &NormaliserEntry| Item::new(n.id, words_of(n.name)).hint(words_of(n.about));
        catalogue::normalisers().iter().take(shown.get()).map(item).collect::<Vec<_>>()
    };
    let choose = Callback::new(move |id: String| lab.edit("normaliser", |e| e.normaliser = Choice::of(&id)));
    view! {
        <Card title=words("Weights", "权重")>
            {move || view! { <Choices label=words("Normaliser", "归一化") items=items() chosen=id on_choose=choose look=Look::Chips /> }}
            <More expanded=expanded en="More normalisers" zh="更多归一化" />
            {move || catalogue::normaliser(&id.get()).map(|entry| view! {
                <code class="formula-line">"weight = "{entry.formula}</code>
                <ParamRows owner=Owner::Normaliser params=entry.params />
                <Tables reader=Reader::Entry(Owner::Normaliser) />
                <About about=entry.about paper=entry.paper ours=entry.ours />
            })}
            // The page opens with one, and whoever looks for others is told about it too.
            <Show when=Signal::derive(move || expanded.get() || lab.experiment.with(|e| e.normaliser != Choice::of("softmax")))>{opening(Opening::Chosen(List::Normaliser))}</Show>
            <IssueLine path="normaliser" except="normaliser.params" />
        </Card>
    }
}

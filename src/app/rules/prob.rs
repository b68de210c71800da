//! What is done to the weights before they meet the values. Part of a card that is folded until it is needed.

use leptos::prelude::*;

use super::About;
use super::editor::Editor;
use super::opening::{OneFormula, Opening};
use super::own::{DeclaredRows, Own};
use super::params::{Owner, ParamRows};
use super::tables::{Reader, Tables};
use crate::app::controls::{Choices, IssueLine, Item, Look, Show, words, words_of};
use crate::app::reactive::{RwSignal, Signal};
use crate::app::state::lab;
use crate::app::view::view;
use crate::app::whole::{More, shown};
use crate::catalogue::{self, List, ProbabilityEntry};
use crate::experiment::FormulaChoice;

/// What is there before the rest of the catalogue comes.
const FIRST: [&str; 2] = ["none", "custom"];

/// What is done to the weights, and the parameters or the formula of it.
#[component]
pub fn Prob() -> impl IntoView {
    let lab = lab();
    let id = Signal::memo(move || lab.experiment.with(|e| e.prob.id.clone()));
    let own = Signal::memo(move || id.with(|id| id == FIRST[1]));
    let expanded = RwSignal::new(false);
    let ids = || FIRST.into_iter().chain(catalogue::probabilities().iter().map(|entry| entry.id));
    let shown = shown(expanded, FIRST.len(), move || id.with(|id| ids().position(|other| other == id)));
    let items = move || {
        let nothing = Item::new(FIRST[0], words("As they are", "原样"))
            .hint(words("Weights meet the values as they are.", "权重直接与值相乘。"));
        let formula = Item::new(FIRST[1], words("Own formula", "自定义公式"))
            .hint(words("A formula over the weight p.", "以权重 p 为变量的公式。"));
        let item = |entry: &ProbabilityEntry| Item::new(entry.id, words_of(entry.name)).hint(words_of(entry.about));
        let entries = catalogue::probabilities().iter().map(item);
        [nothing, formula].into_iter().chain(entries).take(shown.get()).collect::<Vec<_>>()
    };
    let choose = Callback::new(move |id: String| {
        lab.edit("prob.id", |e| {
            let custom = (id == FIRST[1]).then(|| e.prob.own_probability());
            e.prob = FormulaChoice { custom, ..FormulaChoice::of(&id) };
        });
    });
    let text = Signal::derive(move || {
        lab.experiment.with(|e| Own::Prob.get(e).map(|own| own.text.clone()).unwrap_or_default())
    });
    let fault = Own::Prob.fault(lab);
    view! {
        {move || view! { <Choices label=words("What is done to the weights", "对权重的变换") items=items() chosen=id on_choose=choose look=Look::Chips show_label=true /> }}
        <More expanded=expanded en="More changes" zh="更多变换" />
        <Show when=own>
            <Editor
                label=words("Weight formula", "权重公式")
                head="prob(p, q, k) ="
                text=text
                params=Signal::derive(move || lab.experiment.with(|e| Own::Prob.names(e)))
                fault=fault
                on_text=Callback::new(move |text| Own::Prob.write(lab, text))
                on_declare=Callback::new(move |name| Own::Prob.declare(lab, name))
            />
            <DeclaredRows own=Own::Prob />
            <Tables reader=Reader::Own(Own::Prob) />
            <div hidden=move || fault.with(Option::is_some)><IssueLine path="prob.custom" except="prob.custom.params" /></div>
        </Show>
        {move || {
            lab.whole.track();
            catalogue::probability(&id.get()).map(|entry| view! {
                <code class="formula-line">{entry.formula}</code>
                <ParamRows owner=Owner::Prob params=entry.params />
                <OneFormula which=Opening::Chosen(List::Probability) />
                <About about=entry.about paper=entry.paper ours=entry.ours />
            })
        }}
        <IssueLine path="prob" except="prob." />
        <IssueLine path="prob.id" />
    }
}

//! What most runs leave as it is: the product, a selection of keys by content, a second branch, what is done to the weights, and mixes of layers. Folded
//! until it is needed.
#![allow(improper_ctypes_definitions, reason = "both sides of a cut are this one compilation")]

use leptos::prelude::*;
use wasm_split_helpers::{SplitLoaderError, wasm_split};

use super::About;
use super::layers::Layers;
use super::opening::{OneFormula, Opening};
use super::params::{Owner, ParamRows};
use super::plastic::Gains;
use super::prob::Prob;
use super::tables::{Reader, Tables};
use crate::app::controls::{Choices, Fold, IssueLine, Item, Look, words, words_of};
use crate::app::i18n::{t, tr};
use crate::app::inputs::follow;
use crate::app::piece::piece;
use crate::app::reactive::{RwSignal, Signal};
use crate::app::state::lab;
use crate::app::view::{handler, view};
use crate::app::whole::{More, shown};
use crate::attention::combine::BRANCH;
use crate::catalogue::{self, ATTENTION, ContentEntry, Family, List, Measure, Text};
use crate::experiment::Choice;

/// The card of product, selection, second branch, weights and layers.
#[component]
pub fn ContentCard() -> impl IntoView {
    let lab = lab();
    let changed = Signal::derive(move || {
        lab.experiment.with(|e| {
            let weights = (&e.prob.id, "none");
            let chosen = [
                (&e.product.id, "dot"),
                (&e.selection.id, "none"),
                (&e.hybrid.id, "none"),
                weights,
                (&e.layers.id, "same"),
            ];
            let ids = chosen.iter().filter(|(id, usual)| id != usual).map(|(id, _)| id.as_str());
            ids.collect::<Vec<_>>().join(", ")
        })
    });
    view! {
        <Fold title=words("Product, selection, hybrid, dropout, layers", "乘积、选择、混合、失活与层") aside=changed body=|| piece(|| Box::pin(choices()), |choices| choices()) />
    }
}

#[wasm_split(later, fallible)]
fn choices() -> Result<fn() -> AnyView, SplitLoaderError> {
    Ok(|| {
        view! {
            {ROOMS.iter().map(|room| view! { <Entries room=room /> }).collect_view()}
            <FirstBranch />
            <Branch />
            <Prob />
            <Layers />
        }
    })
}

/// A list with the entries that are chosen from.
struct Room {
    list: List,
    owner: Owner,
    /// The field of the experiment, and its parameters.
    paths: [&'static str; 2],
    label: Text,
    entries: fn() -> &'static [ContentEntry],
    /// The button to all of them.
    more: Text,
}

const ROOMS: [Room; 3] = [
    Room {
        list: List::Product,
        owner: Owner::Product,
        paths: ["product", "product.params"],
        label: Text::new("Product of query and key", "查询与键的乘积"),
        entries: catalogue::products,
        more: Text::new("More products", "更多乘积"),
    },
    Room {
        list: List::Selection,
        owner: Owner::Selection,
        paths: ["selection", "selection.params"],
        label: Text::new("Keys selected by content", "按内容选择键"),
        entries: catalogue::selections,
        more: Text::new("More selections", "更多选择方式"),
    },
    Room {
        list: List::Hybrid,
        owner: Owner::Hybrid,
        paths: ["hybrid", "hybrid.params"],
        label: Text::new("A second branch", "第二个分支"),
        entries: catalogue::hybrids,
        more: Text::new("Mix in a second branch", "混入第二个分支"),
    },
];

/// The entries of one room, and the parameters of the chosen one.
#[component]
fn Entries(room: &'static Room) -> impl IntoView {
    let lab = lab();
    let Room { list, owner, paths: [path, params], label, entries, more } = room;
    let id = Signal::memo(move || lab.experiment.with(|e| e.chosen(*list).to_owned()));
    let expanded = RwSignal::new(false);
    let shown = shown(expanded, 1, move || id.with(|id| entries().iter().position(|entry| entry.id == id)));
    let items = move || {
        let item = |entry: &ContentEntry| Item::new(entry.id, words_of(entry.name)).hint(words_of(entry.about));
        entries().iter().take(shown.get()).map(item).collect::<Vec<_>>()
    };
    let choose = Callback::new(move |id: String| lab.edit(path, |e| e.choose(*list, &id)));
    view! {
        {move || view! { <Choices label=words_of(*label) items=items() chosen=id on_choose=choose look=Look::Chips show_label=true /> }}
        <More expanded=expanded en=more.en zh=more.zh />
        {move || {
            lab.whole.track();
            id.with(|id| entries().iter().find(|entry| entry.id == id)).map(|entry| view! {
                <code class="formula-line">{entry.formula}</code>
                <ParamRows owner=*owner params=entry.params />
                <OneFormula which=Opening::Chosen(*list) />
                {entry.content.tables.iter().any(|table| table.kind == Measure::Hebbian).then(|| {
                    entry.params.first().map(|rate| view! { <Gains rate=rate /> })
                })}
                <About about=entry.about paper=entry.paper ours=entry.ours />
            })
        }}
        <IssueLine path=*path except=*params />
    }
}

/// An entry among those of a branch.
fn option(id: Signal<String>, value: &'static str, name: Text) -> impl IntoView {
    view! { <option value=value selected=move || id.with(|id| id == value)>{tr(name)}</option> }
}

/// Every estimator, by families.
fn estimators(id: Signal<String>) -> impl IntoView {
    let of = move |family: Family| {
        let of_family = catalogue::estimators().iter().filter(move |entry| entry.family == family);
        of_family.map(move |entry| option(id, entry.id, entry.name)).collect_view()
    };
    Family::ALL.map(|family| view! { <optgroup label=tr(family.name())>{of(family)}</optgroup> })
}

/// What the first branch is, where there is a second: attention as it is set, or an estimator.
#[component]
fn FirstBranch() -> impl IntoView {
    let lab = lab();
    let off = Signal::memo(move || lab.experiment.with(|e| e.hybrid.id == "none"));
    let id = Signal::memo(move || lab.experiment.with(|e| e.branch_a.id.clone()));
    let choose = move |event: web_sys::Event| {
        let id = event_target_value(&event);
        lab.edit("branch_a", |e| {
            e.branch_a = Choice::of(&id);
            follow(e);
        });
    };
    let chosen = move || {
        id.with(|id| catalogue::estimator(id)).map(|entry| view! {
            <p class="note">{move || {
                let alone = lab.experiment.with(|e| catalogue::mask(&e.branch.id).is_none());
                if alone {
                    t("Neither branch has weights: those on the map are of attention as it is set, which has no part in the output.", "两个分支都没有权重：图中是当前注意力的权重，它不参与输出。")
                } else {
                    t("The map shows the weights of branch B alone: this one has none.", "图中只有分支 B 的权重：这个分支没有权重。")
                }
            }}</p>
            <code class="formula-line">{entry.formula}</code>
            <ParamRows owner=Owner::First params=entry.params />
            <About about=entry.about paper=entry.paper ours=entry.ours />
        })
    };
    let body = move || {
        lab.whole.track();
        (!off.get()).then(|| {
            view! {
                <div class="engine" style:grid-template-columns="1fr"><label>
                    {t("branch A", "分支 A")}
                    <select id="branch-a" prop:value=move || id.get() on:change=handler(choose)>
                        {option(id, ATTENTION, Text::new("Attention as it is set here", "此处所设的注意力"))}
                        {estimators(id)}
                    </select>
                </label></div>
                <IssueLine path="branch_a" except="branch_a.params" />
                {chosen}
            }
        })
    };
    view! { <div>{body}</div> }
}

/// What the second branch is, where there is one: a mask, or an estimator.
#[component]
fn Branch() -> impl IntoView {
    let lab = lab();
    let off = Signal::memo(move || lab.experiment.with(|e| e.hybrid.id == "none"));
    let id = Signal::memo(move || lab.experiment.with(|e| e.branch.id.clone()));
    let choose = move |event: web_sys::Event| {
        let id = event_target_value(&event);
        lab.edit("branch", |e| {
            e.branch = Choice::of(&id);
            follow(e);
        });
    };
    let chosen = move || {
        let entry = id.with(|id| catalogue::mask(id));
        let beside = id.with(|id| catalogue::estimator(id));
        let mask = entry.map(|entry| {
            view! {
                <code class="formula-line">{entry.formula}</code>
                <ParamRows owner=Owner::Branch params=entry.params />
                <Tables reader=Reader::Entry(Owner::Branch) />
                <p class="note">{tr(BRANCH)}</p>
                <About about=entry.about paper=entry.paper ours=entry.ours />
            }
        });
        let estimator = beside.map(|entry| view! {
            {move || lab.experiment.with(|e| e.branch_a.id == ATTENTION).then(|| view! {
                <p class="note">
                    {t("The map shows the weights of branch A alone: this one has none.", "图中只有分支 A 的权重：这个分支没有权重。")}
                </p>
            })}
            <code class="formula-line">{entry.formula}</code>
            <ParamRows owner=Owner::Branch params=entry.params />
            <About about=entry.about paper=entry.paper ours=entry.ours />
        });
        (mask, estimator)
    };
    let body = move || {
        lab.whole.track();
        (!off.get()).then(|| {
            view! {
                <div class="engine" style:grid-template-columns="1fr"><label>
                    {t("branch B", "分支 B")}
                    <select id="branch" prop:value=move || id.get() on:change=handler(choose)>
                        <optgroup label=t("Masks", "掩码")>
                            {catalogue::masks().iter().map(|entry| option(id, entry.id, entry.name)).collect_view()}
                        </optgroup>
                        {estimators(id)}
                    </select>
                </label></div>
                <IssueLine path="branch" except="branch.params" />
                {chosen}
            }
        })
    };
    view! { <div>{body}</div> }
}

//! What most runs leave as it is: the product, a selection of keys by content, what is done to the weights, and mixes of layers. Folded until it is
//! needed.
#![allow(improper_ctypes_definitions, reason = "both sides of a cut are this one compilation")]

use std::sync::Arc;

use leptos::prelude::*;
use wasm_split_helpers::{SplitLoaderError, wasm_split};

use super::About;
use super::layers::Layers;
use super::params::{Owner, ParamRows};
use super::prob::Prob;
use crate::app::controls::{Choices, Fold, IssueLine, Item, Look, words, words_of};
use crate::app::piece::piece;
use crate::app::reactive::{RwSignal, Signal};
use crate::app::state::lab;
use crate::app::view::view;
use crate::app::whole::{More, shown};
use crate::catalogue::{self, ContentEntry};
use crate::experiment::{Choice, Experiment};

/// The card of product, selection, weights and layers.
#[component]
pub fn ContentCard() -> impl IntoView {
    let lab = lab();
    let changed = Signal::derive(move || {
        lab.experiment.with(|e| {
            let weights = (&e.prob.id, "none");
            let chosen = [(&e.product.id, "dot"), (&e.selection.id, "none"), weights, (&e.layers.id, "same")];
            let ids = chosen.iter().filter(|(id, usual)| id != usual).map(|(id, _)| id.as_str());
            ids.collect::<Vec<_>>().join(", ")
        })
    });
    view! {
        <Fold title=words("Product, selection, dropout, layers", "乘积、选择、失活与层") aside=changed body=|| piece(|| Box::pin(choices()), |choices| choices()) />
    }
}

#[wasm_split(later, fallible)]
fn choices() -> Result<fn() -> AnyView, SplitLoaderError> {
    Ok(|| {
        view! {
            <Room owner=Owner::Product label=words("Product of query and key", "查询与键的乘积") />
            <Room owner=Owner::Selection label=words("Keys selected by content", "按内容选择键") />
            <Prob />
            <Layers />
        }
    })
}

/// The entries of one room, and the parameters of the chosen one.
#[component]
fn Room(owner: Owner, label: Signal<String>) -> impl IntoView {
    let lab = lab();
    let product = owner == Owner::Product;
    let entries: fn() -> &'static [ContentEntry] = if product { catalogue::products } else { catalogue::selections };
    let path = if product { "product" } else { "selection" };
    let choice = move |e: &Arc<Experiment>| if product { e.product.id.clone() } else { e.selection.id.clone() };
    let id = Signal::memo(move || lab.experiment.with(choice));
    let expanded = RwSignal::new(false);
    let shown = shown(expanded, 1, move || id.with(|id| entries().iter().position(|entry| entry.id == id)));
    let items = move || {
        let item = |entry: &ContentEntry| Item::new(entry.id, words_of(entry.name)).hint(words_of(entry.about));
        entries().iter().take(shown.get()).map(item).collect::<Vec<_>>()
    };
    let choose = Callback::new(move |id: String| {
        lab.edit(path, |e| {
            let choice = Choice::of(&id);
            if product {
                e.product = choice;
            } else {
                e.selection = choice;
            }
        });
    });
    let more = if product { ("More products", "更多乘积") } else { ("More selections", "更多选择方式") };
    let except = if product { "product.params" } else { "selection.params" };
    view! {
        {move || view! { <Choices label=label items=items() chosen=id on_choose=choose look=Look::Chips show_label=true /> }}
        <More expanded=expanded en=more.0 zh=more.1 />
        {move || {
            lab.whole.track();
            id.with(|id| entries().iter().find(|entry| entry.id == id)).map(|entry| view! {
                <code class="formula-line">{entry.formula}</code>
                <ParamRows owner=owner params=entry.params />
                <About about=entry.about paper=entry.paper ours=entry.ours />
            })
        }}
        <IssueLine path=path except=except />
    }
}

//! What becomes of the heads, and how far the output is from that of plain heads. Folded until it is needed.
#![allow(improper_ctypes_definitions, reason = "both sides of a cut are this one compilation")]

use std::sync::Arc;

use leptos::prelude::*;
use wasm_split_helpers::{SplitLoaderError, wasm_split};

use super::About;
use super::opening::{OneFormula, Opening};
use super::params::{Owner, ParamRows};
use super::tables::{Reader, Tables};
use crate::app::controls::{Choices, Fold, IssueLine, Item, Look, words, words_of};
use crate::app::exact::{Difference, against};
use crate::app::i18n::t;
use crate::app::piece::piece;
use crate::app::reactive::{RwSignal, Signal};
use crate::app::state::lab;
use crate::app::view::view;
use crate::app::whole::{More, shown};
use crate::attention::lowering;
use crate::catalogue::{self, LayoutEntry, List};
use crate::experiment::{Choice, Experiment};

/// The layout that changes nothing.
const PLAIN: &str = "plain";

/// The card of the heads.
#[component]
pub fn HeadsCard() -> impl IntoView {
    let lab = lab();
    let changed = Signal::derive(move || {
        lab.experiment.with(|e| if e.layout.id == PLAIN { String::new() } else { e.layout.id.clone() })
    });
    view! {
        <Fold title=words("Heads", "头") aside=changed body=|| piece(|| Box::pin(choices()), |choices| choices()) />
    }
}

#[wasm_split(later, fallible)]
fn choices() -> Result<fn() -> AnyView, SplitLoaderError> {
    Ok(|| view! { <Layouts /> })
}

/// The layouts, and the parameters of the chosen one.
#[component]
fn Layouts() -> impl IntoView {
    let lab = lab();
    let id = Signal::memo(move || lab.experiment.with(|e| e.layout.id.clone()));
    let expanded = RwSignal::new(false);
    let place = move || id.with(|id| catalogue::layouts().iter().position(|entry| entry.id == id));
    let shown = shown(expanded, 1, place);
    let items = move || {
        let item = |entry: &LayoutEntry| Item::new(entry.id, words_of(entry.name)).hint(words_of(entry.about));
        catalogue::layouts().iter().take(shown.get()).map(item).collect::<Vec<_>>()
    };
    let choose = Callback::new(move |id: String| lab.edit("layout", |e| e.layout = Choice::of(&id)));
    view! {
        {move || view! { <Choices label=words("Layout of heads", "头布局") items=items() chosen=id on_choose=choose look=Look::Chips /> }}
        <More expanded=expanded en="More layouts" zh="更多布局" />
        {move || {
            lab.whole.track();
            catalogue::layout(&id.get()).map(|entry| view! {
                <code class="formula-line">{entry.formula}</code>
                <ParamRows owner=Owner::Layout params=entry.params />
                <Tables reader=Reader::Entry(Owner::Layout) />
                <OneFormula which=Opening::Chosen(List::Layout) />
                {(entry.id == "low-precision").then(|| view! { <Rounding /> })}
                {(entry.id == "paged").then(|| view! { <Pages /> })}
                {(entry.id != PLAIN && !entry.inexact).then(|| view! { <Apart /> })}
                <About about=entry.about paper=entry.paper ours=entry.ours />
            })
        }}
        <IssueLine path="layout" except="layout.params" />
        <IssueLine path="finish" />
    }
}

/// What rounding does to K and V.
#[component]
fn Rounding() -> impl IntoView {
    let lab = lab();
    let errors = Signal::memo(move || {
        let dims = lab.loaded.with(|l| l.as_ref().map(|l| l.dims))?;
        let inputs = lab.inputs.get()?;
        let format = lab.experiment.with(|e| {
            let default = catalogue::layout(&e.layout.id).and_then(|entry| entry.params.first()).map(|p| p.default);
            e.layout.params.get("format").copied().or(default).unwrap_or(0.0)
        });
        let of = |tensor: &Arc<Vec<f32>>, size: usize| {
            let mut rounded = tensor.to_vec();
            lowering::round(format as usize, &mut rounded, size, dims.n_k);
            Difference::of(tensor, &rounded)
        };
        Some([of(&inputs.k, dims.d)?, of(&inputs.v, dims.d_v)?])
    });
    view! {
        {move || errors.get().map(|[k, v]| view! {
            <p class="note">{k.told(lab.lang.get(), "K")}</p>
            <p class="note">{v.told(lab.lang.get(), "V")}</p>
        })}
    }
}

/// Which page of the pool holds which tokens, and what of the pool stays empty.
#[component]
fn Pages() -> impl IntoView {
    let lab = lab();
    let told = move || {
        let tokens = lab.loaded.with(|l| l.as_ref().map(|l| l.dims.n_k))?;
        let (page, seed) = lab.experiment.with(|e| {
            let default = catalogue::layout(&e.layout.id).and_then(|entry| entry.params.first()).map(|p| p.default);
            (e.layout.params.get("page").copied().or(default).unwrap_or(1.0) as usize, e.seed)
        });
        let table = lowering::page_table(seed, tokens, page);
        let (pages, spare) = (table.len(), table.len() * page - tokens);
        let first: Vec<String> = table.iter().take(16).map(usize::to_string).collect();
        let first = first.join(" ");
        let more = if pages > 16 { " …" } else { "" };
        Some(match lab.lang.get() {
            catalogue::Lang::En => {
                format!("{pages} pages, {spare} places of the last one empty; page table: {first}{more}")
            }
            catalogue::Lang::Zh => format!("共 {pages} 页，最后一页空 {spare} 个位置；页表：{first}{more}"),
        })
    };
    view! { <p class="note">{told}</p> }
}

/// How far the output is from that of plain heads: the same experiment without the layout, run once more for every result.
#[component]
fn Apart() -> impl IntoView {
    let lab = lab();
    let plain = |e: &Experiment| Some(Experiment { layout: Choice::of(PLAIN), ..e.clone() });
    let found = against(lab, plain).found;
    view! {
        <p class="note" role="status">
            {move || found.get().map(|found| {
                let told = found.all.told(lab.lang.get(), "Y");
                format!("{}{told}", t("Against plain heads. ", "与普通头相比。")())
            })}
        </p>
    }
}

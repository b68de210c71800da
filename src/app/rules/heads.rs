//! What becomes of the heads, and how far the output is from that of plain heads. Folded until it is needed.
#![allow(improper_ctypes_definitions, reason = "both sides of a cut are this one compilation")]

use std::sync::Arc;

use leptos::prelude::*;
use wasm_bindgen_futures::spawn_local;
use wasm_split_helpers::{SplitLoaderError, wasm_split};

use super::About;
use super::params::{Owner, ParamRows};
use super::tables::{Reader, Tables};
use crate::app::controls::{Choices, Fold, IssueLine, Item, Look, number, words, words_of};
use crate::app::i18n::t;
use crate::app::piece::piece;
use crate::app::reactive::{RwSignal, Signal, effect};
use crate::app::runner;
use crate::app::state::{Lab, lab};
use crate::app::view::view;
use crate::app::whole::{More, shown};
use crate::attention::{assemble, lowering};
use crate::catalogue::{self, LayoutEntry};
use crate::engine::pool::{Cancel, Lane, Run};
use crate::engine::{Outcome, Want};
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
                {(entry.id == "low-precision").then(|| view! { <Rounding /> })}
                {(entry.id == "paged").then(|| view! { <Pages /> })}
                {(entry.id != PLAIN).then(|| view! { <Apart /> })}
                <About about=entry.about paper=entry.paper ours=entry.ours />
            })
        }}
        <IssueLine path="layout" except="layout.params" />
        <IssueLine path="finish" />
    }
}

/// Largest and mean absolute difference, and the largest magnitude of the exact numbers.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Difference {
    largest: f32,
    mean: f32,
    scale: f32,
}

impl Difference {
    /// Of `found` from `exact`; `None` where they are not as many.
    fn of(exact: &[f32], found: &[f32]) -> Option<Self> {
        if exact.len() != found.len() || exact.is_empty() {
            return None;
        }
        let (mut largest, mut sum, mut scale) = (0.0_f32, 0.0_f64, 0.0_f32);
        for (a, b) in exact.iter().zip(found) {
            let apart = (a - b).abs();
            largest = largest.max(apart);
            sum += f64::from(apart);
            scale = scale.max(a.abs());
        }
        Some(Self { largest, mean: (sum / exact.len() as f64) as f32, scale })
    }

    /// In words, of the tensor `name`.
    fn told(&self, lab: Lab, name: &str) -> String {
        let [largest, mean, scale] = [self.largest, self.mean, self.scale].map(|x| number(f64::from(x)));
        match lab.lang.get() {
            catalogue::Lang::En => {
                format!("{name}: largest error {largest}, mean {mean}; the largest number is {scale}")
            }
            catalogue::Lang::Zh => format!("{name}：最大误差 {largest}，平均 {mean}；最大数值为 {scale}"),
        }
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
            <p class="note">{k.told(lab, "K")}</p>
            <p class="note">{v.told(lab, "V")}</p>
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
    let (pool, cancel) = (runner::pool(), StoredValue::new_local(Cancel::default()));
    let found = RwSignal::new(None::<Difference>);
    on_cleanup(move || cancel.with_value(Cancel::cancel));
    effect(move || {
        let Some(outcome) = lab.outcome.get() else { return };
        cancel.with_value(Cancel::cancel);
        let stop = Cancel::default();
        cancel.set_value(stop.clone());
        let experiment = lab.experiment.get_untracked();
        let Some(run) = plain(lab, &experiment, stop) else { return };
        let pool = pool.get_value();
        spawn_local(async move {
            // A run that fails or was stopped tells nothing; the page's own run says what is wrong.
            if let Ok(finished) = pool.run(run).await {
                found.try_set(differ(&finished.outcome, &outcome));
            }
        });
    });
    view! {
        <p class="note" role="status">
            {move || found.get().map(|found| {
                let told = found.told(lab, "Y");
                format!("{}{told}", t("Against plain heads. ", "与普通头相比。")())
            })}
        </p>
    }
}

/// The run of an experiment with plain heads, if it can be run.
fn plain(lab: Lab, experiment: &Experiment, cancel: Cancel) -> Option<Run> {
    let plain = Experiment { layout: Choice::of(PLAIN), ..experiment.clone() };
    let loaded = lab.loaded.get_untracked()?;
    let (problem, inputs) = assemble(&plain, &loaded).ok()?;
    Some(Run {
        problem: Arc::new(problem),
        inputs,
        backend: experiment.engine.backend,
        algorithm: experiment.engine.algorithm,
        want: Want { stats: false, matrix: None },
        maps: Vec::new(),
        repeat: 1,
        lane: Lane::Api,
        progress: None,
        cancel,
    })
}

fn differ(exact: &Outcome, found: &Outcome) -> Option<Difference> {
    Difference::of(&exact.y, &found.y)
}

#[cfg(test)]
mod tests {
    use super::Difference;

    #[test]
    fn differences_are_counted() {
        let found = Difference::of(&[1.0, -4.0, 2.0, 0.0], &[1.5, -4.0, 1.0, 0.0]);
        assert_eq!(found, Some(Difference { largest: 1.0, mean: 0.375, scale: 4.0 }));
        assert_eq!(Difference::of(&[1.0], &[]), None);
    }
}

//! Rollout through the captured layers of the input, under the rules as they are set.

use std::rc::Rc;
use std::sync::Arc;

use leptos::prelude::*;
use leptos::task::spawn_local;

use super::ask::Desk;
use crate::analysis::measures::{MOST_TOKENS, Rollout};
use crate::analysis::plot::{Axis, Chart};
use crate::app::chart::Plot;
use crate::app::compare::Picture;
use crate::app::controls::{Slider, Span, words};
use crate::app::estimators::picture;
use crate::app::i18n::{self, t};
use crate::app::map::Scale;
use crate::app::reactive::{RwSignal, Signal, effect};
use crate::app::runner;
use crate::app::view::{handler, view};
use crate::attention::assemble;
use crate::catalogue::Lang;
use crate::engine::pool::{Cancel, Lane, Pool, Run, RunError};
use crate::engine::{MapRequest, Want};
use crate::experiment::{Experiment, Input, Message, Stage, check};

/// What flows where after each layer, `[n, n]`.
#[derive(Clone, PartialEq)]
struct Flows {
    tokens: usize,
    after: Arc<Vec<Vec<f32>>>,
}

#[derive(Clone)]
enum State {
    Idle,
    Running,
    Done(Flows),
    Failed(Message),
}

/// A button, and what it gives; nothing where the input is no captured text.
#[component]
pub fn Layers(desk: Desk) -> impl IntoView {
    let lab = desk.lab;
    let state = RwSignal::new(State::Idle);
    let running = StoredValue::new_local(Cancel::default());
    let pool = StoredValue::new_local(runner::pool().get_value());
    let loader = StoredValue::new_local(Rc::new(runner::Inputs::new(pool.get_value())));
    on_cleanup(move || running.with_value(Cancel::cancel));
    let captured = Signal::memo(move || lab.experiment.with(|e| matches!(e.input, Input::Capture { .. })));
    // What was rolled out belongs to the rules as they were.
    let rules = Signal::memo(move || {
        let mut e = lab.experiment.get().as_ref().clone();
        e.view = Default::default();
        e
    });
    effect(move || {
        rules.track();
        running.with_value(Cancel::cancel);
        state.set(State::Idle);
    });
    let start = move |_: web_sys::MouseEvent| {
        running.with_value(Cancel::cancel);
        let cancel = Cancel::default();
        running.set_value(cancel.clone());
        state.set(State::Running);
        let (pool, loader, experiment) = (pool.get_value(), loader.get_value(), lab.experiment.get_untracked());
        spawn_local(async move {
            let done = match roll(&pool, &loader, &experiment, &cancel).await {
                Ok(flows) => State::Done(flows),
                // The rules have changed, or the card is closed.
                Err(RunError::Cancelled) => return,
                Err(error) => State::Failed(error.message()),
            };
            state.try_set(done);
        });
    };
    let press = move || {
        view! { <button type="button" class="quiet-button" on:click=handler(start)>{t("Roll out the layers", "逐层展开")}</button> }
    };
    view! {
        {move || captured.get().then(|| view! {
            <h4>{t("Attention rollout", "注意力展开（rollout）")}</h4>
            <p class="note">{t(
                "Where a token's information comes from, through all captured layers of this text: each layer is the mean of its heads, half of it the residual stream, and the layers are multiplied (Abnar and Zuidema 2020). The rules are those that are set here, in every layer; what values and other parts of the model do is not in it.",
                "穿过该文本全部采集层后，一个词元的信息来自何处：每层取各头平均，并与残差流各占一半，再逐层相乘（Abnar 与 Zuidema 2020）。各层均用此处设置的规则；不含值向量与模型其他部分的作用。",
            )}</p>
            {move || match state.get() {
                State::Idle => press(),
                State::Running => view! { <p class="note" aria-busy="true">{t("Computing…", "计算中…")}</p> },
                State::Failed(why) => view! {
                    <p class="issue" role="alert">{move || why.get(lab.lang.get()).to_owned()}</p>
                    {press()}
                },
                State::Done(flows) => view! { <Shown desk=desk flows=flows /> },
            }}
        })}
    }
}

/// Every captured layer under the rules of the experiment, one after the other.
async fn roll(
    pool: &Pool,
    loader: &runner::Inputs,
    experiment: &Experiment,
    cancel: &Cancel,
) -> Result<Flows, RunError> {
    let Input::Capture { id, layer: own } = &experiment.input else { return Err(RunError::Cancelled) };
    let (mut rollout, mut after, mut tokens) = (None::<Rollout>, Vec::new(), 0);
    for layer in 1.. {
        let input = Input::Capture { id: id.clone(), layer };
        let loaded = match loader.get(&input).await {
            Ok(loaded) => loaded,
            // The index of captures knows how many layers there are.
            Err(RunError::Invalid(_)) if layer > 1 => break,
            Err(error) => return Err(error),
        };
        // Cells that were changed by hand belong to the layer that is shown.
        let edits = if layer == *own { experiment.edits.clone() } else { Vec::new() };
        let of_layer = Experiment { input, edits, ..experiment.clone() };
        check(&of_layer)?;
        let (problem, inputs) = assemble(&of_layer, &loaded)?;
        let dims = problem.dims;
        let failed = |fault: crate::analysis::measures::Fault| RunError::Failed(fault.message());
        if rollout.is_none() {
            rollout = Some(Rollout::new(dims.n_q).map_err(failed)?);
            tokens = dims.n_q;
        }
        let maps = (0..dims.q_heads).map(|head| MapRequest::whole_head(&dims, head, MOST_TOKENS)).collect();
        let run = Run {
            problem: Arc::new(problem),
            inputs,
            backend: of_layer.engine.backend,
            algorithm: of_layer.engine.algorithm,
            tiers: of_layer.engine.tiers,
            want: Want::default(),
            maps,
            repeat: 1,
            lane: Lane::Api,
            progress: None,
            cancel: cancel.clone(),
        };
        let maps = pool.run(run).await?.outcome.maps;
        let heads: Vec<&[f32]> = maps.iter().map(|map| map.values.as_slice()).collect();
        if let Some(rollout) = &mut rollout {
            rollout.layer(&heads, dims.n_q, dims.n_k).map_err(failed)?;
            after.push(rollout.flow().iter().map(|x| *x as f32).collect());
        }
    }
    Ok(Flows { tokens, after: Arc::new(after) })
}

/// The picture after so many layers, and the chosen query's row.
#[component]
fn Shown(desk: Desk, flows: Flows) -> impl IntoView {
    let lab = desk.lab;
    let count = flows.after.len();
    let (depth, flows) = (RwSignal::new(count), StoredValue::new(flows));
    let shown = Signal::memo(move || {
        flows.with_value(|flows| flows.after.get(depth.get().saturating_sub(1)).cloned().unwrap_or_default())
    });
    let chart = Signal::memo(move || {
        let lang = lab.lang.get();
        let (query, tokens) = (lab.experiment.with(|e| e.view.query), flows.with_value(|flows| flows.tokens));
        let row = shown.with(|shown| shown.get(query * tokens..(query + 1) * tokens).map(<[f32]>::to_vec));
        let row: Vec<f64> = row.unwrap_or_default().into_iter().map(f64::from).collect();
        let number = query + 1;
        let title = match lang {
            Lang::En => format!("Where query {number} gets its information from"),
            Lang::Zh => format!("第 {number} 个查询的信息来自何处"),
        };
        let names = lab.tokens(true);
        let axis = i18n::now(lang, "token of the input", "输入词元");
        let x = if names.len() == row.len() { Axis::named(axis, names) } else { Axis::linear(axis, "") };
        Chart::of_row(title, x, Axis::linear(i18n::now(lang, "share", "份额"), ""), &row)
    });
    view! {
        {(count > 1).then(|| view! {
            <Slider
                label=words("after so many layers", "经过的层数")
                value=Signal::memo(move || depth.get() as f64)
                span=Span::whole(1, count)
                on_change=Callback::new(move |x: f64| depth.set(x as usize))
            />
        })}
        <div class="compare__maps">
            {move || {
                let (values, lang) = (shown.get(), lab.lang.get());
                let mut map = picture(&values, flows.with_value(|flows| flows.tokens));
                map.request.stage = Stage::Weights;
                let (scale, layers) = (Scale::of(&map), depth.get());
                let label = match lang {
                    Lang::En => format!("after {layers} layers: queries down, tokens of the input across"),
                    Lang::Zh => format!("经过 {layers} 层：纵向为查询，横向为输入词元"),
                };
                view! { <Picture map=map scale=scale label=label /> }
            }}
        </div>
        <Plot chart=chart file="rollout" height=180.0 />
    }
}

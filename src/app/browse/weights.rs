//! What an entry does that leaves the pairs alone: the weights of the head that is shown, with the entry in its place and everything else as it is set.

use std::sync::Arc;

use leptos::html::Canvas;
use leptos::prelude::*;
use leptos::task::spawn_local;

use super::pattern::put;
use crate::app::element::NodeRef;
use crate::app::i18n::t;
use crate::app::map::{Scale, draw};
use crate::app::palette::Palette;
use crate::app::reactive::{RwSignal, effect};
use crate::app::runner;
use crate::app::state::{Lab, lab};
use crate::app::view::view;
use crate::attention::assemble;
use crate::catalogue::{Summary, Text};
use crate::engine::pool::{Cancel, Lane, Pool, Run};
use crate::engine::{Map, MapRequest, Want};
use crate::experiment::{Algorithm, Backend, Message};

/// Most rows and columns of the picture.
const SIDE: usize = 64;
/// Most cells of all heads for which a run is made only to show a picture.
const MOST: usize = 1 << 24;

/// A picture of the weights.
#[component]
pub fn Weights(
    /// The entry.
    entry: Summary,
) -> impl IntoView {
    let lab = lab();
    let cancel = Cancel::default();
    let stop = StoredValue::new_local(cancel.clone());
    on_cleanup(move || stop.with_value(Cancel::cancel));
    let found = RwSignal::new(None::<Result<Map, Message>>);
    let pool = runner::pool().get_value();
    spawn_local(async move {
        let map = weights(lab, &pool, &entry, cancel).await;
        found.try_set(Some(map));
    });
    view! {
        <dt>{t("weights with it, in the head that is shown", "采用后当前头的权重")}</dt>
        <dd>
            {move || match found.get() {
                None => "…".into_any(),
                Some(Err(why)) => why.get(lab.lang.get()).to_owned().into_any(),
                Some(Ok(map)) => view! { <Picture map=map /> }.into_any(),
            }}
        </dd>
    }
}

/// The weights, pooled where there are more than pixels.
async fn weights(lab: Lab, pool: &Pool, entry: &Summary, cancel: Cancel) -> Result<Map, Message> {
    let missing = || Message::from(Text::new("The input is still on its way.", "输入尚未加载。"));
    let loaded = lab.loaded.get_untracked().ok_or_else(missing)?;
    let mut experiment = lab.experiment.get_untracked().as_ref().clone();
    put(&mut experiment, entry);
    let (problem, inputs) = assemble(&experiment, &loaded).map_err(|issues| issues.message())?;
    let dims = problem.dims;
    if dims.rows().saturating_mul(dims.n_k) > MOST {
        let text = Text::new(
            "The input is too long to compute it for a picture alone: use the entry to see it.",
            "输入过长，不为一张图单独计算：使用该条目即可看到。",
        );
        return Err(text.into());
    }
    let picture = MapRequest::whole_head(&dims, experiment.view.head, SIDE);
    let run = Run {
        problem: Arc::new(problem),
        inputs,
        backend: Backend::Cpu,
        algorithm: Algorithm::Auto,
        tiers: Default::default(),
        want: Want::default(),
        maps: vec![picture],
        repeat: 1,
        lane: Lane::Api,
        progress: None,
        cancel,
    };
    let finished = pool.run(run).await.map_err(|error| error.message())?;
    let none = || Message::from(Text::new("There is no picture of it.", "没有对应的图。"));
    finished.outcome.maps.into_iter().next().ok_or_else(none)
}

/// The weights, with the legend's ramp over their own range.
#[component]
fn Picture(map: Map) -> impl IntoView {
    let canvas = NodeRef::<Canvas>::new();
    effect(move || {
        if let Some(canvas) = canvas.get() {
            // A lost canvas is painted again with the next change.
            let _ = draw(&canvas, &map, &Scale::of(&map), &Palette::current(), false);
        }
    });
    view! { <canvas class="browse__pattern" node_ref=canvas aria-hidden="true"></canvas> }
}

//! The layers one by one: each pattern, what is painted, and what is added to the scores, each as a small map that opens large; and all together.

use leptos::html::Canvas;
use leptos::prelude::*;

use super::tools::Open;
use crate::analysis::layers::patterns;
use crate::app::controls::modal;
use crate::app::element::NodeRef;
use crate::app::i18n::{self, t};
use crate::app::map::{Scale, draw, paint_cells};
use crate::app::palette::Palette;
use crate::app::reactive::{RwSignal, Signal, effect};
use crate::app::state::lab;
use crate::app::view::{handler, view};
use crate::attention::{Loaded, Plan, RowRules, assemble};
use crate::catalogue::{self, Text};
use crate::engine::{Map, MapRequest, Pool};
use crate::experiment::{Choice, Experiment, Join, Layer, MaskChoice, Stage};

/// Most rows and columns of a map; of more, evenly spaced ones are taken.
const MOST: usize = 96;

/// One layer.
#[derive(Clone, PartialEq)]
struct Part {
    name: Text,
    /// Its place among those joined with the mask, counted from 1; 0 for the others.
    number: usize,
    map: Map,
}

/// The strip, and the layer that is large.
#[component]
pub fn Strip(
    /// What is open.
    open: RwSignal<Open>,
) -> impl IntoView {
    let lab = lab();
    let (dialog, _) = modal();
    let all = Signal::memo(move || {
        let loaded = lab.loaded.get();
        lab.experiment.with(|e| loaded.as_ref().map(|loaded| parts(e, loaded)).unwrap_or_default())
    });
    let large = RwSignal::new(0_usize);
    let title = move |part: &Part| {
        let name = part.name.get(lab.lang.get());
        if part.number > 0 { format!("{} {name}", part.number) } else { name.to_owned() }
    };
    let close = move || open.set(Open::Nothing);
    view! {
        <dialog node_ref=dialog class="compare" aria-labelledby="strip-title" on:close=handler(move |_| close())>
            <h2 id="strip-title">{t("Layers of the mask and of the scores", "掩码与分数的各层")}" "<small>{move || format!("{} {}", i18n::now(lab.lang.get(), "head", "头"), lab.experiment.with(|e| e.view.head + 1))}</small></h2>
            <div class="thumbs layers">
                {move || all.get().into_iter().enumerate().map(|(at, part)| {
                    let name = title(&part);
                    view! {
                        <button type="button" aria-checked=move || (large.get() == at).to_string() aria-pressed=move || (large.get() == at).to_string() on:click=handler(move |_| large.set(at))>
                            <Small map=part.map />
                            <span>{name}</span>
                        </button>
                    }
                }).collect_view()}
            </div>
            {move || {
                let all = all.get();
                let at = large.get().min(all.len().saturating_sub(1));
                all.into_iter().nth(at).map(|part| {
                    let name = title(&part);
                    let scale = Scale::of(&part.map);
                    let legend = if scale.is_weights() {
                        i18n::now(lab.lang.get(), "coloured: allowed; hatched: masked", "着色：允许；斜线：屏蔽").to_owned()
                    } else {
                        let zero = i18n::now(lab.lang.get(), "around 0", "以 0 为中心");
                        format!("−{top:.2} … +{top:.2}, {zero}", top = scale.top)
                    };
                    view! {
                        <figure class="layers__large">
                            <Large map=part.map name=name.clone() />
                            <figcaption class="note"><b>{name}</b>" — "{legend}</figcaption>
                        </figure>
                    }
                })
            }}
            <div class="dialog__foot">
                <button type="button" class="primary" on:click=handler(move |_| close())>{t("Close", "关闭")}</button>
            </div>
        </dialog>
    }
}

#[component]
fn Small(map: Map) -> impl IntoView {
    let canvas = NodeRef::<Canvas>::new();
    effect(move || {
        if let Some(canvas) = canvas.get() {
            // A lost canvas is painted again with the next change.
            let _ = paint_cells(&canvas, &map, &Scale::of(&map), &Palette::current());
        }
    });
    view! { <canvas node_ref=canvas aria-hidden="true"></canvas> }
}

#[component]
fn Large(map: Map, name: String) -> impl IntoView {
    let canvas = NodeRef::<Canvas>::new();
    effect(move || {
        if let Some(canvas) = canvas.get() {
            let _ = draw(&canvas, &map, &Scale::of(&map), &Palette::current(), true);
        }
    });
    view! { <canvas class="compare__map" node_ref=canvas role="img" aria-label=name></canvas> }
}

/// Every layer of the experiment in the head that is shown; none where something is wrong with it.
fn parts(e: &Experiment, loaded: &Loaded) -> Vec<Part> {
    let whole = patterns(e);
    let bare = Experiment {
        mask: MaskChoice::of("none"),
        combine: Vec::new(),
        paint: Vec::new(),
        layers: Choice::of("same"),
        softcap: 0.0,
        ..whole.clone()
    };
    let named = |id: &str| catalogue::mask(id).map_or(Text::new("own formula", "自定义公式"), |entry| entry.name);
    let mut all = Vec::new();
    let mut add = |name: Text, number: usize, experiment: &Experiment, stage: Stage| {
        if let Some(map) = map(experiment, loaded, stage) {
            all.push(Part { name, number, map });
        }
    };
    add(Text::new("mask, all together", "掩码（合成）"), 0, &whole, Stage::Weights);
    add(named(&e.mask.id), 0, &Experiment { mask: e.mask.clone(), ..bare.clone() }, Stage::Weights);
    for (i, layer) in e.combine.iter().enumerate() {
        let alone = Experiment { combine: vec![Layer { op: Join::Replace, ..layer.clone() }], ..bare.clone() };
        add(named(&layer.id), i + 1, &alone, Stage::Weights);
    }
    if let Some(mix) = catalogue::mix(&e.layers.id).filter(|mix| mix.mask.is_some()) {
        add(mix.name, 0, &Experiment { layers: e.layers.clone(), ..bare.clone() }, Stage::Weights);
    }
    if !e.paint.is_empty() {
        let paint = e.paint.clone();
        add(
            Text::new("painted: + allowed, − masked", "涂画：+ 允许，− 屏蔽"),
            0,
            &Experiment { paint, ..bare.clone() },
            Stage::Masked,
        );
    }
    let biases = Experiment { mask: e.mask.clone(), combine: e.combine.clone(), ..bare.clone() };
    if e.position.id != "none" {
        let position = Experiment { position: e.position.clone(), ..bare.clone() };
        let name = catalogue::position(&e.position.id).map_or(Text::new("position", "位置"), |entry| entry.name);
        add(name, 0, &position, Stage::Biased);
    }
    add(Text::new("strengths of the patterns", "模式的强度"), 0, &biases, Stage::Biased);
    if e.score.is_some() {
        add(
            Text::new("own score formula", "自定义评分公式"),
            0,
            &Experiment { score: e.score.clone(), ..bare.clone() },
            Stage::Biased,
        );
    }
    let every = Experiment { position: e.position.clone(), score: e.score.clone(), ..biases };
    add(Text::new("added to a score of 0, all together", "对 0 分的全部改动"), 0, &every, Stage::Biased);
    all
}

/// The mask (`Weights`), the paint (`Masked`) or what is added to a score of 0 (`Biased`; none where nothing is).
fn map(experiment: &Experiment, loaded: &Loaded, stage: Stage) -> Option<Map> {
    let (problem, _) = assemble(experiment, loaded).ok()?;
    let plan = Plan::compile(&problem).ok()?;
    if stage == Stage::Biased && plan.bias.is_empty() && plan.bias_before_cap.is_empty() {
        return None;
    }
    let (n_q, n_k) = (plan.dims.n_q, plan.dims.n_k);
    let head = experiment.view.head.min(plan.dims.q_heads.saturating_sub(1));
    let (height, width) = (n_q.min(MOST), n_k.min(MOST));
    let mut rules = RowRules::new(&plan, n_k);
    let (mut mask, mut scores) = (vec![0_u8; n_k], vec![0.0_f32; n_k]);
    let mut values = Vec::with_capacity(height * width);
    for row in 0..height {
        let q = row * n_q / height;
        rules.begin_row(&plan, 0, head, q);
        rules.mask(&plan, 0, &mut mask);
        if stage == Stage::Biased {
            scores.fill(0.0);
            rules.before_cap(&plan, 0, &mut scores);
            rules.after_cap(&plan, 0, &mut scores);
        }
        values.extend((0..width).map(|column| {
            let k = column * n_k / width;
            match stage {
                Stage::Biased => scores[k],
                Stage::Masked => painted(experiment, head, q, k),
                _ if mask[k] != 0 => 1.0,
                _ => f32::NEG_INFINITY,
            }
        }));
    }
    let request = MapRequest { stage, batch: 0, head, q: 0..n_q, k: 0..n_k, width, height, pool: Pool::Max };
    Some(Map { request, values })
}

/// 1 where paint allows, −1 where it masks, 0 where nothing is painted.
fn painted(experiment: &Experiment, head: usize, q: usize, k: usize) -> f32 {
    let holds = |[from, to]: [usize; 2], at: usize| (from..to).contains(&at);
    let last =
        experiment.paint.iter().rev().find(|p| p.head.is_none_or(|h| h == head) && holds(p.q, q) && holds(p.k, k));
    last.map_or(0.0, |patch| if patch.allow { 1.0 } else { -1.0 })
}

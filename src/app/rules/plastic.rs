//! What a Hebbian step does to the wires of the shown head: a strip over distance that grows from the gains before the step to those after it.
//! Where the system asks for less motion it stands still.

use leptos::prelude::*;

use crate::app::controls::fixed;
use crate::app::i18n::t;
use crate::app::reactive::{RwSignal, Signal, effect};
use crate::app::state::{Lab, lab};
use crate::app::view::{handler, view};
use crate::attention::assemble;
use crate::catalogue::{Lang, Measure, Param};
use crate::engine::pool::measured;
use crate::experiment::Experiment;
use crate::formula::DataValues;

/// The gain of each distance after the step, of the shown head, as the last run measured it; nothing while no such run is there.
fn gains(lab: Lab, e: &Experiment, rate: &Param) -> Option<Vec<f32>> {
    let loaded = lab.loaded.get()?;
    let (problem, inputs) = assemble(e, &loaded).ok()?;
    let table = measured(&problem, &inputs, Measure::Hebbian)?;
    // By sequence, head and distance.
    let (reach, DataValues::Float(means)) = (*table.shape.last()?, table.values) else { return None };
    let dims = loaded.dims;
    let head = means.get(e.view.head.checked_mul(reach)?..)?.get(..reach.min(dims.n_q.max(dims.n_k)))?;
    let rate = e.selection.params.get(rate.name).copied().unwrap_or(rate.default) as f32;
    Some(head.iter().map(|mean| 1.0 + rate * mean).collect())
}

/// The strip. `rate` is the parameter of the learning rate.
#[component]
pub fn Gains(rate: &'static Param) -> impl IntoView {
    let lab = lab();
    let now = RwSignal::new(None::<Vec<f32>>);
    effect(move || {
        // Measured anew with each result; what is there stays until then.
        lab.outcome.track();
        if let Some(gains) = lab.experiment.with(|e| gains(lab, e, rate)).filter(|gains| !gains.is_empty()) {
            now.set(Some(gains));
        }
    });
    let played = RwSignal::new(0_u32);
    let shown = Signal::memo(move || (now.get(), played.get()));
    view! {
        {move || shown.get().0.map(|gains| {
            let top = gains.iter().copied().fold(1.0_f32, f32::max);
            let most = gains.iter().position(|&gain| gain == top).unwrap_or(0);
            let (count, top_text) = (gains.len(), fixed(f64::from(top), 2));
            let said = {
                let top = top_text.clone();
                move || match lab.lang.get() {
                    Lang::En => format!("Gain of each distance before the step: 1. After it: up to {top}, at distance {most}."),
                    Lang::Zh => format!("这一步之前，每个距离的增益为 1；之后最大为 {top}，在距离 {most} 处。"),
                }
            };
            let mut bars = String::new();
            for (distance, gain) in gains.iter().enumerate() {
                let height = if top > 1.0 { (gain - 1.0) / (top - 1.0) } else { 0.0 };
                bars.push_str(&format!("M{distance} 1h1v-{height:.4}h-1z"));
            }
            view! {
                <figure class="runs gains">
                    <svg viewBox=format!("0 0 {count} 1") preserveAspectRatio="none" role="img" aria-label=said.clone()>
                        <path class="runs__kernel gains__bars" d=bars />
                    </svg>
                    <figcaption class="note">
                        {said}" "
                        <button type="button" class="quiet-button" on:click=handler(move |_| played.update(|n| *n += 1))>{t("Play the step", "播放这一步")}</button>
                    </figcaption>
                </figure>
            }
        })}
    }
}

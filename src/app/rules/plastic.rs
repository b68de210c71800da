//! What a Hebbian step does to the wires of the shown head: bars over distance that grow from the gains before the step to those after it.
//! Where the system asks for less motion they stand still.

use leptos::prelude::*;

use crate::analysis::plot::{Axis, Chart};
use crate::app::chart::Plot;
use crate::app::controls::fixed;
use crate::app::i18n::{self, t};
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

/// The bars. `rate` is the parameter of the learning rate.
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
            let top_text = fixed(f64::from(top), 2);
            let said = {
                let top = top_text.clone();
                move || match lab.lang.get() {
                    Lang::En => format!("Gain of each distance before the step: 1. After it: up to {top}, at distance {most}."),
                    Lang::Zh => format!("这一步之前，每个距离的增益为 1；之后最大为 {top}，在距离 {most} 处。"),
                }
            };
            let chart = Signal::memo(move || {
                let word = |en, zh| i18n::now(lab.lang.get(), en, zh);
                // What the step adds, so that bars grow from what was there before.
                let added: Vec<f64> = gains.iter().map(|gain| f64::from(*gain) - 1.0).collect();
                let x = Axis::linear(word("distance", "距离"), word("tokens", "词元"));
                let y = Axis::linear(word("gain added by the step", "这一步增加的增益"), "");
                Chart::of_row(word("Gain of each distance", "每个距离的增益"), x, y, &added)
            });
            view! {
                <figure class="gains">
                    <Plot chart=chart file="gains" height=140.0 />
                    <figcaption class="note">
                        {said}" "
                        <button type="button" class="quiet-button" on:click=handler(move |_| played.update(|n| *n += 1))>{t("Play the step", "播放这一步")}</button>
                    </figcaption>
                </figure>
            }
        })}
    }
}

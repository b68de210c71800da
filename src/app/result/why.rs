//! Why this cell: the sum that made it, stage by stage, and which places of the head contributed.

use leptos::prelude::*;

use super::story::{is_masked, token, value};
use crate::app::chart;
use crate::app::controls::{Show, exponential, fixed, signed};
use crate::app::i18n::{self, t};
use crate::app::reactive::Signal;
use crate::app::state::{Lab, lab};
use crate::app::view::view;
use crate::experiment::Stage;

/// One step from Q·K to the weight.
struct Step {
    what: String,
    value: String,
    strong: bool,
}

/// Why this cell.
#[component]
pub fn Why() -> impl IntoView {
    let lab = lab();
    view! {
        <h3 class="card__head">
            {t("Why this cell", "这个单元格为何如此")}
            <span class="pair">
                <span class="q">{move || token(lab, false, lab.cell().0)}</span>
                " → "
                <span class="k">{move || token(lab, true, lab.cell().1)}</span>
            </span>
        </h3>
        <table class="steps">
            <tbody>
                {move || steps(lab).into_iter().map(|step| view! {
                    <tr class:strong=step.strong><th scope="row">{step.what}</th><td>{step.value}</td></tr>
                }).collect_view()}
            </tbody>
        </table>
        <Places />
    }
}

fn steps(lab: Lab) -> Vec<Step> {
    let lang = lab.lang.get();
    let word = |en, zh| i18n::now(lang, en, zh).to_owned();
    let head = lab.experiment.with(|e| e.view.head);
    let at = |stage| value(lab, stage, head, lab.cell());
    let mut steps = Vec::new();
    let mut step = |what: String, value: String, strong: bool| steps.push(Step { what, value, strong });

    let raw = at(Stage::Raw);
    if let Some(raw) = raw {
        step("q · k".to_owned(), short(raw), false);
    }
    if let (Some(raw), Some(scaled)) = (raw, at(Stage::Scaled)) {
        let factor = if raw.abs() > 1e-6 {
            format!("× {}", fixed(f64::from(scaled / raw), 4))
        } else {
            word("scaled", "缩放")
        };
        step(factor, short(scaled), false);
    }
    let (capped, softcap) = (at(Stage::Capped), lab.experiment.with(|e| e.softcap));
    if let Some(capped) = capped.filter(|_| softcap > 0.0) {
        step(format!("{} {softcap}", word("softcap", "软上限")), short(capped), false);
    }
    if let (Some(before), Some(biased)) = (capped.or(at(Stage::Scaled)), at(Stage::Biased)) {
        let change = biased - before;
        if change.abs() > 1e-7 {
            step(word("bias", "偏置"), signed(f64::from(change), 3), false);
            step(word("score", "分数"), short(biased), false);
        }
    }
    if let Some(masked) = at(Stage::Masked) {
        let allowed = !is_masked(masked);
        step(word("mask", "掩码"), if allowed { word("allowed", "允许") } else { word("masked", "已屏蔽") }, false);
    }
    if let Some(weight) = at(Stage::Weights) {
        let weight = if is_masked(weight) { 0.0 } else { weight };
        step(word("weight", "权重"), format!("{} %", fixed(f64::from(weight) * 100.0, 1)), true);
    }
    steps
}

/// Three places, or a power of ten where those would fill the card.
fn short(value: f32) -> String {
    if value.abs() >= 1e6 { exponential(f64::from(value), 2) } else { fixed(f64::from(value), 3) }
}

/// The products q_i · k_i that add up to the Q·K of the chosen cell; nothing where they are not the sum that made it.
pub fn products(lab: Lab) -> Option<Vec<f32>> {
    let head = lab.experiment.with(|e| e.view.head);
    let (q, k) = lab.cell();
    let dims = lab.outcome.with(|o| o.as_ref().map(|o| o.dims))?;
    // A link may name a head that the input on the page does not have.
    if head >= dims.q_heads {
        return None;
    }
    let products: Vec<f32> = lab.inputs.with(|inputs| {
        // Those that are changed by their contents before they meet have other sizes, too.
        let inputs = inputs.as_ref().filter(|i| i.q.len() == dims.q_len() && i.k.len() == dims.k_len())?;
        let (qs, ks) = (inputs.q_head(&dims, 0, head), inputs.k_head(&dims, 0, head));
        let (qs, ks) = (qs.get(q * dims.d..(q + 1) * dims.d)?, ks.get(k * dims.d..(k + 1) * dims.d)?);
        Some(qs.iter().zip(ks).map(|(a, b)| a * b).collect())
    })?;
    // A position scheme changes Q and K before they meet: then these products are not the sum that made the cell, and are not shown.
    let sum: f32 = products.iter().sum();
    let raw = value(lab, Stage::Raw, head, (q, k))?;
    ((sum - raw).abs() <= 1e-3 * (1.0 + raw.abs())).then_some(products)
}

/// The products as bars around zero, small; a press opens them as a chart.
#[component]
fn Places() -> impl IntoView {
    let lab = lab();
    let there = Signal::memo(move || products(lab).is_some());
    view! {
        {move || products(lab).map(|products| {
            let top = products.iter().fold(1e-9f32, |top, p| top.max(p.abs()));
            let n = products.len();
            // Positive and negative ones.
            let mut bars = [String::new(), String::new()];
            for (i, p) in products.into_iter().enumerate() {
                let height = (p.abs() / top * 19.0).max(0.2);
                let height = if p > 0.0 { -height } else { height };
                bars[usize::from(p <= 0.0)].push_str(&format!("M{} 20h3v{height}h-3z", i * 4));
            }
            let [positive, negative] = bars;
            view! {
                <figure class="places">
                    <svg viewBox=format!("0 0 {} 40", n * 4) preserveAspectRatio="none" aria-hidden="true">
                        <line x1="0" x2=(n * 4).to_string() y1="20" y2="20" class="places__axis" />
                        <path class="pos" d=positive />
                        <path class="neg" d=negative />
                    </svg>
                    <figcaption class="note">{t("products qᵢ·kᵢ that add up to q · k", "逐维乘积 qᵢ·kᵢ，相加即 q · k")}</figcaption>
                </figure>
            }
        })}
        <Show when=there><chart::Products /></Show>
    }
}

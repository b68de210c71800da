//! Stages of a run as one strip of colours, and what each took.

use leptos::prelude::*;

use crate::app::controls::fixed;
use crate::app::i18n;
use crate::app::state::lab;
use crate::app::view::view;
use crate::engine::{StageTimes, TimedStage};

fn name(stage: TimedStage) -> (&'static str, &'static str) {
    match stage {
        TimedStage::Lower => ("lower", "预先计算"),
        TimedStage::Prepare => ("prepare", "准备"),
        TimedStage::Scores => ("scores", "分数"),
        TimedStage::Bias => ("bias", "偏置"),
        TimedStage::Mask => ("mask", "掩码"),
        TimedStage::Normalise => ("normalise", "归一化"),
        TimedStage::Values => ("values", "加权求和"),
        TimedStage::Kernel => ("kernel", "计算核"),
        TimedStage::Picture => ("picture", "成图"),
    }
}

/// Milliseconds with as many places as the clock gives meaning to.
pub fn ms(value: f64) -> String {
    if value >= 100.0 {
        format!("{} ms", fixed(value, 0))
    } else if value >= 10.0 {
        format!("{} ms", fixed(value, 1))
    } else {
        format!("{} ms", fixed(value, 2))
    }
}

/// The strip and its key.
#[component]
pub fn Stages(
    /// Milliseconds by stage.
    times: StageTimes,
) -> impl IntoView {
    let lang = lab().lang.get_untracked();
    let parts: Vec<(TimedStage, f64)> =
        TimedStage::ALL.into_iter().map(|s| (s, times.of(s))).filter(|p| p.1 > 0.0).collect();
    let sum: f64 = parts.iter().map(|p| p.1).sum::<f64>().max(1e-9);
    let strip = parts.clone();
    view! {
        <div class="strip" aria-hidden="true">
            {strip.into_iter().map(|(stage, value)| view! {
                <i class=format!("t-{}", name(stage).0) style:flex-grow=fixed(value / sum, 4)></i>
            }).collect_view()}
        </div>
        <ul class="strip__key">
            {parts.into_iter().map(|(stage, value)| {
                let (en, zh) = name(stage);
                view! { <li><i class=format!("t-{en}")></i>{i18n::now(lang, en, zh)} " " <output>{ms(value)}</output></li> }
            }).collect_view()}
        </ul>
    }
}

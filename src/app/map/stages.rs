//! Stages of the pipeline as tabs over one map, so that the same cell stays under the eye from Q·K to the weights.

use leptos::prelude::*;

use crate::app::i18n::t;
use crate::app::reactive::{RwSignal, Signal};
use crate::app::state::{Lab, lab};
use crate::app::view::{handler, view};
use crate::experiment::Stage;

/// Name of a stage in both languages.
pub fn name(stage: Stage) -> (&'static str, &'static str) {
    match stage {
        Stage::Raw => ("Q·Kᵀ", "Q·Kᵀ"),
        Stage::Scaled => ("scaled", "缩放"),
        Stage::Capped => ("capped", "软上限"),
        Stage::Biased => ("biased", "偏置"),
        Stage::Masked => ("masked", "掩码"),
        Stage::Weights => ("weights", "权重"),
    }
}

/// A stage that changes nothing in this experiment has no tab.
fn shown(lab: Lab, stage: Stage) -> bool {
    match stage {
        Stage::Capped => lab.experiment.with(|e| e.softcap > 0.0),
        _ => true,
    }
}

/// The tabs, and the switch for painting.
#[component]
pub fn Stages(
    /// Whether a click on the map switches cells on and off.
    painting: RwSignal<bool>,
    /// Whether there is such a switch.
    paintable: bool,
) -> impl IntoView {
    let lab = lab();
    let stage = Signal::memo(move || lab.experiment.with(|e| e.view.stage));
    let choose = move |stage: Stage| lab.show(|view| view.stage = stage);
    let on_key = move |event: web_sys::KeyboardEvent| {
        let step: isize = match event.key().as_str() {
            "ArrowLeft" => -1,
            "ArrowRight" => 1,
            _ => return,
        };
        event.prevent_default();
        let all: Vec<Stage> = Stage::ALL.into_iter().filter(|s| shown(lab, *s)).collect();
        let now = all.iter().position(|s| *s == stage.get_untracked()).unwrap_or(0) as isize;
        let next = (now + step).rem_euclid(all.len() as isize) as usize;
        choose(all[next]);
        if let Some(tab) = document().get_element_by_id(&format!("stage-{}", all[next] as usize)) {
            // Focus follows the choice, as in any tab list.
            let _ = wasm_bindgen::JsCast::unchecked_into::<web_sys::HtmlElement>(tab).focus();
        }
    };
    view! {
        <div class="stages">
            <div class="stages__tabs" role="tablist" aria-label=t("Stage of the map", "注意力图的阶段") on:keydown=handler(on_key)>
                {move || Stage::ALL.into_iter().filter(|s| shown(lab, *s)).map(|each| {
                    let (en, zh) = name(each);
                    view! {
                        <button
                            role="tab"
                            id=format!("stage-{}", each as usize)
                            aria-selected=move || (stage.get() == each).to_string()
                            tabindex=move || if stage.get() == each { "0" } else { "-1" }
                            on:click=handler(move |_| choose(each))
                        >
                            {t(en, zh)}
                        </button>
                    }
                }).collect_view()}
            </div>
            {paintable.then(|| view! { <button
                class="paint"
                aria-pressed=move || painting.get().to_string()
                title=t("Click or drag on the map to switch cells on and off", "在注意力图上点击或拖动以允许或屏蔽单元格")
                on:click=handler(move |_| painting.update(|p| *p = !*p))
            >
                {t("Paint", "涂画")}
            </button> })}
        </div>
    }
}

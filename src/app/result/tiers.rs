//! What the GPU may use beyond the core of WebGPU: switches beside the engine. They come when a GPU is chosen or has computed, as a piece of the program.
#![allow(improper_ctypes_definitions, reason = "both sides of a cut are this one compilation")]

use leptos::prelude::*;
use wasm_split_helpers::{SplitLoaderError, wasm_split};

use crate::app::controls::{Switch, words};
use crate::app::i18n::t;
use crate::app::reactive::Signal;
use crate::app::state::lab;
use crate::app::view::view;
use crate::experiment::Tiers;

/// What draws the switches.
#[wasm_split(later, fallible)]
pub fn switches() -> Result<fn() -> AnyView, SplitLoaderError> {
    Ok(|| view! { <Switches /> })
}

#[component]
fn Switches() -> impl IntoView {
    let lab = lab();
    let one = move |label: Signal<String>, of: fn(&mut Tiers) -> &mut bool| {
        let on = Signal::memo(move || lab.experiment.with(|x| *of(&mut { x.engine.tiers })));
        let change = Callback::new(move |on| lab.edit("engine.tiers", |x| *of(&mut x.engine.tiers) = on));
        view! { <Switch label=label on=on on_change=change /> }
    };
    view! {
        {one(words("GPU: subgroups", "GPU：子组"), |tiers| &mut tiers.subgroups)}
        {one(words("GPU: 16-bit numbers, less exact", "GPU：16 位数，精度较低"), |tiers| &mut tiers.f16)}
        <p class="note">{t(
            "For the streaming kernel, where the device offers them; the kernel's name says what was used.",
            "用于流式计算核，需设备支持；计算核的名称说明实际使用了什么。",
        )}</p>
    }
}

//! A ring's steps: which device has which block of keys, what it has merged, and how far it still is from the exact answer.

use leptos::prelude::*;

use super::ask::Answer;
use super::pictures::percent;
use crate::app::i18n::{self, t};
use crate::app::player::Player;
use crate::app::reactive::{RwSignal, Signal};
use crate::app::state::lab;
use crate::app::view::view;

/// Device by block of keys, step by step.
#[component]
pub fn RingSteps(answer: StoredValue<Answer>, head: Signal<usize>) -> impl IntoView {
    let lab = lab();
    let (devices, causal) = answer.with_value(|answer| (answer.estimator.devices(), answer.estimator.causal));
    let step = RwSignal::new(0_usize);
    let errors = Signal::memo(move || {
        answer.with_value(|answer| {
            let from = (head.get() * devices + step.get()) * devices;
            answer.estimate.trace.get(from..from + devices).unwrap_or_default().to_vec()
        })
    });
    let worst = move || errors.with(|errors| errors.iter().copied().fold(0.0_f32, f32::max));
    let label = Signal::derive(move || format!("{} {}", i18n::now(lab.lang.get(), "step", "步"), step.get() + 1));
    // Blocks of a device in the order in which they come: its own first, then the one before it on the ring.
    let state = move |device: usize, block: usize| {
        let comes_at = (device + devices - block) % devices;
        match comes_at {
            _ if causal && block > device => "later",
            at if at == step.get() => "now",
            at if at < step.get() => "done",
            _ => "open",
        }
    };
    // A name, a tile for each block, a bar, a number.
    let columns = move || format!("1.5rem repeat({devices}, minmax(0.6rem, 1.6rem)) minmax(2rem, 1fr) 4.5rem");
    let row = move |device: usize| {
        let error = move || errors.with(|errors| errors.get(device).copied().unwrap_or_default());
        view! {
            <div style:grid-template-columns=columns()>
                <span>{format!("Q{}", device + 1)}</span>
                {(0..devices).map(|block| view! { <i class=move || format!("ring__{}", state(device, block))></i> }).collect_view()}
                <span class="bars__track"><i style:width=move || format!("{:.1}%", 100.0 * error().clamp(0.0, 1.0))></i></span>
                <output>{move || percent(error())}</output>
            </div>
        }
    };
    view! {
        <h4>{t("Round the ring", "环上的传递")} <small>{t("largest error ", "最大误差 ")}{move || percent(worst())}</small></h4>
        <Player at=step count=Signal::stored(devices) label=label />
        <div class="ring" role="img" aria-label=move || format!("{}, {}", label.get(), percent(worst()))>
            <div style:grid-template-columns=columns()>
                <span></span>
                {(0..devices).map(|block| view! { <span>{format!("K{}", block + 1)}</span> }).collect_view()}
                <span></span>
                <span>{t("error", "误差")}</span>
            </div>
            {(0..devices).map(row).collect_view()}
        </div>
        <p class="note">{t(
            "Each row is a device with its queries. At every step the blocks of keys and values move on by one device, and each device merges the one that has come: highest score, sum and output together make the merge exact.",
            "每行是一个设备及其查询。每一步，键和值的块移到下一个设备，各设备把到来的块合并进来：最高分数、总和与输出共同保证合并是精确的。",
        )}</p>
    }
}

//! All heads as small multiples with one number each; the chosen one is large above.

use leptos::html::Canvas;
use leptos::prelude::*;

use super::draw::paint_cells;
use super::scale::Scale;
use crate::app::controls::fixed;
use crate::app::element::NodeRef;
use crate::app::i18n::{self, t};
use crate::app::palette::Palette;
use crate::app::reactive::{Signal, effect};
use crate::app::state::{Lab, lab};
use crate::app::view::{handler, view};
use crate::engine::Outcome;
use crate::experiment::Stage;

/// Mean entropy of one head's rows in nats, over rows that see anything.
fn entropy(outcome: &Outcome, head: usize) -> Option<f32> {
    let start = outcome.dims.row_start(0, head);
    let rows = start..start + outcome.dims.n_q;
    let (lse, entropy) = (outcome.lse.get(rows.clone())?, outcome.entropy.get(rows)?);
    let seen: Vec<f32> = lse.iter().zip(entropy).filter(|(l, _)| **l != f32::NEG_INFINITY).map(|(_, e)| *e).collect();
    (!seen.is_empty()).then(|| seen.iter().sum::<f32>() / seen.len() as f32)
}

/// All heads.
#[component]
pub fn Heads() -> impl IntoView {
    let lab = lab();
    let count = Signal::memo(move || lab.outcome.with(|o| o.as_ref().map_or(0, |o| o.dims.q_heads)));
    let on_key = move |event: web_sys::KeyboardEvent| {
        let count = count.get_untracked();
        let head = lab.experiment.with_untracked(|e| e.view.head);
        let next = match event.key().as_str() {
            "ArrowRight" | "ArrowDown" => (head + 1) % count.max(1),
            "ArrowLeft" | "ArrowUp" => (head + count.max(1) - 1) % count.max(1),
            _ => return,
        };
        event.prevent_default();
        lab.show(|view| view.head = next);
        if let Some(button) = document().get_element_by_id(&format!("head-{next}")) {
            let _ = wasm_bindgen::JsCast::unchecked_into::<web_sys::HtmlElement>(button).focus();
        }
    };
    view! {
        <h3 class="card__head">
            {t("All heads", "全部注意力头")}
            <small>{t("mean entropy of the rows, nats", "各行平均熵（奈特）")}</small>
        </h3>
        <div class="heads" role="radiogroup" aria-label=t("Head", "注意力头") on:keydown=handler(on_key)>
            {move || (0..count.get()).map(|head| view! { <Head lab=lab head=head /> }).collect_view()}
        </div>
    }
}

#[component]
fn Head(lab: Lab, head: usize) -> impl IntoView {
    let canvas = NodeRef::<Canvas>::new();
    let chosen = move || lab.experiment.with(|e| e.view.head == head);
    effect(move || {
        let Some(canvas) = canvas.get() else { return };
        let small = lab.maps.with(|maps| {
            maps.iter()
                .filter(|m| m.request.stage == Stage::Weights && m.request.head == head && m.request.height > 1)
                .min_by_key(|m| m.values.len())
                .cloned()
        });
        if let Some(map) = small {
            // Without a context the number below still tells the head.
            let _ = paint_cells(&canvas, &map, &Scale::of(&map), &Palette::current());
        }
    });
    let number = Signal::derive(move || {
        lab.outcome.with(|o| o.as_ref().and_then(|o| entropy(o, head))).map(|e| fixed(f64::from(e), 2))
    });
    view! {
        <button
            id=format!("head-{head}")
            role="radio"
            class="head"
            aria-checked=move || chosen().to_string()
            aria-label=move || format!("{} {}", i18n::now(lab.lang.get(), "Head", "头"), head + 1)
            tabindex=move || if chosen() { "0" } else { "-1" }
            on:click=handler(move |_| lab.show(|view| view.head = head))
        >
            <canvas node_ref=canvas aria-hidden="true"></canvas>
            <span>{(head + 1).to_string()} <b>{number}</b></span>
        </button>
    }
}

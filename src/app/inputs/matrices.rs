//! Q, K and V of the chosen head, and X where they are its projections.
#![allow(improper_ctypes_definitions, reason = "both sides of a cut are this one compilation")]

use leptos::prelude::*;
use wasm_split_helpers::{SplitLoaderError, wasm_split};

use super::hidden::X;
use super::matrix::Matrix;
use crate::app::controls::{Card, IssueLine, words};
use crate::app::i18n::{self, t};
use crate::app::piece::piece;
use crate::app::reactive::Signal;
use crate::app::state::lab;
use crate::app::view::{handler, view};
use crate::experiment::{Input, TensorName};

/// The three matrices, how many cells were changed, and the way back.
#[component]
pub fn MatricesCard() -> impl IntoView {
    let lab = lab();
    let lang = lab.lang;
    let edits = Signal::memo(move || lab.experiment.with(|e| e.edits.len()));
    let about = Signal::derive(move || {
        let head = lab.experiment.with(|e| e.view.head) + 1;
        format!("{} {head}", i18n::now(lang.get(), "head", "头"))
    });
    let count = Signal::derive(move || {
        let n = edits.get();
        match lang.get() {
            crate::catalogue::Lang::En if n == 1 => "1 cell changed".to_owned(),
            crate::catalogue::Lang::En => format!("{n} cells changed"),
            crate::catalogue::Lang::Zh => format!("已修改 {n} 个单元格"),
        }
    });
    let hidden = Signal::memo(move || lab.experiment.with(|e| matches!(e.input, Input::Projected { .. })));
    view! {
        <Card title=words("Q, K, V", "Q、K、V") aside=about>
            {move || hidden.get().then(|| piece(|| Box::pin(x()), |x| x()))}
            <Matrix tensor=TensorName::Q />
            <Matrix tensor=TensorName::K />
            <Matrix tensor=TensorName::V />
            <div class="edits" hidden=move || edits.get() == 0>
                <span><i class="dot" aria-hidden="true"></i>{count}</span>
                <button type="button" class="quiet-button" on:click=handler(move |_| lab.edit("edits.revert", |e| e.edits.clear()))>
                    {t("Revert edits", "还原修改")}
                </button>
            </div>
            <IssueLine path="edits" />
            <p class="note">{t(
                "Click a cell, then drag it up or down or type a number; Alt with ↑ ↓ nudges it.",
                "点击单元格，然后上下拖动、输入数值，或按 + 和 −。",
            )}</p>
        </Card>
    }
}

#[wasm_split(later, fallible)]
fn x() -> Result<fn() -> AnyView, SplitLoaderError> {
    Ok(|| view! { <X /> })
}

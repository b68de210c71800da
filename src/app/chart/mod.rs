//! Charts on the page: the picture that `analysis::plot` lays out, with keys, a tooltip, a legend that switches, the numbers as a table, and files.
//!
//! Everything here is in pieces that the first view does not load: what is on the page from the beginning asks for it by a press.
//!
//! | file | what it holds |
//! |---|---|
//! | `plot` | the chart: picture, keys, pointer |
//! | `tip` | what is read, as a box beside the point and as a sentence |
//! | `legend` | its series, switched on and off |
//! | `tools` | what could not be drawn; the table; files |
//! | `history` | the times of the last runs as a chart |
#![allow(improper_ctypes_definitions, reason = "both sides of a cut are this one compilation")]

mod history;
mod legend;
mod plot;
mod tip;
mod tools;

pub use plot::{Plot, Reading};

use leptos::prelude::*;
use wasm_split_helpers::{SplitLoaderError, wasm_split};

use crate::app::i18n::t;
use crate::app::piece::piece;
use crate::app::reactive::RwSignal;
use crate::app::view::{handler, view};

/// The times of the last runs: a button, and behind it the chart.
#[component]
pub fn History() -> impl IntoView {
    let asked = RwSignal::new(false);
    view! {
        {move || if asked.get() {
            piece(|| Box::pin(history()), |history| history())
        } else {
            view! { <button type="button" class="quiet-button" on:click=handler(move |_| asked.set(true))>{t("Times as a chart", "用时图表")}</button> }
        }}
    }
}

#[wasm_split(later, fallible)]
fn history() -> Result<fn() -> AnyView, SplitLoaderError> {
    Ok(history::times)
}

//! How far an inexact entry is from exact attention on the same input. (Estimators beside the result have a card of their own.)
//!
//! | file | what it holds |
//! |---|---|
//! | `second` | the same experiment with a part of it changed, run once more for every result; what lies between the two |
//! | `line` | the error of the output, and of each query |
//!
//! Everything but the question whether there could be an error is a piece of the program that is fetched with the first such entry.
#![allow(improper_ctypes_definitions, reason = "both sides of a cut are this one compilation")]

mod line;
mod second;

pub use second::{Difference, against};

use leptos::prelude::*;
use wasm_split_helpers::{SplitLoaderError, wasm_split};

use super::piece::piece;
use super::reactive::Signal;
use super::state::lab;
use super::view::view;
use super::whole;

/// The error of what stands for exact attention; nothing while nothing does.
#[component]
pub fn ExactError() -> impl IntoView {
    let lab = lab();
    // Which of the entries are inexact is known where they are.
    let could =
        move || lab.experiment.with(|e| e.selection.id != "none" || e.layout.id != "plain" || e.hybrid.id != "none");
    let asked = Signal::memo(could);
    view! { {move || asked.get().then(|| piece(|| Box::pin(fetch()), |line| line()))} }
}

/// The line, and the lists that say what is inexact.
async fn fetch() -> Result<fn() -> AnyView, SplitLoaderError> {
    whole::before_mount().await?;
    line().await
}

#[wasm_split(later, fallible)]
fn line() -> Result<fn() -> AnyView, SplitLoaderError> {
    Ok(|| view! { <line::Line /> })
}

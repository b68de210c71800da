//! Attention step by step, over the head and the query that are shown: tiles that stream by, blocks that go round a ring, tokens that are decoded over a cache.
//!
//! Everything but the button is a piece of the program that is fetched when it is pressed. What a step does is `analysis::walk`; here the scores are asked of the
//! workers, and it is drawn.
//!
//! | file | what it holds |
//! |---|---|
//! | `sheet` | which walk, over which query, and where it ends |
//! | `ask` | scores from the workers, values, the run's own output |
//! | `stream`, `ring`, `decode` | the three walks |
//! | `parts` | what they share: tiles, the output so far, a table of steps |
#![allow(improper_ctypes_definitions, reason = "both sides of a cut are this one compilation")]

mod ask;
mod decode;
mod parts;
mod ring;
mod sheet;
mod stream;

use leptos::prelude::*;
use wasm_split_helpers::{SplitLoaderError, wasm_split};

use super::piece::opener;
use super::view::view;
use super::whole;

/// The button, and the sheet that it opens.
#[component]
pub fn StepByStep() -> impl IntoView {
    opener(("Step through the algorithm", "逐步演示算法"), || Box::pin(open()))
}

/// The sheet, and what assembles any experiment.
async fn open() -> Result<fn() -> AnyView, SplitLoaderError> {
    whole::before_mount().await?;
    sheet().await
}

#[wasm_split(later, fallible)]
fn sheet() -> Result<fn() -> AnyView, SplitLoaderError> {
    Ok(|| view! { <sheet::Sheet /> })
}

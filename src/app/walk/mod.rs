//! Attention step by step, over the head and the query that are shown: tiles that stream by, blocks that go round a ring, tokens that are decoded over a cache.
//!
//! Everything but the button is a piece of the program that is fetched when it is pressed. What a step does is `analysis::walk`; here the scores are asked of the
//! workers, and it is drawn.
//!
//! | file | what it holds |
//! |---|---|
//! | `card` | which walk, over which query, and where it ends |
//! | `ask` | scores from the workers, values, the run's own output |
//! | `stream`, `ring`, `decode` | the three walks |
//! | `parts` | what they share: tiles, the output so far, a table of steps |
#![allow(improper_ctypes_definitions, reason = "both sides of a cut are this one compilation")]

mod ask;
mod card;
mod decode;
mod parts;
mod ring;
mod stream;

use leptos::prelude::*;
use wasm_split_helpers::{SplitLoaderError, wasm_split};

use super::piece::{Draw, behind_button};
use super::reactive::RwSignal;
use super::view::view;
use super::whole;

/// The button, or what it opens.
#[component]
pub fn StepByStep() -> impl IntoView {
    let opened = RwSignal::new(false);
    behind_button(("Step through the algorithm", "逐步演示算法"), opened, opened.into(), || Box::pin(fetch()))
}

/// The view, and what assembles any experiment.
async fn fetch() -> Result<Draw, SplitLoaderError> {
    whole::before_mount().await?;
    card().await
}

#[wasm_split(later, fallible)]
fn card() -> Result<Draw, SplitLoaderError> {
    Ok(|opened| view! { <card::Body opened=opened /> })
}

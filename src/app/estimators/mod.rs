//! Something else in attention's place, beside the exact result: the estimate, its error by query, its cost, its state as it grows.
//!
//! Everything but the button is a piece of the program that is fetched when it is pressed, or when a link or a program names an estimator.
//!
//! | file | what it holds |
//! |---|---|
//! | `card` | the choice, its parameters, and what comes of it |
//! | `ask` | from the experiment to the worker |
//! | `pictures` | outputs side by side, error by query, cost |
//! | `growth` | a state key by key |
//! | `ring` | a ring's steps |
#![allow(improper_ctypes_definitions, reason = "both sides of a cut are this one compilation")]

mod ask;
mod card;
mod growth;
mod pictures;
mod ring;

pub use pictures::{Errors, percent, picture};

use leptos::prelude::*;
use wasm_split_helpers::{SplitLoaderError, wasm_split};

use super::piece::{Draw, behind_button};
use super::reactive::{RwSignal, Signal};
use super::state::lab;
use super::view::view;
use super::whole;

/// The button, or the card.
#[component]
pub fn Estimators(
    /// Whether it is the card from the start.
    #[prop(optional)]
    open: bool,
) -> impl IntoView {
    let lab = lab();
    let opened = RwSignal::new(open);
    let shown = Signal::memo(move || opened.get() || lab.experiment.with(|e| e.estimator.id != "none"));
    behind_button(("Estimators and baselines", "估计方法与基线"), opened, shown, || Box::pin(fetch()))
}

/// The card, and the list that it shows.
async fn fetch() -> Result<Draw, SplitLoaderError> {
    whole::before_mount().await?;
    card().await
}

#[wasm_split(later, fallible)]
fn card() -> Result<Draw, SplitLoaderError> {
    Ok(|opened| view! { <card::Body opened=opened /> })
}

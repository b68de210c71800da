//! Measures of the run's weights: of every head and every query, over distance, between heads, through layers.
//!
//! Everything but the button is a piece of the program that is fetched when it is pressed; nothing is asked of the workers before.
//!
//! | file | what it holds |
//! |---|---|
//! | `card` | the settings, progress, and the parts below one another |
//! | `ask` | rows from the workers, piece by piece, and what `analysis::measures` makes of them |
//! | `quantity` | the measures of a row: names, and what they mean |
//! | `heads` | every head in a table |
//! | `queries` | one measure: every query of every head as a picture, those of the chosen head as a chart |
//! | `distance` | weight over distance |
//! | `alike` | pairs of heads |
//! | `layers` | rollout through the captured layers |
#![allow(improper_ctypes_definitions, reason = "both sides of a cut are this one compilation")]

mod alike;
mod ask;
mod card;
mod distance;
mod heads;
mod layers;
mod quantity;
mod queries;

pub use ask::offset;

use leptos::prelude::*;
use wasm_split_helpers::{SplitLoaderError, wasm_split};

use super::piece::{Draw, behind_button};
use super::reactive::RwSignal;
use super::view::view;
use super::whole;

/// The button, or what it opens.
#[component]
pub fn Analysis() -> impl IntoView {
    let opened = RwSignal::new(false);
    behind_button(("Analysis of the weights", "权重分析"), opened, opened.into(), || Box::pin(fetch()))
}

/// The view, and what reads the settings of other layers.
async fn fetch() -> Result<Draw, SplitLoaderError> {
    whole::before_mount().await?;
    card().await
}

#[wasm_split(later, fallible)]
fn card() -> Result<Draw, SplitLoaderError> {
    Ok(|opened| view! { <card::Body opened=opened /> })
}

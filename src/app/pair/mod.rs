//! Two settings compared: A, which is pinned, and B, which the page shows and which is edited on.
//!
//! Everything but the button is a piece of the program that is fetched when it is pressed, or when a link holds two settings.
//!
//! | file | what it holds |
//! |---|---|
//! | `card` | what is pinned, what differs, and everything below it |
//! | `ask` | both settings, computed |
//! | `found` | what lies between the two |
//! | `results` | numbers, the chart by query, pictures |
//! | `gradients` | the gradients of both |
//! | `times` | the times of both |
#![allow(improper_ctypes_definitions, reason = "both sides of a cut are this one compilation")]

mod ask;
mod card;
mod found;
mod gradients;
mod results;
mod times;

use leptos::prelude::*;
use wasm_split_helpers::{SplitLoaderError, wasm_split};

use super::piece::{Draw, behind_button};
use super::reactive::{RwSignal, Signal};
use super::state::lab;
use super::view::view;
use super::whole;

/// The button, or the card.
#[component]
pub fn CompareSettings() -> impl IntoView {
    let lab = lab();
    let opened = RwSignal::new(false);
    let shown = Signal::memo(move || opened.get() || lab.pinned.with(Option::is_some));
    behind_button(("Compare two settings", "比较两个设置"), opened, shown, || Box::pin(fetch()))
}

/// The card, and what it needs to read any setting.
async fn fetch() -> Result<Draw, SplitLoaderError> {
    whole::before_mount().await?;
    card().await
}

#[wasm_split(later, fallible)]
fn card() -> Result<Draw, SplitLoaderError> {
    Ok(|opened| view! { <card::Body opened=opened /> })
}

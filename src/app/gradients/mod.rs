//! The gradients of the result, by token and by every number that the experiment declares.
//!
//! Everything but the button is a piece of the program that is fetched when it is pressed; nothing is computed before.
//!
//! | file | what it holds |
//! |---|---|
//! | `card` | strips and numbers |
//! | `ask` | from the experiment to the workers |
#![allow(improper_ctypes_definitions, reason = "both sides of a cut are this one compilation")]

mod ask;
mod card;

pub use ask::{Answer, Question};

use leptos::prelude::*;
use wasm_split_helpers::{SplitLoaderError, wasm_split};

use super::piece::{Draw, behind_button};
use super::reactive::RwSignal;
use super::view::view;
use super::whole;

/// The button, or what it opens.
#[component]
pub fn Gradients() -> impl IntoView {
    let opened = RwSignal::new(false);
    behind_button(("Gradients", "梯度"), opened, opened.into(), || Box::pin(fetch()))
}

/// The view, and the code of entries that only it may need.
async fn fetch() -> Result<Draw, SplitLoaderError> {
    whole::before_mount().await?;
    card().await
}

#[wasm_split(later, fallible)]
fn card() -> Result<Draw, SplitLoaderError> {
    Ok(|opened| view! { <card::Body opened=opened /> })
}

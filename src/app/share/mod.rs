//! The share dialog: a link, a frame, an element, Markdown, with a live preview of what a reader will see.
//!
//! | file | what it holds |
//! |---|---|
//! | `sheet` | the dialog |
//! | `draft` | what is chosen, and the texts that it makes |
//!
//! Everything but the button's action is a piece of the program that is fetched when it is pressed.
#![allow(improper_ctypes_definitions, reason = "both sides of a cut are this one compilation")]

mod draft;
mod sheet;

use leptos::prelude::*;
use wasm_split_helpers::{SplitLoaderError, wasm_split};

use super::whole;
use crate::app::piece::piece;
use crate::app::reactive::RwSignal;

/// The dialog, anew each time `opened` is raised: what it shows belongs to the experiment as it was then.
#[component]
pub fn Share(
    /// Raised to open it.
    opened: RwSignal<u32>,
) -> impl IntoView {
    move || (opened.get() > 0).then(|| piece(|| Box::pin(open()), |sheet| sheet()))
}

/// The dialog needs what writes links.
async fn open() -> Result<fn() -> AnyView, SplitLoaderError> {
    whole::before_mount().await?;
    sheet().await
}

#[wasm_split(later, fallible)]
fn sheet() -> Result<fn() -> AnyView, SplitLoaderError> {
    Ok(sheet::sheet)
}

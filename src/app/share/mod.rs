//! The share dialog: a link, a frame, an element, Markdown, with a live preview of what a reader will see.
//!
//! | file | what it holds |
//! |---|---|
//! | `sheet` | the dialog |
//! | `draft` | what is chosen, and the texts that it makes |
//! | `file` | a saved experiment, opened |
//!
//! Everything but the button's action is a piece of the program that is fetched when it is pressed.
#![allow(improper_ctypes_definitions, reason = "both sides of a cut are this one compilation")]

mod draft;
mod file;
mod sheet;

use std::future::Future;
use std::pin::Pin;

use leptos::prelude::*;
use wasm_split_helpers::{SplitLoaderError, wasm_split};
use web_sys::File;

use super::whole;
use crate::app::piece::piece;
use crate::app::reactive::RwSignal;
use crate::app::state::Lab;

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

/// Opens a dropped file if it is a saved experiment; whether it is one. With `alone`, one with numbers opens for choosing: nobody else will look at it.
pub async fn open_file(lab: Lab, file: File, alone: bool) -> bool {
    if whole::fetch(lab).await.is_err() {
        return false;
    }
    match opening(lab, file, alone).await {
        Ok(opening) => opening.await,
        Err(_) => false,
    }
}

#[wasm_split(later, fallible)]
fn opening(lab: Lab, file: File, alone: bool) -> Result<Pin<Box<dyn Future<Output = bool>>>, SplitLoaderError> {
    Ok(Box::pin(file::open(lab, file, alone)))
}

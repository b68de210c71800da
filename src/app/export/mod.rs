//! Out of the page: the experiment as code, as a table, as a picture, as files.
//!
//! Everything but the button, its style sheet too, is a piece of the program that is fetched when it is pressed. What is made is made in the room
//! `export`; here it is shown, copied and saved.
//!
//! | file | what it holds |
//! |---|---|
//! | `sheet` | the dialog and its tabs |
//! | `taken` | what is exported: the experiment with its tensors and its result |
//! | `code`, `table`, `picture`, `files` | one tab each |
//! | `parts` | what the tabs share: a text to be copied, what cannot be said |
//! | `save` | the clipboard and downloads |
#![allow(improper_ctypes_definitions, reason = "both sides of a cut are this one compilation")]

mod code;
mod files;
mod parts;
mod picture;
mod save;
mod sheet;
mod table;
mod taken;

pub use parts::{Save, SavePng};
pub use picture::Picture;
pub use save::{copy, save};
pub use taken::Taken;

use leptos::prelude::*;
use wasm_split_helpers::{SplitLoaderError, wasm_split};

use super::piece::piece;
use super::reactive::RwSignal;
use super::view::view;
use super::whole;

/// The sheet, each time `opened` is raised a new one.
#[component]
pub fn Export(
    /// How often it was asked for.
    opened: RwSignal<u32>,
) -> impl IntoView {
    view! { {move || (opened.get() > 0).then(|| piece(|| Box::pin(open()), |sheet| sheet()))} }
}

/// The sheet with the whole catalogue: a link may name any entry.
async fn open() -> Result<fn() -> AnyView, SplitLoaderError> {
    whole::before_mount().await?;
    sheet().await
}

#[wasm_split(later, fallible)]
fn sheet() -> Result<fn() -> AnyView, SplitLoaderError> {
    Ok(|| view! { <sheet::Sheet /> })
}

//! The gallery: experiments that tell a story, as a sheet of pictures; the one that was opened tells its story over the map.
//!
//! | file | what it holds |
//! |---|---|
//! | `list` | the list, fetched once |
//! | `sheet` | the pictures |
//! | `story` | what to look at, and what to change |
//!
//! Nothing of it is in the first view but the button in the header.
#![allow(improper_ctypes_definitions, reason = "both sides of a cut are this one compilation")]

mod list;
mod sheet;
mod story;

use leptos::prelude::*;
use wasm_split_helpers::{SplitLoaderError, wasm_split};

use crate::app::controls::ever;
use crate::app::piece::piece;
use crate::app::reactive::RwSignal;
use crate::app::view::view;

/// The sheet and the story, once somebody has asked for them.
#[component]
pub fn Gallery(
    /// Whether the sheet is open.
    open: RwSignal<bool>,
) -> impl IntoView {
    let asked = ever(open);
    view! { {move || asked.get().then(|| piece(|| Box::pin(all()), move |all| all(open)))} }
}

#[wasm_split(later, fallible)]
fn all() -> Result<fn(RwSignal<bool>) -> AnyView, SplitLoaderError> {
    Ok(|open| view! { <sheet::Sheet open=open /> })
}

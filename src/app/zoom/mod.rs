//! A part of the map, closer: as cells, as lines between two rows of tokens, as numbers.
//!
//! Which part is looked at belongs to the view, so links carry it and undo does not. Everything here is a piece of the program, fetched when somebody
//! looks closer. What a window is, which tiles it needs and what is kept of them is `analysis::window`; here workers are asked, and it is drawn.
//!
//! | file | what it holds |
//! |---|---|
//! | `near` | what all of it stands on: window, sizes, way of merging |
//! | `desk` | tools, what they show, what is said of it |
//! | `gestures` | wheel, drag, two fingers, keys |
//! | `tiles` | the picture of a window, of tiles that workers draw |
//! | `ask` | pictures of a few rectangles, the newest wish first |
//! | `strip` | the weights of the shown row, below the map |
//! | `mini` | where in the whole the window lies |
//! | `lines` | queries and keys with a line for each weight |
//! | `table` | numbers |
#![allow(improper_ctypes_definitions, reason = "both sides of a cut are this one compilation")]

mod ask;
mod desk;
mod gestures;
mod lines;
mod mini;
mod near;
mod strip;
mod table;
mod tiles;

use leptos::prelude::*;
use wasm_split_helpers::{SplitLoaderError, wasm_split};

use super::piece::styles;
use super::reactive::RwSignal;
use super::view::view;

/// What the map's card is set to.
#[derive(Clone, Copy)]
pub struct Setting {
    /// Whether a click on the map switches cells on and off.
    pub painting: RwSignal<bool>,
    /// Whether that is offered.
    pub paintable: bool,
    /// Whether the tools are open: 0 no, 1 yes, 2 yes and one step closer.
    pub opened: RwSignal<u8>,
}

/// What draws the tools and what they show.
pub type Draw = fn(Setting) -> AnyView;

/// The tools, with their styles.
///
/// # Errors
/// When the piece does not arrive.
pub async fn fetch() -> Result<Draw, SplitLoaderError> {
    let draw = desk().await?;
    styles().await;
    Ok(draw)
}

#[wasm_split(later, fallible)]
fn desk() -> Result<Draw, SplitLoaderError> {
    Ok(|setting| view! { <desk::Desk setting=setting /> })
}

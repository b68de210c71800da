//! The claims on the bench: a table of what four essays say of self-attention, each measured here by the page's own workers, with a verdict by a stated rule.
//!
//! Everything but the button is a piece of the program that is fetched when it is pressed. What is measured and what follows from it is `claims`; here the
//! workers are asked, and it is drawn.
//!
//! | file | what it holds |
//! |---|---|
//! | `sheet` | the dialog, the table, and which of table and page is shown |
//! | `page` | one claim |
//! | `desk` | what was found in this visit, and what is being measured |
//! | `measure` | asking the workers |
//! | `out` | the report, links |
#![allow(improper_ctypes_definitions, reason = "both sides of a cut are this one compilation")]

mod desk;
mod measure;
mod out;
mod page;
mod sheet;

use leptos::prelude::*;
use wasm_split_helpers::{SplitLoaderError, wasm_split};

use super::piece::{opener, piece};
use super::view::view;
use super::whole;

/// The button, and the sheet that it opens.
#[component]
pub fn ClaimsLab() -> impl IntoView {
    opener(("Claims on the bench", "论断实测"), || Box::pin(open()))
}

/// The laboratory by itself; `asked` is what an address names: nothing for the table, or a claim with its sliders.
#[component]
pub fn Laboratory(asked: String) -> impl IntoView {
    piece(|| Box::pin(open_plain()), move |laboratory| laboratory(asked.clone()))
}

async fn open_plain() -> Result<fn(String) -> AnyView, SplitLoaderError> {
    whole::before_mount().await?;
    plain().await
}

#[wasm_split(later, fallible)]
fn plain() -> Result<fn(String) -> AnyView, SplitLoaderError> {
    Ok(|asked| sheet::laboratory(&asked, true))
}

/// The sheet with the whole catalogue: a claim may name any entry.
async fn open() -> Result<fn() -> AnyView, SplitLoaderError> {
    whole::before_mount().await?;
    sheet().await
}

#[wasm_split(later, fallible)]
fn sheet() -> Result<fn() -> AnyView, SplitLoaderError> {
    Ok(|| view! { <sheet::Sheet /> })
}

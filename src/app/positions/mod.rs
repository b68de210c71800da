//! The position laboratory: what every scheme of the catalogue does to scores over distance, one beside the other, within and past the trained length.
//!
//! Everything but the button, its style sheet too, is a piece of the program that is fetched when it is pressed.
//!
//! | file | what it holds |
//! |---|---|
//! | `sheet` | the dialog and its settings |
//! | `desk` | what is set, and what came back from the workers |
//! | `measure` | asking the workers; the newest settings win |
//! | `chart` | the lines that are switched on; one line, small |
//! | `tiles` | every scheme, small: switches of the lines |
//! | `detail` | one scheme: its scores as a square, past the trained length |
//! | `times` | tokens on an axis of time, to be dragged |
#![allow(improper_ctypes_definitions, reason = "both sides of a cut are this one compilation")]

mod chart;
mod desk;
mod detail;
mod measure;
mod sheet;
mod tiles;
mod times;

use leptos::prelude::*;
use wasm_split_helpers::{SplitLoaderError, wasm_split};

use super::whole;
use crate::app::piece::{laboratory, piece};
use crate::app::view::view;
use crate::experiment::LaboratoryId;

/// The button, and the sheet that it opens.
#[component]
pub fn Compare() -> impl IntoView {
    laboratory(("Compare schemes", "比较方案"), LaboratoryId::Positions, "quiet-button more-entries", || {
        Box::pin(open())
    })
}

/// The laboratory by itself.
#[component]
pub fn Laboratory() -> impl IntoView {
    piece(|| Box::pin(open_plain()), |laboratory| laboratory())
}

async fn open_plain() -> Result<fn() -> AnyView, SplitLoaderError> {
    whole::before_mount().await?;
    plain().await
}

#[wasm_split(later, fallible)]
fn plain() -> Result<fn() -> AnyView, SplitLoaderError> {
    Ok(|| sheet::plain(measure::Stop::default()))
}

/// The sheet with everything that it compares.
async fn open() -> Result<fn() -> AnyView, SplitLoaderError> {
    whole::before_mount().await?;
    sheet().await
}

#[wasm_split(later, fallible)]
fn sheet() -> Result<fn() -> AnyView, SplitLoaderError> {
    Ok(|| {
        view! { <sheet::Sheet /> }
    })
}

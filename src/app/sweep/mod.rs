//! The timing laboratory: times over sizes, workers and ways of computing, measured here, with intervals, laws and charts.
//!
//! Everything but the button is a piece of the program that is fetched when it is pressed. What is measured next, and what follows from it, is
//! `analysis::sweep`; here the workers are asked, and it is drawn.
//!
//! | file | what it holds |
//! |---|---|
//! | `sheet` | the dialog: what to measure, how far it is |
//! | `desk` | what is set, and what came of it |
//! | `measure` | asking the workers for a sweep |
//! | `batch` | one sample |
//! | `results` | charts, sentences, table, conditions |
#![allow(improper_ctypes_definitions, reason = "both sides of a cut are this one compilation")]

mod batch;
mod desk;
mod measure;
mod results;
mod sheet;

pub use batch::{Batch, batch, painted, step};

use leptos::prelude::*;
use wasm_split_helpers::{SplitLoaderError, wasm_split};

use super::piece::laboratory;
use super::view::view;
use super::whole;
use crate::experiment::LaboratoryId;

/// The button, and the sheet that it opens.
#[component]
pub fn TimingLab() -> impl IntoView {
    laboratory(("Timing laboratory", "计时实验室"), LaboratoryId::Timing, "quiet-button compare__open", || {
        Box::pin(open())
    })
}

/// The sheet, with everything that it compares.
async fn open() -> Result<fn() -> AnyView, SplitLoaderError> {
    whole::before_mount().await?;
    sheet().await
}

#[wasm_split(later, fallible)]
fn sheet() -> Result<fn() -> AnyView, SplitLoaderError> {
    Ok(|| view! { <sheet::Sheet /> })
}

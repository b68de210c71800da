//! The CPU and the GPU side by side: the experiment as it is, computed by both, with times, pictures and the largest difference.
//!
//! Everything but the button is a piece of the program that is fetched when it is pressed.
#![allow(improper_ctypes_definitions, reason = "both sides of a cut are this one compilation")]

mod kernels;
mod picture;
mod runs;
mod sheet;

pub use picture::{Picture, Ramp};

use std::sync::Arc;

use leptos::prelude::*;
use wasm_split_helpers::{SplitLoaderError, wasm_split};

use crate::app::i18n::t;
use crate::app::piece::{opener, piece};
use crate::app::reactive::RwSignal;
use crate::app::view::{handler, view};
use crate::engine::KernelText;

/// The button, and the sheet that it opens.
#[component]
pub fn Compare() -> impl IntoView {
    // What it shows belongs to the experiment as it was when the button was pressed.
    opener(("Compare CPU and GPU", "比较 CPU 与 GPU"), || Box::pin(sheet()))
}

/// The texts of the kernels that made the result, behind a button.
#[component]
pub fn ReadKernels(
    /// The texts.
    texts: Arc<Vec<KernelText>>,
) -> impl IntoView {
    let asked = RwSignal::new(false);
    view! {
        {move || {
            let texts = texts.clone();
            if asked.get() {
                piece(|| Box::pin(kernels()), move |kernels| kernels(texts.clone()))
            } else {
                view! { <button type="button" class="quiet-button compare__open" on:click=handler(move |_| asked.set(true))>{t("Read the kernels", "查看计算核")}</button> }
            }
        }}
    }
}

/// What draws the texts, once its piece is here.
type Draw = fn(Arc<Vec<KernelText>>) -> AnyView;

#[wasm_split(later, fallible)]
fn kernels() -> Result<Draw, SplitLoaderError> {
    Ok(|texts| view! { <kernels::Kernels texts=texts /> })
}

#[wasm_split(later, fallible)]
fn sheet() -> Result<fn() -> AnyView, SplitLoaderError> {
    Ok(|| view! { <sheet::Sheet /> })
}

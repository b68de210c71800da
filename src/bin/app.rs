//! The program: the page, and what its workers run. It is compiled once and cut into pieces afterwards; workers start from the page's own module
//! and fetch the pieces that only they need.
#![allow(improper_ctypes_definitions, reason = "both sides of a cut are this one compilation")]

use attention_playground::engine::cpu::Kernels;
use attention_playground::engine::worker::cpu as worker;
use wasm_bindgen::prelude::wasm_bindgen;
use wasm_bindgen::{JsError, JsValue};
use wasm_bindgen_futures::spawn_local;
use wasm_split_helpers::{SplitLoaderError, wasm_split};

fn main() {
    // A worker instantiates the same module and then calls `compute`.
    if web_sys::window().is_some() {
        attention_playground::app::start();
    }
}

/// Makes this worker one that computes: it answers messages from then on.
///
/// # Errors
/// When a piece of the program does not arrive.
#[wasm_bindgen]
pub async fn compute() -> Result<(), JsError> {
    // On its way while the inner loops are; should it fail, `cpu` below says so.
    spawn_local(async { drop(fetch_cpu().await) });
    let kernels = if worker::has_relaxed_simd() { fused().await } else { separate().await };
    let missing = |_| JsError::new("a part of the program did not arrive");
    cpu(kernels.map_err(missing)?).await.map_err(missing)?.map_err(|error| JsError::new(&format!("{error:?}")))
}

/// Everything that only workers run, but for the inner loops.
#[wasm_split(cpu, fallible, preload(fetch_cpu))]
fn cpu(kernels: &'static Kernels) -> Result<Result<(), JsValue>, SplitLoaderError> {
    Ok(worker::start(kernels))
}

/// The only piece with instructions of relaxed SIMD.
#[wasm_split(fused, fallible)]
fn fused() -> Result<&'static Kernels, SplitLoaderError> {
    Ok(&Kernels::FUSED)
}

#[wasm_split(separate, fallible)]
fn separate() -> Result<&'static Kernels, SplitLoaderError> {
    Ok(&Kernels::SEPARATE)
}

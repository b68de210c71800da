//! The program of the worker that owns the GPU: the only one with wgpu in it. The page fetches it when a run is to go there.

use attention_playground::engine::worker::gpu;
use wasm_bindgen::prelude::wasm_bindgen;

fn main() {}

/// Makes this worker one that computes on the GPU: it answers messages from then on. The device is opened by the first of them.
#[wasm_bindgen]
pub fn compute() {
    gpu::start();
}

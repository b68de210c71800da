//! The CPU engine: 128-bit SIMD on one thread; the pool runs one in each worker.
//!
//! | file | what it holds |
//! |---|---|
//! | `lane`, `exp` | four f32 lanes; e^x on them |
//! | `gemm`, `pack` | the two products and the panels they read |
//! | `softmax`, `weights` | running maximum and sum; scores to final weights |
//! | `blocks` | packed tensors, tile maps, masked scores of a block |
//! | `streaming`, `materialised` | the two algorithms |
//! | `careful` | the path for input with NaN or infinities |
//! | `map` | pictures of any rectangle of any stage |

mod blocks;
mod careful;
mod exp;
mod gemm;
mod lane;
mod map;
mod materialised;
mod pack;
mod softmax;
mod streaming;
mod weights;

use super::item::Engine;
use crate::attention::{Inputs, Plan};

pub use blocks::ROWS as TILE_ROWS;
pub use gemm::KEYS as TILE_KEYS;

macro_rules! kernel_name {
    ($algorithm:literal, $tile:literal) => {
        if cfg!(all(target_arch = "wasm32", feature = "relaxed")) {
            concat!("cpu-", $algorithm, "-relaxed-", $tile)
        } else if cfg!(target_arch = "wasm32") {
            concat!("cpu-", $algorithm, "-simd128-", $tile)
        } else {
            concat!("cpu-", $algorithm, "-native-", $tile)
        }
    };
}

const KERNEL_STREAMING: &str = kernel_name!("streaming", "4x8");
const KERNEL_MATERIALISED: &str = kernel_name!("materialised", "4x8");

/// The engine that holds the score matrix, stage after stage.
pub fn materialised(plan: &Plan, inputs: &Inputs) -> Box<dyn Engine> {
    if inputs.finite() {
        Box::new(materialised::Materialised::new(plan))
    } else {
        Box::new(careful::Careful::new(plan, "cpu-materialised-scalar-select"))
    }
}

/// The engine that never holds the score matrix.
pub fn streaming(plan: &Plan, inputs: &Inputs) -> Box<dyn Engine> {
    if inputs.finite() {
        Box::new(streaming::Streaming::new(plan))
    } else {
        Box::new(careful::Careful::new(plan, "cpu-streaming-scalar-select"))
    }
}

#[cfg(test)]
mod tests;

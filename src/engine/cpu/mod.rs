//! The CPU engine: 128-bit SIMD on one thread; the pool runs one in each worker.
//!
//! | file | what it holds |
//! |---|---|
//! | `lane`, `exp`, `finite` | four f32 lanes; e^x on them; whether a tensor is finite |
//! | `kernels` | the inner loops as a table, one for each kind of multiply-add |
//! | `gemm`, `pack` | the two products and the panels they read |
//! | `meet` | both with online softmax between, for a tile without a mask |
//! | `ordered` | products, online softmax, softcap, biases and what gradients settle, as the browser runs them, written by `build/` |
//! | `shared` | sizes and constants of both |
//! | `softmax`, `weights`, `cap`, `change` | running maximum and sum; scores to final weights; the softcap; that and a bias, for all rows of a tile |
//! | `blocks`, `rules` | packed tensors, tile maps, masked scores of a block; its rules |
//! | `streaming`, `materialised` | the two algorithms |
//! | `backward` | gradients |
//! | `careful` | the path for input with NaN or infinities |
//! | `triad` | what memory gives at most |
//! | `map` | pictures of any rectangle of any stage |

mod backward;
mod blocks;
#[cfg_attr(in_browser, allow(dead_code, reason = "the browser runs what is generated from the same plan"))]
mod cap;
mod careful;
#[cfg_attr(in_browser, allow(dead_code, reason = "the browser runs what is generated from the same plan"))]
mod change;
mod exp;
mod finite;
#[cfg_attr(in_browser, allow(dead_code, reason = "the browser runs what is generated from the same plan"))]
mod gemm;
mod kernels;
mod lane;
mod map;
mod materialised;
#[cfg_attr(in_browser, allow(dead_code, reason = "the browser runs what is generated from the same plan"))]
mod meet;
#[cfg(in_browser)]
mod ordered;
mod pack;
mod rules;
mod shared;
#[cfg_attr(in_browser, allow(dead_code, reason = "the browser runs what is generated from the same plan"))]
mod softmax;
mod streaming;
mod triad;
mod weights;

use super::item::Engine;
use crate::attention::Plan;
use crate::experiment::Algorithm;

pub use backward::{Backward, Sources, measured};
pub use blocks::ROWS as TILE_ROWS;
pub use finite::finite;
pub use gemm::KEYS as TILE_KEYS;
pub use kernels::Kernels;
#[cfg(in_browser)]
pub use ordered::put;
pub use triad::Triad;

/// The engine that holds the score matrix, stage after stage. The input must be finite.
pub fn materialised(plan: &Plan, kernels: &'static Kernels) -> Box<dyn Engine> {
    Box::new(materialised::Materialised::new(plan, kernels))
}

/// The engine that never holds the score matrix. The input must be finite.
pub fn streaming(plan: &Plan, kernels: &'static Kernels) -> Box<dyn Engine> {
    Box::new(streaming::Streaming::new(plan, kernels))
}

/// The engine for input with NaN or infinities.
pub fn careful(plan: &Plan, algorithm: Algorithm, kernels: &'static Kernels) -> Box<dyn Engine> {
    let name = match algorithm {
        Algorithm::Materialised => "cpu-materialised-scalar-select",
        Algorithm::Streaming | Algorithm::Auto => "cpu-streaming-scalar-select",
    };
    Box::new(careful::Careful::new(plan, kernels, name))
}

#[cfg(test)]
mod tests;

//! Engines: who computes a plan, item by item. `reference` is readable f64 and the judge; `cpu` is SIMD in a pool of workers;
//! `gpu` (feature `gpu`) is WebGPU in a worker of its own.
//!
//! A [`Session`] holds one plan with its inputs and computes items of it; it is all that a worker runs, and all that native tests run.
//! The pool (web) cuts a run into items, sends them to workers and merges what comes back into an [`Outcome`].

pub mod backward;
pub mod cpu;
#[cfg(feature = "gpu")]
pub mod gpu;
pub mod item;
#[cfg(feature = "web")]
pub mod json;
pub mod once;
pub mod outcome;
pub mod pool;
pub mod protocol;
pub mod reference;
pub mod session;

#[cfg(feature = "web")]
pub mod worker;

pub use item::{Clock, Engine, KernelText, Map, MapRequest, Pool, Rows, RowsOut, StageTimes, TimedStage, Want};
pub use outcome::{Adapter, Choice, Copies, Merge, Outcome, Report};
pub use session::Session;

/// Query rows and keys of a tile of the CPU's kernels.
pub const TILE: (usize, usize) = (cpu::TILE_ROWS, cpu::TILE_KEYS);

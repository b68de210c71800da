//! The GPU engine: WebGPU in a worker of its own, Vulkan natively, both through wgpu.
//!
//! It computes what the CPU engine computes, from the same [`Plan`](crate::attention::Plan) and
//! [`Inputs`](crate::attention::Inputs), and gives the same [`RowsOut`](super::item::RowsOut) and [`Map`](super::item::Map)s. Only its
//! shape differs: a GPU is waited for, so [`GpuSession`] has the methods of [`Session`](super::Session) as `async` ones, without
//! [`Engine`](super::item::Engine), whose calls return at once. Nothing here blocks in a browser; natively a wait polls the device.
//!
//! ```text
//! GpuHost::gpu ─ opens, runs the canary, replaces a lost device once ─> Rc<Gpu>
//! GpuSession::new(gpu, plan, inputs) ─ prepares, pads, uploads
//!     .next(want)  the next 50 ms of a run: rows of one or many heads      (stop calling = cancel)
//!     .run(rows)  rows that are asked for, as few submissions as they take
//!     .maps(requests)  pictures of any rectangles of any stages, small ones together
//!     .take_texts()  the WGSL that came into use
//! ```
//!
//! | file | what it holds |
//! |---|---|
//! | `error` | what can go wrong |
//! | `device`, `features`, `facts`, `host`, `canary` | the device, what it is opened with, what it says of itself, who replaces it, how it earns trust |
//! | `memory`, `scratch`, `shard` | buffers within the limits, readback ring; buffers that pieces share; tensors in bindings of 128 MiB |
//! | `pipelines`, `kernel`, `program`, `job` | kernels kept by their text; which there are; a plan as kernel texts; the numbers of one piece |
//! | `tiers`, `edits` | subgroups and 16-bit numbers, for those who ask for them; the lines that they change |
//! | `tiles`, `cut` | live tiles and mask bits; how much one submission does |
//! | `recorder` | passes with their times |
//! | `evaluate` | one kernel over words, for checks |
//! | `backward/` | gradients, without a session |
//! | `operators` | linear attention and rotary embedding, without a session |
//! | `session`, `run`, `streaming`, `materialised`, `picture`, `sums` | the engine |
//! | `shaders/` | the kernels; formulas and constants are put in front of them |
//!
//! What WGSL leaves open is kept out of the way. Infinities are finite sentinels, weights of masked keys are selected and not multiplied
//! away, tables of one variable come from the CPU, and masks that rounding could flip are evaluated there and sent as bits. Input with NaN
//! or infinities is declined. Everything stays within the default limits, so that what runs here runs on every
//! device; what goes beyond (`tiers`) is asked for by somebody and done without where it is not there.

mod backward;
mod canary;
mod cut;
mod device;
mod edits;
mod error;
mod evaluate;
mod facts;
mod features;
mod host;
mod job;
mod kernel;
mod materialised;
mod memory;
mod operators;
mod picture;
mod pipelines;
mod program;
mod recorder;
mod run;
mod scratch;
mod session;
mod shard;
mod streaming;
mod sums;
mod tiers;
mod tiles;

pub use backward::{GpuBackward, GradientProgram, Pass};
pub use canary::{canary, gradients_canary};
pub use device::Gpu;
pub use error::GpuError;
pub use host::GpuHost;
pub use kernel::Kernel;
pub use operators::{GpuOperated, operate, source as operator_source};
pub use program::Program;
pub use session::GpuSession;
pub use streaming::Height;
pub use tiers::{Build, F16_PRECISION, Offers};
pub use tiles::{TILE_KEYS, TILE_ROWS};

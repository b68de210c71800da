//! The inner loops as a table of functions, one table for each kind of multiply-add.
//!
//! All else of the engine exists once and calls through the table: a call costs nothing beside the thousands of multiplications behind it. In the
//! browser each table is a module of its own, so that a browser without relaxed SIMD never meets one of its instructions.

use super::change::Change;
use super::gemm::{GROUP, Panels, RowBlock, Step};
use super::lane::{Fused, Separate, Tier};
use super::meet::Meeting;
use super::softmax::{self, Running};

/// What `build/` wrote, in the browser; nothing elsewhere.
#[cfg(in_browser)]
macro_rules! ordered {
    ($name:literal) => {
        include_bytes!(concat!(env!("OUT_DIR"), "/ordered_", $name, ".wasm"))
    };
}
#[cfg(not(in_browser))]
macro_rules! ordered {
    ($name:literal) => {
        &[]
    };
}

/// As `gemm::values`.
type Values = fn(usize, &[RowBlock], Panels, usize, usize, &[f32; GROUP], &mut [[Step; GROUP]]);

/// As `backward::settle`.
type Settle = fn(&mut [RowBlock], &mut [RowBlock], usize, &[[f32; 2]; GROUP], Option<f32>);

/// Inner loops with one kind of multiply-add. The functions' meaning stands with the generic ones they are instances of.
pub struct Kernels {
    /// What the tier is called: `simd128`, `relaxed-simd128`, `native`.
    pub tier: &'static str,
    /// The module with those functions that are generated, empty natively: see `ordered`.
    code: &'static [u8],
    /// Name of the streaming kernel built on it.
    pub(super) streaming: &'static str,
    /// Name of the materialised kernel built on it.
    pub(super) materialised: &'static str,
    pub(super) scores: fn(usize, &[f32], usize, &[Step], &mut [RowBlock]),
    pub(super) dots: fn(&[f32], &[f32], &mut [f32]),
    pub(super) values: Values,
    pub(super) soften: fn(&mut [RowBlock], usize, &mut [Running], &mut [f32; GROUP]),
    pub(super) meet: fn(Meeting),
    pub(super) weigh: fn(&mut [Step], f32) -> f32,
    pub(super) moment: fn(&[Step], f32) -> f32,
    pub(super) sigmoid: fn(&mut [Step], f32),
    pub(super) cap: fn(&mut [Step], f32),

    pub(super) settle: Settle,
    pub(super) change: fn(&Change, usize, usize, usize, &mut [RowBlock]),
}

impl Kernels {
    /// Product and sum rounded apart: what every browser has.
    pub const SEPARATE: Self = if cfg!(target_arch = "wasm32") {
        let names = ["simd128", "cpu-streaming-simd128-6x8", "cpu-materialised-simd128-6x8"];
        Self::of::<Separate>(ordered!("separate"), names)
    } else {
        Self::of::<Separate>(&[], ["native", "cpu-streaming-native-6x8", "cpu-materialised-native-6x8"])
    };

    /// Relaxed SIMD's multiply-add: one rounding where the processor fuses.
    pub const FUSED: Self = Self::of::<Fused>(
        ordered!("fused"),
        ["relaxed-simd128", "cpu-streaming-relaxed-6x8", "cpu-materialised-relaxed-6x8"],
    );

    const fn of<T: Tier>(code: &'static [u8], [tier, streaming, materialised]: [&'static str; 3]) -> Self {
        #[cfg(in_browser)]
        use super::ordered::{cap, change, meet, scores, settle, soften, values};
        #[cfg(not(in_browser))]
        let (scores, values) = (super::gemm::scores::<T>, super::gemm::values::<T>);
        #[cfg(not(in_browser))]
        let (soften, meet) = (softmax::soften::<T>, super::meet::meet::<T>);
        #[cfg(not(in_browser))]
        let (cap, change, settle) = (super::cap::cap::<T>, super::change::change::<T>, super::backward::settle::<T>);
        Self {
            tier,
            code,
            streaming,
            materialised,
            scores,
            dots: super::gemm::dots::<T>,
            values,
            soften,
            meet,
            weigh: softmax::weigh::<T>,
            moment: softmax::moment::<T>,
            sigmoid: softmax::sigmoid::<T>,
            cap,
            change,
            settle,
        }
    }

    /// The generated module, empty natively.
    pub fn code(&self) -> &'static [u8] {
        self.code
    }
}

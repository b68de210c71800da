//! Operators beside attention, as ONNX names them: LinearAttention and RotaryEmbedding. They have no plan: an [`Operator`] is its sizes, and
//! its tensors are row-major `[batch, heads, length, size]`.
//!
//! Each is written once over [`Real`]: in `f32` it is the CPU's kernel, in `f64` the reference. The GPU has kernels of its own for both.

mod linear;
mod rotary;

use std::ops::{Add, Mul, Sub};

pub use linear::{LinearAttention, UpdateRule};
pub use rotary::RotaryEmbedding;

use super::Cost;
use super::tiles::TileCounts;
use crate::experiment::Backend;

/// The numbers that an operator is computed in.
pub trait Real: Copy + Add<Output = Self> + Sub<Output = Self> + Mul<Output = Self> {
    /// Nought.
    const ZERO: Self;
    /// The number, exactly.
    fn of(x: f32) -> Self;
    /// The nearest single.
    fn single(self) -> f32;
    /// e to its power.
    fn exp(self) -> Self;
}

impl Real for f32 {
    const ZERO: Self = 0.0;

    fn of(x: f32) -> Self {
        x
    }

    fn single(self) -> f32 {
        self
    }

    fn exp(self) -> Self {
        self.exp()
    }
}

impl Real for f64 {
    const ZERO: Self = 0.0;

    fn of(x: f32) -> Self {
        x.into()
    }

    fn single(self) -> f32 {
        self as f32
    }

    fn exp(self) -> Self {
        self.exp()
    }
}

/// An operator with its sizes; its tensors come beside it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Operator {
    /// A recurrence over a matrix-valued state.
    LinearAttention(LinearAttention),
    /// Rotation of pairs by their position's angles.
    RotaryEmbedding(RotaryEmbedding),
}

impl Operator {
    /// Lengths of the tensors that it takes, in the order of its `compute`; 0 where one is absent.
    pub fn inputs(&self) -> Vec<usize> {
        match self {
            Self::LinearAttention(linear) => linear.inputs().to_vec(),
            Self::RotaryEmbedding(rotary) => rotary.inputs().to_vec(),
        }
    }

    /// Lengths of the tensors that it gives. Of sizes that no memory could hold, [`usize::MAX`].
    pub fn outputs(&self) -> Vec<usize> {
        match self {
            Self::LinearAttention(linear) => linear.outputs().to_vec(),
            Self::RotaryEmbedding(rotary) => vec![rotary.x_len()],
        }
    }

    /// Computes it: tensors of the lengths [`Operator::inputs`] in, those of [`Operator::outputs`] out; nothing where there are not as many
    /// tensors as it takes.
    pub fn compute<R: Real>(&self, inputs: &[Vec<f32>]) -> Vec<Vec<f32>> {
        match (self, inputs) {
            (Self::LinearAttention(linear), [q, k, v, decay, beta, past]) => {
                linear.compute::<R>(q, k, v, decay, beta, past).into()
            }
            (Self::RotaryEmbedding(rotary), [x, cos, sin]) => vec![rotary.compute::<R>(x, cos, sin)],
            _ => Vec::new(),
        }
    }

    /// The kernel's name as users see it.
    pub fn kernel(&self, backend: Backend) -> &'static str {
        match (self, backend) {
            (Self::LinearAttention(_), Backend::Webgpu) => "gpu-linear-recurrent-f32",
            (Self::LinearAttention(_), Backend::Reference) => "reference-linear-recurrent-f64",
            (Self::LinearAttention(_), Backend::Cpu | Backend::Auto) => "cpu-linear-recurrent-f32",
            (Self::RotaryEmbedding(_), Backend::Webgpu) => "gpu-rotary-pointwise-f32",
            (Self::RotaryEmbedding(_), Backend::Reference) => "reference-rotary-pointwise-f64",
            (Self::RotaryEmbedding(_), Backend::Cpu | Backend::Auto) => "cpu-rotary-pointwise-f32",
        }
    }

    /// Multiplications and additions; and every tensor, taken or given, once in single precision.
    pub fn cost(&self) -> Cost {
        let flops = match self {
            Self::LinearAttention(linear) => linear.flops(),
            Self::RotaryEmbedding(rotary) => rotary.flops(),
        };
        let numbers: f64 = self.inputs().into_iter().chain(self.outputs()).map(|length| length as f64).sum();
        Cost { flops, bytes: 4.0 * numbers, tiles: TileCounts::default() }
    }
}

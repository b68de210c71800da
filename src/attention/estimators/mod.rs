//! Structured and inexact mechanisms in attention's place, each with what it is off by: the same Q, K and V give the estimate, exact attention
//! in double precision, and the distance of one from the other.
//!
//! | file | what it holds |
//! |---|---|
//! | `choose` | from an entry of the catalogue to a [`Method`] |
//! | `head` | one head's tensors; exact attention; the online softmax that tiles are merged by |
//! | `trace` | what is kept of the way: norms and pictures of a state, errors of steps |
//! | `linear` | linear attention and its rules; retention |
//! | `levels` | log-linear attention |
//! | `performer`, `lowrank` | random features; Linformer and Nyströmformer |
//! | `blocks`, `hierarchy` | ring attention and block summaries; H-Transformer-1D and two levels |
//! | `recurrent`, `convolution` | baselines, which approximate nothing |
//! | `cost` | operations, bytes, and what is kept for the next token |
//!
//! Everything is written once over [`Real`]: in `f32` it is the CPU's kernel, in `f64` the reference.

mod blocks;
mod choose;
mod convolution;
mod cost;
mod head;
mod hierarchy;
mod levels;
mod linear;
mod lowrank;
mod performer;
mod recurrent;
mod trace;

use super::dims::Dims;
use super::operators::Real;

pub use choose::{alone, direction_of, fits};
pub use convolution::Kernel;
pub use head::Running;
pub use linear::Feature;
pub use recurrent::Cell;

use head::{Head, exact};
use trace::Trace;

/// Most cells `batch · heads · queries · keys` of the exact attention that stands beside an estimate.
pub const MAX_CELLS: usize = 1 << 24;

/// A mechanism with its parameters.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Method {
    /// A sum of outer products `φ(k) vᵀ` (Katharopoulos et al. 2020).
    Linear {
        /// φ.
        feature: Feature,
        /// Whether it is divided by the sum of `φ(q)·φ(k)`.
        normalised: bool,
    },
    /// The sum fades (Yang et al. 2023); here by the same share at every step.
    Gated {
        /// The share that a step leaves.
        decay: f64,
    },
    /// Keys and queries of length 1; a step replaces what the key reads (Schlag et al. 2021).
    Delta {
        /// The share that is replaced.
        rate: f64,
    },
    /// Both (Yang et al. 2024).
    GatedDelta {
        /// The share that a step leaves.
        decay: f64,
        /// The share that is replaced.
        rate: f64,
    },
    /// Both, with a decay for each place of the key (Kimi Team 2025): here even in ratio from `fast` to `slow`.
    Kda {
        /// The share that a step leaves at the first place.
        fast: f64,
        /// The share that a step leaves at the last place.
        slow: f64,
        /// The share that is replaced.
        rate: f64,
    },
    /// Decay `1 − 2^(−5−h)` of head `h` (Sun et al. 2023).
    Retention,
    /// Buckets of a Fenwick tree, each level with a weight of its own (Guo et al. 2025): here `lambda^level`.
    LogLinear {
        /// The weight of level 1.
        lambda: f64,
    },
    /// Positive orthogonal random features of the softmax kernel (Choromanski et al. 2020).
    Performer {
        /// How many.
        features: usize,
        /// Seed of the features.
        seed: u64,
    },
    /// Keys and values projected to `rank` rows (Wang et al. 2020).
    Linformer {
        /// Rows.
        rank: usize,
        /// Means of neighbours in place of random numbers.
        pooled: bool,
        /// Seed of the projection.
        seed: u64,
    },
    /// Landmarks and the pseudo-inverse of their weights (Xiong et al. 2021).
    Nystrom {
        /// Landmarks.
        landmarks: usize,
        /// Steps of the pseudo-inverse.
        iterations: usize,
    },
    /// Exact beside the diagonal, means of 2, 4, 8… tokens further away (Zhu and Soricut 2021).
    HTransformer {
        /// Tokens of a block, even.
        block: usize,
    },
    /// Exact inside the query's block, one summary for every other block. Defined here; no paper fixes it.
    BlockSummary {
        /// Tokens of a block.
        block: usize,
    },
    /// Attention over the tokens of each sentence, then over the sentences (Yang et al. 2016), the query in the context vector's place.
    Hierarchical {
        /// Tokens of a sentence.
        block: usize,
        /// Seed of the two projections.
        seed: u64,
    },
    /// Exact: blocks of keys go round a ring of devices (Liu et al. 2023).
    Ring {
        /// Devices.
        devices: usize,
    },
    /// A recurrent network with seeded weights over `[q, k, v]`.
    Recurrent {
        /// Which.
        cell: Cell,
        /// Size of its state.
        hidden: usize,
        /// Seed of its weights.
        seed: u64,
    },
    /// A convolution over the values' tokens.
    Conv1d {
        /// Tokens of the kernel.
        width: usize,
        /// Seed of the kernel.
        seed: u64,
    },
    /// A convolution over the picture that the values' tokens are.
    Conv2d {
        /// Its kernel, and the picture's width, which divides the tokens.
        kernel: Kernel,
        /// Seed of the kernel.
        seed: u64,
    },
}

/// A mechanism over tensors of given sizes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Estimator {
    /// Sizes.
    pub dims: Dims,
    /// The mechanism.
    pub method: Method,
    /// Whether a query sees the keys up to its own place only. The exact attention beside it does the same.
    pub causal: bool,
    /// Factor on Q·K.
    pub scale: f32,
}

/// What an estimator gives, each list over all sequences and query heads.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Estimate {
    /// The estimate `[n_q, d_v]`.
    pub y: Vec<f32>,
    /// Exact attention, computed in double precision, `[n_q, d_v]`.
    pub exact: Vec<f32>,
    /// `‖y − exact‖ / ‖exact‖` of each query, `[n_q]`.
    pub error: Vec<f32>,
    /// The same of the whole head (Frobenius), one number.
    pub total: Vec<f32>,
    /// With a state: its norm after each key, `[n_k]`. Of a ring: the error of each device's queries after each step, `[step, device]`.
    pub trace: Vec<f32>,
    /// With a state: the state after each of [`Estimator::frames`], `[frame, rows, columns]`.
    pub states: Vec<f32>,
}

impl From<Estimate> for Vec<Vec<f32>> {
    fn from(of: Estimate) -> Self {
        vec![of.y, of.exact, of.error, of.total, of.trace, of.states]
    }
}

impl From<Vec<Vec<f32>>> for Estimate {
    /// The lists in their order; those that are not there are empty.
    fn from(lists: Vec<Vec<f32>>) -> Self {
        let mut lists = lists.into_iter();
        let mut next = || lists.next().unwrap_or_default();
        Self { y: next(), exact: next(), error: next(), total: next(), trace: next(), states: next() }
    }
}

impl Estimator {
    /// Lengths of Q, K and V.
    pub fn inputs(&self) -> [usize; 3] {
        [self.dims.q_len(), self.dims.k_len(), self.dims.v_len()]
    }

    /// Lengths of the lists of an [`Estimate`], in their order.
    pub fn outputs(&self) -> [usize; 6] {
        let (dims, heads) = (self.dims, self.dims.batch * self.dims.q_heads);
        let [rows, columns] = self.state_shape().unwrap_or_default();
        let states = heads * self.frames().len() * rows * columns;
        [dims.y_len(), dims.y_len(), dims.rows(), heads, heads * self.trace_len(), states]
    }

    /// Numbers of the trace of a head.
    pub fn trace_len(&self) -> usize {
        match self.method {
            Method::Ring { .. } => self.devices().pow(2),
            _ if self.state_shape().is_some() => self.dims.n_k,
            _ => 0,
        }
    }

    /// Keys after which the state is shown, counted from 0; none without a state. As many as fit, and the last one always.
    pub fn frames(&self) -> Vec<usize> {
        let Some([rows, columns]) = self.state_shape() else { return Vec::new() };
        let heads = self.dims.batch * self.dims.q_heads;
        trace::frames(self.dims.n_k, heads.saturating_mul(rows).saturating_mul(columns))
    }

    /// Devices of a ring: not more than there are queries or keys.
    pub fn devices(&self) -> usize {
        match self.method {
            Method::Ring { devices } => devices.clamp(1, self.dims.n_q.min(self.dims.n_k)),
            _ => 1,
        }
    }

    /// Computes the estimate from Q `[batch, q_heads, n_q, d]`, K and V `[batch, kv_heads, n_k, d or d_v]`.
    pub fn compute<R: Real>(&self, q: &[f32], k: &[f32], v: &[f32]) -> Estimate {
        let mut all = Estimate::default();
        for batch in 0..self.dims.batch {
            for index in 0..self.dims.q_heads {
                let truth = exact(&Head::<f64>::of(self, [q, k, v], batch, index));
                let head = Head::<R>::of(self, [q, k, v], batch, index);
                let mut trace = Trace::new(self.frames());
                let y = self.head(&head, Some(&truth), &mut trace);
                let d_v = self.dims.d_v;
                let rows = y.chunks_exact(d_v).zip(truth.chunks_exact(d_v));
                all.error.extend(rows.map(|(y, truth)| distance(y, truth) as f32));
                all.total.push(distance(&y, &truth) as f32);
                all.y.extend(y.iter().map(|x| x.single()));
                all.exact.extend(truth.iter().map(|&x| x as f32));
                all.trace.append(&mut trace.numbers);
                all.states.append(&mut trace.states);
            }
        }
        all
    }

    /// The estimate alone, unrounded, `[batch, q_heads, n_q, d_v]`.
    pub fn estimate<R: Real>(&self, q: &[f32], k: &[f32], v: &[f32]) -> Vec<R> {
        let heads = (0..self.dims.batch).flat_map(|batch| (0..self.dims.q_heads).map(move |index| (batch, index)));
        let of = |(batch, index)| {
            // The truth is for the errors of a trace, which is not kept.
            self.head(&Head::<R>::of(self, [q, k, v], batch, index), None, &mut Trace::new(Vec::new()))
        };
        heads.flat_map(of).collect()
    }

    /// One head's estimate `[n_q, d_v]`; the exact answer, where it is there, is what errors of steps are measured against.
    fn head<R: Real>(&self, head: &Head<R>, truth: Option<&[f64]>, trace: &mut Trace) -> Vec<R> {
        match self.method {
            Method::Linear { feature, normalised } => linear::sum(head, feature, normalised, trace),
            Method::Gated { decay } => linear::gated(head, decay, trace),
            Method::Retention => linear::gated(head, 1.0 - (-5.0 - head.index as f64).exp2(), trace),
            Method::Delta { rate } => linear::delta(head, [1.0; 2], rate, trace),
            Method::GatedDelta { decay, rate } => linear::delta(head, [decay; 2], rate, trace),
            Method::Kda { fast, slow, rate } => linear::delta(head, [fast, slow], rate, trace),
            Method::LogLinear { lambda } => levels::log_linear(head, lambda, trace),
            Method::Performer { features, seed } => performer::performer(head, features, seed, trace),
            Method::Linformer { rank, pooled, seed } => lowrank::linformer(head, rank, pooled, seed),
            Method::Nystrom { landmarks, iterations } => lowrank::nystrom(head, landmarks, iterations),
            Method::HTransformer { block } => hierarchy::h_transformer(head, block),
            Method::Hierarchical { block, seed } => hierarchy::two_levels(head, block, seed),
            Method::BlockSummary { block } => blocks::summaries(head, block),
            Method::Ring { .. } => blocks::ring(head, self.devices(), truth, trace),
            Method::Recurrent { cell, hidden, seed } => recurrent::run(head, cell, hidden, seed, trace),
            Method::Conv1d { width, seed } => convolution::over_tokens(head, width, seed),
            Method::Conv2d { kernel, seed } => convolution::over_picture(head, kernel, seed),
        }
    }
}

/// `‖y − truth‖ / ‖truth‖`; of a truth that is all 0, 0 where `y` is too and infinity elsewhere.
pub fn distance<R: Real>(y: &[R], truth: &[f64]) -> f64 {
    let off: f64 = y.iter().zip(truth).map(|(y, t)| (y.double() - t).powi(2)).sum();
    let size: f64 = truth.iter().map(|t| t * t).sum();
    if off == 0.0 { 0.0 } else { (off / size).sqrt() }
}

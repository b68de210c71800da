//! The problem: every slot of the attention pipeline as plain data, filled from an experiment or from a request of the JavaScript API.
//!
//! Order of the slots: lowering (see [`Lowering`]); encodings; rotation of Q and K; Q·K; scale; bias before the cap; softcap; bias and score formulas; masks, and-ed;
//! sink logit; normaliser; probability formula; V.

use std::sync::Arc;

use super::dims::Dims;
use super::lowering::Lowering;
use super::rotation::Rotation;
use crate::experiment::Patch;
use crate::formula::{Data, Scalar, Sorted};

/// One formula with everything it reads.
#[derive(Clone, Debug, PartialEq)]
pub struct Term {
    /// The formula's text.
    pub text: String,
    /// Values of the parameters it names.
    pub params: Sorted<String, Scalar>,
    /// Tables it reads.
    pub data: Sorted<String, Arc<Data>>,
    /// The field of the experiment or request it came from; issues carry it.
    pub path: String,
}

impl Term {
    /// A formula without parameters or tables.
    pub fn new(path: &str, text: &str) -> Self {
        Self { text: text.to_owned(), params: Sorted::new(), data: Sorted::new(), path: path.to_owned() }
    }

    /// Adds the value of a parameter.
    #[must_use]
    pub fn param(mut self, name: &str, value: Scalar) -> Self {
        self.params.insert(name.to_owned(), value);
        self
    }

    /// Adds a table.
    #[must_use]
    pub fn data(mut self, name: &str, data: Data) -> Self {
        self.data.insert(name.to_owned(), Arc::new(data));
        self
    }
}

/// Encodings added to the rows of Q and of K before anything else. (A model adds them to its input X before the projections; where only Q
/// and K are at hand they are added to those, and the page says so.)
#[derive(Clone, Debug, PartialEq)]
pub enum Encoding {
    /// `sin(p / base^(2i/d))` at even, `cos` at odd places (Vaswani et al. 2017, section 3.5).
    Sinusoidal {
        /// The longest wavelength over 2π; 10 000 in the paper.
        base: f64,
        /// Factor on the table.
        gain: f32,
    },
    /// A learned table, here of seeded normal numbers, with `trained` rows.
    Learned {
        /// Rows of the table.
        trained: usize,
        /// Seed of its numbers.
        seed: u64,
        /// Factor on the table.
        gain: f32,
        /// What positions past its end take.
        beyond: Beyond,
    },
}

/// What positions past the end of a learned table take.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Beyond {
    /// Its last row.
    #[default]
    Clamp,
    /// Its rows again from the first.
    Wrap,
    /// Rows between its rows: positions are squeezed so that the last one of all takes the last row (Chen et al. 2023).
    Interpolate,
}

impl Beyond {
    /// What a position takes of a table of `rows` rows, where positions reach up to `last`, which is not among them: two rows, and the part of the second.
    pub fn rows(self, position: i64, rows: usize, last: i64) -> (usize, usize, f32) {
        let end = rows.max(1) - 1;
        match self {
            Self::Interpolate if last > rows as i64 => {
                let at = position.clamp(0, last - 1) as f64 * (end as f64 / (last as f64 - 1.0).max(1.0));
                let low = at.floor() as usize;
                (low, (low + 1).min(end), at.fract() as f32)
            }
            Self::Wrap => {
                let row = position.rem_euclid(rows.max(1) as i64) as usize;
                (row, row, 0.0)
            }
            _ => {
                let row = position.clamp(0, end as i64) as usize;
                (row, row, 0.0)
            }
        }
    }
}

/// How a row of scores becomes weights.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Normaliser {
    /// `e^s / Σ e^s` over the allowed keys.
    Softmax,
    /// `e^s / (1 + Σ e^s)`: a row may give nothing to anyone (Miller 2023; the same as a sink logit of 0).
    OffByOne,
    /// `1 / (1 + e^(-s - bias))`, each key by itself (Ramapuram et al. 2024), with `bias = -ln n_k`.
    Sigmoid,
    /// `max(0, s − τ)`, with `τ` so that the row sums to one (Martins and Astudillo 2016).
    Sparsemax,
    /// `max(0, s/2 − τ)²`, with `τ` so that the row sums to one: entmax with α = 1.5 (Peters et al. 2019).
    Entmax,
    /// `max(0, s)² / n_k`, each key by itself (Hua et al. 2022).
    SquaredRelu,
    /// `e^s`, each key by itself: the softmax over queries, where the logarithm of its column's sum is already taken from `s` (Locatello et al. 2020).
    Exponential,
}

impl Normaliser {
    /// The logit that stands beside a row's scores without giving anything, of a head whose own is `own`; `None` where nothing does.
    pub fn sink(self, own: Option<f32>) -> Option<f32> {
        match (self, own) {
            (Self::Softmax, own) => own,
            (Self::OffByOne, None) => Some(0.0),
            (Self::OffByOne, Some(s)) => Some(s.max(0.0) + (-s.abs()).exp().ln_1p()),
            // Nothing else sums exponentials over a row.
            _ => None,
        }
    }
}

/// All slots of the pipeline. Plain data: it crosses into workers and is compiled there.
#[derive(Clone, Debug, PartialEq)]
pub struct Problem {
    /// Sizes, those after the changes of a lowering.
    pub dims: Dims,
    /// What is computed from the contents of Q and K before the problem is opened.
    pub lowering: Option<Box<Lowering>>,
    /// `q_pos = q + offset[b % len]`; empty means 0. With a cache: the keys before the first query.
    pub offset: Vec<i32>,
    /// Added to Q and K.
    pub encoding: Option<Encoding>,
    /// Rotation of Q and K.
    pub rotation: Option<Rotation>,
    /// Factor on Q·K; a temperature is part of it.
    pub scale: f32,
    /// Score formulas before the softcap.
    pub bias_before_cap: Vec<Term>,
    /// `c · tanh(s / c)`.
    pub softcap: Option<f32>,
    /// Score formulas after the softcap, in this order: added masks, position biases, the user's own.
    pub bias: Vec<Term>,
    /// Mask formulas; a key is allowed where all say so.
    pub masks: Vec<Term>,
    /// Rectangles switched by hand over the masks; the last one that holds a cell decides it.
    pub paint: Vec<Patch>,
    /// One logit per head that takes part in the softmax and has no value.
    pub sink: Option<Vec<f32>>,
    /// Scores to weights.
    pub normaliser: Normaliser,
    /// Formula over `p`, after the normaliser.
    pub probability: Option<Term>,
}

impl Problem {
    /// Whether any key may be masked.
    pub fn masked(&self) -> bool {
        !self.masks.is_empty() || !self.paint.is_empty()
    }

    /// Plain attention: softmax of `Q·K / sqrt(d)`, no mask.
    pub fn plain(dims: Dims) -> Self {
        Self {
            dims,
            lowering: None,
            offset: Vec::new(),
            encoding: None,
            rotation: None,
            scale: 1.0 / (dims.d.max(1) as f32).sqrt(),
            bias_before_cap: Vec::new(),
            softcap: None,
            bias: Vec::new(),
            masks: Vec::new(),
            paint: Vec::new(),
            sink: None,
            normaliser: Normaliser::Softmax,
            probability: None,
        }
    }
}

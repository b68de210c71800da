//! Items of work and what comes back from them.

use std::ops::Range;

use serde::Serialize;

use crate::attention::{Dims, Inputs, Plan};
use crate::experiment::Stage;

/// Milliseconds from an arbitrary start; `performance.now()` in a worker, a monotonic clock in native benches.
pub type Clock = fn() -> f64;

/// Query rows of one head: the smallest piece a run is cut into.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rows {
    /// Sequence.
    pub batch: usize,
    /// Query head.
    pub head: usize,
    /// Queries.
    pub q: Range<usize>,
}

/// What a run wants beside the output and the log-sum-exp.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Want {
    /// Entropy, largest weight and its key, per row.
    pub stats: bool,
    /// The whole matrix of one stage, `[rows, n_k]`; masked cells are −∞ in score stages and 0 in weights.
    pub matrix: Option<Stage>,
}

/// How cells of the matrix that share a pixel are merged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Pool {
    /// The largest value (of scores: by absolute value).
    #[default]
    Max,
    /// The mean over the cells that the mask allows.
    Mean,
    /// A sample: the largest value of one of the pixel's rows.
    SampledMax,
    /// A sample: the mean of one of the pixel's rows.
    SampledMean,
}

impl Pool {
    /// What merges the cells of the one row that a sample looks at; nothing where every cell is looked at.
    pub fn sampled(self) -> Option<Self> {
        match self {
            Self::Max | Self::Mean => None,
            Self::SampledMax => Some(Self::Max),
            Self::SampledMean => Some(Self::Mean),
        }
    }

    /// The same by looking at one row of each pixel only.
    #[must_use]
    pub fn sample(self) -> Self {
        match self {
            Self::Max | Self::SampledMax => Self::SampledMax,
            Self::Mean | Self::SampledMean => Self::SampledMean,
        }
    }
}

/// A picture of a rectangle of one stage's matrix, recomputed from Q, K and the rows' log-sum-exp.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct MapRequest {
    /// The stage.
    pub stage: Stage,
    /// Sequence.
    pub batch: usize,
    /// Query head.
    pub head: usize,
    /// Queries (rows).
    pub q: Range<usize>,
    /// Keys (columns).
    pub k: Range<usize>,
    /// Pixels across; at most the number of keys.
    pub width: usize,
    /// Pixels down; at most the number of queries.
    pub height: usize,
    /// How cells that share a pixel are merged.
    pub pool: Pool,
}

impl MapRequest {
    /// A sample's lines of pixels, from the top, each as a picture of the one row that stands for it; nothing for a picture of every cell.
    ///
    /// Which row of a line's it is jumps about (multiples of the golden ratio), but is always the same: evenly spaced rows would all fall on the same
    /// place of a pattern that repeats.
    pub fn lines(&self) -> Option<Vec<Self>> {
        let pool = self.pool.sampled()?;
        let rows = self.q.len();
        let line = |i: usize| {
            let at = |i: usize| (i as u64 * rows as u64 / self.height as u64) as usize;
            let from = at(i);
            let count = at(i + 1).saturating_sub(from).max(1);
            let jump = (i as u32).wrapping_mul(0x9e37_79b9) as usize;
            let q = self.q.start + from + jump % count;
            Self { q: q..q + 1, height: 1, pool, ..self.clone() }
        };
        Some((0..self.height).map(line).collect())
    }

    /// Rows of the matrix that are looked at.
    pub fn rows(&self) -> usize {
        if self.pool.sampled().is_some() { self.height.min(self.q.len()) } else { self.q.len() }
    }

    /// The weights of a whole head of the first sequence (the last head where there are not so many), at most `side` pixels each way.
    pub fn whole_head(dims: &Dims, head: usize, side: usize) -> Self {
        Self {
            stage: Stage::Weights,
            batch: 0,
            head: head.min(dims.q_heads.saturating_sub(1)),
            q: 0..dims.n_q,
            k: 0..dims.n_k,
            width: dims.n_k.min(side),
            height: dims.n_q.min(side),
            pool: Pool::Max,
        }
    }
}

/// A picture: `height × width` values, row-major. NaN where the mask allows no cell of the pixel (stages from `Masked` on).
#[derive(Clone, Debug, PartialEq)]
pub struct Map {
    /// What was asked.
    pub request: MapRequest,
    /// Values.
    pub values: Vec<f32>,
}

/// The WGSL of a kernel that ran.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KernelText {
    /// What the kernel does, in a few English words; a name of its own for each kernel of a plan.
    pub name: String,
    /// The whole text.
    pub text: String,
    /// Byte ranges of `text`, start and end, that came out of the user's formulas, in ascending order.
    pub formulas: Vec<(usize, usize)>,
}

/// A part of a run whose time is told apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum TimedStage {
    /// What depends on the contents of Q and K, computed before the run, and what is done to the output after it.
    Lower,
    /// Encodings, rotation, packing into panels.
    Prepare,
    /// Q·K.
    Scores,
    /// Scale, biases, softcap, score formulas.
    Bias,
    /// Masks.
    Mask,
    /// Normaliser and probability formula.
    Normalise,
    /// Weights · V.
    Values,
    /// A streaming kernel, in which the stages above happen together.
    Kernel,
    /// Maps and row statistics recomputed for the picture.
    Picture,
}

impl TimedStage {
    /// In the order of the pipeline.
    pub const ALL: [Self; 9] = [
        Self::Lower,
        Self::Prepare,
        Self::Scores,
        Self::Bias,
        Self::Mask,
        Self::Normalise,
        Self::Values,
        Self::Kernel,
        Self::Picture,
    ];
}

/// Time of a stage in which a clock of whole milliseconds saw none pass: not 0, which is that of a stage that was not there.
pub const UNSEEN_MS: f64 = f64::MIN_POSITIVE;

/// Milliseconds by [`TimedStage`], in the order of [`TimedStage::ALL`].
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct StageTimes(pub [f64; TimedStage::ALL.len()]);

impl StageTimes {
    /// Adds `ms` to a stage.
    pub fn add(&mut self, stage: TimedStage, ms: f64) {
        self.0[stage as usize] += ms;
    }

    /// Time of a stage, 0 for [`UNSEEN_MS`] too.
    pub fn of(&self, stage: TimedStage) -> f64 {
        let ms = self.0[stage as usize];
        if ms == UNSEEN_MS { 0.0 } else { ms }
    }

    /// Whether anything was added to a stage but 0 ms.
    pub fn has(&self, stage: TimedStage) -> bool {
        self.0[stage as usize] > 0.0
    }

    /// Adds another item's times.
    pub fn merge(&mut self, other: &Self) {
        for (a, b) in self.0.iter_mut().zip(other.0) {
            *a += b;
        }
    }
}

/// What [`Rows`] gives. Vectors hold the item's rows only.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RowsOut {
    /// Output `[rows, d_v]`; zeros in a row with no allowed key.
    pub y: Vec<f32>,
    /// Log-sum-exp of the scores, the sink included; −∞ in a row with nothing; 0 where the normaliser has no sum over keys.
    pub lse: Vec<f32>,
    /// Entropy of the weights in nats, if wanted. (Weights that do not sum to one are divided by their sum first.)
    pub entropy: Vec<f32>,
    /// Largest weight, if wanted.
    pub peak: Vec<f32>,
    /// Its key, if wanted; `u32::MAX` in a row with nothing.
    pub peak_at: Vec<u32>,
    /// The wanted stage `[rows, n_k]`, or empty.
    pub matrix: Vec<f32>,
    /// Rows with no allowed key.
    pub empty_rows: u32,
    /// Time by stage.
    pub times: StageTimes,
}

/// An engine for one plan and its inputs. Implementations keep packed tensors and scratch between items; they allocate in `rows` only what
/// they return.
pub trait Engine {
    /// Kernel name shown to users: `{engine}-{algorithm}-{detail}`, as in `cpu-streaming-relaxed-6x8`.
    fn kernel(&self) -> &'static str;

    /// Computes query rows of one head.
    fn rows(&mut self, plan: &Plan, inputs: &Inputs, rows: &Rows, want: Want, clock: Clock) -> RowsOut;

    /// Fills `out` (`height × width`) with a picture of a rectangle. `lse` holds the log-sum-exp of the head's rows (`n_q` values), NaN
    /// where it is not known yet; the engine computes those it needs.
    fn map(&mut self, plan: &Plan, inputs: &Inputs, request: &MapRequest, lse: &mut [f32], out: &mut [f32]);
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
mod tests {
    use super::*;

    #[test]
    fn a_sample_has_one_row_of_each_line_and_no_place_of_a_period_only() {
        let (q, k) = (100..100 + 4096, 0..4096);
        let whole =
            MapRequest { stage: Stage::Weights, batch: 0, head: 2, q, k, width: 64, height: 64, pool: Pool::Max };
        assert!(whole.lines().is_none());
        assert_eq!(whole.rows(), 4096);
        let sample = MapRequest { pool: whole.pool.sample(), ..whole };
        let lines = sample.lines().unwrap();
        assert_eq!((lines.len(), sample.rows()), (64, 64));
        for (i, line) in lines.iter().enumerate() {
            assert!((100 + 64 * i..164 + 64 * i).contains(&line.q.start), "{line:?}");
            assert_eq!((line.q.len(), line.height, line.width, line.pool, line.head), (1, 1, 64, Pool::Max, 2));
        }
        for period in [2, 4, 8, 16] {
            let mut places: Vec<usize> = lines.iter().map(|line| line.q.start % period).collect();
            places.sort_unstable();
            places.dedup();
            assert_eq!(places.len(), period);
        }
    }

    #[test]
    fn a_sample_of_fewer_rows_than_lines_stays_inside() {
        let request = MapRequest {
            stage: Stage::Raw,
            batch: 0,
            head: 0,
            q: 5..8,
            k: 0..4,
            width: 4,
            height: 7,
            pool: Pool::SampledMean,
        };
        assert!(
            request.lines().unwrap().iter().all(|line| request.q.contains(&line.q.start) && line.pool == Pool::Mean)
        );
    }
}

//! Work counted from a plan before anything runs.

use super::dims::Dims;
use super::plan::Plan;
use super::tiles::TileCounts;
use crate::experiment::Algorithm;
use crate::formula::Sorted;

/// Floating-point operations, bytes and tiles of one run.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Cost {
    /// `2 d` for each score formed and `2 d_v` for each weight that meets a value; the normaliser and formulas are not counted. A streaming
    /// kernel forms the scores of the tiles it does not skip, a materialised one all of them.
    pub flops: f64,
    /// Q, K, V and the output once each, in single precision; materialised: plus every pass over the score matrix. Traffic that an infinite
    /// cache could not save.
    pub bytes: f64,
    /// Tiles over all heads and sequences, as the masks have them. (A materialised kernel computes the skipped ones too.)
    pub tiles: TileCounts,
}

impl Cost {
    /// Counts a run of `plan` in tiles of `tile` (rows, columns). Anything but `Materialised` counts as streaming.
    pub fn of(plan: &Plan, algorithm: Algorithm, tile: (usize, usize)) -> Cost {
        let dims = plan.dims;
        let mut heads: Sorted<(usize, usize), u64> = Sorted::new();
        for batch in 0..dims.batch {
            for head in 0..dims.q_heads {
                *heads.get_or_insert_with(plan.mask_key(batch, head), || 0) += 1;
            }
        }
        let (mut tiles, mut live) = (TileCounts::default(), 0_u64);
        for (&(batch, head), &times) in &heads {
            let map = plan.tiles(batch, head, tile.0, tile.1);
            tiles.add(map.counts().times(times));
            live += map.live_cells() * times;
        }
        let cells = dims.rows() as f64 * dims.n_k as f64;
        let tensors = (dims.q_len() + dims.k_len() + dims.v_len() + dims.y_len()) as f64;
        let per_score = 2.0 * (dims.d + dims.d_v) as f64;
        if algorithm == Algorithm::Materialised {
            // Written by the product, read by the values; read and written by each slot between.
            let slots = [!plan.scores_plain(), plan.masked(), true, plan.probability.is_some()];
            let passes = 2 + 2 * slots.iter().filter(|&&used| used).count();
            Cost { flops: per_score * cells, bytes: 4.0 * (tensors + passes as f64 * cells), tiles }
        } else {
            Cost { flops: per_score * live as f64, bytes: 4.0 * tensors, tiles }
        }
    }
}

/// Columns that kernels of the CPU read together: V whose columns are a multiple of them is read as it lies.
pub const COLUMNS: usize = 8;

/// Bytes that a run on the CPU allocates, counted from its sizes. [`Cost::bytes`] is what it moves, which is something else.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Memory {
    /// The page's: Q, K and V, the output and the rows' log-sum-exp.
    pub page: f64,
    /// Each worker's: its copy of Q, K and V, those of K and V that kernels pack (K for more than one query, V where its columns are no multiple of [`COLUMNS`]), the map of tiles, and the band of scores that a materialised kernel
    /// holds. What is smaller (a block of a streaming kernel, the results of a part) is left out.
    pub worker: f64,
}

impl Memory {
    /// Of a run in tiles of `tile` (rows, columns), of which a materialised kernel holds a row. Anything but `Materialised` counts as streaming.
    pub fn of(dims: &Dims, algorithm: Algorithm, tile: (usize, usize)) -> Self {
        let float = 4.0;
        let tensors = float * (dims.q_len() + dims.k_len() + dims.v_len()) as f64;
        let keys = if dims.n_q == 1 { 0 } else { dims.k_len() };
        let values = if dims.d_v.is_multiple_of(COLUMNS) { 0 } else { dims.v_len() };
        let packed = float * (keys + values) as f64;
        let tiles = dims.n_q.div_ceil(tile.0.max(1)) as f64 * dims.n_k.div_ceil(tile.1.max(1)) as f64;
        let band = if algorithm == Algorithm::Materialised { float * (tile.0 * dims.n_k) as f64 } else { 0.0 };
        let page = tensors + float * (dims.y_len() + dims.rows()) as f64;
        Self { page, worker: tensors + packed + tiles + band }
    }

    /// With so many workers.
    pub fn total(&self, workers: usize) -> f64 {
        self.page + self.worker * workers as f64
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
mod tests {
    use super::*;
    use crate::attention::{Dims, Problem, Term};

    #[test]
    fn a_causal_mask_halves_the_work_of_streaming_only() {
        let mut problem = Problem::plain(Dims { batch: 2, q_heads: 3, kv_heads: 1, n_q: 64, n_k: 64, d: 8, d_v: 4 });
        let full = Cost::of(&Plan::compile(&problem).unwrap(), Algorithm::Streaming, (16, 16));
        assert_eq!(full.flops, 2.0 * (8.0 + 4.0) * 6.0 * 64.0 * 64.0);
        assert_eq!(full.bytes, 4.0 * (6.0 * 64.0 * 8.0 + 2.0 * 64.0 * 12.0 + 6.0 * 64.0 * 4.0));
        problem.masks.push(Term::new("mask", "k <= q_pos"));
        let plan = Plan::compile(&problem).unwrap();
        let causal = Cost::of(&plan, Algorithm::Streaming, (16, 16));
        assert_eq!(causal.tiles, TileCounts { total: 6 * 16, skipped: 6 * 6, full: 6 * 6, partial: 6 * 4 });
        assert_eq!(causal.flops, full.flops * 10.0 / 16.0);
        assert_eq!(Cost::of(&plan, Algorithm::Materialised, (16, 16)).flops, full.flops);
    }

    #[test]
    fn memory_is_that_of_tensors_and_of_a_band() {
        let dims = Dims { batch: 1, q_heads: 2, kv_heads: 1, n_q: 96, n_k: 128, d: 16, d_v: 8 };
        let tensors = 4.0 * (2.0 * 96.0 * 16.0 + 128.0 * 24.0);
        let streaming = Memory::of(&dims, Algorithm::Streaming, (48, 64));
        assert_eq!(streaming.page, tensors + 4.0 * (2.0 * 96.0 * 8.0 + 2.0 * 96.0));
        assert_eq!(streaming.worker, tensors + 4.0 * 128.0 * 16.0 + 4.0, "V is read as it lies");
        let of = |n_q, d_v| Memory::of(&Dims { n_q, d_v, ..dims }, Algorithm::Streaming, (48, 64)).worker;
        assert_eq!(of(96, 9), tensors + 4.0 * 128.0 + 4.0 * 128.0 * 25.0 + 4.0);
        assert_eq!(of(1, 8), 4.0 * (2.0 * 16.0 + 128.0 * 24.0) + 2.0, "and K beside one query");
        let whole = Memory::of(&dims, Algorithm::Materialised, (48, 64));
        assert_eq!(whole.worker - streaming.worker, 4.0 * 48.0 * 128.0);
        assert_eq!(whole.total(3), whole.page + 3.0 * whole.worker);
    }
}

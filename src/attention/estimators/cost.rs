//! Work and memory of an estimator, counted from its sizes, beside those of exact attention.

use super::{Estimator, Kernel, Method, levels};
use crate::attention::Cost;
use crate::attention::tiles::TileCounts;

impl Estimator {
    /// Multiplications and additions, as [`Cost`] counts them for attention; feature maps and exponentials are not counted. Bytes: Q, K, V, the output and
    /// seeded weights once each in single precision; of a ring, keys and values once for each device.
    pub fn cost(&self) -> Cost {
        let dims = self.dims;
        let heads = (dims.batch * dims.q_heads) as f64;
        let (keys_and_values, rest) = ((dims.k_len() + dims.v_len()) as f64, (dims.q_len() + dims.y_len()) as f64);
        let read = keys_and_values * self.devices() as f64;
        let bytes = 4.0 * (read + rest + self.weights() as f64);
        Cost { flops: heads * self.head_flops(), bytes, tiles: TileCounts::default() }
    }

    /// The same of exact attention with the same mask.
    pub fn exact_cost(&self) -> Cost {
        let exact = Self { method: Method::Ring { devices: 1 }, ..*self };
        exact.cost()
    }

    /// Numbers of one head that the next token needs of all that came before: the state, or every key and value.
    pub fn kept(&self) -> usize {
        let dims = self.dims;
        match (self.method, self.state_shape()) {
            (Method::Linear { normalised: true, .. } | Method::Performer { .. }, Some([rows, columns])) => {
                rows * (columns + 1)
            }
            (_, Some([rows, columns])) => rows * columns,
            (Method::Conv1d { width, .. }, None) => (width - 1) * dims.d_v,
            // Back to the first tap in reading order.
            (Method::Conv2d { kernel: Kernel { rows, columns, width }, .. }, None) => {
                (rows / 2 * width + columns / 2).min(dims.n_k) * dims.d_v
            }
            _ => self.exact_kept(),
        }
    }

    /// The same of exact attention: every key and value.
    pub fn exact_kept(&self) -> usize {
        self.dims.n_k * (self.dims.d + self.dims.d_v)
    }

    /// Rows and columns of the state that goes from key to key, where there is one.
    pub fn state_shape(&self) -> Option<[usize; 2]> {
        let dims = self.dims;
        match self.method {
            Method::Linear { .. }
            | Method::Gated { .. }
            | Method::Delta { .. }
            | Method::GatedDelta { .. }
            | Method::Kda { .. }
            | Method::Retention => Some([dims.d, dims.d_v]),
            Method::LogLinear { .. } => Some([levels::count(dims.n_k) * dims.d, dims.d_v]),
            Method::Performer { features, .. } => Some([features, dims.d_v]),
            Method::Recurrent { cell, hidden, .. } => Some([cell.vectors(), hidden]),
            _ => None,
        }
    }

    /// Seeded numbers that stand in for learned ones.
    fn weights(&self) -> usize {
        let dims = self.dims;
        match self.method {
            Method::Performer { features, .. } => features * dims.d,
            Method::Linformer { rank, pooled: false, .. } => rank.min(dims.n_k) * dims.n_k,
            Method::Hierarchical { .. } => 2 * dims.d * dims.d,
            Method::Recurrent { cell, hidden, .. } => {
                cell.gates() * hidden * (2 * dims.d + dims.d_v + hidden + 2) + dims.d_v * hidden
            }
            Method::Conv1d { width, .. } => width * dims.d_v * dims.d_v,
            Method::Conv2d { kernel: Kernel { rows, columns, .. }, .. } => rows * columns * dims.d_v * dims.d_v,
            _ => 0,
        }
    }

    fn head_flops(&self) -> f64 {
        let dims = self.dims;
        let [n_q, n_k, d, d_v] = [dims.n_q, dims.n_k, dims.d, dims.d_v].map(|size| size as f64);
        let (state, both) = (d * d_v, d + d_v);
        let pairs = if self.causal { (0..dims.n_q).map(|i| dims.n_k.min(i + 1) as f64).sum() } else { n_q * n_k };
        // Of a state: adding an outer product 2, reading it 2, fading it 1 for each of its numbers.
        match self.method {
            Method::Linear { normalised, .. } => {
                2.0 * state * (n_k + n_q) + if normalised { d * (n_k + 2.0 * n_q) } else { 0.0 }
            }
            Method::Gated { .. } | Method::Retention => 5.0 * state * n_k,
            Method::Delta { .. } => 6.0 * state * n_k,
            Method::GatedDelta { .. } | Method::Kda { .. } => 7.0 * state * n_k,
            Method::LogLinear { .. } => {
                let live: f64 = (0..dims.n_k).map(|t| f64::from(t.count_ones() + 1)).sum();
                2.0 * state * (n_k + live) + state * n_k
            }
            Method::Performer { features, .. } => features as f64 * (2.0 * both * (n_q + n_k) + n_k + 2.0 * n_q),
            Method::Linformer { rank, .. } => 2.0 * rank.min(dims.n_k) as f64 * both * (n_k + n_q),
            Method::Nystrom { landmarks, iterations } => {
                let m = landmarks.min(dims.n_k).min(dims.n_q) as f64;
                let scores = 2.0 * d * (n_q * m + m * m + m * n_k) + d * (n_q + n_k);
                scores + 2.0 * d_v * (m * n_k + m * m + n_q * m) + 10.0 * iterations as f64 * m.powi(3)
            }
            Method::HTransformer { block } => 2.0 * both * self.pairs_of_levels(block) + n_k * (2.0 * d + d_v),
            Method::BlockSummary { block } => {
                let (inside, blocks) = (block.min(dims.n_k) as f64, dims.n_k.div_ceil(block) as f64);
                let share = if self.causal { 0.5 } else { 1.0 };
                2.0 * both * n_q * (share * inside + share * (blocks - 1.0)) + n_k * both
            }
            Method::Hierarchical { block, .. } => {
                let sentences = pairs / block as f64;
                2.0 * d * d * (n_k + sentences) + 2.0 * pairs * (2.0 * d + d_v) + 2.0 * sentences * both
            }
            Method::Ring { .. } => 2.0 * both * pairs,
            Method::Recurrent { cell, hidden, .. } => {
                let hidden = hidden as f64;
                2.0 * n_q * hidden * (cell.gates() as f64 * (2.0 * d + d_v + hidden) + d_v)
            }
            Method::Conv1d { width, .. } => 2.0 * width as f64 * d_v * d_v * n_q,
            Method::Conv2d { kernel: Kernel { rows, columns, .. }, .. } => {
                2.0 * (rows * columns) as f64 * d_v * d_v * n_q
            }
        }
    }

    /// Pairs of cells that meet at some level of H-Transformer-1D: three blocks a row beside the diagonal, and at most as many again, less those
    /// that have met, at every further level.
    /// Where queries look back only, each of them meets the cells before it.
    fn pairs_of_levels(&self, block: usize) -> f64 {
        let (mut cells, mut pairs, mut finest) = (self.dims.n_k, 0.0, true);
        if self.causal {
            let far = |i: usize, depth: usize| (i >> depth) / block;
            let of_query = |i: usize| {
                let levels = (0..usize::BITS as usize).take_while(|&depth| depth == 0 || far(i, depth - 1) > 0);
                // At the finest level up to itself; at every other the cells of the block before, less those that have met below.
                let met = levels.map(|depth| match depth {
                    0 => i + 1 - far(i, 0).saturating_sub(1) * block,
                    _ => (far(i, depth - 1).saturating_sub(1) * block / 2)
                        .saturating_sub(far(i, depth).saturating_sub(1) * block),
                });
                met.sum::<usize>() as f64
            };
            return (0..self.dims.n_q).map(of_query).sum();
        }
        loop {
            let ends = |b: usize| (b.saturating_sub(1) * block, ((b + 2) * block).min(cells));
            for i in 0..cells {
                let (from, to) = ends(i / block);
                let met = if finest {
                    0
                } else {
                    // Cells of the level below in blocks beside that of cell 2i, in pairs.
                    let below = 2 * i / block;
                    ((below + 2) * block / 2).min(cells) - (below.saturating_sub(1) * block / 2).max(from)
                };
                pairs += (to - from - met) as f64;
            }
            if cells <= 2 * block {
                return pairs;
            }
            (cells, finest) = (cells.div_ceil(2), false);
        }
    }
}

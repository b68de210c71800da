//! What is done to the output when a run is over.

use super::super::dims::Dims;
use crate::catalogue::Text;
use crate::experiment::{Issue, message};

/// A change of the output.
#[derive(Clone, Debug, PartialEq)]
pub enum Finish {
    /// `Y'_h = Σ_g mix[h, g] · Y_g` over the query heads.
    MixHeads {
        /// `[q_heads, q_heads]`, row-major.
        mix: Vec<f32>,
    },
    /// `Y'_h = Σ_g mix[h, g] · Y_g[blocks[h]]`, where each output is a row of blocks of `size` numbers.
    MixBlocks {
        /// `[q_heads, q_heads]`, row-major.
        mix: Vec<f32>,
        /// Which block each head keeps.
        blocks: Vec<usize>,
        /// Numbers of a block.
        size: usize,
    },
    /// Each row times its gate, or each number times its own.
    Gate {
        /// `[batch, q_heads, n_q, 1 or d_v]`; empty until the gates are computed.
        values: Vec<f32>,
    },
    /// Each number plus its own.
    Add {
        /// `[batch, q_heads, n_q, d_v]`; empty until they are computed.
        values: Vec<f32>,
    },
    /// Each row that of another place.
    Hold {
        /// Which, of the rows `[batch, q_heads, n_q]`.
        from: Vec<usize>,
    },
    /// `y' = g · y + z` of each row, with `z` the gated outputs of what stands beside attention.
    Blend {
        /// `[batch, q_heads, n_q, 1 + d_v]`, `g` and then `z`; empty until they are computed.
        values: Vec<f32>,
    },
}

impl Finish {
    /// What is wrong with it beside these sizes.
    pub fn check(&self, dims: &Dims) -> Option<Issue> {
        let heads = dims.q_heads;
        match self {
            Self::MixHeads { mix } | Self::MixBlocks { mix, .. } if Some(mix.len()) != heads.checked_mul(heads) => {
                let count = mix.len();
                Some(Issue::new(
                    "finish",
                    message!(
                        "a mix of {heads} heads has {heads} numbers squared, and there are {count}",
                        "{heads} 个头的混合需要 {heads} 的平方个数，现有 {count} 个"
                    ),
                ))
            }
            Self::MixBlocks { blocks, size, .. } => {
                let count = dims.d_v.checked_div(*size).unwrap_or(0);
                let fits = blocks.len() == heads && count * size == dims.d_v && blocks.iter().all(|&b| b < count);
                (!fits).then(|| Issue::new("finish", Text::new("its blocks lie outside the output", "块超出输出范围")))
            }
            Self::Gate { values } => {
                let (rows, count, size) = (dims.rows(), values.len(), dims.d_v);
                (![0, rows, rows * dims.d_v].contains(&count)).then(|| {
                    let message = message!(
                        "gates of {rows} rows are one or {size} for each, and there are {count}",
                        "{rows} 行的门每行应有 1 个或 {size} 个，现有 {count} 个"
                    );
                    Issue::new("finish", message)
                })
            }
            Self::Add { values } => {
                let (count, wanted) = (values.len(), dims.rows() * dims.d_v);
                (![0, wanted].contains(&count)).then(|| {
                    let message = message!(
                        "{count} numbers are to be added to an output of {wanted}",
                        "输出有 {wanted} 个数，而要加上的有 {count} 个"
                    );
                    Issue::new("finish", message)
                })
            }
            Self::Hold { from } => {
                let rows = dims.rows();
                let whole = from.len() == rows && from.iter().all(|&row| row < rows);
                (!whole).then(|| Issue::new("finish", Text::new("its rows don't fit", "行数不符")))
            }
            Self::Blend { values } => {
                let rows = dims.rows();
                let whole = values.is_empty() || values.len().is_multiple_of(rows) && values.len() > rows;
                (!whole).then(|| Issue::new("finish", Text::new("its rows don't fit", "行数不符")))
            }
            Self::MixHeads { .. } => None,
        }
    }

    /// Changes the output, `[batch, q_heads, n_q, d_v]`, of which those before may have left fewer numbers of each row; sums are of double precision. What [`Finish::check`] refuses leaves it as it is.
    pub fn apply(&self, dims: &Dims, y: &mut Vec<f32>) {
        if self.check(dims).is_some() {
            return;
        }
        match self {
            Self::MixHeads { mix } => mixed(dims, mix, |_| 0, dims.d_v, y),
            Self::MixBlocks { mix, blocks, size } => mixed(dims, mix, |h| blocks[h], *size, y),
            Self::Add { values } => y.iter_mut().zip(values).for_each(|(y, x)| *y += x),
            Self::Gate { values } => {
                let width = values.len() / dims.rows().max(1);
                if width > 0 {
                    let rows = y.chunks_exact_mut(dims.d_v).zip(values.chunks_exact(width));
                    rows.for_each(|(row, gates)| row.iter_mut().zip(gates.iter().cycle()).for_each(|(y, g)| *y *= g));
                }
            }
            Self::Hold { from } => {
                let width = y.len() / dims.rows().max(1);
                let held = from.iter().flat_map(|row| &y[row * width..(row + 1) * width]).copied().collect();
                *y = held;
            }
            Self::Blend { values } => {
                let rows = dims.rows().max(1);
                let width = y.len() / rows;
                if values.len() == rows * (width + 1) {
                    for (row, blend) in y.chunks_exact_mut(width).zip(values.chunks_exact(width + 1)) {
                        // What has no share is not there, whatever it came to.
                        let share = |y: f32| if blend[0] == 0.0 { 0.0 } else { blend[0] * y };
                        row.iter_mut().zip(&blend[1..]).for_each(|(y, z)| *y = share(*y) + z);
                    }
                }
            }
        }
    }
}

impl Finish {
    /// Changes outputs in double precision, or, going `back`, derivatives by the changed output into those by the output: what mixes heads and
    /// what holds rows, which do not depend on Q, K or V and keep the sizes. Anything else leaves them as they are.
    pub fn apply_wide(&self, dims: &Dims, y: &mut Vec<f64>, back: bool) {
        let Dims { q_heads: heads, n_q, d_v, .. } = *dims;
        if self.check(dims).is_some() {
            return;
        }
        let mut out = vec![0.0; y.len()];
        let mut carry = |from: usize, to: usize, factor: f64| {
            let (from, to) = if back { (to, from) } else { (from, to) };
            for c in 0..d_v {
                out[to * d_v + c] += factor * y[from * d_v + c];
            }
        };
        match self {
            Self::MixHeads { mix } => {
                for (at, &factor) in (0..dims.batch).flat_map(|b| mix.iter().enumerate().map(move |(i, m)| ((b, i), m)))
                {
                    let (batch, to, from) = (at.0 * heads, at.1 / heads, at.1 % heads);
                    (0..n_q).for_each(|q| carry((batch + from) * n_q + q, (batch + to) * n_q + q, factor.into()));
                }
            }
            Self::Hold { from } => from.iter().enumerate().for_each(|(to, &from)| carry(from, to, 1.0)),
            _ => return,
        }
        *y = out;
    }
}

/// Mixes one block of `size` numbers of each head's rows.
fn mixed(dims: &Dims, mix: &[f32], block: impl Fn(usize) -> usize, size: usize, y: &mut Vec<f32>) {
    let Dims { q_heads: heads, n_q, d_v, .. } = *dims;
    let mut out = Vec::with_capacity(y.len() / d_v * size);
    for batch in y.chunks_exact(heads * n_q * d_v) {
        for (h, row) in mix.chunks_exact(heads).enumerate() {
            let from = block(h) * size;
            for i in 0..n_q {
                out.extend((from..from + size).map(|c| {
                    let terms =
                        row.iter().enumerate().map(|(g, &m)| f64::from(m) * f64::from(batch[(g * n_q + i) * d_v + c]));
                    terms.sum::<f64>() as f32
                }));
            }
        }
    }
    *y = out;
}

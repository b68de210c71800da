//! What is done to the output when a run is over.

use super::super::dims::Dims;
use crate::experiment::{Issue, message};

/// A change of the output.
#[derive(Clone, Debug, PartialEq)]
pub enum Finish {
    /// `Y'_h = Σ_g mix[h, g] · Y_g` over the query heads.
    MixHeads {
        /// `[q_heads, q_heads]`, row-major.
        mix: Vec<f32>,
    },
}

impl Finish {
    /// What is wrong with it beside these sizes.
    pub fn check(&self, dims: &Dims) -> Option<Issue> {
        let Self::MixHeads { mix } = self;
        let (count, heads) = (mix.len(), dims.q_heads);
        (Some(count) != heads.checked_mul(heads)).then(|| {
            Issue::new(
                "finish",
                message!(
                    "a mix of {heads} heads has {heads} numbers squared, and there are {count}",
                    "{heads} 个头的混合需要 {heads} 的平方个数，现有 {count} 个"
                ),
            )
        })
    }

    /// Changes the output, `[batch, q_heads, n_q, d_v]`; sums are of double precision.
    pub fn apply(&self, dims: &Dims, y: &mut Vec<f32>) {
        let Self::MixHeads { mix } = self;
        let (heads, size) = (dims.q_heads, dims.n_q * dims.d_v);
        let mut mixed = Vec::with_capacity(y.len());
        for batch in y.chunks_exact(heads * size) {
            for row in mix.chunks_exact(heads) {
                mixed.extend((0..size).map(|i| {
                    let terms = row.iter().enumerate().map(|(g, &m)| f64::from(m) * f64::from(batch[g * size + i]));
                    terms.sum::<f64>() as f32
                }));
            }
        }
        *y = mixed;
    }
}

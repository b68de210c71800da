//! Tables computed from Q and K.

use super::super::inputs::Rng;
use super::super::plan::Plan;
use super::frame::Frame;
use super::step::Derived;
use crate::catalogue::Measure;
use crate::experiment::Issues;
use crate::formula::{Data, DataValues};

/// Computes a table. `plan` is the problem without what still waits, where the table reads scores.
///
/// # Errors
/// What can't be computed of tensors of these sizes.
pub fn compute(table: &Derived, frame: &Frame, _plan: Option<&Plan>) -> Result<Data, Issues> {
    let values = match table.step.kind {
        Measure::Additive => DataValues::Float(additive(table, frame)),
    };
    Ok(Data { shape: table.shape(&frame.dims), values, clamp: false })
}

/// `w_h · tanh(q + k)` for every pair, with seeded normal `w` for each head (Bahdanau et al. 2015, appendix A.1.2, whose projections of
/// query and key are those that made Q and K).
fn additive(table: &Derived, frame: &Frame) -> Vec<f32> {
    let dims = frame.dims;
    let weights = Rng::new(table.step.seed).normals(dims.q_heads * dims.d);
    let mut out = Vec::with_capacity(dims.rows() * dims.n_k);
    for batch in 0..dims.batch {
        for (head, w) in weights.chunks_exact(dims.d).enumerate() {
            let keys = frame.k(batch, head);
            for q in frame.q(batch, head).chunks_exact(dims.d) {
                out.extend(keys.chunks_exact(dims.d).map(|k| {
                    let terms = w.iter().zip(q).zip(k).map(|((w, &q), &k)| w * (f64::from(q) + f64::from(k)).tanh());
                    terms.sum::<f64>() as f32
                }));
            }
        }
    }
    out
}

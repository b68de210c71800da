//! Changes of Q, K and V.

mod heads;
mod page;
mod place;
mod quantise;
mod recurrent;
mod select;

use super::super::dims::Dims;
use super::frame::Frame;
use super::numbers::dot;
use super::step::Step;
use crate::catalogue::Change;
use crate::experiment::Issues;

pub use heads::mixes;
pub use page::table;
pub use quantise::round;

/// Sizes of the tensors after a change.
pub fn dims_after(step: &Step<Change>, dims: Dims) -> Dims {
    match step.kind {
        Change::SquaredDistance => Dims { d: dims.d + 2, ..dims },
        Change::Polar => Dims { d: 2 * dims.d, ..dims },
        Change::AppendBlocks => Dims { n_k: dims.n_k + dims.n_k.div_ceil(step.count("block", 1)), ..dims },
        Change::GlobalProjections => Dims { n_k: 2 * dims.n_k, ..dims },
        Change::Truncate => Dims { n_k: dims.n_k.min(step.count("keep", 1)), ..dims },
        Change::PoolKeys => Dims { n_k: dims.n_k.div_ceil(step.count("factor", 1)), ..dims },
        _ => heads::dims_after(step, dims),
    }
}

/// Applies a change.
///
/// # Errors
/// What it can't do with tensors of these sizes.
pub fn apply(step: &Step<Change>, frame: &mut Frame) -> Result<(), Issues> {
    match step.kind {
        Change::Cosine => frame.each_row(|row| {
            let length = dot(row, row).sqrt();
            // A row of noughts has no direction: its cosines are 0.
            if length > 0.0 {
                row.iter_mut().for_each(|x| *x /= length);
            }
        }),
        Change::RmsNorm => {
            let gain = step.param("gain");
            frame.each_row(|row| {
                // The epsilon of the released models.
                let root = (dot(row, row) / row.len() as f64 + 1e-6).sqrt();
                row.iter_mut().for_each(|x| *x *= gain / root);
            });
        }
        Change::SquaredDistance => squared_distance(frame),
        Change::ScaledSinusoid => place::scaled_sinusoid(step, frame),
        Change::Flow => place::flow(step, frame),
        Change::Polar => place::polar(step, frame),
        Change::Lstm => recurrent::lstm(step, frame),
        Change::LocalRnn => recurrent::local(step, frame),
        Change::SharedQk => select::shared(step, frame)?,
        Change::PoolKeys => select::pool(step, frame),
        Change::AppendBlocks => select::append(step, frame),
        Change::Page => page::apply(step, frame),
        Change::Truncate => select::truncate(step, frame),
        Change::GlobalProjections => select::global_projections(step, frame),
        Change::TalkingHeads => heads::talking(step, frame),
        Change::OneHead => heads::one(step, frame),
        Change::Pairs => heads::pairs(step, frame),
        Change::GroupHeads => heads::group(step, frame),
        Change::Latent => heads::latent(step, frame),
        Change::Quantise => quantise::apply(step, frame),
    }
    Ok(())
}

/// `−‖q − k‖² = 2 q·k − ‖q‖² − ‖k‖²` as one product.
fn squared_distance(frame: &mut Frame) {
    let d = frame.dims.d;
    frame.widen(d + 2, |is_key, _, row, out| {
        let norm: f64 = row.iter().map(|&x| f64::from(x) * f64::from(x)).sum();
        for (out, &x) in out.iter_mut().zip(row) {
            *out = if is_key { x } else { 2.0 * x };
        }
        [out[d], out[d + 1]] = if is_key { [-1.0, -norm as f32] } else { [norm as f32, 1.0] };
    });
}

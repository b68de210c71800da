//! Convolutions as baselines: each token sees its neighbours, whoever they are. They approximate nothing.

use super::head::Head;
use crate::attention::inputs::Rng;
use crate::attention::operators::Real;

/// Uniform numbers between `±1/√inputs`, as PyTorch begins.
fn kernel<R: Real>(count: usize, inputs: usize, seed: u64) -> Vec<R> {
    let reach = 1.0 / (inputs as f64).sqrt();
    Rng::new(seed).uniforms(count).into_iter().map(|u| R::near((2.0 * u - 1.0) * reach)).collect()
}

/// The place that tap `tap` of `size` reads beside `at`, if it is there: up to `at` where `back`, around it elsewhere.
fn place(at: usize, tap: usize, size: usize, back: bool, n: usize) -> Option<usize> {
    let before = if back { size - 1 } else { size / 2 };
    (at + tap).checked_sub(before).filter(|&place| place < n)
}

/// `y_t = Σ_j W_j v_(t+j)` with a matrix `[d_v, d_v]` for each of `width` taps, drawn tap by tap; zeros beyond the ends.
pub fn over_tokens<R: Real>(head: &Head<R>, width: usize, seed: u64) -> Vec<R> {
    let d_v = head.d_v;
    let taps: Vec<R> = kernel(width * d_v * d_v, width * d_v, seed);
    let mut y = vec![R::ZERO; head.n_q * d_v];
    for (t, out) in y.chunks_exact_mut(d_v).enumerate() {
        for tap in 0..width {
            let Some(from) = place(t, tap, width, head.causal, head.n_k) else { continue };
            let matrix = taps[tap * d_v * d_v..][..d_v * d_v].chunks_exact(d_v);
            out.iter_mut().zip(matrix).for_each(|(o, row)| *o = *o + super::head::dot(row, head.v(from)));
        }
    }
    y
}

/// A picture's grid: token `t` stands at row `t / width` and column `t % width`; the last row may end early.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Kernel {
    /// Rows of the kernel.
    pub rows: usize,
    /// Columns of the kernel.
    pub columns: usize,
    /// Tokens in a row of the picture.
    pub width: usize,
}

/// `y_(r,c) = Σ_(i,j) W_(i,j) v_(r+i,c+j)` over the picture that the tokens are, with a matrix `[d_v, d_v]` for each of `rows · columns` taps around
/// the token, drawn tap by tap in reading order; zeros beyond the borders. Where queries look back only, so does the kernel, in reading order: taps on
/// later tokens are left out (van den Oord et al. 2016, "Conditional Image Generation with PixelCNN Decoders", section 2.1, with the token itself).
pub fn over_picture<R: Real>(head: &Head<R>, Kernel { rows, columns, width }: Kernel, seed: u64) -> Vec<R> {
    let (d_v, height) = (head.d_v, head.n_k.div_ceil(width));
    let taps: Vec<R> = kernel(rows * columns * d_v * d_v, rows * columns * d_v, seed);
    let mut y = vec![R::ZERO; head.n_q * d_v];
    for (t, out) in y.chunks_exact_mut(d_v).enumerate() {
        for (tap, matrix) in taps.chunks_exact(d_v * d_v).enumerate() {
            let row = place(t / width, tap / columns, rows, false, height);
            let column = place(t % width, tap % columns, columns, false, width);
            let Some(from) = row.zip(column).map(|(row, column)| row * width + column) else { continue };
            if from < head.seen(t) {
                let matrix = matrix.chunks_exact(d_v);
                out.iter_mut().zip(matrix).for_each(|(o, row)| *o = *o + super::head::dot(row, head.v(from)));
            }
        }
    }
    y
}

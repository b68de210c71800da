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

/// One kernel `[rows, columns]` over the plane of tokens and places of the values; zeros beyond the ends.
pub fn over_plane<R: Real>(head: &Head<R>, [rows, columns]: [usize; 2], seed: u64) -> Vec<R> {
    let taps: Vec<R> = kernel(rows * columns, rows * columns, seed);
    let cell = |at: usize| {
        let (t, c) = (at / head.d_v, at % head.d_v);
        let tap = |tap: usize| {
            let row = place(t, tap / columns, rows, head.causal, head.n_k)?;
            let column = place(c, tap % columns, columns, false, head.d_v)?;
            Some(taps[tap] * head.v(row)[column])
        };
        (0..rows * columns).filter_map(tap).fold(R::ZERO, |sum, x| sum + x)
    };
    (0..head.n_q * head.d_v).map(cell).collect()
}

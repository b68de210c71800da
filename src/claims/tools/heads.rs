//! What claims read off heads: their weights, how far those and outputs are apart, tensors without a head.

use super::super::answer::Ran;
use super::super::ask::Alter;
use super::{apart, changed};
use crate::analysis::spans::Head;
use crate::engine::Want;
use crate::experiment::Stage;

/// The matrix of weights beside the output.
pub const WEIGHTS: Want = Want { stats: false, matrix: Some(Stage::Weights) };

/// The part of numbers `[heads, …]` that is one head's.
pub fn part(numbers: &[f32], heads: usize, head: usize) -> &[f32] {
    let size = numbers.len() / heads.max(1);
    numbers.get(head * size..(head + 1) * size).unwrap_or_default()
}

/// The weights of a run that wanted them, `[heads, n_q, n_k]`.
pub fn weights(ran: &Ran) -> Option<&[f32]> {
    ran.outcome.matrix.as_ref().filter(|(stage, _)| *stage == Stage::Weights).map(|(_, all)| all.as_slice())
}

/// Half the sum of differences of two rows of weights, the mean over rows: 0 for the same, 1 where no key has weight in both.
pub fn moved(a: &[f32], b: &[f32], n_k: usize) -> f64 {
    let rows = (a.len() / n_k.max(1)).max(1);
    a.iter().zip(b).map(|(a, b)| f64::from((a - b).abs())).sum::<f64>() / (2.0 * rows as f64)
}

/// The weights of every head; none where the matrix was not wanted.
pub fn heads(ran: &Ran) -> Vec<Head<'_>> {
    let dims = ran.outcome.dims;
    let Some((_, cells)) = &ran.outcome.matrix else { return Vec::new() };
    cells.chunks_exact((dims.n_q * dims.n_k).max(1)).map(|cells| Head::new(cells, dims.n_k)).collect()
}

/// `‖a − b‖ / ‖b‖` of each head's output; empty where they are not as many.
pub fn errors(a: &Ran, b: &Ran) -> Vec<f64> {
    let (a, b) = (&a.outcome, &b.outcome);
    let size = (b.dims.n_q * b.dims.d_v).max(1);
    if a.y.len() != b.y.len() {
        return Vec::new();
    }
    a.y.chunks_exact(size).zip(b.y.chunks_exact(size)).filter_map(|(a, b)| apart(a, b)).collect()
}

/// Q, K and V of one head set to 0.
pub fn without(head: usize) -> Alter {
    changed(move |loaded, qkv| {
        let heads = [loaded.dims.q_heads, loaded.dims.kv_heads, loaded.dims.kv_heads];
        for (numbers, heads) in qkv.into_iter().zip(heads) {
            let size = numbers.len() / heads.max(1);
            numbers.iter_mut().skip(head * size).take(size).for_each(|x| *x = 0.0);
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_that_share_no_key_are_one_apart() {
        assert_eq!(moved(&[1.0, 0.0, 0.5, 0.5], &[0.0, 1.0, 0.5, 0.5], 2), 0.5);
        assert_eq!((part(&[1.0, 2.0, 3.0, 4.0], 2, 1), part(&[1.0], 1, 3)), (&[3.0, 4.0][..], &[][..]));
    }
}

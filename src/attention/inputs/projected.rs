//! Q, K and V from hidden states: `Q = X W_Q`, `K = X W_K`, `V = X W_V`, cut into heads by columns (Vaswani et al. 2017, "Attention Is All
//! You Need", section 3.2.2).

use super::hidden::States;
use super::recipe::Generated;
use super::rng::{Rng, Seed};
use super::structured::orthonormal;
use crate::attention::dims::Dims;
use crate::experiment::Weights;

/// Seed of the matrices of stream B: seeds of experiments are below 2^53, so it shares no stream with those of A, nor with X.
pub fn second(seed: Seed) -> Seed {
    seed.with(seed.number | 1 << 62)
}

/// W_Q `[width, q_heads · d]`, W_K `[width, kv_heads · d]` and W_V `[width, kv_heads · d_v]`, row-major. Drawn in this order, whole, from
/// `np.random.default_rng(seed + 2**63)`; X draws from other streams.
///
/// ```python
/// r = np.random.default_rng(seed + 2**63)
/// def normal(*shape): u, v = r.random((2, *shape)); return np.sqrt(-2 * np.log1p(-u)) * np.cos(2 * np.pi * v)
/// W_Q, W_K, W_V = (normal(width, columns) / np.sqrt(width) for columns in (q_heads * d, kv_heads * d, kv_heads * d_v))
/// ```
pub fn matrices(weights: &Weights, width: usize, dims: &Dims, seed: Seed) -> [Vec<f64>; 3] {
    let columns = [dims.q_heads * dims.d, dims.kv_heads * dims.d, dims.kv_heads * dims.d_v];
    let rng = &mut Rng::of(seed.with(seed.number | 1 << 63));
    let flat = |rows: &[Vec<f32>]| rows.iter().flatten().map(|x| f64::from(*x)).collect();
    match weights {
        Weights::Normal => {
            let scale = 1.0 / (width as f64).sqrt();
            columns.map(|columns| rng.normals(width * columns).into_iter().map(|x| x * scale).collect())
        }
        Weights::Identity => columns.map(|columns| {
            let mut matrix = vec![0.0; width * columns];
            (0..columns).for_each(|c| matrix[c % width * columns + c] = 1.0);
            matrix
        }),
        // Rows made orthogonal, written as columns.
        Weights::Orthogonal => columns.map(|columns| {
            let rows = orthonormal(rng, columns, width);
            (0..width * columns).map(|at| rows[at % columns * width + at / columns]).collect()
        }),
        Weights::Rows { q, k, v } => [flat(q), flat(k), flat(v)],
    }
}

/// Projects X: its first `streams[0]` rows by the matrices of A, those after them by the matrices of B. They have the shapes of [`matrices`];
/// sums are in f64, results rounded to f32.
///
/// Where B's are its own this is the co-attention of two streams (Lu et al. 2019, "ViLBERT", section 2.2); where both are the same, one layer
/// used in both directions (Tan and Bansal 2019, "LXMERT", section 2.2).
pub fn project(x: &States, first: usize, [a, b]: [&[Vec<f64>; 3]; 2], dims: &Dims) -> Generated {
    let of =
        |at: usize, count: usize, size: usize| heads(x, |row| if row < first { &a[at] } else { &b[at] }, count, size);
    Generated { q: of(0, dims.q_heads, dims.d), k: of(1, dims.kv_heads, dims.d), v: of(2, dims.kv_heads, dims.d_v) }
}

/// `[heads, rows, size]` of X, each row times its matrix.
fn heads<'a>(x: &States, matrix: impl Fn(usize) -> &'a [f64], heads: usize, size: usize) -> Vec<f32> {
    let (rows, columns) = (x.tokens.len(), heads * size);
    let mut out = vec![0.0; heads * rows * size];
    let mut sums = vec![0.0; columns];
    for (row, numbers) in x.data.chunks_exact(x.width.max(1)).enumerate() {
        sums.fill(0.0);
        for (x, weights) in numbers.iter().zip(matrix(row).chunks_exact(columns)) {
            let x = f64::from(*x);
            sums.iter_mut().zip(weights).for_each(|(sum, weight)| *sum += x * weight);
        }
        for (head, part) in sums.chunks_exact(size).enumerate() {
            let to = &mut out[(head * rows + row) * size..][..size];
            to.iter_mut().zip(part).for_each(|(to, sum)| *to = *sum as f32);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::experiment::Normals;

    const fn seed(number: u64) -> Seed {
        Seed { number, normals: Normals::Unrounded }
    }

    const DIMS: Dims = Dims { batch: 1, q_heads: 4, kv_heads: 2, n_q: 3, n_k: 3, d: 2, d_v: 3 };

    fn x() -> States {
        let data = (0..24).map(|i| i as f32).collect();
        States { tokens: vec![String::new(); 3], width: 8, data }
    }

    #[test]
    fn the_identity_slices_x() {
        let identity = matrices(&Weights::Identity, 8, &DIMS, seed(0));
        let made = project(&x(), 3, [&identity, &identity], &DIMS);
        // Head 1 of Q has columns 2 and 3 of every row.
        assert_eq!(made.q[6..12], [2.0, 3.0, 10.0, 11.0, 18.0, 19.0]);
        assert_eq!(made.k[..6], [0.0, 1.0, 8.0, 9.0, 16.0, 17.0]);
        assert_eq!(made.v[9..12], [3.0, 4.0, 5.0]);
    }

    #[test]
    fn orthogonal_columns_keep_lengths_and_normal_ones_the_variance() {
        let [q, k, v] = matrices(&Weights::Orthogonal, 8, &DIMS, seed(5));
        for (matrix, columns) in [(&q, 8), (&k, 4), (&v, 6)] {
            for a in 0..columns {
                for b in 0..columns {
                    let dot: f64 = (0..8).map(|r| matrix[r * columns + a] * matrix[r * columns + b]).sum();
                    assert!((dot - f64::from(u8::from(a == b))).abs() < 1e-12, "{a} {b}: {dot}");
                }
            }
        }
        let large = Dims { d: 64, ..DIMS };
        let [q, ..] = matrices(&Weights::Normal, 100, &large, seed(5));
        let variance = q.iter().map(|x| x * x).sum::<f64>() / q.len() as f64;
        assert!((variance * 100.0 - 1.0).abs() < 0.05, "{variance}");
    }

    #[test]
    fn pasted_matrices_are_taken_as_they_are() {
        let x = States { tokens: vec![String::new(); 2], width: 2, data: vec![1.0, 2.0, 3.0, 4.0] };
        let dims = Dims { batch: 1, q_heads: 2, kv_heads: 1, n_q: 2, n_k: 2, d: 1, d_v: 1 };
        let weights = Weights::Rows {
            q: vec![vec![1.0, 0.0], vec![0.0, 10.0]],
            k: vec![vec![1.0], vec![1.0]],
            v: vec![vec![0.5], vec![0.0]],
        };
        let own = matrices(&weights, 2, &dims, seed(0));
        let made = project(&x, 2, [&own, &own], &dims);
        assert_eq!((made.q, made.k, made.v), (vec![1.0, 3.0, 20.0, 40.0], vec![3.0, 7.0], vec![0.5, 1.5]));
    }

    #[test]
    fn each_stream_has_its_own_matrices() {
        let [a, b] = [seed(0), second(seed(0))].map(|seed| matrices(&Weights::Normal, 8, &DIMS, seed));
        assert!(a.iter().zip(&b).all(|(a, b)| a.iter().zip(b).all(|(a, b)| a != b)));
        let [both, of_a, of_b] = [[&a, &b], [&a, &a], [&b, &b]].map(|of| project(&x(), 1, of, &DIMS));
        for ([both, a, b], size) in
            [([&both.q, &of_a.q, &of_b.q], 2), ([&both.k, &of_a.k, &of_b.k], 2), ([&both.v, &of_a.v, &of_b.v], 3)]
        {
            for (at, number) in both.iter().enumerate() {
                assert_eq!(*number, if at / size % 3 == 0 { a[at] } else { b[at] });
            }
        }
    }
}

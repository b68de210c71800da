//! A smaller matrix of weights in the large one's place: Linformer and Nyströmformer. Both mix all keys, so neither can be causal.

use super::head::{Head, Running, dot};
use crate::attention::inputs::Rng;
use crate::attention::operators::Real;

/// A matrix, row-major.
struct Matrix<R> {
    rows: usize,
    columns: usize,
    cells: Vec<R>,
}

impl<R: Real> Matrix<R> {
    fn of(rows: usize, columns: usize, cell: impl Fn(usize, usize) -> R) -> Self {
        let cells = (0..rows * columns).map(|at| cell(at / columns, at % columns)).collect();
        Self { rows, columns, cells }
    }

    fn row(&self, i: usize) -> &[R] {
        &self.cells[i * self.columns..][..self.columns]
    }

    fn at(&self, i: usize, j: usize) -> R {
        self.cells[i * self.columns + j]
    }

    fn times(&self, other: &Self) -> Self {
        let mut product = Self::of(self.rows, other.columns, |_, _| R::ZERO);
        for (i, out) in product.cells.chunks_exact_mut(other.columns.max(1)).enumerate() {
            for (j, &x) in self.row(i).iter().enumerate() {
                out.iter_mut().zip(other.row(j)).for_each(|(o, &y)| *o = *o + x * y);
            }
        }
        product
    }

    /// `diagonal · I − self`.
    fn off_diagonal(&self, diagonal: f64) -> Self {
        Self::of(self.rows, self.columns, |i, j| R::near(if i == j { diagonal } else { 0.0 }) - self.at(i, j))
    }

    /// `‖self − other‖²`, of all numbers.
    fn squared_distance(&self, other: &Self) -> R {
        let square = |(&a, &b): (&R, &R)| (a - b) * (a - b);
        self.cells.iter().zip(&other.cells).map(square).fold(R::ZERO, |sum, x| sum + x)
    }

    /// The largest sum of a row's absolute numbers, and of a column's.
    fn norms(&self) -> [R; 2] {
        let absolute = |x: R| if x < R::ZERO { R::ZERO - x } else { x };
        let larger = |a: R, b: R| if b > a { b } else { a };
        let by_row = (0..self.rows).map(|i| self.row(i).iter().fold(R::ZERO, |sum, &x| sum + absolute(x)));
        let by_column = (0..self.columns).map(|j| (0..self.rows).fold(R::ZERO, |sum, i| sum + absolute(self.at(i, j))));
        [by_row.fold(R::ZERO, larger), by_column.fold(R::ZERO, larger)]
    }
}

/// `softmax(scale · Q (E K)ᵀ) E V` with one projection `E` `[rank, n_k]` for keys and values (section 4, "key-value sharing"): normal numbers of variance
/// `1/rank` (theorem 2), drawn row by row, or means of neighbours, which with `rank = n_k` is the identity.
pub fn linformer<R: Real>(head: &Head<R>, rank: usize, pooled: bool, seed: u64) -> Vec<R> {
    let (rank, n) = (rank.min(head.n_k), head.n_k);
    let projection = if pooled {
        means(rank, n)
    } else {
        let numbers = Rng::new(seed).normals(rank * n);
        Matrix::of(rank, n, |i, j| R::near(numbers[i * n + j] / (rank as f64).sqrt()))
    };
    let keys = projection.times(&Matrix { rows: n, columns: head.d, cells: head.k.clone() });
    let values = projection.times(&Matrix { rows: n, columns: head.d_v, cells: head.v.clone() });
    let row = |i| {
        let mut running = Running::new(head.d_v);
        (0..rank).for_each(|j| running.add(head.scale * dot(head.q(i), keys.row(j)), R::near(1.0), values.row(j)));
        running.mean()
    };
    (0..head.n_q).flat_map(row).collect()
}

/// `softmax(Q K̃ᵀ) Z softmax(Q̃ Kᵀ) V` (equation 13): landmarks are the means of as many segments, `Z` the pseudo-inverse of `softmax(Q̃ K̃ᵀ)`.
pub fn nystrom<R: Real>(head: &Head<R>, landmarks: usize, iterations: usize) -> Vec<R> {
    let count = landmarks.min(head.n_k).min(head.n_q);
    let matrix = |rows, columns, cells: &[R]| Matrix { rows, columns, cells: cells.to_vec() };
    let (q, k) = (matrix(head.n_q, head.d, &head.q), matrix(head.n_k, head.d, &head.k));
    let (q_marks, k_marks) = (means(count, head.n_q).times(&q), means(count, head.n_k).times(&k));
    let to_marks = weights(&q, &k_marks, head.scale);
    let from_marks = weights(&q_marks, &k, head.scale);
    let inverse = pseudo_inverse(&weights(&q_marks, &k_marks, head.scale), iterations);
    let values = from_marks.times(&matrix(head.n_k, head.d_v, &head.v));
    to_marks.times(&inverse.times(&values)).cells
}

/// Rows of means of `rows` segments of `n`, as even as they can be.
fn means<R: Real>(rows: usize, n: usize) -> Matrix<R> {
    let segment = |i: usize| i * n / rows..(i + 1) * n / rows;
    Matrix::of(rows, n, |i, j| if segment(i).contains(&j) { R::near(1.0 / segment(i).len() as f64) } else { R::ZERO })
}

/// `softmax(scale · A Bᵀ)` by rows.
fn weights<R: Real>(a: &Matrix<R>, b: &Matrix<R>, scale: R) -> Matrix<R> {
    let mut weights = Matrix::of(a.rows, b.rows, |i, j| scale * dot(a.row(i), b.row(j)));
    for row in weights.cells.chunks_exact_mut(b.rows.max(1)) {
        let largest = row.iter().copied().reduce(|a, b| if b > a { b } else { a }).unwrap_or(R::ZERO);
        row.iter_mut().for_each(|s| *s = (*s - largest).exp());
        let sum = row.iter().fold(R::ZERO, |sum, &x| sum + x);
        row.iter_mut().for_each(|x| *x = *x / sum);
    }
    weights
}

/// `Z ← ¼ Z (13 I − A Z (15 I − A Z (7 I − A Z)))` from `Aᵀ / (‖A‖₁ ‖A‖_∞)` on (equation 11), at most so many times.
///
/// Every step brings `A Z A` nearer to `A` until only rounding is left of the difference. Of a singular `A` the steps after that enlarge what rounding has put
/// into its null space, 13/4 times each, beyond all bounds; so it ends with the first step that brings nothing.
fn pseudo_inverse<R: Real>(a: &Matrix<R>, iterations: usize) -> Matrix<R> {
    let [by_row, by_column] = a.norms();
    let mut z = Matrix::of(a.columns, a.rows, |i, j| a.at(j, i) / (by_row * by_column));
    let mut nearest = None;
    for _ in 0..iterations {
        let product = a.times(&z);
        let left = product.times(a).squared_distance(a);
        // NaN is no nearer either.
        let nearer = nearest.is_none_or(|nearest| left < nearest);
        if !nearer {
            break;
        }
        nearest = Some(left);
        let inner = product.times(&product.off_diagonal(7.0)).off_diagonal(15.0);
        z = z.times(&product.times(&inner).off_diagonal(13.0));
        z.cells.iter_mut().for_each(|x| *x = R::near(0.25) * *x);
    }
    z
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Of rank one, with an entry that rounding makes a little wrong; its pseudo-inverse is itself over its trace.
    fn inverse_after<R: Real>(iterations: usize) -> Vec<R> {
        let a = Matrix::of(12, 12, |_, j| R::near((1.0 + j as f64) / 78.0));
        pseudo_inverse(&a, iterations).cells
    }

    #[test]
    fn a_singular_matrix_has_its_pseudo_inverse_however_many_steps_are_asked_for() {
        let norm: f64 = (0..12).map(|j| f64::powi((1.0 + f64::from(j)) / 78.0, 2)).sum();
        for iterations in [20, 43, 100] {
            let (double, single) = (inverse_after::<f64>(iterations), inverse_after::<f32>(iterations));
            for (at, (&double, &single)) in double.iter().zip(&single).enumerate() {
                // a = 1 wᵀ, so its pseudo-inverse is w 1ᵀ / (12 ‖w‖²).
                let wanted = (1.0 + (at / 12) as f64) / 78.0 / (12.0 * norm);
                assert!((double - wanted).abs() < 1e-9, "{iterations}: {double} for {wanted}");
                assert!((f64::from(single) - wanted).abs() < 1e-3, "{iterations}: {single} for {wanted}");
            }
        }
    }
}

//! Ranks of a head's weights, from their singular values.
//!
//! These are the roots of the eigenvalues of the smaller of `WᵀW` and `WWᵀ`, in double precision: Householder's reduction to three diagonals and implicit QL steps
//! (Martin, Reinsch and Wilkinson 1968; Bowdler, Martin, Reinsch and Wilkinson 1968). Squaring costs half of the digits, which leaves as many as the weights, of
//! single precision, have. The work is done in slices, one row each.

use super::Fault;

/// Most tokens on the shorter side: the work grows with its cube.
pub const MOST_SIDE: usize = 512;

/// Steps in which an eigenvalue is found, as a rule in two or three.
const MOST_STEPS: usize = 80;

/// How many directions the weights of a head have. All are 0 where all weights are.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Ranks {
    /// Singular values above `max(n_q, n_k) · ε · σ₁`, with the ε of single precision: what NumPy's `matrix_rank` counts.
    pub numerical: usize,
    /// `‖W‖²_F / σ₁²` (Rudelson and Vershynin 2007).
    pub stable: f64,
    /// `e^H` of the shares `σᵢ / Σσ` (Roy and Vetterli 2007).
    pub effective: f64,
}

impl Ranks {
    /// Of the singular values of a matrix whose longer side is `longer`.
    fn of(values: &[f64], longer: usize) -> Self {
        let top = values.iter().copied().fold(0.0, f64::max);
        if top == 0.0 {
            return Self::default();
        }
        let least = longer as f64 * f64::from(f32::EPSILON) * top;
        let sum: f64 = values.iter().sum();
        let entropy: f64 = values.iter().map(|v| v / sum).filter(|p| *p > 0.0).map(|p| -p * p.ln()).sum();
        Self {
            numerical: values.iter().filter(|v| **v > least).count(),
            stable: values.iter().map(|v| (v / top) * (v / top)).sum(),
            effective: entropy.exp(),
        }
    }
}

/// A matrix on its way to its singular values.
#[derive(Clone, Debug)]
pub struct Values {
    weights: Vec<f32>,
    rows: usize,
    columns: usize,
    /// The lower half of the product, then what is left of it.
    a: Vec<f64>,
    side: usize,
    below: Vec<f64>,
    done: usize,
}

impl Values {
    /// Of a head's weights `[rows, columns]`; NaN, which stands for what the mask forbids, is 0.
    ///
    /// # Errors
    /// Another count of numbers, too many tokens on the shorter side, an infinite weight.
    pub fn of(mut weights: Vec<f32>, rows: usize, columns: usize) -> Result<Self, Fault> {
        let (wanted, found, side) = (rows * columns, weights.len(), rows.min(columns));
        if found != wanted {
            return Err(Fault::Count { wanted, found });
        }
        if side > MOST_SIDE {
            return Err(Fault::TooLarge { most: MOST_SIDE, found: side });
        }
        if weights.iter().any(|w| w.is_infinite()) {
            return Err(Fault::NotNumbers);
        }
        weights.iter_mut().filter(|w| w.is_nan()).for_each(|w| *w = 0.0);
        Ok(Self { weights, rows, columns, a: vec![0.0; side * side], side, below: vec![0.0; side], done: 0 })
    }

    /// Does a row's share of the work; the ranks when all is done.
    ///
    /// # Errors
    /// [`Fault::NotNumbers`] where the values are not found, which finite weights do not bring about.
    pub fn advance(&mut self) -> Result<Option<Ranks>, Fault> {
        let (at, side) = (self.done, self.side);
        self.done += 1;
        if at < self.rows {
            self.multiply(at);
        } else if at < self.rows + side.saturating_sub(1) {
            self.reflect(side - 1 - (at - self.rows));
        } else {
            let diagonal = (0..side).map(|i| self.a[i * side + i]).collect();
            let squares = eigenvalues(diagonal, self.below.clone()).ok_or(Fault::NotNumbers)?;
            let values: Vec<f64> = squares.iter().map(|x| x.max(0.0).sqrt()).collect();
            return Ok(Some(Ranks::of(&values, self.rows.max(self.columns))));
        }
        Ok(None)
    }

    /// Adds what a row of the weights has in the product.
    fn multiply(&mut self, at: usize) {
        let (side, columns) = (self.side, self.columns);
        let row = &self.weights[at * columns..(at + 1) * columns];
        if self.rows < columns {
            for j in 0..=at {
                let other = &self.weights[j * columns..(j + 1) * columns];
                self.a[at * side + j] = row.iter().zip(other).map(|(x, y)| f64::from(*x) * f64::from(*y)).sum();
            }
        } else {
            for (i, x) in row.iter().enumerate().filter(|(_, x)| **x != 0.0) {
                let x = f64::from(*x);
                for (a, y) in self.a[i * side..=i * side + i].iter_mut().zip(row) {
                    *a += x * f64::from(*y);
                }
            }
        }
    }

    /// Takes row and column `i` into three diagonals: reads and writes the lower half only.
    fn reflect(&mut self, i: usize) {
        let side = self.side;
        let (above, rest) = self.a.split_at_mut(i * side);
        let u = &mut rest[..i];
        let scale: f64 = u.iter().map(|x| x.abs()).sum();
        if i == 1 || scale == 0.0 {
            self.below[i] = u[i - 1];
            return;
        }
        u.iter_mut().for_each(|x| *x /= scale);
        let square: f64 = u.iter().map(|x| x * x).sum();
        let last = u[i - 1];
        let root = -square.sqrt().copysign(last);
        self.below[i] = scale * root;
        let h = square - last * root;
        u[i - 1] = last - root;
        // A·u, row by row of the lower half.
        let mut product = vec![0.0; i];
        for j in 0..i {
            let row = &above[j * side..=j * side + j];
            let mut sum = row[j] * u[j];
            for k in 0..j {
                sum += row[k] * u[k];
                product[k] += row[k] * u[j];
            }
            product[j] += sum;
        }
        product.iter_mut().for_each(|x| *x /= h);
        let half = product.iter().zip(&*u).map(|(x, y)| x * y).sum::<f64>() / (2.0 * h);
        product.iter_mut().zip(&*u).for_each(|(x, y)| *x -= half * y);
        for j in 0..i {
            let (f, g) = (u[j], product[j]);
            let row = &mut above[j * side..=j * side + j];
            for ((a, x), y) in row.iter_mut().zip(&product).zip(&*u) {
                *a -= f * x + g * y;
            }
        }
    }
}

/// Eigenvalues of a symmetric matrix of three diagonals; `below[i]` stands left of `diagonal[i]`. Nothing where one is not found.
fn eigenvalues(mut diagonal: Vec<f64>, mut below: Vec<f64>) -> Option<Vec<f64>> {
    let n = diagonal.len();
    if n == 0 {
        return Some(diagonal);
    }
    below.rotate_left(1);
    below[n - 1] = 0.0;
    let norm = diagonal.iter().chain(&below).fold(0.0_f64, |top, x| top.max(x.abs()));
    for l in 0..n {
        for step in 0.. {
            let apart = |m: usize| {
                let size = diagonal[m].abs() + diagonal[m + 1].abs();
                below[m].abs() <= f64::EPSILON * size || below[m].abs() <= f64::EPSILON * norm * 1e-3
            };
            let m = (l..n - 1).find(|&m| apart(m)).unwrap_or(n - 1);
            if m == l {
                break;
            }
            if step > MOST_STEPS {
                return None;
            }
            turn(&mut diagonal, &mut below, l, m);
        }
    }
    diagonal.iter().all(|x| x.is_finite()).then_some(diagonal)
}

/// One implicit QL step on the block from `l` to `m`.
fn turn(d: &mut [f64], e: &mut [f64], l: usize, m: usize) {
    let slope = (d[l + 1] - d[l]) / (2.0 * e[l]);
    let mut g = d[m] - d[l] + e[l] / (slope + slope.hypot(1.0).copysign(slope));
    let (mut s, mut c, mut p) = (1.0, 1.0, 0.0);
    for i in (l..m).rev() {
        let (f, b) = (s * e[i], c * e[i]);
        let r = f.hypot(g);
        e[i + 1] = r;
        if r == 0.0 {
            // The block falls apart here.
            d[i + 1] -= p;
            e[m] = 0.0;
            return;
        }
        (s, c) = (f / r, g / r);
        g = d[i + 1] - p;
        let t = (d[i] - g) * s + 2.0 * c * b;
        p = s * t;
        d[i + 1] = g + p;
        g = c * t - b;
    }
    d[l] -= p;
    e[l] = g;
    e[m] = 0.0;
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
mod tests {
    use super::*;

    fn ranks(weights: &[f32], rows: usize, columns: usize) -> Ranks {
        let mut values = Values::of(weights.to_vec(), rows, columns).unwrap();
        loop {
            if let Some(ranks) = values.advance().unwrap() {
                return ranks;
            }
        }
    }

    #[test]
    fn equal_rows_have_one_direction() {
        let one = ranks(&[0.25; 12], 3, 4);
        assert_eq!(one.numerical, 1);
        assert!((one.stable - 1.0).abs() < 1e-12 && (one.effective - 1.0).abs() < 1e-6);
    }

    #[test]
    fn the_identity_has_all() {
        let mut eye = vec![0.0; 25];
        (0..5).for_each(|i| eye[i * 6] = 1.0);
        let all = ranks(&eye, 5, 5);
        assert_eq!((all.numerical, all.stable), (5, 5.0));
        assert!((all.effective - 5.0).abs() < 1e-12);
    }

    #[test]
    fn singular_values_that_are_known() {
        // Rows (3, 0) and (4, 5): σ² are 45 and 5. And the same lying, with a column of nothing.
        for (weights, rows, columns) in
            [(vec![3.0, 0.0, 4.0, 5.0], 2, 2), (vec![3.0, 0.0, f32::NAN, 4.0, 5.0, f32::NAN], 2, 3)]
        {
            let found = ranks(&weights, rows, columns);
            assert_eq!(found.numerical, 2);
            assert!((found.stable - 50.0 / 45.0).abs() < 1e-12);
            // Shares 3/4 and 1/4 of 3√5 and √5.
            let entropy: f64 = [0.75_f64, 0.25].iter().map(|p| -p * p.ln()).sum();
            assert!((found.effective - entropy.exp()).abs() < 1e-9);
        }
    }

    #[test]
    fn edges() {
        assert_eq!(ranks(&[0.0; 6], 2, 3), Ranks::default());
        assert_eq!(ranks(&[0.5], 1, 1), Ranks { numerical: 1, stable: 1.0, effective: 1.0 });
        assert_eq!(Values::of(vec![0.0; 5], 2, 3).unwrap_err(), Fault::Count { wanted: 6, found: 5 });
        assert_eq!(Values::of(vec![f32::INFINITY], 1, 1).unwrap_err(), Fault::NotNumbers);
        assert_eq!(Values::of(vec![0.0; 513 * 513], 513, 513).unwrap_err(), Fault::TooLarge { most: 512, found: 513 });
    }
}

//! Encodings: rows added to Q and K by position.

use std::ops::Range;

use crate::attention::dims::Dims;
use crate::attention::inputs::Rng;
use crate::attention::operators::Real;
use crate::attention::problem::Encoding;

/// Writes the row of a position.
type Fill = Box<dyn Fn(i64, &mut [f32])>;

/// Rows added to Q and K.
#[derive(Clone, Debug, PartialEq)]
pub struct Encodings {
    /// `[offsets, n_q, d]`: one block for each distinct offset.
    pub q: Vec<f32>,
    /// `[n_k, d]`.
    pub k: Vec<f32>,
    d: usize,
    n_q: usize,
}

impl Encodings {
    /// The tables of `encoding` for queries at `q + offset` and keys at their index.
    pub fn new(encoding: &Encoding, dims: &Dims, offsets: &[i32]) -> Self {
        let d = dims.d;
        let row: Fill = match *encoding {
            Encoding::Sinusoidal { base, gain } => Box::new(move |position, out| {
                for (i, x) in out.iter_mut().enumerate() {
                    let angle = position as f64 * base.powf(-((i / 2 * 2) as f64) / d as f64);
                    *x = gain * (if i % 2 == 0 { angle.sin() } else { angle.cos() }) as f32;
                }
            }),
            Encoding::Learned { trained, seed, gain, beyond } => {
                let last =
                    offsets.iter().map(|&o| i64::from(o) + dims.n_q as i64).max().unwrap_or(0).max(dims.n_k as i64);
                let rows = trained.min(last.max(1) as usize);
                // Row by row, so that a longer table keeps the rows of a shorter one.
                let mut rng = Rng::new(seed);
                let table: Vec<f32> = (0..rows).flat_map(|_| rng.normals(d)).map(|x| gain * x as f32).collect();
                Box::new(move |position, out| {
                    let (low, next, part) = beyond.rows(position, rows, last);
                    for (i, x) in out.iter_mut().enumerate() {
                        *x = (1.0 - part) * table[low * d + i] + part * table[next * d + i];
                    }
                })
            }
        };
        let mut q = vec![0.0; offsets.len() * dims.n_q * d];
        for (block, &offset) in q.chunks_exact_mut(dims.n_q * d).zip(offsets) {
            for (i, out) in block.chunks_exact_mut(d).enumerate() {
                row(i as i64 + i64::from(offset), out);
            }
        }
        let mut k = vec![0.0; dims.n_k * d];
        for (i, out) in k.chunks_exact_mut(d).enumerate() {
            row(i as i64, out);
        }
        Self { q, k, d, n_q: dims.n_q }
    }

    /// Adds the rows of queries `rows` of sequence `batch`.
    pub fn add_q<T: Real>(&self, batch: usize, rows: Range<usize>, out: &mut [T]) {
        let block = self.n_q * self.d;
        let start = batch % (self.q.len() / block) * block;
        add(&self.q[start + rows.start * self.d..start + rows.end * self.d], out);
    }

    /// Adds the rows of keys `rows`.
    pub fn add_k<T: Real>(&self, rows: Range<usize>, out: &mut [T]) {
        add(&self.k[rows.start * self.d..rows.end * self.d], out);
    }
}

fn add<T: Real>(row: &[f32], out: &mut [T]) {
    for (x, &e) in out.iter_mut().zip(row) {
        *x = *x + T::of(e);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::attention::problem::Beyond;

    fn dims(n_q: usize, n_k: usize, d: usize) -> Dims {
        Dims { batch: 2, q_heads: 1, kv_heads: 1, n_q, n_k, d, d_v: d }
    }

    #[test]
    fn sinusoids_are_those_of_the_paper() {
        let table = Encodings::new(&Encoding::Sinusoidal { base: 10_000.0, gain: 2.0 }, &dims(2, 4, 6), &[0, 3]);
        for p in 0..4 {
            for i in 0..6 {
                let angle = p as f64 / 10_000_f64.powf((i - i % 2) as f64 / 6.0);
                let want = 2.0 * if i % 2 == 0 { angle.sin() } else { angle.cos() };
                assert!((f64::from(table.k[p * 6 + i]) - want).abs() < 1e-6);
            }
        }
        let mut row = [0.0; 6];
        table.add_q(1, 0..1, &mut row);
        assert_eq!(row, table.k[3 * 6..4 * 6], "query 0 of the second sequence stands at position 3");
    }

    #[test]
    fn a_learned_table_repeats_its_last_row_and_is_normal() {
        let table = |n, trained| {
            Encodings::new(
                &Encoding::Learned { trained, seed: 7, gain: 1.0, beyond: Beyond::Clamp },
                &dims(1, n, 16),
                &[0],
            )
            .k
        };
        let short = table(8, 4);
        assert_eq!(short[3 * 16..4 * 16], short[7 * 16..8 * 16]);
        let long = table(4096, 4096);
        assert_eq!(short[..4 * 16], long[..4 * 16]);
        let n = long.len() as f64;
        let mean = long.iter().map(|&x| f64::from(x)).sum::<f64>() / n;
        let var = long.iter().map(|&x| f64::from(x).powi(2)).sum::<f64>() / n;
        assert!(mean.abs() < 0.02 && (var - 1.0).abs() < 0.02, "{mean} {var}");
    }
}

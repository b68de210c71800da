//! Tables that change Q and K by position: encodings added to them, and rotations.

use std::ops::Range;

use crate::attention::dims::Dims;
use crate::attention::inputs::Rng;
use crate::attention::problem::{Encoding, Rotation};

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
            Encoding::Learned { trained, seed, gain } => {
                let last =
                    offsets.iter().map(|&o| i64::from(o) + dims.n_q as i64).max().unwrap_or(0).max(dims.n_k as i64);
                let rows = trained.min(last.max(1) as usize);
                // Row by row, so that a longer table keeps the rows of a shorter one.
                let mut rng = Rng::new(seed);
                let table: Vec<f32> = (0..rows).flat_map(|_| rng.normals(d)).map(|x| gain * x as f32).collect();
                Box::new(move |position, out| {
                    let row = position.clamp(0, rows as i64 - 1) as usize;
                    out.copy_from_slice(&table[row * d..(row + 1) * d]);
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
    pub fn add_q(&self, batch: usize, rows: Range<usize>, out: &mut [f32]) {
        let block = self.n_q * self.d;
        let start = batch % (self.q.len() / block) * block;
        add(&self.q[start + rows.start * self.d..start + rows.end * self.d], out);
    }

    /// Adds the rows of keys `rows`.
    pub fn add_k(&self, rows: Range<usize>, out: &mut [f32]) {
        add(&self.k[rows.start * self.d..rows.end * self.d], out);
    }
}

fn add(row: &[f32], out: &mut [f32]) {
    for (x, e) in out.iter_mut().zip(row) {
        *x += e;
    }
}

/// Cosine and sine by position and pair.
#[derive(Clone, Debug, PartialEq)]
pub struct Turns {
    /// `[offsets, n_q, dims/2]` pairs of (cos, sin).
    pub q: Vec<[f32; 2]>,
    /// `[n_k, dims/2]` pairs of (cos, sin).
    pub k: Vec<[f32; 2]>,
    /// Leading places of a head that turn; the rest passes through.
    pub dims: usize,
    /// Pairs are (0,1), (2,3), … instead of (i, i + dims/2).
    pub interleaved: bool,
    n_q: usize,
}

impl Turns {
    /// The turns of `rotation` for queries at `q + offset` and keys at their index. Angles are formed in double precision: at position
    /// 65 536 a single-precision angle is wrong in the third digit.
    pub fn new(rotation: &Rotation, dims: &Dims, offsets: &[i32]) -> Self {
        let pairs = rotation.dims / 2;
        let frequency: Vec<f64> =
            (0..pairs).map(|i| rotation.base.powf(-((2 * i) as f64) / rotation.dims as f64)).collect();
        let at = |position: i64, out: &mut Vec<[f32; 2]>| {
            out.extend(frequency.iter().map(|f| {
                let (sin, cos) = (position as f64 * f).sin_cos();
                [cos as f32, sin as f32]
            }));
        };
        let mut q = Vec::with_capacity(offsets.len() * dims.n_q * pairs);
        for &offset in offsets {
            for i in 0..dims.n_q {
                at(i as i64 + i64::from(offset), &mut q);
            }
        }
        let mut k = Vec::with_capacity(dims.n_k * pairs);
        for i in 0..dims.n_k {
            at(i as i64, &mut k);
        }
        Self { q, k, dims: rotation.dims, interleaved: rotation.interleaved, n_q: dims.n_q }
    }

    /// Turns rows of queries (`out`, `[rows.len(), d]`) of sequence `batch`.
    pub fn turn_q(&self, batch: usize, rows: Range<usize>, d: usize, out: &mut [f32]) {
        let pairs = self.dims / 2;
        let block = self.n_q * pairs;
        if block == 0 {
            return;
        }
        let start = batch % (self.q.len() / block) * block;
        self.turn(&self.q[start + rows.start * pairs..start + rows.end * pairs], d, out);
    }

    /// Turns rows of keys (`out`, `[rows.len(), d]`).
    pub fn turn_k(&self, rows: Range<usize>, d: usize, out: &mut [f32]) {
        let pairs = self.dims / 2;
        self.turn(&self.k[rows.start * pairs..rows.end * pairs], d, out);
    }

    fn turn(&self, turns: &[[f32; 2]], d: usize, out: &mut [f32]) {
        let pairs = self.dims / 2;
        if pairs == 0 {
            return;
        }
        for (row, turns) in out.chunks_exact_mut(d).zip(turns.chunks_exact(pairs)) {
            for (i, &[cos, sin]) in turns.iter().enumerate() {
                let (a, b) = if self.interleaved { (2 * i, 2 * i + 1) } else { (i, i + pairs) };
                let (x, y) = (row[a], row[b]);
                row[a] = x * cos - y * sin;
                row[b] = x * sin + y * cos;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
        let table =
            |n, trained| Encodings::new(&Encoding::Learned { trained, seed: 7, gain: 1.0 }, &dims(1, n, 16), &[0]).k;
        let short = table(8, 4);
        assert_eq!(short[3 * 16..4 * 16], short[7 * 16..8 * 16]);
        let long = table(4096, 4096);
        assert_eq!(short[..4 * 16], long[..4 * 16]);
        let n = long.len() as f64;
        let mean = long.iter().map(|&x| f64::from(x)).sum::<f64>() / n;
        let var = long.iter().map(|&x| f64::from(x).powi(2)).sum::<f64>() / n;
        assert!(mean.abs() < 0.02 && (var - 1.0).abs() < 0.02, "{mean} {var}");
    }

    #[test]
    fn rotation_depends_on_the_distance_only_and_passes_the_rest_through() {
        for interleaved in [false, true] {
            let rotation = Rotation { base: 100.0, dims: 4, interleaved };
            let turns = Turns::new(&rotation, &dims(20, 30, 6), &[5]);
            let (q, k) = ([0.3, -1.2, 0.7, 0.4, 9.0, 8.0], [1.1, 0.2, -0.5, 0.9, 7.0, 6.0]);
            let product = |at_q: usize, at_k: usize| {
                let (mut a, mut b) = (q, k);
                turns.turn_q(0, at_q..at_q + 1, 6, &mut a);
                turns.turn_k(at_k..at_k + 1, 6, &mut b);
                assert_eq!((a[4], b[5]), (9.0, 6.0));
                a.iter().zip(b).map(|(x, y)| f64::from(x * y)).sum::<f64>()
            };
            assert!((product(0, 5) - product(14, 19)).abs() < 1e-4);
            assert!((product(0, 5) - product(0, 6)).abs() > 1e-3);
            // Position 1, first pair, by the definition.
            let mut row = k;
            turns.turn_k(1..2, 6, &mut row);
            let partner = if interleaved { 1 } else { 2 };
            let want = f64::from(k[0]) * 1_f64.cos() - f64::from(k[partner]) * 1_f64.sin();
            assert!((f64::from(row[0]) - want).abs() < 1e-6);
        }
    }
}

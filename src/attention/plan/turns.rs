//! Rotations of Q and K by position.

use std::f64::consts::TAU;
use std::ops::Range;

use crate::attention::dims::Dims;
use crate::attention::operators::Real;
use crate::attention::rotation::{Axes, Rotation, Stretch};

/// Cosine and sine by position and pair, both times the pair's factor there.
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
        let all = pairs(rotation, tokens(dims, offsets));
        let middle = (dims.n_k / 2) as i64;
        // A key grows where a query shrinks.
        let at = |position: i64, side: f64, out: &mut Vec<[f32; 2]>| {
            let places = places(&rotation.axes, position);
            let along = side * (position - middle) as f64;
            out.extend(all.iter().map(|pair| {
                let (sin, cos) = (places[pair.axis] as f64 * pair.frequency).sin_cos();
                let size = rotation.magnitude * (-pair.rate * along).exp();
                [(size * cos) as f32, (size * sin) as f32]
            }));
        };
        let mut q = Vec::with_capacity(offsets.len() * dims.n_q * all.len());
        for &offset in offsets {
            for i in 0..dims.n_q {
                at(i as i64 + i64::from(offset), 1.0, &mut q);
            }
        }
        let mut k = Vec::with_capacity(dims.n_k * all.len());
        for i in 0..dims.n_k {
            at(i as i64, -1.0, &mut k);
        }
        Self { q, k, dims: rotation.dims, interleaved: rotation.interleaved, n_q: dims.n_q }
    }

    /// Turns rows of queries (`out`, `[rows.len(), d]`) of sequence `batch`.
    pub fn turn_q<T: Real>(&self, batch: usize, rows: Range<usize>, d: usize, out: &mut [T]) {
        self.turn(self.of_queries(batch, rows), d, out, |sin| sin);
    }

    /// Turns rows of keys (`out`, `[rows.len(), d]`).
    pub fn turn_k<T: Real>(&self, rows: Range<usize>, d: usize, out: &mut [T]) {
        let pairs = self.dims / 2;
        self.turn(&self.k[rows.start * pairs..rows.end * pairs], d, out, |sin| sin);
    }

    /// The transpose of [`Turns::turn_q`]: what a derivative by turned queries is by those that were turned.
    pub fn turn_q_back<T: Real>(&self, batch: usize, rows: Range<usize>, d: usize, out: &mut [T]) {
        self.turn(self.of_queries(batch, rows), d, out, |sin| -sin);
    }

    /// The transpose of [`Turns::turn_k`].
    pub fn turn_k_back<T: Real>(&self, rows: Range<usize>, d: usize, out: &mut [T]) {
        let pairs = self.dims / 2;
        self.turn(&self.k[rows.start * pairs..rows.end * pairs], d, out, |sin| -sin);
    }

    fn of_queries(&self, batch: usize, rows: Range<usize>) -> &[[f32; 2]] {
        let pairs = self.dims / 2;
        let block = self.n_q * pairs;
        if block == 0 {
            return &[];
        }
        let start = batch % (self.q.len() / block) * block;
        &self.q[start + rows.start * pairs..start + rows.end * pairs]
    }

    fn turn<T: Real>(&self, turns: &[[f32; 2]], d: usize, out: &mut [T], direction: impl Fn(f32) -> f32) {
        let pairs = self.dims / 2;
        if pairs == 0 {
            return;
        }
        for (row, turns) in out.chunks_exact_mut(d).zip(turns.chunks_exact(pairs)) {
            for (i, &[cos, sin]) in turns.iter().enumerate() {
                let (cos, sin) = (T::of(cos), T::of(direction(sin)));
                let (a, b) = if self.interleaved { (2 * i, 2 * i + 1) } else { (i, i + pairs) };
                let (x, y) = (row[a], row[b]);
                row[a] = x * cos - y * sin;
                row[b] = x * sin + y * cos;
            }
        }
    }
}

/// What turns the places of one pair.
struct Pair {
    /// Part of the token's place that it turns with.
    axis: usize,
    /// Radians for one step along it.
    frequency: f64,
    /// The exponent by which queries shrink, and keys grow, with one token.
    rate: f64,
}

/// The pairs of `rotation`, in their order, for texts of so many tokens.
fn pairs(rotation: &Rotation, tokens: usize) -> Vec<Pair> {
    let count = rotation.dims / 2;
    let axes: Vec<(usize, f64)> = match rotation.axes {
        Axes::Line => ladder(rotation, count, tokens).map(|f| (0, f)).collect(),
        Axes::Grid { .. } => {
            let (rows, columns) = (count.div_ceil(2), count / 2);
            let of_rows = ladder(rotation, rows, tokens).map(|f| (0, f));
            of_rows.chain(ladder(rotation, columns, tokens).map(|f| (1, f))).collect()
        }
        Axes::Frames { .. } => {
            let frames = count / 4;
            let rows = frames + (count - frames) / 2;
            let axis = |i| usize::from(i >= frames) + usize::from(i >= rows);
            ladder(rotation, count, tokens).enumerate().map(|(i, f)| (axis(i), f)).collect()
        }
    };
    let rate = |i| rotation.decay.as_ref().map_or(0.0, |decay| decay.rate(i, rotation.dims));
    axes.into_iter().enumerate().map(|(i, (axis, frequency))| Pair { axis, frequency, rate: rate(i) }).collect()
}

/// Frequencies of `count` pairs, from the fastest to the slowest.
fn ladder(rotation: &Rotation, count: usize, tokens: usize) -> impl Iterator<Item = f64> {
    let Rotation { base, ref stretch, .. } = *rotation;
    let change: Box<dyn Fn(usize, f64) -> f64> = match *stretch {
        Stretch::None => Box::new(|_, f| f),
        Stretch::Linear { factor } => Box::new(move |_, f| f / factor),
        Stretch::Ntk { factor } => Box::new(move |i, f| f * rebased(factor, i, count)),
        Stretch::DynamicNtk { factor, trained } => {
            let factor = factor * tokens.max(trained) as f64 / trained as f64 - (factor - 1.0);
            Box::new(move |i, f| f * rebased(factor, i, count))
        }
        Stretch::Bands { factor, trained, slow, fast } => Box::new(move |_, f| {
            let turns = trained as f64 * f / TAU;
            let kept = ((turns - slow) / (fast - slow)).clamp(0.0, 1.0);
            kept * f + (1.0 - kept) * f / factor
        }),
    };
    (0..count).map(move |i| change(i, base.powf(-((2 * i) as f64) / (2 * count) as f64)))
}

/// What the base's factor `factor^(dims / (dims - 2))` makes of frequency `i` of `count`: `factor^(-2i / (dims - 2))`. A single pair has frequency 1
/// with every base.
fn rebased(factor: f64, i: usize, count: usize) -> f64 {
    factor.powf(-(i as f64) / count.saturating_sub(1).max(1) as f64)
}

/// One more than the last position.
fn tokens(dims: &Dims, offsets: &[i32]) -> usize {
    let queries = offsets.iter().map(|&offset| dims.n_q as i64 + i64::from(offset)).max().unwrap_or(0);
    usize::try_from(queries).unwrap_or(0).max(dims.n_k)
}

/// The parts of a token's place. Tokens before the first, which negative offsets give, continue the grid upwards.
fn places(axes: &Axes, position: i64) -> [i64; 3] {
    match *axes {
        Axes::Line => [position, 0, 0],
        Axes::Grid { width } => [position.div_euclid(width as i64), position.rem_euclid(width as i64), 0],
        Axes::Frames { height, width } => {
            let row = position.div_euclid(width as i64);
            [row.div_euclid(height as i64), row.rem_euclid(height as i64), position.rem_euclid(width as i64)]
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
    fn rotation_depends_on_the_distance_only_and_passes_the_rest_through() {
        for interleaved in [false, true] {
            let rotation = Rotation::new(100.0, 4, interleaved);
            let turns = Turns::new(&rotation, &dims(20, 30, 6), &[5]);
            let (q, k): ([f32; 6], [f32; 6]) = ([0.3, -1.2, 0.7, 0.4, 9.0, 8.0], [1.1, 0.2, -0.5, 0.9, 7.0, 6.0]);
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
            // Its transpose takes a derivative back: a·Rb = (Rᵀa)·b, growth and decay included.
            let decay = Some(crate::attention::Decay { gamma: 0.4, scale: 8.0 });
            let grown = Turns::new(&Rotation { decay, magnitude: 1.25, ..rotation }, &dims(20, 30, 6), &[5]);
            let (mut turned, mut back) = (k.map(f64::from), q.map(f64::from));
            grown.turn_q(0, 3..4, 6, &mut turned);
            grown.turn_q_back(0, 3..4, 6, &mut back);
            let dot = |a: &[f64], b: &[f32]| a.iter().zip(b).map(|(a, &b)| a * f64::from(b)).sum::<f64>();
            assert!((dot(&turned, &q) - dot(&back, &k)).abs() < 1e-12);
        }
    }
}

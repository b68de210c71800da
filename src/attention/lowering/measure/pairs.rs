//! Terms of every pair of query and key, `[b, h, q, k]`.

use super::super::super::values::plain;
use super::super::frame::Frame;
use super::super::numbers::{dot, rows, sinusoids, times, wide};
use super::super::step::{Derived, Step};
use crate::catalogue::Measure;

/// Fills a table row by row: `row(batch, head, position, query, keys, out)` pushes a number for each key.
fn fill(frame: &Frame, mut row: impl FnMut(usize, usize, i64, &[f64], &[Vec<f64>], &mut Vec<f32>)) -> Vec<f32> {
    let dims = frame.dims;
    let mut out = Vec::with_capacity(dims.rows() * dims.n_k);
    for batch in 0..dims.batch {
        for head in 0..dims.q_heads {
            let keys: Vec<Vec<f64>> = rows(frame.k(batch, head), dims.d).map(wide).collect();
            for (i, q) in rows(frame.q(batch, head), dims.d).enumerate() {
                row(batch, head, i as i64 + frame.offset(batch), &wide(q), &keys, &mut out);
            }
        }
    }
    out
}

/// `w_h · tanh(q + k)` for every pair, with seeded normal `w` for each head (Bahdanau et al. 2015, appendix A.1.2, whose projections of
/// query and key are those that made Q and K).
pub fn additive(step: &Step<Measure>, frame: &Frame) -> Vec<f32> {
    let d = frame.dims.d;
    let weights = step.normals(0, frame.dims.q_heads * d, 1.0);
    fill(frame, |_, head, _, q, keys, out| {
        let w = &weights[head * d..(head + 1) * d];
        let score = |k: &Vec<f64>| -> f64 { w.iter().zip(q).zip(k).map(|((w, q), k)| w * (q + k).tanh()).sum() };
        out.extend(keys.iter().map(|k| score(k) as f32));
    })
}

/// `(q + v) · W R_{i−j} + u · k` (Dai et al. 2019, section 3.3), with sinusoids `R` and seeded `W`, `u` and `v` for each head, all three times the gain.
pub fn transformer_xl(step: &Step<Measure>, frame: &Frame) -> Vec<f32> {
    let (d, heads) = (frame.dims.d, frame.dims.q_heads);
    let gain = step.param("gain");
    let project = step.normals(0, heads * d * d, gain / (d as f64).sqrt());
    let (u, v) = (step.normals(1, heads * d, gain), step.normals(2, heads * d, gain));
    // Vectors of each distance are made once for a head: they are shared by its queries.
    let (first, last) = distances(frame);
    let mut of_head = (usize::MAX, Vec::new());
    fill(frame, |_, head, position, q, keys, out| {
        if of_head.0 != head {
            let matrix = &project[head * d * d..(head + 1) * d * d];
            let vectors = (first..=last).map(|distance| times(matrix, &sinusoids(distance as f64, d))).collect();
            of_head = (head, vectors);
        }
        let (u, v) = (&u[head * d..(head + 1) * d], &v[head * d..(head + 1) * d]);
        let q: Vec<f64> = q.iter().zip(v).map(|(q, v)| q + v).collect();
        let vector = |k: usize| &of_head.1[(position - frame.key_position(k) - first) as usize];
        out.extend(keys.iter().enumerate().map(|(k, key)| (dot(&q, vector(k)) + dot(u, key)) as f32));
    })
}

/// The least and the largest distance from a query to where a key may stand, of any sequence.
fn distances(frame: &Frame) -> (i64, i64) {
    let offsets = || frame.offsets.iter().map(|&offset| i64::from(offset));
    let (least, most) = (offsets().min().unwrap_or(0), offsets().max().unwrap_or(0));
    (least - (frame.given_n_k as i64 - 1), most + frame.dims.n_q as i64 - 1)
}

/// `(p_i U_Q) · (p_j U_K)`, with seeded positions `p` and seeded `U_Q`, `U_K` for each head (Ke, He and Liu 2021, section 3.1).
pub fn tupe(step: &Step<Measure>, frame: &Frame) -> Vec<f32> {
    let (d, heads) = (frame.dims.d, frame.dims.q_heads);
    let root = 1.0 / (d as f64).sqrt();
    let (of_q, of_k) = (step.normals(0, heads * d * d, root), step.normals(1, heads * d * d, root));
    let count = (distances(frame).1 + 1).max(frame.given_n_k as i64).max(1) as usize;
    // Row by row, so that a longer sequence keeps the rows of a shorter one.
    let mut rng = step.rng(2);
    let gain = step.param("gain");
    let places: Vec<Vec<f64>> = (0..count).map(|_| rng.normals(d).into_iter().map(|x| gain * x).collect()).collect();
    let mut of_head = (usize::MAX, Vec::new(), Vec::new());
    fill(frame, |_, head, position, _, keys, out| {
        if of_head.0 != head {
            let all = |matrix: &[f64]| places.iter().map(|place| times(matrix, place)).collect::<Vec<_>>();
            let part = head * d * d..(head + 1) * d * d;
            of_head = (head, all(&of_q[part.clone()]), all(&of_k[part]));
        }
        let q = &of_head.1[position.clamp(0, count as i64 - 1) as usize];
        out.extend((0..keys.len()).map(|k| dot(q, &of_head.2[frame.key_position(k) as usize]) as f32));
    })
}

/// `q · (P_j + R_{r(i, j)})` with `r = min(reach, ⌊|t_i − t_j| / gap⌋)`, where the gap is the least between two different times (Li, Wang and
/// McAuley 2020, section 3.3); vectors are seeded and shared by the heads.
pub fn tisasrec(table: &Derived, frame: &Frame) -> Vec<f32> {
    let (step, d) = (&table.step, frame.dims.d);
    let clock = Clock::new(table);
    let gain = step.param("gain");
    let places = step.rows(0, frame.given_n_k, d, gain);
    let intervals = step.normals(1, (clock.reach + 1) * d, gain);
    fill(frame, |_, _, position, q, keys, out| {
        out.extend((0..keys.len()).map(|k| {
            let at = frame.key_position(k);
            let r = clock.interval(position, at);
            (dot(q, &places[at as usize]) + dot(q, &intervals[r * d..(r + 1) * d])) as f32
        }));
    })
}

/// Times of tokens, and the intervals between them that are told apart.
pub struct Clock {
    times: Vec<f64>,
    gap: f64,
    /// The largest interval.
    pub reach: usize,
}

impl Clock {
    /// The table `time` and the parameter `reach` of a step.
    pub fn new(table: &Derived) -> Self {
        let times = table.data.as_ref().map_or_else(Vec::new, |data| plain(&data.values));
        let mut sorted = times.clone();
        sorted.sort_by(f64::total_cmp);
        let gaps = sorted.windows(2).map(|pair| pair[1] - pair[0]).filter(|gap| *gap > 0.0);
        Self { gap: gaps.fold(f64::INFINITY, f64::min), times, reach: table.step.count("reach", 1) }
    }

    /// Units of the least gap between two positions, at most `reach`.
    pub fn interval(&self, a: i64, b: i64) -> usize {
        let last = self.times.len() as i64 - 1;
        let time = |position: i64| self.times.get(position.clamp(0, last.max(0)) as usize).copied().unwrap_or(0.0);
        ((time(a) - time(b)).abs() / self.gap).floor().min(self.reach as f64) as usize
    }
}

//! What needs whole columns of scores, or the weights: sums over queries, and vectors that the weights carry into the output.

use super::super::super::plan::Plan;
use super::super::super::reference::{At, weigh};
use super::super::frame::Frame;
use super::super::step::{Derived, Step};
use super::pairs::Clock;
use super::select::each_row;
use crate::catalogue::Measure;

/// Streams of the seeded vectors beside those of the keys.
const SHAW: u64 = 1;
const PLACES: u64 = 2;
const INTERVALS: u64 = 3;

/// `ln Σ_i e^(s_ij)` over the queries `i` that may see key `j`, `[b, h, k]`; 0 for a key that none may see, which nothing reads.
pub fn column_sums(frame: &Frame, plan: &Plan) -> Vec<f32> {
    let dims = frame.dims;
    let mut columns = vec![(f64::NEG_INFINITY, 0.0); dims.batch * dims.q_heads * dims.n_k];
    each_row(frame, plan, |b, h, _, scores| {
        let start = (b * dims.q_heads + h) * dims.n_k;
        for ((largest, sum), &s) in columns[start..].iter_mut().zip(&*scores).filter(|(_, s)| **s != f64::NEG_INFINITY)
        {
            if s > *largest {
                *sum *= (*largest - s).exp();
                *largest = s;
            }
            // A NaN stays in its column.
            *sum += if s.is_nan() { s } else { (s - *largest).exp() };
        }
    });
    let of = |(largest, sum): (f64, f64)| match sum {
        0.0 => 0.0,
        sum if sum.is_nan() => f32::NAN,
        sum => (largest + sum.ln()) as f32,
    };
    columns.into_iter().map(of).collect()
}

/// `Σ_j p_ij a_r(i, j)` with a seeded vector for each clipped distance `r`, `[b, h, q, d_v]` (Shaw et al. 2018, equation 3): what the side of the values
/// adds to the output. Heads share the vectors.
pub fn shaw(step: &Step<Measure>, frame: &Frame, plan: &Plan) -> Vec<f32> {
    let (size, reach) = (frame.given_d_v, step.count("reach", 1));
    let vectors = step.normals(SHAW, (2 * reach + 1) * size, step.param("gain"));
    let reach = reach as i64;
    carried(frame, plan, |position, k, weight, out| {
        let r = (frame.key_position(k) - position).clamp(-reach, reach) + reach;
        add(weight, &vectors[r as usize * size..][..size], out);
    })
}

/// `Σ_j p_ij (P_j + R_r(i, j))` with seeded vectors of places and intervals, `[b, h, q, d_v]` (Li, Wang and McAuley 2020, section 3.3).
pub fn tisasrec(table: &Derived, frame: &Frame, plan: &Plan) -> Vec<f32> {
    let (step, size) = (&table.step, frame.given_d_v);
    let clock = Clock::new(table);
    let gain = step.param("gain");
    let places = step.rows(PLACES, frame.given_n_k, size, gain);
    let intervals = step.normals(INTERVALS, (clock.reach + 1) * size, gain);
    carried(frame, plan, |position, k, weight, out| {
        let at = frame.key_position(k);
        add(weight, &places[at as usize], out);
        add(weight, &intervals[clock.interval(position, at) * size..][..size], out);
    })
}

/// What the weights of each query carry to it, `[b, h, q, d_v]`: `take(position, key, weight, sum)` adds what comes from one key. Where the values of
/// several heads stand side by side, each of them gets the same.
fn carried(frame: &Frame, plan: &Plan, mut take: impl FnMut(i64, usize, f64, &mut [f64])) -> Vec<f32> {
    let dims = frame.dims;
    let mut out = Vec::with_capacity(dims.rows() * dims.d_v);
    let mut sum = vec![0.0; frame.given_d_v];
    each_row(frame, plan, |b, h, q, row| {
        weigh(plan, At { b, h, q, k: 0 }, row);
        sum.fill(0.0);
        let position = q as i64 + frame.offset(b);
        for (k, &weight) in row.iter().enumerate().filter(|(_, weight)| **weight != 0.0) {
            take(position, k, weight, &mut sum);
        }
        out.extend(sum.iter().cycle().take(dims.d_v).map(|x| *x as f32));
    });
    out
}

fn add(weight: f64, vector: &[f64], out: &mut [f64]) {
    out.iter_mut().zip(vector).for_each(|(sum, x)| *sum += weight * x);
}

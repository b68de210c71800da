//! What joins branches to one softmax, and what stands beside attention; see `lowering::branches`.

use super::super::super::dims::{Dims, Inputs};
use super::super::super::plan::Plan;
use super::super::super::reference::{At, weigh, whole_row};
use super::super::frame::Frame;
use super::super::numbers::{dot, rows, sigmoid, wide};
use super::super::step::{Derived, Step};
use super::select::{Allowed, prepared};
use crate::catalogue::Measure;
use crate::experiment::Issues;

/// Stream of the first gate's seeded weights; the others follow.
const GATES: u64 = 70;

/// Gates of `count` branches for each query, `[b, h, q, count]`: the parameters `gate_0` and so on. With the switch `by_query` on, `σ(ln(g / (1 − g)) + q · w_h)`
/// with `w_h` of seeded normal numbers over √d, `q` as it is given. The branch without a parameter gets what the others leave of 1.
fn gates(step: &Step<Measure>, given: &Dims, inputs: &Inputs, count: usize) -> Vec<f64> {
    let by_query = step.switch("by_query");
    let d = given.d;
    let set: Vec<Option<f64>> = (0..count).map(|i| step.params.get(&format!("gate_{i}")).copied()).collect();
    let weights: Vec<Vec<f64>> =
        (0..count).map(|i| step.normals(GATES + i as u64, given.q_heads * d, 1.0 / (d as f64).sqrt())).collect();
    let mut out = Vec::with_capacity(given.rows() * count);
    for (i, query) in rows(&inputs.q, d).enumerate() {
        let head = i / given.n_q % given.q_heads;
        let query = wide(query);
        let gate = |(gate, weights): (&Option<f64>, &Vec<f64>)| {
            gate.map(|gate| match by_query {
                // 0 and 1 stay what they are, whatever the query says.
                true => sigmoid((gate / (1.0 - gate)).ln() + dot(&query, &weights[head * d..(head + 1) * d])),
                false => gate,
            })
        };
        let of_query: Vec<Option<f64>> = set.iter().zip(&weights).map(gate).collect();
        let left = 1.0 - of_query.iter().flatten().sum::<f64>();
        out.extend(of_query.into_iter().map(|gate| gate.unwrap_or(left)));
    }
    out
}

/// `[b, h, q, 2^branches]`: at 0 the sum of the weights of all branches with their gates; at every other place the logarithm of the sum of `g_i e^(−L_i)` over
/// the branches that its binary digits name.
///
/// # Errors
/// A branch that does not compile.
pub fn branches(table: &Derived, frame: &Frame, given: &Dims, inputs: &Inputs) -> Result<Vec<f32>, Issues> {
    let count = table.branches.len();
    let gates = gates(&table.step, given, inputs, count);
    let plans = table.branches.iter().map(Plan::compile).collect::<Result<Vec<_>, _>>()?;
    let dims = frame.dims;
    let mut out = vec![0.0; dims.rows() << count];
    for (i, plan) in plans.iter().enumerate() {
        let mut allowed = Allowed::new(plan);
        for b in 0..dims.batch {
            for h in 0..dims.q_heads {
                let (queries, keys) = prepared(plan, frame, b, h);
                for (q, query) in rows(&queries, dims.d).enumerate() {
                    let scores = allowed.scores(b, h, q, query, &keys);
                    let at = dims.row_start(b, h) + q;
                    let gate = gates[at * count + i];
                    let place = &mut out[at << count..(at + 1) << count];
                    if scores.iter().any(|s| *s > f64::NEG_INFINITY) {
                        let lse = whole_row(plan, h, &scores);
                        // Less than 1 with a sink.
                        place[0] += gate * scores.iter().map(|s| (s - lse).exp()).sum::<f64>();
                        place[1 << i] = gate.ln() - lse;
                    } else {
                        place[1 << i] = f64::NEG_INFINITY;
                    }
                }
            }
        }
    }
    for place in out.chunks_exact_mut(1 << count) {
        for several in (3..place.len()).filter(|place| !place.is_power_of_two()) {
            let terms: Vec<f64> = (0..count).filter(|i| several >> i & 1 == 1).map(|i| place[1 << i]).collect();
            let most = terms.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            let sum: f64 = terms.iter().map(|term| (term - most).exp()).sum();
            place[several] = if most > f64::NEG_INFINITY { most + sum.ln() } else { most };
        }
    }
    Ok(out.into_iter().map(|x| x as f32).collect())
}

/// `[b, h, q, 1 + n_k]`: the gate `g` of the first branch, 0 where it sees nothing, then `(1 − g)` times the weights of the second.
///
/// # Errors
/// A branch that does not compile.
pub fn beside(table: &Derived, frame: &Frame, given: &Dims, inputs: &Inputs) -> Result<Vec<f32>, Issues> {
    let [first, second] = table.branches.as_slice() else { return Ok(Vec::new()) };
    let (first, second) = (Plan::compile(first)?, Plan::compile(second)?);
    let (mut of_first, mut of_second) = (Allowed::new(&first), Allowed::new(&second));
    let gates = gates(&table.step, given, inputs, 1);
    let dims = frame.dims;
    let mut out = Vec::with_capacity(dims.rows() * (1 + dims.n_k));
    for b in 0..dims.batch {
        for h in 0..dims.q_heads {
            let (queries, keys) = prepared(&second, frame, b, h);
            for (q, query) in rows(&queries, dims.d).enumerate() {
                let gate = gates[dims.row_start(b, h) + q];
                let any = of_first.scores(b, h, q, query, &keys).iter().any(|s| *s > f64::NEG_INFINITY);
                let mut weights = of_second.scores(b, h, q, query, &keys);
                weigh(&second, At { b, h, q, k: 0 }, &mut weights);
                out.push(if any { gate as f32 } else { 0.0 });
                out.extend(weights.iter().map(|weight| ((1.0 - gate) * weight) as f32));
            }
        }
    }
    Ok(out)
}

/// `[b, h, q, 1 + d_v]`: the share of attention, then the gated outputs of the estimators, over the tensors as they were given. The first branch has the share `g` and
/// the second `1 − g`; attention is the one that no estimator stands for, and has none where there are two.
pub fn blend(table: &Derived, given: &Dims, inputs: &Inputs) -> Vec<f32> {
    let outputs = table
        .estimators
        .map(|one| -> Option<Vec<f64>> { one.map(|estimator| estimator.estimate(&inputs.q, &inputs.k, &inputs.v)) });
    let d_v = given.d_v;
    let mut blended = Vec::with_capacity(given.rows() * (1 + d_v));
    for (row, gate) in gates(&table.step, given, inputs, 1).into_iter().enumerate() {
        let shares = [gate, 1.0 - gate];
        let attention: f64 = shares.iter().zip(&outputs).filter(|(_, y)| y.is_none()).map(|(share, _)| share).sum();
        blended.push(attention as f32);
        blended.extend((row * d_v..(row + 1) * d_v).map(|at| {
            let gated = shares.iter().zip(&outputs).map(|(share, y)| y.as_ref().map_or(0.0, |y| share * y[at]));
            gated.sum::<f64>() as f32
        }));
    }
    blended
}

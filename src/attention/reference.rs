//! The oracle: attention written down cell by cell in double precision, to be read beside the definition. It judges the kernels.
//!
//! Double precision everywhere but where the definition itself says single: prepared Q and K are single-precision tensors, and formulas take
//! and give single-precision scores, as the language defines them.

use ndarray::{Array1, Array2, Array3, Array4, s};

use super::dims::Inputs;
use super::plan::Plan;
use super::problem::Normaliser;

/// Where a cell of the score matrix stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct At {
    /// Sequence.
    pub b: usize,
    /// Query head.
    pub h: usize,
    /// Query.
    pub q: usize,
    /// Key.
    pub k: usize,
}

/// One (query, key) pair on its way through the score slots.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Cell {
    /// `Q·K`.
    pub raw: f64,
    /// After the scale.
    pub scaled: f64,
    /// After the biases before the cap, and the softcap.
    pub capped: f64,
    /// After all biases and score formulas.
    pub biased: f64,
    /// After the mask: −∞ where the key is masked.
    pub masked: f64,
}

/// The score slots for one pair, from its prepared rows of Q and K. A masked key's numbers never reach `masked`, whatever they are.
pub fn cell(plan: &Plan, at: At, q_row: &[f32], k_row: &[f32]) -> Cell {
    let raw: f64 = q_row.iter().zip(k_row).map(|(&x, &y)| f64::from(x) * f64::from(y)).sum();
    let scaled = raw * f64::from(plan.scale);
    let mut capped = scaled;
    for bias in &plan.bias_before_cap {
        capped = f64::from(bias.score_at(capped as f32, at.b as i32, at.h as i32, at.q as i32, at.k as i32));
    }
    if let Some(cap) = plan.softcap {
        let cap = f64::from(cap);
        capped = cap * (capped / cap).tanh();
    }
    let mut biased = capped;
    for bias in &plan.bias {
        biased = f64::from(bias.score_at(biased as f32, at.b as i32, at.h as i32, at.q as i32, at.k as i32));
    }
    let masked = if allowed(plan, at) { biased } else { f64::NEG_INFINITY };
    Cell { raw, scaled, capped, biased, masked }
}

/// Whether the masks, and the rectangles over them, let the query look at the key.
pub fn allowed(plan: &Plan, at: At) -> bool {
    let holds = |p: &&crate::experiment::Patch| {
        p.head.is_none_or(|h| h == at.h) && (p.q[0]..p.q[1]).contains(&at.q) && (p.k[0]..p.k[1]).contains(&at.k)
    };
    match plan.paint.iter().rfind(holds) {
        Some(patch) => patch.allow,
        None => plan.masks.iter().all(|m| m.mask_at(at.b as i32, at.h as i32, at.q as i32, at.k as i32)),
    }
}

/// A row of masked scores becomes weights in place (key 0 first; `at.k` is not read); the log-sum-exp is returned.
///
/// A row of nothing but −∞ gives zeros and −∞, with or without a sink. Masked keys keep weight 0 through the probability formula.
pub fn weigh(plan: &Plan, at: At, row: &mut [f64]) -> f64 {
    if row.iter().all(|&s| s == f64::NEG_INFINITY) {
        row.fill(0.0);
        return f64::NEG_INFINITY;
    }
    let lse = whole_row(plan, at.h, row);
    for (k, s) in row.iter_mut().enumerate() {
        *s = if *s == f64::NEG_INFINITY { 0.0 } else { weight(plan, At { k, ..at }, *s, lse) };
    }
    lse
}

/// What the weights of a row need of all its masked scores, of which one at least is allowed: the log-sum-exp, or the threshold.
pub fn whole_row(plan: &Plan, head: usize, scores: &[f64]) -> f64 {
    match plan.normaliser {
        Normaliser::Softmax | Normaliser::OffByOne => log_sum_exp(scores, plan.sink_of(head)),
        Normaliser::Sparsemax => threshold(scores, 1.0, |above| above),
        Normaliser::Entmax => threshold(scores, 0.5, |above| above * above),
        Normaliser::Sigmoid | Normaliser::SquaredRelu | Normaliser::Exponential => 0.0,
    }
}

/// `max(0, x)`; NaN stays NaN.
fn positive(x: f64) -> f64 {
    if x < 0.0 { 0.0 } else { x }
}

/// The weight of one allowed key from its score and its row's log-sum-exp (or threshold), the probability formula included.
pub fn weight(plan: &Plan, at: At, score: f64, lse: f64) -> f64 {
    let p = normalised(plan, score, lse);
    match &plan.probability {
        Some(formula) => f64::from(formula.score_at(p as f32, at.b as i32, at.h as i32, at.q as i32, at.k as i32)),
        None => p,
    }
}

/// [`weight`] before the probability formula.
pub fn normalised(plan: &Plan, score: f64, lse: f64) -> f64 {
    match plan.normaliser {
        Normaliser::Softmax | Normaliser::OffByOne => (score - lse).exp(),
        Normaliser::Sigmoid => 1.0 / (1.0 + (-score - f64::from(plan.sigmoid_bias())).exp()),
        Normaliser::Sparsemax => positive(score - lse),
        Normaliser::Entmax => positive(score / 2.0 - lse).powi(2),
        Normaliser::SquaredRelu => positive(score).powi(2) / plan.dims.n_k as f64,
        Normaliser::Exponential => score.exp(),
    }
}

/// `ln Σ e^s`, the sink's logit among the terms.
fn log_sum_exp(scores: &[f64], sink: Option<f32>) -> f64 {
    let sink = sink.map_or(f64::NEG_INFINITY, f64::from);
    let max = scores.iter().copied().fold(sink, f64::max);
    let sum: f64 = scores.iter().map(|s| (s - max).exp()).sum();
    max + (sum + (sink - max).exp()).ln()
}

/// Where the weights of a row add up to one: by halving, where the kernels take Newton's steps. `weigh` gives the weight of a score, already times
/// `factor`, above a threshold. NaN where a score is NaN.
fn threshold(scores: &[f64], factor: f64, weigh: fn(f64) -> f64) -> f64 {
    let larger = |a: f64, b: f64| if a.is_nan() || b.is_nan() { f64::NAN } else { a.max(b) };
    let largest = factor * scores.iter().copied().fold(f64::NEG_INFINITY, larger);
    // The largest score alone weighs 1 at the lower end and 0 at the upper one.
    let (mut low, mut high) = (largest - 1.0, largest);
    loop {
        let middle = low + (high - low) / 2.0;
        // Nothing lies between two numbers that follow each other; and nothing between NaNs.
        if !(low < middle && middle < high) {
            return middle;
        }
        let sum: f64 = scores.iter().map(|s| weigh(positive(factor * s - middle))).sum();
        if sum >= 1.0 { low = middle } else { high = middle }
    }
}

/// Every stage of one head.
#[derive(Clone, Debug, PartialEq)]
pub struct Head {
    /// `[n_q, n_k]` after each slot, in the order of [`crate::experiment::Stage::ALL`]; the last one is the weights.
    pub stages: [Array2<f64>; 6],
    /// Log-sum-exp by query.
    pub lse: Array1<f64>,
    /// Output `[n_q, d_v]`.
    pub y: Array2<f64>,
}

impl Head {
    /// The weights `[n_q, n_k]`.
    pub fn weights(&self) -> &Array2<f64> {
        &self.stages[5]
    }
}

/// Every stage of query head `h` in sequence `b`.
pub fn head(plan: &Plan, inputs: &Inputs, b: usize, h: usize) -> Head {
    let dims = plan.dims;
    let (d, d_v) = (dims.d, dims.d_v);
    let mut queries = vec![0.0; dims.n_q * d];
    let mut keys = vec![0.0; dims.n_k * d];
    plan.prepare_q(b, 0..dims.n_q, inputs.q_head(&dims, b, h), &mut queries);
    plan.prepare_k(0..dims.n_k, inputs.k_head(&dims, b, h), &mut keys);
    let values = inputs.v_head(&dims, b, h);
    let mut head = Head {
        stages: std::array::from_fn(|_| Array2::zeros((dims.n_q, dims.n_k))),
        lse: Array1::zeros(dims.n_q),
        y: Array2::zeros((dims.n_q, d_v)),
    };
    for q in 0..dims.n_q {
        let mut row = vec![0.0; dims.n_k];
        for k in 0..dims.n_k {
            let cell = cell(plan, At { b, h, q, k }, &queries[q * d..(q + 1) * d], &keys[k * d..(k + 1) * d]);
            for (stage, value) in
                head.stages.iter_mut().zip([cell.raw, cell.scaled, cell.capped, cell.biased, cell.masked])
            {
                stage[[q, k]] = value;
            }
            row[k] = cell.masked;
        }
        let masked = row.clone();
        head.lse[q] = weigh(plan, At { b, h, q, k: 0 }, &mut row);
        for k in 0..dims.n_k {
            head.stages[5][[q, k]] = row[k];
            if masked[k] != f64::NEG_INFINITY {
                for v in 0..d_v {
                    head.y[[q, v]] += row[k] * f64::from(values[k * d_v + v]);
                }
            }
        }
    }
    head
}

/// Output, weights and log-sum-exp of every head.
#[derive(Clone, Debug, PartialEq)]
pub struct Reference {
    /// `[batch, q_heads, n_q, d_v]`.
    pub y: Array4<f64>,
    /// `[batch, q_heads, n_q, n_k]`.
    pub weights: Array4<f64>,
    /// `[batch, q_heads, n_q]`.
    pub lse: Array3<f64>,
}

/// Attends with every head of every sequence.
pub fn attend(plan: &Plan, inputs: &Inputs) -> Reference {
    let dims = plan.dims;
    let mut all = Reference {
        y: Array4::zeros((dims.batch, dims.q_heads, dims.n_q, dims.d_v)),
        weights: Array4::zeros((dims.batch, dims.q_heads, dims.n_q, dims.n_k)),
        lse: Array3::zeros((dims.batch, dims.q_heads, dims.n_q)),
    };
    for b in 0..dims.batch {
        for h in 0..dims.q_heads {
            let head = head(plan, inputs, b, h);
            all.y.slice_mut(s![b, h, .., ..]).assign(&head.y);
            all.weights.slice_mut(s![b, h, .., ..]).assign(head.weights());
            all.lse.slice_mut(s![b, h, ..]).assign(&head.lse);
        }
    }
    all
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::attention::{Dims, Problem, Term};

    /// One query of 1, three keys whose scores are their own numbers, values 1, 10 and 100.
    fn run(keys: [f32; 3], change: impl Fn(&mut Problem)) -> Head {
        let mut problem = Problem::plain(Dims { batch: 1, q_heads: 1, kv_heads: 1, n_q: 1, n_k: 3, d: 1, d_v: 1 });
        change(&mut problem);
        let inputs = Inputs { q: Arc::new(vec![1.0]), k: Arc::new(keys.to_vec()), v: Arc::new(vec![1.0, 10.0, 100.0]) };
        head(&Plan::compile(&problem).unwrap(), &inputs, 0, 0)
    }

    fn near(found: f64, wanted: f64) {
        assert!((found - wanted).abs() < 1e-12 * wanted.abs().max(1.0), "{found} is not {wanted}");
    }

    const LN2: f32 = std::f32::consts::LN_2;

    #[test]
    fn a_row_by_hand() {
        // Scores of f32 ln 2: compared through its own exponential, so that its rounding does not count.
        let two = f64::from(LN2).exp();
        let row = run([0.0, LN2, 2.0 * LN2], |_| {});
        let sum = 1.0 + two + two * two;
        near(row.lse[0], sum.ln());
        near(row.weights()[[0, 1]], two / sum);
        near(row.y[[0, 0]], (1.0 + 10.0 * two + 100.0 * two * two) / sum);
    }

    #[test]
    fn masked_keys_are_as_if_absent_even_with_nan() {
        let row = run([0.0, f32::NAN, 0.0], |p| p.masks.push(Term::new("mask", "k != 1")));
        assert_eq!(row.y[[0, 0]], 50.5);
        assert_eq!(row.weights()[[0, 1]], 0.0);
        assert_eq!(row.stages[4][[0, 1]], f64::NEG_INFINITY);
        assert!(row.stages[3][[0, 1]].is_nan());
        let nothing = run([1.0, 2.0, 3.0], |p| p.masks.push(Term::new("mask", "false")));
        assert_eq!((nothing.y[[0, 0]], nothing.lse[0]), (0.0, f64::NEG_INFINITY));
    }

    #[test]
    fn other_normalisers_by_hand() {
        let off = run([0.0; 3], |p| p.normaliser = Normaliser::OffByOne);
        near(off.y[[0, 0]], 111.0 / 4.0);
        near(off.lse[0], 4_f64.ln());
        let sink = run([0.0; 3], |p| p.sink = Some(vec![0.0]));
        assert_eq!(sink.y, off.y);
        let sigmoid = run([0.0, 500.0, -500.0], |p| p.normaliser = Normaliser::Sigmoid);
        near(sigmoid.weights()[[0, 0]], 1.0 / (1.0 + f64::from(3_f32.ln()).exp()));
        assert_eq!((sigmoid.weights()[[0, 1]], sigmoid.lse[0]), (1.0, 0.0));
        let halved = run([0.0; 3], |p| {
            p.masks.push(Term::new("mask", "k < 2"));
            p.probability = Some(Term::new("prob", "p * 0.5 + 1.0"));
        });
        assert_eq!(halved.weights().as_slice().unwrap(), [1.25, 1.25, 0.0], "a masked key keeps weight 0");
    }

    #[test]
    fn the_softcap_stands_between_its_biases() {
        let row = run([3.0, 3.0, 3.0], |p| {
            p.scale = 2.0;
            p.bias_before_cap.push(Term::new("score", "s + 1.0"));
            p.softcap = Some(5.0);
            p.bias.push(Term::new("score", "s - k"));
        });
        let capped = 5.0 * (7.0_f64 / 5.0).tanh();
        let by_stage: Vec<f64> = row.stages[..3].iter().map(|stage| stage[[0, 2]]).collect();
        assert_eq!(by_stage, [3.0, 6.0, capped]);
        // The formula after the cap takes and gives single precision.
        assert_eq!(row.stages[3][[0, 2]], f64::from(capped as f32 - 2.0));
    }
}

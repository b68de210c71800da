//! Scores to weights where the row's log-sum-exp is known already, and measures of the weights.

use super::gemm::{KEYS, PANEL, Step};
use super::kernels::Kernels;
use crate::attention::{Normaliser, Plan, RowRules};

/// Final weights in place of masked scores, the probability formula included; −∞ gives exactly 0 whatever the formula says.
///
/// `scores` are `keys` keys from `k0` on, the last step filled up with −∞. `lse` is not read where the normaliser has no sum.
pub fn weights(
    kernels: &Kernels,
    plan: &Plan,
    rules: Option<&mut RowRules>,
    lse: f32,
    k0: usize,
    keys: usize,
    scores: &mut [Step],
) {
    let scores = &mut scores[..keys.div_ceil(PANEL)];
    if plan.sums() && lse == f32::NEG_INFINITY {
        scores.fill([0.0; PANEL]);
        return;
    }
    match (&plan.probability, rules) {
        (Some(_), Some(rules)) => {
            for (i, part) in scores.chunks_mut(KEYS / PANEL).enumerate() {
                let from = i * KEYS;
                let mut dead = [false; KEYS];
                for (dead, s) in dead.iter_mut().zip(part.as_flattened()) {
                    *dead = *s == f32::NEG_INFINITY;
                }
                normalise(kernels, plan, lse, part);
                let live = (keys - from).min(KEYS);
                rules.probability(plan, k0 + from, &mut part.as_flattened_mut()[..live]);
                for (dead, p) in dead.iter().zip(part.as_flattened_mut()) {
                    *p = if *dead { 0.0 } else { *p };
                }
            }
        }
        _ => normalise(kernels, plan, lse, scores),
    }
}

/// Final weights in place of masked scores, before a probability formula. `lse` is that of a row with keys, where the normaliser has a sum.
pub(super) fn normalise(kernels: &Kernels, plan: &Plan, lse: f32, scores: &mut [Step]) {
    match plan.normaliser {
        Normaliser::Softmax | Normaliser::OffByOne => {
            (kernels.weigh)(scores, lse);
        }
        Normaliser::Sigmoid => (kernels.sigmoid)(scores, plan.sigmoid_bias()),
        Normaliser::Exponential => {
            (kernels.weigh)(scores, 0.0);
        }
        Normaliser::Sparsemax => each(scores, |s| positive(s - lse)),
        Normaliser::Entmax => each(scores, |s| square(positive(s * 0.5 - lse))),
        Normaliser::SquaredRelu => {
            let share = 1.0 / plan.dims.n_k as f32;
            each(scores, |s| square(positive(s)) * share);
        }
    }
}

fn each(scores: &mut [Step], weight: impl Fn(f32) -> f32) {
    for score in scores.as_flattened_mut() {
        *score = weight(*score);
    }
}

/// `max(0, x)`; NaN stays NaN.
fn positive(x: f32) -> f32 {
    if x < 0.0 { 0.0 } else { x }
}

fn square(x: f32) -> f32 {
    x * x
}

/// Entropy and peak of weights as they come.
#[derive(Clone, Copy, Debug)]
pub struct Spread {
    sum: f64,
    /// `Σ p ln p`.
    log_sum: f64,
    /// Largest weight above 0.
    pub peak: f32,
    /// Its key; `u32::MAX` without one.
    pub peak_at: u32,
}

impl Spread {
    /// Before the first weight.
    pub const START: Self = Self { sum: 0.0, log_sum: 0.0, peak: 0.0, peak_at: u32::MAX };

    /// Takes the weights of keys from `k0` on.
    pub fn take(&mut self, k0: usize, weights: &[f32]) {
        for (k, &p) in (k0..).zip(weights) {
            self.sum += f64::from(p);
            if p > 0.0 {
                self.log_sum += f64::from(p) * f64::from(p.ln());
            }
            if p > self.peak {
                (self.peak, self.peak_at) = (p, k as u32);
            }
        }
    }

    /// Entropy in nats of the weights over their own sum; 0 without weights.
    pub fn entropy(&self) -> f32 {
        if self.sum == 0.0 { 0.0 } else { (self.sum.ln() - self.log_sum / self.sum) as f32 }
    }
}

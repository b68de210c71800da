//! Derivatives of normalisers: from the weights of a row back to its scores.

use super::super::plan::Plan;
use super::super::problem::Normaliser;

/// Adds to `ds` what the derivatives `dp` by the weights `p` of a row, before any probability formula, are by its masked scores; returns the derivative
/// by the row's sink logit, 0 without one. `lse` is the row's log-sum-exp, or threshold.
///
/// Weights of sparsemax and entmax are 0 below their threshold and stay so; the rest of the row is the support of Martins and Astudillo (2016, equation 14) and
/// Peters et al. (2019, proposition 4).
pub fn back(plan: &Plan, head: usize, lse: f64, [scores, p, dp]: [&[f64]; 3], ds: &mut [f64]) -> f64 {
    let row = || p.iter().zip(dp);
    match plan.normaliser {
        Normaliser::Softmax | Normaliser::OffByOne => {
            let mean: f64 = row().map(|(p, dp)| p * dp).sum();
            for (ds, (p, dp)) in ds.iter_mut().zip(row()) {
                *ds += p * (dp - mean);
            }
            // The sink is one more key, with a value of nought.
            by_sink(plan, head, lse, mean)
        }
        Normaliser::Sparsemax => {
            let support = p.iter().filter(|p| **p > 0.0).count().max(1) as f64;
            let mean = row().filter(|(p, _)| **p > 0.0).map(|(_, dp)| dp).sum::<f64>() / support;
            for (ds, (_, dp)) in ds.iter_mut().zip(row()).filter(|(_, (p, _))| **p > 0.0) {
                *ds += dp - mean;
            }
            0.0
        }
        Normaliser::Entmax => {
            let roots: f64 = p.iter().map(|p| p.sqrt()).sum();
            let mean = if roots > 0.0 { row().map(|(p, dp)| p.sqrt() * dp).sum::<f64>() / roots } else { 0.0 };
            for (ds, (p, dp)) in ds.iter_mut().zip(row()) {
                *ds += p.sqrt() * (dp - mean);
            }
            0.0
        }
        Normaliser::Sigmoid => {
            for (ds, (p, dp)) in ds.iter_mut().zip(row()) {
                *ds += p * (1.0 - p) * dp;
            }
            0.0
        }
        Normaliser::SquaredRelu => {
            let factor = 2.0 / plan.dims.n_k as f64;
            for ((ds, score), dp) in ds.iter_mut().zip(scores).zip(dp).filter(|((_, score), _)| **score > 0.0) {
                *ds += factor * score * dp;
            }
            0.0
        }
        Normaliser::Exponential => {
            for (ds, (p, dp)) in ds.iter_mut().zip(row()) {
                *ds += p * dp;
            }
            0.0
        }
    }
}

/// The derivative by the head's sink logit from a row of these, of which `mean` is the weights' mean of what is derived by them; 0 without a sink.
pub fn by_sink(plan: &Plan, head: usize, lse: f64, mean: f64) -> f64 {
    plan.sink_of(head).map_or(0.0, |sink| -(f64::from(sink) - lse).exp() * mean * own_sink(plan, head))
}

/// What [`Plan::sink_of`] changes by with the head's own logit: with off-by-one beside it, it is `ln(1 + e^sink)`.
fn own_sink(plan: &Plan, head: usize) -> f64 {
    match (plan.normaliser, &plan.sink) {
        (_, None) => 0.0,
        (Normaliser::OffByOne, Some(sink)) => 1.0 / (1.0 + (-f64::from(sink[head])).exp()),
        (_, Some(_)) => 1.0,
    }
}

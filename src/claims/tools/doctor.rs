//! Changes of measured answers that several claims are tested by.

use super::super::answer::{Answer, Answers, Ran};

/// Replaces the matrices and outputs of runs whose key `is` says.
pub fn runs(answers: &mut Answers, is: impl Fn(&str) -> bool, change: impl Fn(&mut Ran)) {
    for (key, answer) in answers.iter_mut() {
        if let (true, Answer::Ran(ran)) = (is(key), answer) {
            change(ran);
        }
    }
}

/// Gives every row the weights that `of(query, key)` says.
pub fn weights(ran: &mut Ran, of: impl Fn(usize, usize) -> f32) {
    let dims = ran.outcome.dims;
    if let Some((_, cells)) = &mut ran.outcome.matrix {
        for (at, cell) in cells.iter_mut().enumerate() {
            *cell = of(at / dims.n_k % dims.n_q, at % dims.n_k);
        }
    }
}

/// The output of one run in place of another's, a share `off` of it beside.
pub fn output(answers: &mut Answers, of: &str, from: &str, off: f32) {
    let y: Option<Vec<f32>> = answers.ran(from).map(|ran| ran.outcome.y.iter().map(|y| y * (1.0 + off)).collect());
    if let (Some(y), Some(Answer::Ran(ran))) = (y, answers.get_mut(of)) {
        ran.outcome.y = y;
    }
}

/// Gives a pattern operations, and as many pairs, that follow `factor · n^exponent`.
pub fn cost(answers: &mut Answers, id: &str, factor: f64, exponent: f64) {
    let prefix = format!("count/{id}/");
    for (key, answer) in answers.iter_mut() {
        if let (Some(n), Answer::Ran(ran)) = (key.strip_prefix(&prefix).and_then(|n| n.parse::<f64>().ok()), answer) {
            let cost = factor * n.powf(exponent);
            ran.outcome.report.cost.flops = cost;
            let rows = ran.outcome.lse.len() as f64;
            ran.outcome.lse.fill((cost / rows).ln() as f32);
        }
    }
}

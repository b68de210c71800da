//! What an engine's results must be: the f64 oracle's, within a tolerance that follows from the size of the scores.

use std::sync::Arc;

use attention_playground::attention::reference::{self, Head};
use attention_playground::attention::{Cost, Dims, Plan, Problem};
use attention_playground::engine::{Merge, Outcome, Report, Rows, StageTimes};
use attention_playground::experiment::{Algorithm, Backend};

use super::table::Case;

/// Double precision, rounded once to single at the end.
pub const REFERENCE_PRECISION: f64 = 2e-7;
/// Single precision: dot products of up to 64 terms, exponentials by polynomial.
pub const CPU_PRECISION: f64 = 4e-6;
/// Single precision with the functions of WGSL, whose exponential may be off by a few units in the last place.
pub const GPU_PRECISION: f64 = 8e-6;

/// A case with every head of it by the oracle, in the order of the rows.
pub struct Judge<'a> {
    pub case: &'a Case,
    pub heads: Vec<Head>,
}

impl<'a> Judge<'a> {
    pub fn of(case: &'a Case) -> Result<Self, String> {
        let plan = Plan::compile(&case.problem).map_err(|issues| format!("{}: {issues}", case.name))?;
        let Dims { batch, q_heads, .. } = plan.dims;
        let all = (0..batch).flat_map(|b| (0..q_heads).map(move |h| (b, h)));
        let heads = all.map(|(b, h)| reference::head(&plan, &case.inputs, b, h)).collect();
        Ok(Self { case, heads })
    }

    /// What an error of a score, relative to `precision`, makes of the results: its absolute error is the relative error of the weights.
    pub fn tolerance(&self, precision: f64) -> f64 {
        let scores = self.heads.iter().flat_map(|head| head.stages[..5].iter()).flat_map(|stage| stage.iter().copied());
        precision * (1.0 + largest(scores))
    }

    /// The largest error among finite numbers, relative above 1 and absolute below.
    pub fn compare(
        &self,
        what: &str,
        found: &[f32],
        wanted: impl Iterator<Item = f64>,
        tolerance: f64,
    ) -> Result<f64, String> {
        let wanted: Vec<f64> = wanted.collect();
        let name = &self.case.name;
        if found.len() != wanted.len() {
            return Err(format!("{name}: {} numbers of {what}, not {}", found.len(), wanted.len()));
        }
        let mut worst = 0.0_f64;
        for (i, (&found, &wanted)) in found.iter().zip(&wanted).enumerate() {
            if !close(found, wanted, tolerance) {
                return Err(format!("{name}: {what}[{i}] is {found}, not {wanted} (±{tolerance:e})"));
            }
            if wanted.is_finite() {
                worst = worst.max((f64::from(found) - wanted).abs() / wanted.abs().max(1.0));
            }
        }
        Ok(worst)
    }

    /// Everything that a run with statistics tells; the largest errors of outputs and of log-sum-exps.
    pub fn run(&self, out: &Outcome, precision: f64) -> Result<[f64; 2], String> {
        let (case, tolerance) = (self.case, self.tolerance(precision));
        let size = largest(case.inputs.v.iter().map(|&x| f64::from(x))).max(1.0);
        let y = self.heads.iter().flat_map(|h| h.y.iter().copied());
        let lse = || self.heads.iter().flat_map(|h| h.lse.iter().copied());
        let errors =
            [self.compare("y", &out.y, y, tolerance * size)?, self.compare("lse", &out.lse, lse(), tolerance)?];
        let empty = lse().filter(|lse| *lse == f64::NEG_INFINITY).count();
        if out.empty_rows as usize != empty {
            return Err(format!("{}: {} empty rows, not {empty}", case.name, out.empty_rows));
        }
        let rows = self.heads.iter().flat_map(|h| h.weights().rows().into_iter());
        for (i, row) in rows.enumerate().filter(|(_, row)| row.iter().all(|w| w.is_finite())) {
            let (entropy, peak) = spread(row.iter().copied());
            // Entropy sums n_k terms w·ln w, each with a weight's error times a logarithm.
            let same = close(out.entropy[i], entropy, 8.0 * tolerance) && close(out.peak[i], peak, tolerance);
            let at = match out.peak_at[i] {
                u32::MAX => peak == 0.0,
                k => row.get(k as usize).is_some_and(|weight| *weight >= peak - 2.0 * tolerance),
            };
            if !(same && at) {
                let (e, p, k) = (out.entropy[i], out.peak[i], out.peak_at[i]);
                return Err(format!(
                    "{}: row {i} has entropy {e} and peak {p} at {k}, not {entropy} and {peak}",
                    case.name
                ));
            }
        }
        Ok(errors)
    }
}

/// The worst errors of outputs and of log-sum-exps over many cases, and where they were.
#[derive(Debug, Default)]
pub struct Worst([(f64, String); 2]);

impl Worst {
    pub fn add(&mut self, case: &Case, errors: [f64; 2]) {
        for (known, error) in self.0.iter_mut().zip(errors).filter(|(known, error)| *error > known.0) {
            *known = (error, case.name.clone());
        }
    }
}

impl std::fmt::Display for Worst {
    fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
        let [y, lse] = &self.0;
        write!(f, "y {:.1e} ({})   lse {:.1e} ({})", y.0, y.1, lse.0, lse.1)
    }
}

/// Rows of every head in two items of uneven size.
pub fn items(problem: &Problem) -> Vec<Rows> {
    let dims = problem.dims;
    let cut = dims.n_q / 3;
    let heads = (0..dims.batch).flat_map(|batch| (0..dims.q_heads).map(move |head| (batch, head)));
    heads
        .flat_map(|(batch, head)| [0..cut, cut..dims.n_q].map(|q| Rows { batch, head, q }))
        .filter(|rows| !rows.q.is_empty())
        .collect()
}

/// What was merged, without times: nobody judges those.
pub fn outcome(merge: Merge, backend: Backend, algorithm: Algorithm) -> Outcome {
    merge.finish(Report {
        backend,
        algorithm,
        kernel: String::new(),
        workers: 1,
        adapter: None,
        choice: None,
        notes: Vec::new(),
        texts: Arc::default(),
        total_ms: 0.0,
        times: StageTimes::default(),
        copies: Default::default(),
        runs_ms: Vec::new(),
        cost: Cost::default(),
        memory: 0.0,
        order: Vec::new(),
    })
}

/// Largest absolute value among finite numbers.
pub fn largest(values: impl IntoIterator<Item = f64>) -> f64 {
    values.into_iter().filter(|x| x.is_finite()).fold(0.0, |m, x| m.max(x.abs()))
}

/// Equal within `tolerance`, relative above 1 and absolute below; infinities and NaN must be the same.
pub fn close(found: f32, wanted: f64, tolerance: f64) -> bool {
    let found = f64::from(found);
    if wanted.is_nan() || found.is_nan() {
        return wanted.is_nan() && found.is_nan();
    }
    if wanted.is_infinite() || found.is_infinite() {
        return found == wanted;
    }
    (found - wanted).abs() <= tolerance * wanted.abs().max(1.0)
}

/// Entropy of a row of weights over their sum, and the largest weight.
fn spread(weights: impl Iterator<Item = f64> + Clone) -> (f64, f64) {
    let sum: f64 = weights.clone().sum();
    let entropy = weights.clone().filter(|w| *w > 0.0).map(|w| -(w / sum) * (w / sum).ln()).sum();
    (entropy, weights.fold(0.0, f64::max))
}

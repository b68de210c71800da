//! Shared by the integration tests: running a problem on an engine, and the table of problems.
#![allow(dead_code, clippy::unwrap_used, reason = "each test crate uses its part; a failed unwrap is a failed test")]

pub mod table;

use attention_playground::attention::{Cost, Inputs, Plan, Problem};
use attention_playground::engine::cpu::Kernels;
use attention_playground::engine::{Map, MapRequest, Merge, Outcome, Report, Rows, Session, StageTimes, Want};
use attention_playground::experiment::{Algorithm, Backend, Stage};

/// An engine under test.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Engine {
    pub backend: Backend,
    pub algorithm: Algorithm,
    /// Relative error of a score that its arithmetic may make; a weight's relative error is a score's absolute one.
    pub precision: f64,
}

/// Double precision, rounded once to single at the end.
pub const REFERENCE_PRECISION: f64 = 2e-7;
/// Single precision: dot products of up to 64 terms, exponentials by polynomial.
pub const CPU_PRECISION: f64 = 4e-6;

pub const ENGINES: [Engine; 4] = [
    Engine { backend: Backend::Reference, algorithm: Algorithm::Materialised, precision: REFERENCE_PRECISION },
    Engine { backend: Backend::Reference, algorithm: Algorithm::Streaming, precision: REFERENCE_PRECISION },
    Engine { backend: Backend::Cpu, algorithm: Algorithm::Materialised, precision: CPU_PRECISION },
    Engine { backend: Backend::Cpu, algorithm: Algorithm::Streaming, precision: CPU_PRECISION },
];

impl Engine {
    pub fn session(&self, problem: &Problem, inputs: &Inputs) -> Session {
        let plan = Plan::compile(problem).unwrap();
        Session::new(plan, inputs.clone(), self.backend, self.algorithm, &Kernels::SEPARATE, || 0.0)
    }

    /// Runs a problem in items of uneven size, as a pool would.
    pub fn run(&self, problem: &Problem, inputs: &Inputs, stage: Option<Stage>) -> Outcome {
        let mut session = self.session(problem, inputs);
        let dims = problem.dims;
        let want = Want { stats: true, matrix: stage };
        let mut merge = Merge::new(dims, true, stage, 0);
        for batch in 0..dims.batch {
            for head in 0..dims.q_heads {
                let cut = dims.n_q / 3;
                for q in [0..cut, cut..dims.n_q].into_iter().filter(|q| !q.is_empty()) {
                    let rows = Rows { batch, head, q };
                    let out = session.rows(&rows, want);
                    merge.rows(&rows, &out);
                }
            }
        }
        let report = Report {
            backend: self.backend,
            algorithm: self.algorithm,
            kernel: session.kernel().to_owned(),
            workers: 1,
            fallback: None,
            notes: Vec::new(),
            total_ms: 0.0,
            times: StageTimes::default(),
            transfer_ms: 0.0,
            runs_ms: Vec::new(),
            cost: Cost::default(),
            order: Vec::new(),
        };
        merge.finish(report)
    }

    pub fn map(&self, problem: &Problem, inputs: &Inputs, request: &MapRequest) -> Map {
        self.session(problem, inputs).map(request).0
    }
}

/// Largest absolute score that meets the normaliser, for tolerances.
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

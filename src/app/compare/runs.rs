//! The experiment on one engine: once with everything that comes first, then several times for its speed.

use std::sync::Arc;

use crate::analysis::statistics::median;
use crate::app::state::Lab;
use crate::attention::{Inputs, Problem, assemble};
use crate::engine::pool::{Cancel, Lane, OnProgress, Pool, Run, RunError};
use crate::engine::{MapRequest, Outcome, Want};
use crate::experiment::{Backend, EngineChoice, check, message};

/// Longest side of the pictures.
const SIDE: usize = 128;
/// Repetitions, where one takes less than [`LONG_MS`].
const TIMES: usize = 5;
const LONG_MS: f64 = 400.0;

/// What both engines compute.
#[derive(Clone)]
pub struct Question {
    problem: Arc<Problem>,
    inputs: Inputs,
    engine: EngineChoice,
    picture: MapRequest,
}

/// What one engine answers.
#[derive(Clone, Debug)]
pub struct Answered {
    /// The last run's.
    pub outcome: Outcome,
    /// From request to result, the first time: with the way there and back, and what is made only once.
    pub first_ms: f64,
    /// Kernel time, median of the repetitions.
    pub kernel_ms: f64,
    /// How many there were.
    pub times: usize,
}

impl Question {
    /// The experiment as it is.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn of(lab: Lab) -> Result<Self, RunError> {
        let experiment = lab.experiment.get_untracked();
        let loaded = lab.loaded.get_untracked();
        let missing = || message!("there is no input yet; wait for the first result", "尚无输入，请等待首个结果");
        let loaded = loaded.ok_or_else(|| RunError::Failed(missing()))?;
        check(&experiment)?;
        let (problem, inputs) = assemble(&experiment, &loaded)?;
        let dims = problem.dims;
        let picture = MapRequest::whole_head(&dims, experiment.view.head, SIDE);
        Ok(Self { problem: Arc::new(problem), inputs, engine: experiment.engine, picture })
    }

    /// Asks one engine.
    ///
    /// # Errors
    /// Why it gave nothing.
    pub async fn ask(
        &self,
        pool: &Pool,
        backend: Backend,
        cancel: &Cancel,
        progress: OnProgress,
    ) -> Result<Answered, RunError> {
        let run = |repeat| Run {
            problem: self.problem.clone(),
            inputs: self.inputs.clone(),
            backend,
            algorithm: self.engine.algorithm,
            tiers: self.engine.tiers,
            want: Want { stats: true, matrix: None },
            maps: vec![self.picture.clone()],
            repeat,
            lane: Lane::Api,
            progress: Some(progress.clone()),
            cancel: cancel.clone(),
        };
        let mut outcome = pool.run(run(1)).await?.outcome;
        let first_ms = outcome.report.total_ms;
        if first_ms > LONG_MS {
            // Long because of what is done only once, or because it is long?
            outcome = pool.run(run(1)).await?.outcome;
        }
        if outcome.report.total_ms < LONG_MS {
            outcome = pool.run(run(TIMES)).await?.outcome;
        }
        let runs = &outcome.report.runs_ms;
        let (times, kernel_ms) = (runs.len(), median(runs).unwrap_or_default());
        Ok(Answered { times, outcome, first_ms, kernel_ms })
    }
}

//! One sample: something run so many times in a row, while nothing else is computed. The claims' bench takes its samples here too.

use std::sync::Arc;

use js_sys::Promise;
use wasm_bindgen_futures::JsFuture;

use crate::analysis::sweep::{self, Sample, Work};
use crate::app::clock;
use crate::attention::{Cost, Loaded, assemble};
use crate::engine::pool::{Cancel, Lane, Pool, Run, RunError, quiet};
use crate::engine::{StageTimes, Want};
use crate::experiment::Experiment;

/// Readings of the clock that its step is found by, and milliseconds after which it is left at that.
const READINGS: usize = 4096;
const READING_MS: f64 = 30.0;

/// What a sample told.
pub struct Batch {
    /// What it took.
    pub sample: Sample,
    /// By stage, added over workers and repetitions; nothing of gradients and estimates.
    pub stages: StageTimes,
    /// The kernel that ran.
    pub kernel: String,
    /// Work counted from the plan, where it is; of gradients it is not.
    pub cost: Option<Cost>,
    /// Bytes of linear memory that the workers held afterwards.
    pub memory: Option<f64>,
    /// The GPU, if one computed.
    pub adapter: Option<String>,
}

/// Runs `work` over `loaded` by the workers of `pool`, `times` times, when the page (whose pool is `page`) is quiet.
///
/// # Errors
/// What the workers say.
pub async fn batch(
    [page, pool]: [&Pool; 2],
    work: &Work,
    loaded: &Loaded,
    backward: bool,
    times: usize,
    cancel: &Cancel,
) -> Result<Batch, RunError> {
    quiet(page).await;
    if cancel.is_cancelled() {
        return Err(RunError::Cancelled);
    }
    let from = clock::now();
    let mut told = match work {
        Work::Estimate(estimator) => {
            let done = pool.estimate(*estimator, &loaded.inputs, times, cancel.clone()).await?;
            Batch {
                sample: Sample { ms: done.runs_ms.iter().sum(), wall_ms: 0.0 },
                stages: StageTimes::default(),
                kernel: "cpu-estimator-f32".to_owned(),
                cost: Some(estimator.cost()),
                memory: Some(done.memory.values().sum()),
                adapter: None,
            }
        }
        Work::Attention(experiment) => run(pool, experiment, loaded, backward, times, cancel).await?,
    };
    told.sample.wall_ms = clock::now() - from;
    Ok(told)
}

async fn run(
    pool: &Pool,
    experiment: &Experiment,
    loaded: &Loaded,
    backward: bool,
    times: usize,
    cancel: &Cancel,
) -> Result<Batch, RunError> {
    let (problem, inputs) = assemble(experiment, loaded)?;
    let dims = problem.dims;
    let run = Run {
        problem: Arc::new(problem),
        inputs,
        backend: experiment.engine.backend,
        algorithm: experiment.engine.algorithm,
        tiers: experiment.engine.tiers,
        want: Want::default(),
        maps: Vec::new(),
        repeat: if backward { 1 } else { times },
        lane: Lane::Api,
        progress: None,
        cancel: cancel.clone(),
    };
    let outcome = pool.run(run.clone()).await?.outcome;
    let adapter = outcome.report.adapter.as_ref().map(|adapter| adapter.name.clone());
    if backward {
        // What the gradients need of the run is there before the clock starts.
        let again = Run { repeat: times, ..run };
        let derived = pool.derive(&again, Some(&outcome), vec![1.0; dims.y_len()], false).await?;
        return Ok(Batch {
            sample: Sample { ms: derived.runs_ms.iter().sum(), wall_ms: 0.0 },
            stages: StageTimes::default(),
            kernel: derived.kernel.name().to_owned(),
            cost: None,
            memory: Some(derived.memory.values().sum()),
            adapter,
        });
    }
    let report = outcome.report;
    Ok(Batch {
        sample: Sample { ms: report.runs_ms.iter().sum(), wall_ms: 0.0 },
        stages: report.times,
        kernel: report.kernel,
        cost: Some(report.cost),
        memory: (report.memory > 0.0).then_some(report.memory),
        adapter,
    })
}

/// The step of the clock, milliseconds; 0 where none is found.
pub async fn step() -> f64 {
    painted().await;
    let (from, mut readings) = (clock::now(), Vec::with_capacity(READINGS));
    while readings.len() < READINGS {
        let now = clock::now();
        if readings.last() != Some(&now) {
            readings.push(now);
        }
        if now - from > READING_MS {
            break;
        }
    }
    sweep::step(&readings).unwrap_or_default()
}

/// Resolves when the next frame is on the screen. A page that nobody sees has none, so a moment is enough.
pub async fn painted() {
    let next = Promise::new(&mut |done, _| {
        let other = done.clone();
        clock::after_paint(move |_| {
            let _ = done.call0(&wasm_bindgen::JsValue::UNDEFINED);
        });
        if let Some(window) = web_sys::window() {
            // Without a timer the frame is waited for.
            let _ = window.set_timeout_with_callback_and_timeout_and_arguments_0(&other, 200);
        }
    });
    // A promise that is never refused.
    let _ = JsFuture::from(next).await;
}

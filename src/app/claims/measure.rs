//! Asking the workers, one thing at a time.

use std::sync::Arc;

use leptos::prelude::{GetValue, SetValue, WithValue};
use leptos::task::spawn_local;

use super::desk::{Desk, Found, Running, claim};
use crate::app::clock;
use crate::app::runner::Inputs;
use crate::app::state::Lab;
use crate::app::sweep::{Batch, batch, painted, step};
use crate::attention::{Beyond, Loaded, Operator, assemble, estimators, scale};
use crate::claims::{Answer, Ask, Bench, Graded, Ran, Settings, Step, Told, Work};
use crate::engine::Want;
use crate::engine::pool::{Cancel, Lane, Operation, Pool, Run, RunError};
use crate::experiment::{Backend, Experiment};

/// Milliseconds between drawings of what was measured, which judge it anew.
const DRAW_MS: f64 = 700.0;
/// Milliseconds between words on how far it is.
const TELL_MS: f64 = 120.0;

/// Measures claims, one after the other, each with its sliders; what was being measured is stopped.
pub fn start(desk: Desk, places: Vec<usize>) {
    desk.stop();
    let cancel = Cancel::default();
    desk.cancel.set_value(cancel.clone());
    let Some((&first, rest)) = places.split_first() else { return };
    desk.running.set(Some(Running { place: first, share: 0.0, waiting: rest.to_vec() }));
    let (lab, pool) = (desk.lab, desk.pool.get_value());
    spawn_local(async move {
        let inputs = Inputs::new(pool.clone());
        let mut bench = Hands { lab, desk, pool, pools: Vec::new(), inputs, cancel };
        for (i, &place) in places.iter().enumerate() {
            let waiting = places.get(i + 1..).unwrap_or_default().to_vec();
            if bench.measure(place, waiting).await.is_err() {
                break;
            }
        }
        bench.pools.iter().for_each(|(_, pool)| pool.rest());
        // A newer measurement has its own word on how far it is.
        if !bench.cancel.is_cancelled() || bench.last() {
            desk.running.try_set(None);
        }
    });
}

/// What a claim is measured with.
struct Hands {
    lab: Lab,
    desk: Desk,
    pool: Pool,
    /// Pools of other sizes, by their number of workers.
    pools: Vec<(usize, Pool)>,
    inputs: Inputs,
    cancel: Cancel,
}

impl Hands {
    /// Whether nothing newer is being measured.
    fn last(&self) -> bool {
        self.desk.cancel.try_with_value(Cancel::is_cancelled).unwrap_or(true)
    }

    /// Measures one claim.
    ///
    /// # Errors
    /// When it was stopped.
    async fn measure(&mut self, place: usize, waiting: Vec<usize>) -> Result<(), RunError> {
        let Some(claim) = claim(place) else { return Ok(()) };
        let settings = self.desk.settings_now(place);
        let from = clock::now();
        let mut bench = Bench::new(claim, settings.clone(), step().await);
        let (mut drawn, mut told) = (clock::now(), f64::NEG_INFINITY);
        let mut stopped = false;
        while let Some(step) = bench.next_step() {
            if clock::now() - told > TELL_MS {
                let share = bench.share();
                self.desk.running.try_set(Some(Running { place, share, waiting: waiting.clone() }));
                told = clock::now();
            }
            if self.cancel.is_cancelled() || !self.take(&mut bench, step).await {
                stopped = true;
                break;
            }
            if clock::now() - drawn > DRAW_MS {
                self.show(place, &settings, &bench, from);
                painted().await;
                drawn = clock::now();
            }
        }
        self.show(place, &settings, &bench, from);
        if stopped { Err(RunError::Cancelled) } else { Ok(()) }
    }

    fn show(&self, place: usize, settings: &Settings, bench: &Bench, from: f64) {
        let Some(claim) = claim(place) else { return };
        let (answers, whole) = (bench.answers(), bench.is_done());
        let find = |lang| claim.find(settings, answers, whole, lang);
        // While things are measured only what is read is judged.
        let only = (!whole).then_some(self.lab.lang).map(|lang| lang.get_untracked());
        self.desk.keep(place, Found::new(settings.clone(), find, only, clock::now() - from));
    }

    /// Does a step; whether it was not stopped.
    async fn take(&mut self, bench: &mut Bench, step: Step) -> bool {
        match step {
            Step::Compute(ask) => match self.compute(&ask).await {
                Ok(answer) => bench.came(&ask.key, answer),
                Err(RunError::Cancelled) => return false,
                Err(error) => bench.came(&ask.key, Answer::Failed(error.message())),
            },
            Step::Time(ask, times) => match self.time(&ask, times).await {
                Ok(told) => {
                    let sample = told.sample;
                    bench.took(sample, Told { stages: told.stages, kernel: told.kernel, cost: told.cost });
                }
                Err(RunError::Cancelled) => return false,
                Err(error) => bench.failed(error.message()),
            },
        }
        true
    }

    async fn loaded(&self, ask: &Ask) -> Result<Arc<Loaded>, RunError> {
        let loaded = self.inputs.get(ask.input()).await?;
        Ok(ask.alter.as_ref().map_or(loaded.clone(), |alter| Arc::new(alter.of(&loaded))))
    }

    async fn compute(&self, ask: &Ask) -> Result<Answer, RunError> {
        let loaded = self.loaded(ask).await?;
        match &ask.work {
            Work::Run { experiment, want, maps } => {
                let run = Run { maps: maps.clone(), ..self.run(experiment, &loaded, *want)? };
                let outcome = Box::new(self.pool.run(run).await?.outcome);
                Ok(Answer::Ran(Ran { outcome, loaded }))
            }
            Work::Gradients { experiment, dy } => {
                let run = self.run(experiment, &loaded, Want::default())?;
                let dy = dy.as_ref().map_or_else(|| vec![1.0; run.problem.dims.y_len()], |dy| dy.to_vec());
                let derived = self.pool.derive(&run, None, dy, false).await?;
                let of = derived.gradients;
                Ok(Answer::Graded(Graded { loaded, qkv: [of.q, of.k, of.v], kernel: derived.kernel.name() }))
            }
            Work::Fit { experiment, wanted, fit } => {
                let mut fit = fit.as_ref().clone();
                while !fit.is_done() {
                    let loaded = fit.values(&loaded);
                    let due = self.pool.run(self.run(wanted, &loaded, Want::default())?).await?.outcome.y;
                    let (experiment, placed) = fit.learned.place(experiment, &loaded, Beyond::Clamp);
                    let run = self.run(&experiment, &placed, Want::default())?;
                    let outcome = self.pool.run(run.clone()).await?.outcome;
                    let dy = fit.dy(&outcome.y, &due);
                    let params = fit.learned.learns.params();
                    let of = self.pool.derive(&run, Some(&outcome), dy, params).await?.gradients;
                    fit.descend(&fit.learned.back(&placed.dims, [&of.q, &of.k], &of.params));
                }
                Ok(Answer::Fitted(fit))
            }
            Work::Estimate { experiment, estimator, causal } => {
                let factor = scale(experiment, &loaded.dims, &mut Vec::new());
                let estimator = estimators::fits(estimator, loaded.dims, *causal, factor, "estimator")?;
                let inputs = &loaded.inputs;
                let tensors = vec![inputs.q.to_vec(), inputs.k.to_vec(), inputs.v.to_vec()];
                let backend = exact_or_cpu(experiment);
                let operator = Operator::Estimator(estimator);
                let operation = Operation::of(&operator, tensors, backend, 1, self.cancel.clone());
                Ok(Answer::Estimated(self.pool.operate(operation).await?.outputs.into()))
            }
            // The bench gives times as such.
            Work::Time { .. } => Err(RunError::Cancelled),
        }
    }

    fn run(&self, experiment: &Experiment, loaded: &Loaded, want: Want) -> Result<Run, RunError> {
        let (problem, inputs) = assemble(experiment, loaded)?;
        Ok(Run {
            problem: Arc::new(problem),
            inputs,
            backend: experiment.engine.backend,
            algorithm: experiment.engine.algorithm,
            tiers: experiment.engine.tiers,
            want,
            maps: Vec::new(),
            repeat: 1,
            lane: Lane::Api,
            progress: None,
            cancel: self.cancel.clone(),
        })
    }

    async fn time(&mut self, ask: &Ask, times: usize) -> Result<Batch, RunError> {
        let Work::Time { work, backward, workers, .. } = &ask.work else { return Err(RunError::Cancelled) };
        let loaded = self.loaded(ask).await?;
        let pool = self.pool_of(*workers);
        batch([&self.pool, &pool], work, &loaded, *backward, times, &self.cancel).await
    }

    /// The page's pool, or one of another size.
    fn pool_of(&mut self, workers: usize) -> Pool {
        if workers == 0 || workers == self.pool.size() {
            return self.pool.clone();
        }
        if let Some((_, pool)) = self.pools.iter().find(|(size, _)| *size == workers) {
            return pool.clone();
        }
        let pool = Pool::of(workers);
        self.pools.push((workers, pool.clone()));
        pool
    }
}

fn exact_or_cpu(experiment: &Experiment) -> Backend {
    if experiment.engine.backend == Backend::Reference { Backend::Reference } else { Backend::Cpu }
}

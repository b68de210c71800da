//! Asking the workers. One batch is on its way at a time; settings that change meanwhile are measured after it.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;

use leptos::prelude::GetValue;
use leptos::task::spawn_local;

use super::desk::{Close, Curve, Desk, relevant};
use crate::analysis::positions::{Bench, Effect, Queries, probe};
use crate::app::reactive::{Signal, effect};
use crate::app::runner;
use crate::attention::{Inputs, Problem};
use crate::catalogue::{PositionLine, position_line, position_lines};
use crate::engine::pool::{Cancel, Lane, Pool, Run, RunError};
use crate::engine::{self, Map, MapRequest, Want};
use crate::experiment::{Algorithm, Backend, Experiment, Stage};
use crate::formula::Sorted;

/// Longest side of the square that is fetched.
const SIDE: usize = 256;

/// A curve that was measured, and of what.
type Kept = Sorted<&'static str, (Problem, usize, Arc<Vec<f32>>)>;

/// Ends measuring: the runs under way, and all that would follow.
#[derive(Clone, Default)]
pub struct Stop {
    stopped: Rc<Cell<bool>>,
    /// Stops the batch under way. Each has its own: a token remembers every run that it was given to.
    batch: Rc<RefCell<Cancel>>,
}

impl Stop {
    /// Ends it.
    pub fn stop(&self) {
        self.stopped.set(true);
        self.batch.borrow().cancel();
    }

    fn next(&self) -> Option<Cancel> {
        (!self.stopped.get()).then(|| {
            let cancel = Cancel::default();
            self.batch.replace(cancel.clone());
            cancel
        })
    }
}

/// Measures whatever the desk is set to, until it is stopped. That must come before the sheet goes: its signals go with it.
pub fn follow(desk: Desk, stop: Stop) {
    let Pace { busy, again } = Pace::default();
    let pool = runner::pool().get_value();
    let experiment = Signal::memo(move || desk.lab.experiment.with(|e| relevant(e)));
    let head = desk.head();
    let kept: Rc<RefCell<Kept>> = Rc::default();
    effect(move || {
        // Everything that a batch reads is followed here, and read again when its turn has come.
        let (bench, ..) = (desk.bench(), desk.close_bench(), head.get());
        experiment.track();
        if bench.is_none() || stop.stopped.get() {
            return;
        }
        again.set(true);
        if busy.replace(true) {
            return;
        }
        let (pool, stop, kept, busy, again) = (pool.clone(), stop.clone(), kept.clone(), busy.clone(), again.clone());
        spawn_local(async move {
            while again.take()
                && let Some(cancel) = stop.next()
            {
                let (experiment, head) = (experiment.get_untracked(), head.get_untracked());
                let batch = Batch { desk, pool: &pool, cancel, experiment, head };
                if batch.close().await && batch.curves(&kept).await {
                    continue;
                }
                break;
            }
            busy.set(false);
        });
    });
}

/// Whether a batch is on its way, and whether another is wanted.
#[derive(Default)]
struct Pace {
    busy: Rc<Cell<bool>>,
    again: Rc<Cell<bool>>,
}

struct Batch<'a> {
    desk: Desk,
    pool: &'a Pool,
    cancel: Cancel,
    experiment: Experiment,
    head: usize,
}

impl Batch<'_> {
    /// Measures every line whose problem is another than before. Says whether to go on.
    async fn curves(&self, kept: &RefCell<Kept>) -> bool {
        let Some(bench) = untracked(|| self.desk.bench()) else { return true };
        let mut curves: Vec<(&'static str, Curve)> = Vec::new();
        for line in position_lines() {
            let curve = match self.probe(&line, bench, Queries::Last) {
                Err(error) => Err(error.message()),
                Ok((problem, inputs)) => {
                    let known = kept
                        .borrow()
                        .get(line.id)
                        .filter(|(of, head, _)| *of == problem && *head == self.head)
                        .map(|k| k.2.clone());
                    match known {
                        Some(curve) => Ok(curve),
                        None => match self.scores(problem.clone(), inputs, SIDE.max(bench.length)).await {
                            Ok(map) => {
                                let curve = Arc::new(Effect::of(line.entry).curve(map.values));
                                kept.borrow_mut().insert(line.id, (problem, self.head, curve.clone()));
                                Ok(curve)
                            }
                            // The sheet is closed.
                            Err(RunError::Cancelled) => return false,
                            Err(error) => Err(error.message()),
                        },
                    }
                }
            };
            curves.push((line.id, curve));
        }
        self.desk.curves.try_set(curves);
        true
    }

    /// Measures the picked scheme closely. Says whether to go on.
    async fn close(&self) -> bool {
        let picked = self.desk.picked.get_untracked();
        let (Some(line), Some(bench)) = (position_line(picked), untracked(|| self.desk.close_bench())) else {
            return true;
        };
        let close = match self.closely(line, bench).await {
            Ok(close) => Ok(Arc::new(close)),
            Err(RunError::Cancelled) => return false,
            Err(error) => Err(error.message()),
        };
        self.desk.close.try_set(Some(close));
        true
    }

    async fn closely(&self, line: PositionLine, bench: Bench) -> Result<Close, RunError> {
        let effect = Effect::of(line.entry);
        let (problem, inputs) = self.probe(&line, bench, Queries::All)?;
        let mut square = self.scores(problem, inputs, SIDE).await?;
        effect.read(&mut square.values);
        let (problem, inputs) = self.probe(&line, Bench { length: bench.trained, ..bench }, Queries::Last)?;
        let trained = self.scores(problem, inputs, bench.trained).await?;
        Ok(Close { id: line.id, square, trained: Arc::new(effect.curve(trained.values)) })
    }

    fn probe(&self, line: &PositionLine, bench: Bench, queries: Queries) -> Result<(Problem, Inputs), RunError> {
        let own = &self.experiment.position;
        let mut given = if own.id == line.entry.id { own.params.clone() } else { Sorted::new() };
        if let Some((name, value)) = line.set {
            given.insert(name.to_owned(), value);
        }
        Ok(probe(line.entry, &given, &self.experiment, bench, queries)?)
    }

    /// The scores of the shown head after the biases, at most `side` a side.
    async fn scores(&self, problem: Problem, inputs: Inputs, side: usize) -> Result<Map, RunError> {
        let dims = problem.dims;
        let request = MapRequest {
            stage: Stage::Biased,
            batch: 0,
            head: self.head.min(dims.q_heads.saturating_sub(1)),
            q: 0..dims.n_q,
            k: 0..dims.n_k,
            width: dims.n_k.min(side),
            height: dims.n_q.min(side),
            pool: engine::Pool::Mean,
        };
        let run = Run {
            problem: Arc::new(problem),
            inputs,
            backend: Backend::Cpu,
            algorithm: Algorithm::Auto,
            tiers: Default::default(),
            want: Want::default(),
            maps: vec![request],
            repeat: 1,
            lane: Lane::Api,
            progress: None,
            cancel: self.cancel.clone(),
        };
        let outcome = self.pool.run(run).await?.outcome;
        outcome.maps.into_iter().next().ok_or(RunError::Cancelled)
    }
}

/// Reads signals of the desk without following them.
fn untracked<T>(read: impl FnOnce() -> T) -> T {
    leptos::prelude::untrack(read)
}

//! Both settings, computed: their outputs, and weights of the head that is shown.

use std::rc::Rc;
use std::sync::Arc;

use leptos::prelude::*;
use leptos::task::spawn_local;

use crate::analysis::measures::Sample;
use crate::app::reactive::{RwSignal, Signal, effect};
use crate::app::runner;
use crate::app::state::Lab;
use crate::attention::{Dims, Inputs, Loaded, Problem, assemble};
use crate::engine::pool::{Cancel, Lane, OnProgress, Pool, Run, RunError};
use crate::engine::{MapRequest, Pool as Pixels, Want};
use crate::experiment::{Experiment, Message, Pinned, Stage, check};

/// Most weights of one setting that are looked at; of longer texts every so-many-th query is.
const MOST_CELLS: usize = 1 << 20;
/// Rows of one picture: a worker's share.
const ROWS: usize = 64;
/// Settings whose results are kept: stepping back or swapping computes nothing anew.
const KEPT: usize = 3;

/// Weights of some queries.
pub struct Rows {
    /// The queries.
    pub queries: Vec<usize>,
    /// Their weights, `[queries, n_k]`; NaN where the mask forbids a key.
    pub numbers: Vec<f32>,
    /// Which of all queries they are.
    pub sample: Sample,
}

/// A setting that was computed.
pub struct Side {
    /// Sizes of the result.
    pub dims: Dims,
    /// `[batch, q_heads, n_q, d_v]`.
    pub y: Vec<f32>,
    /// The head that is shown, or the last where there are not so many.
    pub head: usize,
    /// Weights in that head; nothing where there is no head.
    pub weights: Option<Rows>,
    /// Who computed.
    pub kernel: String,
    /// What was computed.
    pub problem: Arc<Problem>,
    /// Over which tensors.
    pub inputs: Inputs,
    /// The setting.
    pub experiment: Arc<Experiment>,
}

impl Side {
    /// The run again, so many times.
    pub fn run(&self, repeat: usize, cancel: Cancel) -> Run {
        Run {
            problem: self.problem.clone(),
            inputs: self.inputs.clone(),
            backend: self.experiment.engine.backend,
            algorithm: self.experiment.engine.algorithm,
            tiers: self.experiment.engine.tiers,
            want: Want::default(),
            maps: Vec::new(),
            repeat,
            lane: Lane::Api,
            progress: None,
            cancel,
        }
    }
}

/// What is known of a setting.
#[derive(Clone)]
pub enum State {
    /// Its turn comes.
    Waiting,
    /// The share done, 0 to 1.
    Running(f64),
    /// It is there.
    Done,
    /// Why it is not.
    Failed(Message),
}

/// Both of them. `Copy`: signals only.
#[derive(Clone, Copy)]
pub struct Desk {
    /// The page.
    pub lab: Lab,
    /// The pinned one.
    pub a: RwSignal<State>,
    /// The page's.
    pub b: RwSignal<State>,
    /// Both results; those of the settings before while newer ones are on their way.
    shown: RwSignal<Option<Both>>,
}

impl Desk {
    /// Nothing is computed yet.
    pub fn new(lab: Lab) -> Self {
        let [a, b] = [RwSignal::new(State::Waiting), RwSignal::new(State::Waiting)];
        Self { lab, a, b, shown: RwSignal::new(None) }
    }

    /// Whether something is on its way.
    pub fn busy(self) -> bool {
        [self.a, self.b].iter().any(|side| side.with(|side| matches!(side, State::Waiting | State::Running(_))))
    }

    /// Both results, once they are there; nothing where one can't be computed.
    pub fn both(self) -> Signal<Option<Both>> {
        Signal::memo(move || self.shown.get())
    }
}

/// Two results, and the head that is looked at in both. One that only one of them has can't be compared, which is said.
#[derive(Clone)]
pub struct Both {
    /// Of the pinned setting.
    pub a: Arc<Side>,
    /// Of the page's.
    pub b: Arc<Side>,
    /// The head.
    pub head: usize,
}

impl Both {
    /// Whether they are results of the same settings, in whatever head.
    pub fn same_settings(&self, other: &Self) -> bool {
        alike(&self.a.experiment, &other.a.experiment) && alike(&self.b.experiment, &other.b.experiment)
    }
}

impl PartialEq for Both {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.a, &other.a) && Arc::ptr_eq(&self.b, &other.b) && self.head == other.head
    }
}

/// Calls `then` whenever the settings behind the results have become others.
pub fn afresh(both: Signal<Option<Both>>, then: impl Fn() + 'static) {
    let mut before = None::<Both>;
    effect(move || {
        let now = both.get();
        let same = match (&before, &now) {
            (Some(before), Some(now)) => before.same_settings(now),
            (before, now) => before.is_none() && now.is_none(),
        };
        before = now;
        if !same {
            then();
        }
    });
}

/// The head that is shown.
fn head(lab: Lab) -> Signal<usize> {
    Signal::memo(move || lab.experiment.with(|e| e.view.head))
}

/// B over the inputs of A, where that is switched on.
fn second(pinned: &Pinned, b: &Arc<Experiment>) -> Arc<Experiment> {
    if !pinned.same_inputs {
        return b.clone();
    }
    let Experiment { input, edits, .. } = pinned.experiment.as_ref();
    Arc::new(Experiment { input: input.clone(), edits: edits.clone(), ..b.as_ref().clone() })
}

/// What is kept, by setting and head, newest first.
type Kept = Vec<(Arc<Experiment>, usize, Arc<Side>)>;

/// Computes both, whenever one of them has changed: A when it is pinned, B after the page has its own result, so that neither waits for this.
pub fn follow(desk: Desk) {
    let lab = desk.lab;
    let pool = runner::pool().get_value();
    let inputs = StoredValue::new_local(Rc::new(runner::Inputs::new(pool.clone())));
    let (kept, running) = (StoredValue::new_local(Kept::new()), StoredValue::new_local(Cancel::default()));
    let pool = StoredValue::new_local(pool);
    on_cleanup(move || running.with_value(Cancel::cancel));
    let head = head(lab);
    effect(move || {
        lab.outcome.track();
        running.with_value(Cancel::cancel);
        let (Some(pinned), Some(b), head) = (lab.pinned.get(), lab.computed.get(), head.get()) else { return };
        let cancel = Cancel::default();
        running.set_value(cancel.clone());
        // What the page has loaded need not be made again.
        let page = lab.loaded.get_untracked().map(|loaded| (b.clone(), loaded));
        let b = second(&pinned, &b);
        let (inputs, pool) = (inputs.get_value(), pool.get_value());
        spawn_local(async move {
            let mut sides = Vec::with_capacity(2);
            for (place, experiment) in [(desk.a, pinned.experiment.clone()), (desk.b, b)] {
                let known = kept.try_update_value(|kept| {
                    let at = kept.iter().position(|(of, at, _)| *at == head && alike(of, &experiment))?;
                    // To the front: the pinned one is asked for every time, and is not to go first.
                    kept[..=at].rotate_right(1);
                    kept.first().map(|known| known.2.clone())
                });
                // The card is closed.
                let Some(known) = known else { return };
                if let Some(known) = known {
                    sides.push(known);
                    place.try_set(State::Done);
                    continue;
                }
                let progress: OnProgress = Rc::new(move |share| place.try_set(State::Running(share)));
                progress(0.0);
                let here =
                    page.as_ref().filter(|(of, _)| of.input == experiment.input).map(|(_, loaded)| loaded.clone());
                let loaded = match here {
                    Some(loaded) => Ok(loaded),
                    None => load(&inputs, &experiment).await,
                };
                let done = match loaded {
                    Ok(loaded) => compute(&pool, &loaded, &experiment, head, &cancel, progress).await,
                    Err(error) => Err(error),
                };
                match done {
                    Ok(side) => {
                        let side = Arc::new(side);
                        kept.try_update_value(|kept| {
                            kept.insert(0, (experiment, head, side.clone()));
                            kept.truncate(KEPT);
                        });
                        sides.push(side);
                        place.try_set(State::Done);
                    }
                    // A newer setting has taken over, or the card is closed.
                    Err(RunError::Cancelled) => return,
                    Err(error) => place.try_set(State::Failed(error.message())),
                }
            }
            let mut sides = sides.into_iter();
            let both = sides.next().zip(sides.next()).map(|(a, b)| Both { head: a.head.max(b.head), a, b });
            desk.shown.try_set(both);
        });
    });
}

/// Whether two settings have the same result.
fn alike(a: &Arc<Experiment>, b: &Arc<Experiment>) -> bool {
    let of = |e: &Experiment| Experiment { view: b.view, estimator: b.estimator.clone(), ..e.clone() };
    Arc::ptr_eq(a, b) || of(a) == **b
}

/// The input of a setting that the page has not loaded.
async fn load(loader: &runner::Inputs, experiment: &Experiment) -> Result<Arc<Loaded>, RunError> {
    // First: an input with wrong sizes must not be made.
    check(experiment)?;
    loader.get(&experiment.input).await
}

async fn compute(
    pool: &Pool,
    loaded: &Loaded,
    experiment: &Arc<Experiment>,
    head: usize,
    cancel: &Cancel,
    progress: OnProgress,
) -> Result<Side, RunError> {
    check(experiment)?;
    if cancel.is_cancelled() {
        return Err(RunError::Cancelled);
    }
    let (problem, inputs) = assemble(experiment, loaded)?;
    let dims = problem.dims;
    let sample = Sample::within(1, dims.n_q, dims.n_k, MOST_CELLS);
    let head = head.min(dims.q_heads.saturating_sub(1));
    let maps = if dims.q_heads > 0 { requests(&dims, head, &sample) } else { Vec::new() };
    let side = Side {
        dims,
        y: Vec::new(),
        head,
        weights: None,
        kernel: String::new(),
        problem: Arc::new(problem),
        inputs,
        experiment: experiment.clone(),
    };
    let run = Run { maps, progress: Some(progress), ..side.run(1, cancel.clone()) };
    let outcome = pool.run(run).await?.outcome;
    let queries: Vec<usize> = sample.pieces().flatten().collect();
    let numbers: Vec<f32> = outcome.maps.into_iter().flat_map(|map| map.values).collect();
    let complete = numbers.len() == queries.len() * dims.n_k;
    let weights = complete.then_some(Rows { queries, numbers, sample });
    Ok(Side { dims: outcome.dims, y: outcome.y, weights, kernel: outcome.report.kernel, ..side })
}

/// Pictures of the sampled rows, a pixel for each weight.
pub fn requests(dims: &Dims, head: usize, sample: &Sample) -> Vec<MapRequest> {
    let at = |q: std::ops::Range<usize>| MapRequest {
        stage: Stage::Weights,
        batch: 0,
        head,
        k: 0..dims.n_k,
        width: dims.n_k,
        height: q.len(),
        q,
        pool: Pixels::Max,
    };
    if sample.is_whole() {
        (0..dims.n_q).step_by(ROWS).map(|from| at(from..(from + ROWS).min(dims.n_q))).collect()
    } else {
        sample.pieces().flatten().map(|q| at(q..q + 1)).collect()
    }
}

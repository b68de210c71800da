//! What is walked over: scores of the run that is shown, from its workers; values; and the run's own output to compare with.

use std::ops::Range;
use std::sync::Arc;

use leptos::prelude::*;
use leptos::task::spawn_local;

use crate::analysis::walk::{Part, Refused, State, refused, window};
use crate::app::measures::offset;
use crate::app::reactive::{RwSignal, Signal, effect};
use crate::app::runner;
use crate::app::state::Lab;
use crate::attention::{Dims, Inputs, Problem, assemble};
use crate::engine::pool::{Pool, RunError, SessionId, lowered_inputs};
use crate::engine::{Map, MapRequest, Outcome, Pool as Pixels};
use crate::experiment::{Message, Stage, message};

/// Shared, and known by who it is: no two are the same.
pub struct Shared<T>(pub Arc<T>);

impl<T> Shared<T> {
    /// Shares `value`.
    pub fn new(value: T) -> Self {
        Self(Arc::new(value))
    }
}

impl<T> Clone for Shared<T> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<T> PartialEq for Shared<T> {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

/// A head, ready to be walked.
pub struct Walked {
    /// Scores and values.
    pub part: Part,
    /// Where the part's first query stands among its keys.
    pub ahead: i64,
    /// The run's output of the part's queries, `[queries, width]`.
    pub y: Vec<f32>,
    /// Whether the part is the whole head: only then the run's output is where the walk ends.
    pub is_whole: bool,
    /// Sizes of the run.
    pub dims: Dims,
    /// The run's kernel.
    pub kernel: String,
}

impl Walked {
    /// What a row has to come to: the run's own output; of a part of the head, attention over the keys of the part.
    pub fn end(&self, row: usize) -> Vec<f64> {
        let width = self.part.width;
        match self.y.get(row * width..(row + 1) * width).filter(|_| self.is_whole) {
            Some(y) => y.iter().map(|&y| f64::from(y)).collect(),
            None => self.part.whole(row).result(),
        }
    }

    /// Largest difference of a state's output from where its row has to come to.
    pub fn apart(&self, row: usize, state: &State) -> f64 {
        state.result().iter().zip(self.end(row)).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max)
    }
}

/// How far it is.
#[derive(Clone, Debug, PartialEq)]
pub enum Status {
    /// A result is on its way.
    Waiting,
    /// It is there.
    Done,
    /// Why this experiment has no such walk.
    Refused(Message),
    /// Why there is nothing.
    Failed(Message),
}

/// The card's state. `Copy`: signals only.
#[derive(Clone, Copy)]
pub struct Desk {
    /// The page.
    pub lab: Lab,
    /// What is walked.
    pub walked: RwSignal<Option<Shared<Walked>>>,
    /// How far it is.
    pub status: RwSignal<Status>,
}

impl Desk {
    /// Nothing is asked yet.
    pub fn new(lab: Lab) -> Self {
        Self { lab, walked: RwSignal::new(None), status: RwSignal::new(Status::Waiting) }
    }

    /// The selected query, counted within the part.
    pub fn row(self) -> Signal<usize> {
        Signal::memo(move || {
            let query = self.lab.experiment.with(|e| e.view.query);
            self.walked.with(|walked| {
                let queries = walked.as_ref().map_or(0..1, |walked| walked.0.part.queries.clone());
                query.clamp(queries.start, queries.end.saturating_sub(1).max(queries.start)) - queries.start
            })
        })
    }

    /// What a query or a key is called, counted within the part.
    pub fn name(self, keys: bool, at: usize) -> String {
        let from = self.walked.with(|walked| {
            walked.as_ref().map_or(0, |walked| {
                let part = &walked.0.part;
                if keys { part.keys.start } else { part.queries.start }
            })
        });
        let index = from + at;
        self.lab.token(keys, index).map_or_else(|| index.to_string(), |token| format!("{index} {token}"))
    }
}

/// The part of a head that is walked, of the run that is shown.
#[derive(Clone, PartialEq)]
struct Wish {
    session: SessionId,
    head: usize,
    queries: Range<usize>,
    keys: Range<usize>,
    ahead: i64,
}

/// Asks for every result, and for the head and the part that are looked at.
pub fn follow(desk: Desk) {
    let lab = desk.lab;
    let pool = runner::pool();
    let (turn, alive) = (StoredValue::new_local(0_u32), StoredValue::new_local(()));
    let wish = Signal::memo(move || {
        let (session, outcome) = (lab.session.get()?, lab.outcome.get()?);
        let dims = outcome.dims;
        let (head, query) = lab.experiment.with(|e| (e.view.head, e.view.query.min(dims.n_q.saturating_sub(1))));
        let offset = lab.computed.with(|e| e.as_ref().map_or(0, |e| offset(e, &dims)));
        let queries = window(dims.n_q, query);
        // Of a long text, the keys around the place where the query stands.
        let keys = window(dims.n_k, (query as i64 + offset).max(0) as usize);
        let ahead = queries.start as i64 + offset - keys.start as i64;
        Some(Wish { session, head: head.min(dims.q_heads.checked_sub(1)?), queries, keys, ahead })
    });
    effect(move || {
        let Some(wish) = wish.get() else { return };
        turn.update_value(|turn| *turn += 1);
        let this = turn.get_value();
        let pool = pool.get_value();
        desk.status.set(Status::Waiting);
        spawn_local(async move {
            let found = ask(lab, &pool, &wish).await;
            let now = alive.try_get_value().and_then(|()| turn.try_get_value());
            if now != Some(this) {
                return;
            }
            desk.status.try_set(match found {
                Ok(walked) => {
                    desk.walked.try_set(Some(Shared::new(walked)));
                    Status::Done
                }
                // A newer result has closed the session: its own turn comes.
                Err(Fault::Run(RunError::Cancelled)) => Status::Waiting,
                Err(Fault::Run(error)) => Status::Failed(error.message()),
                Err(Fault::Refused(why)) => Status::Refused(why.message()),
            });
        });
    });
}

enum Fault {
    Run(RunError),
    Refused(Refused),
}

async fn ask(lab: Lab, pool: &Pool, wish: &Wish) -> Result<Walked, Fault> {
    let (problem, inputs, outcome) = shown(lab).map_err(Fault::Run)?;
    let changed = problem.lowering.as_ref().is_some_and(|lowering| !lowering.finish.is_empty());
    if let Some(why) = refused(problem.normaliser, problem.probability.is_some(), changed) {
        return Err(Fault::Refused(why));
    }
    let dims = outcome.dims;
    let finite = [&inputs.q, &inputs.k, &inputs.v].iter().all(|t| t.iter().all(|x| x.is_finite()));
    if !finite {
        return Err(Fault::Refused(Refused::NotFinite));
    }
    let request = MapRequest {
        stage: Stage::Masked,
        batch: 0,
        head: wish.head,
        q: wish.queries.clone(),
        k: wish.keys.clone(),
        width: wish.keys.len(),
        height: wish.queries.len(),
        pool: Pixels::Max,
    };
    let maps = pool.maps(wish.session, vec![request]).await.map_err(Fault::Run)?;
    let scores = maps.into_iter().next().map(|Map { values, .. }| values).unwrap_or_default();
    let (values, y) = (inputs.v_head(&dims, 0, wish.head), outcome.y.as_slice());
    let rows = |start: usize, at: &Range<usize>| (start + at.start) * dims.d_v..(start + at.end) * dims.d_v;
    let (Some(values), Some(y)) =
        (values.get(rows(0, &wish.keys)), y.get(rows(dims.row_start(0, wish.head), &wish.queries)))
    else {
        return Err(Fault::Run(RunError::Cancelled));
    };
    let wide = |x: &f32| f64::from(*x);
    let part = Part {
        queries: wish.queries.clone(),
        keys: wish.keys.clone(),
        // Pictures hold NaN where the mask forbids; numbers are finite, or this is not reached.
        scores: scores.iter().map(|s| if s.is_nan() { f64::NEG_INFINITY } else { f64::from(*s) }).collect(),
        values: values.iter().map(wide).collect(),
        width: dims.d_v,
        sink: problem
            .normaliser
            .sink(problem.sink.as_ref().and_then(|sink| sink.get(wish.head).copied()))
            .map(f64::from),
    };
    let is_whole = part.queries.len() == dims.n_q && part.keys.len() == dims.n_k;
    let kernel = outcome.report.kernel.clone();
    Ok(Walked { part, ahead: wish.ahead, y: y.to_vec(), is_whole, dims, kernel })
}

/// What the run that is shown computed, over which tensors, with what outcome.
fn shown(lab: Lab) -> Result<(Problem, Inputs, Arc<Outcome>), RunError> {
    let known = (lab.computed.get_untracked(), lab.loaded.get_untracked(), lab.outcome.get_untracked());
    let (Some(experiment), Some(loaded), Some(outcome)) = known else { return Err(RunError::Cancelled) };
    let (problem, inputs) = assemble(&experiment, &loaded)?;
    if !problem.waits() {
        return Ok((problem, inputs, outcome));
    }
    match lowered_inputs(&problem, &inputs) {
        Some(inputs) => Ok((problem, inputs, outcome)),
        None => {
            let text = message!(
                "what this run computed from Q and K is no longer kept; change something to compute it again",
                "此次计算由 Q 与 K 求得的内容已不再保留；作更改后会重新计算",
            );
            Err(RunError::Failed(text))
        }
    }
}

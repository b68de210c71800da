//! From the experiment to the pool and back: at most one run is on its way, and the newest edit waits behind it, so a drag never queues.

pub mod checked;
mod input;
pub mod pictures;
mod wait;

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;
use std::task::Waker;
use std::time::Duration;

use leptos::prelude::*;
use leptos::task::spawn_local;

pub use input::Inputs;

use super::clock;
use super::state::{Lab, Status, Timing};
use crate::api;
use crate::app::reactive::effect;
use crate::attention::{Dims, Loaded};
use crate::engine::pool::{Cancel, Finished, Lane, Pool, Run, RunError, SessionId};
use crate::engine::{Report, Want};
use crate::experiment::{Backend, Experiment, Issue, Issues};

/// A run that lasts longer than this, in milliseconds, is stopped for a newer edit; a shorter one may finish, so that a drag shows its way.
const PATIENCE_MS: f64 = 250.0;
/// Runs that the history of timings keeps.
const TIMINGS: usize = 60;

/// The result that is shown, whose session is open for more pictures.
struct Shown {
    session: SessionId,
    experiment: Arc<Experiment>,
    dims: Dims,
}

struct Running {
    cancel: Cancel,
    since: f64,
    by_user: Rc<Cell<bool>>,
}

struct Runner {
    lab: Lab,
    pool: Pool,
    inputs: input::Inputs,
    pending: RefCell<Option<Arc<Experiment>>>,
    running: RefCell<Option<Running>>,
    /// The run that waits for its input.
    waiting: RefCell<Option<Waker>>,
    shown: RefCell<Option<Shown>>,
    /// Pictures are on their way, and whether others are wanted since.
    drawing: Cell<bool>,
    redraw: Cell<bool>,
}

/// Lets the views and the JavaScript API use a pool.
pub fn share(lab: Lab, pool: &Pool) {
    // What a panic of the page says is lost otherwise: the browser knows only that it stopped.
    std::panic::set_hook(Box::new(|info| web_sys::console::error_1(&info.to_string().into())));
    provide_context(StoredValue::new_local(pool.clone()));
    api::install(lab, pool.clone());
}

/// Computes the experiment from now on, whenever it changes.
pub fn follow(lab: Lab, pool: Pool) {
    let runner = Rc::new(Runner {
        lab,
        inputs: input::Inputs::new(pool.clone()),
        pool,
        pending: RefCell::new(None),
        running: RefCell::new(None),
        waiting: RefCell::new(None),
        shown: RefCell::new(None),
        drawing: Cell::new(false),
        redraw: Cell::new(false),
    });
    let changed = runner.clone();
    effect(move || {
        lab.again.track();
        changed.changed(lab.experiment.get());
    });
    let stopped = runner.clone();
    let mut started = false;
    effect(move || {
        lab.cancel.track();
        if std::mem::replace(&mut started, true) {
            stopped.stop();
        }
    });
    let pointed = runner.clone();
    effect(move || {
        lab.hover.track();
        let follows = pointed.shown.borrow().as_ref().is_some_and(|s| pictures::follows_the_cell(&s.dims));
        if follows {
            pointed.draw();
        }
    });
    spawn_local(async move {
        match runner.inputs.captures().await {
            Ok(captures) => lab.captures.set(captures),
            // The run that needs the index tells the user; here only the menu stays empty.
            Err(error) => leptos::logging::warn!("{error}"),
        }
    });
}

/// Whether two experiments differ at most in what is looked at, and in an estimator, which is computed beside the result and not into it.
fn computes_the_same(one: &Experiment, other: &Experiment) -> bool {
    let (view, estimator) = (other.view, other.estimator.clone());
    Experiment { view, estimator, ..one.clone() } == *other
}

/// The page's workers, for views that compute something beside the experiment's own run.
pub fn pool() -> StoredValue<Pool, LocalStorage> {
    expect_context()
}

impl Runner {
    fn changed(self: &Rc<Self>, experiment: Arc<Experiment>) {
        let idle = self.running.borrow().is_none();
        if idle && self.stands(&experiment) {
            return;
        }
        self.pending.replace(Some(experiment));
        if idle {
            let runner = self.clone();
            spawn_local(async move { runner.drive().await });
        } else {
            self.hurry();
            self.look_again();
        }
    }

    /// Whether the result that is shown answers this experiment too: only what is looked at has changed, or an edit was taken back.
    fn stands(self: &Rc<Self>, experiment: &Experiment) -> bool {
        if !self.shown.borrow().as_ref().is_some_and(|shown| computes_the_same(&shown.experiment, experiment)) {
            return false;
        }
        self.take_edit(experiment);
        if !self.lab.issues.with_untracked(Vec::is_empty) {
            self.lab.issues.set(Vec::new());
        }
        if self.lab.status.get_untracked() != Status::Ready {
            self.lab.status.set(Status::Ready);
        }
        self.draw();
        true
    }

    /// When the edit was made that this experiment answers. Of a newer one, which is on its way here, the mark stays for the run that answers that.
    fn take_edit(&self, experiment: &Experiment) -> Option<f64> {
        let newest = self.lab.experiment.with_untracked(|newest| {
            std::ptr::eq(newest.as_ref(), experiment) || computes_the_same(newest, experiment)
        });
        newest.then(clock::take_edit).flatten()
    }

    /// Stops a long run for the newer edit.
    fn hurry(self: &Rc<Self>) {
        let Some((left, cancel)) =
            self.running.borrow().as_ref().map(|r| (PATIENCE_MS - (clock::now() - r.since), r.cancel.clone()))
        else {
            return;
        };
        if left <= 0.0 {
            cancel.cancel();
        } else {
            set_timeout(move || cancel.cancel(), Duration::from_secs_f64(left / 1000.0));
        }
    }

    fn stop(&self) {
        let cancel = self.running.borrow().as_ref().map(|r| {
            r.by_user.set(true);
            r.cancel.clone()
        });
        if let Some(cancel) = cancel {
            self.pending.take();
            cancel.cancel();
            self.look_again();
        }
    }

    /// Computes what is pending until nothing is.
    async fn drive(self: Rc<Self>) {
        loop {
            let Some(experiment) = self.pending.take() else { return };
            if self.stands(&experiment) {
                continue;
            }
            let by_user = Rc::new(Cell::new(false));
            let running = Running { cancel: Cancel::default(), since: clock::now(), by_user: by_user.clone() };
            let cancel = running.cancel.clone();
            self.running.replace(Some(running));
            let edited = self.take_edit(&experiment);
            let done = self.compute(&experiment, cancel, edited).await;
            self.running.take();
            if let Err(error) = done {
                self.failed(error, by_user.get(), &experiment);
            }
        }
    }

    async fn compute(
        self: &Rc<Self>,
        experiment: &Arc<Experiment>,
        cancel: Cancel,
        edited: Option<f64>,
    ) -> Result<(), RunError> {
        let lab = self.lab;
        // First: an input with wrong sizes must not be made.
        checked::checked(experiment).await?;
        let loaded = match self.inputs.kept(&experiment.input) {
            Some(loaded) => loaded,
            None => {
                lab.status.set(Status::Loading);
                self.unless_replaced(&experiment.input, &cancel, self.inputs.get(&experiment.input)).await?
            }
        };
        if cancel.is_cancelled() {
            return Err(RunError::Cancelled);
        }
        let from = clock::now();
        let (problem, inputs) = checked::assembled(experiment, &loaded).await?;
        let dims = problem.dims;
        let page_ms = clock::now() - from;
        lab.status.set(Status::Running(0.0));
        let finished = self
            .pool
            .run(Run {
                problem: Arc::new(problem),
                inputs: inputs.clone(),
                backend: experiment.engine.backend,
                algorithm: experiment.engine.algorithm,
                tiers: experiment.engine.tiers,
                want: Want { stats: true, matrix: None },
                maps: pictures::requests(&dims, &experiment.view, self.cell(experiment)),
                repeat: 1,
                lane: Lane::Live,
                progress: Some(Rc::new(move |share| lab.status.set(Status::Running(share)))),
                cancel,
            })
            .await?;
        self.show(experiment, &loaded, inputs, finished, edited, page_ms);
        Ok(())
    }

    /// The cell that is told about.
    fn cell(&self, experiment: &Experiment) -> (usize, usize) {
        self.lab.hover.get_untracked().unwrap_or((experiment.view.query, experiment.view.key))
    }

    fn show(
        self: &Rc<Self>,
        experiment: &Arc<Experiment>,
        loaded: &Arc<Loaded>,
        inputs: crate::attention::Inputs,
        finished: Finished,
        edited: Option<f64>,
        page_ms: f64,
    ) {
        let Finished { session, mut outcome, page_ms: copying } = finished;
        let lab = self.lab;
        let from = clock::now();
        let report = outcome.report.clone();
        let maps = Arc::new(std::mem::take(&mut outcome.maps));
        self.shown.replace(Some(Shown { session, experiment: experiment.clone(), dims: outcome.dims }));
        // What is looked at must lie in what is shown; a link or the API may have named more.
        let Dims { q_heads, n_q, n_k, .. } = outcome.dims;
        lab.show(|view| {
            view.head = view.head.min(q_heads.saturating_sub(1));
            view.query = view.query.min(n_q.saturating_sub(1));
            view.key = view.key.min(n_k.saturating_sub(1));
        });
        // All before any effect runs: views see either the old result or the new one.
        if !lab.issues.with_untracked(Vec::is_empty) {
            lab.issues.set(Vec::new());
        }
        lab.loaded.set(Some(loaded.clone()));
        lab.inputs.set(Some(inputs));
        lab.maps.set(maps);
        lab.computed.set(Some(experiment.clone()));
        lab.session.set(Some(session));
        lab.outcome.set(Some(Arc::new(outcome)));
        lab.status.set(Status::Ready);
        clock::after_effects(move || {
            let page_ms = page_ms + copying + clock::now() - from;
            clock::after_paint(move |began| {
                let painted = clock::now();
                remember(lab, report, edited.map(|at| painted - at), page_ms + painted - began);
            });
        });
        // The view may have moved while the run was on its way.
        self.draw();
    }

    /// Fetches the pictures that the view lacks, without computing anything again.
    fn draw(self: &Rc<Self>) {
        if self.drawing.get() {
            self.redraw.set(true);
            return;
        }
        let Some(session) = self.shown.borrow().as_ref().map(|s| s.session) else { return };
        let (wanted, lacking) = self.wanted();
        if lacking.is_empty() {
            return;
        }
        self.drawing.set(true);
        let runner = self.clone();
        spawn_local(async move {
            let new = runner.pool.maps(session, lacking).await;
            runner.drawing.set(false);
            let still = runner.shown.borrow().as_ref().is_some_and(|s| s.session == session);
            match new {
                Ok(new) if still => {
                    let maps = runner.lab.maps.with_untracked(|have| pictures::joined(&wanted, have, new));
                    runner.lab.maps.set(Arc::new(maps));
                }
                // A newer result brings its own pictures.
                Ok(_) | Err(RunError::Cancelled) => {}
                Err(error) => runner.lab.status.set(Status::Failed(error.message())),
            }
            if runner.redraw.take() {
                runner.draw();
            }
        });
    }

    fn wanted(&self) -> (Vec<crate::engine::MapRequest>, Vec<crate::engine::MapRequest>) {
        let Some(dims) = self.shown.borrow().as_ref().map(|s| s.dims) else { return Default::default() };
        let experiment = self.lab.experiment.get_untracked();
        let wanted = pictures::requests(&dims, &experiment.view, self.cell(&experiment));
        let lacking = self.lab.maps.with_untracked(|have| pictures::missing(&wanted, have));
        (wanted, lacking)
    }

    fn failed(&self, error: RunError, by_user: bool, experiment: &Experiment) {
        let lab = self.lab;
        match error {
            RunError::Cancelled if by_user => lab.status.set(Status::Cancelled),
            RunError::Cancelled => {}
            RunError::Invalid(issues) => self.refused(issues),
            RunError::Unavailable(message) if experiment.engine.backend == Backend::Webgpu => {
                self.refused(Issue::new("engine.backend", message).into());
            }
            RunError::Unavailable(message) | RunError::Failed(message) => {
                // What was wrong with an older experiment is not what is wrong now.
                lab.issues.set(Vec::new());
                lab.status.set(Status::Failed(message));
            }
        }
    }

    /// The experiment is at fault; the last good result stays.
    fn refused(&self, Issues(issues): Issues) {
        self.lab.issues.set(issues);
        self.lab.status.set(Status::Ready);
    }
}

fn remember(lab: Lab, report: Report, edit_to_paint_ms: Option<f64>, page_ms: f64) {
    if let Some(edit_to_paint_ms) = edit_to_paint_ms {
        clock::publish("edit-to-paint", edit_to_paint_ms);
        clock::publish("page-thread", page_ms);
    }
    lab.timings.update(|all| {
        all.push(Timing { report, edit_to_paint_ms, page_ms: Some(page_ms) });
        let surplus = all.len().saturating_sub(TIMINGS);
        all.drain(..surplus);
    });
}

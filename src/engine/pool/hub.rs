//! The pool's handle: what is asked of it.
#![allow(improper_ctypes_definitions, reason = "both sides of a cut are this one compilation")]

use std::cell::RefCell;
use std::pin::Pin;
use std::rc::{Rc, Weak};

use wasm_split_helpers::{SplitLoaderError, wasm_split};

use super::cancel::Cancel;
use super::cut::{Part, cut, cut_maps, dense_flops, map_flops, share, shares};
use super::jobs::{Answer, Compute, Gather, Lowered, Pending, Session, Task};
use super::life::{Gate, Hub, now};
use super::run::{self, Finished, Lower, MAX_RESULT_BYTES, Operated, Operation, Run, RunError};
use super::schedule::{JobId, Lane, Parts, SessionId, Side};
use super::state::{State, item_ms};
use super::{launch, lower};
use crate::attention::{Dims, Inputs, Loaded, Problem, demand};
use crate::engine::once::once;
use crate::engine::protocol::buffers;
use crate::engine::{Choice, Map, MapRequest, Merge};
use crate::experiment::{Algorithm, Backend, Input, Issue, Message, message};

/// A pool of workers; clones share it.
#[derive(Clone)]
pub struct Pool(pub(super) Rc<Hub>);

impl Pool {
    /// Starts the first worker, which gets ready while the page goes on, and the others when there is work for them, or soon after.
    pub fn start() -> Pool {
        let pool = Self::new(None);
        pool.0.launch(Side::Cpu);
        pool
    }

    /// A pool without workers. They are started as those of [`Pool::start`], once the gate is open, when something is asked of it, and again after each [`Pool::rest`].
    pub fn asleep(gate: Gate) -> Pool {
        Self::new(Some(gate))
    }

    fn new(gate: Option<Gate>) -> Pool {
        Self::sized(launch::size(), gate, false)
    }

    /// A pool of so many workers, started all at once when something is asked of it: for measuring what their number is worth.
    pub fn of(size: usize) -> Pool {
        Self::sized(size.max(1), None, true)
    }

    fn sized(size: usize, gate: Option<Gate>, at_once: bool) -> Pool {
        Pool(Rc::new(Hub { state: RefCell::new(State::new(size, now())), gate, at_once }))
    }

    /// Whether nothing is asked of it.
    pub fn is_idle(&self) -> bool {
        self.0.state.borrow().jobs.is_empty()
    }

    /// Ends the workers of an idle pool and frees what they hold. The next job starts new ones; what was computed last stays open for pictures.
    pub fn rest(&self) {
        if self.is_idle() {
            let ports = self.0.state.borrow_mut().rest();
            for port in ports {
                port.silence();
                port.worker.terminate();
            }
            buffers::forget();
        }
    }

    /// Number of workers.
    pub fn size(&self) -> usize {
        self.0.state.borrow().size()
    }

    /// Makes the inputs, or reads the bytes of a capture, in a worker.
    ///
    /// # Errors
    /// [`RunError::Invalid`] with the input's fields; the others as [`Pool::run`].
    pub async fn load(&self, input: &Input, bytes: Option<Vec<u8>>) -> Result<Loaded, RunError> {
        let task = Task::Load(input.clone(), bytes);
        match self.submit(task, Side::Cpu, None, Lane::Live, 1.0, 1, one_part(0.0), |_| {}).await? {
            Answer::Loaded(loaded) => Ok(loaded),
            _ => Err(lost_track()),
        }
    }

    /// The problem that engines open, for callers that look at its rules and run nothing: what it waits for, if anything, is computed in a worker.
    ///
    /// # Errors
    /// As [`Pool::run`].
    pub async fn settled(&self, problem: Problem, inputs: Inputs, cancel: Cancel) -> Result<Problem, RunError> {
        if !problem.waits() {
            return Ok(problem);
        }
        match settled(self.clone(), problem, inputs, cancel).await {
            Ok(settling) => settling.await,
            Err(_) => Err(missing()),
        }
    }

    /// Computes a run. A newer live run takes the place of an older one, which is then [`RunError::Cancelled`]. An engine chosen by name is
    /// that engine or an error; `auto` takes another where one can't.
    ///
    /// # Errors
    /// See [`RunError`].
    pub async fn run(&self, run: Run) -> Result<Finished, RunError> {
        let bytes = run::result_bytes(&run);
        if bytes > MAX_RESULT_BYTES {
            let message =
                format!("would be {} MB; this page gathers at most {} MB", bytes >> 20, MAX_RESULT_BYTES >> 20);
            return Err(RunError::Invalid(Issue::new("outputs", message).into()));
        }
        if run.problem.waits() {
            return match lowered(self.clone(), run).await {
                Ok(finished) => finished.await,
                Err(_) => Err(missing()),
            };
        }
        self.opened(run).await
    }

    /// Computes a run whose problem waits for nothing.
    pub(super) async fn opened(&self, run: Run) -> Result<Finished, RunError> {
        let algorithm = run::algorithm(&run);
        if run.backend != Backend::Auto {
            return self.compute(&run, run.backend, algorithm, None).await;
        }
        let choice = self.choose(&run, algorithm).await;
        if !choice.falls_back() {
            match self.compute(&run, Backend::Webgpu, algorithm, Some(choice)).await {
                Err(error) if error.of_engine().is_some() => {
                    let why = Choice::Unavailable(error.message());
                    return self.compute(&run, Backend::Cpu, algorithm, Some(why)).await;
                }
                done => return done,
            }
        }
        self.compute(&run, Backend::Cpu, algorithm, Some(choice)).await
    }

    async fn compute(
        &self,
        run: &Run,
        backend: Backend,
        algorithm: Algorithm,
        choice: Option<Choice>,
    ) -> Result<Finished, RunError> {
        let dims = run.problem.dims;
        if run.cancel.is_cancelled() {
            return Err(RunError::Cancelled);
        }
        let side = side_of(backend);
        let replaced = if run.lane == Lane::Live { self.0.state.borrow_mut().replace_live() } else { Vec::new() };
        for pending in replaced {
            pending.reply.give(Err(RunError::Cancelled));
        }
        let session = self.0.state.borrow_mut().open(Session {
            problem: run.problem.clone(),
            inputs: run.inputs.clone(),
            backend,
            algorithm,
            tiers: run.tiers,
            lane: run.lane,
            cost_asked: false,
            opened: None,
            texts: Default::default(),
        });
        let merge = Merge::new(dims, run.want.stats, run.want.matrix, run.maps.len());
        let mut compute = Compute::new(session, dims, run.maps.clone(), Gather::Run(merge), now());
        (compute.want, compute.repeat) = (run.want, run.repeat.max(1));
        (compute.progress, compute.choice) = (run.progress.clone(), choice);
        let rate = self.0.state.borrow().rate(backend, algorithm);
        let rows = dense_flops(&dims);
        let all = rows + run.maps.iter().map(|m| map_flops(&dims, m)).sum::<f64>();
        let shares = shares(all, rate * item_ms(backend), self.0.state.borrow().board.places(side).count());
        // Without a mask the sizes are the cost: nobody has to be waited for to cut it. Nor where whole heads are shares enough: whatever the mask leaves of them, they
        // are handed to the worker that is free.
        let whole_heads = side == Side::Cpu && shares <= dims.batch * dims.q_heads;
        let parts = if shares == 1 || whole_heads || !run.problem.masked() {
            compute.parts = cut(&dims, rows, &run.maps, share(all, shares));
            Parts::Cut(compute.parts.clone())
        } else {
            Parts::Uncut { workers: shares }
        };
        let (weak, cancel) = (Rc::downgrade(&self.0), run.cancel.clone());
        let abort = move |job: JobId| cancel.on_cancel(move || abort(&weak, job));
        let answer = self
            .submit(Task::Compute(Box::new(compute)), side, Some(session), run.lane, rate, run.repeat, parts, abort)
            .await;
        let waiting = self.0.state.borrow_mut().settle(session, run.lane, answer.is_ok());
        for pending in waiting {
            pending.reply.give(Err(RunError::Cancelled));
        }
        match answer? {
            Answer::Finished(mut finished) => {
                let report = &mut finished.outcome.report;
                let flops = report.cost.flops;
                if demand::is_large(&dims, flops) {
                    let ms = flops / rate / report.workers.max(1) as f64 * run.repeat.max(1) as f64;
                    // A sentence that did not arrive is no reason against the run.
                    report.notes.extend(told(dims, flops, ms).await.ok().flatten());
                }
                Ok(*finished)
            }
            _ => Err(lost_track()),
        }
    }

    /// Makes pictures of a live run that is done, without computing it again.
    ///
    /// # Errors
    /// [`RunError::Cancelled`] when a newer run has taken its place; the others as [`Pool::run`].
    pub async fn maps(&self, of: SessionId, requests: Vec<MapRequest>) -> Result<Vec<Map>, RunError> {
        let (compute, parts, rate, lane, side) = {
            let state = self.0.state.borrow();
            let session = state.session(of).ok_or(RunError::Cancelled)?;
            let (dims, rate) = (session.problem.dims, state.rate(session.backend, session.algorithm));
            let gather = Gather::Maps(vec![None; requests.len()]);
            let parts = cut_maps(&dims, &requests, rate * item_ms(session.backend));
            let mut compute = Compute::new(of, dims, requests, gather, now());
            compute.parts = parts.clone();
            (compute, parts, rate, session.lane, side_of(session.backend))
        };
        if parts.is_empty() {
            return Ok(Vec::new());
        }
        let (task, parts) = (Task::Compute(Box::new(compute)), Parts::Cut(parts));
        match self.submit(task, side, Some(of), lane, rate, 1, parts, |_| {}).await? {
            Answer::Maps(maps) => Ok(maps),
            _ => Err(lost_track()),
        }
    }

    /// Computes an operator beside attention, in one worker of its engine.
    ///
    /// # Errors
    /// As [`Pool::run`].
    pub async fn operate(&self, operation: Operation) -> Result<Operated, RunError> {
        if operation.cancel.is_cancelled() {
            return Err(RunError::Cancelled);
        }
        let (started, repeat) = (now(), operation.repeat.max(1));
        let (weak, cancel) = (Rc::downgrade(&self.0), operation.cancel.clone());
        let abort = move |job: JobId| cancel.on_cancel(move || abort(&weak, job));
        let side = side_of(operation.backend);
        // On the CPU plain loops, as the reference's are.
        let like = if side == Side::Gpu { Backend::Webgpu } else { Backend::Reference };
        let rate = self.0.state.borrow().rate(like, Algorithm::Streaming);
        let parts = one_part(operation.work);
        let task = Task::Operate(Box::new(operation), 0.0);
        match self.submit(task, side, None, Lane::Api, rate, repeat, parts, abort).await? {
            Answer::Operated(done) => Ok(Operated { total_ms: now() - started, ..done }),
            _ => Err(lost_track()),
        }
    }

    /// Computes what a problem waits for, or what is done to its output, in one worker of the CPU.
    pub(super) async fn lower(&self, lower: Lower, cancel: Cancel) -> Result<Lowered, RunError> {
        if cancel.is_cancelled() {
            return Err(RunError::Cancelled);
        }
        let weak = Rc::downgrade(&self.0);
        let abort = move |job: JobId| cancel.on_cancel(move || abort(&weak, job));
        let rate = self.0.state.borrow().rate(Backend::Reference, Algorithm::Streaming);
        let flops = lower.problem.lowering.as_ref().map_or(0.0, |l| l.flops(&lower.problem.dims));
        match self.submit(Task::Lower(lower), Side::Cpu, None, Lane::Live, rate, 1, one_part(flops), abort).await? {
            Answer::Lowered(lowered) => Ok(lowered),
            _ => Err(lost_track()),
        }
    }

    async fn submit(
        &self,
        task: Task,
        side: Side,
        session: Option<SessionId>,
        lane: Lane,
        rate: f64,
        repeat: usize,
        parts: Parts,
        then: impl FnOnce(JobId),
    ) -> Result<Answer, RunError> {
        let (reply, answer) = once();
        let (job, revive) = {
            let mut state = self.0.state.borrow_mut();
            let job = state.next_id();
            state.jobs.insert(job, Pending { task, reply, notes: Vec::new() });
            state.board.submit(job, side, session, lane, rate, repeat, parts);
            (job, state.board.all_dead(side))
        };
        then(job);
        if revive {
            self.0.launch(side);
        }
        self.0.pump();
        answer.await
    }
}

/// A run on its way.
type Finishing = Pin<Box<dyn Future<Output = Result<Finished, RunError>>>>;

/// What waits for the contents of Q and K is a piece of the page's own: it opens on a problem that waits for nothing.
#[wasm_split(catalogue, fallible)]
fn lowered(pool: Pool, run: Run) -> Result<Finishing, SplitLoaderError> {
    Ok(Box::pin(lower::run(pool, run)))
}

/// A problem on its way.
type Settling = Pin<Box<dyn Future<Output = Result<Problem, RunError>>>>;

/// The same without a run.
#[wasm_split(catalogue, fallible)]
fn settled(pool: Pool, problem: Problem, inputs: Inputs, cancel: Cancel) -> Result<Settling, SplitLoaderError> {
    Ok(Box::pin(lower::settled(pool, problem, inputs, cancel)))
}

/// What is said of a large run: with what else few visits need that looks at times.
#[wasm_split(auto, fallible)]
fn told(dims: Dims, flops: f64, ms: f64) -> Result<Option<Message>, SplitLoaderError> {
    Ok(demand::of_run(&dims, flops, ms))
}

/// A job that is one message, of so many operations.
fn one_part(flops: f64) -> Parts {
    Parts::Cut(vec![Part { work: Vec::new(), flops, heads: Vec::new(), picture: false }])
}

fn missing() -> RunError {
    RunError::Failed(message!(
        "the part of the page that computes this did not arrive; try again",
        "页面中执行此计算的部分未能加载，请重试",
    ))
}

fn lost_track() -> RunError {
    RunError::Failed(message!("the workers answered something else than was asked", "工作线程的回答与请求不符"))
}

/// Whose workers run an engine.
fn side_of(backend: Backend) -> Side {
    if backend == Backend::Webgpu { Side::Gpu } else { Side::Cpu }
}

fn abort(hub: &Weak<Hub>, job: JobId) {
    let pending = hub.upgrade().and_then(|hub| hub.state.borrow_mut().abandon(job));
    if let Some(pending) = pending {
        pending.reply.give(Err(RunError::Cancelled));
    }
}

//! The pool's handle, and the life of its workers.
#![allow(improper_ctypes_definitions, reason = "both sides of a cut are this one compilation")]

use std::cell::RefCell;
use std::pin::Pin;
use std::rc::{Rc, Weak};

use js_sys::Reflect;
use wasm_bindgen::closure::Closure;
use wasm_bindgen::{JsCast, JsValue};
use wasm_split_helpers::{SplitLoaderError, wasm_split};
use web_sys::{ErrorEvent, MessageEvent, Worker};

use super::cancel::Cancel;
use super::cut::{Part, cut, cut_maps, dense_flops, map_flops};
use super::jobs::{Answer, Compute, Gather, Lowered, Pending, Session, Task};
use super::run::{self, Finished, Lower, MAX_RESULT_BYTES, Operated, Operation, Run, RunError};
use super::schedule::{JobId, Lane, Parts, SessionId, Side, Slot};
use super::state::{After, State, item_ms};
use super::{launch, lower};
use crate::attention::{Inputs, Loaded, Problem};
use crate::engine::once::once;
use crate::engine::{Choice, Map, MapRequest, Merge};
use crate::experiment::{Algorithm, Backend, Input, Issue, message};

/// Milliseconds between looks at the deadlines.
const WATCH_MS: i32 = 1000;

/// The share that is told of a run of which nothing is done yet.
const BEGUN: f64 = 0.005;

/// A pool of workers; clones share it.
#[derive(Clone)]
pub struct Pool(pub(super) Rc<Hub>);

pub(super) struct Hub {
    pub(super) state: RefCell<State>,
    gate: Option<Gate>,
}

/// What is waited for before workers are started: the turn of a page among several that share a machine.
pub type Gate = Rc<dyn Fn() -> Pin<Box<dyn Future<Output = ()>>>>;

type Listener<Event> = Closure<dyn FnMut(Event)>;

/// A worker with what listens to it.
pub(super) struct Port {
    pub worker: Worker,
    _listeners: (Listener<MessageEvent>, Listener<ErrorEvent>, Listener<JsValue>),
}

impl Port {
    /// Nothing of this worker is heard any more, messages on their way included.
    fn silence(&self) {
        self.worker.set_onmessage(None);
        self.worker.set_onerror(None);
        self.worker.set_onmessageerror(None);
    }
}

/// Milliseconds since the page was opened.
pub(super) fn now() -> f64 {
    web_sys::window().and_then(|w| w.performance()).map_or(0.0, |p| p.now())
}

impl Pool {
    /// Starts the workers; they get ready while the page goes on.
    pub fn start() -> Pool {
        let pool = Self::new(None);
        pool.0.launch(Side::Cpu);
        pool
    }

    /// A pool without workers. They are started, once the gate is open, when something is asked of it, and again after each [`Pool::rest`].
    pub fn asleep(gate: Gate) -> Pool {
        Self::new(Some(gate))
    }

    fn new(gate: Option<Gate>) -> Pool {
        Self::sized(launch::size(), gate)
    }

    /// A pool of so many workers, started when something is asked of it: for measuring what their number is worth.
    pub fn of(size: usize) -> Pool {
        Self::sized(size.max(1), None)
    }

    fn sized(size: usize, gate: Option<Gate>) -> Pool {
        Pool(Rc::new(Hub { state: RefCell::new(State::new(size, now())), gate }))
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
        let target = rate * item_ms(backend);
        let parts = if all <= target {
            compute.parts = cut(&dims, rows, &run.maps, f64::INFINITY);
            Parts::Cut(compute.parts.clone())
        } else {
            Parts::Uncut { workers: (all / target).ceil() as usize }
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
            Answer::Finished(finished) => Ok(*finished),
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

impl Hub {
    /// Starts a worker in every place of a side that has none, as soon as the gate is open.
    fn launch(self: &Rc<Self>, side: Side) {
        let Some(gate) = &self.gate else { return self.start(side) };
        let (hub, open) = (self.clone(), gate());
        wasm_bindgen_futures::spawn_local(async move {
            open.await;
            hub.start(side);
        });
    }

    fn start(self: &Rc<Self>, side: Side) {
        let slots = self.state.borrow_mut().claim_places(side, now());
        if slots.is_empty() {
            return;
        }
        self.watch();
        let hub = self.clone();
        wasm_bindgen_futures::spawn_local(async move {
            // Not at once: whoever asked may be holding the state.
            slots.into_iter().for_each(|slot| hub.seat(slot));
        });
    }

    /// Starts the worker of one place.
    fn seat(self: &Rc<Self>, slot: Slot) {
        let (source, generation) = {
            let mut state = self.state.borrow_mut();
            let side = state.board.side(slot);
            (state.source(side), state.next_generation(slot))
        };
        let worker = match source.and_then(|source| source.start()) {
            Ok(worker) => worker,
            Err(reason) => return self.lost(slot, &reason),
        };
        // A listener of a worker that was replaced in the meantime does nothing.
        let current = {
            let hub = Rc::downgrade(self);
            move || hub.upgrade().filter(|hub| hub.state.borrow().generation(slot) == generation)
        };
        let on_message = {
            let current = current.clone();
            Closure::<dyn FnMut(MessageEvent)>::new(move |event: MessageEvent| {
                if let Some(hub) = current() {
                    hub.receive(slot, &event.data());
                }
            })
        };
        let on_error = {
            let current = current.clone();
            Closure::<dyn FnMut(ErrorEvent)>::new(move |event: ErrorEvent| {
                event.prevent_default();
                if let Some(hub) = current() {
                    // A script that cannot be fetched gives an event without a message.
                    let message = Reflect::get(&event, &"message".into())
                        .ok()
                        .and_then(|m| m.as_string())
                        .filter(|m| !m.is_empty());
                    hub.lost(slot, &message.unwrap_or_else(|| "a worker's script did not load".to_owned()));
                }
            })
        };
        let on_bad_message = Closure::<dyn FnMut(JsValue)>::new(move |_| {
            if let Some(hub) = current() {
                hub.lost(slot, "a worker's message could not be read");
            }
        });
        worker.set_onmessage(Some(on_message.as_ref().unchecked_ref()));
        worker.set_onerror(Some(on_error.as_ref().unchecked_ref()));
        worker.set_onmessageerror(Some(on_bad_message.as_ref().unchecked_ref()));
        self.state.borrow_mut().seat(slot, Port { worker, _listeners: (on_message, on_error, on_bad_message) }, now());
    }

    /// The worker in this place is no more.
    fn lost(self: &Rc<Self>, slot: Slot, reason: &str) {
        let (after, old) = self.state.borrow_mut().lost(slot, reason, now());
        if let Some(port) = old {
            port.silence();
            port.worker.terminate();
            // One of its listeners may be what is running now.
            wasm_bindgen_futures::spawn_local(async move { drop(port) });
        }
        self.after(after);
    }

    fn receive(self: &Rc<Self>, slot: Slot, message: &JsValue) {
        let failed =
            Reflect::get(message, &"kind".into()).ok().and_then(|k| k.as_string()).is_some_and(|k| k == "failed");
        if failed {
            let why = Reflect::get(message, &"message".into()).ok().and_then(|m| m.as_string());
            return self.lost(slot, &why.unwrap_or_else(|| "a worker did not start".to_owned()));
        }
        let after = self.state.borrow_mut().receive(slot, message, now());
        self.after(after);
    }

    /// What is left to do once the state is consistent: answers and progress run foreign code, which may ask the pool again.
    fn after(self: &Rc<Self>, after: After) {
        for (reply, answer) in after.answers {
            reply.give(answer);
        }
        if let Some((progress, share)) = after.progress {
            progress(share);
        }
        if let Some((slot, reason)) = after.lost {
            return self.lost(slot, &reason);
        }
        if let Some(slot) = after.reseat {
            self.seat(slot);
        }
        self.pump();
    }

    /// Sends what can be sent.
    fn pump(self: &Rc<Self>) {
        let broken = self.state.borrow_mut().pump();
        for (slot, reason) in broken {
            self.lost(slot, &reason);
        }
        self.watch();
    }

    /// Looks at the deadlines as long as there are any.
    fn watch(self: &Rc<Self>) {
        if !self.state.borrow_mut().start_watch() {
            return;
        }
        let hub = Rc::downgrade(self);
        let look = Closure::once_into_js(move || {
            let Some(hub) = hub.upgrade() else { return };
            let overdue = hub.state.borrow_mut().end_watch(now());
            let silent = hub.state.borrow().silent(now());
            silent.iter().for_each(|progress| progress(BEGUN));
            for (slot, reason) in overdue {
                hub.lost(slot, &reason);
            }
            hub.watch();
        });
        if let Some(window) = web_sys::window() {
            // Without a timer there are no deadlines, which is no reason not to compute.
            let _ = window.set_timeout_with_callback_and_timeout_and_arguments_0(look.unchecked_ref(), WATCH_MS);
        }
    }
}

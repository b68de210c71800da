//! The pool's books: what is sent, what came in, what it means.

use std::sync::Arc;

use wasm_bindgen::JsValue;

use super::auto::Knowledge;
use super::cut::{GPU_ITEM_MS, ITEM_MS, cut};
use super::hub::Port;
use super::jobs::{Answer, Lowered, Opened, Pending, Reply, Session, Task};
use super::launch::Source;
use super::payoff::CPU_RATE;
use super::run::{OnProgress, Operated, RunError};
use super::schedule::{Board, JobId, Lane, Loss, SessionId, Side, Slot};
use super::tensors::{Held, TensorKeys};
use crate::attention::{Inputs, Loaded, demand};
use crate::engine::protocol::wire::{self, Bulk};
use crate::engine::protocol::{FromWorker, PROTOCOL, ToWorker};
use crate::experiment::{Algorithm, Backend, Issues, message};
use crate::formula::Sorted;

/// Operations a millisecond in double precision without SIMD, until a part was measured.
const REFERENCE_RATE: f64 = 5e5;
/// Operations a millisecond that the parts for a GPU are cut for, until a part was measured. It cuts them again by what it measures itself.
const GPU_RATE: f64 = 1e7;
/// Parts shorter than this, in milliseconds, say little about speed: browsers round their clocks.
const MEASURABLE_MS: f64 = 2.0;
/// Milliseconds that fetching and compiling the module may take, beside the time to start.
const FETCH_MS: f64 = 45_000.0;
/// Runs shorter than this, in milliseconds, show no progress.
const QUIET_MS: f64 = 200.0;

/// Left to do when the state is no longer borrowed.
#[derive(Default)]
pub struct After {
    /// Answers to give.
    pub answers: Vec<(Reply, Result<Answer, RunError>)>,
    /// Progress to tell.
    pub progress: Option<(OnProgress, f64)>,
    /// A worker that must go.
    pub lost: Option<(Slot, String)>,
    /// A place that needs a new worker.
    pub reseat: Option<Slot>,
}

/// A worker and what it has.
#[derive(Default)]
pub struct Seat {
    pub(super) port: Option<Port>,
    generation: u64,
    pub(super) held: Held,
    panic: Option<String>,
}

type Rates = Vec<((Backend, Algorithm), f64)>;

fn rate_of(rates: &Rates, backend: Backend, algorithm: Algorithm) -> f64 {
    let start = match backend {
        Backend::Reference => REFERENCE_RATE,
        Backend::Webgpu => GPU_RATE,
        Backend::Cpu | Backend::Auto => CPU_RATE,
    };
    rates.iter().find(|(of, _)| *of == (backend, algorithm)).map_or(start, |(_, rate)| *rate)
}

/// Milliseconds that an item should take.
pub fn item_ms(backend: Backend) -> f64 {
    if backend == Backend::Webgpu { GPU_ITEM_MS } else { ITEM_MS }
}

/// Everything the pool knows.
pub struct State {
    pub board: Board,
    /// Of each side, once it was needed.
    sources: [Option<Source>; 2],
    pub(super) gpu: Knowledge,
    pub jobs: Sorted<JobId, Pending>,
    pub(super) seats: Vec<Seat>,
    pub(super) sessions: Sorted<SessionId, Session>,
    pub(super) tensors: TensorKeys,
    rates: Rates,
    last_id: u64,
    watching: bool,
}

impl State {
    pub fn new(size: usize, now: f64) -> Self {
        let mut board = Board::new(size, now);
        (0..size).for_each(|slot| board.dead(slot));
        Self {
            board,
            sources: [None, None],
            gpu: Knowledge::default(),
            jobs: Sorted::new(),
            seats: (0..=size).map(|_| Seat::default()).collect(),
            sessions: Sorted::new(),
            tensors: TensorKeys::default(),
            rates: Vec::new(),
            last_id: 0,
            watching: false,
        }
    }

    pub fn next_id(&mut self) -> u64 {
        self.last_id += 1;
        self.last_id
    }

    /// What the workers of a side run.
    ///
    /// # Errors
    /// A sentence for the user.
    pub fn source(&mut self, side: Side) -> Result<Source, String> {
        let known = &mut self.sources[side as usize];
        if known.is_none() {
            *known = Some(Source::get(side)?);
        }
        known.clone().ok_or_else(String::new)
    }

    /// Workers for the CPU.
    pub fn size(&self) -> usize {
        self.board.places(Side::Cpu).count()
    }

    /// Places of a side without a worker, from now on starting. Fetching the module may take a while on a slow line, and says itself when it fails.
    pub fn claim_places(&mut self, side: Side, now: f64) -> Vec<Slot> {
        let dead: Vec<Slot> = self.board.places(side).filter(|&slot| self.board.is_dead(slot)).collect();
        for &slot in &dead {
            self.board.starting(slot, now + FETCH_MS);
        }
        dead
    }

    pub fn generation(&self, slot: Slot) -> u64 {
        self.seats.get(slot).map_or(0, |seat| seat.generation)
    }

    pub fn next_generation(&mut self, slot: Slot) -> u64 {
        if let Some(seat) = self.seats.get_mut(slot) {
            seat.generation += 1;
        }
        self.generation(slot)
    }

    /// A worker was started in this place.
    pub fn seat(&mut self, slot: Slot, port: Port, now: f64) {
        // The GPU's worker fetches its program itself.
        let fetches = if self.board.side(slot) == Side::Gpu { FETCH_MS } else { 0.0 };
        self.board.starting(slot, now + fetches);
        if let Some(seat) = self.seats.get_mut(slot) {
            (seat.port, seat.held, seat.panic) = (Some(port), Held::default(), None);
        }
    }

    pub fn session(&self, id: SessionId) -> Option<&Session> {
        self.sessions.get(&id)
    }

    pub fn open(&mut self, session: Session) -> SessionId {
        let id = self.next_id();
        self.sessions.insert(id, session);
        id
    }

    /// Operations a millisecond, as measured.
    pub fn rate(&self, backend: Backend, algorithm: Algorithm) -> f64 {
        rate_of(&self.rates, backend, algorithm)
    }

    fn measured(&mut self, session: SessionId, flops: f64, ms: f64) {
        let Some(of) = self.sessions.get(&session).map(|s| (s.backend, s.algorithm)) else { return };
        if ms < MEASURABLE_MS || flops <= 0.0 {
            return;
        }
        let rate = (0.75 * self.rate(of.0, of.1) + 0.25 * flops / ms).clamp(1e4, 1e11);
        match self.rates.iter_mut().find(|(known, _)| *known == of) {
            Some((_, known)) => *known = rate,
            None => self.rates.push((of, rate)),
        }
    }

    /// Gives up live runs that are on their way: a newer one takes their place.
    pub fn replace_live(&mut self) -> Vec<Pending> {
        let live = |pending: &Pending| match &pending.task {
            Task::Compute(c) => c.is_run() && self.sessions.get(&c.session).is_some_and(|s| s.lane == Lane::Live),
            Task::Load(..) | Task::Operate(..) | Task::Lower(..) => false,
        };
        let old: Vec<JobId> = self.jobs.iter().filter(|(_, p)| live(p)).map(|(id, _)| *id).collect();
        old.into_iter().filter_map(|job| self.abandon(job)).collect()
    }

    /// Forgets a job: nothing more of it is sent.
    pub fn abandon(&mut self, job: JobId) -> Option<Pending> {
        self.board.drop_job(job);
        self.jobs.remove(&job)
    }

    /// A run is over. The newest live run that succeeded stays open for more pictures; everything older is closed. Gives the jobs that
    /// waited for a session that is closed.
    pub fn settle(&mut self, session: SessionId, lane: Lane, ok: bool) -> Vec<Pending> {
        let closing: Vec<SessionId> = match (lane, ok) {
            (Lane::Live, true) => self
                .sessions
                .iter()
                .filter(|(id, s)| **id < session && s.lane == Lane::Live)
                .map(|(id, _)| *id)
                .collect(),
            _ => vec![session],
        };
        let of_closed = |p: &Pending| matches!(&p.task, Task::Compute(c) if closing.contains(&c.session));
        let jobs: Vec<JobId> = self.jobs.iter().filter(|(_, p)| of_closed(p)).map(|(job, _)| *job).collect();
        for id in &closing {
            self.sessions.remove(id);
            for slot in self.board.close(*id) {
                // A worker that cannot take the message has lost the session anyhow.
                let _ = self.post(slot, &ToWorker::Close { session: *id }, &Bulk::default());
            }
        }
        jobs.into_iter().filter_map(|job| self.abandon(job)).collect()
    }

    /// Takes a worker's message.
    pub fn receive(&mut self, slot: Slot, message: &JsValue, now: f64) -> After {
        let mut after = After::default();
        let (head, bulk) = match wire::decode::<FromWorker>(message) {
            Ok(decoded) => decoded,
            Err(reason) => {
                after.lost = Some((slot, reason.to_owned()));
                return after;
            }
        };
        match head {
            FromWorker::Ready { protocol, tier } if protocol != PROTOCOL => {
                let reason = format!(
                    "the browser kept an old worker ({tier}, messages {protocol}; this page speaks {PROTOCOL}): reload the page"
                );
                after.lost = Some((slot, reason));
            }
            FromWorker::Ready { .. } => self.board.ready(slot),
            FromWorker::Loaded { job, dims, tokens_q, tokens_k, note } => {
                let mut bulk = bulk;
                let mut tensor = |length| Arc::new(bulk.f32(length));
                let inputs = Inputs { q: tensor(dims.q_len()), k: tensor(dims.k_len()), v: tensor(dims.v_len()) };
                self.board.done(slot, job, 0);
                let answer = Answer::Loaded(Loaded { dims, tokens_q, tokens_k, inputs, note });
                after.answers.extend(self.jobs.remove(&job).map(|p| (p.reply, Ok(answer))));
            }
            FromWorker::Opened { session, job, cost, order, kernel, adapter, prepare_ms, copy_ms } => {
                if let Some(adapter) = &adapter {
                    self.gpu.seen(adapter);
                }
                if let (Some(cost), Some(session)) = (cost, self.sessions.get_mut(&session)) {
                    session.opened = Some(Opened { cost, order, kernel, adapter });
                }
                self.opened(slot, job, prepare_ms, copy_ms);
            }
            FromWorker::Done { job, part, given, runs_ms, work_ms, copy_ms, texts, notes: new } => {
                let mut bulk = bulk;
                if let Some(Pending { task: Task::Compute(compute), notes, .. }) = self.jobs.get_mut(&job) {
                    notes.extend(new);
                    if let Some(session) = self.sessions.get_mut(&compute.session).filter(|_| !texts.is_empty()) {
                        Arc::make_mut(&mut session.texts).extend(texts);
                    }
                    compute.take(slot, part, &given, &runs_ms, &mut bulk);
                    compute.returned(copy_ms, super::hub::now() - now);
                    let flops = compute.parts.get(part).map_or(0.0, |p| p.flops) * compute.repeat as f64;
                    let session = compute.session;
                    if now - compute.started > QUIET_MS {
                        after.progress = compute.progress.clone().map(|progress| (progress, compute.share()));
                    }
                    self.measured(session, flops, work_ms);
                }
                if self.board.done(slot, job, part) {
                    after.progress = None;
                    after.answers.extend(self.finish(job));
                }
            }
            FromWorker::Operated { job, lengths, runs_ms, copy_ms, adapter, notes: new } => {
                if let Some(adapter) = &adapter {
                    self.gpu.seen(adapter);
                }
                let mut bulk = bulk;
                let outputs = lengths.into_iter().map(|length| bulk.f32(length)).collect();
                self.board.done(slot, job, 0);
                if let Some(Pending { task: Task::Operate(_, page_ms), reply, mut notes }) = self.jobs.remove(&job) {
                    notes.extend(new);
                    let transfer_ms = page_ms + copy_ms + super::hub::now() - now;
                    let done = Operated { outputs, runs_ms, transfer_ms, total_ms: 0.0, adapter, notes };
                    after.answers.push((reply, Ok(Answer::Operated(done))));
                }
            }
            FromWorker::Lowered { job, lengths, .. } => {
                self.board.done(slot, job, 0);
                let answer = Answer::Lowered(Lowered { lengths, bulk });
                after.answers.extend(self.jobs.remove(&job).map(|p| (p.reply, Ok(answer))));
            }
            FromWorker::Failed { job, issues } => {
                self.board.ready(slot);
                let failed = self.abandon(job).map(|p| (p.reply, Err(RunError::Invalid(Issues(issues)))));
                after.answers.extend(failed);
            }
            FromWorker::Unavailable { job, message, lasting } => {
                self.board.ready(slot);
                if lasting {
                    self.gpu = Knowledge::Unavailable(message.clone());
                }
                let failed = self.abandon(job).map(|p| (p.reply, Err(RunError::Unavailable(message))));
                after.answers.extend(failed);
            }
            FromWorker::Panicked { message } => {
                // The trap that follows is what ends the worker; this says why.
                if let Some(seat) = self.seats.get_mut(slot) {
                    seat.panic = Some(message);
                }
            }
        }
        after
    }

    fn opened(&mut self, slot: Slot, job: JobId, prepare_ms: f64, copy_ms: f64) {
        self.board.opened(slot, job);
        let uncut = self.board.is_uncut(job);
        let Some(Pending { task: Task::Compute(compute), notes, .. }) = self.jobs.get_mut(&job) else { return };
        compute.prepare_ms += prepare_ms;
        compute.copies.there_ms += copy_ms;
        let Some((session, opened)) = self.sessions.get(&compute.session).and_then(|s| Some((s, s.opened.as_ref()?)))
        else {
            return;
        };
        if uncut {
            let rate = rate_of(&self.rates, session.backend, session.algorithm);
            compute.parts = cut(&compute.dims, opened.cost.flops, &compute.maps, rate * item_ms(session.backend));
            let at_once = compute.parts.len().min(self.board.places(self.board.side(slot)).count()).max(1) as f64;
            let ms = opened.cost.flops / rate / at_once * compute.repeat as f64;
            notes.extend(demand::of_run(&compute.dims, opened.cost.flops, ms));
            self.board.cut(job, compute.parts.clone());
        }
    }

    fn finish(&mut self, job: JobId) -> Option<(Reply, Result<Answer, RunError>)> {
        let Pending { task, reply, notes } = self.jobs.remove(&job)?;
        let Task::Compute(compute) = task else { return None };
        let answer = match self.sessions.get(&compute.session) {
            Some(session) => Ok(compute.finish(session, notes, super::hub::now())),
            None => Err(RunError::Cancelled),
        };
        Some((reply, answer))
    }

    /// Every place is empty from now on; the ports are given back to be ended.
    pub fn rest(&mut self) -> Vec<Port> {
        let places = [Side::Cpu, Side::Gpu].into_iter().flat_map(|side| self.board.places(side));
        let living: Vec<Slot> = places.filter(|&slot| !self.board.is_dead(slot)).collect();
        let mut ports = Vec::new();
        for slot in living {
            self.next_generation(slot);
            // What it had opened is opened again where it is needed.
            self.board.lost(slot);
            self.board.dead(slot);
            ports.extend(self.seats.get_mut(slot).and_then(|seat| seat.port.take()));
        }
        ports
    }

    /// A worker is lost; its port is given back to be ended.
    pub fn lost(&mut self, slot: Slot, reason: &str, now: f64) -> (After, Option<Port>) {
        let mut after = After::default();
        let (port, said) = match self.seats.get_mut(slot) {
            Some(seat) => (seat.port.take(), seat.panic.take()),
            None => (None, None),
        };
        self.next_generation(slot);
        let reason = said.as_deref().unwrap_or(reason);
        let side = self.board.side(slot);
        if self.board.is_starting(slot) || self.board.is_dead(slot) {
            self.board.dead(slot);
            if self.board.all_dead(side) {
                let why = match side {
                    Side::Cpu => message!("no worker could be started: {reason}", "无法启动工作线程：{reason}"),
                    Side::Gpu => message!(
                        "the worker for the GPU could not be started: {reason}",
                        "无法启动 GPU 工作线程：{reason}"
                    ),
                };
                for pending in self.board.jobs(side).into_iter().filter_map(|job| self.abandon(job)) {
                    after.answers.push((pending.reply, Err(RunError::Unavailable(why.clone()))));
                }
            }
            return (after, port);
        }
        let loss = self.board.lost(slot);
        // The GPU's is started again when it is wanted again.
        if side == Side::Cpu || matches!(loss, Loss::Again(_)) {
            self.board.starting(slot, now);
            after.reseat = Some(slot);
        }
        match loss {
            Loss::Nothing => {}
            Loss::Again(job) => {
                if let Some(pending) = self.jobs.get_mut(&job) {
                    pending.notes.push(message!(
                        "A worker stopped ({reason}) and was replaced; its part was computed again.",
                        "一个工作线程中止（{reason}），已替换，相应部分已重新计算。",
                    ));
                    if let Task::Compute(compute) = &pending.task
                        && let Some(session) = self.sessions.get_mut(&compute.session)
                        && session.opened.is_none()
                    {
                        session.cost_asked = false;
                    }
                }
            }
            Loss::Fatal(job) => {
                let message = message!("The computation stopped twice: {reason}", "计算两次中止：{reason}");
                if side == Side::Gpu {
                    // `auto` does not wait for this again; who names the GPU may.
                    self.gpu = Knowledge::Unavailable(message.clone());
                }
                after.answers.extend(self.jobs.remove(&job).map(|p| (p.reply, Err(RunError::Failed(message)))));
            }
        }
        (after, port)
    }

    /// Whether the deadlines must be looked at later, and nobody does yet.
    pub fn start_watch(&mut self) -> bool {
        !self.watching && self.board.waits() && {
            self.watching = true;
            true
        }
    }

    /// Runs of which nothing has come in yet although they began a while ago: their users should see that they are on their way.
    pub fn silent(&self, now: f64) -> Vec<OnProgress> {
        let silent = |pending: &Pending| match &pending.task {
            Task::Compute(c) if c.flops_done == 0.0 && now - c.started > QUIET_MS => c.progress.clone(),
            _ => None,
        };
        self.jobs.values().filter_map(silent).collect()
    }

    /// Workers that are out of time, with what to say.
    pub fn end_watch(&mut self, now: f64) -> Vec<(Slot, String)> {
        self.watching = false;
        let say = |slot: Slot| {
            if self.board.is_starting(slot) { "a worker was not ready in time" } else { "it did not answer in time" }
        };
        self.board.overdue(now).into_iter().map(|slot| (slot, say(slot).to_owned())).collect()
    }
}

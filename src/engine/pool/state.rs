//! The pool's books: workers and what they have, jobs, sessions, speeds, deadlines.

use super::auto::Knowledge;
use super::cut::{GPU_ITEM_MS, ITEM_MS};
use super::jobs::{Answer, Pending, Reply, Session, Task};
use super::launch::Source;
use super::life::Port;
use super::payoff::CPU_RATE;
use super::run::{OnProgress, RunError};
use super::schedule::{Board, JobId, Lane, SessionId, Side, Slot};
use super::tensors::{Held, TensorKeys};
use crate::engine::protocol::ToWorker;
use crate::engine::protocol::wire::Bulk;
use crate::experiment::{Algorithm, Backend};
use crate::formula::Sorted;

/// Operations a millisecond in double precision without SIMD, until a part was measured.
const REFERENCE_RATE: f64 = 5e5;
/// Operations a millisecond that the parts for a GPU are cut for, until a part was measured. It cuts them again by what it measures itself.
const GPU_RATE: f64 = 1e7;
/// Runs shorter than this, in milliseconds, say little about speed: browsers round their clocks.
const MEASURABLE_MS: f64 = 2.0;
/// Milliseconds that fetching and compiling the module may take, beside the time to start.
const FETCH_MS: f64 = 45_000.0;
/// Runs shorter than this, in milliseconds, show no progress.
pub(super) const QUIET_MS: f64 = 200.0;

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
    pub(super) panic: Option<String>,
}

pub(super) type Rates = Vec<((Backend, Algorithm), f64)>;

pub(super) fn rate_of(rates: &Rates, backend: Backend, algorithm: Algorithm) -> f64 {
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
    pub(super) rates: Rates,
    /// Places whose workers are yet to be started.
    pub(super) waiting: Vec<Slot>,
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
            waiting: Vec::new(),
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

    /// Places of a side without a worker, from now on starting: the first is given, the others wait. Fetching the module may take a while on a slow line, and says
    /// itself when it fails.
    pub fn claim_places(&mut self, side: Side, now: f64) -> Option<Slot> {
        let dead: Vec<Slot> = self.board.places(side).filter(|&slot| self.board.is_dead(slot)).collect();
        for &slot in &dead {
            self.board.starting(slot, now + FETCH_MS);
        }
        let (&first, others) = dead.split_first()?;
        self.waiting.extend(others);
        Some(first)
    }

    /// Whether there is work for workers that are not started yet.
    pub fn wants_more(&self) -> bool {
        !self.waiting.is_empty() && self.board.wanted(Side::Cpu) > 1
    }

    /// Places whose workers are to be started now.
    pub fn take_waiting(&mut self) -> Vec<Slot> {
        std::mem::take(&mut self.waiting)
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

    pub(super) fn measured(&mut self, session: SessionId, flops: f64, ms: f64) {
        let Some(of) = self.sessions.get(&session).map(|s| (s.backend, s.algorithm)) else { return };
        if ms < MEASURABLE_MS || flops <= 0.0 {
            return;
        }
        let rate = (flops / ms).clamp(1e4, 1e11);
        match self.rates.iter_mut().find(|(known, _)| *known == of) {
            Some((_, known)) => *known = 0.5 * (*known + rate),
            // Any run says more than the assumption.
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

//! Who does what next: a state machine over workers, sessions and jobs, without a word about browsers.
//!
//! A *session* is a problem opened in workers; a *job* is a list of parts computed in one (or, for loading inputs, in none). Parts go to idle
//! workers one at a time, so a job that is dropped is gone as soon as the parts that are out come back.

mod next;

use super::cut::Part;
use crate::formula::Sorted;

/// A place for a worker; the worker in it may be replaced.
pub type Slot = usize;
/// A problem opened in workers.
pub type SessionId = u64;
/// A list of parts.
pub type JobId = u64;

/// Milliseconds for a worker to say that it is ready.
pub const START_MS: f64 = 15_000.0;
/// Milliseconds that any message may take, beside [`PATIENCE`] times its estimate.
pub const GRACE_MS: f64 = 20_000.0;
/// How often the estimate a message may take.
pub const PATIENCE: f64 = 20.0;
/// A part is tried again once, in a fresh worker.
const TRIES: u8 = 2;

/// Whose run it is. Parts of the page's own run go first: they are what the user waits for, and they are few.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Lane {
    /// The page's own experiment: a newer run replaces an older one.
    #[default]
    Live,
    /// A run of the JavaScript API: never dropped by an edit.
    Api,
}

/// Who computes: the workers of the CPU engines, or the one that owns the GPU.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Side {
    /// Any of many.
    #[default]
    Cpu,
    /// The only one.
    Gpu,
}

/// What a job consists of.
#[derive(Clone, Debug)]
pub enum Parts {
    /// Known.
    Cut(Vec<Part>),
    /// To be cut when the first worker that has opened the session tells its cost; meanwhile the session is opened in up to so many workers.
    Uncut {
        /// Workers that can be of use.
        workers: usize,
    },
}

/// Something to send to a worker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Open the session. Its parts may follow at once: messages keep their order.
    Open {
        /// To whom.
        slot: Slot,
        /// For which job.
        job: JobId,
        /// What.
        session: SessionId,
    },
    /// Compute a part.
    Part {
        /// To whom.
        slot: Slot,
        /// Of which job.
        job: JobId,
        /// Which part.
        part: usize,
    },
}

/// What became of the job whose worker was lost.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Loss {
    /// The worker had nothing to do that matters any more.
    Nothing,
    /// The job goes on in another worker.
    Again(JobId),
    /// The same part was lost twice: the job is dropped.
    Fatal(JobId),
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum State {
    Starting { since: f64 },
    Idle,
    Busy { job: JobId, part: Option<usize>, deadline: f64 },
    Dead,
}

#[derive(Debug)]
struct Place {
    side: Side,
    state: State,
    /// The part that it has been sent beside the one that it computes, and until when it may take: so that it does not idle for the way of a message.
    ahead: Option<(JobId, usize, f64)>,
    /// Sessions that it has open, in no order.
    open: Vec<SessionId>,
    /// When it last worked, and for whom: its caches and tensors are warm for the same lane.
    recent: (Option<Lane>, u64),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Progress {
    Waiting,
    Out,
    Done,
}

#[derive(Debug)]
struct Piece {
    part: Part,
    progress: Progress,
    lost: u8,
}

#[derive(Debug)]
struct Job {
    side: Side,
    session: Option<SessionId>,
    lane: Lane,
    /// Operations that a worker does in a millisecond, for deadlines.
    rate: f64,
    repeat: f64,
    pieces: Option<Vec<Piece>>,
    workers: usize,
    opening_lost: u8,
    /// Who first began on a head, and so has its numbers.
    begun: Sorted<(usize, usize), Slot>,
    /// Who computed the rows of a head, and so knows their log-sum-exp.
    rows_at: Sorted<(usize, usize), Slot>,
}

/// All workers and jobs.
#[derive(Debug)]
pub struct Board {
    places: Vec<Place>,
    jobs: Sorted<(Lane, JobId), Job>,
    clock: u64,
}

impl Board {
    /// `size` workers for the CPU that are being started at `now`, and after them a place for the GPU's, which is not.
    pub fn new(size: usize, now: f64) -> Self {
        let place = |side, state| Place { side, state, ahead: None, open: Vec::new(), recent: (None, 0) };
        let cpu = (0..size).map(|_| place(Side::Cpu, State::Starting { since: now }));
        let places = cpu.chain([place(Side::Gpu, State::Dead)]).collect();
        Self { places, jobs: Sorted::new(), clock: 0 }
    }

    /// The places of a side, whatever state their workers are in.
    pub fn places(&self, side: Side) -> impl Iterator<Item = Slot> + '_ {
        (0..self.places.len()).filter(move |&slot| self.side(slot) == side)
    }

    /// The side of a place.
    pub fn side(&self, slot: Slot) -> Side {
        self.places.get(slot).map_or(Side::Cpu, |place| place.side)
    }

    /// The jobs of a side.
    pub fn jobs(&self, side: Side) -> Vec<JobId> {
        self.jobs.iter().filter(|(_, job)| job.side == side).map(|((_, id), _)| *id).collect()
    }

    /// The worker is ready: it has nothing to do, or what it was sent ahead.
    pub fn ready(&mut self, slot: Slot) {
        let ahead = self.places.get_mut(slot).and_then(|place| place.ahead.take());
        self.set(
            slot,
            match ahead {
                Some((job, part, deadline)) => State::Busy { job, part: Some(part), deadline },
                None => State::Idle,
            },
        );
    }

    /// A worker is being started in this place (again).
    pub fn starting(&mut self, slot: Slot, now: f64) {
        self.set(slot, State::Starting { since: now });
    }

    /// No worker can be started in this place.
    pub fn dead(&mut self, slot: Slot) {
        self.set(slot, State::Dead);
    }

    /// Whether no place of a side has a worker or will have one.
    pub fn all_dead(&self, side: Side) -> bool {
        self.places.iter().all(|p| p.side != side || p.state == State::Dead)
    }

    /// Whether the place has no worker.
    pub fn is_dead(&self, slot: Slot) -> bool {
        self.places.get(slot).is_none_or(|p| p.state == State::Dead)
    }

    fn set(&mut self, slot: Slot, state: State) {
        if let Some(place) = self.places.get_mut(slot) {
            place.state = state;
            if !matches!(state, State::Idle | State::Busy { .. }) {
                place.open.clear();
                place.ahead = None;
            }
        }
    }

    /// How many workers of a side the jobs can use, beside those that are still at work for one that was dropped.
    pub fn wanted(&self, side: Side) -> usize {
        let of = |job: &Job| match &job.pieces {
            Some(pieces) => pieces.iter().filter(|piece| piece.progress != Progress::Done).count(),
            None => job.workers,
        };
        let at_dropped = |place: &&Place| {
            place.side == side && matches!(place.state, State::Busy { job, .. } if self.job(job).is_none())
        };
        let jobs = self.jobs.values().filter(|job| job.side == side);
        jobs.map(of).sum::<usize>() + self.places.iter().filter(at_dropped).count()
    }

    /// Takes a job. `rate` are operations a millisecond, `repeat` how often each part is computed.
    pub fn submit(
        &mut self,
        id: JobId,
        side: Side,
        session: Option<SessionId>,
        lane: Lane,
        rate: f64,
        repeat: usize,
        parts: Parts,
    ) {
        let (pieces, workers) = match parts {
            Parts::Cut(parts) => (Some(pieces(parts)), usize::MAX),
            Parts::Uncut { workers } => (None, workers.max(1)),
        };
        let job = Job {
            side,
            session,
            lane,
            rate: rate.max(1.0),
            repeat: repeat.max(1) as f64,
            pieces,
            workers,
            opening_lost: 0,
            begun: Sorted::new(),
            rows_at: Sorted::new(),
        };
        self.jobs.insert((lane, id), job);
    }

    /// Drops a job: nothing more of it is sent.
    pub fn drop_job(&mut self, id: JobId) {
        if let Some(key) = self.jobs.keys().copied().find(|(_, other)| *other == id) {
            self.jobs.remove(&key);
        }
    }

    /// Forgets a session; gives the workers that have it open.
    pub fn close(&mut self, session: SessionId) -> Vec<Slot> {
        let holds = |(slot, place): (Slot, &mut Place)| {
            let at = place.open.iter().position(|open| *open == session)?;
            place.open.swap_remove(at);
            Some(slot)
        };
        self.places.iter_mut().enumerate().filter_map(holds).collect()
    }

    /// The worker that was to tell a session's cost is lost: whoever is free next opens it (again) and tells.
    pub fn reopen(&mut self, session: SessionId) {
        self.places.iter_mut().for_each(|place| place.open.retain(|open| *open != session));
    }

    /// The worker has opened the session of a job that was not cut yet.
    pub fn opened(&mut self, slot: Slot, job: JobId) {
        if let Some(place) = self.places.get_mut(slot)
            && matches!(place.state, State::Busy { job: busy, part: None, .. } if busy == job)
        {
            place.state = State::Idle;
        }
    }

    /// Whether the job still waits to be cut.
    pub fn is_uncut(&self, job: JobId) -> bool {
        self.job(job).is_some_and(|j| j.pieces.is_none())
    }

    /// The job's parts, now that its cost is known.
    pub fn cut(&mut self, job: JobId, parts: Vec<Part>) {
        if let Some(job) = self.job_mut(job) {
            job.pieces = Some(pieces(parts));
        }
    }

    /// The worker has answered a part. True if that was the job's last one; the job is then gone.
    pub fn done(&mut self, slot: Slot, id: JobId, part: usize) -> bool {
        self.ready(slot);
        let Some(job) = self.job_mut(id) else { return false };
        let Some(pieces) = &mut job.pieces else { return false };
        if let Some(piece) = pieces.get_mut(part) {
            piece.progress = Progress::Done;
            if !piece.part.picture {
                for &head in &piece.part.heads {
                    job.rows_at.insert(head, slot);
                }
            }
        }
        let finished = pieces.iter().all(|p| p.progress == Progress::Done);
        if finished {
            self.drop_job(id);
        }
        finished
    }

    /// The worker was lost: it panicked, trapped, or is out of time. Its place needs a new one ([`Board::starting`]) or stays [`Board::dead`].
    pub fn lost(&mut self, slot: Slot) -> Loss {
        let (state, ahead) = self.places.get(slot).map(|p| (p.state, p.ahead)).unzip();
        self.dead(slot);
        // What it had not begun is not what it was lost with.
        if let Some((id, part, _)) = ahead.flatten()
            && let Some(piece) = self.job_mut(id).and_then(|job| job.pieces.as_mut()?.get_mut(part))
        {
            piece.progress = Progress::Waiting;
        }
        let Some(State::Busy { job: id, part, .. }) = state else { return Loss::Nothing };
        let Some(job) = self.job_mut(id) else { return Loss::Nothing };
        let lost = match (part, &mut job.pieces) {
            (Some(part), Some(pieces)) => {
                let Some(piece) = pieces.get_mut(part) else { return Loss::Nothing };
                piece.progress = Progress::Waiting;
                piece.lost += 1;
                piece.lost
            }
            _ => {
                job.opening_lost += 1;
                job.opening_lost
            }
        };
        if lost >= TRIES {
            self.drop_job(id);
            return Loss::Fatal(id);
        }
        Loss::Again(id)
    }

    /// Workers that have been silent for too long.
    pub fn overdue(&self, now: f64) -> Vec<Slot> {
        let late = |state: &State| match *state {
            State::Starting { since } => now - since > START_MS,
            State::Busy { deadline, .. } => now > deadline,
            State::Idle | State::Dead => false,
        };
        (0..self.places.len()).filter(|&slot| late(&self.places[slot].state)).collect()
    }

    /// Whether a worker is starting or busy, so that the time must be watched.
    pub fn waits(&self) -> bool {
        self.places.iter().any(|p| matches!(p.state, State::Starting { .. } | State::Busy { .. }))
    }

    /// Whether the worker is being started.
    pub fn is_starting(&self, slot: Slot) -> bool {
        self.places.get(slot).is_some_and(|p| matches!(p.state, State::Starting { .. }))
    }

    fn job(&self, id: JobId) -> Option<&Job> {
        self.jobs.iter().find(|((_, other), _)| *other == id).map(|(_, job)| job)
    }

    fn job_mut(&mut self, id: JobId) -> Option<&mut Job> {
        self.jobs.iter_mut().find(|((_, other), _)| *other == id).map(|(_, job)| job)
    }
}

fn pieces(parts: Vec<Part>) -> Vec<Piece> {
    parts.into_iter().map(|part| Piece { part, progress: Progress::Waiting, lost: 0 }).collect()
}

#[cfg(test)]
mod tests;

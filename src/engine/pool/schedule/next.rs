//! Which worker does what next.

use super::{Board, GRACE_MS, Job, JobId, Lane, PATIENCE, Piece, Place, Progress, Side, Slot, State, Step};

/// A worker is sent a part ahead while so many for each worker wait: a run of which less is left is soon over, and a newer one waits for one part only.
const AHEAD: usize = 3;

impl Board {
    /// Gives work to idle workers.
    pub fn next(&mut self, now: f64) -> Vec<Step> {
        let mut steps = Vec::new();
        let ids: Vec<(Lane, JobId)> = self.jobs.keys().copied().collect();
        for key in ids {
            while let Some(slot) = self.pick_worker(key)
                && let Some(part) = self.pick_part(key, slot)
            {
                self.send(key, slot, part, now, &mut steps);
            }
        }
        for slot in 0..self.places.len() {
            self.send_ahead(slot, &mut steps);
        }
        steps
    }

    /// The head that a worker begins with which has opened a job's session before anyone could say what it costs; each worker another. `None` where the job is
    /// cut: then its part says it.
    pub fn likely(&mut self, id: JobId, slot: Slot, heads: usize) -> Option<usize> {
        let workers = self.places(Side::Cpu).count().max(1);
        let job = self.job_mut(id).filter(|job| job.pieces.is_none())?;
        let others = job.begun.iter().filter(|(_, at)| **at != slot).count();
        let head = others.min(workers - 1) * heads / workers;
        job.begun.insert((0, head), slot);
        Some(head)
    }

    /// A second part for a busy worker of the CPU, where many wait: the last ones go to whoever is first, and who has little to do is soon free for others.
    fn send_ahead(&mut self, slot: Slot, steps: &mut Vec<Step>) {
        let Place { side: Side::Cpu, state, ahead: None, .. } = self.places[slot] else { return };
        let State::Busy { job: id, part: Some(_), deadline } = state else { return };
        let enough = AHEAD * self.places(Side::Cpu).count();
        let Some(job) = self.job_mut(id) else { return };
        let (rate, repeat) = (job.rate, job.repeat);
        if job.rows_left().count() < enough {
            return;
        }
        let Some(part) = job.next_rows(slot) else { return };
        let deadline = deadline + PATIENCE * job.take(part, slot) * repeat / rate;
        steps.push(Step::Part { slot, job: id, part });
        self.places[slot].ahead = Some((id, part, deadline));
    }

    /// The idle worker that suits a job best: where its session is open, else where the same lane worked last.
    fn pick_worker(&self, key: (Lane, JobId)) -> Option<Slot> {
        let job = self.jobs.get(&key)?;
        let suits = |place: &Place| {
            let open = job.session.is_some_and(|s| place.open.contains(&s));
            (open, place.recent.0 == Some(job.lane), place.recent.1)
        };
        let idle = self.places.iter().enumerate().filter(|(_, p)| p.state == State::Idle && p.side == job.side);
        // Of equals the first, so that a quiet page keeps to one worker.
        idle.max_by_key(|(slot, place)| (suits(place), std::cmp::Reverse(*slot))).map(|(slot, _)| slot)
    }

    /// What the worker should do for the job: a part, `Some(None)` for opening only, `None` for nothing.
    fn pick_part(&self, key: (Lane, JobId), slot: Slot) -> Option<Option<usize>> {
        let job = self.jobs.get(&key)?;
        let Some(pieces) = &job.pieces else {
            let session = job.session?;
            let open = self.places.iter().filter(|p| p.open.contains(&session)).count();
            return (open < job.workers && !self.places[slot].open.contains(&session)).then_some(None);
        };
        if let Some(index) = job.next_rows(slot) {
            return Some(Some(index));
        }
        let waiting = || pieces.iter().enumerate().filter(|(_, p)| p.progress == Progress::Waiting);
        if pieces.iter().any(|p| !p.part.picture && p.progress == Progress::Out) {
            return None;
        }
        let here = |p: &Piece| p.part.heads.iter().any(|head| job.rows_at.get(head) == Some(&slot));
        waiting().max_by_key(|(index, p)| (here(p), std::cmp::Reverse(*index))).map(|(index, _)| Some(index))
    }

    fn send(&mut self, key: (Lane, JobId), slot: Slot, part: Option<usize>, now: f64, steps: &mut Vec<Step>) {
        let Some(job) = self.jobs.get_mut(&key) else { return };
        self.clock += 1;
        let place = &mut self.places[slot];
        if let Some(session) = job.session
            && !place.open.contains(&session)
        {
            place.open.push(session);
            steps.push(Step::Open { slot, job: key.1, session });
        }
        let mut flops = 0.0;
        if let Some(part) = part {
            flops = job.take(part, slot);
            steps.push(Step::Part { slot, job: key.1, part });
        }
        let estimate = flops * job.repeat / job.rate;
        place.state = State::Busy { job: key.1, part, deadline: now + GRACE_MS + PATIENCE * estimate };
        place.recent = (Some(job.lane), self.clock);
    }
}

impl Job {
    /// Parts with rows that nobody was sent yet.
    fn rows_left(&self) -> impl Iterator<Item = (usize, &Piece)> {
        let pieces = self.pieces.iter().flatten().enumerate();
        pieces.filter(|(_, piece)| piece.progress == Progress::Waiting && !piece.part.picture)
    }

    /// The next part with rows for a worker: of a head that it began, else of one that nobody did; the heads of others when nothing else is left. So each
    /// worker is sent few heads, and packs the keys of few.
    fn next_rows(&self, slot: Slot) -> Option<usize> {
        let rank = |piece: &Piece| match piece.part.heads.first().and_then(|head| self.begun.get(head)) {
            Some(at) if *at == slot => 0,
            None => 1,
            Some(_) => 2,
        };
        self.rows_left().min_by_key(|(_, piece)| rank(piece)).map(|(index, _)| index)
    }

    /// Notes that a worker is sent a part; gives its operations.
    fn take(&mut self, part: usize, slot: Slot) -> f64 {
        let Some(piece) = self.pieces.as_mut().and_then(|pieces| pieces.get_mut(part)) else { return 0.0 };
        piece.progress = Progress::Out;
        for head in &piece.part.heads {
            self.begun.get_or_insert_with(*head, || slot);
        }
        piece.part.flops
    }
}

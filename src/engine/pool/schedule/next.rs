//! Which worker does what next.

use super::{Board, GRACE_MS, JobId, Lane, PATIENCE, Piece, Place, Progress, Slot, State, Step};

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
        steps
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
        let waiting = || pieces.iter().enumerate().filter(|(_, p)| p.progress == Progress::Waiting);
        if let Some((index, _)) = waiting().find(|(_, p)| !p.part.picture) {
            return Some(Some(index));
        }
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
        if let (Some(part), Some(pieces)) = (part, &mut job.pieces) {
            pieces[part].progress = Progress::Out;
            flops = pieces[part].part.flops;
            steps.push(Step::Part { slot, job: key.1, part });
        }
        let estimate = flops * job.repeat / job.rate;
        place.state = State::Busy { job: key.1, part, deadline: now + GRACE_MS + PATIENCE * estimate };
        place.recent = (Some(job.lane), self.clock);
    }
}

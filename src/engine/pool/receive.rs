//! What comes in from the workers.

use std::sync::Arc;

use wasm_bindgen::JsValue;

use super::auto::Knowledge;
use super::cut::{cut, dense_flops, map_flops, share, shares};
use super::jobs::{Answer, Lowered, Opened, Pending, Reply, Task};
use super::life::now as clock;
use super::run::{Operated, RunError};
use super::schedule::{JobId, Slot};
use super::state::{After, QUIET_MS, State, item_ms, rate_of};
use crate::attention::{Inputs, Loaded};
use crate::engine::protocol::wire;
use crate::engine::protocol::{FromWorker, PROTOCOL, Work};
use crate::experiment::Issues;

impl State {
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
                let session = self.sessions.get_mut(&session);
                let told = cost.is_some() && session.as_ref().is_some_and(|session| session.opened.is_none());
                match (cost, session.map(|session| &mut session.opened)) {
                    (Some(cost), Some(opened)) => *opened = Some(Opened { cost, order, kernel, adapter }),
                    // A worker that found numbers which are not finite goes on with another kernel; who opens the session after it does not take that back.
                    (None, Some(Some(opened))) if order.is_empty() => opened.kernel = kernel,
                    _ => {}
                }
                self.opened(slot, job, told, prepare_ms, copy_ms);
            }
            FromWorker::Done { job, part, given, runs_ms, work_ms, copy_ms, memory, texts, notes: new } => {
                let mut bulk = bulk;
                if let Some(Pending { task: Task::Compute(compute), notes, .. }) = self.jobs.get_mut(&job) {
                    notes.extend(new);
                    if let Some(session) = self.sessions.get_mut(&compute.session).filter(|_| !texts.is_empty()) {
                        Arc::make_mut(&mut session.texts).extend(texts);
                    }
                    compute.take(slot, part, &given, &runs_ms, &mut bulk);
                    compute.returned(copy_ms, clock() - now);
                    compute.work_ms += work_ms;
                    *compute.memory.get_or_insert_with(slot, || 0.0) = memory;
                    if now - compute.started > QUIET_MS {
                        after.progress = compute.progress.clone().map(|progress| (progress, compute.share()));
                    }
                }
                if self.board.done(slot, job, part) {
                    after.progress = None;
                    after.answers.extend(self.finish(job));
                }
            }
            FromWorker::Operated { job, lengths, runs_ms, copy_ms, memory, adapter, notes: new } => {
                if let Some(adapter) = &adapter {
                    self.gpu.seen(adapter);
                }
                let mut bulk = bulk;
                let outputs = lengths.into_iter().map(|length| bulk.f32(length)).collect();
                self.board.done(slot, job, 0);
                if let Some(Pending { task: Task::Operate(_, page_ms), reply, mut notes }) = self.jobs.remove(&job) {
                    notes.extend(new);
                    let transfer_ms = page_ms + copy_ms + clock() - now;
                    let memory = [(slot, memory)].into_iter().collect();
                    let done = Operated { outputs, runs_ms, transfer_ms, total_ms: 0.0, memory, adapter, notes };
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

    /// A worker has opened a job's session, and was the first to have `told` what it costs, or not.
    fn opened(&mut self, slot: Slot, job: JobId, told: bool, prepare_ms: f64, copy_ms: f64) {
        self.board.opened(slot, job);
        let uncut = self.board.is_uncut(job);
        let Some(Pending { task: Task::Compute(compute), .. }) = self.jobs.get_mut(&job) else { return };
        compute.prepare_ms += prepare_ms;
        compute.copies.there_ms += copy_ms;
        let Some((session, opened)) = self.sessions.get(&compute.session).and_then(|s| Some((s, s.opened.as_ref()?)))
        else {
            return;
        };
        if uncut {
            let rate = rate_of(&self.rates, session.backend, session.algorithm);
            let flops = opened.cost.flops;
            let workers = self.board.places(self.board.side(slot)).count();
            let shares = shares(flops, rate * item_ms(session.backend), workers);
            compute.parts = cut(&compute.dims, flops, &compute.maps, share(flops, shares));
            self.board.cut(job, compute.parts.clone());
        } else if told && session.problem.masked() && compute.is_run() {
            // It was cut by its sizes: what is learned of the workers' speed counts what the mask leaves.
            let left = (opened.cost.flops / dense_flops(&compute.dims)).min(1.0);
            for part in &mut compute.parts {
                let picture = |work: &Work| {
                    if let Work::Map { request, .. } = work { map_flops(&compute.dims, request) } else { 0.0 }
                };
                let pictures: f64 = part.work.iter().map(picture).sum();
                part.flops = pictures + (part.flops - pictures) * left;
            }
            compute.flops_done *= left;
        }
    }

    fn finish(&mut self, job: JobId) -> Option<(Reply, Result<Answer, RunError>)> {
        let Pending { task, reply, notes } = self.jobs.remove(&job)?;
        let Task::Compute(compute) = task else { return None };
        self.measured(compute.session, compute.flops_done * compute.repeat as f64, compute.work_ms);
        let answer = match self.sessions.get(&compute.session) {
            Some(session) => Ok(compute.finish(session, notes, clock())),
            None => Err(RunError::Cancelled),
        };
        Some((reply, answer))
    }
}

//! What goes out to the workers.

use std::sync::Arc;

use wasm_bindgen::JsCast;

use super::cut::Part;
use super::jobs::Task;
use super::launch::sentence;
use super::life::now;
use super::run::Operation;
use super::schedule::{JobId, SessionId, Side, Slot, Step};
use super::state::State;
use crate::attention::Inputs;
use crate::engine::protocol::wire::{self, Bulk};
use crate::engine::protocol::{ToWorker, strip_tables};
use crate::experiment::Backend;
use crate::formula::{Data, DataValues};

/// Numbers from which on a tensor travels head by head to workers of the CPU. Half a megabyte: smaller ones would gain less than their messages take (chosen, not tuned).
const LONG: usize = 1 << 17;

impl State {
    /// Sends a message.
    ///
    /// # Errors
    /// The worker is gone, or does not take it.
    pub fn post(&self, slot: Slot, head: &ToWorker, bulk: &Bulk) -> Result<(), String> {
        let port = self.seats.get(slot).and_then(|seat| seat.port.as_ref()).ok_or("the worker is gone")?;
        let (message, transfer) = wire::encode(head, bulk).map_err(|error| sentence(&error))?;
        port.worker.post_message_with_transfer(&message, transfer.unchecked_ref()).map_err(|error| sentence(&error))
    }

    /// Sends what can be sent; gives the workers that could not take it.
    pub fn pump(&mut self) -> Vec<(Slot, String)> {
        let mut broken: Vec<(Slot, String)> = Vec::new();
        for step in self.board.next(now()) {
            let slot = match step {
                Step::Open { slot, .. } | Step::Part { slot, .. } => slot,
            };
            if broken.iter().any(|(other, _)| *other == slot) {
                continue;
            }
            let from = now();
            let (job, sent) = match step {
                Step::Open { slot, job, session } => (job, self.send_open(slot, job, session)),
                Step::Part { slot, job, part } => (job, self.send_part(slot, job, part)),
            };
            match self.jobs.get_mut(&job).map(|pending| &mut pending.task) {
                Some(Task::Compute(compute)) => compute.sent(now() - from),
                Some(Task::Operate(_, page_ms)) => *page_ms += now() - from,
                Some(Task::Load(..) | Task::Lower(..)) | None => {}
            }
            if let Err(reason) = sent {
                broken.push((slot, reason));
            }
        }
        broken
    }

    fn send_open(&mut self, slot: Slot, job: JobId, id: SessionId) -> Result<(), String> {
        let session = self.sessions.get_mut(&id).ok_or("the session is closed")?;
        let cost = !std::mem::replace(&mut session.cost_asked, true);
        let Inputs { q, k, v } = session.inputs.clone();
        let tensors = [self.tensors.key(&q), self.tensors.key(&k), self.tensors.key(&v)];
        let sessions =
            self.sessions.values().flat_map(|session| [&session.inputs.q, &session.inputs.k, &session.inputs.v]);
        let open: Vec<u64> = sessions.map(|tensor| self.tensors.key(tensor)).collect();
        let held = &mut self.seats.get_mut(slot).ok_or("no such worker")?.held;
        let moves = held.use_keys(&tensors, &open);
        let of = |key: &u64| {
            if *key == tensors[0] {
                &q
            } else if *key == tensors[1] {
                &k
            } else {
                &v
            }
        };
        let gpu = self.board.side(slot) == Side::Gpu;
        let (later, along): (Vec<u64>, Vec<u64>) = moves.send.iter().partition(|key| !gpu && of(key).len() >= LONG);
        for key in &along {
            held.lacks(*key, 0..of(key).len());
        }
        let session = self.sessions.get(&id).ok_or("the session is closed")?;
        let lengths = |keys: &[u64]| keys.iter().map(|key| (*key, of(key).len())).collect();
        let (sent, later) = (lengths(&along), lengths(&later));
        let (problem, tables) = strip_tables(&session.problem);
        let mut bulk = Bulk { f32: along.iter().map(|key| of(key).as_slice()).collect(), ..Bulk::default() };
        push_tables(&tables, &mut bulk);
        let head = ToWorker::Open {
            session: id,
            job,
            problem: Box::new(problem),
            tables: tables.iter().map(|table| table.values.len()).collect(),
            tensors,
            sent,
            later,
            forget: moves.forget,
            backend: session.backend,
            algorithm: session.algorithm,
            tiers: session.tiers,
            cost,
        };
        self.post(slot, &head, &bulk)?;
        match self.board.likely(job, slot, session.problem.dims.q_heads) {
            Some(head) => self.send_heads(slot, id, &[(0, head)]),
            None => Ok(()),
        }
    }

    /// Sends what a part reads of its session's tensors and the worker lacks, in one message: it begins with the first heads while the page packs those to come,
    /// and heads that others compute are not sent.
    fn send_heads(&mut self, slot: Slot, id: SessionId, heads: &[(usize, usize)]) -> Result<(), String> {
        let session = self.sessions.get(&id).ok_or("the session is closed")?;
        let (dims, Inputs { q, k, v }) = (session.problem.dims, session.inputs.clone());
        let (mut numbers, mut bulk) = (Vec::new(), Bulk::default());
        for &(batch, head) in heads {
            let keys = (dims.kv_heads, dims.kv_head(head));
            for (tensor, (heads, head)) in [(&q, (dims.q_heads, head)), (&k, keys), (&v, keys)] {
                let (key, size) = (self.tensors.key(tensor), tensor.len() / (dims.batch * heads).max(1));
                let range = (batch * heads + head) * size..(batch * heads + head + 1) * size;
                if self.seats.get_mut(slot).is_some_and(|seat| seat.held.lacks(key, range.clone())) {
                    bulk.f32.extend(tensor.get(range.clone()));
                    numbers.push((key, range));
                }
            }
        }
        if numbers.is_empty() { Ok(()) } else { self.post(slot, &ToWorker::Keep { numbers }, &bulk) }
    }

    fn send_part(&mut self, slot: Slot, job: JobId, part: usize) -> Result<(), String> {
        let pending = self.jobs.get(&job).ok_or("the job is gone")?;
        match &pending.task {
            Task::Load(input, bytes) => {
                let bulk = Bulk { u8: bytes.iter().map(Vec::as_slice).collect(), ..Bulk::default() };
                self.post(slot, &ToWorker::Load { job, input: input.clone(), bytes: bytes.is_some() }, &bulk)
            }
            Task::Operate(operation, _) => {
                let Operation { operator, tensors, backend, repeat, .. } = operation.as_ref();
                let exact = *backend == Backend::Reference;
                let tensors = tensors.iter().map(|tensor| tensor.as_slice()).collect();
                let bulk = Bulk { f32: tensors, u8: vec![operator], ..Bulk::default() };
                let head = ToWorker::Operate { job, operator: operator.len(), exact, repeat: *repeat };
                self.post(slot, &head, &bulk)
            }
            Task::Lower(lower) => {
                let (problem, tables) = strip_tables(&lower.problem);
                let mut bulk = Bulk { f32: lower.tensors.iter().map(|t| t.as_slice()).collect(), ..Bulk::default() };
                push_tables(&tables, &mut bulk);
                let y = lower.tensors.first().filter(|_| lower.output).map_or(0, |y| y.len());
                let tables = tables.iter().map(|table| table.values.len()).collect();
                self.post(slot, &ToWorker::Lower { job, problem: Box::new(problem), tables, y }, &bulk)
            }
            Task::Compute(compute) => {
                let Part { work, heads, .. } = compute.parts.get(part).cloned().ok_or("no such part")?;
                let (session, want, repeat) = (compute.session, compute.want, compute.repeat);
                self.send_heads(slot, session, &heads)?;
                self.post(slot, &ToWorker::Item { session, job, part, work, want, repeat }, &Bulk::default())
            }
        }
    }
}

/// Adds the entries of tables, in their order.
fn push_tables<'a>(tables: &'a [Arc<Data>], bulk: &mut Bulk<'a>) {
    for table in tables {
        match &table.values {
            DataValues::Bool(values) => bulk.u8.push(values),
            DataValues::Int(values) => bulk.i32.push(values),
            DataValues::Float(values) => bulk.f32.push(values),
        }
    }
}

//! What the pool remembers of sessions and jobs until they are done.

use std::sync::Arc;

use super::cut::Part;
use super::run::{Finished, Lower, OnProgress, Operated, Operation, RunError};
use super::schedule::{Lane, SessionId, Slot};
use crate::attention::{Cost, Dims, Inputs, Loaded, Problem};
use crate::engine::once::Promise;
use crate::engine::protocol::wire::Unpack;
use crate::engine::protocol::{Given, Work};
use crate::engine::{
    Adapter, Choice, Copies, KernelText, Map, MapRequest, Merge, Report, StageTimes, TimedStage, Want,
};
use crate::experiment::{Algorithm, Backend, Input, Message, Tiers};
use crate::formula::Sorted;

/// What a job gives.
pub enum Answer {
    /// Inputs.
    Loaded(Loaded),
    /// A run.
    Finished(Box<Finished>),
    /// Pictures of a run.
    Maps(Vec<Map>),
    /// An operator beside attention.
    Operated(Operated),
    /// What a problem waited for, or its output.
    Lowered(Lowered),
}

/// What a lowering gave, as it came.
pub struct Lowered {
    /// Lengths of the tensors; 0 where one did not change.
    pub lengths: Vec<usize>,
    /// The tensors, then the tables.
    pub bulk: Unpack,
}

/// Where an answer goes.
pub type Reply = Promise<Result<Answer, RunError>>;

/// A problem opened, or to be opened, in workers.
pub struct Session {
    /// What is computed.
    pub problem: Arc<Problem>,
    /// Over which tensors.
    pub inputs: Inputs,
    /// Never `Auto`.
    pub backend: Backend,
    /// `Materialised` or `Streaming`.
    pub algorithm: Algorithm,
    /// What the GPU may use beyond the core of WebGPU.
    pub tiers: Tiers,
    /// Whose it is.
    pub lane: Lane,
    /// Whether a worker was asked for the cost.
    pub cost_asked: bool,
    /// What the first worker said of it.
    pub opened: Option<Opened>,
    /// Texts of the kernels that ran.
    pub texts: Arc<Vec<KernelText>>,
}

/// What a worker says of a session.
pub struct Opened {
    /// What a run costs.
    pub cost: Cost,
    /// Slots used.
    pub order: Vec<String>,
    /// The kernel's name.
    pub kernel: String,
    /// The GPU that it runs on, if it does.
    pub adapter: Option<Adapter>,
}

/// A job on its way.
pub struct Pending {
    /// What it is.
    pub task: Task,
    /// Where the answer goes.
    pub reply: Reply,
    /// What happened on the way.
    pub notes: Vec<Message>,
}

/// Kinds of jobs.
pub enum Task {
    /// Make or read inputs.
    Load(Input, Option<Vec<u8>>),
    /// Compute.
    Compute(Box<Compute>),
    /// Compute an operator beside attention; and the milliseconds that the page's thread spent on sending it.
    Operate(Box<Operation>, f64),
    /// Compute what a problem waits for.
    Lower(Lower),
}

/// Rows and pictures as they come in.
pub enum Gather {
    /// Of a run.
    Run(Merge),
    /// Of a run that is done: pictures only.
    Maps(Vec<Option<Map>>),
}

/// A computation on its way.
pub struct Compute {
    /// Where.
    pub session: SessionId,
    /// Sizes.
    pub dims: Dims,
    /// What is sent; empty until it is cut.
    pub parts: Vec<Part>,
    /// The pictures wanted.
    pub maps: Vec<MapRequest>,
    /// What else is wanted.
    pub want: Want,
    /// Repetitions.
    pub repeat: usize,
    /// What came in.
    pub gather: Gather,
    /// Kernel time of each repetition, by worker.
    pub runs_ms: Sorted<Slot, Vec<f64>>,
    /// When it was asked, milliseconds.
    pub started: f64,
    /// Carrying numbers, here and in the workers.
    pub copies: Copies,
    /// Of which on the page's thread.
    pub page_ms: f64,
    /// Compiling plans and making engines, milliseconds, added over the workers.
    pub prepare_ms: f64,
    /// Time of the pictures.
    pub times: StageTimes,
    /// Operations that came back.
    pub flops_done: f64,
    /// Time that the workers had for them, added over the workers, milliseconds.
    pub work_ms: f64,
    /// Bytes of linear memory that each worker held when it last answered.
    pub memory: Sorted<Slot, f64>,
    /// Told the share done.
    pub progress: Option<OnProgress>,
    /// Why `auto` took this engine.
    pub choice: Option<Choice>,
}

impl Compute {
    /// Takes a part's results from the bulk.
    pub fn take(&mut self, slot: Slot, part: usize, given: &[Given], runs_ms: &[f64], bulk: &mut Unpack) {
        let Some(part) = self.parts.get(part) else { return };
        self.flops_done += part.flops;
        for (work, given) in part.work.iter().zip(given) {
            match (work, given) {
                (Work::Rows(at), Given::Rows { lengths, peak_at, empty_rows, times }) => {
                    // Pictures of a run that is done come without rows.
                    let Gather::Run(merge) = &mut self.gather else { return };
                    let places = merge.places(at);
                    for (place, length) in places.numbers.into_iter().zip(lengths) {
                        bulk.f32_into(*length, place);
                    }
                    bulk.u32_into(*peak_at, places.peak_at);
                    merge.count(*empty_rows, times);
                }
                (Work::Map { index, request }, Given::Map { length, times }) => {
                    let map = Map { request: request.clone(), values: bulk.f32(*length) };
                    match &mut self.gather {
                        Gather::Run(merge) => {
                            merge.map(*index, map);
                            self.times.merge(times);
                        }
                        Gather::Maps(maps) => {
                            if let Some(place) = maps.get_mut(*index) {
                                *place = Some(map);
                            }
                        }
                    }
                }
                // The worker answers in the order of the work; anything else is not an answer to this part.
                _ => return,
            }
        }
        let sums = self.runs_ms.get_or_insert_with(slot, || vec![0.0; runs_ms.len()]);
        for (sum, ms) in sums.iter_mut().zip(runs_ms) {
            *sum += ms;
        }
    }

    /// Counts what was sent, on the page's thread.
    pub fn sent(&mut self, ms: f64) {
        self.copies.there_ms += ms;
        self.page_ms += ms;
    }

    /// Counts a part that came back: copied out in the worker, put in its place on the page's thread.
    pub fn returned(&mut self, copy_ms: f64, merge_ms: f64) {
        self.copies.back_ms += copy_ms;
        self.copies.merge_ms += merge_ms;
        self.page_ms += merge_ms;
    }

    /// Whether it is a run, and not more pictures of one.
    pub fn is_run(&self) -> bool {
        matches!(self.gather, Gather::Run(_))
    }

    /// The share done, 0 to 1.
    pub fn share(&self) -> f64 {
        let all: f64 = self.parts.iter().map(|p| p.flops).sum();
        if all > 0.0 { (self.flops_done / all).min(1.0) } else { 0.0 }
    }

    /// The answer, with everything in.
    pub fn finish(self, session: &Session, notes: Vec<Message>, now: f64) -> Answer {
        let merge = match self.gather {
            Gather::Maps(maps) => return Answer::Maps(maps.into_iter().flatten().collect()),
            Gather::Run(merge) => merge,
        };
        let mut times = merge.times();
        times.merge(&self.times);
        times.add(TimedStage::Prepare, self.prepare_ms);
        let slowest = |run: usize| self.runs_ms.values().filter_map(|ms| ms.get(run)).fold(0.0, |a: f64, b| a.max(*b));
        let (cost, order, kernel, adapter) = match &session.opened {
            Some(o) => (o.cost, o.order.clone(), o.kernel.clone(), o.adapter.clone()),
            None => Default::default(),
        };
        let report = Report {
            backend: session.backend,
            algorithm: session.algorithm,
            kernel,
            workers: self.runs_ms.len(),
            adapter,
            choice: self.choice,
            notes,
            texts: session.texts.clone(),
            total_ms: now - self.started,
            times,
            copies: self.copies,
            runs_ms: (0..self.repeat).map(slowest).collect(),
            cost,
            memory: self.memory.values().sum(),
            order,
        };
        Answer::Finished(Box::new(Finished {
            session: self.session,
            outcome: merge.finish(report),
            page_ms: self.page_ms,
        }))
    }
}

impl Compute {
    /// A computation that was just asked.
    pub fn new(session: SessionId, dims: Dims, maps: Vec<MapRequest>, gather: Gather, started: f64) -> Self {
        Self {
            session,
            dims,
            parts: Vec::new(),
            maps,
            want: Want::default(),
            repeat: 1,
            gather,
            runs_ms: Sorted::new(),
            started,
            copies: Copies::default(),
            page_ms: 0.0,
            prepare_ms: 0.0,
            times: StageTimes::default(),
            flops_done: 0.0,
            work_ms: 0.0,
            memory: Sorted::new(),
            progress: None,
            choice: None,
        }
    }
}

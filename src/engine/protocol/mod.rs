//! Messages between the page and its workers.
//!
//! A message is one JavaScript object: `head`, the bytes of one of the enums below, and the bulk beside it as at most one typed array of each
//! kind (`f32`, `i32`, `u32`, `u8`). All their buffers are transferred, and those of floats go back (`back`) to be filled again. Lengths in the head say how the arrays are divided, in the order in which the
//! fields are named here. The page decides what a worker keeps, tensors and sessions alike, so the two sides never disagree.

#[cfg(feature = "web")]
pub mod buffers;
pub mod codec;
mod fields;
#[cfg(test)]
pub(crate) mod tests;
#[cfg(feature = "web")]
pub mod wire;

use std::ops::Range;
use std::sync::Arc;

use super::backward::Derive;
use super::item::{KernelText, MapRequest, Rows, StageTimes, Want};
use super::outcome::Adapter;
use crate::attention::{Cost, Dims, Estimator, Operator, Problem, Term};
use crate::experiment::{Algorithm, Backend, Input, Issue, Message, Tiers};
use crate::formula::{Data, DataValues};

/// Version of these messages. A worker from the browser's cache that speaks another one is refused by name.
pub const PROTOCOL: u32 = 15;

/// A piece of work on an open session.
#[derive(Clone, Debug, PartialEq)]
pub enum Work {
    /// Query rows of one head.
    Rows(Rows),
    /// A picture, and its place in the run's list.
    Map {
        /// Place in the list.
        index: usize,
        /// The picture.
        request: MapRequest,
    },
}

/// What [`ToWorker::Operate`] carries as bytes.
#[derive(Clone, Debug, PartialEq)]
pub enum Asked {
    /// An operator beside attention, over its tensors.
    Operator(Operator),
    /// Gradients, over Q, K, V and dY; but for the reference's kernel Y and the rows' log-sum-exp after them.
    Derive(Derive),
    /// An estimate without the exact attention beside it, over Q, K and V: what is timed where methods are compared.
    Estimate(Estimator),
    /// How many operations a core does at most: one number, in GFLOP/s.
    Peak,
    /// How many bytes a core moves at most, over three arrays of so many numbers: one number, in GB/s.
    Bandwidth {
        /// Numbers of an array.
        count: usize,
    },
}

/// From the page to a worker.
#[derive(Clone, Debug, PartialEq)]
pub enum ToWorker {
    /// Make or read the inputs; `u8`: the capture file's bytes.
    Load {
        /// Names the answer.
        job: u64,
        /// What to make.
        input: Input,
        /// Whether bytes come along.
        bytes: bool,
    },
    /// Keep numbers of tensors that are kept: long ones travel head by head to workers of the CPU, as they are computed; `f32`: they.
    Keep {
        /// Keys of the tensors, and which of their numbers these are.
        numbers: Vec<(u64, Range<usize>)>,
    },
    /// Compile a problem; `f32`: the tensors `sent`, then the float tables; `i32` and `u8`: the other tables.
    Open {
        /// Names the session from now on.
        session: u64,
        /// The job it is opened for; failures carry it.
        job: u64,
        /// The problem, its tables empty.
        problem: Box<Problem>,
        /// Lengths of the tables, in the order of [`tables_mut`].
        tables: Vec<usize>,
        /// Keys of Q, K and V.
        tensors: [u64; 3],
        /// Keys and lengths of the tensors that come along. Others are kept already.
        sent: Vec<(u64, usize)>,
        /// Keys and lengths of new tensors whose numbers come later, before the items that read them.
        later: Vec<(u64, usize)>,
        /// Keys of tensors to drop, after those that came along were taken.
        forget: Vec<u64>,
        /// `Cpu` or `Reference`.
        backend: Backend,
        /// `Materialised` or `Streaming`.
        algorithm: Algorithm,
        /// What the GPU may use beyond the core of WebGPU.
        tiers: Tiers,
        /// Whether to count the cost.
        cost: bool,
    },
    /// Compute a part of a job.
    Item {
        /// The session.
        session: u64,
        /// The job.
        job: u64,
        /// Which part.
        part: usize,
        /// What, in this order.
        work: Vec<Work>,
        /// What is wanted beside the output.
        want: Want,
        /// How often the rows are computed; the last result is sent.
        repeat: usize,
    },
    /// Compute an operator beside attention, or gradients; `u8`: its bytes, by which those who do without it are spared its form; `f32`: its tensors.
    Operate {
        /// The job.
        job: u64,
        /// Length of the bytes of what is [`Asked`]. It says how long each tensor is.
        operator: usize,
        /// Whether in double precision.
        exact: bool,
        /// How often it is computed; the last result is sent.
        repeat: usize,
    },
    /// Compute what a problem waits for, or what is done to its output; `f32`: Q, K and V as they are given, or the output, then the
    /// float tables; `i32` and `u8`: the other tables.
    Lower {
        /// The job.
        job: u64,
        /// The problem, its tables empty.
        problem: Box<Problem>,
        /// Lengths of the tables, in the order of [`tables_mut`].
        tables: Vec<usize>,
        /// Length of the output, if it is what is to be changed; else 0.
        y: usize,
    },
    /// Forget a session.
    Close {
        /// The session.
        session: u64,
    },
}

/// What a piece of work gave: the lengths of its vectors in the bulk.
#[derive(Clone, Debug, PartialEq)]
pub enum Given {
    /// `f32`: y, lse, entropy, peak, matrix; `u32`: peak_at.
    Rows {
        /// Lengths of y, lse, entropy, peak and matrix.
        lengths: [usize; 5],
        /// Length of peak_at.
        peak_at: usize,
        /// Rows with no allowed key.
        empty_rows: u32,
        /// Time by stage, of the last repetition.
        times: StageTimes,
    },
    /// `f32`: the picture.
    Map {
        /// Values.
        length: usize,
        /// Time to make it.
        times: StageTimes,
    },
}

/// From a worker to the page.
#[derive(Clone, Debug, PartialEq)]
pub enum FromWorker {
    /// The worker takes messages from now on.
    Ready {
        /// [`PROTOCOL`] of the worker.
        protocol: u32,
        /// The instructions its kernels were built with.
        tier: String,
    },
    /// Inputs; `f32`: Q, K, V.
    Loaded {
        /// The job.
        job: u64,
        /// Sizes.
        dims: Dims,
        /// What each query is.
        tokens_q: Vec<String>,
        /// What each key is.
        tokens_k: Vec<String>,
        /// What the page should say about them.
        note: Option<String>,
    },
    /// A session is open.
    Opened {
        /// The session.
        session: u64,
        /// The job.
        job: u64,
        /// What the run costs, if asked.
        cost: Option<Cost>,
        /// Names of the pipeline slots used, in order; none where a session that was open goes on with another kernel.
        order: Vec<String>,
        /// The kernel's name.
        kernel: String,
        /// The GPU that it runs on, if it does.
        adapter: Option<Adapter>,
        /// Compiling the plan and making the engine, milliseconds.
        prepare_ms: f64,
        /// Taking the message apart, milliseconds.
        copy_ms: f64,
    },
    /// A part is done.
    Done {
        /// The job.
        job: u64,
        /// The part.
        part: usize,
        /// For each piece of work, in its order.
        given: Vec<Given>,
        /// Rows of each repetition, milliseconds.
        runs_ms: Vec<f64>,
        /// All the work of this part, repetitions and pictures included, milliseconds.
        work_ms: f64,
        /// Taking the message apart, packing the answer, and the way to a GPU and back, milliseconds.
        copy_ms: f64,
        /// Bytes of the worker's linear memory, which never shrinks.
        memory: f64,
        /// Texts of kernels that this session ran for the first time.
        texts: Vec<KernelText>,
        /// What happened on the way.
        notes: Vec<Message>,
    },
    /// An operator is done; `f32`: its outputs.
    Operated {
        /// The job.
        job: u64,
        /// Lengths of the outputs.
        lengths: Vec<usize>,
        /// Each repetition, milliseconds.
        runs_ms: Vec<f64>,
        /// Taking the message apart, and the way to a GPU and back, milliseconds.
        copy_ms: f64,
        /// Bytes of the worker's linear memory, which never shrinks.
        memory: f64,
        /// The GPU that computed it, if one did.
        adapter: Option<Adapter>,
        /// What happened on the way.
        notes: Vec<Message>,
    },
    /// A problem is lowered, or its output changed. `f32`: the tensors that changed, or the output, then the computed float tables; `i32` and
    /// `u8`: the other computed tables. Their sizes are those that the problem gives them.
    Lowered {
        /// The job.
        job: u64,
        /// Lengths of Q, K and V, 0 where one did not change; or of the output.
        lengths: Vec<usize>,
        /// Computing, milliseconds.
        ms: f64,
        /// Taking the message apart, milliseconds.
        copy_ms: f64,
    },
    /// The job can't be done: its problem is at fault.
    Failed {
        /// The job.
        job: u64,
        /// What is wrong.
        issues: Vec<Issue>,
    },
    /// This engine can't do the job, though nothing is wrong with its problem: another engine can.
    Unavailable {
        /// The job.
        job: u64,
        /// Why.
        message: Message,
        /// Whether it can't do any other from now on.
        lasting: bool,
    },
    /// The worker is about to stop.
    Panicked {
        /// Why.
        message: String,
    },
}

fn terms(problem: &mut Problem) -> impl Iterator<Item = &mut Term> {
    let Problem { bias_before_cap, bias, masks, probability, .. } = problem;
    bias_before_cap.iter_mut().chain(bias).chain(masks).chain(probability)
}

/// Every table of a problem, always in the same order.
pub fn tables_mut(problem: &mut Problem) -> impl Iterator<Item = &mut Arc<Data>> {
    terms(problem).flat_map(|term| term.data.values_mut())
}

/// The problem without its tables' entries, and the tables.
pub fn strip_tables(problem: &Problem) -> (Problem, Vec<Arc<Data>>) {
    let mut problem = problem.clone();
    let mut tables = Vec::new();
    for table in tables_mut(&mut problem) {
        let values = match table.values {
            DataValues::Bool(_) => DataValues::Bool(Vec::new()),
            DataValues::Int(_) => DataValues::Int(Vec::new()),
            DataValues::Float(_) => DataValues::Float(Vec::new()),
        };
        let empty = Data { shape: table.shape.clone(), values, clamp: table.clamp };
        tables.push(std::mem::replace(table, Arc::new(empty)));
    }
    (problem, tables)
}

//! What the pool is asked, and what it answers.

use std::rc::Rc;
use std::sync::Arc;

use super::cancel::Cancel;
use super::schedule::{Lane, SessionId, Slot};
use crate::attention::{Dims, Inputs, Operator, Problem};
use crate::engine::protocol::{Asked, codec};
use crate::engine::{Adapter, MapRequest, Outcome, Want};
use crate::experiment::{Algorithm, Backend, Issues, Message, Tiers, message};
use crate::formula::Sorted;

/// Called with the share done, 0 to 1.
pub type OnProgress = Rc<dyn Fn(f64)>;

/// A run.
#[derive(Clone)]
pub struct Run {
    /// What to compute.
    pub problem: Arc<Problem>,
    /// Over which tensors.
    pub inputs: Inputs,
    /// By which engine.
    pub backend: Backend,
    /// How.
    pub algorithm: Algorithm,
    /// What the GPU may use beyond the core of WebGPU; other engines pass over it.
    pub tiers: Tiers,
    /// What beside the output.
    pub want: Want,
    /// Pictures of it.
    pub maps: Vec<MapRequest>,
    /// How often the kernel runs, at least once.
    pub repeat: usize,
    /// Whose run it is.
    pub lane: Lane,
    /// Told the share done when a run lasts.
    pub progress: Option<OnProgress>,
    /// Stops it.
    pub cancel: Cancel,
}

/// A run that is done.
#[derive(Clone, Debug)]
pub struct Finished {
    /// Its session; of a live run it stays open for more pictures until a newer live run is done.
    pub session: SessionId,
    /// What it gave.
    pub outcome: Outcome,
    /// Packing and unpacking messages on the page's own thread, milliseconds.
    pub page_ms: f64,
}

/// An operator beside attention, or a share of gradients, to be computed by one worker.
#[derive(Clone)]
pub struct Operation {
    /// The bytes of what to compute.
    pub operator: Vec<u8>,
    /// Operations of computing it once.
    pub work: f64,
    /// Its tensors.
    pub tensors: Vec<Arc<Vec<f32>>>,
    /// By which engine. `Auto` is the CPU: a copy to a GPU and back takes longer than most of these.
    pub backend: Backend,
    /// How often it is computed, at least once.
    pub repeat: usize,
    /// Stops it.
    pub cancel: Cancel,
}

impl Operation {
    /// An operator over its tensors, `repeat` times.
    pub fn of(operator: &Operator, tensors: Vec<Vec<f32>>, backend: Backend, repeat: usize, cancel: Cancel) -> Self {
        let asked = Asked::Operator(*operator);
        let tensors = tensors.into_iter().map(Arc::new).collect();
        Self::asked(&asked, operator.work(), tensors, backend, repeat, cancel)
    }

    /// Anything that a worker can be asked beside runs, of `work` operations.
    pub fn asked(
        asked: &Asked,
        work: f64,
        tensors: Vec<Arc<Vec<f32>>>,
        backend: Backend,
        repeat: usize,
        cancel: Cancel,
    ) -> Self {
        Self { operator: codec::encode(asked), work, tensors, backend, repeat, cancel }
    }
}

/// What an operator gave.
#[derive(Clone, Debug, Default)]
pub struct Operated {
    /// Its outputs.
    pub outputs: Vec<Vec<f32>>,
    /// Time of each repetition, milliseconds.
    pub runs_ms: Vec<f64>,
    /// Copying to the worker and back, milliseconds.
    pub transfer_ms: f64,
    /// From the request to the reply, milliseconds.
    pub total_ms: f64,
    /// Bytes of linear memory that the worker which computed it held when it had answered, by its place. It never shrinks.
    pub memory: Sorted<Slot, f64>,
    /// The GPU that computed it, if one did.
    pub adapter: Option<Adapter>,
    /// What happened on the way.
    pub notes: Vec<Message>,
}

/// What a problem waits for, or what is done to its output, to be computed by one of the CPU's workers.
#[derive(Clone)]
pub struct Lower {
    /// The problem.
    pub problem: Arc<Problem>,
    /// Q, K and V; or the output.
    pub tensors: Vec<Arc<Vec<f32>>>,
    /// Whether it is the output.
    pub output: bool,
}

/// Why a run gave nothing.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum RunError {
    /// The problem is at fault.
    #[error("{0}")]
    Invalid(#[from] Issues),
    /// What was asked for is not there.
    #[error("{0}")]
    Unavailable(Message),
    /// The workers failed, twice.
    #[error("{0}")]
    Failed(Message),
    /// It was stopped, or a newer live run took its place.
    #[error("the run was stopped")]
    Cancelled,
}

impl RunError {
    /// What it says of the engine that was asked; nothing if another engine would do no better.
    pub fn of_engine(&self) -> Option<&Message> {
        match self {
            Self::Unavailable(message) | Self::Failed(message) => Some(message),
            Self::Invalid(_) | Self::Cancelled => None,
        }
    }

    /// For the user.
    pub fn message(&self) -> Message {
        match self {
            Self::Unavailable(message) | Self::Failed(message) => message.clone(),
            Self::Invalid(issues) => issues.message(),
            Self::Cancelled => message!("the run was stopped", "计算已停止"),
        }
    }
}

/// Most cells for which `auto` forms the whole score matrix.
pub const MATERIALISED_CELLS: usize = 1 << 20;
/// Most bytes of results that a run may give: they are gathered in the page's own memory.
pub const MAX_RESULT_BYTES: usize = 1 << 30;

/// The algorithm of a run: the one it names, else the whole matrix where it is wanted or small.
pub fn algorithm(run: &Run) -> Algorithm {
    match run.algorithm {
        Algorithm::Auto if run.want.matrix.is_some() || cells(&run.problem.dims) <= MATERIALISED_CELLS => {
            Algorithm::Materialised
        }
        Algorithm::Auto => Algorithm::Streaming,
        chosen => chosen,
    }
}

fn cells(dims: &Dims) -> usize {
    dims.batch.saturating_mul(dims.q_heads).saturating_mul(dims.n_q).saturating_mul(dims.n_k)
}

/// Bytes that the page holds when the run is done.
pub fn result_bytes(run: &Run) -> usize {
    let dims = &run.problem.dims;
    let rows = dims.batch.saturating_mul(dims.q_heads).saturating_mul(dims.n_q);
    let matrix = if run.want.matrix.is_some() { cells(dims) } else { 0 };
    let pictures: usize = run.maps.iter().map(|m| m.width.saturating_mul(m.height)).fold(0, usize::saturating_add);
    rows.saturating_mul(dims.d_v.saturating_add(4)).saturating_add(matrix).saturating_add(pictures).saturating_mul(4)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
mod tests {
    use super::*;
    use crate::experiment::Stage;

    fn run(n: usize, backend: Backend, algorithm: Algorithm, want: Want) -> Run {
        let dims = Dims { batch: 1, q_heads: 2, kv_heads: 1, n_q: n, n_k: n, d: 4, d_v: 4 };
        let none = Arc::new(Vec::new());
        Run {
            problem: Arc::new(Problem::plain(dims)),
            inputs: Inputs { q: none.clone(), k: none.clone(), v: none },
            backend,
            algorithm,
            tiers: Tiers::default(),
            want,
            maps: Vec::new(),
            repeat: 1,
            lane: Lane::Api,
            progress: None,
            cancel: Cancel::default(),
        }
    }

    #[test]
    fn large_runs_stream_unless_their_matrix_is_wanted() {
        let of = |n, named, want| algorithm(&run(n, Backend::Cpu, named, want));
        assert_eq!(of(16, Algorithm::Auto, Want::default()), Algorithm::Materialised);
        assert_eq!(of(1024, Algorithm::Auto, Want::default()), Algorithm::Streaming);
        let matrix = Want { stats: false, matrix: Some(Stage::Weights) };
        assert_eq!(of(1024, Algorithm::Auto, matrix), Algorithm::Materialised);
        assert_eq!(of(16, Algorithm::Streaming, Want::default()), Algorithm::Streaming);
    }

    #[test]
    fn another_engine_is_tried_only_where_it_can_help() {
        let message = message!("no GPU", "没有 GPU");
        assert!(RunError::Unavailable(message.clone()).of_engine().is_some());
        assert!(RunError::Failed(message).of_engine().is_some());
        assert!(
            RunError::Cancelled.of_engine().is_none() && RunError::Invalid(Issues::default()).of_engine().is_none()
        );
    }

    #[test]
    fn sizes_that_overflow_count_as_too_much() {
        assert!(
            result_bytes(&run(1 << 20, Backend::Cpu, Algorithm::Auto, Want { stats: false, matrix: Some(Stage::Raw) }))
                > MAX_RESULT_BYTES
        );
        assert!(result_bytes(&run(1024, Backend::Cpu, Algorithm::Auto, Want::default())) < MAX_RESULT_BYTES);
    }
}

//! What the pool is asked, and what it answers.

use std::rc::Rc;
use std::sync::Arc;

use super::once::Cancel;
use super::schedule::{Lane, SessionId};
use crate::attention::{Dims, Inputs, Problem};
use crate::engine::{Fallback, MapRequest, Outcome, Want};
use crate::experiment::{Algorithm, Backend, Issues};

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

/// Why a run gave nothing.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum RunError {
    /// The problem is at fault.
    #[error("{0}")]
    Invalid(#[from] Issues),
    /// What was asked for is not there.
    #[error("{0}")]
    Unavailable(String),
    /// The workers failed, twice.
    #[error("{0}")]
    Failed(String),
    /// It was stopped, or a newer live run took its place.
    #[error("the run was stopped")]
    Cancelled,
}

/// Most cells for which `auto` forms the whole score matrix.
pub const MATERIALISED_CELLS: usize = 1 << 20;
/// Most bytes of results that a run may give: they are gathered in the page's own memory.
pub const MAX_RESULT_BYTES: usize = 1 << 30;

/// What an `auto` run takes, and why it did not take its first choice.
///
/// # Errors
/// [`RunError::Unavailable`] for an engine that this build does not have: an explicit choice never falls back.
pub fn choose(run: &Run) -> Result<(Backend, Algorithm, Option<Fallback>), RunError> {
    let (backend, fallback) = match run.backend {
        Backend::Webgpu => {
            return Err(RunError::Unavailable(
                "this version of the page has no WebGPU engine; cpu and reference compute".to_owned(),
            ));
        }
        Backend::Auto => (Backend::Cpu, Some(Fallback::NotBuilt)),
        chosen => (chosen, None),
    };
    let dims = &run.problem.dims;
    let algorithm = match run.algorithm {
        Algorithm::Auto if run.want.matrix.is_some() || cells(dims) <= MATERIALISED_CELLS => Algorithm::Materialised,
        Algorithm::Auto => Algorithm::Streaming,
        chosen => chosen,
    };
    Ok((backend, algorithm, fallback))
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
            want,
            maps: Vec::new(),
            repeat: 1,
            lane: Lane::Api,
            progress: None,
            cancel: Cancel::default(),
        }
    }

    #[test]
    fn auto_says_why_and_an_explicit_choice_never_falls_back() {
        let (backend, algorithm, why) = choose(&run(16, Backend::Auto, Algorithm::Auto, Want::default())).unwrap();
        assert_eq!((backend, algorithm), (Backend::Cpu, Algorithm::Materialised));
        assert!(why.unwrap().english().contains("WebGPU"));
        let (backend, _, why) = choose(&run(16, Backend::Reference, Algorithm::Auto, Want::default())).unwrap();
        assert_eq!((backend, why), (Backend::Reference, None));
        assert!(
            matches!(choose(&run(16, Backend::Webgpu, Algorithm::Auto, Want::default())), Err(RunError::Unavailable(s)) if s.contains("WebGPU"))
        );
    }

    #[test]
    fn large_runs_stream_unless_their_matrix_is_wanted() {
        let algorithm = |want| choose(&run(1024, Backend::Cpu, Algorithm::Auto, want)).unwrap().1;
        assert_eq!(algorithm(Want::default()), Algorithm::Streaming);
        assert_eq!(algorithm(Want { stats: false, matrix: Some(Stage::Weights) }), Algorithm::Materialised);
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

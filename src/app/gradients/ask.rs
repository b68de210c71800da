//! From the experiment to its gradients.

use std::sync::Arc;

use crate::app::state::Lab;
use crate::attention::gradients::{Named, check as derivable};
use crate::attention::{Dims, Inputs, Problem, assemble};
use crate::engine::Want;
use crate::engine::backward::Kernel;
use crate::engine::pool::{Cancel, Lane, Pool, Run, RunError};
use crate::experiment::{Backend, Issues, Message, check, message};

/// Most cells of the score matrices for which gradients are computed while one edits where they have no fast kernel: some seconds. Derivatives by parameters are among them
/// up to the first number.
const MOST_EXACT_CELLS: [usize; 2] = [1 << 20, 1 << 22];
/// The same for derivatives by parameters that the CPU computes beside a GPU.
const MOST_BESIDE_CELLS: usize = 1 << 24;

/// What is asked.
#[derive(Clone, Debug, PartialEq)]
pub struct Question {
    problem: Arc<Problem>,
    inputs: Inputs,
    backend: Backend,
}

/// Gradients of the sum of all outputs.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    /// Sizes.
    pub dims: Dims,
    /// By Q, K and V.
    pub qkv: [Vec<f32>; 3],
    /// By name; empty where there are too many cells.
    pub params: Vec<(String, Named)>,
    /// Who computed.
    pub kernel: &'static str,
    /// Why not the fast kernel.
    pub why: Option<Message>,
    /// From the question on, milliseconds.
    pub ms: f64,
}

impl Question {
    /// The experiment as it is; nothing while there is no input, or while something is wrong with it, which is said elsewhere.
    pub fn of(lab: Lab) -> Option<Self> {
        let (experiment, loaded) = (lab.experiment.get(), lab.loaded.get()?);
        let fits = |_| assemble(&experiment, &loaded);
        let made: Result<_, Issues> = check(&experiment).and_then(fits);
        let (problem, inputs) = made.ok()?;
        Some(Self::over(Arc::new(problem), inputs, experiment.engine.backend))
    }

    /// A problem over its tensors.
    pub fn over(problem: Arc<Problem>, inputs: Inputs, backend: Backend) -> Self {
        let backend = match backend {
            Backend::Reference => Backend::Reference,
            Backend::Webgpu => Backend::Webgpu,
            // A copy to a GPU and back is rarely worth it; the strips say who computed.
            Backend::Auto | Backend::Cpu => Backend::Cpu,
        };
        Self { problem, inputs, backend }
    }

    /// Asks the workers.
    ///
    /// # Errors
    /// Why there are no gradients.
    pub async fn ask(self, pool: &Pool, cancel: Cancel) -> Result<Answer, RunError> {
        let Self { problem, inputs, backend } = self;
        let dims = problem.dims;
        let cells = dims.rows().saturating_mul(dims.n_k);
        let kernel = Kernel::of(&problem, &inputs, backend, false).0;
        let exact = kernel == Kernel::Reference;
        let most = match kernel {
            Kernel::Reference => MOST_EXACT_CELLS[0],
            Kernel::Gpu => MOST_BESIDE_CELLS,
            Kernel::Cpu => usize::MAX,
        };
        let params = cells <= most;
        // What is computed on the GPU by name is, and derivatives by parameters beside it.
        let beside = params && kernel == Kernel::Gpu;
        if exact && cells > MOST_EXACT_CELLS[1] && derivable(&problem).is_empty() {
            let text = message!(
                "these gradients are computed in double precision, and there are too many tokens for that",
                "这些梯度以双精度计算，词元过多，无法在此显示"
            );
            return Err(RunError::Failed(text));
        }
        let run = Run {
            problem,
            inputs,
            backend,
            algorithm: Default::default(),
            tiers: Default::default(),
            want: Want::default(),
            maps: Vec::new(),
            repeat: 1,
            lane: Lane::Api,
            progress: None,
            cancel,
        };
        let dy = vec![1.0; dims.y_len()];
        let mut derived = pool.derive(&run, None, dy.clone(), params && !beside).await?;
        if beside {
            let on_cpu = Run { backend: Backend::Cpu, ..run };
            let numbers = pool.derive(&on_cpu, None, dy, true).await?;
            derived.gradients.params = numbers.gradients.params;
            derived.total_ms += numbers.total_ms;
            derived.fallback =
                Some(message!("derivatives by parameters are computed on the CPU", "对参数的导数在 CPU 上计算",));
        }
        let gradients = derived.gradients;
        Ok(Answer {
            dims,
            qkv: [gradients.q, gradients.k, gradients.v],
            params: gradients.params.into_iter().collect(),
            kernel: derived.kernel.name(),
            why: derived.fallback,
            ms: derived.total_ms,
        })
    }
}

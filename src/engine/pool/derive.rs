//! Gradients of a run that is done: its parts dealt out to the CPU's workers, each of which is sent the tensors once, or all of it to the GPU's.

use std::future::poll_fn;
use std::sync::Arc;
use std::task::Poll;

use super::cut::dense_flops;
use super::hub::Pool;
use super::life::now;
use super::run::{Operated, Operation, Run, RunError};
use super::schedule::Slot;
use crate::attention::Inputs;
use crate::attention::gradients::{check, shapes};
use crate::engine::Outcome;
use crate::engine::backward::{Derive, Gathered, Kernel, shares};
use crate::engine::protocol::Asked;
use crate::experiment::{Backend, Issues, Message, message};
use crate::formula::Sorted;

/// Gradients, and who computed them.
pub struct Derived {
    /// What they are.
    pub gradients: Gathered,
    /// By whom.
    pub kernel: Kernel,
    /// Why not by the kernel that the run's engine has.
    pub fallback: Option<Message>,
    /// Workers that took part.
    pub workers: usize,
    /// Time of the kernels, added over the workers, milliseconds.
    pub work_ms: f64,
    /// Time of the kernels of each repetition, milliseconds (slowest worker).
    pub runs_ms: Vec<f64>,
    /// Copying, milliseconds.
    pub transfer_ms: f64,
    /// From the request to the last reply, milliseconds.
    pub total_ms: f64,
    /// Bytes of linear memory that the workers which took part held, by their places; see [`Operated`].
    pub memory: Sorted<Slot, f64>,
}

impl Pool {
    /// Derives a run from the derivatives `dy` by its output, as often as the run is repeated. A kernel that needs the run's outcome computes it first, unless
    /// it is given.
    ///
    /// # Errors
    /// As [`Pool::run`]; a problem that has no gradients is at fault.
    pub async fn derive(
        &self,
        run: &Run,
        outcome: Option<&Outcome>,
        dy: Vec<f32>,
        params: bool,
    ) -> Result<Derived, RunError> {
        let from = now();
        let issues = check(&run.problem);
        if !issues.is_empty() {
            return Err(RunError::Invalid(Issues(issues)));
        }
        let problem = self.settled(run.problem.as_ref().clone(), run.inputs.clone(), run.cancel.clone()).await?;
        let (kernel, fallback) = Kernel::of(&problem, &run.inputs, run.backend, params);
        let dims = problem.dims;
        let names = if params { shapes(&problem) } else { Default::default() };
        let (shares, repeat) = (shares(&problem, kernel, self.size()), run.repeat.max(1));
        let Inputs { q, k, v } = run.inputs.clone();
        let mut tensors = vec![q, k, v, Arc::new(dy)];
        if kernel != Kernel::Reference {
            let [y, lse] = match outcome {
                Some(outcome) => [outcome.y.clone(), outcome.lse.clone()],
                None => {
                    let outcome = self.run(run.clone()).await?.outcome;
                    [outcome.y, outcome.lse]
                }
            };
            tensors.extend([y, lse].map(Arc::new));
        }
        let derive_of =
            |index: usize| Derive { problem: Box::new(problem.clone()), kernel, share: [index, shares], params };
        let ask = |index: usize| {
            // Five products where a run has two.
            let work = 2.5 * dense_flops(&dims) / shares as f64;
            let backend = match kernel {
                Kernel::Reference => Backend::Reference,
                Kernel::Cpu => Backend::Cpu,
                Kernel::Gpu => Backend::Webgpu,
            };
            let (tensors, cancel) = (tensors.clone(), run.cancel.clone());
            self.operate(Operation::asked(&Asked::Derive(derive_of(index)), work, tensors, backend, repeat, cancel))
        };
        let answers = all((0..shares).map(ask).collect()).await;
        let mut derived = Derived {
            gradients: Gathered::new(dims, names),
            kernel,
            fallback,
            workers: shares,
            work_ms: 0.0,
            runs_ms: vec![0.0; repeat],
            transfer_ms: 0.0,
            total_ms: 0.0,
            memory: Sorted::new(),
        };
        for (index, answer) in answers.into_iter().enumerate() {
            let Operated { outputs, runs_ms, transfer_ms, memory, .. } = answer?;
            if !derived.gradients.take(&derive_of(index).parts(), outputs) {
                let text = message!("the workers answered something else than was asked", "工作线程的回答与请求不符");
                return Err(RunError::Failed(text));
            }
            derived.work_ms += runs_ms.iter().sum::<f64>();
            derived.runs_ms.iter_mut().zip(&runs_ms).for_each(|(slowest, &ms)| *slowest = slowest.max(ms));
            derived.transfer_ms += transfer_ms;
            derived.memory.extend(memory);
        }
        derived.total_ms = now() - from;
        Ok(derived)
    }
}

/// Waits for every one, side by side.
pub(super) async fn all<T>(futures: Vec<impl Future<Output = T>>) -> Vec<T> {
    let mut waiting: Vec<_> = futures.into_iter().map(|future| (Box::pin(future), None)).collect();
    poll_fn(|context| {
        let mut done = true;
        for (future, answer) in waiting.iter_mut().filter(|(_, answer)| answer.is_none()) {
            match future.as_mut().poll(context) {
                Poll::Ready(value) => *answer = Some(value),
                Poll::Pending => done = false,
            }
        }
        if done { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
    waiting.into_iter().filter_map(|(_, answer)| answer).collect()
}

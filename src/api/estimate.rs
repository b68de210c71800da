//! `run` with an estimator in attention's place.

use super::result::{Cost, Ran, RunResult, StageTime, TensorValue, Timing, english};
use super::run::Done;
use crate::attention::request::{EstimatePrepared, prepare_estimate};
use crate::attention::{Operator, Request};
use crate::engine::pool::{Cancel, Operated, Operation, Pool};
use crate::experiment::Backend;

/// Computes an estimate.
///
/// # Errors
/// As the pool's runs, with the backend that was asked.
pub async fn estimate(pool: &Pool, request: &Request, cancel: Cancel) -> Done {
    let backend = request.backend;
    let mut prepared = prepare_estimate(request).map_err(|issues| (issues.into(), backend))?;
    let tensors = std::mem::take(&mut prepared.tensors);
    let operator = Operator::Estimator(prepared.estimator);
    let operation = Operation::of(&operator, tensors, backend, prepared.repeat as usize, cancel);
    let operated = pool.operate(operation).await.map_err(|error| (error, backend))?;
    Ok(result(&prepared, backend, operated))
}

fn result(prepared: &EstimatePrepared, backend: Backend, operated: Operated) -> RunResult {
    let estimator = prepared.estimator;
    let by = if backend == Backend::Reference { Backend::Reference } else { Backend::Cpu };
    // The repetitions are of the estimate alone; what is left of the worker's time is exact attention beside it, and copies.
    let kernel_ms = operated.runs_ms.iter().sum();
    let stages = vec![StageTime::new("kernel", kernel_ms), StageTime::new("transfer", operated.transfer_ms)];
    let named = prepared.named(operated.outputs.into());
    RunResult {
        ran: Ran {
            backend: by,
            algorithm: "estimator".to_owned(),
            kernel: Operator::Estimator(estimator).kernel(backend).to_owned(),
            workers: 1,
            fallback: (backend == Backend::Auto).then(|| "there is no GPU kernel for estimators".to_owned()),
            adapter: None,
            notes: english(&operated.notes),
        },
        outputs: named.iter().map(|(name, tensor)| ((*name).to_owned(), TensorValue::from(tensor))).collect(),
        timing: Timing { total_ms: operated.total_ms, stages, runs_ms: operated.runs_ms },
        cost: Cost::from(&estimator.cost()),
        exact_cost: Some(Cost::from(&estimator.exact_cost())),
        empty_rows: 0,
        order: vec!["estimator".to_owned()],
        backward_kernel: None,
        frames: Some(estimator.frames()),
    }
}

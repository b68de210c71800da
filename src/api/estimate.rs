//! `run` with an estimator in attention's place.

use js_sys::Object;

use super::run::{Done, cost, notes, tensor_value, times};
use super::{plain, set};
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

fn result(prepared: &EstimatePrepared, backend: Backend, operated: Operated) -> Object {
    let estimator = prepared.estimator;
    let exact = backend == Backend::Reference;
    let result = Object::new();
    set(&result, "backend", &plain(&if exact { Backend::Reference } else { Backend::Cpu }));
    set(&result, "algorithm", &"estimator".into());
    set(&result, "kernel", &Operator::Estimator(estimator).kernel(backend).into());
    set(&result, "workers", &1.into());
    if backend == Backend::Auto {
        set(&result, "fallback", &"there is no GPU kernel for estimators".into());
    }
    notes(&result, &operated.notes);
    // The exact answer beside it is among what was timed.
    let stages = [("kernel".into(), operated.runs_ms.iter().sum()), ("transfer".into(), operated.transfer_ms)];
    set(&result, "timing", &times(operated.total_ms, &stages, &operated.runs_ms));
    set(&result, "cost", &cost(&estimator.cost()));
    set(&result, "exact_cost", &cost(&estimator.exact_cost()));
    set(&result, "empty_rows", &0.into());
    set(&result, "order", &plain(&["estimator"]));
    set(&result, "frames", &plain(&estimator.frames()));
    let outputs = Object::new();
    for (name, tensor) in prepared.named(operated.outputs.into()) {
        set(&outputs, name, &tensor_value(&tensor.shape, &tensor.data));
    }
    set(&result, "outputs", &outputs);
    result
}

//! `run` with an `op` beside attention.

use js_sys::Object;
use wasm_bindgen::JsValue;

use super::read;
use super::run::{Done, cost, notes, tensor_value, times};
use super::{plain, set};
use crate::attention::request::{Op, OperatorDraft, OperatorPrepared, OperatorRequest, Tensor, prepare_operator};
use crate::engine::pool::{Cancel, Operated, Operation, Pool, RunError};
use crate::experiment::{Backend, Issue, Issues};

/// Computes an operator.
///
/// # Errors
/// As the pool's runs, with the backend that was asked.
pub async fn operate(pool: &Pool, op: Op, request: &JsValue, cancel: Cancel) -> Done {
    let prepared = request_of(op, request).and_then(|r| Ok((prepare_operator(&r)?, r.backend)));
    let (mut prepared, backend) = prepared.map_err(|issues| (RunError::Invalid(issues), Backend::Auto))?;
    let tensors = std::mem::take(&mut prepared.tensors);
    let operation = Operation::of(&prepared.operator, tensors, backend, prepared.repeat as usize, cancel);
    let operated = pool.operate(operation).await.map_err(|error| (error, backend))?;
    Ok(result(op, &prepared, backend, operated))
}

/// The request as plain data, every field that is wrong named.
fn request_of(op: Op, value: &JsValue) -> Result<OperatorRequest, Issues> {
    let (mut draft, mut left) = (OperatorDraft::new(op), read::NUMBERS);
    let keys = js_sys::Reflect::own_keys(value).map_err(|_| Issue::new("", "the request can't be read"))?;
    for name in keys.iter().filter_map(|key| key.as_string()).filter(|name| OperatorDraft::wants(name)) {
        let given = match read::field(value, &name) {
            Ok(Some(given)) => given,
            Ok(None) => continue,
            Err(issue) => {
                draft.refuse(issue);
                continue;
            }
        };
        let problem = if !draft.is_tensor(&name) {
            read::json(&given, &name).map(|json| draft.field(&name, json)).err()
        } else {
            tensor(&given, &name, &mut left).map(|tensor| draft.tensor(&name, tensor)).err()
        };
        problem.into_iter().for_each(|issue| draft.refuse(issue));
    }
    draft.request()
}

/// A tensor; positions may also be a list, as other whole numbers of a request are.
fn tensor(value: &JsValue, name: &str, left: &mut usize) -> Result<Tensor, Issue> {
    if name == "position_ids" && read::length(value).is_some() {
        return read::numbers(value, name, left).map(|(ids, _)| Tensor::new(&[ids.len()], ids));
    }
    read::tensor(value, name, left)
}

fn result(op: Op, prepared: &OperatorPrepared, backend: Backend, operated: Operated) -> Object {
    let by = if backend == Backend::Auto { Backend::Cpu } else { backend };
    let result = Object::new();
    set(&result, "backend", &plain(&by));
    set(&result, "algorithm", &op.algorithm().into());
    set(&result, "kernel", &prepared.operator.kernel(by).into());
    set(&result, "workers", &1.into());
    if backend == Backend::Auto {
        let why = format!("auto computes {} on the CPU; webgpu is taken where it is named", op.name());
        set(&result, "fallback", &why.into());
    }
    if let Some(adapter) = &operated.adapter {
        set(&result, "adapter", &adapter.name.as_str().into());
    }
    notes(&result, &operated.notes);
    let kernel_ms = operated.runs_ms.iter().sum();
    let stages = [("kernel".into(), kernel_ms), ("transfer".into(), operated.transfer_ms)];
    set(&result, "timing", &times(operated.total_ms, &stages, &operated.runs_ms));
    set(&result, "cost", &cost(&prepared.operator.cost()));
    set(&result, "empty_rows", &0.into());
    set(&result, "order", &plain(&[op.name()]));
    let outputs = Object::new();
    for (name, tensor) in prepared.named(operated.outputs) {
        set(&outputs, name, &tensor_value(&tensor.shape, &tensor.data));
    }
    set(&result, "outputs", &outputs);
    result
}

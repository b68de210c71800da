//! `run` with an `op` beside attention.

use wasm_bindgen::JsValue;

use super::read;
use super::result::{Cost, Ran, RunResult, StageTime, TensorValue, Timing, english};
use super::run::Done;
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

fn result(op: Op, prepared: &OperatorPrepared, backend: Backend, operated: Operated) -> RunResult {
    let by = if backend == Backend::Auto { Backend::Cpu } else { backend };
    let why = || format!("auto computes {} on the CPU; webgpu is taken where it is named", op.name());
    let kernel_ms = operated.runs_ms.iter().sum();
    let stages = vec![StageTime::new("kernel", kernel_ms), StageTime::new("transfer", operated.transfer_ms)];
    let named = prepared.named(operated.outputs);
    RunResult {
        ran: Ran {
            backend: by,
            algorithm: op.algorithm().to_owned(),
            kernel: prepared.operator.kernel(by).to_owned(),
            workers: 1,
            fallback: (backend == Backend::Auto).then(why),
            adapter: operated.adapter.map(|adapter| adapter.name),
            notes: english(&operated.notes),
        },
        outputs: named.iter().map(|(name, tensor)| ((*name).to_owned(), TensorValue::from(tensor))).collect(),
        timing: Timing { total_ms: operated.total_ms, stages, runs_ms: operated.runs_ms },
        cost: Cost::from(&prepared.operator.cost()),
        exact_cost: None,
        empty_rows: 0,
        order: vec![op.name().to_owned()],
        backward_kernel: None,
        frames: None,
    }
}

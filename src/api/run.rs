//! `run`: a request, computed beside the page's own experiment.

use wasm_bindgen::closure::Closure;
use wasm_bindgen::{JsCast, JsValue};

use super::error::{experiment_error, run_error};
use super::estimate::estimate;
use super::operate::operate;
use super::result::{Outputs, RunResult, TensorValue, of_outcome};
use super::{expected, read};
use crate::app::runner::Inputs;
use crate::attention::gradients::Named;
use crate::attention::request::{Draft, Op, Prepared, Rect, SINK, TENSORS, Tensor, prepare};
use crate::attention::{Request, assemble};
use crate::engine::backward::Gathered;
use crate::engine::pool::{Cancel, Derived, Lane, Pool, Run, RunError};
use crate::engine::{MapRequest, Outcome, Pool as Merging, Want};
use crate::experiment::{Backend, Issue, Issues, Message, Stage, message};

/// Computes a request.
///
/// # Errors
/// An `ExperimentError`, or the signal's reason.
pub async fn run(pool: &Pool, inputs: &Inputs, request: &JsValue) -> Result<JsValue, JsValue> {
    let signal = signal(request).map_err(experiment_error)?;
    let cancel = Cancel::default();
    let mut listener = None;
    if let Some(signal) = &signal {
        if signal.aborted() {
            return Err(reason(signal));
        }
        let raise = cancel.clone();
        let on_abort = Closure::<dyn FnMut()>::new(move || raise.cancel());
        // Listening to an event that exists cannot fail.
        let _ = signal.add_event_listener_with_callback("abort", on_abort.as_ref().unchecked_ref());
        listener = Some(on_abort);
    }
    let done =
        match Op::named(&read::field(request, "op").ok().flatten().and_then(|op| op.as_string()).unwrap_or_default()) {
            Some(op) => operate(pool, op, request, cancel).await,
            None => attention(pool, inputs, request, cancel).await,
        };
    if let (Some(signal), Some(listener)) = (&signal, &listener) {
        let _ = signal.remove_event_listener_with_callback("abort", listener.as_ref().unchecked_ref());
    }
    match (done, signal) {
        (Ok(result), _) => Ok(result.value()),
        (Err((RunError::Cancelled, _)), Some(signal)) if signal.aborted() => Err(reason(&signal)),
        (Err((error, backend)), _) => Err(run_error(error, backend)),
    }
}

/// A result, or what went wrong and on which backend.
pub type Done = Result<RunResult, (RunError, Backend)>;

async fn attention(pool: &Pool, inputs: &Inputs, request: &JsValue, cancel: Cancel) -> Done {
    let request = request_of(inputs, request).await.map_err(|error| (error, Backend::Auto))?;
    if request.estimator.is_some() {
        return estimate(pool, &request, cancel).await;
    }
    let prepared = prepare(&request).map_err(|issues| (RunError::Invalid(issues), Backend::Auto))?;
    let prepared = (prepared, request);
    let backend = prepared.1.backend;
    compute(pool, prepared, cancel).await.map_err(|error| (error, backend))
}

fn reason(signal: &web_sys::AbortSignal) -> JsValue {
    js_sys::Reflect::get(signal, &"reason".into()).unwrap_or_else(|_| run_error(RunError::Cancelled, Backend::Auto))
}

fn signal(request: &JsValue) -> Result<Option<web_sys::AbortSignal>, Issue> {
    // Not asked by `isArray`, which throws of a proxy that was revoked.
    if !request.is_object() || read::length(request).is_some() {
        return Err(expected("", "a request: an object with Q, K and V"));
    }
    let Some(signal) = read::field(request, "signal")? else { return Ok(None) };
    signal.dyn_into().map(Some).map_err(|_| expected("signal", "an AbortSignal"))
}

/// The request as plain data, with the tensors that its `input` makes.
async fn request_of(inputs: &Inputs, value: &JsValue) -> Result<Request, RunError> {
    let mut draft = draft_of(value)?;
    if let Some(experiment) = draft.input()? {
        let loaded = inputs.get(&experiment.input).await?;
        let (_, edited) = assemble(&experiment, &loaded)?;
        draft.inputs(&loaded.dims, &edited);
    }
    Ok(draft.request()?)
}

/// The fields of a request, every one that is wrong noted.
fn draft_of(value: &JsValue) -> Result<Draft, Issues> {
    let (mut draft, mut left) = (Draft::default(), read::NUMBERS);
    let keys = js_sys::Reflect::own_keys(value).map_err(|_| Issue::new("", "the request can't be read"))?;
    for name in keys.iter().filter_map(|key| key.as_string()) {
        let given = match read::field(value, &name) {
            Ok(Some(given)) if draft.wants(&name) => given,
            Ok(_) => continue,
            Err(issue) => {
                draft.refuse(issue);
                continue;
            }
        };
        let problem = if name == SINK {
            read::numbers(&given, &name, &mut left).map(|(logits, _)| draft.sink(logits)).err()
        } else if TENSORS.contains(&name.as_str()) {
            read::tensor(&given, &name, &mut left).map(|tensor| draft.tensor(&name, tensor)).err()
        } else {
            read::json(&given, &name).map(|json| draft.field(&name, json)).err()
        };
        problem.into_iter().for_each(|issue| draft.refuse(issue));
    }
    Ok(draft)
}

async fn compute(pool: &Pool, (prepared, request): (Prepared, Request), cancel: Cancel) -> Result<RunResult, RunError> {
    let rect = if prepared.wants("rect") { prepared.rect.as_ref().map(picture) } else { None };
    // Gradients are computed by the engine of the run that they are of: here the CPU's.
    let taken = prepared.gradients.is_some() && request.backend == Backend::Auto;
    let run = Run {
        problem: std::sync::Arc::new(prepared.problem.clone()),
        inputs: prepared.inputs.clone(),
        backend: if taken { Backend::Cpu } else { request.backend },
        algorithm: request.algorithm,
        tiers: request.tiers,
        want: Want { stats: false, matrix: prepared.matrix },
        maps: rect.into_iter().collect(),
        repeat: prepared.repeat as usize,
        lane: Lane::Api,
        progress: None,
        cancel,
    };
    drop(request);
    let mut outcome = pool.run(run.clone()).await?.outcome;
    let mut second = None;
    if prepared.second.is_some() {
        let want = Want { stats: false, matrix: prepared.second };
        let again = pool.run(Run { want, maps: Vec::new(), repeat: 1, ..run.clone() }).await?.outcome;
        outcome.report.total_ms += again.report.total_ms;
        second = again.matrix.map(|(_, cells)| cells);
    }
    let Some(gradients) = &prepared.gradients else {
        return Ok(result(&prepared, outcome, second, None));
    };
    // It is the kernel of the run that is repeated.
    let once = Run { repeat: 1, ..run };
    let mut derived = pool.derive(&once, Some(&outcome), gradients.dy.clone(), gradients.params).await?;
    if taken {
        let cpu = message!("auto computes gradients on the CPU", "auto 在 CPU 上计算梯度");
        derived.fallback = Some(match derived.fallback {
            Some(Message { en, zh }) => {
                let (cpu, also) = (cpu.en, cpu.zh);
                message!("{cpu}; {en}", "{also}；{zh}")
            }
            None => cpu,
        });
    }
    outcome.report.total_ms += derived.total_ms;
    outcome.report.copies.there_ms += derived.transfer_ms;
    Ok(result(&prepared, outcome, second, Some(derived)))
}

fn picture(rect: &Rect) -> MapRequest {
    MapRequest {
        stage: Stage::Weights,
        batch: 0,
        head: rect.head,
        q: rect.q[0]..rect.q[1],
        k: rect.k[0]..rect.k[1],
        width: rect.width,
        height: rect.height,
        pool: if rect.pool.as_deref() == Some("mean") { Merging::Mean } else { Merging::Max },
    }
}

/// `second` holds the cells of the second matrix, where one is wanted.
fn result(prepared: &Prepared, mut outcome: Outcome, second: Option<Vec<f32>>, derived: Option<Derived>) -> RunResult {
    let mut outputs = Outputs::new();
    let mut put = |name: &str, tensor: Tensor| drop(outputs.insert(name.to_owned(), TensorValue::from(&tensor)));
    if prepared.wants("Y") {
        put("Y", prepared.y(std::mem::take(&mut outcome.y)));
    }
    if prepared.wants("logsumexp") {
        put("logsumexp", prepared.logsumexp(std::mem::take(&mut outcome.lse)));
    }
    if let Some((_, cells)) = outcome.matrix.take() {
        let matrix = prepared.matrix(cells);
        let names = if second.is_some() { &["qk_matmul_output"][..] } else { &["qk_matmul_output", "weights"] };
        for name in names.iter().filter(|name| prepared.wants(name)) {
            put(name, matrix.clone());
        }
    }
    if let Some(cells) = second {
        put("weights", prepared.matrix(cells));
    }
    if prepared.wants("present_key") {
        put("present_key", prepared.present_key());
    }
    if prepared.wants("present_value") {
        put("present_value", prepared.present_value());
    }
    for map in &outcome.maps {
        // In a picture NaN says that the mask allows nothing there; as a weight that is 0.
        let weights: Vec<f32> = map.values.iter().map(|w| if w.is_nan() { 0.0 } else { *w }).collect();
        put("rect", Tensor::new(&[map.request.height, map.request.width], weights));
    }
    let Some(Derived { gradients, kernel, fallback, work_ms, .. }) = derived else {
        return of_outcome(&outcome, outputs, None);
    };
    let Gathered { q, k, v, params, .. } = gradients;
    for (name, tensor) in [("dQ", prepared.dq(q)), ("dK", prepared.dk(&k)), ("dV", prepared.dv(&v))] {
        if prepared.wants(name) {
            put(name, tensor);
        }
    }
    for (name, Named { shape, values }) in params.iter() {
        prepared.dparams(name, shape, values).iter().for_each(|(name, tensor)| put(name, tensor.clone()));
    }
    let mut result = of_outcome(&outcome, outputs, Some(work_ms));
    result.backward_kernel = Some(kernel.name().to_owned());
    result.ran.fallback = fallback.map(|why| why.en).or(result.ran.fallback);
    result
}

/// What a run of the page gave, for `on("result")`: the output and what ran.
pub fn summary(outcome: &Outcome) -> JsValue {
    let d = outcome.dims;
    let outputs = Outputs::from([
        ("Y".to_owned(), TensorValue::new(&[d.batch, d.q_heads, d.n_q, d.d_v], &outcome.y)),
        ("logsumexp".to_owned(), TensorValue::new(&[d.batch, d.q_heads, d.n_q], &outcome.lse)),
    ]);
    of_outcome(outcome, outputs, None).value()
}

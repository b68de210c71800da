//! `run`: a request, computed beside the page's own experiment.

use js_sys::{Array, Float32Array, Object};
use serde_json::{Map, Value};
use wasm_bindgen::closure::Closure;
use wasm_bindgen::{JsCast, JsValue};

use super::error::{experiment_error, run_error};
use super::{expected, plain, read, set};
use crate::attention::Request;
use crate::attention::request::{Prepared, Rect, Tensor, prepare};
use crate::engine::pool::{Cancel, Lane, Pool, Run, RunError};
use crate::engine::{MapRequest, Outcome, Pool as Merging, Report, TimedStage, Want};
use crate::experiment::{Algorithm, Issue, Issues, Stage};

/// Fields that hold tensors; of them the first three must be there.
const TENSORS: [&str; 6] = ["Q", "K", "V", "attn_mask", "past_key", "past_value"];
/// Fields of operators and outputs that the interface names and this version does not compute.
const NOT_YET: [&str; 12] = [
    "dY",
    "decay",
    "beta",
    "past_state",
    "update_rule",
    "X",
    "cos_cache",
    "sin_cache",
    "position_ids",
    "interleaved",
    "rotary_embedding_dim",
    "num_heads",
];
/// Operators and outputs that other versions may compute.
const NOT_YET_COMPUTED: [&str; 6] = ["linear_attention", "rotary_embedding", "dQ", "dK", "dV", "dparams"];
/// Conversions of precision that are accepted: everything is computed in single precision.
const ACCEPTED: &str = "softmax_precision";

/// Computes a request.
///
/// # Errors
/// An `ExperimentError`, or the signal's reason.
pub async fn run(pool: &Pool, request: &JsValue) -> Result<JsValue, JsValue> {
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
    let prepared = request_of(request).and_then(|r| Ok((prepare(&r)?, r))).map_err(experiment_error)?;
    let done = compute(pool, prepared, cancel).await;
    if let (Some(signal), Some(listener)) = (&signal, &listener) {
        let _ = signal.remove_event_listener_with_callback("abort", listener.as_ref().unchecked_ref());
    }
    match (done, signal) {
        (Ok(result), _) => Ok(result.into()),
        (Err(RunError::Cancelled), Some(signal)) if signal.aborted() => Err(reason(&signal)),
        (Err(error), _) => Err(run_error(error)),
    }
}

fn reason(signal: &web_sys::AbortSignal) -> JsValue {
    js_sys::Reflect::get(signal, &"reason".into()).unwrap_or_else(|_| run_error(RunError::Cancelled))
}

fn signal(request: &JsValue) -> Result<Option<web_sys::AbortSignal>, Issue> {
    if !request.is_object() {
        return Err(expected("", "a request: an object with Q, K and V"));
    }
    let Some(signal) = read::field(request, "signal")? else { return Ok(None) };
    signal.dyn_into().map(Some).map_err(|_| expected("signal", "an AbortSignal"))
}

/// The request as plain data, every field that is wrong named.
fn request_of(value: &JsValue) -> Result<Request, Issues> {
    let mut issues = Vec::new();
    let (mut fields, mut tensors, mut sinks, mut left) = (Map::new(), Vec::new(), None, read::NUMBERS);
    let keys = js_sys::Reflect::own_keys(value).map_err(|_| Issue::new("", "the request can't be read"))?;
    for name in keys.iter().filter_map(|key| key.as_string()) {
        let given = match read::field(value, &name) {
            Ok(Some(given)) => given,
            Ok(None) => continue,
            Err(issue) => {
                issues.push(issue);
                continue;
            }
        };
        let problem = match name.as_str() {
            "signal" | ACCEPTED => None,
            // Minus infinity, a head without a sink, has no JSON.
            "sink_logit" => read::numbers(&given, &name, &mut left).map(|(logits, _)| sinks = Some(logits)).err(),
            name if TENSORS.contains(&name) => {
                read::tensor(&given, name, &mut left).map(|tensor| tensors.push((name.to_owned(), tensor))).err()
            }
            name if NOT_YET.contains(&name) => {
                Some(Issue::new(name, "belongs to an operator or output that this version does not compute"))
            }
            _ => read::json(&given, &name).and_then(|json| field(&mut fields, &name, json)).err(),
        };
        issues.extend(problem);
    }
    not_yet(&fields, &mut issues);
    let mut request: Request = serde_json::from_value(Value::Object(fields)).unwrap_or_default();
    request.sink_logit = sinks;
    let mut missing: Vec<&str> = TENSORS[..3].to_vec();
    for (name, tensor) in tensors {
        missing.retain(|other| *other != name);
        match name.as_str() {
            "Q" => request.q = tensor,
            "K" => request.k = tensor,
            "V" => request.v = tensor,
            "attn_mask" => request.attn_mask = Some(tensor),
            "past_key" => request.past_key = Some(tensor),
            _ => request.past_value = Some(tensor),
        }
    }
    let named = |name: &str| {
        issues.iter().any(|i: &Issue| i.path == name || i.path.starts_with(&format!("{name}.")) || i.path == "op")
    };
    let missing: Vec<Issue> =
        missing.into_iter().filter(|name| !named(name)).map(|name| Issue::new(name, "is missing")).collect();
    issues.extend(missing);
    if issues.is_empty() { Ok(request) } else { Err(Issues(issues)) }
}

/// Takes one field, if the request has it and the value fits: serde's own words, under the field's name.
fn field(fields: &mut Map<String, Value>, name: &str, value: Value) -> Result<(), Issue> {
    let one = Map::from_iter([(name.to_owned(), value.clone())]);
    match serde_json::from_value::<Request>(Value::Object(one)) {
        Ok(_) => {
            fields.insert(name.to_owned(), value);
            Ok(())
        }
        Err(error) => {
            let message = error.to_string();
            let unknown = message.starts_with(&format!("unknown field `{name}`"));
            Err(Issue::new(name, if unknown { "is not a field of a request".to_owned() } else { message }))
        }
    }
}

/// Operators and outputs of the contract that are not there yet, named as such rather than as unknown.
fn not_yet(fields: &Map<String, Value>, issues: &mut Vec<Issue>) {
    let asked = |value: &Value| value.as_str().filter(|name| NOT_YET_COMPUTED.contains(name)).map(str::to_owned);
    let say = |name: &str| format!("`{name}` is not computed by this version");
    if let Some(op) = fields.get("op").and_then(asked) {
        issues.push(Issue::new("op", say(&op)));
    }
    for (i, output) in fields.get("outputs").and_then(Value::as_array).into_iter().flatten().enumerate() {
        if let Some(name) = asked(output) {
            issues.push(Issue::new(format!("outputs[{i}]"), say(&name)));
        }
    }
}

async fn compute(pool: &Pool, (prepared, request): (Prepared, Request), cancel: Cancel) -> Result<Object, RunError> {
    let rect = if prepared.wants("rect") { prepared.rect.as_ref().map(picture) } else { None };
    let run = Run {
        problem: std::sync::Arc::new(prepared.problem.clone()),
        inputs: prepared.inputs.clone(),
        backend: request.backend,
        algorithm: request.algorithm,
        want: Want { stats: false, matrix: prepared.matrix },
        maps: rect.into_iter().collect(),
        repeat: prepared.repeat as usize,
        lane: Lane::Api,
        progress: None,
        cancel,
    };
    drop(request);
    let finished = pool.run(run).await?;
    Ok(result(&prepared, finished.outcome))
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

fn result(prepared: &Prepared, mut outcome: Outcome) -> Object {
    let outputs = Object::new();
    let put = |name: &str, tensor: Tensor| set(&outputs, name, &tensor_value(&tensor.shape, &tensor.data));
    if prepared.wants("Y") {
        put("Y", prepared.y(std::mem::take(&mut outcome.y)));
    }
    if prepared.wants("logsumexp") {
        put("logsumexp", prepared.logsumexp(std::mem::take(&mut outcome.lse)));
    }
    if let Some((_, cells)) = outcome.matrix.take() {
        let matrix = prepared.matrix(cells);
        for name in ["qk_matmul_output", "weights"] {
            if prepared.wants(name) {
                set(&outputs, name, &tensor_value(&matrix.shape, &matrix.data));
            }
        }
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
    answer(&outcome, &outputs)
}

/// What a run of the page gave, for `on("result")`: the output and what ran.
pub fn summary(outcome: &Outcome) -> JsValue {
    let outputs = Object::new();
    let d = outcome.dims;
    set(&outputs, "Y", &tensor_value(&[d.batch, d.q_heads, d.n_q, d.d_v], &outcome.y));
    set(&outputs, "logsumexp", &tensor_value(&[d.batch, d.q_heads, d.n_q], &outcome.lse));
    answer(outcome, &outputs).into()
}

fn answer(outcome: &Outcome, outputs: &Object) -> Object {
    let report = &outcome.report;
    let result = ran(report);
    set(&result, "outputs", outputs);
    set(&result, "timing", &timing(report));
    let cost = Object::new();
    set(&cost, "flops", &report.cost.flops.into());
    set(&cost, "bytes", &report.cost.bytes.into());
    set(&cost, "tiles", &plain(&report.cost.tiles));
    set(&result, "cost", &cost);
    set(&result, "empty_rows", &outcome.empty_rows.into());
    set(&result, "order", &plain(&report.order));
    result
}

/// Who computed.
pub fn ran(report: &Report) -> Object {
    let result = Object::new();
    set(&result, "backend", &plain(&report.backend));
    set(&result, "algorithm", &plain(&report.algorithm));
    set(&result, "kernel", &report.kernel.as_str().into());
    set(&result, "workers", &(report.workers as u32).into());
    if let Some(fallback) = &report.fallback {
        set(&result, "fallback", &fallback.as_str().into());
    }
    if !report.notes.is_empty() {
        set(&result, "notes", &plain(&report.notes));
    }
    result
}

fn timing(report: &Report) -> Object {
    let stages = Array::new();
    let push = |name: &JsValue, ms: f64| {
        let stage = Object::new();
        set(&stage, "name", name);
        set(&stage, "ms", &ms.into());
        stages.push(&stage);
    };
    for stage in TimedStage::ALL {
        // A stage of the algorithm that ran is told even where the clock saw no time pass in it.
        let of_this_algorithm = match stage {
            TimedStage::Prepare => true,
            TimedStage::Kernel => report.algorithm == Algorithm::Streaming,
            TimedStage::Picture => false,
            _ => report.algorithm == Algorithm::Materialised,
        };
        if of_this_algorithm || report.times.of(stage) > 0.0 {
            push(&plain(&stage), report.times.of(stage));
        }
    }
    push(&"transfer".into(), report.transfer_ms);
    let timing = Object::new();
    set(&timing, "total_ms", &report.total_ms.into());
    set(&timing, "stages", &stages);
    set(&timing, "runs_ms", &plain(&report.runs_ms));
    timing
}

fn tensor_value(shape: &[usize], data: &[f32]) -> JsValue {
    let tensor = Object::new();
    let extents: Array = shape.iter().map(|&extent| JsValue::from(extent as f64)).collect();
    set(&tensor, "shape", &extents);
    set(&tensor, "data", &Float32Array::from(data));
    tensor.into()
}

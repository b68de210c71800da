//! What callers of the interface get back, as data: each result is one of these, and crosses by serde but for the numbers of tensors, which cross in one piece.

use js_sys::Float32Array;
use serde::Serialize;
use wasm_bindgen::JsValue;

use super::plain;
use crate::attention;
use crate::attention::request::Tensor;
use crate::attention::tiles::TileCounts;
use crate::engine::{Outcome, Report, TimedStage};
use crate::experiment::{Algorithm, Backend, Message};
use crate::formula::Sorted;

/// `RunResult` of the published types; what is absent is left out.
#[derive(Serialize)]
pub struct RunResult {
    #[serde(flatten)]
    pub ran: Ran,
    pub outputs: Outputs,
    pub timing: Timing,
    pub cost: Cost,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exact_cost: Option<Cost>,
    pub empty_rows: u32,
    /// The slots used.
    pub order: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub backward_kernel: Option<String>,
    /// Steps of an estimator whose state is among the outputs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub frames: Option<Vec<usize>>,
}

impl RunResult {
    /// As JavaScript gets it.
    pub fn value(&self) -> JsValue {
        plain(self)
    }
}

/// Who computed.
#[derive(Serialize)]
pub struct Ran {
    pub backend: Backend,
    pub algorithm: String,
    pub kernel: String,
    pub workers: usize,
    /// Why another than the first choice.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fallback: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub adapter: Option<String>,
    /// What happened on the way.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
}

impl Ran {
    /// Of a run.
    pub fn of(report: &Report) -> Self {
        Self {
            backend: report.backend,
            algorithm: name_of(&report.algorithm),
            kernel: report.kernel.clone(),
            workers: report.workers,
            fallback: report.choice.as_ref().filter(|choice| choice.falls_back()).map(|choice| choice.message().en),
            adapter: report.adapter.as_ref().map(|adapter| adapter.name.clone()),
            notes: english(&report.notes),
        }
    }
}

/// Messages as the interface tells them.
pub fn english(messages: &[Message]) -> Vec<String> {
    messages.iter().map(|message| message.en.clone()).collect()
}

/// The tensors that were asked for, by name.
pub type Outputs = Sorted<String, TensorValue>;

/// A tensor as JavaScript gets it.
#[derive(Serialize)]
pub struct TensorValue {
    shape: Vec<usize>,
    #[serde(with = "serde_wasm_bindgen::preserve")]
    data: Float32Array,
}

impl TensorValue {
    /// Numbers in this shape.
    pub fn new(shape: &[usize], data: &[f32]) -> Self {
        Self { shape: shape.to_vec(), data: Float32Array::from(data) }
    }
}

impl From<&Tensor> for TensorValue {
    fn from(tensor: &Tensor) -> Self {
        Self::new(&tensor.shape, &tensor.data)
    }
}

/// Milliseconds.
#[derive(Serialize)]
pub struct Timing {
    /// From the call to the result.
    pub total_ms: f64,
    pub stages: Vec<StageTime>,
    /// The kernel alone, each repetition.
    pub runs_ms: Vec<f64>,
}

/// Time of one part.
#[derive(Serialize)]
pub struct StageTime {
    name: String,
    ms: f64,
}

impl StageTime {
    pub fn new(name: &str, ms: f64) -> Self {
        Self { name: name.to_owned(), ms }
    }
}

impl Timing {
    /// Of a run, and of the gradients after it.
    pub fn of(report: &Report, backward_ms: Option<f64>) -> Self {
        let mut stages = Vec::new();
        for stage in TimedStage::ALL {
            // A stage of the algorithm that ran is told even where the clock saw no time pass in it.
            let of_this_algorithm = match stage {
                TimedStage::Prepare => true,
                TimedStage::Kernel => report.algorithm == Algorithm::Streaming,
                TimedStage::Lower | TimedStage::Picture => false,
                _ => report.algorithm == Algorithm::Materialised,
            };
            if of_this_algorithm || report.times.has(stage) {
                stages.push(StageTime::new(&name_of(&stage), report.times.of(stage)));
            }
            if stage == TimedStage::Prepare {
                stages.push(StageTime::new("transfer", report.copies.there_ms));
            }
        }
        stages.extend(backward_ms.map(|ms| StageTime::new("backward", ms)));
        stages.push(StageTime::new("merge", report.copies.merge_ms));
        stages.push(StageTime::new("transfer", report.copies.back_ms));
        Self { total_ms: report.total_ms, stages, runs_ms: report.runs_ms.clone() }
    }
}

/// Work counted before anything ran.
#[derive(Serialize)]
pub struct Cost {
    flops: f64,
    bytes: f64,
    tiles: TileCounts,
}

impl From<&attention::Cost> for Cost {
    fn from(&attention::Cost { flops, bytes, tiles }: &attention::Cost) -> Self {
        Self { flops, bytes, tiles }
    }
}

/// A run of attention with these outputs; `backward_ms` is the time of its gradients.
pub fn of_outcome(outcome: &Outcome, outputs: Outputs, backward_ms: Option<f64>) -> RunResult {
    let report = &outcome.report;
    RunResult {
        ran: Ran::of(report),
        outputs,
        timing: Timing::of(report, backward_ms),
        cost: Cost::from(&report.cost),
        exact_cost: None,
        empty_rows: outcome.empty_rows,
        order: report.order.clone(),
        backward_kernel: None,
        frames: None,
    }
}

/// The name of a unit variant, as links and results write it.
fn name_of(unit: &impl Serialize) -> String {
    plain(unit).as_string().unwrap_or_default()
}

//! What a worker of the CPU does beside sessions: lowering, operators beside attention, gradients. All of it is in one piece of the program (`aside`).
#![allow(improper_ctypes_definitions, reason = "both sides of a cut are this one compilation")]

use std::sync::Arc;

use wasm_split_helpers::{SplitLoaderError, wasm_split};

use super::cpu::{did_not_arrive, has_relaxed_simd, kernels};
use super::{bandwidth, fill_tables, memory, now, peak, send};
use crate::attention::{Estimator, Inputs, Operator, Problem, late, lowering};
use crate::engine::backward::Derive;
use crate::engine::protocol::codec;
use crate::engine::protocol::wire::{Bulk, Unpack};
use crate::engine::protocol::{Asked, FromWorker};
use crate::experiment::{Issue, Issues, message};
use crate::formula::DataValues;

/// Most numbers of an array that bandwidth is measured over.
const MOST_NUMBERS: usize = 1 << 24;

/// Computes an operator beside attention, or gradients.
pub async fn operate(job: u64, operator: usize, exact: bool, repeat: usize, bulk: Unpack, from: f64) {
    let began = now();
    match operated(operator, exact, repeat, bulk).await {
        Ok(Ok(Operated { outputs, runs_ms, copy_ms })) => {
            let bulk = Bulk { f32: outputs.iter().map(Vec::as_slice).collect(), ..Bulk::default() };
            let lengths = outputs.iter().map(Vec::len).collect();
            let (copy_ms, memory, adapter, notes) = (copy_ms + began - from, memory(), None, Vec::new());
            send(&FromWorker::Operated { job, lengths, runs_ms, copy_ms, memory, adapter, notes }, &bulk);
        }
        Ok(Err(Issues(issues))) => send(&FromWorker::Failed { job, issues }, &Bulk::default()),
        Err(_) => {
            let issues = vec![Issue::new("op", did_not_arrive())];
            send(&FromWorker::Failed { job, issues }, &Bulk::default());
        }
    }
}

/// Computes what a problem waits for, or what is done to its output.
pub async fn lower(job: u64, problem: Box<Problem>, tables: Vec<usize>, y: usize, bulk: Unpack, from: f64) {
    let failed = match lowered(job, problem, tables, y, bulk, from).await {
        Ok(Ok(())) => return,
        Ok(Err(issues)) => issues.0,
        Err(_) => vec![Issue::new("", did_not_arrive())],
    };
    send(&FromWorker::Failed { job, issues: failed }, &Bulk::default());
}

/// In the piece `aside`: the page opens on a problem that waits for nothing.
#[wasm_split(aside, fallible)]
fn lowered(
    job: u64,
    mut problem: Box<Problem>,
    tables: Vec<usize>,
    y: usize,
    mut bulk: Unpack,
    from: f64,
) -> Result<Result<(), Issues>, SplitLoaderError> {
    lowering::install();
    late::install();
    let answer = |lengths: Vec<usize>, bulk: &Bulk, began: f64| {
        let (ms, copy_ms) = (now() - began, began - from);
        send(&FromWorker::Lowered { job, lengths, ms, copy_ms }, bulk);
    };
    if y > 0 {
        let mut y = bulk.f32(y);
        let began = now();
        lowering::finish(&problem, &mut y);
        answer(vec![y.len()], &Bulk { f32: vec![&y], ..Bulk::default() }, began);
        return Ok(Ok(()));
    }
    let of = problem.lowering.as_ref().map_or(problem.dims, |lowering| lowering.dims);
    let mut tensor = |length| Arc::new(bulk.f32(length));
    let inputs = Inputs { q: tensor(of.q_len()), k: tensor(of.k_len()), v: tensor(of.v_len()) };
    fill_tables(&mut problem, &tables, &mut bulk);
    let began = now();
    let lowered = match lowering::compute(&problem, &inputs) {
        Ok(lowered) => lowered,
        Err(issues) => return Ok(Err(issues)),
    };
    let (mut lengths, mut bulk) = (Vec::new(), Bulk::default());
    let Inputs { q, k, v } = &lowered.inputs;
    for (new, old) in [(q, &inputs.q), (k, &inputs.k), (v, &inputs.v)] {
        let changed: &[f32] = if Arc::ptr_eq(new, old) { &[] } else { new };
        lengths.push(changed.len());
        bulk.f32.push(changed);
    }
    for table in &lowered.tables {
        match &table.values {
            DataValues::Bool(values) => bulk.u8.push(values),
            DataValues::Int(values) => bulk.i32.push(values),
            DataValues::Float(values) => bulk.f32.push(values),
        }
    }
    answer(lengths, &bulk, began);
    Ok(Ok(()))
}

/// What an operator gave.
#[derive(Default)]
struct Operated {
    outputs: Vec<Vec<f32>>,
    /// Each repetition, milliseconds.
    runs_ms: Vec<f64>,
    /// Copying its tensors out of the message, milliseconds.
    copy_ms: f64,
}

/// Operators beside attention, and gradients, are in the piece `aside`: only callers of the JavaScript API, and who opens the estimators, ask
/// for them.
#[wasm_split(aside, fallible)]
fn operated(
    length: usize,
    exact: bool,
    repeat: usize,
    mut bulk: Unpack,
) -> Result<Result<Operated, Issues>, SplitLoaderError> {
    late::install();
    let began = now();
    Ok(match codec::decode(&bulk.u8(length)) {
        Some(Asked::Operator(operator)) => Ok(of_operator(&operator, exact, repeat, bulk, began)),
        Some(Asked::Derive(derive)) => of_gradients(&derive, repeat, bulk, began),
        Some(Asked::Estimate(estimator)) => Ok(of_estimate(&estimator, repeat, bulk, began)),
        Some(Asked::Peak) => of_peak(),
        Some(Asked::Bandwidth { count }) => Ok(of_bandwidth(count)),
        // Both sides are one compilation; bytes of nothing would give no outputs, of which the page says that it lost track.
        None => Ok(Operated::default()),
    })
}

fn of_operator(operator: &Operator, exact: bool, repeat: usize, mut bulk: Unpack, began: f64) -> Operated {
    let tensors: Vec<_> = operator.inputs().into_iter().map(|length| bulk.f32(length)).collect();
    let copy_ms = now() - began;
    let mut runs_ms = Vec::new();
    if let (Operator::Estimator(estimator), [q, k, v]) = (operator, &tensors[..]) {
        // What stands beside it is no part of its time.
        for _ in 0..repeat.max(1) {
            let start = now();
            if exact {
                drop(estimator.estimate::<f64>(q, k, v))
            } else {
                drop(estimator.estimate::<f32>(q, k, v))
            }
            runs_ms.push(now() - start);
        }
        let outputs = if exact { operator.compute::<f64>(&tensors) } else { operator.compute::<f32>(&tensors) };
        return Operated { outputs, runs_ms, copy_ms };
    }
    let mut outputs = Vec::new();
    for _ in 0..repeat.max(1) {
        let start = now();
        outputs = if exact { operator.compute::<f64>(&tensors) } else { operator.compute::<f32>(&tensors) };
        runs_ms.push(now() - start);
    }
    Operated { outputs, runs_ms, copy_ms }
}

/// The estimate alone, in single precision.
fn of_estimate(estimator: &Estimator, repeat: usize, mut bulk: Unpack, began: f64) -> Operated {
    let [q, k, v] = estimator.inputs().map(|length| bulk.f32(length));
    let copy_ms = now() - began;
    let (mut y, mut runs_ms) = (Vec::new(), Vec::new());
    for _ in 0..repeat.max(1) {
        let start = now();
        y = estimator.estimate::<f32>(&q, &k, &v);
        runs_ms.push(now() - start);
    }
    Operated { outputs: vec![y], runs_ms, copy_ms }
}

fn of_peak() -> Result<Operated, Issues> {
    let start = now();
    let missing = |_| Issue::new("", message!("the peak of this core can't be measured", "无法测量此核心的峰值"));
    let speed = peak::speed(has_relaxed_simd()).map_err(missing)?;
    Ok(Operated { outputs: vec![vec![speed as f32]], runs_ms: vec![now() - start], copy_ms: 0.0 })
}

fn of_bandwidth(count: usize) -> Operated {
    let start = now();
    let speed = bandwidth::speed(count.min(MOST_NUMBERS));
    Operated { outputs: vec![vec![speed as f32]], runs_ms: vec![now() - start], copy_ms: 0.0 }
}

fn of_gradients(derive: &Derive, repeat: usize, mut bulk: Unpack, began: f64) -> Result<Operated, Issues> {
    let given = derive.given(|length| bulk.f32(length));
    let copy_ms = now() - began;
    let (kernels, mut runs_ms) = (kernels()?, Vec::new());
    for _ in 1..repeat {
        let given = given.clone();
        let start = now();
        derive.compute(given, kernels)?;
        runs_ms.push(now() - start);
    }
    let start = now();
    let outputs = derive.compute(given, kernels)?;
    runs_ms.push(now() - start);
    Ok(Operated { outputs, runs_ms, copy_ms })
}

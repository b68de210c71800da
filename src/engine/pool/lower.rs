//! Runs whose problem waits for something computed from the contents of Q and K: that first, in one worker of the CPU, then the run as any
//! other, then what is done to its output. In the piece `catalogue` of the page's program.

use std::cell::RefCell;
use std::sync::Arc;

use super::cancel::Cancel;
use super::hub::Pool;
use super::jobs::Lowered;
use super::life::now;
use super::run::{Finished, Lower, Run, RunError};
use crate::attention::lowering::{Derived, Measure, settle};
use crate::attention::{Inputs, Problem};
use crate::engine::TimedStage;
use crate::engine::item::UNSEEN_MS;
use crate::experiment::message;
use crate::formula::{Data, DataValues, Ty};

/// Lowered problems that are kept: that of the page, and one of a caller of the API.
const KEPT: usize = 2;

thread_local! {
    static LOWERED: RefCell<Vec<Kept>> = const { RefCell::new(Vec::new()) };
}

/// What a lowering gave, and of what.
#[derive(Clone)]
struct Kept {
    key: Problem,
    of: Inputs,
    inputs: Inputs,
    tables: Vec<Data>,
}

/// Computes a run whose problem waits.
pub async fn run(pool: Pool, run: Run) -> Result<Finished, RunError> {
    let from = now();
    let kept = lowered(&pool, &run.problem, &run.inputs, &run.cancel, true).await?;
    let mut problem = run.problem.as_ref().clone();
    settle(&mut problem, kept.tables);
    let problem = Arc::new(problem);
    let mut lower_ms = now() - from;
    let cancel = run.cancel.clone();
    let mut finished = pool.opened(Run { problem: problem.clone(), inputs: kept.inputs, ..run }).await?;
    if problem.lowering.as_ref().is_some_and(|lowering| !lowering.finish.is_empty()) {
        let from = now();
        let y = Arc::new(std::mem::take(&mut finished.outcome.y));
        let Lowered { lengths, mut bulk, .. } =
            pool.lower(Lower { problem, tensors: vec![y], output: true }, cancel).await?;
        finished.outcome.y = bulk.f32(lengths.first().copied().unwrap_or(0));
        // What is done to the output may leave fewer numbers of each row.
        finished.outcome.dims.d_v = finished.outcome.y.len() / finished.outcome.dims.rows().max(1);
        lower_ms += now() - from;
    }
    finished.outcome.report.times.add(TimedStage::Lower, lower_ms.max(UNSEEN_MS));
    finished.outcome.report.total_ms += lower_ms;
    Ok(finished)
}

/// The problem as engines open it: for callers that look at its rules and run nothing. What the page's own runs keep stays kept.
pub async fn settled(pool: Pool, problem: Problem, inputs: Inputs, cancel: Cancel) -> Result<Problem, RunError> {
    let waiting = Arc::new(problem);
    let kept = lowered(&pool, &waiting, &inputs, &cancel, false).await?;
    let mut problem = waiting.as_ref().clone();
    settle(&mut problem, kept.tables);
    Ok(problem)
}

/// What the problem waits for: what is kept of an equal one over the same tensors, or computed; and kept, if it is to be.
async fn lowered(
    pool: &Pool,
    problem: &Arc<Problem>,
    inputs: &Inputs,
    cancel: &Cancel,
    keep: bool,
) -> Result<Kept, RunError> {
    let key = problem.lowering_key();
    let known = LOWERED.with_borrow(|all| all.iter().find(|kept| kept.key == key && same(&kept.of, inputs)).cloned());
    if let Some(known) = known {
        return Ok(known);
    }
    let Inputs { q, k, v } = inputs.clone();
    let lower = Lower { problem: problem.clone(), tensors: vec![q, k, v], output: false };
    let answer = pool.lower(lower, cancel.clone()).await?;
    let kept = unpack(key, problem, inputs, answer)?;
    if keep {
        LOWERED.with_borrow_mut(|all| {
            all.insert(0, kept.clone());
            all.truncate(KEPT);
        });
    }
    Ok(kept)
}

/// What a recent run measured of the contents of Q and K by this name, if its problem and tensors were these.
pub fn measured(problem: &Problem, inputs: &Inputs, kind: Measure) -> Option<Data> {
    let place = problem.lowering.as_ref()?.tables.iter().position(|table| table.step.kind == kind)?;
    let key = problem.lowering_key();
    LOWERED.with_borrow(|all| {
        let kept = all.iter().find(|kept| kept.key == key && same(&kept.of, inputs))?;
        kept.tables.get(place).cloned()
    })
}

/// Q, K and V as a recent run's engines had them, if its problem and tensors were these.
pub fn lowered_inputs(problem: &Problem, inputs: &Inputs) -> Option<Inputs> {
    let key = problem.lowering_key();
    LOWERED.with_borrow(|all| {
        all.iter().find(|kept| kept.key == key && same(&kept.of, inputs)).map(|kept| kept.inputs.clone())
    })
}

/// Takes the answer of a worker apart.
fn unpack(
    key: Problem,
    problem: &Problem,
    inputs: &Inputs,
    Lowered { lengths, mut bulk }: Lowered,
) -> Result<Kept, RunError> {
    let [q, k, v] = lengths[..] else {
        let text = message!("the workers answered something else than was asked", "工作线程的回答与请求不符");
        return Err(RunError::Failed(text));
    };
    let mut tensor = |length: usize, old: &Arc<Vec<f32>>| match length {
        0 => old.clone(),
        _ => Arc::new(bulk.f32(length)),
    };
    let of = inputs.clone();
    let inputs = Inputs { q: tensor(q, &of.q), k: tensor(k, &of.k), v: tensor(v, &of.v) };
    let mut table = |derived: &Derived| {
        let shape = derived.shape(&problem.dims);
        let length = shape.iter().product();
        let values = match derived.ty {
            Ty::Bool => DataValues::Bool(bulk.u8(length)),
            Ty::Int => DataValues::Int(bulk.i32(length)),
            Ty::Float => DataValues::Float(bulk.f32(length)),
        };
        Data { shape, values, clamp: true }
    };
    let tables = problem.lowering.iter().flat_map(|lowering| &lowering.tables).map(&mut table).collect();
    Ok(Kept { key, of, inputs, tables })
}

/// Whether tensors are the same: most often because they are shared.
fn same(a: &Inputs, b: &Inputs) -> bool {
    let same = |a: &Arc<Vec<f32>>, b: &Arc<Vec<f32>>| Arc::ptr_eq(a, b) || a == b;
    same(&a.q, &b.q) && same(&a.k, &b.k) && same(&a.v, &b.v)
}

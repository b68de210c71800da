//! The worker that owns the GPU. What it holds there is a cache: plan and tensors stay here, so a lost device costs time and no result.

use std::cell::{Cell, RefCell};
use std::collections::{HashMap, VecDeque};
use std::rc::Rc;

use wasm_bindgen::JsValue;
use wasm_bindgen_futures::spawn_local;

use super::{Answer, Opening, Tensors, listen, now, report, send};
use crate::attention::{Cost, Inputs, Operator, Plan};
use crate::engine::backward::Given;
use crate::engine::gpu::{self, Gpu, GpuBackward, GpuError, GpuHost, GpuOperated, GpuSession, TILE_KEYS, TILE_ROWS};
use crate::engine::protocol::codec;
use crate::engine::protocol::wire::{self, Bulk, Unpack};
use crate::engine::protocol::{Asked, FromWorker, ToWorker, Work};
use crate::engine::{MapRequest, Rows, RowsOut, TimedStage, Want};
use crate::experiment::{Algorithm, Issues, Message, Tiers, message};

/// A session with all that is needed to open it again on another device.
struct Open {
    plan: Plan,
    inputs: Inputs,
    algorithm: Algorithm,
    tiers: Tiers,
    session: GpuSession,
}

struct State {
    host: GpuHost,
    tensors: Tensors,
    sessions: HashMap<u64, Open>,
}

/// Why a message was not done.
enum Refusal {
    /// The problem is at fault.
    Invalid(Issues),
    /// The GPU can't; with `lasting`, nor anything else from now on.
    Gpu { error: GpuError, lasting: bool },
}

impl From<Issues> for Refusal {
    fn from(issues: Issues) -> Self {
        Self::Invalid(issues)
    }
}

thread_local! {
    /// Messages that came while another was being waited for, and when.
    static QUEUE: RefCell<VecDeque<(JsValue, f64)>> = RefCell::default();
    static WORKING: Cell<bool> = const { Cell::new(false) };
    static STATE: RefCell<Option<State>> = const { RefCell::new(None) };
}

/// Starts the worker: it answers messages from now on, one after the other.
pub fn start() {
    super::subgroups::ask_for_them();
    // The session looks itself, and says what it cannot take.
    let state = State { host: GpuHost::new(now), tensors: Tensors::new(|_| true), sessions: HashMap::new() };
    STATE.set(Some(state));
    listen("wgpu", |message| {
        QUEUE.with_borrow_mut(|queue| queue.push_back((message.clone(), now())));
        if !WORKING.replace(true) {
            spawn_local(work());
        }
    });
}

/// Answers what is in the queue.
async fn work() {
    // Only one of these runs at a time, so the state is there.
    let Some(mut state) = STATE.take() else { return };
    while let Some((message, came)) = QUEUE.with_borrow_mut(VecDeque::pop_front) {
        match wire::decode::<ToWorker>(&message) {
            Ok((head, bulk)) => state.receive(head, bulk, came).await,
            Err(error) => report(&error.into()),
        }
    }
    STATE.set(Some(state));
    WORKING.set(false);
}

impl State {
    async fn receive(&mut self, head: ToWorker, bulk: Unpack, came: f64) {
        match head {
            ToWorker::Open { job, .. } => {
                if let Err(refusal) = self.open(head, bulk, came).await {
                    refuse(job, refusal);
                }
            }
            ToWorker::Item { session, job, part, work, want, repeat } => {
                // An item of a session that could not be opened is passed over: the page has given up the job by then.
                if let Some(open) = self.sessions.get_mut(&session) {
                    match compute(&mut self.host, open, &work, want, repeat).await {
                        Ok(answer) => Answer { job, part, ..answer }.send(&work),
                        Err(refusal) => refuse(job, refusal),
                    }
                }
            }
            ToWorker::Close { session } => {
                self.sessions.remove(&session);
            }
            ToWorker::Keep { .. } => report(&"the GPU's worker is sent whole tensors".into()),
            // Inputs are made by the CPU's workers.
            ToWorker::Load { .. } => report(&"the GPU's worker makes no inputs".into()),
            ToWorker::Lower { .. } => report(&"problems are lowered by the CPU's workers".into()),
            ToWorker::Operate { job, operator, repeat, .. } => {
                if let Err(refusal) = operate(&mut self.host, job, operator, repeat, bulk).await {
                    refuse(job, refusal);
                }
            }
        }
    }

    async fn open(&mut self, message: ToWorker, bulk: Unpack, came: f64) -> Result<(), Refusal> {
        let Some(opening) = self.tensors.open(message, bulk, came)? else { return Ok(()) };
        let Opening { session, job, plan, inputs, algorithm, tiers, cost, copy_ms, began, .. } = opening;
        let order = plan.order().into_iter().map(str::to_owned).collect();
        let cost = cost.then(|| Cost::of(&plan, algorithm, (TILE_ROWS, TILE_KEYS)));
        let mut opened = uploaded(&mut self.host, &plan, &inputs, algorithm, tiers).await?;
        // It is part of `prepare_ms`.
        opened.take_preparation();
        let (kernel, adapter) = (opened.kernel().to_owned(), Some(opened.adapter().clone()));
        self.sessions.insert(session, Open { plan, inputs, algorithm, tiers, session: opened });
        let prepare_ms = now() - began;
        let opened = FromWorker::Opened { session, job, cost, order, kernel, adapter, prepare_ms, copy_ms };
        send(&opened, &Bulk::default());
        Ok(())
    }
}

/// Whether the browser has WebGPU at all. It may still have no adapter to give.
fn has_webgpu() -> bool {
    let get = |of: &JsValue, name: &str| js_sys::Reflect::get(of, &name.into()).unwrap_or_default();
    get(&get(&js_sys::global(), "navigator"), "gpu").is_object()
}

/// The device, where there may be one.
async fn device(host: &mut GpuHost) -> Result<Rc<Gpu>, Refusal> {
    if !has_webgpu() {
        let error = GpuError::Unavailable(message!(
            "this browser gives pages no access to the GPU (no WebGPU)",
            "此浏览器不允许网页使用 GPU（没有 WebGPU）",
        ));
        return Err(Refusal::Gpu { error, lasting: true });
    }
    host.gpu().await.map_err(|error| Refusal::Gpu { error, lasting: true })
}

/// What is said when a lost device did no more harm than to take time.
fn reopened() -> Message {
    message!(
        "The GPU was lost and opened again; what it held was computed again.",
        "GPU 曾丢失，已重新打开，相应部分已重新计算。",
    )
}

/// Computes an operator beside attention, or gradients, and answers; on another device once more, if this one is lost.
async fn operate(host: &mut GpuHost, job: u64, length: usize, repeat: usize, mut bulk: Unpack) -> Result<(), Refusal> {
    let asked = match codec::decode(&bulk.u8(length)) {
        Some(Asked::Operator(operator)) => {
            let tensors = operator.inputs().into_iter().map(|length| bulk.f32(length)).collect();
            Computed::Operator(operator, tensors)
        }
        Some(Asked::Derive(derive)) => {
            Computed::Gradients(Plan::compile(&derive.problem)?, derive.given(|length| bulk.f32(length)))
        }
        _ => {
            report(&"the bytes of an operator are none".into());
            return Ok(());
        }
    };
    let mut notes = Vec::new();
    let (done, adapter, began) = loop {
        let gpu = device(host).await?;
        let (began, adapter) = (now(), gpu.facts().clone());
        match asked.compute(gpu, repeat).await {
            Ok(done) => break (done, adapter, began),
            Err(error) if error.is_lost() => notes.push(reopened()),
            Err(error) => return Err(Refusal::Gpu { error, lasting: false }),
        }
    };
    let GpuOperated { outputs, runs_ms } = done;
    // The device may have been opened on the way, which is no copying.
    let copy_ms = (now() - began - runs_ms.iter().sum::<f64>()).max(0.0);
    let lengths = outputs.iter().map(Vec::len).collect();
    let bulk = Bulk { f32: outputs.iter().map(Vec::as_slice).collect(), ..Bulk::default() };
    let (memory, adapter) = (super::memory(), Some(adapter));
    send(&FromWorker::Operated { job, lengths, runs_ms, copy_ms, memory, adapter, notes }, &bulk);
    Ok(())
}

/// What is computed without a session.
enum Computed {
    Operator(Operator, Vec<Vec<f32>>),
    Gradients(Plan, Given),
}

impl Computed {
    async fn compute(&self, gpu: Rc<Gpu>, repeat: usize) -> Result<GpuOperated, GpuError> {
        match self {
            Self::Operator(operator, tensors) => gpu::operate(&gpu, operator, tensors, repeat, now).await,
            Self::Gradients(plan, given) => {
                gpu::gradients_canary(&gpu, now).await?;
                let mut backward = GpuBackward::new(gpu, plan.clone(), given.clone(), now).await?;
                let mut done = GpuOperated::default();
                for _ in 0..repeat.max(1) {
                    let (gradients, ms) = backward.run().await?;
                    done.outputs = gradients.into();
                    done.runs_ms.push(ms);
                }
                Ok(done)
            }
        }
    }
}

/// A session on the device that there is, or on a new one if it is lost on the way.
async fn uploaded(
    host: &mut GpuHost,
    plan: &Plan,
    inputs: &Inputs,
    algorithm: Algorithm,
    tiers: Tiers,
) -> Result<GpuSession, Refusal> {
    loop {
        // The host gives up after some losses, and then this ends.
        let gpu = device(host).await?;
        match GpuSession::with_tiers(gpu, plan.clone(), inputs, algorithm, tiers, now).await {
            Err(error) if error.is_lost() => {}
            other => return other.map_err(|error| Refusal::Gpu { error, lasting: false }),
        }
    }
}

/// Computes a part; on another device once more, if this one is lost. The answer names no job yet.
async fn compute(
    host: &mut GpuHost,
    open: &mut Open,
    work: &[Work],
    want: Want,
    repeat: usize,
) -> Result<Answer, Refusal> {
    let mut notes = Vec::new();
    loop {
        match attempt(&mut open.session, work, want, repeat).await {
            Ok(mut answer) => {
                answer.notes.splice(0..0, notes);
                return Ok(answer);
            }
            Err(error) if error.is_lost() => {
                open.session = uploaded(host, &open.plan, &open.inputs, open.algorithm, open.tiers).await?;
                notes.push(reopened());
            }
            Err(error) => return Err(Refusal::Gpu { error, lasting: false }),
        }
    }
}

async fn attempt(session: &mut GpuSession, work: &[Work], want: Want, repeat: usize) -> Result<Answer, GpuError> {
    let began = now();
    let wanted: Vec<Rows> =
        work.iter().filter_map(|w| if let Work::Rows(rows) = w { Some(rows.clone()) } else { None }).collect();
    let mut runs_ms = vec![0.0; repeat.max(1)];
    let (mut rows, mut copy_ms): (Vec<RowsOut>, f64) = (Vec::new(), 0.0);
    for run in &mut runs_ms {
        let start = now();
        rows = session.run(&wanted, want).await?;
        let (waited, kernels, prepared) = (now() - start, kernels(&rows), prepared(&rows));
        // A clock that is too coarse to see a kernel says 0: then all that was waited for is the better figure.
        *run = if kernels > 0.0 { kernels } else { waited };
        copy_ms += (waited - *run - prepared).max(0.0);
    }
    let pictures: Vec<MapRequest> = work
        .iter()
        .filter_map(|w| if let Work::Map { request, .. } = w { Some(request.clone()) } else { None })
        .collect();
    let maps = session.maps(&pictures).await?;
    let (texts, notes, work_ms) = (session.take_texts(), session.take_notes(), now() - began);
    Ok(Answer { job: 0, part: 0, rows, maps, runs_ms, work_ms, copy_ms, texts, notes })
}

fn kernels(rows: &[RowsOut]) -> f64 {
    rows.iter().map(|out| out.times.0.iter().sum::<f64>()).sum::<f64>() - prepared(rows)
}

fn prepared(rows: &[RowsOut]) -> f64 {
    rows.iter().map(|out| out.times.of(TimedStage::Prepare)).sum()
}

fn refuse(job: u64, refusal: Refusal) {
    let answer = match refusal {
        Refusal::Invalid(issues) => FromWorker::Failed { job, issues: issues.0 },
        Refusal::Gpu { error, lasting } => FromWorker::Unavailable { job, message: error.message(), lasting },
    };
    send(&answer, &Bulk::default());
}

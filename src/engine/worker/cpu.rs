//! The worker of the CPU engines.
#![allow(improper_ctypes_definitions, reason = "both sides of a cut are this one compilation")]

use std::cell::{Cell, RefCell};

use wasm_bindgen::JsValue;
use wasm_split_helpers::{SplitLoaderError, wasm_split};

use super::beside::{lower, operate};
use super::{Answer, Opening, Tensors, listen, now, report, send};
use crate::attention::{self, Cost, Inputs, Loaded, Plan, late};
use crate::engine::cpu::{Kernels, finite};
use crate::engine::json::BrowserJson;
use crate::engine::protocol::wire::{self, Bulk, Unpack};
use crate::engine::protocol::{FromWorker, ToWorker, Work};
use crate::engine::session::{at_hand, exactly, has_streaming, install_streaming, needs_exact};
use crate::engine::{Engine, RowsOut, Session, TILE, Want};
use crate::experiment::{Algorithm, Backend, Input, Issue, Issues, Message, message};
use crate::formula::Sorted;

/// A module whose one function is `f32x4.relaxed_madd` of three zero vectors; it is valid exactly where relaxed SIMD is.
///
/// `(module (func (result v128) i32.const 0 i8x16.splat i32.const 0 i8x16.splat i32.const 0 i8x16.splat f32x4.relaxed_madd))`
const RELAXED_PROBE: [u8; 40] = [
    0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00, // magic, version 1
    0x01, 0x05, 0x01, 0x60, 0x00, 0x01, 0x7b, // types: () -> v128
    0x03, 0x02, 0x01, 0x00, // functions: one, of type 0
    0x0a, 0x13, 0x01, 0x11, 0x00, // code: one body of 17 bytes, no locals
    0x41, 0x00, 0xfd, 0x0f, 0x41, 0x00, 0xfd, 0x0f, 0x41, 0x00, 0xfd,
    0x0f, // three times i32.const 0, i8x16.splat
    0xfd, 0x85, 0x02, // f32x4.relaxed_madd
    0x0b, // end
];

/// Whether this browser has relaxed SIMD.
pub fn has_relaxed_simd() -> bool {
    js_sys::WebAssembly::validate(&js_sys::Uint8Array::from(RELAXED_PROBE.as_slice())).unwrap_or(false)
}

struct State {
    tensors: Tensors,
    sessions: Sorted<u64, Open>,
}

/// A session, and what it was opened over.
struct Open {
    session: Session,
    tensors: [u64; 3],
    algorithm: Algorithm,
    /// Whether it can take numbers that are not finite.
    exact: bool,
}

thread_local! {
    /// Messages that wait until a piece of the program is there.
    static WAITING: RefCell<Option<Vec<JsValue>>> = const { RefCell::new(None) };
    static STATE: RefCell<State> = RefCell::new(State { tensors: Tensors::new(finite), sessions: Sorted::new() });
    /// The inner loops, from the start on.
    static KERNELS: Cell<Option<&'static Kernels>> = const { Cell::new(None) };
}

/// Starts the worker: it answers messages from now on.
///
/// `kernels` are the inner loops that this browser can run.
///
/// # Errors
/// What the browser says against their code.
pub fn start(kernels: &'static Kernels) -> Result<(), JsValue> {
    #[cfg(in_browser)]
    super::ordered::install(kernels)?;
    KERNELS.set(Some(kernels));
    listen(kernels.tier, receive);
    Ok(())
}

pub(super) fn kernels() -> Result<&'static Kernels, Issues> {
    let missing = || message!("this worker has no inner loops yet; try again", "此工作线程尚无计算核，请重试");
    KERNELS.get().ok_or_else(|| Issue::new("engine.backend", missing()).into())
}

fn receive(message: &JsValue) {
    let waits =
        WAITING.with_borrow_mut(|waiting| waiting.as_mut().map(|waiting| waiting.push(message.clone())).is_some());
    if !waits {
        take(message, now());
    }
}

fn take(message: &JsValue, from: f64) {
    let (head, bulk) = match wire::decode::<ToWorker>(message) {
        Ok(decoded) => decoded,
        Err(error) => return report(&error.into()),
    };
    let wants_more = |problem, algorithm| {
        (algorithm != Algorithm::Materialised && !has_streaming()) || (late::wanted(problem, TILE) && !late::is_here())
    };
    if matches!(&head, ToWorker::Open { problem, algorithm, .. } if wants_more(problem, *algorithm)) {
        WAITING.set(Some(Vec::new()));
        wasm_bindgen_futures::spawn_local(open_late(head, bulk));
    } else {
        answer(head, bulk, from);
    }
}

fn answer(head: ToWorker, bulk: Unpack, from: f64) {
    STATE.with_borrow_mut(|state| match head {
        ToWorker::Load { job, input, bytes } => load(job, input, bytes, bulk),
        ToWorker::Open { session, job, .. } => {
            if let Err(issues) = state.open(head, bulk, from) {
                // The item that may have come along finds no session and is passed over: the page has given up the job by then.
                state.sessions.remove(&session);
                send(&FromWorker::Failed { job, issues: issues.0 }, &Bulk::default());
            }
        }
        ToWorker::Item { session: id, job, part, work, want, repeat } => {
            let Some(open) = state.sessions.get_mut(&id) else { return };
            if open.exact || state.tensors.finite(&open.tensors) {
                let copy_ms = std::mem::take(&mut state.tensors.copy_ms);
                compute(&mut open.session, job, part, &work, want, repeat, from, copy_ms);
            } else {
                let item = ToWorker::Item { session: id, job, part, work, want, repeat };
                WAITING.set(Some(Vec::new()));
                wasm_bindgen_futures::spawn_local(turn_exact(id, job, item, bulk));
            }
        }
        ToWorker::Operate { job, operator, exact, repeat } => {
            wasm_bindgen_futures::spawn_local(operate(job, operator, exact, repeat, bulk, from));
        }
        ToWorker::Lower { job, problem, tables, y } => {
            wasm_bindgen_futures::spawn_local(lower(job, problem, tables, y, bulk, from));
        }
        ToWorker::Keep { numbers } => state.tensors.fill(numbers, bulk, from),
        ToWorker::Close { session } => {
            state.sessions.remove(&session);
        }
    });
}

fn load(job: u64, input: Input, bytes: bool, mut bulk: Unpack) {
    let bytes = bytes.then(|| bulk.u8(usize::MAX));
    match &input {
        Input::Capture { id, layer } => loaded(job, attention::captured::<BrowserJson>(id, *layer, bytes.as_deref())),
        _ => wasm_bindgen_futures::spawn_local(async move {
            let missing = |_| {
                let text = message!(
                    "the part of the page that makes inputs did not arrive; try again",
                    "页面中生成输入的部分未能加载，请重试",
                );
                Err(Issue::new("input", text).into())
            };
            loaded(job, made(input).await.unwrap_or_else(missing));
        }),
    }
}

type Made = Result<Loaded, Issues>;

/// Generators and embeddings are a piece of the program of their own: the page opens on a capture.
#[wasm_split(aside, fallible)]
fn made(input: Input) -> Result<Made, SplitLoaderError> {
    Ok(attention::made(&input))
}

fn loaded(job: u64, made: Made) {
    match made {
        Ok(loaded) => {
            let Inputs { q, k, v } = &loaded.inputs;
            let bulk = Bulk { f32: vec![q, k, v], ..Bulk::default() };
            let (dims, note) = (loaded.dims, loaded.note.clone());
            let (tokens_q, tokens_k) = (loaded.tokens_q.clone(), loaded.tokens_k.clone());
            send(&FromWorker::Loaded { job, dims, tokens_q, tokens_k, note }, &bulk);
        }
        Err(issues) => send(&FromWorker::Failed { job, issues: issues.0 }, &Bulk::default()),
    }
}

impl State {
    fn open(&mut self, message: ToWorker, bulk: Unpack, from: f64) -> Result<(), Issues> {
        let Some(opening) = self.tensors.open(message, bulk, from)? else { return Ok(()) };
        let kernels = kernels()?;
        if needs_exact(opening.backend, opening.finite) {
            WAITING.set(Some(Vec::new()));
            wasm_bindgen_futures::spawn_local(open_exact(opening, kernels));
        } else {
            let missing = || Issue::new("engine.algorithm", did_not_arrive());
            let engine = at_hand(&opening.plan, opening.algorithm, kernels).ok_or_else(missing)?;
            self.opened(opening, engine);
        }
        Ok(())
    }

    fn opened(&mut self, opening: Opening, engine: Box<dyn Engine>) {
        let Opening { session, job, plan, inputs, tensors, finite, backend, algorithm, cost, copy_ms, began, .. } =
            opening;
        let order = plan.order().into_iter().map(str::to_owned).collect();
        let cost = cost.then(|| Cost::of(&plan, algorithm, TILE));
        let opened = Session::with(plan, inputs, engine, now);
        let kernel = opened.kernel().to_owned();
        let exact = needs_exact(backend, finite);
        self.sessions.insert(session, Open { session: opened, tensors, algorithm, exact });
        let (prepare_ms, adapter) = (now() - began, None);
        let opened = FromWorker::Opened { session, job, cost, order, kernel, adapter, prepare_ms, copy_ms };
        send(&opened, &Bulk::default());
    }
}

/// Opens a session when the code for its problem has been fetched, and takes up what came in the meantime.
async fn open_late(head: ToWorker, bulk: Unpack) {
    // Where it did not arrive, maps are made more slowly, and a problem with positions or for the streaming algorithm is refused; its tensors are kept in either case, as the page believes.
    let _ = fetched().await;
    let waiting = WAITING.take();
    answer(head, bulk, now());
    listen_again(waiting);
}

/// Takes up what came while a piece of the program was fetched; it may have to wait for another. The wait counts for no copy.
fn listen_again(waiting: Option<Vec<JsValue>>) {
    waiting.into_iter().flatten().for_each(|message| receive(&message));
}

/// What the problem of the first view needs none of is a piece of the program of its own.
#[wasm_split(aside, fallible)]
fn fetched() -> Result<(), SplitLoaderError> {
    late::install();
    install_streaming();
    #[cfg(in_browser)]
    super::formulas::install();
    Ok(())
}

/// Opens a session of the readable engines once they are there, and takes up what came in the meantime.
async fn open_exact(opening: Opening, kernels: &'static Kernels) {
    match exact(&opening.plan, opening.backend, opening.algorithm, kernels).await {
        Ok(engine) => STATE.with_borrow_mut(|state| state.opened(opening, engine)),
        Err(_) => {
            let issues = vec![Issue::new("engine.backend", did_not_arrive())];
            send(&FromWorker::Failed { job: opening.job, issues }, &Bulk::default());
        }
    }
    let waiting = WAITING.take();
    listen_again(waiting);
}

/// Goes on with an engine for numbers that are not finite: among those that have come since the session was opened there are some.
async fn turn_exact(id: u64, job: u64, item: ToWorker, bulk: Unpack) {
    let from = now();
    let open = STATE.with_borrow_mut(|state| state.sessions.remove(&id));
    if let (Some(mut open), Ok(kernels)) = (open, kernels()) {
        let told = match exact(open.session.plan(), Backend::Cpu, open.algorithm, kernels).await {
            Ok(engine) => {
                open.session.go_on_with(engine);
                open.exact = true;
                let (order, kernel) = (Vec::new(), open.session.kernel().to_owned());
                let (cost, adapter, prepare_ms, copy_ms) = (None, None, now() - from, 0.0);
                FromWorker::Opened { session: id, job, cost, order, kernel, adapter, prepare_ms, copy_ms }
            }
            Err(_) => FromWorker::Failed { job, issues: vec![Issue::new("engine.backend", did_not_arrive())] },
        };
        send(&told, &Bulk::default());
        STATE.with_borrow_mut(|state| state.sessions.insert(id, open));
        if matches!(told, FromWorker::Opened { .. }) {
            answer(item, bulk, from);
        }
    }
    let waiting = WAITING.take();
    listen_again(waiting);
}

pub(super) fn did_not_arrive() -> Message {
    message!(
        "the part of the page that computes this did not arrive; try again",
        "页面中执行此计算的部分未能加载，请重试",
    )
}

/// Double precision, and input with NaN or infinities: a piece of the program that most visits do without.
#[wasm_split(aside, fallible)]
fn exact(
    plan: &Plan,
    backend: Backend,
    algorithm: Algorithm,
    kernels: &'static Kernels,
) -> Result<Box<dyn Engine>, SplitLoaderError> {
    Ok(exactly(plan, backend, algorithm, kernels))
}

fn compute(
    session: &mut Session,
    job: u64,
    part: usize,
    work: &[Work],
    want: Want,
    repeat: usize,
    from: f64,
    copy_ms: f64,
) {
    let began = now();
    let mut runs_ms = vec![0.0; repeat.max(1)];
    // Repetitions go over all rows of the part, as a run does; the pictures are made once, afterwards.
    let mut rows: Vec<RowsOut> = Vec::new();
    for run in &mut runs_ms {
        rows.clear();
        let start = now();
        rows.extend(work.iter().filter_map(|w| if let Work::Rows(r) = w { Some(session.rows(r, want)) } else { None }));
        *run = now() - start;
    }
    let map = |w: &Work| if let Work::Map { request, .. } = w { Some(session.map(request)) } else { None };
    let maps = work.iter().filter_map(map).collect();
    let (work_ms, copy_ms) = (now() - began, began - from + copy_ms);
    let (texts, notes) = Default::default();
    Answer { job, part, rows, maps, runs_ms, work_ms, copy_ms, texts, notes }.send(work);
}

//! A compute worker: decode a message, run the session, answer. One thread, one message at a time, no state that the page does not know.
#![allow(improper_ctypes_definitions, reason = "both sides of a cut are this one compilation")]

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::sync::Arc;

use wasm_bindgen::closure::Closure;
use wasm_bindgen::{JsCast, JsValue};
use wasm_split_helpers::{SplitLoaderError, wasm_split};
use web_sys::{DedicatedWorkerGlobalScope, MessageEvent, Performance};

use super::protocol::wire::{self, Bulk, Unpack};
use super::protocol::{FromWorker, Given, PROTOCOL, ToWorker, Work, tables_mut};
use super::{RowsOut, Session, StageTimes, Want, cpu};
use crate::attention::{self, Cost, Inputs, Json, Loaded, Plan, Problem};
use crate::experiment::{Input, Issue, Issues, message};
use crate::formula::DataValues;

/// Longest panic message that is sent.
const MESSAGE_CHARS: usize = 500;

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

#[derive(Default)]
struct State {
    tensors: HashMap<u64, Arc<Vec<f32>>>,
    sessions: HashMap<u64, Session>,
}

thread_local! {
    static STATE: RefCell<State> = RefCell::default();
    static KERNELS: Cell<&'static cpu::Kernels> = const { Cell::new(&cpu::Kernels::SEPARATE) };
    static PERFORMANCE: Option<Performance> = scope().performance();
}

fn scope() -> DedicatedWorkerGlobalScope {
    js_sys::global().unchecked_into()
}

fn now() -> f64 {
    PERFORMANCE.with(|p| p.as_ref().map_or(0.0, Performance::now))
}

/// The browser's own parser.
struct Browser;

impl Json for Browser {
    fn read<T: serde::de::DeserializeOwned>(text: &str) -> Result<T, String> {
        let value = js_sys::JSON::parse(text).map_err(|_| "not JSON")?;
        serde_wasm_bindgen::from_value(value).map_err(|error| error.to_string())
    }
}

/// Starts the worker: it answers messages from now on.
///
/// `kernels` are the inner loops that this browser can run.
pub fn start(kernels: &'static cpu::Kernels) {
    KERNELS.set(kernels);
    std::panic::set_hook(Box::new(|info| {
        let message = info.to_string().chars().take(MESSAGE_CHARS).collect();
        send(&FromWorker::Panicked { message }, &Bulk::default());
    }));
    let on_message = Closure::<dyn FnMut(MessageEvent)>::new(|event: MessageEvent| receive(&event.data()));
    scope().set_onmessage(Some(on_message.as_ref().unchecked_ref()));
    // The worker listens for as long as it lives.
    on_message.forget();
    send(&FromWorker::Ready { protocol: PROTOCOL, tier: kernels.tier.to_owned() }, &Bulk::default());
}

fn send(head: &FromWorker, bulk: &Bulk) {
    if let Err(error) =
        wire::encode(head, bulk).and_then(|(message, transfer)| scope().post_message_with_transfer(&message, &transfer))
    {
        report(&error);
    }
}

/// An answer that cannot be sent: the page hears of it as an error of this worker, and replaces it.
fn report(error: &JsValue) {
    wasm_bindgen::throw_val(error.clone());
}

fn receive(message: &JsValue) {
    let from = now();
    let (head, bulk) = match wire::decode::<ToWorker>(message) {
        Ok(decoded) => decoded,
        Err(error) => return report(&error.into()),
    };
    STATE.with_borrow_mut(|state| match head {
        ToWorker::Load { job, input, bytes } => load(job, input, bytes, bulk),
        ToWorker::Open { session, job, .. } => {
            if let Err(issues) = state.open(head, bulk, from) {
                // The item that may have come along finds no session and is passed over: the page has given up the job by then.
                state.sessions.remove(&session);
                send(&FromWorker::Failed { job, issues: issues.0 }, &Bulk::default());
            }
        }
        ToWorker::Item { session, job, part, work, want, repeat } => {
            if let Some(session) = state.sessions.get_mut(&session) {
                compute(session, job, part, &work, want, repeat, from);
            }
        }
        ToWorker::Close { session } => {
            state.sessions.remove(&session);
        }
    });
}

fn load(job: u64, input: Input, bytes: bool, mut bulk: Unpack) {
    let bytes = bytes.then(|| bulk.u8(usize::MAX));
    match &input {
        Input::Capture { id, layer } => loaded(job, attention::captured::<Browser>(id, *layer, bytes.as_deref())),
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
#[wasm_split(inputs, fallible)]
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
    fn open(&mut self, message: ToWorker, mut bulk: Unpack, from: f64) -> Result<(), Issues> {
        let ToWorker::Open { session, job, mut problem, tables, tensors, sent, forget, backend, algorithm, cost } =
            message
        else {
            return Ok(());
        };
        for (key, length) in sent {
            self.tensors.insert(key, Arc::new(bulk.f32(length)));
        }
        fill_tables(&mut problem, &tables, &mut bulk);
        let tensor = |key: u64| {
            self.tensors
                .get(&key)
                .cloned()
                .ok_or_else(|| Issue::new("input", "a tensor did not reach the worker; reload the page"))
        };
        let inputs = Inputs { q: tensor(tensors[0])?, k: tensor(tensors[1])?, v: tensor(tensors[2])? };
        for key in forget {
            self.tensors.remove(&key);
        }
        let dims = problem.dims;
        for (name, tensor, length) in
            [("Q", &inputs.q, dims.q_len()), ("K", &inputs.k, dims.k_len()), ("V", &inputs.v, dims.v_len())]
        {
            if tensor.len() != length {
                return Err(Issue::new(name, format!("holds {} numbers; its sizes need {length}", tensor.len())).into());
            }
        }
        let copied = now();
        let plan = Plan::compile(&problem)?;
        let order = plan.order().into_iter().map(str::to_owned).collect();
        let cost = cost.then(|| Cost::of(&plan, algorithm, (cpu::TILE_ROWS, cpu::TILE_KEYS)));
        let opened = Session::new(plan, inputs, backend, algorithm, KERNELS.get(), now);
        let kernel = opened.kernel().to_owned();
        self.sessions.insert(session, opened);
        let (prepare_ms, copy_ms) = (now() - copied, copied - from);
        send(&FromWorker::Opened { session, job, cost, order, kernel, prepare_ms, copy_ms }, &Bulk::default());
        Ok(())
    }
}

fn fill_tables(problem: &mut Problem, lengths: &[usize], bulk: &mut Unpack) {
    for (table, &length) in tables_mut(problem).zip(lengths) {
        match &mut Arc::make_mut(table).values {
            DataValues::Bool(values) => *values = bulk.u8(length),
            DataValues::Int(values) => *values = bulk.i32(length),
            DataValues::Float(values) => *values = bulk.f32(length),
        }
    }
}

enum Piece {
    Rows(RowsOut),
    Map(Vec<f32>, StageTimes),
}

fn compute(session: &mut Session, job: u64, part: usize, work: &[Work], want: Want, repeat: usize, from: f64) {
    let began = now();
    let mut results: Vec<Piece> = Vec::with_capacity(work.len());
    let mut runs_ms = vec![0.0; repeat.max(1)];
    // Repetitions go over all rows of the part, as a run does; the pictures are made once, afterwards.
    let mut rows: Vec<RowsOut> = Vec::new();
    for run in &mut runs_ms {
        rows.clear();
        let start = now();
        rows.extend(work.iter().filter_map(|w| if let Work::Rows(r) = w { Some(session.rows(r, want)) } else { None }));
        *run = now() - start;
    }
    let mut rows = rows.into_iter();
    for piece in work {
        match piece {
            Work::Rows(_) => results.extend(rows.next().map(Piece::Rows)),
            Work::Map { request, .. } => {
                let (map, times) = session.map(request);
                results.push(Piece::Map(map.values, times));
            }
        }
    }
    let work_ms = now() - began;
    let mut bulk = Bulk::default();
    let mut given = Vec::with_capacity(results.len());
    for result in &results {
        match result {
            Piece::Rows(out) => {
                let vectors = [&out.y, &out.lse, &out.entropy, &out.peak, &out.matrix];
                bulk.f32.extend(vectors.map(Vec::as_slice));
                bulk.u32.push(&out.peak_at);
                given.push(Given::Rows {
                    lengths: vectors.map(Vec::len),
                    peak_at: out.peak_at.len(),
                    empty_rows: out.empty_rows,
                    times: out.times,
                });
            }
            Piece::Map(values, times) => {
                bulk.f32.push(values);
                given.push(Given::Map { length: values.len(), times: *times });
            }
        }
    }
    // What packing and posting the answer takes is only known once it is gone; the page counts its own side.
    let copy_ms = began - from;
    send(&FromWorker::Done { job, part, given, runs_ms, work_ms, copy_ms }, &bulk);
}

//! Compute workers: decode a message, run the session, answer. One thread each, one message at a time, no state that the page does not know.
//!
//! | file | what it holds | program |
//! |---|---|---|
//! | `mod` | the mailbox, tensors, answers | both |
//! | `cpu` | sessions of the CPU and reference engines | the page's own, in pieces |
//! | `beside` | what it does beside sessions: lowering, operators, gradients | the page's own, in pieces |
//! | `ordered` | the generated inner loops, made callable | the page's own |
//! | `formulas` | formulas as functions, made while it runs | the page's own, in a piece |
//! | `bandwidth` | what memory gives a core at most | the page's own, in a piece |
//! | `peak` | what a core does at most | the page's own, in a piece |
//! | `gpu` | sessions of the GPU engine, which are waited for | one of its own, so that the page has no wgpu in it |
//! | `subgroups` | what wgpu leaves out of what it asks adapters for | that of the GPU |

#[cfg(feature = "worker")]
mod bandwidth;
#[cfg(feature = "worker")]
mod beside;
#[cfg(feature = "worker")]
pub mod cpu;
#[cfg(all(in_browser, feature = "worker"))]
mod formulas;
#[cfg(feature = "gpu")]
pub mod gpu;
#[cfg(all(in_browser, feature = "worker"))]
mod ordered;
#[cfg(feature = "worker")]
mod peak;
#[cfg(feature = "gpu")]
mod subgroups;

use std::sync::Arc;

use wasm_bindgen::closure::Closure;
use wasm_bindgen::{JsCast, JsValue};
use web_sys::{DedicatedWorkerGlobalScope, MessageEvent, Performance};

use super::protocol::wire::{self, Bulk, Unpack};
use super::protocol::{FromWorker, Given, PROTOCOL, ToWorker, Work, tables_mut};
use super::{KernelText, Map, RowsOut, StageTimes};
use crate::attention::{Inputs, Plan, Problem};
use crate::experiment::{Algorithm, Backend, Issue, Issues, Message, Tiers, message};
use crate::formula::{DataValues, Sorted};

/// Longest panic message that is sent.
const MESSAGE_CHARS: usize = 500;

thread_local! {
    static PERFORMANCE: Option<Performance> = scope().performance();
}

fn scope() -> DedicatedWorkerGlobalScope {
    js_sys::global().unchecked_into()
}

/// Milliseconds since the worker began.
fn now() -> f64 {
    PERFORMANCE.with(|p| p.as_ref().map_or(0.0, Performance::now))
}

/// Bytes of this worker's linear memory: program, tensors, and what was ever needed beside them, as it never shrinks.
fn memory() -> f64 {
    #[cfg(target_arch = "wasm32")]
    const PAGE: f64 = 65_536.0;
    #[cfg(target_arch = "wasm32")]
    let bytes = core::arch::wasm32::memory_size::<0>() as f64 * PAGE;
    #[cfg(not(target_arch = "wasm32"))]
    let bytes = 0.0;
    bytes
}

/// Takes messages from now on, says so, and says why should it panic.
fn listen(tier: &str, receive: impl Fn(&JsValue) + 'static) {
    std::panic::set_hook(Box::new(|info| {
        send(&FromWorker::Panicked { message: said(info) }, &Bulk::default());
    }));
    let on_message = Closure::<dyn FnMut(MessageEvent)>::new(move |event: MessageEvent| receive(&event.data()));
    scope().set_onmessage(Some(on_message.as_ref().unchecked_ref()));
    // The worker listens for as long as it lives.
    on_message.forget();
    send(&FromWorker::Ready { protocol: PROTOCOL, tier: tier.to_owned() }, &Bulk::default());
}

/// What a panic says and where it was, without the folders of whoever compiled the program and without JavaScript's stack.
fn said(info: &std::panic::PanicHookInfo) -> String {
    let text = info.payload_as_str().unwrap_or("panic").lines().next().unwrap_or_default();
    let text: String = text.chars().take(MESSAGE_CHARS).collect();
    match info.location() {
        Some(at) => format!("{text} ({}:{})", at.file().rsplit(['/', '\\']).next().unwrap_or_default(), at.line()),
        None => text,
    }
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

/// The tensors that the page wants kept.
struct Tensors {
    /// By their keys, and whether they are finite.
    kept: Sorted<u64, (Arc<Vec<f32>>, bool)>,
    /// By whom that is looked at: when a tensor comes in, while the page packs the next.
    is_finite: fn(&[f32]) -> bool,
    /// Taking heads out of their messages, milliseconds, since this was last told.
    copy_ms: f64,
}

/// A session to be opened, its problem compiled.
struct Opening {
    session: u64,
    job: u64,
    plan: Plan,
    inputs: Inputs,
    /// Keys of Q, K and V.
    #[cfg_attr(
        not(feature = "worker"),
        expect(dead_code, reason = "the GPU's worker has all of a tensor from the start")
    )]
    tensors: [u64; 3],
    /// Whether what is there of Q, K and V is all finite.
    #[cfg_attr(not(feature = "worker"), expect(dead_code, reason = "the GPU's worker takes any"))]
    finite: bool,
    #[cfg_attr(not(feature = "worker"), expect(dead_code, reason = "the GPU's worker has one engine"))]
    backend: Backend,
    algorithm: Algorithm,
    #[cfg_attr(not(feature = "gpu"), expect(dead_code, reason = "the CPU's workers have none of it"))]
    tiers: Tiers,
    cost: bool,
    /// Taking the message apart, milliseconds.
    copy_ms: f64,
    /// When compiling began.
    began: f64,
}

impl Tensors {
    /// None yet.
    fn new(is_finite: fn(&[f32]) -> bool) -> Self {
        Self { kept: Sorted::new(), is_finite, copy_ms: 0.0 }
    }

    fn keep(&mut self, key: u64, length: usize, bulk: &mut Unpack) {
        let tensor = bulk.f32(length);
        let finite = (self.is_finite)(&tensor);
        self.kept.insert(key, (Arc::new(tensor), finite));
    }

    /// Puts numbers of tensors that are kept, which came in at `from`, in their places.
    #[cfg(feature = "worker")]
    fn fill(&mut self, numbers: Vec<(u64, std::ops::Range<usize>)>, mut bulk: Unpack, from: f64) {
        for (key, range) in numbers {
            let Some((tensor, finite)) = self.kept.get_mut(&key) else { continue };
            // SAFETY: nothing is read while this runs. Sessions own the tensor too, but compute between messages, when this does not run; and there is one thread.
            let tensor = unsafe { &mut *Arc::as_ptr(tensor).cast_mut() };
            if let Some(place) = tensor.get_mut(range) {
                bulk.f32_into(place.len(), place);
                *finite &= (self.is_finite)(place);
            }
        }
        self.copy_ms += now() - from;
    }

    /// Whether what is there of the tensors is finite.
    #[cfg(feature = "worker")]
    fn finite(&self, keys: &[u64; 3]) -> bool {
        keys.iter().all(|key| self.kept.get(key).is_none_or(|(_, finite)| *finite))
    }

    /// Takes an [`ToWorker::Open`] that came in at `from` apart; anything else is `None`.
    fn open(&mut self, message: ToWorker, mut bulk: Unpack, from: f64) -> Result<Option<Opening>, Issues> {
        let ToWorker::Open {
            session,
            job,
            mut problem,
            tables,
            tensors,
            sent,
            later,
            forget,
            backend,
            algorithm,
            tiers,
            cost,
        } = message
        else {
            return Ok(None);
        };
        // The memory of one that is forgotten serves one that is to come: nothing of it is read before its numbers are there, and zeros would cost as much as those.
        let mut spare: Vec<Vec<f32>> = Vec::new();
        for key in forget {
            spare.extend(self.kept.remove(&key).and_then(|(tensor, _)| Arc::into_inner(tensor)));
        }
        for (key, length) in later {
            let at = spare.iter().position(|spare| spare.len() == length);
            let tensor = at.map_or_else(|| vec![0.0; length], |at| spare.swap_remove(at));
            self.kept.insert(key, (Arc::new(tensor), true));
        }
        drop(spare);
        for (key, length) in sent {
            self.keep(key, length, &mut bulk);
        }
        fill_tables(&mut problem, &tables, &mut bulk);
        let tensor = |key: u64| {
            let missing =
                || message!("a tensor did not reach the worker; reload the page", "有张量未能传到工作线程，请刷新页面");
            self.kept.get(&key).cloned().ok_or_else(|| Issue::new("input", missing()))
        };
        let [q, k, v] = [tensor(tensors[0])?, tensor(tensors[1])?, tensor(tensors[2])?];
        let finite = q.1 && k.1 && v.1;
        let inputs = Inputs { q: q.0, k: k.0, v: v.0 };
        let dims = problem.dims;
        for (name, tensor, length) in
            [("Q", &inputs.q, dims.q_len()), ("K", &inputs.k, dims.k_len()), ("V", &inputs.v, dims.v_len())]
        {
            if tensor.len() != length {
                return Err(Issue::new(name, format!("holds {} numbers; its sizes need {length}", tensor.len())).into());
            }
        }
        let began = now();
        let copy_ms = began - from + std::mem::take(&mut self.copy_ms);
        let plan = Plan::compile(&problem)?;
        Ok(Some(Opening {
            session,
            job,
            plan,
            inputs,
            tensors,
            finite,
            backend,
            algorithm,
            tiers,
            cost,
            copy_ms,
            began,
        }))
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

/// What a part of a job gave.
struct Answer {
    job: u64,
    part: usize,
    /// Of each piece of rows, in the order of the work.
    rows: Vec<RowsOut>,
    /// Of each picture, in the order of the work.
    maps: Vec<(Map, StageTimes)>,
    runs_ms: Vec<f64>,
    work_ms: f64,
    copy_ms: f64,
    texts: Vec<KernelText>,
    notes: Vec<Message>,
}

impl Answer {
    /// Sends it, as the answer to `work`.
    fn send(self, work: &[Work]) {
        let mut bulk = Bulk::default();
        let mut given = Vec::with_capacity(work.len());
        let (mut rows, mut maps) = (self.rows.iter(), self.maps.iter());
        for piece in work {
            match piece {
                Work::Rows(_) => {
                    let Some(out) = rows.next() else { continue };
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
                Work::Map { .. } => {
                    let Some((map, times)) = maps.next() else { continue };
                    bulk.f32.push(&map.values);
                    given.push(Given::Map { length: map.values.len(), times: *times });
                }
            }
        }
        let Answer { job, part, runs_ms, work_ms, copy_ms, texts, notes, .. } = self;
        let memory = memory();
        // What packing and posting the answer takes is only known once it is gone; the page counts its own side.
        send(&FromWorker::Done { job, part, given, runs_ms, work_ms, copy_ms, memory, texts, notes }, &bulk);
    }
}

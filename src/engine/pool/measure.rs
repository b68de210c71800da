//! Weighs CPU and GPU by what was measured: both engines over the same problems, once, and remembered by the browser.

use std::sync::Arc;

use js_sys::Promise;
use wasm_bindgen_futures::JsFuture;

use super::auto::Knowledge;
use super::cancel::Cancel;
use super::cut::dense_flops;
use super::hub::Pool;
use super::launch::meta;
use super::payoff::{Line, Lines, Payoff, WORTH_WAITING_MS};
use super::run::{Run, RunError};
use super::schedule::Lane;
use crate::attention::{Dims, Inputs, Problem};
use crate::engine::{Adapter, Choice, Want};
use crate::experiment::{Algorithm, Backend, Message};

/// Rows of the two problems: one that is mostly the way there and back, one that is mostly work.
const SMALL: usize = 128;
const LARGE: usize = 1024;
/// Each is run so often after the first time, which compiles and fills caches; the fastest counts.
const TIMES: usize = 3;
/// Milliseconds between looks at whether others still compute.
const LOOK_MS: i32 = 50;

/// Which engine a run of `flops` operations should take that the CPU is expected to need `cpu_ms` for.
pub async fn judge(pool: Pool, flops: f64, cpu_ms: f64) -> Choice {
    if let Knowledge::Nothing | Knowledge::Outdated = knowledge(&pool) {
        pool.0.state.borrow_mut().gpu = Knowledge::Measuring;
        if cpu_ms > WORTH_WAITING_MS {
            measure(&pool).await;
        } else {
            let pool = pool.clone();
            wasm_bindgen_futures::spawn_local(async move { measure(&pool).await });
        }
    }
    match knowledge(&pool) {
        Knowledge::Nothing | Knowledge::Outdated | Knowledge::Measuring => Choice::Unmeasured,
        Knowledge::Measured(payoff) => payoff.choice(flops),
        Knowledge::Unavailable(why) => Choice::Unavailable(why),
    }
}

/// What is known, an earlier visit included.
fn knowledge(pool: &Pool) -> Knowledge {
    let mut state = pool.0.state.borrow_mut();
    if matches!(state.gpu, Knowledge::Nothing)
        && let Some(payoff) = remembered()
    {
        state.gpu = Knowledge::Measured(payoff);
    }
    state.gpu.clone()
}

async fn measure(pool: &Pool) {
    let measured = compare(pool).await;
    let mut state = pool.0.state.borrow_mut();
    state.gpu = match measured {
        Ok(payoff) => {
            remember(&payoff);
            Knowledge::Measured(payoff)
        }
        Err(why) => Knowledge::Unavailable(why),
    };
}

/// Another version of the program is measured anew: it may be faster.
fn key() -> Option<String> {
    Some(format!("attention-playground-payoff-{}", meta("gpu")?))
}

fn remembered() -> Option<Payoff> {
    let storage = web_sys::window()?.local_storage().ok()??;
    Payoff::read(&storage.get_item(&key()?).ok()??)
}

/// Frames without their own origin have nowhere to keep it: there it is measured on each visit.
fn remember(payoff: &Payoff) {
    let storage = web_sys::window().and_then(|window| window.local_storage().ok()?);
    if let Some((storage, key)) = storage.zip(key()) {
        let _ = storage.set_item(&key, &payoff.text());
    }
}

/// # Errors
/// Why there is no GPU to measure.
async fn compare(pool: &Pool) -> Result<Payoff, Message> {
    let why = |error: RunError| error.message();
    quiet(pool).await;
    let (gpu_small, adapter) = time(pool, Backend::Webgpu, SMALL).await.map_err(why)?;
    let Adapter { name, software, .. } = adapter.unwrap_or_default();
    if software {
        return Ok(Payoff { adapter: name, lines: None });
    }
    let (gpu_large, _) = time(pool, Backend::Webgpu, LARGE).await.map_err(why)?;
    let (cpu_small, _) = time(pool, Backend::Cpu, SMALL).await.map_err(why)?;
    let (cpu_large, _) = time(pool, Backend::Cpu, LARGE).await.map_err(why)?;
    let lines = Lines { cpu: Line::through(cpu_small, cpu_large), gpu: Line::through(gpu_small, gpu_large) };
    Ok(Payoff { adapter: name, lines: Some(lines) })
}

/// Waits until nothing else is computed, which would be measured too.
pub async fn quiet(pool: &Pool) {
    while !pool.is_idle() {
        let wait = Promise::new(&mut |done, _| {
            if let Some(window) = web_sys::window() {
                // Without a timer it is asked again at once.
                let _ = window.set_timeout_with_callback_and_timeout_and_arguments_0(&done, LOOK_MS);
            }
        });
        // A promise that is never refused.
        let _ = JsFuture::from(wait).await;
    }
}

/// Operations and milliseconds of a plain problem of `n` rows, and who computed it. The way to the workers and back counts: users wait for it.
async fn time(pool: &Pool, backend: Backend, n: usize) -> Result<((f64, f64), Option<Adapter>), RunError> {
    let dims = Dims { batch: 1, q_heads: 4, kv_heads: 4, n_q: n, n_k: n, d: 64, d_v: 64 };
    let numbers = |length: usize, step: usize| {
        Arc::new((0..length).map(|i| ((i * step) % 199) as f32 / 99.0 - 1.0).collect::<Vec<f32>>())
    };
    let inputs = Inputs { q: numbers(dims.q_len(), 37), k: numbers(dims.k_len(), 53), v: numbers(dims.v_len(), 71) };
    let run = Run {
        problem: Arc::new(Problem::plain(dims)),
        inputs,
        backend,
        algorithm: Algorithm::Streaming,
        tiers: Default::default(),
        want: Want::default(),
        maps: Vec::new(),
        repeat: 1,
        lane: Lane::Api,
        progress: None,
        cancel: Cancel::default(),
    };
    let mut adapter = pool.run(run.clone()).await?.outcome.report.adapter;
    if adapter.as_ref().is_some_and(|a| a.software) {
        return Ok(((0.0, 0.0), adapter));
    }
    let mut fastest = f64::INFINITY;
    for _ in 0..TIMES {
        let report = pool.run(run.clone()).await?.outcome.report;
        fastest = fastest.min(report.total_ms);
        adapter = report.adapter;
    }
    Ok(((dense_flops(&dims), fastest), adapter))
}

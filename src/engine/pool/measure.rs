//! Measures both engines over the same problems, once: a piece of the program that is fetched when a run is first large enough for it to matter.
#![allow(improper_ctypes_definitions, reason = "both sides of a cut are this one compilation")]

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use wasm_split_helpers::{SplitLoaderError, wasm_split};

use super::cut::dense_flops;
use super::hub::Pool;
use super::once::Cancel;
use super::payoff::{Line, Lines, Payoff};
use super::run::{Run, RunError};
use super::schedule::Lane;
use crate::attention::{Dims, Inputs, Problem};
use crate::engine::{Adapter, Want};
use crate::experiment::{Algorithm, Backend, Message, message};

/// Rows of the two problems: one that is mostly the way there and back, one that is mostly work.
const SMALL: usize = 128;
const LARGE: usize = 1024;
/// Each is run so often after the first time, which compiles and fills caches; the fastest counts.
const TIMES: usize = 3;

type Measured = Result<Payoff, Message>;

/// What was measured.
///
/// # Errors
/// Why there is no GPU to measure.
pub async fn payoff(pool: Pool) -> Measured {
    match measured(pool).await {
        Ok(measured) => measured.await,
        Err(_) => Err(message!("a part of the page did not arrive; reload it", "页面的一部分未能加载，请刷新页面")),
    }
}

#[wasm_split(measure, fallible)]
fn measured(pool: Pool) -> Result<Pin<Box<dyn Future<Output = Measured>>>, SplitLoaderError> {
    Ok(Box::pin(compare(pool)))
}

async fn compare(pool: Pool) -> Measured {
    let why = |error: RunError| error.message();
    let (gpu_small, adapter) = time(&pool, Backend::Webgpu, SMALL).await.map_err(why)?;
    let Adapter { name, software, .. } = adapter.unwrap_or_default();
    if software {
        return Ok(Payoff { adapter: name, lines: None });
    }
    let (gpu_large, _) = time(&pool, Backend::Webgpu, LARGE).await.map_err(why)?;
    let (cpu_small, _) = time(&pool, Backend::Cpu, SMALL).await.map_err(why)?;
    let (cpu_large, _) = time(&pool, Backend::Cpu, LARGE).await.map_err(why)?;
    let lines = Lines { cpu: Line::through(cpu_small, cpu_large), gpu: Line::through(gpu_small, gpu_large) };
    Ok(Payoff { adapter: name, lines: Some(lines) })
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

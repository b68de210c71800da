//! What `auto` takes, and what is known of this machine's GPU.
#![allow(improper_ctypes_definitions, reason = "both sides of a cut are this one compilation")]

use std::future::Future;
use std::pin::Pin;

use wasm_split_helpers::{SplitLoaderError, wasm_split};

use super::cut::dense_flops;
use super::hub::Pool;
use super::measure;
use super::payoff::{Payoff, SMALL_MS};
use super::run::Run;
use crate::engine::{Adapter, Choice};
use crate::experiment::{Algorithm, Backend, Message};

/// What is known of the GPU.
#[derive(Clone, Debug, Default)]
pub enum Knowledge {
    /// Nothing. The browser may remember an earlier visit.
    #[default]
    Nothing,
    /// What the browser remembers is of another GPU.
    Outdated,
    /// It is being measured.
    Measuring,
    /// How fast it is.
    Measured(Payoff),
    /// Why it can't be used. A run that names it asks again.
    Unavailable(Message),
}

impl Knowledge {
    /// A run is on this adapter.
    pub fn seen(&mut self, adapter: &Adapter) {
        if matches!(self, Self::Measured(payoff) if payoff.adapter != adapter.name) {
            *self = Self::Outdated;
        }
    }
}

impl Pool {
    /// Which engine an `auto` run takes, and why.
    pub(super) async fn choose(&self, run: &Run, algorithm: Algorithm) -> Choice {
        let flops = dense_flops(&run.problem.dims) * run.repeat.max(1) as f64;
        let cpu_ms = {
            let state = self.0.state.borrow();
            flops / (state.rate(Backend::Cpu, algorithm) * state.size().max(1) as f64)
        };
        if cpu_ms < SMALL_MS {
            return Choice::Small;
        }
        match judge(self.clone(), flops, cpu_ms).await {
            Ok(judged) => judged.await,
            // Without that part of the page nothing is known of the GPU.
            Err(_) => Choice::Unmeasured,
        }
    }
}

/// Runs of this size are rare on a first visit: what weighs them is a piece of the program that is fetched with the first.
#[wasm_split(auto, fallible)]
fn judge(pool: Pool, flops: f64, cpu_ms: f64) -> Result<Pin<Box<dyn Future<Output = Choice>>>, SplitLoaderError> {
    Ok(Box::pin(measure::judge(pool, flops, cpu_ms)))
}

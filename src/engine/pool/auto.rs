//! What `auto` takes, and what is known of this machine's GPU.

use super::cut::dense_flops;
use super::hub::Pool;
use super::launch::meta;
use super::measure;
use super::payoff::{Payoff, SMALL_MS, WORTH_WAITING_MS};
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
        let known = self.knowledge();
        match known {
            Knowledge::Nothing | Knowledge::Outdated if cpu_ms > WORTH_WAITING_MS => {
                self.measure().await;
                self.judged(flops)
            }
            _ => self.judged(flops),
        }
    }

    fn judged(&self, flops: f64) -> Choice {
        match self.knowledge() {
            Knowledge::Nothing | Knowledge::Outdated | Knowledge::Measuring => Choice::Unmeasured,
            Knowledge::Measured(payoff) => payoff.choice(flops),
            Knowledge::Unavailable(why) => Choice::Unavailable(why),
        }
    }

    /// What is known, an earlier visit included.
    fn knowledge(&self) -> Knowledge {
        let mut state = self.0.state.borrow_mut();
        if matches!(state.gpu, Knowledge::Nothing)
            && let Some(payoff) = remembered()
        {
            state.gpu = Knowledge::Measured(payoff);
        }
        state.gpu.clone()
    }

    /// Measures while nobody waits.
    pub(super) fn measure_later(&self) {
        let pool = self.clone();
        wasm_bindgen_futures::spawn_local(async move { pool.measure().await });
    }

    /// Measures once.
    async fn measure(&self) {
        if !matches!(self.knowledge(), Knowledge::Nothing | Knowledge::Outdated) {
            return;
        }
        self.0.state.borrow_mut().gpu = Knowledge::Measuring;
        let measured = measure::payoff(self.clone()).await;
        let mut state = self.0.state.borrow_mut();
        state.gpu = match measured {
            Ok(payoff) => {
                remember(&payoff);
                Knowledge::Measured(payoff)
            }
            Err(why) => Knowledge::Unavailable(why),
        };
    }
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

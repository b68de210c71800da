//! One plan with its inputs and the engine chosen for it: all that a worker runs.

use super::cpu::Kernels;
use super::item::{Clock, Engine, Map, MapRequest, Rows, RowsOut, StageTimes, TimedStage, Want};
use super::{cpu, reference};
use crate::attention::{Inputs, Plan};
use crate::experiment::{Algorithm, Backend};

/// Whether a run needs [`exactly`]: double precision was asked for, or the input holds what packed tiles cannot carry.
pub fn needs_exact(backend: Backend, inputs: &Inputs) -> bool {
    let Inputs { q, k, v } = inputs;
    backend == Backend::Reference || ![q, k, v].iter().all(|tensor| cpu::finite(tensor))
}

/// The readable engines: `reference` in double precision, and the CPU's path for NaN and infinities.
pub fn exactly(plan: &Plan, backend: Backend, algorithm: Algorithm, kernels: &'static Kernels) -> Box<dyn Engine> {
    match (backend, algorithm) {
        (Backend::Reference, Algorithm::Materialised) => Box::new(reference::Materialised::default()),
        (Backend::Reference, _) => Box::new(reference::Streaming::default()),
        _ => cpu::careful(plan, algorithm, kernels),
    }
}

/// The fast engines of the CPU.
pub fn fast(plan: &Plan, algorithm: Algorithm, kernels: &'static Kernels) -> Box<dyn Engine> {
    match algorithm {
        Algorithm::Materialised => cpu::materialised(plan, kernels),
        Algorithm::Streaming | Algorithm::Auto => cpu::streaming(plan, kernels),
    }
}

/// A plan being computed.
pub struct Session {
    plan: Plan,
    inputs: Inputs,
    engine: Box<dyn Engine>,
    /// Log-sum-exp of every row, NaN until an item has computed it.
    lse: Vec<f32>,
    clock: Clock,
}

impl Session {
    /// A session that computes with `engine`.
    pub fn with(plan: Plan, inputs: Inputs, engine: Box<dyn Engine>, clock: Clock) -> Self {
        let lse = vec![f32::NAN; plan.dims.rows()];
        Self { plan, inputs, engine, lse, clock }
    }

    /// A session on the CPU. `backend` is `Cpu` or `Reference`, `algorithm` `Materialised` or `Streaming`; `Auto` is decided before a run is
    /// sent to workers and counts as `Cpu` and `Streaming` here. `kernels` are the inner loops of the CPU engine.
    pub fn new(
        plan: Plan,
        inputs: Inputs,
        backend: Backend,
        algorithm: Algorithm,
        kernels: &'static Kernels,
        clock: Clock,
    ) -> Self {
        let exact = needs_exact(backend, &inputs);
        let engine = if exact { exactly(&plan, backend, algorithm, kernels) } else { fast(&plan, algorithm, kernels) };
        Self::with(plan, inputs, engine, clock)
    }

    /// The plan.
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// Name of the kernel that runs.
    pub fn kernel(&self) -> &'static str {
        self.engine.kernel()
    }

    /// Computes query rows of one head.
    pub fn rows(&mut self, rows: &Rows, want: Want) -> RowsOut {
        let out = self.engine.rows(&self.plan, &self.inputs, rows, want, self.clock);
        let start = self.plan.dims.row_start(rows.batch, rows.head) + rows.q.start;
        if let Some(target) = self.lse.get_mut(start..start + out.lse.len()) {
            target.copy_from_slice(&out.lse);
        }
        out
    }

    /// Computes a picture, and the time it took.
    pub fn map(&mut self, request: &MapRequest) -> (Map, StageTimes) {
        let from = (self.clock)();
        let mut values = vec![f32::NAN; request.width * request.height];
        let start = self.plan.dims.row_start(request.batch, request.head);
        if let Some(lse) = self.lse.get_mut(start..start + self.plan.dims.n_q) {
            match request.lines() {
                None => self.engine.map(&self.plan, &self.inputs, request, lse, &mut values),
                Some(lines) => {
                    for (line, values) in lines.iter().zip(values.chunks_exact_mut(request.width.max(1))) {
                        self.engine.map(&self.plan, &self.inputs, line, lse, values);
                    }
                }
            }
        }
        let mut times = StageTimes::default();
        times.add(TimedStage::Picture, (self.clock)() - from);
        (Map { request: request.clone(), values }, times)
    }
}

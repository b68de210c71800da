//! One plan with its inputs and the engine chosen for it: all that a worker runs.

use super::cpu::Kernels;
use super::item::{Clock, Engine, Map, MapRequest, Rows, RowsOut, StageTimes, TimedStage, Want};
use super::{cpu, reference};
use crate::attention::{Inputs, Plan};
use crate::experiment::{Algorithm, Backend};

/// Whether a run needs [`exactly`]: double precision was asked for, or the input is not finite, which packed tiles cannot carry.
pub fn needs_exact(backend: Backend, finite: bool) -> bool {
    backend == Backend::Reference || !finite
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

#[cfg(feature = "app")]
mod piece {
    use std::sync::OnceLock;

    use super::{Algorithm, Engine, Kernels, Plan, cpu};

    type Make = fn(&Plan, &'static Kernels) -> Box<dyn Engine>;

    static STREAMING: OnceLock<Make> = OnceLock::new();

    /// Makes the streaming algorithm known: in the page's program, which opens on a matrix small enough to be held, it is in a piece that calls this.
    pub fn install_streaming() {
        STREAMING.get_or_init(|| cpu::streaming);
    }

    /// Whether the streaming algorithm is there.
    pub fn has_streaming() -> bool {
        STREAMING.get().is_some()
    }

    /// [`super::fast`] in the page's program; `None` for the streaming algorithm until [`install_streaming`] was called.
    pub fn at_hand(plan: &Plan, algorithm: Algorithm, kernels: &'static Kernels) -> Option<Box<dyn Engine>> {
        match algorithm {
            Algorithm::Materialised => Some(cpu::materialised(plan, kernels)),
            Algorithm::Streaming | Algorithm::Auto => STREAMING.get().map(|streaming| streaming(plan, kernels)),
        }
    }
}
#[cfg(feature = "app")]
pub use piece::{at_hand, has_streaming, install_streaming};

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
        let exact = needs_exact(backend, inputs.finite());
        let engine = if exact { exactly(&plan, backend, algorithm, kernels) } else { fast(&plan, algorithm, kernels) };
        Self::with(plan, inputs, engine, clock)
    }

    /// Computes with another engine from now on; what is known of rows that are done stays.
    pub fn go_on_with(&mut self, engine: Box<dyn Engine>) {
        self.engine = engine;
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

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::attention::{Dims, Problem, Term};
    use crate::engine::Pool;
    use crate::engine::cpu::Kernels;
    use crate::experiment::Stage;

    /// A sliding window over `n` tokens, with numbers that differ from cell to cell.
    fn session(n: usize, window: usize, algorithm: Algorithm) -> Session {
        let dims = Dims { batch: 1, q_heads: 1, kv_heads: 1, n_q: n, n_k: n, d: 4, d_v: 4 };
        let mut problem = Problem::plain(dims);
        problem.masks.push(Term::new("mask", &format!("k <= q and q - k < {window}")));
        let plan = Plan::compile(&problem).unwrap();
        let wave = |step: f32| Arc::new((0..n * 4).map(|i| (i as f32 * step).sin()).collect::<Vec<f32>>());
        let inputs = Inputs { q: wave(0.37), k: wave(0.73), v: wave(0.11) };
        Session::new(plan, inputs, Backend::Cpu, algorithm, &Kernels::SEPARATE, || 0.0)
    }

    fn request(n: usize, width: usize, height: usize, pool: Pool) -> MapRequest {
        MapRequest { stage: Stage::Weights, batch: 0, head: 0, q: 0..n, k: 0..n, width, height, pool }
    }

    #[test]
    fn a_sample_is_one_row_of_each_line_of_the_exact_picture() {
        for algorithm in [Algorithm::Materialised, Algorithm::Streaming] {
            let mut session = session(700, 90, algorithm);
            let rows = session.map(&request(700, 50, 700, Pool::Max)).0;
            let sample = request(700, 50, 12, Pool::SampledMax);
            let drawn = session.map(&sample).0;
            assert_eq!((drawn.values.len(), &drawn.request), (600, &sample));
            for (line, found) in sample.lines().unwrap().iter().zip(drawn.values.chunks(50)) {
                let wanted = &rows.values[line.q.start * 50..][..50];
                let bits = |values: &[f32]| values.iter().map(|x| x.to_bits()).collect::<Vec<_>>();
                assert_eq!(bits(found), bits(wanted), "{line:?}");
            }
            // A largest value is never above that of all rows.
            let all = session.map(&request(700, 50, 12, Pool::Max)).0;
            assert!(drawn.values.iter().zip(&all.values).all(|(one, all)| one.is_nan() || one <= all));
        }
    }

    #[test]
    fn pictures_of_sparse_patterns_hold_the_cells_of_their_rows() {
        let n = 3000;
        let mut session = session(n, 300, Algorithm::Streaming);
        for (pool, width, height) in [(Pool::Max, 61, 47), (Pool::Mean, 3000, 4), (Pool::Max, 7, 3000)] {
            let drawn = session.map(&request(n, width, height, pool)).0;
            for (i, line) in drawn.values.chunks(width).enumerate() {
                for (j, found) in line.iter().enumerate() {
                    let part = |i: usize, count: usize| i * n / count..(i + 1) * n / count;
                    let (q, k) = (part(i, height), part(j, width));
                    let seen = q.clone().any(|q| k.clone().any(|k| k <= q && q - k < 300));
                    assert_eq!(found.is_nan(), !seen, "pixel {i}, {j} of {height} × {width}");
                }
            }
        }
        // Weights of a row sum to one, wherever its tiles lie.
        let row = MapRequest { q: 1717..1718, ..request(n, n, 1, Pool::Max) };
        let sum: f32 = session.map(&row).0.values.iter().filter(|x| x.is_finite()).sum();
        assert!((sum - 1.0).abs() < 1e-4, "{sum}");
    }
}

//! Shared by the integration tests: running a problem on an engine, and the table of problems.
#![allow(dead_code, reason = "some of it is for the feature gpu only")]

#[cfg(feature = "gpu")]
pub mod gpu;
pub mod judge;
pub mod patterns;
pub mod table;

use attention_playground::attention::{Inputs, Plan, Problem};
use attention_playground::engine::cpu::Kernels;
use attention_playground::engine::{Map, MapRequest, Merge, Outcome, Session, Want};
use attention_playground::experiment::{Algorithm, Backend, Stage};
use judge::{CPU_PRECISION, GPU_PRECISION, REFERENCE_PRECISION, items, outcome};
use proptest::test_runner::{Config, FileFailurePersistence};

/// How many cases a property is tried with; what has failed once is kept beside the file of the test, where proptest would look for the library's root instead.
pub fn cases(cases: u32) -> Config {
    let beside = FileFailurePersistence::WithSource("proptest-regressions");
    Config { failure_persistence: Some(Box::new(beside)), ..Config::with_cases(cases) }
}

/// An engine under test.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Engine {
    pub backend: Backend,
    pub algorithm: Algorithm,
    /// Relative error of a score that its arithmetic may make; a weight's relative error is a score's absolute one.
    pub precision: f64,
}

/// The engines that are there: on the CPU always, on the GPU with the feature and an adapter.
pub fn engines() -> Vec<Engine> {
    let algorithms: &[Algorithm] = if has_gpu() { &[Algorithm::Materialised, Algorithm::Streaming] } else { &[] };
    let on_gpu = |&algorithm: &Algorithm| Engine { backend: Backend::Webgpu, algorithm, precision: GPU_PRECISION };
    ENGINES.into_iter().chain(algorithms.iter().map(on_gpu)).collect()
}

#[cfg(feature = "gpu")]
fn has_gpu() -> bool {
    gpu::gpu().is_some()
}

#[cfg(not(feature = "gpu"))]
fn has_gpu() -> bool {
    false
}

/// The engines on the CPU; first the readable one.
pub const ENGINES: [Engine; 4] = [
    Engine { backend: Backend::Reference, algorithm: Algorithm::Materialised, precision: REFERENCE_PRECISION },
    Engine { backend: Backend::Reference, algorithm: Algorithm::Streaming, precision: REFERENCE_PRECISION },
    Engine { backend: Backend::Cpu, algorithm: Algorithm::Materialised, precision: CPU_PRECISION },
    Engine { backend: Backend::Cpu, algorithm: Algorithm::Streaming, precision: CPU_PRECISION },
];

impl Engine {
    /// Whether the engine takes input with NaN or infinities; the GPU declines it.
    pub fn takes(&self, inputs: &Inputs) -> bool {
        self.backend != Backend::Webgpu || inputs.finite()
    }

    fn session(&self, problem: &Problem, inputs: &Inputs) -> Session {
        let plan = Plan::compile(problem).unwrap();
        Session::new(plan, inputs.clone(), self.backend, self.algorithm, &Kernels::SEPARATE, || 0.0)
    }

    /// The name of the kernel that runs.
    pub fn kernel(&self, problem: &Problem, inputs: &Inputs) -> String {
        match self.backend {
            #[cfg(feature = "gpu")]
            Backend::Webgpu => gpu::session(problem, inputs, self.algorithm).kernel().to_owned(),
            _ => self.session(problem, inputs).kernel().to_owned(),
        }
    }

    /// Runs a problem in items of uneven size, as a pool would.
    pub fn run(&self, problem: &Problem, inputs: &Inputs, stage: Option<Stage>) -> Outcome {
        let want = Want { stats: true, matrix: stage };
        let mut merge = Merge::new(problem.dims, true, stage, 0);
        match self.backend {
            #[cfg(feature = "gpu")]
            Backend::Webgpu => {
                let mut session = gpu::session(problem, inputs, self.algorithm);
                if stage.is_some() {
                    for rows in items(problem) {
                        merge.rows(&rows, &gpu::block_on(session.rows(&rows, want)).unwrap());
                    }
                } else {
                    while let Some(parts) = gpu::block_on(session.next(want)).unwrap() {
                        parts.iter().for_each(|(rows, out)| merge.rows(rows, out));
                    }
                }
            }
            _ => {
                let mut session = self.session(problem, inputs);
                for rows in items(problem) {
                    merge.rows(&rows, &session.rows(&rows, want));
                }
            }
        }
        outcome(merge, self.backend, self.algorithm)
    }

    pub fn map(&self, problem: &Problem, inputs: &Inputs, request: &MapRequest) -> Map {
        match self.backend {
            #[cfg(feature = "gpu")]
            Backend::Webgpu => gpu::block_on(gpu::session(problem, inputs, self.algorithm).map(request)).unwrap().0,
            _ => self.session(problem, inputs).map(request).0,
        }
    }
}

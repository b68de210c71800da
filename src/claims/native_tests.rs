//! Claims measured natively: what the page asks of its workers, asked of sessions.
#![allow(clippy::unwrap_used, clippy::panic, clippy::disallowed_methods, reason = "tests, which run natively")]

use std::sync::Arc;
use std::time::Instant;

use super::answer::{Answer, Graded, Ran};
use super::ask::{Ask, Work};
use super::bench::{Bench, Step, Told};
use super::claim::Claim;
use super::settings::Settings;
use crate::analysis::sweep::{self, Sample};
use crate::attention::gradients::shapes;
use crate::attention::{Beyond, Cost, Inputs, Loaded, Plan, Problem, assemble, estimators, load, lowering, scale};
use crate::engine::backward::{Derive, Gathered, Given, Kernel};
use crate::engine::cpu::Kernels;
use crate::engine::pool::run::algorithm;
use crate::engine::pool::{Cancel, Lane, Run};
use crate::engine::{Merge, Outcome, Report, Rows, Session, StageTimes, TILE, Want};
use crate::experiment::{Backend, Experiment, Input, Issues};
use crate::interchange::SerdeJson;

/// Measures a claim to its end.
pub fn measure(claim: &'static Claim, settings: Settings) -> Bench {
    let mut bench = Bench::new(claim, settings, 0.0);
    let mut before = -1.0;
    while let Some(step) = bench.next_step() {
        assert!((0.0..=1.0).contains(&bench.share()), "{}", bench.share());
        match step {
            Step::Compute(ask) => {
                let answer = compute(&ask).unwrap_or_else(|issues| Answer::Failed(issues.message()));
                bench.came(&ask.key, answer);
            }
            Step::Time(ask, batch) => match time(&ask, batch) {
                Ok((sample, told)) => bench.took(sample, told),
                Err(issues) => bench.failed(issues.message()),
            },
        }
        before = bench.share().max(before);
    }
    assert!((bench.share() - 1.0).abs() < 1e-9 && before <= 1.0, "{}", bench.share());
    bench
}

fn loaded(input: &Input, ask: &Ask) -> Result<Arc<Loaded>, Issues> {
    let file = match input {
        Input::Capture { id, layer } => {
            let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("public/captures");
            Some(std::fs::read(folder.join(format!("{id}-L{layer}.safetensors"))).unwrap())
        }
        _ => None,
    };
    let loaded = load::<SerdeJson>(input, file.as_deref())?;
    Ok(Arc::new(ask.alter.as_ref().map_or(loaded.clone(), |alter| alter.of(&loaded))))
}

fn compute(ask: &Ask) -> Result<Answer, Issues> {
    let loaded = loaded(ask.input(), ask)?;
    Ok(match &ask.work {
        Work::Run { experiment, want, maps } => {
            let (mut run, problem) = run_of(experiment, &loaded, *want)?;
            run.maps.clone_from(maps);
            Answer::Ran(Ran { outcome: Box::new(outcome(&run, &problem, 1)?.0), loaded })
        }
        Work::Gradients { experiment, dy } => {
            let (run, problem) = run_of(experiment, &loaded, Want::default())?;
            let dy = dy.as_ref().map_or_else(|| vec![1.0; problem.dims.y_len()], |dy| dy.to_vec());
            let (gathered, kernel) = gradients(&run, &problem, dy, false)?;
            Answer::Graded(Graded { loaded, qkv: [gathered.q, gathered.k, gathered.v], kernel: kernel.name() })
        }
        Work::Fit { experiment, wanted, fit } => {
            let mut fit = fit.as_ref().clone();
            while !fit.is_done() {
                let loaded = fit.values(&loaded);
                let (run, problem) = run_of(wanted, &loaded, Want::default())?;
                let due = outcome(&run, &problem, 1)?.0.y;
                let (experiment, placed) = fit.learned.place(experiment, &loaded, Beyond::Clamp);
                let (run, problem) = run_of(&experiment, &placed, Want::default())?;
                let dy = fit.dy(&outcome(&run, &problem, 1)?.0.y, &due);
                let (of, _) = gradients(&run, &problem, dy, fit.learned.learns.params())?;
                fit.descend(&fit.learned.back(&placed.dims, [&of.q, &of.k], &of.params));
            }
            Answer::Fitted(fit)
        }
        Work::Estimate { experiment, estimator, causal } => {
            let factor = scale(experiment, &loaded.dims, &mut Vec::new());
            let estimator = estimators::fits(estimator, loaded.dims, *causal, factor, "estimator")?;
            let Inputs { q, k, v } = &loaded.inputs;
            Answer::Estimated(estimator.compute::<f32>(q, k, v))
        }
        Work::Time { .. } => panic!("{} is a time", ask.key),
    })
}

fn run_of(experiment: &Experiment, loaded: &Loaded, want: Want) -> Result<(Run, Problem), Issues> {
    let (mut problem, mut inputs) = assemble(experiment, loaded)?;
    lowering::lower(&mut problem, &mut inputs)?;
    let run = Run {
        problem: Arc::new(problem.clone()),
        inputs,
        backend: if experiment.engine.backend == Backend::Reference { Backend::Reference } else { Backend::Cpu },
        algorithm: experiment.engine.algorithm,
        tiers: experiment.engine.tiers,
        want,
        maps: Vec::new(),
        repeat: 1,
        lane: Lane::Api,
        progress: None,
        cancel: Cancel::default(),
    };
    Ok((run, problem))
}

fn now() -> f64 {
    thread_local! { static START: Instant = Instant::now(); }
    START.with(|start| start.elapsed().as_secs_f64() * 1e3)
}

/// A run, so many times, and milliseconds of all of them.
fn outcome(run: &Run, problem: &Problem, times: usize) -> Result<(Outcome, f64), Issues> {
    let (algorithm, plan) = (algorithm(run), Plan::compile(problem)?);
    let (dims, cost) = (plan.dims, Cost::of(&plan, algorithm, TILE));
    let mut session = Session::new(plan, run.inputs.clone(), run.backend, algorithm, &Kernels::SEPARATE, now);
    let mut merge = Merge::new(dims, run.want.stats, run.want.matrix, run.maps.len());
    let from = now();
    for _ in 0..times {
        for head in 0..dims.q_heads {
            let rows = Rows { batch: 0, head, q: 0..dims.n_q };
            let out = session.rows(&rows, run.want);
            merge.rows(&rows, &out);
        }
    }
    let ms = now() - from;
    for (index, request) in run.maps.iter().enumerate() {
        merge.map(index, session.map(request).0);
    }
    let report = Report {
        backend: run.backend,
        algorithm,
        kernel: session.kernel().to_owned(),
        workers: 1,
        adapter: None,
        choice: None,
        notes: Vec::new(),
        texts: Arc::default(),
        total_ms: ms,
        times: merge.times(),
        copies: Default::default(),
        runs_ms: vec![ms],
        cost,
        memory: 0.0,
        order: Vec::new(),
    };
    let mut outcome = merge.finish(report);
    lowering::finish(problem, &mut outcome.y);
    outcome.dims.d_v = outcome.y.len() / outcome.dims.rows().max(1);
    Ok((outcome, ms))
}

fn gradients(run: &Run, problem: &Problem, dy: Vec<f32>, params: bool) -> Result<(Gathered, Kernel), Issues> {
    let (kernel, _) = Kernel::of(problem, &run.inputs, run.backend, params);
    let Inputs { q, k, v } = &run.inputs;
    let mut given = Given { qkv: [q.to_vec(), k.to_vec(), v.to_vec()], dy, ..Given::default() };
    if kernel == Kernel::Cpu {
        let (outcome, _) = outcome(run, problem, 1)?;
        (given.y, given.lse) = (outcome.y, outcome.lse);
    }
    let derive = Derive { problem: Box::new(problem.clone()), kernel, share: [0, 1], params };
    let mut gathered = Gathered::new(problem.dims, if params { shapes(problem) } else { Default::default() });
    assert!(gathered.take(&derive.parts(), derive.compute(given, &Kernels::SEPARATE)?));
    Ok((gathered, kernel))
}

fn time(ask: &Ask, batch: usize) -> Result<(Sample, Told), Issues> {
    let Work::Time { work, backward, .. } = &ask.work else { panic!("{} is no time", ask.key) };
    let loaded = loaded(ask.input(), ask)?;
    let (ms, told) = match work.as_ref() {
        sweep::Work::Estimate(estimator) => {
            let Inputs { q, k, v } = &loaded.inputs;
            let from = now();
            for _ in 0..batch {
                std::hint::black_box(estimator.estimate::<f32>(q, k, v));
            }
            (now() - from, Told { cost: Some(estimator.cost()), ..Told::default() })
        }
        sweep::Work::Attention(experiment) => {
            let (run, problem) = run_of(experiment, &loaded, Want::default())?;
            if *backward {
                let from = now();
                for _ in 0..batch {
                    std::hint::black_box(gradients(&run, &problem, vec![1.0; problem.dims.y_len()], false)?);
                }
                (now() - from, Told { kernel: "backward".to_owned(), ..Told::default() })
            } else {
                let (outcome, ms) = outcome(&run, &problem, batch)?;
                let stages: StageTimes = outcome.report.times;
                (ms, Told { stages, kernel: outcome.report.kernel, cost: Some(outcome.report.cost) })
            }
        }
    };
    Ok((Sample { ms, wall_ms: ms }, told))
}

/// Derivatives of a fit's loss by what each scheme learns, against differences of the loss itself.
#[test]
fn fits_follow_the_slope_of_their_loss() {
    use super::ask::{square, subject};
    use super::tools::normal;
    use super::tools::with;
    use crate::analysis::fit::{Fit, Learned, Learns};
    use crate::experiment::{Choice, EngineChoice, MaskChoice};

    /// A step to each side, and what differences may be off by as part of the largest derivative: outputs are single numbers.
    const STEP: f64 = 1e-2;
    const OFF: f64 = 2e-3;
    let (n, size) = (14, 6);
    let input = normal(square(1, n, size), 5);
    let loaded = load::<SerdeJson>(&input, None).unwrap();
    let engine = EngineChoice { backend: Backend::Reference, ..EngineChoice::default() };
    let plain = Experiment { mask: MaskChoice::of("causal"), engine, ..subject(input) };
    let y = |experiment: &Experiment, loaded: &Loaded| {
        let (run, problem) = run_of(experiment, loaded, Want::default()).unwrap();
        outcome(&run, &problem, 1).unwrap().0.y
    };
    let due = y(&plain, &loaded);
    let schemes = [
        (Choice::of("none"), Learns::Rows(n)),
        (Choice::of("none"), Learns::Waves),
        (Choice::of("rope"), Learns::Vectors),
        (Choice::of("alibi"), Learns::Table("slope", 1)),
        (with("t5", "causal", 1.0), Learns::Table("bias", 32)),
    ];
    for (position, learns) in schemes {
        let experiment = Experiment { position, ..plain.clone() };
        let learned = Learned::new(learns, size, 3);
        let loss = |numbers: &[f64]| {
            let learned = Learned { numbers: numbers.to_vec(), learns };
            let (experiment, loaded) = learned.place(&experiment, &loaded, Beyond::Clamp);
            let mut fit = Fit::new(learned, 1, 0.1, 1);
            let dy = fit.dy(&y(&experiment, &loaded), &due);
            (fit.losses[0], dy)
        };
        let (placed, tensors) = learned.place(&experiment, &loaded, Beyond::Clamp);
        let (run, problem) = run_of(&placed, &tensors, Want::default()).unwrap();
        let (_, dy) = loss(&learned.numbers);
        let (of, _) = gradients(&run, &problem, dy, learns.params()).unwrap();
        let by = learned.back(&tensors.dims, [&of.q, &of.k], &of.params);
        assert_eq!(by.len(), learned.numbers.len());
        let most = by.iter().fold(0.0f64, |most, by| most.max(by.abs()));
        assert!(most > 0.0, "{learns:?}");
        for at in (0..by.len()).step_by(by.len().div_ceil(9)) {
            let to = |step: f64| {
                let mut numbers = learned.numbers.clone();
                numbers[at] += step;
                loss(&numbers).0
            };
            let difference = (to(STEP) - to(-STEP)) / (2.0 * STEP);
            assert!((difference - by[at]).abs() <= OFF * most, "{learns:?}, {at}: {difference} and {}", by[at]);
        }
    }
}

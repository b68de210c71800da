//! What is particular to the gpu engine: its texts, its faults, its limits. That its numbers are right is in `agree.rs` and `onnx_vectors.rs`.
#![cfg(feature = "gpu")]

use crate::native::common;

use std::sync::Arc;

use attention_playground::attention::{Dims, Inputs, Loaded, Plan, Problem, Term, assemble, lowering};
use attention_playground::catalogue::{List, Summary, every_entry};
use attention_playground::engine::cpu::Kernels;
use attention_playground::engine::gpu::{GpuError, GpuHost, GpuSession, Height, Kernel, Program, canary};
use attention_playground::engine::{MapRequest, Pool, Rows, RowsOut, Session, TimedStage, Want};
use attention_playground::experiment::{Algorithm, Backend, Choice, Experiment, MaskChoice, Stage};
use common::gpu::{block_on, clock, needs_gpu, session, validate};
use common::judge::{GPU_PRECISION, close};
use common::table::{cases, dims, normal};

/// The workgroup memory that every device has.
const WORKGROUP_MEMORY: u32 = 16_384;

/// Every kernel that a plan may need.
fn kernels() -> Vec<Kernel> {
    let mut all = vec![Kernel::Values, Kernel::Cells, Kernel::Slots];
    for a in [false, true] {
        all.push(Kernel::Normalise { stats: a });
        for b in [false, true] {
            all.push(Kernel::Pool { hides: a, mean: b });
            for stats in [false, true] {
                all.push(Kernel::Merge { online: a, values: b, stats });
                for height in [Height::Eight, Height::SixtyFour] {
                    let streaming = |split| Kernel::Streaming { online: a, values: b, stats, height, split };
                    all.extend([false, true].map(streaming));
                }
            }
        }
    }
    all
}

fn validate_all(name: &str, problem: &Problem) {
    let plan = Plan::compile(problem).unwrap_or_else(|issues| panic!("{name}: {issues}"));
    let program = Program::new(&plan);
    for kernel in kernels() {
        let memory = validate(&format!("{name}, {kernel:?}"), &program.source(kernel));
        assert!(memory <= WORKGROUP_MEMORY, "{name}, {kernel:?}: {memory} bytes of workgroup memory");
    }
}

#[test]
fn every_text_of_the_table_of_problems_is_valid() {
    for case in cases().iter().filter(|case| !case.name.starts_with("prefix")) {
        validate_all(&case.name, &case.problem);
    }
}

/// The problem of an experiment over seeded numbers.
fn assembled(change: impl FnOnce(&mut Experiment)) -> (Problem, Inputs) {
    let mask = MaskChoice { id: "none".to_owned(), params: Default::default(), custom: None };
    let mut experiment = Experiment { mask, ..Experiment::default() };
    change(&mut experiment);
    let dims = dims([2, 1], [70, 77], [8, 8]);
    let tokens = |n: usize| (0..n).map(|i| i.to_string()).collect();
    let inputs = normal(&dims, 9);
    let loaded = Loaded { dims, tokens_q: tokens(dims.n_q), tokens_k: tokens(dims.n_k), inputs, note: None };
    let (mut problem, mut inputs) = assemble(&experiment, &loaded).unwrap();
    lowering::lower(&mut problem, &mut inputs).unwrap();
    (problem, inputs)
}

/// A problem for every entry of the catalogue that an engine of attention computes.
fn catalogued() -> Vec<(&'static str, Problem, Inputs)> {
    let mut all = Vec::new();
    let computed = |entry: &Summary| entry.list != List::Generator && entry.engines.contains(&"webgpu");
    for entry in every_entry().filter(computed) {
        let (problem, inputs) = assembled(|e| e.choose(entry.list, entry.id));
        all.push((entry.id, problem, inputs));
    }
    // A second mask with a part of the score of its own, and one without.
    for branch in ["synaptic", "sinks"] {
        let (problem, inputs) = assembled(|e| (e.hybrid, e.branch) = (Choice::of("gated"), Choice::of(branch)));
        all.push((branch, problem, inputs));
    }
    let rows = [("rows".to_owned(), 0.0)];
    let (problem, inputs) = assembled(|e| e.normaliser = Choice { params: rows.into(), ..Choice::of("inverted") });
    all.push(("inverted, columns alone", problem, inputs));
    all
}

#[test]
fn a_text_marks_what_came_out_of_formulas() {
    let (mut problem, _) = grouped();
    problem.bias_before_cap.push(Term::new("score", "s + # 中\u{2028}fn main() {}\r\n hash(q, k) * 1e-9"));
    problem.probability = Some(Term::new("probability", "p * 0.5"));
    let formulas = [("mask_0", "// k <= q_pos and q % 50 != 3 + h and (q + k) % 7 != b\n"), ("after_0", "// s - 0.05")];
    let more =
        [("before_0", "// s + # 中\n// fn main() {}\n// hash(q, k) * 1e-9\n"), ("probability_0", "// p * 0.5\n")];
    validate_all("formulas in comments", &problem);
    let program = Program::new(&Plan::compile(&problem).unwrap());
    let mut names = std::collections::BTreeSet::new();
    for kernel in kernels() {
        let told = program.text(kernel);
        assert_eq!(told.text, program.source(kernel));
        assert!(names.insert(told.name.clone()), "two kernels are called {}", told.name);
        assert!(told.formulas.windows(2).all(|pair| pair[0].1 <= pair[1].0), "{kernel:?}");
        let marked: Vec<&str> = told.formulas.iter().map(|&(start, end)| &told.text[start..end]).collect();
        assert!(marked.iter().all(|part| part.ends_with("}\n")), "{kernel:?}: {marked:?}");
        if matches!(kernel, Kernel::Values | Kernel::Pool { .. } | Kernel::Merge { .. }) {
            assert!(marked.is_empty() && !told.text.contains("hash("), "{kernel:?} evaluates no formula");
            continue;
        }
        assert!(marked.iter().any(|part| part.starts_with("fn f_mix(")), "a helper");
        for (function, comment) in formulas.iter().chain(&more) {
            let of_function = marked.iter().filter(|part| part.contains(&format!("\nfn {function}(")));
            let of_function: Vec<_> = of_function.collect();
            assert!(of_function.len() == 1 && of_function[0].starts_with(comment), "{kernel:?}: {of_function:?}");
            let calls = told.text.matches(&format!("{function}(")).count();
            let marked = marked.iter().map(|part| part.matches(&format!("{function}(")).count()).sum::<usize>();
            assert!(calls == 2 && marked == 2, "{kernel:?}: {function} is written and called where it is marked");
        }
    }
}

#[test]
fn texts_are_told_once_with_the_run_that_first_needs_them() {
    if needs_gpu().is_none() {
        return;
    }
    let (problem, inputs) = grouped();
    let mut session = session(&problem, &inputs, Algorithm::Materialised);
    let names = |session: &mut GpuSession, want: Want| {
        block_on(session.run(&[Rows { batch: 0, head: 0, q: 0..70 }], want)).unwrap();
        session.take_texts().into_iter().map(|text| text.name).collect::<Vec<_>>()
    };
    assert!(session.take_texts().is_empty());
    let first = ["scores (cells)", "biases and masks", "normalise", "weights times values"];
    assert_eq!(names(&mut session, Want::default()), first);
    assert!(names(&mut session, Want::default()).is_empty());
    let with_statistics = names(&mut session, Want { stats: true, matrix: None });
    assert_eq!(with_statistics, ["normalise (row statistics)"]);
}

#[test]
fn every_text_of_the_catalogue_is_valid() {
    for (id, problem, _) in catalogued() {
        validate_all(id, &problem);
    }
}

#[test]
fn every_entry_of_the_catalogue_gives_what_the_cpu_gives() {
    if needs_gpu().is_none() {
        return;
    }
    for (id, problem, inputs) in catalogued() {
        same_as_cpu(id, &problem, &inputs, Algorithm::Streaming);
    }
}

/// All rows of a run on the GPU and on the CPU.
fn same_as_cpu(name: &str, problem: &Problem, inputs: &Inputs, algorithm: Algorithm) -> usize {
    let mut on_gpu = session(problem, inputs, algorithm);
    let mut on_cpu = Session::new(
        Plan::compile(problem).unwrap(),
        inputs.clone(),
        Backend::Cpu,
        algorithm,
        &Kernels::SEPARATE,
        clock,
    );
    let (mut pieces, mut rows_seen) = (0, 0);
    while let Some(parts) = block_on(on_gpu.next(Want::default())).unwrap() {
        pieces += 1;
        for (rows, found) in parts {
            rows_seen += rows.q.len();
            same_rows(name, &found, &on_cpu.rows(&rows, Want::default()));
        }
    }
    assert_eq!(rows_seen, problem.dims.rows(), "{name}");
    pieces
}

fn same_rows(name: &str, found: &RowsOut, wanted: &RowsOut) {
    let tolerance = 16.0 * GPU_PRECISION;
    assert_eq!(
        (found.y.len(), found.lse.len(), found.empty_rows),
        (wanted.y.len(), wanted.lse.len(), wanted.empty_rows)
    );
    let pairs = found.y.iter().zip(&wanted.y).chain(found.lse.iter().zip(&wanted.lse));
    for (i, (&found, &wanted)) in pairs.enumerate() {
        assert!(close(found, f64::from(wanted), tolerance), "{name}: number {i} is {found}, not {wanted}");
    }
}

#[test]
fn long_runs_come_in_pieces_and_give_the_same() {
    if needs_gpu().is_none() {
        return;
    }
    for algorithm in [Algorithm::Streaming, Algorithm::Materialised] {
        let mut problem = Problem::plain(dims([3, 3], [1500, 1500], [64, 64]));
        problem.masks.push(Term::new("mask", "k <= q_pos and q_pos - k < 400"));
        let pieces = same_as_cpu("long", &problem, &normal(&problem.dims, 3), algorithm);
        assert!(pieces > 1, "{algorithm:?}: {pieces}");
    }
}

#[test]
fn tensors_larger_than_a_binding_are_split() {
    if needs_gpu().is_none() {
        return;
    }
    // 160 MiB of keys.
    let mut problem = Problem::plain(dims([10, 10], [3, 1 << 16], [64, 4]));
    problem.masks.push(Term::new("mask", "k % 64 < h + 1"));
    same_as_cpu("two shards", &problem, &normal(&problem.dims, 4), Algorithm::Streaming);
}

#[test]
fn masks_by_bits_are_masks_by_formulas() {
    if needs_gpu().is_none() {
        return;
    }
    // The same mask, once exact and once with sums of floats that a GPU may round either way.
    let of = |mask: &str| {
        let mut problem = Problem::plain(dims([2, 1], [130, 140], [8, 8]));
        problem.masks.push(Term::new("mask", mask));
        problem
    };
    let (exact, rounded) = (of("(q ^ k) % 7 < 3 + h"), of("float((q ^ k) % 7) * 1.0 + 0.25 < 3.0 + float(h)"));
    let inputs = normal(&exact.dims, 5);
    for algorithm in [Algorithm::Streaming, Algorithm::Materialised] {
        let run = |problem: &Problem| {
            let mut session = session(problem, &inputs, algorithm);
            block_on(session.rows(&Rows { batch: 0, head: 1, q: 20..121 }, Want::default())).unwrap()
        };
        let (by_formula, by_bits) = (run(&exact), run(&rounded));
        assert_eq!(by_formula.y, by_bits.y, "{algorithm:?}");
        same_as_cpu("bits", &rounded, &inputs, algorithm);
    }
}

/// A problem with grouped heads over two sequences and a mask that rules whole rows out.
fn grouped() -> (Problem, Inputs) {
    let mut problem = Problem::plain(Dims { batch: 2, ..dims([4, 2], [150, 170], [16, 12]) });
    problem.masks.push(Term::new("mask", "k <= q_pos and q % 50 != 3 + h and (q + k) % 7 != b"));
    problem.bias.push(Term::new("score", "s - 0.05 * abs(q_pos - k) * (h + 1)"));
    let inputs = normal(&problem.dims, 8);
    (problem, inputs)
}

#[test]
fn rows_asked_for_together_are_those_asked_for_one_by_one_in_their_order() {
    if needs_gpu().is_none() {
        return;
    }
    let (problem, inputs) = grouped();
    let of = |unit: usize, q: std::ops::Range<usize>| Rows { batch: unit / 4, head: unit % 4, q };
    // Heads that follow each other across the sequences, one out of order, one twice, parts of heads, none, and whole ones again.
    let mut asked: Vec<Rows> = (2..7).map(|unit| of(unit, 0..150)).collect();
    asked.extend([
        of(1, 0..150),
        of(1, 0..150),
        of(2, 0..64),
        of(3, 64..150),
        of(4, 9..9),
        of(0, 0..150),
        of(1, 0..150),
    ]);
    for algorithm in [Algorithm::Streaming, Algorithm::Materialised] {
        for want in [Want::default(), Want { stats: true, matrix: Some(Stage::Weights) }] {
            let mut one = session(&problem, &inputs, algorithm);
            // A slow machine would cut what it takes long for: here all fits into one submission.
            let mut together = session(&problem, &inputs, algorithm).with_rate(1e9);
            let mut found = block_on(together.run(&asked, want)).unwrap();
            assert_eq!(found.len(), asked.len());
            let timed = found.iter().filter(|out| out.times.0.iter().sum::<f64>() > 0.0).count();
            // 2..=6, 1, 1, two parts, 0..=1.
            assert_eq!(timed, 6, "{algorithm:?}: one submission for heads that follow each other");
            for (rows, found) in asked.iter().zip(&mut found) {
                let mut wanted = block_on(one.rows(rows, want)).unwrap();
                assert_eq!(wanted.lse.len(), rows.q.len());
                (found.times, wanted.times) = Default::default();
                assert_eq!(*found, wanted, "{algorithm:?} {rows:?}");
            }
        }
    }
}

#[test]
fn heads_asked_for_together_may_take_several_submissions_each() {
    if needs_gpu().is_none() {
        return;
    }
    let problem = Problem::plain(dims([2, 1], [1500, 1500], [64, 64]));
    let inputs = normal(&problem.dims, 3);
    let asked: Vec<Rows> = (0..2).map(|head| Rows { batch: 0, head, q: 0..1500 }).collect();
    let found = block_on(session(&problem, &inputs, Algorithm::Streaming).run(&asked, Want::default())).unwrap();
    let mut on_cpu = Session::new(
        Plan::compile(&problem).unwrap(),
        inputs,
        Backend::Cpu,
        Algorithm::Streaming,
        &Kernels::SEPARATE,
        clock,
    );
    assert_eq!(found.len(), 2);
    for (rows, found) in asked.iter().zip(&found) {
        same_rows("two heads", found, &on_cpu.rows(rows, Want::default()));
    }
}

#[test]
fn every_stage_has_a_time() {
    if needs_gpu().is_none() {
        return;
    }
    let mut problem = Problem::plain(dims([2, 2], [256, 256], [32, 32]));
    problem.masks.push(Term::new("mask", "k <= q_pos"));
    problem.bias.push(Term::new("score", "s - 0.1 * abs(q - k)"));
    let inputs = normal(&problem.dims, 7);
    let times = |algorithm| {
        let mut session = session(&problem, &inputs, algorithm);
        block_on(session.rows(&Rows { batch: 0, head: 0, q: 0..256 }, Want::default())).unwrap().times
    };
    use TimedStage::{Bias, Kernel, Mask, Normalise, Prepare, Scores, Values};
    let (streaming, materialised) = (times(Algorithm::Streaming), times(Algorithm::Materialised));
    assert!([Prepare, Kernel].iter().all(|&stage| streaming.of(stage) > 0.0), "{streaming:?}");
    let all = [Prepare, Scores, Bias, Mask, Normalise, Values];
    assert!(all.iter().all(|&stage| materialised.of(stage) > 0.0), "{materialised:?}");
}

#[test]
fn what_the_gpu_can_t_do_is_declined_with_a_sentence() {
    let Some(gpu) = needs_gpu() else { return };
    let open = |problem: &Problem, inputs: &Inputs| {
        let plan = Plan::compile(problem).unwrap();
        block_on(GpuSession::new(gpu.clone(), plan, inputs, Algorithm::Streaming, clock)).err()
    };
    let problem = Problem::plain(dims([1, 1], [4, 4], [4, 4]));
    let mut inputs = normal(&problem.dims, 1);
    Arc::make_mut(&mut inputs.k)[3] = f32::NAN;
    assert!(
        matches!(open(&problem, &inputs), Some(GpuError::Unavailable(why)) if why.en.contains("NaN") && why.zh.contains("NaN"))
    );
    // One head of 160 MiB.
    let huge = Problem::plain(dims([1, 1], [1, 160 << 10], [256, 1]));
    let inputs = Inputs {
        q: Arc::new(vec![0.0; huge.dims.q_len()]),
        k: Arc::new(vec![0.0; huge.dims.k_len()]),
        v: Arc::new(vec![0.0; huge.dims.v_len()]),
    };
    assert!(
        matches!(open(&huge, &inputs), Some(GpuError::Unavailable(why)) if why.en.contains("160 MiB") && why.zh.contains("160 MiB"))
    );

    let mut session = session(&problem, &normal(&problem.dims, 1), Algorithm::Streaming);
    let rows = Rows { batch: 0, head: 1, q: 0..4 };
    assert!(matches!(block_on(session.rows(&rows, Want::default())), Err(GpuError::Invalid(_))));
    let (q, k, stage, pool) = (0..4, 2..5, Stage::Raw, Pool::Max);
    let request = MapRequest { stage, batch: 0, head: 0, q, k, width: 1, height: 1, pool };
    assert!(matches!(block_on(session.map(&request)), Err(GpuError::Invalid(_))));
}

#[test]
fn a_lost_device_is_replaced_once() {
    if needs_gpu().is_none() {
        return;
    }
    let mut host = GpuHost::new(clock);
    let problem = Problem::plain(dims([1, 1], [40, 40], [8, 8]));
    let inputs = normal(&problem.dims, 2);
    let rows = Rows { batch: 0, head: 0, q: 0..40 };
    let run = |host: &mut GpuHost, break_it: bool| {
        let gpu = block_on(host.gpu())?;
        let plan = Plan::compile(&problem).unwrap();
        let mut session = block_on(GpuSession::new(gpu.clone(), plan, &inputs, Algorithm::Streaming, clock))?;
        let before = block_on(session.rows(&rows, Want::default()))?;
        if break_it {
            gpu.close();
        }
        block_on(session.rows(&rows, Want::default())).map(|after| (before, after))
    };
    let (before, after) = run(&mut host, false).unwrap();
    assert_eq!(before.y, after.y);
    assert!(matches!(run(&mut host, true), Err(GpuError::Lost(_))), "a run on a lost device says so");
    let (again, _) = run(&mut host, false).unwrap();
    assert_eq!((before.y, host.losses()), (again.y, 1), "a new device takes its place");
    assert!(run(&mut host, true).unwrap_err().is_lost());
    let given_up = run(&mut host, false).unwrap_err();
    assert!(given_up.is_lost() && host.losses() == 2, "after the second loss the CPU goes on: {given_up}");
}

#[test]
fn a_device_that_computes_is_trusted() {
    if let Some(gpu) = needs_gpu() {
        block_on(canary(&gpu, clock)).unwrap();
        assert!(!gpu.facts().name.is_empty());
    }
}

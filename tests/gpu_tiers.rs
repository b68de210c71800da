//! What the streaming kernel may use beyond the core of WebGPU: subgroups of any size, and 16-bit numbers, whose error is measured against the f64
//! oracle. Of a device that lacks one of them the test says so.
#![cfg(feature = "gpu")]

use crate::native::common;

use attention_playground::attention::{Dims, Normaliser, Plan, Problem, Term};
use attention_playground::engine::gpu::{
    Build, F16_PRECISION, GpuError, GpuSession, Height, Kernel, Offers, Program, gradients_canary,
};
use attention_playground::engine::{Merge, Rows, Want};
use attention_playground::experiment::{Algorithm, Backend, Tiers};
use common::gpu::{block_on, clock, gpu, needs_gpu, needs_offer, validate_with};
use common::judge::{GPU_PRECISION, Judge, Worst, largest, outcome};
use common::table::{Case, cases, dims, normal};
use wgpu::naga::valid::Capabilities;

/// The workgroup memory that every device has.
const WORKGROUP_MEMORY: u32 = 16_384;

const SUBGROUPS: Tiers = Tiers { subgroups: true, f16: false };
const F16: Tiers = Tiers { subgroups: false, f16: true };
const BOTH: Tiers = Tiers { subgroups: true, f16: true };

const HEIGHTS: [Height; 2] = [Height::Eight, Height::SixtyFour];

fn case(name: &str, dims: Dims, change: impl FnOnce(&mut Problem)) -> Case {
    let mut problem = Problem::plain(dims);
    problem.offset = vec![dims.n_k.saturating_sub(dims.n_q) as i32; dims.batch];
    change(&mut problem);
    Case { name: format!("{name} {dims:?}"), problem, inputs: normal(&dims, 13) }
}

fn masked(mask: &'static str) -> impl FnOnce(&mut Problem) {
    move |problem| problem.masks.push(Term::new("mask", mask))
}

fn opened(case: &Case, tiers: Tiers) -> Result<GpuSession, GpuError> {
    let plan = Plan::compile(&case.problem).unwrap();
    block_on(GpuSession::with_tiers(gpu().unwrap(), plan, &case.inputs, Algorithm::Streaming, tiers, clock))
}

/// The whole run with statistics, against the oracle; its largest errors, of outputs over the largest value.
fn check(case: &Case, tiers: Tiers, height: Height, precision: f64) -> [f64; 2] {
    let mut session = opened(case, tiers).unwrap_or_else(|error| panic!("{}: {error}", case.name)).with_height(height);
    let mut merge = Merge::new(case.problem.dims, true, None, 0);
    while let Some(parts) = block_on(session.next(Want { stats: true, matrix: None })).unwrap() {
        parts.iter().for_each(|(rows, out)| merge.rows(rows, out));
    }
    let out = outcome(merge, Backend::Webgpu, Algorithm::Streaming);
    let found = Judge::of(case).unwrap().run(&out, precision);
    found.unwrap_or_else(|error| panic!("{} {height:?}: {error}", session.kernel()))
}

/// How near the outputs in 16 bits come to what is said of them, 1 at it: errors over the largest value, for 1 and the largest score together.
fn said(case: &Case, tiers: Tiers, height: Height) -> f64 {
    check(case, tiers, height, F16_PRECISION);
    let mut session = opened(case, tiers).unwrap().with_height(height);
    assert!(session.kernel().starts_with("gpu-streaming-f16"), "{}", session.kernel());
    let Dims { batch, q_heads, n_q, .. } = case.problem.dims;
    let heads = Judge::of(case).unwrap().heads;
    let scores = heads.iter().flat_map(|head| head.stages[1..5].iter()).flat_map(|stage| stage.iter().copied());
    let value = largest(case.inputs.v.iter().map(|&x| x.into()));
    let (score, mut worst) = (largest(scores), 0.0_f64);
    for unit in 0..batch * q_heads {
        let rows = Rows { batch: unit / q_heads, head: unit % q_heads, q: 0..n_q };
        let out = block_on(session.rows(&rows, Want::default())).unwrap();
        let off = out.y.iter().zip(&heads[unit].y).map(|(found, wanted)| (f64::from(*found) - wanted).abs());
        worst = worst.max(off.fold(0.0, f64::max) / value.max(f64::MIN_POSITIVE));
    }
    let near = worst / (F16_PRECISION * (1.0 + score));
    println!("{}: off by {worst:.1e} of the largest value, scores up to {score:.1}: {near:.2}", case.name);
    assert!(near <= 1.0, "{}: off by {worst:.1e} of the largest value, scores up to {score:.1}", case.name);
    near
}

/// Edges of vec4s, of parts of 16, of blocks of columns; grouped heads; masks of all kinds; few rows over many keys.
fn edges() -> Vec<Case> {
    let mut all: Vec<Case> = [[1, 1], [3, 5], [17, 64], [64, 64], [65, 100], [128, 128], [20, 260]]
        .map(|size| case("any length", dims([1, 1], [70, 67], size), |_| {}))
        .into();
    let grouped = |n_q, n_k| Dims { batch: 2, ..dims([4, 2], [n_q, n_k], [20, 12]) };
    for mask in ["k <= q_pos", "k <= q_pos and q_pos - k < 40", "(q + k) % 7 != b and k % 5 != h", "q // 50 == k // 70"]
    {
        all.push(case(mask, grouped(130, 200), masked(mask)));
    }
    for n_q in [1, 7, 16, 17] {
        all.push(case("decoding", grouped(n_q, 900), masked("k <= q_pos and (k < 300 + 40 * h or k > 880)")));
    }
    all.push(case("formulas", dims([2, 1], [70, 90], [8, 8]), |problem| {
        problem.masks.push(Term::new("mask", "k <= q_pos and q != 9"));
        problem.bias_before_cap.push(Term::new("score", "s * (0.5 + 0.1 * h)"));
        problem.softcap = Some(3.0);
        problem.bias.push(Term::new("score", "s + 0.2 * sin(s) - 0.01 * abs(q_pos - k)"));
        problem.sink = Some(vec![0.5, -1.0]);
    }));
    all
}

/// Problems of the table that between them take every way through the slots: each is a text to compile, which takes software adapters seconds.
const OF_THE_TABLE: [&str; 7] =
    ["more queries than keys", "d_v below d", "nothing allowed", "sink and empty rows", "t5", "paint", "large scores"];

/// They, and the edges, with what the low kernel computes.
fn problems() -> Vec<Case> {
    let of_table = cases().into_iter().filter(|case| OF_THE_TABLE.contains(&case.name.as_str()));
    let all: Vec<Case> = of_table.chain(edges()).collect();
    assert!(all.len() >= OF_THE_TABLE.len() + 16, "a problem of the table has another name");
    all
}

/// Some of the edges, for the tall kernel, which takes longer to compile.
fn tall() -> impl Iterator<Item = Case> {
    let names = ["k <= q_pos and q_pos - k < 40", "formulas"];
    edges().into_iter().filter(move |case| {
        let Dims { n_q, d, .. } = case.problem.dims;
        n_q > 16 && (d == 65 || names.iter().any(|name| case.name.starts_with(name)))
    })
}

#[test]
fn every_text_is_valid_with_what_it_asks_for() {
    let all = cases();
    let builds = [(4, false), (16, true), (8, true), (0, true), (16, false)];
    let all: Vec<&Case> = all.iter().filter(|case| !case.name.starts_with("prefix")).collect();
    for (i, case) in all.into_iter().enumerate() {
        let plan = Plan::compile(&case.problem).unwrap();
        let plain = Program::new(&plan);
        // One of them in turn: there are enough problems for each to meet every kind of slot.
        let (lanes, f16) = builds[i % builds.len()];
        let program = Program::new(&plan).built(Build { lanes, f16 });
        let mut allowed = Capabilities::empty();
        allowed.set(Capabilities::SUBGROUP, lanes > 0);
        allowed.set(Capabilities::SHADER_FLOAT16, f16);
        for height in HEIGHTS {
            for which in 0..16_u32 {
                let [online, values, stats, split] = [1, 2, 4, 8].map(|bit| which & bit != 0);
                let kernel = Kernel::Streaming { online, values, stats, height, split };
                let name = format!("{}, {lanes} lanes, 16 bits {f16}, {kernel:?}", case.name);
                let told = program.text(kernel);
                let memory = validate_with(&name, &told.text, allowed);
                assert!(memory <= WORKGROUP_MEMORY, "{name}: {memory} bytes of workgroup memory");
                let marked = told.formulas.iter().all(|&(start, end)| told.text[start..end].ends_with("}\n"));
                assert!(marked, "{name}: formulas are marked where they are not");
                assert_eq!(told.text == plain.source(kernel), lanes == 0 && !(online && values), "{name}");
            }
        }
        for kernel in [Kernel::Cells, Kernel::Values, Kernel::Merge { online: true, values: true, stats: true }] {
            assert_eq!(program.source(kernel), plain.source(kernel));
        }
    }
}

#[test]
fn with_subgroups_results_are_as_exact_as_without() {
    let Some(gpu) = needs_offer("subgroups", |offers| offers.subgroups >= 4) else { return };
    let offers = gpu.offers();
    println!("subgroups of at least {}", offers.subgroups);
    // Fewer threads than there are: what a device with smaller subgroups computes.
    for size in [4, 8, 16].into_iter().filter(|size| *size <= offers.subgroups) {
        gpu.pretend(Offers { subgroups: size, ..offers });
        let (mut low, mut high) = (Worst::default(), Worst::default());
        problems().iter().for_each(|case| low.add(case, check(case, SUBGROUPS, Height::Eight, GPU_PRECISION)));
        tall().for_each(|case| high.add(&case, check(&case, SUBGROUPS, Height::SixtyFour, GPU_PRECISION)));
        println!("{size} threads: {low}; 64 rows: {high}");
    }
}

#[test]
fn normalisers_and_formulas_over_weights_go_by_subgroups_too() {
    if needs_offer("subgroups", |offers| offers.subgroups >= 4).is_none() {
        return;
    }
    for normaliser in [Normaliser::Sigmoid, Normaliser::Entmax, Normaliser::OffByOne] {
        for n_q in [3, 70] {
            let case = case("normaliser", dims([2, 1], [n_q, 300], [16, 8]), |problem| {
                problem.normaliser = normaliser;
                problem.masks.push(Term::new("mask", "k <= q_pos and (k + h) % 5 != 0"));
                problem.probability = Some(Term::new("probability", "p * (0.5 + 0.25 * float(k % 3))"));
            });
            check(&case, SUBGROUPS, Height::Eight, GPU_PRECISION);
        }
    }
}

#[test]
fn in_16_bits_outputs_are_off_by_no_more_than_is_said() {
    let Some(gpu) = needs_offer("16-bit floats", |offers| offers.f16) else { return };
    let both = if gpu.offers().subgroups >= 4 { BOTH } else { F16 };
    let low = problems().iter().map(|case| said(case, F16, Height::Eight)).fold(0.0, f64::max);
    let high = tall().map(|case| said(&case, both, Height::SixtyFour)).fold(0.0, f64::max);
    println!("nearest to what is said: {low:.2}; 64 rows: {high:.2}");
}

#[test]
fn numbers_of_any_size_stay_within_16_bits() {
    if needs_offer("16-bit floats", |offers| offers.f16).is_none() {
        return;
    }
    // Q and K together leave scores as they are; outputs have the size of V.
    for (q, v) in [(1e6_f32, 1e8_f32), (1e-7, 1e-9), (3e4, 1.0)] {
        let mut case = case("any size", dims([2, 1], [70, 300], [32, 32]), masked("k <= q_pos"));
        let scaled = |tensor: &[f32], by: f32| std::sync::Arc::new(tensor.iter().map(|x| x * by).collect::<Vec<f32>>());
        case.inputs.q = scaled(&case.inputs.q, q);
        case.inputs.k = scaled(&case.inputs.k, 1.0 / q);
        case.inputs.v = scaled(&case.inputs.v, v);
        let judge = Judge::of(&case).unwrap();
        let mut session = opened(&case, F16).unwrap();
        let size = case.inputs.v.iter().fold(0.0_f64, |most, x| most.max(f64::from(x.abs())));
        for head in 0..2 {
            let out = block_on(session.rows(&Rows { batch: 0, head, q: 0..70 }, Want::default())).unwrap();
            let off = out.y.iter().zip(&judge.heads[head].y).map(|(found, wanted)| (f64::from(*found) - wanted).abs());
            let off = off.fold(0.0, f64::max) / size;
            assert!(off <= judge.tolerance(F16_PRECISION), "{q:e}, {v:e}: off by {off:e} of {size:e}");
        }
    }
    // Many small weights beside a large one: none of them may vanish.
    let mut case = case("small weights", dims([1, 1], [4, 4096], [4, 4]), |problem| {
        problem.bias.push(Term::new("score", "s * 1e-3 - (9.0 if k > 0 else 0.0)"));
    });
    case.inputs.v = std::sync::Arc::new((0..4096 * 4).map(|i| if i < 4 { 0.0 } else { 1.0 }).collect());
    check(&case, F16, Height::Eight, F16_PRECISION);
}

#[test]
fn however_a_run_is_cut_its_bits_are_the_same() {
    let Some(gpu) = needs_offer("subgroups and 16-bit floats", |offers| offers.f16 && offers.subgroups >= 4) else {
        return;
    };
    let case = case("cut", dims([1, 1], [150, 600], [24, 40]), |problem| {
        problem.masks.push(Term::new("mask", "k <= q_pos and (q + k) % 7 != 3"));
        problem.bias.push(Term::new("score", "s - 0.05 * abs(q_pos - k)"));
    });
    assert!(gpu.offers().f16);
    for tiers in [SUBGROUPS, F16, BOTH] {
        let of = |cuts: &[usize]| {
            let mut session = opened(&case, tiers).unwrap();
            let mut all = (Vec::new(), Vec::new());
            for cut in cuts.windows(2) {
                let rows = Rows { batch: 0, head: 0, q: cut[0]..cut[1] };
                let out = block_on(session.rows(&rows, Want::default())).unwrap();
                all.0.extend(out.y);
                all.1.extend(out.lse);
            }
            all
        };
        assert_eq!(of(&[0, 150]), of(&[0, 3, 16, 60, 64, 77, 141, 150]), "{tiers:?}");
    }
}

#[test]
fn what_a_device_lacks_is_done_without_and_said() {
    let Some(gpu) = needs_gpu() else { return };
    let offers = gpu.offers();
    let small = case("small", dims([1, 1], [20, 20], [8, 8]), |_| {});
    let told = |tiers: Tiers, case: &Case| {
        let mut session = opened(case, tiers).unwrap();
        let notes = session.take_notes();
        assert!(session.take_notes().is_empty(), "told once");
        (session.kernel(), notes.into_iter().map(|note| note.en).collect::<Vec<_>>())
    };
    gpu.pretend(Offers::default());
    let (kernel, notes) = told(BOTH, &small);
    assert_eq!((kernel, notes.len()), ("gpu-streaming-f32-8x64", 2));
    assert!(notes.contains(&"this GPU's driver offers no 16-bit floats: computed in 32 bits".to_owned()));
    assert_eq!(told(Tiers::default(), &small), ("gpu-streaming-f32-8x64", Vec::new()));
    gpu.pretend(Offers { subgroups: 2, f16: false });
    assert_eq!(told(SUBGROUPS, &small).0, "gpu-streaming-f32-8x64");
    check(&small, BOTH, Height::Eight, GPU_PRECISION);
    if offers.f16 {
        gpu.pretend(Offers { subgroups: 0, f16: true });
        let (kernel, notes) = told(F16, &small);
        assert_eq!((kernel, notes.len()), ("gpu-streaming-f16-8x64", 1), "{notes:?}");
        let sigmoid = case("sigmoid", small.problem.dims, |problem| problem.normaliser = Normaliser::Sigmoid);
        let (kernel, notes) = told(F16, &sigmoid);
        assert_eq!((kernel, notes.len()), ("gpu-streaming-f32-8x64", 1), "{notes:?}");
        check(&sigmoid, F16, Height::Eight, GPU_PRECISION);
    }
}

#[test]
fn a_device_whose_subgroups_are_not_what_it_says_is_found_out() {
    let below_16 = |offers: Offers| (4..16).contains(&offers.subgroups);
    let Some(gpu) = needs_offer("subgroups of 4 or 8 threads to lie about", below_16) else { return };
    gpu.pretend(Offers { subgroups: 16, ..gpu.offers() });
    let small = case("small", dims([1, 1], [20, 20], [8, 8]), |_| {});
    for _ in 0..2 {
        let error = opened(&small, SUBGROUPS).err().unwrap();
        assert!(matches!(error, GpuError::Failed(_)), "{error}");
        assert!(error.to_string().contains("f32+subgroups"), "{error}");
    }
    assert!(opened(&small, Tiers::default()).is_ok(), "the plain kernel is trusted as before");
}

#[test]
fn gradients_are_checked_once_for_a_device() {
    let Some(gpu) = needs_gpu() else { return };
    let before = clock();
    block_on(gradients_canary(&gpu, clock)).unwrap();
    let first = clock() - before;
    block_on(gradients_canary(&gpu, clock)).unwrap();
    println!("{first:.0} ms, then {:.3}", clock() - before - first);
    assert!(clock() - before - first < first / 2.0, "it is remembered");
}

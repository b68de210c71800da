//! The two algorithms, the careful path and the pictures against the double-precision reference.
#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use std::sync::Arc;

use super::Kernels;
use crate::attention::reference::head;
use crate::attention::{Dims, Inputs, Normaliser, Plan, Problem, Term};
use crate::engine::item::{Engine, MapRequest, Pool, Rows, RowsOut, TimedStage, Want};
use crate::engine::session::{exactly, fast, needs_exact};
use crate::experiment::{Algorithm, Backend, Patch, Stage};

type Make = fn(&Plan, &Inputs) -> Box<dyn Engine>;
const BOTH: [(&str, Make); 2] = [("materialised", materialised), ("streaming", streaming)];

// With a fused multiply-add, as most browsers have it; the table of problems in tests/ runs the other kind.
fn materialised(plan: &Plan, inputs: &Inputs) -> Box<dyn Engine> {
    make(plan, inputs, Algorithm::Materialised)
}

fn streaming(plan: &Plan, inputs: &Inputs) -> Box<dyn Engine> {
    make(plan, inputs, Algorithm::Streaming)
}

fn make(plan: &Plan, inputs: &Inputs, algorithm: Algorithm) -> Box<dyn Engine> {
    if needs_exact(Backend::Cpu, inputs.finite()) {
        exactly(plan, Backend::Cpu, algorithm, &Kernels::FUSED)
    } else {
        fast(plan, algorithm, &Kernels::FUSED)
    }
}

fn random(len: usize, seed: u64) -> Vec<f32> {
    let mut x = seed.wrapping_mul(2_862_933_555_777_941_757).wrapping_add(3_037_000_493);
    let mut next = || {
        x = x.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (x >> 40) as f32 / (1_u64 << 23) as f32 - 1.0
    };
    (0..len).map(|_| 2.0 * next()).collect()
}

fn inputs(dims: &Dims) -> Inputs {
    Inputs {
        q: Arc::new(random(dims.q_len(), 1)),
        k: Arc::new(random(dims.k_len(), 2)),
        v: Arc::new(random(dims.v_len(), 3)),
    }
}

fn dims(n_q: usize, n_k: usize, d: usize, d_v: usize) -> Dims {
    Dims { batch: 1, q_heads: 2, kv_heads: 1, n_q, n_k, d, d_v }
}

fn close(got: f32, want: f64, tolerance: f64) -> bool {
    let got = f64::from(got);
    got == want || (got.is_nan() && want.is_nan()) || (got - want).abs() <= tolerance * (1.0 + want.abs())
}

/// Runs every head in two items cut at an odd row, and compares everything an item gives.
fn agree(problem: &Problem, inputs: &Inputs) {
    let plan = Plan::compile(problem).unwrap();
    let dims = plan.dims;
    for (name, make) in BOTH {
        let mut engine = make(&plan, inputs);
        for (b, h) in (0..dims.batch).flat_map(|b| (0..dims.q_heads).map(move |h| (b, h))) {
            let want = head(&plan, inputs, b, h);
            let cut = (dims.n_q / 2) | 1;
            for q in [0..cut.min(dims.n_q), cut.min(dims.n_q)..dims.n_q] {
                for stage in Stage::ALL {
                    let rows = Rows { batch: b, head: h, q: q.clone() };
                    let out = engine.rows(&plan, inputs, &rows, Want { stats: true, matrix: Some(stage) }, || 0.0);
                    assert_eq!(out.y.len(), q.len() * dims.d_v);
                    assert_eq!(out.matrix.len(), q.len() * dims.n_k);
                    for (i, q) in q.clone().enumerate() {
                        let at = format!("{name} {dims:?} head {h} query {q}");
                        for c in 0..dims.d_v {
                            let (got, want) = (out.y[i * dims.d_v + c], want.y[[q, c]]);
                            assert!(close(got, want, 2e-5), "{at}: y[{c}] {got} {want}");
                        }
                        assert!(close(out.lse[i], want.lse[q], 2e-5), "{at}: lse {} {}", out.lse[i], want.lse[q]);
                        for k in 0..dims.n_k {
                            let (got, want) = (out.matrix[i * dims.n_k + k], want.stages[stage as usize][[q, k]]);
                            assert!(close(got, want, 2e-5), "{at}: {stage:?}[{k}] {got} {want}");
                        }
                        measures(&at, &out, i, want.weights().row(q).as_slice().unwrap());
                    }
                    let empty = q.clone().filter(|&q| want.lse[q] == f64::NEG_INFINITY).count();
                    assert_eq!(out.empty_rows as usize, empty, "{name}");
                }
            }
        }
    }
}

fn measures(at: &str, out: &RowsOut, i: usize, weights: &[f64]) {
    let sum: f64 = weights.iter().sum();
    if sum.is_nan() {
        return;
    }
    let entropy: f64 = weights.iter().filter(|&&w| w > 0.0).map(|&w| -w / sum * (w / sum).ln()).sum();
    let peak = weights.iter().copied().fold(0.0, f64::max);
    assert!(close(out.entropy[i], entropy, 1e-4), "{at}: entropy {} {entropy}", out.entropy[i]);
    assert!(close(out.peak[i], peak, 2e-5), "{at}: peak {} {peak}", out.peak[i]);
    match out.peak_at[i] {
        u32::MAX => assert_eq!(peak, 0.0, "{at}"),
        k => assert!((weights[k as usize] - peak).abs() < 1e-5, "{at}: peak at {k}"),
    }
}

#[test]
fn plain_softmax_over_many_sizes() {
    for n_q in [1, 2, 3, 4, 5, 33] {
        for n_k in [1, 7, 8, 9, 64, 65, 131] {
            let problem = Problem::plain(dims(n_q, n_k, 1 + (n_q + n_k) % 20, 1 + (3 * n_q + n_k) % 19));
            agree(&problem, &inputs(&problem.dims));
        }
    }
}

#[test]
fn masks_windows_paint_and_empty_rows() {
    let masks = [
        "k <= q",
        "q - k < 5 and k <= q",
        "k > q + 3",
        "false",
        "(k & q) == 0",
        "k >= 70",
        "q % 3 == 1",
        "h == 0 or k < q",
    ];
    for mask in masks {
        let mut problem = Problem::plain(dims(70, 150, 5, 3));
        problem.masks.push(Term::new("mask", mask));
        agree(&problem, &inputs(&problem.dims));
        problem.paint.push(Patch { head: None, q: [2, 40], k: [60, 90], allow: true });
        problem.paint.push(Patch { head: Some(1), q: [10, 12], k: [0, 150], allow: false });
        agree(&problem, &inputs(&problem.dims));
    }
}

#[test]
fn every_slot_with_every_normaliser() {
    for normaliser in [Normaliser::Softmax, Normaliser::OffByOne, Normaliser::Sigmoid] {
        for slots in 0..32_u32 {
            let mut problem = Problem::plain(dims(9, 70, 6, 5));
            problem.normaliser = normaliser;
            if slots & 1 != 0 {
                problem.masks.push(Term::new("mask", "k <= 8 * q - 8"));
            }
            if slots & 2 != 0 {
                problem.bias_before_cap.push(Term::new("bias", "s + 0.5 * h"));
                problem.softcap = Some(2.0);
            }
            if slots & 4 != 0 {
                problem.bias.push(Term::new("score", "s - 0.1 * abs(q - k)"));
            }
            if slots & 8 != 0 {
                problem.probability = Some(Term::new("prob", "p * p + 0.01"));
            }
            if slots & 16 != 0 && normaliser != Normaliser::Sigmoid {
                problem.sink = Some(vec![1.5, 90.0]);
            }
            agree(&problem, &inputs(&problem.dims));
        }
    }
}

#[test]
fn large_scores_do_not_overflow_and_infinite_biases_count_as_masked() {
    let mut problem = Problem::plain(dims(5, 140, 4, 4));
    problem.scale = 300.0;
    agree(&problem, &inputs(&problem.dims));
    problem.scale = 0.5;
    problem.bias.push(Term::new("score", "s if k % 2 == 0 or q < 2 else -inf"));
    problem.bias.push(Term::new("score", "s if q != 3 else -inf"));
    agree(&problem, &inputs(&problem.dims));
}

#[test]
fn non_finite_input_behind_a_mask_is_never_read() {
    let mut problem = Problem::plain(dims(6, 20, 3, 2));
    problem.masks.push(Term::new("mask", "k <= q"));
    let mut bad = inputs(&problem.dims);
    let (k, v) = (Arc::make_mut(&mut bad.k), Arc::make_mut(&mut bad.v));
    k[10 * 3] = f32::NAN;
    v[11 * 2] = f32::INFINITY;
    v[3 * 2 + 1] = f32::NAN;
    agree_outputs(&problem, &bad);
}

fn agree_outputs(problem: &Problem, inputs: &Inputs) {
    let plan = Plan::compile(problem).unwrap();
    for (name, make) in BOTH {
        let mut engine = make(&plan, inputs);
        assert!(engine.kernel().contains("scalar-select"));
        let want = head(&plan, inputs, 0, 1);
        let rows = Rows { batch: 0, head: 1, q: 0..plan.dims.n_q };
        for stage in [Stage::Masked, Stage::Weights] {
            let out = engine.rows(&plan, inputs, &rows, Want { stats: true, matrix: Some(stage) }, || 0.0);
            for (got, want) in out.y.iter().zip(&want.y) {
                assert!(close(*got, *want, 2e-5), "{name}: {got} {want}");
            }
            for (got, want) in out.matrix.iter().zip(&want.stages[stage as usize]) {
                assert!(close(*got, *want, 2e-5), "{name} {stage:?}: {got} {want}");
            }
        }
    }
}

#[test]
fn pictures_of_every_stage() {
    let mut problem = Problem::plain(dims(75, 140, 6, 5));
    problem.masks.push(Term::new("mask", "k <= 2 * q and q != 20"));
    problem.softcap = Some(3.0);
    problem.bias.push(Term::new("score", "s - 0.05 * abs(2 * q - k)"));
    let finite = inputs(&problem.dims);
    let mut bad = finite.clone();
    Arc::make_mut(&mut bad.v)[0] = f32::NAN;
    for normaliser in [Normaliser::Softmax, Normaliser::Sigmoid] {
        problem.normaliser = normaliser;
        let plan = Plan::compile(&problem).unwrap();
        let want = head(&plan, &finite, 0, 1);
        for (inputs, make) in [(&finite, BOTH[0].1), (&finite, BOTH[1].1), (&bad, BOTH[0].1)] {
            for stage in Stage::ALL {
                for (q, k, width, height) in [(0..75, 0..140, 14, 5), (3..50, 9..139, 130, 47), (17..30, 1..4, 3, 4)] {
                    for pool in [Pool::Max, Pool::Mean] {
                        let request =
                            MapRequest { stage, batch: 0, head: 1, q: q.clone(), k: k.clone(), width, height, pool };
                        let (mut lse, mut out) = (vec![f32::NAN; 75], vec![9.0; width * height]);
                        make(&plan, inputs).map(&plan, inputs, &request, &mut lse, &mut out);
                        picture(&request, &out, |q, k| {
                            let shown = stage < Stage::Masked || want.stages[4][[q, k]] != f64::NEG_INFINITY;
                            shown.then(|| want.stages[stage as usize][[q, k]])
                        });
                    }
                }
            }
        }
    }
}

#[test]
fn pictures_of_cells_that_do_not_exist_stay_as_they_were() {
    let plan = Plan::compile(&Problem::plain(dims(4, 6, 2, 2))).unwrap();
    let mut bad = inputs(&plan.dims);
    let good =
        MapRequest { stage: Stage::Weights, batch: 0, head: 1, q: 0..4, k: 0..6, width: 2, height: 2, pool: Pool::Max };
    for finite in [true, false] {
        if !finite {
            Arc::make_mut(&mut bad.q)[0] = f32::NAN;
        }
        for request in [
            MapRequest { q: 0..5, ..good.clone() },
            MapRequest { k: 3..3, ..good.clone() },
            MapRequest { head: 2, ..good.clone() },
            MapRequest { width: 3, ..good.clone() },
        ] {
            let (mut lse, mut out) = ([f32::NAN; 4], [9.0; 4]);
            streaming(&plan, &bad).map(&plan, &bad, &request, &mut lse, &mut out);
            assert_eq!(out, [9.0; 4], "{request:?}");
        }
        // More pixels than cells: each pixel still covers one.
        let (mut lse, mut out) = ([f32::NAN; 4], [9.0; 8 * 12]);
        let request = MapRequest { stage: Stage::Raw, width: 12, height: 8, q: 1..4, ..good.clone() };
        streaming(&plan, &bad).map(&plan, &bad, &request, &mut lse, &mut out);
        assert!(out.iter().all(|x| *x != 9.0 && !x.is_nan()));
    }
}

fn picture(request: &MapRequest, out: &[f32], cell: impl Fn(usize, usize) -> Option<f64>) {
    for i in 0..request.height {
        for j in 0..request.width {
            let (mut max, mut sum, mut count) = (0.0_f64, 0.0, 0);
            for q in i * request.q.len() / request.height..(i + 1) * request.q.len() / request.height {
                for k in j * request.k.len() / request.width..(j + 1) * request.k.len() / request.width {
                    if let Some(x) = cell(request.q.start + q, request.k.start + k) {
                        max = if x.abs() > max.abs() { x } else { max };
                        sum += x;
                        count += 1;
                    }
                }
            }
            let got = out[i * request.width + j];
            let want = match (count, request.pool) {
                (0, _) => f64::NAN,
                (_, Pool::Max | Pool::SampledMax) => max,
                (n, Pool::Mean | Pool::SampledMean) => sum / f64::from(n),
            };
            assert!(close(got.abs(), want.abs(), 2e-5), "{request:?} pixel {i} {j}: {got} {want}");
        }
    }
}

#[test]
fn names_and_times() {
    let plan = Plan::compile(&Problem::plain(dims(40, 40, 4, 4))).unwrap();
    let inputs = inputs(&plan.dims);
    let rows = Rows { batch: 0, head: 0, q: 0..40 };
    let clock = || {
        use std::sync::atomic::{AtomicU32, Ordering};
        static TICKS: AtomicU32 = AtomicU32::new(0);
        f64::from(TICKS.fetch_add(1, Ordering::Relaxed))
    };
    let mut engine = materialised(&plan, &inputs);
    assert_eq!(engine.kernel(), "cpu-materialised-relaxed-6x8");
    let times = engine.rows(&plan, &inputs, &rows, Want::default(), clock).times;
    use TimedStage::{Bias, Kernel, Mask, Normalise, Prepare, Scores, Values};
    for stage in [Prepare, Scores, Bias, Mask, Normalise, Values] {
        assert!(times.of(stage) > 0.0, "{stage:?}");
    }
    let mut engine = streaming(&plan, &inputs);
    assert_eq!(engine.kernel(), "cpu-streaming-relaxed-6x8");
    let out = engine.rows(&plan, &inputs, &rows, Want::default(), clock);
    assert!(out.times.of(Kernel) > 0.0 && out.times.of(Scores) == 0.0);
    assert!(out.matrix.is_empty() && out.entropy.is_empty());
}

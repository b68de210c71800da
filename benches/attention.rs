//! Time of the CPU kernels on one thread, natively: `cargo bench --bench attention [-- FILTER]`.
//!
//! Columns: kernel, n, d, heads, mask, median milliseconds, GFLOP/s as if dense (`4 · heads · n² · d`, so that skipped tiles show), and how
//! many times faster than the textbook loop over one head, scaled to all heads. Of the backward kernel dQ, dK and dV of all heads, as
//! `10 · heads · n² · d`, five products where the others have two; and how many times longer than the streaming run before it. `slopes` compares the two through formulas, with
//! derivatives by what they declare. In the browser the same kernels run with 128-bit SIMD of
//! WebAssembly; figures there are shown by the page itself.
#![allow(clippy::unwrap_used, reason = "a benchmark's own problems compile")]

mod common;

use attention_playground::attention::{Dims, Inputs, Plan, Problem, Term};
use attention_playground::engine::backward::{Derive, Given, Kernel as Gradient};
use attention_playground::engine::cpu::Kernels;
use attention_playground::engine::{Rows, Session, Want};
use attention_playground::experiment::{Algorithm, Backend};
use attention_playground::formula::{Data, DataValues};

use common::{clock, inputs, shortest};

const MASKS: [(&str, Option<&str>); 3] =
    [("none", None), ("causal", Some("k <= q")), ("window", Some("k <= q and q - k < 128"))];

fn main() {
    // Cargo passes --bench; everything else filters by the printed line's start.
    let filter = std::env::args().skip(1).find(|arg| !arg.starts_with("--")).unwrap_or_default();
    if "formulas".contains(&filter) {
        formulas();
    }
    if "slopes".contains(&filter) {
        slopes();
    }
    println!(
        "{:<32} {:>5} {:>4} {:>5} {:<7} {:>10} {:>9} {:>8}",
        "kernel", "n", "d", "heads", "mask", "median ms", "GFLOP/s", "x naive"
    );
    for (n, d, heads) in [(128, 64, 8), (512, 64, 8), (1024, 64, 8), (512, 128, 8), (2048, 64, 8)] {
        let dims = Dims { batch: 1, q_heads: heads, kv_heads: heads, n_q: n, n_k: n, d, d_v: d };
        let inputs = inputs(&dims);
        for (mask, formula) in MASKS {
            let mut problem = Problem::plain(dims);
            problem.masks.extend(formula.map(|text| Term::new("mask", text)));
            let plan = Plan::compile(&problem).unwrap();
            let loop_ms = heads as f64 * naive(&dims, &inputs, formula.is_some());
            for algorithm in [Algorithm::Streaming, Algorithm::Materialised] {
                let mut session =
                    Session::new(plan.clone(), inputs.clone(), Backend::Cpu, algorithm, &Kernels::SEPARATE, clock);
                let kernel = session.kernel();
                if kernel.contains(&filter) {
                    let ms = median(&mut session, heads, n);
                    let gflops = 4.0 * (heads * n * n * d) as f64 / ms / 1e6;
                    let times = loop_ms / ms;
                    println!("{kernel:<32} {n:>5} {d:>4} {heads:>5} {mask:<7} {ms:>10.3} {gflops:>9.1} {times:>8.1}");
                }
            }
            if Gradient::Cpu.name().contains(&filter) {
                let (ms, times) = backward(&problem, &plan, &inputs);
                let gflops = 10.0 * (heads * n * n * d) as f64 / ms / 1e6;
                let kernel = Gradient::Cpu.name();
                println!("{kernel:<32} {n:>5} {d:>4} {heads:>5} {mask:<7} {ms:>10.3} {gflops:>9.1} {times:>8.1}");
            }
        }
    }
}

/// What formulas in the loop cost: the streaming kernel with each of them over the kernel without, of the same live tiles; for a mask the time by pair.
fn formulas() {
    let (n, d, heads) = (1024, 64, 2);
    let dims = Dims { batch: 1, q_heads: heads, kv_heads: heads, n_q: n, n_k: n, d, d_v: d };
    let slopes = Data { values: DataValues::Float(vec![0.25, 0.0625]), shape: vec![heads], clamp: false };
    let session = |change: &dyn Fn(&mut Problem)| {
        let mut problem = Problem::plain(dims);
        change(&mut problem);
        let plan = Plan::compile(&problem).unwrap();
        Session::new(plan, inputs(&dims), Backend::Cpu, Algorithm::Streaming, &Kernels::SEPARATE, clock)
    };
    let mask = |text: &str| Term::new("mask", text);
    let mut sessions = [
        session(&|_| {}),
        session(&|p| p.bias.push(Term::new("score", "s - slope[h] * abs(q_pos - k)").data("slope", slopes.clone()))),
        session(&|p| p.bias.push(Term::new("score", "s + 0.125 * (k - q_pos)"))),
        session(&|p| p.bias.push(Term::new("score", "s * 0.5 + 1.0"))),
        session(&|p| p.softcap = Some(30.0)),
        session(&|p| p.masks.push(mask("k <= q_pos"))),
        session(&|p| p.masks.push(mask("k <= q_pos and q_pos - k < 256"))),
        session(&|p| p.masks.push(mask("(q_pos - k) % 5 != 3"))),
    ];
    let mut runs: Vec<_> = sessions
        .iter_mut()
        .map(|session| {
            move || {
                for head in 0..heads {
                    session.rows(&Rows { batch: 0, head, q: 0..n }, Want::default());
                }
            }
        })
        .collect();
    let mut turns: Vec<&mut dyn FnMut()> = runs.iter_mut().map(|run| run as &mut dyn FnMut()).collect();
    let times = shortest(4000.0, &mut turns);
    let all = (n * n) as f64;
    let window = (256 * n - 256 * 255 / 2) as f64;
    let share = [all, all, all, all, all, (n * (n + 1) / 2) as f64, window, all];
    let names = ["none", "alibi", "affine", "scaled", "softcap", "causal", "window 256", "mask everywhere"];
    println!("formulas, n = {n}, d = {d}, {heads} heads: milliseconds, and by pair over the kernel without");
    for ((name, ms), pairs) in names.iter().zip(&times).zip(share) {
        println!("{name:<16} {ms:>10.3} {:>8.2}", ms / times[0] * all / pairs);
    }
    println!();
}

/// What a problem is called, and how it is made of a plain one.
type Changed<'a> = (&'a str, &'a dyn Fn(&mut Problem));

/// Gradients through formulas, with derivatives by parameters and tables, over the run that they are of: least times of turns, in one process.
fn slopes() {
    let (n, d, heads) = (1024, 64, 4);
    let dims = Dims { batch: 1, q_heads: heads, kv_heads: heads, n_q: n, n_k: n, d, d_v: d };
    let inputs = inputs(&dims);
    let table = |numbers: &[f32]| Data {
        values: DataValues::Float(numbers.to_vec()),
        shape: vec![numbers.len()],
        clamp: false,
    };
    let by_head = table(&[0.25, 0.125, 0.0625, 0.03125]);
    let causal = |p: &mut Problem| p.masks.push(Term::new("mask", "k <= q_pos"));
    let score = |text: &str| Term::new("score", text);
    let alibi = || score("s - slope[h] * abs(q_pos - k)").data("slope", by_head.clone());
    let cases: [Changed<'_>; 9] = [
        ("none", &|_| {}),
        ("causal", &causal),
        ("window 128", &|p| p.masks.push(Term::new("mask", "k <= q_pos and q_pos - k < 128"))),
        ("causal alibi", &|p| {
            causal(p);
            p.bias.push(alibi());
        }),
        ("alibi, softcap", &|p| {
            p.softcap = Some(30.0);
            p.bias.push(alibi());
        }),
        ("s * w[h]", &|p| p.bias.push(score("s * w[h]").data("w", by_head.clone()))),
        ("bias[k]", &|p| p.bias.push(score("s + bias[k]").data("bias", table(&vec![0.1; n])))),
        ("2 * tanh(s / 2)", &|p| p.bias.push(score("2.0 * tanh(s / 2.0)"))),
        ("p * p", &|p| p.probability = Some(Term::new("prob", "p * p"))),
    ];
    println!("gradients over the run, n = {n}, d = {d}, {heads} heads: milliseconds, and ratios");
    println!("{:<16} {:>10} {:>10} {:>8} {:>12} {:>8}", "", "run", "gradients", "ratio", "with params", "ratio");
    for (name, change) in cases {
        let mut problem = Problem::plain(dims);
        change(&mut problem);
        let plan = Plan::compile(&problem).unwrap();
        let mut session =
            Session::new(plan, inputs.clone(), Backend::Cpu, Algorithm::Streaming, &Kernels::SEPARATE, clock);
        let (mut y, mut lse) = (Vec::new(), Vec::new());
        for head in 0..heads {
            let out = session.rows(&Rows { batch: 0, head, q: 0..n }, Want::default());
            y.extend(out.y);
            lse.extend(out.lse);
        }
        let qkv = [&inputs.q, &inputs.k, &inputs.v].map(|tensor| tensor.to_vec());
        let given = Given { qkv, dy: vec![1.0; y.len()], y, lse };
        let derive = |params: bool| {
            let derive = Derive { problem: Box::new(problem.clone()), kernel: Gradient::Cpu, share: [0, 1], params };
            let given = given.clone();
            let start = clock();
            std::hint::black_box(derive.compute(given, &Kernels::SEPARATE).unwrap());
            clock() - start
        };
        let mut run = || {
            let start = clock();
            for head in 0..heads {
                session.rows(&Rows { batch: 0, head, q: 0..n }, Want::default());
            }
            clock() - start
        };
        let (begin, mut best) = (clock(), [f64::INFINITY; 3]);
        while clock() - begin < 4000.0 {
            let times = [run(), derive(false), derive(true)];
            best.iter_mut().zip(times).for_each(|(best, ms)| *best = best.min(ms));
        }
        let [run, alone, with] = best;
        println!("{name:<16} {run:>10.2} {alone:>10.2} {:>8.2} {with:>12.2} {:>8.2}", alone / run, with / run);
    }
    println!();
}

/// Median of gradients of all heads; and how many times longer than the run that they are of.
fn backward(problem: &Problem, plan: &Plan, inputs: &Inputs) -> (f64, f64) {
    let Dims { q_heads: heads, n_q: n, .. } = plan.dims;
    let mut session =
        Session::new(plan.clone(), inputs.clone(), Backend::Cpu, Algorithm::Streaming, &Kernels::SEPARATE, clock);
    let forward = median(&mut session, heads, n);
    let (mut y, mut lse) = (Vec::new(), Vec::new());
    for head in 0..heads {
        let out = session.rows(&Rows { batch: 0, head, q: 0..n }, Want::default());
        y.extend(out.y);
        lse.extend(out.lse);
    }
    let derive = Derive { problem: Box::new(problem.clone()), kernel: Gradient::Cpu, share: [0, 1], params: false };
    let mut times = Vec::new();
    while times.len() < 5 || times.iter().sum::<f64>() < 300.0 {
        let qkv = [&inputs.q, &inputs.k, &inputs.v].map(|tensor| tensor.to_vec());
        let given = Given { qkv, dy: vec![1.0; y.len()], y: y.clone(), lse: lse.clone() };
        let start = clock();
        std::hint::black_box(derive.compute(given, &Kernels::SEPARATE).unwrap());
        times.push(clock() - start);
    }
    times.sort_by(f64::total_cmp);
    let ms = times[times.len() / 2];
    (ms, ms / forward)
}

/// Median of runs over all heads, after one that packs and warms up; at least 5 runs and 300 ms.
fn median(session: &mut Session, heads: usize, n: usize) -> f64 {
    let mut run = || {
        let start = clock();
        for head in 0..heads {
            session.rows(&Rows { batch: 0, head, q: 0..n }, Want::default());
        }
        clock() - start
    };
    run();
    let mut times = Vec::new();
    while times.len() < 5 || times.iter().sum::<f64>() < 300.0 {
        times.push(run());
    }
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}

/// Milliseconds of the textbook loop over the first head: a row of scores, its softmax, the weighted sum. The causal and the windowed case
/// stop at the diagonal.
fn naive(dims: &Dims, inputs: &Inputs, causal: bool) -> f64 {
    let (q, k, v) = (inputs.q_head(dims, 0, 0), inputs.k_head(dims, 0, 0), inputs.v_head(dims, 0, 0));
    let (d, scale) = (dims.d, 1.0 / (dims.d as f32).sqrt());
    let mut y = vec![0.0_f32; dims.n_q * dims.d_v];
    let mut p = vec![0.0_f32; dims.n_k];
    let start = clock();
    for i in 0..dims.n_q {
        let keys = if causal { i + 1 } else { dims.n_k };
        let mut max = f32::NEG_INFINITY;
        for j in 0..keys {
            let mut s = 0.0;
            for x in 0..d {
                s += q[i * d + x] * k[j * d + x];
            }
            p[j] = s * scale;
            max = max.max(p[j]);
        }
        let mut sum = 0.0;
        for p in &mut p[..keys] {
            *p = (*p - max).exp();
            sum += *p;
        }
        for j in 0..keys {
            for x in 0..dims.d_v {
                y[i * dims.d_v + x] += p[j] / sum * v[j * dims.d_v + x];
            }
        }
    }
    let ms = clock() - start;
    std::hint::black_box(y);
    ms
}

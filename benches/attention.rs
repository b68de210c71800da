//! Time of the CPU kernels on one thread, natively: `cargo bench --bench attention [-- FILTER]`.
//!
//! Columns: kernel, n, d, heads, mask, median milliseconds, GFLOP/s as if dense (`4 · heads · n² · d`, so that skipped tiles show), and how
//! many times faster than the textbook loop over one head, scaled to all heads. Of the backward kernel dQ, dK and dV of all heads, as
//! `10 · heads · n² · d`, five products where the others have two (it computes seven); and how many times longer than the streaming run before it. In the browser the same kernels run with 128-bit SIMD of
//! WebAssembly; figures there are shown by the page itself.
#![allow(clippy::unwrap_used, reason = "a benchmark's own problems compile")]

use std::sync::{Arc, OnceLock};

use attention_playground::attention::{Dims, Inputs, Plan, Problem, Term};
use attention_playground::engine::backward::{Derive, Given, Kernel as Gradient};
use attention_playground::engine::cpu::Kernels;
use attention_playground::engine::{Rows, Session, Want};
use attention_playground::experiment::{Algorithm, Backend};

/// Milliseconds from the first call on.
fn clock() -> f64 {
    static START: OnceLock<std::time::Instant> = OnceLock::new();
    #[allow(clippy::disallowed_methods, reason = "benches are native; the ban is for WebAssembly")]
    let start = START.get_or_init(std::time::Instant::now);
    start.elapsed().as_secs_f64() * 1e3
}

const MASKS: [(&str, Option<&str>); 3] =
    [("none", None), ("causal", Some("k <= q")), ("window", Some("k <= q and q - k < 128"))];

fn main() {
    // Cargo passes --bench; everything else filters by the printed line's start.
    let filter = std::env::args().skip(1).find(|arg| !arg.starts_with("--")).unwrap_or_default();
    println!(
        "{:<32} {:>5} {:>4} {:>5} {:<7} {:>10} {:>9} {:>8}",
        "kernel", "n", "d", "heads", "mask", "median ms", "GFLOP/s", "x naive"
    );
    for (n, d, heads) in [(128, 64, 8), (512, 64, 8), (1024, 64, 8), (512, 128, 8), (2048, 64, 8)] {
        let dims = Dims { batch: 1, q_heads: heads, kv_heads: heads, n_q: n, n_k: n, d, d_v: d };
        let inputs = Inputs { q: numbers(dims.q_len(), 1), k: numbers(dims.k_len(), 2), v: numbers(dims.v_len(), 3) };
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

/// Seeded numbers, near normal with deviation 1.5.
fn numbers(len: usize, seed: u32) -> Arc<Vec<f32>> {
    let mut x = seed;
    let mut uniform = || {
        x = x.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (x >> 8) as f32 / 8_388_608.0 - 1.0
    };
    Arc::new((0..len).map(|_| 1.3 * (uniform() + uniform() + uniform() + uniform())).collect())
}

//! Time of the GPU kernels natively, beside the CPU engine on one thread: `cargo bench --features gpu --bench gpu [-- FILTER] [-- --no-cpu]`.
//!
//! The streaming kernel is timed at both its heights, whichever a plan would take (`Height::of`).
//!
//! Columns: kernel, queries by keys, d, heads, mask, median and least milliseconds of the kernels by the GPU's own clock (by ours where it has
//! none), median from call to result and the first time, which
//! compiles, GFLOP/s as if dense (`4 · heads · n_q · n_k · d`, so that skipped tiles show), the CPU engine's median and
//! how many times faster the GPU's kernels are. Under each streaming kernel stand the gradients by the same height (GFLOP/s of five products where a run has two), and
//! how many times longer they take than that run: on the GPU, and on the CPU. A software adapter is named as such: its figures say that it works, nothing about GPUs.
#![allow(clippy::unwrap_used, reason = "a benchmark's own problems compile")]

use std::future::Future;
use std::pin::pin;
use std::rc::Rc;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll, Waker};

use attention_playground::attention::{Dims, Inputs, Plan, Problem, Term};
use attention_playground::engine::backward::{Derive, Given, Kernel as Gradient};
use attention_playground::engine::cpu::Kernels;
use attention_playground::engine::gpu::{Gpu, GpuBackward, GpuHost, GpuSession, Height};
use attention_playground::engine::{Rows, Session, TimedStage, Want};
use attention_playground::experiment::{Algorithm, Backend};

/// Milliseconds from the first call on.
fn clock() -> f64 {
    static START: OnceLock<std::time::Instant> = OnceLock::new();
    #[allow(clippy::disallowed_methods, reason = "benches are native; the ban is for WebAssembly")]
    let start = START.get_or_init(std::time::Instant::now);
    start.elapsed().as_secs_f64() * 1e3
}

/// Runs a future to its end: natively the engine has polled the device by then.
fn block_on<F: Future>(future: F) -> F::Output {
    let mut future = pin!(future);
    loop {
        if let Poll::Ready(value) = future.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            return value;
        }
    }
}

const MASKS: [(&str, Option<&str>); 3] =
    [("none", None), ("causal", Some("k <= q_pos")), ("window", Some("k <= q_pos and q_pos - k < 128"))];

fn main() {
    // A part of the algorithm's name.
    let filter = std::env::args().skip(1).find(|arg| !arg.starts_with("--")).unwrap_or_default();
    let with_cpu = !std::env::args().any(|arg| arg == "--no-cpu");
    let gpu = match block_on(GpuHost::new(clock).gpu()) {
        Ok(gpu) => gpu,
        Err(why) => return println!("NO GPU: {why}. Nothing was measured."),
    };
    let facts = gpu.facts();
    let kind = if facts.software { "a SOFTWARE adapter" } else { "a GPU" };
    let by = if facts.timestamps { "by its own clock" } else { "by our clock" };
    println!("{}, {kind}, timed {by}", facts.name);
    println!(
        "{:<28} {:>9} {:>4} {:>5} {:<7} {:>10} {:>10} {:>10} {:>10} {:>9} {:>10} {:>7}",
        "kernel", "n", "d", "heads", "mask", "kernel ms", "least", "all ms", "first", "GFLOP/s", "cpu ms", "x cpu"
    );
    for (n_q, n_k, d, heads) in [
        (128, 128, 64, 8),
        (256, 256, 64, 8),
        (512, 512, 64, 8),
        (1024, 1024, 64, 8),
        (512, 512, 128, 8),
        (512, 512, 256, 8),
        (2048, 2048, 64, 8),
        (1, 4096, 64, 8),
        (8, 4096, 128, 8),
    ] {
        if facts.software && n_q > 1024 {
            println!("n = {n_q} is left out: a software adapter takes minutes for it");
            continue;
        }
        let dims = Dims { batch: 1, q_heads: heads, kv_heads: heads, n_q, n_k, d, d_v: d };
        let inputs = Inputs { q: numbers(dims.q_len(), 1), k: numbers(dims.k_len(), 2), v: numbers(dims.v_len(), 3) };
        for (mask, formula) in MASKS {
            let mut problem = Problem::plain(dims);
            problem.offset = vec![(n_k - n_q) as i32];
            problem.masks.extend(formula.map(|text| Term::new("mask", text)));
            let plan = Plan::compile(&problem).unwrap();
            let (low, tall) = (Some(Height::Eight), Some(Height::SixtyFour));
            let all = [(Algorithm::Streaming, low), (Algorithm::Streaming, tall), (Algorithm::Materialised, None)];
            for (algorithm, height) in all {
                let streaming = algorithm == Algorithm::Streaming;
                if !(if streaming { "streaming" } else { "materialised" }).contains(&filter) {
                    continue;
                }
                let (kernel, ms, least, all_ms, first) = on_gpu(&gpu, &plan, &inputs, algorithm, height);
                let cpu_ms = if with_cpu { on_cpu(&plan, &inputs, algorithm) } else { f64::NAN };
                let (n, gflops) = (format!("{n_q}x{n_k}"), 4.0 * (heads * n_q * n_k * d) as f64 / ms / 1e6);
                println!(
                    "{kernel:<28} {n:>9} {d:>4} {heads:>5} {mask:<7} {ms:>10.3} {least:>10.3} {all_ms:>10.3} {first:>10.3} {gflops:>9.1} {cpu_ms:>10.3} {:>7.2}",
                    cpu_ms / ms
                );
                if let Some(height) = height {
                    let (back, least, all_ms, first) = gradients(&gpu, &plan, &inputs, height);
                    let cpu_back = if with_cpu { gradients_on_cpu(&problem, &plan, &inputs) } else { f64::NAN };
                    let gflops = 2.5 * gflops * ms / back;
                    println!(
                        "{:<28} {n:>9} {d:>4} {heads:>5} {mask:<7} {back:>10.3} {least:>10.3} {all_ms:>10.3} {first:>10.3} {gflops:>9.1} {cpu_back:>10.3} {:>7.2}   x run {:.2}, cpu {:.2}",
                        "  gradients",
                        cpu_back / back,
                        back / ms,
                        cpu_back / cpu_ms
                    );
                }
            }
        }
    }
}

/// Kernel name, median and least of kernel time, median of the whole run and the first one, milliseconds.
fn on_gpu(
    gpu: &Rc<Gpu>,
    plan: &Plan,
    inputs: &Inputs,
    algorithm: Algorithm,
    height: Option<Height>,
) -> (&'static str, f64, f64, f64, f64) {
    let session = block_on(GpuSession::new(gpu.clone(), plan.clone(), inputs, algorithm, clock)).unwrap();
    let mut session = match height {
        Some(height) => session.with_height(height),
        None => session,
    };
    let mut kernels = Vec::new();
    let mut run = || {
        let (start, mut kernel) = (clock(), 0.0);
        while let Some(parts) = block_on(session.next(Want::default())).unwrap() {
            let times = parts.iter().map(|(_, out)| out.times);
            kernel += times.map(|t| t.0.iter().sum::<f64>() - t.of(TimedStage::Prepare)).sum::<f64>();
        }
        kernels.push(kernel);
        clock() - start
    };
    // Compiles, and learns the size of a piece.
    let first = run();
    let all = median(run);
    kernels.remove(0);
    kernels.sort_by(f64::total_cmp);
    (session.kernel(), kernels[kernels.len() / 2], kernels[0], all, first)
}

/// Median and least of kernel time, median of a whole derivation and the first one, milliseconds.
fn gradients(gpu: &Rc<Gpu>, plan: &Plan, inputs: &Inputs, height: Height) -> (f64, f64, f64, f64) {
    let given = given(plan, inputs);
    let opened = block_on(GpuBackward::new(gpu.clone(), plan.clone(), given, clock)).unwrap();
    let mut backward = opened.with_height(height);
    let mut kernels = Vec::new();
    let mut run = || {
        let start = clock();
        let (gradients, ms) = block_on(backward.run()).unwrap();
        std::hint::black_box(gradients);
        kernels.push(ms);
        clock() - start
    };
    let first = run();
    let all = median(run);
    kernels.remove(0);
    kernels.sort_by(f64::total_cmp);
    (kernels[kernels.len() / 2], kernels[0], all, first)
}

fn gradients_on_cpu(problem: &Problem, plan: &Plan, inputs: &Inputs) -> f64 {
    let given = given(plan, inputs);
    let derive = Derive { problem: Box::new(problem.clone()), kernel: Gradient::Cpu, share: [0, 1], params: false };
    median(|| {
        let given = given.clone();
        let start = clock();
        std::hint::black_box(derive.compute(given, &Kernels::SEPARATE).unwrap());
        clock() - start
    })
}

/// What gradients are computed from: the run is the CPU's.
fn given(plan: &Plan, inputs: &Inputs) -> Given {
    let mut session =
        Session::new(plan.clone(), inputs.clone(), Backend::Cpu, Algorithm::Streaming, &Kernels::SEPARATE, clock);
    let mut given = Given { qkv: [&inputs.q, &inputs.k, &inputs.v].map(|tensor| tensor.to_vec()), ..Given::default() };
    for head in 0..plan.dims.q_heads {
        let out = session.rows(&Rows { batch: 0, head, q: 0..plan.dims.n_q }, Want::default());
        given.y.extend(out.y);
        given.lse.extend(out.lse);
    }
    given.dy = vec![1.0; given.y.len()];
    given
}

fn on_cpu(plan: &Plan, inputs: &Inputs, algorithm: Algorithm) -> f64 {
    let mut session = Session::new(plan.clone(), inputs.clone(), Backend::Cpu, algorithm, &Kernels::SEPARATE, clock);
    let mut run = || {
        let start = clock();
        for head in 0..plan.dims.q_heads {
            session.rows(&Rows { batch: 0, head, q: 0..plan.dims.n_q }, Want::default());
        }
        clock() - start
    };
    run();
    median(run)
}

/// Median of at least 3 runs and 300 ms.
fn median(mut run: impl FnMut() -> f64) -> f64 {
    let mut times = Vec::new();
    while times.len() < 3 || times.iter().sum::<f64>() < 300.0 {
        times.push(run());
    }
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
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

//! A small problem with a known answer, run before a GPU is trusted: drivers have computed nonsense and said nothing. What not everybody asks for, gradients and
//! kernels with more than the core of WebGPU, is checked when somebody first does, so that nobody else waits for it.

use std::rc::Rc;
use std::sync::Arc;

use super::backward::GpuBackward;
use super::device::Gpu;
use super::error::GpuError;
use super::session::GpuSession;
use super::streaming::Height;
use super::tiers::{Build, F16_PRECISION};
use crate::attention::{Dims, Inputs, Plan, Problem, Term, reference};
use crate::engine::backward::Given;
use crate::engine::item::{Clock, Want};
use crate::experiment::{Algorithm, message};

/// Largest difference from the oracle that a sound device may show on the canary.
const TOLERANCE: f64 = 1e-4;

/// Two rows of three tiles, grouped heads, a mask with empty, full and mixed tiles and an empty row, lengths no multiple of 4.
fn problem() -> Problem {
    let mut problem = Problem::plain(Dims { batch: 1, q_heads: 2, kv_heads: 1, n_q: 70, n_k: 141, d: 10, d_v: 6 });
    problem.offset = vec![5];
    problem.masks.push(Term::new("mask", "k <= q_pos and ((k // 3 - q) % 7 != 2 or k < 64) and q != 9"));
    problem.bias.push(Term::new("score", "s - 0.05 * abs(q_pos - k) * (h + 1)"));
    problem
}

/// Numbers between -1 and 1 that need no table.
fn inputs(dims: &Dims) -> Inputs {
    let numbers = |len: usize, step: usize| {
        Arc::new((0..len).map(|i| ((i * step + 17) % 199) as f32 / 99.0 - 1.0).collect::<Vec<f32>>())
    };
    Inputs { q: numbers(dims.q_len(), 37), k: numbers(dims.k_len(), 53), v: numbers(dims.v_len(), 71) }
}

/// What is checked when somebody first asks for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Checked {
    Gradients,
    Built(Build),
}

/// What was checked on a device beside the kernels that every run needs, and how it went.
#[derive(Default)]
pub(super) struct Verdicts(Vec<(Checked, Result<(), GpuError>)>);

impl Verdicts {
    fn of(&self, what: Checked) -> Option<Result<(), GpuError>> {
        self.0.iter().find(|(known, _)| *known == what).map(|(_, verdict)| verdict.clone())
    }

    /// Wrong numbers stay wrong; memory that ran out may be there the next time.
    fn keep(&mut self, what: Checked, verdict: &Result<(), GpuError>) {
        if matches!(verdict, Ok(()) | Err(GpuError::Failed(_))) {
            self.0.push((what, verdict.clone()));
        }
    }
}

/// Runs the canary with both algorithms, and with both heights of the streaming one. On a software adapter the tall one is left to the tests, where such
/// adapters are: compiling it takes them seconds, and `auto` never takes them.
///
/// # Errors
/// [`GpuError::Failed`] if the results differ from the oracle's, or whatever keeps the GPU from running it.
pub async fn canary(gpu: &Rc<Gpu>, clock: Clock) -> Result<(), GpuError> {
    run(gpu, Algorithm::Streaming, Build::default(), clock).await?;
    run(gpu, Algorithm::Materialised, Build::default(), clock).await
}

/// The same of the streaming kernel with more than the core of WebGPU, once for each device.
///
/// # Errors
/// As [`canary`].
pub(super) async fn tiers(gpu: &Rc<Gpu>, build: Build, clock: Clock) -> Result<(), GpuError> {
    let what = Checked::Built(build);
    let known = gpu.verdicts.borrow().of(what);
    if let Some(verdict) = known {
        return verdict;
    }
    let verdict = run(gpu, Algorithm::Streaming, build, clock).await;
    gpu.verdicts.borrow_mut().keep(what, &verdict);
    verdict
}

/// Derives a small problem with known gradients, once for each device: before its first gradients are trusted.
///
/// # Errors
/// As [`canary`].
pub async fn gradients_canary(gpu: &Rc<Gpu>, clock: Clock) -> Result<(), GpuError> {
    let known = gpu.verdicts.borrow().of(Checked::Gradients);
    if let Some(verdict) = known {
        return verdict;
    }
    let verdict = derive(gpu, clock).await;
    gpu.verdicts.borrow_mut().keep(Checked::Gradients, &verdict);
    verdict
}

/// The heights that are checked on a device.
fn heights(gpu: &Gpu) -> impl Iterator<Item = Height> {
    let tall = (!gpu.facts().software).then_some(Height::SixtyFour);
    [Height::Eight].into_iter().chain(tall)
}

async fn run(gpu: &Rc<Gpu>, algorithm: Algorithm, build: Build, clock: Clock) -> Result<(), GpuError> {
    let problem = problem();
    let inputs = inputs(&problem.dims);
    let plan = Plan::compile(&problem).map_err(GpuError::refused)?;
    // Its scores are below 3.
    let tolerance = if build.f16 { 4.0 * F16_PRECISION } else { TOLERANCE };
    for height in heights(gpu).take(if algorithm == Algorithm::Materialised { 1 } else { 2 }) {
        let session = GpuSession::open(gpu.clone(), plan.clone(), &inputs, algorithm, build.asked(), clock).await?;
        let mut session = session.with_height(height);
        let mut worst = 0.0_f64;
        while let Some(parts) = session.next(Want::default()).await? {
            for (rows, out) in parts {
                let head = reference::head(&plan, &inputs, rows.batch, rows.head);
                let wanted = head.y.rows().into_iter().skip(rows.q.start).flatten().copied();
                worst = worst.max(difference(&out.y, wanted));
            }
        }
        judged(gpu, session.kernel(), worst, tolerance)?;
    }
    Ok(())
}

async fn derive(gpu: &Rc<Gpu>, clock: Clock) -> Result<(), GpuError> {
    let problem = problem();
    let inputs = inputs(&problem.dims);
    let plan = Plan::compile(&problem).map_err(GpuError::refused)?;
    let (given, wanted) = derived(&plan, &inputs);
    for height in heights(gpu) {
        let backward = GpuBackward::new(gpu.clone(), plan.clone(), given.clone(), clock).await?;
        let (found, _) = backward.with_height(height).run().await?;
        let off = found.iter().zip(&wanted).map(|(found, wanted)| {
            let size = wanted.iter().fold(1.0_f64, |most, x| most.max(x.abs()));
            difference(found, wanted.iter().copied()) / size
        });
        judged(gpu, "gpu-gradients-f32", off.fold(0.0, f64::max), TOLERANCE)?;
    }
    Ok(())
}

fn judged(gpu: &Gpu, kernel: &str, worst: f64, tolerance: f64) -> Result<(), GpuError> {
    // Not a number is worse than any.
    if worst <= tolerance {
        return Ok(());
    }
    let name = &gpu.facts().name;
    Err(GpuError::Failed(message!(
        "{name} gave wrong numbers for a small test problem, so it is not used ({kernel}, off by {worst:.1e})",
        "{name} 对一个小测试问题给出了错误的数值，因此不使用它（{kernel}，偏差 {worst:.1e}）",
    )))
}

/// What [`problem`] is derived from, and its gradients by Q, K and V in double precision. Its scores change as products do: a softmax alone, so that no more of
/// the reference has to come along than a run's check has.
fn derived(plan: &Plan, inputs: &Inputs) -> (Given, [Vec<f64>; 3]) {
    let Dims { q_heads, n_q, n_k, d, d_v, .. } = plan.dims;
    let dy: Vec<f32> = (0..plan.dims.y_len()).map(|i| ((i * 29 + 5) % 61) as f32 / 30.0 - 1.0).collect();
    let (mut y, mut lse) = (Vec::new(), Vec::new());
    let [mut dq, mut dk, mut dv] = [inputs.q.len(), inputs.k.len(), inputs.v.len()].map(|length| vec![0.0; length]);
    let wide = |x: &f32| f64::from(*x);
    for head in 0..q_heads {
        let of = reference::head(plan, inputs, 0, head);
        y.extend(of.y.iter().map(|&x| x as f32));
        lse.extend(of.lse.iter().map(|&x| x as f32));
        let dy = &dy[head * n_q * d_v..(head + 1) * n_q * d_v];
        for (i, (weights, dy)) in of.weights().rows().into_iter().zip(dy.chunks_exact(d_v)).enumerate() {
            let by_weight = |k: usize| dy.iter().zip(&inputs.v[k * d_v..]).map(|(dy, v)| wide(dy) * wide(v)).sum();
            let by_weight: Vec<f64> = (0..n_k).map(by_weight).collect();
            let mean: f64 = weights.iter().zip(&by_weight).map(|(p, dp)| p * dp).sum();
            let at = (head * n_q + i) * d;
            for (k, (p, dp)) in weights.iter().zip(&by_weight).enumerate() {
                let ds = p * (dp - mean) * f64::from(plan.scale);
                for j in 0..d {
                    dq[at + j] += ds * wide(&inputs.k[k * d + j]);
                    dk[k * d + j] += ds * wide(&inputs.q[at + j]);
                }
                for (dv, dy) in dv[k * d_v..].iter_mut().zip(dy) {
                    *dv += p * wide(dy);
                }
            }
        }
    }
    let qkv = [&inputs.q, &inputs.k, &inputs.v].map(|tensor| tensor.to_vec());
    (Given { qkv, dy, y, lse }, [dq, dk, dv])
}

/// The largest difference; infinite where a number is missing or is none.
fn difference(found: &[f32], mut wanted: impl Iterator<Item = f64>) -> f64 {
    let off = found.iter().map(|&found| match wanted.next() {
        Some(wanted) if found.is_finite() => (f64::from(found) - wanted).abs(),
        _ => f64::INFINITY,
    });
    let worst = off.fold(0.0, f64::max);
    if found.is_empty() { f64::INFINITY } else { worst }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
mod tests {
    use super::*;
    use crate::attention::gradients::{Gradients, Tensors};
    use crate::attention::{Coverage, reference::head};
    use crate::engine::gpu::{TILE_KEYS, TILE_ROWS};

    #[test]
    fn the_problem_meets_what_kernels_may_get_wrong() {
        let problem = problem();
        let plan = Plan::compile(&problem).unwrap();
        let map = plan.tiles(0, 0, TILE_ROWS, TILE_KEYS);
        let (rows, _) = map.grid();
        let all: Vec<Coverage> = (0..rows).flat_map(|row| map.row(row)).collect();
        assert!([Coverage::Empty, Coverage::Full, Coverage::Partial].iter().all(|kind| all.contains(kind)), "{all:?}");
        let head = head(&plan, &inputs(&problem.dims), 0, 1);
        assert_eq!(head.lse.iter().filter(|lse| **lse == f64::NEG_INFINITY).count(), 1);
        assert!(head.y.iter().any(|y| y.abs() > 100.0 * TOLERANCE), "wrong results would not show");
    }

    #[test]
    fn its_gradients_are_those_of_the_reference() {
        let problem = problem();
        let plan = Plan::compile(&problem).unwrap();
        let inputs = inputs(&problem.dims);
        let (given, found) = derived(&plan, &inputs);
        let dy: Vec<f64> = given.dy.iter().map(|&x| x.into()).collect();
        let (wanted, _) = Gradients::new(&problem, &plan).unwrap().all(&Tensors::from(&inputs), &dy);
        for (found, wanted) in found.iter().zip([wanted.q, wanted.k, wanted.v]) {
            assert_eq!(found.len(), wanted.len());
            assert!(found.iter().zip(&wanted).all(|(found, wanted)| (found - wanted).abs() < 1e-6));
            assert!(wanted.iter().any(|x| x.abs() > 100.0 * TOLERANCE), "wrong results would not show");
        }
    }

    #[test]
    fn nonsense_is_told_from_rounding() {
        let wanted = || [1.0, -2.0].into_iter();
        assert!(difference(&[1.000_001, -2.0], wanted()) < TOLERANCE);
        for nonsense in [&[1.0, -2.1][..], &[0.0, 0.0], &[1.0, f32::NAN], &[1.0, -2.0, 0.0], &[]] {
            assert!(difference(nonsense, wanted()) > TOLERANCE, "{nonsense:?}");
        }
    }
}

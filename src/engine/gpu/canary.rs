//! A small problem with a known answer, run before a GPU is trusted: drivers have computed nonsense and said nothing.

use std::rc::Rc;
use std::sync::Arc;

use super::device::Gpu;
use super::error::GpuError;
use super::session::GpuSession;
use super::streaming::Height;
use crate::attention::{Dims, Inputs, Plan, Problem, Term, reference};
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

/// Runs the canary with both algorithms, and with both heights of the streaming one. On a software adapter the tall one is left to the tests, where such
/// adapters are: compiling it takes them seconds, and `auto` never takes them.
///
/// # Errors
/// [`GpuError::Failed`] if the results differ from the oracle's, or whatever keeps the GPU from running it.
pub async fn canary(gpu: &Rc<Gpu>, clock: Clock) -> Result<(), GpuError> {
    let problem = problem();
    let inputs = inputs(&problem.dims);
    let plan = Plan::compile(&problem).map_err(GpuError::refused)?;
    let tall = (!gpu.facts().software).then_some((Algorithm::Streaming, Height::SixtyFour));
    let heights = [(Algorithm::Streaming, Height::Eight), (Algorithm::Materialised, Height::Eight)];
    for (algorithm, height) in heights.into_iter().chain(tall) {
        let session = GpuSession::new(gpu.clone(), plan.clone(), &inputs, algorithm, clock).await?;
        let mut session = session.with_height(height);
        let mut worst = 0.0_f64;
        while let Some(parts) = session.next(Want::default()).await? {
            for (rows, out) in parts {
                let head = reference::head(&plan, &inputs, rows.batch, rows.head);
                let wanted = head.y.rows().into_iter().skip(rows.q.start).flatten().copied();
                worst = worst.max(difference(&out.y, wanted));
            }
        }
        if worst > TOLERANCE {
            let (name, kernel) = (&gpu.facts().name, session.kernel());
            return Err(GpuError::Failed(message!(
                "{name} gave wrong numbers for a small test problem, so it is not used ({kernel}, off by {worst:.1e})",
                "{name} 对一个小测试问题给出了错误的数值，因此不使用它（{kernel}，偏差 {worst:.1e}）",
            )));
        }
    }
    Ok(())
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
    fn nonsense_is_told_from_rounding() {
        let wanted = || [1.0, -2.0].into_iter();
        assert!(difference(&[1.000_001, -2.0], wanted()) < TOLERANCE);
        for nonsense in [&[1.0, -2.1][..], &[0.0, 0.0], &[1.0, f32::NAN], &[1.0, -2.0, 0.0], &[]] {
            assert!(difference(nonsense, wanted()) > TOLERANCE, "{nonsense:?}");
        }
    }
}

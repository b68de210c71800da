//! A small problem with a known answer, run before a GPU is trusted: drivers have computed nonsense and said nothing.

use std::rc::Rc;
use std::sync::Arc;

use super::device::Gpu;
use super::error::GpuError;
use super::session::GpuSession;
use crate::attention::{Dims, Inputs, Plan, Problem, Term, reference};
use crate::engine::item::{Clock, Want};
use crate::experiment::Algorithm;

/// Largest difference from the oracle that a sound device may show on the canary.
const TOLERANCE: f64 = 1e-4;

/// Two tiles of rows and three of keys, grouped heads, a mask with all three kinds of tiles and an empty row, lengths no multiple of 4.
fn problem() -> Problem {
    let mut problem = Problem::plain(Dims { batch: 1, q_heads: 2, kv_heads: 1, n_q: 70, n_k: 75, d: 10, d_v: 6 });
    problem.offset = vec![5];
    problem.masks.push(Term::new("mask", "k <= q_pos and (k // 3 - q) % 7 != 2 and q != 9"));
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

/// Runs the canary with both algorithms.
///
/// # Errors
/// [`GpuError::Failed`] if the results differ from the oracle's, or whatever keeps the GPU from running it.
pub async fn canary(gpu: &Rc<Gpu>, clock: Clock) -> Result<(), GpuError> {
    let problem = problem();
    let inputs = inputs(&problem.dims);
    let plan = Plan::compile(&problem).map_err(|issues| GpuError::Failed(issues.to_string()))?;
    let wanted = reference::attend(&plan, &inputs);
    for algorithm in [Algorithm::Streaming, Algorithm::Materialised] {
        let mut session = GpuSession::new(gpu.clone(), plan.clone(), &inputs, algorithm, clock).await?;
        let mut worst = 0.0_f64;
        while let Some(parts) = session.next(Want::default()).await? {
            for (rows, out) in parts {
                let heads = wanted
                    .y
                    .outer_iter()
                    .flat_map(|batch| batch.outer_iter().map(|head| head.to_owned()).collect::<Vec<_>>());
                let Some(head) = heads.into_iter().nth(rows.batch * problem.dims.q_heads + rows.head) else { continue };
                for (found, wanted) in out.y.iter().zip(head.rows().into_iter().skip(rows.q.start).flatten()) {
                    let off = (f64::from(*found) - wanted).abs();
                    // A NaN is as wrong as can be.
                    worst = if off.is_nan() { f64::INFINITY } else { worst.max(off) };
                }
            }
        }
        if worst > TOLERANCE {
            let name = &gpu.facts().name;
            return Err(GpuError::Failed(format!(
                "{name} computes a small problem wrongly with {} (off by {worst:.1e}), so it is not used",
                session.kernel()
            )));
        }
    }
    Ok(())
}

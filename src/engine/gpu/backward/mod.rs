//! Gradients of attention on the GPU: dQ by blocks of queries, dK and dV by blocks of keys, over live tiles, with formulas spliced in with their derivatives.
//!
//! Weights are computed again from the rows' log-sum-exp, so nothing holds n² numbers (`shaders/backward.wgsl`). Every normaliser and every formula is
//! derived; what `Gradients` of the reference refuses, and derivatives by parameters, are not asked for here.
//!
//! | file | what it holds |
//! |---|---|
//! | `mod` | buffers; a whole derivation |
//! | `text` | the kernels |
//! | `pass` | one direction piece by piece |

mod pass;
mod text;

use std::rc::Rc;
use std::sync::Arc;

use super::cut::{FIRST_RATE, MOST_GROUPS};
use super::device::Gpu;
use super::error::GpuError;
use super::job::{JOB_STRIDE, MOST_JOBS};
use super::memory::{Owned, bytes_of};
use super::scratch::Scratch;
use super::shard::{Shard, padded};
use super::streaming::Height;
use crate::attention::{Dims, Inputs, Plan};
use crate::engine::backward::Given;
use crate::engine::item::Clock;
use crate::experiment::message;
use crate::formula::wgsl::LARGEST;

pub use text::{GradientProgram, Pass};

/// Gradients `[batch, heads, rows, size]` as [`Inputs`] is laid out: by Q, by K, by V.
pub type Qkv = [Vec<f32>; 3];

/// A plan being derived on a GPU.
pub struct GpuBackward {
    gpu: Rc<Gpu>,
    plan: Plan,
    program: GradientProgram,
    shards: Vec<Side>,
    scratch: Scratch,
    clock: Clock,
    /// Multiply-adds a millisecond, as far as is known.
    rate: f64,
    held: bool,
    /// Own rows of a workgroup by queries and by keys.
    heights: [Height; 2],
}

/// A shard with what only gradients need.
struct Side {
    shard: Shard,
    /// Derivatives by the output `[units, n_q, d_v]`, rows padded to whole vec4s.
    dy: Owned,
    /// Of each row its log-sum-exp, and what its derivatives are measured against.
    rows: Owned,
    /// Live tiles as seen from the keys.
    by_keys: Vec<u32>,
}

impl GpuBackward {
    /// Uploads what a plan is derived from: Q, K and V, derivatives by the output, the output and the rows' log-sum-exp (or threshold).
    ///
    /// # Errors
    /// [`GpuError::Unavailable`] for numbers that are not finite and for tensors that do not fit; [`GpuError::Invalid`] for tensors of other sizes;
    /// else what the GPU says.
    pub async fn new(gpu: Rc<Gpu>, plan: Plan, given: Given, clock: Clock) -> Result<Self, GpuError> {
        gpu.alive()?;
        let dims = plan.dims;
        let Given { qkv: [q, k, v], dy, y, lse } = given;
        let lengths = [q.len(), k.len(), v.len(), dy.len(), y.len(), lse.len()];
        if lengths != [dims.q_len(), dims.k_len(), dims.v_len(), dims.y_len(), dims.y_len(), dims.rows()] {
            return Err(GpuError::Invalid(message!("the tensors are not of these sizes", "张量的大小不符")));
        }
        let inputs = Inputs { q: Arc::new(q), k: Arc::new(k), v: Arc::new(v) };
        if !inputs.finite() || !dy.iter().all(|x| x.is_finite()) {
            return Err(GpuError::not_finite());
        }
        let longest = dims.n_q.max(dims.n_k);
        if longest > 64 * MOST_GROUPS {
            let most = 64 * MOST_GROUPS;
            return Err(GpuError::Unavailable(message!(
                "{longest} tokens are too many for the GPU, which takes {most}",
                "{longest} 个词元对 GPU 来说太多，最多 {most} 个",
            )));
        }
        let program = GradientProgram::new(&plan);
        let mut shards = Vec::new();
        for shard in Shard::all(&gpu, &plan, &inputs, true).await? {
            let rows = shard.units.start * dims.n_q..shard.units.end * dims.n_q;
            let numbers = rows.start * dims.d_v..rows.end * dims.d_v;
            let (dy, y) = (&dy[numbers.clone()], &y[numbers]);
            let known = known(&plan, &lse[rows], dy, y);
            shards.push(Side {
                dy: gpu.upload("derivatives by the output", &padded(dy, dims.d_v)).await?,
                rows: gpu.upload("rows", &bytes_of(&known, f32::to_le_bytes)).await?,
                by_keys: shard.tiles.by_keys(),
                shard,
            });
        }
        let words = gpu.upload("words of formulas", &bytes_of(program.program.words(), u32::to_le_bytes)).await?;
        let usage = wgpu::BufferUsages::UNIFORM | wgpu::BufferUsages::COPY_DST;
        let jobs = gpu.buffer("jobs", MOST_JOBS * JOB_STRIDE, usage).await?;
        let scratch = Scratch::new(&gpu, jobs, words).await?;
        let heights = [Height::of(&dims), Height::of(&Dims { n_q: dims.n_k, n_k: dims.n_q, ..dims })];
        Ok(Self { gpu, plan, program, shards, scratch, clock, rate: FIRST_RATE, held: false, heights })
    }

    /// Takes other heights than those of the sizes: for tests and benches.
    pub fn with_height(self, height: Height) -> Self {
        Self { heights: [height; 2], ..self }
    }

    /// Cuts by so many multiply-adds a millisecond, whatever submissions take: for tests.
    pub fn with_rate(self, rate: f64) -> Self {
        Self { rate, held: true, ..self }
    }

    /// All gradients, and the milliseconds of the kernels. A submission takes about 50 ms. What is not awaited to its end computes no more
    /// than the submission that it is at.
    ///
    /// # Errors
    /// What the GPU says.
    pub async fn run(&mut self) -> Result<(Qkv, f64), GpuError> {
        let dims = self.plan.dims;
        let (mut q, mut k, mut v) = (Vec::new(), Vec::new(), Vec::new());
        let mut ms = 0.0;
        for shard in 0..self.shards.len() {
            if self.totals_wanted() {
                ms += self.by_queries(shard, Pass::Totals, &mut q).await?;
            }
            ms += self.by_queries(shard, Pass::Queries, &mut q).await?;
            ms += self.by_keys(shard, &mut k, &mut v).await?;
        }
        if let Some(turns) = &self.plan.rotation {
            let heads = dims.q_heads.max(1);
            for (unit, dq) in q.chunks_exact_mut((dims.n_q * dims.d).max(1)).enumerate() {
                turns.turn_q_back(unit / heads, 0..dims.n_q, dims.d, dq);
            }
            for dk in k.chunks_exact_mut((dims.n_k * dims.d).max(1)) {
                turns.turn_k_back(0..dims.n_k, dims.d, dk);
            }
        }
        Ok(([q, k, v], ms))
    }

    /// Whether what a row's derivatives are measured against is found by a pass of its own: where weights that are summed are not those that the
    /// outputs are made with, `dY · Y` is not their mean.
    fn totals_wanted(&self) -> bool {
        self.plan.sums() && !self.plan.online()
    }
}

/// What the kernels know of each row: its log-sum-exp, and `dY · Y`, which is `Σ P dP` for a softmax.
fn known(plan: &Plan, lse: &[f32], dy: &[f32], y: &[f32]) -> Vec<f32> {
    let d_v = plan.dims.d_v.max(1);
    let mut known = Vec::with_capacity(4 * lse.len());
    for ((lse, dy), y) in lse.iter().zip(dy.chunks_exact(d_v)).zip(y.chunks_exact(d_v)) {
        let mean: f64 = dy.iter().zip(y).map(|(dy, y)| f64::from(*dy) * f64::from(*y)).sum();
        let mean = if plan.online() { mean as f32 } else { 0.0 };
        known.extend([lse.max(-LARGEST), mean, 0.0, 0.0]);
    }
    known
}

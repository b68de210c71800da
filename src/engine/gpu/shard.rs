//! The tensors on the GPU: consecutive heads together, as many as one binding holds.

use std::ops::Range;

use super::device::Gpu;
use super::error::GpuError;
use super::memory::{MOST_BYTES, bytes_of};
use super::tiles::TileWords;
use crate::attention::{Dims, Inputs, Plan};

/// Query heads of consecutive sequences with the keys and values that they read. A unit is `batch · q_heads + head`.
pub(super) struct Shard {
    /// Units, whole groups of heads that share keys.
    pub units: Range<usize>,
    /// Prepared queries `[units, n_q, d]`, rows padded to whole vec4s.
    pub q: wgpu::Buffer,
    /// Prepared keys `[units / group, n_k, d]`, likewise.
    pub k: wgpu::Buffer,
    /// Values `[units / group, n_k, d_v]`, likewise.
    pub v: wgpu::Buffer,
    /// Live tiles of each unit.
    pub tiles: TileWords,
}

/// How many groups of heads (those that share keys and values) fit into one shard.
///
/// # Errors
/// [`GpuError::Unavailable`] if not even one does.
fn groups_in_shard(dims: &Dims) -> Result<usize, GpuError> {
    let group = dims.q_heads / dims.kv_heads;
    let (d, d_v) = (dims.d.next_multiple_of(4) as u64, dims.d_v.next_multiple_of(4) as u64);
    let queries = (group * dims.n_q) as u64 * d * 4;
    let keys = dims.n_k as u64 * d.max(d_v) * 4;
    let largest = queries.max(keys).max(1);
    if largest > MOST_BYTES {
        return Err(GpuError::Unavailable(format!(
            "the queries, keys or values of one group of heads take {} MiB; a GPU takes {} MiB at once",
            largest >> 20,
            MOST_BYTES >> 20
        )));
    }
    Ok((MOST_BYTES / largest) as usize)
}

impl Shard {
    /// Uploads the tensors of a plan, prepared (encodings and rotation) on the way.
    pub async fn all(gpu: &Gpu, plan: &Plan, inputs: &Inputs) -> Result<Vec<Shard>, GpuError> {
        let dims = plan.dims;
        let group = dims.q_heads / dims.kv_heads;
        let most = groups_in_shard(&dims)?;
        let groups = dims.batch * dims.kv_heads;
        let mut shards = Vec::new();
        for start in (0..groups).step_by(most) {
            let groups = start..(start + most).min(groups);
            let units = groups.start * group..groups.end * group;
            let mut q = Vec::new();
            for unit in units.clone() {
                let (batch, head) = (unit / dims.q_heads, unit % dims.q_heads);
                let mut rows = vec![0.0; dims.n_q * dims.d];
                plan.prepare_q(batch, 0..dims.n_q, inputs.q_head(&dims, batch, head), &mut rows);
                pad(&rows, dims.d, &mut q);
            }
            let (mut k, mut v) = (Vec::new(), Vec::new());
            for unit in units.clone().step_by(group) {
                let (batch, head) = (unit / dims.q_heads, unit % dims.q_heads);
                let mut rows = vec![0.0; dims.n_k * dims.d];
                plan.prepare_k(0..dims.n_k, inputs.k_head(&dims, batch, head), &mut rows);
                pad(&rows, dims.d, &mut k);
                pad(inputs.v_head(&dims, batch, head), dims.d_v, &mut v);
            }
            shards.push(Shard {
                q: gpu.upload("queries", &bytes_of(&q, f32::to_le_bytes)).await?,
                k: gpu.upload("keys", &bytes_of(&k, f32::to_le_bytes)).await?,
                v: gpu.upload("values", &bytes_of(&v, f32::to_le_bytes)).await?,
                tiles: TileWords::new(plan, units.clone()),
                units,
            });
        }
        Ok(shards)
    }
}

/// Appends rows of `width` numbers, each filled up with zeros to whole vec4s.
fn pad(rows: &[f32], width: usize, out: &mut Vec<f32>) {
    if width.is_multiple_of(4) {
        out.extend_from_slice(rows);
        return;
    }
    for row in rows.chunks_exact(width) {
        out.extend_from_slice(row);
        out.resize(out.len().next_multiple_of(4), 0.0);
    }
}

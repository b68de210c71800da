//! The tensors on the GPU: consecutive heads together, as many as one binding holds.

use std::ops::Range;

use super::device::Gpu;
use super::error::GpuError;
use super::memory::{MOST_BYTES, Owned, bytes_of, too_large};
use super::tiles::TileWords;
use crate::attention::{Dims, Inputs, Plan};

/// Query heads of consecutive sequences with the keys and values that they read. A unit is `batch · q_heads + head`.
pub(super) struct Shard {
    /// Units, whole groups of heads that share keys.
    pub units: Range<usize>,
    /// Prepared queries `[units, n_q, d]`, rows padded to whole vec4s.
    pub q: Owned,
    /// Prepared keys `[units / group, n_k, d]`, likewise.
    pub k: Owned,
    /// Values `[units / group, n_k, d_v]`, likewise.
    pub v: Owned,
    /// The largest absolute values of Q, K and V.
    pub largest: [f32; 3],
    /// Live tiles of each unit.
    pub tiles: TileWords,
}

/// How many groups of heads (those that share keys and values) fit into one shard; with `gradients`, derivatives by the output too.
///
/// # Errors
/// [`GpuError::Unavailable`] if not even one does.
fn groups_in_shard(dims: &Dims, gradients: bool) -> Result<usize, GpuError> {
    let group = dims.q_heads / dims.kv_heads;
    let (d, d_v) = (dims.d.next_multiple_of(4) as u64, dims.d_v.next_multiple_of(4) as u64);
    let queries = (group * dims.n_q) as u64 * if gradients { d.max(d_v) } else { d } * 4;
    let keys = dims.n_k as u64 * d.max(d_v) * 4;
    let largest = queries.max(keys).max(1);
    if largest > MOST_BYTES {
        return Err(too_large("queries, keys or values of heads that share keys", largest));
    }
    Ok((MOST_BYTES / largest) as usize)
}

impl Shard {
    /// Uploads the tensors of a plan, prepared (encodings and rotation) on the way. With `gradients`, derivatives by the output of a shard fit into one binding.
    pub async fn all(gpu: &Gpu, plan: &Plan, inputs: &Inputs, gradients: bool) -> Result<Vec<Shard>, GpuError> {
        let dims = plan.dims;
        let group = dims.q_heads / dims.kv_heads;
        let most = groups_in_shard(&dims, gradients)?;
        let groups = dims.batch * dims.kv_heads;
        let mut shards = Vec::new();
        for start in (0..groups).step_by(most) {
            let groups = start..(start + most).min(groups);
            let units = groups.start * group..groups.end * group;
            let [d, d_v] = [dims.d, dims.d_v].map(|width| 4 * width.next_multiple_of(4));
            let q = gpu.storage("queries", (units.len() * dims.n_q * d) as u64).await?;
            let k = gpu.storage("keys", (groups.len() * dims.n_k * d) as u64).await?;
            let v = gpu.storage("values", (groups.len() * dims.n_k * d_v) as u64).await?;
            let mut largest = [0.0; 3];
            let mut seen = |tensor: usize, rows: &[f32]| {
                largest[tensor] = rows.iter().fold(largest[tensor], |most: f32, x| most.max(x.abs()));
            };
            // Head by head, so that no second copy of a whole tensor is ever held here.
            for (i, unit) in units.clone().enumerate() {
                let (batch, head) = (unit / dims.q_heads, unit % dims.q_heads);
                let mut rows = vec![0.0; dims.n_q * dims.d];
                plan.prepare_q(batch, 0..dims.n_q, inputs.q_head(&dims, batch, head), &mut rows);
                seen(0, &rows);
                gpu.queue.write_buffer(&q, (i * dims.n_q * d) as u64, &padded(&rows, dims.d));
                if i % group == 0 {
                    let start = (i / group * dims.n_k) as u64;
                    let mut rows = vec![0.0; dims.n_k * dims.d];
                    plan.prepare_k(0..dims.n_k, inputs.k_head(&dims, batch, head), &mut rows);
                    seen(1, &rows);
                    gpu.queue.write_buffer(&k, start * d as u64, &padded(&rows, dims.d));
                    let values = inputs.v_head(&dims, batch, head);
                    seen(2, values);
                    gpu.queue.write_buffer(&v, start * d_v as u64, &padded(values, dims.d_v));
                }
            }
            let tiles = TileWords::new(plan, units.clone());
            shards.push(Shard { units, q, k, v, largest, tiles });
        }
        Ok(shards)
    }
}

/// Bytes of rows of `width` numbers, each filled up with zeros to whole vec4s.
pub(super) fn padded(rows: &[f32], width: usize) -> Vec<u8> {
    if width.is_multiple_of(4) {
        return bytes_of(rows, f32::to_le_bytes);
    }
    let mut bytes = Vec::with_capacity(rows.len() / width * 4 * width.next_multiple_of(4));
    for row in rows.chunks_exact(width) {
        bytes.extend(row.iter().flat_map(|x| x.to_le_bytes()));
        bytes.resize(bytes.len().next_multiple_of(16), 0);
    }
    bytes
}

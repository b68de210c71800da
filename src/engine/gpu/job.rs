//! The numbers of one piece of work, as `head.wgsl` declares them.

use super::program::Program;
use crate::attention::Plan;
use crate::experiment::Stage;

/// Twin of `struct Job` in `shaders/head.wgsl`: the same fields in the same order.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Job {
    pub n_q: u32,
    pub n_k: u32,
    pub d4: u32,
    pub v4: u32,
    pub q_heads: u32,
    pub group: u32,
    pub bound_unit: u32,
    pub unit: u32,
    pub q: u32,
    pub rows: u32,
    pub k: u32,
    pub keys: u32,
    pub stride: u32,
    pub bits: u32,
    pub bit_row: u32,
    pub sinks: u32,
    pub scale: f32,
    pub softcap: f32,
    pub sigmoid_bias: f32,
    pub width: u32,
    pub height: u32,
    pub shown: u32,
    pub before: u32,
    pub stage_from: u32,
    pub stage: u32,
    pub pixels: u32,
    pub lines: u32,
    pub splits: u32,
    pub bits_from: u32,
    pub heads: u32,
    pub dv: u32,
}

/// Bytes of a job in its buffer.
pub(super) const JOB_BYTES: u64 = 124;

/// Bytes from one job to the next: what the default limits want of offsets into uniforms.
pub(super) const JOB_STRIDE: u64 = 256;

/// Jobs that the passes of one submission may choose from.
pub(super) const MOST_JOBS: u64 = 32;

impl Job {
    /// What holds of every piece of a plan.
    pub fn new(plan: &Plan, program: &Program) -> Self {
        let dims = plan.dims;
        Self {
            n_q: dims.n_q as u32,
            n_k: dims.n_k as u32,
            d4: dims.d.div_ceil(4) as u32,
            v4: dims.d_v.div_ceil(4) as u32,
            q_heads: dims.q_heads as u32,
            group: (dims.q_heads / dims.kv_heads) as u32,
            keys: dims.n_k as u32,
            stride: (dims.n_k as u32).next_multiple_of(4),
            bit_row: dims.n_k.div_ceil(32) as u32,
            sinks: program.sinks(),
            scale: plan.scale,
            softcap: plan.softcap.unwrap_or(1.0),
            sigmoid_bias: plan.sigmoid_bias(),
            splits: 1,
            heads: 1,
            ..Self::default()
        }
    }

    /// The job of a pass that makes stage `to` of the matrix, from what it holds.
    pub fn stages(self, from: Stage, to: Stage) -> Self {
        Self { stage_from: from as u32, stage: to as u32, ..self }
    }

    /// As bytes of the uniform.
    pub fn bytes(&self) -> Vec<u8> {
        let Self {
            n_q,
            n_k,
            d4,
            v4,
            q_heads,
            group,
            bound_unit,
            unit,
            q,
            rows,
            k,
            keys,
            stride,
            bits,
            bit_row,
            sinks,
            scale,
            softcap,
            sigmoid_bias,
            width,
            height,
            shown,
            before,
            stage_from,
            stage,
            pixels,
            lines,
            splits,
            bits_from,
            heads,
            dv,
        } = *self;
        let (scale, softcap, sigmoid_bias) = (scale.to_bits(), softcap.to_bits(), sigmoid_bias.to_bits());
        [
            n_q,
            n_k,
            d4,
            v4,
            q_heads,
            group,
            bound_unit,
            unit,
            q,
            rows,
            k,
            keys,
            stride,
            bits,
            bit_row,
            sinks,
            scale,
            softcap,
            sigmoid_bias,
            width,
            height,
            shown,
            before,
            stage_from,
            stage,
            pixels,
            lines,
            splits,
            bits_from,
            heads,
            dv,
        ]
        .iter()
        .flat_map(|word| word.to_le_bytes())
        .collect()
    }
}

//! Keys and values held in few bits.

use std::sync::Arc;

use super::super::frame::Frame;
use super::super::step::Step;
use crate::catalogue::Change;
use crate::interchange::half::{bf16_to_f32, f16_to_f32, f32_to_bf16, f32_to_f16};

/// Rounds K and V to the format of the parameter `format` and back.
pub fn apply(step: &Step<Change>, frame: &mut Frame) {
    let dims = frame.dims;
    let format = step.param("format") as usize;
    for (tensor, size) in [(&mut frame.inputs.k, dims.d), (&mut frame.inputs.v, dims.d_v)] {
        round(format, Arc::make_mut(tensor).as_mut_slice(), size, dims.n_k);
    }
}

/// Rounds a tensor of heads of `rows` rows of `size` numbers: 0 float16, 1 bfloat16, 2 int8 by row, 3 int8 by head.
pub fn round(format: usize, numbers: &mut [f32], size: usize, rows: usize) {
    match format {
        0 => numbers.iter_mut().for_each(|x| *x = f16_to_f32(f32_to_f16(*x))),
        1 => numbers.iter_mut().for_each(|x| *x = bf16_to_f32(f32_to_bf16(*x))),
        2 => numbers.chunks_mut(size.max(1)).for_each(int8),
        _ => numbers.chunks_mut((rows * size).max(1)).for_each(int8),
    }
}

/// Symmetric: `x / s` rounded to −127 … 127, ties to even, with `s = max |x| / 127`. A NaN stays one; an infinity leaves nothing of its block.
fn int8(block: &mut [f32]) {
    let scale = block.iter().fold(0.0_f32, |reach, x| reach.max(x.abs())) / 127.0;
    if scale > 0.0 {
        block.iter_mut().for_each(|x| *x = (*x / scale).round_ties_even() * scale);
    }
}

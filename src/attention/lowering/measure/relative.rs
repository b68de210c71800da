//! Products of queries or keys with seeded vectors of the distance between them.

use super::super::frame::Frame;
use super::super::numbers::{dot, rows, wide};
use super::super::step::Step;
use crate::catalogue::Measure;

/// `q_i · a_r` for every clipped distance `r`, `[b, h, q, 2·reach + 1]` (Shaw et al. 2018, section 3.1): the vectors are shared by the heads.
pub fn shaw(step: &Step<Measure>, frame: &Frame) -> Vec<f32> {
    let (d, reach) = (frame.dims.d, step.count("reach", 1));
    let vectors = step.normals(0, (2 * reach + 1) * d, step.param("gain"));
    products(frame, true, |_| &vectors)
}

/// `q_i · Kr_r` with rows `Kr` of each head (He et al. 2021, section 3.1).
pub fn content_to_place(step: &Step<Measure>, frame: &Frame) -> Vec<f32> {
    places(step, frame, true)
}

/// `k_j · Qr_r` with rows `Qr` of each head.
pub fn place_to_content(step: &Step<Measure>, frame: &Frame) -> Vec<f32> {
    places(step, frame, false)
}

fn places(step: &Step<Measure>, frame: &Frame, of_queries: bool) -> Vec<f32> {
    let size = 2 * step.count("reach", 1) * frame.dims.d;
    let stream = if of_queries { 0 } else { 1 };
    let vectors = step.normals(stream, frame.dims.q_heads * size, step.param("gain"));
    products(frame, of_queries, |head| &vectors[head * size..(head + 1) * size])
}

/// Every query, or every key, of every query head times each of `vectors(head)`.
fn products<'a>(frame: &Frame, of_queries: bool, vectors: impl Fn(usize) -> &'a [f64]) -> Vec<f32> {
    let dims = frame.dims;
    let mut out = Vec::new();
    for batch in 0..dims.batch {
        for head in 0..dims.q_heads {
            let tokens = if of_queries { frame.q(batch, head) } else { frame.k(batch, head) };
            for token in rows(tokens, dims.d) {
                let token = wide(token);
                out.extend(vectors(head).chunks_exact(dims.d).map(|vector| dot(&token, vector) as f32));
            }
        }
    }
    out
}

//! What gates along the sequence make of a pair: forgetting, contextual positions, reflections between query and key; and what is learned of distances.

use super::super::super::plan::Plan;
use super::super::super::reference::{At, allowed, cell, weigh};
use super::super::frame::Frame;
use super::super::numbers::{dot, rows, sigmoid, times, wide};
use super::super::step::Step;
use super::select::{Allowed, prepared};
use crate::catalogue::Measure;

/// `Σ_{l ≤ k} ln f_l` with forget gates `f_l = σ(w_h · k_l / √d + bias)`, `[b, h, k]` (Lin et al. 2025, section 3): the gate of a token is made
/// from its key, and `w` is seeded for each head.
pub fn forget(step: &Step<Measure>, frame: &Frame) -> Vec<f32> {
    let dims = frame.dims;
    let weights = step.normals(0, dims.q_heads * dims.d, 1.0 / (dims.d as f64).sqrt());
    let bias = step.param("bias");
    let mut out = Vec::with_capacity(dims.batch * dims.q_heads * dims.n_k);
    for batch in 0..dims.batch {
        for (head, w) in weights.chunks_exact(dims.d).enumerate() {
            let mut sum = 0.0;
            out.extend(rows(frame.k(batch, head), dims.d).map(|k| {
                sum += sigmoid(dot(w, &wide(k)) + bias).ln();
                sum as f32
            }));
        }
    }
    out
}

/// `q · e[p_ij]`, interpolated, where `p_ij = Σ_{l = j..i} σ(s_il)` counts the gates that are open between key and query, up to `reach` (Golovneva
/// et al. 2024, section 3). Gates of masked keys are shut; scores are those of the plan after the scale. `[b, h, q, k]`.
pub fn cope(step: &Step<Measure>, frame: &Frame, plan: &Plan) -> Vec<f32> {
    let dims = frame.dims;
    let reach = step.count("reach", 1);
    let vectors = step.normals(0, (reach + 1) * dims.d, step.param("gain") / (dims.d as f64).sqrt());
    let mut out = vec![0.0; dims.rows() * dims.n_k];
    let mut lines = out.chunks_exact_mut(dims.n_k);
    for b in 0..dims.batch {
        for h in 0..dims.q_heads {
            for (q, query) in rows(frame.q(b, h), dims.d).enumerate() {
                let Some(line) = lines.next() else { return out };
                let query_wide = wide(query);
                let logits: Vec<f64> = vectors.chunks_exact(dims.d).map(|e| dot(&query_wide, e)).collect();
                let mut position: f64 = 0.0;
                for (k, key) in rows(frame.k(b, h), dims.d).enumerate().rev() {
                    let at = At { b, h, q, k };
                    if allowed(plan, at) {
                        position += sigmoid(cell(plan, at, query, key).scaled);
                    }
                    let p = position.min(reach as f64);
                    let (low, high) = (p.floor() as usize, p.ceil() as usize);
                    let part = p - p.floor();
                    line[k] = (logits[high] * part + logits[low] * (1.0 - part)) as f32;
                }
            }
        }
    }
    out
}

/// `k_j · H_{j+1} ⋯ H_i q_i` with reflections `H_t = I − β_t w_t w_tᵀ`, where `w_t` is the direction of `W_h k_t` and `β_t = 2σ(u_h · k_t / √d)`
/// (Yang et al. 2025, section 3.1), `W` and `u` seeded for each head. Keys after the query are met without reflections. `[b, h, q, k]`.
pub fn path(step: &Step<Measure>, frame: &Frame) -> Vec<f32> {
    let dims = frame.dims;
    let d = dims.d;
    let root = 1.0 / (d as f64).sqrt();
    let project = step.normals(0, dims.q_heads * d * d, root);
    let strengths = step.normals(1, dims.q_heads * d, root);
    let mut out = vec![0.0; dims.rows() * dims.n_k];
    let mut lines = out.chunks_exact_mut(dims.n_k);
    for batch in 0..dims.batch {
        for head in 0..dims.q_heads {
            let keys: Vec<Vec<f64>> = rows(frame.k(batch, head), d).map(wide).collect();
            let reflections: Vec<(f64, Vec<f64>)> = keys
                .iter()
                .map(|key| {
                    let w = times(&project[head * d * d..(head + 1) * d * d], key);
                    let length = dot(&w, &w).sqrt();
                    let w = if length > 0.0 { w.iter().map(|x| x / length).collect() } else { w };
                    (2.0 * sigmoid(dot(&strengths[head * d..(head + 1) * d], key)), w)
                })
                .collect();
            for (i, query) in rows(frame.q(batch, head), d).enumerate() {
                let Some(line) = lines.next() else { return out };
                let position = i as i64 + frame.offset(batch);
                let mut x = wide(query);
                for (k, key) in keys.iter().enumerate().rev() {
                    line[k] = dot(&x, key) as f32;
                    if k as i64 <= position {
                        let (beta, w) = &reflections[k];
                        let along = beta * dot(&x, w);
                        x.iter_mut().zip(w).for_each(|(x, w)| *x -= along * w);
                    }
                }
            }
        }
    }
    out
}

/// The mean weight of all pairs at each distance `|q_pos − k|` that the plan allows, `[b, h, distance]`; 0 where there is none.
pub fn hebbian(frame: &Frame, plan: &Plan) -> Vec<f32> {
    let dims = frame.dims;
    let reach = dims.n_q + dims.n_k;
    let mut out = Vec::with_capacity(dims.batch * dims.q_heads * reach);
    let mut allowed = Allowed::new(plan);
    for b in 0..dims.batch {
        for h in 0..dims.q_heads {
            let (queries, keys) = prepared(plan, frame, b, h);
            let (mut sums, mut counts) = (vec![0.0; reach], vec![0_u32; reach]);
            for (q, query) in rows(&queries, dims.d).enumerate() {
                let mut row = allowed.scores(b, h, q, query, &keys);
                let seen: Vec<bool> = row.iter().map(|s| *s > f64::NEG_INFINITY).collect();
                weigh(plan, At { b, h, q, k: 0 }, &mut row);
                let position = q as i64 + frame.offset(b);
                for (k, (weight, _)) in row.iter().zip(seen).enumerate().filter(|(_, (_, seen))| *seen) {
                    let distance = (position.abs_diff(k as i64) as usize).min(reach - 1);
                    sums[distance] += weight;
                    counts[distance] += 1;
                }
            }
            out.extend(sums.iter().zip(counts).map(|(sum, count)| (sum / f64::from(count.max(1))) as f32));
        }
    }
    out
}

/// Gates of the output, `σ(q · w + bias)`: for each head one column `w` of seeded normal numbers over √d, or with the switch `elementwise`
/// one for each number of the output (Qiu et al. 2025, whose gates read the hidden state).
pub fn output(step: &Step<Measure>, frame: &Frame) -> Vec<f32> {
    let dims = frame.dims;
    let columns = if step.switch("elementwise") { dims.d_v } else { 1 };
    let weights = step.normals(62, dims.q_heads * columns * dims.d, 1.0 / (dims.d as f64).sqrt());
    let bias = step.param("bias");
    let mut out = Vec::with_capacity(dims.rows() * columns);
    for batch in 0..dims.batch {
        for (head, weights) in weights.chunks_exact(columns * dims.d).enumerate() {
            for q in rows(frame.q(batch, head), dims.d) {
                out.extend(times(weights, &wide(q)).into_iter().map(|x| sigmoid(x + bias) as f32));
            }
        }
    }
    out
}

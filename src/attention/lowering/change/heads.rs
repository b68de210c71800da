//! Changes that lay out heads anew.

use std::sync::Arc;

use super::super::super::dims::Dims;
use super::super::frame::Frame;
use super::super::numbers::dot;
use super::super::step::Step;
use crate::catalogue::Change;

/// Streams of the seeded weights.
const MIX: u64 = 60;
const LATENT: u64 = 61;

/// Heads of keys and values that grouping leaves: the divisor of `heads` nearest to the parameter `kv_heads`, of two equally near the smaller.
pub fn groups(step: &Step<Change>, heads: usize) -> usize {
    let wanted = step.count("kv_heads", 1);
    (1..=heads).filter(|n| heads.is_multiple_of(*n)).min_by_key(|n| n.abs_diff(wanted)).unwrap_or(1)
}

/// The matrices of talking heads, `[heads, heads]`: of the scores and of the weights. Each is the identity (without the switch `identity`:
/// nothing) plus `noise / √heads` times seeded normal numbers, drawn in this order; with its switch off it is the identity.
pub fn mixes(step: &Step<Change>, heads: usize) -> [Vec<f64>; 2] {
    let noise = step.normals(MIX, 2 * heads * heads, step.param("noise") / (heads as f64).sqrt());
    let mut parts = noise.chunks_exact(heads * heads);
    ["before", "after"].map(|name| {
        let noise = parts.next().unwrap_or_default();
        let on = step.switch(name);
        let one = if on && !step.switch("identity") { 0.0 } else { 1.0 };
        let cell = |(at, noise): (usize, &f64)| {
            let diagonal = if at / heads == at % heads { one } else { 0.0 };
            if on { diagonal + noise } else { diagonal }
        };
        noise.iter().enumerate().map(cell).collect()
    })
}

/// The heads of one sequence side by side: `[batch, rows, heads · size]`.
fn joined(tensor: &[f32], heads: usize, rows: usize, size: usize) -> Vec<f32> {
    let mut out = Vec::with_capacity(tensor.len());
    for sequence in tensor.chunks_exact(heads * rows * size) {
        for row in 0..rows {
            (0..heads).for_each(|head| out.extend_from_slice(&sequence[(head * rows + row) * size..][..size]));
        }
    }
    out
}

/// Mixed scores as one product: `Σ_g P[h,g] q_g · k_g` is the product of `[Σ_g∈j P[h,g] q_g]_j` and `[k_j]_j` over the key heads `j`. Values of
/// all heads stand side by side, so that every head's weights meet every head's values.
pub fn talking(step: &Step<Change>, frame: &mut Frame) {
    let dims = frame.dims;
    let Dims { q_heads, kv_heads, n_q, d, .. } = dims;
    let [mix, _] = mixes(step, q_heads);
    let width = kv_heads * d;
    let mut q = Vec::with_capacity(frame.inputs.q.len() * kv_heads);
    let mut sums = vec![0.0; width];
    for sequence in frame.inputs.q.chunks_exact(q_heads * n_q * d) {
        for row in mix.chunks_exact(q_heads) {
            for i in 0..n_q {
                sums.fill(0.0);
                for (g, weight) in row.iter().enumerate() {
                    let query = &sequence[(g * n_q + i) * d..][..d];
                    let place = &mut sums[dims.kv_head(g) * d..][..d];
                    place.iter_mut().zip(query).for_each(|(sum, x)| *sum += weight * f64::from(*x));
                }
                q.extend(sums.iter().map(|x| *x as f32));
            }
        }
    }
    frame.inputs.q = Arc::new(q);
    frame.inputs.k = Arc::new(joined(&frame.inputs.k, kv_heads, dims.n_k, d));
    frame.inputs.v = Arc::new(joined(&frame.inputs.v, kv_heads, dims.n_k, dims.d_v));
    frame.dims = dims_after(step, dims);
}

/// One head as wide as all: every head gets the queries of all side by side, and the keys. Values stay, so each head's output is its part.
pub fn one(step: &Step<Change>, frame: &mut Frame) {
    let dims = frame.dims;
    let Dims { q_heads, kv_heads, n_q, n_k, d, .. } = dims;
    let copies = |joined: Vec<f32>, length: usize, count: usize| -> Vec<f32> {
        joined.chunks_exact(length).flat_map(|sequence| sequence.repeat(count)).collect()
    };
    let group = q_heads / kv_heads;
    let q = joined(&frame.inputs.q, q_heads, n_q, d);
    // A key head that several query heads share stands once for each of them.
    let spread: Vec<f32> = frame.inputs.k.chunks_exact(n_k * d).flat_map(|head| head.repeat(group)).collect();
    let k = joined(&spread, q_heads, n_k, d);
    frame.inputs.q = Arc::new(copies(q, n_q * q_heads * d, q_heads));
    frame.inputs.k = Arc::new(copies(k, n_k * q_heads * d, kv_heads));
    frame.dims = dims_after(step, dims);
}

/// Keys of a head of its own for every query head, and the values of both heads of a pair side by side. A last head without another has
/// its own values twice.
pub fn pairs(step: &Step<Change>, frame: &mut Frame) {
    let dims = frame.dims;
    let Dims { batch, q_heads, n_k, d, d_v, .. } = dims;
    let (mut k, mut v) = (Vec::with_capacity(batch * q_heads * n_k * d), Vec::new());
    for sequence in 0..batch {
        for head in 0..q_heads {
            k.extend_from_slice(frame.k(sequence, head));
            let first = head - head % 2;
            let second = (first + 1).min(q_heads - 1);
            let values = [first, second].map(|head| frame.inputs.v_head(&dims, sequence, head));
            for i in 0..n_k {
                values.iter().for_each(|values| v.extend_from_slice(&values[i * d_v..][..d_v]));
            }
        }
    }
    (frame.inputs.k, frame.inputs.v) = (Arc::new(k), Arc::new(v));
    frame.dims = dims_after(step, dims);
}

/// Each head of keys and values the mean of those that it replaces.
pub fn group(step: &Step<Change>, frame: &mut Frame) {
    let dims = frame.dims;
    let count = dims.kv_heads / groups(step, dims.kv_heads);
    for (tensor, size) in [(&mut frame.inputs.k, dims.n_k * dims.d), (&mut frame.inputs.v, dims.n_k * dims.d_v)] {
        let mean = |heads: &[f32]| -> Vec<f32> {
            let at = |i: usize| heads.iter().skip(i).step_by(size).map(|x| f64::from(*x)).sum::<f64>();
            (0..size).map(|i| (at(i) / count as f64) as f32).collect()
        };
        *tensor = Arc::new(tensor.chunks_exact(count * size).flat_map(mean).collect());
    }
    frame.dims = dims_after(step, dims);
}

/// Keys and values rebuilt from a latent of `rank` numbers for each token: with the rows `X = [K₁ … V₁ …]` of a sequence and seeded normal `W`,
/// the columns of `(X Xᵀ)² X W` are made orthonormal, and `X` becomes its part in their span: `C Cᵀ X`, of which `C` is the latent.
pub fn latent(step: &Step<Change>, frame: &mut Frame) {
    let dims = frame.dims;
    let Dims { kv_heads, n_k, d, d_v, .. } = dims;
    let width = kv_heads * (d + d_v);
    let rank = step.count("rank", 1).min(n_k);
    let weights = step.normals(LATENT, width * rank, 1.0);
    let (mut k, mut v) = (frame.inputs.k.to_vec(), frame.inputs.v.to_vec());
    for sequence in 0..dims.batch {
        let (k, v) = (
            &mut k[sequence * kv_heads * n_k * d..][..kv_heads * n_k * d],
            &mut v[sequence * kv_heads * n_k * d_v..][..kv_heads * n_k * d_v],
        );
        let mut x = vec![0.0; n_k * width];
        each_place(dims, width, |at_x, at_k, at_v| {
            x[at_x] = f64::from(if let Some(at) = at_k { k[at] } else { v[at_v] })
        });
        // Columns of the latent, one after the other.
        let mut columns: Vec<Vec<f64>> = (0..rank)
            .map(|c| {
                x.chunks_exact(width)
                    .map(|row| row.iter().enumerate().map(|(r, x)| x * weights[r * rank + c]).sum())
                    .collect()
            })
            .collect();
        orthonormal(&mut columns);
        for _ in 0..2 {
            for column in &mut columns {
                *column = down(&x, width, &across(&x, width, column));
            }
            // Between the steps too: the columns would all turn to the largest direction.
            orthonormal(&mut columns);
        }
        let up: Vec<Vec<f64>> = columns.iter().map(|column| across(&x, width, column)).collect();
        let rebuilt =
            |at: usize| columns.iter().zip(&up).map(|(c, up)| c[at / width] * up[at % width]).sum::<f64>() as f32;
        each_place(dims, width, |at_x, at_k, at_v| match at_k {
            Some(at) => k[at] = rebuilt(at_x),
            None => v[at_v] = rebuilt(at_x),
        });
    }
    (frame.inputs.k, frame.inputs.v) = (Arc::new(k), Arc::new(v));
}

/// Calls `visit` for each place of `[K₁ … V₁ …]` of one sequence with that place, its place in K if it has one, and its place in V.
fn each_place(dims: Dims, width: usize, mut visit: impl FnMut(usize, Option<usize>, usize)) {
    let Dims { kv_heads, n_k, d, d_v, .. } = dims;
    for row in 0..n_k {
        for c in 0..width {
            let (head, i) = (c / d, c % d);
            if head < kv_heads {
                visit(row * width + c, Some((head * n_k + row) * d + i), 0);
            } else {
                let c = c - kv_heads * d;
                visit(row * width + kv_heads * d + c, None, (c / d_v * n_k + row) * d_v + c % d_v);
            }
        }
    }
}

/// `Xᵀ c`.
fn across(x: &[f64], width: usize, column: &[f64]) -> Vec<f64> {
    let mut out = vec![0.0; width];
    for (row, c) in x.chunks_exact(width).zip(column) {
        out.iter_mut().zip(row).for_each(|(out, x)| *out += c * x);
    }
    out
}

/// `X r`.
fn down(x: &[f64], width: usize, row: &[f64]) -> Vec<f64> {
    x.chunks_exact(width).map(|x| dot(x, row)).collect()
}

/// Gram and Schmidt, each twice; what is left of a column that depends on those before it is nothing.
fn orthonormal(columns: &mut [Vec<f64>]) {
    for at in 0..columns.len() {
        let (before, rest) = columns.split_at_mut(at);
        let column = &mut rest[0];
        let was = dot(column, column).sqrt();
        for _ in 0..2 {
            for other in &*before {
                let along = dot(column, other);
                column.iter_mut().zip(other).for_each(|(x, o)| *x -= along * o);
            }
        }
        let length = dot(column, column).sqrt();
        let keep = if length > 1e-9 * was { 1.0 / length } else { 0.0 };
        column.iter_mut().for_each(|x| *x *= keep);
    }
}

/// Sizes after one of these changes.
pub fn dims_after(step: &Step<Change>, dims: Dims) -> Dims {
    let Dims { q_heads, kv_heads, d, d_v, .. } = dims;
    match step.kind {
        Change::TalkingHeads => Dims { kv_heads: 1, d: kv_heads * d, d_v: kv_heads * d_v, ..dims },
        Change::OneHead => Dims { d: q_heads * d, ..dims },
        Change::Pairs => Dims { kv_heads: q_heads, d_v: 2 * d_v, ..dims },
        Change::GroupHeads => Dims { kv_heads: groups(step, kv_heads), ..dims },
        _ => dims,
    }
}

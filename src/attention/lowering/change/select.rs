//! Changes that go with a selection: keys that are the queries, and fewer keys.

use std::sync::Arc;

use super::super::frame::Frame;
use super::super::step::Step;
use crate::catalogue::{Change, Text};
use crate::experiment::{Issue, Issues};

/// With the switch `shared` on, keys are the queries, brought to length one (Kitaev, Kaiser and Levskaya 2020, section 2); where heads share
/// their keys, the first of them gives its queries.
///
/// # Errors
/// There are not as many queries as keys.
pub fn shared(step: &Step<Change>, frame: &mut Frame) -> Result<(), Issues> {
    if !step.switch("shared") {
        return Ok(());
    }
    let dims = frame.dims;
    if dims.n_q != dims.n_k {
        let text = Text::new("needs as many keys as queries", "需要键与查询数量相同");
        return Err(Issue::new(format!("{}.params.shared", step.path), text).into());
    }
    let group = dims.q_heads / dims.kv_heads;
    let heads = (0..dims.batch * dims.kv_heads).map(|i| (i / dims.kv_heads, i % dims.kv_heads * group));
    let mut keys: Vec<f32> = heads.flat_map(|(batch, head)| frame.q(batch, head).to_vec()).collect();
    for row in keys.chunks_exact_mut(dims.d) {
        let length = row.iter().map(|&x| f64::from(x) * f64::from(x)).sum::<f64>().sqrt();
        if length > 0.0 {
            row.iter_mut().for_each(|x| *x = (f64::from(*x) / length) as f32);
        }
    }
    frame.inputs.k = Arc::new(keys);
    Ok(())
}

/// Streams of the projections of global tokens: of Q, K and V.
const GLOBAL: [u64; 3] = [80, 81, 82];

/// Queries that stand before `globals` projected anew, and after the keys and values all of them once more, projected for those queries. The matrices, of each
/// head, are of seeded normal numbers over √d; a row of numbers `x` becomes `x M`.
pub fn global_projections(step: &Step<Change>, frame: &mut Frame) {
    let dims = frame.dims;
    let globals = step.count("globals", 0) as i64;
    let matrix =
        |stream: usize, heads: usize, d: usize| step.normals(GLOBAL[stream], heads * d * d, 1.0 / (d as f64).sqrt());
    let project = |matrix: &[f64], row: &[f32]| -> Vec<f32> {
        let column = |c: usize| row.iter().zip(matrix[c..].iter().step_by(row.len())).map(|(x, m)| f64::from(*x) * m);
        (0..row.len()).map(|c| column(c).sum::<f64>() as f32).collect()
    };
    let of_q = matrix(0, dims.q_heads, dims.d);
    let offsets: Vec<i64> = (0..dims.batch).map(|batch| frame.offset(batch)).collect();
    let mut head = 0;
    frame.each_q(|batch, rows| {
        let matrix = &of_q[head % dims.q_heads * dims.d * dims.d..][..dims.d * dims.d];
        head += 1;
        for (q, row) in rows.chunks_exact_mut(dims.d).enumerate() {
            if q as i64 + offsets[batch] < globals {
                let projected = project(matrix, row);
                row.copy_from_slice(&projected);
            }
        }
    });
    for (stream, tensor, size) in [(1, &mut frame.inputs.k, dims.d), (2, &mut frame.inputs.v, dims.d_v)] {
        let matrices = matrix(stream, dims.kv_heads, size);
        let twice = |(i, head): (usize, &[f32])| {
            let matrix = &matrices[i % dims.kv_heads * size * size..][..size * size];
            let projected = head.chunks_exact(size).flat_map(|row| project(matrix, row));
            head.iter().copied().chain(projected).collect::<Vec<_>>()
        };
        *tensor = Arc::new(tensor.chunks_exact(dims.n_k * size).enumerate().flat_map(twice).collect());
    }
    frame.places = (0..2 * dims.n_k).map(|k| k % dims.n_k).collect();
    frame.dims.n_k *= 2;
}

/// The first `keep` keys and values, or with the switch `last` the last.
pub fn truncate(step: &Step<Change>, frame: &mut Frame) {
    let dims = frame.dims;
    let keep = dims.n_k.min(step.count("keep", 1));
    let from = if step.switch("last") { dims.n_k - keep } else { 0 };
    for (tensor, size) in [(&mut frame.inputs.k, dims.d), (&mut frame.inputs.v, dims.d_v)] {
        let kept = tensor.chunks_exact(dims.n_k * size).flat_map(|head| &head[from * size..(from + keep) * size]);
        *tensor = Arc::new(kept.copied().collect());
    }
    frame.places = (from..from + keep).collect();
    frame.dims.n_k = keep;
}

/// The mean of every block of keys, and of values, after the tokens; the last block may be shorter.
pub fn append(step: &Step<Change>, frame: &mut Frame) {
    let block = step.count("block", 1);
    let dims = frame.dims;
    for (tensor, size) in [(&mut frame.inputs.k, dims.d), (&mut frame.inputs.v, dims.d_v)] {
        let with_means = |head: &[f32]| {
            let means = head.chunks(block * size).flat_map(|tokens| mean(tokens, size));
            head.iter().copied().chain(means).collect::<Vec<_>>()
        };
        *tensor = Arc::new(tensor.chunks_exact(dims.n_k * size).flat_map(with_means).collect());
    }
    let last = |i: usize| ((i + 1) * block).min(dims.n_k) - 1;
    frame.places = (0..dims.n_k).chain((0..dims.n_k.div_ceil(block)).map(last)).collect();
    frame.dims.n_k += dims.n_k.div_ceil(block);
}

/// The mean of rows of `size` numbers.
fn mean(rows: &[f32], size: usize) -> impl Iterator<Item = f32> + '_ {
    let count = (rows.len() / size) as f64;
    let sum = move |i: usize| rows.iter().skip(i).step_by(size).map(|&x| f64::from(x)).sum::<f64>();
    (0..size).map(move |i| (sum(i) / count) as f32)
}

/// One key and value for every `factor` tokens: their mean, or with the switch `strided` the last of them.
pub fn pool(step: &Step<Change>, frame: &mut Frame) {
    let (factor, strided) = (step.count("factor", 1), step.switch("strided"));
    let dims = frame.dims;
    for (tensor, size) in [(&mut frame.inputs.k, dims.d), (&mut frame.inputs.v, dims.d_v)] {
        let mut out = Vec::with_capacity(tensor.len() / factor + size);
        for head in tensor.chunks_exact(dims.n_k * size) {
            for group in head.chunks(factor * size) {
                if strided {
                    out.extend_from_slice(&group[group.len() - size..]);
                } else {
                    out.extend(mean(group, size));
                }
            }
        }
        *tensor = Arc::new(out);
    }
    frame.dims.n_k = dims.n_k.div_ceil(factor);
    frame.group *= factor;
}

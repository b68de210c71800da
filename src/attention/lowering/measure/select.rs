//! Which keys or blocks of keys a query keeps. Every selection is made among the keys that the rest of the problem's masks allow.

use super::super::super::plan::Plan;
use super::super::super::reference::{At, cell};
use super::super::super::rules::RowRules;
use super::super::frame::Frame;
use super::super::numbers::{dot, rows, times, wide};
use super::super::step::Step;
use crate::catalogue::Measure;

/// What the rest of the problem allows, row by row.
pub struct Allowed<'a> {
    plan: &'a Plan,
    rules: RowRules,
    row: Vec<u8>,
}

impl<'a> Allowed<'a> {
    /// Of a plan.
    pub fn new(plan: &'a Plan) -> Self {
        Self { plan, rules: RowRules::new(plan, plan.dims.n_k), row: vec![0; plan.dims.n_k] }
    }

    /// 1 for every key that the query may see.
    pub fn row(&mut self, b: usize, h: usize, q: usize) -> &[u8] {
        self.rules.begin_row(self.plan, b, h, q);
        self.rules.mask(self.plan, 0, &mut self.row);
        &self.row
    }

    /// Scores of a row, minus infinity where the query may not see the key; `keys` are rows as the scores see them.
    pub fn scores(&mut self, b: usize, h: usize, q: usize, query: &[f32], keys: &[f32]) -> Vec<f64> {
        let plan = self.plan;
        let seen = self.row(b, h, q).iter().zip(rows(keys, query.len())).enumerate();
        let score = |(k, (&seen, key)): (usize, (&u8, &[f32]))| match seen {
            0 => f64::NEG_INFINITY,
            _ => cell(plan, At { b, h, q, k }, query, key).masked,
        };
        seen.map(score).collect()
    }
}

/// The rows of one head as the scores see them: encoded and turned.
pub fn prepared(plan: &Plan, frame: &Frame, b: usize, h: usize) -> (Vec<f32>, Vec<f32>) {
    let dims = frame.dims;
    let (mut q, mut k) = (vec![0.0; dims.n_q * dims.d], vec![0.0; dims.n_k * dims.d]);
    plan.prepare_q(b, 0..dims.n_q, frame.q(b, h), &mut q);
    plan.prepare_k(0..dims.n_k, frame.k(b, h), &mut k);
    (q, k)
}

/// Marks what scores at least as high as the `keep`-th of all, equals included; minus infinity and NaN are never marked.
fn mark_top(scores: &[f64], keep: usize, out: &mut [u8]) {
    let mut sorted: Vec<f64> = scores.iter().copied().filter(|s| *s > f64::NEG_INFINITY).collect();
    if keep == 0 || sorted.is_empty() {
        return;
    }
    let last = keep.min(sorted.len()) - 1;
    let (_, least, _) = sorted.select_nth_unstable_by(last, |a, b| b.total_cmp(a));
    let least = *least;
    scores.iter().zip(out).for_each(|(s, out)| *out |= u8::from(*s >= least));
}

/// Marks the `keep` that score highest, of equals the first.
fn mark_exactly(scores: &[f64], keep: usize, out: &mut [u8]) {
    let mut order: Vec<usize> = (0..scores.len()).filter(|&k| scores[k] > f64::NEG_INFINITY).collect();
    order.sort_by(|&a, &b| scores[b].total_cmp(&scores[a]));
    order.into_iter().take(keep).for_each(|k| out[k] = 1);
}

/// Calls `visit` with the sequence, the head, the query, and the masked scores of its row.
pub fn each_row(frame: &Frame, plan: &Plan, mut visit: impl FnMut(usize, usize, usize, &mut [f64])) {
    let dims = frame.dims;
    let mut allowed = Allowed::new(plan);
    let mut scores = vec![0.0; dims.n_k];
    for b in 0..dims.batch {
        for h in 0..dims.q_heads {
            let (queries, keys) = prepared(plan, frame, b, h);
            for (q, query) in rows(&queries, dims.d).enumerate() {
                let seen = allowed.row(b, h, q).iter().zip(rows(&keys, dims.d)).enumerate();
                for (score, (k, (&seen, key))) in scores.iter_mut().zip(seen) {
                    *score = match seen {
                        0 => f64::NEG_INFINITY,
                        _ => cell(plan, At { b, h, q, k }, query, key).masked,
                    };
                }
                visit(b, h, q, &mut scores);
            }
        }
    }
}

/// The keys whose score is among the `keep` highest of their row, ties included, `[b, h, q, k]` (Zhao et al. 2019, section 3).
pub fn top_keys(step: &Step<Measure>, frame: &Frame, plan: &Plan) -> Vec<u8> {
    let dims = frame.dims;
    let keep = step.count("keep", 1);
    let mut out = vec![0; dims.rows() * dims.n_k];
    let mut lines = out.chunks_exact_mut(dims.n_k);
    each_row(frame, plan, |_, _, _, scores| lines.next().into_iter().for_each(|line| mark_top(scores, keep, line)));
    out
}

/// The block that a query stands in.
fn own(frame: &Frame, b: usize, q: usize, block: usize, blocks: usize) -> usize {
    let position = (q as i64 + frame.offset(b)).max(0) as usize;
    (position / block).min(blocks - 1)
}

/// The mean of rows; of none, nought.
fn mean(rows: impl Iterator<Item = Vec<f64>>, d: usize) -> Vec<f64> {
    let (mut sum, mut count) = (vec![0.0; d], 0.0);
    for row in rows {
        sum.iter_mut().zip(row).for_each(|(sum, x)| *sum += x);
        count += 1.0;
    }
    if count > 0.0 {
        sum.iter_mut().for_each(|x| *x /= count);
    }
    sum
}

/// Blocks kept by the product of the query and the mean of the block's allowed keys; the query's own block always. `[b, h, q, blocks]` (Lu et al.
/// 2025, section 2.2).
pub fn top_blocks(step: &Step<Measure>, frame: &Frame, plan: &Plan) -> Vec<u8> {
    let dims = frame.dims;
    let (block, keep) = (step.count("block", 1), step.count("keep", 1));
    let blocks = dims.n_k.div_ceil(block);
    let mut out = vec![0; dims.rows() * blocks];
    let mut lines = out.chunks_exact_mut(blocks);
    let mut allowed = Allowed::new(plan);
    for b in 0..dims.batch {
        for h in 0..dims.q_heads {
            let (queries, keys) = prepared(plan, frame, b, h);
            let keys: Vec<Vec<f64>> = rows(&keys, dims.d).map(wide).collect();
            let means: Vec<Vec<f64>> = keys.chunks(block).map(|keys| mean(keys.iter().cloned(), dims.d)).collect();
            for (q, query) in rows(&queries, dims.d).enumerate() {
                let Some(line) = lines.next() else { return out };
                let query = wide(query);
                let own = own(frame, b, q, block, blocks);
                let seen = allowed.row(b, h, q).chunks(block);
                let gate = |(i, seen): (usize, &[u8])| match seen {
                    _ if !seen.contains(&1) => f64::NEG_INFINITY,
                    _ if i == own => f64::INFINITY,
                    _ if !seen.contains(&0) => dot(&query, &means[i]),
                    _ => {
                        let some = keys[i * block..].iter().zip(seen).filter(|(_, seen)| **seen == 1);
                        dot(&query, &mean(some.map(|(key, _)| key.clone()), dims.d))
                    }
                };
                let gates: Vec<f64> = seen.enumerate().map(gate).collect();
                mark_top(&gates, keep, line);
            }
        }
    }
    out
}

/// The blocks of which the rest of the problem allows every key, `[b, h, q, blocks]`.
pub fn whole_blocks(step: &Step<Measure>, frame: &Frame, plan: &Plan) -> Vec<u8> {
    let dims = frame.dims;
    let (block, tokens) = (step.count("block", 1), step.count("tokens", 1));
    let mut out = Vec::with_capacity(dims.rows() * tokens.div_ceil(block));
    let mut allowed = Allowed::new(plan);
    for b in 0..dims.batch {
        for h in 0..dims.q_heads {
            for q in 0..dims.n_q {
                let seen = &allowed.row(b, h, q)[..tokens];
                out.extend(seen.chunks(block).map(|seen| u8::from(!seen.contains(&0))));
            }
        }
    }
    out
}

/// Blocks kept by their weights in the attention over block means, added over the heads that share their keys; the first block, the query's own and the one
/// before it always, and all count. `[b, h, q, blocks]` (Yuan et al. 2025, section 3.3.2). The means stand after the `tokens`.
pub fn native(step: &Step<Measure>, frame: &Frame, plan: &Plan) -> Vec<u8> {
    let dims = frame.dims;
    let (block, keep, tokens) = (step.count("block", 1), step.count("keep", 1), step.count("tokens", 1));
    let blocks = tokens.div_ceil(block);
    let group = dims.q_heads / dims.kv_heads;
    let mut out = vec![0; dims.rows() * blocks];
    let mut allowed = Allowed::new(plan);
    for b in 0..dims.batch {
        for shared in 0..dims.kv_heads {
            let mut importance = vec![0.0; dims.n_q * blocks];
            let heads = shared * group..(shared + 1) * group;
            for h in heads.clone() {
                let (queries, keys) = prepared(plan, frame, b, h);
                let means = &keys[tokens * dims.d..];
                for (q, query) in rows(&queries, dims.d).enumerate() {
                    let seen = allowed.row(b, h, q)[..tokens].chunks(block).zip(rows(means, dims.d)).enumerate();
                    let score = |(i, (seen, mean)): (usize, (&[u8], &[f32]))| match seen.contains(&0) {
                        true => f64::NEG_INFINITY,
                        false => cell(plan, At { b, h, q, k: tokens + i }, query, mean).biased,
                    };
                    let scores: Vec<f64> = seen.map(score).collect();
                    let most = scores.iter().copied().fold(f64::NEG_INFINITY, f64::max);
                    let sum: f64 = scores.iter().map(|s| (s - most).exp()).sum();
                    if most > f64::NEG_INFINITY {
                        let row = &mut importance[q * blocks..(q + 1) * blocks];
                        row.iter_mut().zip(scores).for_each(|(total, s)| *total += (s - most).exp() / sum);
                    }
                }
            }
            for h in heads {
                for q in 0..dims.n_q {
                    let own = own(frame, b, q, block, blocks);
                    let seen = allowed.row(b, h, q)[..tokens].chunks(block);
                    let score = |(i, (seen, importance)): (usize, (&[u8], &f64))| match i {
                        _ if !seen.contains(&1) => f64::NEG_INFINITY,
                        _ if i == 0 || i == own || i + 1 == own => f64::INFINITY,
                        _ => *importance,
                    };
                    let of_row = &importance[q * blocks..(q + 1) * blocks];
                    let scores: Vec<f64> = seen.zip(of_row).enumerate().map(score).collect();
                    let at = (dims.row_start(b, h) + q) * blocks;
                    mark_top(&scores, keep, &mut out[at..at + blocks]);
                }
            }
        }
    }
    out
}

/// Keys kept by an indexer with a few small heads, one choice for all heads of the attention: `I = Σ_g w_g · max(0, qI_g · kI)`, with `qI`, `kI` and `w`
/// seeded projections of all heads' queries and keys together. `[b, q, k]` (DeepSeek-AI 2025, section 2.1).
pub fn indexed(step: &Step<Measure>, frame: &Frame, plan: &Plan) -> Vec<u8> {
    let dims = frame.dims;
    let (keep, heads, size) = (step.count("keep", 1), step.count("heads", 1), step.count("size", 1));
    let (wide_q, wide_k) = (dims.q_heads * dims.d, dims.kv_heads * dims.d);
    let root = |n: usize| 1.0 / (n as f64).sqrt();
    let of_q = step.normals(0, heads * size * wide_q, root(wide_q));
    let of_k = step.normals(1, size * wide_k, root(wide_k));
    let of_w = step.normals(2, heads * wide_q, root(wide_q));
    let mut out = vec![0; dims.batch * dims.n_q * dims.n_k];
    let mut lines = out.chunks_exact_mut(dims.n_k);
    let mut allowed = Allowed::new(plan);
    for b in 0..dims.batch {
        let group = dims.q_heads / dims.kv_heads;
        let token = |heads: usize, of: &dyn Fn(usize) -> Vec<f64>| (0..heads).flat_map(of).collect::<Vec<f64>>();
        let row = |head: &[f32], i: usize| wide(&head[i * dims.d..(i + 1) * dims.d]);
        let keys: Vec<Vec<f64>> =
            (0..dims.n_k).map(|k| times(&of_k, &token(dims.kv_heads, &|g| row(frame.k(b, g * group), k)))).collect();
        for q in 0..dims.n_q {
            let Some(line) = lines.next() else { return out };
            let query = token(dims.q_heads, &|h| row(frame.q(b, h), q));
            let (queries, weights) = (times(&of_q, &query), times(&of_w, &query));
            let mut seen = vec![0; dims.n_k];
            for h in 0..dims.q_heads {
                seen.iter_mut().zip(allowed.row(b, h, q)).for_each(|(any, one)| *any |= one);
            }
            let index = |key: &Vec<f64>| -> f64 {
                weights.iter().zip(queries.chunks_exact(size)).map(|(w, q)| w * dot(q, key).max(0.0)).sum()
            };
            let scores: Vec<f64> = keys
                .iter()
                .zip(seen)
                .map(|(key, seen)| if seen == 1 { index(key) } else { f64::NEG_INFINITY })
                .collect();
            // Where no head of the indexer fires, scores are equally nought.
            mark_exactly(&scores, keep, line);
        }
    }
    out
}

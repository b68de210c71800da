//! Hierarchies: H-Transformer-1D, and the two levels of hierarchical attention networks.

use super::head::{Head, Running, dot};
use crate::attention::inputs::Rng;
use crate::attention::operators::Real;

/// A level of H-Transformer-1D: each cell stands for up to `2^level` tokens.
struct Level<R> {
    /// Means of the queries.
    q: Vec<R>,
    /// Means of the keys.
    k: Vec<R>,
    /// Sums of the values.
    v: Vec<R>,
    /// Tokens of each cell: the last may have fewer.
    tokens: Vec<usize>,
}

/// H-Transformer-1D (Zhu and Soricut 2021, section 6). With blocks of `block` cells, a pair of tokens meets at the first level at which their blocks are the same or
/// neighbours: at level 0 exactly, at level `l` through the means of `2^l` queries and keys and the sum of as many values.
///
/// Each level has a largest score of its own; they are merged with a common one, or far levels would weigh as much as near ones. Where queries look back
/// only, each meets the means of keys by itself: the mean of its cell's queries would hold later ones.
pub fn h_transformer<R: Real>(head: &Head<R>, block: usize) -> Vec<R> {
    let mut level = Level { q: head.q.clone(), k: head.k.clone(), v: head.v.clone(), tokens: vec![1; head.n_k] };
    let mut rows = vec![Running::new(head.d_v); head.n_q];
    for depth in 0.. {
        let cells = level.tokens.len();
        let near = |a: usize, b: usize| (a / block).abs_diff(b / block) <= 1;
        let seen_by = |query: &[R], i: usize| {
            let first = (i / block).saturating_sub(1) * block;
            let end = if head.causal { i + 1 } else { ((i / block + 2) * block).min(cells) };
            let mut row = Running::new(head.d_v);
            for j in first..end {
                // Neighbours one level below have met there: blocks are even, so all tokens of two cells agree.
                if depth > 0 && near(2 * i, 2 * j) {
                    continue;
                }
                let score = head.scale * dot(query, &level.k[j * head.d..][..head.d]);
                // The values are sums already; only the sum of weights counts the tokens.
                let count = R::near(level.tokens[j] as f64);
                let value: Vec<R> = level.v[j * head.d_v..][..head.d_v].iter().map(|&v| v / count).collect();
                row.add(score, count, &value);
            }
            row
        };
        if head.causal {
            rows.iter_mut().enumerate().for_each(|(i, token)| token.merge(&seen_by(head.q(i), i >> depth)));
        } else {
            for i in 0..cells {
                let row = seen_by(&level.q[i * head.d..][..head.d], i);
                let of = i << depth..((i + 1) << depth).min(head.n_q);
                rows[of].iter_mut().for_each(|token| token.merge(&row));
            }
        }
        if cells <= 2 * block {
            break;
        }
        level = coarser(&level, [head.d, head.d_v]);
    }
    rows.iter().flat_map(Running::mean).collect()
}

/// Pairs of cells become one.
fn coarser<R: Real>(fine: &Level<R>, [d, d_v]: [usize; 2]) -> Level<R> {
    let tokens: Vec<usize> = fine.tokens.chunks(2).map(|pair| pair.iter().sum()).collect();
    let merge = |data: &[R], size: usize, mean: bool| {
        let mut all = vec![R::ZERO; tokens.len() * size];
        for (cell, row) in data.chunks_exact(size).enumerate() {
            let share = if mean { fine.tokens[cell] as f64 / tokens[cell / 2] as f64 } else { 1.0 };
            let into = all[cell / 2 * size..][..size].iter_mut();
            into.zip(row).for_each(|(sum, &x)| *sum = *sum + R::near(share) * x);
        }
        all
    };
    let (q, k, v) = (merge(&fine.q, d, true), merge(&fine.k, d, true), merge(&fine.v, d_v, false));
    Level { q, k, v, tokens }
}

/// Two levels (Yang et al. 2016, equations 5 to 10): `u = tanh(W k)`, weights over the tokens of a sentence by `scale · c·u`, the sentence is the mean of its
/// keys (and of its values) by them; then the same again over the sentences. The network learns the context vector `c`; here the query is in its place, and the
/// two `W` are seeded: normal numbers over `√d`, the words' drawn first.
pub fn two_levels<R: Real>(head: &Head<R>, block: usize, seed: u64) -> Vec<R> {
    let (d, mut rng) = (head.d, Rng::new(seed));
    let mut matrix = || -> Vec<R> { rng.normals(d * d).into_iter().map(|x| R::near(x / (d as f64).sqrt())).collect() };
    let (words, sentences) = (matrix(), matrix());
    let squashed = |matrix: &[R], x: &[R]| matrix.chunks_exact(d).map(|w| dot(w, x).tanh()).collect::<Vec<R>>();
    let hidden: Vec<Vec<R>> = (0..head.n_k).map(|j| squashed(&words, head.k(j))).collect();
    let row = |i: usize| {
        let mut text = Running::new(head.d_v);
        for first in (0..head.seen(i)).step_by(block) {
            // Keys and values of the sentence are weighed alike.
            let mut sentence = Running::new(d + head.d_v);
            for j in first..(first + block).min(head.seen(i)) {
                let both = [head.k(j), head.v(j)].concat();
                sentence.add(head.scale * dot(head.q(i), &hidden[j]), R::near(1.0), &both);
            }
            let mean = sentence.mean();
            let (key, value) = mean.split_at(d);
            text.add(head.scale * dot(head.q(i), &squashed(&sentences, key)), R::near(1.0), value);
        }
        text.mean()
    };
    (0..head.n_q).flat_map(row).collect()
}

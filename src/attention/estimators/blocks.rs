//! Blocks of keys: ring attention, which is exact, and summaries of blocks, which are not.

use std::ops::Range;

use super::distance;
use super::head::{Head, Running};
use super::trace::Trace;
use crate::attention::operators::Real;

/// The part of device or block `i` of `count` over `n` tokens: as even as they can be.
fn part(i: usize, count: usize, n: usize) -> Range<usize> {
    i * n / count..(i + 1) * n / count
}

/// The running softmax of query `i` over those of the keys that it sees.
fn over<R: Real>(head: &Head<R>, i: usize, keys: Range<usize>) -> Running<R> {
    let mut running = Running::new(head.d_v);
    (keys.start..keys.end.min(head.seen(i))).for_each(|j| running.add(head.score(i, j), R::near(1.0), head.v(j)));
    running
}

/// Ring attention (Liu et al. 2023): device `r` keeps its queries, and at step `t` the keys and values of block `(r − t) mod P` are with it. What is merged is
/// the running softmax, so the last step's answer is exact. With the truth, the trace gets every device's error after
/// every step.
pub fn ring<R: Real>(head: &Head<R>, devices: usize, truth: Option<&[f64]>, trace: &mut Trace) -> Vec<R> {
    let mut rows = vec![Running::new(head.d_v); head.n_q];
    let mut y = vec![R::ZERO; head.n_q * head.d_v];
    for step in 0..devices {
        for device in 0..devices {
            let keys = part((device + devices - step) % devices, devices, head.n_k);
            let queries = part(device, devices, head.n_q);
            for i in queries.clone() {
                rows[i].merge(&over(head, i, keys.clone()));
                y[i * head.d_v..][..head.d_v].copy_from_slice(&rows[i].mean());
            }
            let of = queries.start * head.d_v..queries.end * head.d_v;
            trace.numbers.extend(truth.map(|truth| distance(&y[of.clone()], &truth[of]) as f32));
        }
    }
    y
}

/// Exact inside the query's own block; every other block is one key and one value, which count as many times as the block has tokens: the mean of
/// its keys, and the mean of what its own tokens get when they attend inside it. No paper fixes this meaning of "blockwise"; it is ours.
pub fn summaries<R: Real>(head: &Head<R>, block: usize) -> Vec<R> {
    let tokens = |b: usize| b * block..((b + 1) * block).min(head.n_k);
    let inside: Vec<Running<R>> = (0..head.n_q).map(|i| over(head, i, tokens(i / block))).collect();
    let summary = |b: usize| {
        let share = R::near(1.0 / tokens(b).len() as f64);
        let (mut key, mut value) = (vec![R::ZERO; head.d], vec![R::ZERO; head.d_v]);
        for j in tokens(b) {
            key.iter_mut().zip(head.k(j)).for_each(|(sum, &k)| *sum = *sum + share * k);
            value.iter_mut().zip(inside[j].mean()).for_each(|(sum, v)| *sum = *sum + share * v);
        }
        (key, value, R::near(tokens(b).len() as f64))
    };
    let all: Vec<_> = (0..head.n_k.div_ceil(block)).map(summary).collect();
    let row = |i: usize| {
        let (mut row, own) = (inside[i].clone(), i / block);
        let others = if head.causal { own } else { all.len() };
        for (_, (key, value, count)) in all.iter().enumerate().take(others).filter(|(b, _)| *b != own) {
            row.add(head.scale * super::head::dot(head.q(i), key), *count, value);
        }
        row.mean()
    };
    (0..head.n_q).flat_map(row).collect()
}

//! Keys and values in pages, as a server keeps the cache of many requests.

use std::sync::Arc;

use super::super::frame::Frame;
use super::super::step::Step;
use crate::attention::inputs::Rng;
use crate::catalogue::Change;

/// Stream of the order in which pages were handed out.
const ORDER: u64 = 63;

/// Which page of the pool holds each page of a sequence of `tokens`: a seeded order, as if others had taken and given back pages before. In NumPy
/// `default_rng(…).random(pages).argsort().argsort()`.
pub fn table(seed: u64, tokens: usize, page: usize) -> Vec<usize> {
    let pages = tokens.div_ceil(page.max(1));
    let drawn = Rng::new(seed.wrapping_add(ORDER << 53)).uniforms(pages);
    let mut order: Vec<usize> = (0..pages).collect();
    order.sort_by(|&a, &b| drawn[a].total_cmp(&drawn[b]));
    let mut table = vec![0; pages];
    order.into_iter().enumerate().for_each(|(place, page)| table[page] = place);
    table
}

/// Writes every head's keys and values into a pool of pages and reads them back through the table: the same numbers, bit for bit.
pub fn apply(step: &Step<Change>, frame: &mut Frame) {
    let page = step.count("page", 1);
    let dims = frame.dims;
    let table = table(step.seed, dims.n_k, page);
    for (tensor, size) in [(&mut frame.inputs.k, dims.d), (&mut frame.inputs.v, dims.d_v)] {
        let mut pool = vec![0.0; table.len() * page * size];
        for head in Arc::make_mut(tensor).chunks_exact_mut(dims.n_k * size) {
            for (tokens, &place) in head.chunks(page * size).zip(&table) {
                pool[place * page * size..][..tokens.len()].copy_from_slice(tokens);
            }
            for (token, row) in head.chunks_exact_mut(size).enumerate() {
                let place = table[token / page] * page + token % page;
                row.copy_from_slice(&pool[place * size..][..size]);
            }
        }
    }
}

//! Pictures: a rectangle of one stage, recomputed from Q, K and the rows' log-sum-exp, and pooled into pixels.

use std::ops::Range;

use super::blocks::Blocks;
use super::gemm::{GROUP, GroupBlock, KEYS, PANEL};
use super::rules::biased;
use super::streaming::{State, row_blocks};
use super::weights::weights;
use crate::attention::{Coverage, Inputs, Plan};
use crate::engine::item::{MapRequest, Pool};
use crate::experiment::Stage;

/// Fills `out` with the picture; computes the log-sum-exp of rows where it is needed and NaN.
pub fn draw(
    plan: &Plan,
    inputs: &Inputs,
    blocks: &mut Blocks,
    state: &mut State,
    request: &MapRequest,
    lse: &mut [f32],
    out: &mut [f32],
) {
    if !fits(plan, request, lse, out) {
        return;
    }
    let (q, k) = (request.q.clone(), request.k.clone());
    blocks.prepare(plan, inputs, request.batch, request.head);
    if request.stage == Stage::Weights && plan.sums() {
        for q in row_blocks(q.clone()) {
            let lse = &mut lse[q.clone()];
            if lse.iter().any(|l| l.is_nan()) {
                blocks.stand(plan, inputs, request.batch, q.clone(), plan.scale);
                state.sums(plan, blocks, request.head, q.start, lse);
            }
        }
    }
    let factor = if request.stage == Stage::Raw { 1.0 } else { plan.scale };
    let mut pixels = Pixels::new(request, out);
    let mut cells = vec![f32::NAN; GROUP * k.len()];
    let (mut live, mut tiles, mut spans) = (Vec::new(), Vec::new(), Vec::new());
    for q in row_blocks(q) {
        looked_at(blocks, q.start, request.stage, &k, &mut live, &mut tiles, &mut spans);
        if tiles.is_empty() {
            q.for_each(|_| pixels.row(&[], &[]));
            continue;
        }
        blocks.stand(plan, inputs, request.batch, q.clone(), factor);
        for group in blocks.groups() {
            let rows = blocks.group(group);
            for row in cells.chunks_exact_mut(k.len()).take(rows.len()) {
                spans.iter().for_each(|span: &Range<usize>| row[span.clone()].fill(f32::NAN));
            }
            let lse = &lse[q.start + rows.start..q.start + rows.end];
            stage_cells(plan, blocks, group, request.stage, &k, &tiles, lse, &mut cells);
            for row in cells.chunks_exact(k.len()).take(rows.len()) {
                pixels.row(row, &spans);
            }
        }
    }
}

/// First key and number of keys of a tile, as far as they are looked at, and what the mask says of it. The first is a multiple of [`PANEL`].
type Tile = (usize, usize, Coverage);

/// The tiles with the keys `k` that hold cells of a stage in the row of tiles of query `q`, and where they lie among `k`, neighbours joined: a tile that
/// the mask leaves empty costs nothing.
fn looked_at(
    blocks: &Blocks,
    q: usize,
    stage: Stage,
    k: &Range<usize>,
    live: &mut Vec<(usize, Coverage)>,
    tiles: &mut Vec<Tile>,
    spans: &mut Vec<Range<usize>>,
) {
    if stage >= Stage::Masked {
        blocks.live(q, live);
    } else {
        live.clear();
        live.extend((k.start / KEYS..k.end.div_ceil(KEYS)).map(|column| (column, Coverage::Full)));
    }
    tiles.clear();
    spans.clear();
    for &(column, coverage) in live.iter() {
        let from = (column * KEYS).max(k.start / PANEL * PANEL);
        let to = ((column + 1) * KEYS).min(k.end);
        if from >= to {
            continue;
        }
        tiles.push((from, to - from, coverage));
        let span = from.max(k.start) - k.start..to - k.start;
        match spans.last_mut() {
            Some(last) if last.end == span.start => last.end = span.end,
            _ => spans.push(span),
        }
    }
}

/// Whether the request names cells that exist and there is room for it; a picture of anything else stays as it was.
pub fn fits(plan: &Plan, request: &MapRequest, lse: &[f32], out: &[f32]) -> bool {
    let dims = plan.dims;
    let within = |range: &Range<usize>, n: usize| range.start < range.end && range.end <= n;
    within(&request.q, dims.n_q)
        && within(&request.k, dims.n_k)
        && request.batch < dims.batch
        && request.head < dims.q_heads
        && lse.len() == dims.n_q
        && out.len() == request.width * request.height
}

/// Values of one group of rows for the keys `k`, `[rows, k.len()]`, as far as they lie in `tiles`. Where the stage has no cell, they stay as they are.
#[allow(clippy::too_many_arguments, reason = "what one block of a picture stands on")]
fn stage_cells(
    plan: &Plan,
    blocks: &mut Blocks,
    group: usize,
    stage: Stage,
    k: &Range<usize>,
    tiles: &[Tile],
    lse: &[f32],
    cells: &mut [f32],
) {
    let mut s: GroupBlock = [[[0.0; PANEL]; KEYS / PANEL]; GROUP];
    let rows = blocks.group(group);
    for &(k0, keys, coverage) in tiles {
        let mut columns = (k0, keys);
        if stage >= Stage::Masked {
            let Some(live) = blocks.masked_scores(plan, group, columns, coverage, &mut s) else { continue };
            columns = live;
        } else {
            blocks.product(plan, group, k0, columns.1, &mut s);
        }
        for (i, row) in rows.clone().enumerate() {
            let block = &mut s[i];
            let mut shown = [true; KEYS];
            if stage >= Stage::Masked {
                for (shown, s) in shown.iter_mut().zip(block.as_flattened()) {
                    *shown = *s != f32::NEG_INFINITY;
                }
            }
            let kernels = blocks.kernels;
            match (stage, blocks.rules(row)) {
                (Stage::Capped, Some(rules)) => {
                    rules.before_cap(plan, k0, &mut block.as_flattened_mut()[..columns.1]);
                    if let Some(cap) = plan.softcap {
                        (kernels.cap)(block, cap);
                    }
                }
                (Stage::Biased, Some(rules)) => biased(kernels, plan, rules, columns, block),
                (Stage::Weights, rules) => weights(kernels, plan, rules, lse[i], columns.0, columns.1, block),
                _ => {}
            }
            let into = &mut cells[i * k.len()..(i + 1) * k.len()];
            for (j, (&value, shown)) in block.as_flattened()[..columns.1].iter().zip(shown).enumerate() {
                if shown && columns.0 + j >= k.start {
                    into[columns.0 + j - k.start] = value;
                }
            }
        }
    }
}

/// Merges rows of cells, which come in order, into pixels.
pub struct Pixels<'a> {
    out: &'a mut [f32],
    pool: Pool,
    height: usize,
    /// Rows of cells.
    rows: usize,
    /// Cells of each pixel across.
    columns: Vec<Range<usize>>,
    /// Value and count of each pixel of the current line.
    line: Vec<(f32, u32)>,
    at: usize,
    next_row: usize,
}

impl<'a> Pixels<'a> {
    /// Pixels of `request` (`out`: `[height, width]`).
    pub fn new(request: &MapRequest, out: &'a mut [f32]) -> Self {
        Self {
            out,
            pool: request.pool,
            height: request.height,
            rows: request.q.len(),
            columns: (0..request.width).map(|j| part(request.k.len(), j, request.width)).collect(),
            line: vec![(0.0, 0); request.width],
            at: 0,
            next_row: 0,
        }
    }

    /// Takes the next row of cells, which are those in `spans` (ascending, apart); NaN is no cell.
    pub fn row(&mut self, cells: &[f32], spans: &[Range<usize>]) {
        let row = self.next_row;
        self.next_row += 1;
        // More pixels than rows: one row fills several lines.
        while self.at < self.height && part(self.rows, self.at, self.height).contains(&row) {
            self.merge(cells, spans);
            if row + 1 < part(self.rows, self.at, self.height).end {
                break;
            }
            self.finish_line();
        }
    }

    fn merge(&mut self, cells: &[f32], spans: &[Range<usize>]) {
        for span in spans {
            let first = self.columns.partition_point(|columns| columns.end <= span.start);
            let pixels = self.columns[first..].iter().zip(&mut self.line[first..]);
            for (columns, (value, count)) in pixels.take_while(|(columns, _)| columns.start < span.end) {
                let cells = &cells[columns.start.max(span.start)..columns.end.min(span.end)];
                for &cell in cells.iter().filter(|cell| !cell.is_nan()) {
                    match self.pool {
                        Pool::Mean | Pool::SampledMean => *value += cell,
                        _ if *count == 0 || cell.abs() > value.abs() => *value = cell,
                        Pool::Max | Pool::SampledMax => {}
                    }
                    *count += 1;
                }
            }
        }
    }

    fn finish_line(&mut self) {
        let width = self.line.len();
        if let Some(out) = self.out.get_mut(self.at * width..(self.at + 1) * width) {
            for (pixel, (value, count)) in out.iter_mut().zip(&mut self.line) {
                *pixel = match (*count, self.pool) {
                    (0, _) => f32::NAN,
                    (_, Pool::Max | Pool::SampledMax) => *value,
                    (n, Pool::Mean | Pool::SampledMean) => *value / n as f32,
                };
                (*value, *count) = (0.0, 0);
            }
        }
        self.at += 1;
    }
}

/// Cells of pixel `i` of `count` along `len` cells: `floor(i · len / count)..floor((i + 1) · len / count)`, one at least.
fn part(len: usize, i: usize, count: usize) -> Range<usize> {
    // In 64 bits: 65 536 squared is too large for 32.
    let at = |i: usize| (i as u64 * len as u64 / count as u64) as usize;
    let from = at(i);
    from..at(i + 1).max(from + 1).min(len)
}

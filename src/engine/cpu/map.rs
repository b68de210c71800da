//! Pictures: a rectangle of one stage, recomputed from Q, K and the rows' log-sum-exp, and pooled into pixels.

use std::ops::Range;

use super::blocks::{Blocks, biased};
use super::gemm::{GROUP, GroupBlock, KEYS, PANEL};
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
    let mut cells = vec![0.0; GROUP * k.len()];
    for q in row_blocks(q) {
        blocks.stand(plan, inputs, request.batch, q.clone(), factor);
        for group in blocks.groups() {
            let rows = blocks.group(group);
            stage_cells(
                plan,
                blocks,
                group,
                request.stage,
                &k,
                &lse[q.start + rows.start..q.start + rows.end],
                &mut cells,
            );
            for row in cells.chunks_exact(k.len()).take(rows.len()) {
                pixels.row(row);
            }
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

/// Values of one group of rows for the keys `k`, `[rows, k.len()]`; NaN where the stage has no cell.
fn stage_cells(
    plan: &Plan,
    blocks: &mut Blocks,
    group: usize,
    stage: Stage,
    k: &Range<usize>,
    lse: &[f32],
    cells: &mut [f32],
) {
    let mut s: GroupBlock = [[[0.0; PANEL]; KEYS / PANEL]; GROUP];
    let rows = blocks.group(group);
    cells.fill(f32::NAN);
    for k0 in (k.start / PANEL * PANEL..k.end).step_by(KEYS) {
        let mut columns = (k0, KEYS.min(k.end - k0));
        if stage >= Stage::Masked {
            let coverage = if plan.masked() { Coverage::Partial } else { Coverage::Full };
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

    /// Takes the next row of cells; NaN is no cell.
    pub fn row(&mut self, cells: &[f32]) {
        let row = self.next_row;
        self.next_row += 1;
        // More pixels than rows: one row fills several lines.
        while self.at < self.height && part(self.rows, self.at, self.height).contains(&row) {
            self.merge(cells);
            if row + 1 < part(self.rows, self.at, self.height).end {
                break;
            }
            self.finish_line();
        }
    }

    fn merge(&mut self, cells: &[f32]) {
        for (columns, (value, count)) in self.columns.iter().zip(&mut self.line) {
            for &cell in cells[columns.clone()].iter().filter(|cell| !cell.is_nan()) {
                match self.pool {
                    Pool::Mean => *value += cell,
                    Pool::Max if *count == 0 || cell.abs() > value.abs() => *value = cell,
                    Pool::Max => {}
                }
                *count += 1;
            }
        }
    }

    fn finish_line(&mut self) {
        let width = self.line.len();
        if let Some(out) = self.out.get_mut(self.at * width..(self.at + 1) * width) {
            for (pixel, (value, count)) in out.iter_mut().zip(&mut self.line) {
                *pixel = match (*count, self.pool) {
                    (0, _) => f32::NAN,
                    (_, Pool::Max) => *value,
                    (n, Pool::Mean) => *value / n as f32,
                };
                (*value, *count) = (0.0, 0);
            }
        }
        self.at += 1;
    }
}

/// Cells of pixel `i` of `count` along `len` cells: `floor(i · len / count)..floor((i + 1) · len / count)`, one at least.
fn part(len: usize, i: usize, count: usize) -> Range<usize> {
    let from = i * len / count;
    from..((i + 1) * len / count).max(from + 1).min(len)
}

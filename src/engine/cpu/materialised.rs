//! Attention stage after stage through the score matrix, a band of whole rows at a time, each stage with its own time.

use super::blocks::{Blocks, ROWS};
use super::gemm::{GROUP, GroupBlock, KEYS, PANEL, Step};
use super::kernels::Kernels;
use super::map;
use super::softmax::Running;
use super::streaming::{State, row_blocks};
use super::weights::{Spread, weights};
use crate::attention::{Inputs, Plan, Threshold};
use crate::engine::item::{Clock, Engine, MapRequest, Rows, RowsOut, TimedStage, Want};
use crate::experiment::Stage;

/// The engine that holds the matrix.
pub struct Materialised {
    blocks: Blocks,
    state: State,
    table: Table,
}

impl Materialised {
    /// An engine for `plan`.
    pub fn new(plan: &Plan, kernels: &'static Kernels) -> Self {
        Self { blocks: Blocks::new(plan, kernels), state: State::new(plan), table: Table::default() }
    }
}

impl Engine for Materialised {
    fn kernel(&self) -> &'static str {
        self.blocks.kernels.materialised
    }

    fn rows(&mut self, plan: &Plan, inputs: &Inputs, rows: &Rows, want: Want, clock: Clock) -> RowsOut {
        self.table.rows(plan, inputs, &mut self.blocks, rows, want, clock)
    }

    fn map(&mut self, plan: &Plan, inputs: &Inputs, request: &MapRequest, lse: &mut [f32], out: &mut [f32]) {
        map::draw(plan, inputs, &mut self.blocks, &mut self.state, request, lse, out);
    }
}

/// A band of whole rows of the matrix.
#[derive(Default)]
pub struct Table {
    /// `[rows][steps]`.
    cells: Vec<Step>,
    /// Which keys of one row are allowed.
    allowed: Vec<u8>,
    /// Outputs of one group.
    o: Vec<[Step; GROUP]>,
}

impl Table {
    /// Computes rows stage after stage.
    pub fn rows(
        &mut self,
        plan: &Plan,
        inputs: &Inputs,
        blocks: &mut Blocks,
        rows: &Rows,
        want: Want,
        clock: Clock,
    ) -> RowsOut {
        let dims = plan.dims;
        let steps = dims.n_k.div_ceil(PANEL);
        let mut out = RowsOut::default();
        out.y.reserve(rows.q.len() * dims.d_v);
        if want.matrix.is_some() {
            out.matrix.reserve(rows.q.len() * dims.n_k);
        }
        let mut laps = Laps { clock, last: clock() };
        blocks.prepare(plan, inputs, rows.batch, rows.head);
        self.cells.resize(ROWS * steps, [0.0; PANEL]);
        self.allowed.resize(dims.n_k, 0);
        self.o.resize(dims.d_v.div_ceil(PANEL), [[0.0; PANEL]; GROUP]);
        laps.lap(&mut out, TimedStage::Prepare);
        for q in row_blocks(rows.q.clone()) {
            blocks.stand(plan, inputs, rows.batch, q.clone(), 1.0);
            laps.lap(&mut out, TimedStage::Prepare);
            self.product(plan, blocks);
            self.keep(Stage::Raw, q.len(), dims.n_k, want, &mut out);
            laps.lap(&mut out, TimedStage::Scores);
            self.bias(plan, blocks, q.len(), want, &mut out);
            laps.lap(&mut out, TimedStage::Bias);
            self.mask(plan, blocks, q.len());
            self.keep(Stage::Masked, q.len(), dims.n_k, want, &mut out);
            laps.lap(&mut out, TimedStage::Mask);
            self.normalise(plan, blocks, rows.head, q.len(), want.stats, &mut out);
            self.keep(Stage::Weights, q.len(), dims.n_k, want, &mut out);
            laps.lap(&mut out, TimedStage::Normalise);
            self.values(plan, blocks, &mut out);
            laps.lap(&mut out, TimedStage::Values);
        }
        out
    }

    fn product(&mut self, plan: &Plan, blocks: &Blocks) {
        let n_k = plan.dims.n_k;
        let steps = n_k.div_ceil(PANEL);
        let mut s: GroupBlock = [[[0.0; PANEL]; KEYS / PANEL]; GROUP];
        for group in blocks.groups() {
            for k0 in (0..n_k).step_by(KEYS) {
                let keys = KEYS.min(n_k - k0);
                blocks.product(plan, group, k0, keys, &mut s);
                for (row, s) in blocks.group(group).zip(&s) {
                    let count = keys.div_ceil(PANEL);
                    self.cells[row * steps + k0 / PANEL..][..count].copy_from_slice(&s[..count]);
                }
            }
        }
    }

    fn bias(&mut self, plan: &Plan, blocks: &mut Blocks, rows: usize, want: Want, out: &mut RowsOut) {
        let n_k = plan.dims.n_k;
        if plan.scale != 1.0 {
            for row in 0..rows {
                self.row(row, n_k).iter_mut().for_each(|s| *s *= plan.scale);
            }
        }
        self.keep(Stage::Scaled, rows, n_k, want, out);
        if !plan.scores_plain() {
            let steps = n_k.div_ceil(PANEL);
            for row in 0..rows {
                let kernels = blocks.kernels;
                let Some(rules) = blocks.rules(row) else { continue };
                rules.before_cap(plan, 0, self.row(row, n_k));
                if let Some(cap) = plan.softcap {
                    (kernels.cap)(&mut self.cells[row * steps..(row + 1) * steps], cap);
                }
            }
        }
        self.keep(Stage::Capped, rows, n_k, want, out);
        if !plan.bias.is_empty() {
            for row in 0..rows {
                let Some(rules) = blocks.rules(row) else { continue };
                rules.after_cap(plan, 0, self.row(row, n_k));
            }
        }
        self.keep(Stage::Biased, rows, n_k, want, out);
    }

    fn mask(&mut self, plan: &Plan, blocks: &mut Blocks, rows: usize) {
        let n_k = plan.dims.n_k;
        let steps = n_k.div_ceil(PANEL);
        for row in 0..rows {
            let cells = self.cells[row * steps..(row + 1) * steps].as_flattened_mut();
            if plan.masked()
                && let Some(rules) = blocks.rules(row)
            {
                rules.mask(plan, 0, &mut self.allowed);
                for (s, &allowed) in cells.iter_mut().zip(&self.allowed) {
                    *s = if allowed == 0 { f32::NEG_INFINITY } else { *s };
                }
            }
            cells[n_k..].fill(f32::NEG_INFINITY);
        }
    }

    fn normalise(
        &mut self,
        plan: &Plan,
        blocks: &mut Blocks,
        head: usize,
        rows: usize,
        stats: bool,
        out: &mut RowsOut,
    ) {
        let n_k = plan.dims.n_k;
        let steps = n_k.div_ceil(PANEL);
        let sink = plan.sink_of(head);
        for row in 0..rows {
            let cells = &mut self.cells[row * steps..(row + 1) * steps];
            let (lse, nothing) = if plan.online() {
                let mut running = Running::START;
                running.take::<false>(blocks.kernels, cells, 0);
                let factor = running.factor(sink);
                cells.as_flattened_mut().iter_mut().for_each(|p| *p *= factor);
                (running.lse(sink), running.nothing())
            } else {
                let nothing = cells.as_flattened().iter().all(|&s| s == f32::NEG_INFINITY);
                let threshold = Threshold::of(plan.normaliser, &cells.as_flattened()[..n_k]);
                let lse = match threshold {
                    Some(tau) => tau,
                    None if plan.sums() => Running::of(blocks.kernels, cells).lse(sink),
                    None => 0.0,
                };
                weights(blocks.kernels, plan, blocks.rules(row), lse, 0, n_k, cells);
                (if nothing { f32::NEG_INFINITY } else { lse }, nothing)
            };
            out.lse.push(lse);
            out.empty_rows += u32::from(nothing);
            if stats {
                let mut spread = Spread::START;
                spread.take(0, &cells.as_flattened()[..n_k]);
                out.entropy.push(spread.entropy());
                out.peak.push(spread.peak);
                out.peak_at.push(spread.peak_at);
            }
        }
    }

    fn values(&mut self, plan: &Plan, blocks: &Blocks, out: &mut RowsOut) {
        let (n_k, d_v) = (plan.dims.n_k, plan.dims.d_v);
        let steps = n_k.div_ceil(PANEL);
        let mut p: GroupBlock = [[[0.0; PANEL]; KEYS / PANEL]; GROUP];
        for group in blocks.groups() {
            let rows = blocks.group(group);
            self.o.fill([[0.0; PANEL]; GROUP]);
            for k0 in (0..n_k).step_by(KEYS) {
                let keys = KEYS.min(n_k - k0);
                let count = keys.div_ceil(PANEL);
                for (row, p) in rows.clone().zip(&mut p) {
                    p[..count].copy_from_slice(&self.cells[row * steps + k0 / PANEL..][..count]);
                }
                (blocks.kernels.values)(rows.len(), &p, blocks.v(plan), k0, keys, &[1.0; GROUP], &mut self.o);
            }
            for i in 0..rows.len() {
                for (panel, o) in self.o.iter().enumerate() {
                    out.y.extend_from_slice(&o[i][..PANEL.min(d_v - panel * PANEL)]);
                }
            }
        }
    }

    fn row(&mut self, row: usize, n_k: usize) -> &mut [f32] {
        let steps = n_k.div_ceil(PANEL);
        &mut self.cells[row * steps..(row + 1) * steps].as_flattened_mut()[..n_k]
    }

    /// Appends the band to the matrix if this is the stage that is wanted.
    fn keep(&self, stage: Stage, rows: usize, n_k: usize, want: Want, out: &mut RowsOut) {
        if want.matrix == Some(stage) {
            for cells in self.cells.chunks_exact(n_k.div_ceil(PANEL)).take(rows) {
                out.matrix.extend_from_slice(&cells.as_flattened()[..n_k]);
            }
        }
    }
}

/// Time between stages.
struct Laps {
    clock: Clock,
    last: f64,
}

impl Laps {
    fn lap(&mut self, out: &mut RowsOut, stage: TimedStage) {
        let now = (self.clock)();
        out.times.add(stage, now - self.last);
        self.last = now;
    }
}

//! Input with NaN or infinities: one row at a time, and what is masked is never read, so 0 · NaN never forms. It stands in for both
//! algorithms; its time is told as one.

use std::ops::Range;

use super::gemm::{PANEL, Step};
use super::kernels::Kernels;
use super::map::{Pixels, fits};
use super::softmax::Running;
use super::weights::{Spread, weights};
use crate::attention::{Inputs, Plan, RowRules, Threshold};
use crate::engine::item::{Clock, Engine, MapRequest, Rows, RowsOut, TimedStage, Want};
use crate::experiment::Stage;

/// Keys that formulas take at once.
const WIDTH: usize = 256;

/// The exact select path.
pub struct Careful {
    name: &'static str,
    kernels: &'static Kernels,
    rules: RowRules,
    /// Prepared keys `[n_k, d]` of the head in `keys_of`.
    keys: Vec<f32>,
    keys_of: Option<(usize, usize)>,
    query: Vec<f32>,
    allowed: Vec<u8>,
    /// One row of a stage, filled up with −∞ to whole steps.
    cells: Vec<Step>,
    /// Keys that take part in the row.
    live: Vec<bool>,
}

impl Careful {
    /// An engine for `plan` that calls itself `name`.
    pub fn new(plan: &Plan, kernels: &'static Kernels, name: &'static str) -> Self {
        let dims = plan.dims;
        Self {
            name,
            kernels,
            rules: RowRules::new(plan, WIDTH),
            keys: vec![0.0; dims.n_k * dims.d],
            keys_of: None,
            query: vec![0.0; dims.d],
            allowed: vec![1; dims.n_k],
            cells: vec![[0.0; PANEL]; dims.n_k.div_ceil(PANEL)],
            live: vec![false; dims.n_k],
        }
    }

    fn prepare(&mut self, plan: &Plan, inputs: &Inputs, batch: usize, head: usize) {
        let of = Some((batch, plan.dims.kv_head(head)));
        if self.keys_of != of {
            plan.prepare_k(0..plan.dims.n_k, inputs.k_head(&plan.dims, batch, head), &mut self.keys);
            self.keys_of = of;
        }
    }

    /// Leaves stage `upto` (before the normaliser) of one row and the keys `k` in the first cells.
    fn scores(&mut self, plan: &Plan, inputs: &Inputs, (b, h, q): (usize, usize, usize), k: Range<usize>, upto: Stage) {
        let d = plan.dims.d;
        plan.prepare_q(b, q..q + 1, inputs.q_head(&plan.dims, b, h), &mut self.query);
        self.rules.begin_row(plan, b, h, q);
        let allowed = &mut self.allowed[..k.len()];
        allowed.fill(1);
        if upto >= Stage::Masked {
            self.rules.mask(plan, k.start, allowed);
        }
        let padded = self.cells[..k.len().div_ceil(PANEL)].as_flattened_mut();
        let (cells, rest) = padded.split_at_mut(k.len());
        rest.fill(f32::NEG_INFINITY);
        for ((cell, &allowed), key) in cells.iter_mut().zip(&*allowed).zip(self.keys[k.start * d..].chunks_exact(d)) {
            *cell = if allowed == 0 { 0.0 } else { self.query.iter().zip(key).map(|(q, k)| q * k).sum() };
        }
        if upto >= Stage::Scaled {
            cells.iter_mut().for_each(|s| *s *= plan.scale);
        }
        if upto >= Stage::Capped {
            self.rules.before_cap(plan, k.start, cells);
            self.rules.cap(plan, cells);
        }
        if upto >= Stage::Biased {
            self.rules.after_cap(plan, k.start, cells);
        }
        if upto >= Stage::Masked {
            for ((cell, live), &allowed) in cells.iter_mut().zip(&mut self.live).zip(&*allowed) {
                *cell = if allowed == 0 { f32::NEG_INFINITY } else { *cell };
                *live = *cell != f32::NEG_INFINITY;
            }
        }
    }

    /// Log-sum-exp of the masked scores of a whole row.
    fn lse(&self, plan: &Plan, head: usize) -> f32 {
        if !self.live.iter().any(|&live| live) {
            return f32::NEG_INFINITY;
        }
        if !plan.sums() {
            return 0.0;
        }
        let threshold = Threshold::of(plan.normaliser, self.cells.as_flattened());
        threshold.unwrap_or_else(|| Running::of(self.kernels, &self.cells).lse(plan.sink_of(head)))
    }

    fn keep(&self, stage: Stage, want: Want, n_k: usize, out: &mut RowsOut) {
        if want.matrix == Some(stage) {
            out.matrix.extend_from_slice(&self.cells.as_flattened()[..n_k]);
        }
    }
}

impl Engine for Careful {
    fn kernel(&self) -> &'static str {
        self.name
    }

    fn rows(&mut self, plan: &Plan, inputs: &Inputs, rows: &Rows, want: Want, clock: Clock) -> RowsOut {
        let (n_k, d_v) = (plan.dims.n_k, plan.dims.d_v);
        let mut out = RowsOut::default();
        let start = clock();
        self.prepare(plan, inputs, rows.batch, rows.head);
        let prepared = clock();
        out.times.add(TimedStage::Prepare, prepared - start);
        let v = inputs.v_head(&plan.dims, rows.batch, rows.head);
        for q in rows.q.clone() {
            let at = (rows.batch, rows.head, q);
            if let Some(stage) = want.matrix.filter(|&stage| stage < Stage::Masked) {
                self.scores(plan, inputs, at, 0..n_k, stage);
                self.keep(stage, want, n_k, &mut out);
            }
            self.scores(plan, inputs, at, 0..n_k, Stage::Masked);
            self.keep(Stage::Masked, want, n_k, &mut out);
            let lse = self.lse(plan, rows.head);
            weights(self.kernels, plan, Some(&mut self.rules), lse, 0, n_k, &mut self.cells);
            // A NaN log-sum-exp makes NaN of masked keys too; their weight is 0 whatever the row holds.
            for (p, _) in self.cells.as_flattened_mut().iter_mut().zip(&self.live).filter(|(_, live)| !**live) {
                *p = 0.0;
            }
            self.keep(Stage::Weights, want, n_k, &mut out);
            let p = &self.cells.as_flattened()[..n_k];
            let from = out.y.len();
            out.y.resize(from + d_v, 0.0);
            for ((&p, row), _) in p.iter().zip(v.chunks_exact(d_v)).zip(&self.live).filter(|(_, live)| **live) {
                for (y, &v) in out.y[from..].iter_mut().zip(row) {
                    *y += p * v;
                }
            }
            out.lse.push(lse);
            out.empty_rows += u32::from(lse == f32::NEG_INFINITY);
            if want.stats {
                let mut spread = Spread::START;
                spread.take(0, p);
                out.entropy.push(spread.entropy());
                out.peak.push(spread.peak);
                out.peak_at.push(spread.peak_at);
            }
        }
        out.times.add(TimedStage::Kernel, clock() - prepared);
        out
    }

    fn map(&mut self, plan: &Plan, inputs: &Inputs, request: &MapRequest, lse: &mut [f32], out: &mut [f32]) {
        if !fits(plan, request, lse, out) {
            return;
        }
        let k = request.k.clone();
        self.prepare(plan, inputs, request.batch, request.head);
        let mut pixels = Pixels::new(request, out);
        let (mut row, all) = (vec![0.0; k.len()], 0..k.len());
        for q in request.q.clone() {
            let at = (request.batch, request.head, q);
            if request.stage == Stage::Weights && lse[q].is_nan() {
                self.scores(plan, inputs, at, 0..plan.dims.n_k, Stage::Masked);
                lse[q] = self.lse(plan, request.head);
            }
            self.scores(plan, inputs, at, k.clone(), request.stage.min(Stage::Masked));
            if request.stage == Stage::Weights {
                weights(self.kernels, plan, Some(&mut self.rules), lse[q], k.start, k.len(), &mut self.cells);
            }
            row.copy_from_slice(&self.cells.as_flattened()[..k.len()]);
            if request.stage >= Stage::Masked {
                for (cell, _) in row.iter_mut().zip(&self.live).filter(|(_, live)| !**live) {
                    *cell = f32::NAN;
                }
            }
            pixels.row(&row, std::slice::from_ref(&all));
        }
    }
}

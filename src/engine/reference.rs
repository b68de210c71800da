//! The reference engine: double precision, one row at a time, no tiles and no packing. Slow on purpose; it judges the others.

use std::ops::Range;

use super::item::{Clock, Engine, MapRequest, Pool, Rows, RowsOut, TimedStage, Want};
use crate::attention::reference::{At, Cell, cell, weigh, weight, whole_row};
use crate::attention::{Inputs, Plan};
use crate::experiment::Stage;

/// Every score of a row, then the weights, then the output.
#[derive(Debug, Default)]
pub struct Materialised {
    keys: Keys,
}

/// One pass over the keys with a running maximum and sum (Milakov and Gimelshein 2018); two where a probability formula needs the sum first.
#[derive(Debug, Default)]
pub struct Streaming {
    keys: Keys,
}

impl Engine for Materialised {
    fn kernel(&self) -> &'static str {
        "reference-materialised-f64"
    }

    fn rows(&mut self, plan: &Plan, inputs: &Inputs, rows: &Rows, want: Want, clock: Clock) -> RowsOut {
        let (n_k, d_v) = (plan.dims.n_k, plan.dims.d_v);
        let mut out = RowsOut::default();
        let mut time = clock();
        let mut lap = |out: &mut RowsOut, stage: TimedStage| {
            let now = clock();
            out.times.add(stage, now - time);
            time = now;
        };
        self.keys.prepare(plan, inputs, rows.batch, rows.head);
        let queries = Queries::new(plan, inputs, rows.batch, rows.head, rows.q.clone());
        let values = inputs.v_head(&plan.dims, rows.batch, rows.head);
        lap(&mut out, TimedStage::Prepare);
        let mut cells = Vec::with_capacity(n_k);
        for q in rows.q.clone() {
            let at = At { b: rows.batch, h: rows.head, q, k: 0 };
            cells.clear();
            cells.extend((0..n_k).map(|k| cell(plan, At { k, ..at }, queries.row(q), self.keys.row(k))));
            lap(&mut out, TimedStage::Scores);
            let mut weights: Vec<f64> = cells.iter().map(|c| c.masked).collect();
            let lse = weigh(plan, at, &mut weights);
            lap(&mut out, TimedStage::Normalise);
            let mut y = vec![0.0; d_v];
            for k in (0..n_k).filter(|&k| cells[k].masked != f64::NEG_INFINITY) {
                add(&mut y, weights[k], &values[k * d_v..(k + 1) * d_v]);
            }
            lap(&mut out, TimedStage::Values);
            let mut spread = Spread::default();
            for (k, &w) in weights.iter().enumerate() {
                spread.add(k, w);
            }
            push(&mut out, want, &y, lse, spread);
            if let Some(stage) = want.matrix {
                out.matrix.extend((0..n_k).map(|k| value(stage, &cells[k], weights[k]) as f32));
            }
        }
        out
    }

    fn map(&mut self, plan: &Plan, inputs: &Inputs, request: &MapRequest, lse: &mut [f32], out: &mut [f32]) {
        self.keys.prepare(plan, inputs, request.batch, request.head);
        let keys = &self.keys;
        let mut row = vec![0.0; plan.dims.n_k];
        picture(plan, inputs, request, out, |at, query, into| {
            let mut cells = Vec::new();
            if request.stage == Stage::Weights {
                cells.extend((0..plan.dims.n_k).map(|k| cell(plan, At { k, ..at }, query, keys.row(k))));
                row.clear();
                row.extend(cells.iter().map(|c| c.masked));
                lse[at.q] = weigh(plan, at, &mut row) as f32;
            } else {
                row.resize(plan.dims.n_k, 0.0);
                cells.resize(request.k.start, EMPTY);
                cells.extend(request.k.clone().map(|k| cell(plan, At { k, ..at }, query, keys.row(k))));
            }
            for (k, value_at) in request.k.clone().zip(into) {
                *value_at = visible(request.stage, &cells[k]).then(|| value(request.stage, &cells[k], row[k]));
            }
        });
    }
}

impl Engine for Streaming {
    fn kernel(&self) -> &'static str {
        "reference-streaming-f64"
    }

    fn rows(&mut self, plan: &Plan, inputs: &Inputs, rows: &Rows, want: Want, clock: Clock) -> RowsOut {
        let (n_k, d_v) = (plan.dims.n_k, plan.dims.d_v);
        let mut out = RowsOut::default();
        let start = clock();
        self.keys.prepare(plan, inputs, rows.batch, rows.head);
        let queries = Queries::new(plan, inputs, rows.batch, rows.head, rows.q.clone());
        let values = inputs.v_head(&plan.dims, rows.batch, rows.head);
        let prepared = clock();
        out.times.add(TimedStage::Prepare, prepared - start);
        for q in rows.q.clone() {
            let at = At { b: rows.batch, h: rows.head, q, k: 0 };
            let keys = &self.keys;
            let score = |k: usize| cell(plan, At { k, ..at }, queries.row(q), keys.row(k));
            let known = plan.online();
            let (lse, y, spread) = if known {
                online(plan, rows.head, (0..n_k).map(|k| score(k).masked), values)
            } else {
                // Weights that do not scale with a running sum: the sum first (if there is one), then the weights.
                let lse = lse_of(plan, rows.head, (0..n_k).map(|k| score(k).masked));
                let (mut y, mut spread) = (vec![0.0; d_v], Spread::default());
                for k in 0..n_k {
                    let masked = score(k).masked;
                    if masked != f64::NEG_INFINITY {
                        let w = weight(plan, At { k, ..at }, masked, lse);
                        spread.add(k, w);
                        add(&mut y, w, &values[k * d_v..(k + 1) * d_v]);
                    }
                }
                (lse, y, spread)
            };
            push(&mut out, want, &y, lse, spread);
            if let Some(stage) = want.matrix {
                out.matrix.extend((0..n_k).map(|k| {
                    let cell = score(k);
                    value(stage, &cell, weight_of(plan, At { k, ..at }, &cell, lse)) as f32
                }));
            }
        }
        out.times.add(TimedStage::Kernel, clock() - prepared);
        out
    }

    fn map(&mut self, plan: &Plan, inputs: &Inputs, request: &MapRequest, lse: &mut [f32], out: &mut [f32]) {
        self.keys.prepare(plan, inputs, request.batch, request.head);
        let keys = &self.keys;
        picture(plan, inputs, request, out, |at, query, into| {
            let score = |k: usize| cell(plan, At { k, ..at }, query, keys.row(k));
            if request.stage == Stage::Weights && lse[at.q].is_nan() {
                lse[at.q] = lse_of(plan, at.h, (0..plan.dims.n_k).map(|k| score(k).masked)) as f32;
            }
            for (k, value_at) in request.k.clone().zip(into) {
                let cell = score(k);
                let weight = weight_of(plan, At { k, ..at }, &cell, f64::from(lse[at.q]));
                *value_at = visible(request.stage, &cell).then(|| value(request.stage, &cell, weight));
            }
        });
    }
}

/// Output, log-sum-exp and spread of one softmax row in one pass.
fn online(plan: &Plan, head: usize, scores: impl Iterator<Item = f64>, values: &[f32]) -> (f64, Vec<f64>, Spread) {
    let d_v = plan.dims.d_v;
    let (mut max, mut sum, mut y, mut spread) = (f64::NEG_INFINITY, 0.0, vec![0.0; d_v], Spread::default());
    for (k, s) in scores.enumerate() {
        if s == f64::NEG_INFINITY {
            continue;
        }
        if s > max {
            // Everything so far was measured against a smaller maximum.
            let shrink = (max - s).exp();
            sum *= shrink;
            y.iter_mut().for_each(|x| *x *= shrink);
            spread.scale(shrink);
            max = s;
        }
        let w = (s - max).exp();
        sum += w;
        spread.add(k, w);
        add(&mut y, w, &values[k * d_v..(k + 1) * d_v]);
    }
    if sum == 0.0 {
        return (f64::NEG_INFINITY, y, spread);
    }
    if let Some(sink) = plan.sink_of(head) {
        // The sink is one more key without a value. It may be far above the others: shrink them first.
        let top = max.max(f64::from(sink));
        let shrink = (max - top).exp();
        let total = sum * shrink + (f64::from(sink) - top).exp();
        y.iter_mut().for_each(|x| *x *= shrink / total);
        spread.scale(shrink / total);
        return (top + total.ln(), y, spread);
    }
    y.iter_mut().for_each(|x| *x /= sum);
    spread.scale(1.0 / sum);
    (max + sum.ln(), y, spread)
}

/// Log-sum-exp of a row in one pass; 0 where the normaliser has no sum, −∞ where no key is left.
fn lse_of(plan: &Plan, head: usize, scores: impl Iterator<Item = f64>) -> f64 {
    if plan.sums() && !plan.exponential() {
        // A threshold is no running number: the row is held.
        let row: Vec<f64> = scores.collect();
        let any = row.iter().any(|s| *s != f64::NEG_INFINITY);
        return if any { whole_row(plan, head, &row) } else { f64::NEG_INFINITY };
    }
    let (mut max, mut sum, mut any) = (f64::NEG_INFINITY, 0.0, false);
    let mut take = |s: f64| {
        if s > max {
            sum *= (max - s).exp();
            max = s;
        }
        sum += (s - max).exp();
    };
    for s in scores.filter(|s| *s != f64::NEG_INFINITY) {
        any = true;
        take(s);
    }
    if !any {
        return f64::NEG_INFINITY;
    }
    if !plan.sums() {
        return 0.0;
    }
    if let Some(sink) = plan.sink_of(head).filter(|s| *s != f32::NEG_INFINITY) {
        take(f64::from(sink));
    }
    max + sum.ln()
}

/// The weight of a cell, 0 where it is masked.
fn weight_of(plan: &Plan, at: At, cell: &Cell, lse: f64) -> f64 {
    if cell.masked == f64::NEG_INFINITY { 0.0 } else { weight(plan, at, cell.masked, lse) }
}

/// Keys of the head computed last, prepared.
#[derive(Debug, Default)]
struct Keys {
    of: Option<(usize, usize)>,
    rows: Vec<f32>,
    d: usize,
}

impl Keys {
    fn prepare(&mut self, plan: &Plan, inputs: &Inputs, batch: usize, head: usize) {
        let dims = plan.dims;
        let of = Some((batch, dims.kv_head(head)));
        if self.of != of {
            self.rows.resize(dims.n_k * dims.d, 0.0);
            plan.prepare_k(0..dims.n_k, inputs.k_head(&dims, batch, head), &mut self.rows);
            (self.of, self.d) = (of, dims.d);
        }
    }

    fn row(&self, k: usize) -> &[f32] {
        &self.rows[k * self.d..(k + 1) * self.d]
    }
}

/// Queries `from..` of one head, prepared.
struct Queries {
    from: usize,
    rows: Vec<f32>,
    d: usize,
}

impl Queries {
    fn new(plan: &Plan, inputs: &Inputs, batch: usize, head: usize, q: Range<usize>) -> Self {
        let d = plan.dims.d;
        let mut rows = vec![0.0; q.len() * d];
        plan.prepare_q(batch, q.clone(), inputs.q_head(&plan.dims, batch, head), &mut rows);
        Self { from: q.start, rows, d }
    }

    fn row(&self, q: usize) -> &[f32] {
        &self.rows[(q - self.from) * self.d..(q - self.from + 1) * self.d]
    }
}

/// Entropy and peak of weights that come one by one and may be rescaled together.
#[derive(Clone, Copy, Debug, Default)]
struct Spread {
    sum: f64,
    /// `Σ w ln w`.
    log_sum: f64,
    peak: f64,
    at: Option<usize>,
}

impl Spread {
    fn add(&mut self, k: usize, w: f64) {
        self.sum += w;
        if w > 0.0 {
            self.log_sum += w * w.ln();
        }
        if w > self.peak {
            (self.peak, self.at) = (w, Some(k));
        }
    }

    /// All weights so far times `factor`: `Σ c w ln(c w) = c (Σ w ln w + ln c Σ w)`.
    fn scale(&mut self, factor: f64) {
        let shift = if factor > 0.0 { self.sum * factor.ln() } else { 0.0 };
        self.log_sum = factor * (self.log_sum + shift);
        self.sum *= factor;
        self.peak *= factor;
    }

    /// Entropy in nats of the weights divided by their sum; 0 without weights.
    fn entropy(&self) -> f64 {
        if self.sum == 0.0 { 0.0 } else { self.sum.ln() - self.log_sum / self.sum }
    }
}

fn add(y: &mut [f64], w: f64, row: &[f32]) {
    for (y, &v) in y.iter_mut().zip(row) {
        *y += w * f64::from(v);
    }
}

fn push(out: &mut RowsOut, want: Want, y: &[f64], lse: f64, spread: Spread) {
    out.y.extend(y.iter().map(|&x| x as f32));
    out.lse.push(lse as f32);
    out.empty_rows += u32::from(lse == f64::NEG_INFINITY);
    if want.stats {
        out.entropy.push(spread.entropy() as f32);
        out.peak.push(spread.peak as f32);
        out.peak_at.push(spread.at.map_or(u32::MAX, |k| k as u32));
    }
}

const EMPTY: Cell = Cell { raw: 0.0, scaled: 0.0, capped: 0.0, biased: 0.0, masked: f64::NEG_INFINITY };

fn value(stage: Stage, cell: &Cell, weight: f64) -> f64 {
    match stage {
        Stage::Raw => cell.raw,
        Stage::Scaled => cell.scaled,
        Stage::Capped => cell.capped,
        Stage::Biased => cell.biased,
        Stage::Masked => cell.masked,
        Stage::Weights => weight,
    }
}

/// Whether a picture of `stage` shows the cell: from the mask on, masked cells are not part of it.
fn visible(stage: Stage, cell: &Cell) -> bool {
    stage < Stage::Masked || cell.masked != f64::NEG_INFINITY
}

/// Pools rows into pixels. `row` fills the values of one query for the keys of the request, `None` where the picture has no cell.
fn picture(
    plan: &Plan,
    inputs: &Inputs,
    request: &MapRequest,
    out: &mut [f32],
    mut row: impl FnMut(At, &[f32], &mut [Option<f64>]),
) {
    let (width, height) = (request.width, request.height);
    if width == 0 || height == 0 {
        return;
    }
    let queries = Queries::new(plan, inputs, request.batch, request.head, request.q.clone());
    let mut cells = vec![None; request.k.len()];
    for (i, pixels) in out.chunks_exact_mut(width).enumerate().take(height) {
        let mut pooled = vec![(0.0_f64, 0_u32); width];
        for q in part(&request.q, i, height) {
            row(At { b: request.batch, h: request.head, q, k: 0 }, queries.row(q), &mut cells);
            for (j, (value, count)) in pooled.iter_mut().enumerate() {
                for cell in part(&(0..cells.len()), j, width).filter_map(|k| cells[k]) {
                    match request.pool {
                        Pool::Mean | Pool::SampledMean => *value += cell,
                        _ if *count == 0 || cell.abs() > value.abs() => *value = cell,
                        Pool::Max | Pool::SampledMax => {}
                    }
                    *count += 1;
                }
            }
        }
        for (pixel, (value, count)) in pixels.iter_mut().zip(pooled) {
            *pixel = match (count, request.pool) {
                (0, _) => f32::NAN,
                (_, Pool::Max | Pool::SampledMax) => value as f32,
                (n, Pool::Mean | Pool::SampledMean) => (value / f64::from(n)) as f32,
            };
        }
    }
}

/// Part `i` of `count` of a range: pixel `i` covers `floor(i · len / count)..floor((i + 1) · len / count)`.
fn part(range: &Range<usize>, i: usize, count: usize) -> Range<usize> {
    // In 64 bits: 65 536 squared is too large for 32.
    let at = |i: usize| range.start + (i as u64 * range.len() as u64 / count as u64) as usize;
    at(i)..at(i + 1)
}

//! One head forwards and backwards in double precision, a row at a time: nothing holds n² numbers.

use super::super::plan::Plan;
use super::super::reference::{At, allowed, normalised, whole_row};
use super::row;
use crate::formula::Slopes;

/// Derivatives by what a problem declares, summed over everything that was derived, and scratch for its formulas.
#[derive(Clone, Debug)]
pub struct Sums {
    /// By the factor on Q·K.
    pub scale: f64,
    /// By the softcap.
    pub softcap: f64,
    /// By the sink of each query head.
    pub sink: Vec<f64>,
    /// Score formulas before the softcap.
    pub before: Vec<Slopes>,
    /// Score formulas after it.
    pub after: Vec<Slopes>,
    /// The probability formula.
    pub probability: Option<Slopes>,
}

impl Sums {
    /// Nothing yet.
    pub fn new(plan: &Plan) -> Self {
        Self {
            scale: 0.0,
            softcap: 0.0,
            sink: vec![0.0; plan.dims.q_heads],
            before: plan.bias_before_cap.iter().map(Slopes::new).collect(),
            after: plan.bias.iter().map(Slopes::new).collect(),
            probability: plan.probability.as_ref().map(Slopes::new),
        }
    }
}

/// Prepared rows of one head.
pub struct Head<'a> {
    pub plan: &'a Plan,
    pub batch: usize,
    pub head: usize,
    /// `[n_q, d]`, as the scores see them.
    pub q: &'a [f64],
    /// `[n_k, d]`, as the scores see them.
    pub k: &'a [f64],
    /// `[n_k, d_v]`.
    pub v: &'a [f64],
    /// Whether the last score formula takes `ln Σ e^s` of its column from the score, the sum over the queries that may see the key.
    pub by_column: bool,
}

/// Where derivatives of one head are added.
pub struct Back<'a> {
    /// By the output, `[n_q, d_v]`.
    pub dy: &'a [f64],
    /// By the prepared queries, `[n_q, d]`.
    pub dq: &'a mut [f64],
    /// By the prepared keys, `[n_k, d]`.
    pub dk: &'a mut [f64],
    /// By the values, `[n_k, d_v]`.
    pub dv: &'a mut [f64],
}

/// A row of the head.
#[derive(Default)]
struct Row {
    /// Masked scores.
    scores: Vec<f64>,
    /// Weights before the probability formula; 0 where masked.
    p: Vec<f64>,
    lse: f64,
}

impl Head<'_> {
    /// Its output, `[n_q, d_v]`.
    pub fn forward(&self, sums: &mut Sums) -> Vec<f64> {
        let (dims, columns) = (self.plan.dims, self.columns(sums));
        let mut y = vec![0.0; dims.n_q * dims.d_v];
        let mut row = Row::default();
        for (q, y) in y.chunks_exact_mut(dims.d_v).enumerate() {
            self.row(q, &columns, sums, &mut row);
            for k in (0..dims.n_k).filter(|&k| row.scores[k] != f64::NEG_INFINITY) {
                let weight = self.weight(q, k, row.p[k], sums);
                y.iter_mut().zip(self.value(k)).for_each(|(y, v)| *y += weight * v);
            }
        }
        y
    }

    /// Adds what the derivatives by the output are by everything else.
    pub fn back(&self, back: Back, sums: &mut Sums) {
        let dims = self.plan.dims;
        let columns = self.columns(sums);
        let mut row = Row::default();
        let Back { dy, dq, dk, dv } = back;
        // Of each column, what its sum takes from every score of it.
        let mut taken = vec![0.0; columns.len()];
        if self.by_column {
            // Rows are gone back through twice in this case; only the second time counts for the sums.
            let mut aside = sums.clone();
            for q in 0..dims.n_q {
                self.row(q, &columns, sums, &mut row);
                let ds = self.row_back(q, &row, &dy[q * dims.d_v..][..dims.d_v], None, &mut aside);
                taken.iter_mut().zip(ds).for_each(|(taken, ds)| *taken += ds);
            }
        }
        for q in 0..dims.n_q {
            self.row(q, &columns, sums, &mut row);
            let mut ds = self.row_back(q, &row, &dy[q * dims.d_v..][..dims.d_v], Some(dv), sums);
            for (k, ds) in ds.iter_mut().enumerate().filter(|(k, _)| row.scores[*k] != f64::NEG_INFINITY) {
                if self.by_column {
                    // e^(score − column) is the key's weight among the queries.
                    *ds -= row.scores[k].exp() * taken[k];
                }
                self.cell_back(q, k, *ds, sums, &mut dq[q * dims.d..][..dims.d], &mut dk[k * dims.d..][..dims.d]);
            }
        }
    }

    /// Scores, sum and weights of a row.
    fn row(&self, q: usize, columns: &[f64], sums: &mut Sums, row: &mut Row) {
        let n_k = self.plan.dims.n_k;
        row.scores.clear();
        for k in 0..n_k {
            let score = self.score(q, k, sums);
            row.scores.push(score - columns.get(k).copied().unwrap_or(0.0));
        }
        row.p.clear();
        row.p.resize(n_k, 0.0);
        row.lse = f64::NEG_INFINITY;
        if row.scores.iter().any(|s| *s != f64::NEG_INFINITY) {
            row.lse = whole_row(self.plan, self.head, &row.scores);
            for (p, &s) in row.p.iter_mut().zip(&row.scores).filter(|(_, s)| **s != f64::NEG_INFINITY) {
                *p = normalised(self.plan, s, row.lse);
            }
        }
    }

    /// Derivatives by the masked scores of a row; those by the values are added to `dv`.
    fn row_back(&self, q: usize, row: &Row, dy: &[f64], dv: Option<&mut [f64]>, sums: &mut Sums) -> Vec<f64> {
        let d_v = self.plan.dims.d_v;
        let mut dp = vec![0.0; row.p.len()];
        let mut dv = dv;
        for k in (0..dp.len()).filter(|&k| row.scores[k] != f64::NEG_INFINITY) {
            let weight = self.weight(q, k, row.p[k], sums);
            let by_weight: f64 = dy.iter().zip(self.value(k)).map(|(dy, v)| dy * v).sum();
            if let Some(dv) = &mut dv {
                dv[k * d_v..][..d_v].iter_mut().zip(dy).for_each(|(dv, dy)| *dv += weight * dy);
            }
            // `weight` stood at this cell, so the formula goes back from there.
            dp[k] = sums.probability.as_mut().map_or(by_weight, |formula| formula.back(by_weight));
        }
        let mut ds = vec![0.0; dp.len()];
        let sink = row::back(self.plan, self.head, row.lse, [&row.scores, &row.p, &dp], &mut ds);
        if row.lse != f64::NEG_INFINITY {
            sums.sink[self.head] += sink;
        }
        ds
    }

    /// `ln Σ e^s` of each column, if the scores are measured against it; else nothing.
    fn columns(&self, sums: &mut Sums) -> Vec<f64> {
        if !self.by_column {
            return Vec::new();
        }
        let dims = self.plan.dims;
        let mut columns = vec![(f64::NEG_INFINITY, 0.0); dims.n_k];
        for q in 0..dims.n_q {
            for (k, (largest, sum)) in columns.iter_mut().enumerate() {
                let s = self.score(q, k, sums);
                if s == f64::NEG_INFINITY {
                    continue;
                }
                if s > *largest {
                    *sum *= (*largest - s).exp();
                    *largest = s;
                }
                *sum += (s - *largest).exp();
            }
        }
        columns.into_iter().map(|(largest, sum)| if sum == 0.0 { 0.0 } else { largest + sum.ln() }).collect()
    }

    /// The masked score of a cell, before its column's sum is taken from it.
    fn score(&self, q: usize, k: usize, sums: &mut Sums) -> f64 {
        if !allowed(self.plan, At { b: self.batch, h: self.head, q, k }) {
            return f64::NEG_INFINITY;
        }
        self.slots(q, k, sums).2
    }

    /// The product, the score before the cap, and the one after every formula. All formulas stand at the cell afterwards.
    fn slots(&self, q: usize, k: usize, sums: &mut Sums) -> (f64, f64, f64) {
        let d = self.plan.dims.d;
        let [b, h, at_q, at_k] = [self.batch, self.head, q, k].map(|i| i as i32);
        let raw = self.q[q * d..][..d].iter().zip(&self.k[k * d..][..d]).map(|(x, y)| x * y).sum::<f64>();
        let mut before = raw * f64::from(self.plan.scale);
        for formula in &mut sums.before {
            before = formula.value(before, b, h, at_q, at_k);
        }
        let mut score = match self.plan.softcap.map(f64::from) {
            Some(cap) => cap * (before / cap).tanh(),
            None => before,
        };
        let formulas = sums.after.len() - usize::from(self.by_column);
        for formula in &mut sums.after[..formulas] {
            score = formula.value(score, b, h, at_q, at_k);
        }
        (raw, before, score)
    }

    /// Goes back from a score to queries, keys and whatever made it.
    fn cell_back(&self, q: usize, k: usize, ds: f64, sums: &mut Sums, dq: &mut [f64], dk: &mut [f64]) {
        if ds == 0.0 {
            return;
        }
        let (raw, before, _) = self.slots(q, k, sums);
        let mut ds = ds;
        let formulas = sums.after.len() - usize::from(self.by_column);
        for formula in sums.after[..formulas].iter_mut().rev() {
            ds = formula.back(ds);
        }
        if let Some(cap) = self.plan.softcap.map(f64::from) {
            let tanh = (before / cap).tanh();
            let slope = 1.0 - tanh * tanh;
            sums.softcap += ds * (tanh - before / cap * slope);
            ds *= slope;
        }
        for formula in sums.before.iter_mut().rev() {
            ds = formula.back(ds);
        }
        sums.scale += ds * raw;
        let ds = ds * f64::from(self.plan.scale);
        if ds != 0.0 {
            let d = self.plan.dims.d;
            dq.iter_mut().zip(&self.k[k * d..]).for_each(|(dq, k)| *dq += ds * k);
            dk.iter_mut().zip(&self.q[q * d..]).for_each(|(dk, q)| *dk += ds * q);
        }
    }

    /// The weight of an allowed cell with the probability formula, which stands there afterwards.
    fn weight(&self, q: usize, k: usize, p: f64, sums: &mut Sums) -> f64 {
        let [b, h, q, k] = [self.batch, self.head, q, k].map(|i| i as i32);
        sums.probability.as_mut().map_or(p, |formula| formula.value(p, b, h, q, k))
    }

    fn value(&self, k: usize) -> &[f64] {
        let d_v = self.plan.dims.d_v;
        &self.v[k * d_v..][..d_v]
    }
}

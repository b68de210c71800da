//! The formulas of a plan backwards over cells of a row: what `RowRules` did, from the derivatives by its results to those by the products.

use super::super::gemm::{KEYS, RowBlock};
use super::tile::EMPTY;
use crate::attention::gradients::Sums;
use crate::attention::{Plan, RowRules};
use crate::formula::{Bound, Reverse};

/// Scratch for every formula of a plan that stands on the way from products to weights.
pub struct Chain {
    before: Vec<Reverse>,
    after: Vec<Reverse>,
    probability: Option<Reverse>,
}

/// The softcap of cells of a row.
pub struct Capped {
    /// Scores before it.
    pub before: RowBlock,
    /// The hyperbolic tangents that it took, and what the scores after it change by with those before.
    pub tanh: [f32; KEYS],
    pub slopes: [f32; KEYS],
}

impl Capped {
    /// Where there is none.
    pub const NONE: Self = Self { before: EMPTY, tanh: [0.0; KEYS], slopes: [1.0; KEYS] };
}

impl Chain {
    /// For a plan; with `params` for derivatives by parameters and tables too, and then of [`Plan::kept`].
    pub fn new(plan: &Plan, params: bool) -> Self {
        let reverse = |bound: &Bound| Reverse::new(bound, params);
        Self {
            before: plan.bias_before_cap.iter().map(reverse).collect(),
            after: plan.bias.iter().map(reverse).collect(),
            probability: plan.probability.as_ref().map(reverse),
        }
    }

    /// From derivatives by the scores after every formula, of keys from `k0` on, to those by the scores before; in place.
    pub fn scores(
        &mut self,
        plan: &Plan,
        rules: &RowRules,
        k0: usize,
        capped: &Capped,
        by: &mut [f32],
        mut sums: Option<&mut Sums>,
    ) {
        let (before, after, _) = rules.evaluated();
        for i in (0..self.after.len()).rev() {
            let sums = sums.as_deref_mut().map(|sums| &mut sums.after[i]);
            self.after[i].back(&after[i], k0, by, sums);
        }
        if let Some(cap) = plan.softcap {
            if let Some(sums) = sums.as_deref_mut() {
                sums.softcap += by_cap(cap, capped, by);
            }
            for i in 0..by.len() {
                by[i] *= capped.slopes[i];
            }
        }
        for i in (0..self.before.len()).rev() {
            let sums = sums.as_deref_mut().map(|sums| &mut sums.before[i]);
            self.before[i].back(&before[i], k0, by, sums);
        }
    }

    /// From derivatives by the weights after the probability formula, of keys from `k0` on, to those by the weights before; in place.
    pub fn weights(&mut self, rules: &RowRules, k0: usize, by: &mut [f32], sums: Option<&mut Sums>) {
        if let (Some(formula), (_, _, Some(lanes))) = (&mut self.probability, rules.evaluated()) {
            formula.back(lanes, k0, by, sums.and_then(|sums| sums.probability.as_mut()));
        }
    }

    /// Adds to `sums` what is still summed along rows, columns and diagonals.
    pub fn finish(&mut self, sums: &mut Sums) {
        for (formula, sums) in self.before.iter_mut().zip(&mut sums.before) {
            formula.finish(sums);
        }
        for (formula, sums) in self.after.iter_mut().zip(&mut sums.after) {
            formula.finish(sums);
        }
        if let (Some(formula), Some(sums)) = (&mut self.probability, &mut sums.probability) {
            formula.finish(sums);
        }
    }
}

/// Below the root of this `x` in `tanh x − x (1 − tanh² x)` is small enough for the series, whose next term is 0.09 x¹¹; above it the difference of two like numbers loses
/// no more than any single-precision formula of it would.
const SMALL: f32 = 0.025;
/// Its terms, x³ to x⁹.
const SERIES: [f32; 4] = [2.0 / 3.0, -8.0 / 15.0, 34.0 / 105.0, -496.0 / 2835.0];

/// By the cap `c` of `c · tanh(s / c)`: `tanh(s / c) − s / c · (1 − tanh²(s / c))`, times what is derived by the capped scores.
fn by_cap(cap: f32, capped: &Capped, by: &[f32]) -> f64 {
    let (before, inverse) = (capped.before.as_flattened(), 1.0 / cap);
    let [third, fifth, seventh, ninth] = SERIES;
    let mut sum = 0.0;
    for i in 0..by.len() {
        let (x, tanh, slope) = (before[i] * inverse, capped.tanh[i], capped.slopes[i]);
        let square = x * x;
        let series = x * square * (third + square * (fifth + square * (seventh + square * ninth)));
        let lost = if slope == 0.0 { 0.0 } else { x * slope };
        let slope = if square < SMALL { series } else { tanh - lost };
        sum += if by[i] == 0.0 { 0.0 } else { f64::from(by[i] * slope) };
    }
    sum
}

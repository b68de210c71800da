//! The rules of a block of query rows beside a tile of keys: which keys each row may see, and what becomes of their scores.

use std::ops::Range;

use super::change::Change;
use super::gemm::{KEYS, PANEL, RowBlock, Step};
use super::kernels::Kernels;
use super::lane::{F32x4, bits_of};
use crate::attention::{Plan, RowRules};
use crate::formula::Entries;

/// One [`RowRules`] for each row. What of them lies in tables is found there by row and key, without a call for each row and tile.
pub struct RuleRows {
    /// Empty for a plan without formulas.
    rows: Vec<RowRules>,
    /// Whether all that rules do to scores is a [`Change`].
    change: bool,
    /// Whether each mask is a table, and nothing is painted over them.
    tabled: bool,
}

impl RuleRows {
    /// Room for `rows` rows.
    pub fn new(plan: &Plan, rows: usize) -> Self {
        let formulas = !plan.scores_plain() || plan.masked() || plan.probability.is_some();
        let rows: Vec<RowRules> =
            if formulas { (0..rows).map(|_| RowRules::new(plan, KEYS)).collect() } else { Vec::new() };
        let (mut change, mut tabled) = (false, false);
        if let Some(first) = rows.first() {
            let biased = plan.bias.len() + plan.bias_before_cap.len() > 0;
            change = !plan.scores_plain() && (!biased || first.bias().is_some());
            tabled = plan.paint.is_empty() && (0..plan.masks.len()).all(|i| first.mask_table(i).is_some());
        }
        Self { rows, change, tabled }
    }

    /// As [`RowRules::keep`].
    pub fn keep(&mut self, params: bool) -> bool {
        let mut whole = true;
        for rules in &mut self.rows {
            whole &= rules.keep(params);
        }
        whole
    }

    /// Stands on rows `q` of a head.
    pub fn stand(&mut self, plan: &Plan, batch: usize, head: usize, q: Range<usize>) {
        for (rules, q) in self.rows.iter_mut().zip(q) {
            rules.begin_row(plan, batch, head, q);
        }
    }

    /// Those of one row; there are none for a plan without formulas.
    pub fn of(&mut self, row: usize) -> Option<&mut RowRules> {
        self.rows.get_mut(row)
    }

    /// What rules do to scores; `None` where they do nothing, or more than that.
    pub fn change(&self, plan: &Plan) -> Option<Change<'_>> {
        if !self.change {
            return None;
        }
        let none = (Entries { all: &[][..], start: 0, step: 0 }, 0);
        let (biases, turned) = self.rows.first().and_then(RowRules::bias).unwrap_or(none);
        Some(Change { biases, turned, first: !plan.bias_before_cap.is_empty(), cap: plan.softcap })
    }

    /// Which of `keys` keys from `k0` on the mask leaves to each of the rows, a bit each, and to any of them. Loops count: compiled for size, an iterator is a call for each row.
    pub fn allowed(&mut self, plan: &Plan, rows: Range<usize>, (k0, keys): (usize, usize), allowed: &mut [u64]) -> u64 {
        let count = rows.end - rows.start;
        allowed.fill(u64::MAX >> (KEYS - keys));
        let (mut mask, mut at, mut any) = (0, 0, 0);
        while self.tabled && mask < plan.masks.len() {
            let Some(Entries { all, start, step }) = self.rows.first().and_then(|rules| rules.mask_table(mask)) else {
                return 0;
            };
            let mut from = start + k0 - rows.start * step;
            at = 0;
            while at < count {
                allowed[at] &= bits_of(all, from);
                from = from.wrapping_sub(step);
                at += 1;
            }
            mask += 1;
        }
        while !self.tabled && at < count {
            let mut cells = [0; KEYS];
            self.rows[rows.start + at].mask(plan, k0, &mut cells[..keys]);
            allowed[at] &= bits_of(&cells, 0);
            at += 1;
        }
        while at > 0 {
            at -= 1;
            any |= allowed[at];
        }
        any
    }

    /// Scores of `keys` keys from `k0` on, from `scale · Q·K` to after the last bias, in place. What lies behind the last key may change too.
    pub fn change_scores(
        &mut self,
        kernels: &Kernels,
        plan: &Plan,
        rows: Range<usize>,
        (k0, keys): (usize, usize),
        s: &mut [RowBlock],
    ) {
        if let Some(change) = self.change(plan) {
            (kernels.change)(&change, rows.start, k0, keys.div_ceil(PANEL), &mut s[..rows.len()]);
        } else if keys > KEYS / 2 && self.rows.get(rows.start).is_some_and(|rules| rules.pointwise(plan)) {
            // A call for each row would take longer than what is done in it.
            let count = rows.end - rows.start;
            for (rules, s) in self.rows[rows.clone()].iter_mut().zip(&*s) {
                rules.remember(&s.as_flattened()[..keys]);
            }
            let (s, rules) = (s[..count].as_flattened_mut(), &self.rows[rows.start]);
            rules.cells(true, s.as_flattened_mut());
            if let Some(cap) = plan.softcap {
                (kernels.cap)(s, cap);
            }
            rules.cells(false, s.as_flattened_mut());
        } else if !plan.scores_plain() {
            for (rules, s) in self.rows[rows].iter_mut().zip(s) {
                biased(kernels, plan, rules, (k0, keys), s);
            }
        }
    }
}

/// Scores of `keys` keys from `k0` on, from `scale · Q·K` to after the last bias, in place. What lies behind the last key may change too.
pub fn biased(kernels: &Kernels, plan: &Plan, rules: &mut RowRules, (k0, keys): (usize, usize), s: &mut [Step]) {
    rules.before_cap(plan, k0, &mut s.as_flattened_mut()[..keys]);
    if let Some(cap) = plan.softcap {
        (kernels.cap)(&mut s[..keys.div_ceil(PANEL)], cap);
    }
    rules.after_cap(plan, k0, &mut s.as_flattened_mut()[..keys]);
}

/// −∞ in place of those of the first `keys` scores, rounded up to whole panels, whose bit is not set.
pub fn masked(s: &mut RowBlock, mut allowed: u64, keys: usize) {
    let (s, least) = (s.as_flattened_mut(), F32x4::splat(f32::NEG_INFINITY));
    let mut at = 0;
    while at < keys {
        if allowed as u8 != u8::MAX {
            F32x4::at(s, at).where_bits(allowed as i32, least).put(s, at);
            F32x4::at(s, at + 4).where_bits((allowed >> 4) as i32, least).put(s, at + 4);
        }
        at += PANEL;
        allowed >>= PANEL;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scores_without_their_bit_are_masked() {
        for seed in 0..500_u64 {
            let allowed = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ (1 << (seed % 64));
            let keys = seed as usize % (KEYS + 1);
            let mut s: RowBlock = std::array::from_fn(|i| std::array::from_fn(|j| (i * PANEL + j) as f32));
            s[seed as usize % (KEYS / PANEL)][3] = f32::NAN;
            let before = s;
            masked(&mut s, allowed, keys);
            for (j, (now, before)) in s.as_flattened().iter().zip(before.as_flattened()).enumerate() {
                let kept = j >= keys.next_multiple_of(PANEL) || allowed >> j & 1 == 1;
                let want = if kept { *before } else { f32::NEG_INFINITY };
                assert_eq!(now.to_bits(), want.to_bits(), "{j} of {keys}: {allowed:x}");
            }
        }
    }
}

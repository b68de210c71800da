//! The plan's formulas evaluated along a row: what kernels call between Q·K and the normaliser.

use super::plan::Plan;
use crate::formula::{Bound, Entries, Lanes};

/// Scratch for every formula of a plan, and the row it stands on. One for each thread; nothing is allocated after [`RowRules::new`].
///
/// What kernels have to know of the values: a score of −∞ after the biases is a weight of 0, as if masked; NaN is the formula's own doing and
/// spreads over its row, nowhere else.
#[derive(Debug)]
pub struct RowRules {
    before_cap: Vec<Lanes>,
    after_cap: Vec<Lanes>,
    masks: Vec<Lanes>,
    probability: Option<Lanes>,
    /// Rectangles that cross the row: keys `from..to`, and whether they allow.
    paint: Vec<(usize, usize, bool)>,
    /// One mask's answer while the others wait.
    scratch: Vec<u8>,
}

impl RowRules {
    /// Scratch for segments of about `width` keys (longer ones are cut).
    pub fn new(plan: &Plan, width: usize) -> Self {
        let width = width.max(1);
        let lanes = |bounds: &[Bound]| bounds.iter().map(Lanes::new).collect();
        Self {
            before_cap: lanes(&plan.bias_before_cap),
            after_cap: lanes(&plan.bias),
            masks: lanes(&plan.masks),
            probability: plan.probability.as_ref().map(Lanes::new),
            paint: Vec::with_capacity(plan.paint.len()),
            scratch: vec![0; width],
        }
    }

    /// Has every formula leave what [`crate::formula::Reverse`] needs; with `params` for derivatives by parameters and tables too. Says whether none of them is gone back through step by step.
    pub fn keep(&mut self, params: bool) -> bool {
        let Self { before_cap, after_cap, probability, .. } = self;
        let mut whole = true;
        for lanes in before_cap.iter_mut().chain(after_cap).chain(probability) {
            whole &= lanes.keep(params);
        }
        whole
    }

    /// Stands on the row of query `q` of query head `h` in sequence `b`. Everything that does not depend on the key is computed here.
    pub fn begin_row(&mut self, plan: &Plan, b: usize, h: usize, q: usize) {
        let (at_b, at_h, at_q) = (b as i32, h as i32, q as i32);
        let Self { before_cap, after_cap, masks, probability, .. } = self;
        for lanes in before_cap.iter_mut().chain(after_cap).chain(masks).chain(probability) {
            lanes.begin_row(at_b, at_h, at_q);
        }
        self.paint.clear();
        let crossing = plan.paint.iter().filter(|p| p.head.is_none_or(|head| head == h) && p.q[0] <= q && q < p.q[1]);
        self.paint.extend(crossing.map(|p| (p.k[0], p.k[1], p.allow)));
    }

    /// The formulas before the softcap, after it, and over the weights, as they evaluated the keys that they were asked for last.
    pub fn evaluated(&self) -> (&[Lanes], &[Lanes], Option<&Lanes>) {
        (&self.before_cap, &self.after_cap, self.probability.as_ref())
    }

    /// The biases before the softcap, of keys `k0..k0 + s.len()`, in place.
    pub fn before_cap(&mut self, plan: &Plan, k0: usize, s: &mut [f32]) {
        debug_assert_eq!(self.before_cap.len(), plan.bias_before_cap.len(), "rules of another plan");
        for lanes in &mut self.before_cap {
            lanes.score_row(k0 as i32, s);
        }
    }

    /// The softcap, one by one.
    pub fn cap(&self, plan: &Plan, s: &mut [f32]) {
        if let Some(cap) = plan.softcap {
            for x in s {
                *x = cap * (*x / cap).tanh();
            }
        }
    }

    /// The biases and score formulas after the softcap.
    pub fn after_cap(&mut self, plan: &Plan, k0: usize, s: &mut [f32]) {
        debug_assert_eq!(self.after_cap.len(), plan.bias.len(), "rules of another plan");
        for lanes in &mut self.after_cap {
            lanes.score_row(k0 as i32, s);
        }
    }

    /// Whether what formulas do to a score follows from the score alone: then any scores of a head go along in one call, by [`RowRules::cells`], after [`RowRules::remember`].
    pub fn pointwise(&self, plan: &Plan) -> bool {
        let Self { before_cap, after_cap, .. } = self;
        // What is remembered is what one formula finds before it.
        let alone = before_cap.len() + after_cap.len() == 1 && plan.softcap.is_none();
        before_cap.iter().chain(after_cap).all(|lanes| lanes.pointwise() && (alone || !lanes.remembers()))
    }

    /// Notes the row's scores for the way back, where somebody goes it.
    pub fn remember(&mut self, s: &[f32]) {
        for lanes in self.before_cap.iter_mut().chain(&mut self.after_cap).filter(|lanes| lanes.remembers()) {
            lanes.remember(s);
        }
    }

    /// The formulas before the softcap, or those after it, of scores of any queries and keys of the head.
    pub fn cells(&self, before_cap: bool, s: &mut [f32]) {
        let all = if before_cap { &self.before_cap } else { &self.after_cap };
        for lanes in all {
            lanes.score_cells(s);
        }
    }

    /// Where all that formulas do to scores is that one of them adds what stands in a table: [`Lanes::bias`].
    pub fn bias(&self) -> Option<(Entries<'_, u32>, u32)> {
        match (&self.before_cap[..], &self.after_cap[..]) {
            ([one], []) | ([], [one]) => one.bias(),
            _ => None,
        }
    }

    /// Mask number `i`, if it is a table: [`Lanes::mask_table`].
    pub fn mask_table(&self, i: usize) -> Option<Entries<'_, u8>> {
        self.masks.get(i)?.mask_table()
    }

    /// 1 where keys `k0..k0 + out.len()` are allowed, 0 where they are not: all masks and-ed, then the rectangles, the last one winning.
    pub fn mask(&mut self, plan: &Plan, k0: usize, out: &mut [u8]) {
        debug_assert_eq!(self.masks.len(), plan.masks.len(), "rules of another plan");
        let Self { masks, scratch, paint, .. } = self;
        match masks.split_first_mut() {
            Some((first, others)) => {
                first.mask_row(k0 as i32, out);
                for lanes in others {
                    let width = scratch.len();
                    for (i, part) in out.chunks_mut(width).enumerate() {
                        let also = &mut scratch[..part.len()];
                        lanes.mask_row((k0 + i * width) as i32, also);
                        for (a, b) in part.iter_mut().zip(also) {
                            *a &= *b;
                        }
                    }
                }
            }
            None => out.fill(1),
        }
        for &(from, to, allow) in &*paint {
            let (from, to) = (from.max(k0), to.min(k0 + out.len()));
            if from < to {
                out[from - k0..to - k0].fill(u8::from(allow));
            }
        }
    }

    /// The probability formula over the weights of keys `k0..k0 + p.len()`, in place. Masked keys are among them: whoever calls keeps their
    /// weight at 0.
    pub fn probability(&mut self, plan: &Plan, k0: usize, p: &mut [f32]) {
        debug_assert_eq!(self.probability.is_some(), plan.probability.is_some(), "rules of another plan");
        if let Some(lanes) = &mut self.probability {
            lanes.score_row(k0 as i32, p);
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
mod tests {
    use super::*;
    use crate::attention::reference::{At, allowed};
    use crate::attention::{Dims, Problem, Term};
    use crate::experiment::Patch;

    #[test]
    fn segments_of_any_width_are_the_cells_one_by_one() {
        let dims = Dims { batch: 2, q_heads: 2, kv_heads: 1, n_q: 9, n_k: 50, d: 4, d_v: 4 };
        let mut problem = Problem::plain(dims);
        problem.offset = vec![3, 20];
        problem.masks = vec![Term::new("mask", "k <= q_pos"), Term::new("mask", "(k + h) % 3 != b")];
        problem.bias_before_cap.push(Term::new("score", "s * 0.5 - q"));
        problem.softcap = Some(3.0);
        problem.bias = vec![Term::new("score", "s + k * 0.25"), Term::new("score", "where(k == 7, -inf, s)")];
        problem.probability = Some(Term::new("prob", "p + 0.125 * (k % 2)"));
        problem.paint = vec![
            Patch { head: None, q: [2, 6], k: [10, 40], allow: true },
            Patch { head: Some(1), q: [3, 4], k: [12, 14], allow: false },
        ];
        let plan = Plan::compile(&problem).unwrap();
        let mut rules = RowRules::new(&plan, 16);
        for (b, h) in [(0, 0), (0, 1), (1, 0), (1, 1)] {
            for q in 0..9 {
                rules.begin_row(&plan, b, h, q);
                for k in [0..50, 0..16, 7..12, 31..50, 49..50, 20..20] {
                    let (mut s, mut p): (Vec<f32>, Vec<f32>) =
                        k.clone().map(|k| (k as f32 * 0.3 - 4.0, k as f32)).unzip();
                    let mut mask = vec![9; k.len()];
                    rules.before_cap(&plan, k.start, &mut s);
                    rules.cap(&plan, &mut s);
                    rules.after_cap(&plan, k.start, &mut s);
                    rules.mask(&plan, k.start, &mut mask);
                    rules.probability(&plan, k.start, &mut p);
                    for (i, k) in k.enumerate() {
                        let mut want = (k as f32 * 0.3 - 4.0) * 0.5 - q as f32;
                        want = 3.0 * (want / 3.0).tanh() + k as f32 * 0.25;
                        assert!(if k == 7 { s[i] == f32::NEG_INFINITY } else { (s[i] - want).abs() < 1e-5 });
                        assert_eq!(mask[i], u8::from(allowed(&plan, At { b, h, q, k })), "{b} {h} {q} {k}");
                        assert_eq!(p[i], k as f32 + 0.125 * (k % 2) as f32);
                    }
                }
            }
        }
    }
}

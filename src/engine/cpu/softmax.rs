//! Softmax over keys that arrive block by block (Milakov and Gimelshein 2018): a running maximum and sum per row, rescaled when the
//! maximum moves.

use super::exp::{Exp, Power, exp1, power1};
use super::gemm::{GROUP, KEYS, PANEL, RowBlock, Step};
use super::kernels::Kernels;
use super::lane::{F32x4, Tier};

/// What a row has seen so far. Generated code reads and writes the first two.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct Running {
    /// Largest score; −∞ until a key is allowed.
    pub max: f32,
    /// `Σ e^(s - max)`.
    pub sum: f32,
    /// `Σ e^(s - max) · (s - max)`, for the entropy.
    pub moment: f32,
    /// First key with the largest score.
    pub peak_at: u32,
}

impl Running {
    /// Before the first key.
    pub const START: Self = Self { max: f32::NEG_INFINITY, sum: 0.0, moment: 0.0, peak_at: u32::MAX };

    /// Maximum and sum of a whole row, which stays as it is.
    pub fn of(kernels: &Kernels, scores: &[Step]) -> Self {
        let mut running = Self::START;
        for (i, part) in scores.chunks(KEYS / PANEL).enumerate() {
            let mut copy = [[0.0; PANEL]; KEYS / PANEL];
            copy[..part.len()].copy_from_slice(part);
            running.take::<false>(kernels, &mut copy[..part.len()], i * KEYS);
        }
        running
    }

    /// Takes the scores of a block whose first key is `k0` and leaves `e^(s - max)` in their place; −∞ gives exactly 0. Returns the factor
    /// for what was added up under the old maximum.
    pub fn take<const STATS: bool>(&mut self, kernels: &Kernels, scores: &mut [Step], k0: usize) -> f32 {
        let largest = largest(scores);
        let mut keep = 1.0;
        if largest > self.max {
            let moved = self.max - largest;
            keep = exp1(moved);
            if STATS {
                let at = scores.as_flattened().iter().position(|&s| s == largest).unwrap_or(0);
                self.peak_at = (k0 + at) as u32;
                // Every term e^x · x under the old maximum becomes e^(x + moved) · (x + moved).
                self.moment = if keep == 0.0 { 0.0 } else { keep * (self.moment + moved * self.sum) };
            }
            self.sum *= keep;
            self.max = largest;
        }
        // A row that has seen only −∞ would give −∞ − −∞ = NaN.
        let max = if self.max == f32::NEG_INFINITY { 0.0 } else { self.max };
        if STATS {
            self.moment += (kernels.moment)(scores, max);
        }
        self.sum += (kernels.weigh)(scores, max);
        keep
    }

    /// Whether no key with a score above −∞ has been seen.
    pub fn nothing(&self) -> bool {
        // The largest score counts 1; NaN is no reason to call a row empty.
        self.sum == 0.0
    }

    /// Log-sum-exp of the scores, with `sink` among them; −∞ for a row with nothing, whatever the sink.
    pub fn lse(&self, sink: Option<f32>) -> f32 {
        if self.nothing() {
            return f32::NEG_INFINITY;
        }
        let keys = self.max + self.sum.ln();
        match sink {
            Some(sink) if sink > f32::NEG_INFINITY => add_logs(keys, sink),
            _ => keys,
        }
    }

    /// Factor on `Σ e^(s - max) · v` that gives the output; 0 for a row with nothing.
    pub fn factor(&self, sink: Option<f32>) -> f32 {
        if self.nothing() {
            return 0.0;
        }
        match sink {
            Some(sink) if sink > self.max => {
                let shrunk = (self.max - sink).exp();
                shrunk / (1.0 + self.sum * shrunk)
            }
            Some(sink) => 1.0 / (self.sum + (sink - self.max).exp()),
            None => 1.0 / self.sum,
        }
    }

    /// Entropy in nats of the weights over their own sum; 0 for a row with nothing.
    pub fn entropy(&self) -> f32 {
        if self.nothing() { 0.0 } else { (self.sum.ln() - self.moment / self.sum).max(0.0) }
    }
}

/// `ln(e^a + e^b)`; NaN stays NaN.
fn add_logs(a: f32, b: f32) -> f32 {
    let (high, low) = if a < b { (b, a) } else { (a, b) };
    high + (low - high).exp().ln_1p()
}

/// [`Running::take`] of the first `panels` panels of some rows, without what statistics need; the factors go to `keep`.
pub fn soften<T: Tier>(s: &mut [RowBlock], panels: usize, running: &mut [Running], keep: &mut [f32; GROUP]) {
    for ((s, running), keep) in s.iter_mut().zip(running).zip(keep) {
        let s = &mut s[..panels];
        let largest = largest(s);
        *keep = 1.0;
        if largest > running.max {
            *keep = power1(running.max - largest);
            running.sum *= *keep;
            running.max = largest;
        }
        // A row that has seen only −∞ would give −∞ − −∞ = NaN.
        let max = if running.max == f32::NEG_INFINITY { 0.0 } else { running.max };
        running.sum += powers::<T>(s, max);
    }
}

/// `e^(s - max)` in place by [`Power`]; returns their sum.
#[inline(never)]
fn powers<T: Tier>(scores: &mut [Step], max: f32) -> f32 {
    T::with(|| {
        let power = Power::new();
        let max = F32x4::splat(max);
        let mut sum = F32x4::splat(0.0);
        for step in scores {
            let (halves, _) = step.as_chunks_mut::<4>();
            for half in halves {
                let p = power.of::<T>(F32x4::load(half).sub(max));
                p.store(half);
                sum = sum.add(p);
            }
        }
        sum.sum()
    })
}

#[inline(always)]
fn vectors(step: &Step) -> (F32x4, F32x4) {
    let (halves, _) = step.as_chunks::<4>();
    (F32x4::load(&halves[0]), F32x4::load(&halves[1]))
}

/// Largest of the scores. With NaN among them any of them will do, or NaN: the row becomes NaN by its sum.
#[inline]
fn largest(scores: &[Step]) -> f32 {
    let mut low = F32x4::splat(f32::NEG_INFINITY);
    let (mut high, mut low2, mut high2) = (low, low, low);
    let (pairs, rest) = scores.as_chunks::<2>();
    for [first, second] in pairs {
        let (a, b) = vectors(first);
        let (c, d) = vectors(second);
        (low, high, low2, high2) = (low.max(a), high.max(b), low2.max(c), high2.max(d));
    }
    for step in rest {
        let (a, b) = vectors(step);
        (low, high) = (low.max(a), high.max(b));
    }
    low.max(low2).max(high.max(high2)).largest()
}

/// `e^(s - max)` in place; returns their sum.
#[inline(never)]
pub fn weigh<T: Tier>(scores: &mut [Step], max: f32) -> f32 {
    T::with(|| {
        let exp = Exp::new();
        let max = F32x4::splat(max);
        let (mut low, mut high) = (F32x4::splat(0.0), F32x4::splat(0.0));
        for step in scores {
            let (halves, _) = step.as_chunks_mut::<4>();
            let a = exp.of::<T>(F32x4::load(&halves[0]).sub(max));
            let b = exp.of::<T>(F32x4::load(&halves[1]).sub(max));
            a.store(&mut halves[0]);
            b.store(&mut halves[1]);
            (low, high) = (low.add(a), high.add(b));
        }
        low.add(high).sum()
    })
}

/// `Σ e^(s - max) · (s - max)`, terms of −∞ left out.
#[inline(never)]
pub fn moment<T: Tier>(scores: &[Step], max: f32) -> f32 {
    T::with(|| {
        let exp = Exp::new();
        let max = F32x4::splat(max);
        let floor = F32x4::splat(f32::MIN);
        let mut total = F32x4::splat(0.0);
        for step in scores {
            let (a, b) = vectors(step);
            for s in [a, b] {
                // e^x is 0 long before x reaches the floor; without it 0 · −∞ would be NaN.
                let x = floor.max(s.sub(max));
                total = T::mul_add(exp.of::<T>(x), x, total);
            }
        }
        total.sum()
    })
}

/// `1 / (1 + e^-(s + bias))` in place; −∞ gives exactly 0.
#[inline(never)]
pub fn sigmoid<T: Tier>(scores: &mut [Step], bias: f32) {
    T::with(|| {
        let exp = Exp::new();
        let (bias, one, zero) = (F32x4::splat(bias), F32x4::splat(1.0), F32x4::splat(0.0));
        for step in scores {
            let (halves, _) = step.as_chunks_mut::<4>();
            for half in halves {
                let x = F32x4::load(half).add(bias);
                // e^-|x| never overflows; of its two uses the sign decides.
                let e = exp.of::<T>(zero.sub(x.abs()));
                one.where_not_negative(x, e).div(one.add(e)).store(half);
            }
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const NONE: f32 = f32::NEG_INFINITY;

    fn check(scores: &[Step], sink: Option<f32>) {
        let all: Vec<f64> = scores.as_flattened().iter().map(|&s| f64::from(s)).collect();
        let sinks = sink.map_or(0.0, |s| f64::from(s).exp());
        let keys: f64 = all.iter().map(|s| s.exp()).sum();
        let (mut running, mut kept) = (Running::START, 0.0_f64);
        for (i, step) in scores.chunks(2).enumerate() {
            let mut block = step.to_vec();
            let keep = running.take::<true>(&Kernels::SEPARATE, &mut block, i * 2 * PANEL);
            // Weighted by the key itself: V of one column.
            kept *= f64::from(keep);
            kept +=
                block.as_flattened().iter().enumerate().map(|(j, &p)| f64::from(p) * (i * 16 + j) as f64).sum::<f64>();
        }
        let near =
            |got: f32, want: f64| assert!((f64::from(got) - want).abs() < 1e-5 * (1.0 + want.abs()), "{got} {want}");
        if keys == 0.0 {
            assert!(running.nothing());
            assert_eq!(
                (running.lse(sink), running.factor(sink), running.entropy(), running.peak_at),
                (NONE, 0.0, 0.0, u32::MAX)
            );
            return;
        }
        near(running.lse(sink), (keys + sinks).ln());
        near(
            (kept * f64::from(running.factor(sink))) as f32,
            all.iter().enumerate().map(|(k, s)| s.exp() * k as f64).sum::<f64>() / (keys + sinks),
        );
        near(
            running.entropy(),
            all.iter().filter(|s| s.is_finite()).map(|s| -(s.exp() / keys) * (s.exp() / keys).ln()).sum(),
        );
        let first = all.iter().position(|&s| s == all.iter().copied().fold(f64::NEG_INFINITY, f64::max));
        assert_eq!(first, Some(running.peak_at as usize));
    }

    #[test]
    fn blocks_give_what_a_whole_row_gives() {
        for seed in 0..50_u32 {
            let mut scores = [[0.0; PANEL]; 7];
            for (i, s) in scores.as_flattened_mut().iter_mut().enumerate() {
                let x = (i as u32 + seed * 977).wrapping_mul(2_654_435_761) >> 8;
                *s =
                    if x.is_multiple_of(5) || (seed.is_multiple_of(7) && i < 20) { NONE } else { x as f32 / 1e6 - 8.0 };
            }
            for sink in [None, Some(0.0), Some(12.0), Some(NONE)] {
                check(&scores, sink);
            }
        }
        check(&[[NONE; PANEL]; 3], Some(1.0));
        check(&[[NONE; PANEL]; 3], None);
    }

    #[test]
    fn nan_spoils_its_row_and_is_no_empty_row() {
        let mut running = Running::START;
        running.take::<false>(&Kernels::SEPARATE, &mut [[f32::NAN; PANEL]; 1], 0);
        assert!(!running.nothing() && running.lse(None).is_nan() && running.factor(None).is_nan());
    }

    #[test]
    fn sigmoid_is_the_logistic_function_at_both_ends() {
        let mut s = [[-200.0, -3.0, -0.5, 0.0, 0.5, 3.0, 200.0, NONE]];
        let want = s[0].map(|s| 1.0 / (1.0 + (1.0 - f64::from(s)).exp()));
        sigmoid::<super::super::lane::Separate>(&mut s, -1.0);
        for (got, want) in s[0].iter().zip(want) {
            assert!((f64::from(*got) - want).abs() < 1e-6, "{got} {want}");
        }
        assert_eq!(s[0][7], 0.0);
    }
}

//! Weights and derivatives by the scores, where nothing but a softcap stands between scores and an exponential: in one pass over both products.

use super::super::exp::Exp;
use super::super::gemm::{GROUP, RowBlock};
use super::super::lane::{F32x4, Tier};

/// In `panels` panels of some rows: `p = e^(s - lse)` in place of the masked scores `s`, and in place of `dp` what is derived by the scores before a cap,
/// `p · (dp - delta) · (1 - (s / cap)²)`; the last factor is 1 without a cap. `of` are `lse` and `delta` of the rows. A score of −∞ gives 0 twice; so does a row whose
/// `lse` is ∞.
pub fn settle<T: Tier>(
    s: &mut [RowBlock],
    dp: &mut [RowBlock],
    panels: usize,
    of: &[[f32; 2]; GROUP],
    cap: Option<f32>,
) {
    T::with(|| {
        let exp = Exp::new();
        let (inverse, one) = (F32x4::splat(cap.map_or(0.0, |cap| 1.0 / cap)), F32x4::splat(1.0));
        for ((s, dp), [lse, delta]) in s.iter_mut().zip(dp).zip(of) {
            let (lse, delta) = (F32x4::splat(*lse), F32x4::splat(*delta));
            let halves = s[..panels].as_flattened_mut().as_chunks_mut::<4>().0;
            for (s, dp) in halves.iter_mut().zip(dp.as_flattened_mut().as_chunks_mut::<4>().0) {
                let score = F32x4::load(s);
                let (p, tanh) = (exp.of::<T>(score.sub(lse)), score.mul(inverse));
                // Of −∞ it is −∞ or NaN, and 0 here.
                let slope = one.sub(tanh.mul(tanh)).positive();
                p.store(s);
                p.mul(F32x4::load(dp).sub(delta)).mul(slope).store(dp);
            }
        }
    })
}

#[cfg(test)]
mod tests {
    use super::super::super::gemm::{KEYS, PANEL};
    use super::super::super::lane::{Fused, Separate};
    use super::*;

    #[test]
    fn it_is_the_derivative_of_the_softmax_and_of_the_cap() {
        let number = |seed: usize| ((seed * 7919) % 1000) as f32 * 0.004 - 2.0;
        let rows: [RowBlock; 2] =
            std::array::from_fn(|r| std::array::from_fn(|i| std::array::from_fn(|j| number(r * 100 + i * 8 + j))));
        let of = std::array::from_fn(|r| [4.0 + r as f32, 0.25 - r as f32]);
        for (cap, panels) in [(None, KEYS / PANEL), (Some(5.0_f32), 3)] {
            for settle in [settle::<Separate>, settle::<Fused>] {
                let (mut s, mut dp) = (rows, rows);
                (s[0][1][2], s[1][0][0]) = (f32::NEG_INFINITY, f32::NEG_INFINITY);
                let before = s;
                settle(&mut s, &mut dp, panels, &of, cap);
                for (r, i) in (0..2).flat_map(|r| (0..KEYS).map(move |i| (r, i))) {
                    let [x, by] = [before, rows].map(|of| f64::from(of[r].as_flattened()[i]));
                    let [lse, delta] = of[r].map(f64::from);
                    let p = (x - lse).exp();
                    let slope = cap.map_or(1.0, |cap| 1.0 - (x / f64::from(cap)).powi(2));
                    let want = if i >= panels * PANEL {
                        [x, by]
                    } else if p == 0.0 {
                        [0.0, 0.0]
                    } else {
                        [p, p * (by - delta) * slope]
                    };
                    let got = [s, dp].map(|of| f64::from(of[r].as_flattened()[i]));
                    for (got, want) in got.iter().zip(want) {
                        assert!(
                            *got == want || (got - want).abs() <= 1e-6 * want.abs().max(1e-3),
                            "{r} {i}: {got} {want}"
                        );
                    }
                }
            }
        }
        let (mut s, mut dp) = (rows, rows);
        settle::<Separate>(&mut s, &mut dp, 1, &[[f32::INFINITY, 0.0]; GROUP], None);
        assert!(s[0][0].iter().chain(&dp[1][0]).all(|x| *x == 0.0));
    }
}

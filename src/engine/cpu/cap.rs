//! The softcap, `c · tanh(s / c)`, four scores at a time.

use super::gemm::Step;
use super::lane::{F32x4, Tier};
use super::shared::{TANH_END, TANH_EVEN, TANH_ODD};

/// `cap · tanh(s / cap)` in place; NaN stays NaN.
#[inline(never)]
pub fn cap<T: Tier>(scores: &mut [Step], cap: f32) {
    T::with(|| {
        let (inverse, cap) = (F32x4::splat(1.0 / cap), F32x4::splat(cap));
        let (zero, end) = (F32x4::splat(0.0), F32x4::splat(-TANH_END));
        for half in scores.as_flattened_mut().as_chunks_mut::<4>().0 {
            // The larger of both is the one operation that keeps NaN; the second time with signs changed.
            let x = F32x4::load(half).mul(inverse).max(end);
            let x = zero.sub(zero.sub(x).max(end));
            let square = x.mul(x);
            let mut odd = F32x4::splat(TANH_ODD[0]);
            for factor in &TANH_ODD[1..] {
                odd = T::mul_add(odd, square, F32x4::splat(*factor));
            }
            let mut even = F32x4::splat(TANH_EVEN[0]);
            for factor in &TANH_EVEN[1..] {
                even = T::mul_add(even, square, F32x4::splat(*factor));
            }
            cap.mul(x.mul(odd).div(even)).store(half);
        }
    })
}

#[cfg(test)]
mod tests {
    use super::super::gemm::PANEL;
    use super::super::lane::{Fused, Separate};
    use super::*;

    #[test]
    fn it_is_the_hyperbolic_tangent_everywhere() {
        for (i, factor) in (0..4000).map(|i| (i, 0.005 * f32::from(i as i16 - 2000))) {
            for cap_at in [1.0, 30.0] {
                let s = cap_at * factor;
                let want = f64::from(cap_at) * (f64::from(s) / f64::from(cap_at)).tanh();
                for cap in [cap::<Separate>, cap::<Fused>] {
                    let mut scores = [[s; PANEL]; 1];
                    cap(&mut scores, cap_at);
                    let off = (f64::from(scores[0][i % PANEL]) - want).abs();
                    assert!(off <= 6e-7 * want.abs(), "{s} {want} {off}");
                }
            }
        }
    }

    #[test]
    fn ends_and_nan_are_kept() {
        let mut scores = [[f32::INFINITY, f32::NEG_INFINITY, f32::NAN, 1e30, -1e30, 0.0, -0.0, 1e-30]];
        cap::<Separate>(&mut scores, 2.0);
        let [[a, b, nan, c, d, zero, minus, small]] = scores;
        assert!([a - 2.0, b + 2.0, c - 2.0, d + 2.0].iter().all(|off| off.abs() < 1e-6) && nan.is_nan());
        assert!(zero == 0.0 && minus == 0.0 && (small - 1e-30).abs() < 1e-36);
    }
}

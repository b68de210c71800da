//! e^x four at a time.

use std::hint::black_box;

use super::lane::{F32x4, Separate, Tier};
use super::shared::{FLUSH, FLUSH_POWER, LN2_HIGH, LN2_LOW, POLY, POWER_POLY, ROUND, ROUND_POWER};

/// Constants of [`Exp::of`] in registers or on the stack. As literals a browser's compiler would build each of them anew, from scalar moves,
/// at every use in a loop.
#[derive(Clone, Copy)]
pub struct Exp {
    log2_e: F32x4,
    round: F32x4,
    ln2_high: F32x4,
    ln2_low: F32x4,
    /// From the sixth degree down to the second.
    poly: [F32x4; 5],
    one: F32x4,
    flush: F32x4,
}

impl Exp {
    /// Loads the constants: once before a loop.
    #[inline(always)]
    pub fn new() -> Self {
        let splat = |x| F32x4::splat(black_box(x));
        Self {
            log2_e: splat(core::f32::consts::LOG2_E),
            round: splat(ROUND),
            ln2_high: splat(-LN2_HIGH),
            ln2_low: splat(-LN2_LOW),
            poly: POLY.map(splat),
            one: splat(1.0),
            flush: splat(FLUSH),
        }
    }

    /// `e^x` for x up to 88; 0 for `x <= FLUSH` (−∞ included); NaN stays NaN. At most 2 units in the last place off where it is not flushed.
    ///
    /// `x = n·ln 2 + f` with `|f| <= ln 2 / 2`; `e^f` by a polynomial of degree 6 (1e-8 off before rounding), times `2^n`.
    #[inline(always)]
    pub fn of<T: Tier>(&self, x: F32x4) -> F32x4 {
        let rounded = T::mul_add(x, self.log2_e, self.round);
        let n = rounded.sub(self.round);
        let f = T::mul_add(n, self.ln2_high, x);
        let f = T::mul_add(n, self.ln2_low, f);
        let p = self.poly[0];
        let p = T::mul_add(p, f, self.poly[1]);
        let p = T::mul_add(p, f, self.poly[2]);
        let p = T::mul_add(p, f, self.poly[3]);
        let p = T::mul_add(p, f, self.poly[4]);
        let p = T::mul_add(p, f, self.one);
        let p = T::mul_add(p, f, self.one);
        p.mul(rounded.exponent_from_low_bits()).zero_where_le(x, self.flush)
    }
}

/// The softmax's exponential, as a power of two: constants of [`Power::of`], as in [`Exp`].
#[derive(Clone, Copy)]
pub struct Power {
    log2_e: F32x4,
    round: F32x4,
    /// From the fifth degree down to the constant.
    poly: [F32x4; 6],
    flush: F32x4,
}

impl Power {
    /// Loads the constants: once before a loop.
    #[inline(always)]
    pub fn new() -> Self {
        let splat = |x| F32x4::splat(black_box(x));
        Self {
            log2_e: splat(core::f32::consts::LOG2_E),
            round: splat(ROUND_POWER),
            poly: POWER_POLY.map(splat),
            flush: splat(FLUSH_POWER),
        }
    }

    /// `e^x` for x up to 0; 0 for x below about [`FLUSH`] (−∞ included); NaN stays NaN. At most 4 units in the last place off down to -1, and 7.5e-8 times |x| more below: by so much log2 e
    /// and the product with it are rounded.
    ///
    /// Two instructions fewer than [`Exp::of`], and half as many multiplications: what is left of the exponent needs no ln 2 in two parts, and a clamp takes the place of a mask.
    #[inline(always)]
    pub fn of<T: Tier>(&self, x: F32x4) -> F32x4 {
        let x = x.mul(self.log2_e).max(self.flush);
        let rounded = x.add(self.round);
        let f = x.sub(rounded.sub(self.round));
        let p = self.poly[0];
        let p = T::mul_add(p, f, self.poly[1]);
        let p = T::mul_add(p, f, self.poly[2]);
        let p = T::mul_add(p, f, self.poly[3]);
        let p = T::mul_add(p, f, self.poly[4]);
        let p = T::mul_add(p, f, self.poly[5]);
        p.mul(rounded.exponent_from_low_bits())
    }
}

/// [`Power::of`] one number.
#[inline]
pub fn power1(x: f32) -> f32 {
    Power::new().of::<Separate>(F32x4::splat(x)).to_array()[0]
}

/// [`Exp::of`] one number.
#[inline]
pub fn exp1(x: f32) -> f32 {
    Exp::new().of::<Separate>(F32x4::splat(x)).to_array()[0]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_units_in_the_last_place() {
        let (mut worst, mut at) = (0.0_f64, 0.0);
        let mut x = FLUSH + 1e-3;
        while x < 88.0 {
            let want = f64::from(x).exp();
            let unit = f64::from(f32::from_bits((want as f32).to_bits() + 1)) - f64::from(want as f32);
            let off = (f64::from(exp1(x)) - want).abs() / unit;
            if off > worst {
                (worst, at) = (off, x);
            }
            x += 7.3e-5;
        }
        assert!(worst <= 2.0, "{worst} units at {at}");
        assert!(worst > 0.4, "measured against itself?");
    }

    #[test]
    fn powers_are_as_exact_as_is_said() {
        let (mut worst, mut at, mut furthest) = (0.0_f64, 0.0, 0.0_f64);
        let mut x = FLUSH + 0.5;
        while x <= 0.0 {
            let want = f64::from(x).exp();
            let unit = f64::from(f32::from_bits((want as f32).to_bits() + 1)) - f64::from(want as f32);
            let off = (f64::from(power1(x)) - want).abs();
            if x >= -1.0 && off / unit > worst {
                (worst, at) = (off / unit, x);
            }
            furthest = furthest.max(off - 7.5e-8 * f64::from(x.abs()) * want - 4.0 * unit);
            x += 7.3e-5;
        }
        assert!(worst <= 4.0 && furthest <= 0.0, "{worst} units at {at}, {furthest} beyond");
        assert!(worst > 0.4, "measured against itself?");
    }

    #[test]
    fn edges_of_powers() {
        assert_eq!(power1(0.0), 1.0);
        assert_eq!(power1(f32::NEG_INFINITY), 0.0);
        assert_eq!(power1(-1e30), 0.0);
        assert_eq!(power1(FLUSH - 0.4), 0.0);
        assert!(power1(FLUSH + 0.1) > 1e-30);
        assert!(power1(f32::NAN).is_nan());
    }

    #[test]
    fn edges() {
        assert_eq!(exp1(0.0), 1.0);
        assert_eq!(exp1(f32::NEG_INFINITY), 0.0);
        assert_eq!(exp1(-1e30), 0.0);
        assert_eq!(exp1(FLUSH), 0.0);
        assert!(exp1(FLUSH + 0.01) > 1e-30);
        assert!(exp1(f32::NAN).is_nan());
    }
}

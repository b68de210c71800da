//! Floats over a rectangle: an interval and whether NaN is possible.
//!
//! IEEE rounding is monotone, so the corners of `+ - * / sqrt` are exact bounds. Library functions are only nearly
//! monotone; their results are widened outward.

use super::Ints;
use super::truth::{Hull, Truth};

/// What is known about a float. 0.0 stands for both zeros.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Floats {
    /// It is at least this, unless it is NaN.
    pub low: f32,
    /// It is at most this, unless it is NaN.
    pub high: f32,
    /// It may be NaN.
    pub nan: bool,
}

const INF: f32 = f32::INFINITY;

impl Floats {
    /// Nothing known.
    pub const ANY: Floats = Floats { low: -INF, high: INF, nan: true };

    /// One value.
    pub fn constant(v: f32) -> Self {
        if v.is_nan() { Self::ANY } else { Floats { low: v, high: v, nan: false } }
    }

    /// All values from `low` to `high`; nothing known if an end is NaN.
    pub fn range(low: f32, high: f32, nan: bool) -> Self {
        if low <= high { Floats { low, high, nan } } else { Self::ANY }
    }

    /// Moves the ends outward by more than a library function may be off.
    fn widened(self) -> Self {
        let outward = |v: f32| v.abs() * 1e-5 + 1e-30;
        Self::range(self.low - outward(self.low), self.high + outward(self.high), self.nan)
    }

    fn infinite(self) -> bool {
        self.low == -INF || self.high == INF
    }

    fn has_zero(self) -> bool {
        self.low <= 0.0 && self.high >= 0.0
    }

    fn corners(self, b: Self, nan: bool, f: fn(f32, f32) -> f32) -> Self {
        let corners = [f(self.low, b.low), f(self.low, b.high), f(self.high, b.low), f(self.high, b.high)];
        if corners.iter().any(|c| c.is_nan()) {
            return Self::ANY;
        }
        Self::range(
            corners.iter().copied().fold(INF, f32::min),
            corners.iter().copied().fold(-INF, f32::max),
            self.nan || b.nan || nan,
        )
    }

    /// What both sources of knowledge say together.
    pub fn meet(self, b: Self) -> Self {
        let (low, high) = (self.low.max(b.low), self.high.min(b.high));
        if low <= high { Floats { low, high, nan: self.nan && b.nan } } else { self }
    }

    pub fn add(self, b: Self) -> Self {
        self.corners(b, self.infinite() && b.infinite(), |x, y| x + y)
    }

    pub fn neg(self) -> Self {
        Floats { low: -self.high, high: -self.low, nan: self.nan }
    }

    pub fn sub(self, b: Self) -> Self {
        self.corners(b, self.infinite() && b.infinite(), |x, y| x - y)
    }

    pub fn mul(self, b: Self) -> Self {
        let nan = (self.has_zero() && b.infinite()) || (self.infinite() && b.has_zero());
        self.corners(b, nan, |x, y| x * y)
    }

    pub fn div(self, b: Self) -> Self {
        if b.has_zero() { Self::ANY } else { self.corners(b, self.infinite() && b.infinite(), |x, y| x / y) }
    }

    pub fn floor_div(self, b: Self) -> Self {
        let quotient = self.div(b);
        Self::range(quotient.low.floor(), quotient.high.floor(), quotient.nan)
    }

    /// Rounding of the product can carry the remainder past either end, so nothing is claimed.
    pub fn floor_mod(self, _: Self) -> Self {
        Self::ANY
    }

    pub fn abs(self) -> Self {
        if self.low >= 0.0 {
            self
        } else if self.high <= 0.0 {
            self.neg()
        } else {
            Self::range(0.0, self.high.max(-self.low), self.nan)
        }
    }

    /// Python's `min`: NaN on the left stays, NaN on the right loses.
    pub fn min(self, b: Self) -> Self {
        let high = if b.nan { self.high } else { self.high.min(b.high) };
        Self::range(self.low.min(b.low), high, self.nan)
    }

    /// Python's `max`: NaN on the left stays, NaN on the right loses.
    pub fn max(self, b: Self) -> Self {
        let low = if b.nan { self.low } else { self.low.max(b.low) };
        Self::range(low, self.high.max(b.high), self.nan)
    }

    pub fn sign(self) -> Self {
        let sign = |v: f32| f32::from(v > 0.0) - f32::from(v < 0.0);
        let (low, high) = (sign(self.low), sign(self.high));
        if self.nan { Self::range(low.min(0.0), high.max(0.0), false) } else { Self::range(low, high, false) }
    }

    /// A function that rises everywhere, exactly rounded or not, with results within `least..=most`.
    fn rising(self, f: fn(f32) -> f32, least: f32, most: f32) -> Self {
        let wide = Self::range(f(self.low), f(self.high), self.nan).widened();
        Self::range(wide.low.max(least), wide.high.min(most), wide.nan)
    }

    pub fn sqrt(self) -> Self {
        Self::range(self.low.max(0.0).sqrt(), self.high.max(0.0).sqrt(), self.nan || self.low < 0.0)
    }

    pub fn exp(self) -> Self {
        self.rising(f32::exp, 0.0, INF)
    }

    pub fn log(self) -> Self {
        let clipped = Self::range(self.low.max(0.0), self.high.max(0.0), self.nan || self.low < 0.0);
        clipped.rising(f32::ln, -INF, INF)
    }

    pub fn log2(self) -> Self {
        let clipped = Self::range(self.low.max(0.0), self.high.max(0.0), self.nan || self.low < 0.0);
        clipped.rising(f32::log2, -INF, INF)
    }

    pub fn tanh(self) -> Self {
        self.rising(f32::tanh, -INF, INF)
    }

    pub fn sigmoid(self) -> Self {
        self.rising(crate::formula::table::scalar::sigmoid, -INF, INF)
    }

    pub fn wave(self) -> Self {
        Self::range(-1.0, 1.0, self.nan || self.infinite()).widened()
    }

    pub fn pow(self, b: Self) -> Self {
        // For positive finite bases it rises or falls in each argument, so the corners hold the ends.
        if self.low > 0.0 && !self.infinite() && !b.infinite() {
            self.corners(b, false, f32::powf).widened()
        } else {
            Self::ANY
        }
    }

    /// The nearest float: rounding an integer is monotone.
    pub fn from_ints(i: Ints) -> Self {
        Self::range(i.low as i32 as f32, i.high as i32 as f32, false)
    }

    /// A rounding to whole numbers: monotone, saturating; NaN gives 0.
    pub fn to_ints(self, round: fn(f32) -> f32) -> Ints {
        let (low, high) = (i64::from(round(self.low) as i32), i64::from(round(self.high) as i32));
        if self.nan { Ints::range(low.min(0), high.max(0)) } else { Ints::range(low, high) }
    }

    pub fn less(self, b: Self) -> Truth {
        Truth::decide(self.high < b.low && !self.nan && !b.nan, self.low >= b.high)
    }

    pub fn less_equal(self, b: Self) -> Truth {
        Truth::decide(self.high <= b.low && !self.nan && !b.nan, self.low > b.high)
    }

    pub fn equal(self, b: Self) -> Truth {
        let same = self.low == self.high && self.low == b.low && b.low == b.high && !self.nan && !b.nan;
        Truth::decide(same, self.high < b.low || b.high < self.low)
    }
}

impl Hull for Floats {
    fn hull(self, b: Self) -> Self {
        Floats { low: self.low.min(b.low), high: self.high.max(b.high), nan: self.nan || b.nan }
    }
}

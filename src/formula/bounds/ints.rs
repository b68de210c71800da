//! Integers over a rectangle: an interval, known bits and a congruence at once.
//!
//! Intervals run in i64. Where a result could leave i32 the operation gives up: it never describes a wrapped value.

use super::truth::{Hull, Truth};

/// What is known about an integer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Ints {
    /// It is at least this; within i32.
    pub low: i64,
    /// It is at most this; within i32.
    pub high: i64,
    /// Bits known to be 0.
    pub zeros: u32,
    /// Bits known to be 1.
    pub ones: u32,
    /// It is `rest` modulo `step`; `step` 0 means it is `rest` exactly, 1 says nothing.
    pub step: i64,
    /// The remainder, `0 <= rest < step` unless `step` is 0.
    pub rest: i64,
}

const MIN: i64 = i32::MIN as i64;
const MAX: i64 = i32::MAX as i64;

fn gcd(mut a: i64, mut b: i64) -> i64 {
    while b != 0 {
        (a, b) = (b, a % b);
    }
    a.abs()
}

impl Ints {
    /// Nothing known.
    pub const ANY: Ints = Ints { low: MIN, high: MAX, zeros: 0, ones: 0, step: 1, rest: 0 };

    /// One value.
    pub fn constant(value: i32) -> Self {
        let (v, bits) = (i64::from(value), value as u32);
        Ints { low: v, high: v, zeros: !bits, ones: bits, step: 0, rest: v }
    }

    /// All values from `low` to `high`; nothing known if that leaves i32.
    pub fn range(low: i64, high: i64) -> Self {
        Ints { low, high, ..Self::ANY }.checked()
    }

    fn with(low: i64, high: i64, step: i64, rest: i64) -> Self {
        let rest = if step == 0 { rest } else { rest.rem_euclid(step) };
        Ints { low, high, zeros: 0, ones: 0, step, rest }.checked()
    }

    fn from_bits(zeros: u32, ones: u32) -> Self {
        Ints { zeros, ones, ..Self::ANY }.checked()
    }

    /// Nothing known if the interval leaves i32; otherwise lets the three kinds of knowledge sharpen each other.
    fn checked(self) -> Self {
        if self.low < MIN || self.high > MAX || self.low > self.high { Self::ANY } else { self.sharpened() }
    }

    fn sharpened(self) -> Self {
        let mut s = self;
        if s.low == s.high {
            return Self::constant(s.low as i32);
        }
        // The bits above the highest one in which the ends differ are shared by everything between.
        let differ = (s.low as i32 ^ s.high as i32) as u32;
        let shared = if differ == 0 { !0 } else { !(u32::MAX >> differ.leading_zeros()) };
        s.ones |= s.low as u32 & shared;
        s.zeros |= !(s.low as u32) & shared;
        // A congruence fixes as many low bits as its step has factors of two, and known low bits are a congruence.
        if s.step > 1 {
            let low_bits = ((1u64 << s.step.trailing_zeros().min(31)) - 1) as u32;
            s.ones |= s.rest as u32 & low_bits;
            s.zeros |= !(s.rest as u32) & low_bits;
        }
        let known_low = (s.zeros | s.ones).trailing_ones().min(30);
        let power = 1i64 << known_low;
        if power > s.step {
            s.step = power;
            s.rest = i64::from(s.ones) & (power - 1);
        }
        // Bits bound the interval: the least value has every unknown bit 0 (but the sign 1), the greatest the reverse.
        let sign = 1 << 31;
        s.low = s.low.max(i64::from((s.ones | (sign & !s.zeros)) as i32));
        s.high = s.high.min(i64::from((!s.zeros & !(sign & !s.ones)) as i32));
        if s.step > 1 {
            s.low += (s.rest - s.low).rem_euclid(s.step);
            s.high -= (s.high - s.rest).rem_euclid(s.step);
        }
        // Nothing satisfies everything at once: only reached for code that never runs, where any answer holds.
        if s.low > s.high || s.zeros & s.ones != 0 {
            return Self::ANY;
        }
        if s.low == s.high { Self::constant(s.low as i32) } else { s }
    }

    /// What is known when any of several values is taken.
    pub fn of(mut values: impl Iterator<Item = i32>) -> Self {
        let Some(first) = values.next() else { return Self::ANY };
        let mut known = Self::constant(first);
        for v in values {
            known.low = known.low.min(i64::from(v));
            known.high = known.high.max(i64::from(v));
            known.ones &= v as u32;
            known.zeros &= !(v as u32);
            if known.step != 1 {
                known.step = gcd(known.step, i64::from(v) - i64::from(first));
            }
        }
        if known.step != 0 {
            known.rest = known.rest.rem_euclid(known.step);
        }
        known.checked()
    }

    /// What both sources of knowledge say together.
    pub fn meet(self, other: Self) -> Self {
        let (step, rest) = if self.step == 0 || (other.step != 0 && self.step >= other.step) {
            (self.step, self.rest)
        } else {
            (other.step, other.rest)
        };
        let both = Ints {
            low: self.low.max(other.low),
            high: self.high.min(other.high),
            zeros: self.zeros | other.zeros,
            ones: self.ones | other.ones,
            step,
            rest,
        };
        if both.low > both.high { self } else { both.sharpened() }
    }

    pub fn add(self, b: Self) -> Self {
        Self::with(self.low + b.low, self.high + b.high, gcd(self.step, b.step), self.rest + b.rest)
    }

    pub fn neg(self) -> Self {
        Self::with(-self.high, -self.low, self.step, -self.rest)
    }

    pub fn sub(self, b: Self) -> Self {
        Self::with(self.low - b.high, self.high - b.low, gcd(self.step, b.step), self.rest - b.rest)
    }

    pub fn mul(self, b: Self) -> Self {
        let corners = [self.low * b.low, self.low * b.high, self.high * b.low, self.high * b.high];
        let (low, high) = ends(corners);
        // Products of steps stay within i64: both factors are at most 2^32.
        let step = gcd(
            gcd(self.step.saturating_mul(b.step), self.step.saturating_mul(b.rest)),
            b.step.saturating_mul(self.rest),
        );
        let small = self.step < 1 << 31 && b.step < 1 << 31;
        if small { Self::with(low, high, step, self.rest * b.rest) } else { Self::range(low, high) }
    }

    /// `~x = -x - 1`.
    pub fn invert(self) -> Self {
        let mut flipped = Self::with(-self.high - 1, -self.low - 1, self.step, -self.rest - 1);
        (flipped.zeros, flipped.ones) = (flipped.zeros | self.ones, flipped.ones | self.zeros);
        flipped.sharpened()
    }

    pub fn abs(self) -> Self {
        if self.low >= 0 {
            self
        } else if self.high <= 0 {
            self.neg()
        } else {
            Self::range(0, self.high.max(-self.low))
        }
    }

    pub fn floor_div(self, b: Self) -> Self {
        if b.low == b.high && b.low > 0 {
            let d = b.low;
            let (low, high) = (self.low.div_euclid(d), self.high.div_euclid(d));
            // m t + r divided by d, where d divides m.
            return if self.step > 1 && self.step % d == 0 {
                Self::with(low, high, self.step / d, self.rest.div_euclid(d))
            } else {
                Self::range(low, high)
            };
        }
        let mut parts: Option<Self> = None;
        let mut cover = |part: Self| parts = Some(parts.map_or(part, |p| p.hull(part)));
        if b.low <= 0 && b.high >= 0 {
            cover(Self::constant(0));
        }
        for (from, to) in [(b.low, b.high.min(-1)), (b.low.max(1), b.high)] {
            if from <= to {
                let floor = |x: i64, d: i64| x.div_euclid(d) - i64::from(d < 0 && x.rem_euclid(d) != 0);
                let corners =
                    [floor(self.low, from), floor(self.low, to), floor(self.high, from), floor(self.high, to)];
                let (low, high) = ends(corners);
                cover(Self::range(low, high));
            }
        }
        parts.unwrap_or(Self::ANY)
    }

    pub fn floor_mod(self, b: Self) -> Self {
        if b.low == b.high && b.low > 0 {
            let d = b.low;
            let (first, last) = (self.low.div_euclid(d), self.high.div_euclid(d));
            return if first == last {
                Self::with(self.low - first * d, self.high - first * d, self.step, self.rest - first * d)
            } else {
                Self::with(0, d - 1, gcd(self.step, d), self.rest)
            };
        }
        if b.low > 0 && self.low >= 0 && self.high < b.low {
            return self;
        }
        Self::range((b.low + 1).min(0), (b.high - 1).max(0))
    }

    pub fn and(self, b: Self) -> Self {
        let bits = Self::from_bits(self.zeros | b.zeros, self.ones & b.ones);
        let cap = match (self.low >= 0, b.low >= 0) {
            (true, true) => self.high.min(b.high),
            (true, false) => self.high,
            (false, true) => b.high,
            (false, false) => return bits,
        };
        bits.meet(Self::range(0, cap))
    }

    pub fn or(self, b: Self) -> Self {
        let bits = Self::from_bits(self.zeros & b.zeros, self.ones | b.ones);
        if self.low >= 0 && b.low >= 0 { bits.meet(Self::range(self.low.max(b.low), MAX)) } else { bits }
    }

    pub fn xor(self, b: Self) -> Self {
        let known = (self.zeros | self.ones) & (b.zeros | b.ones);
        let value = self.ones ^ b.ones;
        Self::from_bits(known & !value, known & value)
    }

    /// `x << s`, where `s` is taken modulo 32.
    pub fn shift_left(self, s: Self) -> Self {
        if s.low < 0 || s.high > 30 {
            return Self::ANY;
        }
        let corners = [self.low << s.low, self.low << s.high, self.high << s.low, self.high << s.high];
        let (low, high) = ends(corners);
        if s.low == s.high { self.mul(Self::constant(1 << s.low)) } else { Self::range(low, high) }
    }

    /// `x >> s`, arithmetic, where `s` is taken modulo 32.
    pub fn shift_right(self, s: Self) -> Self {
        if s.low < 0 || s.high > 31 {
            return Self::range(self.low.min(0), self.high.max(0));
        }
        let corners = [self.low >> s.low, self.low >> s.high, self.high >> s.low, self.high >> s.high];
        let (low, high) = ends(corners);
        if s.low == s.high && s.low < 31 { self.floor_div(Self::constant(1 << s.low)) } else { Self::range(low, high) }
    }

    pub fn min(self, b: Self) -> Self {
        let hull = self.hull(b);
        Ints { low: self.low.min(b.low), high: self.high.min(b.high), ..hull }.checked()
    }

    pub fn max(self, b: Self) -> Self {
        let hull = self.hull(b);
        Ints { low: self.low.max(b.low), high: self.high.max(b.high), ..hull }.checked()
    }

    pub fn sign(self) -> Self {
        Self::range(self.low.signum(), self.high.signum())
    }

    pub fn less(self, b: Self) -> Truth {
        Truth::decide(self.high < b.low, self.low >= b.high)
    }

    pub fn equal(self, b: Self) -> Truth {
        let step = gcd(self.step, b.step);
        let apart = self.high < b.low
            || b.high < self.low
            || self.ones & b.zeros != 0
            || self.zeros & b.ones != 0
            || (step > 1 && (self.rest - b.rest) % step != 0);
        Truth::decide(self.low == self.high && self.low == b.low && b.low == b.high, apart)
    }
}

fn ends(corners: [i64; 4]) -> (i64, i64) {
    corners.iter().fold((i64::MAX, i64::MIN), |(low, high), &c| (low.min(c), high.max(c)))
}

impl Hull for Ints {
    fn hull(self, b: Self) -> Self {
        let step = gcd(gcd(self.step, b.step), self.rest - b.rest);
        Ints {
            low: self.low.min(b.low),
            high: self.high.max(b.high),
            zeros: self.zeros & b.zeros,
            ones: self.ones & b.ones,
            step,
            rest: if step == 0 { self.rest } else { self.rest.rem_euclid(step) },
        }
        .checked()
    }
}

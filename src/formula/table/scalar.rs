//! The scalar meaning of the operators and functions whose meaning is not one obvious line.
//!
//! Every evaluator calls exactly these, so their results agree bit for bit.

/// Floor division; 0 where the divisor is 0.
#[inline(always)]
pub fn floor_div(a: i32, b: i32) -> i32 {
    if b == 0 {
        return 0;
    }
    let quotient = a.wrapping_div(b);
    if a.wrapping_rem(b) != 0 && (a < 0) != (b < 0) { quotient - 1 } else { quotient }
}

/// The remainder with the divisor's sign; 0 where the divisor is 0.
#[inline(always)]
pub fn floor_mod(a: i32, b: i32) -> i32 {
    if b == 0 {
        return 0;
    }
    let rest = a.wrapping_rem(b);
    if rest != 0 && (rest < 0) != (b < 0) { rest + b } else { rest }
}

/// Floor division of floats; 0 where the divisor is 0.
#[inline(always)]
pub fn floor_div_float(a: f32, b: f32) -> f32 {
    if b == 0.0 { 0.0 } else { (a / b).floor() }
}

/// `a - b * floor(a / b)`; 0 where the divisor is 0.
#[inline(always)]
pub fn floor_mod_float(a: f32, b: f32) -> f32 {
    if b == 0.0 { 0.0 } else { a - b * (a / b).floor() }
}

/// Integer power for exponents of 0 and more, wrapping; 0 for negative ones (the type checker makes those floats).
#[inline(always)]
pub fn power(a: i32, b: i32) -> i32 {
    if b < 0 { 0 } else { a.wrapping_pow(b as u32) }
}

/// Python's `min`: the first unless the second is smaller.
#[inline(always)]
pub fn min<T: PartialOrd>(a: T, b: T) -> T {
    if b < a { b } else { a }
}

/// Python's `max`: the first unless the second is larger.
#[inline(always)]
pub fn max<T: PartialOrd>(a: T, b: T) -> T {
    if b > a { b } else { a }
}

/// -1, 0 or 1; 0 for NaN.
#[inline(always)]
pub fn sign(a: f32) -> f32 {
    f32::from(a > 0.0) - f32::from(a < 0.0)
}

/// `1 / (1 + exp(-a))`.
#[inline(always)]
pub fn sigmoid(a: f32) -> f32 {
    1.0 / (1.0 + (-a).exp())
}

/// Where every hash starts: the golden ratio in 32 bits.
const HASH_SEED: u32 = 0x9e37_79b9;

/// The integer mixer behind `hash(a, b, ...)`, 32-bit unsigned arithmetic that wraps:
///
/// ```text
/// x = 0x9e3779b9
/// for each argument v:
///     x ^= v;  x ^= x >> 16;  x *= 0x7feb352d;  x ^= x >> 15;  x *= 0x846ca68b;  x ^= x >> 16
/// result = x >> 8          # 0 .. 16777215
/// ```
///
/// The rounds are Chris Wellons' lowbias32 (<https://nullprogram.com/blog/2018/07/31/>). `hash(q, k, seed) < 0.1 *
/// 16777216` is true for one cell in ten.
#[inline(always)]
pub fn hash<const N: usize>(values: [i32; N]) -> i32 {
    let mut x = HASH_SEED;
    for v in values {
        x ^= v as u32;
        x = (x ^ (x >> 16)).wrapping_mul(0x7feb_352d);
        x = (x ^ (x >> 15)).wrapping_mul(0x846c_a68b);
        x ^= x >> 16;
    }
    (x >> 8) as i32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn division_floors_as_in_python_and_zero_gives_zero() {
        for (a, b, quotient, rest) in [
            (7, 2, 3, 1),
            (-7, 2, -4, 1),
            (7, -2, -4, -1),
            (-7, -2, 3, -1),
            (6, 3, 2, 0),
            (-6, 3, -2, 0),
            (5, 0, 0, 0),
            (i32::MIN, -1, i32::MIN, 0),
        ] {
            assert_eq!((floor_div(a, b), floor_mod(a, b)), (quotient, rest), "{a}, {b}");
        }
        assert_eq!((floor_div_float(-7.0, 2.0), floor_mod_float(-7.0, 2.0)), (-4.0, 1.0));
        assert_eq!((floor_div_float(1.0, 0.0), floor_mod_float(1.0, 0.0)), (0.0, 0.0));
    }

    #[test]
    fn hash_spreads_evenly_over_24_bits() {
        let mut buckets = [0u32; 64];
        for q in 0..256 {
            for k in 0..256 {
                let value = hash([q, k, 7]);
                assert!((0..1 << 24).contains(&value));
                buckets[(value >> 18) as usize] += 1;
            }
        }
        // 1024 expected in each; six standard deviations.
        assert!(buckets.iter().all(|&n| (832..1216).contains(&n)), "{buckets:?}");
    }

    #[test]
    fn min_and_max_are_python_s_for_nan_too() {
        assert_eq!((min(1.0, f32::NAN), max(1.0, f32::NAN)), (1.0, 1.0));
        assert!(min(f32::NAN, 1.0).is_nan() && max(f32::NAN, 1.0).is_nan());
        assert_eq!((sign(f32::NAN), sign(-3.0), sign(-0.0)), (0.0, -1.0, 0.0));
    }
}

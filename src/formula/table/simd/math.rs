//! Elementary functions: e^x and what is made of it in single precision, the others through doubles, where rounding the result is all that is lost.

use super::{Emit, floats, halves, join};

/// Below it and above it e^x is 0 and infinity in single precision.
const EXP_ENDS: [f32; 2] = [-104.0, 89.0];
/// ln 2 in two parts; multiples of the first by integers below 2^15 are exact (Cody and Waite 1980).
const LN2: [f32; 2] = [0.693_359_4, -2.121_944_4e-4];
/// `(e^f - 1 - f) / f²` for |f| <= ln 2 / 2, the highest degree first (Moshier's Cephes, `expf.c`).
const EXP: [f32; 6] = [1.987_569_1e-4, 1.398_2e-3, 8.333_452e-3, 4.166_579_6e-2, 0.166_666_66, 0.5];
/// `(tanh x - x) / x³` by x², for |x| < 0.625 (Cephes, `tanhf.c`).
const TANH: [f32; 5] = [-5.704_988_6e-3, 2.063_908_8e-2, -5.373_971_6e-2, 0.133_314_42, -0.333_332_8];
const TANH_SMALL: f32 = 0.625;

/// `ln m = 2 atanh((m - 1) / (m + 1))`, by the square of that: up to the 13th power, 2e-12 off for m from √½ to √2.
const ATANH: [f64; 7] = [2.0 / 13.0, 2.0 / 11.0, 2.0 / 9.0, 2.0 / 7.0, 2.0 / 5.0, 2.0 / 3.0, 2.0];
/// `e^f` for |f| <= ln 2 / 2, to the ninth power: 7e-12 off.
const EXP_WIDE: [f64; 10] =
    [1.0 / 362_880.0, 1.0 / 40_320.0, 1.0 / 5040.0, 1.0 / 720.0, 1.0 / 120.0, 1.0 / 24.0, 1.0 / 6.0, 0.5, 1.0, 1.0];
/// π/2 in two parts; multiples of the first, of 25 bits, by integers below 2^28 are exact (FreeBSD's `e_rem_pio2f.c`).
const HALF_PI: [f64; 2] = [1.570_796_310_901_641_8, 1.589_325_477_352_819_7e-8];
/// `sin y / y` and `cos y` by y², for |y| <= π/4 (FreeBSD's `k_sinf.c` and `k_cosf.c`).
const SIN: [f64; 5] =
    [2.718_311_493_989_822e-6, -1.983_933_483_609_663_2e-4, 8.333_329_385_889_463e-3, -0.166_666_666_416_265_24, 1.0];
const COS: [f64; 5] =
    [2.439_044_879_627_741e-5, -1.388_676_377_460_993e-3, 4.166_662_332_373_906e-2, -0.499_999_997_251_031, 1.0];

/// `e^x`: at most 2 units in the last place off.
pub fn exp(e: &mut Emit, of: &[u32]) -> u32 {
    // In this order NaN stays: `pmax(a, b)` is a unless it is less than b.
    let [low, high] = EXP_ENDS.map(|end| e.f32(end));
    let x = op!(e, f32x4_pmax, of[0], low);
    let x = op!(e, f32x4_pmin, x, high);
    let log2_e = e.f32(std::f32::consts::LOG2_E);
    let n = op!(e, f32x4_mul, x, log2_e);
    let n = op!(e, f32x4_nearest, n);
    let mut f = x;
    for part in LN2 {
        let part = e.f32(part);
        let product = op!(e, f32x4_mul, n, part);
        f = op!(e, f32x4_sub, f, product);
    }
    let polynomial = horner(e, f, &EXP);
    let square = op!(e, f32x4_mul, f, f);
    let bent = op!(e, f32x4_mul, polynomial, square);
    let one = e.f32(1.0);
    let sum = op!(e, f32x4_add, bent, f);
    let mut result = op!(e, f32x4_add, sum, one);
    // 2^n in two factors: one alone may be none of single precision where the product is.
    let n = op!(e, i32x4_trunc_sat_f32x4_s, n);
    let half = shift!(e, i32x4_shr_s, n, 1);
    let rest = op!(e, i32x4_sub, n, half);
    let bias = e.i32(127);
    for part in [half, rest] {
        let exponent = op!(e, i32x4_add, part, bias);
        let factor = shift!(e, i32x4_shl, exponent, 23);
        result = op!(e, f32x4_mul, result, factor);
    }
    result
}

/// `1 / (1 + e^-x)`.
pub fn sigmoid(e: &mut Emit, of: &[u32]) -> u32 {
    let minus = op!(e, f32x4_neg, of[0]);
    let (power, one) = (exp(e, &[minus]), e.f32(1.0));
    let sum = op!(e, f32x4_add, power, one);
    op!(e, f32x4_div, one, sum)
}

/// `tanh x`: a polynomial for small ones, `1 - 2 / (e^2x + 1)` for the others.
pub fn tanh(e: &mut Emit, of: &[u32]) -> u32 {
    let (x, one, two) = (of[0], e.f32(1.0), e.f32(2.0));
    let square = op!(e, f32x4_mul, x, x);
    let polynomial = horner(e, square, &TANH);
    let cube = op!(e, f32x4_mul, square, x);
    let bent = op!(e, f32x4_mul, polynomial, cube);
    let small = op!(e, f32x4_add, x, bent);
    let size = op!(e, f32x4_abs, x);
    let double = op!(e, f32x4_mul, size, two);
    let power = exp(e, &[double]);
    let sum = op!(e, f32x4_add, power, one);
    let quotient = op!(e, f32x4_div, two, sum);
    let large = op!(e, f32x4_sub, one, quotient);
    let signs = e.four(1 << 31);
    let sign = op!(e, v128_and, x, signs);
    let large = op!(e, v128_or, large, sign);
    let end = e.f32(TANH_SMALL);
    let is_small = op!(e, f32x4_lt, size, end);
    op!(e, v128_bitselect, small, large, is_small)
}

/// The natural logarithm; NaN of negative numbers.
pub fn log(e: &mut Emit, of: &[u32]) -> u32 {
    logarithm(e, of[0], 1.0)
}

/// The logarithm to base 2, exact for its powers.
pub fn log2(e: &mut Emit, of: &[u32]) -> u32 {
    logarithm(e, of[0], std::f64::consts::LOG2_E)
}

fn logarithm(e: &mut Emit, x: u32, unit: f64) -> u32 {
    let wide = halves(e, x, floats).map(|x| {
        let (exponent, rest) = parts(e, x);
        let (ln2, unit_of) = (e.f64(if unit == 1.0 { std::f64::consts::LN_2 } else { 1.0 }), e.f64(unit));
        let whole = op!(e, f64x2_mul, exponent, ln2);
        let rest = op!(e, f64x2_mul, rest, unit_of);
        let sum = op!(e, f64x2_add, whole, rest);
        op!(e, f32x4_demote_f64x2_zero, sum)
    });
    let near = join(e, wide);
    let (zero, least, most, nan) = (e.f32(0.0), e.f32(f32::NEG_INFINITY), e.f32(f32::INFINITY), e.f32(f32::NAN));
    let (is_zero, is_most, is_some) = (op!(e, f32x4_eq, x, zero), op!(e, f32x4_eq, x, most), op!(e, f32x4_ge, x, zero));
    let result = op!(e, v128_bitselect, least, near, is_zero);
    let result = op!(e, v128_bitselect, most, result, is_most);
    op!(e, v128_bitselect, result, nan, is_some)
}

/// Of positive finite doubles `m · 2^n`, m from √½ to √2: n, and the natural logarithm of m.
fn parts(e: &mut Emit, x: u32) -> (u32, u32) {
    let root = e.f64(std::f64::consts::FRAC_1_SQRT_2);
    let above = op!(e, i64x2_sub, x, root);
    let n = shift!(e, i64x2_shr_s, above, 52);
    let exponent = shift!(e, i64x2_shl, n, 52);
    let m = op!(e, i64x2_sub, x, exponent);
    let one = e.f64(1.0);
    let (less, more) = (op!(e, f64x2_sub, m, one), op!(e, f64x2_add, m, one));
    let ratio = op!(e, f64x2_div, less, more);
    let square = op!(e, f64x2_mul, ratio, ratio);
    let series = horner_wide(e, square, &ATANH);
    let rest = op!(e, f64x2_mul, series, ratio);
    // The lower halves of both, side by side, are integers of 32 bits.
    let n = e.op(&[n, n], |f| {
        f.i8x16_shuffle([0, 1, 2, 3, 8, 9, 10, 11, 0, 1, 2, 3, 8, 9, 10, 11]);
    });
    (op!(e, f64x2_convert_low_i32x4_s, n), rest)
}

/// The sine. Beyond 2^28 the angle is off by about the number times 1e-16, and beyond 2^53 any angle: neighbours there are whole circles apart.
pub fn sin(e: &mut Emit, of: &[u32]) -> u32 {
    wave(e, of[0], 0)
}

/// The cosine; as [`sin`].
pub fn cos(e: &mut Emit, of: &[u32]) -> u32 {
    wave(e, of[0], 1)
}

/// `sin(x + ahead · π/2)`.
fn wave(e: &mut Emit, x: u32, ahead: i64) -> u32 {
    let wide = halves(e, x, floats).map(|x| {
        let inverse = e.f64(std::f64::consts::FRAC_2_PI);
        let turns = op!(e, f64x2_mul, x, inverse);
        let turns = op!(e, f64x2_nearest, turns);
        let mut y = x;
        for part in HALF_PI {
            let part = e.f64(part);
            let product = op!(e, f64x2_mul, turns, part);
            y = op!(e, f64x2_sub, y, product);
        }
        // Of numbers so large that nothing is left of their angle, some angle.
        let (low, high) = (e.f64(-1.0), e.f64(1.0));
        let y = op!(e, f64x2_pmax, y, low);
        let y = op!(e, f64x2_pmin, y, high);
        // Their rest by 4 is all that counts of them.
        let (four, quarter) = (e.f64(4.0), e.f64(0.25));
        let circles = op!(e, f64x2_mul, turns, quarter);
        let circles = op!(e, f64x2_floor, circles);
        let circles = op!(e, f64x2_mul, circles, four);
        let turns = op!(e, f64x2_sub, turns, circles);
        let turns = op!(e, i32x4_trunc_sat_f64x2_s_zero, turns);
        let turns = op!(e, i64x2_extend_low_i32x4_s, turns);
        let ahead = e.i64(ahead);
        let turns = op!(e, i64x2_add, turns, ahead);
        let square = op!(e, f64x2_mul, y, y);
        let sine = horner_wide(e, square, &SIN);
        let sine = op!(e, f64x2_mul, sine, y);
        let cosine = horner_wide(e, square, &COS);
        let odd = shift!(e, i64x2_shl, turns, 63);
        let odd = shift!(e, i64x2_shr_s, odd, 63);
        let wave = op!(e, v128_bitselect, cosine, sine, odd);
        let sign = shift!(e, i64x2_shr_u, turns, 1);
        let sign = shift!(e, i64x2_shl, sign, 63);
        let wave = op!(e, v128_xor, wave, sign);
        op!(e, f32x4_demote_f64x2_zero, wave)
    });
    join(e, wide)
}

/// `a^b` as C has it.
pub fn pow(e: &mut Emit, of: &[u32]) -> u32 {
    let (a, b) = (of[0], of[1]);
    let size = op!(e, f32x4_abs, a);
    let (bases, exponents) = (halves(e, size, floats), halves(e, b, floats));
    let wide = [0, 1].map(|half| {
        let x = bases[half];
        let (exponent, rest) = parts(e, x);
        let ln2 = e.f64(std::f64::consts::LN_2);
        let whole = op!(e, f64x2_mul, exponent, ln2);
        let ln = op!(e, f64x2_add, whole, rest);
        let (zero, least, most, nan) = (e.f64(0.0), e.f64(f64::NEG_INFINITY), e.f64(f64::INFINITY), e.f64(f64::NAN));
        let (is_zero, is_most, is_some) =
            (op!(e, f64x2_eq, x, zero), op!(e, f64x2_eq, x, most), op!(e, f64x2_eq, x, x));
        let ln = op!(e, v128_bitselect, least, ln, is_zero);
        let ln = op!(e, v128_bitselect, most, ln, is_most);
        let ln = op!(e, v128_bitselect, ln, nan, is_some);
        let product = op!(e, f64x2_mul, ln, exponents[half]);
        let power = exp_wide(e, product);
        op!(e, f32x4_demote_f64x2_zero, power)
    });
    let power = join(e, wide);
    let (zero, half, one, nan, least) = (e.f32(0.0), e.f32(0.5), e.f32(1.0), e.f32(f32::NAN), e.f32(f32::NEG_INFINITY));
    let (to_zero, of_one) = (op!(e, f32x4_eq, b, zero), op!(e, f32x4_eq, size, one));
    let is_one = op!(e, v128_or, to_zero, of_one);
    let power = op!(e, v128_bitselect, one, power, is_one);
    let whole = op!(e, f32x4_trunc, b);
    let broken = op!(e, f32x4_ne, b, whole);
    let halved = op!(e, f32x4_mul, b, half);
    let whole = op!(e, f32x4_trunc, halved);
    let odd = op!(e, f32x4_ne, halved, whole);
    let odd = op!(e, v128_andnot, odd, broken);
    let signs = e.four(1 << 31);
    let sign = op!(e, v128_and, a, signs);
    let sign = op!(e, v128_and, sign, odd);
    let power = op!(e, v128_xor, power, sign);
    let (negative, finite) = (op!(e, f32x4_lt, a, zero), op!(e, f32x4_gt, a, least));
    let without = op!(e, v128_and, negative, finite);
    let without = op!(e, v128_and, without, broken);
    op!(e, v128_bitselect, nan, power, without)
}

/// `e^x` of doubles, for results of single precision: 0 or infinity beyond e^±700.
fn exp_wide(e: &mut Emit, x: u32) -> u32 {
    let (low, high) = (e.f64(-700.0), e.f64(700.0));
    let x = op!(e, f64x2_pmax, x, low);
    let x = op!(e, f64x2_pmin, x, high);
    let (log2_e, ln2) = (e.f64(std::f64::consts::LOG2_E), e.f64(std::f64::consts::LN_2));
    let n = op!(e, f64x2_mul, x, log2_e);
    let n = op!(e, f64x2_nearest, n);
    let product = op!(e, f64x2_mul, n, ln2);
    let f = op!(e, f64x2_sub, x, product);
    let polynomial = horner_wide(e, f, &EXP_WIDE);
    let n = op!(e, i32x4_trunc_sat_f64x2_s_zero, n);
    let n = op!(e, i64x2_extend_low_i32x4_s, n);
    let exponent = shift!(e, i64x2_shl, n, 52);
    op!(e, i64x2_add, polynomial, exponent)
}

/// A polynomial by Horner's rule, the coefficient of the highest power first.
fn horner(e: &mut Emit, x: u32, coefficients: &[f32]) -> u32 {
    let mut sum = e.f32(coefficients[0]);
    for coefficient in &coefficients[1..] {
        let coefficient = e.f32(*coefficient);
        let product = op!(e, f32x4_mul, sum, x);
        sum = op!(e, f32x4_add, product, coefficient);
    }
    sum
}

/// The same of doubles.
fn horner_wide(e: &mut Emit, x: u32, coefficients: &[f64]) -> u32 {
    let mut sum = e.f64(coefficients[0]);
    for coefficient in &coefficients[1..] {
        let coefficient = e.f64(*coefficient);
        let product = op!(e, f64x2_mul, sum, x);
        sum = op!(e, f64x2_add, product, coefficient);
    }
    sum
}

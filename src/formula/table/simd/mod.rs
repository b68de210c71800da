//! Operations as WebAssembly, four cells at a time: the column of the table from which [`crate::formula::compiled`] writes a formula as one loop.
//!
//! Booleans are registers of ones or zeros here. What is more than one instruction is written below, and in [`math`]: the first gives, bit for bit, what the scalar
//! expression of the same row gives; the second the nearest number of single precision or one of its neighbours, as the libraries behind the scalar ones do.

/// `op!(e, f32x4_add, a, b)`: one instruction over locals.
macro_rules! op {
    ($e:expr, $instruction:ident, $($operand:expr),+) => {
        $e.op(&[$($operand),+], |f| {
            f.$instruction();
        })
    };
}

/// `shift!(e, i32x4_shl, a, 3)`.
macro_rules! shift {
    ($e:expr, $instruction:ident, $operand:expr, $by:expr) => {
        $e.shift($operand, $by, |f| {
            f.$instruction();
        })
    };
}

pub mod emit;
pub mod math;
pub mod slope;

pub use emit::Emit;
use wasm_encoder::InstructionSink;

/// One operation.
#[derive(Clone, Copy)]
pub enum Simd {
    /// One instruction.
    One(fn(&mut InstructionSink)),
    /// Several, from the operands' locals to the one of the result: the bits of the scalar expression.
    Exact(Written),
    /// The same, but a result may be off by its last bits.
    Near(Written),
}

/// Writes an operation whose operands lie in these locals, and says where its result lies.
pub type Written = fn(&mut Emit, &[u32]) -> u32;

/// The operand itself.
pub fn same(_: &mut Emit, of: &[u32]) -> u32 {
    of[0]
}

/// As `scalar::floor_div`: through doubles, of which the quotient of two 32-bit integers never rounds up to the next one.
pub fn floor_div(e: &mut Emit, of: &[u32]) -> u32 {
    let quotient = quotient(e, of);
    let (a, b, zero) = (of[0], of[1], e.i32(0));
    // The one quotient that is none of 32 bits wraps.
    let (least, minus_one) = (e.i32(i32::MIN), e.i32(-1));
    let (at_least, by_minus_one) = (op!(e, i32x4_eq, a, least), op!(e, i32x4_eq, b, minus_one));
    let wraps = op!(e, v128_and, at_least, by_minus_one);
    let quotient = op!(e, v128_bitselect, least, quotient, wraps);
    let by_zero = op!(e, i32x4_eq, b, zero);
    op!(e, v128_andnot, quotient, by_zero)
}

/// As `scalar::floor_mod`.
pub fn floor_mod(e: &mut Emit, of: &[u32]) -> u32 {
    let (a, b) = (of[0], of[1]);
    let quotient = quotient(e, of);
    let product = op!(e, i32x4_mul, quotient, b);
    let rest = op!(e, i32x4_sub, a, product);
    // Of the quotient that wraps the product is not, but both ends of the range have the same rest by -1.
    let (zero, minus_one) = (e.i32(0), e.i32(-1));
    let (by_zero, by_minus_one) = (op!(e, i32x4_eq, b, zero), op!(e, i32x4_eq, b, minus_one));
    let without = op!(e, v128_or, by_zero, by_minus_one);
    op!(e, v128_andnot, rest, without)
}

/// `floor(a / b)`, saturating; anything where b is 0.
fn quotient(e: &mut Emit, of: &[u32]) -> u32 {
    let (a, b) = (halves(e, of[0], integers), halves(e, of[1], integers));
    floored(e, a, b)
}

/// `floor(a / b)` of doubles as integers, saturating.
fn floored(e: &mut Emit, a: [u32; 2], b: [u32; 2]) -> u32 {
    let halves = [0, 1].map(|half| {
        let quotient = op!(e, f64x2_div, a[half], b[half]);
        let floor = op!(e, f64x2_floor, quotient);
        op!(e, i32x4_trunc_sat_f64x2_s_zero, floor)
    });
    join(e, halves)
}

/// `a << (b mod 32)`, as a product.
pub fn shift_left(e: &mut Emit, of: &[u32]) -> u32 {
    let power = power_of_two(e, of[1]);
    let factor = op!(e, i32x4_trunc_sat_f32x4_u, power);
    op!(e, i32x4_mul, of[0], factor)
}

/// `a >> (b mod 32)`, the sign kept: a floored quotient.
pub fn shift_right(e: &mut Emit, of: &[u32]) -> u32 {
    let power = power_of_two(e, of[1]);
    let (a, b) = (halves(e, of[0], integers), halves(e, power, floats));
    floored(e, a, b)
}

/// `2^(b mod 32)` as floats, by their exponents.
fn power_of_two(e: &mut Emit, by: u32) -> u32 {
    let (most, bias) = (e.i32(31), e.i32(127));
    let by = op!(e, v128_and, by, most);
    let exponent = op!(e, i32x4_add, by, bias);
    shift!(e, i32x4_shl, exponent, 23)
}

/// As `scalar::power`: by squares, a bit of the exponent at a time.
pub fn power(e: &mut Emit, of: &[u32]) -> u32 {
    let (one, zero) = (e.i32(1), e.i32(0));
    let (mut result, mut square) = (one, of[0]);
    for bit in 0..31 {
        let mask = e.i32(1 << bit);
        let set = op!(e, v128_and, of[1], mask);
        let set = op!(e, i32x4_ne, set, zero);
        let product = op!(e, i32x4_mul, result, square);
        result = op!(e, v128_bitselect, product, result, set);
        square = op!(e, i32x4_mul, square, square);
    }
    let negative = op!(e, i32x4_lt_s, of[1], zero);
    op!(e, v128_andnot, result, negative)
}

/// As `scalar::floor_div_float`.
pub fn floor_div_float(e: &mut Emit, of: &[u32]) -> u32 {
    let quotient = op!(e, f32x4_div, of[0], of[1]);
    let floor = op!(e, f32x4_floor, quotient);
    let zero = e.f32(0.0);
    let by_zero = op!(e, f32x4_eq, of[1], zero);
    op!(e, v128_andnot, floor, by_zero)
}

/// As `scalar::floor_mod_float`.
pub fn floor_mod_float(e: &mut Emit, of: &[u32]) -> u32 {
    let quotient = op!(e, f32x4_div, of[0], of[1]);
    let floor = op!(e, f32x4_floor, quotient);
    let product = op!(e, f32x4_mul, of[1], floor);
    let rest = op!(e, f32x4_sub, of[0], product);
    let zero = e.f32(0.0);
    let by_zero = op!(e, f32x4_eq, of[1], zero);
    op!(e, v128_andnot, rest, by_zero)
}

/// -1, 0 or 1.
pub fn sign(e: &mut Emit, of: &[u32]) -> u32 {
    let zero = e.i32(0);
    let (less, more) = (op!(e, i32x4_lt_s, of[0], zero), op!(e, i32x4_gt_s, of[0], zero));
    op!(e, i32x4_sub, less, more)
}

/// As `scalar::sign`.
pub fn sign_float(e: &mut Emit, of: &[u32]) -> u32 {
    let (zero, one) = (e.f32(0.0), e.f32(1.0));
    let (more, less) = (op!(e, f32x4_gt, of[0], zero), op!(e, f32x4_lt, of[0], zero));
    let (more, less) = (op!(e, v128_and, more, one), op!(e, v128_and, less, one));
    op!(e, f32x4_sub, more, less)
}

/// `min(max(a, low), high)` of integers.
pub fn clamp(e: &mut Emit, of: &[u32]) -> u32 {
    let raised = op!(e, i32x4_max_s, of[0], of[1]);
    op!(e, i32x4_min_s, raised, of[2])
}

/// The same of floats.
pub fn clamp_float(e: &mut Emit, of: &[u32]) -> u32 {
    let raised = op!(e, f32x4_pmax, of[0], of[1]);
    op!(e, f32x4_pmin, raised, of[2])
}

/// The integer below.
pub fn floor(e: &mut Emit, of: &[u32]) -> u32 {
    let whole = op!(e, f32x4_floor, of[0]);
    op!(e, i32x4_trunc_sat_f32x4_s, whole)
}

/// The integer above.
pub fn ceil(e: &mut Emit, of: &[u32]) -> u32 {
    let whole = op!(e, f32x4_ceil, of[0]);
    op!(e, i32x4_trunc_sat_f32x4_s, whole)
}

/// The nearest integer, of two the even one.
pub fn round(e: &mut Emit, of: &[u32]) -> u32 {
    let whole = op!(e, f32x4_nearest, of[0]);
    op!(e, i32x4_trunc_sat_f32x4_s, whole)
}

/// 1 for true.
pub fn float_of_bool(e: &mut Emit, of: &[u32]) -> u32 {
    let one = e.f32(1.0);
    op!(e, v128_and, of[0], one)
}

/// The second where the first is true, else the third.
pub fn choose(e: &mut Emit, of: &[u32]) -> u32 {
    op!(e, v128_bitselect, of[1], of[2], of[0])
}

/// As `scalar::hash`.
pub fn hash(e: &mut Emit, of: &[u32]) -> u32 {
    let (first, second) = (e.four(0x7feb_352d), e.four(0x846c_a68b));
    let mut x = e.four(0x9e37_79b9);
    for &value in of {
        x = op!(e, v128_xor, x, value);
        for (by, factor) in [(16, first), (15, second)] {
            let shifted = shift!(e, i32x4_shr_u, x, by);
            let mixed = op!(e, v128_xor, x, shifted);
            x = op!(e, i32x4_mul, mixed, factor);
        }
        let shifted = shift!(e, i32x4_shr_u, x, 16);
        x = op!(e, v128_xor, x, shifted);
    }
    shift!(e, i32x4_shr_u, x, 8)
}

/// Two of four integers as doubles.
fn integers(f: &mut InstructionSink) {
    f.f64x2_convert_low_i32x4_s();
}

/// Two of four floats as doubles.
fn floats(f: &mut InstructionSink) {
    f.f64x2_promote_low_f32x4();
}

/// The first two and the last two of four numbers as doubles.
fn halves(e: &mut Emit, x: u32, widen: fn(&mut InstructionSink)) -> [u32; 2] {
    let low = e.op(&[x], widen);
    let high = e.op(&[x, x], |f| {
        f.i8x16_shuffle([8, 9, 10, 11, 12, 13, 14, 15, 8, 9, 10, 11, 12, 13, 14, 15]);
    });
    [low, e.op(&[high], widen)]
}

/// Four numbers, of which the first two are the first of one register and the last two the first of the other.
fn join(e: &mut Emit, [low, high]: [u32; 2]) -> u32 {
    e.op(&[low, high], |f| {
        f.i8x16_shuffle([0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23]);
    })
}

//! Operations backwards, four cells at a time: what the sum changes by with each operand, from what it changes by with the result. The derivatives are those of
//! [`super::super::slope`], in single precision; what is 0 on either side gives 0, so that a branch not taken brings no NaN.

use super::{Emit, math};

/// An operation whose derivatives are written.
pub struct Back<'a> {
    /// Where its operands lie.
    pub of: &'a [u32],
    /// Where its result lies.
    pub result: u32,
    /// Where what the sum changes by with the result lies.
    pub by: u32,
}

/// Writes what the sum changes by with operand number `i`, and says where it lies. `None` where there is nothing that it could write.
pub type Derived = fn(&mut Emit, &Back, usize) -> Option<u32>;

/// A derivative times what the sum changes by.
fn times(e: &mut Emit, at: &Back, slope: u32) -> u32 {
    let zero = e.f32(0.0);
    let product = op!(e, f32x4_mul, at.by, slope);
    let (no_slope, nothing) = (op!(e, f32x4_eq, slope, zero), op!(e, f32x4_eq, at.by, zero));
    let without = op!(e, v128_or, no_slope, nothing);
    op!(e, v128_andnot, product, without)
}

/// `a`.
pub fn same(_: &mut Emit, at: &Back, _: usize) -> Option<u32> {
    Some(at.by)
}

/// `-a`.
pub fn minus(e: &mut Emit, at: &Back, _: usize) -> Option<u32> {
    Some(op!(e, f32x4_neg, at.by))
}

/// `a - b`.
pub fn difference(e: &mut Emit, at: &Back, i: usize) -> Option<u32> {
    if i == 0 { Some(at.by) } else { minus(e, at, i) }
}

/// `a · b`.
pub fn product(e: &mut Emit, at: &Back, i: usize) -> Option<u32> {
    Some(times(e, at, at.of[1 - i]))
}

/// `a / b`.
pub fn quotient(e: &mut Emit, at: &Back, i: usize) -> Option<u32> {
    let (one, b) = (e.f32(1.0), at.of[1]);
    let slope = if i == 0 {
        op!(e, f32x4_div, one, b)
    } else {
        let ratio = op!(e, f32x4_div, at.result, b);
        op!(e, f32x4_neg, ratio)
    };
    Some(times(e, at, slope))
}

/// `a - b · floor(a / b)`.
pub fn remainder(e: &mut Emit, at: &Back, i: usize) -> Option<u32> {
    let (zero, b) = (e.f32(0.0), at.of[1]);
    let by_zero = op!(e, f32x4_eq, b, zero);
    if i == 0 {
        return Some(op!(e, v128_andnot, at.by, by_zero));
    }
    let ratio = op!(e, f32x4_div, at.of[0], b);
    let floor = op!(e, f32x4_floor, ratio);
    let slope = op!(e, f32x4_neg, floor);
    let slope = op!(e, v128_andnot, slope, by_zero);
    Some(times(e, at, slope))
}

/// `a^b` by a.
pub fn power(e: &mut Emit, at: &Back, i: usize) -> Option<u32> {
    if i == 1 {
        return None;
    }
    let (zero, one, b) = (e.f32(0.0), e.f32(1.0), at.of[1]);
    let less = op!(e, f32x4_sub, b, one);
    let power = math::pow(e, &[at.of[0], less]);
    let slope = op!(e, f32x4_mul, b, power);
    let to_zero = op!(e, f32x4_eq, b, zero);
    let slope = op!(e, v128_andnot, slope, to_zero);
    Some(times(e, at, slope))
}

/// `|a|`.
pub fn absolute(e: &mut Emit, at: &Back, _: usize) -> Option<u32> {
    let sign = super::sign_float(e, at.of);
    Some(times(e, at, sign))
}

/// `min(a, b)`: the second where it is less.
pub fn least(e: &mut Emit, at: &Back, i: usize) -> Option<u32> {
    let second = op!(e, f32x4_lt, at.of[1], at.of[0]);
    Some(either(e, at, second, i))
}

/// `max(a, b)`: the second where it is greater.
pub fn greatest(e: &mut Emit, at: &Back, i: usize) -> Option<u32> {
    let second = op!(e, f32x4_gt, at.of[1], at.of[0]);
    Some(either(e, at, second, i))
}

fn either(e: &mut Emit, at: &Back, second: u32, i: usize) -> u32 {
    if i == 0 { op!(e, v128_andnot, at.by, second) } else { op!(e, v128_and, at.by, second) }
}

/// `min(max(a, low), high)`.
pub fn clamp(e: &mut Emit, at: &Back, i: usize) -> Option<u32> {
    let (a, low, high) = (at.of[0], at.of[1], at.of[2]);
    let raised = op!(e, f32x4_pmax, a, low);
    let (is_low, is_high) = (op!(e, f32x4_gt, low, a), op!(e, f32x4_lt, high, raised));
    Some(match i {
        0 => {
            let ends = op!(e, v128_or, is_low, is_high);
            op!(e, v128_andnot, at.by, ends)
        }
        1 => {
            let is_low = op!(e, v128_andnot, is_low, is_high);
            op!(e, v128_and, at.by, is_low)
        }
        _ => op!(e, v128_and, at.by, is_high),
    })
}

/// `√a`.
pub fn root(e: &mut Emit, at: &Back, _: usize) -> Option<u32> {
    let half = e.f32(0.5);
    let slope = op!(e, f32x4_div, half, at.result);
    Some(times(e, at, slope))
}

/// `e^a`.
pub fn exp(e: &mut Emit, at: &Back, _: usize) -> Option<u32> {
    Some(times(e, at, at.result))
}

/// `ln a`.
pub fn log(e: &mut Emit, at: &Back, _: usize) -> Option<u32> {
    let one = e.f32(1.0);
    let slope = op!(e, f32x4_div, one, at.of[0]);
    Some(times(e, at, slope))
}

/// `log₂ a`.
pub fn log2(e: &mut Emit, at: &Back, _: usize) -> Option<u32> {
    let unit = e.f32(std::f32::consts::LOG2_E);
    let slope = op!(e, f32x4_div, unit, at.of[0]);
    Some(times(e, at, slope))
}

/// `sin a`.
pub fn sin(e: &mut Emit, at: &Back, _: usize) -> Option<u32> {
    let slope = math::cos(e, at.of);
    Some(times(e, at, slope))
}

/// `cos a`.
pub fn cos(e: &mut Emit, at: &Back, _: usize) -> Option<u32> {
    let sine = math::sin(e, at.of);
    let slope = op!(e, f32x4_neg, sine);
    Some(times(e, at, slope))
}

/// `tanh a`.
pub fn tanh(e: &mut Emit, at: &Back, _: usize) -> Option<u32> {
    let one = e.f32(1.0);
    let (less, more) = (op!(e, f32x4_sub, one, at.result), op!(e, f32x4_add, one, at.result));
    let slope = op!(e, f32x4_mul, less, more);
    Some(times(e, at, slope))
}

/// `1 / (1 + e^-a)`.
pub fn sigmoid(e: &mut Emit, at: &Back, _: usize) -> Option<u32> {
    let one = e.f32(1.0);
    let rest = op!(e, f32x4_sub, one, at.result);
    let slope = op!(e, f32x4_mul, at.result, rest);
    Some(times(e, at, slope))
}

/// The second where the first is true, else the third.
pub fn choose(e: &mut Emit, at: &Back, i: usize) -> Option<u32> {
    Some(if i == 1 { op!(e, v128_and, at.by, at.of[0]) } else { op!(e, v128_andnot, at.by, at.of[0]) })
}

//! What rules do to scores between the product and the softmax: the softcap (`cap.rs` is the same in Rust) and biases that lie in a table (`change.rs`).

use wasm_encoder::{BlockType, Function, InstructionSink, ValType};

use crate::shared::{TANH_END, TANH_EVEN, TANH_ODD};
use crate::{REGISTER, ROW, STEP, advance, again, bytes, mul_add, splat};

/// Constants of the cap in registers, or on the stack: as literals they would be built anew at each use. Behind the parameters and two numbers that change.
const CAP: u32 = 6;
const INVERSE: u32 = 7;
const ENDS: [u32; 2] = [8, 9];
const ODD: u32 = 10;
const EVEN: u32 = ODD + TANH_ODD.len() as u32;
/// What changes, of either half of a panel.
const X: [u32; 2] = [21, 22];
const SQUARE: [u32; 2] = [23, 24];
const ABOVE: [u32; 2] = [25, 26];
const BELOW: [u32; 2] = [27, 28];

/// `(s, panels, rows, cap)`: `cap · tanh(s / cap)` in the place of the first so many panels of scores in each row. Both halves of a panel go together, so that a coefficient is
/// fetched once for two sums.
pub fn cap(fused: bool) -> Function {
    let [s, panels, rows, cap, walk, left] = [0, 1, 2, 3, 4, 5];
    let mut function = Function::new([(2, ValType::I32), (23, ValType::V128)]);
    let mut f = function.instructions();
    f.local_get(cap).f32x4_splat().local_set(CAP);
    f.f32_const(1.0_f32.into()).local_get(cap).f32_div().f32x4_splat().local_set(INVERSE);
    let ends = ENDS.into_iter().zip([-TANH_END, TANH_END]);
    for (local, x) in ends.chain((ODD..).zip(TANH_ODD)).chain((EVEN..).zip(TANH_EVEN)) {
        splat(&mut f, x);
        f.local_set(local);
    }
    f.loop_(BlockType::Empty);
    f.local_get(s).local_set(walk).local_get(panels).local_set(left).loop_(BlockType::Empty);
    for (half, x) in (0..).zip(X) {
        // In this order NaN stays: `pmax(a, b)` is a unless it is less than b.
        f.local_get(walk).v128_load(bytes(half * REGISTER)).local_get(INVERSE).f32x4_mul();
        f.local_get(ENDS[0]).f32x4_pmax().local_get(ENDS[1]).f32x4_pmin().local_set(x);
    }
    for (x, square) in X.into_iter().zip(SQUARE) {
        f.local_get(x).local_get(x).f32x4_mul().local_set(square);
    }
    polynomial(&mut f, fused, ODD..ODD + TANH_ODD.len() as u32, ABOVE);
    polynomial(&mut f, fused, EVEN..EVEN + TANH_EVEN.len() as u32, BELOW);
    for half in 0..2 {
        f.local_get(walk).local_get(CAP).local_get(X[half]).local_get(ABOVE[half]).f32x4_mul();
        f.local_get(BELOW[half]).f32x4_div().f32x4_mul().v128_store(bytes(half as u64 * REGISTER));
    }
    advance(&mut f, walk, STEP);
    again(&mut f, left);
    f.end();
    advance(&mut f, s, ROW);
    again(&mut f, rows);
    f.end().end();
    function
}

/// Sums of powers of [`SQUARE`] by Horner's rule, the coefficient of the highest first.
fn polynomial(f: &mut InstructionSink, fused: bool, coefficients: std::ops::Range<u32>, sums: [u32; 2]) {
    let highest = coefficients.start;
    for coefficient in coefficients.skip(1) {
        for (sum, square) in sums.into_iter().zip(SQUARE) {
            let so_far = if coefficient == highest + 1 { highest } else { sum };
            mul_add(f, fused, so_far, square, coefficient);
            f.local_set(sum);
        }
    }
}

/// `(s, panels, rows, biases, step, turned)`: adds to the first so many panels of scores in each row what stands at `biases`, which go back by `step` bytes from row to row,
/// with the bits of `turned` turned over in each number.
pub fn shift() -> Function {
    let [s, panels, rows, biases, step, turned, walk, left, by, all] = std::array::from_fn(|i| i as u32);
    let mut function = Function::new([(3, ValType::I32), (1, ValType::V128)]);
    let mut f = function.instructions();
    f.local_get(turned).i32x4_splat().local_set(all);
    f.loop_(BlockType::Empty);
    f.local_get(biases).local_set(by);
    f.local_get(s).local_set(walk).local_get(panels).local_set(left).loop_(BlockType::Empty);
    for half in 0..2 {
        let at = bytes(half * REGISTER);
        f.local_get(walk).local_get(walk).v128_load(at);
        f.local_get(by).v128_load(at).local_get(all).v128_xor().f32x4_add().v128_store(at);
    }
    advance(&mut f, walk, STEP);
    advance(&mut f, by, STEP);
    again(&mut f, left);
    f.end();
    f.local_get(biases).local_get(step).i32_sub().local_set(biases);
    advance(&mut f, s, ROW);
    again(&mut f, rows);
    f.end().end();
    function
}

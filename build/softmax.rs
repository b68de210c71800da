//! Online softmax of a group of rows and a block of keys (`softmax.rs` is the same in Rust, a row at a time), and what its gradients settle.

use wasm_encoder::{BlockType, Function, InstructionSink, ValType};

use crate::shared::{FLUSH, FLUSH_POWER, LN2_HIGH, LN2_LOW, POLY, POWER_POLY, ROUND, ROUND_POWER};
use crate::{NUMBER, REGISTER, ROW, STEP, advance, again, bytes, mul_add, splat};

/// Bytes of a row's state: largest score, sum, and two numbers that are not touched here.
pub const RUNNING: u64 = 16;

// Locals behind the five parameters.
const WALK: u32 = 5;
const LEFT: u32 = 6;
const LARGEST: u32 = 7;
const MAX: u32 = 8;
/// Constants of the exponential in registers, or on the stack: as literals they would be built anew at each use.
const LOG2_E: u32 = 9;
const SHIFT: u32 = 10;
const LN2: [u32; 2] = [11, 12];
const COEFFICIENT: u32 = 13;
const ONE: u32 = 18;
const LEAST: u32 = 19;
/// Coefficients of the softmax's power.
const OF_POWER: u32 = LN2[0];
// What changes.
const TOP: u32 = 20;
const BEST: [u32; 2] = [21, 22];
const SUM: u32 = 23;
const X: u32 = 25;
const ROUNDED: u32 = 26;
const REST: u32 = 27;
const POWER: u32 = 28;

/// `(s, panels, running, keep, rows)`: for each row of `s`, whose first `panels` panels hold scores, the largest one and the sum in `running` are brought
/// up to date, `e^(s - max)` takes the scores' place, and the factor for what was added up before goes to `keep`.
///
/// Nine constants, the maximum, the sum and three numbers that change are the 15 registers that there are, but one.
pub fn soften(fused: bool) -> Function {
    let [s, panels, running, keep, rows] = [0, 1, 2, 3, 4];
    let mut function = Function::new([(2, ValType::I32), (2, ValType::F32), (20, ValType::V128)]);
    let mut f = function.instructions();
    let constants = [(LOG2_E, core::f32::consts::LOG2_E), (SHIFT, ROUND_POWER), (LEAST, FLUSH_POWER)];
    for (local, x) in constants.into_iter().chain((OF_POWER..).zip(POWER_POLY)) {
        splat(&mut f, x);
        f.local_set(local);
    }
    f.loop_(BlockType::Empty);

    for best in BEST {
        splat(&mut f, f32::NEG_INFINITY);
        f.local_set(best);
    }
    over(&mut f, s, panels, |f| {
        for (half, best) in (0..).zip(BEST) {
            // Any number or none of them where one is NaN: the row becomes NaN by its sum.
            f.local_get(best).local_get(WALK).v128_load(bytes(half * REGISTER)).f32x4_pmax().local_set(best);
        }
    });
    f.local_get(BEST[0]).local_get(BEST[1]).f32x4_pmax().local_set(TOP);
    across(&mut f, TOP, |f| {
        f.f32x4_pmax();
    });
    f.local_get(TOP).f32x4_extract_lane(0).local_set(LARGEST);

    f.local_get(running).f32_load(bytes(0)).local_set(MAX);
    f.local_get(keep).f32_const(1.0_f32.into()).f32_store(bytes(0));
    f.local_get(LARGEST).local_get(MAX).f32_gt().if_(BlockType::Empty);
    f.local_get(MAX).local_get(LARGEST).f32_sub().f32x4_splat();
    power(&mut f, fused);
    f.local_get(keep).local_get(POWER).f32x4_extract_lane(0).f32_store(bytes(0));
    f.local_get(running).local_get(LARGEST).local_tee(MAX).f32_store(bytes(0));
    f.local_get(running).local_get(running).f32_load(bytes(NUMBER));
    f.local_get(POWER).f32x4_extract_lane(0).f32_mul().f32_store(bytes(NUMBER));
    f.end();

    // A row that has seen only −∞ would give −∞ − −∞ = NaN.
    f.f32_const(0.0_f32.into()).local_get(MAX);
    f.local_get(MAX).f32_const(f32::NEG_INFINITY.into()).f32_eq().select().f32x4_splat().local_set(TOP);
    f.v128_const(0).local_set(SUM);
    over(&mut f, s, panels, |f| {
        for half in 0..2 {
            f.local_get(WALK).v128_load(bytes(half * REGISTER)).local_get(TOP).f32x4_sub();
            power(f, fused);
            f.local_get(WALK).local_get(POWER).v128_store(bytes(half * REGISTER));
            f.local_get(SUM).local_get(POWER).f32x4_add().local_set(SUM);
        }
    });
    across(&mut f, SUM, |f| {
        f.f32x4_add();
    });
    f.local_get(running).local_get(running).f32_load(bytes(NUMBER));
    f.local_get(SUM).f32x4_extract_lane(0).f32_add().f32_store(bytes(NUMBER));

    advance(&mut f, s, ROW);
    advance(&mut f, running, RUNNING);
    advance(&mut f, keep, NUMBER);
    again(&mut f, rows);
    f.end().end();
    function
}

/// `e^x` of what is on the stack, into [`POWER`], as `Power` of `exp.rs` has it.
fn power(f: &mut InstructionSink, fused: bool) {
    // In this order NaN stays: `pmax(a, b)` is a unless it is less than b.
    f.local_get(LOG2_E).f32x4_mul().local_get(LEAST).f32x4_pmax().local_tee(X);
    f.local_get(SHIFT).f32x4_add().local_set(ROUNDED);
    f.local_get(X).local_get(ROUNDED).local_get(SHIFT).f32x4_sub().f32x4_sub().local_set(REST);
    let mut sum = OF_POWER;
    for coefficient in (OF_POWER + 1..).take(POWER_POLY.len() - 1) {
        mul_add(f, fused, sum, REST, coefficient);
        f.local_set(POWER);
        sum = POWER;
    }
    f.local_get(POWER).local_get(ROUNDED).i32_const(23).i32x4_shl().f32x4_mul().local_set(POWER);
}

/// The exponential's constants in their locals.
fn constants(f: &mut InstructionSink) {
    let constants = [(LOG2_E, core::f32::consts::LOG2_E), (SHIFT, ROUND), (LN2[0], -LN2_HIGH), (LN2[1], -LN2_LOW)];
    let constants = constants.into_iter().chain((COEFFICIENT..).zip(POLY)).chain([(ONE, 1.0), (LEAST, FLUSH)]);
    for (local, x) in constants {
        splat(f, x);
        f.local_set(local);
    }
}

/// `(s, dp, panels, rows, of)`: in so many panels of each row weights in place of scores, and derivatives by the scores in place of those by the weights. `of` are one over the cap
/// of the scores, or 0, and then log-sum-exp and delta of each row: `settle.rs` is the same in Rust.
pub fn settle(fused: bool) -> Function {
    let [s, dp, panels, rows, of] = [0, 1, 2, 3, 4];
    // The first two locals behind the parameters are as in `soften`, the next two as many bytes of another kind.
    let (also, [score, delta, inverse, slope]) = (7, [21, 22, 23, 24]);
    let mut function = Function::new([(4, ValType::I32), (20, ValType::V128)]);
    let mut f = function.instructions();
    constants(&mut f);
    f.local_get(of).v128_load32_splat(bytes(0)).local_set(inverse);
    advance(&mut f, of, NUMBER);
    f.loop_(BlockType::Empty);
    f.local_get(of).v128_load32_splat(bytes(0)).local_set(TOP);
    f.local_get(of).v128_load32_splat(bytes(NUMBER)).local_set(delta);
    f.local_get(dp).local_set(also);
    over(&mut f, s, panels, |f| {
        for half in 0..2 {
            let at = bytes(half * REGISTER);
            f.local_get(WALK).v128_load(at).local_tee(score).local_get(TOP).f32x4_sub().local_set(X);
            exp(f, fused);
            f.local_get(WALK).local_get(POWER).v128_store(at);
            // In this order the larger of 0 and NaN is 0.
            f.v128_const(0).local_get(ONE);
            f.local_get(score).local_get(inverse).f32x4_mul().local_tee(slope).local_get(slope).f32x4_mul();
            f.f32x4_sub().f32x4_pmax().local_set(slope);
            f.local_get(also).local_get(POWER);
            f.local_get(also).v128_load(at).local_get(delta).f32x4_sub().f32x4_mul();
            f.local_get(slope).f32x4_mul().v128_store(at);
        }
        advance(f, also, STEP);
    });
    advance(&mut f, s, ROW);
    advance(&mut f, dp, ROW);
    advance(&mut f, of, 2 * NUMBER);
    again(&mut f, rows);
    f.end().end();
    function
}

/// `body` for each panel of a row, [`WALK`] on its first number.
fn over(f: &mut InstructionSink, row: u32, panels: u32, body: impl Fn(&mut InstructionSink)) {
    f.local_get(row).local_set(WALK).local_get(panels).local_set(LEFT).loop_(BlockType::Empty);
    body(f);
    advance(f, WALK, STEP);
    again(f, LEFT);
    f.end();
}

/// Joins the four lanes of a local, all of which hold the result then.
fn across(f: &mut InstructionSink, local: u32, join: impl Fn(&mut InstructionSink)) {
    for by in [8_u8, 4] {
        let lanes = core::array::from_fn(|byte| (byte as u8 + by) % 16);
        f.local_get(local).local_get(local).local_get(local).i8x16_shuffle(lanes);
        join(f);
        f.local_set(local);
    }
}

/// `e^X` into [`POWER`], as `exp.rs` has it.
fn exp(f: &mut InstructionSink, fused: bool) {
    mul_add(f, fused, X, LOG2_E, SHIFT);
    f.local_tee(ROUNDED).local_get(SHIFT).f32x4_sub().local_set(POWER);
    mul_add(f, fused, POWER, LN2[0], X);
    f.local_set(REST);
    mul_add(f, fused, POWER, LN2[1], REST);
    f.local_set(REST);
    f.local_get(COEFFICIENT).local_set(POWER);
    for coefficient in (COEFFICIENT + 1..COEFFICIENT + POLY.len() as u32).chain([ONE, ONE]) {
        mul_add(f, fused, POWER, REST, coefficient);
        f.local_set(POWER);
    }
    f.local_get(POWER).local_get(ROUNDED).i32_const(23).i32x4_shl().f32x4_mul();
    f.local_get(X).local_get(LEAST).f32x4_le().v128_andnot().local_set(POWER);
}

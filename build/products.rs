//! The two products, a few rows by eight columns at a time: `gemm.rs` is the same in Rust.

use std::ops::Range;

use wasm_encoder::{BlockType, Function, InstructionSink, ValType};

use crate::shared::GROUP;
use crate::{NUMBER, REGISTER, ROW, STEP, advance, again, bytes, mul_add};

/// Steps of a loop written out.
const UNROLLED: u64 = 8;

/// Rows whose sums are held at a time, of a group. Without a fused multiply-add the product needs a register of its own, and six rows would spill.
fn passes(rows: u64, fused: bool) -> impl Iterator<Item = Range<u64>> {
    let most = if fused || rows <= 4 { rows } else { rows.div_ceil(2) };
    (0..rows).step_by(most as usize).map(move |from| from..rows.min(from + most))
}

/// Locals of a function behind its parameters: two pointers that move, the steps left, then registers.
struct Locals(u32);

impl Locals {
    fn function(&self, rows: u64) -> Function {
        Function::new([(3, ValType::I32), (3 + 2 * rows as u32, ValType::V128)])
    }

    fn factors(&self) -> u32 {
        self.0
    }

    fn panel(&self) -> u32 {
        self.0 + 1
    }

    fn left(&self) -> u32 {
        self.0 + 2
    }

    fn factor(&self) -> u32 {
        self.0 + 3
    }

    fn right(&self, half: u32) -> u32 {
        self.0 + 4 + half
    }

    fn sum(&self, row: u64, half: u32) -> u32 {
        self.0 + 6 + 2 * row as u32 + half
    }

    /// `steps` steps of `rows`, each along one row of the panel, to the next of which it is `pitch` bytes (a local), or [`STEP`]. The factor of row r and step u lies `at(r, u)` bytes
    /// behind its pointer, which moves by `stride` a step.
    fn steps(
        &self,
        f: &mut InstructionSink,
        rows: Range<u64>,
        fused: bool,
        steps: u64,
        stride: u64,
        pitch: Option<u32>,
        at: impl Fn(u64, u64) -> u64,
    ) {
        for u in 0..steps {
            for half in 0..2 {
                let before = if pitch.is_some() { 0 } else { u * STEP };
                let offset = before + u64::from(half) * REGISTER;
                f.local_get(self.panel()).v128_load(bytes(offset)).local_set(self.right(half));
            }
            for row in rows.clone() {
                f.local_get(self.factors()).v128_load32_splat(bytes(at(row, u))).local_set(self.factor());
                for half in 0..2 {
                    let sum = self.sum(row, half);
                    mul_add(f, fused, self.factor(), self.right(half), sum);
                    f.local_set(sum);
                }
            }
            if let Some(pitch) = pitch {
                f.local_get(self.panel()).local_get(pitch).i32_add().local_set(self.panel());
            }
        }
        advance(f, self.factors(), steps * stride);
        if pitch.is_none() {
            advance(f, self.panel(), steps * STEP);
        }
    }

    /// As many steps as local `count` says, [`UNROLLED`] at a time and then one by one.
    fn all(
        &self,
        f: &mut InstructionSink,
        rows: Range<u64>,
        fused: bool,
        count: u32,
        stride: u64,
        pitch: Option<u32>,
        at: impl Fn(u64, u64) -> u64 + Copy,
    ) {
        for steps in [UNROLLED, 1] {
            f.local_get(count);
            if steps == UNROLLED {
                f.i32_const(UNROLLED.trailing_zeros() as i32).i32_shr_u();
            } else {
                f.i32_const(UNROLLED as i32 - 1).i32_and();
            }
            f.local_tee(self.left()).if_(BlockType::Empty).loop_(BlockType::Empty);
            self.steps(f, rows.clone(), fused, steps, stride, pitch, at);
            again(f, self.left());
            f.end().end();
        }
    }
}

/// `(q, panels, d, count, s)`: `Σ_x q[x][r] · k[x][j]` of the rows (`q` is `[d][rows]`) with `count` panels (`[count][d][8]`), into rows of [`KEYS`] at `s`.
pub fn scores(rows: u64, fused: bool) -> Function {
    let [q, panels, d, count, s] = [0, 1, 2, 3, 4];
    let locals = Locals(5);
    let mut function = locals.function(rows);
    let mut f = function.instructions();
    f.loop_(BlockType::Empty);
    for pass in passes(rows, fused) {
        for (row, half) in tiles(pass.clone()) {
            f.v128_const(0).local_set(locals.sum(row, half));
        }
        f.local_get(q).local_set(locals.factors()).local_get(panels).local_set(locals.panel());
        locals.all(&mut f, pass.clone(), fused, d, rows * NUMBER, None, |row, u| (u * rows + row) * NUMBER);
        for (row, half) in tiles(pass) {
            let at = row * ROW + u64::from(half) * REGISTER;
            f.local_get(s).local_get(locals.sum(row, half)).v128_store(bytes(at));
        }
    }
    f.local_get(locals.panel()).local_set(panels);
    advance(&mut f, s, STEP);
    again(&mut f, count);
    f.end().end();
    function
}

/// `(p, v, keys, keep, o, panels, gap, pitch)`: `o[r] = keep[r] · o[r] + Σ_k p[r][k] · v[k]` of the rows for each of `panels` panels: `keys` rows of the panel
/// from `v` on, `pitch` bytes from one to the next and `gap` more to the next panel; `p` has rows of [`KEYS`], `o` is `[panels][GROUP][8]`.
pub fn values(rows: u64, fused: bool) -> Function {
    let [p, v, keys, keep, o, panels, gap, pitch] = [0, 1, 2, 3, 4, 5, 6, 7];
    let locals = Locals(8);
    let mut function = locals.function(rows);
    let mut f = function.instructions();
    f.loop_(BlockType::Empty);
    for pass in passes(rows, fused) {
        for (row, half) in tiles(pass.clone()) {
            f.local_get(o).v128_load(bytes(row * STEP + u64::from(half) * REGISTER));
            f.local_get(keep).v128_load32_splat(bytes(row * NUMBER)).f32x4_mul().local_set(locals.sum(row, half));
        }
        f.local_get(p).local_set(locals.factors()).local_get(v).local_set(locals.panel());
        locals.all(&mut f, pass.clone(), fused, keys, NUMBER, Some(pitch), |row, u| row * ROW + u * NUMBER);
        for (row, half) in tiles(pass) {
            let at = row * STEP + u64::from(half) * REGISTER;
            f.local_get(o).local_get(locals.sum(row, half)).v128_store(bytes(at));
        }
    }
    f.local_get(locals.panel()).local_get(gap).i32_add().local_set(v);
    advance(&mut f, o, GROUP as u64 * STEP);
    again(&mut f, panels);
    f.end().end();
    function
}

/// Every half row of a pass.
fn tiles(rows: Range<u64>) -> impl Iterator<Item = (u64, u32)> {
    rows.flat_map(|row| [(row, 0), (row, 1)])
}

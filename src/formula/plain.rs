//! The plain evaluator: one cell at a time, every operation in order. It is the judge of all other evaluations, so it
//! knows nothing of folding, tables or lanes.

use super::Formula;
use super::bind::Resolved;
use super::table::{MAX_OPERANDS, ROWS};
use super::typed::{Op, Operands};
use super::values::Var;

/// Where a formula is evaluated.
#[derive(Clone, Copy, Debug)]
pub struct Cell {
    pub b: i32,
    pub h: i32,
    pub q: i32,
    pub k: i32,
    /// The score or the weight so far.
    pub x: f32,
}

/// The bits of the result at one cell.
pub fn evaluate(formula: &Formula, with: &Resolved, cell: Cell) -> u32 {
    let mut results: Vec<u32> = Vec::with_capacity(formula.nodes().len());
    for node in formula.nodes() {
        let value = match node.op {
            Op::Constant(bits) => bits,
            Op::Var(var) => variable(var, with, cell),
            Op::Param(at) => with.params[usize::from(at)],
            Op::Row(row, operands) => {
                let (bits, count) = gather(&operands, &results);
                (ROWS[usize::from(row)].plain)(&bits[..count])
            }
            Op::Read(data, operands) => {
                let data = &with.data[usize::from(data)];
                data.values.bits(data.position(operands.iter().map(|id| results[id] as i32)))
            }
        };
        results.push(value);
    }
    results.last().copied().unwrap_or_default()
}

/// The bits of a built-in variable.
pub fn variable(var: Var, with: &Resolved, cell: Cell) -> u32 {
    let int = match var {
        Var::B => cell.b,
        Var::H => cell.h,
        Var::Q => cell.q,
        Var::QPos => cell.q.wrapping_add(with.sizes.offset_of(cell.b)),
        Var::K => cell.k,
        Var::NQ => with.sizes.n_q,
        Var::NK => with.sizes.n_k,
        Var::NH => with.sizes.heads,
        Var::S | Var::P => return cell.x.to_bits(),
    };
    int as u32
}

/// The operands' values, in a fixed array with their number.
pub fn gather(operands: &Operands, results: &[u32]) -> ([u32; MAX_OPERANDS], usize) {
    let mut bits = [0; MAX_OPERANDS];
    for (slot, id) in bits.iter_mut().zip(operands.iter()) {
        *slot = results[id];
    }
    (bits, operands.count())
}

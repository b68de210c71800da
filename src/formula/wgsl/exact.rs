//! Whether a formula means the same in WGSL, whatever the device: its floats never pass through an operation that WGSL leaves room in.

use crate::formula::bind::{Bound, Inner};
use crate::formula::bounds::{Known, Rectangle, known_steps};
use crate::formula::machine::reach;
use crate::formula::program::all;
use crate::formula::table::{ROWS, Row};
use crate::formula::typed::Op;
use crate::formula::values::Ty;

/// Whole numbers up to here are floats without rounding.
const WHOLE: i64 = 1 << 24;

impl Bound {
    /// Whether every device gives the same answer for every cell. Whole numbers and booleans always do; floats do where they are only read,
    /// chosen between and compared. WGSL may round sums either way, flush tiny numbers to 0 and forget about infinities. A mask for which
    /// this is false is to be evaluated on the CPU.
    pub fn exact_in_wgsl(&self) -> bool {
        let inner = &*self.0;
        let order = reach(&inner.steps, inner.root, |at| inner.table_of[at].is_some());
        let sizes = &inner.with.sizes;
        let everywhere = Rectangle { b: all(sizes.batch), h: all(sizes.heads), q: all(sizes.n_q), k: all(sizes.n_k) };
        let known = known_steps(inner, &(0..inner.steps.len()).collect::<Vec<_>>(), &everywhere);
        let mut exact = vec![true; inner.steps.len()];
        for &at in &order {
            exact[at] = step_is_exact(inner, at, &exact, &known);
        }
        exact[inner.root]
    }
}

fn step_is_exact(inner: &Inner, at: usize, exact: &[bool], known: &[Known]) -> bool {
    let step = &inner.steps[at];
    if let Some(table) = inner.table_of[at] {
        let table = &inner.tables[table];
        let (batch, heads, length) = table.extents();
        return step.ty != Ty::Float || (0..batch * heads * length).all(|i| clean(table.bits(i)));
    }
    match step.op {
        Op::Constant(bits) => step.ty != Ty::Float || clean(bits),
        Op::Param(_) => step.ty != Ty::Float,
        Op::Var(_) => step.ty != Ty::Float,
        Op::Read(data, operands) => {
            let values = &inner.with.data[usize::from(data)].values;
            operands.iter().all(|id| exact[id])
                && (step.ty != Ty::Float || (0..values.len()).all(|i| clean(values.bits(i))))
        }
        Op::Row(row, operands) => {
            let row = &ROWS[usize::from(row)];
            operands.iter().all(|id| exact[id])
                && (step.ty != Ty::Float
                    || keeps(row)
                    || operands.iter().all(|id| whole(known, id)) && row.name == "float")
        }
    }
}

/// Operations that give one of their operands, or its negative, or a small whole number.
fn keeps(row: &Row) -> bool {
    match row.name {
        "-" => row.operands.len() == 1,
        "abs" | "sign" | "min" | "max" | "clamp" | "where" => true,
        "float" => row.operands[0] != Ty::Int,
        _ => false,
    }
}

fn whole(known: &[Known], id: usize) -> bool {
    matches!(known[id], Known::Int(i) if -WHOLE <= i.low && i.high <= WHOLE)
}

/// A number that WGSL keeps: no NaN, no infinity, nothing that may be flushed to 0.
fn clean(bits: u32) -> bool {
    let value = f32::from_bits(bits);
    value == 0.0 || value.is_normal()
}

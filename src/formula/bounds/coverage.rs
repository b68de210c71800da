//! Is a mask empty, full or mixed over a rectangle?

use std::ops::Range;

use super::{Floats, Ints, Known, Truth};
use crate::formula::bind::{Bound, Inner};
use crate::formula::program::{Axis, Linear, Step, compare};
use crate::formula::table::ROWS;
use crate::formula::typed::{Op, Operands};
use crate::formula::values::Var;

/// What a mask is over a rectangle. `Empty` and `Full` are certain; `Mixed` means mixed or not known.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
pub enum Coverage {
    /// No cell is allowed.
    Empty,
    /// Every cell is allowed.
    Full,
    /// Some are and some are not, or it is not known.
    Mixed,
}

impl Coverage {
    /// From what is known of a mask's value.
    pub(super) fn of(known: Known) -> Self {
        match known {
            Known::Bool(Truth { yes: false, .. }) => Coverage::Empty,
            Known::Bool(Truth { no: false, .. }) => Coverage::Full,
            _ => Coverage::Mixed,
        }
    }
}

/// Ranges of the variables, inclusive and not empty.
#[derive(Clone, Copy, Debug)]
pub struct Rectangle {
    pub b: (i64, i64),
    pub h: (i64, i64),
    pub q: (i64, i64),
    pub k: (i64, i64),
}

impl Bound {
    /// What the mask is for one batch entry and head over a rectangle of queries and keys. An empty rectangle is
    /// `Empty`. Only masks have a coverage; other formulas are `Mixed`.
    ///
    /// Costs a few hundred nanoseconds, whatever the rectangle's size.
    pub fn coverage(&self, b: i32, h: i32, q: Range<i32>, k: Range<i32>) -> Coverage {
        let inner = &*self.0;
        let q = (i64::from(q.start.max(0)), i64::from(q.end.min(inner.with.sizes.n_q)) - 1);
        let k = (i64::from(k.start.max(0)), i64::from(k.end.min(inner.with.sizes.n_k)) - 1);
        if q.0 > q.1 || k.0 > k.1 {
            return Coverage::Empty;
        }
        let rectangle = Rectangle { b: (b.into(), b.into()), h: (h.into(), h.into()), q, k };
        Coverage::of(known_steps(inner, &inner.bounded, &rectangle)[inner.root])
    }
}

/// What is known about each of the steps listed in `order`, which must hold every step that another in it refers to;
/// only behind tables, in a rectangle of one batch entry and head, nothing more is needed.
pub fn known_steps(inner: &Inner, order: &[usize], rectangle: &Rectangle) -> Vec<Known> {
    let mut known = vec![Known::Bool(Truth::ANY); inner.root.max(order.last().copied().unwrap_or(0)) + 1];
    for &at in order {
        let step = &inner.steps[at];
        let table = inner.table_of.get(at).copied().flatten().and_then(|t| inner.tables[t].known(rectangle));
        // A table knows all there is to know: it summarises the very values.
        known[at] = match table {
            Some(exact) => exact,
            None => by_operands(inner, step, &known, rectangle),
        };
    }
    known
}

fn by_operands(inner: &Inner, step: &Step, known: &[Known], rectangle: &Rectangle) -> Known {
    let own = match step.op {
        Op::Constant(bits) => Known::constant(step.ty, bits),
        Op::Param(_) => Known::any(step.ty),
        Op::Var(var) => variable(inner, var, rectangle),
        Op::Row(row, operands) => {
            let row = &ROWS[usize::from(row)];
            let mut list = [Known::Bool(Truth::ANY); crate::formula::table::MAX_OPERANDS];
            let mut bits = [0; crate::formula::table::MAX_OPERANDS];
            let mut single = true;
            for (i, id) in operands.iter().enumerate() {
                list[i] = known[id];
                match known[id].only() {
                    Some(only) => bits[i] = only,
                    None => single = false,
                }
            }
            let count = operands.count();
            let own = if single {
                Known::constant(step.ty, (row.plain)(&bits[..count]))
            } else {
                (row.bounds)(&list[..count])
            };
            match step.difference.and_then(|d| linear(inner, d, rectangle)) {
                Some((low, high)) => own.meet(Known::Bool(compared(row.name, low, high))),
                None => own,
            }
        }
        Op::Read(data, operands) => read(inner, usize::from(data), operands, known),
    };
    match step.linear.and_then(|l| linear(inner, l, rectangle)) {
        Some((low, high)) => own.meet(Known::Int(Ints::range(low, high))),
        None => own,
    }
}

/// The range of a linear form over the rectangle. On diagonals q and k are not free, but the ends are reached.
fn linear(inner: &Inner, form: Linear, r: &Rectangle) -> Option<(i64, i64)> {
    form.range(r.q, r.k, offsets(inner, r))
}

fn offsets(inner: &Inner, r: &Rectangle) -> (i64, i64) {
    let sizes = &inner.with.sizes;
    if r.b.0 == r.b.1 {
        let offset = i64::from(sizes.offset_of(r.b.0 as i32));
        return (offset, offset);
    }
    crate::formula::program::offsets(sizes)
}

fn variable(inner: &Inner, var: Var, r: &Rectangle) -> Known {
    let offset = offsets(inner, r);
    let (low, high) = match var {
        Var::B => r.b,
        Var::H => r.h,
        Var::Q => r.q,
        Var::K => r.k,
        Var::QPos => (r.q.0 + offset.0, r.q.1 + offset.1),
        Var::S | Var::P => return Known::Float(Floats::ANY),
        Var::NQ | Var::NK | Var::NH => return Known::Int(Ints::ANY),
    };
    Known::Int(Ints::range(low, high))
}

/// What a comparison says if the difference of its sides is within a range.
fn compared(operator: &str, low: i64, high: i64) -> Truth {
    match operator {
        "==" => Truth::decide(low == 0 && high == 0, low > 0 || high < 0),
        "!=" => Truth::decide(low > 0 || high < 0, low == 0 && high == 0),
        _ => {
            let (a, b) = (compare(operator, low), compare(operator, high));
            Truth::decide(a && b, !a && !b)
        }
    }
}

/// How many stretches of a table are looked at before giving up.
const MOST_STRETCHES: i64 = 64;

/// The part of a table that the indices can reach: stretches along the last dimension.
fn read(inner: &Inner, data: usize, operands: Operands, known: &[Known]) -> Known {
    let table = &inner.with.data[data];
    let ty = table.values.ty();
    let Some(index) = inner.indices.get(data).and_then(Option::as_ref) else { return Known::any(ty) };
    let mut ranges = [(0i64, 0i64); crate::formula::table::MAX_OPERANDS];
    let count = operands.count();
    for ((slot, id), &extent) in ranges.iter_mut().zip(operands.iter()).zip(&table.shape) {
        let Known::Int(i) = known[id] else { return Known::any(ty) };
        let last = extent as i64 - 1;
        *slot = (i.low.clamp(0, last), i.high.clamp(0, last));
    }
    let Some(outer) = count.checked_sub(1) else { return Known::any(ty) };
    let stretches = ranges[..outer].iter().try_fold(1i64, |n, (low, high)| n.checked_mul(high - low + 1));
    let (from, to) = ranges[outer];
    let bits = |at: usize| table.values.bits(at);
    match stretches {
        Some(stretches) if stretches <= MOST_STRETCHES => {
            let mut result: Option<Known> = None;
            for stretch in 0..stretches {
                let (mut rest, mut start, mut scale) = (stretch, 0, 1i64);
                for dim in (0..count).rev() {
                    let (low, high) = ranges[dim];
                    if dim == outer {
                        start += low;
                    } else {
                        let width = high - low + 1;
                        start += (low + rest % width) * scale;
                        rest /= width;
                    }
                    scale *= table.shape[dim] as i64;
                }
                let part = index.query(start as usize, (start + to - from + 1) as usize, bits);
                result = Some(result.map_or(part, |r| r.hull(part)));
            }
            result.unwrap_or(Known::any(ty))
        }
        _ => index.query(0, table.values.len(), bits),
    }
}

/// Which stretch of a table along `axis` a rectangle touches: from, to (inclusive), in the table's own order.
pub fn stretch(axis: Axis, n_q: i32, r: &Rectangle) -> Option<(i64, i64)> {
    match axis {
        Axis::Query => Some(r.q),
        Axis::Key => Some(r.k),
        Axis::Diagonal => {
            let zero = i64::from(n_q) - 1;
            Some((r.k.0 - r.q.1 + zero, r.k.1 - r.q.0 + zero))
        }
        Axis::None | Axis::Both => None,
    }
}

//! What a mask looks like within a rectangle, apart from where the rectangle lies.
//!
//! Masks repeat: a window is the same along the diagonal, a stride the same after each period, a fractal the same in every square that it does not
//! leave empty. The signature of a rectangle holds of each undecided part of the formula only what its values within the rectangle depend on, beside
//! the distance from its first cell: of a linear form its value there, of a remainder that value modulo the divisor, of bit operations the low bits
//! and the few values that the others take. Two rectangles of one size with the same signature hold the same mask.

use super::{Coverage, Known, Rectangle, known_steps};
use crate::formula::bind::{Bound, Inner};
use crate::formula::program::{Axis, Linear};
use crate::formula::table::ROWS;
use crate::formula::typed::Op;

/// The longest piece of a table whose contents are a signature, and the most stretches of one value in it; beyond, its place stands for it.
const MOST_ENTRIES: i64 = 512;
const MOST_STRETCHES: usize = 16;
/// The most forms that bit operations may join: each can have one of two parts above the low bits.
const MOST_LEAVES: usize = 5;

impl Bound {
    /// As [`Bound::coverage`] of a rectangle within the bound sizes (ends exclusive and not empty); where it is mixed, the rectangle's signature is
    /// appended to `key`.
    pub fn signed_coverage(&self, b: i32, h: i32, q: (i32, i32), k: (i32, i32), key: &mut Vec<i64>) -> Coverage {
        let inner = &*self.0;
        let closed = |(from, to): (i32, i32)| (i64::from(from), i64::from(to) - 1);
        let rectangle = Rectangle { b: (b.into(), b.into()), h: (h.into(), h.into()), q: closed(q), k: closed(k) };
        let known = known_steps(inner, &inner.bounded, &rectangle);
        let said = Coverage::of(known[inner.root]);
        if said == Coverage::Mixed {
            let shift = i64::from(inner.with.sizes.offset_of(b));
            // What a table holds may repeat where its place does not: its own parts are asked too.
            let known = known_steps(inner, &inner.whole, &rectangle);
            let mut signer =
                Signer { inner, known: &known, r: &rectangle, shift, seen: vec![false; inner.steps.len()], key };
            signer.step(inner.root);
        }
        said
    }
}

struct Signer<'a> {
    inner: &'a Inner,
    known: &'a [Known],
    r: &'a Rectangle,
    /// `q_pos − q`.
    shift: i64,
    /// Steps that the key holds already.
    seen: Vec<bool>,
    key: &'a mut Vec<i64>,
}

impl Signer<'_> {
    /// Appends what step `at` depends on. Each entry begins with the step's number, so that keys of different make never agree.
    fn step(&mut self, at: usize) {
        if std::mem::replace(&mut self.seen[at], true) {
            return;
        }
        let inner = self.inner;
        let step = &inner.steps[at];
        self.key.push(at as i64);
        if let Some(bits) = self.known[at].only() {
            self.key.extend([-1, i64::from(bits)]);
            return;
        }
        if let Some(form) = step.linear.or(step.difference) {
            self.key.extend([-2, self.corner(form)]);
            return;
        }
        if self.content(&[at], false) {
            return;
        }
        match step.op {
            Op::Row(row, operands) => {
                let ids: Vec<usize> = operands.iter().collect();
                if !self.short(ROWS[usize::from(row)].name, at, &ids) {
                    ids.into_iter().for_each(|id| self.step(id));
                }
            }
            Op::Read(_, operands) => operands.iter().for_each(|id| self.step(id)),
            Op::Constant(_) | Op::Var(_) | Op::Param(_) => {}
        }
    }

    /// Operations whose values repeat.
    fn short(&mut self, name: &str, at: usize, ids: &[usize]) -> bool {
        match (name, ids) {
            ("%", &[a, _]) => {
                let Some(divisor) = self.divisor(ids) else { return false };
                let period = match self.quotient(a) {
                    // x // m % c begins again after m · c.
                    Some((value, inner)) => inner.checked_mul(divisor).map(|period| (value, period)),
                    None => self.inner.steps[a].linear.map(|form| (self.corner(form), divisor)),
                };
                let Some((value, period)) = period else { return false };
                self.key.extend([-3, value.rem_euclid(period)]);
                true
            }
            ("//" | ">>", _) => {
                let Some((value, divisor)) = self.quotient(at) else { return false };
                self.key.extend([-4, value]);
                debug_assert!(divisor > 0);
                true
            }
            // Documents: which numbers they have does not matter, only where they are the same.
            ("==" | "!=", _) if self.content(ids, true) => true,
            ("==" | "!=", &[bits, number]) if self.number(number).is_some() => {
                let number = self.number(number).map(|number| number as i32 as u32);
                self.inner.steps[bits].linear.is_none() && self.bits(bits, -3, number)
            }
            ("==" | "!=" | "<" | "<=" | ">" | ">=", &[a, b]) => {
                // Numbers of two blocks compare as their difference does.
                let (Some((a, by)), Some((b, same))) = (self.quotient(a), self.quotient(b)) else { return false };
                if by != same {
                    return false;
                }
                let blocks = a.div_euclid(by) - b.div_euclid(by);
                self.key.extend([-5, a.rem_euclid(by), b.rem_euclid(by), blocks]);
                true
            }
            ("&" | "|" | "^" | "~", _) => self.bits(at, -2, None),
            _ => false,
        }
    }

    /// Appends what tables along rows or columns hold in the rectangle, if it is short and constant over a few stretches; with `renamed` the first value
    /// that is met counts as 0, the next one as 1. Only with room for everything is anything appended.
    fn content(&mut self, steps: &[usize], renamed: bool) -> bool {
        let start = self.key.len();
        let mut names = Vec::new();
        for &at in steps {
            let fits = self.inner.table_of[at].is_some_and(|table| {
                let table = &self.inner.tables[table];
                let (from, to) = match table.axis() {
                    Axis::Query => self.r.q,
                    Axis::Key => self.r.k,
                    _ => return false,
                };
                if to - from >= MOST_ENTRIES {
                    return false;
                }
                let first = table.position(self.r.b.0 as i32, self.r.h.0 as i32, self.r.q.0 as i32, self.r.k.0 as i32);
                let mut last = None;
                for place in 0..=(to - from) {
                    let value = table.bits(first + place as usize);
                    if last == Some(value) {
                        continue;
                    }
                    last = Some(value);
                    let name = names.iter().position(|&name| name == value).unwrap_or_else(|| {
                        names.push(value);
                        names.len() - 1
                    });
                    self.key.extend([-7 - place, if renamed { name as i64 } else { value.into() }]);
                    if self.key.len() > start + 2 * MOST_STRETCHES {
                        return false;
                    }
                }
                true
            });
            if !fits {
                self.key.truncate(start);
                return false;
            }
            self.key.push(-6);
        }
        true
    }

    /// A linear form in the rectangle's first cell.
    fn corner(&self, form: Linear) -> i64 {
        form.query * self.r.q.0 + form.key * self.r.k.0 + form.shift * self.shift + form.constant
    }

    /// The divisor of a remainder or a quotient, if it is a number above 0.
    fn divisor(&self, ids: &[usize]) -> Option<i64> {
        self.number(*ids.get(1)?).filter(|&number| number > 0)
    }

    /// The value of a step that is a number.
    fn number(&self, at: usize) -> Option<i64> {
        let form = self.inner.steps[at].linear?;
        (form.query == 0 && form.key == 0 && form.shift == 0).then_some(form.constant)
    }

    /// Of a linear form divided by a number, the form in the first cell and the number. Shifting right divides by a power of two.
    fn quotient(&self, at: usize) -> Option<(i64, i64)> {
        let Op::Row(row, operands) = self.inner.steps[at].op else { return None };
        let ids: Vec<usize> = operands.iter().collect();
        let divisor = match ROWS[usize::from(row)].name {
            "//" => self.divisor(&ids)?,
            ">>" => 1 << self.divisor(&ids).filter(|&by| by < 31)?,
            _ => return None,
        };
        Some((self.corner(self.inner.steps[ids[0]].linear?), divisor))
    }

    /// Bit operations over linear forms, or whether they are `equal` to a number. A form that ranges over less than 2^j values has at most two different
    /// parts above bit j; which of them a cell has, and the bits below, follow from where the form begins modulo 2^j.
    fn bits(&mut self, at: usize, tag: i64, equal: Option<u32>) -> bool {
        let mut leaves = Vec::new();
        if !self.leaves(at, &mut leaves) || leaves.len() > MOST_LEAVES {
            return false;
        }
        let mut span = 0;
        let mut begins = Vec::new();
        for form in leaves {
            let Some((low, high)) = form.range(self.r.q, self.r.k, (self.shift, self.shift)) else { return false };
            span = span.max((high - low) as u32);
            begins.push((low as i32 as u32, (high - low) as u32));
        }
        let low = u32::MAX.checked_shr(span.leading_zeros()).unwrap_or(0);
        self.key.extend([tag, i64::from(low)]);
        self.key.extend(begins.iter().map(|(begin, _)| i64::from(begin & low)));
        for choice in 0..1_u32 << begins.len() {
            let ends = |i: usize| choice >> i & 1 == 1;
            if begins.iter().enumerate().any(|(i, &(begin, span))| ends(i) && (begin & low) <= low - span) {
                continue;
            }
            let parts = begins.iter().enumerate();
            let mut parts = parts
                .map(|(i, &(begin, _))| (begin & !low).wrapping_add(if ends(i) { low.wrapping_add(1) } else { 0 }));
            let above = self.above(at, &mut parts) & !low;
            self.key.push(equal.map_or(above.into(), |number| i64::from(above == number & !low)));
        }
        true
    }

    /// The linear forms that a step combines by bit operations and nothing else.
    fn leaves(&self, at: usize, into: &mut Vec<Linear>) -> bool {
        let step = &self.inner.steps[at];
        if let Some(form) = step.linear {
            into.push(form);
            return true;
        }
        match step.op {
            Op::Row(row, operands) if matches!(ROWS[usize::from(row)].name, "&" | "|" | "^" | "~") => {
                operands.iter().all(|id| self.leaves(id, into))
            }
            _ => false,
        }
    }

    /// The step with the given values for its leaves, in order; only called for what [`Self::leaves`] accepts.
    fn above(&self, at: usize, leaves: &mut dyn Iterator<Item = u32>) -> u32 {
        let step = &self.inner.steps[at];
        match (step.linear, step.op) {
            (None, Op::Row(row, operands)) => {
                let mut bits = [0; crate::formula::table::MAX_OPERANDS];
                for (bits, id) in bits.iter_mut().zip(operands.iter()) {
                    *bits = self.above(id, leaves);
                }
                (ROWS[usize::from(row)].plain)(&bits[..operands.count()])
            }
            _ => leaves.next().unwrap_or(0),
        }
    }
}

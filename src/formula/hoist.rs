//! Tables of one variable: parts of a formula that change with the row only, the column only or the diagonal only are
//! computed once, for every value of that variable, and looked up from then on.

use super::bind::Resolved;
use super::bounds::{Counts, Known, RangeIndex, Rectangle, Truth, stretch};
use super::machine::{Machine, reach};
use super::program::{Axis, Step};
use super::table::{LANES, Register};
use super::typed::Op;
use super::values::{Sizes, Ty};

/// The most entries that one table may have.
const MOST_ENTRIES: usize = 1 << 20;

/// The same for booleans, a byte each: the diagonals of a million queries and keys.
const MOST_BOOLEANS: usize = 1 << 21;

/// The same for numbers that differ between heads or batch entries: past this, what the heads share is hoisted and the
/// rest is computed along with everything else.
const MOST_NUMBERS_APART: usize = 1 << 18;

/// The values of a step along its axis, for every batch entry and head that it depends on.
#[derive(Debug)]
pub struct Table {
    axis: Axis,
    /// Batch entries and heads that have stretches of their own; 1 if all share.
    batch: usize,
    heads: usize,
    length: usize,
    n_q: i32,
    entries: Held,
}

/// Entries, followed by as many as a register holds beyond the end.
#[derive(Debug)]
enum Held {
    Bool(Vec<u8>, Counts),
    Words(Vec<u32>, RangeIndex),
}

impl Table {
    /// Whether a step may become a table: one axis, more than a linear form, not too large.
    pub fn fits(step: &Step, sizes: &Sizes) -> bool {
        let trivial = matches!(step.op, Op::Constant(_) | Op::Param(_) | Op::Var(_)) || step.linear.is_some();
        let (batch, heads, length) = extents(step, sizes);
        let entries = batch.saturating_mul(heads).saturating_mul(length);
        let most = match step.ty {
            Ty::Bool => MOST_BOOLEANS,
            _ if batch.max(heads) > 1 => MOST_NUMBERS_APART,
            _ => MOST_ENTRIES,
        };
        !trivial && !step.needs.x && length > 0 && entries <= most
    }

    /// Computes step `at` along its axis.
    pub fn build(steps: &[Step], at: usize, with: &Resolved) -> Self {
        let step = &steps[at];
        let sizes = &with.sizes;
        let (batch, heads, length) = extents(step, sizes);
        let mut machine = Machine::whole(steps, at);
        let mut words = vec![0u32; batch * heads * length + LANES];
        let mut start = 0;
        for b in 0..batch as i32 {
            for h in 0..heads as i32 {
                for from in (0..length).step_by(LANES) {
                    let (mut q, mut k): (Register, Register) = ([0; LANES], [0; LANES]);
                    for lane in 0..LANES {
                        let (row, column) = place(step.needs.axis, (from + lane).min(length - 1) as i32, sizes);
                        (q[lane], k[lane]) = (row as u32, column as u32);
                    }
                    let result = machine.run_whole(steps, with, b, h, &q, &k);
                    words[start + from..start + (from + LANES).min(length)]
                        .copy_from_slice(&result[..LANES.min(length - from)]);
                }
                start += length;
            }
        }
        let entries = if step.ty == Ty::Bool {
            let bytes: Vec<u8> = words.iter().map(|&w| w as u8).collect();
            let counts = Counts::new(&bytes);
            Held::Bool(bytes, counts)
        } else {
            let index = RangeIndex::new(step.ty, start, |i| words[i]);
            Held::Words(words, index)
        };
        Table { axis: step.needs.axis, batch, heads, length, n_q: sizes.n_q, entries }
    }

    /// Whether it changes along the row that is being computed.
    pub fn along_row(&self) -> bool {
        self.axis != Axis::Query
    }

    /// How far back the entry of a key stands with every query on.
    pub fn step(&self) -> usize {
        usize::from(self.axis == Axis::Diagonal)
    }

    /// What the entries stand along.
    pub fn axis(&self) -> Axis {
        self.axis
    }

    /// Batch entries, heads (1 each where all share) and values along the axis; entries are in that order, row-major.
    pub fn extents(&self) -> (usize, usize, usize) {
        (self.batch, self.heads, self.length)
    }

    /// Place of the main diagonal (`k = q`) in a table along diagonals.
    pub fn diagonal(&self) -> i32 {
        self.n_q - 1
    }

    fn start(&self, b: i64, h: i64) -> usize {
        let b = if self.batch > 1 { b as usize } else { 0 };
        let h = if self.heads > 1 { h as usize } else { 0 };
        (b * self.heads + h) * self.length
    }

    /// Position of a cell.
    #[inline]
    pub fn position(&self, b: i32, h: i32, q: i32, k: i32) -> usize {
        let at = match self.axis {
            Axis::Query => q,
            Axis::Diagonal => k - q + self.n_q - 1,
            _ => k,
        };
        self.start(b.into(), h.into()) + at as usize
    }

    /// The entry at a position.
    pub fn bits(&self, at: usize) -> u32 {
        match &self.entries {
            Held::Bool(bytes, _) => bytes.get(at).copied().unwrap_or(0).into(),
            Held::Words(words, _) => words.get(at).copied().unwrap_or(0),
        }
    }

    /// The entries from a position on, one for each lane.
    #[inline]
    pub fn load(&self, at: usize, out: &mut Register) {
        match &self.entries {
            Held::Bool(bytes, _) => {
                for (out, &byte) in out.iter_mut().zip(bytes.get(at..at + LANES).unwrap_or(&[])) {
                    *out = byte.into();
                }
            }
            Held::Words(words, _) => {
                if let Some(words) = words.get(at..at + LANES) {
                    out.copy_from_slice(words);
                }
            }
        }
    }

    /// Boolean entries as bytes, 0 or 1.
    pub fn bytes(&self) -> Option<&[u8]> {
        if let Held::Bool(bytes, _) = &self.entries { Some(bytes) } else { None }
    }

    /// Entries that are numbers, as bits.
    pub fn words(&self) -> Option<&[u32]> {
        if let Held::Words(words, _) = &self.entries { Some(words) } else { None }
    }

    /// What is known about all entries.
    pub fn everything(&self) -> Option<Known> {
        match &self.entries {
            Held::Words(words, index) => Some(index.query(0, self.batch * self.heads * self.length, |i| words[i])),
            Held::Bool(..) => None,
        }
    }

    /// What is known about the entries that a rectangle touches, if it lies within one batch entry and head as far as
    /// they differ.
    pub fn known(&self, r: &Rectangle) -> Option<Known> {
        let (from, to) = stretch(self.axis, self.n_q, r)?;
        let single = |(low, high): (i64, i64), own: usize| own == 1 || low == high;
        if !single(r.b, self.batch) || !single(r.h, self.heads) {
            return None;
        }
        let start = self.start(r.b.0, r.h.0);
        let (from, to) = (start + from as usize, start + to as usize + 1);
        Some(match &self.entries {
            Held::Bool(bytes, counts) => {
                let set = counts.count(bytes, from, to);
                Known::Bool(Truth { no: set < to - from, yes: set > 0 })
            }
            Held::Words(words, index) => index.query(from, to, |i| words[i]),
        })
    }
}

/// What changes along one axis only as tables, and for each step the table that holds it.
pub fn hoisted(steps: &[Step], root: usize, with: &Resolved) -> (Vec<Table>, Vec<Option<usize>>) {
    let fits: Vec<bool> = steps.iter().map(|step| Table::fits(step, &with.sizes)).collect();
    let mut tables = Vec::new();
    let mut table_of = vec![None; steps.len()];
    for at in reach(steps, root, |at| fits[at]) {
        if fits[at] {
            table_of[at] = Some(tables.len());
            tables.push(Table::build(steps, at, with));
        }
    }
    (tables, table_of)
}

/// Batch entries, heads and values along the axis that a step's table needs.
fn extents(step: &Step, sizes: &Sizes) -> (usize, usize, usize) {
    let size = |n: i32| n.max(0) as usize;
    let length = match step.needs.axis {
        Axis::Query => size(sizes.n_q),
        Axis::Key => size(sizes.n_k),
        Axis::Diagonal if sizes.n_q > 0 && sizes.n_k > 0 => size(sizes.n_q) + size(sizes.n_k) - 1,
        _ => 0,
    };
    (if step.needs.b { size(sizes.batch) } else { 1 }, if step.needs.h { size(sizes.heads) } else { 1 }, length)
}

/// A cell where the table's variable has its value number `at`; diagonals run from k - q = 1 - n_q upward.
pub fn place(axis: Axis, at: i32, sizes: &Sizes) -> (i32, i32) {
    match axis {
        Axis::Query => (at, 0),
        Axis::Diagonal => {
            let ahead = at - (sizes.n_q - 1);
            ((-ahead).max(0), ahead.max(0))
        }
        _ => (0, at),
    }
}

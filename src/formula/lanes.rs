//! Evaluation of a row segment at a time: every operation runs over [`LANES`] cells in a loop that LLVM vectorises.
//! What does not change along the row is computed once per row. Where a formula has a function of its own ([`super::compiled`]), that does it instead.

use super::bind::{Bound, Inner};
use super::compiled::{Cells, Evaluate, Way, compiled};
use super::hoist::Table;
use super::machine::{Machine, reach};
use super::plain::{Cell, variable};
use super::program::{Step, advance};
use super::table::{LANES, ROWS, Register};
use super::typed::Op;
use super::values::{Ty, Var};

/// Evaluates a bound formula along rows. Keeps its own handle on the formula and all scratch memory: nothing is
/// allocated after [`Lanes::new`].
///
/// ```text
/// lanes.begin_row(b, h, q);
/// lanes.mask_row(k0, &mut allowed);     // cells (q, k0), (q, k0 + 1), ...
/// lanes.score_row(k0, &mut scores);
/// ```
#[derive(Clone, Debug)]
pub struct Lanes {
    pub(super) bound: Bound,
    machine: Machine,
    /// Steps that are fixed along a row, and those of them that steps along the row refer to.
    fixed: Vec<usize>,
    spread: Vec<usize>,
    results: Vec<u32>,
    pub(super) row: (i32, i32, i32),
    /// Values for the formula's function, where it has one and nobody asks for the registers of its steps; the same for the one backwards, where somebody asks for it.
    values: Option<Vec<u32>>,
    back_values: Option<Vec<u32>>,
    /// Which function backwards that is.
    way: Way,
    /// What the last cells held before they were evaluated, for the function backwards.
    before: [f32; LANES],
    /// For a formula that adds a step to the score or subtracts it, the step, which is a table or fixed along the row, and whether it is subtracted.
    pub(super) shift: Option<(usize, bool)>,
}

impl Lanes {
    /// Prepares the evaluation.
    pub fn new(bound: &Bound) -> Self {
        let inner = &*bound.0;
        let needed = reach(&inner.steps, inner.root, |at| inner.table_of[at].is_some());
        let (fixed, order): (Vec<usize>, Vec<usize>) = needed.into_iter().partition(|&at| inner.fixed[at]);
        // By marks, which need no sorting.
        let mut marked = vec![false; inner.steps.len()];
        for &at in order.iter().filter(|&&at| inner.table_of[at].is_none()) {
            if let Op::Row(_, operands) | Op::Read(_, operands) = inner.steps[at].op {
                operands.iter().filter(|&id| inner.fixed[id]).for_each(|id| marked[id] = true);
            }
        }
        let ascending = |marked: &[bool]| (0..marked.len()).filter(|&at| marked[at]).collect::<Vec<usize>>();
        let spread = ascending(&marked);
        order.iter().for_each(|&at| marked[at] = true);
        let with_register = ascending(&marked);
        let machine = Machine::new(inner.steps.len(), &with_register, order);
        let mut lanes = Lanes {
            bound: bound.clone(),
            machine,
            fixed,
            spread,
            results: vec![0; inner.steps.len()],
            row: (0, 0, 0),
            values: None,
            back_values: None,
            way: Way::Back,
            before: [0.0; LANES],
            shift: shift(inner),
        };
        if lanes.shift.is_none() {
            lanes.values = room(compiled(bound, Way::Forth));
        }
        lanes.begin_row(0, 0, 0);
        lanes
    }

    /// Leaves behind from now on what [`super::Reverse`] needs of the last [`LANES`] cells, with `params` for derivatives by parameters and tables too: what each step gave, unless
    /// the way back is a function, or none. Says whether it is.
    pub fn keep(&mut self, params: bool) -> bool {
        self.way = if params { Way::BackToAll } else { Way::Back };
        if self.values.is_some() {
            self.back_values = room(compiled(&self.bound, self.way));
        }
        if self.back_values.is_none() {
            self.values = None;
        }
        self.back_values.is_some() || self.shift.is_some()
    }

    /// What a sum changes by with the scores so far of the last cells, from column `k0` on, in the place of what it changes by with the results; and with the sinks of
    /// [`super::Reverse`], one after the other. False where that is not done by a function.
    pub(super) fn ran_back(&self, k0: usize, by: &mut [f32], sinks: &mut [[f32; LANES]]) -> bool {
        let (Some(values), Some(back)) = (&self.back_values, compiled(&self.bound, self.way)) else { return false };
        if back.sinks().len() != sinks.len() {
            return false;
        }
        back.run(&self.bound.0, values, self.row, k0 as i32, Cells::Back(&self.before[..by.len()], by, sinks))
    }

    /// Goes to row `q` of head `h` of batch entry `b`. Indices beyond the bound sizes are taken as the last.
    pub fn begin_row(&mut self, b: i32, h: i32, q: i32) {
        let inner = &*self.bound.0;
        let sizes = &inner.with.sizes;
        let within = |i: i32, n: i32| i.clamp(0, (n - 1).max(0));
        let (b, h, q) = (within(b, sizes.batch), within(h, sizes.heads), within(q, sizes.n_q));
        self.row = (b, h, q);
        for &at in &self.fixed {
            let step = &inner.steps[at];
            self.results[at] = match (inner.table_of[at], step.op) {
                (Some(table), _) => {
                    let table = &inner.tables[table];
                    table.bits(table.position(b, h, q, 0))
                }
                (None, Op::Var(var)) => variable(var, &inner.with, Cell { b, h, q, k: 0, x: 0.0 }),
                _ => advance(step, &inner.with, &self.results).unwrap_or_default(),
            };
        }
        for (values, way) in [(&mut self.back_values, self.way), (&mut self.values, Way::Forth)] {
            if let Some(values) = values
                && let Some(compiled) = compiled(&self.bound, way)
            {
                for (value, &at) in values.iter_mut().zip(compiled.values()) {
                    *value = self.results[at];
                }
            }
        }
        if self.values.is_some() {
            return;
        }
        for &at in &self.spread {
            self.machine.registers[usize::from(self.machine.slot[at])] = [self.results[at]; LANES];
        }
    }

    /// The mask of the cells from column `k0` on: 1 where allowed, 0 elsewhere. The cells must lie within the bound
    /// sizes; for a formula that is no mask every cell is allowed.
    pub fn mask_row(&mut self, k0: i32, out: &mut [u8]) {
        let inner = &*self.bound.0;
        if inner.steps[inner.root].ty != Ty::Bool {
            return out.fill(1);
        }
        if inner.fixed[inner.root] {
            return out.fill(self.results[inner.root] as u8);
        }
        let (b, h, q) = self.row;
        if let Some(table) = inner.table_of[inner.root].map(|t| &inner.tables[t]) {
            let at = table.position(b, h, q, k0);
            if let Some(bytes) = table.bytes().and_then(|bytes| bytes.get(at..at + out.len())) {
                return out.copy_from_slice(bytes);
            }
        }
        if self.ran(k0, Cells::Mask(out)) {
            return;
        }
        let inner = &*self.bound.0;
        let root = usize::from(self.machine.slot[inner.root]);
        for (i, chunk) in out.chunks_mut(LANES).enumerate() {
            self.run(k0 + (i * LANES) as i32, &[]);
            for (out, &bits) in chunk.iter_mut().zip(&self.machine.registers[root]) {
                *out = bits as u8;
            }
        }
    }

    /// Replaces scores (or weights, for a probability formula) of the cells from column `k0` on. The cells must lie
    /// within the bound sizes; a mask leaves them as they are.
    pub fn score_row(&mut self, k0: i32, s: &mut [f32]) {
        let inner = &*self.bound.0;
        if inner.steps[inner.root].ty != Ty::Float {
            return;
        }
        if inner.fixed[inner.root] {
            return s.fill(f32::from_bits(self.results[inner.root]));
        }
        if let Some((at, subtract)) = self.shift
            && self.shifted(at, subtract, k0, s).is_some()
        {
            return;
        }
        if self.back_values.is_some() {
            let last = s.len().saturating_sub(1) / LANES * LANES;
            self.remember(&s[last..]);
        }
        if self.ran(k0, Cells::Scores(s)) {
            return;
        }
        let inner = &*self.bound.0;
        let root = usize::from(self.machine.slot[inner.root]);
        for (i, chunk) in s.chunks_mut(LANES).enumerate() {
            self.run(k0 + (i * LANES) as i32, chunk);
            for (s, &bits) in chunk.iter_mut().zip(&self.machine.registers[root]) {
                *s = f32::from_bits(bits);
            }
        }
    }

    /// Whether [`Lanes::score_cells`] may be asked, after [`Lanes::remember`] where it [`Lanes::remembers`].
    pub fn pointwise(&self) -> bool {
        self.values.is_some() && compiled(&self.bound, Way::Forth).is_some_and(|function| function.pointwise())
    }

    /// Whether the scores of the last cells are kept for the function backwards.
    pub fn remembers(&self) -> bool {
        self.back_values.is_some()
    }

    /// Notes the scores of a row's last cells, at most [`LANES`], where nobody calls [`Lanes::score_row`] for them.
    pub fn remember(&mut self, s: &[f32]) {
        self.before[..s.len()].copy_from_slice(s);
    }

    /// Replaces scores of any queries and keys of the head, for a formula that asks for nothing but the score.
    pub fn score_cells(&self, s: &mut [f32]) {
        if let (Some(values), Some(function)) = (&self.values, compiled(&self.bound, Way::Forth)) {
            function.run(&self.bound.0, values, self.row, 0, Cells::Scores(s));
        }
    }

    /// Evaluates the cells by the formula's own function, if it has one.
    fn ran(&mut self, k0: i32, cells: Cells) -> bool {
        let Some(values) = &self.values else { return false };
        let ran =
            compiled(&self.bound, Way::Forth).is_some_and(|all| all.run(&self.bound.0, values, self.row, k0, cells));
        if !ran {
            // What the registers lack is what the row's beginning has left out.
            (self.values, self.back_values) = (None, None);
            let (b, h, q) = self.row;
            self.begin_row(b, h, q);
        }
        ran
    }

    /// Adds step `at` to scores, or subtracts it: position biases are this and nothing else.
    fn shifted(&self, at: usize, subtract: bool, k0: i32, s: &mut [f32]) -> Option<()> {
        let inner = &*self.bound.0;
        if inner.fixed[at] {
            let by = f32::from_bits(self.results[at] ^ sign(subtract));
            s.iter_mut().for_each(|s| *s += by);
            return Some(());
        }
        let (Entries { all, start, .. }, turned) = self.bias()?;
        let entries = all.get(start + k0 as usize..)?.get(..s.len())?;
        for (s, by) in s.iter_mut().zip(entries) {
            *s += f32::from_bits(by ^ turned);
        }
        Some(())
    }

    /// For a formula that does nothing but add what a table holds to the score, or subtract it: the table, and the bits that are turned over in each entry.
    pub fn bias(&self) -> Option<(Entries<'_, u32>, u32)> {
        let inner = &*self.bound.0;
        let (at, subtract) = self.shift?;
        let table = inner.table_of[at].map(|table| &inner.tables[table]).filter(|_| !inner.fixed[at])?;
        Some((self.entries(table, table.words()?), sign(subtract)))
    }

    /// A mask that lies in a table, as bytes that are 0 or 1.
    pub fn mask_table(&self) -> Option<Entries<'_, u8>> {
        let inner = &*self.bound.0;
        let fixed = inner.fixed[inner.root];
        let table = inner.table_of[inner.root].map(|table| &inner.tables[table]).filter(|_| !fixed)?;
        Some(self.entries(table, table.bytes()?))
    }

    fn entries<'a, T>(&self, table: &Table, all: &'a [T]) -> Entries<'a, T> {
        let (b, h, q) = self.row;
        Entries { all, start: table.position(b, h, q, 0), step: table.step() }
    }

    /// What a step that does not lie behind a table gave in the last run of [`LANES`] cells.
    pub(super) fn register(&self, at: usize) -> &Register {
        self.machine.register(at)
    }

    /// Runs every step that changes along the row, from column `k` on.
    fn run(&mut self, k: i32, x: &[f32]) {
        let inner = &*self.bound.0;
        let (b, h, q) = self.row;
        for i in 0..self.machine.order.len() {
            let at = self.machine.order[i];
            let slot = usize::from(self.machine.slot[at]);
            let step = &inner.steps[at];
            if let Some(table) = inner.table_of[at].map(|t| &inner.tables[t]) {
                table.load(table.position(b, h, q, k), &mut self.machine.registers[slot]);
                continue;
            }
            match step.op {
                Op::Var(Var::K) => {
                    for (lane, out) in self.machine.registers[slot].iter_mut().enumerate() {
                        *out = (k + lane as i32) as u32;
                    }
                }
                Op::Var(_) => {
                    for (out, &x) in self.machine.registers[slot].iter_mut().zip(x) {
                        *out = x.to_bits();
                    }
                }
                _ => self.machine.step(step, at, &inner.with),
            }
        }
    }
}

/// A table that changes along rows of keys, and where in it a row stands.
pub struct Entries<'a, T> {
    /// Everything in it, and [`LANES`] more.
    pub all: &'a [T],
    /// Where the row's first key stands; the others follow.
    pub start: usize,
    /// How far back the next query's row begins.
    pub step: usize,
}

/// Values for a function.
fn room(function: Option<&dyn Evaluate>) -> Option<Vec<u32>> {
    function.map(|function| vec![0; function.values().len()])
}

/// A number less another is the same as with its sign changed added to it, bit for bit.
fn sign(subtract: bool) -> u32 {
    u32::from(subtract) << 31
}

/// As [`Lanes::shift`].
fn shift(inner: &Inner) -> Option<(usize, bool)> {
    let Op::Row(row, operands) = inner.steps[inner.root].op else { return None };
    let subtract = match ROWS[usize::from(row)].name {
        "+" => false,
        "-" => true,
        _ => return None,
    };
    let ids: Vec<usize> = operands.iter().collect();
    let &[score, at] = &ids[..] else { return None };
    let so_far = matches!(inner.steps[score].op, Op::Var(Var::S | Var::P));
    (so_far && (inner.fixed[at] || inner.table_of[at].is_some())).then_some((at, subtract))
}

/// For each step whether it has one value along a row of keys, and everything it is computed from has too.
pub fn fixed_along_row(steps: &[Step], table_of: &[Option<usize>], tables: &[Table]) -> Vec<bool> {
    let mut fixed: Vec<bool> = Vec::with_capacity(steps.len());
    for (step, table) in steps.iter().zip(table_of) {
        fixed.push(match (table, step.op) {
            (Some(table), _) => !tables[*table].along_row(),
            (None, Op::Var(var)) => !matches!(var, Var::K | Var::S | Var::P),
            (None, Op::Row(_, operands) | Op::Read(_, operands)) => operands.iter().all(|id| fixed[id]),
            (None, Op::Constant(_) | Op::Param(_)) => true,
        });
    }
    fixed
}

//! A formula backwards along rows of keys, in single precision: what [`super::Slopes`] is for one cell, [`LANES`] cells at a time.
//!
//! Only what changes with the score so far, or with query and key both, is gone back through cell by cell. Everything else that parameters or tables are part of (the bias of a position,
//! a factor of a head) has one value for a row, a column or a diagonal: the derivatives by it are summed along that, in double precision, and the sums are taken
//! further once, at the end of a head ([`super::sink`]). So a derivative by the slopes of ALiBi costs an addition by cell.

use std::sync::Arc;

use super::bind::{Bound, Inner};
use super::compiled::SUMS;
use super::hoist::hoisted;
use super::lanes::{Lanes, fixed_along_row};
use super::program::{Axis, Step, lower};
use super::sink::Sink;
use super::slopes::Slopes;
use super::table::{LANE_SLOPES, LANES, MAX_OPERANDS, Register, SLOPES, Slope};
use super::typed::{Op, Operands};
use super::values::{Ty, Var};

/// No place.
const NOWHERE: usize = usize::MAX;

impl Bound {
    /// The same formula with its parameters and tables of floats kept apart from other numbers: what [`Reverse`] can derive by. It evaluates to the same bits; bounds
    /// and coverage are not asked of it.
    #[must_use]
    pub fn kept(&self) -> Self {
        let inner = &*self.0;
        let declared = inner.formula.data_used().iter().any(|data| data.ty == Ty::Float);
        if !declared && inner.formula.params_used().iter().all(|(_, ty)| *ty != Ty::Float) {
            return self.clone();
        }
        let (formula, with) = (inner.formula.clone(), inner.with.clone());
        let (steps, of_node) = lower(&formula, &with, true);
        let root = of_node.last().copied().unwrap_or(0);
        let (tables, table_of) = hoisted(&steps, root, &with);
        let fixed = fixed_along_row(&steps, &table_of, &tables);
        let (bounded, whole, indices, compiled) = Default::default();
        Self(Arc::new(Inner { formula, with, steps, root, tables, table_of, fixed, bounded, whole, indices, compiled }))
    }
}

/// Scratch for going back through one formula along rows, and what is summed until a head is done. Nothing is allocated after [`Reverse::new`].
#[derive(Clone, Debug)]
pub struct Reverse {
    bound: Bound,
    /// Whether it does nothing to the score so far but add to it.
    adds: bool,
    /// Steps that are gone back through cell by cell, from the result on, and for each step its place among them.
    order: Vec<usize>,
    slot: Vec<usize>,
    adjoints: Vec<[f32; LANES]>,
    partials: [[f32; LANES]; 3],
    sinks: Vec<Sink>,
    /// For each step its place among the sinks.
    sink_of: Vec<usize>,
    /// Adjoints of the sinks, where a function gives them.
    of_sinks: Vec<[f32; LANES]>,
}

/// The steps that a formula is gone back through.
pub(super) struct WayBack {
    /// For each step whether its derivatives are taken cell by cell.
    pub by_cell: Vec<bool>,
    /// Those of them that the result leads to, from it on.
    pub order: Vec<usize>,
    /// The steps that adjoints are summed for along what they change with, in the order in which the way back meets them.
    pub sinks: Vec<usize>,
}

/// The way back to the score, and with `params` to what parameters and tables of floats are part of.
pub(super) fn way_back(inner: &Inner, params: bool) -> WayBack {
    let (steps, root) = (&inner.steps, inner.root);
    let score = active(steps, |op| matches!(op, Op::Var(Var::S | Var::P)));
    let declared = active(steps, |op| params && matches!(op, Op::Param(_) | Op::Read(..)));
    let of_cell = |at: usize| {
        let needs = steps[at].needs;
        score[at] || declared[at] && (needs.x || needs.axis == Axis::Both)
    };
    let by_cell: Vec<bool> = (0..steps.len()).map(|at| steps[at].ty == Ty::Float && of_cell(at)).collect();
    let (mut order, mut sinks) = (Vec::new(), Vec::new());
    let mut reached = vec![false; steps.len()];
    reached[root] = true;
    for at in (0..=root).rev().filter(|&at| steps[at].ty == Ty::Float) {
        if !reached[at] {
            continue;
        }
        if by_cell[at] {
            order.push(at);
            if let Op::Row(_, operands) = steps[at].op {
                operands.iter().for_each(|id| reached[id] = true);
            }
        } else if declared[at] {
            sinks.push(at);
        }
    }
    WayBack { by_cell, order, sinks }
}

impl Reverse {
    /// For a formula; with `params` also by its parameters and tables, of which [`Bound::kept`] has to be the formula.
    pub fn new(bound: &Bound, params: bool) -> Self {
        let inner = &*bound.0;
        let steps = &inner.steps;
        let WayBack { order, sinks: at_sinks, .. } = way_back(inner, params);
        let (mut slot, mut sink_of) = (vec![NOWHERE; steps.len()], vec![NOWHERE; steps.len()]);
        order.iter().enumerate().for_each(|(place, &at)| slot[at] = place);
        at_sinks.iter().enumerate().for_each(|(place, &at)| sink_of[at] = place);
        let sinks: Vec<Sink> = at_sinks.iter().map(|&at| Sink::new(inner, at)).collect();
        let (adjoints, of_sinks) = (vec![[0.0; LANES]; order.len()], vec![[0.0; LANES]; sinks.len()]);
        let adds = inner.formula.adds();
        let partials = [[0.0; LANES]; 3];
        Self { bound: bound.clone(), adds, order, slot, adjoints, partials, sinks, sink_of, of_sinks }
    }

    /// Goes back through the cells that `lanes` evaluated last, at most [`LANES`] from column `k0` on: `adjoint` holds what the sum changes by with each
    /// result, and then with each score (or weight) so far. What it changes by with parameters and tables goes to `sums`, if they are given, some of it
    /// not before [`Reverse::finish`]. An adjoint of 0 goes nowhere. `lanes` are of the same formula as this.
    pub fn back(&mut self, lanes: &Lanes, k0: usize, adjoint: &mut [f32], mut sums: Option<&mut Slopes>) {
        if self.adds && sums.is_none() {
            return;
        }
        let bound = self.bound.clone();
        let inner = &*bound.0;
        let (cell, count) = ((lanes.row, k0), adjoint.len());
        if let Some((at, subtract)) = lanes.shift {
            if let (Some(sums), Some(sink)) = (sums, self.sinks.get_mut(self.sink_of[at])) {
                sink.add(cell, adjoint, if subtract { -1.0 } else { 1.0 }, inner, sums);
            }
            return;
        }
        if lanes.ran_back(k0, adjoint, &mut self.of_sinks) {
            if let Some(sums) = sums {
                for (sink, by) in self.sinks.iter_mut().zip(&self.of_sinks) {
                    let given = if sink.along_row() { count } else { SUMS };
                    sink.add(cell, &by[..given], 1.0, inner, sums);
                }
            }
            return;
        }
        if let (Some(sums), Some(sink)) = (sums.as_deref_mut(), self.sinks.get_mut(self.sink_of[inner.root])) {
            sink.add(cell, adjoint, 1.0, inner, sums);
        }
        self.adjoints.fill([0.0; LANES]);
        if let Some(first) = self.adjoints.first_mut() {
            first[..count].copy_from_slice(adjoint);
        }
        adjoint.fill(0.0);
        for i in 0..self.order.len() {
            let at = self.order[i];
            let step = &inner.steps[at];
            match step.op {
                Op::Var(_) => adjoint.copy_from_slice(&self.adjoints[i][..count]),
                Op::Read(data, operands) => {
                    let Some(sums) = sums.as_deref_mut() else { continue };
                    let by = self.adjoints[i][..count].iter().map(|by| f64::from(*by));
                    by_entries(inner, data, &operands, |id| lanes.register(id), by, sums);
                }
                Op::Row(row, operands) => {
                    let register = |id| lanes.register(id);
                    by_operands(row, &operands, register, &self.adjoints[i], &mut self.partials);
                    for (id, partial) in operands.iter().zip(&self.partials) {
                        if let Some(sum) = self.adjoints.get_mut(self.slot[id]) {
                            for lane in 0..LANES {
                                sum[lane] += partial[lane];
                            }
                        } else if let (Some(sums), Some(sink)) =
                            (sums.as_deref_mut(), self.sinks.get_mut(self.sink_of[id]))
                        {
                            sink.add(cell, &partial[..count], 1.0, inner, sums);
                        }
                    }
                }
                Op::Constant(_) | Op::Param(_) => {}
            }
        }
    }

    /// Adds to `sums` what is still summed along rows, columns and diagonals.
    pub fn finish(&mut self, sums: &mut Slopes) {
        for sink in &mut self.sinks {
            sink.empty(&self.bound.0, sums);
        }
    }
}

/// What is derived by each operand of an operation over [`LANES`] cells, from what is derived by its results.
pub(super) fn by_operands<'a>(
    row: u16,
    operands: &Operands,
    register: impl Fn(usize) -> &'a Register,
    adjoint: &[f32; LANES],
    partials: &mut [[f32; LANES]; 3],
) {
    let mut registers: [&Register; MAX_OPERANDS] = [&[0; LANES]; MAX_OPERANDS];
    for (of, id) in registers.iter_mut().zip(operands.iter()) {
        *of = register(id);
    }
    LANE_SLOPES[usize::from(row)](&registers[..operands.count()], adjoint, partials);
}

/// Adds what is derived by the entries that cells have read to the sums of the table; 0 goes nowhere.
pub(super) fn by_entries<'a>(
    inner: &Inner,
    data: u16,
    operands: &Operands,
    register: impl Fn(usize) -> &'a Register,
    by: impl Iterator<Item = f64>,
    sums: &mut Slopes,
) {
    let table = &inner.with.data[usize::from(data)];
    for (lane, by) in by.enumerate().filter(|(_, by)| *by != 0.0) {
        let index = operands.iter().map(|id| register(id)[lane] as i32);
        sums.add_entry(usize::from(data), table.position(index), by);
    }
}

/// For each step whether it is a number that changes by a little with what `is` holds for.
pub(super) fn active(steps: &[Step], is: impl Fn(&Op) -> bool) -> Vec<bool> {
    let mut active = vec![false; steps.len()];
    for (at, step) in steps.iter().enumerate().filter(|(_, step)| step.ty == Ty::Float) {
        active[at] = match step.op {
            Op::Row(row, operands) => {
                matches!(SLOPES[usize::from(row)], Slope::Smooth(_)) && operands.iter().any(|id| active[id])
            }
            op => is(&op),
        };
    }
    active
}

//! What parameters and tables are part of, and what has one value for a row, a column or a diagonal: where [`super::Reverse`] sums derivatives along that, and how the sums are taken
//! further to parameters and entries when a head is done, [`LANES`] of them at a time.

use super::bind::Inner;
use super::hoist::place;
use super::machine::Machine;
use super::program::{Axis, Needs};
use super::reverse::{active, by_entries, by_operands};
use super::slopes::Slopes;
use super::table::{LANES, Register};
use super::totals::{add, total};
use super::typed::Op;
use super::values::Sizes;

/// A step that adjoints are summed for along what it changes with.
#[derive(Clone, Debug)]
pub struct Sink {
    at: usize,
    needs: Needs,
    /// Batch entry and head of the sums.
    of: (i32, i32),
    sums: Vec<f64>,
    machine: Machine,
    /// For each step whether parameters or tables are part of it.
    active: Vec<bool>,
    /// By step.
    adjoints: Vec<[f32; LANES]>,
}

impl Sink {
    /// Sums for step `at` of a formula whose parameters are kept apart ([`super::Bound::kept`]).
    pub(super) fn new(inner: &Inner, at: usize) -> Self {
        let steps = &inner.steps;
        let needs = steps[at].needs;
        Self {
            at,
            needs,
            of: (0, 0),
            sums: vec![0.0; length(needs.axis, &inner.with.sizes)],
            machine: Machine::whole(steps, at),
            active: active(steps, |op| matches!(op, Op::Param(_) | Op::Read(..))),
            adjoints: vec![[0.0; LANES]; at + 1],
        }
    }

    /// Whether the cells of a row go to sums of their own.
    pub(super) fn along_row(&self) -> bool {
        self.needs.axis.along_row()
    }

    /// Adds adjoints, times `sign`, of the cells of a row from column `k0` on.
    pub(super) fn add(
        &mut self,
        (row, k0): ((i32, i32, i32), usize),
        by: &[f32],
        sign: f32,
        inner: &Inner,
        slopes: &mut Slopes,
    ) {
        let (b, h, q) = row;
        let of = (if self.needs.b { b } else { 0 }, if self.needs.h { h } else { 0 });
        if of != self.of {
            self.empty(inner, slopes);
            self.of = of;
        }
        let q = q as usize;
        let from = match self.needs.axis {
            Axis::Key => k0,
            Axis::Diagonal => k0 + (inner.with.sizes.n_q as usize).saturating_sub(1 + q),
            Axis::None | Axis::Query | Axis::Both => {
                let at = if self.needs.axis == Axis::Query { q } else { 0 };
                let sum = f64::from(sign) * total(by);
                if let Some(all) = self.sums.get_mut(at) {
                    *all += sum;
                }
                return;
            }
        };
        if let Some(sums) = self.sums.get_mut(from..from + by.len()) {
            add(sums, by, f64::from(sign));
        }
    }

    /// Takes every sum further, to parameters and entries of tables, and begins anew.
    pub(super) fn empty(&mut self, inner: &Inner, slopes: &mut Slopes) {
        let mut from = 0;
        while from < self.sums.len() {
            let to = (from + LANES).min(self.sums.len());
            if self.sums[from..to].iter().any(|sum| *sum != 0.0) {
                self.back(inner, from, to, slopes);
                self.sums[from..to].fill(0.0);
            }
            from = to;
        }
    }

    /// Of the sums from number `from` to before `to`.
    fn back(&mut self, inner: &Inner, from: usize, to: usize, slopes: &mut Slopes) {
        let ((b, h), sizes, count) = (self.of, &inner.with.sizes, to - from);
        let (mut q, mut k): (Register, Register) = ([0; LANES], [0; LANES]);
        for lane in 0..LANES {
            // Those behind the last do as it does, and have no adjoint.
            let (row, column) = place(self.needs.axis, (from + lane).min(to - 1) as i32, sizes);
            (q[lane], k[lane]) = (row as u32, column as u32);
        }
        self.machine.run_whole(&inner.steps, &inner.with, b, h, &q, &k);
        let sums = &self.sums[from..to];
        match inner.steps[self.at].op {
            // Nothing lies between: these stay doubles.
            Op::Param(param) => slopes.params[usize::from(param)] += sums.iter().sum::<f64>(),
            Op::Read(data, operands) => {
                by_entries(inner, data, &operands, |id| self.machine.register(id), sums.iter().copied(), slopes);
            }
            _ => {
                self.adjoints.fill([0.0; LANES]);
                for (lane, sum) in sums.iter().enumerate() {
                    self.adjoints[self.at][lane] = *sum as f32;
                }
                self.sweep(inner, count, slopes);
            }
        }
    }

    /// From the adjoint of the step back to what it is computed from.
    fn sweep(&mut self, inner: &Inner, count: usize, slopes: &mut Slopes) {
        let mut partials = [[0.0; LANES]; 3];
        for &at in self.machine.order().iter().rev().filter(|&&at| self.active[at]) {
            let adjoint = self.adjoints[at];
            match inner.steps[at].op {
                Op::Param(param) => slopes.params[usize::from(param)] += total(&adjoint[..count]),
                Op::Read(data, operands) => {
                    let by = adjoint[..count].iter().map(|by| f64::from(*by));
                    by_entries(inner, data, &operands, |id| self.machine.register(id), by, slopes);
                }
                Op::Row(row, operands) => {
                    let register = |id| self.machine.register(id);
                    by_operands(row, &operands, register, &adjoint, &mut partials);
                    for (id, partial) in operands.iter().zip(&partials).filter(|(id, _)| self.active[*id]) {
                        for (sum, partial) in self.adjoints[id].iter_mut().zip(partial) {
                            *sum += partial;
                        }
                    }
                }
                Op::Constant(_) | Op::Var(_) => {}
            }
        }
    }
}

/// How many values something has along an axis.
fn length(axis: Axis, sizes: &Sizes) -> usize {
    let (n_q, n_k) = (sizes.n_q.max(0) as usize, sizes.n_k.max(0) as usize);
    match axis {
        Axis::Query => n_q,
        Axis::Key => n_k,
        Axis::Diagonal => (n_q + n_k).saturating_sub(1),
        Axis::None | Axis::Both => 1,
    }
}

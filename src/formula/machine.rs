//! Registers of [`LANES`] cells, and the steps of a formula that are computed in them.

use super::bind::Resolved;
use super::plain::{Cell, variable};
use super::program::Step;
use super::table::{LANES, MAX_OPERANDS, ROWS, Register};
use super::typed::Op;

/// Registers, and where each step's result lies. Operands always lie before results.
#[derive(Clone, Debug)]
pub struct Machine {
    pub(super) registers: Vec<Register>,
    pub(super) slot: Vec<u16>,
    pub(super) order: Vec<usize>,
}

/// No register.
const NOWHERE: u16 = u16::MAX;

impl Machine {
    /// Registers for the given steps, in ascending order.
    pub(super) fn new(steps: usize, with_register: &[usize], order: Vec<usize>) -> Self {
        let mut slot = vec![NOWHERE; steps];
        for (i, &at) in with_register.iter().enumerate() {
            slot[at] = i as u16;
        }
        Machine { registers: vec![[0; LANES]; with_register.len()], slot, order }
    }

    /// A machine that computes step `root` from the variables alone.
    pub fn whole(steps: &[Step], root: usize) -> Self {
        let order = reach(steps, root, |_| false);
        Self::new(steps.len(), &order, order.clone())
    }

    /// Computes every step for cells of one batch entry and head.
    pub fn run_whole(
        &mut self,
        steps: &[Step],
        with: &Resolved,
        b: i32,
        h: i32,
        q: &Register,
        k: &Register,
    ) -> &Register {
        let mut last = 0;
        for i in 0..self.order.len() {
            let at = self.order[i];
            last = usize::from(self.slot[at]);
            if let Op::Var(var) = steps[at].op {
                for lane in 0..LANES {
                    let cell = Cell { b, h, q: q[lane] as i32, k: k[lane] as i32, x: 0.0 };
                    self.registers[last][lane] = variable(var, with, cell);
                }
            } else {
                self.step(&steps[at], at, with);
            }
        }
        &self.registers[last]
    }

    /// The steps that it computes, ascending.
    pub fn order(&self) -> &[usize] {
        &self.order
    }

    /// What a step gave in the last run; zeros for a step that has no register.
    pub fn register(&self, at: usize) -> &Register {
        const NOTHING: &Register = &[0; LANES];
        self.registers.get(usize::from(self.slot[at])).unwrap_or(NOTHING)
    }

    /// Computes a row or a read from registers.
    pub(super) fn step(&mut self, step: &Step, at: usize, with: &Resolved) {
        let (before, out) = self.registers.split_at_mut(usize::from(self.slot[at]));
        let Some(out) = out.first_mut() else { return };
        match step.op {
            Op::Constant(bits) => *out = [bits; LANES],
            Op::Param(at) => *out = [with.params[usize::from(at)]; LANES],
            Op::Var(_) => {}
            Op::Row(row, operands) => {
                let mut list: [&Register; MAX_OPERANDS] = [&[0; LANES]; MAX_OPERANDS];
                for (slot, id) in list.iter_mut().zip(operands.iter()) {
                    *slot = &before[usize::from(self.slot[id])];
                }
                (ROWS[usize::from(row)].lanes)(&list[..operands.count()], out);
            }
            Op::Read(data, operands) => {
                let data = &with.data[usize::from(data)];
                for lane in 0..LANES {
                    let index = operands.iter().map(|id| before[usize::from(self.slot[id])][lane] as i32);
                    out[lane] = data.values.bits(data.position(index));
                }
            }
        }
    }
}

/// The steps that `root` needs, in ascending order; behind a step for which `stop` holds nothing more is needed.
pub fn reach(steps: &[Step], root: usize, stop: impl Fn(usize) -> bool) -> Vec<usize> {
    let mut needed = vec![false; steps.len()];
    needed[root] = true;
    for at in (0..=root).rev() {
        if needed[at]
            && !stop(at)
            && let Op::Row(_, operands) | Op::Read(_, operands) = steps[at].op
        {
            operands.iter().for_each(|id| needed[id] = true);
        }
    }
    (0..=root).filter(|&at| needed[at]).collect()
}

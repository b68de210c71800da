//! The derivative of a bound formula: one cell at a time, in double precision, backwards through its typed form.
//!
//! Steps (comparisons, whole numbers, the branch that `where` takes) are decided by the same single-precision numbers as in [`super::Bound::score_at`], so
//! what is derived is the branch that a run takes; between steps numbers are doubles. What has no derivative is said in `table/slope.rs`.

use super::bind::Bound;
use super::plain::{Cell, gather, variable};
use super::table::{ROWS, SLOPES, Slope};
use super::typed::{Op, Operands};
use super::values::{DataValues, Ty, Var};

/// Scratch for one formula, and the sums of its derivatives by parameters and by entries of tables.
#[derive(Clone, Debug)]
pub struct Slopes {
    bound: Bound,
    /// Of each node of the cell evaluated last: what single precision says, and the double.
    bits: Vec<u32>,
    values: Vec<f64>,
    adjoints: Vec<f64>,
    /// By parameter, in the order of [`super::Formula::params_used`]; 0 for those that are no floats.
    pub params: Vec<f64>,
    /// By entry of each table, in the order of [`super::Formula::data_used`]; empty for tables that are not of floats.
    pub data: Vec<Vec<f64>>,
}

impl Slopes {
    /// Nothing summed yet.
    pub fn new(bound: &Bound) -> Self {
        let nodes = bound.formula().nodes().len();
        let entries = |table: &std::sync::Arc<super::Data>| match &table.values {
            DataValues::Float(values) => vec![0.0; values.len()],
            _ => Vec::new(),
        };
        Self {
            bound: bound.clone(),
            bits: vec![0; nodes],
            values: vec![0.0; nodes],
            adjoints: vec![0.0; nodes],
            params: vec![0.0; bound.formula().params_used().len()],
            data: bound.0.with.data.iter().map(entries).collect(),
        }
    }

    /// The result at a cell whose score (or weight) so far is `x`.
    pub fn value(&mut self, x: f64, b: i32, h: i32, q: i32, k: i32) -> f64 {
        self.stand(x, Cell { b, h, q, k, x: x as f32 });
        self.values.last().copied().unwrap_or(x)
    }

    /// Adds to the derivative by an entry of a table.
    pub(super) fn add_entry(&mut self, data: usize, entry: usize, by: f64) {
        if let Some(sum) = self.data[data].get_mut(entry) {
            *sum += by;
        }
    }

    /// Computes every node.
    fn stand(&mut self, x: f64, cell: Cell) {
        let (formula, with) = (&self.bound.0.formula, &self.bound.0.with);
        for (at, node) in formula.nodes().iter().enumerate() {
            let bits = match node.op {
                Op::Constant(bits) => bits,
                Op::Var(var) => variable(var, with, cell),
                Op::Param(param) => with.params[usize::from(param)],
                Op::Row(row, operands) => {
                    let (bits, count) = gather(&operands, &self.bits);
                    (ROWS[usize::from(row)].plain)(&bits[..count])
                }
                Op::Read(data, operands) => {
                    let data = &with.data[usize::from(data)];
                    data.values.bits(data.position(operands.iter().map(|id| self.bits[id] as i32)))
                }
            };
            self.bits[at] = bits;
            self.values[at] = match (node.op, node.ty) {
                (Op::Var(Var::S | Var::P), _) => x,
                (Op::Row(row, operands), Ty::Float) => match SLOPES[usize::from(row)] {
                    Slope::Smooth(smooth) => smooth(self.operands(&operands)).0,
                    Slope::Step => f64::from(f32::from_bits(bits)),
                },
                (_, Ty::Float) => f64::from(f32::from_bits(bits)),
                (_, Ty::Bool) => f64::from(u8::from(bits != 0)),
                (_, Ty::Int) => f64::from(bits as i32),
            };
        }
    }

    /// Goes back from the result of the last [`Slopes::value`], which changes what is derived by `adjoint` for each unit: the derivative by `x` is
    /// returned, those by parameters and tables are added to the sums. An adjoint of 0 goes nowhere, so that a branch not taken, or a weight of 0,
    /// does not bring the NaN of what it did not compute.
    pub fn back(&mut self, adjoint: f64) -> f64 {
        self.adjoints.fill(0.0);
        let Some(last) = self.adjoints.last_mut() else { return adjoint };
        *last = adjoint;
        let mut by_x = 0.0;
        for (at, node) in self.bound.0.formula.nodes().iter().enumerate().rev() {
            let adjoint = self.adjoints[at];
            if adjoint == 0.0 || node.ty != Ty::Float {
                continue;
            }
            match node.op {
                Op::Var(Var::S | Var::P) => by_x += adjoint,
                Op::Var(_) | Op::Constant(_) => {}
                Op::Param(param) => self.params[usize::from(param)] += adjoint,
                Op::Row(row, operands) => {
                    if let Slope::Smooth(smooth) = SLOPES[usize::from(row)] {
                        let (_, slopes) = smooth(self.operands(&operands));
                        for (id, slope) in operands.iter().zip(slopes).filter(|(_, slope)| *slope != 0.0) {
                            self.adjoints[id] += adjoint * slope;
                        }
                    }
                }
                Op::Read(data, operands) => {
                    let table = &self.bound.0.with.data[usize::from(data)];
                    let place = table.position(operands.iter().map(|id| self.bits[id] as i32));
                    if let Some(sum) = self.data[usize::from(data)].get_mut(place) {
                        *sum += adjoint;
                    }
                }
            }
        }
        by_x
    }

    /// Whether every number on the way to the last [`Slopes::value`] is finite; past an infinity or a NaN a derivative means nothing, and may be NaN.
    pub fn finite(&self) -> bool {
        self.values.iter().all(|x| x.is_finite())
    }

    /// The formula.
    pub fn bound(&self) -> &Bound {
        &self.bound
    }

    fn operands(&self, operands: &Operands) -> [f64; 3] {
        let mut values = [0.0; 3];
        for (slot, id) in values.iter_mut().zip(operands.iter()) {
            *slot = self.values[id];
        }
        values
    }
}

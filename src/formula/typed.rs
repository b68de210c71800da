//! The typed form: a flat list of operations in which each refers to earlier ones. No names, no sizes, no values.

use std::ops::Range;

use super::table::MAX_OPERANDS;
use super::values::{Ty, Var};

/// Indices of earlier nodes; at most [`MAX_OPERANDS`].
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Operands {
    ids: [u16; MAX_OPERANDS],
    count: u8,
}

impl Operands {
    /// From a list; what exceeds [`MAX_OPERANDS`] is dropped, which the type checker rules out beforehand.
    pub fn new(list: &[usize]) -> Self {
        let mut ids = [0; MAX_OPERANDS];
        for (slot, &id) in ids.iter_mut().zip(list) {
            *slot = id as u16;
        }
        Operands { ids, count: list.len().min(MAX_OPERANDS) as u8 }
    }

    /// How many.
    #[inline]
    pub fn count(&self) -> usize {
        usize::from(self.count)
    }

    /// The indices in order.
    #[inline]
    pub fn iter(&self) -> impl Iterator<Item = usize> + '_ {
        self.ids[..self.count()].iter().map(|&id| usize::from(id))
    }
}

/// One operation.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Op {
    /// A constant, as 32 bits.
    Constant(u32),
    /// A built-in variable.
    Var(Var),
    /// A parameter, by its index in [`super::Formula::params_used`].
    Param(u16),
    /// A row of the table of operations.
    Row(u16, Operands),
    /// A table, by its index in [`super::Formula::data_used`], read at integer indices.
    Read(u16, Operands),
}

/// An operation with its type and its place in the text.
#[derive(Clone, Debug)]
pub struct Node {
    /// What it does.
    pub op: Op,
    /// What it gives.
    pub ty: Ty,
    /// The text it came from.
    pub span: Range<usize>,
}

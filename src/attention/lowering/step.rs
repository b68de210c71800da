//! One step of a lowering with its parameters.

use std::sync::Arc;

use super::super::dims::Dims;
use super::super::estimators::Estimator;
use super::super::problem::Problem;
use super::measure;
use crate::catalogue::Measure;
use crate::formula::{Data, Sorted, Ty};

/// A step of the catalogue's closed sets, with what it is done by.
#[derive(Clone, Debug, PartialEq)]
pub struct Step<Kind> {
    /// Which.
    pub kind: Kind,
    /// Parameters of its entry, every one.
    pub params: Sorted<String, f64>,
    /// Seed of its weights: nothing is trained here.
    pub seed: u64,
    /// The field of the experiment or request it came from; issues carry it.
    pub path: String,
}

impl<Kind> Step<Kind> {
    /// Value of a parameter; 0 where it is not declared.
    pub fn param(&self, name: &str) -> f64 {
        self.params.get(name).copied().unwrap_or(0.0)
    }

    /// Value of a parameter that counts something: a whole number of at least `least`.
    pub fn count(&self, name: &str, least: usize) -> usize {
        (self.param(name) as usize).max(least)
    }

    /// Whether a switch is on.
    pub fn switch(&self, name: &str) -> bool {
        self.param(name) != 0.0
    }
}

/// A table computed from Q and K.
#[derive(Clone, Debug, PartialEq)]
pub struct Derived {
    /// Its name in formulas.
    pub name: String,
    /// Type of its entries.
    pub ty: Ty,
    /// How it is computed.
    pub step: Step<Measure>,
    /// What it is computed from beside Q and K.
    pub data: Option<Arc<Data>>,
    /// The attentions that it joins, of [`Measure::Branches`]; none once they are joined.
    pub branches: Vec<Problem>,
    /// What stands in the place of attention and beside it, of [`Measure::Blend`].
    pub estimators: [Option<Estimator>; 2],
}

impl Derived {
    /// Whether it depends on the problem's scores or masks, not on Q and K alone. Branches are joined from problems of their own.
    pub fn reads_scores(&self) -> bool {
        matches!(
            self.step.kind,
            Measure::Cope
                | Measure::TopKeys
                | Measure::TopBlocks
                | Measure::NativeBlocks
                | Measure::WholeBlocks
                | Measure::Hebbian
                | Measure::Indexed
                | Measure::ColumnSums
        ) || self.reads_weights()
    }

    /// Whether it depends on the problem's weights: on every other table, the normaliser, and the probability formula.
    pub fn reads_weights(&self) -> bool {
        self.step.kind.is_addend()
    }

    /// Bytes of an entry.
    pub fn width(&self) -> usize {
        if self.ty == Ty::Bool { 1 } else { 4 }
    }

    /// Lengths of its axes, over tensors of these sizes.
    pub fn shape(&self, dims: &Dims) -> Vec<usize> {
        measure::shape(self, dims)
    }
}

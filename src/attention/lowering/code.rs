//! What turns entries of the catalogue into steps, and checks them: on the page it comes with those entries, since those that it opens with need
//! none of it. Everywhere else it is simply there.

use std::sync::Arc;

use super::super::choose::Chooser;
use super::super::dims::Dims;
use super::super::problem::{Problem, Term};
use super::Lowering;
use crate::catalogue::{Content, LayoutEntry, Table};
use crate::experiment::{Experiment, Issue};
use crate::formula::{Data, Sorted};

/// The user's table of that name, or the catalogue's.
pub type Tables<'a> = &'a mut dyn FnMut(&Table) -> Option<Arc<Data>>;

/// How the steps of an entry are made.
pub struct Making<'a> {
    /// Every parameter of the entry.
    pub params: &'a Sorted<String, f64>,
    /// Seed of its weights.
    pub seed: u64,
    /// The entry's parameters as formulas read them; the text is empty.
    pub term: &'a Term,
    /// Tables that users may edit.
    pub table: Tables<'a>,
}

/// [`super::gather::gather`].
pub type Gather = fn(&mut Problem, &Content, &mut Making);
/// [`super::arrange::arrange`].
pub type Arrange = fn(&mut Problem, &LayoutEntry, &mut Making, bool);
/// [`super::super::second::of_experiment`].
pub type Second = fn(&mut Chooser, &mut Problem, &Experiment);
/// [`super::faults`].
pub type Check = fn(&Lowering, &Dims) -> Vec<Issue>;

#[cfg(feature = "app")]
mod here {
    use std::sync::OnceLock;

    use super::{Arrange, Check, Gather, Second};
    use crate::attention::{lowering, second};

    // One for each function: a table of all would be data, and what data names the page's first module holds.
    static GATHER: OnceLock<Gather> = OnceLock::new();
    static ARRANGE: OnceLock<Arrange> = OnceLock::new();
    static CHECK: OnceLock<Check> = OnceLock::new();
    static SECOND: OnceLock<Second> = OnceLock::new();

    /// Makes the code known; the pieces of the program that hold it call this.
    pub fn install() {
        GATHER.get_or_init(|| lowering::gather::gather);
        ARRANGE.get_or_init(|| lowering::arrange::arrange);
        CHECK.get_or_init(|| lowering::faults);
        SECOND.get_or_init(|| second::of_experiment);
    }

    pub fn gather() -> Option<Gather> {
        GATHER.get().copied()
    }

    pub fn arrange() -> Option<Arrange> {
        ARRANGE.get().copied()
    }

    pub fn check() -> Option<Check> {
        CHECK.get().copied()
    }

    pub fn second() -> Option<Second> {
        SECOND.get().copied()
    }
}

#[cfg(not(feature = "app"))]
mod here {
    use super::{Arrange, Check, Gather, Second};
    use crate::attention::{lowering, second};

    pub fn gather() -> Option<Gather> {
        Some(lowering::gather::gather)
    }

    pub fn arrange() -> Option<Arrange> {
        Some(lowering::arrange::arrange)
    }

    pub fn check() -> Option<Check> {
        Some(lowering::faults)
    }

    pub fn second() -> Option<Second> {
        Some(second::of_experiment)
    }
}

pub use here::*;

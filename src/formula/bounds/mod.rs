//! Abstract interpretation: what a formula can be over a rectangle of queries and keys, without visiting its cells.

mod coverage;
mod floats;
mod ints;
mod ranges;
mod signature;
mod truth;

pub use coverage::Coverage;
pub(super) use coverage::{Rectangle, known_steps, stretch};
pub(super) use floats::Floats;
pub(super) use ints::Ints;
pub(super) use ranges::{Counts, RangeIndex};
pub(super) use truth::{Hull, Known, Truth, choose};

//! Measures of a pattern and of an outcome.

pub mod difference;
pub mod positions;
pub mod reach;
pub mod reorder;

//! Measures of a pattern and of an outcome.

pub mod reach;

//! A bound formula as one loop of WebAssembly over the cells of a row, four at a time, made while the program runs: [`write`] writes the module, [`call`] calls what the
//! worker has made of it. What [`super::Lanes`] does operation by operation, with a store and a load of every cell between two of them, stays in registers here.
//!
//! [`super::Reverse`] has a second one, which goes back from what a sum changes by with the results to what it changes by with the scores, and a third one, which goes to what
//! parameters and tables are part of too.
//!
//! Numbers of the formula (constants, parameters, what a row's query gives) come from memory: a slider that moves needs no new module. Masks are written of operations that
//! give the bits of the scalar ones, or not at all: counts of cells and tiles must agree with the judge.

mod call;
mod write;

pub(super) use call::{Asked, Evaluate, SUMS, Way, compiled};
pub use call::{Cells, Maker, Source, install};

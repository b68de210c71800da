//! A timing sweep: the same work at several places of an axis (tokens, workers, …) by several ways of doing it, measured so that the numbers can be compared.
//!
//! What is measured is a *cell*: a line (a way) at a place. Each is first run until its batch, the repetitions that are one sample, is long enough for the
//! clock; those runs warm it up and are not counted. Then come rounds: in each every cell is sampled once, in an order that is drawn anew, so that a machine
//! that grows warm, or busy, is no slower for one line than for another. Pure: whoever runs the sweep asks [`Sweep::ask`] what to do and tells what
//! came of it.
//!
//! | file | what it holds |
//! |---|---|
//! | `asked` | what a sweep is asked to measure, and how links write it |
//! | `clock` | the step of a clock, and repetitions that make a sample long enough for it |
//! | `course` | what is next, what was measured, what is left |
//! | `findings` | what follows: laws, comparisons at a place, speed-ups |
//! | `ways` | what is compared, at which sizes |
//! | `report` | the charts and the sentences |

mod asked;
mod clock;
mod course;
mod findings;
mod report;
mod ways;

pub use asked::{Asked, MOST};
pub use clock::{LONGEST_BATCH, STEPS, batch, step};
pub use course::{Ask, Cell, Planned, ROUNDS, Sample, State, Sweep};
pub use findings::{Against, Verdict};
pub use report::{Facts, Report, figure};
pub use ways::{Axis, Setting, Way, Work};

#[cfg(test)]
mod tests;

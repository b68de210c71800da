//! Measures of a pattern and of an outcome, and the charts and colours in which they are drawn.

pub mod colour;
pub mod curves;
pub mod difference;
pub mod fit;
pub mod layers;
pub mod measures;
pub mod pair;
pub mod parts;
pub mod plot;
pub mod positions;
pub mod reach;
pub mod reorder;
pub mod spans;
pub mod statistics;
pub mod sweep;
pub mod walk;
pub mod window;

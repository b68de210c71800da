//! Charts as data: what is shown, where it stands, and the picture it makes. Pure.
//!
//! | file | what it holds |
//! |---|---|
//! | `chart` | the types: a chart with its axes, series and marks |
//! | `scale` | linear and logarithmic scales, their ends and ticks |

mod chart;
mod scale;

pub use chart::{Axis, Chart, Kind, Mark, Point, Series};
pub use scale::{Ruler, Scale, spread};

//! Charts as data: what is shown, where it stands, and the picture it makes. Pure; the page draws the same picture that is exported.
//!
//! ```text
//! Chart -> layout (on paper of a size) -> Scene -> SVG text
//!       -> rows, records
//! ```
//!
//! | file | what it holds |
//! |---|---|
//! | `chart` | the types: a chart with its axes, series and marks |
//! | `scale` | linear and logarithmic scales, their ends and ticks |
//! | `digits` | numbers as charts write them |
//! | `labels` | how wide labels are, and where there is room for them |
//! | `frame` | where the field lies, and which place in it a value has |
//! | `layout`, `lines` | axes, grid, marks and names; series as shapes |
//! | `scene`, `svg` | shapes; the text that browsers and other programs draw |
//! | `cursor` | which point is read, by keys and by pointer |
//! | `table` | the numbers behind a chart, and what it could not show |
//!
//! What is told by colour is told by the shape of markers and by dashes too.

mod chart;
mod cursor;
mod digits;
mod frame;
mod labels;
mod layout;
mod lines;
mod scale;
mod scene;
mod svg;
mod table;
#[cfg(test)]
mod tests;

pub use chart::{Axis, Chart, Kind, Mark, Point, Series};
pub use cursor::{Cursor, places, readings, step, under};
pub use digits::read;
pub use layout::{Paper, layout, legend_sample};
pub use scale::{Ruler, Scale, spread};
pub use scene::{SLOTS, Scene, Spot, Tone};
pub use svg::{body, document, escaped};
pub use table::{LeftOut, Why, left_out, place, records, rows, value};

//! Position schemes, by the way they work.

mod beyond;
mod biases;
mod content;
mod encodings;
mod lines;
mod networks;
mod rotary;
mod scales;

use std::sync::LazyLock;

use super::entry::{Param, PositionEntry, Text};
pub use lines::{PositionLine, position_line, position_lines};

/// The families that the page's first view shows, in the order of the menu.
const FIRST: [&[PositionEntry]; 2] = [encodings::ENTRIES, biases::ENTRIES];

/// What it fetches when somebody looks for more.
const MORE: [&[PositionEntry]; 7] = [
    encodings::MORE,
    rotary::ENTRIES,
    biases::MORE,
    networks::ENTRIES,
    scales::ENTRIES,
    content::RELATIVE,
    content::SEQUENCE,
];

/// What the page opens with.
pub(super) fn first() -> &'static [PositionEntry] {
    static ALL: LazyLock<Vec<PositionEntry>> = LazyLock::new(|| FIRST.concat());
    &ALL
}

/// Every position scheme.
pub(super) fn whole() -> Vec<PositionEntry> {
    [FIRST.concat(), MORE.concat()].concat()
}

const GAIN: Param = Param::real("gain", [0.0, 4.0], 0.05, 1.0, Text::new("strength", "强度"));

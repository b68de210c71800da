//! Position schemes, by the way they work.

mod biases;
mod encodings;
mod networks;
mod scales;

use std::sync::LazyLock;

use super::entry::{Param, PositionEntry, Text};

/// Every position scheme, in the order of the menu.
pub fn positions() -> &'static [PositionEntry] {
    static ALL: LazyLock<Vec<PositionEntry>> =
        LazyLock::new(|| [encodings::ENTRIES, biases::ENTRIES, networks::ENTRIES, scales::ENTRIES].concat());
    &ALL
}

const GAIN: Param = Param::real("gain", [0.0, 4.0], 0.05, 1.0, Text::new("strength", "强度"));

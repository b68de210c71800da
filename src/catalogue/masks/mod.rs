//! Masks and sparsity patterns, by family.

mod anchors;
mod blocks;
mod elementary;
mod images;
mod offsets;
mod proposed;
mod tasks;
mod windows;

use std::sync::LazyLock;

use super::entry::{MaskEntry, Param, Text};

/// Every mask, in the order of the menu.
pub fn masks() -> &'static [MaskEntry] {
    static ALL: LazyLock<Vec<MaskEntry>> = LazyLock::new(|| {
        [
            elementary::ENTRIES,
            windows::ENTRIES,
            anchors::ENTRIES,
            offsets::ENTRIES,
            blocks::ENTRIES,
            proposed::ENTRIES,
            images::ENTRIES,
            tasks::ENTRIES,
        ]
        .concat()
    });
    &ALL
}

/// Label of the switch that lets a causal pattern look ahead as well.
const TWO_SIDED: Text = Text::new("both sides", "双侧");
/// Label of the switch that hides later keys from a pattern that knows both directions.
const CAUSAL: Text = Text::new("causal", "因果");
/// Switch that gives the near half of a pattern to even heads and the far half to odd ones.
const ALTERNATE: Param = Param::switch("alternate", false, Text::new("alternate heads", "按头交替"));
/// Label of a tile's side.
const BLOCK: Text = Text::new("block size", "块大小");

/// Most tokens, offsets or blocks that a parameter may count.
const HARD_MAX: i32 = 65_536;

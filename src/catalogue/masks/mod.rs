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

pub(super) use proposed::PHASE;

/// The families that the page's first view shows, in the order of the menu.
const FIRST: [&[MaskEntry]; 4] = [elementary::ENTRIES, windows::ENTRIES, blocks::ENTRIES, proposed::ENTRIES];

/// What it fetches when somebody looks for more.
const MORE: [&[MaskEntry]; 8] = [
    elementary::MORE,
    windows::MORE,
    anchors::ENTRIES,
    offsets::ENTRIES,
    blocks::MORE,
    proposed::MORE,
    images::ENTRIES,
    tasks::ENTRIES,
];

/// What the page opens with.
pub(super) fn first() -> &'static [MaskEntry] {
    static ALL: LazyLock<Vec<MaskEntry>> = LazyLock::new(|| FIRST.concat());
    &ALL
}

/// Every mask.
pub(super) fn whole() -> Vec<MaskEntry> {
    [FIRST.concat(), MORE.concat()].concat()
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

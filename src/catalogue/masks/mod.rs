//! Masks and sparsity patterns, by family.

mod blocks;
mod elementary;
mod proposed;
mod windows;

use std::sync::LazyLock;

use super::entry::{MaskEntry, Text};

/// The families that the page's first view shows, in the order of the menu.
const FIRST: [&[MaskEntry]; 4] = [elementary::ENTRIES, windows::ENTRIES, blocks::ENTRIES, proposed::ENTRIES];

/// The families that it fetches when somebody looks for more.
const MORE: [&[MaskEntry]; 0] = [];

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
/// Label of a tile's side.
const BLOCK: Text = Text::new("block size", "块大小");

/// Most tokens, offsets or blocks that a parameter may count.
const HARD_MAX: i32 = 65_536;

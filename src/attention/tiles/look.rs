//! What both ways of building a map look at: painted rectangles, and the cells of a tile.

use std::ops::Range;

use super::Coverage;
use crate::attention::plan::Plan;
use crate::attention::rules::RowRules;
use crate::experiment::Patch;

/// Cells that a map may evaluate one by one. A mask without structure (random cells) would otherwise cost n² before anything is computed;
/// tiles past it stay [`Coverage::Partial`], which is always right, only slower.
pub(super) const MAX_CELLS: u64 = 1 << 24;

/// Rectangles that may be put to the bounds; squares left open after that are partial as a whole.
pub(super) const MAX_RECTANGLES: u64 = 1 << 19;

/// What building a map cost.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Effort {
    /// Rectangles put to the formulas' bounds.
    pub rectangles: u64,
    /// Cells evaluated one by one.
    pub cells: u64,
}

/// The tiles of one head.
#[derive(Clone, Copy, Debug)]
pub struct Grid {
    /// Batch and head.
    pub at: (usize, usize),
    /// Cells of a tile: rows, columns.
    pub tile: (usize, usize),
    /// Rows of tiles, and tiles in each.
    pub size: (usize, usize),
    /// Tiles along the edge of the square that holds the grid, a power of two.
    pub side: usize,
}

impl Grid {
    /// Queries and keys of the square of `side × side` tiles at a row and a column, as far as it lies in the grid, and how many tiles that are; nothing
    /// where it lies outside.
    pub fn square(
        &self,
        plan: &Plan,
        row: usize,
        col: usize,
        side: usize,
    ) -> Option<(Range<usize>, Range<usize>, u64)> {
        if row >= self.size.0 || col >= self.size.1 {
            return None;
        }
        let q = row * self.tile.0..((row + side) * self.tile.0).min(plan.dims.n_q);
        let k = col * self.tile.1..((col + side) * self.tile.1).min(plan.dims.n_k);
        let tiles = side.min(self.size.0 - row) * side.min(self.size.1 - col);
        Some((q, k, tiles as u64))
    }

    /// The painted rectangles of the head, in order.
    pub fn painted(&self, plan: &Plan) -> Vec<usize> {
        (0..plan.paint.len()).filter(|&i| plan.paint[i].head.is_none_or(|head| head == self.at.1)).collect()
    }

    /// Allowed cells of one tile, by looking at every one; `None` past the limit.
    pub fn count(
        &self,
        plan: &Plan,
        rules: &mut RowRules,
        q: &Range<usize>,
        k: &Range<usize>,
        cells: &mut [u8],
        effort: &mut Effort,
    ) -> Option<u64> {
        let size = (q.len() * k.len()) as u64;
        if effort.cells + size > MAX_CELLS {
            return None;
        }
        effort.cells += size;
        let mut allowed = 0;
        let cells = &mut cells[..k.len()];
        for row in q.clone() {
            rules.begin_row(plan, self.at.0, self.at.1, row);
            rules.mask(plan, k.start, cells);
            allowed += cells.iter().map(|&cell| u64::from(cell)).sum::<u64>();
        }
        Some(allowed)
    }
}

/// Sums over tiles.
#[derive(Clone, Copy, Debug, Default)]
pub struct Totals {
    /// Tiles with everything allowed.
    pub full: u64,
    /// Tiles that are neither full nor empty.
    pub partial: u64,
    /// Cells of tiles that are not empty.
    pub live_cells: u64,
    /// Allowed cells, where they are known.
    pub pairs: u64,
    /// Tiles that nothing was found out about: the effort had reached its limits.
    pub unseen: u64,
}

impl Totals {
    /// Adds `tiles` of one kind, that have so many cells together. Those of partial ones that are allowed are added by who knows them.
    pub fn take(&mut self, said: Coverage, tiles: u64, cells: u64) {
        match said {
            Coverage::Empty => return,
            Coverage::Full => {
                self.full += tiles;
                self.pairs += cells;
            }
            Coverage::Partial => self.partial += tiles,
        }
        self.live_cells += cells;
    }
}

/// A map that is made.
#[derive(Debug)]
pub struct Built {
    /// Id of the square that holds the grid.
    pub root: u32,
    /// Ids of the quarters of each square that is divided: upper left, upper right, lower left, lower right.
    pub nodes: Vec<[u32; 4]>,
    /// Sums over the grid.
    pub totals: Totals,
    /// What it took.
    pub effort: Effort,
}

/// What the painted rectangles say of a rectangle.
pub(super) struct Painted {
    /// Of the last one that holds everything: whether it allows.
    base: Option<Coverage>,
    /// Whether a part is allowed, or masked, by one that comes after it.
    allowed: bool,
    masked: bool,
}

impl Painted {
    /// Of queries and keys; `near` are the painted rectangles that touch them, in order.
    pub fn of(plan: &Plan, q: &Range<usize>, k: &Range<usize>, near: &[usize]) -> Self {
        let mut painted = Self { base: None, allowed: false, masked: false };
        // The last rectangle wins, so the first one from the end that holds everything decides what lies below the ones after it.
        for &i in near.iter().rev() {
            let patch = &plan.paint[i];
            if patch.q[0] <= q.start && q.end <= patch.q[1] && patch.k[0] <= k.start && k.end <= patch.k[1] {
                painted.base = Some(if patch.allow { Coverage::Full } else { Coverage::Empty });
                break;
            }
            if patch.allow {
                painted.allowed = true;
            } else {
                painted.masked = true;
            }
        }
        painted
    }

    /// Whether a part of it is painted by itself.
    pub fn in_part(&self) -> bool {
        self.allowed || self.masked
    }

    /// What paint and formulas say together. `Partial` means: not known from here.
    pub fn over(&self, formulas: impl FnOnce() -> Coverage) -> Coverage {
        if self.allowed && self.masked {
            return Coverage::Partial;
        }
        match self.base.unwrap_or_else(formulas) {
            Coverage::Full if !self.masked => Coverage::Full,
            Coverage::Empty if !self.allowed => Coverage::Empty,
            _ => Coverage::Partial,
        }
    }
}

/// Whether a painted rectangle and a square of tiles have a cell in common.
pub(super) fn touches(patch: &Patch, q: &Range<usize>, k: &Range<usize>) -> bool {
    patch.q[0] < q.end && q.start < patch.q[1] && patch.k[0] < k.end && k.start < patch.k[1]
}

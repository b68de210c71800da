//! Which tiles of the score matrix hold allowed keys at all: the work that a mask saves.

use std::ops::Range;

use serde::Serialize;

use super::plan::Plan;
use super::rules::RowRules;
use crate::formula;

/// What a mask says of a tile.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Coverage {
    /// No cell is allowed: the tile is skipped.
    Empty,
    /// Every cell is allowed: the kernel runs without mask code.
    Full,
    /// Cells differ, or were too many to look at.
    Partial,
}

/// Tiles by kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct TileCounts {
    /// All tiles.
    pub total: u64,
    /// Tiles with nothing allowed.
    pub skipped: u64,
    /// Tiles with everything allowed.
    pub full: u64,
    /// The others.
    pub partial: u64,
}

impl TileCounts {
    /// Adds another map's counts.
    pub fn add(&mut self, other: TileCounts) {
        self.total += other.total;
        self.skipped += other.skipped;
        self.full += other.full;
        self.partial += other.partial;
    }

    /// The same counts for `times` maps.
    #[must_use]
    pub fn times(self, times: u64) -> TileCounts {
        TileCounts {
            total: self.total * times,
            skipped: self.skipped * times,
            full: self.full * times,
            partial: self.partial * times,
        }
    }
}

/// What building a map cost.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Effort {
    /// Rectangles put to the formulas' bounds.
    pub rectangles: u64,
    /// Cells evaluated one by one.
    pub cells: u64,
}

/// Coverage of every tile of one head's `n_q × n_k` score matrix.
#[derive(Clone, Debug)]
pub struct TileMap {
    rows: usize,
    cols: usize,
    grid_rows: usize,
    grid_cols: usize,
    grid: Vec<Coverage>,
    counts: TileCounts,
    live_cells: u64,
    allowed_pairs: Option<u64>,
    effort: Effort,
}

/// Cells that a map may evaluate one by one. A mask without structure (random cells) would otherwise cost n² before anything is computed;
/// tiles past it stay [`Coverage::Partial`], which is always right, only slower.
const MAX_CELLS: u64 = 1 << 24;

impl TileMap {
    /// The map of `(batch, head)` in tiles of `rows × cols` cells. `rules` belong to `plan`; where they stand afterwards is not specified.
    pub fn new(plan: &Plan, rules: &mut RowRules, batch: usize, head: usize, rows: usize, cols: usize) -> Self {
        let (rows, cols) = (rows.max(1), cols.max(1));
        let (grid_rows, grid_cols) = (plan.dims.n_q.div_ceil(rows), plan.dims.n_k.div_ceil(cols));
        let masked = plan.masked();
        let mut builder = Builder {
            plan,
            rules,
            at: (batch, head),
            tile: (rows, cols),
            size: (grid_rows, grid_cols),
            grid: vec![if masked { Coverage::Empty } else { Coverage::Full }; grid_rows * grid_cols],
            pairs: if masked { Some(0) } else { Some(plan.dims.n_q as u64 * plan.dims.n_k as u64) },
            effort: Effort::default(),
            cells: vec![0; cols],
        };
        if masked {
            let of_head = |p: &crate::experiment::Patch| p.head.is_none_or(|h| h == head);
            let patches: Vec<usize> = (0..plan.paint.len()).filter(|&i| of_head(&plan.paint[i])).collect();
            let side = grid_rows.max(grid_cols).next_power_of_two();
            builder.visit(0, 0, side, &patches);
        }
        let Builder { grid, pairs, effort, .. } = builder;
        let mut counts = TileCounts { total: grid.len() as u64, ..TileCounts::default() };
        let mut live_cells = 0;
        for (i, tile) in grid.iter().enumerate() {
            match tile {
                Coverage::Empty => counts.skipped += 1,
                Coverage::Full => counts.full += 1,
                Coverage::Partial => counts.partial += 1,
            }
            if *tile != Coverage::Empty {
                let (row, col) = (i / grid_cols * rows, i % grid_cols * cols);
                live_cells += (rows.min(plan.dims.n_q - row) * cols.min(plan.dims.n_k - col)) as u64;
            }
        }
        Self { rows, cols, grid_rows, grid_cols, grid, counts, live_cells, allowed_pairs: pairs, effort }
    }

    /// Rows and columns of a tile. Tiles at the lower and right edge may be smaller.
    pub fn tile(&self) -> (usize, usize) {
        (self.rows, self.cols)
    }

    /// Tile rows and tile columns.
    pub fn grid(&self) -> (usize, usize) {
        (self.grid_rows, self.grid_cols)
    }

    /// What the mask says of a tile.
    pub fn coverage(&self, tile_row: usize, tile_col: usize) -> Coverage {
        self.grid[tile_row * self.grid_cols + tile_col]
    }

    /// A row of tiles.
    pub fn row(&self, tile_row: usize) -> &[Coverage] {
        &self.grid[tile_row * self.grid_cols..(tile_row + 1) * self.grid_cols]
    }

    /// The tiles of a row that hold something, left to right, with their columns.
    pub fn live(&self, tile_row: usize) -> impl Iterator<Item = (usize, Coverage)> + '_ {
        self.row(tile_row).iter().copied().enumerate().filter(|(_, coverage)| *coverage != Coverage::Empty)
    }

    /// Tiles by kind.
    pub fn counts(&self) -> TileCounts {
        self.counts
    }

    /// Cells of the tiles that hold something: the scores that a streaming kernel forms.
    pub fn live_cells(&self) -> u64 {
        self.live_cells
    }

    /// Allowed (query, key) pairs, where every cell that needed it was looked at.
    pub fn allowed_pairs(&self) -> Option<u64> {
        self.allowed_pairs
    }

    /// What building the map cost.
    pub fn effort(&self) -> Effort {
        self.effort
    }
}

struct Builder<'a> {
    plan: &'a Plan,
    rules: &'a mut RowRules,
    /// Batch and head.
    at: (usize, usize),
    /// Cells of a tile.
    tile: (usize, usize),
    /// Tiles of the grid.
    size: (usize, usize),
    grid: Vec<Coverage>,
    pairs: Option<u64>,
    effort: Effort,
    cells: Vec<u8>,
}

impl Builder<'_> {
    /// Decides the square of `side × side` tiles whose first is (`row`, `col`), as far as it lies in the grid. Edges at powers of two let the
    /// bounds use known bits. `patches` are the rectangles that touch it, in order.
    fn visit(&mut self, row: usize, col: usize, side: usize, patches: &[usize]) {
        if row >= self.size.0 || col >= self.size.1 {
            return;
        }
        let q = row * self.tile.0..((row + side) * self.tile.0).min(self.plan.dims.n_q);
        let k = col * self.tile.1..((col + side) * self.tile.1).min(self.plan.dims.n_k);
        let near: Vec<usize> = patches.iter().copied().filter(|&i| touches(&self.plan.paint[i], &q, &k)).collect();
        match self.bounds(&q, &k, &near) {
            Coverage::Empty => {}
            Coverage::Full => {
                for r in row..(row + side).min(self.size.0) {
                    let start = r * self.size.1;
                    self.grid[start + col..start + (col + side).min(self.size.1)].fill(Coverage::Full);
                }
                self.pairs = self.pairs.map(|pairs| pairs + (q.len() * k.len()) as u64);
            }
            Coverage::Partial if side > 1 => {
                let half = side / 2;
                for (r, c) in [(row, col), (row, col + half), (row + half, col), (row + half, col + half)] {
                    self.visit(r, c, half, &near);
                }
            }
            Coverage::Partial => self.grid[row * self.size.1 + col] = self.count(q, k),
        }
    }

    /// What the formulas' bounds and the rectangles say together. `Partial` means: not known from here.
    fn bounds(&mut self, q: &Range<usize>, k: &Range<usize>, patches: &[usize]) -> Coverage {
        let (mut some_allowed, mut some_masked) = (false, false);
        // The last rectangle wins, so the first one from the end that holds everything decides what lies below the ones after it.
        let mut base = None;
        for &i in patches.iter().rev() {
            let patch = &self.plan.paint[i];
            if patch.q[0] <= q.start && q.end <= patch.q[1] && patch.k[0] <= k.start && k.end <= patch.k[1] {
                base = Some(if patch.allow { Coverage::Full } else { Coverage::Empty });
                break;
            }
            if patch.allow {
                some_allowed = true;
            } else {
                some_masked = true;
            }
        }
        if some_allowed && some_masked {
            return Coverage::Partial;
        }
        match base.unwrap_or_else(|| self.formulas(q, k)) {
            Coverage::Full if !some_masked => Coverage::Full,
            Coverage::Empty if !some_allowed => Coverage::Empty,
            _ => Coverage::Partial,
        }
    }

    /// All masks, and-ed, by their bounds.
    fn formulas(&mut self, q: &Range<usize>, k: &Range<usize>) -> Coverage {
        self.effort.rectangles += 1;
        let int = |range: &Range<usize>| range.start as i32..range.end as i32;
        let mut all_full = true;
        for bound in &self.plan.masks {
            match bound.coverage(self.at.0 as i32, self.at.1 as i32, int(q), int(k)) {
                formula::Coverage::Empty => return Coverage::Empty,
                formula::Coverage::Full => {}
                formula::Coverage::Mixed => all_full = false,
            }
        }
        if all_full { Coverage::Full } else { Coverage::Partial }
    }

    /// Looks at every cell of one tile.
    fn count(&mut self, q: Range<usize>, k: Range<usize>) -> Coverage {
        let size = (q.len() * k.len()) as u64;
        if self.effort.cells + size > MAX_CELLS {
            self.pairs = None;
            return Coverage::Partial;
        }
        self.effort.cells += size;
        let mut allowed = 0;
        let cells = &mut self.cells[..k.len()];
        for row in q {
            self.rules.begin_row(self.plan, self.at.0, self.at.1, row);
            self.rules.mask(self.plan, k.start, cells);
            allowed += cells.iter().map(|&c| u64::from(c)).sum::<u64>();
        }
        self.pairs = self.pairs.map(|pairs| pairs + allowed);
        match allowed {
            0 => Coverage::Empty,
            n if n == size => Coverage::Full,
            _ => Coverage::Partial,
        }
    }
}

fn touches(patch: &crate::experiment::Patch, q: &Range<usize>, k: &Range<usize>) -> bool {
    patch.q[0] < q.end && q.start < patch.q[1] && patch.k[0] < k.end && k.start < patch.k[1]
}

#[cfg(test)]
mod tests;

//! Which tiles of the score matrix hold allowed keys at all: the work that a mask saves.
//!
//! A map is a quadtree whose squares stand for every one with the same contents: a window at a million tokens is some tens of squares, a fractal one for
//! each size, and what does not repeat (documents) as many as its edges are long. Rows of tiles are unfolded when a kernel comes to them.

use std::ops::Range;

use serde::Serialize;

use self::look::Totals;
use super::late;
use super::plan::Plan;
use super::rules::RowRules;

pub(super) mod build;
mod few;
mod look;
mod memo;

pub use look::{Built, Effort, Grid};

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

/// Maps of at most so many tiles are made square by square: among so few, looking for squares that are alike costs more than it saves.
const FEW: usize = 256;

/// Whether the map of a mask over `n_q × n_k` cells in tiles of `tile` has so many tiles that those which are alike are looked for.
pub fn many(n_q: usize, n_k: usize, tile: (usize, usize)) -> bool {
    n_q.div_ceil(tile.0.max(1)).saturating_mul(n_k.div_ceil(tile.1.max(1))) > FEW
}

/// Ids of squares: of one kind throughout, or divided (the others, counted from [`INNER`]).
const EMPTY: u32 = 0;
const FULL: u32 = 1;
const PARTIAL: u32 = 2;
const INNER: u32 = 3;

/// Coverage of every tile of one head's `n_q × n_k` score matrix.
#[derive(Clone, Debug)]
pub struct TileMap {
    tile: (usize, usize),
    grid: (usize, usize),
    /// Tiles along the edge of the square that holds the grid, a power of two.
    side: usize,
    root: u32,
    /// Quarters of divided squares: upper left, upper right, lower left, lower right.
    nodes: Vec<[u32; 4]>,
    counts: TileCounts,
    totals: Totals,
    effort: Effort,
}

/// Neighbouring tiles of one kind in a row of tiles.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Run {
    /// Columns of the grid.
    pub cols: Range<usize>,
    /// What the mask says of each.
    pub coverage: Coverage,
}

impl TileMap {
    /// The map of `(batch, head)` in tiles of `rows × cols` cells. `rules` belong to `plan`; where they stand afterwards is not specified.
    pub fn new(plan: &Plan, rules: &mut RowRules, batch: usize, head: usize, rows: usize, cols: usize) -> Self {
        let (dims, tile) = (plan.dims, (rows.max(1), cols.max(1)));
        let grid = (dims.n_q.div_ceil(tile.0), dims.n_k.div_ceil(tile.1));
        let total = grid.0 as u64 * grid.1 as u64;
        let side = grid.0.max(grid.1).next_power_of_two();
        let cells = dims.n_q as u64 * dims.n_k as u64;
        let built = if plan.masked() {
            let build = late::tiles().filter(|_| many(dims.n_q, dims.n_k, tile)).unwrap_or(few::build);
            build(plan, rules, &Grid { at: (batch, head), tile, size: grid, side })
        } else {
            let totals = Totals { full: total, live_cells: cells, pairs: cells, ..Totals::default() };
            Built { root: FULL, nodes: Vec::new(), totals, effort: Effort::default() }
        };
        let Built { root, nodes, totals, effort } = built;
        let Totals { full, partial, .. } = totals;
        let counts = TileCounts { total, skipped: total - full - partial, full, partial };
        Self { tile, grid, side, root, nodes, counts, totals, effort }
    }

    /// Neighbouring tiles of one kind in a row of tiles, left to right, the empty ones left out.
    pub fn runs(&self, tile_row: usize) -> Vec<Run> {
        let mut runs: Vec<Run> = Vec::new();
        // Squares still to be looked at, the leftmost last: id, first column, side.
        let mut open = vec![(self.root, 0, self.side)];
        while let Some((id, col, side)) = open.pop() {
            let coverage = match id {
                EMPTY => continue,
                FULL => Coverage::Full,
                PARTIAL => Coverage::Partial,
                inner => {
                    let half = side / 2;
                    let quarters = self.nodes[(inner - INNER) as usize];
                    let upper = if tile_row & half == 0 { 0 } else { 2 };
                    open.push((quarters[upper + 1], col + half, half));
                    open.push((quarters[upper], col, half));
                    continue;
                }
            };
            let end = (col + side).min(self.grid.1);
            match runs.last_mut() {
                Some(last) if last.coverage == coverage && last.cols.end == col => last.cols.end = end,
                _ => runs.push(Run { cols: col..end, coverage }),
            }
        }
        runs
    }

    /// Rows and columns of a tile. Tiles at the lower and right edge may be smaller.
    pub fn tile(&self) -> (usize, usize) {
        self.tile
    }

    /// Tile rows and tile columns.
    pub fn grid(&self) -> (usize, usize) {
        self.grid
    }

    /// What the mask says of a tile.
    pub fn coverage(&self, tile_row: usize, tile_col: usize) -> Coverage {
        let (mut id, mut half) = (self.root, self.side / 2);
        while id >= INNER {
            let quarter = 2 * usize::from(tile_row & half != 0) + usize::from(tile_col & half != 0);
            (id, half) = (self.nodes[(id - INNER) as usize][quarter], half / 2);
        }
        [Coverage::Empty, Coverage::Full, Coverage::Partial][id as usize]
    }

    /// A row of tiles, one by one.
    pub fn row(&self, tile_row: usize) -> Vec<Coverage> {
        let mut row = vec![Coverage::Empty; self.grid.1];
        for run in self.runs(tile_row) {
            row[run.cols].fill(run.coverage);
        }
        row
    }

    /// The tiles of a row that hold something, left to right, with their columns.
    pub fn live(&self, tile_row: usize) -> impl Iterator<Item = (usize, Coverage)> + use<> {
        self.runs(tile_row).into_iter().flat_map(|run| run.cols.map(move |col| (col, run.coverage)))
    }

    /// Tiles by kind.
    pub fn counts(&self) -> TileCounts {
        self.counts
    }

    /// Cells of the tiles that hold something: the scores that a streaming kernel forms.
    pub fn live_cells(&self) -> u64 {
        self.totals.live_cells
    }

    /// Allowed (query, key) pairs, where every cell that needed it was looked at.
    pub fn allowed_pairs(&self) -> Option<u64> {
        (self.totals.unseen == 0).then_some(self.totals.pairs)
    }

    /// Tiles that count as partial because the effort had reached its limits before anything was found out about them: the mask has no structure that
    /// bounds could see, as where a hash decides each cell.
    pub fn unseen(&self) -> u64 {
        self.totals.unseen
    }

    /// Allowed pairs by looking at every cell of every partial tile of `(batch, head)`, for maps that have no [`TileMap::allowed_pairs`]; `plan` and `rules`
    /// are those it was made from. After each row of tiles `progress` hears the share that is done, and ends the count by saying no. Nothing is counted
    /// where more than `most` cells would have to be looked at.
    pub fn count_pairs(
        &self,
        plan: &Plan,
        rules: &mut RowRules,
        (batch, head): (usize, usize),
        most: u64,
        progress: &mut dyn FnMut(f64) -> bool,
    ) -> Option<u64> {
        let (rows, cols) = self.tile;
        if self.counts.partial.saturating_mul((rows * cols) as u64) > most {
            return None;
        }
        let (mut pairs, mut cells) = (0, vec![0; cols]);
        for row in 0..self.grid.0 {
            let runs = self.runs(row);
            for q in row * rows..((row + 1) * rows).min(plan.dims.n_q) {
                rules.begin_row(plan, batch, head, q);
                for Run { cols: run, coverage } in &runs {
                    let keys = run.start * cols..(run.end * cols).min(plan.dims.n_k);
                    if *coverage == Coverage::Full {
                        pairs += keys.len() as u64;
                        continue;
                    }
                    for k0 in keys.clone().step_by(cols) {
                        let cells = &mut cells[..cols.min(keys.end - k0)];
                        rules.mask(plan, k0, cells);
                        pairs += cells.iter().map(|&cell| u64::from(cell)).sum::<u64>();
                    }
                }
            }
            if !progress((row + 1) as f64 / self.grid.0 as f64) {
                return None;
            }
        }
        Some(pairs)
    }

    /// Divided squares that the map holds, 16 bytes each: its memory.
    pub fn squares(&self) -> usize {
        self.nodes.len()
    }

    /// What building the map cost.
    pub fn effort(&self) -> Effort {
        self.effort
    }
}

#[cfg(test)]
mod tests;

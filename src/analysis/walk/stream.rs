//! Tiles of keys, one after the other, for a block of queries.

use std::ops::Range;

use super::part::Part;
use super::state::State;
use crate::attention::Coverage;

/// A row after a step.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// By what its sum and output were scaled: `e^(max before − max now)`.
    pub factor: f64,
    /// What it keeps.
    pub state: State,
}

/// A tile of keys.
#[derive(Clone, Debug, PartialEq)]
pub struct Step {
    /// The keys, within the part.
    pub keys: Range<usize>,
    /// What the mask says of the tile: an empty one is skipped.
    pub coverage: Coverage,
    /// The block's rows afterwards.
    pub rows: Vec<Row>,
}

/// One block of queries as its keys stream by: Dao et al. 2022, algorithm 1, its inner loop.
#[derive(Clone, Debug, PartialEq)]
pub struct Stream {
    /// Queries and keys of a tile.
    pub tile: [usize; 2],
    /// The block's queries, within the part.
    pub rows: Range<usize>,
    /// What the mask says of every tile of the part: by blocks of queries, each with its tiles of keys.
    pub grid: Vec<Vec<Coverage>>,
    /// Tile by tile, skipped ones among them.
    pub steps: Vec<Step>,
    /// The block's rows before the first tile.
    pub start: State,
}

impl Stream {
    /// The block that holds `row`, in tiles of at least 1 × 1.
    pub fn of(part: &Part, tile: [usize; 2], row: usize) -> Self {
        let tile = tile.map(|side| side.max(1));
        let (n_q, n_k) = (part.queries.len(), part.keys.len());
        let tiles = |n: usize, side: usize| (0..n).step_by(side).map(move |from| from..(from + side).min(n));
        let first = row.min(n_q.saturating_sub(1)) / tile[0] * tile[0];
        let rows = first..(first + tile[0]).min(n_q);
        let of_block =
            |block: Range<usize>| tiles(n_k, tile[1]).map(move |keys| part.coverage(block.clone(), keys)).collect();
        let mut states = vec![part.start(); rows.len()];
        let step = |keys: Range<usize>| {
            let coverage = part.coverage(rows.clone(), keys.clone());
            let of_row = |(state, row): (&mut State, usize)| {
                let factor = if coverage == Coverage::Empty { 1.0 } else { part.feed(state, row, keys.clone()) };
                Row { factor, state: state.clone() }
            };
            let rows = states.iter_mut().zip(rows.clone()).map(of_row).collect();
            Step { keys, coverage, rows }
        };
        let steps = tiles(n_k, tile[1]).map(step).collect();
        let grid = tiles(n_q, tile[0]).map(of_block).collect();
        Self { tile, rows, grid, steps, start: part.start() }
    }

    /// A row of the block after `step` tiles, with what the last of them did; nothing where there were none.
    pub fn row(&self, step: usize, row: usize) -> Option<&Row> {
        self.steps.get(step.checked_sub(1)?)?.rows.get(row.checked_sub(self.rows.start)?)
    }

    /// A row of the block after `step` tiles; the start where there were none.
    pub fn state(&self, step: usize, row: usize) -> &State {
        self.row(step, row).map_or(&self.start, |row| &row.state)
    }

    /// Which block of queries it is.
    pub fn block(&self) -> usize {
        self.rows.start / self.tile[0]
    }

    /// Tiles of the block that are visited, and tiles that are skipped.
    pub fn counts(&self) -> [usize; 2] {
        let skipped = self.steps.iter().filter(|step| step.coverage == Coverage::Empty).count();
        [self.steps.len() - skipped, skipped]
    }
}

//! Live tiles and mask bits as the kernels read them.
//!
//! ```text
//! words = [ per unit: where its map begins | per map: where each row of tiles begins, one more for the end | tiles | bits ]
//! tile  = column << 1 | full
//! bits  = [units, rows, ceil(n_k / 32)] of one piece of work, where the CPU evaluates the masks
//! ```

use std::collections::BTreeMap;
use std::ops::Range;

use crate::attention::{Coverage, Plan, RowRules, TileMap};

/// Rows and keys of a tile of the streaming kernel; twins of TILE and KEYS in `streaming.wgsl`.
pub const TILE_ROWS: usize = 64;
/// See [`TILE_ROWS`].
pub const TILE_KEYS: usize = 64;

/// The tiles of a shard's units.
pub(super) struct TileWords {
    words: Vec<u32>,
    /// The map of each unit, by its place in `maps`; empty without masks.
    map_of: Vec<usize>,
    maps: Vec<TileMap>,
    first_unit: usize,
    units: usize,
}

impl TileWords {
    /// The tiles of `units`; without masks nothing, since every tile is live.
    pub fn new(plan: &Plan, units: Range<usize>) -> Self {
        let first_unit = units.start;
        let mut all =
            Self { words: vec![0; units.len()], map_of: Vec::new(), maps: Vec::new(), first_unit, units: units.len() };
        if !plan.masked() {
            return all;
        }
        let mut known = BTreeMap::new();
        for unit in units.clone() {
            let key = plan.mask_key(unit / plan.dims.q_heads, unit % plan.dims.q_heads);
            let (map, start) = *known.entry(key).or_insert_with(|| {
                let map = plan.tiles(key.0, key.1, TILE_ROWS, TILE_KEYS);
                let start = all.add(&map);
                all.maps.push(map);
                (all.maps.len() - 1, start)
            });
            all.words[unit - first_unit] = start;
            all.map_of.push(map);
        }
        all
    }

    /// Appends a map; where its rows begin.
    fn add(&mut self, map: &TileMap) -> u32 {
        let (rows, _) = map.grid();
        let start = self.words.len();
        self.words.resize(start + rows + 1, 0);
        for row in 0..rows {
            self.words[start + row] = self.words.len() as u32;
            self.words
                .extend(map.live(row).map(|(col, coverage)| (col as u32) << 1 | u32::from(coverage == Coverage::Full)));
        }
        self.words[start + rows] = self.words.len() as u32;
        start as u32
    }

    /// The words of maps and tiles.
    pub fn words(&self) -> &[u32] {
        &self.words
    }

    /// The same maps as seen from the keys: of each row of tiles of keys the live tiles of queries, by their place among the rows of the maps.
    ///
    /// ```text
    /// words = [ per unit: where its map begins | per map: where each column of tiles begins, one more for the end | tiles ]
    /// tile  = row << 1 | full
    /// ```
    pub fn by_keys(&self) -> Vec<u32> {
        let mut words = vec![0; self.units];
        let mut starts = Vec::with_capacity(self.maps.len());
        for map in &self.maps {
            let (rows, cols) = map.grid();
            let mut columns: Vec<Vec<u32>> = vec![Vec::new(); cols];
            for row in 0..rows {
                for (col, coverage) in map.live(row) {
                    columns[col].push((row as u32) << 1 | u32::from(coverage == Coverage::Full));
                }
            }
            let start = words.len();
            starts.push(start as u32);
            words.resize(start + cols + 1, 0);
            for (col, tiles) in columns.iter().enumerate() {
                words[start + col] = words.len() as u32;
                words.extend(tiles);
            }
            words[start + cols] = words.len() as u32;
        }
        for (unit, &map) in self.map_of.iter().enumerate() {
            words[unit] = starts[map];
        }
        words
    }

    /// Bits of `rows` of each of `units`: the masks evaluated where tiles are neither empty nor full. Of each row those of the tiles `cols`.
    pub fn bits(&self, plan: &Plan, units: Range<usize>, rows: Range<usize>, cols: Range<usize>) -> Vec<u32> {
        let row_words = (plan.dims.n_k.min(cols.end * TILE_KEYS)).saturating_sub(cols.start * TILE_KEYS).div_ceil(32);
        let mut rules = RowRules::new(plan, TILE_KEYS);
        let mut bits: Vec<u32> = Vec::with_capacity(units.len() * rows.len() * row_words);
        // Units that share a map share its bits.
        let mut made: BTreeMap<usize, Range<usize>> = BTreeMap::new();
        for unit in units {
            let map = self.map_of[unit - self.first_unit];
            if let Some(range) = made.get(&map) {
                bits.extend_from_within(range.clone());
                continue;
            }
            let start = bits.len();
            let (batch, head) = (unit / plan.dims.q_heads, unit % plan.dims.q_heads);
            for q in rows.clone() {
                rules.begin_row(plan, batch, head, q);
                let row = self.maps[map].row(q / TILE_ROWS);
                for (col, coverage) in row.iter().enumerate().take(cols.end).skip(cols.start) {
                    let k0 = col * TILE_KEYS;
                    let mut cells = [u8::from(*coverage == Coverage::Full); TILE_KEYS];
                    let cells = &mut cells[..TILE_KEYS.min(plan.dims.n_k - k0)];
                    if *coverage == Coverage::Partial {
                        rules.mask(plan, k0, cells);
                    }
                    let word = |cells: &[u8]| (0..).zip(cells).fold(0, |word, (i, &cell)| word | u32::from(cell) << i);
                    bits.extend(cells.chunks(32).map(word));
                }
            }
            made.insert(map, start..bits.len());
        }
        bits
    }

    /// The most live tiles that one row of tiles has.
    pub fn longest(&self, plan: &Plan) -> usize {
        if self.maps.is_empty() {
            return plan.dims.n_k.div_ceil(TILE_KEYS);
        }
        let rows = self.maps.iter().flat_map(|map| (0..map.grid().0).map(|row| map.live(row).count()));
        rows.max().unwrap_or(0)
    }

    /// The share of the score matrix that lies in live tiles.
    pub fn live_share(&self) -> f64 {
        let live: u64 =
            self.map_of.iter().map(|&map| self.maps[map].counts().total - self.maps[map].counts().skipped).sum();
        let total: u64 = self.map_of.iter().map(|&map| self.maps[map].counts().total).sum();
        if total == 0 { 1.0 } else { live as f64 / total as f64 }
    }
}

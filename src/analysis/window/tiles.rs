//! Tiles of a picture, kept so that moving over a map asks for what is new only.
//!
//! A tile is a square of pixels; a pixel merges a square of `block` cells. Both begin at cell 0, whatever the window, so that windows share them.

use super::{EXACT, Window};
use crate::engine::{Map, MapRequest, Pool};
use crate::experiment::Stage;
use crate::formula::Sorted;

/// Most pixels along the side of a tile.
const SIDE: usize = 128;
/// Most cells along the side of a tile, as long as that is [`FEWEST`] pixels: a worker is done with one in some milliseconds.
const CELLS: usize = 512;
/// Fewest pixels along the side of a tile.
const FEWEST: usize = 16;
/// Cells that a worker is asked for at first.
pub const BATCH: usize = 1 << 19;
/// Most pixels along a side of a sample.
const SAMPLE: usize = 512;
/// Pixels that are kept: 16 MiB.
const KEPT: usize = 1 << 22;

/// What is looked at through a window: one stage of one head of one result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Looked {
    /// Which result.
    pub session: u64,
    /// Stage.
    pub stage: Stage,
    /// Query head.
    pub head: usize,
    /// How cells that share a pixel are merged: [`Pool::Max`] or [`Pool::Mean`].
    pub pool: Pool,
}

/// A square of pixels, counted from cell 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Tile {
    /// Cells along the side of a pixel.
    pub block: usize,
    /// Tiles above it.
    pub row: usize,
    /// Tiles to its left.
    pub column: usize,
}

impl Tile {
    /// Cells along its side.
    fn side(block: usize) -> usize {
        (SIDE * block).min(CELLS.max(FEWEST * block))
    }

    /// The tiles of a window, those nearest to its middle first.
    pub fn covering(window: Window) -> Vec<Self> {
        let block = window.block();
        let side = Self::side(block);
        let along = |[from, to]: [usize; 2]| from / side..to.div_ceil(side);
        let columns = along(window.k);
        let mut tiles: Vec<Self> =
            along(window.q).flat_map(|row| columns.clone().map(move |column| Self { block, row, column })).collect();
        let far = |tile: &Self| {
            let off = |at: usize, [from, to]: [usize; 2]| (2 * at * side + side).abs_diff(from + to);
            off(tile.row, window.q).max(off(tile.column, window.k))
        };
        tiles.sort_by_key(far);
        tiles
    }

    /// Its cells among `n_q × n_k`.
    pub fn cells(self, [n_q, n_k]: [usize; 2]) -> Window {
        let side = Self::side(self.block);
        let along = |at: usize, n: usize| [(at * side).min(n), ((at + 1) * side).min(n)];
        Window { q: along(self.row, n_q), k: along(self.column, n_k) }
    }

    /// Its pixels: rows and columns.
    fn pixels(self, sizes: [usize; 2]) -> [usize; 2] {
        self.cells(sizes).size().map(|cells| cells.div_ceil(self.block))
    }
}

/// The picture of a tile.
pub fn request(tile: Tile, sizes: [usize; 2], looked: &Looked) -> MapRequest {
    let [height, width] = tile.pixels(sizes);
    pictured(tile.cells(sizes), height, width, looked)
}

fn pictured(Window { q, k }: Window, height: usize, width: usize, looked: &Looked) -> MapRequest {
    let Looked { stage, head, pool, .. } = *looked;
    MapRequest { stage, batch: 0, head, q: q[0]..q[1], k: k[0]..k[1], width, height, pool }
}

/// A sample of a window that holds too many cells to be merged at once: of each line of pixels one row, whole; as many lines as [`EXACT`] cells allow.
/// Nothing where the window is small enough.
pub fn sample(window: Window, looked: &Looked) -> Option<MapRequest> {
    let [rows, columns] = window.size();
    if window.cells() <= EXACT {
        return None;
    }
    let height = (EXACT / columns.max(1)).max(1).min(rows).min(SAMPLE);
    let looked = Looked { pool: looked.pool.sample(), ..*looked };
    Some(pictured(window, height, columns.min(SAMPLE), &looked))
}

/// The tiles that workers are asked for next: of at most so many cells, one at least.
pub fn batch(missing: &[Tile], sizes: [usize; 2], most: usize) -> &[Tile] {
    let mut cells: usize = 0;
    let count = missing.iter().take_while(|tile| {
        let before = cells;
        cells = cells.saturating_add(tile.cells(sizes).cells());
        before == 0 || cells <= most
    });
    &missing[..count.count()]
}

/// What is known of a tile.
struct Held {
    values: Vec<f32>,
    used: u64,
}

/// Of what a tile shows something: stage, head, whether it holds means.
type Key = (Stage, usize, bool, Tile);

/// Tiles of one result; those that were looked at longest ago are forgotten first.
#[derive(Default)]
pub struct Store {
    session: u64,
    tiles: Sorted<Key, Held>,
    pixels: usize,
    clock: u64,
}

/// A picture of a window, made of tiles.
#[derive(Clone, Debug, PartialEq)]
pub struct Composed {
    /// The picture, a pixel for each square of [`Window::block`] cells.
    pub map: Map,
    /// Pixels that every cell was looked at for.
    pub exact: usize,
    /// Pixels for which nothing at all is known yet.
    pub unknown: usize,
}

impl Store {
    /// Forgets what belongs to another result.
    pub fn turn(&mut self, session: u64) {
        if self.session != session {
            *self = Self { session, ..Self::default() };
        }
    }

    /// Number of pixels that are kept.
    pub fn pixels(&self) -> usize {
        self.pixels
    }

    /// The tiles of a window that are not there, those nearest to its middle first.
    pub fn missing(&self, window: Window, looked: &Looked) -> Vec<Tile> {
        let mut tiles = Tile::covering(window);
        tiles.retain(|tile| self.session != looked.session || !self.tiles.contains_key(&key(looked, *tile)));
        tiles
    }

    /// Keeps a tile. One of another result is dropped: it came too late.
    pub fn keep(&mut self, tile: Tile, looked: &Looked, values: Vec<f32>) {
        if self.session != looked.session {
            return;
        }
        self.pixels += values.len();
        let held = Held { values, used: self.clock };
        if let Some(old) = self.tiles.insert(key(looked, tile), held) {
            self.pixels -= old.values.len();
        }
        if self.pixels > KEPT {
            self.forget();
        }
    }

    /// Forgets the half that was looked at longest ago.
    fn forget(&mut self) {
        let mut used: Vec<u64> = self.tiles.values().map(|held| held.used).collect();
        used.sort_unstable();
        let middle = used.get(used.len() / 2).copied().unwrap_or_default();
        // Those of the window that is looked at stay, even where they are more than half.
        let last = middle.min(self.clock.saturating_sub(1));
        let old: Vec<Key> = self.tiles.iter().filter(|(_, held)| held.used <= last).map(|(key, _)| *key).collect();
        for key in &old {
            if let Some(held) = self.tiles.remove(key) {
                self.pixels -= held.values.len();
            }
        }
    }

    /// The picture of a window: of tiles where they are there, elsewhere of the first of the pictures `under` that holds the place; NaN where nothing does.
    /// The window lies [on pixels](Window::on_pixels).
    pub fn compose(&mut self, window: Window, sizes: [usize; 2], looked: &Looked, under: &[&Map]) -> Composed {
        self.clock += 1;
        let block = window.block();
        let [height, width] = window.size().map(|cells| cells.div_ceil(block));
        let mut values = vec![f32::NAN; height * width];
        let mut drawn = vec![false; height * width];
        let mut exact = 0;
        for tile in Tile::covering(window) {
            let Some(held) = self.tiles.get_mut(&key(looked, tile)).filter(|_| self.session == looked.session) else {
                continue;
            };
            let [tall, wide] = tile.pixels(sizes);
            if held.values.len() != tall * wide {
                continue;
            }
            held.used = self.clock;
            let (top, left) = (tile.row * Tile::side(block) / block, tile.column * Tile::side(block) / block);
            let (first, start) = (window.q[0] / block, window.k[0] / block);
            let (from, to) = (left.max(start), (left + wide).min(start + width));
            for line in top.max(first)..(top + tall).min(first + height) {
                let source = (line - top) * wide;
                let target = (line - first) * width;
                let into = target + from - start..target + to - start;
                values[into.clone()].copy_from_slice(&held.values[source + from - left..source + to - left]);
                drawn[into].fill(true);
            }
            exact += (to - from) * ((top + tall).min(first + height) - top.max(first));
        }
        let mut unknown = 0;
        for (at, value) in values.iter_mut().enumerate().filter(|(at, _)| !drawn[*at]) {
            let cell = |from: usize, pixel: usize, to: usize| (from + pixel * block + block / 2).min(to - 1);
            let (q, k) = (cell(window.q[0], at / width, window.q[1]), cell(window.k[0], at % width, window.k[1]));
            match under.iter().find_map(|map| pixel(map, q, k)) {
                Some(known) => *value = known,
                None => unknown += 1,
            }
        }
        Composed { map: Map { request: pictured(window, height, width, looked), values }, exact, unknown }
    }
}

fn key(looked: &Looked, tile: Tile) -> Key {
    (looked.stage, looked.head, looked.pool == Pool::Mean, tile)
}

/// The pixel of a picture that a cell lies in, if it does.
fn pixel(map: &Map, q: usize, k: usize) -> Option<f32> {
    let MapRequest { q: rows, k: columns, width, height, .. } = &map.request;
    if !rows.contains(&q) || !columns.contains(&k) {
        return None;
    }
    let (line, column) = ((q - rows.start) * height / rows.len(), (k - columns.start) * width / columns.len());
    map.values.get(line * width + column).copied()
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
mod tests {
    use super::*;

    fn looked(session: u64, pool: Pool) -> Looked {
        Looked { session, stage: Stage::Weights, head: 1, pool }
    }

    /// A picture of a matrix whose cell (q, k) holds `n_k · q + k`, of which a pixel takes the largest.
    fn drawn(request: &MapRequest, [_, n_k]: [usize; 2]) -> Vec<f32> {
        let part = |range: &std::ops::Range<usize>, i: usize, count: usize| {
            range.start + i * range.len() / count..range.start + (i + 1) * range.len() / count
        };
        let (height, width) = (request.height, request.width);
        (0..height * width)
            .map(|at| {
                let (q, k) = (part(&request.q, at / width, height), part(&request.k, at % width, width));
                (n_k * (q.end - 1) + k.end - 1) as f32
            })
            .collect()
    }

    /// Fetches what a window lacks; says how many tiles those were.
    fn fill(store: &mut Store, window: Window, sizes: [usize; 2], looked: &Looked) -> usize {
        let missing = store.missing(window, looked);
        for &tile in &missing {
            store.keep(tile, looked, drawn(&request(tile, sizes, looked), sizes));
        }
        missing.len()
    }

    #[test]
    fn a_picture_of_tiles_is_the_picture_of_the_window() {
        let looked = looked(3, Pool::Max);
        for (sizes, window) in [
            ([300, 500], Window::whole([300, 500])),
            ([300, 500], Window { q: [17, 290], k: [130, 131] }),
            ([4096, 4096], Window { q: [8, 2056], k: [2000, 4048] }),
            ([5000, 70], Window::whole([5000, 70])),
        ] {
            let mut store = Store::default();
            store.turn(3);
            let window = window.on_pixels(sizes);
            assert!(fill(&mut store, window, sizes, &looked) > 0);
            let composed = store.compose(window, sizes, &looked, &[]);
            assert_eq!((composed.exact, composed.unknown), (composed.map.values.len(), 0), "{window:?}");
            let block = window.block();
            let width = composed.map.request.width;
            for (at, &value) in composed.map.values.iter().enumerate() {
                let last = |from: usize, i: usize, to: usize| (from + (i + 1) * block).min(to) - 1;
                let (q, k) = (last(window.q[0], at / width, window.q[1]), last(window.k[0], at % width, window.k[1]));
                // At the far edge of the matrix the last pixels are merged of fewer cells each.
                let edge = sizes.iter().any(|n| !n.is_multiple_of(block));
                let near = |found: usize, wanted: usize| found.abs_diff(wanted) <= if edge { block } else { 0 };
                let (row, column) = (value as usize / sizes[1], value as usize % sizes[1]);
                assert!(near(row, q) && near(column, k), "{window:?}: pixel {at} is {value}, not ({q}, {k})");
            }
        }
    }

    #[test]
    fn moving_asks_for_what_is_new_only() {
        let (sizes, looked) = ([4096, 4096], looked(1, Pool::Max));
        let mut store = Store::default();
        store.turn(1);
        let start = Window { q: [0, 512], k: [0, 512] };
        assert_eq!(fill(&mut store, start, sizes, &looked), 16);
        assert_eq!(fill(&mut store, start, sizes, &looked), 0);
        let right = start.moved(sizes, [0.0, 0.25]);
        assert_eq!(store.missing(right, &looked).len(), 4);
        // Closer in nothing is missing either: the cells are the same.
        assert!(store.missing(start.zoomed(sizes, 0.5, [0.5, 0.5]), &looked).is_empty());
        assert_eq!(store.missing(start, &Looked { head: 2, ..looked }).len(), 16);
        assert_eq!(store.missing(start, &Looked { pool: Pool::Mean, ..looked }).len(), 16);
        assert_eq!(store.missing(start, &Looked { stage: Stage::Raw, ..looked }).len(), 16);
        // A newer result shares nothing, and what comes late from the old one is dropped.
        store.turn(2);
        let newer = Looked { session: 2, ..looked };
        let tile = store.missing(start, &newer)[0];
        store.keep(tile, &looked, vec![0.0; 128 * 128]);
        assert_eq!((store.missing(start, &newer).len(), store.pixels()), (16, 0));
    }

    #[test]
    fn what_is_not_there_shows_what_lies_under_it() {
        let (sizes, looked) = ([4096, 4096], looked(1, Pool::Max));
        let mut store = Store::default();
        store.turn(1);
        let window = Window::whole(sizes);
        let sample = sample(window, &looked).unwrap();
        assert_eq!((sample.height, sample.width, sample.pool), (512, 512, Pool::SampledMax));
        assert_eq!(sample.rows() * sample.k.len(), 512 * 4096);
        let under = Map { request: sample, values: vec![0.5; 512 * 512] };
        let nothing = store.compose(window, sizes, &looked, &[]);
        assert_eq!((nothing.exact, nothing.unknown), (0, nothing.map.values.len()));
        let before = store.compose(window, sizes, &looked, &[&under]);
        assert_eq!((before.exact, before.unknown), (0, 0));
        assert!(before.map.values.iter().all(|&value| value == 0.5));
        let missing = store.missing(window, &looked);
        for &tile in batch(&missing, sizes, 4 * 512 * 512) {
            store.keep(tile, &looked, drawn(&request(tile, sizes, &looked), sizes));
        }
        let after = store.compose(window, sizes, &looked, &[&under]);
        assert!(after.exact > 0 && after.exact < after.map.values.len());
        assert_eq!(after.map.values.iter().filter(|&&value| value != 0.5).count(), after.exact);
        // Those in the middle come first.
        let middle = after.map.values[after.map.values.len() / 2 + after.map.request.width / 2];
        assert_ne!(middle, 0.5);
        assert_eq!(super::sample(Window { q: [0, 2048], k: [0, 2048] }, &looked), None);
    }

    #[test]
    fn batches_hold_so_many_cells_and_never_nothing() {
        let looked = looked(1, Pool::Max);
        let sizes = [4096, 4096];
        let missing = Store::default().missing(Window::whole(sizes), &looked);
        assert_eq!(missing.len(), 8 * 8);
        assert_eq!(batch(&missing, sizes, 2 * BATCH).len(), 4);
        assert_eq!(batch(&missing[..1], sizes, 2 * BATCH).len(), 1);
        assert_eq!(batch(&missing, sizes, usize::MAX).len(), 64);
        assert!(batch(&[], sizes, BATCH).is_empty());
        let sizes = [65536, 65536];
        let missing = Store::default().missing(Window::whole(sizes), &looked);
        assert_eq!(missing.len(), 32 * 32);
        assert!(missing.iter().all(|tile| request(*tile, sizes, &looked).width == FEWEST));
        assert_eq!(batch(&missing, sizes, BATCH).len(), 1, "a tile that is more than a batch is still asked for");
    }

    #[test]
    fn what_was_looked_at_longest_ago_is_forgotten_first() {
        let (sizes, looked) = ([8192, 8192], looked(1, Pool::Max));
        let mut store = Store::default();
        store.turn(1);
        let at = |i: usize| Window { q: [0, 512], k: [512 * i, 512 * (i + 1)] };
        for i in 0..16 {
            fill(&mut store, at(i), sizes, &looked);
            store.compose(at(i), sizes, &looked, &[]);
        }
        assert_eq!(store.pixels(), KEPT);
        store.compose(at(0), sizes, &looked, &[]);
        let next = Window { q: [512, 1024], k: [0, 512] };
        fill(&mut store, next, sizes, &looked);
        assert!(store.pixels() <= KEPT);
        assert!(store.missing(at(0), &looked).is_empty(), "what was looked at last stays");
        assert!(store.missing(next, &looked).is_empty());
        assert!(!store.missing(at(1), &looked).is_empty());
    }
}

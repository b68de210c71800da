//! How much one submission computes: about 50 milliseconds by what the last ones took, within the limits of buffers and dispatches.

use std::ops::Range;

use super::memory::MOST_BYTES;
use super::streaming::FEW_ROWS;
use super::tiles::TILE_ROWS;
use crate::attention::{Dims, Plan};

/// What a submission should take, milliseconds: short enough for a newer run to come next and for every watchdog, long enough to hide the
/// way there and back.
const TARGET_MS: f64 = 50.0;

/// Multiply-adds a millisecond assumed before the first measurement: a slow phone's, so that the first submission is no long one.
pub(super) const FIRST_RATE: f64 = 2e6;

/// Rows of tiles up to which it is remembered what each number of them takes. So few may not fill the GPU: two can take as long as one, and what the last piece took for a row
/// says little of a larger one.
const FEW_TILES: usize = 8;

/// How often the target something may be expected to take that was never tried.
const DARE: f64 = 2.0;

/// What becomes of a time that is remembered while pieces of other sizes are computed: one of twice the target is tried again after 140.
const FADES: f64 = 0.995;

/// By how much a time that is remembered grows at once.
const GROWS: f64 = 1.25;

/// The most workgroups along one dimension of a dispatch.
pub(super) const MOST_GROUPS: usize = 65_535;

/// Query rows `q` of each of `units`, all within one shard.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Piece {
    pub shard: usize,
    pub units: Range<usize>,
    pub q: Range<usize>,
}

impl Piece {
    /// Rows in all.
    pub fn rows(&self) -> usize {
        self.units.len() * self.q.len()
    }

    /// Rows of tiles in all.
    fn tiles(&self) -> usize {
        self.units.len() * self.q.len().div_ceil(TILE_ROWS)
    }
}

/// Cuts work into pieces and learns how fast the GPU is.
#[derive(Debug)]
pub(super) struct Cut {
    /// Multiply-adds a millisecond.
    rate: f64,
    /// Whether the rate stays what it is.
    held: bool,
    /// Multiply-adds of one row.
    row_work: f64,
    /// Rows that the buffers hold.
    most_rows: usize,
    /// Rows that the kernels take at once: fewer would take as long.
    least_rows: usize,
    /// What one row of tiles took, two, and so on; 0 for what was never tried.
    few: [f64; FEW_TILES],
}

impl Cut {
    /// For a plan of which `live` is the share of the score matrix that is formed.
    pub fn new(plan: &Plan, live: f64, materialised: bool) -> Self {
        let Dims { n_k, d, d_v, .. } = plan.dims;
        // Streaming holds the matrix too where it is wanted.
        let row_bytes = (16 * d_v.div_ceil(4)).max(4 * n_k.next_multiple_of(4));
        let most_rows = ((MOST_BYTES / 2) as usize / row_bytes).max(1);
        let least_rows = if materialised { TILE_ROWS } else { FEW_ROWS };
        Self {
            rate: FIRST_RATE,
            held: false,
            row_work: (n_k * (d + d_v)) as f64 * live.max(1e-3),
            most_rows,
            least_rows,
            few: [0.0; FEW_TILES],
        }
    }

    /// For other work at the speed that is known: each row takes `row_work` multiply-adds and `row_bytes` of results.
    pub fn of(rate: f64, row_work: f64, row_bytes: usize) -> Self {
        let most_rows = ((MOST_BYTES / 2) as usize / row_bytes.max(1)).max(1);
        Self { rate, held: false, row_work: row_work.max(1.0), most_rows, least_rows: FEW_ROWS, few: [0.0; FEW_TILES] }
    }

    /// The same for work of which a piece can be divided in another direction: a whole row of tiles at least.
    pub fn by_tiles(self) -> Self {
        Self { least_rows: TILE_ROWS, ..self }
    }

    /// Multiply-adds a millisecond, as far as is known.
    pub fn rate(&self) -> f64 {
        self.rate
    }

    /// The first piece of what is left: `units` of a shard, of which the first one has done its rows before `q`.
    pub fn piece(&self, shard: usize, units: Range<usize>, q: Range<usize>) -> Piece {
        let rows = self.wanted().min(self.most_rows).max(1);
        if rows >= q.len() && q.len() <= MOST_GROUPS {
            // Several heads only if all of them begin at their first row.
            let most = if q.start == 0 { units.len().min(MOST_GROUPS) } else { 1 };
            let count = (rows / q.len().max(1)).clamp(1, most);
            return Piece { shard, units: units.start..units.start + count, q };
        }
        // Whole rows of tiles, where there is room for one.
        let rows = rows.min(MOST_GROUPS);
        let end = q.start + rows;
        let aligned = end / TILE_ROWS * TILE_ROWS;
        let end = if aligned > q.start { aligned } else { end };
        Piece { shard, units: units.start..units.start + 1, q: q.start..end.min(q.end) }
    }

    /// Rows that a submission should hold.
    fn wanted(&self) -> usize {
        let by_rate = (self.work() / self.row_work) as usize;
        if by_rate > FEW_TILES * TILE_ROWS || (self.held && by_rate >= TILE_ROWS) {
            return by_rate;
        }
        // What is beyond a number that takes too long takes longer, whatever is remembered of it.
        let in_time = self.few.iter().take_while(|&&ms| ms <= TARGET_MS).count();
        let best = self.few[..in_time].iter().rposition(|&ms| ms > 0.0).map_or(0, |at| at + 1);
        // One row of tiles more is tried once.
        let expected = if best > 0 {
            self.few[best - 1] * (best + 1) as f64 / best as f64
        } else {
            TILE_ROWS as f64 * self.row_work / self.rate
        };
        let dares = !self.held && self.few.get(best) == Some(&0.0) && expected <= DARE * TARGET_MS;
        // Less than a row of tiles takes as long as one, unless it is few rows.
        match best + usize::from(dares) {
            0 => self.least_rows,
            tiles => tiles * TILE_ROWS,
        }
    }

    /// Multiply-adds that one submission should hold.
    pub fn work(&self) -> f64 {
        self.rate * TARGET_MS
    }

    /// Rows of a picture's band, of which each takes `work` multiply-adds and `bytes` of cells.
    pub fn band(&self, work: f64, bytes: usize) -> usize {
        let wanted = (self.work() / work.max(1.0)).max(16.0) as usize;
        wanted.min((MOST_BYTES / 2) as usize / bytes.max(1)).clamp(1, MOST_GROUPS)
    }

    /// From now on so many multiply-adds a millisecond, whatever submissions take.
    pub fn hold(&mut self, rate: f64) {
        (self.rate, self.held) = (rate, true);
    }

    /// Learns from a piece that took `ms` milliseconds.
    pub fn took(&mut self, piece: &Piece, ms: f64) {
        self.learn(piece.rows() as f64 * self.row_work, ms);
        self.tried(piece, ms);
    }

    /// Remembers how long a piece of few rows of tiles took, which was one submission. What is told of others by and by is believed less: what made them slow may be over.
    pub fn tried(&mut self, piece: &Piece, ms: f64) {
        let tiles = if piece.q.len() > FEW_ROWS { piece.tiles() } else { 0 };
        for (i, few) in self.few.iter_mut().enumerate() {
            if i + 1 != tiles {
                *few *= FADES;
            } else if *few == 0.0 || ms < *few {
                *few = ms;
            } else {
                // One that met other work is no reason for a thousand small ones.
                *few = ms.min(*few * GROWS);
            }
        }
    }

    /// The same of so many multiply-adds.
    pub fn learn(&mut self, work: f64, ms: f64) {
        if ms > 0.0 && !self.held {
            // One slow start must not make a thousand small pieces, one coarse clock not a huge one.
            let seen = work / ms;
            self.rate = seen.clamp(self.rate / 4.0, self.rate * 8.0);
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
mod tests {
    use super::*;
    use crate::attention::Problem;

    fn cut(n: usize, heads: usize) -> Cut {
        let dims = Dims { batch: 1, q_heads: heads, kv_heads: heads, n_q: n, n_k: n, d: 64, d_v: 64 };
        Cut::new(&Plan::compile(&Problem::plain(dims)).unwrap(), 1.0, false)
    }

    #[test]
    fn pieces_cover_every_row_once_and_stay_within_the_buffers() {
        for (n, heads, speed) in [(7, 3, 1.0), (128, 40, 1.0), (1500, 3, 20.0), (5000, 2, 20.0), (65_536, 1, 1e5)] {
            let mut cut = cut(n, heads);
            let (mut unit, mut q, mut rows) = (0, 0, 0);
            while unit < heads {
                let piece = cut.piece(0, unit..heads, q..n);
                assert!(piece.units.start == unit && piece.q.start == q && piece.rows() > 0);
                assert!(piece.rows() * 4 * n <= MOST_BYTES as usize / 2 || piece.rows() == 1);
                assert!(piece.units.len() == 1 || (piece.q.start, piece.q.end) == (0, n));
                rows += piece.rows();
                cut.took(&piece, speed);
                (unit, q) = if piece.q.end == n { (piece.units.end, 0) } else { (unit, piece.q.end) };
            }
            assert_eq!(rows, heads * n);
        }
    }

    #[test]
    fn long_rows_on_a_slow_gpu_come_a_few_at_a_time() {
        let dims = Dims { batch: 1, q_heads: 1, kv_heads: 1, n_q: 65_536, n_k: 65_536, d: 64, d_v: 64 };
        let plan = Plan::compile(&Problem::plain(dims)).unwrap();
        let rows = |materialised, speed: f64| {
            let mut cut = Cut::new(&plan, 1.0, materialised);
            for _ in 0..20 {
                let piece = cut.piece(0, 0..1, 0..65_536);
                cut.took(&piece, piece.rows() as f64 / speed);
            }
            cut.piece(0, 0..1, 0..65_536).rows()
        };
        // Rows a millisecond: 8, a half, 2, and 200, more than the buffers hold.
        assert_eq!([8.0, 0.5, 2.0, 200.0].map(|speed| rows(false, speed)), [256, FEW_ROWS, 64, 256]);
        assert_eq!([8.0, 0.5].map(|speed| rows(true, speed)), [256, TILE_ROWS]);
    }

    #[test]
    fn a_rate_that_is_held_is_not_learnt() {
        let mut cut = cut(1024, 4);
        cut.hold(1e9);
        let before = cut.piece(0, 0..4, 0..1024);
        cut.took(&before, 1e6);
        assert_eq!(cut.piece(0, 0..4, 0..1024), before);
        assert_eq!(before.rows(), 4 * 1024);
    }

    #[test]
    fn a_piece_comes_near_its_time() {
        let mut cut = cut(4096, 8);
        // A hundred rows a millisecond.
        for _ in 0..10 {
            let piece = cut.piece(0, 0..8, 0..4096);
            cut.took(&piece, piece.rows() as f64 / 100.0);
        }
        let rows = cut.piece(0, 0..8, 0..4096).rows();
        assert!((4000..=5000).contains(&rows), "{rows}");
    }

    /// A GPU that computes two rows of tiles side by side in 30 ms, and sixteen rows by the other kernel in 18.
    fn two_at_a_time(piece: &Piece) -> f64 {
        if piece.q.len() <= FEW_ROWS { 18.0 } else { piece.tiles().div_ceil(2) as f64 * 30.0 }
    }

    #[test]
    fn as_many_rows_of_tiles_go_together_as_take_no_longer() {
        let mut cut = cut(2048, 8);
        let rows: Vec<usize> = (0..200)
            .map(|i| {
                let piece = cut.piece(0, 0..8, 0..2048);
                // Other work, now and then.
                let busy = if i % 20 == 19 { 10.0 } else { 1.0 };
                cut.took(&piece, two_at_a_time(&piece) * busy);
                piece.rows()
            })
            .collect();
        assert!(rows[20..].iter().filter(|&&rows| rows == 2 * TILE_ROWS).count() >= 150, "{rows:?}");
        assert!(rows.iter().filter(|&&rows| rows > 2 * TILE_ROWS).count() <= 15, "{rows:?}");
    }

    #[test]
    fn a_gpu_that_was_slow_for_a_while_is_found_fast_again() {
        let mut cut = cut(4096, 8);
        // How many of the last hundred pieces had so many rows.
        let mut run = |slow: f64, pieces: usize, rows: usize| {
            let mut all = Vec::new();
            for _ in 0..pieces {
                let piece = cut.piece(0, 0..8, 0..4096);
                cut.took(&piece, two_at_a_time(&piece) * slow);
                all.push(piece.rows());
            }
            all[pieces - 100..].iter().filter(|&&of| of == rows).count()
        };
        let [few, many] = [FEW_ROWS, 2 * TILE_ROWS];
        assert!(run(1.0, 120, many) >= 90);
        assert!(run(4.0, 300, few) >= 85);
        assert!(run(1.0, 300, many) >= 90);
    }
}

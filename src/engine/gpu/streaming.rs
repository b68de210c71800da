//! The streaming algorithm: one pass over live tiles, two where a probability formula needs the sum first or the normaliser has none.
//!
//! A workgroup takes 64 rows or 8 ([`Height`]); both are one text. Where the rows of a plan give a GPU too little to do at once, several workgroups share
//! the keys of a row, and one more pass puts their parts together.

use super::cut::Piece;
use super::error::GpuError;
use super::kernel::Kernel;
use super::memory::floats;
use super::recorder::Recorder;
use super::session::{Done, GpuSession, groups, real};
use super::tiles::TILE_ROWS;
use crate::attention::{Dims, Plan};
use crate::engine::item::{TimedStage, Want};
use crate::experiment::Stage;

/// Query rows of a workgroup of the streaming kernel, whose threads stand 8 rows high. Both sum in the same order and give the same bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Height {
    /// One row a thread.
    Eight,
    /// Eight rows a thread: a tile of 64 by 64 scores.
    SixtyFour,
}

/// Rows up to which 64 of them would mostly be empty.
pub(super) const FEW_ROWS: usize = 16;

/// Scores of a head from which the tall tile is worth its compiling.
const MANY_SCORES: usize = 256 * 256;

impl Height {
    /// The height for a plan.
    ///
    /// The tall one reads keys and values an eighth as often and computes two to three times as fast, but takes drivers about twice as long to compile,
    /// and every formula is a text of its own. So it has to have something to do: on a software adapter 8 heads of 64 numbers make up for it with their
    /// third run at 512 tokens and with about their tenth at 256; below, an edit of a formula is felt as compiling alone. A small problem also gives a large
    /// GPU eight times as many workgroups with the low one; so do few rows of any length. (`docs/performance.md` has the figures.)
    pub fn of(dims: &Dims) -> Self {
        let small = dims.n_q.saturating_mul(dims.n_k) < MANY_SCORES;
        if small || dims.n_q <= FEW_ROWS { Self::Eight } else { Self::SixtyFour }
    }

    /// The height for a piece of `rows` rows of a head, out of a plan of this height.
    pub(super) fn of_piece(self, rows: usize) -> Self {
        if rows <= FEW_ROWS { Self::Eight } else { self }
    }

    /// Query rows.
    pub fn rows(self) -> usize {
        match self {
            Self::Eight => 8,
            Self::SixtyFour => TILE_ROWS,
        }
    }
}

/// Workgroups that keep a large GPU busy.
const BUSY: usize = 256;

/// Live tiles below which a workgroup is not worth its part of the merging.
const LEAST_TILES: usize = 2;

/// Live tiles of a row of tiles from which they are divided however many workgroups there are: a slow GPU then has several in a piece of a few rows, where one would leave most of it
/// idle, and would take longer than a submission should. The parts of 32 tiles are an eightieth of what they are computed from.
const MOST_TILES: usize = 32;

/// Most parts of a row: each thread of the merging pass looks at all of them.
const MOST_SPLITS: usize = 64;

/// Workgroups that share the keys of a row where a row of tiles has at most `longest` live ones. It follows from the plan alone, not from how
/// a run is cut by the clock, so that a run gives the same bits again.
pub(super) fn splits(plan: &Plan, height: Height, longest: usize) -> u32 {
    let dims = plan.dims;
    let workgroups = dims.batch * dims.q_heads * dims.n_q.div_ceil(height.rows());
    let wanted = (BUSY / workgroups.max(1)).max(longest.div_ceil(MOST_TILES));
    wanted.min(longest / LEAST_TILES).clamp(1, MOST_SPLITS) as u32
}

/// The streaming kernel for a piece, with what puts the parts of its rows together.
pub(super) struct Stream {
    main: wgpu::ComputePipeline,
    merge: Option<wgpu::ComputePipeline>,
    main_groups: [u32; 3],
    merge_groups: [u32; 3],
    /// Bytes of the parts of rows among the cells.
    pub parts: u64,
}

impl Stream {
    /// Records it; `job` is the number of the piece's job.
    pub fn record(&self, recorder: &mut Recorder<'_>, stage: TimedStage, group: &wgpu::BindGroup, job: usize) {
        recorder.pass(stage, &self.main, group, job, self.main_groups);
        if let Some(merge) = &self.merge {
            recorder.pass(stage, merge, group, job, self.merge_groups);
        }
    }
}

impl GpuSession {
    /// The streaming kernel for a piece: `values` for outputs too, else statistics only; `stats` for entropy and peak.
    pub(super) async fn streamed(
        &mut self,
        piece: &Piece,
        online: bool,
        values: bool,
        stats: bool,
    ) -> Result<Stream, GpuError> {
        let (height, split) = (self.height.of_piece(piece.q.len()), self.splits > 1);
        let main = self.compiled(Kernel::Streaming { online, values, stats, height, split }).await?;
        let merge = if split { Some(self.compiled(Kernel::Merge { online, values, stats }).await?) } else { None };
        let across = groups(piece.q.end, height.rows()) - (piece.q.start / height.rows()) as u32;
        let units = piece.units.len() as u32;
        let blocks = if values { self.program.column_blocks(height) } else { 1 };
        let width = 8 + if values { 4 * self.plan.dims.d_v.div_ceil(4) } else { 0 };
        Ok(Stream {
            main_groups: [across, units, blocks * self.splits],
            merge_groups: [piece.q.len() as u32, units, 1],
            parts: if merge.is_some() { (4 * piece.rows() * width) as u64 * u64::from(self.splits) } else { 0 },
            main,
            merge,
        })
    }

    /// Outputs and statistics of a piece; the wanted matrix is computed beside it.
    pub(super) async fn stream(&mut self, piece: &Piece, want: Want) -> Result<Done, GpuError> {
        let dims = self.plan.dims;
        let job = self.job(piece).await?;
        let (rows, units) = (piece.rows() as u64, piece.units.len() as u32);
        let (y_bytes, statistics) = (rows * u64::from(job.v4) * 16, rows * 16);
        let matrix = if want.matrix.is_some() { rows * u64::from(job.stride) * 4 } else { 0 };
        let online = self.plan.online();
        let sums = if self.plan.sums() && !online { Some(self.row_sums(piece).await?) } else { None };
        let held = sums.as_ref().map_or(0, |sums| sums.held(&job, rows));

        let main = self.streamed(piece, online, true, want.stats).await?;
        let beside = match want.matrix {
            Some(_) => Some(self.compiled(Kernel::Cells).await?),
            None => None,
        };
        // One after the other in the same memory: what finds thresholds, parts of rows, the wanted matrix.
        let cells = matrix.max(held).max(main.parts);
        self.scratch.room(&self.gpu, y_bytes, statistics, cells, 0).await?;

        let (gpu, scratch) = (&self.gpu, &self.scratch);
        let stage = want.matrix.unwrap_or(Stage::Raw);
        let jobs = [job.stages(Stage::Raw, stage), job.stages(Stage::Raw, Stage::Masked)];
        let group = scratch.bind(gpu, &self.shards[piece.shard], &jobs);
        let mut recorder = Recorder::new(gpu);
        if let Some(sums) = sums {
            sums.record(&mut recorder, TimedStage::Kernel, &group, 1, &self.plan.dims, piece);
        }
        main.record(&mut recorder, TimedStage::Kernel, &group, 0);
        recorder.read(&scratch.outputs, y_bytes);
        recorder.read(&scratch.statistics, statistics);
        if let Some(cells) = beside {
            let at = [groups(dims.n_k, 64), groups(piece.q.len(), 64), units];
            recorder.pass(TimedStage::Picture, &cells, &group, 0, at);
            recorder.read(&scratch.cells, matrix);
        }
        let recorded = recorder.finish(self.clock).await?;
        let mut read = recorded.read.iter().map(|bytes| floats(bytes));
        let (y, statistics) = (read.next().unwrap_or_default(), read.next().unwrap_or_default());
        let matrix = stage_values(want.matrix, read.next().unwrap_or_default());
        Ok(Done { y, statistics, matrix, times: recorded.times })
    }
}

/// Cells as the outside knows them: masked ones are −∞ in scores and 0 in weights.
pub(super) fn stage_values(stage: Option<Stage>, mut cells: Vec<f32>) -> Vec<f32> {
    for cell in &mut cells {
        *cell = match real(*cell) {
            f32::NEG_INFINITY if stage == Some(Stage::Weights) => 0.0,
            cell => cell,
        };
    }
    cells
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
mod tests {
    use super::*;
    use crate::attention::Problem;

    #[test]
    fn long_rows_are_divided_however_many_there_are() {
        let of = |n: usize, longest| {
            let dims = Dims { batch: 1, q_heads: 8, kv_heads: 8, n_q: n, n_k: n, d: 64, d_v: 64 };
            splits(&Plan::compile(&Problem::plain(dims)).unwrap(), Height::SixtyFour, longest)
        };
        assert_eq!([(2048, 32), (4096, 64), (32_768, 512)].map(|(n, longest)| of(n, longest)), [1, 2, 16]);
        // A window's rows are short whatever the length.
        assert_eq!(of(32_768, 6), 1);
        // Few rows of tiles are divided to keep a GPU busy.
        assert_eq!(of(512, 8), 4);
    }

    #[test]
    fn small_problems_and_few_rows_take_the_low_kernel() {
        let of = |n_q, n_k| Height::of(&Dims { batch: 1, q_heads: 8, kv_heads: 8, n_q, n_k, d: 64, d_v: 64 });
        for (n_q, n_k) in [(1, 1), (255, 256), (256, 255), (77, 800), (1, 1 << 20), (FEW_ROWS, 1 << 20)] {
            assert_eq!(of(n_q, n_k), Height::Eight, "{n_q} x {n_k}");
        }
        for (n_q, n_k) in [(256, 256), (FEW_ROWS + 1, 1 << 20), (4096, 77), (1 << 20, 1 << 20)] {
            assert_eq!(of(n_q, n_k), Height::SixtyFour, "{n_q} x {n_k}");
        }
        let pieces = [FEW_ROWS, FEW_ROWS + 1].map(|rows| Height::SixtyFour.of_piece(rows));
        assert_eq!(pieces, [Height::Eight, Height::SixtyFour]);
    }
}

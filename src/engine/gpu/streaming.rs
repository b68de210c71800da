//! The streaming algorithm: one pass over live tiles, two where a probability formula needs the sum first or the normaliser has none.

use super::cut::Piece;
use super::error::GpuError;
use super::kernel::Kernel;
use super::memory::floats;
use super::recorder::Recorder;
use super::session::{Done, GpuSession, groups, real, tile_rows};
use super::sums::RowSums;
use crate::engine::item::{TimedStage, Want};
use crate::experiment::Stage;

impl GpuSession {
    /// Outputs and statistics of a piece; the wanted matrix is computed beside it.
    pub(super) async fn stream(&mut self, piece: &Piece, want: Want) -> Result<Done, GpuError> {
        let dims = self.plan.dims;
        let job = self.job(piece).await?;
        let (rows, stats) = (piece.rows() as u64, want.stats);
        let (y_bytes, statistics) = (rows * u64::from(job.v4) * 16, rows * 16);
        let matrix = if want.matrix.is_some() { rows * u64::from(job.stride) * 4 } else { 0 };
        let online = self.plan.online();
        let sums = if self.plan.sums() && !online { Some(self.row_sums().await?) } else { None };
        let held = if matches!(sums, Some(RowSums::Threshold(_))) { rows * u64::from(job.stride) * 4 } else { 0 };
        self.scratch.room(&self.gpu, y_bytes, statistics, matrix.max(held), 0).await?;

        let main = self.compiled(Kernel::Streaming { online, values: true, stats }).await?;
        let beside = match want.matrix {
            Some(_) => Some(self.compiled(Kernel::Cells).await?),
            None => None,
        };

        let (gpu, scratch) = (&self.gpu, &self.scratch);
        let stage = want.matrix.unwrap_or(Stage::Raw);
        let jobs = [job.stages(Stage::Raw, stage), job.stages(Stage::Raw, Stage::Masked)];
        let group = scratch.bind(gpu, &self.shards[piece.shard], &jobs);
        let mut recorder = Recorder::new(gpu);
        let (across, units) = (tile_rows(&piece.q), piece.units.len() as u32);
        if let Some(sums) = sums {
            sums.record(&mut recorder, TimedStage::Kernel, &group, 1, &self.plan.dims, piece);
        }
        let blocks = self.program.column_blocks(job.v4);
        recorder.pass(TimedStage::Kernel, &main, &group, 0, [across, units, blocks]);
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

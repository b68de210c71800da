//! The materialised algorithm: the score matrix of a piece, stage after stage, each stage a pass with its own time.

use super::cut::Piece;
use super::error::GpuError;
use super::kernel::Kernel;
use super::memory::floats;
use super::program::ROW_STEP;
use super::recorder::Recorder;
use super::session::{Done, GpuSession, groups};
use super::streaming::stage_values;
use crate::engine::item::{TimedStage, Want};
use crate::experiment::Stage;

impl GpuSession {
    /// Outputs, statistics and the wanted stage of a piece.
    pub(super) async fn materialise(&mut self, piece: &Piece, want: Want) -> Result<Done, GpuError> {
        let dims = self.plan.dims;
        let job = self.job(piece).await?;
        let rows = piece.rows() as u64;
        let (y_bytes, statistics) = (rows * u64::from(job.v4) * 16, rows * 16);
        let matrix = rows * u64::from(job.stride) * 4;
        let kept = if want.matrix.is_some() { matrix } else { 0 };
        self.scratch.room(&self.gpu, y_bytes, statistics, matrix, kept).await?;

        // From stage to stage, with a stop at the one that is wanted.
        let mut stops = vec![Stage::Raw, Stage::Biased, Stage::Masked];
        stops.extend(want.matrix.filter(|stage| *stage < Stage::Masked && !stops.contains(stage)));
        stops.sort_unstable();
        let mut jobs = vec![job.stages(Stage::Raw, Stage::Raw)];
        jobs.extend(stops.windows(2).map(|pair| job.stages(pair[0], pair[1])));
        let scores = self.compiled(Kernel::Cells).await?;
        let slots = self.compiled(Kernel::Slots).await?;
        let normalise = self.compiled(Kernel::Normalise { stats: want.stats }).await?;
        let values = self.compiled(Kernel::Values).await?;

        let (gpu, scratch) = (&self.gpu, &self.scratch);
        let group = scratch.bind(gpu, &self.shards[piece.shard], &jobs);
        let (height, units) = (piece.q.len(), piece.units.len() as u32);
        let mut recorder = Recorder::new(gpu);
        let keep = |recorder: &mut Recorder<'_>, stage: Stage| {
            if want.matrix == Some(stage) {
                recorder.keep(&scratch.cells, &scratch.kept, kept);
            }
        };
        let tiles = [groups(dims.n_k, 64), groups(height, 64), units];
        recorder.pass(TimedStage::Scores, &scores, &group, 0, tiles);
        keep(&mut recorder, Stage::Raw);
        for (i, &stage) in stops.iter().enumerate().skip(1) {
            let timed = if stage == Stage::Masked { TimedStage::Mask } else { TimedStage::Bias };
            recorder.pass(timed, &slots, &group, i, [groups(dims.n_k, 64), (height as u32).min(ROW_STEP), units]);
            keep(&mut recorder, stage);
        }
        recorder.pass(TimedStage::Normalise, &normalise, &group, 0, [height as u32, units, 1]);
        keep(&mut recorder, Stage::Weights);
        recorder.pass(TimedStage::Values, &values, &group, 0, [groups(dims.d_v, 64), groups(height, 64), units]);
        recorder.read(&scratch.outputs, y_bytes);
        recorder.read(&scratch.statistics, statistics);
        if want.matrix.is_some() {
            recorder.read(&scratch.kept, kept);
        }
        let recorded = recorder.finish(self.clock).await?;
        let mut read = recorded.read.iter().map(|bytes| floats(bytes));
        let (y, statistics) = (read.next().unwrap_or_default(), read.next().unwrap_or_default());
        let matrix = stage_values(want.matrix, read.next().unwrap_or_default());
        Ok(Done { y, statistics, matrix, times: recorded.times })
    }
}

//! Log-sum-exps that pictures of weights need before any run has computed them.

use super::cut::Piece;
use super::error::GpuError;
use super::kernel::Kernel;
use super::memory::floats;
use super::recorder::Recorder;
use super::session::{GpuSession, real, tile_rows};
use crate::engine::item::{MapRequest, StageTimes, TimedStage};
use crate::experiment::Stage;

impl GpuSession {
    /// Computes the log-sum-exp of the rows of pictures of one shard where it is needed and not known. Heads that follow each other and of
    /// which nothing is known are computed together.
    pub(super) async fn complete(&mut self, requests: &[MapRequest]) -> Result<StageTimes, GpuError> {
        let mut times = StageTimes::default();
        if !self.plan.sums() {
            return Ok(times);
        }
        let n_q = self.plan.dims.n_q;
        let weighs = |request: &&MapRequest| request.stage == Stage::Weights;
        let whole = requests.iter().filter(weighs).filter(|request| request.q == (0..n_q));
        let mut units: Vec<usize> = whole.map(|request| self.unit(request)).collect();
        units.retain(|unit| self.lse[unit * n_q..(unit + 1) * n_q].iter().all(|lse| lse.is_nan()));
        units.sort_unstable();
        units.dedup();
        let mut rest = &units[..];
        while let Some(&first) = rest.first() {
            let count = (first..).zip(rest).take_while(|(expected, unit)| expected == *unit).count();
            let piece = self.cut.piece(self.shard_of(first), first..first + count, 0..n_q);
            rest = &rest[piece.units.len()..];
            times.merge(&self.sums(&piece).await?);
        }
        for request in requests.iter().filter(weighs) {
            let unit = self.unit(request);
            let mut q = request.q.start;
            while let Some(first) = (q..request.q.end).find(|q| self.lse[unit * n_q + q].is_nan()) {
                let piece = self.cut.piece(self.shard_of(unit), unit..unit + 1, first..request.q.end);
                times.merge(&self.sums(&piece).await?);
                q = piece.q.end;
            }
        }
        Ok(times)
    }

    /// Computes the log-sum-exp of the rows of a piece, of which nothing else is wanted.
    async fn sums(&mut self, piece: &Piece) -> Result<StageTimes, GpuError> {
        let job = self.job(piece).await?;
        let bytes = piece.rows() as u64 * 16;
        self.scratch.room(&self.gpu, 0, bytes, 0, 0).await?;
        let kernel = self.compiled(Kernel::Streaming { online: true, values: false, stats: false }).await?;
        let group = self.scratch.bind(&self.gpu, &self.shards[piece.shard], &[job]);
        let mut recorder = Recorder::new(&self.gpu);
        let at = [tile_rows(&piece.q), piece.units.len() as u32, 1];
        recorder.pass(TimedStage::Picture, &kernel, &group, 0, at);
        recorder.read(&self.scratch.statistics, bytes);
        let recorded = recorder.finish(self.clock).await?;
        let rows = recorded.read.first().map(|bytes| floats(bytes)).unwrap_or_default();
        // Several units only with all their rows, which lie side by side.
        let known = &mut self.lse[piece.units.start * self.plan.dims.n_q + piece.q.start..][..piece.rows()];
        for (known, row) in known.iter_mut().zip(rows.chunks_exact(4)) {
            *known = real(row[0]);
        }
        Ok(recorded.times)
    }
}

//! Log-sum-exps that pictures of weights need before any run has computed them.

use super::cut::Piece;
use super::error::GpuError;
use super::job::Job;
use super::kernel::Kernel;
use super::memory::floats;
use super::recorder::Recorder;
use super::session::{GpuSession, groups, real};
use super::streaming::Stream;
use crate::attention::Dims;
use crate::engine::item::{MapRequest, StageTimes, TimedStage};
use crate::experiment::Stage;

/// What finds the number of a whole row that its weights need.
pub(super) enum RowSums {
    /// A running maximum and sum over live tiles.
    Online(Stream),
    /// A threshold: the masked scores of whole rows are held, and searched.
    Threshold([wgpu::ComputePipeline; 2]),
}

impl RowSums {
    /// Bytes that it needs among the cells for `rows` rows.
    pub fn held(&self, job: &Job, rows: u64) -> u64 {
        match self {
            Self::Online(stream) => stream.parts,
            Self::Threshold(_) => 4 * rows * u64::from(job.stride),
        }
    }

    /// Records it for the rows of a piece; `job` is the number of one that takes the matrix to the masked scores.
    pub fn record(
        &self,
        recorder: &mut Recorder<'_>,
        stage: TimedStage,
        group: &wgpu::BindGroup,
        job: usize,
        dims: &Dims,
        piece: &Piece,
    ) {
        let (height, units) = (piece.q.len(), piece.units.len() as u32);
        match self {
            Self::Online(stream) => stream.record(recorder, stage, group, job),
            Self::Threshold([cells, normalise]) => {
                recorder.pass(stage, cells, group, job, [groups(dims.n_k, 64), groups(height, 64), units]);
                recorder.pass(stage, normalise, group, job, [height as u32, units, 1]);
            }
        }
    }
}

impl GpuSession {
    /// The kernels that find what the weights of a piece's rows need.
    pub(super) async fn row_sums(&mut self, piece: &Piece) -> Result<RowSums, GpuError> {
        if self.plan.exponential() {
            return Ok(RowSums::Online(self.streamed(piece, true, false, false).await?));
        }
        let cells = self.compiled(Kernel::Cells).await?;
        Ok(RowSums::Threshold([cells, self.compiled(Kernel::Normalise { stats: false }).await?]))
    }

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
        let sums = self.row_sums(piece).await?;
        let held = sums.held(&job, piece.rows() as u64);
        self.scratch.room(&self.gpu, 0, bytes, held, 0).await?;
        let group = self.scratch.bind(&self.gpu, &self.shards[piece.shard], &[job.stages(Stage::Raw, Stage::Masked)]);
        let mut recorder = Recorder::new(&self.gpu);
        sums.record(&mut recorder, TimedStage::Picture, &group, 0, &self.plan.dims, piece);
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

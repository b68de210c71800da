//! Pictures: a rectangle of one stage, recomputed from Q, K and the rows' log-sum-exp band by band, and pooled into pixels on the GPU.

use super::cut::Piece;
use super::error::GpuError;
use super::kernel::Kernel;
use super::memory::{MOST_BYTES, bytes_of, floats};
use super::recorder::Recorder;
use super::session::{GpuSession, groups, real};
use crate::engine::item::{Map, MapRequest, Pool, StageTimes, TimedStage};
use crate::experiment::{Stage, message};

impl GpuSession {
    /// A picture, and the time it took on the GPU. The log-sum-exp of rows that no run has computed yet is computed first.
    ///
    /// # Errors
    /// [`GpuError::Invalid`] for cells that are not there and for pictures without pixels; else what the GPU says.
    pub async fn map(&mut self, request: &MapRequest) -> Result<(Map, StageTimes), GpuError> {
        self.check(request)?;
        let dims = self.plan.dims;
        let unit = request.batch * dims.q_heads + request.head;
        let shard = self.shard_of(unit);
        let mut times = StageTimes::default();
        let weights = request.stage == Stage::Weights;
        if weights && self.plan.sums() {
            self.complete(shard, unit, request).await?;
        }
        let cells = self.compiled(Kernel::Cells).await?;
        let (hides, mean) = (request.stage >= Stage::Masked, request.pool == Pool::Mean);
        let pool = self.compiled(Kernel::Pool { hides, mean }).await?;

        let pixels = 16 * (request.width * request.height) as u64;
        let stride = request.k.len().next_multiple_of(4);
        let band = self.cut.band((request.k.len() * dims.d) as f64, 4 * stride);
        let mut read = Vec::new();
        let mut q = request.q.start;
        while q < request.q.end {
            let rows = q..(q + band).min(request.q.end);
            let piece = Piece { shard, units: unit..unit + 1, q: rows.clone() };
            let mut job = self.job(&piece).await?;
            (job.k, job.keys, job.stride) = (request.k.start as u32, request.k.len() as u32, stride as u32);
            (job.width, job.height) = (request.width as u32, request.height as u32);
            (job.shown, job.before) = (request.q.len() as u32, (q - request.q.start) as u32);
            let statistics = 16 * rows.len() as u64;
            self.scratch.room(&self.gpu, pixels, statistics, (4 * stride * rows.len()) as u64, 0).await?;
            if weights {
                self.send_lse(unit, &piece);
            }
            let (gpu, scratch) = (&self.gpu, &self.scratch);
            let group = scratch.bind(gpu, &self.shards[shard], &[job.stages(Stage::Raw, request.stage)]);
            let mut recorder = Recorder::new(gpu);
            if q == request.q.start {
                recorder.clear(&scratch.outputs, pixels);
            }
            let at = [groups(request.k.len(), 64), groups(rows.len(), 64), 1];
            recorder.pass(TimedStage::Picture, &cells, &group, 0, at);
            let at = [groups(request.width, 64), request.height as u32, 1];
            recorder.pass(TimedStage::Picture, &pool, &group, 0, at);
            if rows.end == request.q.end {
                recorder.read(&scratch.outputs, pixels);
            }
            let recorded = recorder.finish(self.clock).await?;
            times.merge(&recorded.times);
            read = recorded.read;
            q = rows.end;
        }
        let pixels = read.first().map(|bytes| floats(bytes)).unwrap_or_default();
        let values = pixels.chunks_exact(4).map(|pixel| shown(pixel[0], pixel[1], mean)).collect();
        Ok((Map { request: request.clone(), values }, times))
    }

    fn check(&self, request: &MapRequest) -> Result<(), GpuError> {
        let dims = self.plan.dims;
        let within = |range: &std::ops::Range<usize>, n: usize| range.start < range.end && range.end <= n;
        let there = within(&request.q, dims.n_q)
            && within(&request.k, dims.n_k)
            && request.batch < dims.batch
            && request.head < dims.q_heads;
        let sized = request.width > 0
            && request.height > 0
            && request.height <= super::cut::MOST_GROUPS
            && request.width.saturating_mul(request.height) as u64 <= MOST_BYTES / 16;
        if there && sized {
            return Ok(());
        }
        Err(GpuError::Invalid(message!("there is no such picture: {request:?}", "没有这样的图：{request:?}")))
    }

    /// Computes the log-sum-exp of the picture's rows where it is not known.
    async fn complete(&mut self, shard: usize, unit: usize, request: &MapRequest) -> Result<(), GpuError> {
        let start = unit * self.plan.dims.n_q;
        let mut q = request.q.start;
        while let Some(first) = (q..request.q.end).find(|q| self.lse[start + q].is_nan()) {
            let piece = self.cut.piece(shard, unit..unit + 1, first..request.q.end);
            let lse = self.sums(&piece).await?;
            self.lse[start + piece.q.start..start + piece.q.end].copy_from_slice(&lse);
            q = piece.q.end;
        }
        Ok(())
    }

    /// Puts the log-sum-exp of a piece's rows where the kernels look for it.
    fn send_lse(&self, unit: usize, piece: &Piece) {
        let start = unit * self.plan.dims.n_q;
        let rows = &self.lse[start + piece.q.start..start + piece.q.end];
        // −∞ belongs to rows without a cell to weigh.
        let rows: Vec<f32> =
            rows.iter().flat_map(|&lse| [if lse.is_finite() { lse } else { 0.0 }, 0.0, 0.0, 0.0]).collect();
        self.gpu.queue.write_buffer(&self.scratch.statistics, 0, &bytes_of(&rows, f32::to_le_bytes));
    }
}

/// A pixel from the sum (or the cell of largest size) and the number of its cells.
fn shown(value: f32, count: f32, mean: bool) -> f32 {
    match real(value) {
        _ if count == 0.0 => f32::NAN,
        f32::NEG_INFINITY => f32::NEG_INFINITY,
        value if mean => value / count,
        value => value,
    }
}

//! Buffers that pieces share and that grow with them.

use super::device::Gpu;
use super::error::GpuError;
use super::job::{JOB_STRIDE, Job};
use super::memory::{MOST_BYTES, Owned, bytes_of};
use super::shard::Shard;

/// What kernels of one session write to, and the small things that they read.
pub(super) struct Scratch {
    jobs: Owned,
    words: Owned,
    tiles: Owned,
    /// The shard whose tiles are in `tiles`.
    tiles_of: Option<usize>,
    /// Outputs, or pixels of a picture.
    pub outputs: Owned,
    /// Row statistics.
    pub statistics: Owned,
    /// The score matrix, or a rectangle of it.
    pub cells: Owned,
    /// A stage of the matrix put aside.
    pub kept: Owned,
}

impl Scratch {
    /// Buffers of the smallest size.
    pub async fn new(gpu: &Gpu, jobs: Owned, words: Owned) -> Result<Self, GpuError> {
        Ok(Self {
            jobs,
            words,
            tiles: gpu.storage("tiles", 0).await?,
            tiles_of: None,
            outputs: gpu.storage("outputs", 0).await?,
            statistics: gpu.storage("row statistics", 0).await?,
            cells: gpu.storage("the score matrix", 0).await?,
            kept: gpu.storage("a stage of the score matrix", 0).await?,
        })
    }

    /// Puts the tiles of a shard and the mask bits of a piece on the GPU.
    pub async fn tiles(&mut self, gpu: &Gpu, shard: usize, words: &[u32], bits: &[u32]) -> Result<(), GpuError> {
        let size = 4 * (words.len() + bits.len()) as u64;
        if self.tiles.size() < size {
            self.tiles = grown(gpu, "tiles", size).await?;
            self.tiles_of = None;
        }
        if self.tiles_of != Some(shard) {
            gpu.queue.write_buffer(&self.tiles, 0, &bytes_of(words, u32::to_le_bytes));
            self.tiles_of = Some(shard);
        }
        if !bits.is_empty() {
            gpu.queue.write_buffer(&self.tiles, 4 * words.len() as u64, &bytes_of(bits, u32::to_le_bytes));
        }
        Ok(())
    }

    /// Makes room, in bytes.
    pub async fn room(
        &mut self,
        gpu: &Gpu,
        outputs: u64,
        statistics: u64,
        cells: u64,
        kept: u64,
    ) -> Result<(), GpuError> {
        for (buffer, label, size) in [
            (&mut self.outputs, "outputs", outputs),
            (&mut self.statistics, "row statistics", statistics),
            (&mut self.cells, "the score matrix", cells),
            (&mut self.kept, "a stage of the score matrix", kept),
        ] {
            if buffer.size() < size {
                *buffer = grown(gpu, label, size).await?;
            }
        }
        Ok(())
    }

    /// Writes the jobs, at most [`MOST_JOBS`](super::job::MOST_JOBS), and binds everything. What was recorded before with others must have been
    /// submitted.
    pub fn bind(&self, gpu: &Gpu, shard: &Shard, jobs: &[Job]) -> wgpu::BindGroup {
        self.bind_with(gpu, shard, jobs, &self.statistics, &self.cells)
    }

    /// The same with buffers of the caller's own at the places of row statistics and cells.
    pub fn bind_with(
        &self,
        gpu: &Gpu,
        shard: &Shard,
        jobs: &[Job],
        statistics: &wgpu::Buffer,
        cells: &wgpu::Buffer,
    ) -> wgpu::BindGroup {
        for (i, job) in (0..).zip(jobs) {
            gpu.queue.write_buffer(&self.jobs, i * JOB_STRIDE, &job.bytes());
        }
        let storage = [&*shard.q, &*shard.k, &*shard.v, &*self.words, &*self.tiles, &*self.outputs, statistics, cells];
        gpu.bind(&self.jobs, storage)
    }
}

/// A buffer with room to spare, so that pieces that grow do not make a new one each time.
async fn grown(gpu: &Gpu, label: &str, size: u64) -> Result<Owned, GpuError> {
    gpu.storage(label, size.max(size.next_power_of_two().min(MOST_BYTES))).await
}

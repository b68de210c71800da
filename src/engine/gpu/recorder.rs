//! Passes recorded, submitted and timed; results copied out and read.

use super::device::Gpu;
use super::error::GpuError;
use super::job::{JOB_STRIDE, MOST_JOBS};
use crate::engine::item::{Clock, StageTimes, TimedStage};

/// Passes of one submission that may have a time of their own: two for each job.
const MOST_PASSES: u32 = 2 * MOST_JOBS as u32;

/// What tells the time of passes: one for all submissions, as each reads its ticks before the next one runs.
pub(super) struct Timer {
    /// Nanoseconds of a tick.
    tick: f32,
    queries: wgpu::QuerySet,
    resolved: wgpu::Buffer,
}

impl Timer {
    pub fn new(device: &wgpu::Device, queue: &wgpu::Queue) -> Self {
        let count = 2 * MOST_PASSES;
        let ty = wgpu::QueryType::Timestamp;
        Self {
            tick: queue.get_timestamp_period(),
            queries: device.create_query_set(&wgpu::QuerySetDescriptor { label: Some("stages"), ty, count }),
            resolved: device.create_buffer(&wgpu::BufferDescriptor {
                label: Some("ticks"),
                size: 8 * u64::from(count),
                usage: wgpu::BufferUsages::QUERY_RESOLVE | wgpu::BufferUsages::COPY_SRC,
                mapped_at_creation: false,
            }),
        }
    }
}

/// Records passes and the copies of their results.
pub(super) struct Recorder<'a> {
    gpu: &'a Gpu,
    encoder: wgpu::CommandEncoder,
    /// Finished command buffers with the stage that each is for, where stages are timed by the clock.
    parts: Vec<(Option<TimedStage>, wgpu::CommandBuffer)>,
    stage: Option<TimedStage>,
    stages: Vec<TimedStage>,
    copies: Vec<Copy>,
}

/// A copy into the staging buffer.
struct Copy {
    from: wgpu::Buffer,
    at: u64,
    size: u64,
}

/// What a submission gave.
pub(super) struct Recorded {
    /// The copies, in order.
    pub read: Vec<Vec<u8>>,
    /// Time on the GPU by stage; without timestamps, from submission to completion.
    pub times: StageTimes,
}

impl<'a> Recorder<'a> {
    pub fn new(gpu: &'a Gpu) -> Self {
        let (parts, stages, copies) = (Vec::new(), Vec::new(), Vec::new());
        Self { gpu, encoder: encoder(gpu), parts, stage: None, stages, copies }
    }

    /// Records one kernel over `groups` workgroups, doing the job of number `job` among those that are bound.
    pub fn pass(
        &mut self,
        stage: TimedStage,
        kernel: &wgpu::ComputePipeline,
        group: &wgpu::BindGroup,
        job: usize,
        groups: [u32; 3],
    ) {
        if self.gpu.timer.is_none() && self.stage.is_some_and(|last| last != stage) {
            self.part();
        }
        self.stage = Some(stage);
        let at = 2 * self.stages.len() as u32;
        let timed = self.gpu.timer.as_ref().filter(|_| at < 2 * MOST_PASSES);
        let timestamp_writes = timed.map(|timer| wgpu::ComputePassTimestampWrites {
            query_set: &timer.queries,
            beginning_of_pass_write_index: Some(at),
            end_of_pass_write_index: Some(at + 1),
        });
        let descriptor = wgpu::ComputePassDescriptor { label: None, timestamp_writes };
        let mut pass = self.encoder.begin_compute_pass(&descriptor);
        pass.set_pipeline(kernel);
        pass.set_bind_group(0, group, &[job as u32 * JOB_STRIDE as u32]);
        pass.dispatch_workgroups(groups[0], groups[1], groups[2]);
        drop(pass);
        self.stages.push(stage);
    }

    /// Sets the first `size` bytes of a buffer to 0.
    pub fn clear(&mut self, buffer: &wgpu::Buffer, size: u64) {
        self.encoder.clear_buffer(buffer, 0, Some(size));
    }

    /// Reads the first `size` bytes of a buffer as they are when all is done.
    pub fn read(&mut self, from: &wgpu::Buffer, size: u64) {
        let at = self.copies.last().map_or(0, |copy| copy.at + copy.size);
        self.copies.push(Copy { from: from.clone(), at, size });
    }

    /// Copies a buffer aside as it is at this point.
    pub fn keep(&mut self, from: &wgpu::Buffer, to: &wgpu::Buffer, size: u64) {
        self.encoder.copy_buffer_to_buffer(from, 0, to, 0, size);
    }

    fn part(&mut self) {
        let done = std::mem::replace(&mut self.encoder, encoder(self.gpu));
        self.parts.push((self.stage.take(), done.finish()));
    }

    /// Submits, waits, reads.
    ///
    /// # Errors
    /// Whatever the GPU says of it: [`GpuError::Lost`], [`GpuError::OutOfMemory`], [`GpuError::Failed`].
    pub async fn finish(mut self, clock: Clock) -> Result<Recorded, GpuError> {
        let gpu = self.gpu;
        let results: u64 = self.copies.iter().map(|copy| copy.size).sum();
        let timed = self.stages.len().min(MOST_PASSES as usize) as u32;
        let ticks = if gpu.timer.is_some() { 16 * u64::from(timed) } else { 0 };
        let total = results + ticks;
        let staging = if total > 0 { Some(gpu.staging(total).await?) } else { None };
        if gpu.timer.is_none() {
            self.part();
        }
        if let Some(staging) = &staging {
            for copy in &self.copies {
                self.encoder.copy_buffer_to_buffer(&copy.from, 0, staging, copy.at, copy.size);
            }
            if let Some(timer) = gpu.timer.as_ref().filter(|_| timed > 0) {
                self.encoder.resolve_query_set(&timer.queries, 0..2 * timed, &timer.resolved, 0);
                self.encoder.copy_buffer_to_buffer(&timer.resolved, 0, staging, results, ticks);
            }
        }
        let mut times = StageTimes::default();
        for (stage, commands) in std::mem::take(&mut self.parts) {
            let start = clock();
            gpu.guarded(|| gpu.queue.submit([commands])).await?;
            gpu.done().await?;
            if let Some(stage) = stage {
                times.add(stage, clock() - start);
            }
        }
        let last = self.encoder.finish();
        gpu.guarded(|| gpu.queue.submit([last])).await?;
        let Some(staging) = staging else {
            gpu.done().await?;
            return Ok(Recorded { read: Vec::new(), times });
        };
        let bytes = gpu.read(staging, total).await?;
        if let Some(timer) = &gpu.timer {
            let (pairs, _) = bytes[results as usize..].as_chunks::<8>();
            for (stage, pair) in self.stages.iter().zip(pairs.chunks_exact(2)) {
                let ticks = u64::from_le_bytes(pair[1]).saturating_sub(u64::from_le_bytes(pair[0]));
                times.add(*stage, ticks as f64 * f64::from(timer.tick) / 1e6);
            }
        }
        let read = self.copies.iter().map(|copy| bytes[copy.at as usize..(copy.at + copy.size) as usize].to_vec());
        Ok(Recorded { read: read.collect(), times })
    }
}

fn encoder(gpu: &Gpu) -> wgpu::CommandEncoder {
    gpu.device.create_command_encoder(&wgpu::CommandEncoderDescriptor { label: Some("attention") })
}

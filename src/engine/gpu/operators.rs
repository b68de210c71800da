//! Operators beside attention: one kernel each, no session. Tensors go there, outputs come back.

use super::cut::MOST_GROUPS;
use super::device::Gpu;
use super::error::GpuError;
use super::job::JOB_BYTES;
use super::memory::{Owned, bytes_of, floats};
use super::recorder::Recorder;
use crate::attention::Operator;
use crate::attention::operators::{LinearAttention, RotaryEmbedding};
use crate::engine::item::{Clock, TimedStage};
use crate::experiment::{Backend, message};

/// Threads of a workgroup, in both kernels.
const THREADS: usize = 64;
/// Most rows of the state that one thread visits in a submission: some tens of milliseconds of waiting for memory. Browsers stop what takes seconds.
const MOST_VISITS: usize = 1 << 18;
/// Most operations of a submission, for GPUs that are imitated by a CPU.
const MOST_FLOPS: f64 = 5e8;

/// What an operator gave on the GPU.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct GpuOperated {
    /// Its outputs.
    pub outputs: Vec<Vec<f32>>,
    /// Kernels of each repetition, milliseconds.
    pub runs_ms: Vec<f64>,
}

/// The WGSL of an operator, if it has one.
pub fn source(operator: &Operator) -> Option<String> {
    let constants = |all: &[(&str, usize)]| -> String {
        all.iter().map(|(name, value)| format!("const {name} = {value}u;\n")).collect()
    };
    let switches = |all: &[(&str, bool)]| -> String {
        all.iter().map(|(name, value)| format!("const {name} = {value};\n")).collect()
    };
    match operator {
        Operator::LinearAttention(linear) => {
            let sizes = constants(&[
                ("LENGTH", linear.length),
                ("KV_HEADS", linear.kv_heads),
                ("GROUP", linear.q_heads / linear.kv_heads.max(1)),
                ("D_K", linear.d_k),
                ("D_V", linear.d_v),
                ("DECAYS", linear.decay_size.max(1)),
            ]);
            let rule = switches(&[
                ("FADES", linear.rule.fades()),
                ("REPLACES", linear.rule.replaces()),
                ("SHARED_RATE", linear.beta_heads != linear.kv_heads),
            ]);
            Some(format!("{sizes}{rule}\n{}", include_str!("shaders/linear.wgsl")))
        }
        Operator::RotaryEmbedding(rotary) => {
            let sizes = constants(&[
                ("HEADS", rotary.heads),
                ("LENGTH", rotary.length),
                ("SIZE", rotary.size),
                // Nothing divides by it where there are no pairs: the kernel is not run.
                ("HALF", (rotary.rotated / 2).max(1)),
            ]);
            let layout = switches(&[("INTERLEAVED", rotary.interleaved)]);
            Some(format!("{sizes}{layout}\n{}", include_str!("shaders/rotary.wgsl")))
        }
        Operator::Estimator(_) => None,
    }
}

/// Computes an operator `repeat` times: tensors of the lengths [`Operator::inputs`] in, those of [`Operator::outputs`] out.
///
/// # Errors
/// [`GpuError::Unavailable`] for NaN and infinities, which GPUs may take for anything, and for sizes beyond the default limits; else what the GPU
/// says.
pub async fn operate(
    gpu: &Gpu,
    operator: &Operator,
    tensors: &[Vec<f32>],
    repeat: usize,
    clock: Clock,
) -> Result<GpuOperated, GpuError> {
    gpu.alive()?;
    if !tensors.iter().flatten().all(|x| x.is_finite()) {
        return Err(GpuError::not_finite());
    }
    let mut job = Bench::new(gpu, operator, tensors).await?;
    let mut runs_ms = Vec::with_capacity(repeat.max(1));
    for _ in 0..repeat.max(1) {
        runs_ms.push(match operator {
            Operator::LinearAttention(linear) => job.linear(linear, clock).await?,
            Operator::RotaryEmbedding(rotary) => job.rotary(rotary, clock).await?,
            Operator::Estimator(_) => return Err(GpuError::no_kernel()),
        });
    }
    Ok(GpuOperated { outputs: job.read(&operator.outputs(), clock).await?, runs_ms })
}

/// An operator's buffers, bound.
struct Bench<'a> {
    gpu: &'a Gpu,
    pipeline: wgpu::ComputePipeline,
    /// The uniform.
    numbers: Owned,
    /// What the second output starts from, or the first where there is one only.
    before: Owned,
    results: Vec<Owned>,
    group: wgpu::BindGroup,
    /// Kept for as long as they are bound.
    _inputs: Vec<Owned>,
}

impl<'a> Bench<'a> {
    async fn new(gpu: &'a Gpu, operator: &Operator, tensors: &[Vec<f32>]) -> Result<Self, GpuError> {
        let send = async |label: &str, tensor: &[f32]| gpu.upload(label, &bytes_of(tensor, f32::to_le_bytes)).await;
        let names: &[&str] = match operator {
            Operator::LinearAttention(_) => &["Q", "K", "V", "decay", "beta"],
            Operator::RotaryEmbedding(_) => &["X", "cos_cache", "sin_cache"],
            Operator::Estimator(_) => return Err(GpuError::no_kernel()),
        };
        let mut inputs = Vec::with_capacity(names.len());
        for (name, tensor) in names.iter().zip(tensors) {
            inputs.push(send(name, tensor).await?);
        }
        let mut results = Vec::new();
        for length in operator.outputs() {
            results.push(gpu.storage("output", 4 * length as u64).await?);
        }
        let before = match (operator, tensors) {
            // All of a vector that is not turned passes through.
            (Operator::RotaryEmbedding(_), [x, ..]) => send("X", x).await?,
            (_, [.., past]) if !past.is_empty() => send("past_state", past).await?,
            _ => send("past_state", &vec![0.0; operator.outputs().last().copied().unwrap_or(0)]).await?,
        };
        let usage = wgpu::BufferUsages::UNIFORM | wgpu::BufferUsages::COPY_DST;
        let numbers = gpu.buffer("sizes", JOB_BYTES, usage).await?;
        let source = source(operator).ok_or_else(GpuError::no_kernel)?;
        let pipeline = gpu.pipeline(operator.kernel(Backend::Webgpu), &source).await?;
        // The layout has more places than these kernels use.
        let (nothing, nowhere) = (gpu.storage("nothing", 16).await?, gpu.storage("nowhere", 16).await?);
        let spare = gpu.storage("spare", 16).await?;
        let input = |at: usize| -> &wgpu::Buffer { inputs.get(at).unwrap_or(&nothing) };
        let first: &wgpu::Buffer = results.first().unwrap_or(&nowhere);
        let second: &wgpu::Buffer = results.get(1).unwrap_or(&nowhere);
        let storage = [input(0), input(1), input(2), input(3), input(4), first, second, &*spare];
        let group = gpu.guarded(|| gpu.bind(&numbers, storage)).await?;
        inputs.extend([nothing, nowhere, spare]);
        Ok(Self { gpu, pipeline, numbers, before, results, group, _inputs: inputs })
    }

    /// All steps, from the state before the first; the milliseconds that they took.
    async fn linear(&mut self, linear: &LinearAttention, clock: Clock) -> Result<f64, GpuError> {
        let groups = groups([linear.d_v.div_ceil(THREADS), linear.kv_heads, linear.batch])?;
        let length = linear.length.max(1);
        let by_flops = MOST_FLOPS / (Operator::LinearAttention(*linear).cost().flops / length as f64).max(1.0);
        let rows = linear.d_k.max(1) * (linear.q_heads / linear.kv_heads.max(1) + 2);
        let steps = (MOST_VISITS / rows).min(by_flops as usize).max(1);
        let mut ms = 0.0;
        for start in (0..linear.length).step_by(steps) {
            let end = (start + steps).min(linear.length);
            let words = [start as u32, end as u32, linear.scale.to_bits(), 0];
            ms += self.pass(&words, (start == 0).then_some(1), groups, clock).await?;
        }
        Ok(ms)
    }

    /// All pairs; the milliseconds that they took.
    async fn rotary(&mut self, rotary: &RotaryEmbedding, clock: Clock) -> Result<f64, GpuError> {
        let pairs = rotary.batch * rotary.heads * rotary.length * (rotary.rotated / 2);
        let count = pairs.div_ceil(THREADS);
        let across = count.min(MOST_GROUPS);
        let groups = groups([across, count.div_ceil(across.max(1)), 1])?;
        self.pass(&[pairs as u32, (across * THREADS) as u32, 0, 0], Some(0), groups, clock).await
    }

    /// One submission; `reset` is the output that starts over.
    async fn pass(
        &mut self,
        words: &[u32],
        reset: Option<usize>,
        groups: [u32; 3],
        clock: Clock,
    ) -> Result<f64, GpuError> {
        self.gpu.queue.write_buffer(&self.numbers, 0, &bytes_of(words, u32::to_le_bytes));
        let mut recorder = Recorder::new(self.gpu);
        if let Some(output) = reset.and_then(|at| self.results.get(at)) {
            recorder.keep(&self.before, output, self.before.size().min(output.size()));
        }
        if !groups.contains(&0) {
            recorder.pass(TimedStage::Kernel, &self.pipeline, &self.group, 0, groups);
        }
        let start = clock();
        let times = recorder.finish(clock).await?.times;
        // A clock that is too coarse to see a kernel says 0: then all that was waited for is the better figure.
        let kernel = times.of(TimedStage::Kernel);
        Ok(if kernel > 0.0 { kernel } else { clock() - start })
    }

    /// The outputs, of these lengths.
    async fn read(&self, lengths: &[usize], clock: Clock) -> Result<Vec<Vec<f32>>, GpuError> {
        let mut outputs = Vec::with_capacity(lengths.len());
        for (buffer, &length) in self.results.iter().zip(lengths) {
            let mut recorder = Recorder::new(self.gpu);
            recorder.read(buffer, 4 * length as u64);
            let read = recorder.finish(clock).await?.read;
            outputs.push(read.first().map_or_else(Vec::new, |bytes| floats(bytes)));
        }
        Ok(outputs)
    }
}

/// Workgroups along each axis, within the limit.
fn groups(wanted: [usize; 3]) -> Result<[u32; 3], GpuError> {
    if let Some(&most) = wanted.iter().find(|&&groups| groups > MOST_GROUPS) {
        return Err(GpuError::Unavailable(message!(
            "{most} heads or sequences are too many for the GPU, which takes {MOST_GROUPS}",
            "{most} 个头或序列对 GPU 来说太多，最多 {MOST_GROUPS} 个",
        )));
    }
    Ok(wanted.map(|groups| groups as u32))
}

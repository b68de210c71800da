//! One plan with its inputs on the GPU: the counterpart of the CPU's session, with every wait an `await`.

use std::rc::Rc;

use super::canary;
use super::cut::{Cut, MOST_GROUPS, Piece};
use super::device::Gpu;
use super::error::GpuError;
use super::job::{JOB_STRIDE, Job, MOST_JOBS};
use super::kernel::Kernel;
use super::program::{Masks, Program};
use super::scratch::Scratch;
use super::shard::Shard;
use super::streaming::{Height, splits};
use super::tiers::{self, Build};
use super::tiles::TILE_KEYS;
use crate::attention::{Inputs, Plan};
use crate::engine::Adapter;
use crate::engine::item::{Clock, KernelText, StageTimes};
use crate::experiment::{Algorithm, Message, Tiers, message};

/// A plan being computed on a GPU.
pub struct GpuSession {
    pub(super) gpu: Rc<Gpu>,
    pub(super) plan: Plan,
    pub(super) program: Program,
    pub(super) shards: Vec<Shard>,
    pub(super) scratch: Scratch,
    pub(super) cut: Cut,
    pub(super) clock: Clock,
    /// Log-sum-exp of every row, NaN until it was computed.
    pub(super) lse: Vec<f32>,
    algorithm: Algorithm,
    /// What the streaming kernel uses beyond the core of WebGPU, and what the user is told of it.
    build: Build,
    notes: Vec<Message>,
    /// Rows of a workgroup of the streaming kernel.
    pub(super) height: Height,
    /// Workgroups of it that share the keys of a row.
    pub(super) splits: u32,
    /// Where [`GpuSession::next`] goes on: shard, unit, query.
    pub(super) cursor: (usize, usize, usize),
    /// Time that the next piece reports as preparation: tensors prepared and sent, masks evaluated here.
    pub(super) prepared: f64,
    /// Kernels that came into use, in that order, and how many of them [`GpuSession::take_texts`] has told.
    used: Vec<Kernel>,
    told: usize,
}

impl GpuSession {
    /// Uploads a plan and its inputs. Anything but `Materialised` counts as `Streaming`.
    ///
    /// # Errors
    /// [`GpuError::Unavailable`] for input with NaN or infinities, which GPUs may take for anything, and for tensors that do not fit;
    /// else what the GPU says.
    pub async fn new(
        gpu: Rc<Gpu>,
        plan: Plan,
        inputs: &Inputs,
        algorithm: Algorithm,
        clock: Clock,
    ) -> Result<Self, GpuError> {
        Self::open(gpu, plan, inputs, algorithm, Tiers::default(), clock).await
    }

    /// The same, whose streaming kernel uses of `tiers` what the device offers and the plan allows; [`GpuSession::take_notes`] says what it did without. The first
    /// session of a device that uses something is checked as the device was.
    ///
    /// # Errors
    /// As [`GpuSession::new`]; [`GpuError::Failed`] if the check finds wrong numbers.
    pub async fn with_tiers(
        gpu: Rc<Gpu>,
        plan: Plan,
        inputs: &Inputs,
        algorithm: Algorithm,
        tiers: Tiers,
        clock: Clock,
    ) -> Result<Self, GpuError> {
        let build = Build::of(tiers, gpu.offers(), plan.online());
        if algorithm != Algorithm::Materialised && !build.is_plain() {
            canary::tiers(&gpu, build, clock).await?;
        }
        Self::open(gpu, plan, inputs, algorithm, tiers, clock).await
    }

    /// A session whose kernels nobody checks.
    pub(super) async fn open(
        gpu: Rc<Gpu>,
        plan: Plan,
        inputs: &Inputs,
        algorithm: Algorithm,
        tiers: Tiers,
        clock: Clock,
    ) -> Result<Self, GpuError> {
        let start = clock();
        gpu.alive()?;
        if !inputs.finite() {
            return Err(GpuError::not_finite());
        }
        if plan.dims.n_k > 64 * MOST_GROUPS {
            let (n_k, most) = (plan.dims.n_k, 64 * MOST_GROUPS);
            return Err(GpuError::Unavailable(message!(
                "{n_k} keys are too many for the GPU, which takes {most}",
                "{n_k} 个键对 GPU 来说太多，最多 {most} 个",
            )));
        }
        let streams = algorithm != Algorithm::Materialised;
        let offers = gpu.offers();
        let build = if streams { Build::of(tiers, offers, plan.online()) } else { Build::default() };
        let notes = build.notes(tiers, offers, streams);
        let program = Program::new(&plan).built(build);
        let shards = Shard::all(&gpu, &plan, inputs, false).await?;
        let words = gpu.upload("words of formulas", &tiers::words(program.words(), build, &shards)).await?;
        let usage = wgpu::BufferUsages::UNIFORM | wgpu::BufferUsages::COPY_DST;
        let jobs = gpu.buffer("jobs", MOST_JOBS * JOB_STRIDE, usage).await?;
        let scratch = Scratch::new(&gpu, jobs, words).await?;
        let live = shards.iter().map(|shard| shard.tiles.live_share()).fold(0.0, f64::max);
        let cut = Cut::new(&plan, if streams { live } else { 1.0 }, !streams);
        let (height, longest) = (Height::of(&plan.dims), longest(&shards, &plan));
        let splits = splits(&plan, height, longest);
        let lse = vec![f32::NAN; plan.dims.rows()];
        let prepared = clock() - start;
        let (used, told, cursor) = (Vec::new(), 0, (0, 0, 0));
        Ok(Self {
            gpu,
            plan,
            program,
            shards,
            scratch,
            cut,
            clock,
            lse,
            algorithm,
            build,
            notes,
            height,
            splits,
            cursor,
            prepared,
            used,
            told,
        })
    }

    /// Takes another height than [`Height::of`] the plan: for tests and benches, which compute small problems by the tile as well.
    pub fn with_height(mut self, height: Height) -> Self {
        self.height = height;
        self.splits = splits(&self.plan, height, longest(&self.shards, &self.plan));
        self
    }

    /// Cuts runs by so many multiply-adds a millisecond, whatever they take: for tests that count submissions.
    pub fn with_rate(mut self, rate: f64) -> Self {
        self.cut.hold(rate);
        self
    }

    /// Preparation so far, milliseconds, which the next piece then does not report: for those who time the opening themselves.
    pub fn take_preparation(&mut self) -> f64 {
        std::mem::take(&mut self.prepared)
    }

    /// The plan.
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// The GPU that it runs on.
    pub fn adapter(&self) -> &Adapter {
        self.gpu.facts()
    }

    /// Name of the kernel that runs: `gpu-{algorithm}-{numbers}-{tile}`.
    pub fn kernel(&self) -> &'static str {
        if self.materialised() {
            return "gpu-materialised-f32-64x64";
        }
        match (self.build.f16, self.build.lanes > 0, self.height) {
            (false, false, Height::Eight) => "gpu-streaming-f32-8x64",
            (false, false, Height::SixtyFour) => "gpu-streaming-f32-64x64",
            (false, true, Height::Eight) => "gpu-streaming-f32+subgroups-8x64",
            (false, true, Height::SixtyFour) => "gpu-streaming-f32+subgroups-64x64",
            (true, false, Height::Eight) => "gpu-streaming-f16-8x64",
            (true, false, Height::SixtyFour) => "gpu-streaming-f16-64x64",
            (true, true, Height::Eight) => "gpu-streaming-f16+subgroups-8x64",
            (true, true, Height::SixtyFour) => "gpu-streaming-f16+subgroups-64x64",
        }
    }

    /// What the user is told of the tiers that were asked for, once.
    pub fn take_notes(&mut self) -> Vec<Message> {
        std::mem::take(&mut self.notes)
    }

    /// The texts of the kernels that came into use since the last call, each told once.
    pub fn take_texts(&mut self) -> Vec<KernelText> {
        let new = self.told..self.used.len();
        self.told = self.used.len();
        self.used[new].iter().map(|&kernel| self.program.text(kernel)).collect()
    }

    /// The pipeline of a kernel of this plan.
    pub(super) async fn compiled(&mut self, kernel: Kernel) -> Result<wgpu::ComputePipeline, GpuError> {
        let start = (self.clock)();
        let pipeline = self.gpu.pipeline(&kernel.name(), &self.program.source(kernel)).await?;
        self.prepared += (self.clock)() - start;
        if !self.used.contains(&kernel) {
            self.used.push(kernel);
        }
        Ok(pipeline)
    }

    pub(super) fn materialised(&self) -> bool {
        self.algorithm == Algorithm::Materialised
    }

    pub(super) fn shard_of(&self, unit: usize) -> usize {
        self.shards.iter().position(|shard| shard.units.contains(&unit)).unwrap_or(0)
    }

    /// The job of a piece, with its tiles and mask bits on the GPU.
    pub(super) async fn job(&mut self, piece: &Piece) -> Result<Job, GpuError> {
        let job = self.numbers(piece);
        let bits = self.bits(piece);
        self.send_tiles(piece.shard, &bits).await?;
        Ok(job)
    }

    /// The job of a piece whose mask bits are the first ones.
    pub(super) fn numbers(&self, piece: &Piece) -> Job {
        let shard = &self.shards[piece.shard];
        let mut job = Job::new(&self.plan, &self.program);
        job.bound_unit = shard.units.start as u32;
        job.unit = piece.units.start as u32;
        job.q = piece.q.start as u32;
        job.rows = piece.q.len() as u32;
        job.splits = self.splits;
        job.bits = shard.tiles.words().len() as u32;
        job
    }

    /// The mask bits of a piece, where the CPU evaluates the masks.
    pub(super) fn bits(&mut self, piece: &Piece) -> Vec<u32> {
        if self.program.masks() != Masks::Bits {
            return Vec::new();
        }
        let start = (self.clock)();
        let cols = 0..self.plan.dims.n_k.div_ceil(TILE_KEYS);
        let bits = self.shards[piece.shard].tiles.bits(&self.plan, piece.units.clone(), piece.q.clone(), cols);
        self.prepared += (self.clock)() - start;
        bits
    }

    /// Puts the tiles of a shard on the GPU, and mask bits behind them.
    pub(super) async fn send_tiles(&mut self, shard: usize, bits: &[u32]) -> Result<(), GpuError> {
        self.scratch.tiles(&self.gpu, shard, self.shards[shard].tiles.words(), bits).await
    }
}

/// What a piece gave: outputs `[units, rows, d_v padded]`, statistics `[units, rows, 4]`, the wanted matrix `[units, rows, n_k padded]`.
pub(super) struct Done {
    pub y: Vec<f32>,
    pub statistics: Vec<f32>,
    pub matrix: Vec<f32>,
    pub times: StageTimes,
}

/// The most live tiles that a row of tiles of any head has.
fn longest(shards: &[Shard], plan: &Plan) -> usize {
    shards.iter().map(|shard| shard.tiles.longest(plan)).max().unwrap_or(0)
}

/// A score as the outside knows it: what stood for minus infinity is minus infinity.
pub(super) fn real(x: f32) -> f32 {
    if x <= -1e38 { f32::NEG_INFINITY } else { x }
}

/// Number of workgroups of `size` that cover `count`.
pub(super) fn groups(count: usize, size: usize) -> u32 {
    count.div_ceil(size) as u32
}

//! What a run gives, merged from its items.

use std::sync::Arc;

use super::item::{KernelText, Map, Rows, RowsOut, StageTimes};
use crate::attention::{Cost, Dims};
use crate::experiment::{Algorithm, Backend, Message, Stage, message};

/// What an adapter says of itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Adapter {
    /// Its name, as far as it is told.
    pub name: String,
    /// A GPU imitated on the CPU: right, and far slower than the CPU engine.
    pub software: bool,
    /// Whether it tells the time of each pass.
    pub timestamps: bool,
}

/// Why `auto` took the engine it took.
#[derive(Clone, Debug, PartialEq)]
pub enum Choice {
    /// The CPU: it is done before a GPU would have begun.
    Small,
    /// The CPU: how fast the GPU is gets measured after this run.
    Unmeasured,
    /// The CPU: by what was measured, the GPU would take longer. Milliseconds.
    Slower {
        /// Expected of the CPU.
        cpu_ms: f64,
        /// Expected of the GPU.
        gpu_ms: f64,
    },
    /// The GPU: by what was measured, the CPU would take longer. Milliseconds.
    Faster {
        /// Expected of the CPU.
        cpu_ms: f64,
        /// Expected of the GPU.
        gpu_ms: f64,
    },
    /// The CPU: the only GPU is imitated on the CPU.
    Software(String),
    /// The CPU: the GPU can't.
    Unavailable(Message),
}

impl Choice {
    /// A sentence for the user.
    pub fn message(&self) -> Message {
        match self {
            Self::Small => message!(
                "at this size the CPU is done before a GPU would have begun",
                "在此规模下，GPU 尚未开始，CPU 就已算完",
            ),
            Self::Unmeasured => message!(
                "the GPU's speed is being measured; runs of this size may take it from the next one on",
                "正在测量 GPU 的速度；此规模的计算之后可能改用 GPU",
            ),
            Self::Slower { cpu_ms, gpu_ms } => {
                let (cpu, gpu) = (cpu_ms.round() as u64, gpu_ms.round() as u64);
                message!(
                    "as measured here, this takes the GPU about {gpu} ms and the CPU about {cpu} ms",
                    "据本机测量，GPU 约需 {gpu} 毫秒，CPU 约需 {cpu} 毫秒",
                )
            }
            Self::Faster { cpu_ms, gpu_ms } => {
                let (cpu, gpu) = (cpu_ms.round() as u64, gpu_ms.round() as u64);
                message!(
                    "as measured here, this takes the CPU about {cpu} ms and the GPU about {gpu} ms",
                    "据本机测量，CPU 约需 {cpu} 毫秒，GPU 约需 {gpu} 毫秒",
                )
            }
            Self::Software(name) => message!(
                "the GPU offered here ({name}) is imitated on the CPU, which is faster without",
                "此处提供的 GPU（{name}）由 CPU 模拟，直接用 CPU 更快",
            ),
            Self::Unavailable(why) => why.clone(),
        }
    }

    /// Whether it is a reason against the GPU.
    pub fn falls_back(&self) -> bool {
        !matches!(self, Self::Faster { .. })
    }
}

/// What ran, where, and how long it took.
#[derive(Clone, Debug, PartialEq)]
pub struct Report {
    /// The engine that computed (never `Auto`).
    pub backend: Backend,
    /// The algorithm that computed (never `Auto`).
    pub algorithm: Algorithm,
    /// The kernel's own name.
    pub kernel: String,
    /// Workers that took part.
    pub workers: usize,
    /// The GPU that it ran on, if it did.
    pub adapter: Option<Adapter>,
    /// Why `auto` took this engine; nothing if the engine was chosen by name.
    pub choice: Option<Choice>,
    /// What happened on the way: a worker replaced, a run tried again.
    pub notes: Vec<Message>,
    /// Texts of the kernels that ran, where there are any.
    pub texts: Arc<Vec<KernelText>>,
    /// From the request to the last reply, milliseconds.
    pub total_ms: f64,
    /// Kernel time by stage, added over the workers.
    pub times: StageTimes,
    /// What is not the kernel's work.
    pub copies: Copies,
    /// Kernel time of each repetition, milliseconds (slowest worker).
    pub runs_ms: Vec<f64>,
    /// Work counted from the plan.
    pub cost: Cost,
    /// Bytes of linear memory that the workers which took part held when they had answered, measured. It never shrinks, so earlier runs may have needed it; 0
    /// where there are no such workers.
    pub memory: f64,
    /// Names of the pipeline slots used, in order.
    pub order: Vec<String>,
}

/// Milliseconds of carrying numbers between the page and its workers, both ends added.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Copies {
    /// Tensors and problem, to the workers.
    pub there_ms: f64,
    /// Results, out of the workers.
    pub back_ms: f64,
    /// Putting the parts together.
    pub merge_ms: f64,
}

/// Everything a run gives. Rows are ordered `[batch, q_heads, n_q]`.
#[derive(Clone, Debug, PartialEq)]
pub struct Outcome {
    /// Sizes.
    pub dims: Dims,
    /// `[batch, q_heads, n_q, d_v]`.
    pub y: Vec<f32>,
    /// Per row.
    pub lse: Vec<f32>,
    /// Entropy in nats per row, or empty.
    pub entropy: Vec<f32>,
    /// Largest weight per row, or empty.
    pub peak: Vec<f32>,
    /// Key of the largest weight per row, or empty.
    pub peak_at: Vec<u32>,
    /// The wanted stage and its matrix `[batch, q_heads, n_q, n_k]`.
    pub matrix: Option<(Stage, Vec<f32>)>,
    /// The pictures asked for, in the order of the request.
    pub maps: Vec<Map>,
    /// Rows with no allowed key.
    pub empty_rows: u32,
    /// What ran.
    pub report: Report,
}

/// Gathers items into the tensors of an [`Outcome`].
#[derive(Debug)]
pub struct Merge {
    dims: Dims,
    matrix: Option<Stage>,
    y: Vec<f32>,
    lse: Vec<f32>,
    entropy: Vec<f32>,
    peak: Vec<f32>,
    peak_at: Vec<u32>,
    cells: Vec<f32>,
    maps: Vec<Option<Map>>,
    empty_rows: u32,
    times: StageTimes,
}

impl Merge {
    /// Room for a run of `dims` with `maps` pictures.
    pub fn new(dims: Dims, stats: bool, matrix: Option<Stage>, maps: usize) -> Self {
        let rows = dims.rows();
        let stat_rows = if stats { rows } else { 0 };
        Self {
            dims,
            matrix,
            y: Vec::new(),
            lse: vec![f32::NEG_INFINITY; rows],
            entropy: vec![0.0; stat_rows],
            peak: vec![0.0; stat_rows],
            peak_at: vec![u32::MAX; stat_rows],
            cells: vec![0.0; if matrix.is_some() { rows * dims.n_k } else { 0 }],
            maps: vec![None; maps],
            empty_rows: 0,
            times: StageTimes::default(),
        }
    }

    /// Puts an item's rows in their place.
    pub fn rows(&mut self, at: &Rows, out: &RowsOut) {
        let Places { numbers, peak_at } = self.places(at);
        for (place, part) in numbers.into_iter().zip([&out.y, &out.lse, &out.entropy, &out.peak, &out.matrix]) {
            put(place, part);
        }
        put(peak_at, &out.peak_at);
        self.count(out.empty_rows, &out.times);
    }

    /// Where the rows of an item belong, to be filled by whoever has them.
    pub fn places(&mut self, at: &Rows) -> Places<'_> {
        if self.y.is_empty() {
            // Not before: until then somebody waits for the first message to be sent.
            self.y = vec![0.0; self.dims.y_len()];
        }
        let Dims { n_k, d_v, .. } = self.dims;
        let (start, rows) = (self.dims.row_start(at.batch, at.head) + at.q.start, at.q.len());
        Places {
            numbers: [
                part(&mut self.y, start, rows, d_v),
                part(&mut self.lse, start, rows, 1),
                part(&mut self.entropy, start, rows, 1),
                part(&mut self.peak, start, rows, 1),
                part(&mut self.cells, start, rows, n_k),
            ],
            peak_at: part(&mut self.peak_at, start, rows, 1),
        }
    }

    /// Counts what an item says beside its rows.
    pub fn count(&mut self, empty_rows: u32, times: &StageTimes) {
        self.empty_rows += empty_rows;
        self.times.merge(times);
    }

    /// Puts the picture number `index` in its place.
    pub fn map(&mut self, index: usize, map: Map) {
        if let Some(slot) = self.maps.get_mut(index) {
            *slot = Some(map);
        }
    }

    /// Kernel time by stage so far.
    pub fn times(&self) -> StageTimes {
        self.times
    }

    /// The outcome, with `report` for what ran.
    pub fn finish(self, report: Report) -> Outcome {
        let y = if self.y.is_empty() { vec![0.0; self.dims.y_len()] } else { self.y };
        Outcome {
            dims: self.dims,
            y,
            lse: self.lse,
            entropy: self.entropy,
            peak: self.peak,
            peak_at: self.peak_at,
            matrix: self.matrix.map(|stage| (stage, self.cells)),
            maps: self.maps.into_iter().flatten().collect(),
            empty_rows: self.empty_rows,
            report,
        }
    }
}

/// Places for the rows of one item; empty for what is not wanted.
pub struct Places<'a> {
    /// Output, log-sum-exp, entropy, largest weight and matrix.
    pub numbers: [&'a mut [f32]; 5],
    /// Key of the largest weight.
    pub peak_at: &'a mut [u32],
}

/// `rows` rows of `width` from row `start` on, if they are there.
fn part<T>(all: &mut [T], start: usize, rows: usize, width: usize) -> &mut [T] {
    all.get_mut(start * width..(start + rows) * width).unwrap_or_default()
}

fn put<T: Copy>(place: &mut [T], part: &[T]) {
    if place.len() == part.len() {
        place.copy_from_slice(part);
    }
}

//! Position schemes fitted by gradient descent: what they hold is changed until attention gives the output that is wanted.
//!
//! Tokens have no content here. A scheme's numbers make queries, keys or a table of an ordinary problem; whoever computes asks an engine for its output and its
//! gradients, and [`Fit`] takes them through to the scheme's numbers. Values are what the output is read by; they are drawn anew for each step, since a scheme with many
//! numbers would otherwise learn the output of these values without the weights that make it.
//!
//! ```text
//! Fit::values -> wanted output -+
//!      |                        v
//!      +-> Learned::place -> output -> Fit::dy -> gradients -> Fit::descend -> (again)
//! ```

use std::sync::Arc;

use crate::attention::gradients::Named;
use crate::attention::inputs::Rng;
use crate::attention::plan::Encodings;
use crate::attention::{Beyond, Dims, Encoding, Inputs, Loaded};
use crate::experiment::Experiment;
use crate::formula::Sorted;

/// What a scheme learns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Learns {
    /// A query and a key for each of so many positions.
    Rows(usize),
    /// A matrix that makes queries, and one that makes keys, of the sinusoids of a position.
    Waves,
    /// One query and one key, which every position has: the experiment's own scheme turns them.
    Vectors,
    /// A table of the experiment's scheme, of so many numbers.
    Table(&'static str, usize),
}

impl Learns {
    /// Whether derivatives by parameters are needed.
    pub fn params(self) -> bool {
        matches!(self, Self::Table(..))
    }

    /// How many numbers, for queries and keys of size `d`.
    pub fn count(self, d: usize) -> usize {
        match self {
            Self::Rows(rows) => 2 * rows * d,
            Self::Waves => 2 * d * d,
            Self::Vectors => 2 * d,
            Self::Table(_, count) => count,
        }
    }

    /// The spread of the numbers at first: products of a query and a key are then of the order of 1.
    fn spread(self, d: usize) -> f64 {
        match self {
            Self::Rows(_) | Self::Vectors => 0.5,
            // Half of the sum of squares of a row of sinusoids is d / 2.
            Self::Waves => 0.7 / (d.max(1) as f64).sqrt(),
            Self::Table(..) => 0.0,
        }
    }
}

/// A scheme with its numbers.
#[derive(Clone, Debug, PartialEq)]
pub struct Learned {
    /// What they are.
    pub learns: Learns,
    /// The numbers: of queries, then of keys.
    pub numbers: Vec<f64>,
}

impl Learned {
    /// Normal numbers drawn from `seed`.
    pub fn new(learns: Learns, d: usize, seed: u64) -> Self {
        let spread = learns.spread(d);
        let numbers = Rng::new(seed).normals(learns.count(d)).into_iter().map(|x| spread * x).collect();
        Self { learns, numbers }
    }

    /// Puts a table in place of the scheme's own.
    pub fn hold(&self, experiment: &mut Experiment) {
        if let Learns::Table(name, _) = self.learns {
            experiment.data.insert(name.to_owned(), self.numbers.clone());
        }
    }

    /// An experiment of one head with these numbers in place, and its tensors.
    pub fn place(&self, experiment: &Experiment, loaded: &Loaded, beyond: Beyond) -> (Experiment, Loaded) {
        let mut experiment = experiment.clone();
        self.hold(&mut experiment);
        (experiment, self.tensors(loaded, beyond))
    }

    /// Queries and keys of these numbers, for as many tokens as there are; values as they are. Positions past the end of learned rows take what `beyond` says.
    pub fn tensors(&self, loaded: &Loaded, beyond: Beyond) -> Loaded {
        let Dims { n_q, n_k, d, .. } = loaded.dims;
        let (for_q, for_k) = self.numbers.split_at(self.numbers.len() / 2);
        let [q, k] = match self.learns {
            Learns::Table(..) => [vec![0.0; n_q * d], vec![0.0; n_k * d]],
            Learns::Vectors => [(for_q, n_q), (for_k, n_k)].map(|(vector, n)| {
                let vector: Vec<f32> = vector.iter().map(|&x| x as f32).collect();
                vector.repeat(n)
            }),
            Learns::Rows(rows) => [(for_q, n_q), (for_k, n_k)].map(|(table, n)| {
                let row = |position: usize| {
                    let (low, next, part) = beyond.rows(position as i64, rows, n as i64);
                    let at = move |row: usize, i: usize| table.get(row * d + i).map_or(0.0, |&x| x as f32);
                    (0..d).map(move |i| (1.0 - part) * at(low, i) + part * at(next, i))
                };
                (0..n).flat_map(row).collect()
            }),
            Learns::Waves => {
                let waves = waves(&loaded.dims);
                [(for_q, n_q), (for_k, n_k)].map(|(matrix, n)| {
                    let mut out = vec![0.0f64; d];
                    let mut all = Vec::with_capacity(n * d);
                    for wave in waves.chunks_exact(d).take(n) {
                        out.fill(0.0);
                        for (row, &x) in matrix.chunks_exact(d).zip(wave) {
                            out.iter_mut().zip(row).for_each(|(out, w)| *out += f64::from(x) * w);
                        }
                        all.extend(out.iter().map(|&x| x as f32));
                    }
                    all
                })
            }
        };
        let inputs = Inputs { q: Arc::new(q), k: Arc::new(k), v: loaded.inputs.v.clone() };
        Loaded { inputs, ..loaded.clone() }
    }

    /// Derivatives by the numbers, from those by queries and keys `[n, d]` and by what the problem declares, of no more tokens than there are learned rows.
    pub fn back(&self, dims: &Dims, [dq, dk]: [&[f32]; 2], params: &Sorted<String, Named>) -> Vec<f64> {
        let d = dims.d;
        let wide = |x: &f32| f64::from(*x);
        match self.learns {
            Learns::Table(name, count) => {
                let plain = params.get(name).or_else(|| params.get(&format!("data.{name}")));
                let mut values = plain.map(|named| named.values.clone()).unwrap_or_default();
                values.resize(count, 0.0);
                values
            }
            Learns::Vectors => [dq, dk]
                .into_iter()
                .flat_map(|rows| {
                    let mut sum = vec![0.0; d];
                    rows.chunks_exact(d).for_each(|row| sum.iter_mut().zip(row).for_each(|(sum, x)| *sum += wide(x)));
                    sum
                })
                .collect(),
            Learns::Rows(rows) => {
                let padded = |by: &[f32]| {
                    let mut by: Vec<f64> = by.iter().map(wide).collect();
                    by.resize(rows * d, 0.0);
                    by
                };
                [dq, dk].into_iter().flat_map(padded).collect()
            }
            Learns::Waves => {
                let waves = waves(dims);
                let of = |by: &[f32]| {
                    let mut matrix = vec![0.0; d * d];
                    for (wave, by) in waves.chunks_exact(d).zip(by.chunks_exact(d)) {
                        for (row, &x) in matrix.chunks_exact_mut(d).zip(wave) {
                            row.iter_mut().zip(by).for_each(|(sum, by)| *sum += f64::from(x) * wide(by));
                        }
                    }
                    matrix
                };
                [dq, dk].into_iter().flat_map(of).collect()
            }
        }
    }
}

/// Sinusoids of every position, `[n, d]` (Vaswani et al. 2017, section 3.5).
fn waves(dims: &Dims) -> Vec<f32> {
    let dims = Dims { n_q: 1, n_k: dims.n_q.max(dims.n_k), ..*dims };
    Encodings::new(&Encoding::Sinusoidal { base: 10_000.0, gain: 1.0 }, &dims, &[0]).k
}

/// Decay of the two running means, and what keeps a division finite (Kingma & Ba 2015, algorithm 1). The second is shorter than theirs: fits take a hundred steps, and the
/// large derivatives of the first few would otherwise hold all others back.
const MEANS: [f64; 2] = [0.9, 0.98];
const TINY: f64 = 1e-8;

/// Gradient descent with Adam (Kingma & Ba 2015) whose rate falls to nothing along half a cosine.
#[derive(Clone, Debug, PartialEq)]
pub struct Fit {
    /// The scheme as it is now.
    pub learned: Learned,
    /// The loss before each step: the squared distance from the wanted output over that output's own square.
    pub losses: Vec<f64>,
    means: [Vec<f64>; 2],
    steps: usize,
    rate: f64,
    seed: u64,
}

impl Fit {
    /// A scheme to be fitted in so many steps, the first of the length `rate`; values are drawn from `seed`.
    pub fn new(learned: Learned, steps: usize, rate: f64, seed: u64) -> Self {
        let means = [vec![0.0; learned.numbers.len()], vec![0.0; learned.numbers.len()]];
        Self { learned, losses: Vec::with_capacity(steps), means, steps, rate, seed }
    }

    /// Whether every step is done.
    pub fn is_done(&self) -> bool {
        self.losses.len() >= self.steps
    }

    /// Tensors with the values of the next step, which are normal numbers.
    pub fn values(&self, loaded: &Loaded) -> Loaded {
        let mut rng = Rng::new(self.seed.wrapping_mul(1 << 20).wrapping_add(self.losses.len() as u64));
        let v: Vec<f32> = rng.normals(loaded.inputs.v.len()).into_iter().map(|x| x as f32).collect();
        Loaded { inputs: Inputs { v: Arc::new(v), ..loaded.inputs.clone() }, ..loaded.clone() }
    }

    /// Derivatives of the loss by the output, of which the loss is noted.
    pub fn dy(&mut self, y: &[f32], wanted: &[f32]) -> Vec<f32> {
        let size: f64 = wanted.iter().map(|&x| f64::from(x).powi(2)).sum();
        let size = size.max(f64::MIN_POSITIVE);
        let off: Vec<f64> = y.iter().zip(wanted).map(|(&y, &wanted)| f64::from(y) - f64::from(wanted)).collect();
        self.losses.push(off.iter().map(|x| x * x).sum::<f64>() / size);
        off.into_iter().map(|x| (2.0 * x / size) as f32).collect()
    }

    /// A step down, along the derivatives by the numbers.
    pub fn descend(&mut self, by: &[f64]) {
        let step = self.losses.len().max(1);
        let part = (step - 1) as f64 / self.steps.max(1) as f64;
        let rate = self.rate * 0.5 * (1.0 + (std::f64::consts::PI * part).cos());
        let [first, second] = &mut self.means;
        let whole = MEANS.map(|mean| 1.0 - mean.powi(step as i32));
        let numbers = self.learned.numbers.iter_mut().zip(by);
        for (((number, by), first), second) in numbers.zip(first).zip(second) {
            *first = MEANS[0] * *first + (1.0 - MEANS[0]) * by;
            *second = MEANS[1] * *second + (1.0 - MEANS[1]) * by * by;
            *number -= rate * (*first / whole[0]) / ((*second / whole[1]).sqrt() + TINY);
        }
    }
}

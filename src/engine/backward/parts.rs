//! The parts that gradients are computed in, and putting them together.

use std::ops::Range;

use super::{Group, Kernel, Named, Sorted};
use crate::attention::{Dims, Problem};
use crate::engine::cpu::{TILE_KEYS, TILE_ROWS, measured};

/// What is computed at a time. Together the parts of a kernel give every number of dQ, dK and dV once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Part {
    /// All of dQ, dK and dV: there is one GPU.
    All,
    /// dQ, dK and dV of the heads that share keys and values.
    Group(Group),
    /// dQ of rows of one query head.
    Queries {
        /// Sequence.
        batch: usize,
        /// Query head.
        head: usize,
        /// Queries.
        q: Range<usize>,
    },
    /// dK and dV of rows of one head of keys and values.
    Keys {
        /// Sequence.
        batch: usize,
        /// Head of keys and values.
        kv_head: usize,
        /// Keys.
        k: Range<usize>,
    },
}

/// Rows of a part: whole tiles, and many of them, so that what a part packs is little beside what it computes.
const ROWS: usize = 192;
const _: () = assert!(ROWS.is_multiple_of(TILE_ROWS) && ROWS.is_multiple_of(TILE_KEYS));

/// Shares that a problem is computed in where so many workers are at hand.
pub fn shares(problem: &Problem, kernel: Kernel, workers: usize) -> usize {
    workers.clamp(1, parts(problem, kernel, workers).len().max(1))
}

/// Whether heads of keys and values are computed whole by the kernel of the CPU. Their parts by queries and by keys form the scores twice, seven products instead of five: that is the
/// longer way unless workers would stand idle. What has to know a row's mean beforehand is never cut.
fn whole(problem: &Problem, shares: usize) -> bool {
    let (heads, shares) = (problem.dims.batch * problem.dims.kv_heads, shares.max(1));
    measured(problem.normaliser, problem.probability.is_some()) || 5 * heads.div_ceil(shares) * shares <= 7 * heads
}

/// The parts of a problem that is computed in so many shares, always in the same order.
pub fn parts(problem: &Problem, kernel: Kernel, shares: usize) -> Vec<Part> {
    let dims = &problem.dims;
    match kernel {
        Kernel::Gpu => vec![Part::All],
        Kernel::Reference => Group::all(dims).map(Part::Group).collect(),
        Kernel::Cpu if whole(problem, shares) => Group::all(dims).map(Part::Group).collect(),
        Kernel::Cpu => {
            let Dims { batch, q_heads, kv_heads, n_q, n_k, .. } = *dims;
            let blocks = |n: usize| (0..n).step_by(ROWS).map(move |from| from..(from + ROWS).min(n));
            let mut all = Vec::new();
            for batch in 0..batch {
                for head in 0..q_heads {
                    all.extend(blocks(n_q).map(|q| Part::Queries { batch, head, q }));
                }
                for kv_head in 0..kv_heads {
                    all.extend(blocks(n_k).map(|k| Part::Keys { batch, kv_head, k }));
                }
            }
            all
        }
    }
}

/// Where a part's outputs go: which tensor, and the numbers there.
type Places = Vec<(Which, Range<usize>)>;

/// One of the three gradients.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Which {
    Q,
    K,
    V,
}

impl Part {
    fn places(&self, dims: &Dims) -> Places {
        let Dims { q_heads, kv_heads, n_q, n_k, d, d_v, .. } = *dims;
        let at = |start: usize, length: usize| start * length..(start + 1) * length;
        match self {
            Self::All => vec![(Which::Q, 0..dims.q_len()), (Which::K, 0..dims.k_len()), (Which::V, 0..dims.v_len())],
            Self::Group(Group { batch, kv_head }) => {
                let kv = batch * kv_heads + kv_head;
                vec![
                    (Which::Q, at(kv, q_heads / kv_heads.max(1) * n_q * d)),
                    (Which::K, at(kv, n_k * d)),
                    (Which::V, at(kv, n_k * d_v)),
                ]
            }
            Self::Queries { batch, head, q } => {
                let start = dims.row_start(*batch, *head);
                vec![(Which::Q, (start + q.start) * d..(start + q.end) * d)]
            }
            Self::Keys { batch, kv_head, k } => {
                let start = (batch * kv_heads + kv_head) * n_k;
                let rows = |size: usize| (start + k.start) * size..(start + k.end) * size;
                vec![(Which::K, rows(d)), (Which::V, rows(d_v))]
            }
        }
    }

    /// Lengths of its outputs.
    pub fn lengths(&self, dims: &Dims) -> Vec<usize> {
        self.places(dims).into_iter().map(|(_, place)| place.len()).collect()
    }
}

/// Gradients as shares of them come in.
#[derive(Clone, Debug, PartialEq)]
pub struct Gathered {
    dims: Dims,
    /// By Q, `[batch, q_heads, n_q, d]`.
    pub q: Vec<f32>,
    /// By K, `[batch, kv_heads, n_k, d]`.
    pub k: Vec<f32>,
    /// By V, `[batch, kv_heads, n_k, d_v]`.
    pub v: Vec<f32>,
    /// By what the problem declares.
    pub params: Sorted<String, Named>,
}

impl Gathered {
    /// Room for gradients of these sizes, and by parameters of these names and shapes.
    pub fn new(dims: Dims, params: Sorted<String, Vec<usize>>) -> Self {
        let room = |shape: Vec<usize>| Named { values: vec![0.0; shape.iter().product()], shape };
        Self {
            dims,
            q: vec![0.0; dims.q_len()],
            k: vec![0.0; dims.k_len()],
            v: vec![0.0; dims.v_len()],
            params: params.into_iter().map(|(name, shape)| (name, room(shape))).collect(),
        }
    }

    /// Takes what one share gave, whose parts these are. Whether it was what that share should give; what does not fit is left out.
    pub fn take(&mut self, parts: &[Part], outputs: Vec<Vec<f32>>) -> bool {
        let mut outputs = outputs.into_iter();
        let mut whole = true;
        for part in parts {
            for (which, place) in part.places(&self.dims) {
                let tensor = match which {
                    Which::Q => &mut self.q,
                    Which::K => &mut self.k,
                    Which::V => &mut self.v,
                };
                match (outputs.next(), tensor.get_mut(place)) {
                    (Some(given), Some(room)) if given.len() == room.len() => room.copy_from_slice(&given),
                    _ => whole = false,
                }
            }
        }
        let Some(given) = outputs.next() else { return whole };
        let room = self.params.values_mut().flat_map(|named| &mut named.values);
        let mut given = given.into_iter();
        for (sum, by) in room.zip(&mut given) {
            *sum += f64::from(by);
        }
        whole && given.next().is_none()
    }
}

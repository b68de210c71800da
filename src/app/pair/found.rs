//! What lies between two results, in the head that is shown.

use super::ask::{Both, Rows, Side};
use crate::analysis::pair::{
    Divergence, Error, Mismatch, Part, head_of, mismatches, numbers_apart, shrunk, weights_apart,
};
use crate::app::estimators::picture;
use crate::app::map::Scale;
use crate::engine::Map;
use crate::experiment::Stage;

/// Most pixels of a picture each way.
const PIXELS: [usize; 2] = [256, 256];

/// A picture with its colours.
pub type Coloured = (Map, Scale);

/// What was found; where a part can't be compared, the sizes that differ.
#[derive(Clone, PartialEq)]
pub struct Found {
    /// Of the weights.
    pub weights: Result<Weights, Vec<Mismatch>>,
    /// Of the head's output.
    pub output: Result<Numbers, Vec<Mismatch>>,
    /// Of the outputs of all heads, where both have the same sizes.
    pub all: Option<Error>,
}

/// Of the weights of the sampled queries.
#[derive(Clone, PartialEq)]
pub struct Weights {
    /// The queries.
    pub queries: Vec<usize>,
    /// Every so-many-th query is looked at.
    pub step: usize,
    /// Each query's divergence; nothing where one of both has no shares.
    pub divergences: Vec<Option<Divergence>>,
    /// Each query's largest difference of a weight.
    pub largest: Vec<f64>,
    /// A, B, and B less A.
    pub maps: [Coloured; 3],
}

/// Of rows of numbers.
#[derive(Clone, PartialEq)]
pub struct Numbers {
    /// Each row's error.
    pub rows: Vec<Error>,
    /// That of all rows.
    pub all: Error,
    /// B less A.
    pub map: Coloured,
}

impl Found {
    /// What lies between two.
    pub fn of(Both { a, b, head }: &Both) -> Self {
        let head = *head;
        let weights = fits(Part::Weights, head, a, b).and_then(|()| match (&a.weights, &b.weights) {
            (Some(in_a), Some(in_b)) => Ok(Weights::of(in_a, in_b, a.dims.n_k)),
            // Both have the head, so neither lacks its weights but by a fault that was said.
            _ => Err(Vec::new()),
        });
        let output = fits(Part::Output, head, a, b).and_then(|()| numbers(Part::Output, head, [a, b], [&a.y, &b.y]));
        let same = a.dims.batch == b.dims.batch && a.dims.q_heads == b.dims.q_heads && a.y.len() == b.y.len();
        let all = (output.is_ok() && same).then(|| Error::of(&a.y, &b.y));
        Self { weights, output, all }
    }
}

fn fits(part: Part, head: usize, a: &Side, b: &Side) -> Result<(), Vec<Mismatch>> {
    let apart = mismatches(part, head, &a.dims, &b.dims);
    if apart.is_empty() { Ok(()) } else { Err(apart) }
}

/// The numbers of one head in two tensors of a part.
///
/// # Errors
/// The sizes that differ.
pub fn numbers(part: Part, head: usize, [a, b]: [&Side; 2], tensors: [&[f32]; 2]) -> Result<Numbers, Vec<Mismatch>> {
    fits(part, head, a, b)?;
    let (of_a, of_b) = (head_of(part, head, &a.dims, tensors[0]), head_of(part, head, &b.dims, tensors[1]));
    let (Some((in_a, width)), Some((in_b, _))) = (of_a, of_b) else { return Err(Vec::new()) };
    let rows = Error::rows(in_a, in_b, width);
    let map = pixels(&numbers_apart(in_a, in_b), rows.len(), Stage::Raw);
    let scale = Scale::of(&map);
    Ok(Numbers { rows, all: Error::of(in_a, in_b), map: (map, scale) })
}

impl Weights {
    fn of(a: &Rows, b: &Rows, n_k: usize) -> Self {
        let rows = || a.numbers.chunks_exact(n_k.max(1)).zip(b.numbers.chunks_exact(n_k.max(1)));
        let apart = weights_apart(&a.numbers, &b.numbers);
        let top = |row: &[f32]| row.iter().filter(|x| !x.is_nan()).fold(0.0_f32, |top, x| top.max(x.abs()));
        let count = a.queries.len();
        let [in_a, in_b] = [a, b].map(|side| pixels(&side.numbers, count, Stage::Weights));
        let between = pixels(&apart, count, Stage::Raw);
        // The same colours for both, so that what looks the same is.
        let [scale_a, scale_b, scale] = [&in_a, &in_b, &between].map(Scale::of);
        let scale_both = if scale_a.top > scale_b.top { scale_a } else { scale_b };
        Self {
            queries: a.queries.clone(),
            step: a.sample.step,
            divergences: rows().map(|(a, b)| Divergence::of(a, b)).collect(),
            largest: apart.chunks_exact(n_k.max(1)).map(|row| f64::from(top(row))).collect(),
            maps: [(in_a, scale_both), (in_b, scale_both), (between, scale)],
        }
    }
}

/// Rows as a picture of no more pixels than help.
fn pixels(values: &[f32], rows: usize, stage: Stage) -> Map {
    let (values, [_, width]) = shrunk(values, rows, PIXELS);
    let mut map = picture(&values, width);
    map.request.stage = stage;
    map
}

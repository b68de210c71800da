//! What the columns of a lowered problem stand for: changes may pool keys, drop some, or put others after them.

use std::ops::Range;

use super::{Problem, Transform};
use crate::catalogue::Change;

/// The tokens of each column, in the order of the problem's keys.
#[derive(Clone, Debug, PartialEq)]
pub struct Columns {
    /// Keys as they were given.
    pub tokens: usize,
    /// From which token to which, for each column.
    pub of: Vec<Range<usize>>,
}

impl Columns {
    /// Those of a problem: tokens one by one where nothing changes its keys.
    pub fn new(problem: &Problem) -> Self {
        let tokens = problem.lowering.as_ref().map_or(problem.dims.n_k, |lowering| lowering.dims.n_k);
        let mut of: Vec<Range<usize>> = (0..tokens).map(|token| token..token + 1).collect();
        for transform in problem.lowering.iter().flat_map(|lowering| &lowering.transforms) {
            let Transform::Change(step) = transform else { continue };
            let n = of.len();
            // Neighbours as one column, by so many of them.
            let joined =
                |side: usize| of.chunks(side).filter_map(|group| Some(group.first()?.start..group.last()?.end));
            match step.kind {
                Change::PoolKeys if step.switch("strided") => {
                    of = of.chunks(step.count("factor", 1)).filter_map(|group| group.last().cloned()).collect();
                }
                Change::PoolKeys => of = joined(step.count("factor", 1)).collect(),
                Change::AppendBlocks => {
                    let blocks: Vec<_> = joined(step.count("block", 1)).collect();
                    of.extend(blocks);
                }
                Change::GlobalProjections => of.extend_from_within(..),
                Change::Truncate => {
                    let keep = n.min(step.count("keep", 1));
                    let from = if step.switch("last") { n - keep } else { 0 };
                    of = of.drain(from..from + keep).collect();
                }
                _ => {}
            }
        }
        Self { tokens, of }
    }

    /// Marks in `tokens` those that a row of columns sees. Both are 0 or 1 for each.
    pub fn spread(&self, row: &[u8], tokens: &mut [u8]) {
        tokens.fill(0);
        for (_, range) in row.iter().zip(&self.of).filter(|(seen, _)| **seen != 0) {
            tokens.iter_mut().take(range.end).skip(range.start).for_each(|token| *token = 1);
        }
    }
}

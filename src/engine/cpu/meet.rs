//! Whole groups of query rows and one tile of keys of which every row may see all, with nothing but a [`Change`] between product and softmax: what most of a run
//! consists of, and so one call for all groups.

use super::change::{self, Change};
use super::gemm::{self, GROUP, GroupBlock, Panels, Step};
use super::lane::Tier;
use super::softmax::{self, Running};

/// What meets.
pub struct Meeting<'a> {
    /// Q of whole groups, each interleaved: `[groups][d][GROUP]`.
    pub q: &'a [f32],
    /// Columns of Q and K.
    pub d: usize,
    /// Panels of K that hold the keys, `[keys / 8][d][8]`.
    pub k: &'a [Step],
    /// V of all keys.
    pub v: Panels<'a>,
    /// First key.
    pub k0: usize,
    /// How many: a multiple of 8 of at most 64.
    pub keys: usize,
    /// State of each row, brought up to date.
    pub running: &'a mut [Running],
    /// Outputs up to a factor, `[groups][panels]`, added to.
    pub o: &'a mut [[Step; GROUP]],
    /// Scratch.
    pub s: &'a mut GroupBlock,
    /// What rules do to scores, the first row's first.
    pub change: Option<Change<'a>>,
}

/// Online softmax of `Q·K` and the outputs that belong to it, group by group.
pub fn meet<T: Tier>(meeting: Meeting) {
    let Meeting { q, d, k, v, k0, keys, running, o, s, change } = meeting;
    let groups = q.chunks_exact(GROUP * d).zip(running.chunks_exact_mut(GROUP)).zip(o.chunks_exact_mut(v.count));
    for (group, ((q, running), o)) in groups.enumerate() {
        let mut keep = [1.0; GROUP];
        gemm::scores::<T>(GROUP, q, d, k, s);
        if let Some(of) = &change {
            change::change::<T>(of, group * GROUP, k0, keys / gemm::PANEL, s);
        }
        softmax::soften::<T>(s, keys / gemm::PANEL, running, &mut keep);
        gemm::values::<T>(GROUP, s, v, k0, keys, &keep, o);
    }
}

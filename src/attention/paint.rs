//! Painting over the mask: what lies below a patch is asked of the mask's own formulas.

use super::assemble::masks;
use super::dims::Dims;
use super::plan::{bind, sizes_of};
use crate::experiment::{Experiment, Patch, put_patch};
use crate::formula::{Bound, Kind};

/// Paints a patch over the mask of an experiment whose input has these sizes. One that would change nothing leaves nothing behind; where the
/// sizes are unknown or the mask has a mistake, it is kept.
pub fn paint(experiment: &mut Experiment, dims: Option<Dims>, patch: Patch) {
    let pattern = dims.and_then(|dims| Some((dims.q_heads, pattern(experiment, dims)?)));
    match pattern {
        Some((heads, bounds)) => put_patch(&mut experiment.paint, patch, heads, |h, q, k| {
            bounds.iter().all(|bound| bound.mask_at(0, h as i32, q as i32, k as i32))
        }),
        None => put_patch(&mut experiment.paint, patch, 1, |_, _, _| !patch.allow),
    }
}

/// Whether the mask of an experiment whose input has these sizes, paint included, allows the cell (query, key) of a head. A mask with a mistake
/// forbids nothing.
pub fn allows(experiment: &Experiment, dims: Dims, head: usize, (q, k): (usize, usize)) -> bool {
    let covers = |patch: &&Patch| {
        patch.head.is_none_or(|h| h == head)
            && (patch.q[0]..patch.q[1]).contains(&q)
            && (patch.k[0]..patch.k[1]).contains(&k)
    };
    // Later patches lie over earlier ones.
    if let Some(patch) = experiment.paint.iter().rev().find(covers) {
        return patch.allow;
    }
    pattern(experiment, dims)
        .is_none_or(|bounds| bounds.iter().all(|bound| bound.mask_at(0, head as i32, q as i32, k as i32)))
}

/// The mask's formulas, ready to be evaluated.
fn pattern(experiment: &Experiment, dims: Dims) -> Option<Vec<Bound>> {
    let problem = masks(experiment, dims).ok()?;
    let sizes = sizes_of(&problem);
    problem.masks.iter().map(|term| bind(term, Kind::Mask, &sizes).ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::experiment::CausalAlignment;

    #[test]
    fn what_a_cell_says_follows_the_mask_and_the_paint_over_it() {
        let mut experiment = Experiment::default();
        let dims = Dims { batch: 1, q_heads: 12, kv_heads: 12, n_q: 600, n_k: 600, d: 4, d_v: 4 };
        assert!(allows(&experiment, dims, 0, (500, 495)) && !allows(&experiment, dims, 0, (500, 501)));
        paint(&mut experiment, Some(dims), Patch { head: Some(3), q: [500, 501], k: [501, 502], allow: true });
        assert!(allows(&experiment, dims, 3, (500, 501)) && !allows(&experiment, dims, 2, (500, 501)));
        paint(&mut experiment, Some(dims), Patch { head: None, q: [500, 501], k: [490, 502], allow: false });
        assert!(!allows(&experiment, dims, 3, (500, 501)) && !allows(&experiment, dims, 0, (500, 495)));
    }

    #[test]
    fn a_cell_switched_there_and_back_leaves_nothing() {
        // The opener's mask is a causal window of nine keys.
        let mut experiment = Experiment::default();
        let dims = Dims { batch: 1, q_heads: 12, kv_heads: 12, n_q: 16, n_k: 20, d: 4, d_v: 4 };
        let cell = |q: usize, k: usize, allow| Patch { head: None, q: [q, q + 1], k: [k, k + 1], allow };
        paint(&mut experiment, Some(dims), cell(10, 5, false));
        assert_eq!(experiment.paint.len(), 1);
        paint(&mut experiment, Some(dims), cell(10, 5, true));
        assert!(experiment.paint.is_empty());
        paint(&mut experiment, Some(dims), cell(10, 0, false));
        assert!(experiment.paint.is_empty(), "outside the window");
        experiment.conventions.causal = CausalAlignment::BottomRight;
        paint(&mut experiment, Some(dims), cell(10, 14, true));
        assert!(experiment.paint.is_empty(), "query 10 stands at key 14");
        // Unknown sizes: kept, but once only.
        paint(&mut experiment, None, cell(10, 5, true));
        paint(&mut experiment, None, cell(10, 5, true));
        assert_eq!(experiment.paint.len(), 1);
        experiment.mask.id = "no such mask".to_owned();
        paint(&mut experiment, Some(dims), cell(11, 5, true));
        assert_eq!(experiment.paint.len(), 2);
    }
}

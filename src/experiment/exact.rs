//! What an inexact entry is measured against.

use super::{Choice, Experiment};
use crate::catalogue;

impl Experiment {
    /// The same experiment with exact attention where something stands for it: a selection that leaves keys out, heads that are kept in less, an
    /// estimator as a branch. `None` where nothing is inexact. (An estimator beside the result carries its error itself.)
    pub fn exact(&self) -> Option<Self> {
        let selection = catalogue::selection(&self.selection.id).is_some_and(|entry| entry.inexact);
        let layout = catalogue::layout(&self.layout.id).is_some_and(|entry| entry.inexact);
        let mixed = catalogue::hybrid(&self.hybrid.id).is_some_and(|entry| !entry.params.is_empty());
        let estimated = |branch: &Choice| catalogue::estimator(&branch.id).is_some();
        let branch = mixed && (estimated(&self.branch_a) || estimated(&self.branch));
        if !(selection || layout || branch) {
            return None;
        }
        let mut exact = self.clone();
        let plain = Self::default();
        let mut put = |inexact: bool, place: fn(&mut Self) -> &mut Choice, other: Choice| {
            if inexact {
                *place(&mut exact) = other;
            }
        };
        put(selection, |e| &mut e.selection, plain.selection);
        put(layout, |e| &mut e.layout, plain.layout);
        put(branch, |e| &mut e.hybrid, plain.hybrid);
        Some(exact)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
mod tests {
    use super::*;

    #[test]
    fn what_stands_for_attention_gives_way_to_it() {
        let plain = Experiment::default();
        assert_eq!(plain.exact(), None);
        let choose = |change: fn(&mut Experiment)| {
            let mut experiment = plain.clone();
            change(&mut experiment);
            experiment
        };
        for change in [
            (|e| e.selection = Choice::of("pool-keys")) as fn(&mut Experiment),
            |e| e.selection = Choice::of("nsa"),
            |e| e.layout = Choice::of("low-precision"),
            |e| (e.selection, e.layout) = (Choice::of("truncate"), Choice::of("mla")),
        ] {
            assert_eq!(choose(change).exact().as_ref(), Some(&plain));
        }
        let beside = choose(|e| (e.hybrid, e.branch) = (Choice::of("gated"), Choice::of("blockwise-summary")));
        assert_eq!(beside.exact().unwrap().hybrid, plain.hybrid);
        // Other definitions of attention approximate nothing, and two masks mixed are computed exactly.
        for change in [
            (|e| e.selection = Choice::of("plastic")) as fn(&mut Experiment),
            |e| e.layout = Choice::of("talking-heads"),
            |e| (e.hybrid, e.branch) = (Choice::of("gated"), Choice::of("causal")),
            |e| e.branch = Choice::of("performer"),
        ] {
            assert_eq!(choose(change).exact(), None);
        }
        // Of two, only what is inexact goes.
        let both = choose(|e| (e.selection, e.layout) = (Choice::of("top-k"), Choice::of("talking-heads")));
        assert_eq!(both.exact().unwrap(), choose(|e| e.layout = Choice::of("talking-heads")));
    }
}

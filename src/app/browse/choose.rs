//! What becomes of an entry that is chosen: it takes its place in the experiment as its card would put it there, or is joined with the mask.

use crate::app::inputs::{bring, follow};
use crate::app::reactive::RwSignal;
use crate::app::state::Lab;
use crate::catalogue::{List, Summary};
use crate::experiment::{Join, Layer};

/// How a chosen pattern is joined with the mask.
#[derive(Clone, Copy)]
pub struct Joining {
    /// And, or, instead.
    pub how: RwSignal<Join>,
    /// For the head that is looked at, not for all.
    pub this_head: RwSignal<bool>,
}

/// The step of undo that the entry's own card would take.
fn step(list: List) -> &'static str {
    match list {
        List::Mask => "mask.id",
        List::Position => "position.id",
        List::Product => "product",
        List::Selection => "selection",
        List::Hybrid => "hybrid",
        List::Layout => "layout",
        List::Normaliser => "normaliser",
        List::Probability => "prob.id",
        List::Mix => "layers",
        List::Estimator => "estimator",
        List::Generator => "input.recipe",
        List::Stream => "mask.id",
    }
}

/// Chooses an entry, or joins it with the mask.
pub fn take(lab: Lab, entry: &Summary, joining: Option<Joining>) {
    match joining {
        Some(joining) => join(lab, entry.id, joining),
        None if matches!(entry.list, List::Generator | List::Stream) => {
            bring(lab, step(entry.list), entry.list, entry.id);
        }
        None => lab.edit(step(entry.list), |e| {
            e.choose(entry.list, entry.id);
            follow(e);
        }),
    }
}

fn join(lab: Lab, id: &str, Joining { how, this_head }: Joining) {
    let heads = this_head.get_untracked().then(|| vec![lab.experiment.with_untracked(|e| e.view.head)]);
    lab.edit("combine.add", |e| {
        let layer = Layer { heads, ..Layer::of(how.get_untracked(), id) };
        // Another pattern for a head that has one of its own takes its place.
        let replaced = |old: &Layer| {
            layer.op == Join::Replace && old.op == Join::Replace && layer.heads.is_some() && old.heads == layer.heads
        };
        match e.combine.last_mut() {
            Some(last) if replaced(last) => *last = layer,
            _ => e.combine.push(layer),
        }
    });
}

//! A new input, and what of the experiment cannot outlive the old one.

use crate::app::state::Lab;
use crate::attention::inputs::tokenize;
use crate::catalogue::{self, List, Param};
use crate::experiment::{Experiment, Input};
use crate::formula::Sorted;

/// Query heads, queries and keys, as far as they are known before the input is loaded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Extent {
    heads: Option<usize>,
    n_q: Option<usize>,
    n_k: Option<usize>,
}

/// Sets the input as one step of undo named `key`. Edits of cells go: they belong to the numbers they were made on. Tables per token and
/// rectangles go where they no longer fit.
pub fn set_input(lab: Lab, key: &str, input: Input) {
    let captures = lab.captures.get_untracked();
    let tokens = |id: &str| captures.iter().find(|c| c.id == id).map(|c| c.tokens);
    lab.edit(key, |e| replace(e, input, &tokens));
}

/// Chooses an entry that comes with an input, as one step of undo named `key`.
pub fn bring(lab: Lab, key: &str, list: List, id: &str) {
    let captures = lab.captures.get_untracked();
    let tokens = |id: &str| captures.iter().find(|c| c.id == id).map(|c| c.tokens);
    lab.edit(key, |e| {
        let mut next = e.clone();
        next.choose(list, id);
        replace(e, next.input, &tokens);
        e.choose(list, id);
    });
}

fn replace(e: &mut Experiment, input: Input, tokens: &dyn Fn(&str) -> Option<usize>) {
    if e.input == input {
        return;
    }
    let (before, after) = (extent(&e.input, tokens), extent(&input, tokens));
    e.input = input;
    e.edits.clear();
    if before != after {
        // Tables have one number for each token or head.
        e.data.clear();
        let fits = |range: [usize; 2], n: Option<usize>| n.is_some_and(|n| range[1] <= n);
        e.paint.retain(|p| {
            fits(p.q, after.n_q) && fits(p.k, after.n_k) && p.head.is_none_or(|h| after.heads.is_none_or(|n| h < n))
        });
    }
    follow(e);
    let inside = |place: &mut usize, n: Option<usize>| *place = (*place).min(n.unwrap_or(usize::MAX).saturating_sub(1));
    inside(&mut e.view.head, after.heads);
    inside(&mut e.view.query, after.n_q);
    inside(&mut e.view.key, after.n_k);
}

/// Sets the parameters of mask, position scheme, estimator and branches that follow from the input: the sides of a picture for patterns over a plane, the length
/// of stream A for the mask of two modalities.
pub fn follow(e: &mut Experiment) {
    let Input::Projected { x, .. } = &e.input else { return };
    let [first, second] = x.streams();
    if second > 0 && e.mask.id == "cross-modal" {
        e.mask.params.insert("first".to_owned(), first as f64);
    }
    let Some([height, width]) = x.sides() else { return };
    let mask = |id: &str| catalogue::mask(id).map_or(&[][..], |entry| entry.params);
    let estimator = |id: &str| catalogue::estimator(id).map_or(&[][..], |entry| entry.params);
    let position = catalogue::position(&e.position.id).map_or(&[][..], |entry| entry.params);
    let plane = [("height", height), ("width", width)];
    let picture = [("picture", width)];
    // What an estimator calls width is its own.
    let (first, branch) = (estimator(&e.branch_a.id), (estimator(&e.branch.id), mask(&e.branch.id)));
    set(&mut e.mask.params, mask(&e.mask.id), &plane);
    set(&mut e.position.params, position, &plane);
    set(&mut e.estimator.params, estimator(&e.estimator.id), &picture);
    set(&mut e.branch_a.params, first, &picture);
    set(&mut e.branch.params, branch.0, &picture);
    set(&mut e.branch.params, branch.1, &plane);
}

/// Sets those of the sides that are declared.
fn set(given: &mut Sorted<String, f64>, declared: &[Param], sides: &[(&str, usize)]) {
    for (name, side) in sides {
        if declared.iter().any(|param| param.name == *name) {
            given.insert((*name).to_owned(), *side as f64);
        }
    }
}

fn extent(input: &Input, tokens: &dyn Fn(&str) -> Option<usize>) -> Extent {
    match input {
        Input::Capture { id, .. } => Extent { heads: None, n_q: tokens(id), n_k: tokens(id) },
        Input::Generated { size, .. } => Extent { heads: Some(size.q_heads), n_q: Some(size.n_q), n_k: Some(size.n_k) },
        Input::Text { text, size, .. } => {
            let n = tokenize(text).len();
            Extent { heads: Some(size.q_heads), n_q: Some(n), n_k: Some(n) }
        }
        Input::Projected { x, size, .. } => {
            let n = x.streams().iter().sum();
            Extent { heads: Some(size.q_heads), n_q: Some(n), n_k: Some(n) }
        }
        Input::Numbers { q, k, q_heads, kv_heads, .. } => Extent {
            heads: Some(*q_heads),
            n_q: Some(q.len() / (*q_heads).max(1)),
            n_k: Some(k.len() / (*kv_heads).max(1)),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::experiment::{Choice, Edit, Hidden, Patch, Size, TensorName, Weights};

    #[test]
    fn what_cannot_outlive_the_input_goes() {
        let mut e = Experiment::default();
        e.edits.push(Edit { tensor: TensorName::Q, head: 0, row: 0, col: 0, value: 1.0 });
        e.paint.push(Patch { head: None, q: [0, 2], k: [0, 2], allow: true });
        e.paint.push(Patch { head: Some(9), q: [0, 2], k: [0, 2], allow: true });
        e.paint.push(Patch { head: None, q: [6, 8], k: [0, 2], allow: true });
        e.data.insert("doc".to_owned(), vec![0.0; 16]);
        let size = Size { q_heads: 2, kv_heads: 2, n_q: 6, n_k: 6, d: 4, d_v: 4 };
        replace(&mut e, Input::generated("normal", size, 1), &|_| Some(16));
        assert!(e.edits.is_empty() && e.data.is_empty());
        assert_eq!(e.paint, [Patch { head: None, q: [0, 2], k: [0, 2], allow: true }]);
        assert_eq!((e.view.head, e.view.query, e.view.key), (1, 5, 2));
    }

    #[test]
    fn patterns_over_a_plane_and_modalities_follow_the_input() {
        let projected = |x: Hidden| Input::Projected {
            x,
            weights: Weights::Normal,
            weights_b: None,
            size: Size::default(),
            seed: 0,
            normals: Normals::Rounded,
            rounded: 0.0,
        };
        let mut e = Experiment::default();
        e.mask.id = "axial".to_owned();
        e.mask.params = Default::default();
        e.position = Choice::of("rope-2d");
        replace(&mut e, projected(Hidden::Image { width: 3, cells: vec![0.0; 6] }), &|_| Some(16));
        assert_eq!((e.mask.params.get("height"), e.mask.params.get("width")), (Some(&2.0), Some(&3.0)));
        assert_eq!((e.position.params.get("width"), e.position.params.get("height")), (Some(&3.0), None));
        e.estimator = Choice::of("conv2d");
        e.branch = Choice::of("conv1d");
        follow(&mut e);
        assert_eq!((e.estimator.params.get("picture"), e.branch.params.get("width")), (Some(&3.0), None));
        e.mask.id = "cross-modal".to_owned();
        e.mask.params = Default::default();
        replace(&mut e, projected(Hidden::Texts { a: "one two".to_owned(), b: "three".to_owned() }), &|_| Some(16));
        assert_eq!(e.mask.params.get("first"), Some(&2.0));
        assert_eq!(e.view.query, 2);
        assert!(crate::experiment::check(&e).is_ok());
    }

    #[test]
    fn another_layer_keeps_the_paint_and_the_tables() {
        let mut e = Experiment::default();
        e.paint.push(Patch { head: None, q: [0, 2], k: [0, 2], allow: true });
        e.data.insert("doc".to_owned(), vec![0.0; 16]);
        replace(&mut e, Input::Capture { id: "animal".to_owned(), layer: 6 }, &|_| Some(16));
        assert_eq!((e.paint.len(), e.data.len(), e.view.head), (1, 1, 5));
    }
}

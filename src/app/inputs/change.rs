//! A new input, and what of the experiment cannot outlive the old one.

use crate::app::state::Lab;
use crate::attention::inputs::tokenize;
use crate::experiment::{Experiment, Input};

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
    let inside = |place: &mut usize, n: Option<usize>| *place = (*place).min(n.unwrap_or(usize::MAX).saturating_sub(1));
    inside(&mut e.view.head, after.heads);
    inside(&mut e.view.query, after.n_q);
    inside(&mut e.view.key, after.n_k);
}

fn extent(input: &Input, tokens: &dyn Fn(&str) -> Option<usize>) -> Extent {
    match input {
        Input::Capture { id, .. } => Extent { heads: None, n_q: tokens(id), n_k: tokens(id) },
        Input::Generated { size, .. } => Extent { heads: Some(size.q_heads), n_q: Some(size.n_q), n_k: Some(size.n_k) },
        Input::Text { text, size, .. } => {
            let n = tokenize(text).len();
            Extent { heads: Some(size.q_heads), n_q: Some(n), n_k: Some(n) }
        }
        Input::Numbers { q, k, .. } => Extent { heads: Some(1), n_q: Some(q.len()), n_k: Some(k.len()) },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::experiment::{Edit, Patch, Size, TensorName};

    #[test]
    fn what_cannot_outlive_the_input_goes() {
        let mut e = Experiment::default();
        e.edits.push(Edit { tensor: TensorName::Q, head: 0, row: 0, col: 0, value: 1.0 });
        e.paint.push(Patch { head: None, q: [0, 2], k: [0, 2], allow: true });
        e.paint.push(Patch { head: Some(9), q: [0, 2], k: [0, 2], allow: true });
        e.paint.push(Patch { head: None, q: [6, 8], k: [0, 2], allow: true });
        e.data.insert("doc".to_owned(), vec![0.0; 16]);
        let size = Size { q_heads: 2, kv_heads: 2, n_q: 6, n_k: 6, d: 4, d_v: 4 };
        replace(&mut e, Input::Generated { recipe: "normal".to_owned(), size, seed: 1 }, &|_| Some(16));
        assert!(e.edits.is_empty() && e.data.is_empty());
        assert_eq!(e.paint, [Patch { head: None, q: [0, 2], k: [0, 2], allow: true }]);
        assert_eq!((e.view.head, e.view.query, e.view.key), (1, 5, 2));
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

//! Rows of a matrix: how tall they are drawn, which one is chosen, what it is called, which of its cells were changed.

use crate::app::state::Lab;
use crate::experiment::TensorName;

/// Height of a matrix of `rows`, in CSS pixels: short ones stay easy to hit, long ones scroll.
pub fn height(rows: usize) -> usize {
    rows * (112 / rows.max(1)).clamp(5, 16)
}

/// The chosen row of a tensor: the query of Q, the key of K and V.
pub fn chosen_row(lab: Lab, tensor: TensorName) -> usize {
    lab.experiment.with_untracked(|e| if tensor == TensorName::Q { e.view.query } else { e.view.key })
}

/// Shows a row everywhere while the pointer is on it.
pub fn hover(lab: Lab, tensor: TensorName, row: usize) {
    let (query, key) = lab.experiment.with_untracked(|e| (e.view.query, e.view.key));
    let cell = if tensor == TensorName::Q { (row, key) } else { (query, row) };
    if lab.hover.get_untracked() != Some(cell) {
        lab.hover.set(Some(cell));
    }
}

/// The token of a row with its number.
pub fn token(lab: Lab, tensor: TensorName, row: usize) -> String {
    let word = lab.loaded.with(|l| {
        l.as_ref()
            .and_then(|l| if tensor == TensorName::Q { l.tokens_q.get(row) } else { l.tokens_k.get(row) }.cloned())
    });
    word.filter(|w| *w != row.to_string()).map_or_else(|| row.to_string(), |w| format!("“{w}” {row}"))
}

/// A corner in each edited cell, in the coordinates of cells.
pub fn edited_path(lab: Lab, tensor: TensorName, head: usize) -> String {
    lab.experiment.with(|e| {
        let here = e.edits.iter().filter(|edit| edit.tensor == tensor && edit.head == head);
        here.map(|edit| format!("M{} {}h.55l-.55 .55z", edit.col, edit.row)).collect()
    })
}

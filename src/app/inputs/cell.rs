//! Changing one cell of Q, K or V.

use crate::app::state::Lab;
use crate::experiment::{Edit, TensorName};

/// A place in one of the three tensors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// Which tensor.
    pub tensor: TensorName,
    /// Head of that tensor.
    pub head: usize,
    /// Token.
    pub row: usize,
    /// Place in the head.
    pub col: usize,
}

impl Place {
    fn is(self, edit: &Edit) -> bool {
        (self.tensor, self.head, self.row, self.col) == (edit.tensor, edit.head, edit.row, edit.col)
    }
}

/// Sets a cell; back at its original value it is no longer an edit.
pub fn set(lab: Lab, place: Place, value: f32, original: Option<f32>) {
    if !value.is_finite() {
        return;
    }
    lab.edit(&format!("edits.{:?}.{}.{}.{}", place.tensor, place.head, place.row, place.col), |e| {
        put(&mut e.edits, place, value, original)
    });
}

/// Takes a cell back to its original value.
pub fn restore(lab: Lab, place: Place) {
    lab.edit("edits.restore", |e| e.edits.retain(|edit| !place.is(edit)));
}

/// Notes a cell's value among the edits; one that has its original value again is none.
pub fn put(edits: &mut Vec<Edit>, place: Place, value: f32, original: Option<f32>) {
    if original == Some(value) {
        edits.retain(|edit| !place.is(edit));
        return;
    }
    let Place { tensor, head, row, col } = place;
    match edits.iter_mut().find(|edit| place.is(edit)) {
        Some(edit) => edit.value = value,
        None => edits.push(Edit { tensor, head, row, col, value }),
    }
}

/// The step of a nudge for numbers that reach up to `reach`: about a twentieth, as 1, 2 or 5 of a decade.
pub fn nudge(reach: f32) -> f32 {
    let raw = f64::from(reach.max(1e-6)) / 20.0;
    let decade = 10_f64.powf(raw.log10().floor());
    let step = [5.0, 2.0].into_iter().find(|m| m * decade <= raw * 1.000_001).unwrap_or(1.0);
    (step * decade) as f32
}

/// `value` moved by `steps` of size `step`, free of the dust of binary fractions.
pub fn moved(value: f32, steps: f64, step: f32) -> f32 {
    let exact = f64::from(value) + steps * f64::from(step);
    let unit = 10_f64.powf(f64::from(step).log10().floor() - 2.0);
    ((exact / unit).round() * unit) as f32
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLACE: Place = Place { tensor: TensorName::K, head: 1, row: 2, col: 3 };

    #[test]
    fn a_cell_is_edited_once_and_forgotten_at_its_original_value() {
        let mut edits = Vec::new();
        put(&mut edits, PLACE, 1.0, Some(0.5));
        put(&mut edits, Place { row: 0, ..PLACE }, 7.0, Some(0.5));
        put(&mut edits, PLACE, 2.0, Some(0.5));
        assert_eq!(edits.iter().map(|e| e.value).collect::<Vec<_>>(), [2.0, 7.0]);
        put(&mut edits, PLACE, 0.5, Some(0.5));
        assert_eq!(edits.len(), 1);
    }

    #[test]
    fn nudges_are_round() {
        for (reach, step) in [(1.0, 0.05), (3.0, 0.1), (4.0, 0.2), (20.0, 1.0), (0.4, 0.02)] {
            assert!((nudge(reach) - step).abs() < 1e-6, "{reach}: {}", nudge(reach));
        }
        assert_eq!(moved(0.1, 1.0, 0.2), 0.3);
        assert_eq!(moved(0.123_45, 2.0, 0.05), 0.2235);
    }
}

//! Rows of numbers inside an experiment.

use std::ops::Deref;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// Rows of numbers. Copies share them: undo keeps many experiments, and each edit copies one and compares it with another.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(from = "Vec<Vec<f32>>", into = "Vec<Vec<f32>>")]
pub struct Matrix(Arc<Vec<Vec<f32>>>);

impl Matrix {
    /// Changes the rows; those that are shared are copied first.
    pub(super) fn change(&mut self, how: impl FnOnce(&mut [Vec<f32>])) {
        let rows: &mut Vec<Vec<f32>> = Arc::make_mut(&mut self.0);
        how(rows);
    }
}

impl From<Vec<Vec<f32>>> for Matrix {
    fn from(rows: Vec<Vec<f32>>) -> Self {
        Self(Arc::new(rows))
    }
}

impl From<Matrix> for Vec<Vec<f32>> {
    fn from(rows: Matrix) -> Self {
        Arc::unwrap_or_clone(rows.0)
    }
}

impl Deref for Matrix {
    type Target = Vec<Vec<f32>>;

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

impl PartialEq for Matrix {
    /// Shared rows are equal without being looked at: nothing in an experiment that was checked is NaN.
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0) || self.0 == other.0
    }
}

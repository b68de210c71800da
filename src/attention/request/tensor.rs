//! Tensors as requests carry them, and the three layouts of heads.

use std::sync::Arc;

use crate::experiment::Issue;

/// A tensor, row-major.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Tensor {
    /// Extents, outermost first.
    pub shape: Vec<usize>,
    /// As many numbers as the product of the shape; of a boolean one, anything but 0 is true. Shared with whoever computes with them.
    pub data: Arc<Vec<f32>>,
    /// Whether the numbers are booleans.
    pub is_bool: bool,
}

impl Tensor {
    /// A tensor of numbers.
    pub fn new(shape: &[usize], data: impl Into<Arc<Vec<f32>>>) -> Self {
        Self { shape: shape.to_vec(), data: data.into(), is_bool: false }
    }

    /// Shape and numbers must agree.
    pub(super) fn check(&self, path: &str) -> Result<(), Issue> {
        let size = self.shape.iter().try_fold(1_usize, |total, &extent| total.checked_mul(extent));
        if size == Some(self.data.len()) {
            return Ok(());
        }
        let needed = size.map_or_else(|| "more than can be counted".to_owned(), |size| size.to_string());
        let message = format!("has {} numbers; shape {:?} needs {needed}", self.data.len(), self.shape);
        Err(Issue::new(format!("{path}.data"), message))
    }
}

/// How heads are laid out in Q, K, V and the output.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layout {
    /// `[batch, heads, length, size]`.
    Batched,
    /// `[heads, length, size]`.
    Heads,
    /// `[batch, length, heads · size]`.
    Packed,
}

impl Layout {
    /// Shape of the tensor `[batch, heads, length, size]` in this layout.
    pub fn shape(self, [batch, heads, length, size]: [usize; 4]) -> Vec<usize> {
        match self {
            Layout::Batched => vec![batch, heads, length, size],
            Layout::Heads => vec![heads, length, size],
            Layout::Packed => vec![batch, length, heads * size],
        }
    }

    /// `[batch, heads, length, size]` of a tensor in this layout; `heads` is read for packed ones only.
    pub(super) fn extents(self, tensor: &Tensor, heads: usize, path: &str) -> Result<[usize; 4], Issue> {
        match (self, tensor.shape.as_slice()) {
            (Layout::Batched, &[b, h, n, s]) => Ok([b, h, n, s]),
            (Layout::Heads, &[h, n, s]) => Ok([1, h, n, s]),
            (Layout::Packed, &[b, n, s]) if heads > 0 && s.is_multiple_of(heads) => Ok([b, heads, n, s / heads]),
            (Layout::Packed, &[_, _, s]) => Err(Issue::new(
                format!("{path}.shape"),
                format!("its last axis of {s} can't be cut into {heads} heads"),
            )),
            (_, shape) => Err(Issue::new(format!("{path}.shape"), format!("is {shape:?}; it must be laid out as Q"))),
        }
    }

    /// Row-major `[batch, heads, length, size]` from this layout; the very numbers where they lie so already.
    pub fn unpack(self, data: &Arc<Vec<f32>>, extents: [usize; 4]) -> Arc<Vec<f32>> {
        let [batch, heads, length, size] = extents;
        if self == Layout::Packed { Arc::new(swap(data, [batch, length, heads, size])) } else { data.clone() }
    }

    /// This layout from row-major `[batch, heads, length, size]`.
    pub fn pack(self, data: Vec<f32>, extents: [usize; 4]) -> Vec<f32> {
        if self == Layout::Packed { swap(&data, extents) } else { data }
    }
}

/// Swaps the two middle axes.
fn swap(data: &[f32], [outer, rows, cols, size]: [usize; 4]) -> Vec<f32> {
    let mut out = Vec::with_capacity(data.len());
    for o in 0..outer {
        for c in 0..cols {
            for r in 0..rows {
                let start = ((o * rows + r) * cols + c) * size;
                out.extend_from_slice(&data[start..start + size]);
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packing_and_unpacking_undo_each_other() {
        let extents = [2, 3, 4, 5];
        let data: Vec<f32> = (0..120).map(|i| i as f32).collect();
        let packed = Layout::Packed.pack(data.clone(), extents);
        // Batch 1, head 2, row 3, place 4 lies at [1, 3, 2 · 5 + 4] when packed.
        assert_eq!(packed[(4 + 3) * 15 + 14], data[((3 + 2) * 4 + 3) * 5 + 4]);
        assert_eq!(*Layout::Packed.unpack(&Arc::new(packed), extents), data);
        let shared = Arc::new(data.clone());
        assert!(Arc::ptr_eq(&Layout::Heads.unpack(&shared, extents), &shared));
        assert_eq!(Layout::Heads.pack(data.clone(), extents), data);
    }
}

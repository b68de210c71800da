//! The numbers of one head of Q, K or V.

use std::sync::Arc;

use crate::app::state::Lab;
use crate::attention::{Dims, Inputs};
use crate::experiment::TensorName;

/// Rows and columns of one head inside a tensor that is shared, not copied.
#[derive(Clone, Debug)]
pub struct Block {
    tensor: Arc<Vec<f32>>,
    start: usize,
    /// Head of the tensor (a key and value head for K and V).
    pub head: usize,
    /// Tokens.
    pub rows: usize,
    /// Size of one.
    pub cols: usize,
}

impl PartialEq for Block {
    /// The same numbers in the same place. Tensors never change in place, so the address decides.
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.tensor, &other.tensor)
            && (self.start, self.head, self.rows, self.cols) == (other.start, other.head, other.rows, other.cols)
    }
}

impl Block {
    /// What query head `head` reads of `tensor`, in the first sequence; `None` where the sizes do not fit.
    pub fn new(inputs: &Inputs, dims: &Dims, tensor: TensorName, head: usize) -> Option<Self> {
        let (all, head, rows, cols) = match tensor {
            TensorName::Q => (&inputs.q, head, dims.n_q, dims.d),
            TensorName::K => (&inputs.k, dims.kv_head(head), dims.n_k, dims.d),
            TensorName::V => (&inputs.v, dims.kv_head(head), dims.n_k, dims.d_v),
        };
        let start = head * rows * cols;
        (rows > 0 && cols > 0 && all.len() >= start + rows * cols).then(|| Self {
            tensor: all.clone(),
            start,
            head,
            rows,
            cols,
        })
    }

    /// The block on the page now, with the user's edits; tracks its changes.
    pub fn current(lab: Lab, tensor: TensorName) -> Option<Self> {
        let head = lab.experiment.with(|e| e.view.head);
        lab.loaded.with(|loaded| {
            let loaded = loaded.as_ref()?;
            // Right after a change of the input the edited tensors are still the old ones.
            lab.inputs.with(|inputs| inputs.as_ref().and_then(|inputs| Self::new(inputs, &loaded.dims, tensor, head)))
        })
    }

    /// The block before the user's edits, for event handlers.
    pub fn original(lab: Lab, tensor: TensorName) -> Option<Self> {
        let head = lab.experiment.with_untracked(|e| e.view.head);
        lab.loaded.with_untracked(|loaded| loaded.as_ref().and_then(|l| Self::new(&l.inputs, &l.dims, tensor, head)))
    }

    /// All numbers, row after row.
    pub fn values(&self) -> &[f32] {
        &self.tensor[self.start..self.start + self.rows * self.cols]
    }

    /// One number.
    pub fn get(&self, row: usize, col: usize) -> Option<f32> {
        (row < self.rows && col < self.cols).then(|| self.values()[row * self.cols + col])
    }

    /// The largest magnitude among the finite numbers; 1 where all are 0.
    pub fn reach(&self) -> f32 {
        let reach = self.values().iter().filter(|x| x.is_finite()).fold(0.0_f32, |reach, x| reach.max(x.abs()));
        if reach > 0.0 { reach } else { 1.0 }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
mod tests {
    use super::*;

    #[test]
    fn grouped_heads_read_their_shared_keys() {
        let dims = Dims { batch: 1, q_heads: 4, kv_heads: 2, n_q: 1, n_k: 2, d: 2, d_v: 1 };
        let count = |n: usize| Arc::new((0..n).map(|i| i as f32).collect::<Vec<_>>());
        let inputs = Inputs { q: count(dims.q_len()), k: count(dims.k_len()), v: count(dims.v_len()) };
        let k = Block::new(&inputs, &dims, TensorName::K, 3).unwrap();
        assert_eq!((k.head, k.values()), (1, &[4.0, 5.0, 6.0, 7.0][..]));
        assert_eq!((k.get(1, 1), k.get(2, 0), k.reach()), (Some(7.0), None, 7.0));
        assert_eq!(Block::new(&inputs, &dims, TensorName::Q, 3).unwrap().values(), [6.0, 7.0]);
        assert!(Block::new(&inputs, &dims, TensorName::Q, 4).is_none());
    }
}

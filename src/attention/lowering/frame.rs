//! Tensors and their sizes on their way through a lowering.

use std::sync::Arc;

use super::super::dims::{Dims, Inputs};
use super::super::plan::{Encodings, Turns};
use super::super::problem::Encoding;
use super::super::rotation::Rotation;
use crate::experiment::{Issue, Issues};

/// Q, K and V with their sizes and where the queries stand.
pub struct Frame {
    /// Sizes of the tensors as they are now.
    pub dims: Dims,
    /// `q_pos − q` of each sequence; never empty.
    pub offsets: Vec<i32>,
    /// The tensors.
    pub inputs: Inputs,
    /// Size of a value as it was given: a layout of heads may put values of several heads side by side.
    pub given_d_v: usize,
    /// Tokens of each key: more than one where keys are pooled.
    pub group: usize,
    /// Keys as they were given.
    pub given_n_k: usize,
    /// Where keys stand that are neither tokens in order nor groups of them; empty where there are none.
    pub places: Vec<usize>,
}

impl Frame {
    /// Tensors of these sizes.
    ///
    /// # Errors
    /// A tensor that is not as long as its sizes say, by its name.
    pub fn new(dims: Dims, offset: &[i32], inputs: Inputs) -> Result<Self, Issues> {
        for (name, tensor, length) in
            [("Q", &inputs.q, dims.q_len()), ("K", &inputs.k, dims.k_len()), ("V", &inputs.v, dims.v_len())]
        {
            if tensor.len() != length {
                return Err(Issue::new(name, format!("holds {} numbers; its sizes need {length}", tensor.len())).into());
            }
        }
        let offsets = if offset.is_empty() { vec![0] } else { offset.to_vec() };
        Ok(Self { dims, offsets, inputs, given_d_v: dims.d_v, group: 1, given_n_k: dims.n_k, places: Vec::new() })
    }

    /// Where a key stands; a group stands where its last token does.
    pub fn key_position(&self, key: usize) -> i64 {
        if let Some(&place) = self.places.get(key) {
            return place as i64;
        }
        ((key + 1) * self.group).min(self.given_n_k) as i64 - 1
    }

    /// `q_pos − q` in sequence `batch`.
    pub fn offset(&self, batch: usize) -> i64 {
        self.offsets.get(batch % self.offsets.len().max(1)).copied().unwrap_or(0).into()
    }

    /// Adds an encoding to the rows of Q and of K.
    pub fn encode(&mut self, encoding: &Encoding) {
        let (dims, offsets) = (self.dims, self.offsets.clone());
        let table = Encodings::new(encoding, &dims, &offsets);
        self.each_q(|batch, head| table.add_q(batch, 0..dims.n_q, head));
        self.each_k(|head| table.add_k(0..dims.n_k, head));
    }

    /// Turns the rows of Q and of K.
    pub fn rotate(&mut self, rotation: &Rotation) {
        let (dims, offsets) = (self.dims, self.offsets.clone());
        let turns = Turns::new(rotation, &dims, &offsets);
        self.each_q(|batch, head| turns.turn_q(batch, 0..dims.n_q, dims.d, head));
        self.each_k(|head| turns.turn_k(0..dims.n_k, dims.d, head));
    }

    /// Calls `change` with the sequence and the rows of each head of Q.
    pub fn each_q(&mut self, mut change: impl FnMut(usize, &mut [f32])) {
        let Dims { q_heads, n_q, d, .. } = self.dims;
        let heads = Arc::make_mut(&mut self.inputs.q).chunks_exact_mut(n_q * d);
        heads.enumerate().for_each(|(i, head)| change(i / q_heads, head));
    }

    /// Calls `change` with the rows of each head of K.
    pub fn each_k(&mut self, change: impl FnMut(&mut [f32])) {
        let Dims { n_k, d, .. } = self.dims;
        Arc::make_mut(&mut self.inputs.k).chunks_exact_mut(n_k * d).for_each(change);
    }

    /// Calls `change` with the rows of each head of V.
    pub fn each_v(&mut self, change: impl FnMut(&mut [f32])) {
        let Dims { n_k, d_v, .. } = self.dims;
        Arc::make_mut(&mut self.inputs.v).chunks_exact_mut(n_k * d_v).for_each(change);
    }

    /// Calls `change` with each row of Q and each row of K, in double precision.
    pub fn each_row(&mut self, mut change: impl FnMut(&mut [f64])) {
        let d = self.dims.d;
        let mut wide = vec![0.0; d];
        for tensor in [&mut self.inputs.q, &mut self.inputs.k] {
            for row in Arc::make_mut(tensor).chunks_exact_mut(d) {
                wide.iter_mut().zip(&*row).for_each(|(x, &y)| *x = f64::from(y));
                change(&mut wide);
                row.iter_mut().zip(&wide).for_each(|(x, &y)| *x = y as f32);
            }
        }
    }

    /// Rewrites Q and K row by row into rows of `d` places: `make(is_key, row, out)`.
    pub fn widen(&mut self, d: usize, mut make: impl FnMut(bool, usize, &[f32], &mut [f32])) {
        let old = self.dims.d;
        for (is_key, tensor) in [(false, &mut self.inputs.q), (true, &mut self.inputs.k)] {
            let mut out = vec![0.0; tensor.len() / old * d];
            for (i, (row, out)) in tensor.chunks_exact(old).zip(out.chunks_exact_mut(d)).enumerate() {
                make(is_key, i, row, out);
            }
            *tensor = Arc::new(out);
        }
        self.dims.d = d;
    }

    /// Query rows of one head.
    pub fn q(&self, batch: usize, head: usize) -> &[f32] {
        self.inputs.q_head(&self.dims, batch, head)
    }

    /// Key rows that query head `head` reads.
    pub fn k(&self, batch: usize, head: usize) -> &[f32] {
        self.inputs.k_head(&self.dims, batch, head)
    }
}

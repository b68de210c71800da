//! Sizes of an attention problem, and the tensors in the layout every kernel reads.

use std::sync::Arc;

/// Sizes of one attention problem. Head `h` of the queries reads head `h / (q_heads / kv_heads)` of the keys and values (GQA; MQA with `kv_heads = 1`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Dims {
    /// Independent sequences.
    pub batch: usize,
    /// Query heads.
    pub q_heads: usize,
    /// Key and value heads; divides `q_heads`.
    pub kv_heads: usize,
    /// Queries (rows).
    pub n_q: usize,
    /// Keys and values (columns), a cache included.
    pub n_k: usize,
    /// Size of a query and of a key.
    pub d: usize,
    /// Size of a value; need not equal `d`.
    pub d_v: usize,
}

impl Dims {
    /// Numbers in Q: `[batch, q_heads, n_q, d]`.
    pub fn q_len(&self) -> usize {
        self.batch * self.q_heads * self.n_q * self.d
    }

    /// Numbers in K: `[batch, kv_heads, n_k, d]`.
    pub fn k_len(&self) -> usize {
        self.batch * self.kv_heads * self.n_k * self.d
    }

    /// Numbers in V: `[batch, kv_heads, n_k, d_v]`.
    pub fn v_len(&self) -> usize {
        self.batch * self.kv_heads * self.n_k * self.d_v
    }

    /// Numbers in the output: `[batch, q_heads, n_q, d_v]`.
    pub fn y_len(&self) -> usize {
        self.batch * self.q_heads * self.n_q * self.d_v
    }

    /// Query rows over all batches and heads.
    pub fn rows(&self) -> usize {
        self.batch * self.q_heads * self.n_q
    }

    /// The key and value head that query head `head` reads.
    pub fn kv_head(&self, head: usize) -> usize {
        head / (self.q_heads / self.kv_heads).max(1)
    }

    /// Index of the first row of `(batch, head)` among [`Dims::rows`].
    pub fn row_start(&self, batch: usize, head: usize) -> usize {
        (batch * self.q_heads + head) * self.n_q
    }
}

/// Q, K and V, row-major and contiguous. Shared, never changed in place: an edit makes a new tensor, the other two stay.
#[derive(Clone, Debug, PartialEq)]
pub struct Inputs {
    /// Queries `[batch, q_heads, n_q, d]`.
    pub q: Arc<Vec<f32>>,
    /// Keys `[batch, kv_heads, n_k, d]`.
    pub k: Arc<Vec<f32>>,
    /// Values `[batch, kv_heads, n_k, d_v]`.
    pub v: Arc<Vec<f32>>,
}

impl Inputs {
    /// Query rows of one head, `[n_q, d]`.
    pub fn q_head(&self, dims: &Dims, batch: usize, head: usize) -> &[f32] {
        let size = dims.n_q * dims.d;
        let start = (batch * dims.q_heads + head) * size;
        &self.q[start..start + size]
    }

    /// Key rows that query head `head` reads, `[n_k, d]`.
    pub fn k_head(&self, dims: &Dims, batch: usize, head: usize) -> &[f32] {
        let size = dims.n_k * dims.d;
        let start = (batch * dims.kv_heads + dims.kv_head(head)) * size;
        &self.k[start..start + size]
    }

    /// Value rows that query head `head` reads, `[n_k, d_v]`.
    pub fn v_head(&self, dims: &Dims, batch: usize, head: usize) -> &[f32] {
        let size = dims.n_k * dims.d_v;
        let start = (batch * dims.kv_heads + dims.kv_head(head)) * size;
        &self.v[start..start + size]
    }

    /// Whether every number is finite. Kernels with packed tiles rely on it (0 · NaN is NaN); other input takes an exact select path.
    pub fn finite(&self) -> bool {
        [&self.q, &self.k, &self.v].iter().all(|t| t.iter().all(|x| x.is_finite()))
    }
}

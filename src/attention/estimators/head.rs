//! One head's tensors, exact attention over them, and the running softmax by which parts of a row are merged.

use super::Estimator;
use crate::attention::operators::Real;

/// One query head with the keys and values that it reads.
pub struct Head<R> {
    /// Queries `[n_q, d]`.
    pub q: Vec<R>,
    /// Keys `[n_k, d]`.
    pub k: Vec<R>,
    /// Values `[n_k, d_v]`.
    pub v: Vec<R>,
    /// Queries.
    pub n_q: usize,
    /// Keys.
    pub n_k: usize,
    /// Size of a query and of a key.
    pub d: usize,
    /// Size of a value.
    pub d_v: usize,
    /// Factor on Q·K.
    pub scale: R,
    /// Whether query `i` sees keys up to `i` only.
    pub causal: bool,
    /// Its number among the query heads.
    pub index: usize,
}

impl<R: Real> Head<R> {
    /// Query head `index` of a sequence, out of Q, K and V.
    pub fn of(of: &Estimator, [q, k, v]: [&[f32]; 3], batch: usize, index: usize) -> Self {
        let dims = of.dims;
        let kv = batch * dims.kv_heads + dims.kv_head(index);
        let part = |data: &[f32], head: usize, size: usize| {
            data[head * size..][..size].iter().map(|&x| R::of(x)).collect::<Vec<R>>()
        };
        Self {
            q: part(q, batch * dims.q_heads + index, dims.n_q * dims.d),
            k: part(k, kv, dims.n_k * dims.d),
            v: part(v, kv, dims.n_k * dims.d_v),
            n_q: dims.n_q,
            n_k: dims.n_k,
            d: dims.d,
            d_v: dims.d_v,
            scale: R::of(of.scale),
            causal: of.causal,
            index,
        }
    }

    /// Query `i`.
    pub fn q(&self, i: usize) -> &[R] {
        &self.q[i * self.d..][..self.d]
    }

    /// Key `j`.
    pub fn k(&self, j: usize) -> &[R] {
        &self.k[j * self.d..][..self.d]
    }

    /// Value `j`.
    pub fn v(&self, j: usize) -> &[R] {
        &self.v[j * self.d_v..][..self.d_v]
    }

    /// Keys that query `i` sees: so many from the first on.
    pub fn seen(&self, i: usize) -> usize {
        if self.causal { self.n_k.min(i + 1) } else { self.n_k }
    }

    /// `scale · q_i·k_j`.
    pub fn score(&self, i: usize, j: usize) -> R {
        self.scale * dot(self.q(i), self.k(j))
    }
}

/// `x·y`.
pub fn dot<R: Real>(x: &[R], y: &[R]) -> R {
    x.iter().zip(y).fold(R::ZERO, |sum, (&x, &y)| sum + x * y)
}

/// `‖x‖`.
pub fn norm<R: Real>(x: &[R]) -> R {
    dot(x, x).sqrt()
}

/// `softmax(scale · Q Kᵀ) V`, row by row in two passes, `[n_q, d_v]`.
pub fn exact(head: &Head<f64>) -> Vec<f64> {
    let mut y = vec![0.0; head.n_q * head.d_v];
    for (i, row) in y.chunks_exact_mut(head.d_v).enumerate() {
        let scores: Vec<f64> = (0..head.seen(i)).map(|j| head.score(i, j)).collect();
        let largest = scores.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let sum: f64 = scores.iter().map(|s| (s - largest).exp()).sum();
        for (j, s) in scores.iter().enumerate() {
            let weight = (s - largest).exp() / sum;
            row.iter_mut().zip(head.v(j)).for_each(|(y, v)| *y += weight * v);
        }
    }
    y
}

/// A row's softmax over the keys that have come so far: their largest score, the sum of `e^(s − largest)`, and that sum over values.
#[derive(Clone, Debug, PartialEq)]
pub struct Running<R> {
    /// The largest score; nothing has come while there is none.
    pub largest: Option<R>,
    /// `Σ count · e^(s − largest)`.
    pub sum: R,
    /// `Σ count · e^(s − largest) v`.
    pub values: Vec<R>,
}

impl<R: Real> Running<R> {
    /// Nothing yet.
    pub fn new(d_v: usize) -> Self {
        Self { largest: None, sum: R::ZERO, values: vec![R::ZERO; d_v] }
    }

    /// Takes a key that counts so many times.
    pub fn add(&mut self, score: R, count: R, value: &[R]) {
        let weight = count * self.rescale(score);
        self.sum = self.sum + weight;
        self.values.iter_mut().zip(value).for_each(|(all, &v)| *all = *all + weight * v);
    }

    /// Takes what has come elsewhere: the merge of two tiles.
    pub fn merge(&mut self, other: &Self) {
        let Some(largest) = other.largest else { return };
        let share = self.rescale(largest);
        self.sum = self.sum + share * other.sum;
        self.values.iter_mut().zip(&other.values).for_each(|(all, &v)| *all = *all + share * v);
    }

    /// The largest score becomes at least `score`; gives `e^(score − largest)`.
    fn rescale(&mut self, score: R) -> R {
        match self.largest {
            Some(largest) if score <= largest => (score - largest).exp(),
            before => {
                let share = before.map_or(R::ZERO, |before| (before - score).exp());
                self.largest = Some(score);
                self.sum = self.sum * share;
                self.values.iter_mut().for_each(|v| *v = *v * share);
                R::near(1.0)
            }
        }
    }

    /// The mean of the values by their weights; zeros while nothing has come.
    pub fn mean(&self) -> Vec<R> {
        match self.largest {
            Some(_) => self.values.iter().map(|&v| v / self.sum).collect(),
            None => self.values.clone(),
        }
    }
}

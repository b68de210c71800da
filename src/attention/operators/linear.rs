//! Linear attention as a recurrence: keys and values are not kept but added up in a state of fixed size.
//!
//! With the state `S` (`[d_k, d_v]`, one for each key/value head), a step takes `k`, `v`, the decay `g` and the rate `β`, and gives for each query
//! `q` of the head's group `o = scale · Sᵀq` after the step:
//!
//! | rule | step | source |
//! |---|---|---|
//! | linear | `S ← S + k vᵀ` | Katharopoulos et al. 2020, "Transformers are RNNs" |
//! | gated | `S ← diag(eᵍ) S + k vᵀ` | Yang et al. 2024, "Gated Linear Attention" |
//! | delta | `S ← S + β k (v − Sᵀk)ᵀ` | Schlag et al. 2021, "Fast Weight Programmers"; Yang et al. 2024, "DeltaNet" |
//! | gated delta | `S ← diag(eᵍ) S`, then as delta | Yang et al. 2024, "Gated Delta Networks" |
//!
//! No feature map and no sum of weights to divide by: what a caller wants of either is in Q and K already, as in ONNX's LinearAttention.

use serde::Deserialize;

use super::Real;
use super::state::{add_outer, fade, look_up};

/// How a step changes the state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UpdateRule {
    /// Adds.
    Linear,
    /// Fades, then adds.
    Gated,
    /// Replaces what the key reads, by the share β.
    Delta,
    /// Fades, then replaces.
    #[default]
    GatedDelta,
}

impl UpdateRule {
    /// Whether it reads the decay.
    pub fn fades(self) -> bool {
        matches!(self, Self::Gated | Self::GatedDelta)
    }

    /// Whether it reads β.
    pub fn replaces(self) -> bool {
        matches!(self, Self::Delta | Self::GatedDelta)
    }

    /// Its name in requests.
    pub fn name(self) -> &'static str {
        match self {
            Self::Linear => "linear",
            Self::Gated => "gated",
            Self::Delta => "delta",
            Self::GatedDelta => "gated_delta",
        }
    }
}

/// Sizes and rule.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct LinearAttention {
    /// Sequences.
    pub batch: usize,
    /// Steps.
    pub length: usize,
    /// Query heads, a multiple of the others: so many share a state.
    pub q_heads: usize,
    /// Heads of keys and values, each with a state.
    pub kv_heads: usize,
    /// Size of queries and keys.
    pub d_k: usize,
    /// Size of values.
    pub d_v: usize,
    /// The rule.
    pub rule: UpdateRule,
    /// Logarithms of the decay of a head and step: `d_k`, one for the whole state, or none.
    pub decay_size: usize,
    /// Heads of β: `kv_heads`, one for all heads, or none.
    pub beta_heads: usize,
    /// Whether there is a state before the first step; it is 0 otherwise.
    pub past: bool,
    /// Factor on the output.
    pub scale: f32,
}

impl LinearAttention {
    /// Lengths of Q, K, V, decay, β and the past state.
    pub(super) fn inputs(&self) -> [usize; 6] {
        let Self { batch, length, q_heads, kv_heads, d_k, d_v, decay_size, beta_heads, .. } = *self;
        let past = if self.past { product(&[batch, kv_heads, d_k, d_v]) } else { 0 };
        let rows = |heads, size| product(&[batch, heads, length, size]);
        let (q, k, v) = (rows(q_heads, d_k), rows(kv_heads, d_k), rows(kv_heads, d_v));
        [q, k, v, rows(kv_heads, decay_size), rows(beta_heads, 1), past]
    }

    /// Lengths of the output and of the state after the last step.
    pub(super) fn outputs(&self) -> [usize; 2] {
        let Self { batch, length, q_heads, kv_heads, d_k, d_v, .. } = *self;
        [product(&[batch, q_heads, length, d_v]), product(&[batch, kv_heads, d_k, d_v])]
    }

    /// Of the passes over states: two for the sum of outer products, one to fade, two to read with the key, two for each query.
    pub(super) fn flops(&self) -> f64 {
        let passes = 2 + usize::from(self.rule.fades()) + 2 * usize::from(self.rule.replaces());
        let steps = (self.batch * self.length) as f64;
        let state = self.d_k as f64 * self.d_v as f64;
        steps * state * (passes * self.kv_heads + 2 * self.q_heads) as f64
    }

    /// The output `[batch, q_heads, length, d_v]` and the state after the last step `[batch, kv_heads, d_k, d_v]`, of Q
    /// `[batch, q_heads, length, d_k]`, K and V `[batch, kv_heads, length, d_k or d_v]`, the logarithm of the decay
    /// `[batch, kv_heads, length, decay_size]`, β `[batch, beta_heads, length]` and the state before the first step, or an empty one.
    pub fn compute<R: Real>(
        &self,
        q: &[f32],
        k: &[f32],
        v: &[f32],
        decay: &[f32],
        beta: &[f32],
        past: &[f32],
    ) -> [Vec<f32>; 2] {
        let Self { batch, length, q_heads, kv_heads, d_k, d_v, .. } = *self;
        let group = q_heads / kv_heads;
        let [y_len, state_len] = self.outputs();
        let (mut y, mut present) = (vec![0.0; y_len], Vec::with_capacity(state_len));
        let (mut state, mut read) = (vec![R::ZERO; d_k * d_v], vec![R::ZERO; d_v]);
        for head in 0..batch * kv_heads {
            state.fill(R::ZERO);
            if self.past {
                let before = &past[head * d_k * d_v..][..d_k * d_v];
                state.iter_mut().zip(before).for_each(|(s, &x)| *s = R::of(x));
            }
            // With one β for all heads, that of the sequence.
            let beta_head = if self.beta_heads == kv_heads { head } else { head / kv_heads };
            for t in 0..length {
                let row = head * length + t;
                let (key, value) = (&k[row * d_k..][..d_k], &v[row * d_v..][..d_v]);
                if self.rule.fades() {
                    let decay = decay[row * self.decay_size..][..self.decay_size].iter();
                    fade(&mut state, d_v, decay.map(|&g| R::of(g).exp()));
                }
                if self.rule.replaces() {
                    // r = β (v − Sᵀk)
                    let rate = R::of(beta[beta_head * length + t]);
                    look_up(&state, reals(key), &mut read);
                    read.iter_mut().zip(value).for_each(|(r, &x)| *r = rate * (R::of(x) - *r));
                } else {
                    // r = v
                    read.iter_mut().zip(value).for_each(|(r, &x)| *r = R::of(x));
                }
                add_outer(&mut state, reals(key), &read);
                for query_head in head * group..(head + 1) * group {
                    // o = scale · Sᵀq
                    let row = query_head * length + t;
                    look_up(&state, reals(&q[row * d_k..][..d_k]), &mut read);
                    let out = y[row * d_v..][..d_v].iter_mut();
                    out.zip(&read).for_each(|(o, &r)| *o = (R::of(self.scale) * r).single());
                }
            }
            present.extend(state.iter().map(|s| s.single()));
        }
        [y, present]
    }
}

fn reals<R: Real>(row: &[f32]) -> impl Iterator<Item = R> {
    row.iter().map(|&x| R::of(x))
}

fn product(extents: &[usize]) -> usize {
    extents.iter().fold(1, |all, &extent| all.saturating_mul(extent))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One head of two keys' and one value's size.
    fn of(rule: UpdateRule, length: usize) -> LinearAttention {
        LinearAttention {
            batch: 1,
            length,
            q_heads: 1,
            kv_heads: 1,
            d_k: 2,
            d_v: 1,
            rule,
            decay_size: 1,
            beta_heads: 1,
            past: false,
            scale: 1.0,
        }
    }

    #[test]
    fn the_linear_rule_is_causal_attention_without_a_softmax() {
        let linear = LinearAttention { scale: 0.5, ..of(UpdateRule::Linear, 3) };
        let (q, k, v) = ([1.0, 2.0, -1.0, 0.5, 3.0, 1.0], [2.0, 1.0, 0.0, -1.0, 1.0, 1.0], [1.0, 10.0, 100.0]);
        let [y, _] = linear.compute::<f64>(&q, &k, &v, &[], &[], &[]);
        let score = |i: usize, j: usize| q[2 * i] * k[2 * j] + q[2 * i + 1] * k[2 * j + 1];
        let wanted = [0, 1, 2].map(|i| 0.5 * (0..=i).map(|j| score(i, j) * v[j]).sum::<f32>());
        assert_eq!(y, wanted);
    }

    #[test]
    fn the_delta_rule_replaces_what_a_unit_key_reads() {
        let delta = of(UpdateRule::Delta, 2);
        let (key, query) = ([0.6, 0.8, 0.6, 0.8], [0.6, 0.8, 0.6, 0.8]);
        let close = |found: Vec<f32>, wanted: [f32; 2]| found.iter().zip(wanted).all(|(a, b)| (a - b).abs() < 1e-6);
        let [y, _] = delta.compute::<f64>(&query, &key, &[5.0, -3.0], &[], &[1.0, 1.0], &[]);
        assert!(close(y, [5.0, -3.0]));
        let [y, _] = delta.compute::<f64>(&query, &key, &[5.0, -3.0], &[], &[1.0, 0.25], &[]);
        assert!(close(y, [5.0, 3.0]));
    }

    #[test]
    fn decay_halves_the_state_by_row_or_as_a_whole() {
        let half = 0.5_f32.ln();
        let past = LinearAttention { past: true, ..of(UpdateRule::Gated, 1) };
        let step = |linear: LinearAttention, decay: &[f32]| {
            linear.compute::<f64>(&[0.0; 2], &[0.0; 2], &[0.0], decay, &[], &[8.0, 16.0])[1].clone()
        };
        assert_eq!(step(past, &[half]), [4.0, 8.0]);
        assert_eq!(step(LinearAttention { decay_size: 2, ..past }, &[half, 0.0]), [4.0, 16.0]);
    }

    #[test]
    fn a_sequence_in_two_runs_ends_in_the_same_state() {
        let numbers = |n: usize, step: usize| (0..n).map(|i| ((i * step) % 23) as f32 / 23.0 - 0.5).collect::<Vec<_>>();
        let whole = LinearAttention {
            batch: 2,
            length: 6,
            q_heads: 4,
            kv_heads: 2,
            d_k: 3,
            d_v: 5,
            decay_size: 3,
            beta_heads: 1,
            ..of(UpdateRule::GatedDelta, 6)
        };
        let lengths = whole.inputs();
        let all: Vec<Vec<f32>> = lengths.iter().zip([5, 7, 11, 13, 17, 0]).map(|(&n, s)| numbers(n, s)).collect();
        let run =
            |linear: LinearAttention, [q, k, v, g, b, past]: [&[f32]; 6]| linear.compute::<f32>(q, k, v, g, b, past);
        let [y, present] = run(whole, [&all[0], &all[1], &all[2], &all[3], &all[4], &[]]);
        // Steps `from..to` of a tensor with so many numbers a step.
        let cut = |data: &[f32], size: usize, from: usize, to: usize| -> Vec<f32> {
            data.chunks_exact(6 * size).flat_map(|head| head[from * size..to * size].to_vec()).collect()
        };
        let sizes = [3, 3, 5, 3, 1];
        let part = |from, to| sizes.iter().zip(&all).map(|(&s, x)| cut(x, s, from, to)).collect::<Vec<_>>();
        let (a, b) = (part(0, 4), part(4, 6));
        let first = run(LinearAttention { length: 4, ..whole }, [&a[0], &a[1], &a[2], &a[3], &a[4], &[]]);
        let rest = LinearAttention { length: 2, past: true, ..whole };
        let second = run(rest, [&b[0], &b[1], &b[2], &b[3], &b[4], &first[1]]);
        assert_eq!(second[1], present);
        assert_eq!((cut(&y, 5, 0, 4), cut(&y, 5, 4, 6)), (first[0].clone(), second[0].clone()));
    }
}

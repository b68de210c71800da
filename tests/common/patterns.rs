//! Experiments of patterns and biases, and whether two of them mean the same.

use std::sync::Arc;

use attention_playground::attention::reference::{At, allowed};
use attention_playground::attention::{Dims, Inputs, Loaded, Plan, Problem, assemble};
use attention_playground::experiment::{Experiment, Issues, Join, Layer, MaskChoice};
use attention_playground::formula::Bound;

/// The problem of an experiment over tensors of zeros.
pub fn problem(experiment: &Experiment, dims: Dims) -> Result<Problem, Issues> {
    let zeros = |len: usize| Arc::new(vec![0.0; len]);
    let inputs = Inputs { q: zeros(dims.q_len()), k: zeros(dims.k_len()), v: zeros(dims.v_len()) };
    let tokens = |n: usize| (0..n).map(|i| i.to_string()).collect();
    let loaded = Loaded { dims, tokens_q: tokens(dims.n_q), tokens_k: tokens(dims.n_k), inputs, note: None };
    assemble(experiment, &loaded).map(|(problem, _)| problem)
}

/// Its plan.
pub fn plan(experiment: &Experiment, dims: Dims) -> Plan {
    Plan::compile(&problem(experiment, dims).unwrap()).unwrap()
}

/// Sizes of so many tokens, with four heads.
pub fn sized(n_q: usize, n_k: usize) -> Dims {
    Dims { batch: 1, q_heads: 4, kv_heads: 2, n_q, n_k, d: 2, d_v: 2 }
}

/// An experiment with nothing but this mask and these layers.
pub fn joined(base: Layer, combine: Vec<Layer>) -> Experiment {
    let Layer { id, params, custom, .. } = base;
    Experiment { mask: MaskChoice { id, params, custom }, combine, ..Experiment::default() }
}

/// A layer with some of its parameters.
pub fn layer(op: Join, id: &str, params: &[(&str, f64)]) -> Layer {
    Layer { params: params.iter().map(|(name, value)| ((*name).to_owned(), *value)).collect(), ..Layer::of(op, id) }
}

/// The same masks and scores, cell by cell.
pub fn same(a: &Plan, b: &Plan) {
    let Dims { q_heads, n_q, n_k, .. } = a.dims;
    for (h, q, k) in (0..q_heads).flat_map(|h| (0..n_q).flat_map(move |q| (0..n_k).map(move |k| (h, q, k)))) {
        let at = At { b: 0, h, q, k };
        assert_eq!(allowed(a, at), allowed(b, at), "{at:?}");
        let [h, q, k] = [h, q, k].map(|x| x as i32);
        let score = |plan: &Plan| {
            let over = |s: f32, all: &[Bound]| all.iter().fold(s, |s, bias| bias.score_at(s, 0, h, q, k));
            let before = over(0.75, &plan.bias_before_cap);
            over(plan.softcap.map_or(before, |cap| cap * (before / cap).tanh()), &plan.bias)
        };
        let (a, b) = (score(a), score(b));
        assert!((a - b).abs() <= 1e-6 * a.abs().max(1.0), "{at:?}: {a} is not {b}");
    }
}

//! What the page opens with, put together by itself: the first view needs none of the code that reads every other experiment.

use super::assemble::Loaded;
use super::dims::Inputs;
use super::problem::{Problem, Term};
use super::values::{scalar, seed};
use crate::catalogue;
use crate::experiment::Experiment;

/// What [`super::assemble`] makes of the default experiment over `loaded`.
pub fn opener(loaded: &Loaded) -> (Problem, Inputs) {
    let mut problem = Problem::plain(loaded.dims);
    let Experiment { mask, seed: number, .. } = Experiment::default();
    if let Some(entry) = catalogue::mask(&mask.id) {
        let value = |name: &str, default: f64| mask.params.get(name).copied().unwrap_or(default);
        let params = entry.params.iter().map(|p| (p.name, scalar(p.ty, value(p.name, p.default))));
        let term = params.fold(Term::new("mask", entry.formula), |term, (name, value)| term.param(name, value));
        problem.masks.push(term.param("seed", seed(number)));
    }
    (problem, loaded.inputs.clone())
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::attention::{Dims, assemble};

    #[test]
    fn it_is_what_the_default_experiment_assembles_to() {
        let dims = Dims { batch: 1, q_heads: 12, kv_heads: 12, n_q: 16, n_k: 16, d: 32, d_v: 32 };
        let tensor = |length: usize| Arc::new((0..length).map(|i| i as f32).collect::<Vec<f32>>());
        let inputs = Inputs { q: tensor(dims.q_len()), k: tensor(dims.k_len()), v: tensor(dims.v_len()) };
        let loaded = Loaded { dims, tokens_q: Vec::new(), tokens_k: Vec::new(), inputs, note: None };
        assert_eq!(opener(&loaded), assemble(&Experiment::default(), &loaded).unwrap());
    }
}

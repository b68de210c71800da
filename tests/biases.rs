//! Score terms by position against what a script of NumPy added to every pair by the papers' formulas (`tests/independent/biases.py`), on every engine.

use crate::native::common;

use std::sync::Arc;

use attention_playground::attention::{Inputs, Loaded, assemble};
use attention_playground::experiment::{Backend, CausalAlignment, Choice, Experiment, MaskChoice, Stage, check};
use attention_playground::formula::Sorted;
use common::table::dims;
use common::{Engine, engines};
use serde::Deserialize;

/// Of the largest number of a case: tables in single precision, a handful of operations, cosines and logarithms of WGSL.
const TOLERANCE: f64 = 6e-6;

#[derive(Deserialize)]
struct File {
    seed: u64,
    cases: Vec<Case>,
}

#[derive(Deserialize)]
struct Case {
    scheme: String,
    heads: usize,
    n_q: usize,
    n_k: usize,
    params: Sorted<String, f64>,
    tables: Sorted<String, Vec<f64>>,
    added: Vec<f64>,
}

#[test]
fn every_pair_gets_what_the_papers_add() {
    let File { seed, cases } = serde_json::from_str(include_str!("independent/biases.json")).unwrap();
    for (number, Case { scheme, heads, n_q, n_k, params, tables, added }) in cases.into_iter().enumerate() {
        let name = format!("{scheme} {params:?}");
        let mut experiment = Experiment {
            mask: MaskChoice::of("none"),
            position: Choice { id: scheme, params },
            data: tables,
            seed,
            ..Experiment::default()
        };
        experiment.conventions.causal = CausalAlignment::BottomRight;
        check(&experiment).unwrap_or_else(|issues| panic!("{name}: {issues}"));
        // Scores of 0, so that what stands there afterwards was added.
        let dims = dims([heads, heads], [n_q, n_k], [1, 1]);
        let zeros = |count: usize| Arc::new(vec![0.0; count]);
        let inputs = Inputs { q: zeros(dims.q_len()), k: zeros(dims.k_len()), v: zeros(dims.v_len()) };
        let tokens = |n: usize| vec![String::new(); n];
        let loaded = Loaded { dims, tokens_q: tokens(n_q), tokens_k: tokens(n_k), inputs, note: None };
        let (problem, inputs) = assemble(&experiment, &loaded).unwrap_or_else(|issues| panic!("{name}: {issues}"));
        let top = added.iter().fold(1.0_f64, |top, x| top.max(x.abs()));
        // A GPU that is imitated on the CPU compiles the kernels of a problem for seconds: every third case goes there.
        let there = |engine: &Engine| engine.backend != Backend::Webgpu || number % 3 == 0;
        for engine in engines().into_iter().filter(there) {
            let (_, found) = engine.run(&problem, &inputs, Some(Stage::Biased)).matrix.unwrap();
            assert_eq!(found.len(), added.len(), "{name}");
            for (at, (found, wanted)) in found.iter().zip(&added).enumerate() {
                let off = (f64::from(*found) - wanted).abs();
                assert!(off <= TOLERANCE * top, "{name} on {engine:?}: pair {at} has {found}, not {wanted}");
            }
        }
    }
}

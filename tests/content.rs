//! What depends on the contents of Q and K against scores that a script of NumPy computed by the papers' formulas (`tests/independent/content.py`); and its
//! entries in every engine and with extreme parameters.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a failed unwrap is a failed test")]

mod common;

use std::collections::BTreeSet;
use std::sync::Arc;

use attention_playground::attention::{Dims, Inputs, Loaded, Plan, Problem, assemble, lowering, reference};
use attention_playground::catalogue::{self, Param, Slot};
use attention_playground::experiment::{CausalAlignment, Choice, Experiment, Issues, MaskChoice, Scale, check};
use attention_playground::formula::Sorted;
use common::engines;
use common::judge::Judge;
use common::table::{Case, normal};
use serde::Deserialize;

/// Of a score or an output of size one: tensors and tables are kept in single precision between the steps.
const TOLERANCE: f64 = 4e-6;

/// What the script wrote of one entry.
#[derive(Deserialize)]
struct Written {
    room: String,
    id: String,
    params: Sorted<String, f64>,
    causal: bool,
    seed: u64,
    dims: [usize; 6],
    q: Vec<f32>,
    k: Vec<f32>,
    v: Vec<f32>,
    scores: Vec<Option<f64>>,
    y: Vec<f64>,
}

/// An experiment with one entry and nothing else, over a causal mask or none.
fn experiment(room: &str, id: &str, params: Sorted<String, f64>, causal: bool, seed: u64) -> Experiment {
    let mask = if causal { "causal" } else { "none" };
    let mut experiment = Experiment {
        mask: MaskChoice { id: mask.to_owned(), params: Sorted::new(), custom: None },
        seed,
        ..Experiment::default()
    };
    experiment.conventions.causal = CausalAlignment::BottomRight;
    let choice = Choice { id: id.to_owned(), params };
    match room {
        "product" => experiment.product = choice,
        "position" => experiment.position = choice,
        _ => experiment.selection = choice,
    }
    experiment
}

/// The experiment over these tensors, lowered.
fn lowered(experiment: &Experiment, dims: Dims, inputs: Inputs) -> Result<(Problem, Inputs), Issues> {
    let tokens = |n: usize| vec![String::new(); n];
    let loaded = Loaded { dims, tokens_q: tokens(dims.n_q), tokens_k: tokens(dims.n_k), inputs, note: None };
    let (mut problem, mut inputs) = assemble(experiment, &loaded)?;
    lowering::lower(&mut problem, &mut inputs)?;
    Ok((problem, inputs))
}

/// Every entry that waits for the contents of Q and K: its room, its id and its parameters.
fn entries() -> Vec<(&'static str, &'static str, &'static [Param])> {
    let products = catalogue::products().iter().map(|e| ("product", e.id, e.params));
    let selections = catalogue::selections().iter().map(|e| ("selection", e.id, e.params));
    let positions = catalogue::positions().iter().filter(|e| matches!(e.slot, Slot::Content(_)));
    products.chain(selections).chain(positions.map(|e| ("position", e.id, e.params))).collect()
}

#[test]
fn scores_are_those_of_the_papers() {
    let written: Vec<Written> = serde_json::from_str(include_str!("independent/content.json")).unwrap();
    let mut seen = BTreeSet::new();
    for case in written {
        let [q_heads, kv_heads, n_q, n_k, d, d_v] = case.dims;
        let dims = Dims { batch: 1, q_heads, kv_heads, n_q, n_k, d, d_v };
        let name = format!("{} {} {:?} causal {}", case.room, case.id, case.params, case.causal);
        let inputs = Inputs { q: Arc::new(case.q), k: Arc::new(case.k), v: Arc::new(case.v) };
        let experiment = experiment(&case.room, &case.id, case.params, case.causal, case.seed);
        let (problem, inputs) = lowered(&experiment, dims, inputs).unwrap_or_else(|issues| panic!("{name}: {issues}"));
        let plan = Plan::compile(&problem).unwrap_or_else(|issues| panic!("{name}: {issues}"));
        let heads: Vec<_> = (0..q_heads).map(|h| reference::head(&plan, &inputs, 0, h)).collect();
        let found = heads.iter().flat_map(|head| head.stages[4].iter().copied());
        assert_eq!(case.scores.len(), plan.dims.rows() * plan.dims.n_k, "{name}");
        for (at, (found, wanted)) in found.zip(&case.scores).enumerate() {
            let same = match wanted {
                None => found == f64::NEG_INFINITY,
                Some(wanted) => (found - wanted).abs() <= TOLERANCE * wanted.abs().max(1.0),
            };
            assert!(same, "{name}: cell {at} is {found}, not {wanted:?}");
        }
        for (found, wanted) in heads.iter().flat_map(|head| head.y.iter()).zip(&case.y) {
            assert!((found - wanted).abs() <= TOLERANCE, "{name}: {found} is not {wanted}");
        }
        seen.insert((case.room, case.id));
    }
    for (room, id, _) in entries() {
        // The branches of NSA have values of their own (`tests/hybrid.rs`).
        let plain = [("product", "dot"), ("selection", "none"), ("selection", "nsa")].contains(&(room, id));
        assert!(plain || seen.contains(&(room.to_owned(), id.to_owned())), "{room} {id} has no independent values");
    }
}

const DIMS: Dims = Dims { batch: 1, q_heads: 4, kv_heads: 2, n_q: 33, n_k: 37, d: 8, d_v: 5 };

#[test]
fn every_engine_computes_every_entry() {
    for (room, id, _) in entries() {
        let inputs = normal(&DIMS, 3);
        let (problem, inputs) = lowered(&experiment(room, id, Sorted::new(), true, 5), DIMS, inputs).unwrap();
        let case = Case { name: format!("{room} {id}"), problem, inputs };
        let judge = Judge::of(&case).unwrap();
        for engine in engines() {
            let out = engine.run(&case.problem, &case.inputs, None);
            judge.run(&out, engine.precision).unwrap_or_else(|error| panic!("{engine:?} {}: {error}", case.name));
        }
    }
}

#[test]
fn extreme_parameters_compute_or_say_why_not() {
    let sizes = [DIMS, Dims { n_q: 1, n_k: 1, d: 1, ..DIMS }, Dims { n_q: 9, n_k: 3, d: 5, ..DIMS }];
    for (room, id, params) in entries() {
        for dims in sizes {
            for param in params {
                for value in [param.min, param.max, param.hard_max] {
                    let params = Sorted::from([(param.name.to_owned(), value)]);
                    let experiment = experiment(room, id, params, true, 5);
                    check(&experiment).unwrap_or_else(|issues| panic!("{room} {id} {} {value}: {issues}", param.name));
                    match lowered(&experiment, dims, normal(&dims, 3)) {
                        Ok((problem, inputs)) => {
                            let plan = Plan::compile(&problem)
                                .unwrap_or_else(|issues| panic!("{room} {id} {} {value}: {issues}", param.name));
                            assert!(reference::head(&plan, &inputs, 0, 3).y.iter().all(|y| y.is_finite()));
                        }
                        // Keys can't be the queries where there are not as many.
                        Err(issues) => assert_eq!(issues.0[0].path, "selection.params.shared", "{room} {id}: {issues}"),
                    }
                }
            }
        }
    }
}

#[test]
fn every_parameter_matters() {
    let scores = |room: &str, id: &str, params: Sorted<String, f64>| {
        let experiment = experiment(room, id, params, false, 5);
        let dims = Dims { n_q: 37, kv_heads: 4, ..DIMS };
        let (problem, inputs) = lowered(&experiment, dims, normal(&dims, 3)).unwrap();
        let plan = Plan::compile(&problem).unwrap();
        reference::head(&plan, &inputs, 0, 1).y
    };
    for (room, id, params) in entries() {
        let usual = scores(room, id, Sorted::new());
        for param in params {
            let other = [param.min, param.max].into_iter().find(|&value| value != param.default).unwrap();
            let other = scores(room, id, Sorted::from([(param.name.to_owned(), other)]));
            assert!(other != usual, "{room} {id}: {} changes nothing", param.name);
        }
    }
}

#[test]
fn entries_work_together() {
    let dims = Dims { n_q: 37, ..DIMS };
    for product in catalogue::products() {
        for selection in catalogue::selections() {
            for position in ["rope", "sinusoidal", "alibi", "pope", "deberta", "cope"] {
                let mut experiment = experiment("product", product.id, Sorted::new(), true, 5);
                experiment.selection = Choice::of(selection.id);
                experiment.position = Choice::of(position);
                (experiment.softcap, experiment.scale) = (20.0, Scale::Free(0.5));
                let name = format!("{} {} {position}", product.id, selection.id);
                let (problem, inputs) = lowered(&experiment, dims, normal(&dims, 3)).unwrap();
                let plan = Plan::compile(&problem).unwrap_or_else(|issues| panic!("{name}: {issues}"));
                assert!(reference::head(&plan, &inputs, 0, 1).y.iter().all(|y| y.is_finite()), "{name}");
            }
        }
    }
}

#[test]
fn a_selection_never_opens_what_a_mask_closes() {
    let dims = Dims { n_q: 37, ..DIMS };
    for entry in catalogue::selections()
        .iter()
        .filter(|entry| !["pool-keys", "truncate", "global-projections"].contains(&entry.id))
    {
        let experiment = experiment("selection", entry.id, Sorted::new(), true, 5);
        let (problem, _) = lowered(&experiment, dims, normal(&dims, 3)).unwrap();
        let plan = Plan::compile(&problem).unwrap();
        for q in 0..37 {
            let kept = |k: usize| reference::allowed(&plan, reference::At { b: 0, h: 2, q, k });
            assert!((q + 1..37).all(|k| !kept(k)), "{} {q}", entry.id);
            // Keys that hash or cluster elsewhere may leave a query with none; what counts the best keeps some.
            assert!(["lsh", "k-means"].contains(&entry.id) || (0..=q).any(kept), "{} {q}", entry.id);
        }
    }
}

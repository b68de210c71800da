//! What depends on the contents of Q and K against scores that a script of NumPy computed by the papers' formulas (`tests/independent/content.py`); and its
//! entries in every engine and with extreme parameters.

use crate::native::common;

use std::collections::BTreeSet;
use std::sync::Arc;

use attention_playground::attention::{Dims, Inputs, Loaded, Plan, Problem, assemble, lowering, reference};
use attention_playground::catalogue::{self, List, Param, Slot, every_entry};
use attention_playground::experiment::{
    CausalAlignment, Choice, Experiment, FormulaChoice, Issues, MaskChoice, Patch, Scale, Stage, check,
};
use attention_playground::formula::Sorted;
use common::engines;
use common::judge::Judge;
use common::table::{Case, normal};
use serde::Deserialize;

/// Of a score or an output of size one: tensors and tables are kept in single precision between the steps.
const TOLERANCE: f64 = 4e-6;

/// Of an output of size one, where an engine computes the weights in single precision.
const ON_ENGINES: f64 = 1e-5;

/// What the script wrote of one entry.
#[derive(Deserialize)]
struct Written {
    room: String,
    id: String,
    params: Sorted<String, f64>,
    beside: Vec<(String, String, Sorted<String, f64>)>,
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
    choose(&mut experiment, room, id, params);
    experiment
}

/// Chooses an entry.
fn choose(experiment: &mut Experiment, room: &str, id: &str, params: Sorted<String, f64>) {
    let choice = Choice { id: id.to_owned(), params };
    match room {
        "product" => experiment.product = choice,
        "position" => experiment.position = choice,
        "normaliser" => experiment.normaliser = choice,
        "prob" => experiment.prob = FormulaChoice { params: choice.params, ..FormulaChoice::of(id) },
        _ => experiment.selection = choice,
    }
}

/// The experiment over these tensors, lowered.
fn lowered(experiment: &Experiment, dims: Dims, inputs: Inputs) -> Result<(Problem, Inputs), Issues> {
    let tokens = |n: usize| vec![String::new(); n];
    let loaded = Loaded { dims, tokens_q: tokens(dims.n_q), tokens_k: tokens(dims.n_k), inputs, note: None };
    let (mut problem, mut inputs) = assemble(experiment, &loaded)?;
    lowering::lower(&mut problem, &mut inputs)?;
    Ok((problem, inputs))
}

/// Every entry that waits for the contents of Q and K, and what is done to the weights: its room, its id and its parameters.
fn entries() -> Vec<(&'static str, &'static str, &'static [Param])> {
    let products = catalogue::products().iter().map(|e| ("product", e.id, e.params));
    let selections = catalogue::selections().iter().map(|e| ("selection", e.id, e.params));
    let positions = catalogue::positions().iter().filter(|e| matches!(e.slot, Slot::Content(_)));
    let normalisers = catalogue::normalisers().iter().filter(|e| !e.params.is_empty());
    let normalisers = normalisers.map(|e| ("normaliser", e.id, e.params));
    let weights = catalogue::probabilities().iter().map(|e| ("prob", e.id, e.params));
    let positions = positions.map(|e| ("position", e.id, e.params));
    products.chain(selections).chain(positions).chain(normalisers).chain(weights).collect()
}

#[test]
fn scores_are_those_of_the_papers() {
    let written: Vec<Written> = serde_json::from_str(include_str!("independent/content.json")).unwrap();
    let mut seen = BTreeSet::new();
    for case in written {
        let [q_heads, kv_heads, n_q, n_k, d, d_v] = case.dims;
        let dims = Dims { batch: 1, q_heads, kv_heads, n_q, n_k, d, d_v };
        let name = format!("{} {} {:?} {:?} causal {}", case.room, case.id, case.params, case.beside, case.causal);
        let inputs = Inputs { q: Arc::new(case.q), k: Arc::new(case.k), v: Arc::new(case.v) };
        let mut experiment = experiment(&case.room, &case.id, case.params, case.causal, case.seed);
        for (room, id, params) in case.beside {
            choose(&mut experiment, &room, &id, params);
        }
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
        let mut y: Vec<f32> = heads.iter().flat_map(|head| head.y.iter().map(|&y| y as f32)).collect();
        lowering::finish(&problem, &mut y);
        for (found, wanted) in y.iter().zip(&case.y) {
            let off = (f64::from(*found) - wanted).abs();
            assert!(off <= TOLERANCE * wanted.abs().max(1.0), "{name}: {found} is not {wanted}");
        }
        // Once for each entry on the engines: a GPU in software compiles every kernel for seconds.
        for engine in engines().into_iter().filter(|_| case.causal && !case.y.is_empty()) {
            let mut out = engine.run(&problem, &inputs, None).y;
            lowering::finish(&problem, &mut out);
            assert_eq!(out.len(), case.y.len(), "{name}");
            for (found, wanted) in out.iter().zip(&case.y) {
                let off = (f64::from(*found) - wanted).abs();
                let allowed = ON_ENGINES * wanted.abs().max(1.0);
                assert!(off <= allowed, "{name} on {engine:?}: {found} is not {wanted}");
            }
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
    // Estimators and generators are computed by none of them.
    let computed = every_entry().filter(|entry| ![List::Estimator, List::Generator].contains(&entry.list));
    for entry in computed {
        let mut experiment = experiment("selection", "none", Sorted::new(), true, 5);
        experiment.choose(entry.list, entry.id);
        let (problem, inputs) = lowered(&experiment, DIMS, normal(&DIMS, 3)).unwrap();
        let case = Case { name: format!("{} {}", entry.list.id(), entry.id), problem, inputs };
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
        let heads = (0..DIMS.q_heads).map(|h| reference::head(&plan, &inputs, 0, h));
        let mut y: Vec<f32> = heads.flat_map(|head| head.y.iter().map(|&y| y as f32).collect::<Vec<_>>()).collect();
        lowering::finish(&problem, &mut y);
        y
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

#[test]
fn a_normaliser_that_keeps_few_keys_keeps_them_of_what_is_painted_too() {
    let dims = Dims { n_q: 37, ..DIMS };
    let mut experiment = experiment("normaliser", "top-k", Sorted::from([("keep".to_owned(), 1.0)]), true, 5);
    experiment.paint = vec![Patch { head: None, q: [0, 20], k: [0, 37], allow: true }];
    let (problem, inputs) = lowered(&experiment, dims, normal(&dims, 3)).unwrap();
    for engine in engines() {
        let (_, weights) = engine.run(&problem, &inputs, Some(Stage::Weights)).matrix.unwrap();
        for (row, weights) in weights.chunks_exact(37).enumerate() {
            let kept: Vec<f32> = weights.iter().copied().filter(|&w| w != 0.0).collect();
            assert_eq!(kept, [1.0], "{engine:?} row {row}");
        }
    }
}

#[test]
fn columns_of_the_inverted_softmax_sum_to_one() {
    let dims = Dims { n_q: 40, ..DIMS };
    let experiment = experiment("normaliser", "inverted", Sorted::from([("rows".to_owned(), 0.0)]), false, 5);
    let (problem, inputs) = lowered(&experiment, dims, normal(&dims, 3)).unwrap();
    for engine in engines() {
        let (_, weights) = engine.run(&problem, &inputs, Some(Stage::Weights)).matrix.unwrap();
        for head in weights.chunks_exact(40 * 37) {
            for k in 0..37 {
                let sum: f64 = head.iter().skip(k).step_by(37).map(|&w| f64::from(w)).sum();
                assert!((sum - 1.0).abs() < ON_ENGINES, "{engine:?} column {k}: {sum}");
            }
        }
    }
}

/// What the vectors on the side of the values add does not depend on the values, whatever the heads are.
#[test]
fn vectors_on_the_values_are_added_beside_layouts() {
    let off = |experiment: &Experiment| {
        let mut off = experiment.clone();
        off.position.params.remove("values");
        off
    };
    for layout in catalogue::layouts() {
        let on = Sorted::from([("values".to_owned(), 1.0)]);
        let mut experiment = experiment("position", "shaw", on, true, 5);
        experiment.layout = Choice::of(layout.id);
        let inputs = normal(&DIMS, 3);
        let nothing = Inputs { v: Arc::new(vec![0.0; inputs.v.len()]), ..inputs.clone() };
        let run = |experiment: &Experiment, inputs: &Inputs| {
            let (problem, inputs) = lowered(experiment, DIMS, inputs.clone()).unwrap();
            let mut y = engines()[0].run(&problem, &inputs, None).y;
            lowering::finish(&problem, &mut y);
            y
        };
        let (both, alone, plain) =
            (run(&experiment, &inputs), run(&experiment, &nothing), run(&off(&experiment), &inputs));
        // Rounding of keys and values to few bits, and their latent, depend on the values.
        let linear = !["low-precision", "mla"].contains(&layout.id);
        assert!(alone.iter().any(|y| y.abs() > 0.01), "{}", layout.id);
        for ((both, alone), plain) in both.iter().zip(&alone).zip(&plain).filter(|_| linear) {
            assert!((both - alone - plain).abs() < 1e-5, "{}: {both} is not {alone} + {plain}", layout.id);
        }
    }
}

#[test]
fn a_layer_is_local_or_without_positions_by_its_number() {
    let problem = |mix: &str, layer: f64, position: &str, mask: &str| {
        let mut experiment = experiment("position", position, Sorted::new(), true, 5);
        experiment.mask = MaskChoice::of(mask);
        experiment.layers = Choice::of(mix);
        if mix != "same" {
            experiment.layers.params.insert("layer".to_owned(), layer);
        }
        check(&experiment).unwrap();
        lowered(&experiment, DIMS, normal(&DIMS, 3)).unwrap().0
    };
    let same = |position: &str| problem("same", 1.0, position, "causal");
    assert_eq!(problem("some-nope", 3.0, "rope", "causal"), same("rope"));
    assert_eq!(problem("some-nope", 4.0, "rope", "causal"), same("none"));
    assert_eq!(problem("local-global", 5.0, "rope", "causal").rotation, same("rope").rotation);
    for (mix, layer, local) in
        [("local-global", 5.0, true), ("local-global", 6.0, false), ("rope-nope", 7.0, true), ("rope-nope", 8.0, false)]
    {
        let plan = Plan::compile(&problem(mix, layer, "alibi", "causal")).unwrap();
        assert_eq!(plan.bias.is_empty(), mix == "rope-nope" && !local, "{mix} {layer}");
        for q in 0..DIMS.n_q {
            // Queries are the last of the tokens.
            let at = q + DIMS.n_k - DIMS.n_q;
            for k in 0..DIMS.n_k {
                let wanted = k <= at && (!local || at - k < 8);
                assert_eq!(
                    reference::allowed(&plan, reference::At { b: 0, h: 1, q, k }),
                    wanted,
                    "{mix} {layer} {q} {k}"
                );
            }
        }
    }
    for wrong in ["local", "custom"] {
        let experiment = Experiment { layers: Choice::of(wrong), ..Experiment::default() };
        assert_eq!(check(&experiment).unwrap_err().0[0].path, "layers.id");
    }
}

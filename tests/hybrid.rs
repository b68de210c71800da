//! Gated sums of attentions against what a script of NumPy computed branch by branch (`tests/independent/hybrid.py`), on every engine; what is no branch,
//! and gates at their ends.

use crate::native::common;

use std::sync::Arc;

use attention_playground::attention::lowering::{finish, lower};
use attention_playground::attention::{Dims, Inputs, Loaded, Plan, assemble, estimators, reference};
use attention_playground::catalogue::{self, Text};
use attention_playground::experiment::{
    Backend, CausalAlignment, Choice, CustomFormula, Declared, Experiment, Issues, MaskChoice, Patch, check,
};
use attention_playground::formula::{Sorted, Ty};
use common::table::{dims, normal};
use common::{Engine, engines};
use serde::Deserialize;
use serde_json::{Value, json};

/// Of numbers of size one: log-sum-exps, gates and compressed keys are kept in single precision between the steps.
const TOLERANCE: f64 = 4e-6;

#[derive(Deserialize)]
struct Case {
    experiment: Value,
    dims: [usize; 6],
    q: Vec<f32>,
    k: Vec<f32>,
    v: Vec<f32>,
    y: Vec<f64>,
    weights: Vec<f64>,
}

fn loaded(dims: Dims, inputs: Inputs) -> Loaded {
    let tokens = |n: usize| vec![String::new(); n];
    Loaded { dims, tokens_q: tokens(dims.n_q), tokens_k: tokens(dims.n_k), inputs, note: None }
}

/// Output and weights, `[q_heads, n_q, d_v]` and `[q_heads, n_q, n_k]`, of one engine; in double precision without one.
fn run(engine: Option<Engine>, experiment: &Experiment, loaded: &Loaded) -> Result<(Vec<f64>, Vec<f64>), Issues> {
    let (mut problem, mut inputs) = assemble(experiment, loaded)?;
    lower(&mut problem, &mut inputs)?;
    let plan = Plan::compile(&problem)?;
    let heads: Vec<_> = (0..problem.dims.q_heads).map(|h| reference::head(&plan, &inputs, 0, h)).collect();
    let weights = heads.iter().flat_map(|head| head.weights().iter().copied()).collect();
    let mut y: Vec<f32> = match engine {
        Some(engine) => engine.run(&problem, &inputs, None).y,
        None => heads.iter().flat_map(|head| head.y.iter().map(|&y| y as f32)).collect(),
    };
    finish(&problem, &mut y);
    Ok((y.into_iter().map(f64::from).collect(), weights))
}

fn apart(a: &[f64], b: &[f64]) -> f64 {
    assert_eq!(a.len(), b.len());
    // NaN is the worst.
    let larger = |worst: f64, x: f64| if x.is_nan() { f64::INFINITY } else { worst.max(x) };
    a.iter().zip(b).map(|(a, b)| (a - b).abs() / a.abs().max(1.0)).fold(0.0, larger)
}

fn mixed(mask: &str, branch: &str, gate: f64) -> Experiment {
    let mask = MaskChoice { id: mask.to_owned(), params: Sorted::new(), custom: None };
    let hybrid = Choice { id: "gated".to_owned(), params: Sorted::from([("gate".to_owned(), gate)]) };
    Experiment { mask, hybrid, branch: Choice::of(branch), seed: 5, ..Experiment::default() }
}

#[test]
fn sums_are_those_of_branches_computed_one_by_one() {
    let cases: Vec<Case> = serde_json::from_str(include_str!("independent/hybrid.json")).unwrap();
    assert!(cases.len() > 12);
    for (number, case) in cases.into_iter().enumerate() {
        let Case { experiment: change, dims: [q_heads, kv_heads, n_q, n_k, d, d_v], q, k, v, y, weights } = case;
        let mut all = json!({ "seed": 11, "conventions": { "causal": "bottom_right" } });
        for (name, value) in change.as_object().unwrap() {
            all[name] = value.clone();
        }
        let experiment: Experiment = serde_json::from_value(all).unwrap();
        check(&experiment).unwrap_or_else(|issues| panic!("{change}: {issues}"));
        let dims = Dims { batch: 1, q_heads, kv_heads, n_q, n_k, d, d_v };
        let loaded = loaded(dims, Inputs { q: Arc::new(q), k: Arc::new(k), v: Arc::new(v) });
        let (found, shown) = run(None, &experiment, &loaded).unwrap_or_else(|issues| panic!("{change}: {issues}"));
        let (of_y, of_weights) = (apart(&y, &found), apart(&weights, &shown));
        assert!(of_y < TOLERANCE && of_weights < TOLERANCE, "{change}: off by {of_y} and {of_weights}");
        // A GPU that is imitated on the CPU compiles the kernels of a problem for seconds: every third case goes there.
        let there = |engine: &Engine| engine.backend != Backend::Webgpu || number % 3 == 0;
        for engine in engines().into_iter().filter(there) {
            let (found, _) = run(Some(engine), &experiment, &loaded).unwrap();
            // Single precision of sums of a dozen terms.
            let worst = apart(&y, &found);
            assert!(worst < 2e-5, "{change} on {engine:?}: off by {worst}");
        }
    }
}

#[test]
fn every_estimator_and_every_mask_is_a_branch() {
    let shape = dims([2, 2], [16, 16], [6, 6]);
    let loaded = loaded(shape, normal(&shape, 4));
    let plain = |mask: &str| run(None, &Experiment { hybrid: Choice::of("none"), ..mixed(mask, "none", 0.5) }, &loaded);
    let (alone, weights) = plain("sliding-window").unwrap();
    for entry in catalogue::estimators() {
        let causal = estimators::direction_of(&Choice::of(entry.id), true).unwrap();
        let scale = 1.0 / 6_f32.sqrt();
        let estimator = estimators::fits(&Choice::of(entry.id), shape, causal, scale, "").unwrap();
        let Inputs { q, k, v } = &loaded.inputs;
        let beside: Vec<f64> = estimator.estimate(q, k, v);
        let wanted: Vec<f64> = alone.iter().zip(beside).map(|(a, b)| 0.25 * a + 0.75 * b).collect();
        let (found, shown) = run(None, &mixed("sliding-window", entry.id, 0.25), &loaded).unwrap();
        let worst = apart(&wanted, &found);
        assert!(worst < TOLERANCE, "{}: off by {worst}", entry.id);
        assert_eq!(shown, weights, "{}: the weights shown are attention's", entry.id);
    }
    for entry in catalogue::masks() {
        let (second, _) = plain(entry.id).unwrap();
        let wanted: Vec<f64> = alone.iter().zip(second).map(|(a, b)| 0.25 * a + 0.75 * b).collect();
        match run(None, &mixed("sliding-window", entry.id, 0.25), &loaded) {
            Ok((found, _)) => {
                let worst = apart(&wanted, &found);
                assert!(worst < TOLERANCE, "{}: off by {worst}", entry.id);
            }
            Err(issues) => panic!("{}: {issues}", entry.id),
        }
    }
}

/// Two branches of which attention is none, and attention under the mask of the second beside an estimator.
#[test]
fn every_estimator_is_a_first_branch() {
    let shape = dims([2, 2], [16, 16], [6, 6]);
    let loaded = loaded(shape, normal(&shape, 4));
    let Inputs { q, k, v } = &loaded.inputs;
    let estimate = |id: &str| -> Vec<f64> {
        let causal = estimators::direction_of(&Choice::of(id), true).unwrap();
        estimators::fits(&Choice::of(id), shape, causal, 1.0 / 6_f32.sqrt(), "").unwrap().estimate(q, k, v)
    };
    let plain = |mask: &str| run(None, &Experiment { hybrid: Choice::of("none"), ..mixed(mask, "none", 0.5) }, &loaded);
    let (attention, weights) = plain("sliding-window").unwrap();
    let (near, of_near) = plain("chunked-local").unwrap();
    let gru = estimate("gru");
    assert!(apart(&attention, &near) > 0.01 && apart(&gru, &near) > 0.01, "the branches differ");
    for entry in catalogue::estimators() {
        let first = estimate(entry.id);
        for (branch, second, shown) in [("gru", &gru, &weights), ("chunked-local", &near, &of_near)] {
            let wanted: Vec<f64> = first.iter().zip(second).map(|(a, b)| 0.25 * a + 0.75 * b).collect();
            let mixed = Experiment { branch_a: Choice::of(entry.id), ..mixed("sliding-window", branch, 0.25) };
            let (found, on_map) =
                run(None, &mixed, &loaded).unwrap_or_else(|e| panic!("{} with {branch}: {e}", entry.id));
            let worst = apart(&wanted, &found);
            assert!(worst < TOLERANCE, "{} with {branch}: off by {worst}", entry.id);
            assert_eq!(&on_map, shown, "{} with {branch}: the weights shown", entry.id);
        }
    }
    // What is done to the weights is done to those of the branch that has them.
    let half = CustomFormula { text: "p * 0.5".to_owned(), params: Vec::new() };
    let halved = Experiment {
        branch_a: Choice::of("linear"),
        prob: MaskChoice { custom: Some(half), ..MaskChoice::of("custom") },
        ..mixed("sliding-window", "chunked-local", 0.25)
    };
    let wanted: Vec<f64> = estimate("linear").iter().zip(&near).map(|(a, b)| 0.25 * a + 0.375 * b).collect();
    let (found, _) = run(None, &halved, &loaded).unwrap();
    assert!(apart(&wanted, &found) < TOLERANCE, "off by {}", apart(&wanted, &found));
}

#[test]
fn every_normaliser_has_its_sum() {
    let shape = dims([2, 1], [12, 12], [5, 4]);
    let loaded = loaded(shape, normal(&shape, 7));
    for normaliser in catalogue::normalisers() {
        let with = |mask: &str, hybrid: &str| {
            let mut experiment = Experiment { normaliser: Choice::of(normaliser.id), ..mixed(mask, "sinks", 0.25) };
            experiment.hybrid.id = hybrid.to_owned();
            // A row that the first branch does not see, and one pair more.
            let row = Patch { head: None, q: [3, 4], k: [0, 12], allow: false };
            experiment.paint = vec![row, Patch { head: Some(1), q: [6, 7], k: [9, 10], allow: true }];
            if hybrid == "none" {
                experiment.hybrid.params = Sorted::new();
            }
            experiment
        };
        for mask in ["chunked-local", "synaptic"] {
            let (first, p_first) = run(None, &with(mask, "none"), &loaded).unwrap();
            let (second, p_second) =
                run(None, &Experiment { paint: Vec::new(), ..with("sinks", "none") }, &loaded).unwrap();
            let sum = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| 0.25 * a + 0.75 * b).collect::<Vec<_>>();
            let (y, weights) = (sum(&first, &second), sum(&p_first, &p_second));
            let (_, shown) = run(None, &with(mask, "gated"), &loaded).unwrap();
            assert!(apart(&weights, &shown) < TOLERANCE, "{} {mask}", normaliser.id);
            for engine in engines() {
                let (found, _) = run(Some(engine), &with(mask, "gated"), &loaded).unwrap();
                let worst = apart(&y, &found);
                assert!(worst < 2e-5, "{} {mask} on {engine:?}: off by {worst}", normaliser.id);
            }
        }
    }
}

#[test]
fn positions_that_count_keys_count_those_of_each_branch() {
    let shape = dims([2, 1], [12, 12], [5, 4]);
    let loaded = loaded(shape, normal(&shape, 8));
    for (position, values) in [("cope", 0.0), ("shaw", 1.0), ("tisasrec", 1.0)] {
        for normaliser in ["softmax", "sparsemax", "top-k"] {
            let with = |mask: &str, hybrid: &str| {
                let mut experiment = mixed(mask, "sinks", 0.25);
                experiment.hybrid.id = hybrid.to_owned();
                if hybrid == "none" {
                    experiment.hybrid.params = Sorted::new();
                }
                let params = Sorted::from([("values".to_owned(), values)]);
                let params = if position == "cope" { Sorted::new() } else { params };
                let position = Choice { id: position.to_owned(), params };
                Experiment { position, normaliser: Choice::of(normaliser), ..experiment }
            };
            let (first, _) = run(None, &with("chunked-local", "none"), &loaded).unwrap();
            let (second, _) = run(None, &with("sinks", "none"), &loaded).unwrap();
            let wanted: Vec<f64> = first.iter().zip(second).map(|(a, b)| 0.25 * a + 0.75 * b).collect();
            let (found, _) = run(None, &with("chunked-local", "gated"), &loaded).unwrap();
            let worst = apart(&wanted, &found);
            assert!(worst < TOLERANCE, "{position} {normaliser}: off by {worst}");
            // Kernels that are compiled for seconds: those of positions of each branch.
            let there = |engine: &Engine| engine.backend != Backend::Webgpu || position == "cope";
            for engine in engines().into_iter().filter(there) {
                let (found, _) = run(Some(engine), &with("chunked-local", "gated"), &loaded).unwrap();
                let worst = apart(&wanted, &found);
                assert!(worst < 2e-5, "{position} {normaliser} on {engine:?}: off by {worst}");
            }
        }
    }
}

#[test]
fn what_is_done_to_weights_is_done_to_their_sum() {
    let shape = dims([2, 1], [12, 12], [5, 4]);
    let loaded = loaded(shape, normal(&shape, 3));
    // A parameter and a name that the mix uses too.
    let declared = Declared { name: "branches".to_owned(), ty: Ty::Float, min: 0.0, max: 9.0, step: 0.5, value: 1.5 };
    let own = CustomFormula { text: "branches * p * p + 0.01 * (k % 3)".to_owned(), params: vec![declared] };
    let own = MaskChoice { id: "custom".to_owned(), params: Sorted::new(), custom: Some(own) };
    let rate = Sorted::from([("rate".to_owned(), 0.5)]);
    let dropout = MaskChoice { id: "dropout".to_owned(), params: rate, custom: None };
    for (normaliser, branch, selection) in [
        ("softmax", "sinks", "none"),
        ("learned-sink", "sinks", "none"),
        ("sparsemax", "sinks", "none"),
        ("top-k", "sinks", "none"),
        ("softmax", "gru", "none"),
        ("softmax", "none", "nsa"),
    ] {
        let mut plain = mixed("chunked-local", branch, 0.25);
        if selection != "none" {
            let params = Sorted::from([("block".to_owned(), 4.0)]);
            (plain.hybrid, plain.selection) = (Choice::of("none"), Choice { id: selection.to_owned(), params });
        }
        plain.normaliser = Choice::of(normaliser);
        let (y_plain, weights) = run(None, &plain, &loaded).unwrap();
        let (_, kept) = run(None, &Experiment { prob: dropout.clone(), ..plain.clone() }, &loaded).unwrap();
        let thrown = kept.iter().zip(&weights).filter(|(kept, p)| **kept == 0.0 && **p != 0.0).count();
        assert!(thrown > 0, "{normaliser} {branch} {selection}");
        for (kept, p) in kept.iter().zip(&weights) {
            assert!(
                *kept == 0.0 || (kept - 2.0 * p).abs() < TOLERANCE,
                "{normaliser} {branch} {selection}: {kept} of {p}"
            );
        }
        let with = Experiment { prob: own.clone(), ..plain };
        let (y, changed) = run(None, &with, &loaded).unwrap();
        assert!(apart(&y_plain, &y) > 0.01);
        let columns = weights.len() / (2 * 12);
        for (i, (found, p)) in changed.iter().zip(&weights).enumerate() {
            // A block of four stands where its last token does.
            let k = i % columns;
            let k = if k < 12 { k } else { (k - 12) * 4 + 3 };
            let wanted = 1.5 * p * p + 0.01 * (k % 3) as f64;
            // Cells out of reach stay nought.
            assert!(
                (found - wanted).abs() < TOLERANCE || *p == 0.0 && *found == 0.0,
                "{normaliser} {branch} {selection}: {found} where {wanted} is due"
            );
        }
        for engine in engines() {
            let (found, _) = run(Some(engine), &with, &loaded).unwrap();
            let worst = apart(&y, &found);
            assert!(worst < 2e-5, "{normaliser} {branch} {selection} on {engine:?}: off by {worst}");
        }
    }
}

#[test]
fn vectors_on_the_values_stand_where_the_keys_do() {
    let shape = dims([2, 2], [9, 9], [5, 4]);
    let loaded = loaded(shape, normal(&shape, 12));
    for position in ["shaw", "tisasrec"] {
        let params = Sorted::from([("values".to_owned(), 1.0)]);
        let position = Choice { id: position.to_owned(), params };
        let plain = Experiment { position, hybrid: Choice::of("none"), ..mixed("causal", "none", 0.5) };
        let selected = |id: &str, params: &[(&str, f64)]| {
            let params = params.iter().map(|(name, value)| ((*name).to_owned(), *value)).collect();
            Experiment { selection: Choice { id: id.to_owned(), params }, ..plain.clone() }
        };
        // Blocks of one token are the tokens.
        let gates = |compressed, near| [("compressed", compressed), ("chosen", 0.0), ("near", near)];
        let sizes = [("block", 1.0), ("keep", 9.0), ("window", 64.0)];
        let (alone, _) = run(None, &plain, &loaded).unwrap();
        for gates in [gates(1.0, 0.0), gates(0.0, 1.0), gates(0.5, 0.5)] {
            let (found, _) = run(None, &selected("nsa", &[gates, sizes].concat()), &loaded).unwrap();
            let worst = apart(&alone, &found);
            // Of TiSASRec only what is added: keys' own places are those of columns.
            assert!(worst < TOLERANCE, "{} {gates:?}: off by {worst}", plain.position.id);
        }
    }
    // The last keys alone are those that a mask leaves.
    let params = Sorted::from([("values".to_owned(), 1.0)]);
    let last = MaskChoice {
        id: "custom".to_owned(),
        params: Sorted::new(),
        custom: Some(CustomFormula { text: "k >= 4".to_owned(), params: Vec::new() }),
    };
    let plain = Experiment {
        position: Choice { id: "shaw".to_owned(), params },
        hybrid: Choice::of("none"),
        ..mixed("none", "none", 0.5)
    };
    let keep = Sorted::from([("keep".to_owned(), 5.0), ("last".to_owned(), 1.0)]);
    let truncated = Experiment { selection: Choice { id: "truncate".to_owned(), params: keep }, ..plain.clone() };
    let (wanted, _) = run(None, &Experiment { mask: last, ..plain }, &loaded).unwrap();
    let (found, _) = run(None, &truncated, &loaded).unwrap();
    assert!(apart(&wanted, &found) < TOLERANCE);
}

#[test]
fn a_gate_at_its_end_leaves_one_branch() {
    let shape = dims([2, 1], [12, 16], [5, 4]);
    let loaded = loaded(shape, normal(&shape, 9));
    for (gate, mask) in [(1.0, "causal"), (0.0, "chunked-local")] {
        let (alone, weights) =
            run(None, &Experiment { hybrid: Choice::of("none"), ..mixed(mask, "none", 0.5) }, &loaded).unwrap();
        let mut both = mixed("causal", "chunked-local", gate);
        both.hybrid.params.insert("by_query".to_owned(), 1.0);
        let (found, shown) = run(None, &both, &loaded).unwrap();
        assert!(apart(&alone, &found) < TOLERANCE && apart(&weights, &shown) < TOLERANCE, "{gate}");
    }
}

#[test]
fn rows_with_nothing_in_a_branch_keep_the_share_of_the_other() {
    let shape = dims([1, 1], [6, 6], [4, 3]);
    let loaded = loaded(shape, normal(&shape, 2));
    let mut experiment = mixed("causal", "none", 0.25);
    experiment.paint = vec![Patch { head: None, q: [2, 3], k: [0, 6], allow: false }];
    let (_, weights) = run(None, &experiment, &loaded).unwrap();
    let sums: Vec<f64> = weights.chunks(6).map(|row| row.iter().sum()).collect();
    for (q, sum) in sums.iter().enumerate() {
        let wanted = if q == 2 { 0.75 } else { 1.0 };
        assert!((sum - wanted).abs() < TOLERANCE, "row {q}: {sum}");
    }
}

#[test]
fn what_does_not_go_together_is_told_apart() {
    let shape = dims([2, 2], [9, 9], [4, 4]);
    let loaded = loaded(shape, normal(&shape, 2));
    let path = |change: &dyn Fn(&mut Experiment)| {
        let mut experiment = mixed("causal", "none", 0.5);
        change(&mut experiment);
        run(None, &experiment, &loaded).err().map(|issues| issues.0[0].path.clone())
    };
    assert_eq!(path(&|_| {}), None);
    // With softmax and off-by-one the sum is one softmax; with an estimator the weights may be anything.
    assert_eq!(path(&|e| e.normaliser = Choice::of("off-by-one")), None);
    let three = |e: &mut Experiment| {
        (e.normaliser, e.hybrid, e.selection) = (Choice::of("sparsemax"), Choice::of("none"), Choice::of("nsa"));
    };
    assert_eq!(path(&three).as_deref(), Some("selection.id"));
    let beside = |e: &mut Experiment| (e.normaliser, e.branch) = (Choice::of("sparsemax"), Choice::of("gru"));
    assert_eq!(path(&beside), None);
    // A selection belongs to the first branch; one that changes the keys leaves none for the second.
    for (selection, wanted) in
        [("top-k", None), ("k-means", None), ("nsa", Some("branch.id")), ("pool-keys", Some("branch.id"))]
    {
        assert_eq!(path(&|e| e.selection = Choice::of(selection)).as_deref(), wanted, "{selection}");
    }
    assert_eq!(path(&|e| e.position = Choice::of("cope")), None);
    // The weights of NSA's branches are in one softmax, whose scores are no longer those of one attention.
    for (normaliser, wanted) in
        [("top-k", Some("normaliser.id")), ("inverted", Some("normaliser.id")), ("learned-sink", None)]
    {
        let (nsa, none) = (Choice::of("nsa"), Choice::of("none"));
        let three = |e: &mut Experiment| {
            (e.normaliser, e.hybrid, e.selection) = (Choice::of(normaliser), none.clone(), nsa.clone());
        };
        assert_eq!(path(&three).as_deref(), wanted, "{normaliser}");
        let beside = |e: &mut Experiment| (e.normaliser, e.branch) = (Choice::of(normaliser), Choice::of("gru"));
        assert_eq!(path(&beside), None, "{normaliser}");
    }
    for layout in catalogue::layouts() {
        assert_eq!(path(&|e| e.layout = Choice::of(layout.id)), None, "{}", layout.id);
    }
    let wrong = |e: &mut Experiment| e.branch.params = Sorted::from([("window".to_owned(), 2.0)]);
    assert_eq!(path(&wrong).as_deref(), Some("branch.params.window"));
}

#[test]
fn masks_and_estimators_share_no_id() {
    let ids: Vec<&str> = catalogue::branches().collect();
    for (i, id) in ids.iter().enumerate() {
        assert!(!ids[..i].contains(id), "{id} twice");
    }
    for entry in catalogue::hybrids() {
        let told = |text: Text| !text.en.is_empty() && !text.zh.is_empty();
        assert!(told(entry.name) && told(entry.about) && entry.ours.is_none_or(told), "{}", entry.id);
    }
}

#[test]
fn chosen_blocks_are_those_of_a_window_when_it_holds_all() {
    // One branch alone, with a gate of 1 and keys enough, is attention as it is.
    let shape = dims([4, 2], [10, 13], [5, 4]);
    let loaded = loaded(shape, normal(&shape, 6));
    let nsa = |gates: [f64; 3]| {
        let names = ["compressed", "chosen", "near", "block", "keep", "window"];
        let values = gates.into_iter().chain([4.0, 9.0, 64.0]);
        let params = names.iter().map(|name| (*name).to_owned()).zip(values).collect();
        let mut experiment = mixed("causal", "none", 0.5);
        experiment.conventions.causal = CausalAlignment::BottomRight;
        Experiment { hybrid: Choice::of("none"), selection: Choice { id: "nsa".to_owned(), params }, ..experiment }
    };
    let plain = Experiment { selection: Choice::of("none"), ..nsa([0.0; 3]) };
    let (alone, _) = run(None, &plain, &loaded).unwrap();
    for gates in [[0.0, 1.0, 0.0], [0.0, 0.0, 1.0], [0.0, 0.5, 0.5]] {
        let (found, shown) = run(None, &nsa(gates), &loaded).unwrap();
        assert!(apart(&alone, &found) < TOLERANCE, "{gates:?}");
        assert_eq!(shown.len(), 4 * 10 * (13 + 4), "a column for each token and each block");
    }
}

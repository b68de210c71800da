//! Rotary schemes against queries and keys that a script of NumPy turned by the papers' formulas (`tests/independent/rotary.py`); and their parameters.

use std::collections::BTreeSet;
use std::sync::Arc;

use attention_playground::attention::{Dims, Inputs, Loaded, Plan, assemble, reference};
use attention_playground::catalogue::{Slot, positions};
use attention_playground::experiment::{CausalAlignment, Choice, Experiment, Issues, MaskChoice, RopePairs};
use attention_playground::formula::Sorted;
use serde::Deserialize;

/// Of the larger of a pair's length before and after: cosine, sine and three operations in single precision.
const TOLERANCE: f64 = 3e-7;

/// What the script wrote of one scheme and one size.
#[derive(Deserialize)]
struct Case {
    scheme: String,
    params: Sorted<String, f64>,
    interleaved: bool,
    n_q: usize,
    n_k: usize,
    /// The head's vector at every position.
    x: Vec<f32>,
    rows: Vec<usize>,
    q: Vec<Vec<f64>>,
    keys: Vec<usize>,
    k: Vec<Vec<f64>>,
}

/// The plan of a scheme, with the last query at the last key, over one head with rows `x`.
fn plan(
    [n_q, n_k]: [usize; 2],
    x: &[f32],
    scheme: &str,
    params: Sorted<String, f64>,
    interleaved: bool,
) -> Result<(Plan, Inputs), Issues> {
    let d = x.len();
    let dims = Dims { batch: 1, q_heads: 1, kv_heads: 1, n_q, n_k, d, d_v: 1 };
    let inputs = Inputs { q: Arc::new(x.repeat(n_q)), k: Arc::new(x.repeat(n_k)), v: Arc::new(vec![1.0; n_k]) };
    let tokens = |n: usize| vec![String::new(); n];
    let loaded = Loaded { dims, tokens_q: tokens(n_q), tokens_k: tokens(n_k), inputs: inputs.clone(), note: None };
    let mut experiment = Experiment {
        mask: MaskChoice { id: "none".to_owned(), params: Sorted::new(), custom: None },
        position: Choice { id: scheme.to_owned(), params },
        ..Experiment::default()
    };
    experiment.conventions.causal = CausalAlignment::BottomRight;
    experiment.conventions.rope = if interleaved { RopePairs::Interleaved } else { RopePairs::Halves };
    let (problem, _) = assemble(&experiment, &loaded)?;
    Ok((Plan::compile(&problem)?, inputs))
}

/// The places of the pair that `place` belongs to.
fn pair(place: usize, dims: usize, interleaved: bool) -> [usize; 2] {
    match place {
        _ if place >= dims => [place, place],
        _ if interleaved => [place / 2 * 2, place / 2 * 2 + 1],
        _ => [place % (dims / 2), place % (dims / 2) + dims / 2],
    }
}

#[test]
fn queries_and_keys_turn_as_in_the_papers() {
    let cases: Vec<Case> = serde_json::from_str(include_str!("independent/rotary.json")).unwrap();
    let mut seen = BTreeSet::new();
    for case in cases {
        let Case { scheme, params, interleaved, n_q, n_k, x, .. } = &case;
        let d = x.len();
        let dims = 2 * (params.get("fraction").unwrap() * (d / 2) as f64).round() as usize;
        let (plan, inputs) = plan([*n_q, *n_k], x, scheme, params.clone(), *interleaved).unwrap();
        let queries = case.rows.iter().zip(&case.q).map(|(&row, wanted)| (row, wanted, true));
        for (row, wanted, query) in
            queries.chain(case.keys.iter().zip(&case.k).map(|(&row, wanted)| (row, wanted, false)))
        {
            let mut found = vec![0.0; d];
            match query {
                true => plan.prepare_q(0, row..row + 1, &inputs.q, &mut found),
                false => plan.prepare_k(row..row + 1, &inputs.k, &mut found),
            }
            for place in 0..d {
                let [a, b] = pair(place, dims, *interleaved);
                let allowed = TOLERANCE * f64::from(x[a].hypot(x[b])).max(wanted[a].hypot(wanted[b]));
                let off = (f64::from(found[place]) - wanted[place]).abs();
                assert!(
                    off <= allowed,
                    "{scheme} {params:?}, query {query}, row {row}, place {place}: {} is not {}",
                    found[place],
                    wanted[place]
                );
            }
        }
        seen.insert(scheme.clone());
    }
    let rotary = positions().iter().filter(|entry| matches!(entry.slot, Slot::Rotary(_)));
    assert_eq!(seen, rotary.map(|entry| entry.id.to_owned()).collect(), "every rotary entry has its numbers");
}

const X: [f32; 16] = [1.0, -0.5, 2.0, 0.25, 1.5, -1.0, 0.75, 3.0, -2.0, 0.5, 1.25, -0.75, 2.5, 1.0, -1.5, 0.125];

/// A slider that changes nothing would be a lie.
#[test]
fn every_parameter_of_a_rotary_entry_matters() {
    for entry in positions().iter().filter(|entry| matches!(entry.slot, Slot::Rotary(_))) {
        let prepared = |changed: &[(&str, f64)]| {
            let params = changed.iter().map(|&(name, value)| (name.to_owned(), value)).collect();
            let (plan, inputs) = plan([80, 100], &X, entry.id, params, false).unwrap();
            let mut out = vec![0.0; 180 * X.len()];
            let (q, k) = out.split_at_mut(80 * X.len());
            plan.prepare_q(0, 0..80, &inputs.q, q);
            plan.prepare_k(0..100, &inputs.k, k);
            out
        };
        let usual = prepared(&[]);
        assert!(usual.iter().all(|x| x.is_finite()), "{}", entry.id);
        for param in entry.params {
            for value in [param.min, param.max].into_iter().filter(|&value| value != param.default) {
                assert!(prepared(&[(param.name, value)]) != usual, "{}: {} {value}", entry.id, param.name);
            }
        }
    }
}

/// Scores under xPos depend on the distance only, though both factors depend on the place.
#[test]
fn xpos_decays_with_the_distance() {
    let score = |n: usize, q: usize, k: usize| {
        let (plan, inputs) = plan([n, n], &X, "xpos", Sorted::from([("scale".to_owned(), 64.0)]), false).unwrap();
        reference::head(&plan, &inputs, 0, 0).stages[0][[q, k]]
    };
    let near = score(300, 20, 12);
    for (n, q, k) in [(300, 299, 291), (300, 8, 0), (40, 30, 22)] {
        assert!((score(n, q, k) - near).abs() < 1e-5 * near.abs().max(1.0), "{n} tokens, {q}, {k}");
    }
}

/// What would leave single precision, or bands that meet, is refused by the name of the parameter.
#[test]
fn extremes_are_refused_by_name() {
    let paths = |tokens: usize, scheme: &str, changed: &[(&str, f64)]| -> Vec<String> {
        let params = changed.iter().map(|&(name, value)| (name.to_owned(), value)).collect();
        let issues =
            plan([tokens, tokens], &X[..4], scheme, params, false).err().map_or_else(Vec::new, |issues| issues.0);
        issues.into_iter().map(|issue| issue.path).collect()
    };
    assert_eq!(paths(2000, "xpos", &[("scale", 16.0)]), ["position.params.scale"]);
    assert!(paths(2000, "xpos", &[]).is_empty() && paths(900, "xpos", &[("scale", 16.0)]).is_empty());
    assert_eq!(paths(9, "rope-yarn", &[("slow", 3.0), ("fast", 2.0)]), ["position.params.fast"]);
    assert_eq!(paths(9, "rope-pi", &[("factor", 0.5)]), ["position.params.factor"]);
    assert_eq!(paths(9, "rope-2d", &[("width", 0.0)]), ["position.params.width"]);
    assert_eq!(paths(9, "mrope", &[("height", 2.5)]), ["position.params.height"]);
    assert_eq!(paths(9, "rope-dynamic-ntk", &[("trained", 0.0)]), ["position.params.trained"]);
}

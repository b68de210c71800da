use std::sync::Arc;

use super::*;
use crate::attention::{Loaded, assemble, load, reference};
use crate::experiment::{Choice, Experiment};
use crate::formula::Sorted;
use crate::interchange::SerdeJson;

fn made(product: &str) -> (Problem, Inputs, Loaded) {
    let input = r#"{ "input": { "kind": "generated", "recipe": "normal", "size": {"n_q": 9}, "seed": 1 } }"#;
    let experiment = Experiment { product: Choice::of(product), ..serde_json::from_str(input).unwrap() };
    let loaded = load::<SerdeJson>(&experiment.input, None).unwrap();
    let (problem, inputs) = assemble(&experiment, &loaded).unwrap();
    (problem, inputs, loaded)
}

fn paths(problem: &Problem, inputs: &Inputs) -> Vec<String> {
    compute(problem, inputs).err().map_or_else(Vec::new, |all| all.0.into_iter().map(|issue| issue.path).collect())
}

#[test]
fn what_was_not_lowered_is_refused_and_what_was_is_computed() {
    let (mut problem, mut inputs, loaded) = made("l2");
    assert!(problem.waits());
    assert!(Plan::compile(&problem).is_err());
    lower(&mut problem, &mut inputs).unwrap();
    assert!(!problem.waits());
    let plan = Plan::compile(&problem).unwrap();
    assert_eq!(plan.order()[0], "transform");
    let d = loaded.dims.d;
    let stage = &reference::head(&plan, &inputs, 0, 1).stages[0];
    let (q, k) = (loaded.inputs.q_head(&loaded.dims, 0, 1), loaded.inputs.k_head(&loaded.dims, 0, 1));
    let wanted: f64 = -(0..d).map(|i| (f64::from(q[3 * d + i]) - f64::from(k[7 * d + i])).powi(2)).sum::<f64>();
    assert!((stage[[3, 7]] - wanted).abs() < 1e-5 * wanted.abs(), "{} {wanted}", stage[[3, 7]]);
    // A second time changes nothing.
    let again = (problem.clone(), inputs.clone());
    lower(&mut problem, &mut inputs).unwrap();
    assert_eq!((problem, inputs), again);
}

#[test]
fn what_does_not_fit_is_said() {
    let (mut problem, inputs, loaded) = made("additive");
    assert!(paths(&problem, &inputs).is_empty());
    let short = Inputs { q: Arc::new(vec![0.0; 3]), ..inputs.clone() };
    assert_eq!(paths(&problem, &short), ["Q"]);
    problem.dims.d += 1;
    assert_eq!(paths(&problem, &inputs), ["dims"]);
    problem.dims = Dims { n_q: 1 << 14, n_k: 1 << 13, ..loaded.dims };
    assert_eq!(paths(&problem, &inputs), ["product"]);
}

#[test]
fn the_output_is_mixed_over_heads() {
    let dims = Dims { batch: 2, q_heads: 2, kv_heads: 1, n_q: 1, n_k: 1, d: 1, d_v: 2 };
    let mut problem = Problem::plain(dims);
    let mix = |mix: &[f32]| {
        let finish = vec![Finish::MixHeads { mix: mix.to_vec() }];
        Some(Box::new(Lowering { finish, ..Lowering::new(dims) }))
    };
    problem.lowering = mix(&[0.5, 0.5, 1.0, -1.0]);
    let mut y = vec![1.0, 2.0, 3.0, 4.0, 10.0, 20.0, 30.0, 40.0];
    finish(&problem, &mut y);
    assert_eq!(y, [2.0, 3.0, -2.0, -2.0, 20.0, 30.0, -20.0, -20.0]);
    problem.lowering = mix(&[1.0; 3]);
    let one = Arc::new(vec![0.0; 4]);
    let v = Arc::new(vec![0.0; 4]);
    assert_eq!(paths(&problem, &Inputs { q: one.clone(), k: one, v }), ["finish"]);
}

#[test]
fn an_unrelated_slider_does_not_lower_again() {
    let (problem, ..) = made("additive");
    let mut other = problem.clone();
    (other.softcap, other.scale) = (Some(3.0), 2.0);
    other.masks.push(Term::new("mask", "k <= q"));
    assert_eq!(problem.lowering_key(), other.lowering_key());
    let mut other = problem.clone();
    let params = Sorted::from([("x".to_owned(), 1.0)]);
    other.lowering.as_mut().unwrap().tables[0].step.params = params;
    assert_ne!(problem.lowering_key(), other.lowering_key());
}

#[test]
fn formulas_over_groups_read_tables_of_groups() {
    let input = r#"{ "input": { "kind": "generated", "recipe": "normal", "size": {}, "seed": 1 },
        "position": { "id": "tisasrec" }, "mask": { "id": "document" }, "selection": { "id": "pool-keys", "params": { "factor": 4 } } }"#;
    let experiment: Experiment = serde_json::from_str(input).unwrap();
    let loaded = load::<SerdeJson>(&experiment.input, None).unwrap();
    let (problem, _) = assemble(&experiment, &loaded).unwrap();
    let computed = &problem.bias_before_cap[0].text;
    assert!(computed.contains("tisasrec[b, h, q, k]"), "{computed}");
    let given = &problem.masks[0].text;
    assert!(given.contains("doc[min(k * 4 + 3, 23)]"), "{given}");
}

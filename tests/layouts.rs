//! Layouts of heads against values that a script of NumPy made by the papers' own formulas (`tests/independent/layouts.py`), on every engine;
//! and what must hold of every layout of the catalogue.

use crate::native::common;

use std::sync::Arc;

use attention_playground::attention::lowering::{finish, lower, page_table};
use attention_playground::attention::{Dims, Inputs, Loaded, assemble};
use attention_playground::catalogue::layouts;
use attention_playground::experiment::{Choice, Experiment, MaskChoice};
use attention_playground::formula::Sorted;
use common::table::{dims, normal};
use common::{Engine, engines};
use serde::Deserialize;

/// Single precision in the engines and in what lies between: scores of up to 10, sums over 8 heads. The double engine reads the same rounded
/// tensors.
const TOLERANCE: f64 = 2e-5;

#[derive(Deserialize)]
struct Sheet {
    seed: u64,
    tensors: Vec<Tensors>,
    cases: Vec<Case>,
}

#[derive(Deserialize)]
struct Tensors {
    q: Vec<Vec<Vec<f32>>>,
    k: Vec<Vec<Vec<f32>>>,
    v: Vec<Vec<Vec<f32>>>,
}

#[derive(Deserialize)]
struct Case {
    tensors: usize,
    layout: String,
    params: Sorted<String, f64>,
    data: Sorted<String, Vec<f64>>,
    y: Vec<f64>,
}

fn loaded(tensors: &Tensors) -> Loaded {
    let Tensors { q, k, v } = tensors;
    let dims = Dims {
        batch: 1,
        q_heads: q.len(),
        kv_heads: k.len(),
        n_q: q[0].len(),
        n_k: k[0].len(),
        d: q[0][0].len(),
        d_v: v[0][0].len(),
    };
    let flat = |x: &[Vec<Vec<f32>>]| Arc::new(x.concat().concat());
    named(dims, Inputs { q: flat(q), k: flat(k), v: flat(v) })
}

fn named(dims: Dims, inputs: Inputs) -> Loaded {
    let tokens = |n: usize| (0..n).map(|i| i.to_string()).collect();
    Loaded { dims, tokens_q: tokens(dims.n_q), tokens_k: tokens(dims.n_k), inputs, note: None }
}

fn experiment(layout: &str) -> Experiment {
    let mask = MaskChoice { id: "causal".to_owned(), params: Sorted::new(), custom: None };
    Experiment { mask, layout: Choice::of(layout), seed: 3, ..Experiment::default() }
}

/// The output, `[q_heads, n_q, d_v]`.
fn run(engine: Engine, experiment: &Experiment, loaded: &Loaded) -> Vec<f32> {
    let (mut problem, mut inputs) = assemble(experiment, loaded).unwrap();
    lower(&mut problem, &mut inputs).unwrap();
    let mut y = engine.run(&problem, &inputs, None).y;
    finish(&problem, &mut y);
    y
}

fn apart(a: impl IntoIterator<Item = f64>, b: &[f32]) -> f64 {
    a.into_iter().zip(b).map(|(a, b)| (a - f64::from(*b)).abs() / a.abs().max(1.0)).fold(0.0, f64::max)
}

#[test]
fn outputs_are_those_of_the_papers_formulas() {
    let sheet: Sheet = serde_json::from_str(include_str!("independent/layouts.json")).unwrap();
    let mut seen: Vec<&str> = Vec::new();
    for Case { tensors, layout, params, data, y } in &sheet.cases {
        let loaded = loaded(&sheet.tensors[*tensors]);
        let mut experiment = Experiment { seed: sheet.seed, data: data.clone(), ..experiment(layout) };
        experiment.layout.params = params.clone();
        for engine in engines() {
            let found = run(engine, &experiment, &loaded);
            assert_eq!(found.len(), y.len(), "{layout}");
            let worst = apart(y.iter().copied(), &found);
            assert!(worst < TOLERANCE, "{layout} {params:?} over {:?} on {engine:?}: off by {worst}", loaded.dims);
        }
        seen.push(layout);
    }
    for entry in layouts() {
        assert!(seen.contains(&entry.id), "{} has no values of NumPy's", entry.id);
    }
}

#[test]
fn settings_that_change_nothing_give_the_plain_output() {
    let neutral: [(&str, &[(&str, f64)]); 9] = [
        ("talking-heads", &[("noise", 0.0)]),
        ("talking-heads", &[("before", 0.0), ("after", 0.0)]),
        ("grouped", &[("kv_heads", 2.0)]),
        ("mla", &[("rank", 64.0)]),
        ("gated", &[("bias", 6.0)]),
        ("head-scale", &[]),
        ("prune", &[("head", 9.0)]),
        ("plain", &[]),
        ("paged", &[("page", 4.0)]),
    ];
    let shape = dims([4, 2], [9, 11], [6, 5]);
    let loaded = named(shape, normal(&shape, 4));
    let engine = engines()[0];
    let plain = run(engine, &experiment("plain"), &loaded);
    for (layout, params) in neutral {
        let mut with = experiment(layout);
        with.layout.params = params.iter().map(|(name, value)| ((*name).to_owned(), *value)).collect();
        let found = run(engine, &with, &loaded);
        // An open gate lets nearly all through.
        let allowed = if layout == "gated" { 0.2 } else { TOLERANCE };
        let worst = apart(plain.iter().map(|x| f64::from(*x)), &found);
        assert!(worst < allowed, "{layout}: {worst}");
    }
}

#[test]
fn pages_give_every_bit_back() {
    let shape = dims([4, 2], [9, 37], [6, 5]);
    let loaded = named(shape, normal(&shape, 4));
    for page in [1.0, 4.0, 16.0, 64.0] {
        let mut with = experiment("paged");
        with.layout.params.insert("page".to_owned(), page);
        let (mut problem, mut inputs) = assemble(&with, &loaded).unwrap();
        lower(&mut problem, &mut inputs).unwrap();
        assert_eq!(inputs, loaded.inputs);
        for engine in engines() {
            let bits = |y: Vec<f32>| y.into_iter().map(f32::to_bits).collect::<Vec<_>>();
            assert_eq!(
                bits(run(engine, &with, &loaded)),
                bits(run(engine, &experiment("plain"), &loaded)),
                "{engine:?}"
            );
        }
        let table = page_table(3, 37, page as usize);
        let mut sorted = table.clone();
        sorted.sort_unstable();
        assert!(
            sorted.into_iter().eq(0..37_usize.div_ceil(page as usize)),
            "each page has a place of its own: {table:?}"
        );
    }
    assert_ne!(page_table(3, 640, 16), (0..40).collect::<Vec<_>>(), "they don't lie in their order");
}

#[test]
fn every_layout_keeps_the_shape_and_the_sum_of_weights() {
    // Values of 1 come out as 1, whatever the scores, where rows of weights still add up to 1.
    let keeps = ["plain", "grouped", "single-head", "low-precision", "paged", "hold"];
    for (heads, kv) in [(1, 1), (3, 1), (4, 2), (5, 5)] {
        let shape = dims([heads, kv], [6, 8], [4, 3]);
        let mut inputs = normal(&shape, 8);
        inputs.v = Arc::new(vec![1.0; shape.v_len()]);
        let loaded = named(shape, inputs);
        for entry in layouts() {
            for position in ["none", "rope", "sinusoidal"] {
                let with = Experiment { position: Choice::of(position), ..experiment(entry.id) };
                let found: Vec<Vec<f32>> = engines().into_iter().map(|engine| run(engine, &with, &loaded)).collect();
                for y in &found {
                    assert_eq!(y.len(), heads * 6 * 3, "{}", entry.id);
                    let worst = apart(found[0].iter().map(|x| f64::from(*x)), y);
                    assert!(worst < TOLERANCE, "{} with {position}: engines differ by {worst}", entry.id);
                    if keeps.contains(&entry.id) {
                        let worst = apart(y.iter().map(|_| 1.0), y);
                        assert!(worst < TOLERANCE, "{} with {position}: {worst}", entry.id);
                    }
                }
            }
        }
    }
}

//! The table of problems every engine must agree on.

use std::sync::Arc;

use attention_playground::attention::inputs::{Recipe, Seed, generate};
use attention_playground::attention::{Beyond, Dims, Encoding, Inputs, Normaliser, Problem, Rotation, Term};
use attention_playground::attention::{Loaded, assemble};
use attention_playground::catalogue::{self, Setting, Slot};
use attention_playground::experiment::{Experiment, Join, Layer, MaskChoice, Normals, Patch};
use attention_playground::formula::{Data, DataValues, Scalar, Sorted, Ty};

pub struct Case {
    pub name: String,
    pub problem: Problem,
    pub inputs: Inputs,
}

/// Seeded normal tensors.
pub fn normal(dims: &Dims, seed: u64) -> Inputs {
    let made = generate(Recipe::Normal, dims, Seed { number: seed, normals: Normals::Unrounded }, &Sorted::new());
    Inputs { q: Arc::new(made.q), k: Arc::new(made.k), v: Arc::new(made.v) }
}

pub fn dims(heads: [usize; 2], lengths: [usize; 2], sizes: [usize; 2]) -> Dims {
    Dims {
        batch: 1,
        q_heads: heads[0],
        kv_heads: heads[1],
        n_q: lengths[0],
        n_k: lengths[1],
        d: sizes[0],
        d_v: sizes[1],
    }
}

const SQUARE: Dims = Dims { batch: 1, q_heads: 2, kv_heads: 2, n_q: 37, n_k: 37, d: 16, d_v: 16 };

/// A position scheme's score formula as a term, with its tables.
fn position(id: &str, dims: &Dims) -> Term {
    let entry = catalogue::position(id).unwrap();
    let Slot::Score { formula, tables } = entry.slot else { panic!("{id} has no formula") };
    let params: Sorted<String, f64> = entry.params.iter().map(|p| (p.name.to_owned(), p.default)).collect();
    let setting = Setting { n_q: dims.n_q, n_k: dims.n_k, heads: dims.q_heads, params: &params, seed: 5 };
    let mut term = Term::new("position", formula);
    for param in entry.params {
        let value = match param.ty {
            Ty::Bool => Scalar::Bool(param.default != 0.0),
            Ty::Int => Scalar::Int(param.default as i32),
            Ty::Float => Scalar::Float(param.default as f32),
        };
        term = term.param(param.name, value);
    }
    for table in tables {
        term = term.data(table.name, (table.make)(&setting));
    }
    term
}

fn ints(values: &[i32]) -> Data {
    Data { shape: vec![values.len()], values: DataValues::Int(values.to_vec()), clamp: true }
}

/// A mask with layers over it, as experiments describe them, put into a problem.
fn combined(problem: &mut Problem, mask: &str, layers: &[(Join, bool, Option<&[usize]>, &str)]) {
    let combine =
        layers.iter().map(|&(op, not, heads, id)| Layer { not, heads: heads.map(Into::into), ..Layer::of(op, id) });
    let experiment = Experiment {
        mask: MaskChoice { id: mask.to_owned(), params: Sorted::new(), custom: None },
        combine: combine.collect(),
        ..Experiment::default()
    };
    let tokens = |n: usize| (0..n).map(|i| i.to_string()).collect();
    let (dims, inputs) = (problem.dims, normal(&problem.dims, 0));
    let loaded = Loaded { dims, tokens_q: tokens(dims.n_q), tokens_k: tokens(dims.n_k), inputs, note: None };
    let (made, _) = assemble(&experiment, &loaded).unwrap();
    (problem.masks, problem.bias) = (made.masks, made.bias);
}

/// Every case.
pub fn cases() -> Vec<Case> {
    let mut all = Vec::new();
    let mut add = |name: &str, dims: Dims, change: &dyn Fn(&mut Problem)| {
        let mut problem = Problem::plain(dims);
        change(&mut problem);
        let inputs = normal(&dims, all.len() as u64);
        all.push(Case { name: name.to_owned(), problem, inputs });
    };
    let mask = |text: &str| Term::new("mask", text);
    let causal = |p: &mut Problem| p.masks.push(mask("k <= q_pos"));
    add("no mask", SQUARE, &|_| {});
    add("causal", SQUARE, &causal);
    add("window", SQUARE, &|p| p.masks.push(mask("k <= q_pos and q_pos - k < w").param("w", Scalar::Int(5))));
    add("two masks", SQUARE, &|p| p.masks.extend([mask("k <= q_pos"), mask("(q + k) % 3 != 1 or q == k")]));
    add("one head of its own", SQUARE, &|p| p.masks.push(mask("h == 0 or k % 2 == 0")));
    add("gqa", dims([6, 2], [19, 19], [8, 8]), &causal);
    add("mqa", dims([4, 1], [19, 23], [8, 8]), &|_| {});
    add("cross lengths", dims([2, 2], [9, 70], [16, 16]), &|_| {});
    add("more queries than keys", dims([2, 1], [70, 9], [16, 16]), &causal);
    add("d not a multiple of 4", dims([2, 2], [21, 22], [7, 5]), &causal);
    add("d = 1", dims([1, 1], [12, 13], [1, 1]), &|_| {});
    add("d_v above d", dims([2, 2], [21, 22], [8, 40]), &|_| {});
    add("d_v below d", dims([2, 2], [21, 22], [64, 3]), &causal);
    add("one query", dims([2, 2], [1, 33], [16, 16]), &|_| {});
    add("one token", dims([1, 1], [1, 1], [4, 4]), &causal);
    add("longer than a tile", dims([1, 1], [150, 150], [8, 8]), &causal);
    add("empty rows", SQUARE, &|p| p.masks.push(mask("k <= q_pos and q % 5 != 0")));
    add("nothing allowed", SQUARE, &|p| p.masks.push(mask("false")));
    add("added -inf", SQUARE, &|p| p.bias.push(Term::new("score", "where(k <= q_pos and q != 3, s, -inf)")));
    add("softcap before bias", SQUARE, &|p| {
        p.softcap = Some(1.5);
        p.bias.push(position("alibi", &p.dims));
    });
    add("softcap after bias", SQUARE, &|p| {
        p.softcap = Some(1.5);
        p.bias_before_cap.push(position("alibi", &p.dims));
    });
    add("alibi", dims([3, 3], [30, 41], [8, 8]), &|p| p.bias.push(position("alibi", &p.dims)));
    add("t5", SQUARE, &|p| p.bias.push(position("t5", &p.dims)));
    add("two score formulas", SQUARE, &|p| {
        p.bias.extend([Term::new("score", "s * 2"), Term::new("score", "s - abs(q - k)")])
    });
    for interleaved in [false, true] {
        add(&format!("rope, interleaved {interleaved}"), SQUARE, &|p| {
            p.rotation = Some(Rotation::new(10_000.0, 12, interleaved));
            causal(p);
        });
    }
    add("sinusoidal", SQUARE, &|p| p.encoding = Some(Encoding::Sinusoidal { base: 10_000.0, gain: 1.0 }));
    add("learned, then rotated", SQUARE, &|p| {
        p.encoding = Some(Encoding::Learned { trained: 20, seed: 3, gain: 0.5, beyond: Beyond::Clamp });
        p.rotation = Some(Rotation::new(100.0, 16, false));
    });
    add("sink", SQUARE, &|p| {
        p.sink = Some(vec![2.0, -90.0]);
        causal(p);
    });
    add("sink far above", SQUARE, &|p| p.sink = Some(vec![90.0, 30.0]));
    add("sink and empty rows", SQUARE, &|p| {
        p.sink = Some(vec![1.0, 1.0]);
        p.masks.push(mask("q > 4"));
    });
    let four = dims([4, 2], [61, 67], [16, 12]);
    add("combined: or on some heads, and not", four, &|p| {
        combined(
            p,
            "sliding-window",
            &[(Join::Or, false, Some(&[1, 2]), "global"), (Join::And, true, None, "dilated")],
        );
    });
    add("combined: another pattern in some heads, with its part of the score", four, &|p| {
        let bigbird = (Join::Replace, false, Some(&[3][..]), "bigbird");
        combined(
            p,
            "causal",
            &[bigbird, (Join::Replace, false, Some(&[0, 1]), "synaptic"), (Join::Or, false, None, "fractal")],
        );
    });
    add("off by one", SQUARE, &|p| p.normaliser = Normaliser::OffByOne);
    add("off by one and a sink", SQUARE, &|p| {
        p.normaliser = Normaliser::OffByOne;
        p.sink = Some(vec![0.5, -3.0]);
    });
    add("sigmoid", SQUARE, &|p| {
        p.normaliser = Normaliser::Sigmoid;
        p.masks.push(mask("k <= q_pos and q != 7"));
    });
    for (name, normaliser) in [
        ("sparsemax", Normaliser::Sparsemax),
        ("entmax", Normaliser::Entmax),
        ("squared relu", Normaliser::SquaredRelu),
    ] {
        add(name, dims([4, 2], [70, 150], [16, 12]), &|p| p.normaliser = normaliser);
        add(&format!("{name}, masked"), SQUARE, &|p| {
            p.normaliser = normaliser;
            p.masks.push(mask("k <= q_pos and q != 7 and k % 5 != h"));
        });
        add(&format!("{name}, large scores and a probability"), SQUARE, &|p| {
            p.normaliser = normaliser;
            p.scale = 8.0;
            p.probability = Some(Term::new("prob", "p * 0.5 + 0.01 * (k % 3)"));
        });
    }
    // Its scores have the logarithm of a column's sum taken away: they are not above 0 by much.
    for (name, formula) in
        [("exponential", "s - 3.0"), ("exponential, masked by a score", "where(k % 4 == h, -inf, s - 3.0)")]
    {
        add(name, dims([4, 2], [70, 150], [16, 12]), &|p| {
            p.normaliser = Normaliser::Exponential;
            p.bias.push(Term::new("normaliser", formula));
            p.masks.push(mask("k <= q_pos and q != 7"));
        });
    }
    add("exponential and probability", SQUARE, &|p| {
        p.normaliser = Normaliser::Exponential;
        p.probability = Some(Term::new("prob", "p * 0.5 + 0.01 * (k % 3)"));
    });
    add("probability", SQUARE, &|p| {
        causal(p);
        p.probability = Some(Term::new("prob", "p * 0.5 + 0.01 * (k % 3)"));
    });
    add("sigmoid and probability", SQUARE, &|p| {
        p.normaliser = Normaliser::Sigmoid;
        p.probability = Some(Term::new("prob", "p * p"));
    });
    add("paint", SQUARE, &|p| {
        causal(p);
        p.paint = vec![
            Patch { head: None, q: [2, 9], k: [0, 30], allow: true },
            Patch { head: Some(1), q: [0, 37], k: [3, 5], allow: false },
            Patch { head: None, q: [20, 21], k: [0, 37], allow: false },
        ];
    });
    add("documents", SQUARE, &|p| {
        let doc: Vec<i32> = (0..37).map(|i| i / 11).collect();
        p.masks.push(mask("doc[q_pos] == doc[k] and k <= q_pos").data("doc", ints(&doc)));
    });
    add("batch and offsets", Dims { batch: 2, n_q: 9, n_k: 25, ..SQUARE }, &|p| {
        p.offset = vec![16, 3];
        p.masks.push(mask("k <= q_pos and k < len[b]").data("len", ints(&[25, 12])));
        p.rotation = Some(Rotation::new(10_000.0, 16, true));
        p.encoding = Some(Encoding::Sinusoidal { base: 10_000.0, gain: 0.3 });
    });
    add("negative offset", SQUARE, &|p| {
        p.offset = vec![-4];
        causal(p);
    });
    add("large scores", SQUARE, &|p| p.scale = 8.0);
    add("very large scores", SQUARE, &|p| p.scale = 60.0);
    add("no scale at all", SQUARE, &|p| p.scale = 0.0);
    for n in 1..=20 {
        add(&format!("prefix of {n}"), dims([1, 1], [n, n], [16, 8]), &causal);
    }
    all.extend(non_finite());
    all
}

/// NaN and infinities where the mask keeps them out, and where it does not.
fn non_finite() -> Vec<Case> {
    let mut problem = Problem::plain(SQUARE);
    problem.masks.push(Term::new("mask", "k % 4 != 2"));
    let mut inputs = normal(&SQUARE, 77);
    for k in (2..37).step_by(4) {
        let at = k * 16;
        Arc::make_mut(&mut inputs.k)[at..at + 16].fill(if k % 8 == 2 { f32::NAN } else { f32::INFINITY });
        Arc::make_mut(&mut inputs.v)[at..at + 16].fill(if k % 8 == 2 { f32::NEG_INFINITY } else { f32::NAN });
    }
    let mut open = problem.clone();
    // Rows from 30 on see key 2, whose numbers are NaN.
    open.masks = vec![Term::new("mask", "k % 4 != 2 or q >= 30 and k == 2")];
    vec![
        Case { name: "non-finite at masked keys".to_owned(), problem, inputs: inputs.clone() },
        Case { name: "non-finite in some rows".to_owned(), problem: open, inputs },
    ]
}

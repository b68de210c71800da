//! A pattern that no list has, added at run time through the formula path, as a user's own: everything that entries get, it gets.

use crate::native::common;

use attention_playground::attention::{Coverage, Loaded, Plan, assemble};
use attention_playground::experiment::{
    CustomFormula, Declared, Experiment, MaskChoice, Stage, check, decode, encode, limits, merge,
};
use attention_playground::formula::{Kind, Scope, Ty, compile};
use common::table::{dims, normal};
use serde_json::json;

/// Itself, and keys that lie a knight's move before it in rows of `width` tokens: two down and one aside, or one down and two aside.
const KNIGHT: &str =
    "k == q_pos or k < q_pos and abs(q_pos // width - k // width) * abs(q_pos % width - k % width) == 2";

/// The same by the rules of chess.
fn knight(q: i64, k: i64, width: i64) -> bool {
    let (down, aside) = ((q / width - k / width).abs(), (q % width - k % width).abs());
    k == q || k < q && matches!((down, aside), (1, 2) | (2, 1))
}

fn experiment(width: f64) -> Experiment {
    let params = vec![Declared { name: "width".to_owned(), ty: Ty::Int, min: 1.0, max: 64.0, step: 1.0, value: width }];
    let custom = Some(CustomFormula { text: KNIGHT.to_owned(), params });
    Experiment {
        mask: MaskChoice { id: "custom".to_owned(), params: Default::default(), custom },
        ..Experiment::default()
    }
}

#[test]
fn every_engine_computes_it_and_its_tiles_are_true() {
    for (n_q, n_k, width) in [(64, 64, 8), (37, 53, 5), (130, 130, 11)] {
        let dims = dims([4, 2], [n_q, n_k], [8, 8]);
        let inputs = normal(&dims, 5);
        let tokens = |n: usize| (0..n).map(|i| i.to_string()).collect();
        let loaded = Loaded { dims, tokens_q: tokens(n_q), tokens_k: tokens(n_k), inputs, note: None };
        let experiment = experiment(width as f64);
        check(&experiment).unwrap();
        let (problem, inputs) = assemble(&experiment, &loaded).unwrap();
        let plan = Plan::compile(&problem).unwrap();
        let allowed = |q: usize, k: usize| knight(q as i64, k as i64, width as i64);
        for side in [4, 16, 64] {
            let tiles = plan.tiles(0, 1, side, side);
            for (row, column) in (0..n_q.div_ceil(side)).flat_map(|r| (0..n_k.div_ceil(side)).map(move |c| (r, c))) {
                let cells = (row * side..n_q.min((row + 1) * side))
                    .flat_map(|q| (column * side..n_k.min((column + 1) * side)).map(move |k| (q, k)));
                let (yes, no): (Vec<_>, Vec<_>) = cells.partition(|&(q, k)| allowed(q, k));
                let due = match (yes.is_empty(), no.is_empty()) {
                    (true, _) => Coverage::Empty,
                    (_, true) => Coverage::Full,
                    _ => Coverage::Partial,
                };
                assert_eq!(tiles.coverage(row, column), due, "{n_q} x {n_k}, tiles of {side}: {row}, {column}");
            }
            let pairs = (0..n_q).flat_map(|q| (0..n_k).map(move |k| (q, k))).filter(|&(q, k)| allowed(q, k)).count();
            assert_eq!(tiles.allowed_pairs(), Some(pairs as u64));
        }
        let engines = common::engines();
        let due = engines[0].run(&problem, &inputs, Some(Stage::Weights));
        for engine in &engines[1..] {
            let found = engine.run(&problem, &inputs, None);
            let far = found.y.iter().zip(&due.y).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
            // Outputs are means of normal numbers.
            assert!(far < 1e-5, "{engine:?}: {far}");
        }
    }
}

/// Layers until every query has heard of every key before it.
fn layers(allowed: &[Vec<bool>]) -> Option<usize> {
    let n = allowed.len();
    let mut heard = allowed.to_vec();
    for layer in 1..=n {
        if (0..n).all(|q| (0..=q).all(|k| heard[q][k])) {
            return Some(layer);
        }
        let next = |q: usize, k: usize| (0..n).any(|via| allowed[q][via] && heard[via][k]);
        heard = (0..n).map(|q| (0..n).map(|k| next(q, k)).collect()).collect();
    }
    None
}

#[test]
fn patterns_without_an_entry_have_the_counts_that_are_known_of_them() {
    // Self-similar dilation: distances o · b^s with o below w; and a clock of period 8 beside a window of 8 keys.
    let similar = |base: i32, digits: u32| {
        let steps = (0..digits).map(|s| base.pow(s));
        let one = |step: i32| format!("(q_pos - k) % {step} == 0 and (q_pos - k) // {step} < 4");
        format!("k <= q_pos and ({})", steps.map(one).collect::<Vec<_>>().join(" or "))
    };
    let known = [
        (similar(2, 6), 612, 3),
        (similar(4, 3), 514, 3),
        ("k <= q_pos and (k % 8 == 0 or q_pos - k < 8)".to_owned(), 708, 2),
    ];
    let dims = dims([1, 1], [64, 64], [2, 2]);
    for (text, pairs, deep) in known {
        let custom = Some(CustomFormula { text: text.clone(), params: vec![] });
        let mask = MaskChoice { id: "custom".to_owned(), params: Default::default(), custom };
        let loaded = Loaded { dims, tokens_q: vec![], tokens_k: vec![], inputs: normal(&dims, 1), note: None };
        let (problem, _) = assemble(&Experiment { mask, ..Experiment::default() }, &loaded).unwrap();
        let cells = Plan::compile(&problem).unwrap().tiles(0, 0, 1, 1);
        let allowed: Vec<Vec<bool>> =
            (0..64).map(|q| (0..64).map(|k| cells.coverage(q, k) == Coverage::Full).collect()).collect();
        assert_eq!((cells.allowed_pairs(), layers(&allowed)), (Some(pairs), Some(deep)), "{text}");
    }
}

#[test]
fn links_settings_and_mathematics_carry_it() {
    let experiment = experiment(8.0);
    let opened = decode(&encode(&experiment));
    assert_eq!((opened.problems, opened.experiment), (vec![], experiment.clone()));
    let set = |value: f64| {
        let own = json!({ "name": "width", "ty": "int", "min": 1, "max": 64, "step": 1, "value": value });
        merge(&experiment, &json!({ "mask": { "custom": { "params": [own] } } }))
    };
    assert_eq!(set(9.0).unwrap().mask.custom.unwrap().params[0].value, 9.0);
    for extreme in [1e300, -1e300, 8.5] {
        let issues = set(extreme).unwrap_err().0;
        assert!(issues.iter().any(|issue| issue.path.starts_with("mask.custom")), "{extreme}: {issues:?}");
    }
    let long = "k ".repeat(limits::TEXT);
    let refused = merge(&experiment, &json!({ "mask": { "custom": { "text": long } } })).unwrap_err().0;
    assert!(refused[0].path.starts_with("mask.custom"), "{refused:?}");
    let scope = Scope { params: vec![("width".to_owned(), Ty::Int)], data: vec![] };
    let math = compile(KNIGHT, Kind::Mask, &scope).unwrap().mathml();
    assert!(math.starts_with("<math") && math.contains("width"), "{math}");
}

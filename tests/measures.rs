//! Measures of weights against those that a script of NumPy computed by the definitions (`tests/independent/measures.py`).

use attention_playground::analysis::measures::{Head, Ranks, Rollout, Settings, Similarity, Values};
use serde::Deserialize;

/// Of a number near 1: sums of some hundred numbers in double precision, in another order.
const TOLERANCE: f64 = 1e-11;
/// Of ranks: squaring costs half of the digits of the smallest singular values.
const RANKS: f64 = 1e-6;

#[derive(Deserialize)]
struct Case {
    heads: usize,
    n_q: usize,
    n_k: usize,
    offset: i64,
    settings: Wanted,
    weights: Vec<Option<f32>>,
    rows: Vec<Vec<Option<Row>>>,
    profiles: Vec<Vec<(i64, f64, u64)>>,
    ranks: Vec<Rank>,
    alike: Vec<(usize, usize, Pair)>,
    second: Option<Vec<Option<f32>>>,
    rollout: Option<Vec<f64>>,
}

#[derive(Deserialize)]
struct Wanted {
    top: usize,
    sinks: usize,
    small: f64,
    part: f64,
}

#[derive(Deserialize)]
struct Row {
    entropy: f64,
    evenness: Option<f64>,
    span: f64,
    distance: f64,
    top: f64,
    sink: f64,
    keys: usize,
    small: f64,
}

#[derive(Deserialize)]
struct Rank {
    numerical: usize,
    stable: f64,
    effective: f64,
}

#[derive(Deserialize)]
struct Pair {
    distance: f64,
    correlation: f64,
}

fn close(found: f64, wanted: f64, tolerance: f64, what: &str) {
    assert!((found - wanted).abs() <= tolerance * wanted.abs().max(1.0), "{what}: {found}, not {wanted}");
}

fn cases() -> Vec<Case> {
    serde_json::from_str(include_str!("independent/measures.json")).unwrap()
}

fn numbers(all: &[Option<f32>]) -> Vec<f32> {
    all.iter().map(|w| w.unwrap_or(f32::NAN)).collect()
}

#[test]
fn rows_and_profiles_are_those_of_the_definitions() {
    let mut checked = 0;
    for case in cases() {
        let Case { n_q, n_k, offset, .. } = case;
        let Wanted { top, sinks, small, part } = case.settings;
        let weights = numbers(&case.weights);
        for (h, head_weights) in weights.chunks_exact(n_q * n_k).enumerate() {
            let mut head = Head::new(Settings { top, sinks, small, part }, n_q, n_k, offset);
            // In any order.
            for q in (0..n_q).rev() {
                head.take(q, &head_weights[q * n_k..(q + 1) * n_k], false);
            }
            for (q, row) in head.rows() {
                let at = format!("head {h}, query {q}");
                let Some(wanted) = &case.rows[h][*q] else {
                    assert!(row.measures().is_none(), "{at} attends to nothing");
                    continue;
                };
                let found = row.measures().unwrap();
                for (name, found, wanted) in [
                    ("entropy", found.entropy, wanted.entropy),
                    ("span", found.span, wanted.span),
                    ("distance", found.distance, wanted.distance),
                    ("top", found.top, wanted.top),
                    ("sink", found.sink, wanted.sink),
                    ("small", found.small, wanted.small),
                    ("evenness", found.evenness.unwrap_or(-1.0), wanted.evenness.unwrap_or(-1.0)),
                ] {
                    close(found, wanted, TOLERANCE, &format!("{name}, {at}"));
                }
                assert_eq!(found.keys, wanted.keys, "{at}");
                checked += 1;
            }
            let (found, wanted) = (head.profile(), &case.profiles[h]);
            assert_eq!(found.len(), wanted.len());
            for (bin, (distance, mean, pairs)) in found.iter().zip(wanted) {
                assert_eq!((bin.distance, bin.pairs), (*distance, *pairs));
                close(bin.mean, *mean, TOLERANCE, "profile");
            }
        }
    }
    assert!(checked > 150, "{checked}");
}

#[test]
fn ranks_are_those_of_singular_values() {
    let mut checked = 0;
    for case in cases() {
        let weights = numbers(&case.weights);
        for (head, wanted) in weights.chunks_exact(case.n_q * case.n_k).zip(&case.ranks) {
            let mut values = Values::of(head.to_vec(), case.n_q, case.n_k).unwrap();
            let Ranks { numerical, stable, effective } = loop {
                if let Some(ranks) = values.advance().unwrap() {
                    break ranks;
                }
            };
            assert_eq!(numerical, wanted.numerical, "{} x {}", case.n_q, case.n_k);
            close(stable, wanted.stable, TOLERANCE, "stable rank");
            close(effective, wanted.effective, RANKS, "effective rank");
            checked += 1;
        }
    }
    assert!(checked >= 10, "{checked}");
}

#[test]
fn heads_are_as_alike_as_the_definitions_say() {
    let mut checked = 0;
    for case in cases() {
        let (weights, mut all) = (numbers(&case.weights), Similarity::new(case.heads));
        for q in 0..case.n_q {
            let row = |h: usize| &weights[(h * case.n_q + q) * case.n_k..(h * case.n_q + q + 1) * case.n_k];
            all.take(&(0..case.heads).map(row).collect::<Vec<_>>()).unwrap();
        }
        for (a, b, wanted) in case.alike {
            let found = all.of(a, b);
            close(found.distance.unwrap(), wanted.distance, TOLERANCE, "distance");
            close(found.correlation.unwrap(), wanted.correlation, TOLERANCE, "correlation");
            checked += 1;
        }
    }
    assert_eq!(checked, 6);
}

#[test]
fn rollout_is_the_product_of_the_layers() {
    let mut checked = 0;
    for case in cases() {
        let (Some(second), Some(wanted)) = (&case.second, &case.rollout) else { continue };
        let mut rollout = Rollout::new(case.n_q).unwrap();
        for layer in [numbers(&case.weights), numbers(second)] {
            let heads: Vec<&[f32]> = layer.chunks_exact(case.n_q * case.n_k).collect();
            rollout.layer(&heads, case.n_q, case.n_k).unwrap();
        }
        for (found, wanted) in rollout.flow().iter().zip(wanted) {
            close(*found, *wanted, TOLERANCE, "flow");
        }
        assert_eq!(rollout.flow().len(), wanted.len());
        checked += 1;
    }
    assert_eq!(checked, 3);
}

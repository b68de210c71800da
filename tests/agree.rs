//! Every engine against the oracle, over one table of problems; and what must hold of attention whoever computes it.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a failed unwrap is a failed test")]

mod common;

use std::sync::Arc;

use attention_playground::attention::reference::{self, Head};
use attention_playground::attention::{Dims, Inputs, Plan, Problem, Term};
use attention_playground::engine::{MapRequest, Pool};
use attention_playground::experiment::{Algorithm, Stage};
use common::table::{Case, cases, dims, normal};
use common::{Engine, close, engines, largest};

/// Every head of a case by the oracle, in the order of the rows.
fn judge(case: &Case) -> Vec<Head> {
    let plan = Plan::compile(&case.problem).unwrap_or_else(|issues| panic!("{}: {issues}", case.name));
    let Dims { batch, q_heads, .. } = plan.dims;
    let heads = (0..batch).flat_map(|b| (0..q_heads).map(move |h| (b, h)));
    heads.map(|(b, h)| reference::head(&plan, &case.inputs, b, h)).collect()
}

/// What a score's error makes of the results: its absolute error is the relative error of the weights.
fn tolerance(engine: &Engine, heads: &[Head]) -> f64 {
    let scores = heads.iter().flat_map(|head| head.stages[..5].iter()).flat_map(|stage| stage.iter().copied());
    engine.precision * (1.0 + largest(scores))
}

/// The largest error among finite numbers, relative above 1 and absolute below.
fn compare(
    what: &str,
    case: &Case,
    engine: &Engine,
    found: &[f32],
    wanted: impl Iterator<Item = f64>,
    tolerance: f64,
) -> f64 {
    let wanted: Vec<f64> = wanted.collect();
    assert_eq!(found.len(), wanted.len(), "{}: {what} of {engine:?}", case.name);
    let mut worst = 0.0_f64;
    for (i, (&found, &wanted)) in found.iter().zip(&wanted).enumerate() {
        assert!(
            close(found, wanted, tolerance),
            "{}: {what}[{i}] of {engine:?} is {found}, not {wanted} (±{tolerance:e})",
            case.name
        );
        if wanted.is_finite() {
            worst = worst.max((f64::from(found) - wanted).abs() / wanted.abs().max(1.0));
        }
    }
    worst
}

/// Entropy of a row of weights over their sum, and the largest weight.
fn spread(weights: impl Iterator<Item = f64> + Clone) -> (f64, f64) {
    let sum: f64 = weights.clone().sum();
    let entropy = weights.clone().filter(|w| *w > 0.0).map(|w| -(w / sum) * (w / sum).ln()).sum();
    (entropy, weights.fold(0.0, f64::max))
}

#[test]
fn every_engine_agrees_with_the_oracle() {
    // By engine: the worst error of outputs and of log-sum-exps, and where. Shown with --nocapture.
    let mut worst: Vec<(String, [(f64, String); 2])> = Vec::new();
    for case in cases() {
        let heads = judge(&case);
        for engine in engines().iter().filter(|engine| engine.takes(&case.inputs)) {
            let tolerance = tolerance(engine, &heads);
            let size = largest(case.inputs.v.iter().map(|&x| f64::from(x))).max(1.0);
            let out = engine.run(&case.problem, &case.inputs, None);
            let y = heads.iter().flat_map(|h| h.y.iter().copied());
            let lse = heads.iter().flat_map(|h| h.lse.iter().copied());
            let errors = [
                compare("y", &case, engine, &out.y, y, tolerance * size),
                compare("lse", &case, engine, &out.lse, lse, tolerance),
            ];
            let name = format!("{:?} {:?}", engine.backend, engine.algorithm);
            if !worst.iter().any(|(known, _)| *known == name) {
                worst.push((name.clone(), Default::default()));
            }
            for (_, known) in worst.iter_mut().filter(|(known, _)| *known == name) {
                for (known, error) in known.iter_mut().zip(errors) {
                    if error > known.0 {
                        *known = (error, case.name.clone());
                    }
                }
            }
            let empty = heads.iter().flat_map(|h| h.lse.iter()).filter(|lse| **lse == f64::NEG_INFINITY).count();
            assert_eq!(out.empty_rows as usize, empty, "{}: empty rows of {engine:?}", case.name);
            let rows: Vec<_> = heads.iter().flat_map(|h| h.weights().rows().into_iter()).collect();
            for (i, row) in rows.iter().enumerate().filter(|(_, row)| row.iter().all(|w| w.is_finite())) {
                let (entropy, peak) = spread(row.iter().copied());
                // Entropy sums n_k terms w·ln w, each with a weight's error times a logarithm.
                assert!(
                    close(out.entropy[i], entropy, 8.0 * tolerance),
                    "{}: entropy[{i}] of {engine:?}: {} {entropy}",
                    case.name,
                    out.entropy[i]
                );
                assert!(
                    close(out.peak[i], peak, tolerance),
                    "{}: peak[{i}] of {engine:?}: {} {peak}",
                    case.name,
                    out.peak[i]
                );
                match out.peak_at[i] {
                    u32::MAX => assert_eq!(peak, 0.0, "{}: peak of row {i} of {engine:?}", case.name),
                    k => assert!(
                        row[k as usize] >= peak - 2.0 * tolerance,
                        "{}: peak of row {i} of {engine:?}",
                        case.name
                    ),
                }
            }
        }
    }
    for (name, [y, lse]) in worst {
        println!("{name:<24} y {:.1e} ({})   lse {:.1e} ({})", y.0, y.1, lse.0, lse.1);
    }
}

#[test]
fn every_stage_can_be_looked_at() {
    for case in cases() {
        let heads = judge(&case);
        for engine in engines().iter().filter(|engine| engine.takes(&case.inputs)) {
            let tolerance = tolerance(engine, &heads);
            for (i, stage) in Stage::ALL.into_iter().enumerate() {
                let (_, found) = engine.run(&case.problem, &case.inputs, Some(stage)).matrix.unwrap();
                let wanted = heads.iter().flat_map(|h| h.stages[i].iter().copied());
                if case.inputs.finite() || stage == Stage::Weights {
                    compare(&format!("{stage:?}"), &case, engine, &found, wanted, tolerance);
                } else {
                    // Sums over NaN and infinities may meet them in another order.
                    for (found, wanted) in found.iter().zip(wanted) {
                        assert!(
                            close(*found, wanted, tolerance) || !found.is_finite() && !wanted.is_finite(),
                            "{}",
                            case.name
                        );
                    }
                }
            }
        }
    }
}

#[test]
fn pictures_pool_the_same_cells() {
    for case in cases().iter().filter(|case| case.inputs.finite() && case.problem.dims.n_q > 8) {
        let heads = judge(case);
        let Dims { batch, q_heads, n_q, n_k, .. } = case.problem.dims;
        for engine in engines().iter().filter(|engine| engine.takes(&case.inputs)) {
            let tolerance = tolerance(engine, &heads);
            for (i, stage) in Stage::ALL.into_iter().enumerate() {
                for pool in [Pool::Max, Pool::Mean] {
                    let (q, k) = (1..n_q, n_k / 4..n_k);
                    let (width, height) = (k.len().min(7), q.len().min(5));
                    let request = MapRequest { stage, batch: batch - 1, head: q_heads - 1, q, k, width, height, pool };
                    let map = engine.map(&case.problem, &case.inputs, &request);
                    let head = &heads[heads.len() - 1];
                    for (at, &found) in map.values.iter().enumerate() {
                        let part = |range: &std::ops::Range<usize>, i: usize, n: usize| {
                            range.start + i * range.len() / n..range.start + (i + 1) * range.len() / n
                        };
                        let (rows, cols) = (part(&request.q, at / width, height), part(&request.k, at % width, width));
                        let cells = rows.flat_map(|q| cols.clone().map(move |k| (q, k)));
                        let shown = cells
                            .filter(|&(q, k)| stage < Stage::Masked || head.stages[4][[q, k]] != f64::NEG_INFINITY);
                        let values: Vec<f64> = shown.map(|(q, k)| head.stages[i][[q, k]]).collect();
                        let wanted = match pool {
                            _ if values.is_empty() => f64::NAN,
                            Pool::Max => {
                                values.iter().copied().fold(0.0, |a: f64, b| if b.abs() > a.abs() { b } else { a })
                            }
                            Pool::Mean => values.iter().sum::<f64>() / values.len() as f64,
                        };
                        // Two cells of nearly the same size and opposite sign may win either way.
                        let tie = pool == Pool::Max && close(-found, wanted, tolerance);
                        assert!(
                            close(found, wanted, tolerance) || tie,
                            "{}: {stage:?} {pool:?} pixel {at} of {engine:?} is {found}, not {wanted}",
                            case.name
                        );
                    }
                }
            }
        }
    }
}

fn weights(engine: &Engine, problem: &Problem, inputs: &Inputs) -> Vec<f32> {
    engine.run(problem, inputs, Some(Stage::Weights)).matrix.unwrap().1
}

fn causal(dims: Dims) -> Problem {
    let mut problem = Problem::plain(dims);
    problem.masks.push(Term::new("mask", "k <= q_pos"));
    problem
}

#[test]
fn rows_sum_to_one() {
    for engine in &engines() {
        let problem = causal(dims([3, 1], [50, 50], [12, 6]));
        for row in weights(engine, &problem, &normal(&problem.dims, 1)).chunks_exact(50) {
            let sum: f64 = row.iter().map(|&w| f64::from(w)).sum();
            assert!((sum - 1.0).abs() < 1e-5, "{engine:?}: {sum}");
        }
    }
}

#[test]
fn permuting_keys_permutes_weights_and_keeps_the_output() {
    let size = dims([2, 2], [21, 29], [12, 6]);
    let problem = Problem::plain(size);
    let inputs = normal(&size, 2);
    // 11 and 29 have no common factor: every key moves and none twice.
    let from = |k: usize| (k * 11 + 3) % 29;
    let permute = |tensor: &[f32], width: usize| {
        let head = |h: usize| (0..29).flat_map(move |k| (0..width).map(move |i| (h * 29 + from(k)) * width + i));
        Arc::new((0..2).flat_map(head).map(|i| tensor[i]).collect::<Vec<f32>>())
    };
    let permuted = Inputs { q: inputs.q.clone(), k: permute(&inputs.k, 12), v: permute(&inputs.v, 6) };
    for engine in &engines() {
        let (a, b) = (weights(engine, &problem, &inputs), weights(engine, &problem, &permuted));
        for (a, b) in a.chunks_exact(29).zip(b.chunks_exact(29)) {
            for k in 0..29 {
                assert!((b[k] - a[from(k)]).abs() < 1e-5, "{engine:?}");
            }
        }
        let (a, b) = (engine.run(&problem, &inputs, None).y, engine.run(&problem, &permuted, None).y);
        assert!(a.iter().zip(&b).all(|(a, b)| (a - b).abs() < 1e-5), "{engine:?}");
    }
}

#[test]
fn a_causal_row_does_not_see_the_future() {
    let size = dims([1, 1], [40, 40], [8, 8]);
    let inputs = normal(&size, 3);
    let mut changed = inputs.clone();
    Arc::make_mut(&mut changed.k)[25 * 8..].fill(1e4);
    Arc::make_mut(&mut changed.v)[25 * 8..].fill(-1e4);
    for engine in &engines() {
        let (a, b) = (engine.run(&causal(size), &inputs, None).y, engine.run(&causal(size), &changed, None).y);
        assert_eq!(a[..25 * 8], b[..25 * 8], "{engine:?}");
        assert_ne!(a[25 * 8..], b[25 * 8..], "{engine:?}");
    }
}

#[test]
fn grouped_heads_are_repeated_keys_and_values() {
    let grouped = dims([6, 2], [18, 18], [8, 4]);
    let full = dims([6, 6], [18, 18], [8, 4]);
    let inputs = normal(&grouped, 4);
    let repeat = |tensor: &[f32], width: usize| {
        Arc::new(
            (0..6).flat_map(|h| tensor[h / 3 * 18 * width..(h / 3 + 1) * 18 * width].to_vec()).collect::<Vec<f32>>(),
        )
    };
    let repeated = Inputs { q: inputs.q.clone(), k: repeat(&inputs.k, 8), v: repeat(&inputs.v, 4) };
    for engine in &engines() {
        assert_eq!(
            engine.run(&causal(grouped), &inputs, None).y,
            engine.run(&causal(full), &repeated, None).y,
            "{engine:?}"
        );
    }
}

#[test]
fn an_explicit_engine_is_the_one_that_runs() {
    let problem = causal(dims([1, 1], [4, 4], [4, 4]));
    for engine in &engines() {
        let name = engine.kernel(&problem, &normal(&problem.dims, 5));
        let algorithm = if engine.algorithm == Algorithm::Materialised { "materialised" } else { "streaming" };
        assert!(name.contains(algorithm), "{name}");
    }
}

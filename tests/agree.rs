//! Every engine against the oracle, over one table of problems; and what must hold of attention whoever computes it.

use crate::native::common;

use std::sync::Arc;

use attention_playground::attention::{Dims, Inputs, Problem, Term};
use attention_playground::engine::{MapRequest, Pool};
use attention_playground::experiment::{Algorithm, Stage};
use common::judge::{Judge, Worst, close};
use common::table::{Case, cases, dims, normal};
use common::{Engine, engines};

fn judge(case: &Case) -> Judge<'_> {
    Judge::of(case).unwrap()
}

#[test]
fn every_engine_agrees_with_the_oracle() {
    // By engine. Shown with --nocapture.
    let mut worst: Vec<(Engine, Worst)> = engines().into_iter().map(|engine| (engine, Worst::default())).collect();
    for case in cases() {
        let judge = judge(&case);
        for (engine, worst) in worst.iter_mut().filter(|(engine, _)| engine.takes(&case.inputs)) {
            let out = engine.run(&case.problem, &case.inputs, None);
            let errors = judge.run(&out, engine.precision).unwrap_or_else(|error| panic!("{engine:?}: {error}"));
            worst.add(&case, errors);
        }
    }
    for (Engine { backend, algorithm, .. }, worst) in worst {
        println!("{backend:?} {algorithm:?}: {worst}");
    }
}

#[test]
fn every_stage_can_be_looked_at() {
    for case in cases() {
        let judge = judge(&case);
        for engine in engines().iter().filter(|engine| engine.takes(&case.inputs)) {
            let tolerance = judge.tolerance(engine.precision);
            for (i, stage) in Stage::ALL.into_iter().enumerate() {
                let (_, found) = engine.run(&case.problem, &case.inputs, Some(stage)).matrix.unwrap();
                let wanted = judge.heads.iter().flat_map(|h| h.stages[i].iter().copied());
                if case.inputs.finite() || stage == Stage::Weights {
                    judge.compare(&format!("{stage:?} of {engine:?}"), &found, wanted, tolerance).unwrap();
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
        let judge = judge(case);
        let Dims { batch, q_heads, n_q, n_k, .. } = case.problem.dims;
        for engine in engines().iter().filter(|engine| engine.takes(&case.inputs)) {
            let tolerance = judge.tolerance(engine.precision);
            for (i, stage) in Stage::ALL.into_iter().enumerate() {
                for pool in [Pool::Max, Pool::Mean] {
                    let (q, k) = (1..n_q, n_k / 4..n_k);
                    let (width, height) = (k.len().min(7), q.len().min(5));
                    let request = MapRequest { stage, batch: batch - 1, head: q_heads - 1, q, k, width, height, pool };
                    let map = engine.map(&case.problem, &case.inputs, &request);
                    let head = &judge.heads[judge.heads.len() - 1];
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
                            Pool::Max | Pool::SampledMax => {
                                values.iter().copied().fold(0.0, |a: f64, b| if b.abs() > a.abs() { b } else { a })
                            }
                            Pool::Mean | Pool::SampledMean => values.iter().sum::<f64>() / values.len() as f64,
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

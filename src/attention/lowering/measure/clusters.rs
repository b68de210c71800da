//! Groups that queries and keys fall into; a query looks at the keys of its own.

use super::super::frame::Frame;
use super::super::numbers::{dot, rows, times, wide};
use super::super::step::Step;
use crate::catalogue::Measure;

/// Rounds that a table of hashes has room for.
pub const ROUNDS: usize = 4;

/// Buckets by the nearest of seeded directions and their opposites, `argmax [xR; −xR]`, `[b, h, rounds, tokens]` (Kitaev, Kaiser and Levskaya 2020,
/// section 2). Directions are shared by the heads.
pub fn hashes(step: &Step<Measure>, frame: &Frame, of_queries: bool) -> Vec<i32> {
    let dims = frame.dims;
    let half = step.count("buckets", 2) / 2;
    let rounds = step.count("rounds", 1).min(ROUNDS);
    let directions: Vec<Vec<f64>> = (0..rounds).map(|round| step.normals(round as u64, half * dims.d, 1.0)).collect();
    let mut out = Vec::new();
    for batch in 0..dims.batch {
        for head in 0..dims.q_heads {
            let tokens = if of_queries { frame.q(batch, head) } else { frame.k(batch, head) };
            for round in 0..ROUNDS {
                out.extend(rows(tokens, dims.d).map(|token| match directions.get(round) {
                    Some(directions) => bucket(&times(directions, &wide(token))),
                    // A round that is not asked for.
                    None => 0,
                }));
            }
        }
    }
    out
}

/// The place of the largest of `x` and then of `−x`; of equals, the first.
fn bucket(x: &[f64]) -> i32 {
    largest(x.iter().copied().chain(x.iter().map(|x| -x)))
}

fn largest(values: impl Iterator<Item = f64>) -> i32 {
    let mut best = (f64::NEG_INFINITY, 0);
    for (i, x) in values.enumerate() {
        if x > best.0 {
            best = (x, i as i32);
        }
    }
    best.1
}

/// Clusters of a fixed number of Lloyd's steps over the queries and keys of a head together, by their directions from their own mean, `[b, h, tokens]`
/// (Roy et al. 2021, section 3.3, which moves its centroids a little with every batch instead). The first centroids are seeded choices among the keys.
pub fn clusters(step: &Step<Measure>, frame: &Frame, of_queries: bool) -> Vec<i32> {
    let dims = frame.dims;
    let (count, steps) = (step.count("clusters", 1), step.count("steps", 0));
    let mut out = Vec::new();
    for batch in 0..dims.batch {
        for head in 0..dims.q_heads {
            let unit = |tensor: &[f32]| rows(tensor, dims.d).map(|row| direction(&wide(row))).collect::<Vec<_>>();
            let (queries, keys) = (unit(frame.q(batch, head)), unit(frame.k(batch, head)));
            let chosen = step.rng(0).uniforms(count);
            let mut centroids: Vec<Vec<f64>> =
                chosen.iter().map(|u| keys[((u * keys.len() as f64) as usize).min(keys.len() - 1)].clone()).collect();
            let nearest = |centroids: &[Vec<f64>], x: &[f64]| largest(centroids.iter().map(|c| dot(c, x)));
            for _ in 0..steps {
                let mut sums = vec![vec![0.0; dims.d]; count];
                let mut any = vec![false; count];
                for x in queries.iter().chain(&keys) {
                    let at = nearest(&centroids, x) as usize;
                    any[at] = true;
                    sums[at].iter_mut().zip(x).for_each(|(sum, x)| *sum += x);
                }
                // A cluster without tokens stays where it is.
                let moved = sums.iter().zip(any).zip(&centroids);
                centroids = moved.map(|((sum, any), old)| if any { unit_of(sum) } else { old.clone() }).collect();
            }
            let tokens = if of_queries { &queries } else { &keys };
            out.extend(tokens.iter().map(|x| nearest(&centroids, x)));
        }
    }
    out
}

/// A row minus its mean, of length one.
fn direction(row: &[f64]) -> Vec<f64> {
    let mean = row.iter().sum::<f64>() / row.len() as f64;
    unit_of(&row.iter().map(|x| x - mean).collect::<Vec<_>>())
}

fn unit_of(row: &[f64]) -> Vec<f64> {
    let length = dot(row, row).sqrt();
    if length > 0.0 { row.iter().map(|x| x / length).collect() } else { row.to_vec() }
}

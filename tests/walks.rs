//! Walks through attention end where the f64 oracle says, over the table of problems that every engine is held to.

use crate::native::common;

use attention_playground::analysis::walk::{Decode, Part, Refused, Ring, State, Stream, refused};
use attention_playground::attention::{Dims, Normaliser, Plan};
use common::judge::Judge;
use common::table::cases;

/// Double precision, sums of some tens of terms in another order; of the largest value.
const TOLERANCE: f64 = 1e-12;

/// One head of a case as it is walked, and what its rows must come to.
fn walked(each: impl Fn(&str, &Part, &dyn Fn(usize, &State))) -> [usize; 3] {
    let (mut walked, mut refusals, mut empty) = (0, 0, 0);
    for case in cases().iter().filter(|case| case.inputs.finite()) {
        let problem = &case.problem;
        if refused(problem.normaliser, problem.probability.is_some(), false).is_some() {
            refusals += 1;
            continue;
        }
        let (plan, judge) = (Plan::compile(problem).unwrap(), Judge::of(case).unwrap());
        let Dims { batch, q_heads, n_q, n_k, d_v, .. } = plan.dims;
        for (at, head) in judge.heads.iter().enumerate() {
            let (b, h) = (at / q_heads, at % q_heads);
            assert!(b < batch);
            let values = case.inputs.v_head(&plan.dims, b, h);
            let part = Part {
                queries: 0..n_q,
                keys: 0..n_k,
                scores: head.stages[4].iter().copied().collect(),
                values: values.iter().map(|&v| f64::from(v)).collect(),
                width: d_v,
                sink: plan.sink_of(h).map(f64::from),
            };
            let largest = part.values.iter().fold(1.0_f64, |top, v| top.max(v.abs()));
            let judged = |row: usize, state: &State| {
                for (found, wanted) in state.result().iter().zip(head.y.row(row)) {
                    let apart = (found - wanted).abs() / largest;
                    assert!(apart < TOLERANCE, "{}: row {row} is off by {apart:e}", case.name);
                }
                let (found, wanted) = (state.log_sum_exp(), head.lse[row]);
                let same = found == wanted || (found - wanted).abs() < TOLERANCE * (1.0 + wanted.abs());
                assert!(same, "{}: log-sum-exp {found}, not {wanted}", case.name);
            };
            empty += head.lse.iter().filter(|lse| **lse == f64::NEG_INFINITY).count();
            each(&case.name, &part, &judged);
            walked += 1;
        }
    }
    [walked, refusals, empty]
}

#[test]
fn tiles_of_any_size_end_at_the_output() {
    let [heads, refusals, empty] = walked(|_, part, judged| {
        let n_q = part.queries.len();
        for tile in [[1, 1], [5, 3], [16, 8], [64, 64]] {
            for row in [0, n_q / 2, n_q - 1] {
                let stream = Stream::of(part, tile, row);
                assert!(stream.rows.contains(&row));
                stream.rows.clone().for_each(|row| judged(row, stream.state(stream.steps.len(), row)));
            }
        }
    });
    // The table has all of it: softmax and off-by-one, others that are refused, rows that see nothing.
    assert!(heads > 20 && refusals > 4 && empty > 0, "{heads} heads, {refusals} refused, {empty} empty rows");
}

#[test]
fn a_ring_of_any_size_ends_at_the_output() {
    walked(|_, part, judged| {
        for devices in [1, 2, 3, 8] {
            let ring = Ring::of(part, devices);
            assert_eq!(ring.steps.len(), devices);
            (0..part.queries.len()).for_each(|row| judged(row, ring.state(devices, row)));
        }
    });
}

#[test]
fn tokens_that_look_back_are_decoded_to_the_output() {
    let decoded = std::cell::Cell::new([0, 0]);
    walked(|name, part, judged| {
        let ahead = part.keys.len() as i64 - part.queries.len() as i64;
        let [done, refusals] = decoded.get();
        match Decode::of(part, ahead) {
            Ok(decode) => {
                decode.tokens.iter().enumerate().for_each(|(row, token)| judged(row, &token.state));
                decoded.set([done + 1, refusals]);
            }
            Err(Refused::Ahead { query, key }) => {
                assert!(key as i64 > query as i64 + ahead, "{name}");
                assert!(part.row(query)[key] > f64::NEG_INFINITY, "{name}");
                decoded.set([done, refusals + 1]);
            }
            Err(why) => panic!("{name}: {why:?}"),
        }
    });
    let [done, refusals] = decoded.get();
    assert!(done > 5 && refusals > 5, "{done} decoded, {refusals} look ahead");
}

#[test]
fn a_step_that_does_not_rescale_is_found() {
    // The same walk with its factor left out: what the test would say of a wrong kernel.
    let part = Part { queries: 0..1, keys: 0..2, scores: vec![0.0, 4.0], values: vec![1.0, 0.0], width: 1, sink: None };
    let right = part.whole(0).result()[0];
    let wrong = 1.0 / (1.0 + 1.0);
    assert!((right - 1.0 / (1.0 + 4.0_f64.exp())).abs() < TOLERANCE && (right - wrong).abs() > 0.4);
    assert_eq!(refused(Normaliser::Sparsemax, false, false), Some(Refused::Normaliser(Normaliser::Sparsemax)));
}

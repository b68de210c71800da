//! Pictures of the gpu engine: cut into bands, and many in one submission.
#![cfg(feature = "gpu")]

use crate::native::common;

use attention_playground::attention::{Dims, Plan, Problem, Term};
use attention_playground::engine::cpu::Kernels;
use attention_playground::engine::{MapRequest, Pool, Rows, Session, Want};
use attention_playground::experiment::{Algorithm, Backend, Stage};
use common::gpu::{block_on, clock, needs_gpu, session};
use common::judge::close;
use common::table::{dims, normal};

#[test]
fn pictures_of_several_bands_are_those_of_the_cpu() {
    if needs_gpu().is_none() {
        return;
    }
    let mut problem = Problem::plain(dims([2, 1], [2600, 2500], [64, 16]));
    problem.masks.push(Term::new("mask", "k <= q_pos and (q + k) % 5 != 0"));
    let inputs = normal(&problem.dims, 6);
    let mut on_gpu = session(&problem, &inputs, Algorithm::Streaming);
    let mut on_cpu = Session::new(
        Plan::compile(&problem).unwrap(),
        inputs.clone(),
        Backend::Cpu,
        Algorithm::Streaming,
        &Kernels::SEPARATE,
        clock,
    );
    for (stage, pool) in [(Stage::Weights, Pool::Max), (Stage::Weights, Pool::Mean), (Stage::Scaled, Pool::Mean)] {
        let request = MapRequest { stage, batch: 0, head: 1, q: 7..2599, k: 100..2400, width: 61, height: 53, pool };
        let (found, wanted) = (block_on(on_gpu.map(&request)).unwrap().0, on_cpu.map(&request).0);
        assert_eq!(found.values.len(), wanted.values.len());
        for (i, (&found, &wanted)) in found.values.iter().zip(&wanted.values).enumerate() {
            assert!(close(found, f64::from(wanted), 1e-4), "{stage:?} {pool:?}: pixel {i} is {found}, not {wanted}");
        }
    }
}

#[test]
fn a_sample_is_its_rows_among_other_pictures() {
    if needs_gpu().is_none() {
        return;
    }
    let mut problem = Problem::plain(dims([2, 1], [300, 310], [16, 8]));
    problem.masks.push(Term::new("mask", "k <= q_pos"));
    let mut session = session(&problem, &normal(&problem.dims, 8), Algorithm::Streaming);
    let (q, k, stage) = (20..300, 5..301, Stage::Weights);
    let exact = MapRequest { stage, batch: 0, head: 1, q, k, width: 37, height: 280, pool: Pool::Mean };
    let sample = MapRequest { height: 9, pool: Pool::SampledMean, ..exact.clone() };
    let drawn = block_on(session.maps(&[exact.clone(), sample.clone(), exact.clone()])).unwrap();
    assert_eq!(drawn.iter().map(|(map, _)| map.values.len()).collect::<Vec<_>>(), [37 * 280, 37 * 9, 37 * 280]);
    assert_eq!(drawn[1].0.request, sample);
    for (line, found) in sample.lines().unwrap().iter().zip(drawn[1].0.values.chunks(37)) {
        let row = &drawn[0].0.values[(line.q.start - 20) * 37..][..37];
        for (found, wanted) in found.iter().zip(row) {
            assert!(close(*found, f64::from(*wanted), 1e-5) || found.is_nan() && wanted.is_nan(), "{line:?}");
        }
    }
    assert_eq!(bits(&drawn[0].0.values), bits(&drawn[2].0.values));
}

/// Bits, so that NaN is like NaN.
fn bits(values: &[f32]) -> Vec<u32> {
    values.iter().map(|value| value.to_bits()).collect()
}

#[test]
fn pictures_asked_for_together_are_those_asked_for_one_by_one() {
    if needs_gpu().is_none() {
        return;
    }
    // The same mask, once evaluated by the kernels and once by the CPU, whose bits lie side by side.
    for mask in ["k <= q_pos and (q + k) % 5 != h", "float(k) * 1.0 <= float(q_pos) + 0.25 and (q + k) % 5 != h"] {
        let mut problem = Problem::plain(Dims { batch: 2, ..dims([4, 2], [200, 210], [16, 8]) });
        problem.masks.push(Term::new("mask", mask));
        let inputs = normal(&problem.dims, 11);
        let mut requests = Vec::new();
        for unit in 0..8 {
            for (stage, pool) in [
                (Stage::Weights, Pool::Max),
                (Stage::Weights, Pool::Mean),
                (Stage::Raw, Pool::Mean),
                (Stage::Masked, Pool::Max),
                (Stage::Biased, Pool::Max),
            ] {
                let (batch, head) = (unit / 4, unit % 4);
                let q = if batch == 0 { unit..200 - 3 * unit } else { 0..200 };
                let k = 5 * unit..210 - unit;
                requests.push(MapRequest { stage, batch, head, q, k, width: 31 + unit, height: 29, pool });
            }
        }
        let mut one = session(&problem, &inputs, Algorithm::Streaming);
        let mut together = session(&problem, &inputs, Algorithm::Streaming);
        // Half of the log-sum-exp is known beforehand.
        let some: Vec<Rows> = (0..4).map(|head| Rows { batch: 0, head, q: 0..200 }).collect();
        block_on(together.run(&some, Want::default())).unwrap();
        let found = block_on(together.maps(&requests)).unwrap();
        assert_eq!(found.len(), requests.len());
        for ((map, _), request) in found.iter().zip(&requests) {
            let (wanted, _) = block_on(one.map(request)).unwrap();
            assert_eq!(&map.request, request);
            assert_eq!(map.values.len(), request.width * request.height);
            assert_eq!(bits(&map.values), bits(&wanted.values), "{request:?}");
        }
        let submissions = found.iter().filter(|(_, times)| times.0.iter().sum::<f64>() > 0.0).count();
        assert!((2..40).contains(&submissions), "40 pictures in {submissions} submissions");
        // A large one between small ones.
        let mut mixed = requests[..2].to_vec();
        mixed.insert(1, MapRequest { q: 0..200, k: 0..210, width: 210, height: 200, ..requests[0].clone() });
        let values = |maps: Vec<(attention_playground::engine::Map, _)>| {
            maps.into_iter().map(|(map, _)| bits(&map.values)).collect::<Vec<_>>()
        };
        let found = values(block_on(together.maps(&mixed)).unwrap());
        let wanted = values(mixed.iter().map(|request| block_on(one.map(request)).unwrap()).collect());
        assert!(found == wanted);
    }
}

#[test]
fn a_picture_that_is_not_there_leaves_the_others_uncomputed() {
    if needs_gpu().is_none() {
        return;
    }
    let problem = Problem::plain(dims([1, 1], [4, 4], [4, 4]));
    let mut session = session(&problem, &normal(&problem.dims, 1), Algorithm::Streaming);
    let (q, k, stage, pool) = (0..4, 0..4, Stage::Raw, Pool::Max);
    let there = MapRequest { stage, batch: 0, head: 0, q, k, width: 3, height: 1, pool };
    let requests = [there.clone(), MapRequest { head: 1, ..there.clone() }];
    assert!(block_on(session.maps(&requests)).is_err());
    assert!(session.take_texts().is_empty());
    assert_eq!(block_on(session.maps(&[])).unwrap(), []);
    assert_eq!(block_on(session.maps(&requests[..1])).unwrap()[0].0.values.len(), 3);
}

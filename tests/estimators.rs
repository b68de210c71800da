//! Estimators against values that a script of NumPy made by their papers' formulas (`tests/independent/estimators.py`), in single precision against
//! double, and by what each must be where it is exact.

use std::collections::BTreeSet;

use attention_playground::attention::estimators::{Cell, Feature, Method, fits};
use attention_playground::attention::inputs::Rng;
use attention_playground::attention::{Dims, Estimate, Estimator};
use attention_playground::catalogue;
use attention_playground::experiment::Choice;
use attention_playground::formula::Sorted;
use serde::Deserialize;

/// Of the largest number of a case, in double precision: sums of at most a few hundred products in two orders, and the iterated inverse.
const DOUBLE: f64 = 1e-10;
/// The same in single precision. The steps of the inverse square what they are off by; exponentials of features lose what their exponents have.
const SINGLE: f64 = 2e-4;
/// Of an error that was rounded to single precision once.
const ROUNDED: f64 = 1e-6;

/// What the script wrote.
#[derive(Deserialize)]
struct Case {
    id: String,
    params: Sorted<String, f64>,
    causal: bool,
    n_q: usize,
    n_k: usize,
    d: usize,
    d_v: usize,
    scale: f32,
    q: Vec<f32>,
    k: Vec<f32>,
    v: Vec<f32>,
    y: Vec<f64>,
    error: Vec<f64>,
    total: Vec<f64>,
}

fn cases() -> Vec<(Case, Estimator)> {
    let cases: Vec<Case> = serde_json::from_str(include_str!("independent/estimators.json")).unwrap();
    let of = |case: Case| {
        let dims = Dims { batch: 1, q_heads: 2, kv_heads: 2, n_q: case.n_q, n_k: case.n_k, d: case.d, d_v: case.d_v };
        let choice = Choice { id: case.id.clone(), params: case.params.clone() };
        let estimator = fits(&choice, dims, case.causal, case.scale, "estimator").unwrap();
        (case, estimator)
    };
    cases.into_iter().map(of).collect()
}

/// How far two lists are apart, over the largest of the second.
fn apart(found: impl IntoIterator<Item = f64>, wanted: &[f64]) -> f64 {
    let found: Vec<f64> = found.into_iter().collect();
    assert_eq!(found.len(), wanted.len());
    let largest = wanted.iter().fold(f64::MIN_POSITIVE, |top, x| top.max(x.abs()));
    let off = |(a, b): (&f64, &f64)| if (a - b).is_nan() { f64::INFINITY } else { (a - b).abs() };
    found.iter().zip(wanted).map(off).fold(0.0, f64::max) / largest
}

fn doubles(x: &[f32]) -> impl Iterator<Item = f64> {
    x.iter().map(|&x| x.into())
}

#[test]
fn estimates_are_those_of_the_papers() {
    let mut seen = BTreeSet::new();
    for (case, estimator) in cases() {
        let Case { id, params, q, k, v, .. } = &case;
        let off = apart(estimator.estimate::<f64>(q, k, v), &case.y);
        assert!(off <= DOUBLE, "{id} {params:?}: off by {off:.1e}");
        let single = apart(estimator.estimate::<f32>(q, k, v).into_iter().map(f64::from), &case.y);
        assert!(single <= SINGLE, "{id} {params:?}: off by {single:.1e} in single precision");
        let Estimate { error, total, .. } = estimator.compute::<f64>(q, k, v);
        let off = [apart(doubles(&error), &case.error), apart(doubles(&total), &case.total)];
        // What is exact is off by rounding alone, and one rounding is not another.
        let exact = case.total.iter().all(|&x| x < DOUBLE) && total.iter().all(|&x| f64::from(x) < DOUBLE);
        assert!(exact || off.iter().all(|&off| off <= ROUNDED), "{id} {params:?}: errors off by {off:?}");
        seen.insert(case.id);
    }
    let known: BTreeSet<String> = catalogue::estimators().iter().map(|entry| entry.id.to_owned()).collect();
    assert_eq!(seen, known, "every entry is in the script");
}

#[test]
fn lists_are_as_long_as_they_are_said_to_be() {
    for (case, estimator) in cases() {
        let lists: Vec<Vec<f32>> = estimator.compute::<f32>(&case.q, &case.k, &case.v).into();
        let lengths: Vec<usize> = lists.iter().map(Vec::len).collect();
        assert_eq!(lengths, estimator.outputs(), "{}", case.id);
        assert_eq!(Vec::from(Estimate::from(lists.clone())), lists);
        let cost = estimator.cost();
        assert!(cost.flops > 0.0 && cost.bytes > 0.0, "{}", case.id);
    }
}

/// One head of normal numbers, `n` tokens of size 4 with values of size 3.
fn head(seed: u64, n: usize) -> (Dims, [Vec<f32>; 3]) {
    let mut rng = Rng::new(seed);
    let mut normal = |size: usize| rng.normals(n * size).into_iter().map(|x| x as f32).collect();
    (Dims { batch: 1, q_heads: 1, kv_heads: 1, n_q: n, n_k: n, d: 4, d_v: 3 }, [normal(4), normal(4), normal(3)])
}

fn total(method: Method, causal: bool, (dims, [q, k, v]): &(Dims, [Vec<f32>; 3])) -> f64 {
    Estimator { dims: *dims, method, causal, scale: 0.5 }.compute::<f64>(q, k, v).total[0].into()
}

fn estimate(method: Method, (dims, [q, k, v]): &(Dims, [Vec<f32>; 3])) -> Vec<f64> {
    Estimator { dims: *dims, method, causal: true, scale: 0.5 }.estimate(q, k, v)
}

#[test]
fn more_features_are_closer_on_average() {
    // Short queries: the longer they are, the rarer and larger are the features that matter.
    let (dims, [q, k, v]) = head(5, 40);
    let error = |features, seed| {
        let method = Method::Performer { features, seed };
        f64::from(Estimator { dims, method, causal: false, scale: 0.1 }.compute::<f64>(&q, &k, &v).total[0])
    };
    let errors = [4, 16, 64, 256].map(|features| (0..24).map(|seed| error(features, seed)).sum::<f64>() / 24.0);
    // A mean of four times as many is half as far off.
    assert!(errors.windows(2).all(|pair| pair[1] < 0.65 * pair[0]), "{errors:?}");
}

#[test]
fn as_many_rows_or_landmarks_as_keys_are_exact() {
    let input = head(6, 23);
    assert!(total(Method::Linformer { rank: 23, pooled: true, seed: 0 }, false, &input) < 1e-14);
    assert!(total(Method::Linformer { rank: 6, pooled: true, seed: 0 }, false, &input) > 0.05);
    let nystrom = |landmarks, iterations| total(Method::Nystrom { landmarks, iterations }, false, &input);
    assert!(nystrom(23, 60) < 1e-9, "{}", nystrom(23, 60));
    assert!(nystrom(23, 6) > nystrom(23, 60) && nystrom(4, 60) > 0.01);
}

#[test]
fn blocks_as_long_as_the_text_are_exact() {
    let input = head(7, 24);
    for causal in [false, true] {
        assert!(total(Method::BlockSummary { block: 24 }, causal, &input) < 1e-14);
        assert!(total(Method::BlockSummary { block: 4 }, causal, &input) > 1e-3);
    }
    assert!(total(Method::HTransformer { block: 12 }, false, &input) < 1e-14, "two blocks are neighbours");
    let errors = [6, 4, 2].map(|block| total(Method::HTransformer { block }, false, &input));
    assert!(0.0 < errors[0] && errors[0] < errors[1] && errors[1] < errors[2], "{errors:?}");
}

#[test]
fn values_that_are_all_alike_come_out_of_every_mean() {
    let (dims, [q, k, _]) = head(8, 19);
    let input = (dims, [q, k, vec![2.0; 19 * 3]]);
    let means = [
        Method::HTransformer { block: 2 },
        Method::BlockSummary { block: 4 },
        Method::Hierarchical { block: 4, seed: 0 },
        Method::Performer { features: 8, seed: 0 },
        Method::Linear { feature: Feature::Elu, normalised: true },
        Method::Ring { devices: 4 },
    ];
    for method in means {
        assert!(total(method, false, &input) < 1e-14, "{method:?}");
    }
}

#[test]
fn a_ring_is_exact_at_its_last_step() {
    let (dims, [q, k, v]) = head(9, 22);
    for (causal, devices) in [(false, 5), (true, 5), (false, 1), (true, 22)] {
        let ring = Estimator { dims, method: Method::Ring { devices }, causal, scale: 0.5 };
        let found = ring.compute::<f64>(&q, &k, &v);
        let steps: Vec<&[f32]> = found.trace.chunks_exact(devices).collect();
        assert_eq!(steps.len(), devices);
        assert!(steps[devices - 1].iter().chain(&found.total).all(|&error| error < 1e-14), "{:?}", steps[devices - 1]);
        if causal && devices == 5 {
            // Device 0 has all it may see at once; the last one lacks a block until the end.
            assert!(steps[0][0] < 1e-14 && steps[3][4] > 0.01, "{steps:?}");
        }
        assert!(devices == 1 || steps[0].iter().any(|&error| error > 0.01));
    }
}

#[test]
fn rules_that_change_nothing_are_the_sum() {
    let input = head(10, 21);
    let sum = estimate(Method::Linear { feature: Feature::Identity, normalised: false }, &input);
    for method in [Method::LogLinear { lambda: 1.0 }, Method::Gated { decay: 1.0 }] {
        assert!(apart(estimate(method, &input), &sum) < 1e-13, "{method:?}");
    }
    let delta = estimate(Method::Delta { rate: 0.5 }, &input);
    for method in [Method::GatedDelta { decay: 1.0, rate: 0.5 }, Method::Kda { fast: 1.0, slow: 1.0, rate: 0.5 }] {
        assert_eq!(estimate(method, &input), delta, "{method:?}");
    }
}

#[test]
fn nothing_that_looks_back_only_sees_what_comes() {
    let (dims, [q, k, v]) = head(11, 16);
    for entry in catalogue::estimators().iter().filter(|e| e.direction != catalogue::Direction::Bidirectional) {
        let estimator = fits(&Choice::of(entry.id), dims, true, 0.5, "").unwrap();
        let before = estimator.estimate::<f64>(&q, &k, &v);
        // Everything from token 11 on changes.
        let [mut q, mut k, mut v] = [q.clone(), k.clone(), v.clone()];
        [&mut q[44..], &mut k[44..], &mut v[33..]]
            .into_iter()
            .for_each(|rest| rest.iter_mut().for_each(|x| *x = 1.0 - *x));
        let after = estimator.estimate::<f64>(&q, &k, &v);
        // The largest exponent of all keys cancels, but rounds.
        assert!(apart(after[..33].iter().copied(), &before[..33]) < 1e-12, "{}", entry.id);
        assert!(apart(after[33..].iter().copied(), &before[33..]) > 1e-3, "{}", entry.id);
    }
}

#[test]
fn a_state_is_shown_as_it_grows() {
    let (dims, [q, k, v]) = head(12, 30);
    let gated = Estimator { dims, method: Method::Gated { decay: 0.5 }, causal: true, scale: 1.0 };
    let found = gated.compute::<f64>(&q, &k, &v);
    let frames = gated.frames();
    assert_eq!((frames.last(), frames.len(), found.states.len()), (Some(&29), 24, 24 * 12));
    // The state after a step, by its definition.
    for (&step, state) in frames.iter().zip(found.states.chunks_exact(12)) {
        let wanted = (0..12).map(|at| {
            let term = |j: usize| {
                f64::from(k[j * 4 + at / 3]) * f64::from(v[j * 3 + at % 3]) * 0.5_f64.powi((step - j) as i32)
            };
            (0..=step).map(term).sum::<f64>()
        });
        let wanted: Vec<f64> = wanted.collect();
        assert!(apart(doubles(state), &wanted) < 1e-6);
        let norm = wanted.iter().map(|x| x * x).sum::<f64>().sqrt();
        assert!((f64::from(found.trace[step]) / norm - 1.0).abs() < 1e-6);
    }
    let lstm = Estimator { method: Method::Recurrent { cell: Cell::Lstm, hidden: 5, seed: 0 }, ..gated };
    assert_eq!((lstm.state_shape(), lstm.compute::<f32>(&q, &k, &v).states.len()), (Some([2, 5]), 24 * 10));
}

#[test]
fn cost_is_that_of_the_sizes() {
    let dims = Dims { batch: 1, q_heads: 2, kv_heads: 1, n_q: 64, n_k: 64, d: 8, d_v: 4 };
    let of = |method, causal| Estimator { dims, method, causal, scale: 1.0 };
    let ring = of(Method::Ring { devices: 4 }, false);
    assert_eq!((ring.cost().flops, ring.exact_cost().flops), (2.0 * 2.0 * 12.0 * 4096.0, 2.0 * 2.0 * 12.0 * 4096.0));
    // Every device reads all keys and values once.
    let tensors = (4.0 * (2.0 * 64.0 * 12.0), 4.0 * (64.0 * 12.0));
    assert_eq!((ring.cost().bytes, ring.exact_cost().bytes), (tensors.0 + 4.0 * tensors.1, tensors.0 + tensors.1));
    assert_eq!(of(Method::Ring { devices: 1 }, true).cost().flops, 2.0 * 2.0 * 12.0 * (64.0 * 65.0 / 2.0));
    let delta = of(Method::Delta { rate: 1.0 }, true);
    assert_eq!((delta.cost().flops, delta.kept(), delta.exact_kept()), (2.0 * 6.0 * 32.0 * 64.0, 32, 64 * 12));
    // 8 blocks of 8 at level 0: 22 pairs of blocks. At level 1, 4 blocks: 10 pairs less the 22 quarters that have met. At level 2 all 4 pairs less 10 quarters.
    let h = of(Method::HTransformer { block: 8 }, false);
    let pairs = 64.0 * (22.0 + (10.0 - 22.0 / 4.0) + (4.0 - 10.0 / 4.0));
    assert_eq!(h.cost().flops, 2.0 * (2.0 * 12.0 * pairs + 64.0 * 20.0));
}

//! Every entry of every list, at the ends of its parameters, beyond them, and at extreme sizes: it computes finite numbers, or one sentence says at
//! which field it does not.

use attention_playground::catalogue::Param;
use attention_playground::experiment::{Experiment, Form, Issue, Issues, Size, check, decode, encode, encode_as};
use attention_playground::formula::Ty;
use proptest::prelude::*;

use super::walk::{Place, STREAMS, answer, decoding, is_field, places, run, size, small, told};

/// Every form of a link opens as the experiment that it was made of.
fn round_trip(experiment: &Experiment, name: &str) {
    let links = [encode(experiment), encode_as(experiment, Form::Readable), encode_as(experiment, Form::Packed)];
    for link in links {
        let opened = decode(&link);
        assert_eq!((opened.problems, &opened.experiment), (vec![], experiment), "{name}: {link}");
    }
}

/// Finite numbers, or issues at fields that have names.
fn runs_or_tells(experiment: &Experiment, name: &str) -> Vec<Issue> {
    match run(experiment) {
        Ok(y) => {
            let bad = y.iter().position(|y| !y.is_finite());
            assert!(!y.is_empty() && bad.is_none(), "{name}: {bad:?} of {}", y.len());
            Vec::new()
        }
        Err(issues) => {
            for issue in &issues.0 {
                told(issue, name);
                assert!(is_field(&issue.path), "{name}: {issues}");
            }
            issues.0
        }
    }
}

#[test]
fn every_entry_runs_with_its_defaults_and_travels_in_links() {
    for place in places() {
        let name = format!("{} {}", place.room, place.id);
        let experiment = place.experiment(small(), &[]);
        check(&experiment).unwrap_or_else(|issues| panic!("{name}: {issues}"));
        round_trip(&experiment, &name);
        assert_eq!(runs_or_tells(&experiment, &name), [], "{name}");
    }
}

#[test]
fn the_ends_of_every_parameter_compute_or_name_it() {
    for place in places() {
        for param in place.free() {
            for value in [param.min, param.max, param.hard_max] {
                let name = format!("{} {} {} {value}", place.room, place.id, param.name);
                let experiment = place.experiment(small(), &[(param.name, value)]);
                let found = runs_or_tells(&experiment, &name);
                if check(&experiment).is_ok() {
                    round_trip(&experiment, &name);
                }
                for issue in found {
                    let named = place.params.iter().any(|p| issue.path == format!("{}.params.{}", place.room, p.name));
                    assert!(named, "{name}: {}", issue.path);
                }
            }
        }
    }
}

/// Values that a parameter can't have, and what the sentence about each must name.
fn refused(param: &Param) -> Vec<(f64, Vec<String>)> {
    let limits = || match param.ty {
        Ty::Bool => vec!["0".to_owned(), "1".to_owned()],
        _ => vec![param.min.to_string(), param.hard_max.to_string()],
    };
    let beside = |value: f64, up: bool| match (param.ty, up) {
        (Ty::Float, true) => value.next_up(),
        (Ty::Float, false) => value.next_down(),
        (_, true) => value + param.step,
        (_, false) => value - param.step,
    };
    let (below, above) = (beside(param.min, false), beside(param.hard_max, true));
    let broken = [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 1e300, -1e300, below, above];
    let between = (param.ty != Ty::Float).then_some(param.min + 0.5);
    broken.into_iter().chain(between).map(|value| (value, limits())).collect()
}

#[test]
fn values_beyond_the_ends_are_refused_by_name() {
    for place in places() {
        for param in place.free() {
            for (value, limits) in refused(param) {
                let name = format!("{} {} {} {value:?}", place.room, place.id, param.name);
                let found = check(&place.experiment(small(), &[(param.name, value)])).err().unwrap_or_default().0;
                let paths: Vec<&str> = found.iter().map(|issue| issue.path.as_str()).collect();
                assert_eq!(paths, [format!("{}.params.{}", place.room, param.name)], "{name}");
                told(&found[0], &name);
                let words = [&found[0].message.en, &found[0].message.zh];
                assert!(limits.iter().all(|limit| words.iter().all(|text| text.contains(limit))), "{name}: {words:?}");
            }
        }
        // What joins streams has no parameters, and no field for any.
        if place.room != STREAMS {
            let name = format!("{} {}", place.room, place.id);
            let found = check(&place.experiment(small(), &[("nonesuch", 1.0)])).err().unwrap_or_default().0;
            let paths: Vec<&str> = found.iter().map(|issue| issue.path.as_str()).collect();
            assert_eq!(paths, [format!("{}.params.nonesuch", place.room)], "{name}");
            told(&found[0], &name);
            assert!(found[0].message.en.contains("nonesuch") && found[0].message.zh.contains("nonesuch"), "{name}");
        }
    }
}

#[test]
fn extreme_sizes_compute_or_name_a_field() {
    let sizes = [
        size([1, 1], [1, 1], [1, 1]),
        size([2, 1], [1, 9], [4, 3]),
        size([2, 1], [9, 1], [4, 3]),
        size([3, 3], [5, 13], [2, 6]),
        size([1, 1], [13, 5], [6, 1]),
        size([32, 1], [6, 6], [3, 2]),
        size([32, 32], [5, 5], [1, 4]),
    ];
    for place in places() {
        for size in sizes {
            let experiment = place.experiment(size, &[]);
            for (experiment, side) in [(decoding(experiment.clone()), "bottom right"), (experiment, "top left")] {
                let name = format!("{} {} {size:?} {side}", place.room, place.id);
                // Only what sizes keep apart is refused.
                let refused = runs_or_tells(&experiment, &name);
                assert!(size.n_q != size.n_k || refused.is_empty(), "{name}: {refused:?}");
            }
        }
    }
}

/// The page and its JavaScript API mean the same by an entry: equal outputs, or the same field at fault.
#[test]
fn requests_mean_what_experiments_do() {
    for place in places() {
        let alone: Vec<_> =
            place.free().flat_map(|p| [p.min, p.max, p.hard_max].map(|value| vec![(p.name, value)])).collect();
        let beyond = place.free().flat_map(|p| refused(p).into_iter().map(|(value, _)| vec![(p.name, value)]));
        let unknown = vec![vec![], vec![("nonesuch", 1.0)]];
        for given in alone.into_iter().chain(beyond).chain(unknown) {
            let experiment = place.experiment(small(), &given);
            let Some(request) = place.request(&experiment) else { continue };
            let paths = |issues: Issues| issues.0.into_iter().map(|issue| issue.path).collect::<Vec<_>>();
            let (page, api) = (run(&experiment).map_err(paths), answer(&request).map_err(paths));
            // An estimator that sees all keys is asked under no mask, and the outputs of attention beside it are others.
            let same = match (&page, &api) {
                (Ok(a), Ok(b)) if request.mask.is_some() => a == b,
                (Ok(_), Ok(_)) => true,
                _ => page == api,
            };
            assert!(same, "{} {} {given:?}: {:?} and {:?}", place.room, place.id, page.err(), api.err());
        }
    }
}

/// A value that the slider of a parameter could give, from a share of its range.
fn on_slider(param: &Param, share: f64) -> f64 {
    let value = param.min + share * (param.hard_max - param.min);
    match param.ty {
        Ty::Bool => value.round(),
        Ty::Int => param.min + ((value - param.min) / param.step).floor() * param.step,
        Ty::Float => value,
    }
}

fn any_place() -> impl Strategy<Value = (Place, Vec<f64>)> {
    let all = places();
    (0..all.len()).prop_flat_map(move |at| {
        let place = all[at];
        // Most values people set are small, so that half of the range stands for its first hundredth.
        let share = prop_oneof![0.0..=1.0_f64, 0.0..=0.01_f64];
        (Just(place), prop::collection::vec(share, place.free().count()))
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: ProptestConfig::default().cases.max(1500), failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn values_between_the_ends_compute_or_are_named(
        (place, shares) in any_place(),
        heads in prop::sample::select(vec![[1, 1], [2, 1], [4, 2], [3, 3]]),
        lengths in [1..14_usize, 1..14_usize],
        sizes in [1..7_usize, 1..5_usize],
    ) {
        let given: Vec<_> = place.free().zip(shares).map(|(param, share)| (param.name, on_slider(param, share))).collect();
        let size: Size = size(heads, lengths, sizes);
        let name = format!("{} {} {given:?} {size:?}", place.room, place.id);
        let experiment = place.experiment(size, &given);
        runs_or_tells(&experiment, &name);
        if check(&experiment).is_ok() {
            round_trip(&experiment, &name);
        }
    }
}

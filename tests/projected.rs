//! Hidden states and their projections, and every seeded generator, against NumPy (`tests/independent/projected.py`, `generators.py`).

use attention_playground::attention::load;
use attention_playground::catalogue;
use attention_playground::experiment::Input;
use attention_playground::formula::Sorted;
use attention_playground::interchange::SerdeJson;
use serde::Deserialize;

/// Sums of at most 64 products in f64, rounded to f32: half a place of numbers below 8, and room for another order of the sums;
/// relative to larger ones.
const TOLERANCE: f64 = 1e-6;

#[derive(Deserialize)]
struct Case {
    input: Input,
    q: Vec<f64>,
    k: Vec<f64>,
    v: Vec<f64>,
}

#[test]
fn numpy_projects_to_the_same_numbers() {
    let cases: Vec<Case> = serde_json::from_str(include_str!("independent/projected.json")).unwrap();
    assert_eq!(cases.len(), 5);
    compare(cases);
}

#[test]
fn numpy_generates_the_same_numbers() {
    let cases: Vec<Case> = serde_json::from_str(include_str!("independent/generators.json")).unwrap();
    // Every generator, and every parameter at another value than its default.
    for entry in catalogue::recipes() {
        let given = cases.iter().filter_map(|case| match &case.input {
            Input::Generated { recipe, params, .. } if recipe == entry.id => Some(params),
            _ => None,
        });
        let given: Vec<_> = given.collect();
        assert!(!given.is_empty(), "{}", entry.id);
        for param in entry.params {
            let other = |params: &&Sorted<String, f64>| params.get(param.name).is_some_and(|x| *x != param.default);
            assert!(given.iter().any(other), "{} {}", entry.id, param.name);
        }
    }
    compare(cases);
}

fn compare(cases: Vec<Case>) {
    for case in cases {
        let loaded = load::<SerdeJson>(&case.input, None).unwrap();
        for (name, ours, numpy) in
            [("Q", &loaded.inputs.q, &case.q), ("K", &loaded.inputs.k, &case.k), ("V", &loaded.inputs.v, &case.v)]
        {
            assert_eq!(ours.len(), numpy.len(), "{name}");
            let worst =
                ours.iter().zip(numpy).map(|(a, b)| (f64::from(*a) - b).abs() / b.abs().max(1.0)).fold(0.0, f64::max);
            assert!(worst < TOLERANCE, "{name} of {:?}: off by {worst}", case.input);
        }
    }
}

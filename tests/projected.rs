//! Hidden states and their projections against NumPy (`tests/independent/projected.py`).

#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use attention_playground::attention::load;
use attention_playground::experiment::Input;
use attention_playground::interchange::SerdeJson;
use serde::Deserialize;

/// Sums of at most 64 products in f64, rounded to f32: half a place of numbers below 8, and room for another order of the sums.
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
    for case in cases {
        let loaded = load::<SerdeJson>(&case.input, None).unwrap();
        for (name, ours, numpy) in
            [("Q", &loaded.inputs.q, &case.q), ("K", &loaded.inputs.k, &case.k), ("V", &loaded.inputs.v, &case.v)]
        {
            assert_eq!(ours.len(), numpy.len(), "{name}");
            let worst = ours.iter().zip(numpy).map(|(a, b)| (f64::from(*a) - b).abs()).fold(0.0, f64::max);
            assert!(worst < TOLERANCE, "{name} of {:?}: off by {worst}", case.input);
        }
    }
}

//! Normalisers against values that a script of NumPy made by the papers' own algorithms (`tests/independent/normalisers.py`), on every engine.

use crate::native::common;

use std::sync::Arc;

use attention_playground::attention::{Inputs, Normaliser, Problem};
use attention_playground::experiment::Stage;
use common::engines;
use common::table::dims;

/// Weights lie between 0 and 1; scores of up to 15 are rounded to single precision on their way.
const TOLERANCE: f64 = 4e-6;

#[test]
fn weights_are_those_of_the_papers_algorithms() {
    let rows: Vec<serde_json::Value> = serde_json::from_str(include_str!("independent/normalisers.json")).unwrap();
    let numbers = |value: &serde_json::Value| -> Vec<f64> { serde_json::from_value(value.clone()).unwrap() };
    let mut checked = 0;
    const KINDS: [(Normaliser, &str); 6] = [
        (Normaliser::Softmax, "softmax"),
        (Normaliser::OffByOne, "off-by-one"),
        (Normaliser::Sigmoid, "sigmoid"),
        (Normaliser::Sparsemax, "sparsemax"),
        (Normaliser::Entmax, "entmax"),
        (Normaliser::SquaredRelu, "squared-relu"),
    ];
    for (row, (normaliser, name)) in rows.iter().flat_map(|row| KINDS.map(|kind| (row, kind))) {
        let scores = numbers(&row["scores"]);
        let wanted = numbers(&row[name]);
        // One query of 1 meets keys that are the scores; the values tell nothing here.
        let mut problem = Problem::plain(dims([1, 1], [1, scores.len()], [1, 1]));
        (problem.scale, problem.normaliser) = (1.0, normaliser);
        let keys: Vec<f32> = scores.iter().map(|&s| s as f32).collect();
        let inputs = Inputs { q: Arc::new(vec![1.0]), v: Arc::new(vec![1.0; keys.len()]), k: Arc::new(keys) };
        for engine in engines() {
            let (_, weights) = engine.run(&problem, &inputs, Some(Stage::Weights)).matrix.unwrap();
            for (k, (found, wanted)) in weights.iter().zip(&wanted).enumerate() {
                let off = (f64::from(*found) - wanted).abs();
                let allowed = TOLERANCE * wanted.max(1.0);
                assert!(
                    off <= allowed,
                    "{name} of {} keys on {engine:?}: weight {k} is {found}, not {wanted}",
                    scores.len()
                );
                checked += 1;
            }
        }
    }
    assert!(checked > 5000, "{checked}");
}

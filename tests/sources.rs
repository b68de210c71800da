//! Every entry of the catalogue has values that were made without our code: by a script of NumPy in `tests/independent/`, or by what stands in the
//! list below with its reason.

use std::collections::BTreeSet;

use attention_playground::catalogue;
use serde_json::Value;

type Known = BTreeSet<(String, String)>;

/// Entries whose values come from elsewhere, and from where.
const ELSEWHERE: [(&str, &str, &str); 6] = [
    ("product", "dot", "ONNX's own vectors (tests/onnx_vectors.rs), and every script multiplies so"),
    ("selection", "none", "selects nothing: ONNX's own vectors"),
    ("hybrid", "none", "mixes nothing in: ONNX's own vectors"),
    ("layers", "local-global", "cells that are counted by hand (tests/content.rs)"),
    (
        "layers",
        "some-nope",
        "the same problem with or without positions, by the number of the layer (tests/content.rs)",
    ),
    ("layers", "rope-nope", "both of these (tests/content.rs)"),
];

/// What the scripts wrote.
fn written() -> Known {
    let mut known = Known::new();
    let mut add = |room: &str, id: &str| _ = known.insert((room.to_owned(), id.to_owned()));
    let read = |text: &str| serde_json::from_str::<Value>(text).unwrap();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let cases = |value: &Value| value.as_array().unwrap().clone();
    for case in cases(&read(include_str!("independent/content.json"))) {
        add(&text(&case["room"]), &text(&case["id"]));
    }
    let schemes = [
        read(include_str!("independent/positions.json"))["cases"].clone(),
        read(include_str!("independent/biases.json"))["cases"].clone(),
        read(include_str!("independent/rotary.json")),
    ];
    // Some values are of one way in which a scheme goes on past its trained length.
    let scheme = |name: &str| catalogue::position_line(name).map_or(name.to_owned(), |line| line.entry.id.to_owned());
    schemes.iter().flat_map(cases).for_each(|case| add("position", &scheme(&text(&case["scheme"]))));
    let rows = read(include_str!("independent/normalisers.json"));
    let names = rows[0].as_object().unwrap().keys().filter(|name| *name != "scores");
    names.for_each(|name| add("normaliser", name));
    for case in cases(&read(include_str!("independent/estimators.json"))) {
        add("estimator", &text(&case["id"]));
    }
    for case in cases(&read(include_str!("independent/generators.json"))) {
        add("input", &text(&case["input"]["recipe"]));
    }
    for case in cases(&read(include_str!("independent/streams.json"))) {
        add("streams", &text(&case["stream"]));
    }
    for case in cases(&read(include_str!("independent/layouts.json"))["cases"]) {
        add("layout", &text(&case["layout"]));
    }
    for case in cases(&read(include_str!("independent/hybrid.json"))) {
        let chosen = case["experiment"].as_object().unwrap();
        for room in ["hybrid", "selection"] {
            chosen.get(room).into_iter().for_each(|choice| add(room, &text(&choice["id"])));
        }
    }
    known
}

#[test]
fn every_entry_has_values_that_our_code_did_not_make() {
    let mut all = Known::new();
    let mut add = |room: &str, id: &str| _ = all.insert((room.to_owned(), id.to_owned()));
    catalogue::positions().iter().for_each(|e| add("position", e.id));
    catalogue::normalisers().iter().for_each(|e| add("normaliser", e.id));
    catalogue::estimators().iter().for_each(|e| add("estimator", e.id));
    catalogue::products().iter().for_each(|e| add("product", e.id));
    catalogue::selections().iter().for_each(|e| add("selection", e.id));
    catalogue::layouts().iter().for_each(|e| add("layout", e.id));
    catalogue::hybrids().iter().for_each(|e| add("hybrid", e.id));
    catalogue::probabilities().iter().for_each(|e| add("prob", e.id));
    catalogue::mixes().iter().for_each(|e| add("layers", e.id));
    catalogue::recipes().iter().for_each(|e| add("input", e.id));
    catalogue::streams().iter().for_each(|e| add("streams", e.id));
    let written = written();
    let unknown: Vec<_> = written.difference(&all).collect();
    assert!(unknown.is_empty(), "no entry of the catalogue: {unknown:?}");
    let elsewhere: Known = ELSEWHERE.iter().map(|&(room, id, _)| (room.to_owned(), id.to_owned())).collect();
    let missing: Vec<_> = all.difference(&written).filter(|entry| !elsewhere.contains(*entry)).collect();
    assert!(missing.is_empty(), "no independent values, and no reason: {missing:?}");
    let idle: Vec<_> = elsewhere.iter().filter(|entry| written.contains(*entry) || !all.contains(*entry)).collect();
    assert!(idle.is_empty(), "a reason without need: {idle:?}");
}

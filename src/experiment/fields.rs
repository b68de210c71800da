//! The fields of an experiment, as JSON has them.

use super::shape::{Field, Shape, field, needed};
use Shape::{Count, Flag, Kinds, List, Number, Object, Optional, Or, Range, Seed, Table, Text, Word};

/// The engines.
pub const BACKEND: Shape = Word(&["auto", "cpu", "webgpu", "reference"]);
/// How the weights are formed.
pub const ALGORITHM: Shape = Word(&["auto", "materialised", "streaming"]);
/// What a GPU's kernels may use beyond the core of WebGPU.
pub const TIERS: Shape = List(&Word(&["subgroups", "f16"]));
/// Parameters by name.
const PARAMS: Shape = Table(&Number);
/// Tables by name.
pub const DATA: Shape = Table(&List(&Number));
/// A catalogue entry.
pub const CHOICE: Shape = Object(&[needed("id", Text), field("params", PARAMS)]);
/// The switches where libraries differ.
pub const CONVENTIONS: Shape = Object(&[
    field("causal", Word(&["top_left", "bottom_right"])),
    field("window", Word(&["exclusive", "inclusive"])),
    field("sides", Word(&["one_sided", "two_sided"])),
    field("softcap", Word(&["before_bias", "after_bias"])),
    field("rope", Word(&["halves", "interleaved"])),
    field("alibi", Word(&["absolute", "signed"])),
]);
/// A formula of the user's own.
const CUSTOM: Shape = Object(&[field("text", Text), field("params", List(&DECLARED))]);
/// A catalogue entry, or a formula of the user's own.
const OWN_OR_ENTRY: Shape = Object(&[needed("id", Text), field("params", PARAMS), field("custom", Optional(&CUSTOM))]);
/// Patterns joined with the mask.
pub const COMBINE: Shape = List(&Object(&[
    needed("op", Word(&["and", "or", "replace"])),
    field("not", Flag),
    field("heads", Optional(&List(&Count))),
    needed("id", Text),
    field("params", PARAMS),
    field("custom", Optional(&CUSTOM)),
]));
const DECLARED: Shape = Object(&[
    needed("name", Text),
    needed("ty", Word(&["bool", "int", "float"])),
    needed("min", Number),
    needed("max", Number),
    needed("step", Number),
    needed("value", Number),
]);
const SIZE: Shape = Object(&[
    field("q_heads", Count),
    field("kv_heads", Count),
    field("n_q", Count),
    field("n_k", Count),
    field("d", Count),
    field("d_v", Count),
]);
const ROWS: Shape = List(&List(&Number));
const KIND: Field = needed("kind", Text);
const HIDDEN: Shape = Kinds(&[
    ("rows", &[KIND, needed("rows", ROWS)]),
    (
        "generated",
        &[
            KIND,
            needed("recipe", Text),
            needed("rows", Count),
            needed("width", Count),
            needed("seed", Seed),
            field("params", PARAMS),
        ],
    ),
    ("text", &[KIND, needed("text", Text)]),
    ("image", &[KIND, needed("width", Count), needed("cells", List(&Number))]),
    ("texts", &[KIND, needed("a", Text), needed("b", Text)]),
    ("text_image", &[KIND, needed("text", Text), needed("width", Count), needed("cells", List(&Number))]),
]);
const MATRICES: Shape = Object(&[needed("q", ROWS), needed("k", ROWS), needed("v", ROWS)]);
const WEIGHTS: Shape = Or(&Word(&["normal", "identity", "orthogonal"]), &Object(&[needed("rows", MATRICES)]));
const NORMALS: Field = field("normals", Word(&["unrounded", "rounded"]));
const ROUNDED: Field = field("rounded", Number);
const INPUT: Shape = Kinds(&[
    ("capture", &[KIND, needed("id", Text), needed("layer", Count)]),
    (
        "generated",
        &[KIND, needed("recipe", Text), needed("size", SIZE), needed("seed", Seed), NORMALS, field("params", PARAMS)],
    ),
    ("text", &[KIND, needed("text", Text), needed("size", SIZE), needed("seed", Seed), NORMALS]),
    (
        "numbers",
        &[
            KIND,
            needed("q", ROWS),
            needed("k", ROWS),
            needed("v", ROWS),
            field("q_heads", Count),
            field("kv_heads", Count),
            ROUNDED,
        ],
    ),
    (
        "projected",
        &[
            KIND,
            needed("x", HIDDEN),
            needed("weights", WEIGHTS),
            field("weights_b", Optional(&WEIGHTS)),
            needed("size", SIZE),
            needed("seed", Seed),
            NORMALS,
            ROUNDED,
        ],
    ),
]);
const EDIT: Shape = Object(&[
    needed("tensor", Word(&["q", "k", "v"])),
    needed("head", Count),
    needed("row", Count),
    needed("col", Count),
    needed("value", Number),
]);
const PATCH: Shape =
    Object(&[field("head", Optional(&Count)), needed("q", Range), needed("k", Range), needed("allow", Flag)]);
const STAGE: Shape = Word(&["raw", "scaled", "capped", "biased", "masked", "weights"]);

/// Every field of an experiment.
pub const EXPERIMENT: [Field; 25] = [
    field("input", INPUT),
    field("edits", List(&EDIT)),
    field("mask", OWN_OR_ENTRY),
    field("combine", COMBINE),
    field("paint", List(&PATCH)),
    field("score", Optional(&CUSTOM)),
    field("position", CHOICE),
    field("product", CHOICE),
    field("scale", Or(&Word(&["inverse_sqrt", "none", "log_n"]), &Object(&[needed("free", Number)]))),
    field("temperature", Number),
    field("softcap", Number),
    field("layout", CHOICE),
    field("selection", CHOICE),
    field("hybrid", CHOICE),
    field("branch_a", CHOICE),
    field("branch", CHOICE),
    field("normaliser", CHOICE),
    field("prob", OWN_OR_ENTRY),
    field("layers", CHOICE),
    field("estimator", CHOICE),
    field("conventions", CONVENTIONS),
    field("data", DATA),
    field("seed", Seed),
    field("engine", Object(&[field("backend", BACKEND), field("algorithm", ALGORITHM), field("tiers", TIERS)])),
    field(
        "view",
        Object(&[
            field("stage", STAGE),
            field("head", Count),
            field("query", Count),
            field("key", Count),
            field("rows", Optional(&Range)),
            field("columns", Optional(&Range)),
            field("reading", Word(&["map", "lines", "table"])),
        ]),
    ),
];

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that fails may panic")]
mod tests {
    use serde_json::{Value, json};

    use super::super::{Experiment, Issue};
    use super::EXPERIMENT;

    /// What the shapes say of an experiment.
    fn issues(value: &Value) -> Vec<Issue> {
        let mut issues = Vec::new();
        super::Object(&EXPERIMENT).check(value, "", &mut issues);
        issues
    }

    /// Experiments that together hold every field there is.
    fn full() -> Vec<Value> {
        let size = json!({"q_heads": 2, "kv_heads": 2, "n_q": 3, "n_k": 3, "d": 4, "d_v": 4});
        let param = json!({"name": "w", "ty": "int", "min": 0.5, "max": 9.5, "step": 1.5, "value": 4.5});
        let custom = json!({"text": "k < w", "params": [param]});
        let one = json!({
            "input": {"kind": "generated", "recipe": "normal", "size": size, "seed": 1, "normals": "rounded"},
            "edits": [{"tensor": "q", "head": 0, "row": 0, "col": 0, "value": 0.5}],
            "mask": {"id": "custom", "params": {"window": 0.5}, "custom": custom},
            "combine": [{"op": "or", "not": true, "heads": [0, 2], "id": "custom", "params": {"x": 0.5}, "custom": custom}],
            "paint": [{"head": 0, "q": [0, 1], "k": [0, 1], "allow": true}],
            "score": custom, "position": {"id": "rope", "params": {"base": 0.5}}, "scale": {"free": 0.5},
            "product": {"id": "cosine", "params": {"scale": 0.5}}, "selection": {"id": "none", "params": {"x": 0.5}},
            "temperature": 0.5, "softcap": 0.5, "normaliser": {"id": "softmax", "params": {"x": 0.5}},
            "layers": {"id": "same", "params": {"every": 0.5}}, "prob": {"id": "custom", "params": {"rate": 0.5}, "custom": custom}, "estimator": {"id": "none", "params": {"x": 0.5}},
            "layout": {"id": "mla", "params": {"rank": 0.5}}, "hybrid": {"id": "gated", "params": {"gate": 0.5}}, "branch_a": {"id": "gru", "params": {"x": 0.5}}, "branch": {"id": "gru", "params": {"x": 0.5}},
            "conventions": {"causal": "top_left", "window": "inclusive", "softcap": "after_bias", "rope": "halves", "sides": "two_sided", "alibi": "signed"},
            "data": {"doc": [0.5, 0.5]}, "seed": 1, "engine": {"backend": "cpu", "algorithm": "streaming", "tiers": ["subgroups", "f16"]},
            "view": {"stage": "raw", "head": 1, "query": 1, "key": 1, "rows": [0, 2], "columns": [1, 2], "reading": "lines"},
        });
        let with = |name: &str, value: Value| {
            let mut all = one.clone();
            all[name] = value;
            all
        };
        let projected = |x: Value, weights: Value| json!({"kind": "projected", "x": x, "weights": weights, "size": {}, "seed": 1, "normals": "rounded", "rounded": 0.5});
        let own = json!({"rows": {"q": [[0.5]], "k": [[0.5]], "v": [[0.5]]}});
        vec![
            with("input", json!({"kind": "capture", "id": "animal", "layer": 1})),
            with("input", json!({"kind": "text", "text": "a b", "size": {}, "seed": 1, "normals": "rounded"})),
            with("input", json!({"kind": "numbers", "q": [[0.5]], "k": [[0.5]], "v": [[0.5]]})),
            with(
                "input",
                json!({"kind": "numbers", "q": [[0.5], [1.5]], "k": [[0.5]], "v": [[0.5]], "q_heads": 2, "kv_heads": 1, "rounded": 0.5}),
            ),
            with("input", projected(json!({"kind": "rows", "rows": [[0.5]]}), json!("identity"))),
            with(
                "input",
                projected(json!({"kind": "generated", "recipe": "normal", "rows": 2, "width": 3, "seed": 1}), own),
            ),
            with("input", projected(json!({"kind": "text", "text": "a"}), json!("normal"))),
            with("input", projected(json!({"kind": "image", "width": 1, "cells": [0.5]}), json!("orthogonal"))),
            with("input", projected(json!({"kind": "texts", "a": "a", "b": "b"}), json!("normal"))),
            with(
                "input",
                projected(json!({"kind": "text_image", "text": "a", "width": 1, "cells": [0.5]}), json!("normal")),
            ),
            with("scale", json!("log_n")),
            one,
        ]
    }

    /// Paths (as JSON pointers) of every part of a value.
    fn parts(value: &Value, at: &str, all: &mut Vec<String>) {
        all.push(at.to_owned());
        match value {
            Value::Object(fields) => fields.iter().for_each(|(name, inner)| parts(inner, &format!("{at}/{name}"), all)),
            Value::Array(items) => {
                items.iter().enumerate().for_each(|(i, inner)| parts(inner, &format!("{at}/{i}"), all))
            }
            _ => {}
        }
    }

    #[test]
    fn the_shapes_and_the_types_read_the_same() {
        let read = |value: &Value| serde_json::from_value::<Experiment>(value.clone()).is_ok();
        let wrong = [
            json!(null),
            json!(true),
            json!(1),
            json!(-1),
            json!(1.5),
            json!("raw"),
            json!("x"),
            json!([]),
            json!([1, 2, 3]),
            json!({}),
            json!({"text": "x"}),
            json!({"free": 1}),
            json!({"free": 1, "bound": 2}),
            json!({"id": "x"}),
        ];
        for experiment in full() {
            assert!(read(&experiment), "{experiment}");
            assert_eq!(issues(&experiment), []);
            let mut all = Vec::new();
            parts(&experiment, "", &mut all);
            for part in &all {
                let changes = wrong.iter().cloned().map(|with| {
                    let mut changed = experiment.clone();
                    *changed.pointer_mut(part).unwrap() = with;
                    changed
                });
                let mut more = experiment.clone();
                let mut fewer = experiment.clone();
                let (outer, name) = part.rsplit_once('/').unwrap_or_default();
                if let Some(Value::Object(fields)) = more.pointer_mut(part) {
                    fields.insert("wings".to_owned(), json!(1));
                }
                if let Some(Value::Object(fields)) = fewer.pointer_mut(outer) {
                    fields.remove(name);
                }
                for changed in changes.chain([more, fewer]) {
                    let found = issues(&changed);
                    // The types would take a list for the fields of an object in their order; nobody means that.
                    let list = changed.pointer(part).is_some_and(Value::is_array);
                    // Serde would also take a number for the name of a kind inside another.
                    let list = list || part == "/input/x/kind" && changed.pointer(part).is_some_and(Value::is_number);
                    assert!(
                        found.is_empty() == read(&changed) || list && !found.is_empty(),
                        "{part} of {changed}: {found:?}"
                    );
                }
            }
        }
    }

    #[test]
    fn words_are_the_users() {
        let said = |value: Value| {
            let found = issues(&value);
            assert!(found.iter().all(|issue| !issue.message.zh.is_empty()));
            found.iter().map(|issue| issue.line(crate::catalogue::Lang::En)).collect::<Vec<_>>()
        };
        assert_eq!(said(json!({"temperature": "hot"})), ["temperature: must be a number, and is \"hot\""]);
        assert_eq!(said(json!({"view": {"head": -1}})), ["view.head: must be a whole number, 0 or more, and is -1"]);
        assert_eq!(
            said(json!({"scale": "big"})),
            ["scale: must be one of inverse_sqrt, none, log_n or an object { free }, and is \"big\""]
        );
        assert_eq!(
            said(json!({"conventions": {"window": "open"}})),
            ["conventions.window: must be one of exclusive, inclusive, and is \"open\""]
        );
        assert_eq!(
            said(json!({"edits": [{"tensor": "q", "row": "a"}]})),
            ["edits[0].row: must be a whole number, 0 or more, and is \"a\"", "edits[0]: lacks head, col, value"]
        );
        assert_eq!(
            said(json!({"paint": [{"k": [0, -1], "q": 3, "allow": true}]})),
            [
                "paint[0].k[1]: must be a whole number, 0 or more, and is -1",
                "paint[0].q: must be two whole numbers, [from, to], and is 3"
            ]
        );
        assert_eq!(
            said(json!({"temprature": 1})),
            ["temprature: there is no field `temprature`; did you mean `temperature`?"]
        );
        assert_eq!(
            said(json!({"mask": {"id": "causal", "window": 3}})),
            ["mask.window: there is no field `window`; there are id, params, custom"]
        );
        assert_eq!(
            said(json!({"input": {"kind": "generate"}})),
            ["input.kind: there is no kind of input `generate`; did you mean `generated`?"]
        );
    }
}

//! Links, partial settings and the published schema: what leaves the page and comes back to it.

use crate::native::common;

use attention_playground::catalogue::Lang;
use attention_playground::experiment::{
    AlibiDistance, Backend, CausalAlignment, Choice, CustomFormula, Declared, Edit, Experiment, Form, Hidden, Input,
    Join, Layer, MaskChoice, Matrix, Normals, Patch, Reading, Scale, Size, Stage, TensorName, Tiers, View, Weights,
    WindowEdge, WindowSides, check, decode, encode, encode_as, merge, round,
};
use attention_playground::formula::{Sorted, Ty};
use proptest::prelude::*;
use serde_json::{Value, json};

fn mask(id: &str, params: &[(&str, f64)]) -> MaskChoice {
    let params = params.iter().map(|(name, value)| ((*name).to_owned(), *value)).collect();
    MaskChoice { id: id.to_owned(), params, custom: None }
}

fn custom(text: &str) -> CustomFormula {
    let window = Declared { name: "w".to_owned(), ty: Ty::Int, min: 1.0, max: 64.0, step: 1.0, value: 4.0 };
    CustomFormula { text: text.to_owned(), params: vec![window] }
}

/// Links that were once given out, with what they must open as for ever. Never change a line; add new ones.
fn golden() -> Vec<(&'static str, Experiment)> {
    let default = Experiment::default();
    let all = |change: fn(&mut Experiment)| {
        let mut experiment = Experiment::default();
        change(&mut experiment);
        experiment
    };
    vec![
        ("", default.clone()),
        ("v1", default),
        (
            "v1&mask.window=5&view.head=0",
            all(|e| {
                e.mask = mask("sliding-window", &[("window", 5.0)]);
                e.view.head = 0;
            }),
        ),
        (
            "v1&mask=dilated&mask.dilation=3&mask.two_sided=1&position=alibi",
            all(|e| {
                e.mask = mask("dilated", &[("dilation", 3.0), ("two_sided", 1.0)]);
                e.position = Choice::of("alibi");
            }),
        ),
        (
            "v1&conventions.alibi=signed&conventions.sides=two_sided&position=alibi",
            all(|e| {
                e.conventions.sides = WindowSides::TwoSided;
                e.conventions.alibi = AlibiDistance::Signed;
                e.position = Choice::of("alibi");
            }),
        ),
        (
            "v1&input=projected&input.weights_b=orthogonal&input.x=~jeyJraW5kIjoidGV4dHMiLCJhIjoiYSBjYXQiLCJiIjoiZWluZSBLYXR6ZSJ9&mask=cross-modal&mask.first=2",
            all(|e| {
                let x = Hidden::Texts { a: "a cat".to_owned(), b: "eine Katze".to_owned() };
                let (weights, weights_b) = (Weights::Normal, Some(Weights::Orthogonal));
                e.input = Input::Projected {
                    x,
                    weights,
                    weights_b,
                    size: Size::default(),
                    seed: 0,
                    normals: Normals::Unrounded,
                    rounded: 0.0,
                };
                e.mask = mask("cross-modal", &[("first", 2.0)]);
            }),
        ),
        ("v1&mask=sliding-window", all(|e| e.mask = mask("sliding-window", &[]))),
        (
            "v1&input=text&input.normals=rounded&input.text=a%20cat",
            all(|e| {
                let (size, normals) = (Size::default(), Normals::Rounded);
                e.input = Input::Text { text: "a cat".to_owned(), size, seed: 0, normals };
            }),
        ),
        (
            "v1&conventions.causal=bottom_right&conventions.window=inclusive&engine.backend=cpu&input=generated&input.recipe=needle&input.seed=7&input.size.n_k=64&input.size.n_q=32&scale.free=0.5&softcap=30&temperature=0.1&view.stage=masked",
            all(|e| {
                e.conventions.causal = CausalAlignment::BottomRight;
                e.conventions.window = WindowEdge::Inclusive;
                e.engine.backend = Backend::Cpu;
                let size = Size { n_q: 32, n_k: 64, ..Size::default() };
                e.input = Input::generated("needle", size, 7);
                e.scale = Scale::Free(0.5);
                e.softcap = 30.0;
                e.temperature = 0.1;
                e.view.stage = Stage::Masked;
            }),
        ),
        (
            "v1&data.doc=0,0,1,1&input=text&input.text=%E5%AE%83%20%22%E7%B4%AF%22%20%26%20tired&mask=document&scale=log_n",
            all(|e| {
                e.data = Sorted::from([("doc".to_owned(), vec![0.0, 0.0, 1.0, 1.0])]);
                e.input = Input::Text {
                    text: "它 \"累\" & tired".to_owned(),
                    size: Size::default(),
                    seed: 0,
                    normals: Normals::Unrounded,
                };
                e.mask = mask("document", &[]);
                e.scale = Scale::LogN;
            }),
        ),
        (
            "v1&combine=~jW3siaGVhZHMiOlswLDJdLCJpZCI6ImRpbGF0ZWQiLCJub3QiOnRydWUsIm9wIjoiYW5kIn0seyJpZCI6Imdsb2JhbCIsIm9wIjoib3IiLCJwYXJhbXMiOnsidG9rZW5zIjozLjB9fV0",
            all(|e| {
                e.combine = vec![
                    Layer { not: true, heads: Some(vec![0, 2]), ..Layer::of(Join::And, "dilated") },
                    Layer { params: Sorted::from([("tokens".to_owned(), 3.0)]), ..Layer::of(Join::Or, "global") },
                ];
            }),
        ),
        (
            "v1&edits=~jW3sidGVuc29yIjoicSIsImhlYWQiOjEsInJvdyI6MiwiY29sIjozLCJ2YWx1ZSI6MC4xfV0&paint=~jW3siYWxsb3ciOnRydWUsImsiOlswLDRdLCJxIjpbMSwyXX1d&score.text=s%20-%200.1%20%2A%20abs%28q_pos%20-%20k%29",
            all(|e| {
                e.edits = vec![Edit { tensor: TensorName::Q, head: 1, row: 2, col: 3, value: 0.1 }];
                e.paint = vec![Patch { head: None, q: [1, 2], k: [0, 4], allow: true }];
                e.score = Some(CustomFormula { text: "s - 0.1 * abs(q_pos - k)".to_owned(), params: vec![] });
            }),
        ),
        (
            "v1&input=projected&input.seed=3&input.size.q_heads=8&input.weights=identity&input.x=~jeyJraW5kIjoiaW1hZ2UiLCJ3aWR0aCI6MiwiY2VsbHMiOlswLjAsMS4wLDAuMSwwLjVdfQ",
            all(|e| {
                let x = Hidden::Image { width: 2, cells: vec![0.0, 1.0, 0.1, 0.5] };
                let size = Size { q_heads: 8, ..Size::default() };
                e.input = Input::Projected {
                    x,
                    weights: Weights::Identity,
                    weights_b: None,
                    size,
                    seed: 3,
                    normals: Normals::Unrounded,
                    rounded: 0.0,
                };
            }),
        ),
        (
            "v1&input=numbers&input.k=~jW1sxLjAsMC41XV0&input.q=~jW1swLjEsLTIuMF1d&input.v=~jW1szLjBdXQ&mask=custom&mask.custom.params=~jW3sibWF4Ijo2NC4wLCJtaW4iOjEuMCwibmFtZSI6InciLCJzdGVwIjoxLjAsInR5IjoiaW50IiwidmFsdWUiOjQuMH1d&mask.custom.text=k%20%3C=%20q_pos%20and%20q_pos%20-%20k%20%3C%20w",
            all(|e| {
                e.input = Input::one_head(vec![vec![0.1, -2.0]], vec![vec![1.0, 0.5]], vec![vec![3.0]]);
                e.mask = MaskChoice { custom: Some(custom("k <= q_pos and q_pos - k < w")), ..mask("custom", &[]) };
            }),
        ),
        (
            "v1&layers=rope-nope&layers.layer=4&normaliser=top-k&normaliser.keep=3&prob=dropout&prob.draw=2&prob.rate=0.25",
            all(|e| {
                e.layers = Choice { params: Sorted::from([("layer".to_owned(), 4.0)]), ..Choice::of("rope-nope") };
                e.normaliser = Choice { params: Sorted::from([("keep".to_owned(), 3.0)]), ..Choice::of("top-k") };
                e.prob = mask("dropout", &[("rate", 0.25), ("draw", 2.0)]);
            }),
        ),
        (
            "v1&prob=custom&prob.custom.text=p%20%2A%20%28k%20%25%202%29",
            all(|e| {
                let own = CustomFormula { text: "p * (k % 2)".to_owned(), params: vec![] };
                e.prob = MaskChoice { custom: Some(own), ..mask("custom", &[]) };
            }),
        ),
        (
            "v1&view.columns=0,8&view.reading=lines&view.rows=3,12",
            all(|e| (e.view.rows, e.view.columns, e.view.reading) = (Some([3, 12]), Some([0, 8]), Reading::Lines)),
        ),
    ]
}

#[test]
fn old_links_open_as_they_did() {
    for (link, experiment) in golden() {
        check(&experiment).unwrap();
        let opened = decode(&format!("#{link}"));
        assert_eq!(opened.problems, [], "{link}");
        assert_eq!(opened.experiment, experiment, "{link}");
        if !link.is_empty() {
            assert_eq!(encode(&experiment), link);
            assert_eq!(decode(&encode_as(&experiment, Form::Packed)).experiment, experiment, "{link}");
        }
    }
}

/// Pasted numbers with two decimals, as many as make a readable link long.
fn pasted() -> Experiment {
    let matrix = |rows: usize, shift: usize| {
        (0..rows)
            .map(|i| (0..8).map(|j| (((i * 37 + j * 53 + shift) % 401) as f32 - 200.0) / 100.0).collect())
            .collect::<Vec<Vec<f32>>>()
    };
    let edit = |row, value| Edit { tensor: TensorName::K, head: 0, row, col: 3, value };
    Experiment {
        input: Input::one_head(matrix(12, 0), matrix(12, 11), matrix(12, 29)),
        edits: vec![edit(0, 0.5), edit(4, 1.0 / 3.0), edit(7, -2.0)],
        data: Sorted::from([("time".to_owned(), (0..12).map(|i| f64::from(i * 7) / 10.0).collect())]),
        ..Experiment::default()
    }
}

/// [`pasted`] as it was first packed. Another release of the compressor may write other bytes; these open for ever.
const PACKED: &str = "v1~rdFZSBtBGAfwXSfrbiQVLLUXtlALxUqbYgvF2qr0wNJWK71sSw9d3dWEmESTTbzF-1bEW0QNijfeeJ94oKCIeKAPKuKBCgqKigdKHIeAb_riMDDffE-_P38-Q3O0kBNLWUpghGOkobHJfXMLS1s7B4JlxJzSABDATe5JAQwHAPBELM2czhiGAYXcB408Up9jZUq5Qh8QuER31bSniqWAGS_ECdvU2BweXdPDdwixzEvFEaRMJXVlFUoSfYUSvoAy1XvrW7lwwz60UZQ7Rr7yLv6Y2LP3iM6wktetmHyJanNOmxK8Vlc4RrQcWbjn2HJlc_ec4ruZ7BFgF1DzPbZz20yieedXtXjTIblfnDdOWSsafif17j92zfwQXL9652t0uxYeqMbOHu3ZcwlbXRhvFMZSWoC8_1IGkDesaR15S2aMkHcYf468Ww_-IO_1TyHI-9KrCHld0l_ICqevvIls_Z86ePzUo_xzePOG6c8EG2Xp7NX3gbXai2TYRV7tuVtdGDUK8yOua-chdPhXL92Cjr_5E3zosA_tOxC6ZcGq1u5-i-mgM4YMYYWwqs1nolwYfd74V2KPe84oYRVUB6PvmjsXwOjLtx0jBiSaSQNYIYx--ITJtj5XfwkFnQA";

#[test]
fn a_long_link_is_packed_and_every_bit_comes_back() {
    let experiment = pasted();
    let (readable, packed) = (encode_as(&experiment, Form::Readable), encode_as(&experiment, Form::Packed));
    assert!(packed.len() * 3 < readable.len(), "{} of {}", packed.len(), readable.len());
    assert_eq!(encode(&experiment), packed);
    for link in [readable, packed.clone(), PACKED.to_owned()] {
        let opened = decode(&link);
        assert_eq!((opened.problems, opened.experiment), (vec![], experiment.clone()));
    }
    let rounded = decode(&format!("{packed}&input.rounded=-1"));
    assert_eq!(rounded.problems.iter().map(|p| p.path.as_str()).collect::<Vec<_>>(), ["input.rounded"]);
    // Settings may follow what is packed, and win.
    assert_eq!(decode(&format!("{packed}&temperature=2")).experiment, Experiment { temperature: 2.0, ..experiment });
}

#[test]
fn rounding_states_the_largest_change_and_shortens() {
    let mut experiment = pasted();
    let Input::Numbers { q, .. } = &mut experiment.input else { panic!() };
    let fine = q.iter().map(|row| row.iter().map(|x| (x * 7.3).sin() * 40.0).collect());
    *q = fine.collect::<Vec<Vec<f32>>>().into();
    let rounded = round(&experiment).unwrap();
    assert!((0.01..0.05).contains(&rounded.change), "{}: three digits of 40", rounded.change);
    // The link says so to who opens it: two digits, never less than it is.
    let said = rounded.experiment.input.rounded();
    let change = f64::from(rounded.change);
    assert!(change <= said && said <= change * 1.1 && experiment.input.rounded() == 0.0, "{said} of {change}");
    assert_eq!(decode(&encode(&rounded.experiment)).experiment.input.rounded(), said);
    assert_eq!(round(&rounded.experiment).unwrap().experiment, rounded.experiment, "nothing is left to round");
    assert!(encode(&rounded.experiment).len() < encode(&experiment).len());
    assert_eq!(decode(&encode(&rounded.experiment)).experiment, rounded.experiment);
    assert_eq!(round(&Experiment::default()), None, "seeds need none");
}

/// Opens a link that has something wrong; the paths named, in order.
fn named(link: &str) -> (Experiment, Vec<String>) {
    let opened = decode(link);
    assert_eq!(opened.raw, link, "the text is kept");
    check(&opened.experiment).unwrap();
    (opened.experiment, opened.problems.into_iter().map(|problem| problem.path).collect())
}

#[test]
fn a_bad_field_falls_back_alone_and_is_named() {
    let default = Experiment::default();
    let (e, paths) = named("#v1&temperature=warm&softcap=-1&view.head=2");
    assert_eq!((e.temperature, e.softcap, e.view.head), (1.0, 0.0, 2));
    assert_eq!(paths, ["temperature", "softcap"]);

    let (e, paths) = named("#v1&mask=longformer&mask.window=-3&mask.globals=2&mask.wings=1");
    assert_eq!(e.mask, mask("longformer", &[("globals", 2.0)]));
    assert_eq!(paths, ["mask.params.window", "mask.params.wings"]);

    let (e, paths) = named("#v1&prob=dropout&prob.rate=2&prob.draw=3&layers=local-global&layers.every=0");
    assert_eq!((&e.prob, &e.layers), (&mask("dropout", &[("draw", 3.0)]), &Choice::of("local-global")));
    assert_eq!(paths, ["prob.params.rate", "layers.params.every"]);

    let (e, paths) = named("#v1&mask=slidingwindow&seed=3");
    assert_eq!((&e.mask, e.seed), (&default.mask, 3));
    assert_eq!(paths, ["mask.id"]);

    let (e, paths) = named("#v1.4&future=1&seed=3&view.depth=2&nonsense");
    assert_eq!((e.seed, e.view), (3, default.view));
    assert_eq!(paths, ["", "future", "view.depth"]);

    let (e, paths) = named("#v1&input=generated&input.size.kv_heads=3&input.recipe=smooth");
    assert_eq!(e.input, Input::generated("smooth", Size::default(), 0));
    assert_eq!(paths, ["input.size.kv_heads"]);

    // Of two edits the one outside the input goes, whatever is wrong with it.
    let size = Size::default();
    let good = Edit { tensor: TensorName::Q, head: 0, row: 0, col: 0, value: 1.0 };
    let experiment = Experiment {
        input: Input::generated("normal", size, 0),
        edits: vec![Edit { row: 99, col: 99, ..good }, good],
        ..default.clone()
    };
    let (e, paths) = named(&encode(&experiment));
    assert_eq!(e.edits, [good]);
    assert_eq!(paths, ["edits[0].row", "edits[0].col"]);

    let (e, paths) = named("#v1&score.text=s%20%2B&data.doc=1,1.5");
    assert_eq!(e, default);
    assert_eq!(paths, ["score.text", "data.doc[1]"]);
}

#[test]
fn hostile_links_open_the_default() {
    let deep = format!("#v1&edits=~j{}", "W1tb".repeat(10_000));
    let long = format!("#v1&{}", "x".repeat(70_000));
    let many = format!("#v1{}", "&seed=1&a=b".repeat(3000));
    for link in [
        "#v2&mask=causal",
        "#v99999999999999999999",
        "#help",
        "#=&&==",
        "#v1.x&seed=2",
        &deep,
        &long,
        "#v1&mask=%ff",
        "#v1&input=magic",
        "#v1~",
        "#v1~!",
        "#v1~AAAA",
        "#v2~AAAA",
        "#v1~7cEBDQAAAMKg909tDjegAAAAAAAAAA",
    ] {
        let (experiment, paths) = named(link);
        assert_eq!(experiment, Experiment::default(), "{link}");
        assert_eq!(paths.len(), 1, "{link}");
    }
    let (experiment, paths) = named(&many);
    assert_eq!((experiment.seed, paths.is_empty()), (1, false));
}

#[test]
fn a_part_of_the_map_that_cannot_be_leaves_the_rest_of_the_view() {
    let (experiment, paths) = named("#v1&view.head=3&view.rows=9,2&view.columns=4,8&view.reading=aloud");
    assert_eq!(paths, ["view.reading", "view.rows"]);
    assert_eq!((experiment.view.head, experiment.view.rows), (3, None));
    assert_eq!((experiment.view.columns, experiment.view.reading), (Some([4, 8]), Reading::Map));
    assert_eq!(named("#v1&view.rows=0,65537").1, ["view.rows"]);
    // What links from before there were parts look at.
    assert_eq!(decode("#v1&view.head=3").experiment.view, View { head: 3, ..View::default() });
}

#[test]
fn a_partial_setting_is_merged() {
    let base = Experiment::default();
    let set = |patch: Value| merge(&base, &patch).unwrap();
    assert_eq!(set(json!({})), base);
    assert_eq!(
        set(json!({"mask": {"params": {"two_sided": 1}}})).mask,
        mask("sliding-window", &[("window", 9.0), ("two_sided", 1.0)])
    );
    assert_eq!(set(json!({"mask": {"params": {"window": null}}})).mask, mask("sliding-window", &[]));
    assert_eq!(
        set(json!({"mask": {"params": {"stride": 4}, "id": "strided"}})).mask,
        mask("strided", &[("stride", 4.0)])
    );
    assert_eq!(set(json!({"mask": {"id": "custom", "custom": {"text": "k < q"}}})).mask.custom.unwrap().text, "k < q");
    let own = set(json!({"prob": {"id": "custom", "custom": {"text": "p * 0.5"}}}));
    assert_eq!(own.prob.custom.as_ref().unwrap().text, "p * 0.5");
    assert_eq!(
        merge(&own, &json!({"prob": {"id": "dropout", "params": {"rate": 0.5}}})).unwrap().prob,
        mask("dropout", &[("rate", 0.5)])
    );
    assert_eq!(merge(&own, &json!({"prob": null})).unwrap(), base);
    assert_eq!(set(json!({"scale": {"free": 2}})).scale, Scale::Free(2.0));
    assert_eq!(
        set(json!({"input": {"kind": "text", "text": "1"}})).input,
        Input::Text { text: "1".to_owned(), size: Size::default(), seed: 0, normals: Normals::Unrounded }
    );
    assert_eq!(set(json!({"score": {"text": "s * 2.0"}})).score.unwrap().text, "s * 2.0");
    let changed = Experiment { softcap: 5.0, score: Some(custom("s")), ..base.clone() };
    assert_eq!(merge(&changed, &json!({"score": null, "softcap": null})).unwrap(), base);
    for (_, experiment) in golden() {
        assert_eq!(merge(&base, &serde_json::to_value(&experiment).unwrap()).unwrap().input, experiment.input);
    }
}

#[test]
fn a_bad_setting_names_every_field() {
    let refuse = |patch: Value| {
        let issues = merge(&Experiment::default(), &patch).unwrap_err().0;
        assert!(issues.iter().all(|issue| !issue.message.en.is_empty()));
        issues.into_iter().map(|issue| issue.path).collect::<Vec<_>>()
    };
    assert_eq!(refuse(json!([1])), [""]);
    assert_eq!(
        refuse(json!({"temprature": 2, "softcap": -1, "view": {"head": "first", "stage": "raw"}})),
        ["temprature", "view.head", "softcap"]
    );
    assert_eq!(
        refuse(json!({"mask": {"id": "strided", "params": {"strid": 4, "stride": 0.5}}})),
        ["mask.params.strid", "mask.params.stride"]
    );
    assert_eq!(refuse(json!({"mask": {"id": "custom"}})), ["mask.custom.text"]);
    assert_eq!(
        refuse(json!({"edits": [{"tensor": "q"}, {"tensor": "q", "head": 0, "row": "a", "col": 0, "value": 1}, 7]})),
        ["edits[0]", "edits[1].row", "edits[2]"]
    );
    assert_eq!(refuse(json!({"mask": null, "input": {"kind": "magic"}, "seed": 1.5})), ["input.kind", "seed"]);
    assert_eq!(refuse(json!({"scale": {"free": 1, "bound": 2}})), ["scale.bound"]);
    assert_eq!(
        refuse(json!({"input": {"kind": "generated", "size": {"q_heads": 0, "d": 999}}})),
        ["input.size.q_heads", "input.size.d"]
    );
}

/// Settings that are wrong in one way each: of a type, of a name, out of range, beside each other, in a formula.
fn wrong_settings() -> Vec<Value> {
    let size = |field: &str, value: Value| json!({"input": {"kind": "generated", "size": {field: value}}});
    let projected = |x: Value, weights: Value| json!({"input": {"kind": "projected", "x": x, "weights": weights}});
    let made = json!({"kind": "generated", "size": {"q_heads": 2, "kv_heads": 2, "n_q": 8, "n_k": 8}});
    vec![
        json!(7),
        json!({"temperature": "hot"}),
        json!({"temperature": 0}),
        json!({"colour": "red"}),
        json!({"mask": {"id": "slidingwindow"}}),
        json!({"mask": {"id": "custom"}}),
        json!({"mask": {"custom": {"text": "k < q"}}}),
        json!({"mask": {"params": {"window": 0}}}),
        json!({"mask": {"params": {"windw": 3}}}),
        json!({"mask": {"params": {"inclusive": 1}}}),
        json!({"mask": {"id": "bigbird", "params": {"window_blocks": 4}}}),
        json!({"mask": {"id": "custom", "custom": {"text": "k < w"}}}),
        json!({"mask": {"id": "custom", "custom": {"text": "k < q", "params": [{"name": "q", "ty": "int", "min": 0, "max": 0, "step": 1, "value": 0}]}}}),
        json!({"mask": {"id": "custom", "custom": {"text": "k < q", "params": [{"name": "w", "ty": "int", "min": 2, "max": 0, "step": 0, "value": 0.5}]}}}),
        json!({"position": {"id": "ropes"}}),
        json!({"position": {"id": "t5", "params": {"buckets": 64, "max_distance": 8}}}),
        json!({"position": {"id": "t5", "params": {"buckets": 5}}}),
        json!({"normaliser": {"id": "hardmax"}}),
        json!({"normaliser": {"id": "softmax", "params": {"keep": 1}}}),
        json!({"normaliser": {"id": "top-k", "params": {"keep": 0}}}),
        json!({"prob": {"id": "dropouts"}}),
        json!({"prob": {"id": "dropout", "params": {"rate": 1}}}),
        json!({"prob": {"id": "custom"}}),
        json!({"prob": {"custom": {"text": "p"}}}),
        json!({"prob": {"id": "custom", "custom": {"text": "s"}}}),
        json!({"layers": {"id": "local"}}),
        json!({"layers": {"id": "some-nope", "params": {"every": 0}}}),
        json!({"estimator": {"id": "perfromer"}}),
        json!({"estimator": {"id": "performer", "params": {"features": 0}}}),
        json!({"scale": {"free": 1e9}}),
        json!({"softcap": -1}),
        json!({"seed": 1_u64 << 60}),
        json!({"view": {"head": 99}}),
        json!({"data": {"a b": [1]}}),
        json!({"data": {"doc": []}}),
        json!({"data": {"doc": [0.5]}}),
        json!({"edits": [{"tensor": "q", "head": 99, "row": 0, "col": 0, "value": 1}]}),
        json!({"paint": [{"q": [3, 3], "k": [0, 1], "allow": true}]}),
        json!({"combine": [{"op": "xor", "id": "causal"}, {"op": "and", "id": "causl", "heads": []}]}),
        json!({"combine": [{"op": "or", "id": "global", "heads": [32], "params": {"tokens": -1}}]}),
        json!({"input": {"kind": "capture", "id": "../x"}}),
        json!({"input": {"kind": "capture", "layer": 7}}),
        json!({"input": {"kind": "generated", "recipe": "nrmal"}}),
        size("kv_heads", json!(3)),
        size("n_q", json!(0)),
        json!({"input": {"kind": "generated", "size": {"q_heads": 32, "kv_heads": 32, "n_q": 4096, "n_k": 4096, "d": 256}}}),
        json!({"input": {"kind": "text", "text": "  "}}),
        json!({"input": {"kind": "text", "text": "\u{7}\u{8}"}}),
        json!({"input": {"kind": "text", "text": "词".repeat(4001)}}),
        json!({"input": {"kind": "text", "text": "词".repeat(4000), "size": {"q_heads": 32, "kv_heads": 32, "d": 256, "d_v": 256}}}),
        json!({"input": {"kind": "numbers", "q": [], "k": [[]], "v": [[1]]}}),
        json!({"input": {"kind": "numbers", "q": [[1]], "k": [[1, 2], [3]], "v": [[1]]}}),
        json!({"input": {"kind": "numbers", "q": [[1]], "k": [[1, 2]], "v": [[1], [2]]}}),
        projected(json!({"kind": "rows", "rows": [[1], [1, 2]]}), json!("normal")),
        projected(json!({"kind": "generated", "recipe": "nrmal", "rows": 0, "width": 999, "seed": 0}), json!("normal")),
        json!({"input": {"kind": "generated", "recipe": "needle", "params": {"margin": 1e9, "pace": 1}}}),
        projected(
            json!({"kind": "generated", "recipe": "smooth", "rows": 3, "width": 4, "seed": 0, "params": {"waves": -1}}),
            json!("normal"),
        ),
        projected(json!({"kind": "text", "text": " "}), json!("normal")),
        projected(json!({"kind": "texts", "a": "a", "b": "词".repeat(4001)}), json!("normal")),
        projected(json!({"kind": "image", "width": 3, "cells": [0, 1]}), json!("normal")),
        projected(json!({"kind": "image", "width": 0, "cells": []}), json!("normal")),
        projected(json!({"kind": "picture"}), json!("normal")),
        projected(json!({"kind": "text_image", "text": "a"}), json!("normal")),
        projected(json!({"kind": "rows", "rows": [[1, 2]]}), json!("random")),
        projected(json!({"kind": "rows", "rows": [[1, 2]]}), json!({"rows": {"q": [[1]], "k": [[1]], "v": [[1]]}})),
        json!({"input": {"kind": "projected", "x": {"kind": "text", "text": "a"}, "weights_b": "normal"}}),
        json!({"input": {"kind": "projected", "x": {"kind": "texts", "a": "a", "b": "b"}, "weights_b": {"rows": {"q": [[1]], "k": [[1]], "v": [[1]]}}}}),
        json!({"input": made, "paint": [{"q": [0, 9], "k": [0, 8], "allow": false}]}),
        json!({"input": made, "paint": [{"head": 2, "q": [0, 8], "k": [0, 8], "allow": false}]}),
        json!({"input": {"kind": "text", "text": "one two"}, "edits": [{"tensor": "k", "head": 0, "row": 2, "col": 0, "value": 1}]}),
    ]
}

#[test]
fn every_issue_is_said_in_both_languages_and_in_the_users_words() {
    let chinese = |text: &str| text.chars().any(|c| ('\u{4e00}'..='\u{9fff}').contains(&c));
    // Words of the libraries that read the JSON.
    let foreign =
        ["expected", "invalid type", "invalid value", "struct", "variant", "f64", "u64", "usize", "deserial", "line 1"];
    for setting in wrong_settings() {
        let issues = merge(&Experiment::default(), &setting).expect_err(&setting.to_string()).0;
        for issue in issues {
            let (en, zh) = (issue.message.get(Lang::En), issue.message.get(Lang::Zh));
            assert!(chinese(zh) && !chinese(&en.replace('词', "")), "{setting}: {issue:?}");
            assert!(!foreign.iter().any(|word| en.contains(word)), "{setting}: {issue:?}");
            assert!(!en.starts_with(&issue.path) || issue.path.is_empty(), "{setting}: {issue:?}");
        }
    }
    for link in ["#v2", "#help", "#v1&nonsense", "#v1&temperature=warm", "#v1&edits=~j!", "#v1&mask=%ff"] {
        for problem in decode(link).problems {
            assert!(chinese(&problem.message.zh), "{link}: {problem:?}");
        }
    }
}

/// Experiments that pass the check, reaching every kind of field.
fn experiments() -> impl Strategy<Value = Experiment> {
    let number = || {
        prop_oneof![
            -1e6..1e6f64,
            (-1000..1000i32).prop_map(f64::from),
            any::<f32>().prop_filter("finite", |x| x.is_finite()).prop_map(f64::from)
        ]
    };
    let text = || {
        prop_oneof!["\\PC{1,30}", "[0-9.,e~\"%&=+ -]{1,12}", Just("null".to_owned())]
            .prop_filter("words", |t| !t.trim().is_empty())
    };
    let small = || prop::collection::vec(prop::collection::vec(-1e3..1e3f32, 3), 1..5);
    let size = (1..5usize, 1..4usize, 1..40usize, 1..40usize, 1..33usize, 1..33usize)
        .prop_map(|(kv, group, n_q, n_k, d, d_v)| Size { q_heads: kv * group, kv_heads: kv, n_q, n_k, d, d_v });
    let seed = || 0..=(1u64 << 53) - 1;
    let picture = || (1..5usize, prop::collection::vec(-1.0..1.0f32, 1..4)).prop_map(|(w, row)| (w, row.repeat(w)));
    let normals = || prop::sample::select(vec![Normals::Unrounded, Normals::Rounded]);
    let hidden = prop_oneof![
        small().prop_map(|rows| Hidden::Rows { rows }),
        (1..40usize, 1..20usize, seed(), 0.0..32.0).prop_map(|(rows, width, seed, waves)| Hidden::Generated {
            recipe: "smooth".to_owned(),
            rows,
            width,
            seed,
            params: Sorted::from([("waves".to_owned(), waves)]),
        }),
        text().prop_map(|text| Hidden::Text { text }),
        picture().prop_map(|(width, cells)| Hidden::Image { width, cells }),
        (text(), text()).prop_map(|(a, b)| Hidden::Texts { a, b }),
        (text(), picture()).prop_map(|(text, (width, cells))| Hidden::TextImage { text, width, cells }),
    ];
    let input = prop_oneof![
        ("[a-z][a-z0-9-]{0,9}", 1..=6u32).prop_map(|(id, layer)| Input::Capture { id, layer }),
        (prop::sample::select(vec!["normal", "needle", "one_hot"]), size.clone(), seed(), normals(), -10.0..20.0)
            .prop_map(|(recipe, size, seed, normals, margin)| Input::Generated {
                recipe: recipe.to_owned(),
                size,
                seed,
                normals,
                params: match recipe {
                    "needle" => Sorted::from([("margin".to_owned(), margin)]),
                    _ => Sorted::new(),
                },
            }),
        (text(), size, seed(), normals()).prop_map(|(text, size, seed, normals)| Input::Text {
            text,
            size,
            seed,
            normals
        }),
        (small(), small(), 1..3usize, 1..3usize).prop_map(|(q, k, group, kv_heads)| {
            // The rows of one head after those of the other.
            let q_heads = group * kv_heads;
            let k = Matrix::from(vec![k; kv_heads].concat());
            Input::Numbers { q: vec![q; q_heads].concat().into(), v: k.clone(), k, q_heads, kv_heads, rounded: 0.0 }
        }),
        (hidden, any::<bool>(), 1..3usize, seed(), normals()).prop_map(|(x, own, d, seed, normals)| {
            let size = Size { q_heads: 2, kv_heads: 1, d, d_v: 3, ..Size::default() };
            let matrix = |columns| vec![vec![0.1_f32; columns]; x.width()];
            let rows = Weights::Rows { q: matrix(2 * d), k: matrix(d), v: matrix(3) };
            let weights = if own { rows } else { Weights::Orthogonal };
            let weights_b = (own && x.streams()[1] > 0).then(|| weights.clone());
            Input::Projected { x, weights, weights_b, size, seed, normals, rounded: 0.0 }
        }),
    ];
    let score = prop::option::of((
        Just(custom("s * 0.5")),
        prop_oneof![
            Just(mask("none", &[])),
            (0.0..0.95).prop_map(|rate| mask("dropout", &[("rate", rate)])),
            Just(MaskChoice { custom: Some(custom("p * w + k % 2")), ..mask("custom", &[]) }),
        ],
    ));
    let mask = prop_oneof![
        Just(mask("none", &[])),
        Just(Experiment::default().mask),
        (1..500i32).prop_map(|w| mask("sliding-window", &[("window", f64::from(w)), ("two_sided", 1.0)])),
        (0.0..1.0).prop_map(|density| mask("random-blocks", &[("density", density)])),
        prop::sample::select(vec!["k < q", "q - k < w and true", "(k & ~q) == 0"])
            .prop_map(|text| MaskChoice { custom: Some(custom(text)), ..mask("custom", &[]) }),
    ];
    let edit = (prop::sample::select(vec![TensorName::Q, TensorName::K, TensorName::V]), -1e9..1e9f32)
        .prop_map(|(tensor, value)| Edit { tensor, head: 0, row: 0, col: 0, value });
    let patch = (prop::option::of(0..32usize), 0..9usize, 1..9usize, any::<bool>())
        .prop_map(|(head, from, more, allow)| Patch { head, q: [from, from + more], k: [0, more], allow });
    let layer = (
        prop::sample::select(vec![Join::And, Join::Or, Join::Replace]),
        any::<bool>(),
        prop::option::of(prop::collection::vec(0..32usize, 1..4)),
        mask.clone(),
    )
        .prop_map(|(op, not, heads, MaskChoice { id, params, custom })| Layer {
            op,
            not,
            heads,
            id,
            params,
            custom,
        });
    let scale = prop_oneof![
        Just(Scale::InverseSqrt),
        Just(Scale::None),
        Just(Scale::LogN),
        (-1e6..1e6f64).prop_map(Scale::Free)
    ];
    let data = prop::collection::btree_map("time[a-z_0-9]{0,5}", prop::collection::vec(number(), 1..6), 0..3);
    (
        (input, mask, scale, data, score, seed()),
        (
            prop::collection::vec(edit, 0..4),
            (prop::collection::vec(patch, 0..4), prop::collection::vec(layer, 0..4)),
            1e-6..1e6f64,
            0.0..1e6f64,
            0..32usize,
            any::<bool>(),
        ),
    )
        .prop_map(
            |((input, mask, scale, data, score, seed), (edits, (paint, combine), temperature, softcap, head, flag))| {
                let mut e = Experiment {
                    input,
                    mask,
                    scale,
                    data: data.into_iter().collect(),
                    seed,
                    edits,
                    combine,
                    paint,
                    temperature,
                    softcap,
                    ..Experiment::default()
                };
                if let Some((score, prob)) = score {
                    (e.score, e.prob) = (Some(score), prob);
                }
                e.view.head = head;
                // Rectangles outside the input do not pass.
                let bare = Experiment { input: e.input.clone(), ..Experiment::default() };
                e.paint.retain(|patch| check(&Experiment { paint: vec![*patch], ..bare.clone() }).is_ok());
                if flag {
                    e.position = Choice { params: Sorted::from([("base".to_owned(), 500.0)]), ..Choice::of("rope") };
                    e.normaliser = Choice { params: Sorted::from([("keep".to_owned(), 3.0)]), ..Choice::of("top-k") };
                    e.layers = Choice { params: Sorted::from([("layer".to_owned(), 7.0)]), ..Choice::of("rope-nope") };
                    e.estimator =
                        Choice { params: Sorted::from([("rank".to_owned(), 7.0)]), ..Choice::of("linformer") };
                    e.hybrid = Choice { params: Sorted::from([("gate".to_owned(), 0.25)]), ..Choice::of("gated") };
                    e.branch = Choice { params: Sorted::from([("window".to_owned(), 3.0)]), ..Choice::of("sinks") };
                    e.conventions.window = WindowEdge::Inclusive;
                    e.conventions.sides = WindowSides::TwoSided;
                    e.conventions.alibi = AlibiDistance::Signed;
                    e.view.stage = Stage::Raw;
                }
                e
            },
        )
}

proptest! {
    #![proptest_config(common::cases(400))]

    #[test]
    fn a_link_opens_as_what_was_sent(experiment in experiments()) {
        prop_assert_eq!(check(&experiment), Ok(()));
        let link = encode(&experiment);
        prop_assert!(link.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._~,:/=&%".contains(&b)), "{}", link);
        for link in [link, encode_as(&experiment, Form::Readable), encode_as(&experiment, Form::Packed)] {
            let opened = decode(&link);
            prop_assert_eq!(&opened.problems, &vec![]);
            prop_assert_eq!(&opened.experiment, &experiment);
        }
        prop_assert_eq!(&merge(&Experiment::default(), &serde_json::to_value(&experiment).unwrap()).unwrap(), &experiment);
        conforms(&serde_json::to_value(&experiment).unwrap());
    }

    #[test]
    fn a_damaged_link_opens_something_valid(experiment in experiments(), at in any::<prop::sample::Index>(), with in "\\PC{0,4}") {
        for form in [Form::Readable, Form::Packed] {
            let mut link = encode_as(&experiment, form);
            let at = at.index(link.len());
            link.replace_range(at..=at, &with);
            let opened = decode(&link);
            prop_assert_eq!(check(&opened.experiment), Ok(()));
        }
    }

    #[test]
    fn any_text_opens_something_valid(text in "(#?v1)?(&?(mask|input|view|data|edits|score|scale|position|prob|layers)(\\.[a-z_]{1,8}){0,3}=[~\"]?\\PC{0,9}){0,6}", noise in "\\PC{0,60}") {
        for text in [&text, &noise, &format!("v1~{noise}"), &format!("v1~{}&{text}", noise.escape_unicode())] {
            let opened = decode(text);
            prop_assert_eq!(check(&opened.experiment), Ok(()));
            prop_assert_eq!(&opened.raw, text);
        }
    }

    #[test]
    fn any_json_is_merged_or_refused(text in "\\PC{0,20}", n in any::<f64>(), field in prop::sample::select(fields()), inner in prop::sample::select(fields())) {
        for value in [json!(text), json!(n), json!({ inner.clone(): n }), json!([n, text]), json!({ inner: { text.clone(): [n] } }), json!(true), json!(null)] {
            if let Ok(experiment) = merge(&Experiment::default(), &json!({ field.clone(): value })) {
                prop_assert_eq!(check(&experiment), Ok(()));
            }
        }
    }
}

/// Names of fields at every depth.
fn fields() -> Vec<String> {
    let mut names = vec!["custom".to_owned(), "params".to_owned(), "free".to_owned(), "size".to_owned()];
    for (name, value) in serde_json::to_value(Experiment::default()).unwrap().as_object().unwrap() {
        names.push(name.clone());
        names.extend(value.as_object().into_iter().flatten().map(|(name, _)| name.clone()));
    }
    names
}

fn schema() -> Value {
    serde_json::from_str(include_str!("../public/experiment.schema.json")).unwrap()
}

/// Panics unless `value` conforms to the published schema.
fn conforms(value: &Value) {
    let schema = schema();
    if let Err(why) = fits(&schema, &schema, value) {
        panic!("{why}");
    }
}

/// The part of JSON Schema that ours uses; a keyword it does not know is an error, so that none is silently ignored.
fn fits(root: &Value, schema: &Value, value: &Value) -> Result<(), String> {
    let fail = |why: &str| Err(format!("{value} against {schema}: {why}"));
    let (fields, items) = (value.as_object().into_iter().flatten(), value.as_array().into_iter().flatten());
    for (keyword, rule) in schema.as_object().unwrap() {
        let sound = match keyword.as_str() {
            "$schema" | "title" | "description" | "$defs" => true,
            "$ref" => fits(root, &root["$defs"][rule.as_str().unwrap().strip_prefix("#/$defs/").unwrap()], value)
                .map(|()| true)?,
            "type" => match rule.as_str().unwrap() {
                "object" => value.is_object(),
                "array" => value.is_array(),
                "string" => value.is_string(),
                "number" => value.is_number(),
                "integer" => value.is_u64() || value.is_i64(),
                "boolean" => value.is_boolean(),
                "null" => value.is_null(),
                other => panic!("type {other}"),
            },
            "const" => value == rule,
            "enum" => rule.as_array().unwrap().contains(value),
            "oneOf" => rule.as_array().unwrap().iter().filter(|s| fits(root, s, value).is_ok()).count() == 1,
            "required" => rule.as_array().unwrap().iter().all(|name| value.get(name.as_str().unwrap()).is_some()),
            "properties" => {
                for (name, inner) in fields.clone() {
                    rule.get(name).map_or(Ok(()), |rule| fits(root, rule, inner))?;
                }
                true
            }
            "additionalProperties" => {
                let known = |name: &str| schema.get("properties").is_some_and(|p| p.get(name).is_some());
                let mut rest = fields.clone().filter(|(name, _)| !known(name));
                match rule {
                    Value::Bool(allowed) => *allowed || rest.next().is_none(),
                    rule => rest.try_for_each(|(_, inner)| fits(root, rule, inner)).map(|()| true)?,
                }
            }
            "items" => items.clone().try_for_each(|item| fits(root, rule, item)).map(|()| true)?,
            "minItems" => items.clone().count() as u64 >= rule.as_u64().unwrap(),
            "maxItems" => items.clone().count() as u64 <= rule.as_u64().unwrap(),
            "maxLength" => value.as_str().is_none_or(|text| text.chars().count() as u64 <= rule.as_u64().unwrap()),
            "minimum" => value.as_f64().is_none_or(|x| x >= rule.as_f64().unwrap()),
            "maximum" => value.as_f64().is_none_or(|x| x <= rule.as_f64().unwrap()),
            "exclusiveMinimum" => value.as_f64().is_none_or(|x| x > rule.as_f64().unwrap()),
            other => panic!("keyword {other}"),
        };
        if !sound {
            return fail(keyword);
        }
    }
    Ok(())
}

#[test]
fn the_schema_has_every_field_and_no_other() {
    let mut full = Experiment::default();
    // Left out where it is empty.
    full.engine.tiers = Tiers { subgroups: true, f16: true };
    let (schema, default) = (schema(), serde_json::to_value(full).unwrap());
    let names = |v: &Value| v.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    assert_eq!(names(&schema["properties"]), names(&default));
    for field in ["conventions", "engine", "view"] {
        assert_eq!(names(&schema["properties"][field]["properties"]), names(&default[field]), "{field}");
    }
    let size = serde_json::to_value(Size::default()).unwrap();
    assert_eq!(names(&schema["$defs"]["size"]["properties"]), names(&size));
    let param = serde_json::to_value(&custom("k").params[0]).unwrap();
    assert_eq!(names(&schema["$defs"]["formula"]["properties"]["params"]["items"]["properties"]), names(&param));
    for (_, experiment) in golden() {
        conforms(&serde_json::to_value(&experiment).unwrap());
    }
    conforms(&json!({ "engine": { "tiers": ["subgroups", "f16"] } }));
    for stage in Stage::ALL {
        conforms(&json!({ "view": { "stage": stage } }));
    }
}

#[test]
fn the_schema_refuses_what_the_check_refuses() {
    let schema = schema();
    for wrong in [
        json!({"temperature": 0}),
        json!({"mask": {"id": "causal", "window": 3}}),
        json!({"input": {"kind": "capture", "id": "animal", "layer": 7}}),
        json!({"edits": [{"tensor": "x", "head": 0, "row": 0, "col": 0, "value": 0}]}),
        json!({"data": {"doc": []}}),
        json!({"combine": [{"op": "and", "id": "causal", "heads": []}]}),
        json!({"combine": [{"op": "nand", "id": "causal"}]}),
        json!({"colour": "red"}),
    ] {
        assert!(fits(&schema, &schema, &wrong).is_err(), "{wrong}");
        assert!(merge(&Experiment::default(), &wrong).is_err(), "{wrong}");
    }
}

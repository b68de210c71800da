//! The ONNX backend vectors of Attention (opsets 23 to 25), FlexAttention, LinearAttention (27) and RotaryEmbedding (23), through the same
//! requests that the page's JavaScript API takes.

use crate::native::common;

use std::collections::BTreeMap;
use std::io::Read;

use attention_playground::attention::request::{
    FormulaOrEntry, Op, OperatorDraft, Prepared, Request, Tensor, prepare, prepare_operator,
};
#[cfg(feature = "gpu")]
use attention_playground::engine::gpu;
use attention_playground::formula::Sorted;
use common::{Engine, engines};
use serde::Deserialize;
use serde_json::Value;

#[derive(Deserialize)]
struct File {
    cases: Vec<Case>,
}

#[derive(Deserialize)]
struct Case {
    name: String,
    op: String,
    attributes: BTreeMap<String, Value>,
    inputs: BTreeMap<String, Vector>,
    outputs: BTreeMap<String, Vector>,
    rtol: f64,
    atol: f64,
}

#[derive(Deserialize)]
struct Vector {
    shape: Vec<usize>,
    dtype: String,
    data: Vec<Value>,
}

impl Vector {
    fn numbers(&self) -> Vec<f64> {
        let number = |value: &Value| match value {
            Value::String(text) => text.parse().unwrap(),
            value => value.as_f64().unwrap(),
        };
        self.data.iter().map(number).collect()
    }

    fn tensor(&self) -> Tensor {
        let data: Vec<f32> = self.numbers().into_iter().map(|x| x as f32).collect();
        Tensor { is_bool: self.dtype == "bool", ..Tensor::new(&self.shape, data) }
    }
}

fn vectors(op: &str) -> Vec<Case> {
    let packed =
        std::fs::File::open(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/conformance/onnx_attention.json.gz")).unwrap();
    let mut text = String::new();
    flate2::read::GzDecoder::new(packed).read_to_string(&mut text).unwrap();
    let file: File = serde_json::from_str(&text).unwrap();
    file.cases.into_iter().filter(|case| case.op == op).collect()
}

/// A score_mod or prob_mod graph as a formula of ours.
fn formula(graph: &Value, variable: &str) -> String {
    let constants = &graph["constants"];
    let mut known: BTreeMap<String, String> = BTreeMap::new();
    let mut last = String::new();
    for node in graph["nodes"].as_array().unwrap() {
        let input = |i: usize| {
            let name = node["in"][i].as_str().unwrap();
            match constants[name][0].as_f64() {
                Some(number) => format!("{number:?}"),
                None => known.get(name).cloned().unwrap_or_else(|| variable.to_owned()),
            }
        };
        last = match node["op"].as_str().unwrap() {
            "Mul" => format!("({} * {})", input(0), input(1)),
            "Div" => format!("({} / {})", input(0), input(1)),
            "Tanh" => format!("tanh({})", input(0)),
            other => panic!("no formula for {other}"),
        };
        known.insert(node["out"][0].as_str().unwrap().to_owned(), last.clone());
    }
    last
}

fn request(case: &Case) -> Request {
    let tensor = |name: &str| case.inputs.get(name).map(Vector::tensor);
    let number = |name: &str| case.attributes.get(name).and_then(Value::as_f64);
    let whole = |name: &str| case.attributes.get(name).and_then(Value::as_i64);
    Request {
        q: tensor("Q").unwrap(),
        k: tensor("K").unwrap(),
        v: tensor("V").unwrap(),
        attn_mask: tensor("attn_mask"),
        past_key: tensor("past_key"),
        past_value: tensor("past_value"),
        nonpad_kv_seqlen: case
            .inputs
            .get("nonpad_kv_seqlen")
            .map(|v| v.numbers().into_iter().map(|x| x as i64).collect()),
        is_causal: whole("is_causal") == Some(1),
        scale: number("scale").map(|x| x as f32),
        softcap: number("softcap").map(|x| x as f32),
        left_window_size: whole("left_window_size"),
        right_window_size: whole("right_window_size"),
        q_num_heads: whole("q_num_heads").map(|n| n as usize),
        kv_num_heads: whole("kv_num_heads").map(|n| n as usize),
        qk_matmul_output_mode: whole("qk_matmul_output_mode").map(|n| n as u32),
        score: case.attributes.get("score_mod").map(|graph| FormulaOrEntry::Formula(formula(graph, "s"))),
        prob: case.attributes.get("prob_mod").map(|graph| FormulaOrEntry::Formula(formula(graph, "p"))),
        outputs: Some(case.outputs.keys().cloned().collect()),
        ..Request::default()
    }
}

fn outputs(prepared: &Prepared, engine: &Engine) -> BTreeMap<&'static str, Tensor> {
    let out = engine.run(&prepared.problem, &prepared.inputs, prepared.matrix);
    let mut found = BTreeMap::from([
        ("Y", prepared.y(out.y)),
        ("present_key", prepared.present_key()),
        ("present_value", prepared.present_value()),
    ]);
    if let Some((_, cells)) = out.matrix {
        found.insert("qk_matmul_output", prepared.matrix(cells));
    }
    found
}

/// Runs every case of `op` on every engine; how many cases there were.
fn check(op: &str) -> usize {
    let cases = vectors(op);
    for case in &cases {
        let prepared = prepare(&request(case)).unwrap_or_else(|issues| panic!("{}: {issues}", case.name));
        for engine in &engines() {
            let found = outputs(&prepared, engine);
            for (name, wanted) in &case.outputs {
                let found = &found[name.as_str()];
                assert_eq!(found.shape, wanted.shape, "{}: {name} of {engine:?}", case.name);
                // Half precision vectors were rounded on their way; ours are computed in single precision.
                let half = wanted.dtype != "float32";
                let (rtol, atol) = if half { (2e-2, 2e-2) } else { (case.rtol, case.atol) };
                for (i, (&found, wanted)) in found.data.iter().zip(wanted.numbers()).enumerate() {
                    let found = f64::from(found);
                    let same = found == wanted || (found - wanted).abs() <= atol + rtol * wanted.abs();
                    assert!(same, "{}: {name}[{i}] of {engine:?} is {found}, not {wanted}", case.name);
                }
            }
        }
    }
    cases.len()
}

#[test]
fn all_attention_vectors() {
    assert_eq!(check("Attention"), 47);
}

#[test]
fn all_flex_attention_vectors() {
    assert_eq!(check("FlexAttention"), 6);
}

/// The vectors allow 1e-7, which fits one order of additions and one exponential; ours are other f32 ones.
const ORDER_OF_ADDITIONS: f64 = 1e-6;

/// Runs every case of an operator beside attention in single and in double precision; how many cases there were.
fn check_operator(op: Op, onnx: &str, names: &[(&str, &str)]) -> usize {
    let ours = |name: &str| names.iter().find(|(theirs, _)| *theirs == name).map_or(name, |(_, ours)| ours).to_owned();
    let cases = vectors(onnx);
    for case in &cases {
        let mut draft = OperatorDraft::new(op);
        case.inputs.iter().for_each(|(name, vector)| draft.tensor(&ours(name), vector.tensor()));
        case.attributes.iter().for_each(|(name, value)| draft.field(name, value.clone()));
        draft.field("outputs", case.outputs.keys().map(|name| ours(name)).collect());
        let prepared = draft.request().and_then(|request| prepare_operator(&request));
        let prepared = prepared.unwrap_or_else(|issues| panic!("{}: {issues}", case.name));
        let single = prepared.operator.compute::<f32>(&prepared.tensors);
        let double = prepared.operator.compute::<f64>(&prepared.tensors);
        let mut all = vec![("f32", single), ("f64", double)];
        #[cfg(feature = "gpu")]
        if let Some(gpu) = common::gpu::gpu() {
            let done = gpu::operate(&gpu, &prepared.operator, &prepared.tensors, 2, common::gpu::clock);
            let done = common::gpu::block_on(done).unwrap_or_else(|error| panic!("{}: {error}", case.name));
            assert_eq!(done.runs_ms.len(), 2, "a second repetition starts from the same state");
            all.push(("the GPU's f32", done.outputs));
        }
        for (precision, computed) in all {
            let found = prepared.named(computed);
            assert_eq!(found.len(), case.outputs.len(), "{}", case.name);
            for (name, wanted) in &case.outputs {
                let (_, found) = found.iter().find(|(found, _)| *found == ours(name)).unwrap();
                assert_eq!(found.shape, wanted.shape, "{}: {name} in {precision}", case.name);
                for (i, (&found, wanted)) in found.data.iter().zip(wanted.numbers()).enumerate() {
                    let close = (f64::from(found) - wanted).abs() <= ORDER_OF_ADDITIONS + case.rtol * wanted.abs();
                    assert!(close, "{}: {name}[{i}] in {precision} is {found}, not {wanted}", case.name);
                }
            }
        }
    }
    cases.len()
}

#[test]
fn all_linear_attention_vectors() {
    let names = [("query", "Q"), ("key", "K"), ("value", "V"), ("output", "Y")];
    assert_eq!(check_operator(Op::LinearAttention, "LinearAttention", &names), 7);
}

#[test]
fn all_rotary_embedding_vectors() {
    assert_eq!(check_operator(Op::RotaryEmbedding, "RotaryEmbedding", &[("input", "X"), ("output", "Y")]), 4);
}

#[test]
fn bad_requests_name_their_fields() {
    let cases = vectors("Attention");
    let named = |name: &str| request(cases.iter().find(|case| case.name == name).unwrap());
    let paths = |change: &dyn Fn(&mut Request)| {
        let mut request = named("test_attention_4d_attn_mask");
        change(&mut request);
        let issues = prepare(&request).err().map_or_else(Vec::new, |issues| issues.0);
        issues.into_iter().map(|issue| issue.path).collect::<Vec<_>>()
    };
    assert!(paths(&|_| {}).is_empty());
    assert_eq!(paths(&|r| r.op = Some("linear_attention".to_owned())), ["op"]);
    assert_eq!(paths(&|r| std::sync::Arc::make_mut(&mut r.q.data).truncate(3)), ["Q.data"]);
    assert_eq!(paths(&|r| r.q.shape = vec![usize::MAX, 3, 4, 8]), ["Q.data"]);
    assert_eq!(paths(&|r| r.k = Tensor::new(&[2, 3, 6, 4], vec![0.0; 144])), ["K.shape"]);
    assert_eq!(paths(&|r| r.past_key = Some(r.k.clone())), ["past_value"]);
    assert_eq!(paths(&|r| r.attn_mask = Some(Tensor::new(&[5, 6], vec![0.0; 30]))), ["attn_mask.shape"]);
    assert_eq!(paths(&|r| r.nonpad_kv_seqlen = Some(vec![3, 7])), ["nonpad_kv_seqlen[1]"]);
    assert_eq!(paths(&|r| r.scale = Some(f32::NAN)), ["scale"]);
    assert_eq!(paths(&|r| r.softcap = Some(-1.0)), ["softcap"]);
    assert_eq!(paths(&|r| r.left_window_size = Some(-2)), ["left_window_size"]);
    assert_eq!(paths(&|r| r.qk_matmul_output_mode = Some(4)), ["qk_matmul_output_mode"]);
    assert_eq!(paths(&|r| r.sink_logit = Some(vec![0.0])), ["sink_logit"]);
    assert_eq!(paths(&|r| r.outputs = Some(vec!["dM".to_owned()])), ["outputs[0]"]);
    assert_eq!(paths(&|r| r.repeat = Some(0)), ["repeat"]);
    assert_eq!(paths(&|r| r.data = Sorted::from([("doc".to_owned(), vec![1.0])])), ["data.doc"]);
    let entry = |id: &str, param: &str, value: f64| {
        let params = Sorted::from([(param.to_owned(), value)]);
        Some(FormulaOrEntry::Entry(attention_playground::experiment::Choice { id: id.to_owned(), params }))
    };
    assert_eq!(paths(&|r| r.mask = entry("nonsense", "a", 1.0)), ["mask.id"]);
    assert_eq!(paths(&|r| r.mask = entry("sliding-window", "window", -3.0)), ["mask.params.window"]);
    assert_eq!(paths(&|r| r.mask = entry("causal", "window", 3.0)), ["mask.params.window"]);
}

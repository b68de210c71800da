//! ONNX's own vectors for Attention and FlexAttention, and for LinearAttention and RotaryEmbedding where there are kernels for them, through the page's
//! API: one test for each vector and backend. The GPU keeps the same tolerances.

use std::collections::BTreeMap;
use std::io::Read;
use std::sync::Arc;

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::{Case, Needs};
use crate::expression::{self, Graph};
use crate::page::{Page, ensure};
use crate::{Error, Result};

/// Where the page computes attention.
const BACKENDS: [&str; 3] = ["cpu", "reference", WEBGPU];

/// Operators beside attention: ONNX's name and the page's.
const OPERATORS: [(&str, &str); 2] = [("LinearAttention", "linear_attention"), ("RotaryEmbedding", "rotary_embedding")];

/// Where the page computes those.
const OPERATOR_BACKENDS: [&str; 3] = ["cpu", "reference", WEBGPU];

/// The page's names of tensors that the vectors of those operators name otherwise.
const RENAMED: [(&str, &str); 5] = [("query", "Q"), ("key", "K"), ("value", "V"), ("input", "X"), ("output", "Y")];

const WEBGPU: &str = "webgpu";

/// The vectors allow 1e-7, which fits one order of additions. Ours are other orders of the same f32 additions.
const ORDER_OF_ADDITIONS: f64 = 1e-5;

/// Vectors stored as float16 or bfloat16, computed here in f32 from those values: their own rounding decides.
const HALF: f64 = 2e-2;

#[derive(Deserialize)]
struct File {
    cases: Vec<Vector>,
}

#[derive(Deserialize)]
struct Vector {
    name: String,
    op: String,
    attributes: Map<String, Value>,
    node_outputs: Vec<String>,
    inputs: BTreeMap<String, Tensor>,
    outputs: BTreeMap<String, Tensor>,
    rtol: f64,
    atol: f64,
}

#[derive(Deserialize)]
struct Tensor {
    shape: Vec<usize>,
    dtype: String,
    data: Vec<Value>,
}

/// This file's tests.
///
/// # Errors
/// When the file of vectors is damaged or holds none.
pub fn cases() -> Result<Vec<Case>> {
    let packed: &[u8] = include_bytes!("../../../conformance/onnx_attention.json.gz");
    let mut text = String::new();
    flate2::read::GzDecoder::new(packed).read_to_string(&mut text)?;
    let file: File = serde_json::from_str(&text)?;
    let (operators, others): (Vec<_>, Vec<_>) =
        file.cases.into_iter().map(Arc::new).partition(|vector: &Arc<Vector>| vector.operator().is_some());
    let attention: Vec<_> =
        others.into_iter().filter(|v| matches!(v.op.as_str(), "Attention" | "FlexAttention")).collect();
    if attention.is_empty() || operators.is_empty() {
        return Err("the file of vectors lacks those of an operator".into());
    }
    let on = |vectors: &[Arc<Vector>], backend| vectors.iter().map(|v| case(v.clone(), backend)).collect::<Vec<_>>();
    let of_attention = BACKENDS.into_iter().flat_map(|backend| on(&attention, backend));
    let of_operators = OPERATOR_BACKENDS.into_iter().flat_map(|backend| on(&operators, backend));
    Ok(of_attention.chain(of_operators).collect())
}

impl Vector {
    /// The page's name of an operator beside attention.
    fn operator(&self) -> Option<&'static str> {
        OPERATORS.iter().find(|(onnx, _)| *onnx == self.op).map(|(_, ours)| *ours)
    }

    /// The page's name of an input or output.
    fn ours<'a>(&self, name: &'a str) -> &'a str {
        let renamed = RENAMED.iter().find(|(theirs, _)| self.operator().is_some() && *theirs == name);
        renamed.map_or(name, |(_, ours)| ours)
    }
}

fn case(vector: Arc<Vector>, backend: &'static str) -> Case {
    let name = format!("conformance, {backend}: {}", vector.name.trim_start_matches("test_"));
    Case {
        name,
        needs: if backend == WEBGPU { Needs::ADAPTER } else { Needs::default() },
        run: Box::new(move |page| {
            let vector = vector.clone();
            Box::pin(async move { check(page, &vector, backend).await })
        }),
    }
}

async fn check(page: &Page, vector: &Vector, backend: &str) -> Result<()> {
    page.ready().await?;
    let result = page.js(RUN, vec![request(vector, backend)?]).await?;
    ensure(result["backend"] == backend, || format!("asked for {backend}, computed by {}", result["backend"]))?;
    for (name, wanted) in &vector.outputs {
        compare(vector, name, wanted, &result["outputs"][vector.ours(name)]).map_err(|e| format!("{name}: {e}"))?;
    }
    Ok(())
}

/// Makes the typed arrays that JSON cannot carry, then runs.
const RUN: &str = r#"
const [request] = args, number = (x) => typeof x === "string" ? Number(x.replace("inf", "Infinity").replace("nan", "NaN")) : Number(x);
for (const [key, value] of Object.entries(request)) {
  if (!value?.dtype) continue;
  const data = value.data.map(number);
  request[key] = value.dtype === "int64" && value.shape.length === 1 ? data : { shape: value.shape, data: (value.dtype === "bool" ? Uint8Array : Float32Array).from(data) };
}
return await (await attentionPlayground).run(request);
"#;

/// The request as JSON: tensors still with their dtype, the graphs of FlexAttention as formulas.
fn request(vector: &Vector, backend: &str) -> Result<Value> {
    let mut request = Map::new();
    for (name, tensor) in &vector.inputs {
        request.insert(
            vector.ours(name).to_owned(),
            json!({ "shape": tensor.shape, "dtype": tensor.dtype, "data": tensor.data }),
        );
    }
    for (name, value) in &vector.attributes {
        let (name, value) = match name.as_str() {
            "is_causal" => ("is_causal", json!(value == 1)),
            "interleaved" => ("interleaved", json!(value == 1)),
            "score_mod" => ("score", json!(expression::formula(&graph(value)?, "s")?)),
            "prob_mod" => ("prob", json!(expression::formula(&graph(value)?, "p")?)),
            name => (name, value.clone()),
        };
        request.insert(name.to_owned(), value);
    }
    if let Some(op) = vector.operator() {
        request.insert("op".into(), json!(op));
    }
    let outputs = vector.node_outputs.iter().filter(|name| !name.is_empty()).map(|name| vector.ours(name));
    let outputs: Vec<_> = outputs.collect();
    request.insert("outputs".into(), json!(outputs));
    request.insert("backend".into(), json!(backend));
    Ok(Value::Object(request))
}

fn graph(value: &Value) -> Result<Graph> {
    serde_json::from_value(value.clone()).map_err(Error::from)
}

fn compare(vector: &Vector, name: &str, wanted: &Tensor, got: &Value) -> Result<()> {
    ensure(got["shape"] == json!(wanted.shape), || format!("has shape {}, not {:?}", got["shape"], wanted.shape))?;
    let data = got["data"].as_array().ok_or_else(|| format!("{name} has no data"))?;
    ensure(data.len() == wanted.data.len(), || format!("{} numbers, not {}", data.len(), wanted.data.len()))?;
    let half =
        vector.inputs.values().chain([wanted]).any(|tensor| matches!(tensor.dtype.as_str(), "float16" | "bfloat16"));
    let (rtol, atol) = if half { (HALF, HALF) } else { (vector.rtol, vector.atol.max(ORDER_OF_ADDITIONS)) };
    for (at, (got, wanted)) in data.iter().zip(&wanted.data).enumerate() {
        let (got, wanted) = (number(got)?, number(wanted)?);
        ensure(close(got, wanted, rtol, atol), || format!("at {at}: {got}, not {wanted}"))?;
    }
    Ok(())
}

/// |got - wanted| <= atol + rtol |wanted|; NaN equals NaN and an infinity itself.
fn close(got: f64, wanted: f64, rtol: f64, atol: f64) -> bool {
    if wanted.is_finite() {
        (got - wanted).abs() <= atol + rtol * wanted.abs()
    } else {
        got == wanted || (got.is_nan() && wanted.is_nan())
    }
}

/// A number of either side's JSON; the vectors write inf and nan, the page Infinity and NaN.
fn number(value: &Value) -> Result<f64> {
    match value {
        Value::Number(number) => number.as_f64(),
        Value::Bool(bit) => Some(f64::from(u8::from(*bit))),
        Value::String(text) => text.parse().ok(),
        _ => None,
    }
    .ok_or_else(|| format!("not a number: {value}").into())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn closeness_knows_what_is_not_finite() {
        assert!(close(1.0, 1.0 + 1e-6, 0.0, 1e-5) && !close(1.0, 1.1, 1e-3, 1e-5));
        assert!(
            close(f64::NEG_INFINITY, f64::NEG_INFINITY, 1e-3, 1e-5)
                && !close(f64::NEG_INFINITY, f64::INFINITY, 1e-3, 1e-5)
        );
        assert!(
            !close(f64::NAN, 0.0, 1e-3, 1e-5)
                && !close(0.0, f64::NAN, 1e-3, 1e-5)
                && !close(f64::INFINITY, 1.0, 1e-3, 1e-5)
        );
        assert!(
            number(&json!("-inf")).unwrap() == f64::NEG_INFINITY
                && number(&json!("Infinity")).unwrap() == f64::INFINITY
        );
        assert!(number(&json!("nan")).unwrap().is_nan() && number(&json!("x")).is_err());
    }

    #[test]
    fn every_vector_becomes_a_request_for_each_backend() {
        let cases = cases().unwrap();
        assert_eq!(cases.len(), 53 * BACKENDS.len() + 11 * OPERATOR_BACKENDS.len());
    }
}

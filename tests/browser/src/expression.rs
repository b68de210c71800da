//! ONNX FlexAttention gives `score_mod` and `prob_mod` as small graphs. This writes them as formulas of ours.

use std::collections::HashMap;

use serde::Deserialize;

use crate::Result;

/// A graph of elementwise operators over one input and named constants.
#[derive(Clone, Debug, Deserialize)]
pub struct Graph {
    nodes: Vec<Node>,
    #[serde(default)]
    constants: HashMap<String, Vec<f64>>,
}

#[derive(Clone, Debug, Deserialize)]
struct Node {
    op: String,
    #[serde(rename = "in")]
    inputs: Vec<String>,
    out: Vec<String>,
}

/// The formula of a graph whose only free name becomes `variable`; the last node's output is the result.
///
/// # Errors
/// On an operator, a constant or a second free name that has no formula.
pub fn formula(graph: &Graph, variable: &str) -> Result<String> {
    let mut texts: HashMap<&str, String> = HashMap::new();
    for (name, values) in &graph.constants {
        let [value] = values[..] else { return Err(format!("constant {name} is not one number").into()) };
        texts.insert(name, format!("{value:?}"));
    }
    let mut free: Option<&str> = None;
    let mut last = None;
    for node in &graph.nodes {
        let mut inputs = Vec::new();
        for name in &node.inputs {
            if let Some(text) = texts.get(name.as_str()) {
                inputs.push(text.clone());
            } else if free.is_none_or(|known| known == name) {
                free = Some(name);
                inputs.push(variable.to_owned());
            } else {
                return Err(format!("{name} is neither a constant nor computed before").into());
            }
        }
        let text = match (node.op.as_str(), &inputs[..]) {
            ("Tanh", [a]) => format!("tanh({a})"),
            ("Add", [a, b]) => format!("({a} + {b})"),
            ("Sub", [a, b]) => format!("({a} - {b})"),
            ("Mul", [a, b]) => format!("({a} * {b})"),
            ("Div", [a, b]) => format!("({a} / {b})"),
            (op, inputs) => return Err(format!("no formula for {op} of {} inputs", inputs.len()).into()),
        };
        let [out] = &node.out[..] else { return Err(format!("{} has {} outputs", node.op, node.out.len()).into()) };
        texts.insert(out, text.clone());
        last = Some(text);
    }
    last.ok_or_else(|| "the graph has no node".into())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    fn graph(json: &str) -> Graph {
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn a_softcap_becomes_a_formula() {
        let cap = graph(
            r#"{"nodes": [{"op": "Div", "in": ["scores", "cap"], "out": ["a"]}, {"op": "Tanh", "in": ["a"], "out": ["b"]},
                {"op": "Mul", "in": ["b", "cap"], "out": ["c"]}], "constants": {"cap": [20.0]}}"#,
        );
        assert_eq!(formula(&cap, "s").unwrap(), "(tanh((s / 20.0)) * 20.0)");
    }

    #[test]
    fn what_has_no_formula_is_refused() {
        for bad in [
            r#"{"nodes": []}"#,
            r#"{"nodes": [{"op": "Erf", "in": ["x"], "out": ["y"]}]}"#,
            r#"{"nodes": [{"op": "Add", "in": ["x", "z"], "out": ["y"]}]}"#,
            r#"{"nodes": [{"op": "Add", "in": ["x", "c"], "out": ["y"]}], "constants": {"c": [1, 2]}}"#,
        ] {
            assert!(formula(&graph(bad), "s").is_err(), "{bad}");
        }
    }
}

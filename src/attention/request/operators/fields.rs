//! The fields of such a request as JSON has them, and what is said of those that are wrong or unknown.

use serde_json::{Map, Value};

use super::{Op, OperatorRequest};
use crate::attention::request::Tensor;
use crate::catalogue::Text;
use crate::experiment::fields::BACKEND;
use crate::experiment::shape::Shape::{Count, Flag, List, Number, Text as Words, Word};
use crate::experiment::shape::{Field, field};
use crate::experiment::{Issue, Issues, shown, unknown};
use crate::formula::Sorted;

/// How ONNX would cut the recurrence, and a signal: the result is the same.
const PASSED_OVER: [&str; 2] = ["chunk_size", "signal"];

/// Fields of every operator.
const COMMON: [Field; 5] = [
    field("op", Word(&["linear_attention", "rotary_embedding"])),
    field("backend", BACKEND),
    field("algorithm", Word(&["auto"])),
    field("outputs", List(&Words)),
    field("repeat", Count),
];

const LINEAR: [Field; 4] = [
    field("update_rule", Word(&["linear", "gated", "delta", "gated_delta"])),
    field("scale", Number),
    field("q_num_heads", Count),
    field("kv_num_heads", Count),
];

const ROTARY: [Field; 3] =
    [field("interleaved", Flag), field("rotary_embedding_dim", Count), field("num_heads", Count)];

/// Every field of an operator that JSON can hold.
fn fields(op: Op) -> impl Iterator<Item = &'static Field> + Clone {
    let own: &[Field] = match op {
        Op::LinearAttention => &LINEAR,
        Op::RotaryEmbedding => &ROTARY,
    };
    COMMON.iter().chain(own)
}

/// An issue for every tensor that must be there and is not.
pub fn missing(op: Op, given: impl Fn(&str) -> bool) -> impl Iterator<Item = Issue> {
    let (names, needed) = op.tensors();
    names[..needed].iter().filter(move |name| !given(name)).map(|&name| Issue::new(name, "is missing"))
}

/// A request while its fields are gathered.
#[derive(Debug)]
pub struct OperatorDraft {
    op: Op,
    fields: Map<String, Value>,
    tensors: Sorted<String, Tensor>,
    issues: Vec<Issue>,
}

impl OperatorDraft {
    /// Nothing yet.
    pub fn new(op: Op) -> Self {
        Self { op, fields: Map::new(), tensors: Sorted::new(), issues: Vec::new() }
    }

    /// The names of all fields of an operator's request.
    pub fn field_names(op: Op) -> impl Iterator<Item = &'static str> {
        fields(op).map(|field| field.name).chain(op.tensors().0.iter().copied()).chain(PASSED_OVER)
    }

    /// Whether a field is read at all.
    pub fn wants(name: &str) -> bool {
        !PASSED_OVER.contains(&name)
    }

    /// Whether a field holds a tensor.
    pub fn is_tensor(&self, name: &str) -> bool {
        self.op.tensors().0.contains(&name)
    }

    /// Takes a field that JSON can hold.
    pub fn field(&mut self, name: &str, value: Value) {
        let Some(field) = fields(self.op).find(|field| field.name == name) else {
            let names = fields(self.op).map(|field| field.name).chain(self.op.tensors().0.iter().copied());
            let kind = Text::new("field of this operator", "该算子的字段");
            self.issues.push(Issue::new(shown(name), unknown(kind, name, names)));
            return;
        };
        // ONNX has no booleans among its attributes.
        let value = match (field.shape, value.as_u64()) {
            (Flag, Some(bit @ (0 | 1))) => Value::Bool(bit == 1),
            _ => value,
        };
        let before = self.issues.len();
        field.shape.check(&value, name, &mut self.issues);
        if self.issues.len() == before {
            self.fields.insert(name.to_owned(), value);
        }
    }

    /// Takes a tensor.
    pub fn tensor(&mut self, name: &str, tensor: Tensor) {
        self.tensors.insert(name.to_owned(), tensor);
    }

    /// Notes what is wrong with a field that could not be read.
    pub fn refuse(&mut self, issue: Issue) {
        self.issues.push(issue);
    }

    /// The request.
    ///
    /// # Errors
    /// Every field that was wrong, and every tensor that is missing.
    pub fn request(mut self) -> Result<OperatorRequest, Issues> {
        let named = |name: &str| {
            let inside = |rest: &str| rest.is_empty() || rest.starts_with(['.', '[']);
            self.issues.iter().any(|issue| issue.path.strip_prefix(name).is_some_and(inside))
        };
        let missing: Vec<Issue> = missing(self.op, |name| self.tensors.contains_key(name) || named(name)).collect();
        self.issues.extend(missing);
        if !self.issues.is_empty() {
            return Err(Issues(self.issues));
        }
        // The types read what the shapes let pass; a test holds them to it.
        let request: OperatorRequest = serde_json::from_value(Value::Object(self.fields))
            .map_err(|_| Issue::new("", "the request can't be read"))?;
        Ok(OperatorRequest { op: self.op, tensors: self.tensors, ..request })
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
mod tests {
    use super::*;
    use crate::attention::request::prepare_operator;
    use crate::catalogue::Lang;
    use serde_json::json;

    /// One sequence of three steps, two query heads over one key head of size four, or vectors of two heads of size four; `given` on top.
    fn said(op: Op, given: Value) -> Vec<String> {
        let mut draft = OperatorDraft::new(op);
        let tensors: &[(&str, &[usize])] = match op {
            Op::LinearAttention => &[
                ("Q", &[1, 3, 8]),
                ("K", &[1, 3, 4]),
                ("V", &[1, 3, 5]),
                ("decay", &[1, 3, 4]),
                ("beta", &[1, 3, 1]),
                ("past_state", &[1, 1, 4, 5]),
            ],
            Op::RotaryEmbedding => &[("X", &[1, 3, 8]), ("cos_cache", &[1, 3, 2]), ("sin_cache", &[1, 3, 2])],
        };
        for (name, shape) in tensors.iter().filter(|(name, _)| given.get(name) != Some(&Value::Null)) {
            let shape = given.get(name).map_or(shape.to_vec(), |shape| serde_json::from_value(shape.clone()).unwrap());
            draft.tensor(name, Tensor::new(&shape, vec![0.5; shape.iter().product()]));
        }
        if let Some(ids) = given.get("position_ids") {
            let ids: Vec<f32> = serde_json::from_value(ids.clone()).unwrap();
            draft.tensor("position_ids", Tensor::new(&[1, ids.len()], ids));
        }
        let counts = match op {
            Op::LinearAttention => json!({"q_num_heads": 2, "kv_num_heads": 1}),
            Op::RotaryEmbedding => json!({"num_heads": 2}),
        };
        let fields = counts.as_object().unwrap().iter().filter(|(name, _)| given.get(name).is_none());
        for (name, value) in fields.chain(given.as_object().unwrap()) {
            if OperatorDraft::wants(name) && !draft.is_tensor(name) && !value.is_null() {
                draft.field(name, value.clone());
            }
        }
        let done = draft.request().and_then(|request| prepare_operator(&request));
        done.err().map_or_else(Vec::new, |all| all.0.iter().map(|issue| issue.line(Lang::En)).collect())
    }

    #[test]
    fn full_requests_are_read() {
        let linear = json!({
            "op": "linear_attention", "update_rule": "gated_delta", "scale": 0.25, "backend": "reference", "algorithm": "auto",
            "outputs": ["Y", "present_state"], "repeat": 3, "chunk_size": 64,
        });
        assert_eq!(said(Op::LinearAttention, linear), Vec::<String>::new());
        let rotary = json!({"op": "rotary_embedding", "interleaved": 1, "rotary_embedding_dim": 4, "backend": "cpu"});
        assert_eq!(said(Op::RotaryEmbedding, rotary), Vec::<String>::new());
    }

    #[test]
    fn faults_of_linear_attention_are_named() {
        for (given, line) in [
            (json!({"Q": null}), "Q: is missing"),
            (json!({"Q": [3, 8]}), "Q.shape: has 2 axes; 3 or 4 are needed"),
            (json!({"kv_num_heads": null}), "kv_num_heads: is missing beside q_num_heads"),
            (json!({"q_num_heads": 3}), "Q.shape: its last axis of 8 can't be cut into 3 heads"),
            (
                json!({"K": [1, 4, 4]}),
                "K.shape: is [1, 1, 4, 4] as [batch, heads, length, size]; [1, 1, 3, 4] is needed beside the other tensors",
            ),
            (json!({"decay": [1, 3, 2]}), "decay.shape: is [1, 3, 2]; [1, 3, 4] or [1, 3, 1] is needed"),
            (json!({"decay": null}), "decay: is missing; the rule gated_delta reads it"),
            (json!({"update_rule": "delta"}), "decay: is not read by the rule delta"),
            (json!({"update_rule": "gated"}), "beta: is not read by the rule gated"),
            (json!({"beta": [1, 3, 2]}), "beta.shape: is [1, 3, 2]; [1, 3, 1] is needed"),
            (json!({"past_state": [1, 1, 5, 4]}), "past_state.shape: is [1, 1, 5, 4]; [1, 1, 4, 5] is needed"),
            (
                json!({"update_rule": "ungated"}),
                "update_rule: must be one of linear, gated, delta, gated_delta, and is \"ungated\"",
            ),
            (json!({"algorithm": "streaming"}), "algorithm: must be one of auto, and is \"streaming\""),
            (
                json!({"outputs": ["Y", "weights"]}),
                "outputs[1]: `weights` is no output of linear_attention; there are Y, present_state",
            ),
            (json!({"repeat": 0}), "repeat: must be between 1 and 1000, and is 0"),
        ] {
            assert_eq!(said(Op::LinearAttention, given.clone()), [line], "{given}");
        }
    }

    #[test]
    fn faults_of_rotary_embedding_are_named() {
        for (given, line) in [
            (json!({"X": [8]}), "X.shape: has 1 axes; 3 or 4 are needed"),
            (json!({"num_heads": null}), "num_heads: is missing beside an X of 3 axes"),
            (json!({"num_heads": 3}), "X.shape: its last axis of 8 can't be cut into 3 heads"),
            (json!({"X": [1, 2, 3, 4], "num_heads": 3}), "num_heads: is 3; X has 2 heads"),
            (json!({"rotary_embedding_dim": 3}), "rotary_embedding_dim: must be even and at most 4, and is 3"),
            (json!({"rotary_embedding_dim": 6}), "rotary_embedding_dim: must be even and at most 4, and is 6"),
            (json!({"cos_cache": [1, 3, 4]}), "cos_cache.shape: is [1, 3, 4]; [1, 3, 2] is needed"),
            (json!({"sin_cache": [1, 3, 1]}), "sin_cache.shape: is [1, 3, 1]; [1, 3, 2] is needed"),
            (json!({"interleaved": 2}), "interleaved: must be true or false, and is 2"),
            (
                json!({"num_head": 2}),
                "num_head: there is no field of this operator `num_head`; did you mean `num_heads`?",
            ),
        ] {
            assert_eq!(said(Op::RotaryEmbedding, given.clone()), [line], "{given}");
        }
    }

    #[test]
    fn positions_lie_in_the_cache() {
        let with = |ids: Value| {
            let caches = json!([9, 2]);
            said(Op::RotaryEmbedding, json!({"cos_cache": caches, "sin_cache": caches, "position_ids": ids}))
        };
        assert_eq!(with(json!([0, 8, 3])), Vec::<String>::new());
        let out = "position_ids.data[1]: must be a whole number from 0 to 8, and is";
        assert_eq!(with(json!([0, 9, 3])), [format!("{out} 9")]);
        assert_eq!(with(json!([0, -1, 3])), [format!("{out} -1")]);
        assert_eq!(with(json!([0, 0.5, 3])), [format!("{out} 0.5")]);
        assert_eq!(with(json!([0, 1])), ["position_ids.shape: is [1, 2]; [1, 3] or [3] is needed"]);
    }
}

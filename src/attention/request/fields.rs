//! The fields of a request as JSON has them, and what is said of those that are wrong or unknown. Tensors come beside
//! them: they are no JSON.

use serde_json::{Map, Value};

use super::{Request, Tensor};
use crate::catalogue::Text;
use crate::experiment::fields::{ALGORITHM, BACKEND, CHOICE, COMBINE, CONVENTIONS, DATA, TIERS};
use crate::experiment::shape::Shape::{
    self, Count, Flag, List, Number, Object, Or, Range, Seed, Text as Words, Whole, Word,
};
use crate::experiment::shape::{Field, field, needed};
use crate::experiment::{Issue, Issues, shown, unknown};

/// Fields that hold tensors; of them the first three must be there.
pub const TENSORS: [&str; 7] = ["Q", "K", "V", "attn_mask", "past_key", "past_value", "dY"];

/// Fields of the operators beside attention, and whose they are.
const ELSEWHERE: [(&str, &[&str]); 2] = [
    ("linear_attention", &["decay", "beta", "past_state", "update_rule"]),
    (
        "rotary_embedding",
        &["X", "cos_cache", "sin_cache", "position_ids", "interleaved", "rotary_embedding_dim", "num_heads"],
    ),
];

/// Conversions of precision that are accepted: everything is computed in single precision. A signal is no data.
const PASSED_OVER: [&str; 2] = ["softmax_precision", "signal"];

/// Logits beside the scores; minus infinity, a head without a sink, has no JSON.
pub const SINK: &str = "sink_logit";

const RECT: Shape = Object(&[
    needed("head", Count),
    needed("q", Range),
    needed("k", Range),
    needed("width", Count),
    needed("height", Count),
    field("pool", Word(&["max", "mean"])),
]);

/// Every field that JSON can hold.
const REQUEST: [Field; 34] = [
    field("op", Word(&["attention", "linear_attention", "rotary_embedding"])),
    field("nonpad_kv_seqlen", List(&Whole)),
    field("is_causal", Flag),
    field("scale", Number),
    field("temperature", Number),
    field("softcap", Number),
    field("left_window_size", Whole),
    field("right_window_size", Whole),
    field("q_num_heads", Count),
    field("kv_num_heads", Count),
    field("qk_matmul_output_mode", Count),
    field("mask", Or(&Words, &CHOICE)),
    field("combine", COMBINE),
    field("score", Or(&Words, &CHOICE)),
    field("prob", Or(&Words, &CHOICE)),
    field("conventions", CONVENTIONS),
    field("position", CHOICE),
    field("layers", CHOICE),
    field("product", CHOICE),
    field("layout", CHOICE),
    field("selection", CHOICE),
    field("hybrid", CHOICE),
    field("branch_a", CHOICE),
    field("branch", CHOICE),
    field("normaliser", CHOICE),
    field("estimator", CHOICE),
    field("data", DATA),
    field("backend", BACKEND),
    field("algorithm", ALGORITHM),
    field("tiers", TIERS),
    field("rect", RECT),
    field("seed", Seed),
    field("outputs", List(&Words)),
    field("repeat", Count),
];

/// What stands in the place of Q, K and V: the input of an experiment, and cells of it that are changed.
const MADE: [&str; 2] = ["input", "edits"];

/// The names of all fields of a request of attention.
pub fn field_names() -> impl Iterator<Item = &'static str> {
    REQUEST.iter().map(|field| field.name).chain(MADE).chain(TENSORS).chain([SINK]).chain(PASSED_OVER)
}

/// A request while its fields are gathered.
#[derive(Debug, Default)]
pub struct Draft {
    fields: Map<String, Value>,
    /// `input` and `edits`.
    pub(super) made: Map<String, Value>,
    pub(super) tensors: Vec<(String, Tensor)>,
    sink: Option<Vec<f32>>,
    pub(super) issues: Vec<Issue>,
}

impl Draft {
    /// Whether a field is read at all; those of other operators are refused.
    pub fn wants(&mut self, name: &str) -> bool {
        let elsewhere = ELSEWHERE.iter().find(|(_, names)| names.contains(&name));
        if let Some((op, _)) = elsewhere {
            self.issues.push(Issue::new(name, format!("belongs to op {op}")));
        }
        elsewhere.is_none() && !PASSED_OVER.contains(&name)
    }

    /// Takes a field that JSON can hold.
    pub fn field(&mut self, name: &str, value: Value) {
        if MADE.contains(&name) {
            self.made.insert(name.to_owned(), value);
            return;
        }
        let Some(field) = REQUEST.iter().find(|field| field.name == name) else {
            let names = REQUEST.iter().map(|field| field.name).chain(MADE).chain(TENSORS).chain([SINK]);
            self.issues.push(Issue::new(shown(name), unknown(Text::new("field", "字段"), name, names)));
            return;
        };
        let before = self.issues.len();
        field.shape.check(&value, name, &mut self.issues);
        if self.issues.len() == before {
            self.fields.insert(name.to_owned(), value);
        }
    }

    /// Takes one of the [`TENSORS`].
    pub fn tensor(&mut self, name: &str, tensor: Tensor) {
        self.tensors.push((name.to_owned(), tensor));
    }

    /// Takes the sink's logits.
    pub fn sink(&mut self, logits: Vec<f32>) {
        self.sink = Some(logits);
    }

    /// Notes what is wrong with a field that could not be read.
    pub fn refuse(&mut self, issue: Issue) {
        self.issues.push(issue);
    }

    /// The request.
    ///
    /// # Errors
    /// Every field that was wrong, and every tensor that is missing.
    pub fn request(mut self) -> Result<Request, Issues> {
        let named = |name: &str| {
            let inside = |rest: &str| rest.is_empty() || rest.starts_with(['.', '[']);
            self.issues.iter().any(|issue| issue.path == "op" || issue.path.strip_prefix(name).is_some_and(inside))
        };
        let given = |name: &str| self.tensors.iter().any(|(other, _)| other == name);
        let missing = TENSORS[..3].iter().filter(|name| !given(name) && !named(name));
        let missing: Vec<Issue> = missing.map(|&name| Issue::new(name, "is missing")).collect();
        self.issues.extend(missing);
        if !self.issues.is_empty() {
            return Err(Issues(self.issues));
        }
        // The types read what the shapes let pass; a test holds them to it.
        let mut request: Request = serde_json::from_value(Value::Object(self.fields))
            .map_err(|_| Issue::new("", "the request can't be read"))?;
        request.sink_logit = self.sink;
        for (name, tensor) in self.tensors {
            match name.as_str() {
                "Q" => request.q = tensor,
                "K" => request.k = tensor,
                "V" => request.v = tensor,
                "attn_mask" => request.attn_mask = Some(tensor),
                "past_key" => request.past_key = Some(tensor),
                "dY" => request.dy = Some(tensor),
                _ => request.past_value = Some(tensor),
            }
        }
        Ok(request)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
mod tests {
    use super::*;
    use crate::attention::problem::Problem;
    use crate::attention::request::prepare;
    use crate::catalogue::Lang;
    use crate::formula::Scalar;
    use serde_json::json;

    /// A request of two heads, four queries and six keys, with `fields` on top.
    fn draft(fields: Value) -> Draft {
        let mut draft = Draft::default();
        for (name, n) in [("Q", 4), ("K", 6), ("V", 6)] {
            draft.tensor(name, Tensor::new(&[1, 2, n, 8], vec![0.5; 2 * n * 8]));
        }
        for (name, value) in fields.as_object().unwrap() {
            if draft.wants(name) {
                draft.field(name, value.clone());
            }
        }
        draft
    }

    /// What is said of `fields`.
    fn said(fields: Value) -> Vec<String> {
        let done = draft(fields).request().and_then(|request| prepare(&request));
        done.err().map_or_else(Vec::new, |all| all.0.iter().map(|issue| issue.line(Lang::En)).collect())
    }

    #[test]
    fn a_full_request_is_read() {
        let fields = json!({
            "op": "attention", "nonpad_kv_seqlen": [5], "is_causal": true, "scale": 0.5, "softcap": 2, "left_window_size": -1,
            "right_window_size": 3, "qk_matmul_output_mode": 3, "mask": "k < 5",
            "combine": [{"op": "or", "not": true, "heads": [1], "id": "sliding-window", "params": {"window": 2}}], "score": {"id": "alibi", "params": {"gain": 2}},
            "prob": "p * 0.5", "conventions": {"causal": "bottom_right"}, "position": {"id": "rope"}, "layers": {"id": "some-nope", "params": {"layer": 4}}, "temperature": 0.5,
            "normaliser": {"id": "softmax"}, "product": {"id": "l2"}, "layout": {"id": "plain"}, "selection": {"id": "none"}, "hybrid": {"id": "none"}, "branch_a": {"id": "gru"}, "branch": {"id": "causal"}, "backend": "cpu", "algorithm": "auto", "tiers": ["subgroups"], "softmax_precision": 1, "seed": 7,
            "rect": {"head": 1, "q": [0, 4], "k": [0, 6], "width": 3, "height": 2, "pool": "mean"}, "repeat": 2,
            "outputs": ["Y", "rect", "weights"],
        });
        assert_eq!(said(fields), Vec::<String>::new());
    }

    #[test]
    fn faults_are_told_in_the_callers_words_and_paths() {
        for (fields, line) in [
            (json!({"scale": "big"}), "scale: must be a number, and is \"big\""),
            (json!({"backend": "gpu"}), "backend: must be one of auto, cpu, webgpu, reference, and is \"gpu\""),
            (
                json!({"conventions": {"causal": "up"}}),
                "conventions.causal: must be one of top_left, bottom_right, and is \"up\"",
            ),
            (json!({"mask": 3}), "mask: must be text or an object { id, params }, and is 3"),
            (json!({"mask": {"params": {}}}), "mask: lacks id"),
            (
                json!({"position": {"id": "rope", "params": {"base": "x"}}}),
                "position.params.base: must be a number, and is \"x\"",
            ),
            (
                json!({"position": {"id": "t5", "params": {"buckets": 1024}}}),
                "position.params.max_distance: must be at least 257 beside the other parameters",
            ),
            (json!({"mask": {"id": "casual"}}), "mask.id: there is no mask `casual`; did you mean `causal`?"),
            (
                json!({"mask": {"id": "sliding-window", "params": {"window": 2.5}}}),
                "mask.params.window: must be a whole number between 1 and 65536, and is 2.5",
            ),
            (json!({"combine": [{"op": "or"}]}), "combine[0]: lacks id"),
            (
                json!({"combine": [{"op": "or", "id": "casual"}]}),
                "combine[0].id: there is no mask `casual`; did you mean `causal`?",
            ),
            (
                json!({"combine": [{"op": "or", "id": "causal", "heads": [2]}]}),
                "combine[0].heads[0]: must be below 2, counted from 0",
            ),
            (json!({"is_casual": true}), "is_casual: there is no field `is_casual`; did you mean `is_causal`?"),
            (
                json!({"op": "atention"}),
                "op: must be one of attention, linear_attention, rotary_embedding, and is \"atention\"",
            ),
            (json!({"decay": 1}), "decay: belongs to op linear_attention"),
            (
                json!({"outputs": ["dparams"], "product": {"id": "cosine"}}),
                "product: has no gradients here: it computes numbers from Q and K that they would have to go through",
            ),
            (json!({"outputs": [3]}), "outputs[0]: must be text, and is 3"),
            (json!({"qk_matmul_output_mode": 300}), "qk_matmul_output_mode: must be 0, 1, 2 or 3, and is 300"),
            (json!({"rect": {"head": 0, "q": [0, 4], "k": [0, 6]}}), "rect: lacks width, height"),
            (json!({"data": {"doc": [0, "a"]}}), "data.doc[1]: must be a number, and is \"a\""),
            (
                json!({"mask": "doc[q] == doc[k]", "data": {"doc": [0, 0.5, 1, 1, 1, 1]}}),
                "data.doc[1]: must be a whole number between -2147483647 and 2147483647, and is 0.5",
            ),
            (
                json!({"prob": {"id": "dropot"}}),
                "prob.id: there is no change of the weights `dropot`; did you mean `dropout`?",
            ),
            (
                json!({"prob": {"id": "dropout", "params": {"rate": 1}}}),
                "prob.params.rate: must be between 0 and 0.95, and is 1",
            ),
            (json!({"prob": 3}), "prob: must be text or an object { id, params }, and is 3"),
            (json!({"temperature": 0}), "temperature: must be above 0, and is 0"),
            (json!({"layers": {"id": "sam"}}), "layers.id: there is no mix of layers `sam`; did you mean `same`?"),
            (
                json!({"normaliser": {"id": "top-k", "params": {"keep": 0}}}),
                "normaliser.params.keep: must be between 1 and 65536, and is 0",
            ),
            (json!({"repeat": 0}), "repeat: must be between 1 and 1000, and is 0"),
        ] {
            assert_eq!(said(fields.clone()), [line], "{fields}");
        }
    }

    #[test]
    fn a_rectangle_that_nobody_asked_to_see_is_told() {
        let rect = json!({"head": 0, "q": [0, 4], "k": [0, 6], "width": 6, "height": 4});
        let line = "rect: is given, but `outputs` does not ask for it; add \"rect\" to `outputs`";
        assert_eq!(said(json!({"rect": rect})), [line]);
        assert_eq!(said(json!({"rect": rect, "outputs": ["Y"]})), [line]);
        assert_eq!(said(json!({"rect": rect, "outputs": ["rect"]})), Vec::<String>::new());
        assert_eq!(said(json!({"outputs": ["rect"]})), ["rect: is missing, and `outputs` asks for it"]);
    }

    #[test]
    fn outputs_have_the_shapes_of_what_was_given() {
        let with = |fields: Value| draft(fields).request().and_then(|request| prepare(&request)).unwrap();
        for layout in ["talking-heads", "single-head", "grouped", "differential", "gated"] {
            let prepared = with(json!({"layout": {"id": layout}, "product": {"id": "l2"}}));
            assert_eq!(prepared.y(vec![0.0; 2 * 4 * 8]).shape, [1, 2, 4, 8], "{layout}");
            assert_eq!(prepared.present_key().shape, [1, 2, 6, 8], "{layout}");
            assert_eq!(prepared.present_value().shape, [1, 2, 6, 8], "{layout}");
        }
        let mixed = |branch: Value| json!({"mask": {"id": "causal"}, "hybrid": {"id": "gated"}, "branch": branch});
        let prepared = with(mixed(json!({"id": "sinks"})));
        assert!(prepared.problem.waits() && prepared.problem.masks.len() == 1 && prepared.problem.bias.len() == 1);
        assert_eq!(prepared.y(vec![0.0; 2 * 4 * 8]).shape, [1, 2, 4, 8]);
        // Queries and keys are not as many here.
        assert!(said(mixed(json!({"id": "gru"})))[0].starts_with("branch.id: gru needs as many keys"));
        assert!(said(mixed(json!({"id": "sinks", "params": {"sink": 1}})))[0].starts_with("branch.params.sink"));
        let mut more = mixed(json!({"id": "document"}));
        more["prob"] = json!("p * 0.5 * half[k]");
        more["score"] = json!("s + note[k]");
        more["normaliser"] = json!({"id": "learned-sink"});
        more["data"] = json!({"doc": [0, 0, 0, 1, 1, 1], "note": [0.5, 0.5, 1, 1, 2, 2], "half": [0.5, 0.5, 1, 1, 2, 2], "sink_logit": [2, -1]});
        // Tables of one branch, of both, and of the sum.
        let Problem { probability, lowering, .. } = with(more.clone()).problem;
        assert_eq!(probability.unwrap().text, "p * branches[b, h, q, 0] * 0.5 * half[k]");
        for branch in &lowering.unwrap().tables[0].branches {
            assert_eq!(branch.sink, Some(vec![2.0, -1.0]));
            assert!(branch.bias[0].data.contains_key("note") && branch.probability.is_none());
        }
        more["data"]["other"] = json!([1.5]);
        assert_eq!(said(more), ["data.other: no formula of this request reads it"]);
        let gains = |layout: &str| said(json!({"layout": {"id": layout}, "data": {"head_gain": [1, 0.5]}}));
        assert_eq!(gains("head-scale"), Vec::<String>::new());
        assert_eq!(gains("plain"), ["data.head_gain: no formula of this request reads it"]);
        let short = said(json!({"layout": {"id": "head-scale"}, "data": {"head_gain": [1]}}));
        assert!(short[0].starts_with("data.head_gain: has 1 numbers"), "{short:?}");
        assert!(said(json!({"layout": {"id": "mlaa"}}))[0].starts_with("layout.id: there is no layout of heads"));
    }

    #[test]
    fn entries_of_weights_and_sinks_fill_their_slots() {
        let with = |fields: Value| draft(fields).request().and_then(|request| prepare(&request)).unwrap().problem;
        let dropout = with(json!({"prob": {"id": "dropout", "params": {"rate": 0.5}}, "temperature": 4}));
        assert!(dropout.probability.is_some_and(|term| term.params.get("rate") == Some(&Scalar::Float(0.5))));
        assert_eq!(dropout.scale, (1.0 / 8_f32.sqrt()) / 4.0);
        let sinks = json!({"normaliser": {"id": "learned-sink"}, "data": {"sink_logit": [1, -2]}});
        assert_eq!(with(sinks).sink, Some(vec![1.0, -2.0]));
        let mut twice = draft(json!({"normaliser": {"id": "learned-sink"}}));
        twice.sink(vec![0.0; 2]);
        let issues = twice.request().and_then(|request| prepare(&request)).unwrap_err();
        assert_eq!(issues.lines(Lang::En), "sink_logit: the normaliser has a sink of its own");
        let bare = with(json!({"layers": {"id": "some-nope", "params": {"layer": 8}}, "position": {"id": "rope"}}));
        assert_eq!(bare.rotation, None);
    }

    #[test]
    fn tensors_are_named_as_the_caller_named_them() {
        let with = |q: &[usize], k: &[usize], v: &[usize], fields: Value| {
            let mut draft = Draft::default();
            for (name, shape) in [("Q", q), ("K", k), ("V", v)] {
                draft.tensor(name, Tensor::new(shape, vec![0.5; shape.iter().product()]));
            }
            fields.as_object().unwrap().iter().for_each(|(name, value)| draft.field(name, value.clone()));
            let issues = draft.request().and_then(|request| prepare(&request)).unwrap_err();
            issues.0.iter().map(|issue| issue.line(Lang::En)).collect::<Vec<_>>()
        };
        let none = || json!({});
        assert_eq!(
            with(&[1, 4, 4, 8], &[1, 3, 6, 8], &[1, 3, 6, 8], none()),
            ["K.shape: heads: must divide the 4 query heads, and is 3"]
        );
        assert_eq!(
            with(&[1, 4, 8], &[1, 6, 16], &[1, 6, 16], json!({"q_num_heads": 4, "kv_num_heads": 8})),
            ["K.shape: heads: must divide the 4 query heads, and is 8"]
        );
        assert_eq!(
            with(&[1, 2, 0, 8], &[1, 2, 6, 8], &[1, 2, 6, 0], none()),
            ["Q.shape: length: must be at least 1", "V.shape: size: must be at least 1"]
        );
        assert_eq!(
            with(&[1, 2, 4, 8], &[1, 2, 6, 7], &[1, 2, 6, 8], none()),
            [
                "K.shape: is [1, 2, 6, 7] as [batch, heads, length, size]; [1, 2, 6, 8] is needed beside the other tensors"
            ]
        );
        assert!(Draft::default().request().unwrap_err().lines(Lang::En).starts_with("Q: is missing; K: is missing"));
    }
}

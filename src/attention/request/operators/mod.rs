//! Requests of the operators beside attention: what they may hold, and what they become. Names and meanings are those of ONNX's
//! LinearAttention (opset 27) and RotaryEmbedding (opset 23).

mod fields;
mod linear;
mod rotary;

use serde::Deserialize;

use super::tensor::{Layout, Tensor};
use crate::attention::operators::{Operator, UpdateRule};
use crate::attention::plan::MAX_BYTES;
use crate::experiment::{Algorithm, Backend, Issue, Issues};
use crate::formula::Sorted;

pub use fields::OperatorDraft;

/// An operator by name.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Op {
    /// ONNX's LinearAttention.
    #[default]
    LinearAttention,
    /// ONNX's RotaryEmbedding.
    RotaryEmbedding,
}

impl Op {
    /// Every one.
    pub const ALL: [Self; 2] = [Self::LinearAttention, Self::RotaryEmbedding];

    /// Its name in requests.
    pub fn name(self) -> &'static str {
        match self {
            Self::LinearAttention => "linear_attention",
            Self::RotaryEmbedding => "rotary_embedding",
        }
    }

    /// The one way in which it is computed.
    pub fn algorithm(self) -> &'static str {
        match self {
            Self::LinearAttention => "recurrent",
            Self::RotaryEmbedding => "pointwise",
        }
    }

    /// The operator of this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|op| op.name() == name)
    }

    /// Its tensors; those that must be there come first.
    fn tensors(self) -> (&'static [&'static str], usize) {
        match self {
            Self::LinearAttention => (&["Q", "K", "V", "decay", "beta", "past_state"], 3),
            Self::RotaryEmbedding => (&["X", "cos_cache", "sin_cache", "position_ids"], 3),
        }
    }

    /// Its outputs.
    pub fn outputs(self) -> &'static [&'static str] {
        match self {
            Self::LinearAttention => &["Y", "present_state"],
            Self::RotaryEmbedding => &["Y"],
        }
    }
}

/// What is asked of an operator beside attention. Absent fields mean what ONNX says; those of the other operator stay as they are here.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct OperatorRequest {
    /// The operator.
    pub op: Op,
    /// Tensors by name. Linear attention: `Q`, `K`, `V` in a layout of attention's; `decay` (its logarithm) and `beta` laid out as K, with size
    /// `d_k` or 1 and with size 1, the latter of every head or of one; `past_state` `[batch, kv heads, d_k, d_v]`. Rotary embedding: `X`
    /// `[batch, heads, length, size]` or `[batch, length, heads · size]`; `cos_cache` and `sin_cache` `[positions, rotated/2]` beside
    /// `position_ids` `[batch, length]`, or `[batch, length, rotated/2]` without.
    #[serde(skip)]
    pub tensors: Sorted<String, Tensor>,
    /// How a step of linear attention changes the state.
    pub update_rule: UpdateRule,
    /// Factor on the output of linear attention; `1/sqrt(d_k)` when absent or 0.
    pub scale: Option<f32>,
    /// Heads of packed queries.
    pub q_num_heads: Option<usize>,
    /// Heads of packed keys and values.
    pub kv_num_heads: Option<usize>,
    /// Heads of a packed `X`.
    pub num_heads: Option<usize>,
    /// Whether neighbours are rotated together, rather than numbers half of the rotated size apart.
    pub interleaved: bool,
    /// Numbers of each vector that are rotated; 0 for all.
    pub rotary_embedding_dim: usize,
    /// The engine.
    pub backend: Backend,
    /// `auto`: each of them is computed in one way.
    pub algorithm: Algorithm,
    /// What is wanted: `Y` (also when absent), and of linear attention `present_state`.
    pub outputs: Option<Vec<String>>,
    /// Times the kernel runs, 1 to 1000.
    pub repeat: Option<u32>,
}

/// A request of an operator, ready to be computed.
#[derive(Clone, Debug, PartialEq)]
pub struct OperatorPrepared {
    /// What is computed.
    pub operator: Operator,
    /// Its tensors, row-major `[batch, heads, length, size]`, in the operator's order; empty where one is absent.
    pub tensors: Vec<Vec<f32>>,
    /// Layout of the output.
    pub layout: Layout,
    /// Names of the outputs wanted.
    pub outputs: Vec<String>,
    /// Times the kernel runs.
    pub repeat: u32,
}

impl OperatorPrepared {
    /// The wanted ones of what the operator computed, by their names and in the request's layout.
    pub fn named(&self, computed: Vec<Vec<f32>>) -> Vec<(&'static str, Tensor)> {
        let (names, shapes): (_, Vec<[usize; 4]>) = match self.operator {
            Operator::LinearAttention(l) => (
                Op::LinearAttention.outputs(),
                vec![[l.batch, l.q_heads, l.length, l.d_v], [l.batch, l.kv_heads, l.d_k, l.d_v]],
            ),
            Operator::RotaryEmbedding(r) => (Op::RotaryEmbedding.outputs(), vec![[r.batch, r.heads, r.length, r.size]]),
            // A request of attention asks for it.
            Operator::Estimator(_) => (&[][..], Vec::new()),
        };
        let all = names.iter().zip(shapes).zip(computed);
        let wanted = all.filter(|((name, _), _)| self.outputs.iter().any(|output| output == *name));
        let tensor = |((&name, extents), data)| {
            // A state has one layout only.
            let layout = if name == "Y" { self.layout } else { Layout::Batched };
            (name, Tensor::new(&layout.shape(extents), layout.pack(data, extents)))
        };
        wanted.map(tensor).collect()
    }
}

/// Turns a request into an operator and its tensors.
///
/// # Errors
/// Every field that is wrong, by its name in the request.
pub fn prepare_operator(request: &OperatorRequest) -> Result<OperatorPrepared, Issues> {
    let mut issues: Vec<Issue> = fields::missing(request.op, |name| request.tensors.contains_key(name)).collect();
    issues.extend(request.tensors.iter().filter_map(|(name, tensor)| tensor.check(name).err()));
    if !issues.is_empty() {
        return Err(Issues(issues));
    }
    let (operator, tensors, layout) = match request.op {
        Op::LinearAttention => linear::prepare(request)?,
        Op::RotaryEmbedding => rotary::prepare(request)?,
    };
    let outputs = request.outputs.clone().unwrap_or_else(|| vec!["Y".to_owned()]);
    let known = request.op.outputs();
    for (i, output) in outputs.iter().enumerate().filter(|(_, output)| !known.contains(&output.as_str())) {
        let message = format!("`{output}` is no output of {}; there are {}", request.op.name(), known.join(", "));
        issues.push(Issue::new(format!("outputs[{i}]"), message));
    }
    let repeat = request.repeat.unwrap_or(1);
    if !(1..=1000).contains(&repeat) {
        issues.push(Issue::new("repeat", format!("must be between 1 and 1000, and is {repeat}")));
    }
    let numbers = operator.inputs().into_iter().chain(operator.outputs()).fold(0, usize::saturating_add);
    if numbers > MAX_BYTES / 4 {
        let most = MAX_BYTES >> 20;
        let message = format!("tensors and outputs would take {} MB; there is room for {most} MB", numbers >> 18);
        issues.push(Issue::new("", message));
    }
    if issues.is_empty() {
        Ok(OperatorPrepared { operator, tensors, layout, outputs, repeat })
    } else {
        Err(Issues(issues))
    }
}

/// The shape of a tensor must be one of these.
fn shaped(path: &str, tensor: &Tensor, wanted: &[&[usize]], issues: &mut Vec<Issue>) {
    if !wanted.contains(&tensor.shape.as_slice()) {
        let wanted = wanted.iter().map(|shape| format!("{shape:?}")).collect::<Vec<_>>().join(" or ");
        issues.push(Issue::new(format!("{path}.shape"), format!("is {:?}; {wanted} is needed", tensor.shape)));
    }
}

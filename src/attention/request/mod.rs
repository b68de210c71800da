//! A request of the JavaScript API as plain data, and the problem it describes. Names and meanings are those of the ONNX operators
//! Attention (opset 25) and FlexAttention wherever ONNX has one. Requests of its operators beside attention are in `operators`.

mod convert;
mod estimate;
mod fields;
mod gradients;
mod made;
mod mask;
mod operators;
mod outputs;
mod tensor;

use serde::Deserialize;

use crate::experiment::{Algorithm, Backend, Choice, Conventions, Layer, Tiers};
use crate::formula::Sorted;

pub use convert::{Prepared, prepare};
pub use estimate::{EstimatePrepared, prepare_estimate};
pub use fields::{Draft, SINK, TENSORS, field_names};
pub use gradients::Gradients;
pub use operators::{Op, OperatorDraft, OperatorPrepared, OperatorRequest, prepare_operator};
pub use outputs::{estimate_names, output_names};
pub use tensor::{Layout, Tensor};

/// A formula, or an entry of the catalogue with its parameters.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(untagged)]
pub enum FormulaOrEntry {
    /// The text.
    Formula(String),
    /// The entry.
    Entry(Choice),
}

/// A rectangle of the weights as a picture.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rect {
    /// Query head.
    pub head: usize,
    /// Queries `from..to`.
    pub q: [usize; 2],
    /// Keys `from..to`.
    pub k: [usize; 2],
    /// Pixels across.
    pub width: usize,
    /// Pixels down.
    pub height: usize,
    /// How cells that share a pixel are merged: `max` (also when absent) or `mean`.
    #[serde(default)]
    pub pool: Option<String>,
}

/// What the JavaScript API is asked to compute. Absent fields mean what ONNX says. Tensors and the sink come beside the JSON.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Request {
    /// `attention`, or absent.
    pub op: Option<String>,
    /// Queries `[batch, heads, length, size]`, `[heads, length, size]`, or packed `[batch, length, heads · size]` with both head counts.
    #[serde(skip)]
    pub q: Tensor,
    /// Keys, laid out as Q.
    #[serde(skip)]
    pub k: Tensor,
    /// Values, laid out as Q.
    #[serde(skip)]
    pub v: Tensor,
    /// Boolean (true = keep) or added; broadcast to `[batch, heads, queries, keys]` from the right. A shorter last axis masks the rest.
    #[serde(skip)]
    pub attn_mask: Option<Tensor>,
    /// Keys before K, `[batch, kv heads, past, size]`.
    #[serde(skip)]
    pub past_key: Option<Tensor>,
    /// Values before V, `[batch, kv heads, past, value size]`.
    #[serde(skip)]
    pub past_value: Option<Tensor>,
    /// What gradients start from, laid out as the output; ones when absent.
    #[serde(skip)]
    pub dy: Option<Tensor>,
    /// Keys of each sequence that are not padding.
    pub nonpad_kv_seqlen: Option<Vec<i64>>,
    /// `k <= q + past` (or `q + nonpad[b] − n_q`).
    pub is_causal: bool,
    /// Factor on Q·K; `1/sqrt(size)` when absent.
    pub scale: Option<f32>,
    /// Scores are divided by it; 1 when absent.
    pub temperature: Option<f32>,
    /// `c · tanh(s / c)`; 0 is off.
    pub softcap: Option<f32>,
    /// Keys seen before the query's own position; −1 or absent for all.
    pub left_window_size: Option<i64>,
    /// Keys seen after the query's own position; −1 or absent for all.
    pub right_window_size: Option<i64>,
    /// Heads of packed queries.
    pub q_num_heads: Option<usize>,
    /// Heads of packed keys and values.
    pub kv_num_heads: Option<usize>,
    /// Stage that `qk_matmul_output` shows: 0 scaled, 1 capped, 2 masked, 3 weights.
    pub qk_matmul_output_mode: Option<u32>,
    /// And-ed with the masks above.
    pub mask: Option<FormulaOrEntry>,
    /// Joined with `mask`, in this order; what `attn_mask`, `is_causal` and the windows forbid stays forbidden.
    pub combine: Vec<Layer>,
    /// Over the score after scale, softcap and added mask.
    pub score: Option<FormulaOrEntry>,
    /// Over the weight after the normaliser.
    pub prob: Option<FormulaOrEntry>,
    /// One logit per head without a value.
    #[serde(skip)]
    pub sink_logit: Option<Vec<f32>>,
    /// Switches where libraries differ.
    pub conventions: Conventions,
    /// Position scheme.
    pub position: Option<Choice>,
    /// How the layers of a model differ, and which of them this is.
    pub layers: Option<Choice>,
    /// How a query and a key become a score; its own scale gives way to `scale`.
    pub product: Option<Choice>,
    /// What becomes of the heads; a scale of the request's own stays as it is.
    pub layout: Option<Choice>,
    /// Which of the allowed keys a query looks at, by content.
    pub selection: Option<Choice>,
    /// How a second branch is mixed in.
    pub hybrid: Option<Choice>,
    /// The first branch: `attention`, also when absent, or an estimator in its place.
    pub branch_a: Option<Choice>,
    /// The second branch: a mask, in the place of `mask`, `combine` and `selection`, or an estimator; every key when absent.
    pub branch: Option<Choice>,
    /// Scores to weights.
    pub normaliser: Option<Choice>,
    /// Computed in attention's place, beside exact attention and its distance from it.
    pub estimator: Option<Choice>,
    /// Tables that formulas read, row-major.
    pub data: Sorted<String, Vec<f64>>,
    /// The engine.
    pub backend: Backend,
    /// The algorithm.
    pub algorithm: Algorithm,
    /// What the GPU may use beyond the core of WebGPU; other engines pass over it.
    pub tiers: Tiers,
    /// A picture of the weights.
    pub rect: Option<Rect>,
    /// Seed of tables.
    pub seed: u64,
    /// What is wanted: `Y` (also when absent), `rect`, `present_key`, `present_value`, `qk_matmul_output`, `weights`, `logsumexp`,
    /// and the gradients `dQ`, `dK`, `dV`, `dparams`.
    /// With an estimator: `Y`, `exact`, `error`, `total_error`, `trace`, `states`.
    pub outputs: Option<Vec<String>>,
    /// Times the kernel runs, 1 to 1000.
    pub repeat: Option<u32>,
}

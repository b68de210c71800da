//! The experiment: everything that decides what is computed and shown. Its JSON is what links, presets, undo and the JavaScript API carry.
//!
//! Every field has a default, and the defaults of a version never change: a link holds only what differs.

use serde::{Deserialize, Serialize};

use super::conventions::Conventions;
use super::hidden::{Hidden, Weights};
use super::matrix::Matrix;
use super::normals::Normals;
use super::tiers::Tiers;
use crate::catalogue::ATTENTION;
use crate::formula::{Sorted, Ty};

/// Everything the user set.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Experiment {
    /// Where Q, K and V come from.
    pub input: Input,
    /// Cells of Q, K and V changed by hand, over the input.
    pub edits: Vec<Edit>,
    /// Which query may see which key.
    pub mask: MaskChoice,
    /// Patterns joined with the mask, in this order.
    pub combine: Vec<Layer>,
    /// Cells and rectangles switched by hand over the mask.
    pub paint: Vec<Patch>,
    /// A score formula of the user's own, after the position bias.
    pub score: Option<CustomFormula>,
    /// Position scheme.
    pub position: Choice,
    /// How a query and a key become a score.
    pub product: Choice,
    /// Factor on Q·K.
    pub scale: Scale,
    /// Scores are divided by it; 1 changes nothing.
    pub temperature: f64,
    /// `c · tanh(s / c)`; 0 is off.
    pub softcap: f64,
    /// What becomes of the heads.
    pub layout: Choice,
    /// Which of the allowed keys a query looks at, by content.
    pub selection: Choice,
    /// How a second branch is mixed in; `none` for no second branch.
    pub hybrid: Choice,
    /// The first branch: `attention` as it is set here, or an estimator of the catalogue in its place.
    pub branch_a: Choice,
    /// The second branch: a mask or an estimator of the catalogue.
    pub branch: Choice,
    /// Scores to weights.
    pub normaliser: Choice,
    /// What is done to the weights; `none` for nothing.
    pub prob: FormulaChoice,
    /// How the layers of a model differ, and which of them this is; `same` where they don't.
    pub layers: Choice,
    /// Shown beside the exact result with its error; `none` for nothing.
    pub estimator: Choice,
    /// Switches where libraries differ.
    pub conventions: Conventions,
    /// Per-token and per-head tables that replace the catalogue's own, row-major.
    pub data: Sorted<String, Vec<f64>>,
    /// Seed of random patterns and learned tables.
    pub seed: u64,
    /// Which engine computes.
    pub engine: EngineChoice,
    /// What is shown large.
    pub view: View,
}

impl Default for Experiment {
    /// The opener: a captured head in which "it" finds the animal.
    fn default() -> Self {
        Self {
            input: Input::default(),
            edits: Vec::new(),
            mask: MaskChoice {
                id: "sliding-window".to_owned(),
                params: Sorted::from([("window".to_owned(), 9.0)]),
                custom: None,
            },
            combine: Vec::new(),
            paint: Vec::new(),
            score: None,
            position: Choice::of("none"),
            product: Choice::of("dot"),
            scale: Scale::InverseSqrt,
            temperature: 1.0,
            softcap: 0.0,
            layout: Choice::of("plain"),
            selection: Choice::of("none"),
            hybrid: Choice::of("none"),
            branch_a: Choice::of(ATTENTION),
            branch: Choice::of("none"),
            normaliser: Choice::of("softmax"),
            prob: FormulaChoice::of("none"),
            layers: Choice::of("same"),
            estimator: Choice::of("none"),
            conventions: Conventions::default(),
            data: Sorted::new(),
            seed: 0,
            engine: EngineChoice::default(),
            view: View::default(),
        }
    }
}

/// Where Q, K and V come from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Input {
    /// A captured layer of a real trained model.
    Capture {
        /// Id in the index of captures.
        id: String,
        /// 1 to 6.
        layer: u32,
    },
    /// A seeded generator of the catalogue.
    Generated {
        /// Id of the generator.
        recipe: String,
        /// Sizes.
        size: Size,
        /// Seed of its numbers.
        seed: u64,
        /// The rule of its normal numbers.
        #[serde(default, skip_serializing_if = "Normals::unsaid")]
        normals: Normals,
        /// Values that differ from the generator's defaults.
        #[serde(default, skip_serializing_if = "Sorted::is_empty")]
        params: Sorted<String, f64>,
    },
    /// The user's words, each with a seeded embedding.
    Text {
        /// The words.
        text: String,
        /// Sizes; `n_q` and `n_k` follow the text.
        size: Size,
        /// Seed of the projections.
        seed: u64,
        /// The rule of all normal numbers.
        #[serde(default, skip_serializing_if = "Normals::unsaid")]
        normals: Normals,
    },
    /// Numbers of the user's own, pasted or from a file: rows of equal length, those of one head after those of the other.
    Numbers {
        /// Queries, `q_heads · n_q` rows of `d`.
        q: Matrix,
        /// Keys, `kv_heads · n_k` rows of `d`.
        k: Matrix,
        /// Values, `kv_heads · n_k` rows of `d_v`.
        v: Matrix,
        /// Query heads.
        #[serde(default = "one", skip_serializing_if = "is_one")]
        q_heads: usize,
        /// Key and value heads.
        #[serde(default = "one", skip_serializing_if = "is_one")]
        kv_heads: usize,
        /// By how much, at most, a link has rounded them; 0 for not at all.
        #[serde(default, skip_serializing_if = "is_exact")]
        rounded: f64,
    },
    /// Hidden states, projected to Q, K and V in every head.
    Projected {
        /// The hidden states.
        x: Hidden,
        /// The matrices.
        weights: Weights,
        /// Those of stream B, where X has two streams and they are not the same.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        weights_b: Option<Weights>,
        /// Sizes; `n_q` and `n_k` follow X.
        size: Size,
        /// Seed of the matrices, and of embedded words.
        seed: u64,
        /// The rule of all normal numbers, those of X among them.
        #[serde(default, skip_serializing_if = "Normals::unsaid")]
        normals: Normals,
        /// By how much, at most, a link has rounded the user's own numbers in X and the matrices; 0 for not at all.
        #[serde(default, skip_serializing_if = "is_exact")]
        rounded: f64,
    },
}

impl Input {
    /// What a generator gives with its default parameters, by the rule of addresses that say no more.
    pub fn generated(recipe: &str, size: Size, seed: u64) -> Self {
        let (normals, params) = (Normals::Unrounded, Sorted::new());
        Self::Generated { recipe: recipe.to_owned(), size, seed, normals, params }
    }

    /// Sizes and seed of an input that is made; the usual ones of any other.
    pub fn made_of(&self) -> (Size, u64) {
        match self {
            Self::Generated { size, seed, .. } | Self::Text { size, seed, .. } | Self::Projected { size, seed, .. } => {
                (*size, *seed)
            }
            Self::Capture { .. } | Self::Numbers { .. } => (Size::default(), 0),
        }
    }

    /// Numbers that it holds itself.
    pub fn numbers(&self) -> usize {
        match self {
            Self::Numbers { q, k, v, .. } => [q, k, v].iter().flat_map(|rows| rows.iter()).map(Vec::len).sum(),
            _ => 0,
        }
    }

    /// Numbers of one head.
    pub fn one_head(q: Vec<Vec<f32>>, k: Vec<Vec<f32>>, v: Vec<Vec<f32>>) -> Self {
        Self::Numbers { q: q.into(), k: k.into(), v: v.into(), q_heads: 1, kv_heads: 1, rounded: 0.0 }
    }
}

fn is_exact(rounded: &f64) -> bool {
    *rounded == 0.0
}

fn one() -> usize {
    1
}

fn is_one(count: &usize) -> bool {
    *count == 1
}

impl Default for Input {
    fn default() -> Self {
        Self::Capture { id: "animal".to_owned(), layer: 3 }
    }
}

/// Sizes of a generated input (batch 1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Size {
    /// Query heads.
    pub q_heads: usize,
    /// Key and value heads.
    pub kv_heads: usize,
    /// Queries.
    pub n_q: usize,
    /// Keys.
    pub n_k: usize,
    /// Size of a query and key.
    pub d: usize,
    /// Size of a value.
    pub d_v: usize,
}

impl Default for Size {
    fn default() -> Self {
        Self { q_heads: 4, kv_heads: 4, n_q: 24, n_k: 24, d: 16, d_v: 16 }
    }
}

/// One of the three input tensors.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TensorName {
    /// Queries.
    Q,
    /// Keys.
    K,
    /// Values.
    V,
}

/// One cell changed by hand.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Edit {
    /// Which tensor.
    pub tensor: TensorName,
    /// Head of that tensor (a key and value head for K and V).
    pub head: usize,
    /// Token.
    pub row: usize,
    /// Place in the head.
    pub col: usize,
    /// The new value.
    pub value: f32,
}

/// A rectangle of (query, key) pairs switched on or off by hand. Ends are exclusive.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Patch {
    /// One head, or all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub head: Option<usize>,
    /// Queries `from..to`.
    pub q: [usize; 2],
    /// Keys `from..to`.
    pub k: [usize; 2],
    /// Allowed, or masked.
    pub allow: bool,
}

/// A catalogue entry with its parameters; absent parameters have the entry's default.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Choice {
    /// Id of the entry.
    pub id: String,
    /// Values that differ from the defaults.
    #[serde(default, skip_serializing_if = "Sorted::is_empty")]
    pub params: Sorted<String, f64>,
}

impl Choice {
    /// The entry with its default parameters.
    pub fn of(id: &str) -> Self {
        Self { id: id.to_owned(), params: Sorted::new() }
    }
}

/// A mask: a catalogue entry, or a formula of the user's own (id `custom`).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MaskChoice {
    /// Id of the entry, or `custom`.
    pub id: String,
    /// Values that differ from the entry's defaults.
    #[serde(default, skip_serializing_if = "Sorted::is_empty")]
    pub params: Sorted<String, f64>,
    /// The user's own formula; present exactly when the id is `custom`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub custom: Option<CustomFormula>,
}

/// A change of the weights: a catalogue entry, or a formula of the user's own (id `custom`).
pub type FormulaChoice = MaskChoice;

impl MaskChoice {
    /// The entry with its default parameters.
    pub fn of(id: &str) -> Self {
        Self { id: id.to_owned(), params: Sorted::new(), custom: None }
    }
}

/// A pattern joined with the mask that stands before it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Layer {
    /// How it is joined.
    pub op: Join,
    /// Whether its contrary is meant: what it allows is forbidden, and the other way round. Its part of the score is then left out.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub not: bool,
    /// The query heads it is for; the others stay as they were. None: all of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub heads: Option<Vec<usize>>,
    /// Id of the entry, or `custom`.
    pub id: String,
    /// Values that differ from the entry's defaults.
    #[serde(default, skip_serializing_if = "Sorted::is_empty")]
    pub params: Sorted<String, f64>,
    /// The user's own formula; present exactly when the id is `custom`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub custom: Option<CustomFormula>,
}

impl Layer {
    /// The entry with its default parameters, for all heads.
    pub fn of(op: Join, id: &str) -> Self {
        Self { op, not: false, heads: None, id: id.to_owned(), params: Sorted::new(), custom: None }
    }
}

/// How a pattern is joined with the mask before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Join {
    /// A key is allowed where both allow it.
    And,
    /// A key is allowed where one of them allows it.
    Or,
    /// The pattern takes the mask's place.
    Replace,
}

/// A formula of the user's own with the parameters it declares.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CustomFormula {
    /// The text.
    pub text: String,
    /// Declared parameters; they become sliders.
    pub params: Vec<Declared>,
}

/// A parameter that a user's formula declares.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Declared {
    /// Name in the formula.
    pub name: String,
    /// Whole number, number, or switch.
    pub ty: Ty,
    /// Smallest value of the slider.
    pub min: f64,
    /// Largest value of the slider.
    pub max: f64,
    /// Step of the slider.
    pub step: f64,
    /// The value now.
    pub value: f64,
}

/// Factor on Q·K.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scale {
    /// `1 / sqrt(d)`.
    #[default]
    InverseSqrt,
    /// 1.
    None,
    /// `ln n_k / sqrt(d)` (scalable softmax).
    LogN,
    /// A number of the user's.
    Free(f64),
}

/// Which engine computes, and how.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct EngineChoice {
    /// The engine.
    pub backend: Backend,
    /// The algorithm.
    pub algorithm: Algorithm,
    /// What the GPU's kernels may use beyond the core of WebGPU.
    #[serde(skip_serializing_if = "Tiers::is_empty")]
    pub tiers: Tiers,
}

/// An engine. An explicit choice never falls back in silence.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Backend {
    /// The fastest that is there and pays off; the result says which and why.
    #[default]
    Auto,
    /// SIMD kernels in a pool of workers.
    Cpu,
    /// WebGPU.
    Webgpu,
    /// Readable double precision, the judge of the others.
    Reference,
}

/// How the weights are formed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Algorithm {
    /// Materialised where the stages are shown and small, streaming elsewhere.
    #[default]
    Auto,
    /// The whole score matrix in memory, stage after stage.
    Materialised,
    /// Tiles with an online softmax; memory grows with n, not n².
    Streaming,
}

/// What is shown large.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct View {
    /// Stage of the map.
    pub stage: Stage,
    /// Query head.
    pub head: usize,
    /// Selected query.
    pub query: usize,
    /// Selected key.
    pub key: usize,
    /// Queries that are looked at closely, the end exclusive; all of them where it is absent.
    pub rows: Option<[usize; 2]>,
    /// Keys that are looked at closely, the end exclusive; all of them where it is absent.
    pub columns: Option<[usize; 2]>,
    /// How they are read.
    pub reading: Reading,
}

impl Default for View {
    fn default() -> Self {
        Self { stage: Stage::Weights, head: 5, query: 10, key: 2, rows: None, columns: None, reading: Reading::Map }
    }
}

/// A way to read the cells that are looked at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reading {
    /// Coloured cells.
    #[default]
    Map,
    /// Queries and keys as two rows of tokens, with a line for each weight.
    Lines,
    /// Numbers.
    Table,
}

/// A stage of the pipeline whose n_q × n_k matrix can be looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// Q·K.
    Raw,
    /// After the scale (ONNX mode 0).
    Scaled,
    /// After the softcap (ONNX mode 1).
    Capped,
    /// After biases and score formulas, before the mask.
    Biased,
    /// After the mask; masked cells are −∞ (ONNX mode 2).
    Masked,
    /// After the normaliser and the probability formula (ONNX mode 3).
    Weights,
}

impl Stage {
    /// In the order of the pipeline.
    pub const ALL: [Self; 6] = [Self::Raw, Self::Scaled, Self::Capped, Self::Biased, Self::Masked, Self::Weights];
}

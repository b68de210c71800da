//! What an entry says: names, formula, declared parameters, tables, paper.

use serde::{Deserialize, Serialize};

use super::content::Content;
use crate::formula::{Data, Sorted, Ty};

/// A language of the page.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Lang {
    /// English.
    #[default]
    #[serde(rename = "en")]
    En,
    /// Simplified Chinese.
    #[serde(rename = "zh-CN")]
    Zh,
}

/// A text in both languages.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Text {
    /// English.
    pub en: &'static str,
    /// Simplified Chinese.
    #[serde(rename = "zh-CN")]
    pub zh: &'static str,
}

impl Text {
    /// English, then Simplified Chinese.
    pub const fn new(en: &'static str, zh: &'static str) -> Self {
        Self { en, zh }
    }

    /// The text in `lang`.
    pub fn get(&self, lang: Lang) -> &'static str {
        match lang {
            Lang::En => self.en,
            Lang::Zh => self.zh,
        }
    }
}

/// A declared parameter; it becomes a slider (a switch where `ty` is `Bool`, with 0 and 1).
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Param {
    /// Name in the formula.
    pub name: &'static str,
    /// Whole number, number or switch.
    #[serde(rename = "type")]
    pub ty: Ty,
    /// Smallest value that makes sense.
    pub min: f64,
    /// Largest value of the slider; the check allows larger ones up to `hard_max`.
    pub max: f64,
    /// Largest value allowed.
    #[serde(rename = "largest")]
    pub hard_max: f64,
    /// Step of the slider.
    pub step: f64,
    /// Value when nothing is set.
    pub default: f64,
    /// Label of the slider.
    pub label: Text,
}

impl Param {
    /// A whole number; the slider runs over `range`, the check allows up to `hard_max`.
    pub const fn int(name: &'static str, range: [i32; 2], hard_max: i32, default: i32, label: Text) -> Self {
        let [min, max] = range;
        Self {
            name,
            ty: Ty::Int,
            min: min as f64,
            max: max as f64,
            hard_max: hard_max as f64,
            step: 1.0,
            default: default as f64,
            label,
        }
    }

    /// A number with decimals; slider and check have the same range.
    pub const fn real(name: &'static str, range: [f64; 2], step: f64, default: f64, label: Text) -> Self {
        let [min, max] = range;
        Self { name, ty: Ty::Float, min, max, hard_max: max, step, default, label }
    }

    /// Whether `value` is one of its steps: whole numbers may go by twos and more from `min`. Decimals may lie between the slider's steps.
    pub fn on_step(&self, value: f64) -> bool {
        self.ty != Ty::Int || (value - self.min) % self.step == 0.0
    }

    /// Whether a convention of the experiment sets it (`conventions.window`), so that it is no control of its own.
    pub fn is_convention(&self) -> bool {
        self.name == "inclusive"
    }

    /// A switch.
    pub const fn switch(name: &'static str, default: bool, label: Text) -> Self {
        let default = if default { 1.0 } else { 0.0 };
        Self { name, ty: Ty::Bool, min: 0.0, max: 1.0, hard_max: 1.0, step: 1.0, default, label }
    }
}

/// What a table is made from.
#[derive(Clone, Copy, Debug)]
pub struct Setting<'a> {
    /// Queries.
    pub n_q: usize,
    /// Keys.
    pub n_k: usize,
    /// Query heads.
    pub heads: usize,
    /// Every parameter of the entry with its value.
    pub params: &'a Sorted<String, f64>,
    /// Seed of the experiment.
    pub seed: u64,
}

impl Setting<'_> {
    /// Value of a parameter; 0 where it is not declared.
    pub fn param(&self, name: &str) -> f64 {
        self.params.get(name).copied().unwrap_or(0.0)
    }

    /// Value of a parameter that counts something: a whole number of at least `least`.
    pub fn count(&self, name: &str, least: usize) -> usize {
        (self.param(name) as usize).max(least)
    }

    /// Whether a switch is on.
    pub fn switch(&self, name: &str) -> bool {
        self.param(name) != 0.0
    }

    /// The longer side: tables by token or by distance are this long, so that `q_pos` stays inside them with either causal alignment.
    pub fn tokens(&self) -> usize {
        self.n_q.max(self.n_k).max(1)
    }
}

/// A table that an entry's formula reads.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Table {
    /// Name in the formula.
    pub name: &'static str,
    /// Type of its numbers.
    #[serde(rename = "type")]
    pub ty: Ty,
    /// Number of indices.
    #[serde(rename = "axes")]
    pub rank: usize,
    /// How a formula usually reads it, between the brackets.
    #[serde(skip)]
    pub index: &'static str,
    /// Makes the table when the user gave none.
    #[serde(skip)]
    pub make: fn(&Setting) -> Data,
    /// Whether the user may edit it on the page (per-token and per-head tables, painted layouts).
    #[serde(skip)]
    pub editable: bool,
    /// What it holds.
    pub label: Text,
}

/// Where an entry was published.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Paper {
    /// Authors and title, short.
    pub title: &'static str,
    /// Year.
    pub year: u16,
    /// Identifier: `arXiv:` or `doi:` and a number, or an address without its scheme.
    pub id: &'static str,
}

impl Paper {
    /// Where it can be read.
    pub fn address(&self) -> String {
        let (site, rest) = match self.id.split_once(':') {
            Some(("arXiv", number)) => ("arxiv.org/abs/", number),
            Some(("doi", number)) => ("doi.org/", number),
            _ => ("", self.id),
        };
        ["https://", site, rest].concat()
    }
}

/// How a number grows with the n tokens: that of the allowed pairs, or of the steps of some work.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum CostClass {
    /// n²
    Quadratic,
    /// n · sqrt(n)
    NSqrtN,
    /// n^1.585 and the like
    Subquadratic,
    /// n · log n
    NLogN,
    /// n · constant
    Linear,
}

/// Layers until every query has reached every key that the entry's direction permits, at n = 64.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// After so many layers.
    Layers(u32),
    /// Never, however many layers.
    Never,
}

/// A mask or sparsity pattern.
#[derive(Clone, Copy, Debug)]
pub struct MaskEntry {
    /// Stable id, in links and the API.
    pub id: &'static str,
    /// Name.
    pub name: Text,
    /// One sentence: what it is for.
    pub about: Text,
    /// Formula over `b, h, q, k, q_pos`, the parameters, the tables, and the built-in whole number `seed`: the experiment's.
    pub formula: &'static str,
    /// A score formula that belongs to the pattern, added after the softcap; it reads the same parameters and tables.
    pub score: Option<&'static str>,
    /// Declared parameters.
    pub params: &'static [Param],
    /// Tables it reads.
    pub tables: &'static [Table],
    /// Where it was published; `None` for elementary ones.
    pub paper: Option<Paper>,
    /// Set where no paper fixes the definition: why ours is what it is.
    pub ours: Option<Text>,
    /// Growth of the allowed pairs.
    pub cost: CostClass,
    /// Allowed pairs of head 0 at n = 64 with default parameters.
    pub pairs_at_64: u32,
    /// Reach of head 0 at n = 64 with default parameters.
    pub reach_at_64: Reach,
}

/// Which slot of the plan an entry fills.
#[derive(Clone, Copy, Debug)]
pub enum Slot {
    /// Fills nothing.
    Nothing,
    /// A score formula after the softcap.
    Score {
        /// Formula over `s` and the variables of a mask.
        formula: &'static str,
        /// Tables it reads.
        tables: &'static [Table],
    },
    /// Sinusoids added to Q and K; parameters `base`, `gain`.
    Sinusoidal,
    /// A seeded table added to Q and K; parameters `trained`, `gain`.
    Learned,
    /// Rotation of Q and K; parameters `base`, `fraction`, and those of its kind.
    Rotary(Rotary),
    /// Something by the contents of Q and K.
    Content(Content),
}

/// Which rotation of Q and K.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rotary {
    /// That of the first paper.
    Plain,
    /// Positions over `factor`.
    Linear,
    /// A base raised by `factor`.
    Ntk,
    /// A base raised by the length past `trained`; `factor`.
    DynamicNtk,
    /// Frequencies in bands and warmer scores; parameters `factor`, `trained`, `slow`, `fast`.
    Yarn,
    /// Frequencies in bands; parameters `factor`, `trained`, `slow`, `fast`.
    Llama3,
    /// Decay with distance; parameters `gamma`, `scale`.
    Xpos,
    /// Row and column; parameter `width`.
    Grid,
    /// Frame, row and column; parameters `height`, `width`.
    Frames,
}

/// A position scheme.
#[derive(Clone, Copy, Debug)]
pub struct PositionEntry {
    /// Stable id.
    pub id: &'static str,
    /// Name.
    pub name: Text,
    /// One sentence: what it does.
    pub about: Text,
    /// The slot it fills.
    pub slot: Slot,
    /// Declared parameters.
    pub params: &'static [Param],
    /// A parameter whose least value depends on the others.
    pub least: Option<Least>,
    /// Where it was published.
    pub paper: Option<Paper>,
    /// Set where no paper fixes the definition, or ours departs from it: why ours is what it is.
    pub ours: Option<Text>,
}

/// A parameter that must not be smaller than other parameters make it.
#[derive(Clone, Copy, Debug)]
pub struct Least {
    /// Its name.
    pub name: &'static str,
    /// The least value, from the value of every parameter by its name.
    pub of: fn(Lookup) -> f64,
}

/// The value of a parameter by its name.
pub type Lookup<'a> = &'a dyn Fn(&str) -> f64;

impl PositionEntry {
    /// The parameter that is too small beside the others, and the least it may be; absent ones have their defaults.
    pub fn too_small(&self, given: &Sorted<String, f64>) -> Option<(&'static str, f64)> {
        let Least { name, of } = self.least?;
        let default =
            |name: &str| self.params.iter().find(|param| param.name == name).map_or(0.0, |param| param.default);
        let value = |name: &str| given.get(name).copied().unwrap_or_else(|| default(name));
        let least = of(&value);
        (value(name) < least).then_some((name, least))
    }

    /// The tables by token, head or distance that it reads, each once: those of its formula, and those that what it computes from Q and K is made of.
    pub fn tables(&self) -> Vec<&'static Table> {
        let mut all: Vec<&'static Table> = match self.slot {
            Slot::Score { tables, .. } => tables.iter().collect(),
            Slot::Content(content) => content.tables.iter().filter_map(|table| table.reads.as_ref()).collect(),
            Slot::Nothing | Slot::Sinusoidal | Slot::Learned | Slot::Rotary(_) => Vec::new(),
        };
        all.dedup_by_key(|table| table.name);
        all
    }
}

/// A normaliser: scores to weights.
#[derive(Clone, Copy, Debug)]
pub struct NormaliserEntry {
    /// Stable id.
    pub id: &'static str,
    /// Name.
    pub name: Text,
    /// One sentence: what it does.
    pub about: Text,
    /// Its formula, for reading.
    pub formula: &'static str,
    /// Which operation of the closed set.
    pub kind: NormaliserKind,
    /// What is done by the contents of Q and K before it.
    pub content: Content,
    /// Declared parameters.
    pub params: &'static [Param],
    /// Tables that users may edit.
    pub tables: &'static [Table],
    /// Where it was published.
    pub paper: Option<Paper>,
    /// Where it departs from the paper, or what is ours.
    pub ours: Option<Text>,
}

impl NormaliserEntry {
    /// Softmax without a name: what entries begin with.
    pub(super) const PLAIN: Self = Self {
        id: "",
        name: Text::new("", ""),
        about: Text::new("", ""),
        formula: "",
        kind: NormaliserKind::Softmax,
        content: Content::NONE,
        params: &[],
        tables: &[],
        paper: None,
        ours: None,
    };
}

/// The closed set of normalisers that kernels know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NormaliserKind {
    /// e^s over the sum.
    Softmax,
    /// e^s over one plus the sum.
    OffByOne,
    /// Each key by itself.
    Sigmoid,
    /// How far a score stands above the row's threshold.
    Sparsemax,
    /// Half a score above the row's threshold, squared.
    Entmax,
    /// Each key by itself: the square of its positive part.
    SquaredRelu,
    /// A softmax with a logit beside the scores for each head, of the table `sink_logit`.
    Sink,
    /// A softmax over the keys that the entry's formula leaves.
    TopK,
    /// e^s over the sum of its column; with the switch `rows`, over that of its row besides.
    Inverted,
}

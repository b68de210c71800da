//! What a formula is about: types, the names it may use, and the sizes, parameters and data filled in later.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::Sorted;
use super::compiled::Source;

/// The type of an expression.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Ty {
    /// True or false.
    Bool,
    /// A 32-bit integer that wraps.
    Int,
    /// A 32-bit float.
    Float,
}

/// What a formula is for. It decides which variables exist and what the result must be.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
pub enum Kind {
    /// `mask(b, h, q, k) -> Bool`: true where the query may look at the key.
    Mask,
    /// `score(s, b, h, q, k) -> Float`: the new score; `s` is the score so far.
    Score,
    /// `probability(p, b, h, q, k) -> Float`: the new weight after the normaliser; `p` is the weight so far.
    Probability,
}

/// A built-in variable.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
pub enum Var {
    /// `b`: index in the batch.
    B,
    /// `h`: index of the query head.
    H,
    /// `q`: index of the query, the row.
    Q,
    /// `q_pos`: the query's absolute position, `q + offset` of its batch entry.
    QPos,
    /// `k`: index of the key, the column.
    K,
    /// `n_q`: number of queries.
    NQ,
    /// `n_k`: number of keys.
    NK,
    /// `n_h`: number of query heads.
    NH,
    /// `s`: the score so far, in score formulas.
    S,
    /// `p`: the weight so far, in probability formulas.
    P,
}

impl Var {
    /// Every variable with its name and type.
    pub const ALL: [(Var, &'static str, Ty); 10] = [
        (Var::B, "b", Ty::Int),
        (Var::H, "h", Ty::Int),
        (Var::Q, "q", Ty::Int),
        (Var::QPos, "q_pos", Ty::Int),
        (Var::K, "k", Ty::Int),
        (Var::NQ, "n_q", Ty::Int),
        (Var::NK, "n_k", Ty::Int),
        (Var::NH, "n_h", Ty::Int),
        (Var::S, "s", Ty::Float),
        (Var::P, "p", Ty::Float),
    ];

    /// Whether formulas of this kind have the variable.
    pub fn exists_in(self, kind: Kind) -> bool {
        match self {
            Var::S => kind == Kind::Score,
            Var::P => kind == Kind::Probability,
            _ => true,
        }
    }
}

/// The names a formula may use beside the built-in ones.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Scope {
    /// Parameters (the sliders), with their types.
    pub params: Vec<(String, Ty)>,
    /// Tables that are read as `name[expr, ...]`.
    pub data: Vec<DataDecl>,
}

/// Declares a table that a formula may read.
#[derive(Clone, Debug, PartialEq)]
pub struct DataDecl {
    /// The name in the formula.
    pub name: String,
    /// The type of its entries.
    pub ty: Ty,
    /// How many index expressions it takes, 1 to 4.
    pub dims: usize,
}

/// The lengths of the axes and where the queries stand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sizes {
    /// Batch entries.
    pub batch: i32,
    /// Query heads.
    pub heads: i32,
    /// Queries.
    pub n_q: i32,
    /// Keys.
    pub n_k: i32,
    /// `q_pos = q + offset[b % offset.len()]`; empty means 0.
    pub offset: Vec<i32>,
}

impl Sizes {
    /// The longest axis, and the largest absolute offset, that a formula can be bound to.
    pub const LIMIT: i32 = 1 << 24;

    /// `q_pos - q` for batch entry `b`.
    pub fn offset_of(&self, b: i32) -> i32 {
        if self.offset.is_empty() { 0 } else { self.offset[b.max(0) as usize % self.offset.len()] }
    }

    /// The offset that all batch entries share, if they do.
    pub fn shared_offset(&self) -> Option<i32> {
        let used = self.offset.len().min(self.batch.max(1) as usize);
        let first = self.offset_of(0);
        self.offset[..used].iter().all(|&o| o == first).then_some(first)
    }
}

/// The value of a parameter.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Scalar {
    /// True or false.
    Bool(bool),
    /// An integer.
    Int(i32),
    /// A float; an integer is accepted where a float parameter is declared.
    Float(f32),
}

impl Scalar {
    /// The type of the value.
    pub fn ty(self) -> Ty {
        match self {
            Scalar::Bool(_) => Ty::Bool,
            Scalar::Int(_) => Ty::Int,
            Scalar::Float(_) => Ty::Float,
        }
    }
}

/// A table that formulas read.
#[derive(Clone, Debug, PartialEq)]
pub struct Data {
    /// Extents, outermost first; one for each index expression.
    pub shape: Vec<usize>,
    /// The entries, row-major.
    pub values: DataValues,
    /// Indices outside the table are clamped to its edge; otherwise they are an error found by `bind`.
    pub clamp: bool,
}

/// The entries of a table.
#[derive(Clone, Debug, PartialEq)]
pub enum DataValues {
    /// Booleans: 0 is false, anything else true.
    Bool(Vec<u8>),
    /// Integers.
    Int(Vec<i32>),
    /// Floats.
    Float(Vec<f32>),
}

impl DataValues {
    /// The type of the entries.
    pub fn ty(&self) -> Ty {
        match self {
            DataValues::Bool(_) => Ty::Bool,
            DataValues::Int(_) => Ty::Int,
            DataValues::Float(_) => Ty::Float,
        }
    }

    /// Number of entries.
    pub fn len(&self) -> usize {
        match self {
            DataValues::Bool(v) => v.len(),
            DataValues::Int(v) => v.len(),
            DataValues::Float(v) => v.len(),
        }
    }

    /// Whether there are no entries.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Entry `at` as the 32 bits that evaluation works on.
    #[inline]
    pub(super) fn bits(&self, at: usize) -> u32 {
        match self {
            DataValues::Bool(v) => u32::from(v[at] != 0),
            DataValues::Int(v) => v[at] as u32,
            DataValues::Float(v) => v[at].to_bits(),
        }
    }
}

impl DataValues {
    /// The entries for compiled formulas.
    pub(super) fn source(&self) -> Source<'_> {
        match self {
            DataValues::Bool(v) => Source::Bytes(v),
            DataValues::Int(v) => Source::Ints(v),
            DataValues::Float(v) => Source::Floats(v),
        }
    }
}

impl Data {
    /// Row-major position of `index` (one number for each extent), clamped to the table.
    #[inline]
    pub(super) fn position(&self, index: impl Iterator<Item = i32>) -> usize {
        let mut at = 0;
        for (i, &extent) in index.zip(&self.shape) {
            at = at * extent + (i.max(0) as usize).min(extent - 1);
        }
        at
    }
}

/// Everything that turns a formula into numbers.
#[derive(Clone, Debug, PartialEq)]
pub struct Values {
    /// Lengths of the axes.
    pub sizes: Sizes,
    /// Parameters by name; names that the formula does not use are ignored.
    pub params: Sorted<String, Scalar>,
    /// Tables by name; names that the formula does not use are ignored.
    pub data: Sorted<String, Arc<Data>>,
}

impl fmt::Display for Ty {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Ty::Bool => "true or false",
            Ty::Int => "a whole number",
            Ty::Float => "a number with decimals",
        })
    }
}

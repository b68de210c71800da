//! Hidden states X and the matrices that project them: an input one step before Q, K and V.

use serde::{Deserialize, Serialize};

use super::words::tokens;
use crate::formula::Sorted;

/// Where X, `[rows, width]`, comes from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Hidden {
    /// Rows of equal length, pasted or edited.
    Rows {
        /// One row a token.
        rows: Vec<Vec<f32>>,
    },
    /// What a seeded generator gives for the keys of one head.
    Generated {
        /// Id of the generator.
        recipe: String,
        /// Tokens.
        rows: usize,
        /// Numbers of a token.
        width: usize,
        /// Seed of its numbers.
        seed: u64,
        /// Values that differ from the generator's defaults.
        #[serde(default, skip_serializing_if = "Sorted::is_empty")]
        params: Sorted<String, f64>,
    },
    /// Words, each with a seeded embedding of [`Hidden::EMBEDDING`] numbers.
    Text {
        /// The words.
        text: String,
    },
    /// A picture, patch after patch in reading order. A patch is its value, its eight neighbours' and a constant: [`Hidden::PATCH`] numbers.
    Image {
        /// Patches in a row of the picture.
        width: usize,
        /// Brightness of each, 0 to 1 as a rule.
        cells: Vec<f32>,
    },
    /// Two texts, one after the other: streams A and B.
    Texts {
        /// Stream A.
        a: String,
        /// Stream B.
        b: String,
    },
    /// A text, then a picture whose patches are projected to the width of the words: streams A and B.
    TextImage {
        /// Stream A.
        text: String,
        /// Patches in a row of the picture.
        width: usize,
        /// Stream B.
        cells: Vec<f32>,
    },
}

impl Hidden {
    /// Numbers of an embedded word.
    pub const EMBEDDING: usize = 64;
    /// Numbers of a patch: three by three values, and 1.
    pub const PATCH: usize = 10;

    /// Words that stand where nobody has written any.
    pub const WORDS: &'static str = "a dark line on a light ground";

    /// A text, and another of ours as stream B.
    pub fn beside(text: &str) -> Self {
        Self::Texts { a: text.to_owned(), b: "eine dunkle Linie auf hellem Grund".to_owned() }
    }

    /// What a generator gives with its default parameters.
    pub fn generated(recipe: &str, rows: usize, width: usize, seed: u64) -> Self {
        Self::Generated { recipe: recipe.to_owned(), rows, width, seed, params: Sorted::new() }
    }

    /// Tokens of its streams; the second is 0 where there is one.
    pub fn streams(&self) -> [usize; 2] {
        match self {
            Self::Rows { rows } => [rows.len(), 0],
            Self::Generated { rows, .. } => [*rows, 0],
            Self::Text { text } => [tokens(text), 0],
            Self::Image { cells, .. } => [cells.len(), 0],
            Self::Texts { a, b } => [tokens(a), tokens(b)],
            Self::TextImage { text, cells, .. } => [tokens(text), cells.len()],
        }
    }

    /// Numbers of a token: the columns of X, and the rows of each matrix.
    pub fn width(&self) -> usize {
        match self {
            Self::Rows { rows } => rows.first().map_or(0, Vec::len),
            Self::Generated { width, .. } => *width,
            Self::Image { .. } => Self::PATCH,
            Self::Text { .. } | Self::Texts { .. } | Self::TextImage { .. } => Self::EMBEDDING,
        }
    }

    /// Height and width, where X is a picture and nothing else.
    pub fn sides(&self) -> Option<[usize; 2]> {
        match self {
            Self::Image { width, cells } if *width > 0 => Some([cells.len().div_ceil(*width), *width]),
            _ => None,
        }
    }
}

/// W_Q, W_K and W_V, each `[width of X, heads · size of a head]`: head `h` takes its own columns.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Weights {
    /// Normal numbers over the square root of X's width, so that Q, K and V have the variance of X.
    #[default]
    Normal,
    /// Column `c` takes place `c mod width` of X: with as many columns as X has, heads are slices of X.
    Identity,
    /// Columns of length 1, orthogonal to the others of their block of `width`.
    Orthogonal,
    /// The user's own.
    Rows {
        /// W_Q.
        q: Vec<Vec<f32>>,
        /// W_K.
        k: Vec<Vec<f32>>,
        /// W_V.
        v: Vec<Vec<f32>>,
    },
}

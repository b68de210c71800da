//! Measures of attention weights: of a row, of a head, of pairs of heads, of stacked layers. Pure; rows come in one by one, so that no more of a matrix has to be
//! there at once than whoever asks for it wants.
//!
//! | file | what it holds |
//! |---|---|
//! | `row` | entropy, span, distance, the largest weights, the first tokens, small weights: of one row |
//! | `head` | the rows of a head together, and its weight over distance |
//! | `paths` | after how many layers of such weights every query has heard of every token |
//! | `rank` | singular values and the ranks that follow from them |
//! | `similarity` | pairs of heads |
//! | `rollout` | attention through stacked layers |
//! | `sample` | which rows are asked for where all would be too many |
//!
//! A weight that is NaN stands for a pair that the mask forbids, as pictures of the weights hold it. All measures are of *shares*: magnitudes divided by their
//! sum over the row, so that normalisers whose weights do not sum to one, and weights below zero, have them too. A row is one of three things, and each is
//! counted by its name: it has shares, it attends to nothing, or it holds what is no number.

mod head;
mod paths;
mod rank;
mod rollout;
mod row;
mod sample;
mod similarity;

pub use head::{Bin, Head, Summary};
pub use paths::Paths;
pub use rank::{MOST_SIDE, Ranks, Values};
pub use rollout::{MOST_TOKENS, Rollout};
pub use row::{Measures, Row, Ruler, Settings};
pub use sample::{Pieces, Sample};
pub(crate) use similarity::times_log;
pub use similarity::{Alike, Similarity};

use crate::experiment::{Message, message};

/// Why a measure can't be taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// There are not as many numbers as the sizes say.
    #[error("there are {found} numbers where {wanted} are due")]
    Count {
        /// How many are due.
        wanted: usize,
        /// How many there are.
        found: usize,
    },
    /// Queries and keys are not the same tokens.
    #[error("{queries} queries and {keys} keys are not the same tokens")]
    NotSquare {
        /// Rows.
        queries: usize,
        /// Columns.
        keys: usize,
    },
    /// It would take too long.
    #[error("{found} tokens are more than {most}")]
    TooLarge {
        /// Most tokens that it is computed for.
        most: usize,
        /// How many there are.
        found: usize,
    },
    /// Something is infinite or no number.
    #[error("a weight is no finite number")]
    NotNumbers,
}

impl Fault {
    /// For the user.
    pub fn message(&self) -> Message {
        match *self {
            Self::Count { wanted, found } => {
                message!("there are {found} numbers where {wanted} are due", "应有 {wanted} 个数，实有 {found} 个")
            }
            Self::NotSquare { queries, keys } => message!(
                "{queries} queries and {keys} keys are not the same tokens",
                "{queries} 个查询与 {keys} 个键不是相同的词元"
            ),
            Self::TooLarge { most, found } => {
                message!("{found} tokens are more than {most}", "{found} 个词元超过上限 {most}")
            }
            Self::NotNumbers => message!("a weight is no finite number", "有权重不是有限数值"),
        }
    }
}

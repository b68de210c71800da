//! The one error of this room.

use std::fmt;

/// Why something from outside was not taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InterchangeError {
    /// It breaks the rules of its own format.
    #[error("{place}: {problem}")]
    Invalid {
        /// Where.
        place: Place,
        /// What is wrong, in words for the person who pasted or dropped it.
        problem: String,
    },
    /// It may be right, but it is not something this project reads.
    #[error("{place}: {problem}")]
    Unsupported {
        /// Where.
        place: Place,
        /// What is not supported, and what is.
        problem: String,
    },
    /// It is over a limit.
    #[error("{place}: {size} {unit}, the limit is {limit}")]
    TooLarge {
        /// Where.
        place: Place,
        /// How large it is, as far as it was looked at.
        size: u64,
        /// The limit.
        limit: u64,
        /// What `size` and `limit` count.
        unit: &'static str,
    },
}

/// Where in the input a fault is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// The file as a whole.
    File,
    /// The header of a safetensors file.
    Header,
    /// A named tensor.
    Tensor(String),
    /// An entry of a file's metadata.
    Metadata(String),
    /// The pasted text as a whole.
    Text,
    /// A character of the pasted text; both count from 1, columns in characters.
    At {
        /// Line.
        line: usize,
        /// Column.
        column: usize,
    },
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File => write!(f, "file"),
            Self::Header => write!(f, "header"),
            Self::Tensor(name) => write!(f, "tensor {name:?}"),
            Self::Metadata(key) => write!(f, "metadata {key:?}"),
            Self::Text => write!(f, "text"),
            Self::At { line, column } => write!(f, "line {line}, column {column}"),
        }
    }
}

impl InterchangeError {
    pub(super) fn invalid(place: Place, problem: impl Into<String>) -> Self {
        Self::Invalid { place, problem: problem.into() }
    }

    pub(super) fn unsupported(place: Place, problem: impl Into<String>) -> Self {
        Self::Unsupported { place, problem: problem.into() }
    }

    /// Where the fault is.
    pub fn place(&self) -> &Place {
        match self {
            Self::Invalid { place, .. } | Self::Unsupported { place, .. } | Self::TooLarge { place, .. } => place,
        }
    }
}

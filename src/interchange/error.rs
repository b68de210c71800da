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
        problem: Words,
    },
    /// It may be right, but it is not something this project reads.
    #[error("{place}: {problem}")]
    Unsupported {
        /// Where.
        place: Place,
        /// What is not supported, and what is.
        problem: Words,
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

/// A sentence in the page's languages. This room uses no other, so it has its own.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Words {
    /// English.
    pub en: String,
    /// Simplified Chinese; empty where there is only English: in what only the makers of captures read.
    pub zh: String,
}

impl fmt::Display for Words {
    /// In English.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.en)
    }
}

impl From<String> for Words {
    fn from(en: String) -> Self {
        Self { en, zh: String::new() }
    }
}

impl From<&str> for Words {
    fn from(en: &str) -> Self {
        en.to_owned().into()
    }
}

/// [`Words`] of two format strings that name their values: `words!("{n} rows", "{n} 行")`.
macro_rules! words {
    ($en:literal, $zh:literal $(,)?) => {
        $crate::interchange::Words { en: format!($en), zh: format!($zh) }
    };
}
pub(crate) use words;

/// Text from a file or the clipboard as it can be shown inside a sentence: at most 60 characters, control characters and those that turn the direction
/// of what follows written as escapes, so that a name can't rewrite the sentence around it.
pub fn shown(text: &str) -> String {
    let hidden = |c: char| {
        c.is_control()
            || matches!(c, '\u{ad}' | '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
    };
    let mut out = String::new();
    for c in text.chars().take(60) {
        if hidden(c) { out.extend(c.escape_unicode()) } else { out.push(c) }
    }
    if text.chars().nth(60).is_some() {
        out.push('…');
    }
    out
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

impl Place {
    fn zh(&self) -> String {
        match self {
            Self::File => "文件".to_owned(),
            Self::Header => "文件头".to_owned(),
            Self::Tensor(name) => format!("张量 {name:?}"),
            Self::Metadata(key) => format!("元数据 {key:?}"),
            Self::Text => "文本".to_owned(),
            Self::At { line, column } => format!("第 {line} 行第 {column} 个字符"),
        }
    }
}

impl InterchangeError {
    pub(super) fn invalid(place: Place, problem: impl Into<Words>) -> Self {
        Self::Invalid { place, problem: problem.into() }
    }

    pub(super) fn unsupported(place: Place, problem: impl Into<Words>) -> Self {
        Self::Unsupported { place, problem: problem.into() }
    }

    pub(super) fn too_large(place: Place, size: u64, limit: u64, unit: &'static str) -> Self {
        Self::TooLarge { place, size, limit, unit }
    }

    /// The sentence in the page's languages.
    pub fn words(&self) -> Words {
        let en = self.to_string();
        let place = self.place().zh();
        let zh = match self {
            Self::Invalid { problem, .. } | Self::Unsupported { problem, .. } if problem.zh.is_empty() => {
                return en.into();
            }
            Self::Invalid { problem, .. } | Self::Unsupported { problem, .. } => format!("{place}：{}", problem.zh),
            Self::TooLarge { size, limit, unit, .. } => {
                let unit = match *unit {
                    "bytes" => " 字节",
                    "characters" => " 个字符",
                    "rows" => " 行",
                    "columns" => " 列",
                    "numbers" => " 个数",
                    "tensors" => " 个张量",
                    other => other,
                };
                format!("{place}：{size}{unit}，上限为 {limit}")
            }
        };
        Words { en, zh }
    }

    /// Where the fault is.
    pub fn place(&self) -> &Place {
        match self {
            Self::Invalid { place, .. } | Self::Unsupported { place, .. } | Self::TooLarge { place, .. } => place,
        }
    }
}

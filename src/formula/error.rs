//! What can be wrong with a formula, said in plain words about the user's own text.

use std::fmt;
use std::ops::Range;

use super::values::{Kind, Ty};

/// A mistake in a formula, or in the values it is bound to.
#[derive(Clone, Debug, PartialEq)]
pub struct FormulaError {
    /// What is wrong, with the data that a message in any language needs.
    pub kind: ErrorKind,
    /// Where: byte offsets into the user's text, always on character boundaries.
    pub span: Range<usize>,
    /// Text to put in place of the span, where one is near.
    pub suggestion: Option<String>,
}

/// What is wrong. A translation matches on this; [`FormulaError::message`] is the English one.
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs, reason = "the fields are the words of the message, described with it")]
pub enum ErrorKind {
    /// There is nothing to read.
    Empty,
    /// The text is longer than `limit` bytes.
    TooLong { limit: usize, found: usize },
    /// The formula has more than `limit` parts.
    TooManyParts { limit: usize },
    /// Parentheses, signs or conditions nest deeper than `limit`.
    TooDeep { limit: usize },
    /// A character that no formula contains.
    StrayCharacter { character: char },
    /// An operator of another language: `&&`, `=`, `!`, `||`, `?`.
    Foreign { found: String, write: String },
    /// A number that can't be read.
    BadNumber { text: String },
    /// A whole number beyond 2147483647, or a float beyond what 32 bits hold.
    NumberTooLarge { text: String },
    /// Something else was due here.
    Expected { what: Due, found: Option<String> },
    /// A parenthesis, bracket or brace that is never closed; the span is the opening one.
    Unclosed { open: char, close: char },
    /// A closing parenthesis, bracket or brace with nothing open.
    Unopened { close: char },
    /// A chain mixes `in` with other comparisons.
    MixedChain,
    /// A name nobody knows.
    UnknownName { name: String, nearest: Option<String> },
    /// A function nobody knows.
    UnknownFunction { name: String, nearest: Option<String> },
    /// The score or the weight, in a formula that has none.
    NotHere { name: String, kind: Kind },
    /// A function without its arguments.
    NeedsCall { name: String },
    /// A table without its indices.
    NeedsIndex { name: String, dims: usize },
    /// A variable, parameter or table that is called.
    NotFunction { name: String },
    /// A variable, parameter or function that is indexed.
    NotTable { name: String },
    /// A call with too few or too many arguments.
    ArgumentCount { name: String, least: usize, most: usize, found: usize },
    /// A table with too few or too many indices.
    IndexCount { name: String, dims: usize, found: usize },
    /// An operand or argument of the wrong type.
    WrongType { of: String, wants: Wants, found: Ty },
    /// Two sides that don't go together.
    Mismatch { of: String, left: Ty, right: Ty },
    /// The formula as a whole has the wrong type.
    Result { kind: Kind, found: Ty },
    /// A name is declared twice, or a declaration takes a built-in name.
    Declaration { name: String },
    /// No value for a parameter.
    MissingParameter { name: String },
    /// A parameter of the wrong type.
    ParameterType { name: String, wants: Ty, found: Ty },
    /// No table of that name.
    MissingData { name: String },
    /// A table of the wrong type.
    DataType { name: String, wants: Ty, found: Ty },
    /// A table of the wrong rank, without entries, or whose shape and entries disagree.
    DataShape { name: String, dims: usize, shape: Vec<usize>, entries: usize },
    /// An index that can leave the table.
    IndexLeaves { name: String, dim: usize, extent: usize, low: i64, high: i64 },
    /// A length or an offset out of range.
    BadSize { name: String, limit: i32, found: i32 },
}

/// What was due where something else stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Due {
    /// A number, a name or a parenthesis.
    Value,
    /// An operator or the end.
    Operator,
    /// `else` of a condition.
    Else,
    /// `in` after `not`.
    In,
    /// `{` after `in`.
    Set,
    /// `,` or the closing bracket.
    CommaOrClose,
}

/// What an operand may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wants {
    /// Only true or false.
    Bool,
    /// Only whole numbers.
    Int,
    /// Numbers of either type.
    Number,
}

impl FormulaError {
    pub(super) fn new(kind: ErrorKind, span: Range<usize>) -> Self {
        Self { kind, span, suggestion: None }
    }

    /// Says how the table that lacks its indices is usually read, if that is what is wrong.
    #[must_use]
    pub fn with_index(self, index_of: impl FnOnce(&str) -> Option<&'static str>) -> Self {
        let ErrorKind::NeedsIndex { name, .. } = &self.kind else { return self };
        match index_of(name).map(|index| format!("{name}[{index}]")) {
            Some(text) => self.suggest(text),
            None => self,
        }
    }

    pub(super) fn suggest(mut self, text: impl Into<String>) -> Self {
        self.suggestion = Some(text.into());
        self
    }

    /// The span in characters instead of bytes, as editors count.
    pub fn characters(&self, text: &str) -> Range<usize> {
        let count = |to: usize| text.char_indices().take_while(|&(at, _)| at < to).count();
        count(self.span.start)..count(self.span.end)
    }

    /// The column where the mistake starts: characters, from 1.
    pub fn column(&self, text: &str) -> usize {
        self.characters(text).start + 1
    }

    /// What is wrong, in English.
    pub fn message(&self) -> String {
        use ErrorKind as E;
        match &self.kind {
            E::Empty => "the formula is empty".into(),
            E::TooLong { limit, found } => format!("the formula has {found} bytes; at most {limit} are allowed"),
            E::TooManyParts { limit } => format!("the formula has too many parts; at most {limit} are allowed"),
            E::TooDeep { limit } => format!("parentheses, signs and conditions may nest {limit} deep; this is deeper"),
            E::StrayCharacter { character } => format!("formulas have no `{}`", character.escape_debug()),
            E::Foreign { found, write } => format!("write `{write}` instead of `{found}`"),
            E::BadNumber { text } => format!("`{text}` is not a number"),
            E::NumberTooLarge { text } => format!("{text} is too large for 32 bits"),
            E::Expected { what, found } => {
                let due = match what {
                    Due::Value => "a number, a name or `(`",
                    Due::Operator => "an operator such as `+`, `<` or `and`",
                    Due::Else => "`else` and what holds otherwise (`a if condition else b`)",
                    Due::In => "`in` after `not` (to negate, write `not` in front of the whole comparison)",
                    Due::Set => "a set such as `{1, 2, 3}`",
                    Due::CommaOrClose => "a comma or the closing bracket",
                };
                match found {
                    Some(found) => format!("expected {due}, found `{found}`"),
                    None => format!("the formula ends where {due} should follow"),
                }
            }
            E::Unclosed { open, close } => format!("this `{open}` is never closed: a `{close}` is missing"),
            E::Unopened { close } => format!("this `{close}` closes nothing"),
            E::MixedChain => "put parentheses around `in` when it stands next to another comparison".into(),
            E::UnknownName { name, nearest } => unknown("name", name, nearest),
            E::UnknownFunction { name, nearest } => unknown("function", name, nearest),
            E::NotHere { name, kind } => match (name.as_str(), kind) {
                ("s", Kind::Mask) => "a mask does not see the score `s`: it is decided before scores exist".into(),
                ("s", _) => "a probability formula sees the weight `p`, not the score `s`".into(),
                ("p", Kind::Mask) => "a mask does not see the weight `p`: it is decided before weights exist".into(),
                _ => "a score formula sees the score `s`, not the weight `p`".into(),
            },
            E::NeedsCall { name } => format!("`{name}` is a function: write `{name}(...)`"),
            E::NeedsIndex { name, dims } => match &self.suggestion {
                Some(text) => format!("`{name}` is a table: write `{text}`"),
                None => format!("`{name}` is a table: write `{name}[...]` with {}", plural_indices(*dims)),
            },
            E::NotFunction { name } => format!("`{name}` is not a function"),
            E::NotTable { name } => format!("`{name}` is not a table"),
            E::ArgumentCount { name, least, most, found } => {
                let wants = match (least, most) {
                    (least, most) if least == most => plural(*least, "argument"),
                    (least, &usize::MAX) => format!("at least {}", plural(*least, "argument")),
                    (least, most) => format!("{least} to {}", plural(*most, "argument")),
                };
                format!("`{name}` takes {wants}, not {found}")
            }
            E::IndexCount { name, dims, found } => format!("`{name}` takes {}, not {found}", plural_indices(*dims)),
            E::WrongType { of, wants, found } => {
                let wants = match wants {
                    Wants::Bool => "true or false",
                    Wants::Int => "a whole number",
                    Wants::Number => "a number",
                };
                let hint = match (wants, found) {
                    ("true or false", _) => "; compare it with something, for example `... != 0`",
                    ("a whole number", Ty::Float) => "; `floor(...)` or `round(...)` makes it one",
                    (_, Ty::Bool) => "; `where(..., 1, 0)` makes it one",
                    _ => "",
                };
                format!("`{of}` wants {wants} here, and this is {found}{hint}")
            }
            E::Mismatch { of, left, right } => {
                let hint = if [left, right].contains(&&Ty::Bool) {
                    "; `where(..., 1, 0)` makes a number of true or false"
                } else {
                    ""
                };
                format!("`{of}` can't take {left} and {right} together{hint}")
            }
            E::Result { kind: Kind::Mask, found } => {
                format!(
                    "a mask must be true or false, and this is {found}; compare it with something, for example `... > 0`"
                )
            }
            E::Result { kind, .. } => {
                let (what, name) = if *kind == Kind::Score { ("score", "s") } else { ("weight", "p") };
                let other = if *kind == Kind::Score { "-inf" } else { "0.0" };
                format!(
                    "a {what} must be a number, and this is true or false; write for example `where(..., {name}, {other})`"
                )
            }
            E::Declaration { name } => format!("the name `{name}` is taken or is not a name"),
            E::MissingParameter { name } => format!("the parameter `{name}` has no value"),
            E::ParameterType { name, wants, found } => {
                format!("the parameter `{name}` must be {wants}, and its value is {found}")
            }
            E::MissingData { name } => format!("the table `{name}` has no data"),
            E::DataType { name, wants, found } => {
                format!("the entries of `{name}` are declared as {wants}; the data holds {found}")
            }
            E::DataShape { name, dims, shape, entries } => {
                format!(
                    "the table `{name}` needs {dims} non-empty dimensions; the data has shape {shape:?} and {entries} entries"
                )
            }
            E::IndexLeaves { name, dim, extent, low, high } => {
                let which = ["first", "second", "third", "fourth"].get(*dim).copied().unwrap_or("last");
                let end = extent.saturating_sub(1);
                format!(
                    "the {which} index of `{name}` runs from {low} to {high}, and the table from 0 to {end}; `clamp(..., 0, {end})` keeps it inside"
                )
            }
            E::BadSize { name, limit, found } => format!("`{name}` is {found}; it must be between 0 and {limit}"),
        }
    }
}

fn plural(count: usize, what: &str) -> String {
    if count == 1 { format!("1 {what}") } else { format!("{count} {what}s") }
}

fn plural_indices(count: usize) -> String {
    if count == 1 { "1 index".into() } else { format!("{count} indices") }
}

fn unknown(what: &str, name: &str, nearest: &Option<String>) -> String {
    match nearest {
        Some(nearest) => format!("there is no {what} `{name}`; did you mean `{nearest}`?"),
        None => format!("there is no {what} `{name}`"),
    }
}

impl fmt::Display for FormulaError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message())
    }
}

impl std::error::Error for FormulaError {}

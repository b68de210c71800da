//! A problem with what the user set, with the field at fault.

use crate::catalogue::{Lang, Text};

/// What is wrong and what would be right, in the page's languages.
///
/// Made of two texts by [`message!`]; made of one, it is English in either language: that is for what only callers of the JavaScript API read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Message {
    /// English.
    pub en: String,
    /// Simplified Chinese; empty where there is only English.
    pub zh: String,
}

impl Message {
    /// The text in `lang`.
    pub fn get(&self, lang: Lang) -> &str {
        match lang {
            Lang::Zh if !self.zh.is_empty() => &self.zh,
            _ => &self.en,
        }
    }
}

impl std::fmt::Display for Message {
    /// In English.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.en)
    }
}

impl From<String> for Message {
    fn from(en: String) -> Self {
        Self { en, zh: String::new() }
    }
}

impl From<&str> for Message {
    fn from(en: &str) -> Self {
        en.to_owned().into()
    }
}

impl From<Text> for Message {
    fn from(text: Text) -> Self {
        Self { en: text.en.to_owned(), zh: text.zh.to_owned() }
    }
}

/// A [`Message`] of two format strings that name their values: `message!("must be below {most}", "必须小于 {most}")`.
macro_rules! message {
    ($en:literal, $zh:literal $(,)?) => {
        $crate::experiment::Message { en: format!($en), zh: format!($zh) }
    };
}
pub(crate) use message;

/// One problem, in the user's words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Issue {
    /// The field at fault, as a path: `mask.params.window`, `edits[3].row`.
    pub path: String,
    /// What is wrong and what would be right.
    pub message: Message,
}

impl Issue {
    /// An issue at `path`.
    pub fn new(path: impl Into<String>, message: impl Into<Message>) -> Self {
        Self { path: path.into(), message: message.into() }
    }

    /// Path and message in `lang`; an issue with the whole has no path.
    pub fn line(&self, lang: Lang) -> String {
        let (path, message) = (&self.path, self.message.get(lang));
        if path.is_empty() { message.to_owned() } else { format!("{path}: {message}") }
    }
}

/// Every problem found, never only the first.
#[derive(Clone, Debug, Default, PartialEq, Eq, thiserror::Error)]
#[error("{}", self.lines(Lang::En))]
pub struct Issues(pub Vec<Issue>);

impl Issues {
    /// All of them on one line, in `lang`.
    pub fn lines(&self, lang: Lang) -> String {
        self.0.iter().map(|issue| issue.line(lang)).collect::<Vec<_>>().join("; ")
    }
}

impl Issues {
    /// All of them as one message.
    pub fn message(&self) -> Message {
        Message { en: self.lines(Lang::En), zh: self.lines(Lang::Zh) }
    }
}

impl From<Issue> for Issues {
    fn from(issue: Issue) -> Self {
        Self(vec![issue])
    }
}

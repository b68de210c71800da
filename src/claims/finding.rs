//! What follows from a measurement.

use crate::analysis::plot::Chart;
use crate::catalogue::Text;

/// What the numbers say of a claim.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Verdict {
    /// They bear it out.
    Supported,
    /// They contradict it.
    Refuted,
    /// It holds under some conditions and not under others, which are named.
    Depends,
    /// They can't tell.
    NotSettled,
    /// Not everything is measured yet.
    #[default]
    Unfinished,
}

impl Verdict {
    /// In a word.
    pub fn name(self) -> Text {
        match self {
            Self::Supported => Text::new("supported", "成立"),
            Self::Refuted => Text::new("refuted", "不成立"),
            Self::Depends => Text::new("depends", "视条件而定"),
            Self::NotSettled => Text::new("not settled by this measurement", "此测量无法判定"),
            Self::Unfinished => Text::new("not finished", "尚未测完"),
        }
    }

    /// Its name in style sheets.
    pub fn id(self) -> &'static str {
        match self {
            Self::Supported => "supported",
            Self::Refuted => "refuted",
            Self::Depends => "depends",
            Self::NotSettled => "open",
            Self::Unfinished => "unfinished",
        }
    }
}

/// Numbers, as they are read.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Table {
    /// What it shows.
    pub title: String,
    /// Heads of the columns.
    pub head: Vec<String>,
    /// Rows, each as long as the head; the first cell names the row.
    pub rows: Vec<Vec<String>>,
}

impl Table {
    /// A table without rows.
    pub fn new(title: impl Into<String>, head: &[&str]) -> Self {
        Self { title: title.into(), head: head.iter().map(|&name| name.to_owned()).collect(), rows: Vec::new() }
    }

    /// Adds a row; what is missing in it stays empty.
    pub fn row(&mut self, cells: impl IntoIterator<Item = String>) {
        let mut row: Vec<String> = cells.into_iter().take(self.head.len()).collect();
        row.resize(self.head.len(), String::new());
        self.rows.push(row);
    }
}

/// Verdict and evidence, in one language.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Finding {
    /// The verdict.
    pub verdict: Verdict,
    /// Why, in a sentence: what was found, and what it depends on.
    pub because: String,
    /// How far the numbers are from where the verdict would be another.
    pub margin: String,
    /// The numbers.
    pub tables: Vec<Table>,
    /// The pictures; the first is the thumbnail. The order of a claim's charts is always the same.
    pub charts: Vec<Chart>,
}

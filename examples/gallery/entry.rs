//! The gallery's list, `public/gallery/index.json`.

use std::path::PathBuf;

use serde::Deserialize;

/// One experiment of the gallery.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// Name in addresses and of the picture's file.
    pub slug: String,
    /// The fragment that opens it.
    pub link: String,
    /// The fragment of what is drawn beside it, where the story compares two; else the picture shows the other heads.
    #[serde(default)]
    pub beside: Option<String>,
    /// Title.
    pub title: Words,
    /// One line: what it shows.
    pub about: Words,
    /// A few sentences: what to look at and what to change.
    pub story: Story,
    /// Which part of the page tells it best, where that is not the map.
    #[serde(default)]
    pub view: Option<View>,
}

/// A part of the page, by the ids that an embedded page knows.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub enum View {
    Map,
    Controls,
    Output,
    Timing,
    Formula,
    Positions,
    Estimators,
}

/// A line in both languages.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Words {
    pub en: String,
    pub zh: String,
}

/// Sentences in both languages.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Story {
    pub en: Vec<String>,
    pub zh: Vec<String>,
}

/// The folder of the list and its pictures.
pub fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("public/gallery")
}

/// The list.
///
/// # Errors
/// When the file is missing or holds something else.
pub fn all() -> Result<Vec<Entry>, Box<dyn std::error::Error>> {
    Ok(serde_json::from_str(&std::fs::read_to_string(folder().join("index.json"))?)?)
}

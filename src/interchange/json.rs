//! Who parses JSON: a library natively, the browser itself on the page, so that no other parser is downloaded.

use serde::de::DeserializeOwned;

/// A parser of JSON.
pub trait Json {
    /// The value that `text` holds.
    ///
    /// # Errors
    /// What is wrong, in the parser's words.
    fn read<T: DeserializeOwned>(text: &str) -> Result<T, String>;
}

/// `serde_json`.
pub struct SerdeJson;

impl Json for SerdeJson {
    fn read<T: DeserializeOwned>(text: &str) -> Result<T, String> {
        serde_json::from_str(text).map_err(|error| error.to_string())
    }
}

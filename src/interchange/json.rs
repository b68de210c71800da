//! Who parses JSON: a library natively, the browser itself on the page, so that no other parser is downloaded; and no code that fits values into
//! types either, which would be larger than both of the files that are read.

/// A value of JSON, whoever parsed it.
pub trait Json: Sized {
    /// The value that `text` holds.
    ///
    /// # Errors
    /// What is wrong, in the parser's words.
    fn parse(text: &str) -> Result<Self, String>;

    /// A field of an object.
    fn field(&self, name: &str) -> Option<Self>;

    /// A text.
    fn text(&self) -> Option<String>;

    /// A number.
    fn number(&self) -> Option<f64>;

    /// The entries of a list.
    fn list(&self) -> Option<Vec<Self>>;

    /// A whole number that counts something.
    fn count(&self) -> Option<usize> {
        self.number().filter(|x| *x >= 0.0 && *x <= f64::from(u32::MAX) && x.trunc() == *x).map(|x| x as usize)
    }
}

/// A field, as `take` reads it.
///
/// # Errors
/// Its name, if it is missing or `take` can't read it.
pub fn field<J: Json, T>(json: &J, name: &'static str, take: fn(&J) -> Option<T>) -> Result<T, &'static str> {
    json.field(name).and_then(|value| take(&value)).ok_or(name)
}

impl Json for serde_json::Value {
    fn parse(text: &str) -> Result<Self, String> {
        serde_json::from_str(text).map_err(|error| error.to_string())
    }

    fn field(&self, name: &str) -> Option<Self> {
        self.get(name).cloned()
    }

    fn text(&self) -> Option<String> {
        self.as_str().map(str::to_owned)
    }

    fn number(&self) -> Option<f64> {
        self.as_f64()
    }

    fn list(&self) -> Option<Vec<Self>> {
        self.as_array().cloned()
    }
}

/// `serde_json`.
pub type SerdeJson = serde_json::Value;

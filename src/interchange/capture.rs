//! The captured heads in `public/captures`: their index, and one layer's file. `docs/captures.md` says how they are made.

use serde::Deserialize;

use super::safetensors::{SafetensorsFile, Tensor};
use super::{InterchangeError, Place};

/// Words for the page in both of its languages.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Words {
    /// English.
    pub en: String,
    /// Chinese.
    pub zh: String,
}

/// `index.json`: what can be chosen.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct CaptureIndex {
    /// The model's name.
    pub model: String,
    /// What these numbers are, and what they are not.
    pub note: Words,
    /// In the order of the menu.
    pub captures: Vec<CaptureEntry>,
}

/// One text of the index.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct CaptureEntry {
    /// Name in links and file names.
    pub id: String,
    /// Name in the menu.
    pub title: Words,
    /// The text.
    pub text: String,
    /// Tokens of the text, `[CLS]` and `[SEP]` included.
    pub tokens: usize,
    /// Layers, numbered from 1.
    pub layers: u32,
    /// Heads of each layer.
    pub heads: usize,
    /// Size of the largest layer's file.
    pub bytes: usize,
    /// Names of the tensors in each file: Q, K, V, and for some X.
    pub tensors: Vec<String>,
    /// File name with `{layer}` in it.
    pub files: String,
    /// What to look for.
    pub note: Words,
}

impl CaptureIndex {
    /// Reads `index.json`.
    ///
    /// # Errors
    /// [`InterchangeError::Invalid`] with line and column.
    pub fn decode(json: &str) -> Result<Self, InterchangeError> {
        serde_json::from_str(json).map_err(|error| {
            InterchangeError::invalid(Place::At { line: error.line(), column: error.column() }, error.to_string())
        })
    }

    /// The entry of that id.
    pub fn find(&self, id: &str) -> Option<&CaptureEntry> {
        self.captures.iter().find(|entry| entry.id == id)
    }
}

impl CaptureEntry {
    /// Name of a layer's file, beside the index. Layers count from 1.
    pub fn file(&self, layer: u32) -> String {
        self.files.replace("{layer}", &layer.to_string())
    }
}

/// One layer's inputs of attention.
#[derive(Clone, Debug, PartialEq)]
pub struct Capture {
    /// Id in the index.
    pub id: String,
    /// From 1.
    pub layer: u32,
    /// As many as there are rows.
    pub tokens: Vec<String>,
    /// Heads of Q, K and V.
    pub heads: usize,
    /// Size of a query, key and value.
    pub d: usize,
    /// Queries `[heads, n, d]`.
    pub q: Vec<f32>,
    /// Keys `[heads, n, d]`.
    pub k: Vec<f32>,
    /// Values `[heads, n, d]`.
    pub v: Vec<f32>,
    /// The hidden state `[n, width]` that entered the layer, where the file has it.
    pub x: Option<Tensor>,
}

impl Capture {
    /// Reads one layer's file.
    ///
    /// # Errors
    /// As [`SafetensorsFile`]; and [`InterchangeError::Invalid`] when metadata is missing or the shapes do not belong together.
    pub fn decode(bytes: &[u8]) -> Result<Self, InterchangeError> {
        let file = SafetensorsFile::open(bytes)?;
        let text = |key: &str| {
            file.metadata().get(key).cloned().ok_or_else(|| {
                InterchangeError::invalid(Place::Metadata(key.to_owned()), "missing: not a captured layer")
            })
        };
        let bad = |key: &str, problem: String| InterchangeError::invalid(Place::Metadata(key.to_owned()), problem);
        let tokens: Vec<String> = serde_json::from_str(&text("tokens")?)
            .map_err(|error| bad("tokens", format!("not a list of texts ({error})")))?;
        let layer = text("layer")?.parse().map_err(|_| bad("layer", "not a whole number".to_owned()))?;

        let q = file.tensor("Q")?;
        let &[heads, n, d] = q.shape.as_slice() else {
            return Err(InterchangeError::invalid(
                Place::Tensor("Q".to_owned()),
                format!("shape {:?}, expected [heads, n, d]", q.shape),
            ));
        };
        if q.data.is_empty() {
            return Err(InterchangeError::invalid(
                Place::Tensor("Q".to_owned()),
                format!("shape {:?}: no numbers", q.shape),
            ));
        }
        if n != tokens.len() {
            return Err(bad("tokens", format!("{} tokens for {n} rows", tokens.len())));
        }
        let same = |name: &str| {
            let tensor = file.tensor(name)?;
            if tensor.shape == q.shape {
                return Ok(tensor.data);
            }
            Err(InterchangeError::invalid(
                Place::Tensor(name.to_owned()),
                format!("shape {:?}, Q has {:?}", tensor.shape, q.shape),
            ))
        };
        let (k, v) = (same("K")?, same("V")?);
        let x = match file.shapes().contains_key("X").then(|| file.tensor("X")).transpose()? {
            Some(x) if x.shape.len() != 2 || x.shape[0] != n => {
                return Err(InterchangeError::invalid(
                    Place::Tensor("X".to_owned()),
                    format!("shape {:?}, expected [{n}, width]", x.shape),
                ));
            }
            x => x,
        };
        Ok(Self { id: text("id")?, layer, tokens, heads, d, q: q.data, k, v, x })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

    use std::path::{Path, PathBuf};

    use super::*;

    fn folder() -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("public/captures")
    }

    fn index() -> CaptureIndex {
        CaptureIndex::decode(&std::fs::read_to_string(folder().join("index.json")).unwrap()).unwrap()
    }

    #[test]
    fn every_shipped_file_is_what_the_index_says() {
        let index = index();
        assert!(index.captures.len() >= 7);
        for entry in &index.captures {
            for layer in 1..=entry.layers {
                let bytes = std::fs::read(folder().join(entry.file(layer))).unwrap();
                assert!(bytes.len() <= entry.bytes);
                let capture = Capture::decode(&bytes).unwrap();
                assert_eq!((capture.id.as_str(), capture.layer), (entry.id.as_str(), layer));
                assert_eq!((capture.heads, capture.d, capture.tokens.len()), (entry.heads, 32, entry.tokens));
                assert_eq!(capture.x.is_some(), entry.tensors.iter().any(|name| name == "X"));
                assert!([&capture.q, &capture.k, &capture.v].iter().all(|t| t.iter().all(|x| x.is_finite())));
            }
        }
    }

    /// Layer 3, head 6 under a causal window of 9, from the file itself: what the page says of its opener.
    #[test]
    fn in_the_opener_it_looks_at_the_animal() {
        let index = index();
        let bytes = std::fs::read(folder().join(index.find("animal").unwrap().file(3))).unwrap();
        let capture = Capture::decode(&bytes).unwrap();
        let (n, d, head) = (capture.tokens.len(), capture.d, 5);
        let row =
            |t: &[f32], i: usize| -> Vec<f64> { t[(head * n + i) * d..][..d].iter().map(|&x| f64::from(x)).collect() };
        let place = |word: &str| capture.tokens.iter().position(|token| token == word).unwrap();
        let it = place("it");
        let query = row(&capture.q, it);
        let exp: Vec<f64> = (0..n)
            .map(|j| if j <= it && it - j < 9 { row(&capture.k, j) } else { vec![f64::NEG_INFINITY; d] })
            .map(|key| key.iter().zip(&query).map(|(a, b)| if a.is_finite() { a * b } else { *a }).sum::<f64>())
            .map(|s| (s / (d as f64).sqrt()).exp())
            .collect();
        let percent = |word: &str| (100.0 * exp[place(word)] / exp.iter().sum::<f64>()).round();
        assert_eq!((percent("animal"), percent("street")), (46.0, 33.0));
    }

    #[test]
    fn what_is_not_a_capture_is_refused() {
        let bytes = std::fs::read(folder().join("animal-L3.safetensors")).unwrap();
        let length = u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
        let header = std::str::from_utf8(&bytes[8..8 + length]).unwrap();
        let changed = |from: &str, to: &str| {
            assert!(header.contains(from) && from.len() == to.len());
            let mut out = bytes[..8].to_vec();
            out.extend(header.replacen(from, to, 1).bytes());
            out.extend(&bytes[8 + length..]);
            Capture::decode(&out).unwrap_err().to_string()
        };
        assert_eq!(changed(r#""tokens":"#, r#""tokons":"#), r#"metadata "tokens": missing: not a captured layer"#);
        assert_eq!(changed(r#""layer":"3""#, r#""layer":"x""#), r#"metadata "layer": not a whole number"#);
        assert_eq!(changed(r#"\"animal\", "#, &" ".repeat(12)), r#"metadata "tokens": 15 tokens for 16 rows"#);
        assert_eq!(
            changed(r#"K":{"dtype":"F16","shape":[12,16,32]"#, r#"K":{"dtype":"F16","shape":[16,12,32]"#),
            r#"tensor "K": shape [16, 12, 32], Q has [12, 16, 32]"#
        );
    }

    #[test]
    fn a_damaged_index_names_line_and_column() {
        let error = CaptureIndex::decode("{\n \"model\": 3}").unwrap_err();
        assert!(matches!(error.place(), Place::At { line: 2, .. }), "{error}");
    }
}

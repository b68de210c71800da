//! The captured heads in `public/captures`: their index, and one layer's file. `docs/captures.md` says how they are made.

use super::half::f16_to_f32;
use super::json::{Json, field};
use super::{InterchangeError, Place};

/// Words for the page in both of its languages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Words {
    /// English.
    pub en: String,
    /// Chinese.
    pub zh: String,
}

/// `index.json`: what can be chosen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CaptureIndex {
    /// The model's name.
    pub model: String,
    /// What these numbers are, and what they are not.
    pub note: Words,
    /// In the order of the menu.
    pub captures: Vec<CaptureEntry>,
}

/// One text of the index.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CaptureEntry {
    /// Name in links and file names.
    pub id: String,
    /// Name in the menu.
    pub title: Words,
    /// The text; of a long one the first sentence.
    pub text: String,
    /// Tokens of the text, `[CLS]` and `[SEP]` included.
    pub tokens: usize,
    /// Layers, numbered from 1.
    pub layers: u32,
    /// Heads of each layer.
    pub heads: usize,
    /// What to look for.
    pub note: Words,
}

/// The words in a field.
fn words<J: Json>(json: &J, name: &'static str) -> Result<Words, &'static str> {
    let words = json.field(name).ok_or(name)?;
    Ok(Words { en: field(&words, "en", J::text)?, zh: field(&words, "zh", J::text)? })
}

impl CaptureIndex {
    /// Reads an index.
    ///
    /// # Errors
    /// The field that is missing or of another type.
    pub fn read<J: Json>(json: &J) -> Result<Self, &'static str> {
        let captures = field(json, "captures", J::list)?;
        Ok(Self {
            model: field(json, "model", J::text)?,
            note: words(json, "note")?,
            captures: captures.iter().map(CaptureEntry::read).collect::<Result<_, _>>()?,
        })
    }

    /// The entry of that id.
    pub fn find(&self, id: &str) -> Option<&CaptureEntry> {
        self.captures.iter().find(|entry| entry.id == id)
    }
}

impl CaptureEntry {
    fn read<J: Json>(json: &J) -> Result<Self, &'static str> {
        Ok(Self {
            id: field(json, "id", J::text)?,
            title: words(json, "title")?,
            text: field(json, "text", J::text)?,
            tokens: field(json, "tokens", J::count)?,
            layers: field(json, "layers", J::count)? as u32,
            heads: field(json, "heads", J::count)?,
            note: words(json, "note")?,
        })
    }

    /// Name of a layer's file, beside the index. Layers count from 1.
    pub fn file(&self, layer: u32) -> String {
        format!("{}-L{layer}.safetensors", self.id)
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
}

/// Where a tensor lies.
struct At {
    dtype: String,
    shape: Vec<usize>,
    data_offsets: Vec<usize>,
}

impl At {
    fn read<J: Json>(header: &J, name: &'static str) -> Result<Self, &'static str> {
        let place = header.field(name).ok_or(name)?;
        let counts = |list: &J| list.list()?.iter().map(J::count).collect();
        Ok(Self {
            dtype: field(&place, "dtype", J::text)?,
            shape: field(&place, "shape", counts)?,
            data_offsets: field(&place, "data_offsets", counts)?,
        })
    }
}

impl Capture {
    /// Reads one layer's file: safetensors with these names in it, each `[2, heads, n, d]` bytes, the low byte of every float16 and then the high one of
    /// every, which compress better apart. Read here and not by [`SafetensorsFile`](super::SafetensorsFile), which takes
    /// any file: the page opens on a capture, and that reader would be a tenth of what it downloads.
    ///
    /// # Errors
    /// [`InterchangeError::Invalid`] when it is cut off, something is missing, or the shapes do not belong together.
    pub fn decode<J: Json>(bytes: &[u8]) -> Result<Self, InterchangeError> {
        let damaged = |problem: String| InterchangeError::invalid(Place::Header, problem);
        let bad = |key: &str, problem: String| InterchangeError::invalid(Place::Metadata(key.to_owned()), problem);
        let (header, data) = cut(bytes).ok_or_else(|| damaged("cut off".to_owned()))?;
        let header = J::parse(header).map_err(|error| damaged(format!("not that of a captured layer ({error})")))?;
        let missing = |name| damaged(format!("not that of a captured layer (`{name}` is missing or of another type)"));
        let metadata = header.field("__metadata__").ok_or("__metadata__").map_err(missing)?;
        let of = |name| field(&metadata, name, J::text).map_err(missing);
        let (id, layer, tokens) = (of("id")?, of("layer")?, of("tokens")?);
        let texts = |list: J| list.list()?.iter().map(J::text).collect::<Option<Vec<String>>>();
        let tokens = J::parse(&tokens).ok().and_then(texts);
        let tokens = tokens.ok_or_else(|| bad("tokens", "not a list of texts".to_owned()))?;
        let layer = layer.parse().map_err(|_| bad("layer", "not a whole number".to_owned()))?;
        let place = |name| At::read(&header, name).map_err(missing);
        let (of_q, of_k, of_v) = (place("Q")?, place("K")?, place("V")?);
        let &[2, heads, n, d] = of_q.shape.as_slice() else {
            return Err(InterchangeError::invalid(
                Place::Tensor("Q".to_owned()),
                format!("shape {:?}, expected [2, heads, n, d]", of_q.shape),
            ));
        };
        if n != tokens.len() {
            return Err(bad("tokens", format!("{} tokens for {n} rows", tokens.len())));
        }
        let read = |name: &str, place: &At| {
            let wrong = |problem| InterchangeError::invalid(Place::Tensor(name.to_owned()), problem);
            if place.shape != of_q.shape {
                return Err(wrong(format!("shape {:?}, Q has {:?}", place.shape, of_q.shape)));
            }
            if place.dtype != "U8" {
                return Err(wrong(format!("type {}, expected U8", place.dtype)));
            }
            let size = place.shape.iter().try_fold(1_usize, |bytes, &extent| bytes.checked_mul(extent));
            let &[from, to] = place.data_offsets.as_slice() else {
                return Err(wrong(format!("offsets {:?}, expected two", place.data_offsets)));
            };
            let part = data.get(from..to).filter(|part| !part.is_empty() && Some(part.len()) == size);
            let part =
                part.ok_or_else(|| wrong(format!("bytes {from} to {to} of {} can't be its numbers", data.len())))?;
            let (low, high) = part.split_at(part.len() / 2);
            let bits = low.iter().zip(high).map(|(&low, &high)| u16::from_le_bytes([low, high]));
            Ok(bits.map(f16_to_f32).collect::<Vec<f32>>())
        };
        let (q, k, v) = (read("Q", &of_q)?, read("K", &of_k)?, read("V", &of_v)?);
        Ok(Self { id, layer, tokens, heads, d, q, k, v })
    }
}

/// Header and data of a safetensors file.
fn cut(bytes: &[u8]) -> Option<(&str, &[u8])> {
    let (length, rest) = bytes.split_first_chunk::<8>()?;
    let (header, data) = rest.split_at_checked(usize::try_from(u64::from_le_bytes(*length)).ok()?)?;
    Some((std::str::from_utf8(header).ok()?, data))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

    use std::path::{Path, PathBuf};

    use super::super::SafetensorsFile;
    use super::super::json::SerdeJson;
    use super::*;

    fn folder() -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("public/captures")
    }

    fn index() -> CaptureIndex {
        CaptureIndex::read(&SerdeJson::parse(&std::fs::read_to_string(folder().join("index.json")).unwrap()).unwrap())
            .unwrap()
    }

    #[test]
    fn every_shipped_file_is_what_the_index_says() {
        let index = index();
        assert!(index.captures.len() >= 7);
        for entry in &index.captures {
            for layer in 1..=entry.layers {
                let bytes = std::fs::read(folder().join(entry.file(layer))).unwrap();
                let capture = Capture::decode::<SerdeJson>(&bytes).unwrap();
                assert_eq!((capture.id.as_str(), capture.layer), (entry.id.as_str(), layer));
                assert_eq!((capture.heads, capture.d, capture.tokens.len()), (entry.heads, 32, entry.tokens));
                // The state that entered the layer, for those who look at projections; too large for the long text.
                if entry.id != "lock" {
                    let bytes = std::fs::read(folder().join(format!("{}-L{layer}-X.safetensors", entry.id))).unwrap();
                    let x = SafetensorsFile::open(&bytes).unwrap().tensor("X").unwrap();
                    assert_eq!(x.shape, [entry.tokens, 384]);
                }
                assert!([&capture.q, &capture.k, &capture.v].iter().all(|t| t.iter().all(|x| x.is_finite())));
            }
        }
    }

    #[test]
    fn planes_are_every_float16() {
        let tensor = r#"{"dtype":"U8","shape":[2,1,1,65536],"data_offsets":[0,131072]}"#;
        let header = format!(
            r#"{{"__metadata__":{{"id":"all","layer":"1","tokens":"[\"a\"]"}},"Q":{tensor},"K":{tensor},"V":{tensor}}}"#
        );
        let mut bytes = (header.len() as u64).to_le_bytes().to_vec();
        bytes.extend(header.bytes());
        bytes.extend((0..=u16::MAX).map(|bits| bits as u8));
        bytes.extend((0..=u16::MAX).map(|bits| (bits >> 8) as u8));
        let capture = Capture::decode::<SerdeJson>(&bytes).unwrap();
        for numbers in [capture.q, capture.k, capture.v] {
            assert!(numbers.iter().map(|x| x.to_bits()).eq((0..=u16::MAX).map(|bits| f16_to_f32(bits).to_bits())));
        }
    }

    /// FNV-1a over the bits of every number, in the order of the index: as they were when the files were float16 number by number.
    #[test]
    fn the_numbers_are_those_that_were_captured() {
        let index = index();
        let mut sum = 0xcbf2_9ce4_8422_2325_u64;
        for entry in &index.captures {
            for layer in 1..=entry.layers {
                let bytes = std::fs::read(folder().join(entry.file(layer))).unwrap();
                let capture = Capture::decode::<SerdeJson>(&bytes).unwrap();
                for x in [capture.q, capture.k, capture.v].iter().flatten() {
                    sum = (sum ^ u64::from(x.to_bits())).wrapping_mul(0x0100_0000_01b3);
                }
            }
        }
        assert_eq!(sum, 0xfcc4_1fcd_9f58_3325, "{sum:#x}");
    }

    /// Layer 3, head 6 under a causal window of 9, from the file itself: what the page says of its opener.
    #[test]
    fn in_the_opener_it_looks_at_the_animal() {
        let index = index();
        let bytes = std::fs::read(folder().join(index.find("animal").unwrap().file(3))).unwrap();
        let capture = Capture::decode::<SerdeJson>(&bytes).unwrap();
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
            Capture::decode::<SerdeJson>(&out).unwrap_err().to_string()
        };
        let missing = changed(r#""tokens":"#, r#""tokons":"#);
        assert!(missing.starts_with("header: not that of a captured layer (`tokens` is missing"), "{missing}");
        assert_eq!(changed(r#""layer":"3""#, r#""layer":"x""#), r#"metadata "layer": not a whole number"#);
        assert_eq!(changed(r#"\"animal\", "#, &" ".repeat(12)), r#"metadata "tokens": 15 tokens for 16 rows"#);
        assert_eq!(
            changed(r#"K":{"dtype":"U8","shape":[2,12,16,32]"#, r#"K":{"dtype":"U8","shape":[2,16,12,32]"#),
            r#"tensor "K": shape [2, 16, 12, 32], Q has [2, 12, 16, 32]"#
        );
        // Float16 number by number, as these files were once: one extent fewer, and another type.
        assert_eq!(
            changed(r#"Q":{"dtype":"U8","shape":[2,12,16,32]"#, r#"Q":{"dtype":"F16","shape":[12,16,32] "#),
            r#"tensor "Q": shape [12, 16, 32], expected [2, heads, n, d]"#
        );
        assert_eq!(changed(r#"K":{"dtype":"U8""#, r#"K":{"dtype":"I8""#), r#"tensor "K": type I8, expected U8"#);
        for length in [0, 7, 8, 8 + length - 1, bytes.len() - 1] {
            assert!(Capture::decode::<SerdeJson>(&bytes[..length]).is_err(), "{length} bytes");
        }
    }
}

//! A file with arrays, of whichever kind: what is in it at once, and the bytes of an array when it is asked for.

use std::borrow::Cow;
use std::ops::Range;

use super::array::{self, Array, Layout, Number};
use super::error::words;
use super::limits::{FILE, NPY_HEADER, TENSORS, TEXT};
use super::numbers::Stack;
use super::pace::Pace;
use super::{InterchangeError, Place, SafetensorsFile, Words, npy, shown, zip};

/// Endings of the files that are read, as a file chooser wants them.
pub const ENDINGS: &str = ".npz,.npy,.safetensors,.csv,.tsv,.json,.txt";

/// An opened file.
#[derive(Clone, Debug)]
pub struct Bundle {
    bytes: Vec<u8>,
    /// What is in it, in the file's order; of safetensors by name.
    pub entries: Vec<Entry>,
    /// What was left out or taken for something, in sentences.
    pub notes: Vec<Words>,
}

/// An array of a file.
#[derive(Clone, Debug)]
pub struct Entry {
    /// Its name as the file has it: to be shown through [`shown`].
    pub name: String,
    /// Extents and number format; or why it can't be read. The others of the file still can.
    pub layout: Result<Layout, InterchangeError>,
    source: Source,
}

#[derive(Clone, Debug)]
enum Source {
    /// Within the file.
    File(Range<usize>),
    /// Within an archive, its header up to `data`; inflated once it is ready.
    Zip { packed: zip::Entry, data: usize, ready: Option<Vec<u8>> },
    /// Read from text.
    Own(Vec<u8>),
    /// Nowhere: it can't be read.
    None,
}

impl Bundle {
    /// Opens a file: by its first bytes what says so there, as safetensors by its ending, and else as text.
    ///
    /// # Errors
    /// As the reader of its kind; [`InterchangeError::TooLarge`] over [`FILE`] bytes, or [`TEXT`] of text. That one array of several can't be read is no error:
    /// its entry says so.
    pub async fn open(name: &str, bytes: Vec<u8>, pace: &impl Pace) -> Result<Self, InterchangeError> {
        if bytes.len() > FILE {
            return Err(InterchangeError::too_large(Place::File, bytes.len() as u64, FILE as u64, "bytes"));
        }
        let (stem, ending) = name.rsplit_once('.').unwrap_or((name, ""));
        let ending = ending.to_ascii_lowercase();
        let (entries, notes) = if bytes.starts_with(b"\x93NUMPY") || ending == "npy" {
            (vec![single(stem, &bytes)?], Vec::new())
        } else if bytes.starts_with(b"PK") || ending == "npz" {
            (archive(&bytes)?, Vec::new())
        } else if ending == "safetensors" {
            (safetensors(&bytes)?, Vec::new())
        } else {
            text(stem, &bytes, pace).await?
        };
        if entries.is_empty() {
            return Err(InterchangeError::invalid(Place::File, words!("there are no arrays in it", "其中没有数组")));
        }
        Ok(Self { bytes, entries, notes })
    }

    /// Makes an array's bytes ready: inflates it where it is deflated, once.
    ///
    /// # Errors
    /// What [`Entry::layout`] says, and damage found on the way. No such array: [`InterchangeError::Invalid`].
    pub async fn prepare(&mut self, index: usize, pace: &impl Pace) -> Result<(), InterchangeError> {
        let none = || InterchangeError::invalid(Place::File, words!("there is no such array", "没有此数组"));
        let Self { bytes, entries, .. } = self;
        let entry = entries.get_mut(index).ok_or_else(none)?;
        let layout = entry.layout.clone()?;
        if let Source::Zip { packed, data, ready } = &mut entry.source
            && ready.is_none()
        {
            let inflated = zip::read(bytes, packed, pace).await?;
            array::check(&layout, inflated.len().saturating_sub(*data), || Place::Tensor(entry.name.clone()))?;
            *ready = Some(inflated);
        }
        Ok(())
    }

    /// An array that is ready; `None` before [`Self::prepare`].
    pub fn array(&self, index: usize) -> Option<Array<'_>> {
        let entry = self.entries.get(index)?;
        let layout = entry.layout.as_ref().ok()?;
        let bytes = match &entry.source {
            Source::File(place) => self.bytes.get(place.clone())?,
            Source::Own(bytes) => bytes,
            Source::Zip { data, ready, .. } => ready.as_ref()?.get(*data..)?,
            Source::None => return None,
        };
        Array::new(layout, bytes, || Place::Tensor(entry.name.clone())).ok()
    }

    /// Gives up what was inflated of all arrays but these: one that is asked for again is inflated again.
    pub fn keep_only(&mut self, these: &[usize]) {
        for (index, entry) in self.entries.iter_mut().enumerate() {
            if let Source::Zip { ready, .. } = &mut entry.source
                && !these.contains(&index)
            {
                *ready = None;
            }
        }
    }
}

fn single(stem: &str, bytes: &[u8]) -> Result<Entry, InterchangeError> {
    let (layout, data) = npy::open(bytes)?;
    let from = bytes.len() - data.len();
    array::check(&layout, data.len(), || Place::File)?;
    Ok(Entry { name: stem.to_owned(), layout: Ok(layout), source: Source::File(from..bytes.len()) })
}

fn archive(bytes: &[u8]) -> Result<Vec<Entry>, InterchangeError> {
    let mut entries = Vec::new();
    for packed in zip::entries(bytes)? {
        let name = packed.name.strip_suffix(".npy").unwrap_or(&packed.name).to_owned();
        if entries.iter().any(|entry: &Entry| entry.name == name) {
            let name = shown(&name);
            let problem = words!("there are two arrays \"{name}\"", "有两个数组名为 \"{name}\"");
            return Err(InterchangeError::invalid(Place::File, problem));
        }
        // As many bytes as the longest header has; those of a stored array are looked at where they are.
        let layout = zip::peek(bytes, &packed, NPY_HEADER + 12).and_then(|head| {
            let (layout, data) = npy::start(&head)?;
            array::check(&layout, packed.size.saturating_sub(data), || Place::Tensor(name.clone()))?;
            Ok((layout, data))
        });
        let (layout, source) = match layout {
            Ok((layout, data)) => (Ok(layout), Source::Zip { packed, data, ready: None }),
            Err(error) => (Err(error), Source::None),
        };
        entries.push(Entry { name, layout, source });
    }
    Ok(entries)
}

fn safetensors(bytes: &[u8]) -> Result<Vec<Entry>, InterchangeError> {
    let file = SafetensorsFile::open(bytes)?;
    let names: Vec<String> = file.shapes().into_keys().collect();
    if names.len() > TENSORS {
        return Err(InterchangeError::too_large(Place::File, names.len() as u64, TENSORS as u64, "tensors"));
    }
    let entry = |name: String| {
        let found = file.layout(&name).and_then(|(layout, place)| {
            array::check(&layout, place.len(), || Place::Tensor(name.clone()))?;
            Ok((layout, place))
        });
        match found {
            Ok((layout, place)) => Entry { name, layout: Ok(layout), source: Source::File(place) },
            Err(error) => Entry { name, layout: Err(error), source: Source::None },
        }
    };
    Ok(names.into_iter().map(entry).collect())
}

async fn text(stem: &str, bytes: &[u8], pace: &impl Pace) -> Result<(Vec<Entry>, Vec<Words>), InterchangeError> {
    if bytes.len() > TEXT {
        return Err(InterchangeError::too_large(Place::Text, bytes.len() as u64, TEXT as u64, "bytes"));
    }
    let text = characters(bytes).ok_or_else(|| {
        let problem = words!(
            "neither .npz, .npy nor .safetensors, nor text with numbers",
            "既不是 .npz、.npy 或 .safetensors，也不是数值文本"
        );
        InterchangeError::invalid(Place::File, problem)
    })?;
    let mut notes = Vec::new();
    let entry = |(name, stack): (String, Stack)| {
        let Stack { extents, data, notes: said } = stack;
        notes.extend(said);
        let layout = Layout { shape: extents, number: Number::Float(4), swapped: false, fortran: false };
        let bytes = data.iter().flat_map(|x| x.to_le_bytes()).collect();
        let name = if name.is_empty() { stem.to_owned() } else { name };
        Entry { name, layout: Ok(layout), source: Source::Own(bytes) }
    };
    let entries = Stack::named(&text, pace).await?.into_iter().map(entry).collect();
    Ok((entries, notes))
}

/// Text in UTF-8; or in UTF-16 that says so at its beginning, as spreadsheets save "Unicode text".
fn characters(bytes: &[u8]) -> Option<Cow<'_, str>> {
    let word: fn([u8; 2]) -> u16 = match bytes {
        [0xff, 0xfe, ..] => u16::from_le_bytes,
        [0xfe, 0xff, ..] => u16::from_be_bytes,
        _ => return std::str::from_utf8(bytes).ok().map(Cow::Borrowed),
    };
    let (pairs, rest) = bytes.get(2..)?.as_chunks::<2>();
    let text: Result<String, _> = char::decode_utf16(pairs.iter().map(|pair| word(*pair))).collect();
    text.ok().filter(|_| rest.is_empty()).map(Cow::Owned)
}

#[cfg(test)]
#[path = "bundle_tests.rs"]
mod tests;

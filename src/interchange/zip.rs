//! ZIP archives as NumPy writes them (`.npz`): the central directory, and entries stored or deflated. APPNOTE.TXT 6.3.10 of PKWARE, sections 4.3 and 4.5.
//!
//! Sizes come from the central directory alone, since NumPy leaves placeholders in local headers. Entries must not share bytes: archives
//! whose entries overlap are bombs (D. Fifield, "A better zip bomb", 2019).

use std::ops::Range;

use miniz_oxide::inflate::stream::{InflateState, inflate};
use miniz_oxide::{DataFormat, MZFlush, MZStatus};

use super::error::words;
use super::limits::{INFLATED, TENSORS};
use super::pace::Pace;
use super::{InterchangeError, Place, Words};

/// Signature of a local header.
const LOCAL: &[u8] = b"PK\x03\x04";
/// Signature of an entry of the central directory.
const CENTRAL: &[u8] = b"PK\x01\x02";
/// Signature of the end of the central directory.
const END: &[u8] = b"PK\x05\x06";
/// Bytes of that end without its comment.
const END_SIZE: usize = 22;
/// What stands where a size or place is in the 64-bit fields instead.
const ELSEWHERE: usize = u32::MAX as usize;
/// Bytes inflated between two rests.
const STEP: usize = 1 << 18;

/// An entry of an archive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its name, as the archive has it.
    pub name: String,
    /// Where its bytes lie in the archive.
    pub place: Range<usize>,
    /// Whether they are deflated.
    pub deflated: bool,
    /// Bytes once they are inflated, as the directory says.
    pub size: usize,
    /// CRC-32 of those.
    pub crc: u32,
}

/// The entries of an archive, folders left out. Nothing is inflated, and nothing allocated on the archive's word.
///
/// # Errors
/// [`InterchangeError::Invalid`] for what is no archive, is cut off, or has entries that overlap or lie outside; [`InterchangeError::Unsupported`] for
/// encryption, other methods than deflate, several disks and 64-bit archives; [`InterchangeError::TooLarge`] past [`TENSORS`] entries or
/// [`INFLATED`] bytes of one.
pub fn entries(bytes: &[u8]) -> Result<Vec<Entry>, InterchangeError> {
    let end = end_of(bytes)
        .ok_or_else(|| invalid(words!("not a .npz: no zip directory at its end", "不是 .npz：末尾没有 zip 目录")))?;
    let half = |at: usize| u16_at(bytes, end + at).unwrap_or(0);
    let word = |at: usize| u32_at(bytes, end + at).unwrap_or(0);
    if [half(4), half(6)] != [0, 0] || half(8) != half(10) {
        return Err(unsupported(words!("a zip archive in several parts", "分卷的 zip 压缩包")));
    }
    let (count, size, from) = (half(10), word(12), word(16));
    if count == usize::from(u16::MAX) || size == ELSEWHERE || from == ELSEWHERE {
        return Err(too_long());
    }
    if count > TENSORS {
        return Err(InterchangeError::too_large(Place::File, count as u64, TENSORS as u64, "tensors"));
    }
    let outside = || invalid(words!("its zip directory lies outside the file", "zip 目录位于文件之外"));
    let directory = from.checked_add(size).filter(|&to| to <= end).ok_or_else(outside)?;
    let (mut at, mut found) = (from, Vec::new());
    for _ in 0..count {
        let (entry, next) = entry(bytes, at, directory, from)?;
        at = next;
        found.extend(entry);
    }
    let mut places: Vec<&Range<usize>> = found.iter().map(|entry| &entry.place).collect();
    places.sort_by_key(|place| (place.start, place.end));
    if places.windows(2).any(|pair| pair[0].end > pair[1].start) {
        return Err(invalid(words!(
            "entries of the archive share bytes, as those of zip bombs do",
            "压缩包的条目共用字节，与 zip 炸弹相同"
        )));
    }
    Ok(found)
}

/// Where the end of the central directory begins: its comment reaches to the end of the file.
fn end_of(bytes: &[u8]) -> Option<usize> {
    let last = bytes.len().checked_sub(END_SIZE)?;
    let first = last.saturating_sub(usize::from(u16::MAX));
    (first..=last).rev().find(|&at| {
        bytes.get(at..).is_some_and(|rest| rest.starts_with(END)) && u16_at(bytes, at + 20) == Some(last - at)
    })
}

/// One entry of the directory, unless it is a folder, and where the next begins.
fn entry(bytes: &[u8], at: usize, end: usize, data_end: usize) -> Result<(Option<Entry>, usize), InterchangeError> {
    let cut = || invalid(words!("its zip directory is damaged", "zip 目录已损坏"));
    let head = bytes.get(at..end).filter(|head| head.starts_with(CENTRAL)).ok_or_else(cut)?;
    let half = |at| u16_at(head, at).ok_or_else(cut);
    let word = |at| u32_at(head, at).ok_or_else(cut);
    let (flags, method, crc) = (half(8)?, half(10)?, word(16)? as u32);
    let (packed, size, local) = (word(20)?, word(24)?, word(42)?);
    let (name_length, extra, comment) = (half(28)?, half(30)?, half(32)?);
    let name = head.get(46..46 + name_length).ok_or_else(cut)?;
    let next = at + 46 + name_length + extra + comment;
    if next > end {
        return Err(cut());
    }
    let name = String::from_utf8_lossy(name).into_owned();
    if name.ends_with('/') {
        return Ok((None, next));
    }
    let place = Place::Tensor(name.clone());
    if flags & 1 != 0 {
        return Err(InterchangeError::unsupported(place, words!("it is encrypted", "已加密")));
    }
    if [packed, size, local].contains(&ELSEWHERE) {
        return Err(too_long());
    }
    if method != 0 && method != 8 {
        let problem = words!(
            "compressed by method {method}; stored and deflated are read",
            "压缩方法为 {method}；只读取存储与 deflate"
        );
        return Err(InterchangeError::unsupported(place, problem));
    }
    if size > INFLATED {
        return Err(InterchangeError::too_large(place, size as u64, INFLATED as u64, "bytes"));
    }
    let lies = || invalid(words!("an entry lies outside the file", "条目位于文件之外"));
    let local = bytes.get(local..data_end).filter(|rest| rest.starts_with(LOCAL)).map(|_| local).ok_or_else(lies)?;
    let skip = u16_at(bytes, local + 26).zip(u16_at(bytes, local + 28)).map(|(a, b)| 30 + a + b).ok_or_else(lies)?;
    let from = local.checked_add(skip).ok_or_else(lies)?;
    let to = from.checked_add(packed).filter(|&to| to <= data_end).ok_or_else(lies)?;
    if method == 0 && packed != size {
        return Err(InterchangeError::invalid(
            place,
            words!(
                "{packed} bytes are stored, and its size is given as {size}",
                "存储了 {packed} 字节，而声明的大小为 {size}"
            ),
        ));
    }
    Ok((Some(Entry { name, place: from..to, deflated: method == 8, size, crc }), next))
}

/// The first bytes of an entry, at most `most`: enough for a header. Nothing is checked by its sum.
///
/// # Errors
/// [`InterchangeError::Invalid`] where they are damaged.
pub fn peek(bytes: &[u8], entry: &Entry, most: usize) -> Result<Vec<u8>, InterchangeError> {
    let packed = bytes.get(entry.place.clone()).unwrap_or_default();
    if !entry.deflated {
        return Ok(packed[..packed.len().min(most)].to_vec());
    }
    let mut out = vec![0; most.min(entry.size)];
    let mut state = InflateState::new_boxed(DataFormat::Raw);
    let step = inflate(&mut state, packed, &mut out, MZFlush::None);
    // As many as were asked for, or the end.
    if step.bytes_written < out.len() && step.status != Ok(MZStatus::StreamEnd) {
        return Err(damaged(entry));
    }
    out.truncate(step.bytes_written);
    Ok(out)
}

fn damaged(entry: &Entry) -> InterchangeError {
    let problem = words!("its deflated bytes are damaged or cut off", "压缩数据已损坏或不完整");
    InterchangeError::invalid(Place::Tensor(entry.name.clone()), problem)
}

/// An entry's bytes, inflated, their sum checked. Memory grows with what is there: at most the size given, at most [`INFLATED`].
///
/// # Errors
/// [`InterchangeError::Invalid`] where they are damaged, or fewer or more than the directory says.
pub async fn read(bytes: &[u8], entry: &Entry, pace: &impl Pace) -> Result<Vec<u8>, InterchangeError> {
    let place = || Place::Tensor(entry.name.clone());
    let packed = bytes.get(entry.place.clone()).unwrap_or_default();
    let out = if entry.deflated { unpacked(packed, entry, pace).await? } else { packed.to_vec() };
    let mut crc = Crc::default();
    for part in out.chunks(STEP) {
        crc.add(part);
        pace.rest().await;
    }
    if crc.sum() != entry.crc {
        let problem = words!(
            "its bytes do not have the sum (CRC-32) they were stored with",
            "数据与存储时的校验和（CRC-32）不符"
        );
        return Err(InterchangeError::invalid(place(), problem));
    }
    Ok(out)
}

async fn unpacked(mut packed: &[u8], entry: &Entry, pace: &impl Pace) -> Result<Vec<u8>, InterchangeError> {
    let wrong = |problem| Err(InterchangeError::invalid(Place::Tensor(entry.name.clone()), problem));
    let (size, mut out) = (entry.size, Vec::new());
    let mut state = InflateState::new_boxed(DataFormat::Raw);
    let mut part = vec![0; STEP];
    loop {
        let step = inflate(&mut state, packed, &mut part, MZFlush::None);
        packed = packed.get(step.bytes_consumed..).unwrap_or_default();
        if out.len() + step.bytes_written > size {
            return wrong(words!("it inflates to more than the {size} bytes given", "解压后超过声明的 {size} 字节"));
        }
        out.extend_from_slice(&part[..step.bytes_written]);
        match step.status {
            Ok(MZStatus::StreamEnd) if out.len() == size => return Ok(out),
            Ok(MZStatus::StreamEnd) => {
                let count = out.len();
                return wrong(words!(
                    "it inflates to {count} bytes, and its size is given as {size}",
                    "解压后为 {count} 字节，而声明的大小为 {size}"
                ));
            }
            Ok(_) if step.bytes_written > 0 || step.bytes_consumed > 0 => {}
            _ => return Err(damaged(entry)),
        }
        pace.rest().await;
    }
}

/// CRC-32 (IEEE 802.3), its table made by the compiler.
struct Crc(u32);

impl Default for Crc {
    fn default() -> Self {
        Self(u32::MAX)
    }
}

impl Crc {
    const TABLE: [u32; 256] = {
        let mut table = [0; 256];
        let mut at = 0;
        while at < 256 {
            let (mut word, mut bit) = (at as u32, 0);
            while bit < 8 {
                word = if word & 1 == 1 { 0xedb8_8320 ^ (word >> 1) } else { word >> 1 };
                bit += 1;
            }
            table[at] = word;
            at += 1;
        }
        table
    };

    fn add(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = Self::TABLE[((self.0 ^ u32::from(*byte)) & 0xff) as usize] ^ (self.0 >> 8);
        }
    }

    fn sum(&self) -> u32 {
        !self.0
    }
}

fn u16_at(bytes: &[u8], at: usize) -> Option<usize> {
    bytes.get(at..)?.first_chunk::<2>().map(|b| usize::from(u16::from_le_bytes(*b)))
}

fn u32_at(bytes: &[u8], at: usize) -> Option<usize> {
    bytes.get(at..)?.first_chunk::<4>().map(|b| u32::from_le_bytes(*b) as usize)
}

fn invalid(problem: Words) -> InterchangeError {
    InterchangeError::invalid(Place::File, problem)
}

fn unsupported(problem: Words) -> InterchangeError {
    InterchangeError::unsupported(Place::File, problem)
}

fn too_long() -> InterchangeError {
    unsupported(words!(
        "a 64-bit zip archive (over 4 GiB, or more than 65534 entries); save the arrays apart",
        "64 位 zip 压缩包（超过 4 GiB 或 65534 个条目）；请分开保存数组"
    ))
}

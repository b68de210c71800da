//! What goes out: NumPy's files (`.npy`, the format of `numpy/lib/format.py`, version 1), and archives of files as they are, without compression, which is
//! what `numpy.savez` writes and everything that opens a zip file reads (PKWARE's APPNOTE 6.3.10, sections 4.3.7, 4.3.12 and 4.3.16).

use super::{InterchangeError, Place};

/// What every file of an array begins with.
const NPY: &[u8] = b"\x93NUMPY";
/// 1 January 1980, the first day of the format: the same files give the same bytes on every day.
const DATE: u16 = 1 << 5 | 1;
/// Names are UTF-8.
const UTF8: u16 = 1 << 11;

/// An array of singles as a file, version 1 of the format, row-major: what `numpy.save` writes of a `float32` array.
pub fn array(shape: &[usize], numbers: &[f32]) -> Vec<u8> {
    let mut file = header("<f4", shape);
    numbers.iter().for_each(|x| file.extend(x.to_le_bytes()));
    file
}

/// An array of truth values as a file; as [`array`].
pub fn bools(shape: &[usize], values: impl Iterator<Item = bool>) -> Vec<u8> {
    let mut file = header("|b1", shape);
    file.extend(values.map(u8::from));
    file
}

/// Everything before the numbers, which begin at a multiple of 64 bytes.
fn header(descr: &str, shape: &[usize]) -> Vec<u8> {
    let extents: String = shape.iter().map(|extent| format!("{extent}, ")).collect();
    // A tuple of one keeps its comma.
    let extents = if shape.len() == 1 { extents.trim_end() } else { extents.trim_end_matches(", ") };
    let mut text = format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': ({extents}), }}");
    let before = NPY.len() + 4;
    while !(before + text.len() + 1).is_multiple_of(64) {
        text.push(' ');
    }
    text.push('\n');
    let mut file = NPY.to_vec();
    file.extend([1, 0]);
    file.extend((text.len() as u16).to_le_bytes());
    file.extend(text.as_bytes());
    file
}

/// An archive of named files.
///
/// # Errors
/// [`InterchangeError::TooLarge`] above what the format counts in 32 bits, or 65 535 files.
pub fn stored(files: &[(&str, Vec<u8>)]) -> Result<Vec<u8>, InterchangeError> {
    let size: u64 = files.iter().map(|(name, bytes)| (bytes.len() + 2 * name.len() + 76) as u64).sum::<u64>() + 22;
    let limit = u64::from(u32::MAX);
    if size > limit || files.len() > usize::from(u16::MAX) {
        return Err(InterchangeError::TooLarge { place: Place::File, size, limit, unit: "bytes" });
    }
    let (mut out, mut directory) = (Vec::with_capacity(size as usize), Vec::new());
    for (name, bytes) in files {
        let start = out.len() as u32;
        let mut entry = Vec::new();
        // Version 2.0, flags, method 0, time, date.
        [20, UTF8, 0, 0, DATE].iter().for_each(|field| entry.extend(field.to_le_bytes()));
        [crc32(bytes), bytes.len() as u32, bytes.len() as u32]
            .iter()
            .for_each(|field| entry.extend(field.to_le_bytes()));
        entry.extend((name.len() as u16).to_le_bytes());
        entry.extend(0_u16.to_le_bytes());
        out.extend(b"PK\x03\x04");
        out.extend(&entry);
        out.extend(name.as_bytes());
        out.extend(bytes);
        directory.extend(b"PK\x01\x02");
        directory.extend(20_u16.to_le_bytes());
        directory.extend(&entry);
        // Comment, disk, attributes inside and outside.
        directory.extend([0; 10]);
        directory.extend(start.to_le_bytes());
        directory.extend(name.as_bytes());
    }
    let (start, length, count) = (out.len() as u32, directory.len() as u32, files.len() as u16);
    out.extend(&directory);
    out.extend(b"PK\x05\x06\0\0\0\0");
    [count, count].iter().for_each(|field| out.extend(field.to_le_bytes()));
    [length, start].iter().for_each(|field| out.extend(field.to_le_bytes()));
    out.extend([0; 2]);
    Ok(out)
}

/// The checksum of the format: reflected 0xEDB88320, a bit at a time.
fn crc32(bytes: &[u8]) -> u32 {
    const TABLE: [u32; 256] = {
        let mut table = [0; 256];
        let mut at = 0;
        while at < 256 {
            let (mut rest, mut bit) = (at as u32, 0);
            while bit < 8 {
                rest = if rest & 1 == 1 { rest >> 1 ^ 0xEDB8_8320 } else { rest >> 1 };
                bit += 1;
            }
            table[at] = rest;
            at += 1;
        }
        table
    };
    !bytes.iter().fold(!0, |sum: u32, byte| TABLE[((sum ^ u32::from(*byte)) & 255) as usize] ^ sum >> 8)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
mod tests {
    use super::super::npy;
    use super::*;

    #[test]
    fn the_checksum_is_the_one_everybody_has() {
        // The check value of CRC-32 in the catalogue of Williams (1993).
        assert_eq!(crc32(b"123456789"), 0xCBF4_3926);
        assert_eq!(crc32(b""), 0);
    }

    #[test]
    fn arrays_are_read_again_and_begin_as_numpy_has_them() {
        for shape in [vec![2, 3], vec![1, 1, 2, 3], vec![6, 1]] {
            let numbers = [0.1, -2.0, f32::INFINITY, 1e-40, 3.0, 4.0];
            let file = array(&shape, &numbers);
            assert_eq!((file.len() - 4 * numbers.len()) % 64, 0);
            let tensor = npy::read(&file).unwrap();
            assert_eq!((tensor.shape, tensor.data), (shape, numbers.to_vec()));
        }
        let header = |shape: &[usize]| array(shape, &[0.0; 6])[10..].to_vec();
        assert!(header(&[2, 3]).starts_with(b"{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }"));
        assert!(header(&[6]).starts_with(b"{'descr': '<f4', 'fortran_order': False, 'shape': (6,), }"));
        assert_eq!(npy::read(&bools(&[1, 2], [true, false].into_iter())).unwrap().data, [1.0, 0.0]);
    }

    #[test]
    fn sizes_and_places_are_those_of_the_bytes() {
        let made = stored(&[("a.txt", b"one".to_vec()), ("動.bin", vec![0; 5])]).unwrap();
        let end = made.len() - 22;
        assert_eq!(&made[end..end + 4], b"PK\x05\x06");
        let word = |at: usize| u32::from_le_bytes(made[at..at + 4].try_into().unwrap()) as usize;
        let (length, start) = (word(end + 12), word(end + 16));
        assert_eq!(start + length, end);
        assert_eq!(&made[start..start + 4], b"PK\x01\x02");
        // The second file begins where its entry of the directory says, after the first one's.
        let second = start + 46 + 5;
        assert_eq!(&made[word(second + 42)..][..4], b"PK\x03\x04");
    }
}

//! NumPy's own files (`.npy`) to f32 tensors: the format of `numpy/lib/format.py`, versions 1 to 3.

use super::half::f16_to_f32;
use super::{InterchangeError, Place, Tensor};

/// What every file begins with.
const MAGIC: &[u8] = b"\x93NUMPY";
/// Limit on the header, bytes: that of a plain array has about a hundred.
const MAX_HEADER: u64 = 1 << 16;
/// Most extents.
const MAX_RANK: usize = 4;

/// Reads an array of 2 to 4 extents as f32, row-major whatever its order in the file.
///
/// Halves and singles are taken exactly; doubles and integers are rounded to the nearest f32 (beyond its range: infinity), as NumPy's
/// `astype(np.float32)` does. Both byte orders are read.
///
/// # Errors
/// [`InterchangeError::Invalid`] for a file that is cut off, has bytes too many, or whose header is not NumPy's;
/// [`InterchangeError::Unsupported`] for complex numbers, records, objects, text and any other number of extents;
/// [`InterchangeError::TooLarge`] for a header over the limit.
pub fn read(bytes: &[u8]) -> Result<Tensor, InterchangeError> {
    let (header, data) = split(bytes)?;
    let header = std::str::from_utf8(header).map_err(|_| invalid("is not text"))?;
    let Header { number, swapped, fortran, shape } = Header::parse(header)?;
    if !(2..=MAX_RANK).contains(&shape.len()) {
        let shown = shape.iter().map(ToString::to_string).collect::<Vec<_>>().join(" × ");
        let problem = format!("{} extents ({shown}); arrays of 2 to {MAX_RANK} extents are read", shape.len());
        return Err(InterchangeError::unsupported(Place::Header, problem));
    }
    let count = shape.iter().try_fold(1_usize, |product, &extent| product.checked_mul(extent));
    let due = count.and_then(|count| count.checked_mul(number.size()));
    if due != Some(data.len()) {
        let problem = format!(
            "{} bytes follow the header; {shape:?} numbers of {} bytes take {}",
            data.len(),
            number.size(),
            due.map_or_else(|| "more than there can be".to_owned(), |due| due.to_string())
        );
        return Err(InterchangeError::invalid(Place::File, problem));
    }
    let mut numbers: Vec<f32> = data.chunks_exact(number.size()).map(|b| number.read(b, swapped)).collect();
    if fortran {
        numbers = row_major(&numbers, &shape);
    }
    Ok(Tensor { shape, data: numbers })
}

fn invalid(problem: &str) -> InterchangeError {
    InterchangeError::invalid(Place::Header, problem)
}

/// Header and data.
fn split(bytes: &[u8]) -> Result<(&[u8], &[u8]), InterchangeError> {
    let no = || InterchangeError::invalid(Place::File, "not a file of numpy.save: it does not begin as one");
    let cut = || InterchangeError::invalid(Place::File, "is cut off within its header");
    let rest = bytes.strip_prefix(MAGIC).ok_or_else(no)?;
    let ([version, _], rest) = rest.split_first_chunk::<2>().ok_or_else(cut)?;
    let (length, rest) = match version {
        1 => {
            let (length, rest) = rest.split_first_chunk::<2>().ok_or_else(cut)?;
            (u64::from(u16::from_le_bytes(*length)), rest)
        }
        2 | 3 => {
            let (length, rest) = rest.split_first_chunk::<4>().ok_or_else(cut)?;
            (u64::from(u32::from_le_bytes(*length)), rest)
        }
        other => {
            let problem = format!("version {other} of the format; versions 1 to 3 are read");
            return Err(InterchangeError::unsupported(Place::File, problem));
        }
    };
    if length > MAX_HEADER {
        return Err(InterchangeError::TooLarge {
            place: Place::Header,
            size: length,
            limit: MAX_HEADER,
            unit: "bytes",
        });
    }
    rest.split_at_checked(length as usize).ok_or_else(cut)
}

/// A number format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Number {
    Float(usize),
    Signed(usize),
    Unsigned(usize),
}

impl Number {
    fn size(self) -> usize {
        let (Self::Float(size) | Self::Signed(size) | Self::Unsigned(size)) = self;
        size
    }

    /// One number from its bytes, as many as its size.
    fn read(self, bytes: &[u8], swapped: bool) -> f32 {
        let mut word = [0; 8];
        for (at, byte) in bytes.iter().enumerate() {
            word[if swapped { bytes.len() - 1 - at } else { at }] = *byte;
        }
        let bits = u64::from_le_bytes(word);
        match self {
            Self::Float(2) => f16_to_f32(bits as u16),
            Self::Float(4) => f32::from_bits(bits as u32),
            Self::Float(_) => f64::from_bits(bits) as f32,
            Self::Unsigned(_) => bits as f32,
            Self::Signed(size) => {
                let unused = 64 - 8 * size as u32;
                ((bits << unused).cast_signed() >> unused) as f32
            }
        }
    }
}

/// What the header says.
struct Header {
    number: Number,
    /// Most significant byte first.
    swapped: bool,
    /// Column-major.
    fortran: bool,
    shape: Vec<usize>,
}

impl Header {
    /// Reads a literal of a Python dictionary such as `{'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), }`. Keys may stand in any order.
    fn parse(text: &str) -> Result<Self, InterchangeError> {
        let inner = text.trim().strip_prefix('{').and_then(|t| t.strip_suffix('}'));
        let mut rest = inner.ok_or_else(|| invalid("is not a dictionary"))?.trim();
        let (mut descr, mut fortran, mut shape) = (None, None, None);
        while !rest.is_empty() {
            let (key, after) = quoted(rest).ok_or_else(|| invalid("a key is not in quotes"))?;
            let after = after.trim_start().strip_prefix(':').ok_or_else(|| invalid("a key has no value"))?.trim_start();
            rest = match key {
                "descr" => {
                    let text = quoted(after);
                    let (text, after) = text.ok_or_else(|| {
                        let problem = "records; arrays of plain numbers are read";
                        InterchangeError::unsupported(Place::Header, problem)
                    })?;
                    descr = Some(format_of(text)?);
                    after
                }
                "fortran_order" => {
                    let (value, after) = [("True", true), ("False", false)]
                        .into_iter()
                        .find_map(|(word, value)| Some((value, after.strip_prefix(word)?)))
                        .ok_or_else(|| invalid("fortran_order is neither True nor False"))?;
                    fortran = Some(value);
                    after
                }
                "shape" => {
                    let (inner, after) = after
                        .strip_prefix('(')
                        .and_then(|t| t.split_once(')'))
                        .ok_or_else(|| invalid("the shape is not a tuple"))?;
                    let extents = inner.split(',').map(str::trim).filter(|t| !t.is_empty());
                    let extents: Result<Vec<usize>, _> = extents.map(str::parse).collect();
                    shape = Some(extents.map_err(|_| invalid("the shape holds something that is no whole number"))?);
                    after
                }
                other => return Err(invalid(&format!("has the unknown key {other:?}"))),
            };
            rest = rest.trim_start();
            rest = rest.strip_prefix(',').unwrap_or(rest).trim_start();
        }
        let missing = |name: &str| invalid(&format!("lacks {name}"));
        let (number, swapped) = descr.ok_or_else(|| missing("descr"))?;
        Ok(Self {
            number,
            swapped,
            fortran: fortran.ok_or_else(|| missing("fortran_order"))?,
            shape: shape.ok_or_else(|| missing("shape"))?,
        })
    }
}

/// A string in single or double quotes, and what follows it.
fn quoted(text: &str) -> Option<(&str, &str)> {
    let quote = text.chars().next().filter(|c| matches!(c, '\'' | '"'))?;
    text[1..].split_once(quote)
}

/// The number format of `<f4` and its like, and whether its bytes are swapped.
fn format_of(descr: &str) -> Result<(Number, bool), InterchangeError> {
    let (swapped, kind) = match descr.split_at_checked(1) {
        Some((">", kind)) => (true, kind),
        Some(("<" | "|" | "=", kind)) => (false, kind),
        _ => (false, descr),
    };
    let number = match kind {
        "f2" => Number::Float(2),
        "f4" => Number::Float(4),
        "f8" => Number::Float(8),
        "b1" | "u1" => Number::Unsigned(1),
        "u2" => Number::Unsigned(2),
        "u4" => Number::Unsigned(4),
        "u8" => Number::Unsigned(8),
        "i1" => Number::Signed(1),
        "i2" => Number::Signed(2),
        "i4" => Number::Signed(4),
        "i8" => Number::Signed(8),
        _ => {
            let problem = format!("numbers of type {descr:?}; f2, f4, f8, i1 to i8, u1 to u8 and b1 are read");
            return Err(InterchangeError::unsupported(Place::Header, problem));
        }
    };
    Ok((number, swapped))
}

/// Column-major numbers in row-major order.
fn row_major(numbers: &[f32], shape: &[usize]) -> Vec<f32> {
    // Distance in the file between neighbours along each extent.
    let strides: Vec<usize> = shape
        .iter()
        .scan(1, |next, extent| {
            let stride = *next;
            *next *= extent;
            Some(stride)
        })
        .collect();
    let place = |mut at: usize| {
        let mut from = 0;
        for (extent, stride) in shape.iter().zip(&strides).rev() {
            from += at % extent * stride;
            at /= extent;
        }
        numbers[from]
    };
    (0..numbers.len()).map(place).collect()
}

#[cfg(test)]
#[path = "npy_tests.rs"]
mod tests;

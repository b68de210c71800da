//! NumPy's own files (`.npy`) to f32 tensors: the format of `numpy/lib/format.py`, versions 1 to 3.

use super::array::{self, Array, Layout, Number};
use super::error::words;
use super::limits::NPY_HEADER;
use super::{InterchangeError, Place, Tensor, Words, shown};

/// What every file begins with.
const MAGIC: &[u8] = b"\x93NUMPY";
/// Most extents of what [`read`] gives.
const MAX_RANK: usize = 4;

/// Reads an array of 2 to 4 extents as f32, row-major whatever its order in the file.
///
/// Halves and singles are taken exactly; doubles and integers are rounded to the nearest f32 (beyond its range: infinity), as NumPy's
/// `astype(np.float32)` does. Both byte orders are read.
///
/// # Errors
/// As [`open`]; [`InterchangeError::Unsupported`] for any other number of extents.
pub fn read(bytes: &[u8]) -> Result<Tensor, InterchangeError> {
    let (layout, data) = open(bytes)?;
    let (rank, shape) = (layout.shape.len(), &layout.shape);
    if !(2..=MAX_RANK).contains(&rank) {
        let shown = shape.iter().map(ToString::to_string).collect::<Vec<_>>().join(" × ");
        let problem = words!(
            "{rank} extents ({shown}); arrays of 2 to {MAX_RANK} extents are read",
            "{rank} 个维度（{shown}）；只读取 2 到 {MAX_RANK} 维的数组"
        );
        return Err(InterchangeError::unsupported(Place::Header, problem));
    }
    Ok(Array::new(&layout, data, || Place::File)?.tensor())
}

/// Layout and bytes of an array. Nothing is allocated but the shape.
///
/// # Errors
/// [`InterchangeError::Invalid`] for a file that is cut off, has bytes too many, or whose header is not NumPy's;
/// [`InterchangeError::Unsupported`] for complex numbers, records, objects and text;
/// [`InterchangeError::TooLarge`] for a header over the limit.
pub fn open(bytes: &[u8]) -> Result<(Layout, &[u8]), InterchangeError> {
    let (layout, from) = start(bytes)?;
    let data = bytes.get(from..).unwrap_or_default();
    array::check(&layout, data.len(), || Place::File)?;
    Ok((layout, data))
}

/// The layout, and where the numbers start: of the beginning of a file.
///
/// # Errors
/// As [`open`], but for what follows the header.
pub fn start(bytes: &[u8]) -> Result<(Layout, usize), InterchangeError> {
    let (header, data) = split(bytes)?;
    let header = std::str::from_utf8(header).map_err(|_| invalid(words!("is not text", "不是文本")))?;
    Ok((parse(header)?, bytes.len() - data.len()))
}

fn invalid(problem: Words) -> InterchangeError {
    InterchangeError::invalid(Place::Header, problem)
}

/// Header and data.
fn split(bytes: &[u8]) -> Result<(&[u8], &[u8]), InterchangeError> {
    let no = || {
        let problem = words!("not a file of numpy.save: it does not begin as one", "不是 numpy.save 的文件：开头不符");
        InterchangeError::invalid(Place::File, problem)
    };
    let cut = || InterchangeError::invalid(Place::File, words!("is cut off within its header", "文件头不完整"));
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
            let problem = words!(
                "version {other} of the format; versions 1 to 3 are read",
                "格式版本为 {other}；只读取版本 1 到 3"
            );
            return Err(InterchangeError::unsupported(Place::File, problem));
        }
    };
    if length > NPY_HEADER as u64 {
        return Err(InterchangeError::too_large(Place::Header, length, NPY_HEADER as u64, "bytes"));
    }
    rest.split_at_checked(length as usize).ok_or_else(cut)
}

/// Reads a literal of a Python dictionary such as `{'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), }`. Keys may stand in any order.
fn parse(text: &str) -> Result<Layout, InterchangeError> {
    let inner = text.trim().strip_prefix('{').and_then(|t| t.strip_suffix('}'));
    let mut rest = inner.ok_or_else(|| invalid(words!("is not a dictionary", "不是字典")))?.trim();
    let (mut descr, mut fortran, mut shape) = (None, None, None);
    while !rest.is_empty() {
        let (key, after) = quoted(rest).ok_or_else(|| invalid(words!("a key is not in quotes", "键没有引号")))?;
        let after = after.trim_start().strip_prefix(':');
        let after = after.ok_or_else(|| invalid(words!("a key has no value", "键没有值")))?.trim_start();
        rest = match key {
            "descr" => {
                let text = quoted(after);
                let (text, after) = text.ok_or_else(|| {
                    let problem =
                        words!("records; arrays of plain numbers are read", "是结构化记录；只读取普通数值数组");
                    InterchangeError::unsupported(Place::Header, problem)
                })?;
                descr = Some(format_of(text)?);
                after
            }
            "fortran_order" => {
                let (value, after) = [("True", true), ("False", false)]
                    .into_iter()
                    .find_map(|(word, value)| Some((value, after.strip_prefix(word)?)))
                    .ok_or_else(|| {
                        invalid(words!(
                            "fortran_order is neither True nor False",
                            "fortran_order 既不是 True 也不是 False"
                        ))
                    })?;
                fortran = Some(value);
                after
            }
            "shape" => {
                let (inner, after) = after
                    .strip_prefix('(')
                    .and_then(|t| t.split_once(')'))
                    .ok_or_else(|| invalid(words!("the shape is not a tuple", "形状不是元组")))?;
                let extents = inner.split(',').map(str::trim).filter(|t| !t.is_empty());
                let extents: Result<Vec<usize>, _> = extents.map(str::parse).collect();
                shape = Some(extents.map_err(|_| {
                    invalid(words!("the shape holds something that is no whole number", "形状中含有非自然数"))
                })?);
                after
            }
            other => {
                let other = shown(other);
                return Err(invalid(words!("has the unknown key \"{other}\"", "含有未知的键 \"{other}\"")));
            }
        };
        rest = rest.trim_start();
        rest = rest.strip_prefix(',').unwrap_or(rest).trim_start();
    }
    let missing = |name: &str| invalid(words!("lacks {name}", "缺少 {name}"));
    let (number, swapped) = descr.ok_or_else(|| missing("descr"))?;
    Ok(Layout {
        number,
        swapped,
        fortran: fortran.ok_or_else(|| missing("fortran_order"))?,
        shape: shape.ok_or_else(|| missing("shape"))?,
    })
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
        _ if kind.starts_with('O') => {
            let problem = words!(
                "Python objects, which only Python's pickle can read, and opening a pickle runs what is in it; save numbers: np.asarray(x, dtype=np.float32)",
                "是 Python 对象，只能由 pickle 读取，而打开 pickle 会执行其中的代码；请保存数值：np.asarray(x, dtype=np.float32)"
            );
            return Err(InterchangeError::unsupported(Place::Header, problem));
        }
        _ => {
            let descr = shown(descr);
            let problem = words!(
                "numbers of type \"{descr}\"; f2, f4, f8, i1 to i8, u1 to u8 and b1 are read",
                "数值类型为 \"{descr}\"；只读取 f2、f4、f8、i1 到 i8、u1 到 u8 与 b1"
            );
            return Err(InterchangeError::unsupported(Place::Header, problem));
        }
    };
    Ok((number, swapped))
}

#[cfg(test)]
#[path = "npy_tests.rs"]
mod tests;

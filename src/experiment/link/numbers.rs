//! Lists of numbers as bytes: the shortest of a few forms that give back every bit.
//!
//! | form | what it holds | bytes a number |
//! |---|---|---|
//! | whole | integers | 1, 2 or 4 |
//! | decimal | `i / 10^k`, as typed or pasted numbers are, in f64 or rounded to f32 | 1, 2 or 4 |
//! | half | float16 | 2 |
//! | single | float32 | 4 |
//! | double | float64 | 8 |
//!
//! The bytes lie in planes, all low bytes first: high bytes are much alike, and deflate finds that.

use serde_json::Value;

use super::bytes::Reader;
use crate::interchange::half::{f16_to_f32, f32_to_f16};

/// Powers of ten that a decimal may be divided by: up to `10^9`.
const MOST_DIGITS: u8 = 9;

const WHOLE: u8 = 0;
/// Plus the power of ten.
const DECIMAL: u8 = 0x10;
/// Plus the power of ten; the quotient rounded to f32.
const DECIMAL_SINGLE: u8 = 0x20;
const HALF: u8 = 0x30;
const SINGLE: u8 = 0x31;
const DOUBLE: u8 = 0x32;

/// The numbers of `items`, if that is what they all are and of one kind: all integers within 32 bits, or none.
pub(super) fn of(items: &[Value]) -> Option<Numbers> {
    if items.iter().all(Value::is_f64) {
        return items.iter().map(Value::as_f64).collect::<Option<_>>().map(Numbers::Reals);
    }
    let whole = |item: &Value| item.as_i64().and_then(|i| i32::try_from(i).ok());
    items.iter().map(whole).collect::<Option<_>>().map(Numbers::Integers)
}

/// A list of numbers.
#[derive(Debug, PartialEq)]
pub(super) enum Numbers {
    Integers(Vec<i32>),
    Reals(Vec<f64>),
}

impl Numbers {
    /// As JSON.
    pub(super) fn values(self) -> Vec<Value> {
        match self {
            Self::Integers(all) => all.into_iter().map(Value::from).collect(),
            Self::Reals(all) => all.into_iter().map(Value::from).collect(),
        }
    }

    /// Appends form and planes; the count is for the caller to keep.
    pub(super) fn write(&self, out: &mut Vec<u8>) {
        match self {
            Self::Integers(all) => integers(WHOLE, all, out),
            Self::Reals(all) => reals(all, out),
        }
    }

    /// `count` numbers; `None` where the bytes hold fewer, or a number that JSON has not.
    pub(super) fn read(bytes: &mut Reader, count: usize) -> Option<Self> {
        let form = bytes.byte()?;
        let digits = form & 0xf;
        match form {
            WHOLE => read_integers(bytes, count).map(Self::Integers),
            _ if digits <= MOST_DIGITS && matches!(form & 0xf0, DECIMAL | DECIMAL_SINGLE) => {
                let single = form & 0xf0 == DECIMAL_SINGLE;
                let all = read_integers(bytes, count)?;
                Some(Self::Reals(all.into_iter().map(|i| decimal(i, digits, single)).collect()))
            }
            HALF => words::<2>(bytes, count, |word| f64::from(f16_to_f32(u16::from_le_bytes(word)))),
            SINGLE => words::<4>(bytes, count, |word| f64::from(f32::from_le_bytes(word))),
            DOUBLE => words::<8>(bytes, count, f64::from_le_bytes),
            _ => None,
        }
    }
}

/// `i / 10^digits`, in f64 or rounded to f32.
fn decimal(i: i32, digits: u8, single: bool) -> f64 {
    let quotient = f64::from(i) / 10f64.powi(i32::from(digits));
    if single { f64::from(quotient as f32) } else { quotient }
}

fn reals(all: &[f64], out: &mut Vec<u8>) {
    let decimals = (0..=MOST_DIGITS).find_map(|digits| {
        [false, true].into_iter().find_map(|single| {
            let whole = |x: &f64| {
                // Saturates where there is no such integer; the comparison then fails.
                let i = (x * 10f64.powi(i32::from(digits))).round() as i32;
                (decimal(i, digits, single).to_bits() == x.to_bits()).then_some(i)
            };
            let integers: Vec<i32> = all.iter().map(whole).collect::<Option<_>>()?;
            Some((if single { DECIMAL_SINGLE } else { DECIMAL } + digits, integers))
        })
    });
    let half = |x: &f64| f64::from(f16_to_f32(f32_to_f16(*x as f32))).to_bits() == x.to_bits();
    let halves = all.iter().all(half);
    match decimals {
        Some((form, whole)) if !halves || width(&whole) <= 2 => integers(form, &whole, out),
        _ if halves => planes(HALF, all, |x| f32_to_f16(*x as f32).to_le_bytes(), out),
        _ if all.iter().all(|x| f64::from(*x as f32).to_bits() == x.to_bits()) => {
            planes(SINGLE, all, |x| (*x as f32).to_le_bytes(), out);
        }
        _ => planes(DOUBLE, all, |x| x.to_le_bytes(), out),
    }
}

/// Bytes that hold every one of `all`.
fn width(all: &[i32]) -> usize {
    let fits = |from: i32, to: i32| all.iter().all(|i| (from..=to).contains(i));
    if fits(i8::MIN.into(), i8::MAX.into()) {
        1
    } else if fits(i16::MIN.into(), i16::MAX.into()) {
        2
    } else {
        4
    }
}

fn integers(form: u8, all: &[i32], out: &mut Vec<u8>) {
    let width = width(all);
    out.extend([form, width as u8]);
    for plane in 0..width {
        out.extend(all.iter().map(|i| i.to_le_bytes()[plane]));
    }
}

fn read_integers(bytes: &mut Reader, count: usize) -> Option<Vec<i32>> {
    let width = usize::from(bytes.byte()?);
    if !matches!(width, 1 | 2 | 4) {
        return None;
    }
    let planes = bytes.take(count.checked_mul(width)?)?;
    let number = |i: usize| {
        let mut word = [0u8; 4];
        for plane in 0..width {
            word[plane] = planes[plane * count + i];
        }
        // The sign of the highest byte that is there.
        let shift = 32 - 8 * width as u32;
        i32::from_le_bytes(word) << shift >> shift
    };
    Some((0..count).map(number).collect())
}

fn planes<const N: usize>(form: u8, all: &[f64], word: impl Fn(&f64) -> [u8; N], out: &mut Vec<u8>) {
    out.push(form);
    let words: Vec<[u8; N]> = all.iter().map(word).collect();
    for plane in 0..N {
        out.extend(words.iter().map(|word| word[plane]));
    }
}

fn words<const N: usize>(bytes: &mut Reader, count: usize, number: impl Fn([u8; N]) -> f64) -> Option<Numbers> {
    let planes = bytes.take(count.checked_mul(N)?)?;
    let all = (0..count).map(|i| {
        let x = number(std::array::from_fn(|plane| planes[plane * count + i]));
        x.is_finite().then_some(x)
    });
    all.collect::<Option<_>>().map(Numbers::Reals)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic, reason = "a failed unwrap is a failed test")]
mod tests {
    use super::*;

    fn size(all: &[f64]) -> usize {
        let numbers = Numbers::Reals(all.to_vec());
        let mut bytes = Vec::new();
        numbers.write(&mut bytes);
        let Numbers::Reals(back) = Numbers::read(&mut Reader::new(&bytes), all.len()).unwrap() else {
            panic!("reals stay reals")
        };
        let bits = |all: &[f64]| all.iter().map(|x| x.to_bits()).collect::<Vec<_>>();
        assert_eq!(bits(&back), bits(all));
        bytes.len()
    }

    #[test]
    fn every_form_gives_back_every_bit_and_the_shortest_is_taken() {
        assert_eq!(size(&[1.0, -128.0, 127.0]), 5);
        assert_eq!(size(&[0.25, -1.27]), 4);
        // Hundredths as f32, as pasted ones are.
        assert_eq!(size(&[0.1_f32, -0.07, 1.27].map(f64::from)), 5);
        // The negative zero is no decimal.
        assert_eq!(size(&[-0.0, 0.0]), 1 + 4);
        assert_eq!(size(&[0.333_251_953_125, 65504.0, 5.960_464_477_539_063e-8]), 1 + 6, "float16");
        assert_eq!(size(&[f64::from(1.0_f32 / 3.0), f64::from(f32::MIN_POSITIVE)]), 1 + 8);
        assert_eq!(size(&[1.0 / 3.0, 1e300]), 1 + 16);
        assert_eq!(size(&[]), 2);
    }

    #[test]
    fn what_cannot_be_is_refused() {
        for bytes in [&[][..], &[WHOLE], &[WHOLE, 3, 0, 0, 0], &[DECIMAL + 10, 1, 1], &[0x99, 1, 1], &[HALF, 0, 0x7c]] {
            assert_eq!(Numbers::read(&mut Reader::new(bytes), 1), None, "{bytes:?}");
        }
        assert_eq!(Numbers::read(&mut Reader::new(&[DOUBLE, 0, 0]), usize::MAX / 4), None);
    }
}

//! What is known about a stretch of a table, without reading all of it.

use super::{Floats, Hull, Ints, Known, Truth};
use crate::formula::values::Ty;

/// Entries summarised together at the lowest level.
const BLOCK: usize = 32;

/// Summaries of blocks of 32 entries, of pairs of blocks, of pairs of those, and so on.
#[derive(Debug)]
pub struct RangeIndex {
    ty: Ty,
    levels: Vec<Vec<Known>>,
}

impl RangeIndex {
    /// Over `len` entries, given as bits.
    pub fn new(ty: Ty, len: usize, bits: impl Fn(usize) -> u32) -> Self {
        let mut level: Vec<Known> =
            (0..len.div_ceil(BLOCK)).map(|i| scan(ty, i * BLOCK, len.min((i + 1) * BLOCK), &bits)).collect();
        let mut levels = Vec::new();
        while level.len() > 1 {
            let above = level
                .chunks(2)
                .map(|pair| pair.iter().copied().reduce(Known::hull).unwrap_or(Known::any(ty)))
                .collect();
            levels.push(std::mem::replace(&mut level, above));
        }
        levels.push(level);
        RangeIndex { ty, levels }
    }

    /// What is known about the entries from `from` to before `to`; `bits` as in [`RangeIndex::new`].
    pub fn query(&self, from: usize, to: usize, bits: impl Fn(usize) -> u32) -> Known {
        let (first, last) = (from.div_ceil(BLOCK), to / BLOCK);
        if first >= last {
            return scan(self.ty, from, to, &bits);
        }
        let mut known: Option<Known> = None;
        let mut add = |part: Known| known = Some(known.map_or(part, |k| k.hull(part)));
        for (a, b) in [(from, first * BLOCK), (last * BLOCK, to)] {
            if a < b {
                add(scan(self.ty, a, b, &bits));
            }
        }
        let (mut a, mut b) = (first, last);
        for level in &self.levels {
            if a >= b {
                break;
            }
            if a % 2 == 1 {
                add(level[a]);
                a += 1;
            }
            if b % 2 == 1 {
                b -= 1;
                add(level[b]);
            }
            (a, b) = (a / 2, b / 2);
        }
        known.unwrap_or(Known::any(self.ty))
    }
}

/// What is known about some entries, by reading all of them.
fn scan(ty: Ty, from: usize, to: usize, bits: &impl Fn(usize) -> u32) -> Known {
    match ty {
        Ty::Bool => (from..to).map(|i| Truth::known(bits(i) != 0)).reduce(Hull::hull).unwrap_or(Truth::ANY).into(),
        Ty::Int => Ints::of((from..to).map(|i| bits(i) as i32)).into(),
        Ty::Float => {
            let (mut low, mut high, mut nan) = (f32::INFINITY, f32::NEG_INFINITY, false);
            for v in (from..to).map(|i| f32::from_bits(bits(i))) {
                (low, high, nan) = (low.min(v), high.max(v), nan || v.is_nan());
            }
            Floats::range(low, high, nan).into()
        }
    }
}

/// How many entries of a boolean table are set, over any stretch.
#[derive(Debug)]
pub struct Counts(Vec<u32>);

impl Counts {
    const STRIDE: usize = 64;

    /// Over entries that are 0 or 1.
    pub fn new(bytes: &[u8]) -> Self {
        let mut total = 0;
        let mut before = vec![0];
        for block in bytes.chunks(Self::STRIDE) {
            total += sum(block);
            before.push(total);
        }
        Counts(before)
    }

    /// Entries set from `from` to before `to`.
    pub fn count(&self, bytes: &[u8], from: usize, to: usize) -> usize {
        let upto = |at: usize| self.0[at / Self::STRIDE] + sum(&bytes[at / Self::STRIDE * Self::STRIDE..at]);
        (upto(to) - upto(from)) as usize
    }
}

fn sum(bytes: &[u8]) -> u32 {
    bytes.iter().map(|&b| u32::from(b)).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn queries_equal_a_scan() {
        let values: Vec<i32> = (0..500).map(|i| (i * 7919 % 613) * 4 - 900).collect();
        let index = RangeIndex::new(Ty::Int, values.len(), |i| values[i] as u32);
        for from in (0..500).step_by(13) {
            for to in (from + 1..=500).step_by(7) {
                let Known::Int(got) = index.query(from, to, |i| values[i] as u32) else { unreachable!() };
                let (low, high) = (values[from..to].iter().min(), values[from..to].iter().max());
                assert_eq!((Some(got.low), Some(got.high)), (low.map(|&v| v.into()), high.map(|&v| v.into())));
                assert!(got.low == got.high || got.step % 4 == 0);
            }
        }
        let bytes: Vec<u8> = values.iter().map(|v| u8::from(v % 3 == 0)).collect();
        let counts = Counts::new(&bytes);
        for (from, to) in [(0, 500), (0, 0), (63, 65), (64, 128), (100, 333)] {
            assert_eq!(counts.count(&bytes, from, to), bytes[from..to].iter().filter(|&&b| b == 1).count());
        }
    }
}

//! The one table of operators and functions.
//!
//! Each row is one operation on fixed types, with its meaning in every back-end: a scalar evaluation, a loop over lanes,
//! bounds, derivative, WGSL, Python and MathML. Surface names are overloaded by having several rows (`abs` of an integer, `abs` of a
//! float). The type checker picks a row; from then on only the row's index is known.

mod rows;
pub mod scalar;
pub(super) mod simd;
mod slope;

pub(super) use rows::{DERIVED, LANE_SLOPES, ROWS, SIMD, SLOPES, TEXTS};
pub(super) use slope::Slope;

use super::bounds::{Floats, Ints, Known, Truth};
use super::values::Ty;

/// How many cells of a row are evaluated at a time.
pub const LANES: usize = 64;

/// One value for each lane, as 32 bits: booleans are 0 or 1.
pub type Register = [u32; LANES];

/// The most operands of a row, and the most indices of a table.
pub const MAX_OPERANDS: usize = 4;

/// One operation and its meaning everywhere.
pub struct Row {
    /// The name in formulas: a function's name or an operator.
    pub name: &'static str,
    /// Types of the operands.
    pub operands: &'static [Ty],
    /// Type of the result.
    pub result: Ty,
    /// One value from the operands' bits.
    pub plain: fn(&[u32]) -> u32,
    /// All lanes at once, with the same scalar code.
    pub lanes: fn(&[&Register], &mut Register),
    /// What is known of the result, from what is known of the operands.
    pub bounds: fn(&[Known]) -> Known,
    /// How it is drawn.
    pub math: Math,
}

/// An operation in other languages; `{0}`, `{1}` stand for the operands.
pub struct Texts {
    /// WGSL expression.
    pub wgsl: &'static str,
    /// WGSL function that the expression calls, or empty.
    pub wgsl_helper: &'static str,
    /// WGSL of the derivative by each operand, where the result changes by a little with any of them; `{v}` stands for the result. Where
    /// there is none, only steps change it.
    pub wgsl_slopes: &'static [&'static str],
    /// Python expression over arrays; `xp` is the array library (NumPy, PyTorch, jax.numpy), `_name` a helper.
    pub python: &'static str,
}

/// How an operation is drawn in mathematics.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Math {
    /// `a op b`.
    Infix(&'static str),
    /// `op a`.
    Prefix(&'static str),
    /// `name(a, b)`.
    Function(&'static str),
    /// Between two fences: `|a|`.
    Fence(&'static str, &'static str),
    /// A fraction.
    Fraction,
    /// A fraction between floor brackets.
    FloorFraction,
    /// A power.
    Power,
    /// A root.
    Root,
    /// `e` to the power of the operand.
    Exponential,
    /// A name with an index below, then the operand: log₂ a.
    Indexed(&'static str, &'static str),
    /// Cases with their conditions.
    Cases,
}

/// The index of the row with this name and these operand types, if there is one.
pub fn find(name: &str, operands: &[Ty]) -> Option<usize> {
    ROWS.iter().position(|row| row.name == name && row.operands == operands)
}

/// Whether a name is a function (not an operator).
pub fn is_function(name: &str) -> bool {
    function_names().any(|n| n == name)
}

/// The names of all functions; a name with several rows comes several times.
pub fn function_names() -> impl Iterator<Item = &'static str> + Clone {
    ROWS.iter()
        .map(|row| row.name)
        .filter(|name| name.starts_with(|c: char| c.is_alphabetic()) && !WORDS.contains(name))
}

/// Row names that are words but no functions.
const WORDS: [&str; 3] = ["and", "or", "not"];

/// A type that fits a lane.
pub trait Cell: Copy {
    /// What bounds know of it.
    type Known: Into<Known>;
    /// From 32 bits.
    fn unpack(bits: u32) -> Self;
    /// To 32 bits.
    fn pack(self) -> u32;
    /// As a double; 1 for true.
    fn wide(self) -> f64;
    /// The part of `known` that is about this type.
    fn known(known: Known) -> Self::Known;
}

impl Cell for bool {
    type Known = Truth;
    #[inline(always)]
    fn unpack(bits: u32) -> Self {
        bits != 0
    }
    #[inline(always)]
    fn pack(self) -> u32 {
        u32::from(self)
    }
    #[inline(always)]
    fn wide(self) -> f64 {
        f64::from(u8::from(self))
    }
    fn known(known: Known) -> Truth {
        if let Known::Bool(t) = known { t } else { Truth::ANY }
    }
}

impl Cell for i32 {
    type Known = Ints;
    #[inline(always)]
    fn unpack(bits: u32) -> Self {
        bits as i32
    }
    #[inline(always)]
    fn pack(self) -> u32 {
        self as u32
    }
    #[inline(always)]
    fn wide(self) -> f64 {
        f64::from(self)
    }
    fn known(known: Known) -> Ints {
        if let Known::Int(i) = known { i } else { Ints::ANY }
    }
}

impl Cell for f32 {
    type Known = Floats;
    #[inline(always)]
    fn unpack(bits: u32) -> Self {
        f32::from_bits(bits)
    }
    #[inline(always)]
    fn pack(self) -> u32 {
        self.to_bits()
    }
    #[inline(always)]
    fn wide(self) -> f64 {
        f64::from(self)
    }
    fn known(known: Known) -> Floats {
        if let Known::Float(f) = known { f } else { Floats::ANY }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn every_function_has_a_row_in_every_back_end() {
        let required = [
            "abs", "min", "max", "floor", "ceil", "round", "sqrt", "exp", "log", "log2", "sin", "cos", "tanh",
            "sigmoid", "pow", "sign", "clamp", "where", "hash", "int", "float",
        ];
        for name in required {
            assert!(is_function(name), "{name}");
        }
        let mut seen = HashSet::new();
        for ((row, slope), derived) in ROWS.iter().zip(&SLOPES).zip(&DERIVED) {
            assert_eq!(derived.is_some(), matches!(slope, Slope::Smooth(_)), "{} backwards", row.name);
        }
        for (row, texts) in ROWS.iter().zip(&TEXTS) {
            assert!(seen.insert((row.name, row.operands)), "{} has two rows for the same types", row.name);
            assert!((1..=MAX_OPERANDS).contains(&row.operands.len()));
            for text in [texts.wgsl, texts.python] {
                for i in 0..MAX_OPERANDS {
                    let used = text.contains(&format!("{{{i}}}"));
                    assert_eq!(used, i < row.operands.len(), "{} in `{text}`: operand {i}", row.name);
                }
            }
            let call = texts.wgsl.split('(').next().unwrap();
            if call.starts_with("f_") {
                assert!(texts.wgsl_helper.contains(&format!("fn {call}(")), "{} lacks its WGSL helper", row.name);
            }
        }
    }

    #[test]
    fn lanes_and_plain_agree_and_bounds_hold_for_every_row() {
        let edge = |ty: Ty| -> Vec<u32> {
            match ty {
                Ty::Bool => vec![0, 1],
                Ty::Int => [i32::MIN, -100, -33, -7, -2, -1, 0, 1, 2, 3, 8, 31, 32, 64, 1000, i32::MAX]
                    .map(|i| i as u32)
                    .to_vec(),
                Ty::Float => [
                    -f32::INFINITY,
                    -1e30,
                    -2.5,
                    -1.0,
                    -0.5,
                    -0.0,
                    0.0,
                    0.5,
                    1.5,
                    2.0,
                    77.7,
                    3e38,
                    f32::INFINITY,
                    f32::NAN,
                ]
                .map(f32::to_bits)
                .to_vec(),
            }
        };
        for row in &ROWS {
            let lists: Vec<_> = row.operands.iter().map(|&ty| edge(ty)).collect();
            let cells: usize = lists.iter().map(Vec::len).product();
            for cell in 0..cells.min(20_000) {
                let mut rest = cell;
                let operands: Vec<u32> = lists
                    .iter()
                    .map(|list| {
                        let value = list[rest % list.len()];
                        rest /= list.len();
                        value
                    })
                    .collect();
                let want = (row.plain)(&operands);
                let registers: Vec<Register> = operands.iter().map(|&bits| [bits; LANES]).collect();
                let mut out = [0; LANES];
                (row.lanes)(&registers.iter().collect::<Vec<_>>(), &mut out);
                let nan = |bits: u32| row.result == Ty::Float && f32::from_bits(bits).is_nan();
                assert!(out.iter().all(|&got| got == want || (nan(got) && nan(want))), "{} of {operands:x?}", row.name);

                let known: Vec<Known> =
                    row.operands.iter().zip(&operands).map(|(&ty, &bits)| Known::constant(ty, bits)).collect();
                assert!(
                    holds((row.bounds)(&known), want),
                    "bounds of {} {:?}: {operands:x?} gave {want:x}",
                    row.name,
                    row.operands
                );
            }
        }
    }

    /// Whether the value with these bits is one of those described.
    fn holds(known: Known, bits: u32) -> bool {
        match known {
            Known::Bool(t) => {
                if bits != 0 {
                    t.yes
                } else {
                    t.no
                }
            }
            Known::Int(i) => {
                let v = i64::from(bits as i32);
                let congruent = if i.step == 0 { v == i.rest } else { (v - i.rest) % i.step == 0 };
                i.low <= v && v <= i.high && bits & i.zeros == 0 && bits & i.ones == i.ones && congruent
            }
            Known::Float(f) => {
                let v = f32::from_bits(bits);
                if v.is_nan() { f.nan } else { f.low <= v && v <= f.high }
            }
        }
    }

    #[test]
    fn integer_bounds_hold_over_ranges() {
        // Every row over integers, for all pairs of short ranges around zero and powers of two.
        let ranges: Vec<(i32, i32)> = [-9, -8, -3, -1, 0, 1, 4, 7, 8, 15, 16, 30]
            .iter()
            .flat_map(|&a| [0, 1, 2, 7, 8].map(|w| (a, a + w)))
            .collect();
        for row in ROWS.iter().filter(|row| row.operands == [Ty::Int, Ty::Int]) {
            for &(a0, a1) in &ranges {
                for &(b0, b1) in &ranges {
                    for stride in [1, 3, 4] {
                        let list: Vec<i32> = (a0..=a1).step_by(stride).collect();
                        let known =
                            [Known::Int(Ints::of(list.iter().copied())), Known::Int(Ints::range(b0.into(), b1.into()))];
                        let claim = (row.bounds)(&known);
                        for &a in &list {
                            for b in b0..=b1 {
                                let got = (row.plain)(&[a as u32, b as u32]);
                                assert!(holds(claim, got), "{a} {} {b} = {}: {claim:?}", row.name, got as i32);
                            }
                        }
                    }
                }
            }
        }
    }

    #[test]
    fn hash_test_vectors() {
        for (values, want) in [
            (&[0][..], 130_277),
            (&[0, 0, 0], 9_719_733),
            (&[1, 2, 3], 10_943_968),
            (&[-1, 5, 7], 14_761_726),
            (&[2, 1, 3], 15_786_065),
            (&[1, 2, 3, 4], 9_374_628),
        ] {
            let row = &ROWS[find("hash", &vec![Ty::Int; values.len()]).unwrap()];
            assert_eq!((row.plain)(&values.iter().map(|&v: &i32| v as u32).collect::<Vec<_>>()), want, "{values:?}");
        }
    }
}

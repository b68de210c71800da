//! Bound formulas as WGSL: one function each, spliced into the kernels of a GPU, and the numbers that they read.
//!
//! The text follows from the formula alone. Whatever sizes, sliders and data decide (constants that are no literals of the formula, tables
//! of one variable, data) lies in one array of words that the text reads by fixed places, so that moving a slider compiles nothing anew:
//!
//! ```text
//! words = [ slots: constants, starts and extents of tables | bulk: entries of tables and data ]
//! // the formula's own text
//! fn mask_0(b: i32, h: i32, q: i32, k: i32) -> bool            // Kind::Mask
//! fn score_1(x: f32, b: i32, h: i32, q: i32, k: i32) -> f32    // Kind::Score and Kind::Probability, x the score or the weight so far
//! ```
//!
//! Integers and booleans mean what the language says they mean, bit for bit. Floats are those of WGSL: less precise functions, any rounding,
//! and no promise about NaN and infinities. Infinite constants become [`LARGEST`]; [`Bound::exact_in_wgsl`] says whether a mask can flip.

mod exact;
mod slope;

use std::collections::BTreeSet;
use std::fmt::Write;

use super::bind::{Bound, Inner};
use super::hoist::Table;
use super::machine::reach;
use super::program::Axis;
use super::table::TEXTS;
use super::typed::{Op, Operands};
use super::values::{Data, Kind, Ty, Var};

/// What stands for infinity: far above every score, and two of them overflow only when added to each other.
pub const LARGEST: f32 = 3.0e38;

/// Functions of several formulas and the words that they share.
#[derive(Debug, Default)]
pub struct Module {
    functions: Vec<String>,
    helpers: BTreeSet<&'static str>,
    slots: Vec<u32>,
    /// Slots that hold a place in `bulk`; they move by the number of slots in the end.
    places: Vec<usize>,
    bulk: Vec<u32>,
}

impl Module {
    /// Adds the function of a formula under a name that no other one has.
    pub fn add(&mut self, name: &str, bound: &Bound) {
        let inner = &*bound.0;
        let (x, result) = match bound.kind() {
            Kind::Mask => ("", "bool"),
            Kind::Score | Kind::Probability => ("x: f32, ", "f32"),
        };
        let mut body = String::new();
        for at in reach(&inner.steps, inner.root, |at| inner.table_of[at].is_some()) {
            let value = match inner.table_of[at] {
                Some(table) => self.table(&inner.tables[table], inner.steps[at].ty),
                None => self.step(inner, at),
            };
            let ty = type_name(inner.steps[at].ty);
            let _ = writeln!(body, "    let v{at}: {ty} = {value};");
        }
        let root = inner.root;
        self.functions.push(format!(
            "{}fn {name}({x}b: i32, h: i32, q: i32, k: i32) -> {result} {{\n{body}    return v{root};\n}}\n",
            comment(inner.formula.text())
        ));
    }

    /// The helpers that the functions call, then the functions, each with its formula as a comment above it. An array `words: array<u32>`
    /// must be in scope.
    pub fn parts(&self) -> impl Iterator<Item = String> {
        let helpers = self.helpers.iter().map(|helper| format!("{helper}\n"));
        helpers.chain(self.functions.iter().cloned())
    }

    /// All parts.
    pub fn text(&self) -> String {
        self.parts().collect()
    }

    /// The words, at least one.
    pub fn words(&self) -> Vec<u32> {
        let mut words = self.slots.clone();
        for &place in &self.places {
            words[place] += self.slots.len() as u32;
        }
        words.extend_from_slice(&self.bulk);
        if words.is_empty() {
            words.push(0);
        }
        words
    }

    fn slot(&mut self, word: u32) -> usize {
        self.slots.push(word);
        self.slots.len() - 1
    }

    /// Appends to the bulk; the slot that holds where.
    fn bulk(&mut self, words: impl Iterator<Item = u32>) -> usize {
        let place = self.slot(self.bulk.len() as u32);
        self.places.push(place);
        self.bulk.extend(words);
        place
    }

    /// Entries of a type, booleans as bits.
    fn entries(&mut self, ty: Ty, count: usize, entry: impl Fn(usize) -> u32) -> usize {
        match ty {
            Ty::Bool => self.bulk((0..count.div_ceil(32)).map(|word| {
                let bits = 32.min(count - word * 32);
                (0..bits).fold(0, |sum, bit| sum | (u32::from(entry(word * 32 + bit) != 0) << bit))
            })),
            Ty::Int => self.bulk((0..count).map(entry)),
            Ty::Float => self.bulk((0..count).map(|i| finite(entry(i)))),
        }
    }

    fn step(&mut self, inner: &Inner, at: usize) -> String {
        let step = &inner.steps[at];
        match step.op {
            Op::Constant(bits) => self.constant(inner, bits, step.ty),
            Op::Var(Var::QPos) => self.query_position(inner),
            Op::Var(Var::B) => "b".to_owned(),
            Op::Var(Var::H) => "h".to_owned(),
            Op::Var(Var::Q) => "q".to_owned(),
            Op::Var(Var::K) => "k".to_owned(),
            Op::Var(Var::S | Var::P) => "x".to_owned(),
            Op::Var(Var::NQ) => self.int(inner.with.sizes.n_q as u32),
            Op::Var(Var::NK) => self.int(inner.with.sizes.n_k as u32),
            Op::Var(Var::NH) => self.int(inner.with.sizes.heads as u32),
            // Parameters are constants by now.
            Op::Param(i) => self.word(inner.with.params[usize::from(i)], step.ty),
            Op::Row(row, operands) => {
                let row = &TEXTS[usize::from(row)];
                if !row.wgsl_helper.is_empty() {
                    self.helpers.insert(row.wgsl_helper);
                }
                let mut text = row.wgsl.to_owned();
                for (i, operand) in operands.iter().enumerate() {
                    text = text.replace(&format!("{{{i}}}"), &format!("v{operand}"));
                }
                text
            }
            Op::Read(data, operands) => self.read(&inner.with.data[usize::from(data)], operands, step.ty),
        }
    }

    /// A literal where the formula has it as a literal; a word where a slider or a size may change it.
    fn constant(&mut self, inner: &Inner, bits: u32, ty: Ty) -> String {
        let literal = inner.formula.nodes().iter().any(|node| node.ty == ty && node.op == Op::Constant(bits));
        match ty {
            Ty::Bool => (if bits != 0 { "true" } else { "false" }).to_owned(),
            Ty::Int if literal && bits as i32 == i32::MIN => "(-2147483647i - 1i)".to_owned(),
            Ty::Int if literal => format!("({}i)", bits as i32),
            Ty::Float if literal && f32::from_bits(bits).is_finite() => format!("({:e}f)", f32::from_bits(bits)),
            _ => self.word(bits, ty),
        }
    }

    fn word(&mut self, bits: u32, ty: Ty) -> String {
        match ty {
            Ty::Bool => format!("(words[{}] != 0u)", self.slot(bits)),
            Ty::Int => self.int(bits),
            Ty::Float => format!("bitcast<f32>(words[{}])", self.slot(finite(bits))),
        }
    }

    fn int(&mut self, bits: u32) -> String {
        format!("bitcast<i32>(words[{}])", self.slot(bits))
    }

    fn query_position(&mut self, inner: &Inner) -> String {
        let sizes = &inner.with.sizes;
        let offsets: &[i32] = if sizes.offset.is_empty() { &[0] } else { &sizes.offset };
        let start = self.bulk(offsets.iter().map(|&o| o as u32));
        let count = self.slot(offsets.len() as u32);
        format!("(q + bitcast<i32>(words[words[{start}] + u32(b) % words[{count}]]))")
    }

    /// A table of one variable. Edge tiles ask for cells beyond it; whatever they get is not used.
    fn table(&mut self, table: &Table, ty: Ty) -> String {
        let (batch, heads, length) = table.extents();
        let start = self.entries(ty, batch * heads * length, |at| table.bits(at));
        let per_batch = self.slot(if batch > 1 { (heads * length) as u32 } else { 0 });
        let per_head = self.slot(if heads > 1 { length as u32 } else { 0 });
        let along = match table.axis() {
            Axis::Query => "u32(q)".to_owned(),
            Axis::Diagonal => format!("u32(k - q + bitcast<i32>(words[{}]))", self.slot(table.diagonal() as u32)),
            _ => "u32(k)".to_owned(),
        };
        let at = format!("u32(b) * words[{per_batch}] + u32(h) * words[{per_head}] + {along}");
        entry(start, &at, ty)
    }

    /// Data at clamped indices. (Tables that do not clamp were checked beforehand.)
    fn read(&mut self, data: &Data, operands: Operands, ty: Ty) -> String {
        let start = self.entries(ty, data.values.len(), |at| data.values.bits(at));
        let mut at = "0u".to_owned();
        for (id, &extent) in operands.iter().zip(&data.shape) {
            let (extent, last) = (self.slot(extent as u32), self.slot(extent as u32 - 1));
            at = format!("({at} * words[{extent}] + min(u32(max(v{id}, 0i)), words[{last}]))");
        }
        entry(start, &at, ty)
    }
}

/// A formula as comment lines. Whatever ends a line in WGSL ends it here too, lest the rest of the formula be taken for WGSL; so do the
/// other control characters, of which some may not stand in WGSL at all.
fn comment(formula: &str) -> String {
    let ends = |c: char| c.is_control() && c != '\t' || matches!(c, '\u{2028}' | '\u{2029}');
    let lines = formula.split(ends).map(str::trim).filter(|line| !line.is_empty());
    lines.map(|line| format!("// {line}\n")).collect()
}

/// Reads entry `at` of the entries whose start is in a slot.
fn entry(start: usize, at: &str, ty: Ty) -> String {
    match ty {
        Ty::Bool => format!("(((words[words[{start}] + (({at}) >> 5u)] >> (({at}) & 31u)) & 1u) != 0u)"),
        Ty::Int => format!("bitcast<i32>(words[words[{start}] + {at}])"),
        Ty::Float => format!("bitcast<f32>(words[words[{start}] + {at}])"),
    }
}

fn type_name(ty: Ty) -> &'static str {
    match ty {
        Ty::Bool => "bool",
        Ty::Int => "i32",
        Ty::Float => "f32",
    }
}

/// A float's bits with infinities replaced.
fn finite(bits: u32) -> u32 {
    let value = f32::from_bits(bits);
    if value.is_infinite() { LARGEST.copysign(value).to_bits() } else { bits }
}

#[cfg(test)]
mod tests;

//! Bound formulas as Python: one function each, over the arrays of NumPy, JAX or PyTorch.
//!
//! ```text
//! # k <= q_pos and q_pos - k < window
//! def mask(b, h, q, k):
//!     window = 9
//!     return (k <= q) & (q - k < window)
//! ```
//!
//! Parameters are lines of their own, so that they can be changed in the text. What a formula means is kept where the libraries differ from it:
//! division by 0, indices past a table, saturating conversions, the hash. NumPy and JAX compute in the language's own 32 bits when `b`, `h`, `q` and
//! `k` are `int32` arrays and scores `float32`. With PyTorch what depends on parameters alone is Python's own arithmetic, in double precision.

mod rows;

use std::sync::Arc;

use super::bind::{Bound, Inner};
use super::table::ROWS;
use super::typed::{Op, Operands};
use super::values::{Data, Kind, Ty, Var};

/// The library whose arrays the text is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Arrays {
    /// `np`.
    Numpy,
    /// `jnp`.
    Jax,
    /// `torch`, inside FlexAttention's functions: arguments are tensors without axes.
    Torch,
}

impl Arrays {
    /// What the module is called in the text.
    pub fn module(self) -> &'static str {
        match self {
            Self::Numpy => "np",
            Self::Jax => "jnp",
            Self::Torch => "torch",
        }
    }
}

/// A formula as a function of Python.
#[derive(Clone, Debug)]
pub struct Function {
    /// The definition, with the formula as a comment before it; ends with a line break.
    pub text: String,
    /// Tables it reads, under the names that it uses: entries of type `int32`, `float32` or `bool`, in their own shapes.
    pub tables: Vec<(String, Arc<Data>)>,
    /// Functions it calls, as definitions.
    pub helpers: Vec<&'static str>,
}

impl Bound {
    /// The function `name(b, h, q, k)` of a mask, or `name(x, b, h, q, k)` with the score or the weight so far. It reads the globals `n_q`, `n_k` and
    /// `q_heads`, and tables under names that begin with its own.
    pub fn python(&self, name: &str, arrays: Arrays) -> Function {
        let mut writer = Writer::new(&self.0, name, arrays);
        writer.body();
        writer.function(name, self.kind())
    }
}

impl Bound {
    /// The tables that the formula reads.
    pub fn tables(&self) -> impl Iterator<Item = &Data> {
        self.0.with.data.iter().map(AsRef::as_ref)
    }

    /// Whether a score formula adds to the score what does not depend on it, so that a matrix added to the scores says the same.
    pub fn adds(&self) -> bool {
        let nodes = self.0.formula.nodes();
        // Whether each node reads the score, and whether it is the score with something added.
        let mut seen: Vec<(bool, bool)> = Vec::with_capacity(nodes.len());
        for node in nodes {
            let known = match node.op {
                Op::Var(Var::S) => (true, true),
                Op::Row(row, operands) => {
                    let of: Vec<(bool, bool)> = operands.iter().map(|id| seen[id]).collect();
                    let reads = of.iter().any(|(reads, _)| *reads);
                    let adds = match (ROWS[usize::from(row)].name, of.as_slice()) {
                        ("+", [(false, _), (_, adds)]) | ("+" | "-", [(_, adds), (false, _)]) => *adds,
                        ("where", [(false, _), (_, a), (_, b)]) => *a && *b,
                        ("float", [(_, adds)]) => *adds,
                        _ => false,
                    };
                    (reads, adds)
                }
                Op::Read(_, operands) => (operands.iter().any(|id| seen[id].0), false),
                _ => (false, false),
            };
            seen.push(known);
        }
        seen.last().is_some_and(|(_, adds)| *adds)
    }
}

/// What a node's text is, as far as parentheses go.
#[derive(Clone, Copy, PartialEq)]
enum Form {
    /// A name, a number, a call.
    Atom,
    /// An operator between two operands, in parentheses.
    Infix(&'static str),
    /// Anything else in parentheses.
    Closed,
}

/// A node as text.
#[derive(Clone)]
struct Text {
    text: String,
    form: Form,
    /// Whether it is an array: it depends on a position, a score or a table.
    varies: bool,
    /// Its bits, where nothing can change them.
    constant: Option<u32>,
    /// Whether it is a whole number that is not 0 with the values of now.
    nonzero: bool,
    ty: Ty,
}

struct Writer<'a> {
    inner: &'a Inner,
    arrays: Arrays,
    /// Names of parameters and of tables.
    params: Vec<String>,
    tables: Vec<String>,
    nodes: Vec<Option<Text>>,
    lines: Vec<String>,
    helpers: Vec<&'static str>,
    temporaries: usize,
}

/// A text that is used twice is computed once when it is longer than this.
const SHORT: usize = 24;

/// Names that mean something else inside a function.
const TAKEN: [&str; 62] = [
    "False", "None", "True", "and", "as", "assert", "async", "await", "break", "class", "continue", "def", "del", "elif",
    "else", "except", "finally", "for", "from", "global", "if", "import", "in", "is", "lambda", "nonlocal", "not", "or",
    "pass", "raise", "return", "try", "while", "with", "yield", "np", "jnp", "jax", "torch", "math", "abs", "min", "max",
    "int", "float", "bool", "round", "n_q", "n_k", "q_heads", "b", "h", "q", "k", "s", "p", "q_pos", "x", "Q", "K", "V",
    "r",
];

/// A name that Python takes and nothing else in the text has.
fn safe(name: &str, before: &[String], fallback: &str) -> String {
    let temporary = name.strip_prefix('t').is_some_and(|rest| rest.chars().all(|c| c.is_ascii_digit()));
    let plain = name.is_ascii() && !name.starts_with('_') && !temporary && !TAKEN.contains(&name);
    let mut safe = match plain {
        true => name.to_owned(),
        false if name.is_ascii() && !name.starts_with('_') => format!("{name}_"),
        false => format!("{fallback}_{}", before.len()),
    };
    while before.contains(&safe) {
        safe.push('_');
    }
    safe
}

impl<'a> Writer<'a> {
    fn new(inner: &'a Inner, name: &str, arrays: Arrays) -> Self {
        let (mut params, mut tables) = (Vec::new(), Vec::new());
        for (param, _) in inner.formula.params_used() {
            params.push(safe(param, &params, "param"));
        }
        for table in inner.formula.data_used() {
            let whole = format!("{name}_{}", table.name);
            tables.push(safe(&whole, &tables, &format!("{name}_table")));
        }
        let nodes = vec![None; inner.formula.nodes().len()];
        Self { inner, arrays, params, tables, nodes, lines: Vec::new(), helpers: Vec::new(), temporaries: 0 }
    }

    /// How often each node is read; 0 where the result does not need it.
    fn uses(&self) -> Vec<u32> {
        let nodes = self.inner.formula.nodes();
        let mut uses = vec![0_u32; nodes.len()];
        if let Some(root) = uses.last_mut() {
            *root = 1;
        }
        for (at, node) in nodes.iter().enumerate().rev() {
            if let (true, Op::Row(_, operands) | Op::Read(_, operands)) = (uses[at] > 0, node.op) {
                operands.iter().for_each(|id| uses[id] += 1);
            }
        }
        uses
    }

    /// The node as it was written; nodes come in order, so it is there.
    fn node(&self, id: usize) -> Text {
        let nothing = Text {
            text: "0".to_owned(),
            form: Form::Atom,
            varies: false,
            constant: Some(0),
            nonzero: false,
            ty: Ty::Int,
        };
        self.nodes.get(id).cloned().flatten().unwrap_or(nothing)
    }

    fn body(&mut self) {
        let inner = self.inner;
        let uses = self.uses();
        for (at, node) in inner.formula.nodes().iter().enumerate() {
            if uses[at] == 0 {
                continue;
            }
            let mut text = match node.op {
                Op::Constant(bits) => constant(bits, node.ty, self.arrays),
                Op::Var(var) => self.variable(var, node.ty),
                Op::Param(param) => self.param(usize::from(param), node.ty),
                Op::Row(row, operands) => self.row(usize::from(row), operands, node.ty),
                Op::Read(table, operands) => self.read(usize::from(table), operands, node.ty),
            };
            let last = at + 1 == inner.formula.nodes().len();
            if uses[at] > 1 && !last && text.text.len() > SHORT && text.constant.is_none() {
                self.temporaries += 1;
                let name = format!("t{}", self.temporaries);
                self.lines.push(format!("{name} = {}", open(&text)));
                text = Text { text: name, form: Form::Atom, ..text };
            }
            self.nodes[at] = Some(text);
        }
    }

    fn variable(&self, var: Var, ty: Ty) -> Text {
        let moved = self.inner.with.sizes.shared_offset() != Some(0);
        let name = match var {
            Var::NQ => "n_q",
            Var::NK => "n_k",
            Var::NH => "q_heads",
            Var::QPos if !moved => "q",
            _ => Var::ALL.iter().find(|(other, ..)| *other == var).map_or("q", |(_, name, _)| name),
        };
        let size = matches!(var, Var::NQ | Var::NK | Var::NH);
        Text { text: name.to_owned(), form: Form::Atom, varies: !size, constant: None, nonzero: size, ty }
    }

    fn param(&self, at: usize, ty: Ty) -> Text {
        let nonzero = self.inner.with.params[at] != 0;
        Text { text: self.params[at].clone(), form: Form::Atom, varies: false, constant: None, nonzero, ty }
    }

    fn row(&mut self, row: usize, operands: Operands, ty: Ty) -> Text {
        let operands: Vec<Text> = operands.iter().map(|id| self.node(id)).collect();
        let bits: Option<Vec<u32>> = operands.iter().map(|operand| operand.constant).collect();
        if let Some(bits) = bits {
            return constant((ROWS[row].plain)(&bits), ty, self.arrays);
        }
        let varies = operands.iter().any(|operand| operand.varies);
        let (text, form) = rows::write(row, &operands, varies, self.arrays);
        for helper in rows::helpers(&text, self.arrays) {
            if !self.helpers.contains(&helper) {
                self.helpers.push(helper);
            }
        }
        Text { text, form, varies, constant: None, nonzero: false, ty }
    }

    /// A table's entry; indices that may leave it are clamped, as the language says.
    fn read(&mut self, table: usize, operands: Operands, ty: Ty) -> Text {
        let data = self.inner.with.data[table].clone();
        let sizes = &self.inner.with.sizes;
        let nodes = self.inner.formula.nodes();
        let mut indices = Vec::new();
        for (id, &extent) in operands.iter().zip(&data.shape) {
            let index = self.node(id);
            // What is an index of the axis that the table has is inside it.
            let size = match nodes[id].op {
                Op::Var(Var::Q) => Some(sizes.n_q),
                Op::Var(Var::QPos) if sizes.shared_offset() == Some(0) => Some(sizes.n_q),
                Op::Var(Var::K) => Some(sizes.n_k),
                Op::Var(Var::H) => Some(sizes.heads),
                Op::Var(Var::B) => Some(sizes.batch),
                _ => None,
            };
            let constant = index.constant.is_some_and(|bits| (bits as usize) < extent);
            let inside = !data.clamp || constant || size.is_some_and(|size| size as usize <= extent);
            indices.push(if inside { open(&index).to_owned() } else { self.clamped(&index, extent) });
        }
        let text = format!("{}[{}]", self.tables[table], indices.join(", "));
        Text { text, form: Form::Atom, varies: true, constant: None, nonzero: false, ty }
    }

    fn clamped(&self, index: &Text, extent: usize) -> String {
        let (text, last) = (open(index), extent.saturating_sub(1));
        match (index.varies, self.arrays) {
            (false, _) => format!("min(max({text}, 0), {last})"),
            (true, Arrays::Torch) => format!("torch.clamp({text}, 0, {last})"),
            (true, arrays) => format!("{}.clip({text}, 0, {last})", arrays.module()),
        }
    }

    fn function(self, name: &str, kind: Kind) -> Function {
        let x = match kind {
            Kind::Mask => "",
            Kind::Score => "s, ",
            Kind::Probability => "p, ",
        };
        let inner = self.inner;
        let mut text = format!("# {}\ndef {name}({x}b, h, q, k):\n", inner.formula);
        let mut line = |words: &str| text.push_str(&format!("    {words}\n"));
        for ((param, (_, ty)), bits) in self.params.iter().zip(inner.formula.params_used()).zip(&inner.with.params) {
            line(&format!("{param} = {}", value(*bits, *ty, self.arrays)));
        }
        if inner.formula.depends_on(Var::QPos) {
            let sizes = &inner.with.sizes;
            match sizes.shared_offset() {
                Some(0) => {}
                Some(offset) => line(&format!("q_pos = q + {offset}").replace("+ -", "- ")),
                // One of each sequence.
                None => {
                    let all = (0..sizes.batch).map(|b| sizes.offset_of(b).to_string()).collect::<Vec<_>>().join(", ");
                    let array = if self.arrays == Arrays::Torch { "tensor" } else { "array" };
                    line(&format!("q_pos = q + {}.{array}([{all}])[b]", self.arrays.module()));
                }
            }
        }
        self.lines.iter().for_each(|words| line(words));
        let result = self.nodes.last().cloned().flatten();
        let shown = result.as_ref().map_or("0", open);
        let fixed = self.arrays == Arrays::Torch && result.as_ref().is_some_and(|text| !text.varies);
        // FlexAttention wants a tensor even of what is the same everywhere.
        line(&match (fixed, kind) {
            (false, _) => format!("return {shown}"),
            (true, Kind::Mask) => format!("return (k >= 0) & ({shown})"),
            (true, Kind::Score) => format!("return torch.where(k >= 0, {shown}, s)"),
            (true, Kind::Probability) => format!("return torch.where(k >= 0, {shown}, p)"),
        });
        let tables = self.tables.into_iter().zip(inner.with.data.iter().cloned()).collect();
        Function { text, tables, helpers: self.helpers }
    }
}

/// The text without the parentheses around it.
fn open(text: &Text) -> &str {
    let inside = || text.text.strip_prefix('(')?.strip_suffix(')');
    if text.form == Form::Atom { &text.text } else { inside().unwrap_or(&text.text) }
}

fn constant(bits: u32, ty: Ty, arrays: Arrays) -> Text {
    let text = match ty {
        Ty::Float => float(f32::from_bits(bits), arrays),
        _ => value(bits, ty, arrays),
    };
    let negative = text.starts_with('-');
    Text {
        text: if negative { format!("({text})") } else { text },
        form: if negative { Form::Closed } else { Form::Atom },
        varies: false,
        constant: Some(bits),
        nonzero: bits != 0,
        ty,
    }
}

/// A parameter's value: singles stay singles, so that what is computed of them alone is rounded as in the language.
fn value(bits: u32, ty: Ty, arrays: Arrays) -> String {
    match (ty, arrays) {
        (Ty::Bool, _) => if bits != 0 { "True" } else { "False" }.to_owned(),
        (Ty::Int, _) => (bits as i32).to_string(),
        (Ty::Float, Arrays::Torch) => float(f32::from_bits(bits), arrays),
        (Ty::Float, _) => format!("{}.float32({})", arrays.module(), float(f32::from_bits(bits), arrays)),
    }
}

/// The shortest number that is this one in single precision.
fn float(x: f32, arrays: Arrays) -> String {
    let module = arrays.module();
    match x {
        x if x.is_nan() => format!("{module}.nan"),
        f32::INFINITY => format!("{module}.inf"),
        f32::NEG_INFINITY => format!("-{module}.inf"),
        x => format!("{x:?}"),
    }
}

#[cfg(test)]
#[path = "python/tests.rs"]
mod tests;

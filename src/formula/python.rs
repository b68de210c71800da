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
mod text;
mod writer;

use std::sync::Arc;

use super::Formula;
use super::bind::Bound;
use super::table::ROWS;
use super::typed::Op;
use super::values::{Data, Var};
use writer::Writer;

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
}

impl Formula {
    /// Whether a score formula adds to the score what does not depend on it, so that a matrix added to the scores says the same.
    pub fn adds(&self) -> bool {
        let nodes = self.nodes();
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

#[cfg(test)]
#[path = "python/tests.rs"]
mod tests;

//! The formula language of masks and scores.
//!
//! ```text
//! k <= q_pos and (q_pos - k < window or k < sinks)    # mask, with the sliders window and sinks
//! s - slope[h] * abs(q_pos - k)                       # score, per-head data
//! doc[q] == doc[k] and k <= q                         # per-token data
//! (k & ~q) == 0 or q - k == 1                         # integers have bit operations
//! ```
//!
//! The vocabulary is that of PyTorch FlexAttention (`mask_mod(b, h, q, k)`, `score_mod(s, b, h, q, k)`), the operators
//! and their precedence are Python's. Integers are 32 bits and wrap; `/` gives a float; `//` and `%` floor and give 0
//! for a divisor of 0; shift counts are taken modulo 32; a whole number meets a float as a float; true and false do not
//! mix with numbers. `floor`, `ceil` and `round` (half to even) give whole numbers, saturating, 0 for NaN. Everything is
//! total: both sides of `and`, `or` and `if` are always defined.
//!
//! The way of a formula: text -> [`ast`] -> [`typed`] form ([`Formula`], no sizes or values) -> [`Bound`] (sizes,
//! parameters and data filled in; constants folded; tables of one variable hoisted) -> evaluation, one cell at a time
//! ([`Bound::mask_at`], the judge), a row segment at a time ([`Lanes`], and in workers by functions that are [`compiled`]), over a rectangle ([`Bound::coverage`]), backwards ([`Slopes`]) or, as text,
//! on a GPU ([`wgsl::Module`]) or in a script ([`python`]).
//! Operations live in one [`table`], a row each, with a column for every back-end; more back-ends are more columns.

pub mod ast;
mod bind;
mod bounds;
mod check;
pub mod compiled;
mod compose;
mod decimal;
mod error;
mod hoist;
mod lanes;
mod lexer;
mod machine;
mod mathml;
mod nearest;
mod parser;
mod plain;
mod print;
mod program;
pub mod python;
mod reverse;
mod sink;
mod slopes;
mod sorted;
pub mod table;
mod totals;
pub mod typed;
mod values;
pub mod wgsl;

use std::fmt;
use std::sync::Arc;

pub use bind::Bound;
pub use bounds::Coverage;
pub use compose::Tree;
pub use error::{Due, ErrorKind, FormulaError, Wants};
pub use lanes::{Entries, Lanes};
pub(crate) use nearest::near;
pub use parser::{MAX_BYTES, MAX_DEPTH, MAX_PARTS};
pub use reverse::Reverse;
pub use slopes::Slopes;
pub use sorted::Sorted;
pub use table::LANES;
pub use values::{Data, DataDecl, DataValues, Kind, Scalar, Scope, Sizes, Ty, Values, Var};

use typed::{Node, Op};

/// A formula that was understood: typed, without sizes or values. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Formula(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    kind: Kind,
    text: String,
    expr: ast::Expr,
    nodes: Vec<Node>,
    params: Vec<(String, Ty)>,
    data: Vec<DataDecl>,
}

/// Reads a formula of the given kind, which may use the names in `scope` beside the built-in ones.
///
/// # Errors
/// What is wrong and where, if the text can't be read, uses unknown names or mixes types. Never panics, whatever the text.
pub fn compile(text: &str, kind: Kind, scope: &Scope) -> Result<Formula, FormulaError> {
    let expr = parser::parse(text)?;
    let check::Checked { nodes, params, data } = check::check(&expr, kind, scope)?;
    Ok(Formula(Arc::new(Inner { kind, text: text.to_owned(), expr, nodes, params, data })))
}

impl Formula {
    /// What it is for.
    pub fn kind(&self) -> Kind {
        self.0.kind
    }

    /// The text that it was read from, as it was written.
    pub fn text(&self) -> &str {
        &self.0.text
    }

    /// The parameters it uses, in order of first use.
    pub fn params_used(&self) -> &[(String, Ty)] {
        &self.0.params
    }

    /// The tables it reads, in order of first use.
    pub fn data_used(&self) -> &[DataDecl] {
        &self.0.data
    }

    /// Whether the text mentions the variable. `q_pos` counts as a mention of `q` and `b` too.
    pub fn depends_on(&self, var: Var) -> bool {
        self.0.nodes.iter().any(|node| match node.op {
            Op::Var(Var::QPos) => matches!(var, Var::QPos | Var::Q | Var::B),
            Op::Var(v) => v == var,
            _ => false,
        })
    }

    /// Number of operations in the typed form.
    pub fn node_count(&self) -> usize {
        self.0.nodes.len()
    }

    /// The typed form: each operation refers to earlier ones, the last is the result.
    pub fn nodes(&self) -> &[Node] {
        &self.0.nodes
    }

    /// The syntax tree.
    pub fn expr(&self) -> &ast::Expr {
        &self.0.expr
    }
}

/// The formula as text, in a standard layout; reading it again gives the same formula.
impl fmt::Display for Formula {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&print::text(&self.0.expr))
    }
}

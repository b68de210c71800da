//! The syntax tree: what was written, with the place of every part.

use std::ops::Range;

/// A part of a formula and where it stands in the text (byte offsets).
#[derive(Clone, Debug)]
pub struct Expr {
    /// What it is.
    pub kind: ExprKind,
    /// Where it stands.
    pub span: Range<usize>,
}

/// The kinds of expressions.
#[derive(Clone, Debug)]
pub enum ExprKind {
    /// `true`, `False`.
    Bool(bool),
    /// `16_384`, `0xff`.
    Int(i32),
    /// `0.5`, `1e-3`.
    Float(f32),
    /// A variable, constant or parameter.
    Name(String),
    /// `-x`, `~x`, `not x`, `+x`.
    Unary(&'static str, Box<Expr>),
    /// `a + b`, `a and b`.
    Binary(&'static str, Box<Expr>, Box<Expr>),
    /// `a < b <= c`.
    Chain(Box<Expr>, Vec<(&'static str, Expr)>),
    /// `x in {1, 2}`; the flag is set for `not in`.
    In(Box<Expr>, bool, Vec<Expr>),
    /// `a if c else b`, in this order.
    If(Box<Expr>, Box<Expr>, Box<Expr>),
    /// `name(args)`.
    Call(String, Vec<Expr>),
    /// `name[indices]`.
    Index(String, Vec<Expr>),
}

/// How tightly operators bind, loosest first; as in Python.
pub mod power {
    /// `a if c else b`.
    pub const IF: u8 = 1;
    /// `or`.
    pub const OR: u8 = 2;
    /// `and`.
    pub const AND: u8 = 3;
    /// `not`.
    pub const NOT: u8 = 4;
    /// Comparisons and `in`.
    pub const COMPARE: u8 = 5;
    /// Unary `-`, `+`, `~`.
    pub const SIGN: u8 = 12;
    /// `**`: binds to the right, and its right side may carry a sign.
    pub const POWER: u8 = 13;
    /// Names, numbers, calls, parentheses.
    pub const ATOM: u8 = 14;
}

/// Operators that associate to the left, with how tightly they bind.
pub const LEFT: [(&str, u8); 13] = [
    ("or", power::OR),
    ("and", power::AND),
    ("|", 6),
    ("^", 7),
    ("&", 8),
    ("<<", 9),
    (">>", 9),
    ("+", 10),
    ("-", 10),
    ("*", 11),
    ("/", 11),
    ("//", 11),
    ("%", 11),
];

/// Comparison operators; they chain.
pub const COMPARISONS: [&str; 6] = ["<", "<=", ">", ">=", "==", "!="];

impl Expr {
    /// How tightly the outermost operator of this expression binds.
    pub fn power(&self) -> u8 {
        match &self.kind {
            ExprKind::If(..) => power::IF,
            ExprKind::Chain(..) | ExprKind::In(..) => power::COMPARE,
            ExprKind::Unary("not", _) => power::NOT,
            ExprKind::Unary(..) => power::SIGN,
            ExprKind::Binary("**", ..) => power::POWER,
            ExprKind::Binary(op, ..) => LEFT.iter().find(|(name, _)| name == op).map_or(power::ATOM, |&(_, p)| p),
            _ => power::ATOM,
        }
    }
}

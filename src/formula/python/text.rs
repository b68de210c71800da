//! Nodes as text: parentheses, names that Python takes, numbers.

use super::Arrays;
use crate::formula::values::Ty;

/// What a node's text is, as far as parentheses go.
#[derive(Clone, Copy, PartialEq)]
pub enum Form {
    /// A name, a number, a call.
    Atom,
    /// An operator between two operands, in parentheses.
    Infix(&'static str),
    /// Anything else in parentheses.
    Closed,
}

/// A node as text.
#[derive(Clone)]
pub struct Text {
    pub text: String,
    pub form: Form,
    /// Whether it is an array: it depends on a position, a score or a table.
    pub varies: bool,
    /// Its bits, where nothing can change them.
    pub constant: Option<u32>,
    /// Whether it is a whole number that is not 0 with the values of now.
    pub nonzero: bool,
    pub ty: Ty,
}

/// Names that mean something else inside a function.
const TAKEN: [&str; 62] = [
    "False", "None", "True", "and", "as", "assert", "async", "await", "break", "class", "continue", "def", "del",
    "elif", "else", "except", "finally", "for", "from", "global", "if", "import", "in", "is", "lambda", "nonlocal",
    "not", "or", "pass", "raise", "return", "try", "while", "with", "yield", "np", "jnp", "jax", "torch", "math",
    "abs", "min", "max", "int", "float", "bool", "round", "n_q", "n_k", "q_heads", "b", "h", "q", "k", "s", "p",
    "q_pos", "x", "Q", "K", "V", "r",
];

/// A name that Python takes and nothing else in the text has.
pub fn safe(name: &str, before: &[String], fallback: &str) -> String {
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

/// The text without the parentheses around it.
pub fn open(text: &Text) -> &str {
    let inside = || text.text.strip_prefix('(')?.strip_suffix(')');
    if text.form == Form::Atom { &text.text } else { inside().unwrap_or(&text.text) }
}

pub fn constant(bits: u32, ty: Ty, arrays: Arrays) -> Text {
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
pub fn value(bits: u32, ty: Ty, arrays: Arrays) -> String {
    match (ty, arrays) {
        (Ty::Bool, _) => if bits != 0 { "True" } else { "False" }.to_owned(),
        (Ty::Int, _) => (bits as i32).to_string(),
        (Ty::Float, Arrays::Torch) => float(f32::from_bits(bits), arrays),
        (Ty::Float, _) => format!("{}.float32({})", arrays.module(), float(f32::from_bits(bits), arrays)),
    }
}

/// The shortest number that is this one in single precision.
pub fn float(x: f32, arrays: Arrays) -> String {
    let module = arrays.module();
    match x {
        x if x.is_nan() => format!("{module}.nan"),
        f32::INFINITY => format!("{module}.inf"),
        f32::NEG_INFINITY => format!("-{module}.inf"),
        x => format!("{x:?}"),
    }
}

//! One operation as text: the table's Python column, made easier to read where nothing is lost, and told for single numbers and for PyTorch, whose
//! functions take tensors only.

use super::super::table::{ROWS, TEXTS};
use super::super::values::Ty;
use super::Arrays;
use super::text::{Form, Text, open};

/// The text of the operation in row `row` of the table.
pub fn write(row: usize, operands: &[Text], varies: bool, arrays: Arrays) -> (String, Form) {
    let name = ROWS[row].name;
    match operands {
        [a] => unary(row, name, a, varies, arrays),
        [a, b] => binary(row, name, a, b, varies, arrays),
        [a, b, c] if name == "where" => choice(a, b, c, arrays),
        [a, low, high] if name == "clamp" => {
            let (below, _) = extreme("max", a, low, arrays);
            let below = Text { text: below, form: Form::Atom, varies: a.varies || low.varies, ..a.clone() };
            extreme("min", &below, high, arrays)
        }
        _ => (filled(row, operands, arrays), Form::Atom),
    }
}

fn unary(row: usize, name: &str, a: &Text, varies: bool, arrays: Arrays) -> (String, Form) {
    let (inside, torch) = (open(a), arrays == Arrays::Torch);
    let module = if torch && !varies { "math" } else { arrays.module() };
    match (name, a.ty) {
        ("not", _) if varies => (format!("(~{})", a.text), Form::Closed),
        ("not", _) => (format!("(not {})", a.text), Form::Closed),
        ("abs", _) => (format!("abs({inside})"), Form::Atom),
        ("float", Ty::Float) | ("int" | "floor" | "ceil" | "round", Ty::Int) => (a.text.clone(), a.form),
        ("float", _) if varies && torch => (format!("{}.to(torch.float32)", a.text), Form::Atom),
        ("float", _) if varies => (format!("{}.astype({module}.float32)", a.text), Form::Atom),
        ("float", _) if torch => (format!("float({inside})"), Form::Atom),
        ("float", _) => (format!("{module}.float32({inside})"), Form::Atom),
        ("int", Ty::Bool) if !varies => (format!("int({inside})"), Form::Atom),
        ("int" | "round", Ty::Float) if torch && !varies => (format!("{name}({inside})"), Form::Atom),
        ("floor" | "ceil", Ty::Float) if torch && !varies => (format!("math.{name}({inside})"), Form::Atom),
        ("sign", _) if torch && !varies => (format!("(({inside} > 0) - ({inside} < 0))"), Form::Closed),
        ("sigmoid", _) if torch && varies => (format!("torch.sigmoid({inside})"), Form::Atom),
        ("sigmoid", _) => (format!("(1 / (1 + {module}.exp(-{})))", a.text), Form::Infix("/")),
        ("sqrt" | "exp" | "log" | "log2" | "sin" | "cos" | "tanh", _) => {
            (format!("{module}.{name}({inside})"), Form::Atom)
        }
        ("-" | "~", _) => (filled(row, std::slice::from_ref(a), arrays), Form::Closed),
        _ => (filled(row, std::slice::from_ref(a), arrays), Form::Atom),
    }
}

fn binary(row: usize, name: &'static str, a: &Text, b: &Text, varies: bool, arrays: Arrays) -> (String, Form) {
    match (name, a.ty) {
        ("and" | "&", Ty::Bool) => joined(a, if varies { "&" } else { "and" }, b),
        ("or" | "|", Ty::Bool) => joined(a, if varies { "|" } else { "or" }, b),
        ("^", Ty::Bool) => joined(a, "^", b),
        ("<" | "<=" | ">" | ">=" | "==" | "!=", _) => {
            let side =
                |operand: &Text| if arithmetic(operand) { open(operand).to_owned() } else { operand.text.clone() };
            (format!("({} {name} {})", side(a), side(b)), Form::Closed)
        }
        ("//" | "%", Ty::Int) if b.nonzero => joined(a, name, b),
        ("//", Ty::Float) => (format!("_floor_div_float({}, {})", open(a), open(b)), Form::Atom),
        ("%", Ty::Float) => (format!("_mod_float({}, {})", open(a), open(b)), Form::Atom),
        ("pow", Ty::Int) if b.constant.is_some_and(|bits| bits as i32 >= 0) => {
            (format!("({} ** {})", a.text, b.text), Form::Closed)
        }
        ("pow", Ty::Float) => (format!("({} ** {})", a.text, b.text), Form::Closed),
        ("<<" | ">>", _) => match b.constant {
            Some(bits) => (format!("({} {name} {})", a.text, bits & 31), Form::Closed),
            None => (filled(row, &[a.clone(), b.clone()], arrays), Form::Closed),
        },
        ("+" | "-" | "*" | "/", _) => joined(a, name, b),
        ("&" | "|" | "^", _) => (format!("({} {name} {})", a.text, b.text), Form::Infix("&")),
        ("min" | "max", _) => extreme(name, a, b, arrays),
        _ => (filled(row, &[a.clone(), b.clone()], arrays), Form::Atom),
    }
}

/// An operator with no more parentheses on its left than it needs.
fn joined(a: &Text, sign: &'static str, b: &Text) -> (String, Form) {
    let tight = |form: Form| matches!(form, Form::Infix("*" | "/" | "//" | "%"));
    let loose = |form: Form| matches!(form, Form::Infix("+" | "-"));
    let (left, right) = match sign {
        "+" | "-" => (tight(a.form) || loose(a.form), tight(b.form)),
        "*" | "/" | "//" | "%" => (tight(a.form), false),
        _ => (a.form == Form::Infix(sign), false),
    };
    let side = |operand: &Text, bare| if bare { open(operand).to_owned() } else { operand.text.clone() };
    (format!("({} {sign} {})", side(a, left), side(b, right)), Form::Infix(sign))
}

/// Whether it binds tighter than a comparison without its parentheses.
fn arithmetic(operand: &Text) -> bool {
    operand.ty != Ty::Bool && matches!(operand.form, Form::Infix(_))
}

fn extreme(name: &str, a: &Text, b: &Text, arrays: Arrays) -> (String, Form) {
    let (x, y) = (open(a), open(b));
    let text = match (a.varies || b.varies, arrays) {
        (false, _) => format!("{name}({x}, {y})"),
        (true, Arrays::Torch) => format!("_{name}imum({x}, {y})"),
        (true, arrays) => format!("{}.{name}imum({x}, {y})", arrays.module()),
    };
    (text, Form::Atom)
}

fn choice(condition: &Text, a: &Text, b: &Text, arrays: Arrays) -> (String, Form) {
    if !condition.varies {
        // Whichever it is, what follows may ask for an array.
        let side = |one: &Text, other: &Text| match other.varies && !one.varies {
            true => lifted(one, arrays),
            false => one.text.clone(),
        };
        return (format!("({} if {} else {})", side(a, b), condition.text, side(b, a)), Form::Closed);
    }
    // Of two of Python's floats NumPy would make doubles.
    let single = a.ty == Ty::Float && !a.varies && !b.varies && arrays != Arrays::Torch;
    let module = arrays.module();
    let first = if single { format!("{module}.float32({})", open(a)) } else { open(a).to_owned() };
    (format!("{module}.where({}, {first}, {})", open(condition), open(b)), Form::Atom)
}

/// A single number as an array.
fn lifted(text: &Text, arrays: Arrays) -> String {
    let (inside, module) = (open(text), arrays.module());
    match (arrays, text.ty) {
        (Arrays::Torch, Ty::Bool) => format!("((k >= 0) & {})", text.text),
        (Arrays::Torch, Ty::Int) => format!("(0 * k + {})", text.text),
        (Arrays::Torch, Ty::Float) => format!("(0.0 * k + {})", text.text),
        (_, Ty::Bool) => format!("{module}.bool_({inside})"),
        (_, Ty::Int) => format!("{module}.int32({inside})"),
        (_, Ty::Float) => format!("{module}.float32({inside})"),
    }
}

/// The table's own text.
fn filled(row: usize, operands: &[Text], arrays: Arrays) -> String {
    let mut text = TEXTS[row].python.replace("xp.", &format!("{}.", arrays.module()));
    for (i, operand) in operands.iter().enumerate() {
        text = text.replace(&format!("{{{i}}}"), &operand.text);
    }
    text
}

/// Definitions of the functions that a text calls.
pub fn helpers(text: &str, arrays: Arrays) -> impl Iterator<Item = &'static str> {
    let torch = arrays == Arrays::Torch;
    let called: Vec<_> = HELPERS.iter().filter(|(name, ..)| text.contains(&format!("{name}("))).collect();
    called.into_iter().map(move |&(_, arrays, tensors)| if torch { tensors } else { arrays })
}

/// Name, definition over arrays (`xp` stands for the library), definition over tensors.
const HELPERS: [(&str, &str, &str); 9] = [
    (
        "_floor_div",
        "def _floor_div(a, b):  # 0 where the divisor is 0\n    return xp.where(b == 0, 0, a // xp.where(b == 0, 1, b))\n",
        "def _floor_div(a, b):  # 0 where the divisor is 0\n    zero = torch.as_tensor(b == 0)\n    return torch.where(zero, 0, a // torch.where(zero, 1, b))\n",
    ),
    (
        "_mod",
        "def _mod(a, b):  # 0 where the divisor is 0\n    return xp.where(b == 0, 0, a % xp.where(b == 0, 1, b))\n",
        "def _mod(a, b):  # 0 where the divisor is 0\n    zero = torch.as_tensor(b == 0)\n    return torch.where(zero, 0, a % torch.where(zero, 1, b))\n",
    ),
    (
        "_floor_div_float",
        "def _floor_div_float(a, b):  # 0 where the divisor is 0\n    return xp.where(b == 0, xp.float32(0), xp.floor(a / xp.where(b == 0, xp.float32(1), b)))\n",
        "def _floor_div_float(a, b):  # 0 where the divisor is 0\n    zero = torch.as_tensor(b == 0)\n    return torch.where(zero, 0.0, torch.floor(a / torch.where(zero, 1.0, b)))\n",
    ),
    (
        "_mod_float",
        "def _mod_float(a, b):  # 0 where the divisor is 0\n    c = xp.where(b == 0, xp.float32(1), b)\n    return xp.where(b == 0, xp.float32(0), a - c * xp.floor(a / c))\n",
        "def _mod_float(a, b):  # 0 where the divisor is 0\n    zero = torch.as_tensor(b == 0)\n    c = torch.where(zero, 1.0, b)\n    return torch.where(zero, 0.0, a - c * torch.floor(a / c))\n",
    ),
    (
        "_power",
        "def _power(a, b):  # 0 for negative exponents\n    return xp.where(b < 0, 0, a ** xp.where(b < 0, 0, b))\n",
        "def _power(a, b):  # 0 for negative exponents\n    negative = torch.as_tensor(b < 0)\n    return torch.where(negative, 0, a ** torch.where(negative, 0, b))\n",
    ),
    (
        "_int",
        "def _int(x):  # towards 0, saturating, 0 for NaN\n    x = xp.nan_to_num(xp.asarray(x, xp.float32), nan=0.0, posinf=xp.inf, neginf=-xp.inf)\n    inside = xp.clip(x, -2147483648.0, 2147483520.0).astype(xp.int32)\n    return xp.where(x >= 2147483648.0, xp.int32(2147483647), inside)\n",
        "def _int(x):  # towards 0, saturating, 0 for NaN\n    if x.dtype == torch.bool:\n        return x.to(torch.int32)\n    x = torch.nan_to_num(x, nan=0.0)\n    inside = torch.clamp(x, -2147483648.0, 2147483520.0).to(torch.int32)\n    return torch.where(x >= 2147483648.0, 2147483647, inside)\n",
    ),
    ("_minimum", "", "def _minimum(a, b):\n    return torch.where(b < a, b, a)\n"),
    ("_maximum", "", "def _maximum(a, b):\n    return torch.where(b > a, b, a)\n"),
    (
        "_hash",
        "def _hash(*values):  # 24 bits of Chris Wellons' lowbias32\n    x = xp.asarray(0x9E3779B9, xp.uint32)\n    for v in values:\n        x = x ^ xp.asarray(v).astype(xp.uint32)\n        x = (x ^ (x >> 16)) * xp.asarray(0x7FEB352D, xp.uint32)\n        x = (x ^ (x >> 15)) * xp.asarray(0x846CA68B, xp.uint32)\n        x = x ^ (x >> 16)\n    return (x >> 8).astype(xp.int32)\n",
        "def _hash(*values):  # 24 bits of Chris Wellons' lowbias32\n    x = 0x9E3779B9\n    for v in values:\n        v = v.to(torch.int64) if isinstance(v, torch.Tensor) else v\n        x = (x ^ v) & 0xFFFFFFFF\n        x = ((x ^ (x >> 16)) * 0x7FEB352D) & 0xFFFFFFFF\n        x = ((x ^ (x >> 15)) * 0x846CA68B) & 0xFFFFFFFF\n        x = x ^ (x >> 16)\n    return x >> 8\n",
    ),
];

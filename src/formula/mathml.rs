//! A formula as MathML, as the page shows it next to the picture. Every name from the user's text is escaped.

use super::ast::{Expr, ExprKind, power};
use super::table::{Math, ROWS};
use super::{Formula, Kind, Tree};

impl Formula {
    /// The formula as a `<math>` element: only presentation elements, and names as escaped text.
    pub fn mathml(&self) -> String {
        let mut out = String::from("<math xmlns=\"http://www.w3.org/1998/Math/MathML\">");
        out.push_str(if self.kind() == Kind::Mask { "<mrow>" } else { "<mrow displaystyle=\"true\">" });
        write(self.expr(), power::IF, &mut out);
        out.push_str("</mrow></math>");
        out
    }
}

impl Tree {
    /// The formula as a `<math>` element, whatever its names stand for: for what is written in the notation and never runs.
    pub fn mathml(&self) -> String {
        let mut out = String::from("<math xmlns=\"http://www.w3.org/1998/Math/MathML\"><mrow displaystyle=\"true\">");
        write(self.expr(), power::IF, &mut out);
        out.push_str("</mrow></math>");
        out
    }
}

/// The text with the characters that mean something to HTML and XML replaced.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c => out.push(c),
        }
    }
    out
}

fn tag(name: &str, text: &str, out: &mut String) {
    out.push_str(&format!("<{name}>{}</{name}>", escaped(text)));
}

/// An operator; table texts are already escaped.
fn sign(text: &str, out: &mut String) {
    out.push_str(&format!("<mo>{text}</mo>"));
}

/// A word between operands, with space around it.
fn word(text: &str, out: &mut String) {
    out.push_str(&format!("<mtext>&#160;{text}&#160;</mtext>"));
}

/// How an operation of this name with this many operands is drawn; every type of operand is drawn the same.
fn drawn(name: &str, operands: usize) -> Math {
    let row = ROWS.iter().find(|row| row.name == name && row.operands.len() == operands);
    row.or_else(|| ROWS.iter().find(|row| row.name == name)).map_or(Math::Function(""), |row| row.math)
}

fn write(expr: &Expr, least: u8, out: &mut String) {
    let tight = expr.power();
    // Fractions and roots show their extent by themselves.
    let boxed = matches!(&expr.kind, ExprKind::Binary("/" | "//", ..));
    let parenthesised = tight < least && !boxed;
    if parenthesised {
        sign("(", out);
    }
    match &expr.kind {
        ExprKind::Bool(value) => tag("mtext", if *value { "true" } else { "false" }, out),
        ExprKind::Int(value) => tag("mn", &value.to_string(), out),
        ExprKind::Float(value) => tag("mn", &value.to_string(), out),
        ExprKind::Name(name) => variable(name, out),
        ExprKind::Unary(op, a) => {
            let text = if let Math::Prefix(text) = drawn(op, 1) { text } else { op };
            sign(text, out);
            write(a, tight, out);
        }
        ExprKind::Binary("**", a, b) => raised(a, b, out),
        ExprKind::Binary(op, a, b) => binary(op, a, b, tight, out),
        ExprKind::Chain(first, rest) => {
            write(first, tight + 1, out);
            for (op, operand) in rest {
                infix(op, out);
                write(operand, tight + 1, out);
            }
        }
        ExprKind::In(a, negated, items) => {
            write(a, tight + 1, out);
            sign(if *negated { "∉" } else { "∈" }, out);
            sign("{", out);
            list(items, out);
            sign("}", out);
        }
        ExprKind::If(then, condition, other) => cases(condition, then, other, out),
        ExprKind::Call(name, args) => call(name, args, out),
        ExprKind::Index(name, indices) => {
            out.push_str("<msub>");
            variable(name, out);
            out.push_str("<mrow>");
            list(indices, out);
            out.push_str("</mrow></msub>");
        }
    }
    if parenthesised {
        sign(")", out);
    }
}

fn infix(op: &str, out: &mut String) {
    match drawn(op, 2) {
        Math::Infix(text) => sign(text, out),
        _ => tag("mo", op, out),
    }
}

fn binary(op: &str, a: &Expr, b: &Expr, tight: u8, out: &mut String) {
    match drawn(op, 2) {
        fraction @ (Math::Fraction | Math::FloorFraction) => {
            let floors = fraction == Math::FloorFraction;
            if floors {
                sign("⌊", out);
            }
            out.push_str("<mfrac>");
            group(a, out);
            group(b, out);
            out.push_str("</mfrac>");
            if floors {
                sign("⌋", out);
            }
        }
        _ => {
            write(a, tight, out);
            match op {
                "and" | "or" => word(op, out),
                _ => infix(op, out),
            }
            write(b, tight + 1, out);
        }
    }
}

fn group(expr: &Expr, out: &mut String) {
    out.push_str("<mrow>");
    write(expr, power::IF, out);
    out.push_str("</mrow>");
}

fn raised(a: &Expr, b: &Expr, out: &mut String) {
    out.push_str("<msup><mrow>");
    // A fraction under an exponent does need its parentheses.
    let fraction = matches!(&a.kind, ExprKind::Binary("/" | "//", ..));
    if fraction {
        sign("(", out);
    }
    write(a, power::POWER + 1, out);
    if fraction {
        sign(")", out);
    }
    out.push_str("</mrow>");
    group(b, out);
    out.push_str("</msup>");
}

fn cases(condition: &Expr, then: &Expr, other: &Expr, out: &mut String) {
    sign("{", out);
    out.push_str("<mtable><mtr><mtd>");
    write(then, power::IF, out);
    out.push_str("</mtd><mtd>");
    word("if", out);
    write(condition, power::IF, out);
    out.push_str("</mtd></mtr><mtr><mtd>");
    write(other, power::IF, out);
    out.push_str("</mtd><mtd>");
    word("otherwise", out);
    out.push_str("</mtd></mtr></mtable>");
}

fn call(name: &str, args: &[Expr], out: &mut String) {
    match (drawn(name, args.len()), args) {
        (Math::Fence(open, close), [a]) => {
            sign(open, out);
            write(a, power::IF, out);
            sign(close, out);
        }
        (Math::Root, [a]) => {
            out.push_str("<msqrt>");
            group(a, out);
            out.push_str("</msqrt>");
        }
        (Math::Exponential, [a]) => {
            out.push_str("<msup><mi>e</mi>");
            group(a, out);
            out.push_str("</msup>");
        }
        (Math::Power, [a, b]) => raised(a, b, out),
        (Math::Cases, [condition, then, other]) => cases(condition, then, other, out),
        (Math::Indexed(name, index), args) => {
            out.push_str(&format!("<msub><mi>{name}</mi><mn>{index}</mn></msub>"));
            arguments(args, out);
        }
        (Math::Function(text), args) => {
            tag("mi", if text.is_empty() { name } else { text }, out);
            arguments(args, out);
        }
        (_, args) => {
            tag("mi", name, out);
            arguments(args, out);
        }
    }
}

fn arguments(args: &[Expr], out: &mut String) {
    sign("(", out);
    list(args, out);
    sign(")", out);
}

fn list(items: &[Expr], out: &mut String) {
    for (i, item) in items.iter().enumerate() {
        if i > 0 {
            sign(",", out);
        }
        write(item, power::IF, out);
    }
}

/// A name: `pi` and `inf` as symbols, `q_pos` with its second part below.
fn variable(name: &str, out: &mut String) {
    match (name, name.split_once('_')) {
        ("pi", _) => tag("mi", "π", out),
        ("inf", _) => tag("mi", "∞", out),
        ("tau", _) => tag("mi", "τ", out),
        ("gamma", _) => tag("mi", "γ", out),
        (_, Some((base, below))) if !base.is_empty() && !below.is_empty() => {
            out.push_str("<msub>");
            tag("mi", base, out);
            tag("mi", &below.replace('_', " "), out);
            out.push_str("</msub>");
        }
        _ => tag("mi", name, out),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use crate::formula::{DataDecl, Kind, Scope, Ty, compile};

    fn drawn(text: &str, kind: Kind) -> String {
        let scope = Scope {
            params: vec![("window".into(), Ty::Int)],
            data: vec![DataDecl { name: "slope".into(), ty: Ty::Float, dims: 1 }],
        };
        let all = compile(text, kind, &scope).unwrap().mathml();
        let start = all.find("<mrow").unwrap();
        all[start..].split_once('>').unwrap().1.strip_suffix("</mrow></math>").unwrap().to_owned()
    }

    #[test]
    fn formulas_are_drawn() {
        for (text, want) in [
            ("k <= q_pos", "<mi>k</mi><mo>≤</mo><msub><mi>q</mi><mi>pos</mi></msub>"),
            (
                "q < 1 and k < 2",
                "<mi>q</mi><mo>&lt;</mo><mn>1</mn><mtext>&#160;and&#160;</mtext><mi>k</mi><mo>&lt;</mo><mn>2</mn>",
            ),
            // As in Python, `&` binds more tightly than comparisons: no parentheses.
            ("(q & 3) == 0", "<mi>q</mi><mo>&amp;</mo><mn>3</mn><mo>=</mo><mn>0</mn>"),
            (
                "q // 2 in {1}",
                "<mo>⌊</mo><mfrac><mrow><mi>q</mi></mrow><mrow><mn>2</mn></mrow></mfrac><mo>⌋</mo><mo>∈</mo><mo>{</mo><mn>1</mn><mo>}</mo>",
            ),
        ] {
            assert_eq!(drawn(text, Kind::Mask), want, "{text}");
        }
        for (text, want) in [
            ("s - slope[h]", "<mi>s</mi><mo>−</mo><msub><mi>slope</mi><mrow><mi>h</mi></mrow></msub>"),
            ("abs(q - k)", "<mo>|</mo><mi>q</mi><mo>−</mo><mi>k</mi><mo>|</mo>"),
            (
                "(q - k) ** 2",
                "<msup><mrow><mo>(</mo><mi>q</mi><mo>−</mo><mi>k</mi><mo>)</mo></mrow><mrow><mn>2</mn></mrow></msup>",
            ),
            (
                "sqrt(s) * log2(s)",
                "<msqrt><mrow><mi>s</mi></mrow></msqrt><mo>·</mo><msub><mi>log</mi><mn>2</mn></msub><mo>(</mo><mi>s</mi><mo>)</mo>",
            ),
        ] {
            assert_eq!(drawn(text, Kind::Score), want, "{text}");
        }
    }

    #[test]
    fn every_operation_is_drawn_as_balanced_elements() {
        for text in [
            "where(k <= q, s, -inf)",
            "s if q < k else exp(-s) / (1 + pi)",
            "tanh(s / 5) ** 2 + min(q, k, 3) + hash(q, k) % 7 - sigmoid(s) // 2",
        ] {
            let all = drawn(text, Kind::Score);
            let mut open: Vec<&str> = Vec::new();
            for part in all.split('<').skip(1) {
                let name = part.split(['>', ' ']).next().unwrap();
                match name.strip_prefix('/') {
                    Some(name) => assert_eq!(open.pop(), Some(name), "{all}"),
                    None => open.push(name),
                }
            }
            assert!(open.is_empty(), "{all}");
        }
    }
}

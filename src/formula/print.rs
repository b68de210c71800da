//! A syntax tree back to text, with no more parentheses than needed. Reading the text again gives the same tree.

use super::ast::{Expr, ExprKind, power};

/// The text of a formula.
pub fn text(expr: &Expr) -> String {
    let mut out = String::new();
    write(expr, power::IF, &mut out);
    out
}

/// Writes `expr` where only operators that bind at least as tightly as `least` stand without parentheses.
fn write(expr: &Expr, least: u8, out: &mut String) {
    let tight = expr.power();
    let parenthesised = tight < least;
    if parenthesised {
        out.push('(');
    }
    match &expr.kind {
        ExprKind::Bool(value) => out.push_str(if *value { "true" } else { "false" }),
        ExprKind::Int(value) => out.push_str(&value.to_string()),
        // The debug form always has a point or an exponent, so it is read as a float again.
        ExprKind::Float(value) => out.push_str(&format!("{value:?}")),
        ExprKind::Name(name) => out.push_str(name),
        ExprKind::Unary(op, a) => {
            out.push_str(op);
            if *op == "not" {
                out.push(' ');
            }
            write(a, tight, out);
        }
        ExprKind::Binary(op, a, b) => {
            let (left, right) = if *op == "**" { (tight + 1, power::SIGN) } else { (tight, tight + 1) };
            write(a, left, out);
            out.push_str(&format!(" {op} "));
            write(b, right, out);
        }
        ExprKind::Chain(first, rest) => {
            write(first, tight + 1, out);
            for (op, operand) in rest {
                out.push_str(&format!(" {op} "));
                write(operand, tight + 1, out);
            }
        }
        ExprKind::In(a, negated, items) => {
            write(a, tight + 1, out);
            out.push_str(if *negated { " not in {" } else { " in {" });
            list(items, out);
            out.push('}');
        }
        ExprKind::If(then, condition, other) => {
            write(then, tight + 1, out);
            out.push_str(" if ");
            write(condition, tight + 1, out);
            out.push_str(" else ");
            write(other, tight, out);
        }
        ExprKind::Call(name, args) => {
            out.push_str(name);
            out.push('(');
            list(args, out);
            out.push(')');
        }
        ExprKind::Index(name, indices) => {
            out.push_str(name);
            out.push('[');
            list(indices, out);
            out.push(']');
        }
    }
    if parenthesised {
        out.push(')');
    }
}

fn list(items: &[Expr], out: &mut String) {
    for (i, item) in items.iter().enumerate() {
        if i > 0 {
            out.push_str(", ");
        }
        write(item, power::IF, out);
    }
}

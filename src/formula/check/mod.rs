//! Syntax tree to typed form: names are resolved, types checked, conversions made explicit.

mod names;

use std::ops::Range;

use crate::formula::ast::{Expr, ExprKind};
use crate::formula::error::{ErrorKind, FormulaError, Wants};
use crate::formula::table::{self, ROWS};
use crate::formula::typed::{Node, Op, Operands};
use crate::formula::values::{DataDecl, Kind, Scope, Ty};

/// Named constants.
pub const CONSTANTS: [(&str, f32); 2] = [("pi", std::f32::consts::PI), ("inf", f32::INFINITY)];

/// What the checker finds out.
pub struct Checked {
    pub nodes: Vec<Node>,
    pub params: Vec<(String, Ty)>,
    pub data: Vec<DataDecl>,
}

type Typed = Result<usize, FormulaError>;

/// Checks a whole formula; the last node is its result.
pub fn check(expr: &Expr, kind: Kind, scope: &Scope) -> Result<Checked, FormulaError> {
    names::declarations(scope)?;
    let mut checker = Checker { kind, scope, nodes: Vec::new(), params: Vec::new(), data: Vec::new() };
    let root = checker.expr(expr)?;
    let found = checker.nodes[root].ty;
    let root = match (kind, found) {
        (Kind::Mask, Ty::Bool) | (Kind::Score | Kind::Probability, Ty::Float) => root,
        (Kind::Score | Kind::Probability, Ty::Int) => checker.convert(root, Ty::Float),
        _ => return Err(FormulaError::new(ErrorKind::Result { kind, found }, expr.span.clone())),
    };
    // The result is the last node even where it was shared.
    if root + 1 != checker.nodes.len() {
        let last = checker.nodes[root].clone();
        checker.nodes.push(last);
    }
    Ok(Checked { nodes: checker.nodes, params: checker.params, data: checker.data })
}

struct Checker<'a> {
    kind: Kind,
    scope: &'a Scope,
    nodes: Vec<Node>,
    params: Vec<(String, Ty)>,
    data: Vec<DataDecl>,
}

impl Checker<'_> {
    fn push(&mut self, op: Op, ty: Ty, span: &Range<usize>) -> usize {
        self.nodes.push(Node { op, ty, span: span.clone() });
        self.nodes.len() - 1
    }

    /// Applies the row of this name for these operands' exact types.
    fn apply(&mut self, name: &str, operands: &[usize], span: &Range<usize>) -> Option<usize> {
        let types: Vec<Ty> = operands.iter().map(|&id| self.nodes[id].ty).collect();
        let row = table::find(name, &types)?;
        Some(self.push(Op::Row(row as u16, Operands::new(operands)), ROWS[row].result, span))
    }

    fn convert(&mut self, id: usize, to: Ty) -> usize {
        let Node { op, ty, span } = self.nodes[id].clone();
        match (ty, to, op) {
            (Ty::Int, Ty::Float, Op::Constant(bits)) => {
                self.push(Op::Constant((bits as i32 as f32).to_bits()), to, &span)
            }
            (Ty::Int, Ty::Float, _) => self.apply("float", &[id], &span).unwrap_or(id),
            _ => id,
        }
    }

    /// Applies an overloaded operation: as it stands, else with whole numbers turned into floats.
    fn overloaded(&mut self, name: &str, operands: &[usize], span: &Range<usize>) -> Typed {
        if let Some(id) = self.apply(name, operands, span) {
            return Ok(id);
        }
        let fits = |want: Ty, have: Ty| want == have || (want == Ty::Float && have == Ty::Int);
        let types: Vec<Ty> = operands.iter().map(|&id| self.nodes[id].ty).collect();
        let row = ROWS.iter().find(|row| {
            row.name == name
                && row.operands.len() == types.len()
                && row.operands.iter().zip(&types).all(|(&w, &h)| fits(w, h))
        });
        let Some(row) = row else { return Err(self.misfit(name, operands, span)) };
        let converted: Vec<usize> = operands.iter().zip(row.operands).map(|(&id, &ty)| self.convert(id, ty)).collect();
        match self.apply(name, &converted, span) {
            Some(id) => Ok(id),
            None => Err(self.misfit(name, operands, span)),
        }
    }

    /// Why no row takes these operands: the first operand that no row with this many operands accepts.
    fn misfit(&self, name: &str, operands: &[usize], span: &Range<usize>) -> FormulaError {
        let of = if name == "pow" { "**" } else { name };
        let rows = || ROWS.iter().filter(|row| row.name == name && row.operands.len() == operands.len());
        for (i, &id) in operands.iter().enumerate() {
            let found = self.nodes[id].ty;
            let accepted = |ty: Ty| rows().any(|row| row.operands[i] == ty);
            if !(accepted(found) || found == Ty::Int && accepted(Ty::Float)) {
                let wants = match (accepted(Ty::Bool), accepted(Ty::Float)) {
                    (true, false) if !accepted(Ty::Int) => Wants::Bool,
                    (_, false) => Wants::Int,
                    _ => Wants::Number,
                };
                let kind = ErrorKind::WrongType { of: of.into(), wants, found };
                return FormulaError::new(kind, self.nodes[id].span.clone());
            }
        }
        let ty = |i: usize| operands.get(i).map_or(Ty::Bool, |&id| self.nodes[id].ty);
        let (left, right) = match operands.len() {
            3 if name == "where" => (ty(1), ty(2)),
            3 if ty(0) == ty(1) => (ty(1), ty(2)),
            _ => (ty(0), ty(1)),
        };
        FormulaError::new(ErrorKind::Mismatch { of: of.into(), left, right }, span.clone())
    }

    fn expr(&mut self, expr: &Expr) -> Typed {
        let span = &expr.span;
        Ok(match &expr.kind {
            ExprKind::Bool(value) => self.push(Op::Constant(u32::from(*value)), Ty::Bool, span),
            ExprKind::Int(value) => self.push(Op::Constant(*value as u32), Ty::Int, span),
            ExprKind::Float(value) => self.push(Op::Constant(value.to_bits()), Ty::Float, span),
            ExprKind::Name(name) => self.name(name, span)?,
            ExprKind::Unary(op, a) => self.unary(op, a, span)?,
            ExprKind::Binary(op, a, b) => {
                let operands = [self.expr(a)?, self.expr(b)?];
                match *op {
                    "**" => self.power(operands, span)?,
                    "/" => {
                        let floats = operands.map(|id| self.convert(id, Ty::Float));
                        self.overloaded("/", &floats, span)?
                    }
                    op => self.overloaded(op, &operands, span)?,
                }
            }
            ExprKind::Chain(first, rest) => self.chain(first, rest, span)?,
            ExprKind::In(a, negated, items) => self.member(a, *negated, items, span)?,
            ExprKind::If(then, condition, other) => {
                let operands = [self.expr(condition)?, self.expr(then)?, self.expr(other)?];
                self.choose("if", operands, span)?
            }
            ExprKind::Call(name, args) => self.call(name, args, span)?,
            ExprKind::Index(name, indices) => self.index(name, indices, span)?,
        })
    }

    fn unary(&mut self, op: &str, a: &Expr, span: &Range<usize>) -> Typed {
        let id = self.expr(a)?;
        match (op, self.nodes[id].ty) {
            // `~` of a truth value is "not", as in array libraries.
            ("~", Ty::Bool) => self.overloaded("not", &[id], span),
            ("+", Ty::Int | Ty::Float) => Ok(id),
            ("+", found) => {
                let kind = ErrorKind::WrongType { of: "+".into(), wants: Wants::Number, found };
                Err(FormulaError::new(kind, self.nodes[id].span.clone()))
            }
            _ => self.overloaded(op, &[id], span),
        }
    }

    /// A whole number to a whole, non-negative literal stays whole; every other power is a float.
    fn power(&mut self, [a, b]: [usize; 2], span: &Range<usize>) -> Typed {
        let whole = matches!(self.nodes[b], Node { op: Op::Constant(bits), ty: Ty::Int, .. } if bits as i32 >= 0);
        if whole && self.nodes[a].ty == Ty::Int {
            return self.overloaded("pow", &[a, b], span);
        }
        let floats = [self.convert(a, Ty::Float), self.convert(b, Ty::Float)];
        self.overloaded("pow", &floats, span)
    }

    fn chain(&mut self, first: &Expr, rest: &[(&'static str, Expr)], span: &Range<usize>) -> Typed {
        let mut left = self.expr(first)?;
        let mut from = first.span.start;
        let mut result: Option<usize> = None;
        for (op, operand) in rest {
            let right = self.expr(operand)?;
            let pair_span = if rest.len() == 1 { span.clone() } else { from..operand.span.end };
            let pair = self.overloaded(op, &[left, right], &pair_span)?;
            result = Some(match result {
                Some(before) => self.overloaded("and", &[before, pair], span)?,
                None => pair,
            });
            (left, from) = (right, operand.span.start);
        }
        Ok(result.unwrap_or(left))
    }

    /// Membership is equality with any of the items.
    fn member(&mut self, a: &Expr, negated: bool, items: &[Expr], span: &Range<usize>) -> Typed {
        let value = self.expr(a)?;
        let mut result: Option<usize> = None;
        for item in items {
            let item_id = self.expr(item)?;
            let equal = self.overloaded("==", &[value, item_id], &item.span)?;
            result = Some(match result {
                Some(before) => self.overloaded("or", &[before, equal], span)?,
                None => equal,
            });
        }
        let found = result.unwrap_or_else(|| self.push(Op::Constant(0), Ty::Bool, span));
        if negated { self.overloaded("not", &[found], span) } else { Ok(found) }
    }

    fn choose(&mut self, of: &str, operands: [usize; 3], span: &Range<usize>) -> Typed {
        self.overloaded("where", &operands, span).map_err(|mut error| {
            match &mut error.kind {
                ErrorKind::WrongType { of: name, .. } | ErrorKind::Mismatch { of: name, .. } => *name = of.into(),
                _ => {}
            }
            error
        })
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use crate::formula::compile;

    fn scope() -> Scope {
        Scope { params: vec![("strict".into(), Ty::Bool)], data: vec![] }
    }

    #[test]
    fn types_follow_python_where_they_can_be_known() {
        let ty = |text: &str| {
            let formula = compile(text, Kind::Score, &scope()).unwrap();
            // An integer result is converted at the very end.
            let nodes = formula.nodes();
            let before = nodes.len().checked_sub(2).map(|i| nodes[i].ty);
            if matches!(nodes[nodes.len() - 1].op, Op::Row(row, _) if ROWS[usize::from(row)].name == "float") {
                before.unwrap()
            } else {
                Ty::Float
            }
        };
        for (text, want) in [
            ("q / k", Ty::Float),
            ("q // k", Ty::Int),
            ("q ** 2", Ty::Int),
            ("2 ** q", Ty::Float),
            ("q ** 0.5", Ty::Float),
            ("floor(s)", Ty::Int),
            ("min(q, 1.0)", Ty::Float),
            ("q if strict else k", Ty::Int),
            ("q if strict else 0.5", Ty::Float),
            ("clamp(q, 0, 3)", Ty::Int),
        ] {
            assert_eq!(ty(text), want, "{text}");
        }
    }
}

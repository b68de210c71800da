//! Syntax tree to typed form: names are resolved, types checked, conversions made explicit.

use std::ops::Range;

use super::ast::{Expr, ExprKind};
use super::error::{ErrorKind, FormulaError, Wants};
use super::nearest::nearest;
use super::table::{self, MAX_OPERANDS, ROWS};
use super::typed::{Node, Op, Operands};
use super::values::{DataDecl, Kind, Scope, Ty, Var};

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
    declarations(scope)?;
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

/// Declared names are words, differ from each other and from the built-in ones.
fn declarations(scope: &Scope) -> Result<(), FormulaError> {
    let names: Vec<&str> = scope.params.iter().map(|p| p.0.as_str()).chain(scope.data.iter().map(|d| d.name.as_str())).collect();
    for (i, &name) in names.iter().enumerate() {
        let word = name.starts_with(|c: char| c.is_alphabetic() || c == '_')
            && name.chars().all(|c| c.is_alphanumeric() || c == '_');
        let keyword = ["and", "or", "not", "in", "if", "else", "true", "false", "True", "False"].contains(&name);
        let built_in = Var::ALL.iter().any(|v| v.1 == name) || CONSTANTS.iter().any(|c| c.0 == name) || table::is_function(name);
        if !word || keyword || built_in || names[..i].contains(&name) {
            return Err(FormulaError::new(ErrorKind::Declaration { name: name.into() }, 0..0));
        }
    }
    match scope.data.iter().find(|d| d.dims == 0 || d.dims > MAX_OPERANDS) {
        Some(d) => Err(FormulaError::new(
            ErrorKind::DataShape { name: d.name.clone(), dims: d.dims, shape: Vec::new(), entries: 0 },
            0..0,
        )),
        None => Ok(()),
    }
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
            (Ty::Int, Ty::Float, Op::Constant(bits)) => self.push(Op::Constant((bits as i32 as f32).to_bits()), to, &span),
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
            row.name == name && row.operands.len() == types.len() && row.operands.iter().zip(&types).all(|(&w, &h)| fits(w, h))
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
            ExprKind::Chain(first, rest) => self.chain(first, rest)?,
            ExprKind::In(a, negated, items) => self.member(a, *negated, items, span)?,
            ExprKind::If(then, condition, other) => {
                let operands = [self.expr(condition)?, self.expr(then)?, self.expr(other)?];
                self.choose("if", operands, span)?
            }
            ExprKind::Call(name, args) => self.call(name, args, span)?,
            ExprKind::Index(name, indices) => self.index(name, indices, span)?,
        })
    }

    fn name(&mut self, name: &str, span: &Range<usize>) -> Typed {
        if let Some(&(var, _, ty)) = Var::ALL.iter().find(|v| v.1 == name) {
            if !var.exists_in(self.kind) {
                let kind = ErrorKind::NotHere { name: name.into(), kind: self.kind };
                return Err(FormulaError::new(kind, span.clone()));
            }
            return Ok(self.push(Op::Var(var), ty, span));
        }
        if let Some(&(_, value)) = CONSTANTS.iter().find(|c| c.0 == name) {
            return Ok(self.push(Op::Constant(value.to_bits()), Ty::Float, span));
        }
        if let Some((_, ty)) = self.scope.params.iter().find(|p| p.0 == name) {
            let at = self.params.iter().position(|p| p.0 == name).unwrap_or_else(|| {
                self.params.push((name.into(), *ty));
                self.params.len() - 1
            });
            return Ok(self.push(Op::Param(at as u16), *ty, span));
        }
        let data = self.scope.data.iter().find(|d| d.name == name);
        let kind = match data {
            Some(data) => ErrorKind::NeedsIndex { name: name.into(), dims: data.dims },
            None if table::is_function(name) => ErrorKind::NeedsCall { name: name.into() },
            None => {
                let nearest = nearest(name, self.values());
                let error = FormulaError::new(ErrorKind::UnknownName { name: name.into(), nearest: nearest.clone() }, span.clone());
                return Err(nearest.into_iter().fold(error, FormulaError::suggest));
            }
        };
        Err(FormulaError::new(kind, span.clone()))
    }

    /// Every name that may stand alone or before an index here.
    fn values(&self) -> impl Iterator<Item = &str> + Clone {
        let kind = self.kind;
        let vars = Var::ALL.iter().filter(move |v| v.0.exists_in(kind)).map(|v| v.1);
        let declared = self.scope.params.iter().map(|p| p.0.as_str()).chain(self.scope.data.iter().map(|d| d.name.as_str()));
        declared.chain(vars).chain(CONSTANTS.iter().map(|c| c.0))
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

    fn chain(&mut self, first: &Expr, rest: &[(&'static str, Expr)]) -> Typed {
        let mut left = self.expr(first)?;
        let mut from = first.span.start;
        let mut result: Option<usize> = None;
        for (op, operand) in rest {
            let right = self.expr(operand)?;
            let span = from..operand.span.end;
            let pair = self.overloaded(op, &[left, right], &span)?;
            result = Some(match result {
                Some(before) => self.overloaded("and", &[before, pair], &(first.span.start..span.end))?,
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

    fn call(&mut self, name: &str, args: &[Expr], span: &Range<usize>) -> Typed {
        let name_span = span.start..span.start + name.len();
        if !table::is_function(name) {
            return Err(self.not_a_function(name, span, name_span));
        }
        let counts = || ROWS.iter().filter(|row| row.name == name).map(|row| row.operands.len());
        let least = counts().min().unwrap_or(0);
        let most = if matches!(name, "min" | "max") { usize::MAX } else { counts().max().unwrap_or(0) };
        if args.len() < least || args.len() > most {
            let kind = ErrorKind::ArgumentCount { name: name.into(), least, most, found: args.len() };
            return Err(FormulaError::new(kind, span.clone()));
        }
        let mut ids = args.iter().map(|arg| self.expr(arg)).collect::<Result<Vec<_>, _>>()?;
        match (name, ids[..].try_into()) {
            ("min" | "max", _) => {
                let mut result = ids.remove(0);
                for id in ids {
                    result = self.overloaded(name, &[result, id], span)?;
                }
                Ok(result)
            }
            ("where", Ok(operands)) => self.choose("where", operands, span),
            ("pow", _) if ids.len() == 2 => self.power([ids[0], ids[1]], span),
            _ => self.overloaded(name, &ids, span),
        }
    }

    fn not_a_function(&self, name: &str, span: &Range<usize>, name_span: Range<usize>) -> FormulaError {
        if let Some(data) = self.scope.data.iter().find(|d| d.name == name) {
            return FormulaError::new(ErrorKind::NeedsIndex { name: name.into(), dims: data.dims }, span.clone());
        }
        if self.values().any(|v| v == name) {
            return FormulaError::new(ErrorKind::NotFunction { name: name.into() }, name_span);
        }
        let nearest = nearest(name, table::function_names());
        let error = FormulaError::new(ErrorKind::UnknownFunction { name: name.into(), nearest: nearest.clone() }, name_span);
        nearest.into_iter().fold(error, FormulaError::suggest)
    }

    fn index(&mut self, name: &str, indices: &[Expr], span: &Range<usize>) -> Typed {
        let name_span = span.start..span.start + name.len();
        let Some(data) = self.scope.data.iter().find(|d| d.name == name) else {
            if self.values().any(|v| v == name) || table::is_function(name) {
                return Err(FormulaError::new(ErrorKind::NotTable { name: name.into() }, name_span));
            }
            let nearest = nearest(name, self.scope.data.iter().map(|d| d.name.as_str()));
            let error = FormulaError::new(ErrorKind::UnknownName { name: name.into(), nearest: nearest.clone() }, name_span);
            return Err(nearest.into_iter().fold(error, FormulaError::suggest));
        };
        if indices.len() != data.dims {
            let kind = ErrorKind::IndexCount { name: name.into(), dims: data.dims, found: indices.len() };
            return Err(FormulaError::new(kind, span.clone()));
        }
        let mut ids = Vec::new();
        for index in indices {
            let id = self.expr(index)?;
            let found = self.nodes[id].ty;
            if found != Ty::Int {
                let kind = ErrorKind::WrongType { of: format!("{name}[...]"), wants: Wants::Int, found };
                return Err(FormulaError::new(kind, index.span.clone()));
            }
            ids.push(id);
        }
        let at = self.data.iter().position(|d| d.name == name).unwrap_or_else(|| {
            self.data.push(data.clone());
            self.data.len() - 1
        });
        Ok(self.push(Op::Read(at as u16, Operands::new(&ids)), data.ty, span))
    }
}

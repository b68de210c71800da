//! Names, calls and tables: what a word in a formula stands for, and what is near when it stands for nothing.

use std::ops::Range;

use super::{CONSTANTS, Checker, Typed};
use crate::formula::ast::Expr;
use crate::formula::error::{ErrorKind, FormulaError, Wants};
use crate::formula::nearest::nearest;
use crate::formula::table::{self, MAX_OPERANDS, ROWS};
use crate::formula::typed::{Op, Operands};
use crate::formula::values::{Scope, Ty, Var};

/// Declared names are words, differ from each other and from the built-in ones.
pub fn declarations(scope: &Scope) -> Result<(), FormulaError> {
    let names: Vec<&str> =
        scope.params.iter().map(|p| p.0.as_str()).chain(scope.data.iter().map(|d| d.name.as_str())).collect();
    for (i, &name) in names.iter().enumerate() {
        let word = name.starts_with(|c: char| c.is_alphabetic() || c == '_')
            && name.chars().all(|c| c.is_alphanumeric() || c == '_');
        let keyword = ["and", "or", "not", "in", "if", "else", "true", "false", "True", "False"].contains(&name);
        let built_in =
            Var::ALL.iter().any(|v| v.1 == name) || CONSTANTS.iter().any(|c| c.0 == name) || table::is_function(name);
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

impl Checker<'_> {
    pub fn name(&mut self, name: &str, span: &Range<usize>) -> Typed {
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
                let error = FormulaError::new(
                    ErrorKind::UnknownName { name: name.into(), nearest: nearest.clone() },
                    span.clone(),
                );
                return Err(nearest.into_iter().fold(error, FormulaError::suggest));
            }
        };
        Err(FormulaError::new(kind, span.clone()))
    }

    /// Every name that may stand alone or before an index here.
    fn values(&self) -> impl Iterator<Item = &str> + Clone {
        let kind = self.kind;
        let vars = Var::ALL.iter().filter(move |v| v.0.exists_in(kind)).map(|v| v.1);
        let declared =
            self.scope.params.iter().map(|p| p.0.as_str()).chain(self.scope.data.iter().map(|d| d.name.as_str()));
        declared.chain(vars).chain(CONSTANTS.iter().map(|c| c.0))
    }

    pub fn call(&mut self, name: &str, args: &[Expr], span: &Range<usize>) -> Typed {
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
        let error =
            FormulaError::new(ErrorKind::UnknownFunction { name: name.into(), nearest: nearest.clone() }, name_span);
        nearest.into_iter().fold(error, FormulaError::suggest)
    }

    pub fn index(&mut self, name: &str, indices: &[Expr], span: &Range<usize>) -> Typed {
        let name_span = span.start..span.start + name.len();
        let Some(data) = self.scope.data.iter().find(|d| d.name == name) else {
            if self.values().any(|v| v == name) || table::is_function(name) {
                return Err(FormulaError::new(ErrorKind::NotTable { name: name.into() }, name_span));
            }
            let nearest = nearest(name, self.scope.data.iter().map(|d| d.name.as_str()));
            let error =
                FormulaError::new(ErrorKind::UnknownName { name: name.into(), nearest: nearest.clone() }, name_span);
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

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use crate::formula::compile;
    use crate::formula::values::{DataDecl, Kind};

    fn scope() -> Scope {
        let decl = |name: &str, ty, dims| DataDecl { name: name.into(), ty, dims };
        Scope {
            params: vec![("window".into(), Ty::Int), ("rate".into(), Ty::Float), ("strict".into(), Ty::Bool)],
            data: vec![decl("doc", Ty::Int, 1), decl("slope", Ty::Float, 1), decl("bias", Ty::Float, 2)],
        }
    }

    /// The text under the mistake, the suggestion and the message.
    fn mistake(text: &str, kind: Kind) -> (String, Option<String>, String) {
        let error = compile(text, kind, &scope()).unwrap_err();
        (text[error.span.clone()].into(), error.suggestion.clone(), error.message())
    }

    #[test]
    fn mistakes_in_masks_point_at_the_words() {
        for (text, at, suggestion, message) in [
            ("k <= q && q < 3", "&&", Some("and"), "write `and` instead of `&&`"),
            ("k = q", "=", Some("=="), "write `==` instead of `=`"),
            ("!strict", "!", Some("not"), "write `not` instead of `!`"),
            ("q - k < windw", "windw", Some("window"), "there is no name `windw`; did you mean `window`?"),
            ("kv_idx <= q", "kv_idx", Some("k"), "there is no name `kv_idx`; did you mean `k`?"),
            ("zebra < 3", "zebra", None, "there is no name `zebra`"),
            ("ab(q - k) < 3", "ab", Some("abs"), "there is no function `ab`; did you mean `abs`?"),
            ("doc == 3", "doc", None, "`doc` is a table: write `doc[...]` with 1 index"),
            ("doc(q) == 3", "doc(q)", None, "`doc` is a table: write `doc[...]` with 1 index"),
            ("abs < 3", "abs", None, "`abs` is a function: write `abs(...)`"),
            ("window(3) < 3", "window", None, "`window` is not a function"),
            ("window[3] < 3", "window", None, "`window` is not a table"),
            ("dok[3] < 3", "dok", Some("doc"), "there is no name `dok`; did you mean `doc`?"),
            ("bias[q] < 3", "bias[q]", None, "`bias` takes 2 indices, not 1"),
            (
                "doc[q / 2] < 3",
                "q / 2",
                None,
                "`doc[...]` wants a whole number here, and this is a number with decimals; `floor(...)` or `round(...)` makes it one",
            ),
            ("abs(q, k) < 3", "abs(q, k)", None, "`abs` takes 1 argument, not 2"),
            ("min(q) < 3", "min(q)", None, "`min` takes at least 2 arguments, not 1"),
            ("hash() < 3", "hash()", None, "`hash` takes 1 to 4 arguments, not 0"),
            (
                "k <= q and q",
                "q",
                None,
                "`and` wants true or false here, and this is a whole number; compare it with something, for example `... != 0`",
            ),
            (
                "(k <= q) + 1 < 3",
                "(k <= q)",
                None,
                "`+` wants a number here, and this is true or false; `where(..., 1, 0)` makes it one",
            ),
            (
                "(k <= q) == 1",
                "(k <= q) == 1",
                None,
                "`==` can't take true or false and a whole number together; `where(..., 1, 0)` makes a number of true or false",
            ),
            (
                "~rate < 3",
                "rate",
                None,
                "`~` wants a whole number here, and this is a number with decimals; `floor(...)` or `round(...)` makes it one",
            ),
            (
                "true if q else false",
                "q",
                None,
                "`if` wants true or false here, and this is a whole number; compare it with something, for example `... != 0`",
            ),
            (
                "where(strict, 1, true)",
                "where(strict, 1, true)",
                None,
                "`where` can't take a whole number and true or false together; `where(..., 1, 0)` makes a number of true or false",
            ),
            ("s > 0", "s", None, "a mask does not see the score `s`: it is decided before scores exist"),
            (
                "q - k",
                "q - k",
                None,
                "a mask must be true or false, and this is a whole number; compare it with something, for example `... > 0`",
            ),
            ("k ≤ q", "≤", Some("<="), "write `<=` instead of `≤`"),
            ("k <= q; true", ";", None, "formulas have no `;`"),
        ] {
            let want = (at.to_owned(), suggestion.map(str::to_owned), message.to_owned());
            assert_eq!(mistake(text, Kind::Mask), want, "{text}");
        }
    }

    #[test]
    fn mistakes_in_scores_and_probabilities() {
        assert_eq!(
            mistake("k <= q", Kind::Score).2,
            "a score must be a number, and this is true or false; write for example `where(..., s, -inf)`"
        );
        assert_eq!(
            mistake("s * 2", Kind::Probability).2,
            "a probability formula sees the weight `p`, not the score `s`"
        );
        assert_eq!(mistake("score * 2", Kind::Score).1.as_deref(), Some("s"));
    }

    #[test]
    fn columns_count_characters() {
        let text = "值 + windw > 0";
        let scope = Scope { params: vec![("值".into(), Ty::Int), ("window".into(), Ty::Int)], data: vec![] };
        let error = compile(text, Kind::Mask, &scope).unwrap_err();
        assert_eq!((error.span.clone(), error.characters(text), error.column(text)), (6..11, 4..9, 5));
    }

    #[test]
    fn declarations_must_be_names_of_their_own() {
        for name in ["q", "abs", "pi", "and", "2x", "", "a b"] {
            let scope = Scope { params: vec![(name.into(), Ty::Int)], data: vec![] };
            let error = compile("true", Kind::Mask, &scope).unwrap_err();
            assert_eq!(error.kind, ErrorKind::Declaration { name: name.into() });
        }
    }
}

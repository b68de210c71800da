//! Formulas joined at the level of the syntax tree. What is joined is a formula like any other: its text is printed, read again and compiled by everyone.

use super::FormulaError;
use super::ast::{Expr, ExprKind};
use super::{parser, print};

/// A syntax tree without places in a text, to be joined with others.
#[derive(Clone, Debug)]
pub struct Tree(Expr);

impl Tree {
    /// Reads a formula.
    ///
    /// # Errors
    /// What cannot be read; names and types are not looked at.
    pub fn parse(text: &str) -> Result<Self, FormulaError> {
        parser::parse(text).map(Self)
    }

    /// Always or never.
    pub fn truth(value: bool) -> Self {
        node(ExprKind::Bool(value))
    }

    /// A variable or a parameter.
    pub fn name(name: &str) -> Self {
        node(ExprKind::Name(name.to_owned()))
    }

    /// Whether the head `h` is one of `heads`, in any order; runs of neighbours become ranges.
    pub fn head_in(heads: &[usize]) -> Self {
        let mut sorted = heads.to_vec();
        sorted.sort_unstable();
        sorted.dedup();
        let mut runs: Vec<[usize; 2]> = Vec::new();
        for head in sorted {
            match runs.last_mut() {
                Some([_, last]) if *last + 1 == head => *last = head,
                _ => runs.push([head, head]),
            }
        }
        let h = || Self::name("h").0;
        let number = |head: usize| node(ExprKind::Int(i32::try_from(head).unwrap_or(i32::MAX))).0;
        let (single, long): (Vec<_>, Vec<_>) = runs.into_iter().partition(|[from, to]| to - from < 2);
        let listed: Vec<Expr> = single.into_iter().flat_map(|[from, to]| from..=to).map(number).collect();
        let listed = match listed.len() {
            0 => Self::truth(false),
            1 => node(ExprKind::Chain(h().into(), listed.into_iter().map(|head| ("==", head)).collect())),
            _ => node(ExprKind::In(h().into(), false, listed)),
        };
        long.into_iter().fold(listed, |all, [from, to]| {
            let within = if from == 0 {
                ExprKind::Chain(h().into(), vec![("<=", number(to))])
            } else {
                ExprKind::Chain(number(from).into(), vec![("<=", h()), ("<=", number(to))])
            };
            all.or(node(within))
        })
    }

    /// Both.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        match (self.known(), other.known()) {
            (Some(true), _) | (_, Some(false)) => other,
            (Some(false), _) | (_, Some(true)) => self,
            _ => self.chain("and", other.0),
        }
    }

    /// One of them at least.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        match (self.known(), other.known()) {
            (Some(false), _) | (_, Some(true)) => other,
            (Some(true), _) | (_, Some(false)) => self,
            _ => self.chain("or", other.0),
        }
    }

    /// `self` where `condition` holds, else `other`.
    #[must_use]
    pub fn where_else(self, condition: Self, other: Self) -> Self {
        match condition.known() {
            Some(true) => self,
            Some(false) => other,
            None => node(ExprKind::If(self.0.into(), condition.0.into(), other.0.into())),
        }
    }

    /// The parameters, variables and tables that `rename` knows under another name, under that name.
    #[must_use]
    pub fn renamed(mut self, rename: &dyn Fn(&str) -> Option<String>) -> Self {
        walk(&mut self.0, &mut |kind| {
            if let ExprKind::Name(name) | ExprKind::Index(name, _) = kind
                && let Some(other) = rename(name)
            {
                *name = other;
            }
        });
        self
    }

    /// With `value` in the place of every mention of `name`.
    #[must_use]
    pub fn with(mut self, name: &str, value: &Self) -> Self {
        walk(&mut self.0, &mut |kind| {
            if matches!(kind, ExprKind::Name(found) if found == name) {
                *kind = value.0.kind.clone();
            }
        });
        self
    }

    /// With every reading of the table `name` turned into one of the list `list`, which holds its entries row by row: the indices,
    /// each kept inside its extent, become one place; `read` makes the entry of what the list gives.
    #[must_use]
    pub fn flattened(mut self, name: &str, list: &str, shape: &[usize], read: impl Fn(Self) -> Self) -> Self {
        let int = |x: usize| node(ExprKind::Int(i32::try_from(x).unwrap_or(i32::MAX))).0;
        walk(&mut self.0, &mut |kind| {
            let ExprKind::Index(found, indices) = kind else { return };
            if found != name || indices.len() != shape.len() {
                return;
            }
            let clamped = |(index, &extent): (&Expr, &usize)| {
                let limits = vec![index.clone(), int(0), int(extent.saturating_sub(1))];
                node(ExprKind::Call("clamp".to_owned(), limits)).0
            };
            let mut places = indices.iter().zip(shape).map(clamped);
            let first = places.next().unwrap_or_else(|| int(0));
            let place = places.zip(&shape[1..]).fold(first, |outer, (inner, &extent)| {
                let row = node(ExprKind::Binary("*", outer.into(), int(extent).into())).0;
                node(ExprKind::Binary("+", row.into(), inner.into())).0
            });
            *kind = read(node(ExprKind::Index(list.to_owned(), vec![place]))).0.kind;
        });
        self
    }

    /// Whether it is `name` with something added that does not mention it, whichever case holds.
    pub fn adds_to(&self, name: &str) -> bool {
        let free = |part: &Expr| {
            let mut free = true;
            walk(&mut part.clone(), &mut |kind| free &= !matches!(kind, ExprKind::Name(found) if found == name));
            free
        };
        let of = |part: &Expr| Self(part.clone()).adds_to(name);
        match &self.0.kind {
            ExprKind::Name(found) => found == name,
            ExprKind::Binary("+", a, b) => of(a) && free(b) || free(a) && of(b),
            ExprKind::Binary("-", a, b) => of(a) && free(b),
            ExprKind::If(a, condition, b) => of(a) && of(b) && free(condition),
            _ => false,
        }
    }

    /// As a number with decimals.
    #[must_use]
    pub fn float(self) -> Self {
        node(ExprKind::Call("float".to_owned(), vec![self.0]))
    }

    /// Whether it is another number than 0.
    #[must_use]
    pub fn nonzero(self) -> Self {
        node(ExprKind::Chain(self.0.into(), vec![("!=", node(ExprKind::Int(0)).0)]))
    }

    pub(super) fn expr(&self) -> &Expr {
        &self.0
    }

    /// The text, with no more parentheses than needed.
    pub fn text(&self) -> String {
        print::text(&self.0)
    }

    /// `self op other`, grouped to the left, so that it prints without parentheses.
    fn chain(self, op: &'static str, other: Expr) -> Self {
        match other.kind {
            ExprKind::Binary(same, a, b) if same == op => self.chain(op, *a).chain(op, *b),
            _ => node(ExprKind::Binary(op, self.0.into(), other.into())),
        }
    }

    fn known(&self) -> Option<bool> {
        match self.0.kind {
            ExprKind::Bool(value) => Some(value),
            _ => None,
        }
    }
}

impl std::ops::Not for Tree {
    type Output = Self;

    /// Its contrary.
    fn not(self) -> Self {
        match self.0.kind {
            ExprKind::Bool(value) => Self::truth(!value),
            ExprKind::Unary("not", inner) => Self(*inner),
            ExprKind::In(a, negated, items) => node(ExprKind::In(a, !negated, items)),
            // Of whole numbers only: a comparison with NaN has no such contrary, and none of ours is one of `h` alone.
            ExprKind::Chain(first, rest) if matches!((&first.kind, &rest[..]), (ExprKind::Name(h), [("==", _)]) if h == "h") => {
                node(ExprKind::Chain(first, rest.into_iter().map(|(_, head)| ("!=", head)).collect()))
            }
            kind => node(ExprKind::Unary("not", Box::new(node(kind).0))),
        }
    }
}

/// A part that stands nowhere in a text.
fn node(kind: ExprKind) -> Tree {
    Tree(Expr { kind, span: 0..0 })
}

/// Visits every part after those inside it, so that what a visit puts in its place is not visited. The parser bounds the depth.
fn walk(expr: &mut Expr, visit: &mut impl FnMut(&mut ExprKind)) {
    match &mut expr.kind {
        ExprKind::Bool(_) | ExprKind::Int(_) | ExprKind::Float(_) | ExprKind::Name(_) => {}
        ExprKind::Unary(_, a) => walk(a, visit),
        ExprKind::Binary(_, a, b) => {
            walk(a, visit);
            walk(b, visit);
        }
        ExprKind::Chain(first, rest) => {
            walk(first, visit);
            rest.iter_mut().for_each(|(_, operand)| walk(operand, visit));
        }
        ExprKind::In(a, _, items) => {
            walk(a, visit);
            items.iter_mut().for_each(|item| walk(item, visit));
        }
        ExprKind::If(a, b, c) => [a, b, c].into_iter().for_each(|part| walk(part, visit)),
        ExprKind::Call(_, parts) | ExprKind::Index(_, parts) => parts.iter_mut().for_each(|part| walk(part, visit)),
    }
    visit(&mut expr.kind);
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
mod tests {
    use super::*;

    fn tree(text: &str) -> Tree {
        Tree::parse(text).unwrap()
    }

    #[test]
    fn joined_formulas_read_as_they_were_meant() {
        let (a, b) = (|| tree("k <= q or k < 2"), || tree("k > 3 and q < 9"));
        assert_eq!(a().and(b()).text(), "(k <= q or k < 2) and k > 3 and q < 9");
        assert_eq!(a().or(!b()).text(), "k <= q or k < 2 or not (k > 3 and q < 9)");
        assert_eq!((!!a()).text(), a().text());
        let heads = a().where_else(Tree::head_in(&[3]), b());
        assert_eq!(heads.text(), "k <= q or k < 2 if h == 3 else k > 3 and q < 9");
        assert_eq!(heads.and(tree("true")).and(tree("q != 1 if k < 2 else false")).text().matches('(').count(), 2);
        assert_eq!(tree("true").or(a()).text(), "true");
        assert_eq!(tree("false").or(a()).text(), a().text());
        assert_eq!(Tree::truth(false).and(a()).text(), "false");
    }

    #[test]
    fn heads_are_named_shortly() {
        for (heads, text, contrary) in [
            (&[2][..], "h == 2", "h != 2"),
            (&[5, 2], "h in {2, 5}", "h not in {2, 5}"),
            (&[0, 1], "h in {0, 1}", "h not in {0, 1}"),
            (&[2, 0, 1, 1], "h <= 2", "not h <= 2"),
            (&[3, 4, 5, 6, 9], "h == 9 or 3 <= h <= 6", "not (h == 9 or 3 <= h <= 6)"),
            (&[], "false", "true"),
        ] {
            assert_eq!((Tree::head_in(heads).text(), (!Tree::head_in(heads)).text()), (text.into(), contrary.into()));
        }
    }

    #[test]
    fn a_table_becomes_a_list() {
        let text = tree("kept[h, q // 2, kept[0, q, k]] and doc[k] == 1")
            .flattened("kept", "kept_list", &[4, 8, 8], Tree::nonzero)
            .text();
        let inner = "kept_list[(clamp(0, 0, 3) * 8 + clamp(q, 0, 7)) * 8 + clamp(k, 0, 7)] != 0";
        assert_eq!(
            text,
            format!(
                "kept_list[(clamp(h, 0, 3) * 8 + clamp(q // 2, 0, 7)) * 8 + clamp({inner}, 0, 7)] != 0 and doc[k] == 1"
            )
        );
        assert_eq!(tree("s * 2 + s").with("s", &tree("s - k")).text(), "(s - k) * 2 + (s - k)");
    }

    #[test]
    fn parameters_and_tables_get_other_names_and_functions_keep_theirs() {
        let text = "doc[max(k, w)] == w if q < w and k in {w, 2} else not strict";
        let rename = |name: &str| ["w", "doc", "max"].contains(&name).then(|| format!("{name}_2"));
        let renamed = tree(text).renamed(&rename).text();
        assert_eq!(renamed, "doc_2[max(k, w_2)] == w_2 if q < w_2 and k in {w_2, 2} else not strict");
    }
}

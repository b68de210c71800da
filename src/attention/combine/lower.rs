//! Many patterns become one formula: their syntax trees are joined, and where two of them use one name for different things, the later one's gets
//! another name.

use std::sync::Arc;

use super::{Chooser, Pattern};
use crate::attention::problem::Term;
use crate::experiment::{Issue, Join, Layer, message};
use crate::formula::{self, Data, DataDecl, ErrorKind, FormulaError, Kind, Scalar, Scope, Sorted, Tree};

/// See [`super::Lower`].
pub fn lower(chooser: &mut Chooser, base: Pattern, layers: &[Layer]) -> (Option<Term>, Vec<Term>) {
    let mut joint = Joint { term: Term::new("combine", ""), mask: Tree::truth(true), scores: Vec::new() };
    joint.layer(chooser, base, Join::And, false, None);
    for (i, layer) in layers.iter().enumerate() {
        let Layer { op, not, heads, id, params, custom } = layer;
        let pattern = chooser.pattern(id, params, custom.as_ref(), &format!("combine[{i}]"));
        joint.layer(chooser, pattern, *op, *not, heads.as_deref());
    }
    let Joint { mut term, mask, scores } = joint;
    term.text = mask.text();
    if chooser.issues.is_empty()
        && let Err(error) = compiled(&term, Kind::Mask)
    {
        // Every pattern was understood by itself: together they are too long.
        chooser.issues.push(Issue::new("combine", together(&error)));
    }
    let scores = scores.into_iter().map(|score| {
        let text = score.formula.where_else(score.on, Tree::name("s")).text();
        Term { text, ..score.term }
    });
    ((term.text != "true").then_some(term), scores.collect())
}

/// What has been joined so far.
struct Joint {
    /// Parameters and tables of the mask, under the names that it uses.
    term: Term,
    mask: Tree,
    scores: Vec<Score>,
}

/// A pattern's part of the score.
struct Score {
    term: Term,
    formula: Tree,
    /// Where it counts: on the pairs that its pattern allows, on its heads, as long as no other pattern takes its place.
    on: Tree,
}

impl Joint {
    fn layer(&mut self, chooser: &mut Chooser, pattern: Pattern, op: Join, not: bool, heads: Option<&[usize]>) {
        let Pattern { mask, score } = pattern;
        let own = mask.as_ref().map_or_else(|| Some(Tree::truth(true)), |term| read(chooser, term, Kind::Mask));
        let formula = score.as_ref().map(|term| read(chooser, term, Kind::Score));
        let Some(own) = own else { return };
        let on = heads.map_or_else(|| Tree::truth(true), Tree::head_in);
        if op == Join::Replace {
            for score in &mut self.scores {
                let before = std::mem::replace(&mut score.on, Tree::truth(true));
                score.on = before.and(!on.clone());
            }
        }
        if let (Some(term), Some(Some(formula)), false) = (score, formula, not) {
            self.scores.push(Score { term, formula, on: own.clone().and(on.clone()) });
        }
        let own = match &mask {
            Some(term) => own.renamed(&self.take(term)),
            None => own,
        };
        let own = if not { !own } else { own };
        let before = std::mem::replace(&mut self.mask, Tree::truth(true));
        self.mask = match op {
            Join::And => before.and((!on).or(own)),
            Join::Or => before.or(on.and(own)),
            Join::Replace => own.where_else(on, before),
        };
    }

    /// Takes over what a formula reads; the names that were taken, with those that they get instead.
    fn take(&mut self, term: &Term) -> impl Fn(&str) -> Option<String> + use<> {
        let mut others: Sorted<String, String> = Sorted::new();
        let free = |all: &Term, name: &str| {
            let taken =
                |name: &str| [all, term].iter().any(|t| t.params.contains_key(name) || t.data.contains_key(name));
            (2..).map(|n| format!("{name}_{n}")).find(|other| !taken(other)).unwrap_or_default()
        };
        for (name, value) in &term.params {
            // The seed is everybody's.
            let shared = name == "seed" && self.term.params.get(name) == Some(value);
            if shared {
                continue;
            }
            let other = if self.knows(name) { free(&self.term, name) } else { name.clone() };
            self.term.params.insert(other.clone(), *value);
            others.insert(name.clone(), other);
        }
        for (name, data) in &term.data {
            if self.term.data.get(name).is_some_and(|known| same(known, data)) {
                continue;
            }
            let other = if self.knows(name) { free(&self.term, name) } else { name.clone() };
            self.term.data.insert(other.clone(), data.clone());
            others.insert(name.clone(), other);
        }
        move |name| others.get(name).cloned()
    }

    fn knows(&self, name: &str) -> bool {
        self.term.params.contains_key(name) || self.term.data.contains_key(name)
    }
}

fn same(a: &Arc<Data>, b: &Arc<Data>) -> bool {
    Arc::ptr_eq(a, b) || a == b
}

/// The tree of a formula that compiles; otherwise an issue at its own path.
fn read(chooser: &mut Chooser, term: &Term, kind: Kind) -> Option<Tree> {
    match compiled(term, kind).and_then(|_| Tree::parse(&term.text)) {
        Ok(tree) => Some(tree),
        Err(error) => {
            let error = error.with_index(crate::catalogue::index_of);
            chooser.issues.push(Issue::new(term.path.clone(), error.to_string()));
            None
        }
    }
}

fn compiled(term: &Term, kind: Kind) -> Result<formula::Formula, FormulaError> {
    let params = term.params.iter().map(|(name, value): (&String, &Scalar)| (name.clone(), value.ty()));
    let data = term.data.iter();
    let data = data.map(|(name, data)| DataDecl { name: name.clone(), ty: data.values.ty(), dims: data.shape.len() });
    formula::compile(&term.text, kind, &Scope { params: params.collect(), data: data.collect() })
}

fn together(error: &FormulaError) -> crate::experiment::Message {
    match error.kind {
        ErrorKind::TooManyParts { limit } => message!(
            "these patterns together need more than the {limit} parts that a formula may have",
            "这些模式合在一起超过了一条公式最多 {limit} 个部分的限制"
        ),
        _ => {
            let why = error.message();
            message!("these patterns don't go into one formula: {why}", "这些模式无法合成一条公式（{why}）")
        }
    }
}

//! Many patterns become one formula: their syntax trees are joined, and where two of them use one name for different things, the later one's gets
//! another name.

use std::sync::Arc;

use super::{Chooser, Pattern};
use crate::attention::problem::Term;
use crate::experiment::{Issue, Join, Layer, message};
use crate::formula::{self, Data, DataDecl, ErrorKind, FormulaError, Kind, Scalar, Scope, Sorted, Tree};

/// See [`super::Lower`].
pub fn lower(chooser: &mut Chooser, base: Pattern, layers: &[Layer]) -> (Option<Term>, Vec<Term>) {
    let joint = join(chooser, base, layers);
    let mask = Term { text: joint.mask.text(), ..joint.names.term };
    if chooser.issues.is_empty()
        && let Err(error) = compiled(&mask, Kind::Mask)
    {
        // Every pattern was understood by itself: together they are too long.
        chooser.issues.push(Issue::new("combine", together(&error)));
    }
    let scores = joint.scores.into_iter().map(|score| Term { text: score.tree().text(), ..score.term });
    ((mask.text != "true").then_some(mask), scores.collect())
}

/// Joins a pattern and the layers over it. What is wrong with one of them is an issue at its own path.
pub fn join(chooser: &mut Chooser, base: Pattern, layers: &[Layer]) -> Joint {
    let mut joint = Joint { names: Names::new("combine"), mask: Tree::truth(true), scores: Vec::new(), patterns: 0 };
    joint.layer(chooser, base, Join::And, false, None);
    for (i, layer) in layers.iter().enumerate() {
        let Layer { op, not, heads, id, params, custom } = layer;
        let pattern = chooser.pattern(id, params, custom.as_ref(), &format!("combine[{i}]"));
        joint.layer(chooser, pattern, *op, *not, heads.as_deref());
    }
    joint
}

/// What has been joined so far.
pub struct Joint {
    /// What the mask reads.
    pub names: Names,
    /// The mask.
    pub mask: Tree,
    /// The patterns' parts of the score.
    pub scores: Vec<Score>,
    patterns: usize,
}

/// A pattern's part of the score.
pub struct Score {
    /// Which pattern: 0 is the base.
    pub pattern: usize,
    /// What it reads.
    pub term: Term,
    formula: Tree,
    /// Where it counts: on the pairs that its pattern allows, on its heads, as long as no other pattern takes its place.
    on: Tree,
}

impl Score {
    /// The part alone, as if it counted everywhere.
    pub fn formula(&self) -> Tree {
        self.formula.clone()
    }

    /// The whole formula: the score as it was where the part does not count.
    pub fn tree(&self) -> Tree {
        self.formula.clone().where_else(self.on.clone(), Tree::name("s"))
    }
}

impl Joint {
    fn layer(&mut self, chooser: &mut Chooser, pattern: Pattern, op: Join, not: bool, heads: Option<&[usize]>) {
        let Pattern { mask, score } = pattern;
        let at = self.patterns;
        self.patterns += 1;
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
            self.scores.push(Score { pattern: at, term, formula, on: own.clone().and(on.clone()) });
        }
        let own = match &mask {
            Some(term) => own.renamed(&self.names.take(at, term)),
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
}

/// What formulas that become one read, each thing under a name of its own.
pub struct Names {
    /// Parameters and tables under the names that the one formula uses.
    pub term: Term,
    /// Of each parameter: the pattern it comes from, its name there, and its name here.
    pub origin: Vec<(usize, String, String)>,
}

impl Names {
    /// Nothing yet; issues with the whole are at `path`.
    pub fn new(path: &str) -> Self {
        Self { term: Term::new(path, ""), origin: Vec::new() }
    }

    /// Takes over what a formula reads; the names that were taken, with those that they get instead.
    pub fn take(&mut self, pattern: usize, term: &Term) -> impl Fn(&str) -> Option<String> + use<> {
        let mut others: Sorted<String, String> = Sorted::new();
        for (name, value) in &term.params {
            // The seed is everybody's.
            if name == "seed" && self.term.params.get(name) == Some(value) {
                continue;
            }
            let other = self.free(name, term);
            self.term.params.insert(other.clone(), *value);
            self.origin.push((pattern, name.clone(), other.clone()));
            others.insert(name.clone(), other);
        }
        for (name, data) in &term.data {
            if self.term.data.get(name).is_some_and(|known| same(known, data)) {
                continue;
            }
            let other = self.free(name, term);
            self.term.data.insert(other.clone(), data.clone());
            others.insert(name.clone(), other);
        }
        move |name| others.get(name).cloned()
    }

    /// `name`, or the first of `name_2`, `name_3`, … that neither what was taken over nor `term` uses.
    fn free(&self, name: &str, term: &Term) -> String {
        let known = |term: &Term, name: &str| term.params.contains_key(name) || term.data.contains_key(name);
        if !known(&self.term, name) {
            return name.to_owned();
        }
        let taken = |name: &String| known(&self.term, name) || known(term, name);
        (2..).map(|n| format!("{name}_{n}")).find(|other| !taken(other)).unwrap_or_default()
    }
}

fn same(a: &Arc<Data>, b: &Arc<Data>) -> bool {
    Arc::ptr_eq(a, b) || a == b
}

/// The tree of a formula that compiles; otherwise an issue at its own path.
pub fn read(chooser: &mut Chooser, term: &Term, kind: Kind) -> Option<Tree> {
    match compiled(term, kind).and_then(|_| Tree::parse(&term.text)) {
        Ok(tree) => Some(tree),
        Err(error) => {
            let error = error.with_index(crate::catalogue::index_of);
            chooser.issues.push(Issue::new(term.path.clone(), error.to_string()));
            None
        }
    }
}

pub fn compiled(term: &Term, kind: Kind) -> Result<formula::Formula, FormulaError> {
    let params = term.params.iter().map(|(name, value): (&String, &Scalar)| (name.clone(), value.ty()));
    let data = term.data.iter();
    let data = data.map(|(name, data)| DataDecl { name: name.clone(), ty: data.values.ty(), dims: data.shape.len() });
    formula::compile(&term.text, kind, &Scope { params: params.collect(), data: data.collect() })
}

pub fn together(error: &FormulaError) -> crate::experiment::Message {
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

//! What becomes of formulas that become the user's own: their parameters are declared with the ranges that they had, tables that no parameters make become
//! lists, and parts of the score go where they mean the same.

use std::sync::Arc;

use super::lower::{Names, read, together};
use crate::attention::assemble::{self, begin};
use crate::attention::choose::Chooser;
use crate::attention::dims::Dims;
use crate::attention::problem::Term;
use crate::attention::values::plain;
use crate::catalogue::{self, Text};
use crate::experiment::{Choice, CustomFormula, Declared, Experiment, Message, SoftcapOrder, limits, shortest};
use crate::formula::{Data, Kind, Scalar, Tree, Ty};

/// Where a parameter comes from: its range and step.
pub type Ranges<'a> = &'a dyn Fn(usize, &str) -> Option<Declared>;

/// Formulas of the user's own on their way.
pub struct Open<'a> {
    /// What is chosen, as terms.
    pub chooser: Chooser<'a>,
    experiment: &'a Experiment,
}

impl<'a> Open<'a> {
    /// Nothing yet.
    ///
    /// # Errors
    /// Sizes that don't fit, and what is wrong with the mask.
    pub fn new(experiment: &'a Experiment, dims: Dims) -> Result<Self, Message> {
        // With nothing chosen yet: offset and sizes are checked, and that is all.
        let (_, chooser) = begin(experiment, dims).map_err(|issues| issues.message())?;
        Ok(Self { chooser, experiment })
    }

    /// Whether nothing is wrong so far.
    ///
    /// # Errors
    /// The first thing that is.
    pub fn sound(&self) -> Result<(), Message> {
        self.chooser.issues.first().map_or(Ok(()), |issue| Err(issue.message.clone()))
    }

    /// A formula of the user's own that reads what `names` holds. A table that the catalogue would not make of these parameters becomes a list
    /// of `next`'s own, for the sizes as they are now.
    ///
    /// # Errors
    /// A table too large for a list, and a formula too long.
    pub fn formula(
        &mut self,
        names: Names,
        mut tree: Tree,
        kind: Kind,
        ranges: Ranges,
        next: &mut Experiment,
    ) -> Result<CustomFormula, Message> {
        let Names { term, origin } = names;
        let params: Vec<Declared> = origin
            .iter()
            .filter_map(|(pattern, old, new)| {
                let value = match *term.params.get(new)? {
                    Scalar::Bool(on) => f64::from(u8::from(on)),
                    Scalar::Int(x) => f64::from(x),
                    Scalar::Float(x) => f64::from(x),
                };
                let known = ranges(*pattern, old)?;
                // The value as it was set has fewer digits than what 32 bits hold.
                let value = if known.value as f32 == value as f32 { known.value } else { shortest(value) };
                let (min, max) = (known.min.min(value), known.max.max(value));
                Some(Declared { name: new.clone(), min, max, value, ..known })
            })
            .collect();
        let mut own = CustomFormula { text: tree.text(), params };
        let made = self.chooser.custom(&own, "mask.custom");
        for (name, data) in &term.data {
            if made.data.get(name).is_some_and(|made| made == data) || !mentions(&own.text, name) {
                continue;
            }
            tree = listed(tree, name, data, next)?;
        }
        own.set_text(tree.text(), kind, &next.data);
        let scope = crate::experiment::scope(&own, &next.data);
        crate::formula::compile(&own.text, kind, &scope).map_err(|error| together(&error))?;
        Ok(own)
    }

    /// What other fields do to the score after the first part that comes from fields with one of these names, up to the score formula of the user's own.
    fn after(&self, fields: &[&str]) -> Result<Vec<Tree>, Message> {
        // What comes after that formula in any case.
        let (none, softmax) = (Choice::of("none"), Choice::of("softmax"));
        let plain =
            Experiment { hybrid: none.clone(), selection: none, normaliser: softmax, ..self.experiment.clone() };
        let problem = assemble::problem(&plain, self.chooser.dims).map_err(|issues| issues.message())?;
        let own = |term: &&Term| fields.iter().any(|field| term.path == *field);
        let terms = problem.bias_before_cap.iter().chain(&problem.bias).skip_while(|term| !own(term));
        let others = terms.filter(|term| !own(term)).take_while(|term| !term.path.starts_with("score"));
        others.map(|term| Tree::parse(&term.text).map_err(|error| together(&error))).collect()
    }

    /// Puts the parts of the score that come from `fields` before the score formula of the user's own.
    ///
    /// # Errors
    /// Why they can't stand there.
    pub fn score(
        &mut self,
        parts: Vec<(usize, Tree, Term)>,
        fields: &[&str],
        ranges: Ranges,
        next: &mut Experiment,
    ) -> Result<(), Message> {
        if parts.is_empty() {
            return Ok(());
        }
        let after = self.after(fields)?;
        let adds = |tree: &Tree| tree.adds_to("s");
        if !(after.is_empty() || parts.iter().all(|(_, part, _)| adds(part)) && after.iter().all(adds)) {
            return Err(Text::new(
                "It stands before another part of the score that does more than add to it, and can't come after that: take the position scheme, the product or the pattern that comes after it out first.",
                "它位于分数的另一部分之前，而那一部分不只是相加，因此它不能移到其后：请先去掉其后的位置方案、乘积或模式。",
            )
            .into());
        }
        // What stands before the softcap takes it along: a score formula of one's own comes after it.
        let capped = self.experiment.softcap != 0.0 && self.experiment.conventions.softcap == SoftcapOrder::AfterBias;
        self.formula_of_score(parts, capped, ranges, next)
    }

    /// Puts parts of the score, and with `capped` the softcap, before the score formula of the user's own.
    ///
    /// # Errors
    /// What is wrong with that formula, and why they don't go into one.
    pub fn formula_of_score(
        &mut self,
        parts: Vec<(usize, Tree, Term)>,
        capped: bool,
        ranges: Ranges,
        next: &mut Experiment,
    ) -> Result<(), Message> {
        let softcap = self.experiment.softcap;
        let own = self.experiment.score.as_ref();
        let mut names = Names::new("score");
        let mut tree = Tree::name("s");
        let last = own.map(|own| self.chooser.custom(own, "score"));
        let last = match last {
            Some(term) => {
                let read = read(&mut self.chooser, &term, Kind::Score);
                self.sound()?;
                read.map(|tree| (usize::MAX, tree, term))
            }
            None => None,
        };
        let cap = Term::new("score", "softcap * tanh(s / softcap)").param("softcap", Scalar::Float(softcap as f32));
        let cap = match Tree::parse(&cap.text) {
            Ok(tree) if capped => Some((CAP, tree, cap)),
            _ => None,
        };
        if capped {
            next.softcap = 0.0;
        }
        for (pattern, part, term) in parts.into_iter().chain(cap).chain(last) {
            tree = part.renamed(&names.take(pattern, &term)).with("s", &tree);
        }
        let all = |pattern: usize, name: &str| match own {
            Some(own) if pattern == usize::MAX => own.params.iter().find(|param| param.name == name).cloned(),
            _ if pattern == CAP => {
                let (name, ty) = (name.to_owned(), Ty::Float);
                Some(Declared { name, ty, min: 0.5, max: 50.0, step: 0.5, value: softcap })
            }
            _ => ranges(pattern, name),
        };
        next.score = Some(self.formula(names, tree, Kind::Score, &all, next)?);
        Ok(())
    }
}

/// The softcap among the patterns.
const CAP: usize = usize::MAX - 1;

fn mentions(text: &str, name: &str) -> bool {
    crate::attention::values::names(text).any(|word| word == name)
}

/// Turns a table into a list of the user's own.
fn listed(tree: Tree, name: &str, data: &Arc<Data>, next: &mut Experiment) -> Result<Tree, Message> {
    let held: usize = next.data.values().map(Vec::len).sum();
    if held + data.values.len() > limits::TABLE_NUMBERS {
        return Err(Text::new(
            "Two patterns read tables of one name, and one of them is too large to become a list.",
            "两个模式读取同名的表，其中一个过大，无法转成列表。",
        )
        .into());
    }
    let ty = data.values.ty();
    let free = |list: &String| !next.data.contains_key(list) && catalogue::table(list).is_none();
    let list = (1..).map(|n| format!("{name}_list{n}")).find(free).unwrap_or_default();
    let tree = tree.flattened(name, &list, &data.shape, |read| match ty {
        Ty::Bool => read.nonzero(),
        Ty::Int => read,
        Ty::Float => read.float(),
    });
    next.data.insert(list, plain(&data.values));
    Ok(tree)
}

//! What was chosen, as formulas of the user's own: the mask with all that is joined with it as one formula, a position scheme as a score formula.
//! What is computed stays the same.

use std::sync::Arc;

use super::lower::{Names, join, read, together};
use crate::attention::assemble::begin;
use crate::attention::choose::Chooser;
use crate::attention::dims::Dims;
use crate::attention::problem::{Problem, Term};
use crate::attention::values::plain;
use crate::catalogue::{self, Param, Slot, Text};
use crate::experiment::{Choice, CustomFormula, Declared, Experiment, MaskChoice, Message, SoftcapOrder, limits};
use crate::formula::{Data, Kind, Scalar, Sorted, Tree, Ty};

/// The experiment with its mask, and whatever is joined with it, as one formula of the user's own.
///
/// # Errors
/// Why it can't be said so.
pub fn own_mask(experiment: &Experiment, dims: Dims) -> Result<Experiment, Message> {
    let mut open = Open::new(experiment, dims)?;
    let MaskChoice { id, params, custom } = &experiment.mask;
    let base = open.chooser.pattern(id, params, custom.as_ref(), "mask");
    let joint = join(&mut open.chooser, base, &experiment.combine);
    open.sound()?;
    let ranges = |pattern: usize, name: &str| match pattern.checked_sub(1).and_then(|i| experiment.combine.get(i)) {
        Some(layer) => range(&layer.id, layer.custom.as_ref(), name),
        None => range(id, custom.as_ref(), name),
    };
    let mut next = experiment.clone();
    let formula = open.formula(joint.names, joint.mask, Kind::Mask, &ranges, &mut next)?;
    next.mask = MaskChoice { id: "custom".to_owned(), params: Sorted::new(), custom: Some(formula) };
    next.combine = Vec::new();
    // Alone, a pattern's part counts everywhere: cells painted over the mask have it too.
    let alone = experiment.combine.is_empty();
    let parts = joint.scores.into_iter();
    let parts = parts.map(|score| (score.pattern, if alone { score.formula() } else { score.tree() }, score.term));
    let parts = parts.collect();
    open.score(parts, &ranges, &mut next)?;
    Ok(next)
}

/// The experiment with its position scheme as a score formula of the user's own.
///
/// # Errors
/// Why it can't be said so.
pub fn own_position(experiment: &Experiment, dims: Dims) -> Result<Experiment, Message> {
    let mut open = Open::new(experiment, dims)?;
    let entry = catalogue::position(&experiment.position.id).filter(|entry| matches!(entry.slot, Slot::Score { .. }));
    let Some(entry) = entry else {
        return Err(Text::new("This scheme is no score formula.", "该方案不是评分公式。").into());
    };
    let mut problem = Problem::plain(dims);
    open.chooser.position(&mut problem, entry.id, &experiment.position.params, "position");
    open.sound()?;
    let mut parts = Vec::new();
    for term in problem.bias.into_iter().chain(problem.bias_before_cap) {
        if let Some(tree) = read(&mut open.chooser, &term, Kind::Score) {
            parts.push((0, tree, term));
        }
    }
    let mut next = Experiment { position: Choice::of("none"), ..experiment.clone() };
    open.score(parts, &|_, name| declared(entry.params, name), &mut next)?;
    Ok(next)
}

/// Where a parameter comes from: its range and step.
type Ranges<'a> = &'a dyn Fn(usize, &str) -> Option<Declared>;

/// The declaration of a parameter of an entry or of a formula of the user's own.
fn range(id: &str, custom: Option<&CustomFormula>, name: &str) -> Option<Declared> {
    match custom {
        Some(own) => own.params.iter().find(|param| param.name == name).cloned(),
        None => declared(catalogue::mask(id)?.params, name),
    }
}

fn declared(params: &[Param], name: &str) -> Option<Declared> {
    let Param { ty, min, max, step, default, .. } = *params.iter().find(|param| param.name == name)?;
    Some(Declared { name: name.to_owned(), ty, min, max, step, value: default })
}

struct Open<'a> {
    chooser: Chooser<'a>,
    experiment: &'a Experiment,
}

impl<'a> Open<'a> {
    fn new(experiment: &'a Experiment, dims: Dims) -> Result<Self, Message> {
        // With nothing chosen yet: offset and sizes are checked, and that is all.
        let (_, chooser) = begin(experiment, dims).map_err(|issues| issues.message())?;
        Ok(Self { chooser, experiment })
    }

    fn sound(&self) -> Result<(), Message> {
        self.chooser.issues.first().map_or(Ok(()), |issue| Err(issue.message.clone()))
    }

    /// A formula of the user's own that reads what `names` holds. A table that the catalogue would not make of these parameters becomes a list
    /// of `next`'s own, for the sizes as they are now.
    fn formula(
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

    /// Whether parts that stood before the position bias of `next` may come after it: all of them only add something.
    fn commute(&mut self, parts: &[(usize, Tree, Term)], next: &Experiment) -> bool {
        let slot = catalogue::position(&next.position.id).map(|entry| entry.slot);
        let Some(Slot::Score { formula, .. }) = slot else { return true };
        let adds = |tree: &Tree| tree.adds_to("s");
        parts.iter().all(|(_, part, _)| adds(part)) && Tree::parse(formula).is_ok_and(|tree| adds(&tree))
    }

    /// Puts parts of the score before the score formula of the user's own.
    fn score(&mut self, parts: Vec<(usize, Tree, Term)>, ranges: Ranges, next: &mut Experiment) -> Result<(), Message> {
        if parts.is_empty() {
            return Ok(());
        }
        // What stands before the softcap takes it along: a score formula of one's own comes after it.
        let softcap = self.experiment.softcap;
        let capped = softcap != 0.0 && self.experiment.conventions.softcap == SoftcapOrder::AfterBias;
        if capped && !self.commute(&parts, next) {
            return Err(Text::new(
                "It stands before a position bias and the softcap, and can't come after the bias: set the softcap to 0 first, or let it come before the biases.",
                "它位于位置偏置和软上限之前，且不能移到偏置之后：请先把软上限设为 0，或改为在偏置之前。",
            )
            .into());
        }
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

/// A number with decimals as it was typed: the shortest that 32 bits hold as the same.
fn shortest(value: f64) -> f64 {
    [1e2, 1e4, 1e6, 1e8]
        .into_iter()
        .map(|places| (value * places).round() / places)
        .find(|short| *short as f32 == value as f32)
        .unwrap_or(value)
}

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

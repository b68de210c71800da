//! What was chosen, as formulas of the user's own: the mask with all that is joined with it as one formula, or one joined pattern by itself; a position scheme
//! and a softcap as a score formula; a mix of layers as one more joined pattern; a change of the weights. What is computed stays the same.

use super::lower::{Names, join, read, together};
use super::open::Open;
use super::opening::NOTHING;
use crate::attention::assemble;
use crate::attention::dims::Dims;
use crate::attention::problem::{Problem, Term};
use crate::catalogue::{self, Param, Slot, Text};
use crate::experiment::{Choice, CustomFormula, Declared, Experiment, FormulaChoice, Join, Layer, MaskChoice, Message};
use crate::formula::{Kind, Sorted, Tree};

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
    let fields: Vec<String> = (0..experiment.combine.len()).map(|i| format!("combine[{i}]")).collect();
    let fields: Vec<&str> = fields.iter().map(String::as_str).chain(["mask"]).collect();
    open.score(parts, &fields, &ranges, &mut next)?;
    Ok(next)
}

/// The experiment with the pattern `at` of those joined with its mask as a formula of the user's own, in its place. Its part of the score goes into the score
/// formula of the user's own.
///
/// # Errors
/// Why it can't be said so.
pub fn own_joined(experiment: &Experiment, dims: Dims, at: usize) -> Result<Experiment, Message> {
    let layer = experiment.combine.get(at).filter(|layer| catalogue::mask(&layer.id).is_some());
    let layer = layer.ok_or(NOTHING)?;
    let mut open = Open::new(experiment, dims)?;
    let MaskChoice { id, params, custom } = &experiment.mask;
    let base = open.chooser.pattern(id, params, custom.as_ref(), "mask");
    let joint = join(&mut open.chooser, base, &experiment.combine);
    let path = format!("combine[{at}]");
    let pattern = open.chooser.mask(&layer.id, &layer.params, &path);
    let term = pattern.mask.unwrap_or_else(|| Term::new(&path, "true"));
    let tree = read(&mut open.chooser, &term, Kind::Mask);
    open.sound()?;
    let ranges = |_: usize, name: &str| range(&layer.id, None, name);
    let mut names = Names::new(&path);
    let tree = tree.ok_or(NOTHING)?.renamed(&names.take(0, &term));
    let said = tree.text();
    let mut next = experiment.clone();
    let mut formula = open.formula(names, tree, Kind::Mask, &ranges, &mut next)?;
    if formula.text == said {
        // Nothing got another name: as the entry writes it.
        formula.text = term.text;
    }
    let custom = Some(formula);
    next.combine[at] = Layer { id: "custom".to_owned(), params: Sorted::new(), custom, ..layer.clone() };
    // Counted from the base.
    let own = joint.scores.into_iter().filter(|score| score.pattern == at + 1);
    let parts = own.map(|score| (score.pattern, score.tree(), score.term)).collect();
    open.score(parts, &[&path], &ranges, &mut next)?;
    Ok(next)
}

/// The experiment with its mix of layers as one more pattern joined with the mask.
///
/// # Errors
/// Why it can't be said so.
pub fn own_mix(experiment: &Experiment, dims: Dims) -> Result<Experiment, Message> {
    let mix = catalogue::mix(&experiment.layers.id).filter(|mix| !mix.bare);
    let (mix, text) = mix.and_then(|mix| Some((mix, mix.mask?))).ok_or(NOTHING)?;
    let scored = catalogue::mask(&experiment.mask.id).is_some_and(|entry| entry.score.is_some());
    if scored && experiment.combine.is_empty() && !experiment.paint.is_empty() {
        // Alone, the mask's part of the score counts on painted cells too.
        return Err(Text::new(
            "The mask changes scores on painted cells too, which it would not do as one of several: open the formula of the mask first.",
            "该掩码也修改涂画单元的分数，作为多个模式之一时则不会：请先展开掩码的公式。",
        )
        .into());
    }
    let mut open = Open::new(experiment, dims)?;
    let mut problem = Problem::plain(dims);
    open.chooser.layers(&mut problem, mix.id, &experiment.layers.params, "layers");
    open.sound()?;
    let term = problem.masks.pop().ok_or(NOTHING)?;
    let tree = Tree::parse(text).map_err(|error| together(&error))?;
    let mut names = Names::new("layers");
    let tree = tree.renamed(&names.take(0, &term));
    let mut next = Experiment { layers: Choice::of("same"), ..experiment.clone() };
    let formula = open.formula(names, tree, Kind::Mask, &|_, name| declared(mix.params, name), &mut next)?;
    next.combine.push(Layer { custom: Some(formula), ..Layer::of(Join::And, "custom") });
    Ok(next)
}

/// The experiment with what is done to its weights as a formula of the user's own.
pub fn own_probability(experiment: &Experiment) -> Experiment {
    let custom = Some(experiment.prob.own_probability());
    Experiment { prob: FormulaChoice { custom, ..FormulaChoice::of("custom") }, ..experiment.clone() }
}

/// The experiment with its softcap as the first part of the score formula of the user's own.
///
/// # Errors
/// Why it can't be said so.
pub fn own_softcap(experiment: &Experiment, dims: Dims) -> Result<Experiment, Message> {
    let problem = assemble::problem(experiment, dims).map_err(|issues| issues.message())?;
    if problem.bias.iter().any(|term| !["score", "normaliser"].contains(&term.path.split('.').next().unwrap_or(""))) {
        return Err(Text::new(
            "Biases are added between the softcap and a score formula of your own: let the softcap come after the biases first (under Conventions).",
            "软上限与自定义分数公式之间还有偏置：请先（在“约定”中）让软上限位于偏置之后。",
        )
        .into());
    }
    let mut open = Open::new(experiment, dims)?;
    let mut next = experiment.clone();
    open.formula_of_score(Vec::new(), experiment.softcap != 0.0, &|_, _| None, &mut next)?;
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
        return Err(Text::new("This scheme is no score formula.", "该方案不是分数公式。").into());
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
    open.score(parts, &["position"], &|_, name| declared(entry.params, name), &mut next)?;
    Ok(next)
}

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

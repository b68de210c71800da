//! A second branch beside the attention of an experiment or a request: the problem that has its mask, and the mix. The page fetches this with the rest of the
//! catalogue, as it does with `lowering`.

use super::assemble;
use super::choose::Chooser;
use super::lowering::{Making, hybrid};
use super::problem::Problem;
use crate::catalogue::{self, Text};
use crate::experiment::{Choice, Experiment, FormulaChoice, Issue, Issues, MaskChoice};

/// Makes the problem that has a second mask.
pub type Other<'a> = &'a dyn Fn() -> Result<Problem, Issues>;

/// Mixes the second branch of an experiment into its problem, which is otherwise complete.
pub fn of_experiment(chooser: &mut Chooser, problem: &mut Problem, experiment: &Experiment) {
    let dims = chooser.dims;
    let scale = assemble::scale(experiment, &dims, &mut chooser.issues);
    let Choice { id, params } = experiment.branch.clone();
    let second = Experiment {
        mask: MaskChoice { id, params, custom: None },
        combine: Vec::new(),
        paint: Vec::new(),
        selection: Choice::of("none"),
        // Done to the sum.
        prob: FormulaChoice::of("none"),
        hybrid: Choice::of("none"),
        edits: Vec::new(),
        ..experiment.clone()
    };
    let other = || assemble::problem(&second, dims).map_err(at_branch);
    let Experiment { hybrid, branch_a, branch, .. } = experiment;
    mix(chooser, problem, [hybrid, branch_a, branch], scale, &other);
}

/// Mixes a second branch into a problem that is otherwise complete, or two into one whose own attention is none of them. `scale` is the factor on the products of an estimator; `other` makes the problem with a mask in the
/// place of the mask, what is joined with it and painted over it, and the selection.
pub fn mix(
    chooser: &mut Chooser,
    problem: &mut Problem,
    [entry, first, branch]: [&Choice; 3],
    scale: f32,
    other: Other,
) {
    let what = Text::new("hybrid", "混合方式");
    let found = chooser.by_content(catalogue::hybrids(), what, &entry.id, &entry.params, "hybrid");
    let Some((entry, params)) = found.filter(|(entry, _)| !entry.params.is_empty()) else { return };
    if !chooser.issues.is_empty() {
        return;
    }
    let term = chooser.term("", entry.params, &[], &params, "hybrid");
    let making = Making { params: &params, seed: chooser.seed, term: &term, table: &mut |_| None };
    if let Err(issues) = hybrid(problem, [first, branch], &making, scale, other) {
        chooser.issues.extend(issues.0);
    }
}

/// Issues of a mask where it is a branch's.
pub fn at_branch(issues: Issues) -> Issues {
    let at = |issue: Issue| match issue.path.strip_prefix("mask") {
        Some(rest) => Issue { path: format!("branch{rest}"), ..issue },
        None => issue,
    };
    Issues(issues.0.into_iter().map(at).collect())
}

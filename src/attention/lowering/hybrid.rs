//! A second branch beside the experiment's own attention.

use super::super::estimators::{direction_of, fits};
use super::super::problem::{Normaliser, Problem};
use super::super::second::Other;
use super::branches::{beside, join};
use super::{Derived, Finish, Lowering, Making, Step};
use crate::catalogue::{self, Measure, Text};
use crate::experiment::{Choice, Issue, Issues};
use crate::formula::Ty;

/// The table of gates and gated outputs.
const TABLE: &str = "blend";

/// Mixes `branch` into `problem`: a mask, of which `other` makes the problem that has it in the place of its own, or an estimator with `scale` on its products.
///
/// # Errors
/// What keeps the two apart, at the field it comes from.
pub fn hybrid(problem: &mut Problem, branch: &Choice, making: &Making, scale: f32, other: Other) -> Result<(), Issues> {
    let step = |kind| {
        let mut params = making.params.clone();
        let gate = params.remove("gate").unwrap_or_default();
        params.insert("gate_0".to_owned(), gate);
        Step { kind, params, seed: making.seed, path: making.term.path.clone() }
    };
    if catalogue::mask(&branch.id).is_some() {
        return masks(problem, other()?, step(Measure::Branches));
    }
    let given = problem.lowering.as_ref().map_or(problem.dims, |lowering| lowering.dims);
    // Most look back only; of the others a mask of whatever kind says that they are not to look ahead.
    let causal = direction_of(branch, !problem.masks.is_empty()).unwrap_or(true);
    let estimator = fits(branch, given, causal, scale, "branch").map_err(at_branch)?;
    let lowering = problem.lowering.get_or_insert_with(|| Box::new(Lowering::new(given)));
    let step = step(Measure::Blend);
    let estimator = Some(estimator);
    let (name, ty) = (TABLE.to_owned(), Ty::Float);
    lowering.tables.push(Derived { name, ty, step, data: None, branches: Vec::new(), estimator });
    lowering.finish.push(Finish::Blend { values: Vec::new() });
    Ok(())
}

/// Two attentions that differ in their masks.
fn masks(problem: &mut Problem, mut other: Problem, step: Step<Measure>) -> Result<(), Issues> {
    let (own, theirs) = (problem.lowering.take(), other.lowering.take());
    let none = Lowering::new(problem.dims);
    let (a, b) = (own.as_deref().unwrap_or(&none), theirs.as_deref().unwrap_or(&none));
    let same = problem.dims == other.dims && a.transforms == b.transforms && a.finish == b.finish;
    // A table that reads scores is one of the keys that the mask allows: the other branch would need one of its own.
    let known = b.tables.iter().all(|table| a.tables.contains(table) && !table.reads_scores());
    let alone = problem.clone();
    problem.lowering = own;
    if !(same && known) {
        let text = Text::new(
            "has no second mask beside a selection that changes the keys, or positions that count the allowed ones",
            "若选择方式会改变键，或位置方案依赖可见的键，则不能再有第二种掩码",
        );
        return Err(Issue::new("branch.id", text).into());
    }
    match problem.normaliser {
        Normaliser::Softmax | Normaliser::OffByOne => join(problem, vec![alone, other], step),
        // Their weights are no exponentials that a score could carry.
        _ => beside(problem, alone, other, Step { kind: Measure::Beside, ..step }),
    }
    Ok(())
}

/// Issues of an estimator where it is no estimator but a branch.
fn at_branch(issues: Issues) -> Issues {
    let at = |issue: Issue| Issue {
        path: if issue.path == "is_causal" { "branch.id".to_owned() } else { issue.path },
        ..issue
    };
    Issues(issues.0.into_iter().map(at).collect())
}

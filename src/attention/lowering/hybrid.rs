//! A second branch beside the experiment's own attention.

use super::super::estimators::{direction_of, fits};
use super::super::problem::{Normaliser, Problem};
use super::super::second::Other;
use super::branches::{beside, join};
use super::{Derived, Finish, Lowering, Making, Step, terms_mut};
use crate::catalogue::{self, Measure, Text};
use crate::experiment::{Choice, Issue, Issues};
use crate::formula::{Tree, Ty};

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
    let known = b.tables.iter().all(|table| a.tables.contains(table));
    // A table that reads scores is one of the keys that the mask allows: the other branch has one of its own. What the values' side adds is made of the sum of
    // the weights.
    let of_scores = b.tables.iter().filter(|table| table.reads_scores() && !table.reads_weights());
    let theirs: Vec<Derived> = of_scores.map(|table| again(&mut other, table)).collect();
    let alone = Problem { probability: None, ..problem.clone() };
    other.probability = None;
    problem.lowering = own;
    if !(same && known) {
        let text = Text::new(
            "has no second mask beside a selection that changes the keys",
            "若选择方式会改变键，则不能再有第二种掩码",
        );
        return Err(Issue::new("branch.id", text).into());
    }
    match problem.normaliser {
        Normaliser::Softmax | Normaliser::OffByOne if theirs.is_empty() => join(problem, vec![alone, other], step),
        // Their weights are no exponentials that a score could carry.
        _ => beside(problem, alone, other, theirs, Step { kind: Measure::Beside, ..step }),
    }
    Ok(())
}

/// A table of a second branch under another name, which `problem` then reads. A formula that can't be read keeps the old one: the compiler will say so.
fn again(problem: &mut Problem, table: &Derived) -> Derived {
    let name = format!("{}_2", table.name);
    for term in terms_mut(problem) {
        let waits = term.data.get(&table.name).is_some_and(|data| data.shape.is_empty());
        if let (true, Ok(tree)) = (waits, Tree::parse(&term.text)) {
            term.text = tree.renamed(&|found| (found == table.name).then(|| name.clone())).text();
            if let Some(data) = term.data.remove(&table.name) {
                term.data.insert(name.clone(), data);
            }
        }
    }
    Derived { name, ..table.clone() }
}

/// Issues of an estimator where it is no estimator but a branch.
fn at_branch(issues: Issues) -> Issues {
    let at = |issue: Issue| Issue {
        path: if issue.path == "is_causal" { "branch.id".to_owned() } else { issue.path },
        ..issue
    };
    Issues(issues.0.into_iter().map(at).collect())
}

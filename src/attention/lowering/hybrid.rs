//! A second branch beside the experiment's own attention.

use super::super::estimators::{direction_of, fits};
use super::super::problem::{Normaliser, Problem};
use super::super::second::Other;
use super::branches::{beside, join};
use super::{Derived, Finish, Lowering, Making, Step, terms_mut};
use crate::catalogue::{self, ATTENTION, Measure, Text};
use crate::experiment::{Choice, Issue, Issues};
use crate::formula::{Tree, Ty};

/// The table of gates and gated outputs.
const TABLE: &str = "blend";

/// Mixes `second` into `problem`: a mask, of which `other` makes the problem that has it in the place of its own, or an estimator with `scale` on its products.
/// `first` is the attention of `problem`, or an estimator in its place: beside a mask, attention under that mask is then what runs, beside an estimator nothing of
/// attention is left in the output.
///
/// # Errors
/// What keeps the two apart, at the field it comes from.
pub fn hybrid(
    problem: &mut Problem,
    [first, second]: [&Choice; 2],
    making: &Making,
    scale: f32,
    other: Other,
) -> Result<(), Issues> {
    let step = |kind| {
        let mut params = making.params.clone();
        let gate = params.remove("gate").unwrap_or_default();
        params.insert("gate_0".to_owned(), gate);
        Step { kind, params, seed: making.seed, path: making.term.path.clone() }
    };
    let (estimated, masked) = (first.id != ATTENTION, catalogue::mask(&second.id).is_some());
    if masked && !estimated {
        return masks(problem, other()?, step(Measure::Branches));
    }
    let given = problem.lowering.as_ref().map_or(problem.dims, |lowering| lowering.dims);
    // Most look back only; of the others a mask of whatever kind says that they are not to look ahead.
    let looks_back = !problem.masks.is_empty();
    let estimator = |branch: &Choice, path: &str| {
        let causal = direction_of(branch, looks_back).unwrap_or(true);
        fits(branch, given, causal, scale, path).map_err(|issues| at_branch(issues, path))
    };
    let first = estimated.then(|| estimator(first, "branch_a")).transpose()?;
    let second = (!masked).then(|| estimator(second, "branch")).transpose()?;
    if masked {
        // What is done to the weights is done to those that are left.
        let probability = problem.probability.take();
        *problem = Problem { probability, ..other()? };
    }
    let lowering = problem.lowering.get_or_insert_with(|| Box::new(Lowering::new(given)));
    let step = step(Measure::Blend);
    let (name, ty) = (TABLE.to_owned(), Ty::Float);
    lowering.tables.push(Derived { name, ty, step, data: None, branches: Vec::new(), estimators: [first, second] });
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

/// Issues of an estimator where it is no estimator but the branch at this path.
fn at_branch(issues: Issues, path: &str) -> Issues {
    let at = |issue: Issue| Issue {
        path: if issue.path == "is_causal" { format!("{path}.id") } else { issue.path },
        ..issue
    };
    Issues(issues.0.into_iter().map(at).collect())
}

//! Several attentions over the same keys, each with masks and a gate of its own, joined to one problem that every engine runs as it is.
//!
//! With gates `g_i` and the log-sum-exp `L_i` of branch `i`, the weights `Σ_i g_i P_i` of a pair are `e^s · Σ_{i sees the pair} g_i e^(−L_i)`: those of
//! one softmax over the scores `s + ln Σ_{i sees the pair} g_i e^(−L_i)`, times `Σ_i g_i` over the branches that have any key. The logarithms depend on the row
//! and on which branches see the pair alone, so a small table of them is computed before the run (`measure::branches`), and its first entry is that last factor.
//! Where branches differ in their scores too, each score has its own logarithm added, and the two are added up as exponents.

use std::sync::Arc;

use super::super::combine::Names;
use super::super::problem::{Normaliser, Problem, Term};
use super::{Derived, Lowering, Step, waiting};
use crate::catalogue::Measure;
use crate::experiment::Patch;
use crate::formula::{Data, DataValues, FormulaError, Scalar, Sorted, Tree, Ty};

/// Name of the table.
const TABLE: &str = "branches";

/// Turns `problem` into the gated sum of `branches`, which have its sizes and wait for nothing but the tables of its lowering. `step` has a gate for each
/// branch, `gate_0` and so on; the one that is missing takes what the others leave.
///
/// What is done to the weights of `problem` is done to the sum. A formula that can't be read leaves everything as it is: the compiler will say so.
pub fn join(problem: &mut Problem, mut branches: Vec<Problem>, step: Step<Measure>) {
    let share = format!("p * {TABLE}[b, h, q, 0]");
    let (Ok(mixed), Ok(probability)) = (mixed(&mut branches, &step.path), over(&share, problem, &step.path)) else {
        return;
    };
    let Mixed { masks, scores, last } = mixed;
    problem.masks = masks;
    problem.paint.clear();
    match scores {
        Some([before_cap, bias]) => (problem.bias_before_cap, problem.bias) = (before_cap, bias),
        None => {
            (problem.bias_before_cap, problem.bias) = (Vec::new(), Vec::new());
            problem.softcap = None;
        }
    }
    problem.bias.push(last);
    problem.probability = Some(probability);
    (problem.normaliser, problem.sink) = (Normaliser::Softmax, None);
    let lowering = problem.lowering.get_or_insert_with(|| Box::new(Lowering::new(problem.dims)));
    let ty = Ty::Float;
    lowering.tables.push(Derived { name: TABLE.to_owned(), ty, step, data: None, branches, estimators: [None; 2] });
    lowering.order();
}

/// The table that is computed later.
fn table() -> Sorted<String, Arc<Data>> {
    Sorted::from([(TABLE.to_owned(), Arc::new(waiting(DataValues::Float(Vec::new()))))])
}

struct Mixed {
    masks: Vec<Term>,
    /// The scores that all branches share, before and after the softcap; none if they share none.
    scores: Option<[Vec<Term>; 2]>,
    /// The last part of the score.
    last: Term,
}

/// Turns `first`, which is `problem` without its lowering, into its gated sum with the weights of `second`, whatever the normaliser: where weights are no exponentials over
/// their sum, those of the second branch become a table of every pair. Keys that the first does not see score so little that they weigh nothing there.
/// `theirs` are tables that the second alone reads.
pub fn beside(problem: &mut Problem, first: Problem, second: Problem, theirs: Vec<Derived>, step: Step<Measure>) {
    let mut branches = vec![first, second];
    let sum = format!("p * {TABLE}[b, h, q, 0] + {TABLE}[b, h, q, k + 1]");
    let (Ok(parts), Ok(probability)) = (parts(&mut branches, &step.path), over(&sum, problem, &step.path)) else {
        return;
    };
    let Parts { masks, mut own, names, .. } = parts;
    let sees = own.swap_remove(0).text();
    problem.masks = masks;
    problem.paint.clear();
    if sees != "true" || !theirs.is_empty() {
        // Keys that a table of its own rules out may count in the second branch.
        let text = format!("s if ({sees}) and not s < {NOTHING} else {NOTHING}");
        let mut last = Term { text, ..names.term };
        last.data.remove(TABLE);
        problem.bias.push(last);
    }
    problem.probability = Some(probability);
    let lowering = problem.lowering.get_or_insert_with(|| Box::new(Lowering::new(problem.dims)));
    let ty = Ty::Float;
    lowering.tables.extend(theirs);
    lowering.tables.push(Derived { name: TABLE.to_owned(), ty, step, data: None, branches, estimators: [None; 2] });
    lowering.order();
}

/// The formula that makes the sum of the weights, and does to it what `problem` does to its weights.
fn over(sum: &str, problem: &Problem, path: &str) -> Result<Term, FormulaError> {
    let mut names = Names::new(path);
    names.term.data = table();
    let Some(own) = &problem.probability else { return Ok(Term { text: sum.to_owned(), ..names.term }) };
    let own_names = names.take(0, own);
    let text = Tree::parse(&own.text)?.renamed(&own_names).with("p", &Tree::parse(sum)?).text();
    Ok(Term { text, path: own.path.clone(), ..names.term })
}

/// A score so low that no normaliser gives it a weight, and yet a number: a key of minus infinity is out of the probability formula's reach.
const NOTHING: &str = "-1e30";

/// What the branches see.
struct Parts {
    /// What all of them ask, and that one of them sees the pair.
    masks: Vec<Term>,
    /// What each asks for itself.
    own: Vec<Tree>,
    /// What these read.
    names: Names,
    /// How many formulas that is.
    count: usize,
}

fn parts(branches: &mut [Problem], path: &str) -> Result<Parts, FormulaError> {
    if branches.iter().any(|branch| !branch.paint.is_empty()) {
        branches.iter_mut().for_each(unpaint);
    }
    let in_all = |mask: &Term| branches.iter().all(|branch| branch.masks.contains(mask));
    let mut masks: Vec<Term> = Vec::new();
    for mask in branches.iter().flat_map(|branch| &branch.masks).filter(|mask| in_all(mask)) {
        if !masks.contains(mask) {
            masks.push(mask.clone());
        }
    }
    let mut names = Names::new(path);
    // A parameter of its name gets another.
    names.term.data = table();
    let mut count = 0;
    let mut own = Vec::with_capacity(branches.len());
    for branch in &*branches {
        let mut all = Tree::truth(true);
        for mask in branch.masks.iter().filter(|mask| !masks.contains(mask)) {
            all = all.and(Tree::parse(&mask.text)?.renamed(&names.take(count, mask)));
            count += 1;
        }
        own.push(all);
    }
    let union = own.iter().cloned().fold(Tree::truth(false), Tree::or).text();
    if union != "true" {
        let mut mask = Term { text: union, ..names.term.clone() };
        mask.data.remove(TABLE);
        masks.push(mask);
    }
    Ok(Parts { masks, own, names, count })
}

fn mixed(branches: &mut [Problem], path: &str) -> Result<Mixed, FormulaError> {
    let Parts { masks, own, mut names, count: mut parts } = self::parts(branches, path)?;
    let scores_of = |branch: &Problem| (branch.bias_before_cap.clone(), branch.softcap, branch.bias.clone());
    let [first, others @ ..] = &*branches else { return Ok(nothing(masks, path)) };
    if others.iter().all(|other| scores_of(other) == scores_of(first)) {
        let bit = |(i, sees): (usize, &Tree)| format!("({} if ({}) else 0)", 1 << i, sees.text());
        let place: Vec<String> = own.iter().enumerate().map(bit).collect();
        let text = format!("s + {TABLE}[b, h, q, {}]", place.join(" + "));
        let last = Term { text, ..names.term };
        let scores = Some([first.bias_before_cap.clone(), first.bias.clone()]);
        return Ok(Mixed { masks, scores, last });
    }
    let mut all: Option<(Tree, Tree)> = None;
    for (i, (branch, sees)) in branches.iter().zip(own).enumerate() {
        let mut score = Tree::name("s");
        let cap = branch.softcap.map(|cap| Term::new(path, "cap * tanh(s / cap)").param("cap", Scalar::Float(cap)));
        for term in branch.bias_before_cap.iter().chain(&cap).chain(&branch.bias) {
            score = Tree::parse(&term.text)?.renamed(&names.take(parts, term)).with("s", &score);
            parts += 1;
        }
        let score = format!("({}) + {TABLE}[b, h, q, {}]", score.text(), 1 << i);
        let score = Tree::parse(&score)?;
        all = Some(match all {
            None => (score, sees),
            Some((before, seen)) => {
                let sum = Tree::parse("max(one, other) + log(1.0 + exp(-abs(one - other)))")?;
                let both = sum.with("one", &before).with("other", &score);
                let either = before.where_else(!sees.clone(), score.where_else(!seen.clone(), both));
                (either, seen.or(sees))
            }
        });
    }
    let text = all.map_or_else(|| "s".to_owned(), |(score, _)| score.text());
    Ok(Mixed { masks, scores: None, last: Term { text, ..names.term } })
}

/// Of no branches: nothing is added.
fn nothing(masks: Vec<Term>, path: &str) -> Mixed {
    Mixed { masks, scores: None, last: Term::new(path, "s") }
}

/// Painted rectangles as part of every mask: what is painted over one branch alone can't stand over the sum.
pub fn unpaint(problem: &mut Problem) {
    let paint = std::mem::take(&mut problem.paint);
    if paint.is_empty() {
        return;
    }
    if problem.masks.is_empty() {
        problem.masks.push(Term::new("paint", "true"));
    }
    for mask in &mut problem.masks {
        let over = |text: String, Patch { head, q, k, allow }: &Patch| {
            let head = head.map_or_else(String::new, |head| format!("h == {head} and "));
            let [[q, q_end], [k, k_end]] = [q, k];
            format!("{allow} if {head}{q} <= q and q < {q_end} and {k} <= k and k < {k_end} else ({text})")
        };
        mask.text = paint.iter().fold(std::mem::take(&mut mask.text), over);
    }
}

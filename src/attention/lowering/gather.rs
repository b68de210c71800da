//! Entries of the catalogue turned into the steps of a lowering and the terms that read their tables.

use std::sync::Arc;

use super::super::problem::{Problem, Term};
use super::branches::{join, unpaint};
use super::{Derived, Finish, Lowering, Making, Step, Transform, change, terms_mut, waiting};
use crate::catalogue::{Change, Content, Fold, Measure};
use crate::formula::{DataValues, Scalar, Sorted, Ty};

/// The factor on Q·K as formulas of content read it.
const FACTOR: &str = "factor";

/// Tells the formulas of content the factor on Q·K, once it is known.
pub fn seal(problem: &mut Problem) {
    let scale = problem.scale;
    for term in terms_mut(problem).filter(|term| term.data.values().any(|data| data.shape.is_empty())) {
        if let Some(factor) = term.params.get_mut(FACTOR) {
            *factor = Scalar::Float(scale);
        }
    }
}

/// A formula over `n_k` tokens as one over other columns, which stand where the token `last` does, a formula of `k`. Of the tables `spared`, an index that is
/// `k` and nothing else stays the column, where the term waits for them: a list of the user's may have the name of one.
fn of_tokens(term: &Term, last: &str, n_k: usize, spared: &[String]) -> String {
    let text = term.text.as_str();
    let of_columns = |name: &str| {
        spared.iter().any(|spared| spared == name) && term.data.get(name).is_some_and(|data| data.shape.is_empty())
    };
    let mut out = String::with_capacity(text.len());
    let letter = |c: char| c.is_alphanumeric() || c == '_';
    // For every open bracket, whether its indices are those of a spared table.
    let (mut open, mut before): (Vec<bool>, &str) = (Vec::new(), "");
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let word = rest.find(|c: char| !letter(c)).unwrap_or(rest.len());
        let end = if word > 0 { word } else { first.len_utf8() };
        let (part, after) = rest.split_at(end);
        match part {
            "[" | "(" => open.push(part == "[" && of_columns(before)),
            "]" | ")" => drop(open.pop()),
            _ => {}
        }
        let column =
            open.last() == Some(&true) && [",", "["].contains(&before) && after.trim_start().starts_with([',', ']']);
        match part {
            "k" if !column => out += last,
            "n_k" => out += &n_k.to_string(),
            other => out += other,
        }
        if !part.trim().is_empty() {
            before = part;
        }
        rest = after;
    }
    out
}

/// Names of the tables that `of` says are computed for columns, not for tokens.
fn spared(lowering: &Lowering, of: impl Fn(&Derived) -> bool) -> Vec<String> {
    lowering.tables.iter().filter(|table| of(table)).map(|table| table.name.clone()).collect()
}

/// Makes formulas over tokens ones over tokens and the blocks after them. Masks let blocks pass, since branches say for themselves who sees them; scores and changes of
/// weights take a block where its last token stands. Rectangles painted over the tokens become part of the masks.
fn appended(problem: &mut Problem, lowering: &Lowering, block: usize) {
    let tokens = problem.dims.n_k;
    unpaint(problem);
    for mask in &mut problem.masks {
        let text = of_tokens(mask, &format!("min(k, {})", tokens - 1), tokens, &[]);
        mask.text = format!("k >= {tokens} or ({text})");
    }
    let last = format!("(k if k < {tokens} else min((k - {tokens}) * {block} + {}, {}))", block - 1, tokens - 1);
    // What is made of a pair's own rows of Q and K is made of a block's as well.
    let of_keys =
        |table: &Derived| matches!(table.step.kind, Measure::Additive | Measure::Path | Measure::PlaceToContent);
    let spared = spared(lowering, of_keys);
    let Problem { bias_before_cap, bias, probability, .. } = problem;
    for term in bias_before_cap.iter_mut().chain(bias).chain(probability) {
        term.text = of_tokens(term, &last, tokens, &spared);
    }
}

/// Adds what `content` does to a problem.
pub fn gather(problem: &mut Problem, content: &Content, making: &mut Making) {
    let Making { params, seed, term, table } = making;
    let seed = *seed;
    let mut params: Sorted<String, f64> = (*params).clone();
    let more = [Change::AppendBlocks, Change::GlobalProjections];
    if content.changes.iter().any(|change| more.contains(change)) {
        params.insert("tokens".to_owned(), problem.dims.n_k as f64);
    }
    let tokens = problem.dims.n_k;
    let mut lowering = problem.lowering.take().unwrap_or_else(|| Box::new(Lowering::new(problem.dims)));
    if content.folds != Fold::Nothing {
        lowering.transforms.extend(problem.encoding.take().map(Transform::Encode));
    }
    if content.folds == Fold::All {
        lowering.transforms.extend(problem.rotation.take().map(Transform::Rotate));
    }
    for &kind in content.changes {
        let step = Step { kind, params: params.clone(), seed, path: term.path.clone() };
        match kind {
            Change::PoolKeys => {
                let (factor, n_k) = (step.count("factor", 1), problem.dims.n_k);
                let last = format!("min(k * {factor} + {}, {})", factor - 1, n_k - 1);
                let spared = spared(&lowering, |_| true);
                terms_mut(problem).for_each(|term| term.text = of_tokens(term, &last, n_k, &spared));
            }
            Change::Truncate => {
                let n_k = problem.dims.n_k;
                let from = if step.switch("last") { n_k - n_k.min(step.count("keep", 1)) } else { 0 };
                let spared = spared(&lowering, |_| true);
                terms_mut(problem).for_each(|term| term.text = of_tokens(term, &format!("(k + {from})"), n_k, &spared));
            }
            Change::GlobalProjections => {
                let n_k = problem.dims.n_k;
                let spared = spared(&lowering, |_| true);
                unpaint(problem);
                terms_mut(problem).for_each(|term| term.text = of_tokens(term, &format!("(k % {n_k})"), n_k, &spared));
            }
            Change::AppendBlocks => appended(problem, &lowering, step.count("block", 1)),
            _ => {}
        }
        problem.dims = change::dims_after(&step, problem.dims);
        lowering.transforms.push(Transform::Change(step));
    }
    let mut tables = Sorted::new();
    for computed in content.tables {
        if computed.kind.is_addend() {
            if params.get("values").is_none_or(|&on| on == 0.0) {
                continue;
            }
            lowering.finish.push(Finish::Add { values: Vec::new() });
        }
        let step = Step { kind: computed.kind, params: params.clone(), seed, path: term.path.clone() };
        let data = computed.reads.as_ref().and_then(&mut *table);
        if let (Some(read), Some(data)) = (&computed.reads, &data) {
            // Not read by the formula, but known to be of use: a request may give it.
            tables.insert(read.name.to_owned(), data.clone());
        }
        let (name, ty) = (computed.name.to_owned(), computed.ty);
        lowering.tables.push(Derived { name, ty, step, data, branches: Vec::new(), estimators: [None; 2] });
        if computed.kind.is_addend() {
            continue;
        }
        let empty = match computed.ty {
            Ty::Bool => DataValues::Bool(Vec::new()),
            Ty::Int => DataValues::Int(Vec::new()),
            Ty::Float => DataValues::Float(Vec::new()),
        };
        tables.insert(computed.name.to_owned(), Arc::new(waiting(empty)));
    }
    let term_of = |text: &str| Term { text: text.to_owned(), data: tables.clone(), ..(*term).clone() };
    if let Some(score) = content.score {
        // Part of the product: before every other formula.
        problem.bias_before_cap.insert(0, term_of(score).param(FACTOR, Scalar::Float(problem.scale)));
    }
    let of_columns = |term: Term| match params.contains_key("tokens") {
        true => term.param("tokens", Scalar::Int(tokens as i32)),
        false => term,
    };
    problem.masks.extend(content.mask.map(term_of).map(of_columns));
    problem.bias.extend(content.last.map(term_of));
    lowering.order();
    if !lowering.is_empty() {
        problem.lowering = Some(lowering);
    }
    if !content.branches.is_empty() {
        // The scores are complete: nothing that comes after a selection adds to them.
        seal(problem);
        let alone = Problem { lowering: None, probability: None, ..problem.clone() };
        let mut gates = Sorted::from([("by_query".to_owned(), params.get("by_query").copied().unwrap_or_default())]);
        let mut branches = Vec::with_capacity(content.branches.len());
        for (i, branch) in content.branches.iter().enumerate() {
            gates.insert(format!("gate_{i}"), params.get(branch.gate).copied().unwrap_or_default());
            let mask = of_columns(term_of(branch.mask));
            branches.push(Problem { masks: [alone.masks.as_slice(), &[mask]].concat(), ..alone.clone() });
        }
        let step = Step { kind: Measure::Branches, params: gates, seed, path: term.path.clone() };
        join(problem, branches, step);
    }
}

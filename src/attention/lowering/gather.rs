//! Entries of the catalogue turned into the steps of a lowering and the terms that read their tables.

use std::sync::Arc;

use super::super::problem::{Problem, Term};
use super::{Derived, Finish, Lowering, Making, Step, Transform, change, terms_mut, waiting};
use crate::catalogue::{Change, Content, Fold};
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

/// A formula over tokens as one over groups of `factor` of them: a group stands where its last token does. Tables that are computed from the
/// groups have a number for each group.
fn of_tokens(term: &Term, factor: usize, n_k: usize) -> String {
    let text = &term.text;
    let mut out = String::with_capacity(text.len());
    let letter = |c: char| c.is_alphanumeric() || c == '_';
    let computed = |name: &str| term.data.get(name).is_some_and(|data| data.shape.is_empty());
    // Of every open bracket: whether it holds the indices of a computed table.
    let mut brackets = Vec::new();
    let (mut rest, mut last) = (text.as_str(), "");
    while !rest.is_empty() {
        let word = rest.find(|c: char| !letter(c)).unwrap_or(rest.len());
        let end = if word > 0 { word } else { rest.find(letter).unwrap_or(rest.len()) };
        let (piece, after) = rest.split_at(end);
        match piece {
            "k" => {
                let alone = out.trim_end().ends_with(['[', ',']) && after.trim_start().starts_with([']', ',']);
                if alone && brackets.last() == Some(&true) {
                    out += piece;
                } else {
                    out += &format!("min(k * {factor} + {}, {})", factor - 1, n_k - 1);
                }
            }
            "n_k" => out += &n_k.to_string(),
            other => out += other,
        }
        for c in piece.chars() {
            match c {
                '[' => brackets.push(computed(last)),
                ']' => _ = brackets.pop(),
                _ => {}
            }
        }
        if word > 0 {
            last = piece;
        }
        rest = after;
    }
    out
}

/// Adds what `content` does to a problem.
pub fn gather(problem: &mut Problem, content: &Content, making: &mut Making) {
    let Making { params, seed, term, table } = making;
    let mut lowering = problem.lowering.take().unwrap_or_else(|| Box::new(Lowering::new(problem.dims)));
    if content.folds != Fold::Nothing {
        lowering.transforms.extend(problem.encoding.take().map(Transform::Encode));
    }
    if content.folds == Fold::All {
        lowering.transforms.extend(problem.rotation.take().map(Transform::Rotate));
    }
    for &kind in content.changes {
        let step = Step { kind, params: (*params).clone(), seed: *seed, path: term.path.clone() };
        if kind == Change::PoolKeys {
            let (factor, n_k) = (step.count("factor", 1), problem.dims.n_k);
            terms_mut(problem).for_each(|term| term.text = of_tokens(term, factor, n_k));
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
        let step = Step { kind: computed.kind, params: (*params).clone(), seed: *seed, path: term.path.clone() };
        let data = computed.reads.as_ref().and_then(&mut *table);
        if let (Some(read), Some(data)) = (&computed.reads, &data) {
            // Not read by the formula, but known to be of use: a request may give it.
            tables.insert(read.name.to_owned(), data.clone());
        }
        lowering.tables.push(Derived { name: computed.name.to_owned(), ty: computed.ty, step, data });
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
    problem.masks.extend(content.mask.map(term_of));
    problem.bias.extend(content.last.map(term_of));
    // Weights are known when everything else is.
    lowering.tables.sort_by_key(Derived::reads_weights);
    if !lowering.is_empty() {
        problem.lowering = Some(lowering);
    }
}

//! Check of the rules: catalogue entries with their parameters, formulas of the user's own, tables.

use std::collections::BTreeMap;

use super::super::nearest::{hint, shown};
use super::super::{CustomFormula, Experiment};
use super::{Found, limits};
use crate::catalogue::{self, Param};
use crate::formula::{DataDecl, ErrorKind, Kind, Scope, Ty, compile};

pub(super) fn check(found: &mut Found, experiment: &Experiment) {
    mask(found, experiment);
    if let Some(custom) = &experiment.score {
        formula(found, "score", custom, Kind::Score, &experiment.data);
    }
    let position = &experiment.position;
    match catalogue::position(&position.id) {
        Some(entry) => params(found, "position.params", entry.params, &position.params),
        None => {
            let hint = hint(&position.id, catalogue::positions().iter().map(|entry| entry.id));
            found.add("position.id", format!("there is no position scheme `{}`{hint}", shown(&position.id)));
        }
    }
    let normaliser = &experiment.normaliser;
    match catalogue::normaliser(&normaliser.id) {
        Some(_) => params(found, "normaliser.params", &[], &normaliser.params),
        None => {
            let hint = hint(&normaliser.id, catalogue::normalisers().iter().map(|entry| entry.id));
            found.add("normaliser.id", format!("there is no normaliser `{}`{hint}", shown(&normaliser.id)));
        }
    }
    data(found, &experiment.data);
}

fn mask(found: &mut Found, experiment: &Experiment) {
    let mask = &experiment.mask;
    if mask.id == "custom" {
        params(found, "mask.params", &[], &mask.params);
        match &mask.custom {
            Some(custom) => formula(found, "mask.custom", custom, Kind::Mask, &experiment.data),
            None => found.add("mask.custom", "a mask `custom` needs a formula"),
        }
        return;
    }
    if mask.custom.is_some() {
        found.add("mask.custom", "only a mask `custom` has a formula of its own");
    }
    match catalogue::mask(&mask.id) {
        Some(entry) => params(found, "mask.params", entry.params, &mask.params),
        None => {
            let known = catalogue::masks().iter().map(|entry| entry.id).chain(["custom"]);
            let hint = hint(&mask.id, known);
            found.add("mask.id", format!("there is no mask `{}`{hint}", shown(&mask.id)));
        }
    }
}

/// Parameters of a catalogue entry.
fn params(found: &mut Found, path: &str, declared: &[Param], given: &BTreeMap<String, f64>) {
    for (name, &value) in given {
        let path = format!("{path}.{name}");
        match declared.iter().find(|param| param.name == name) {
            Some(param) if param.is_convention() => found.add(path, "is set by `conventions.window`"),
            Some(param) => number(found, path, param.ty, value, [param.min, param.hard_max]),
            None => {
                let hint = hint(name, declared.iter().map(|param| param.name));
                found.add(path, format!("there is no parameter `{}` here{hint}", shown(name)));
            }
        }
    }
}

/// A value of type `ty` within limits.
fn number(found: &mut Found, path: impl Into<String>, ty: Ty, value: f64, range: [f64; 2]) {
    match ty {
        Ty::Bool if value != 0.0 && value != 1.0 => found.add(path, format!("must be 0 or 1, and is {value}")),
        Ty::Int if value.fract() != 0.0 || !value.is_finite() => {
            found.add(path, format!("must be a whole number, and is {value}"));
        }
        _ => found.range(path, value, range),
    }
}

/// What a formula of the user's own may name: its parameters; the whole number `seed`; the tables of the catalogue that users may edit;
/// and the experiment's other tables, as lists by token. What is declared first hides what comes after.
pub fn scope(custom: &CustomFormula, data: &BTreeMap<String, Vec<f64>>) -> Scope {
    let mut params: Vec<_> = custom.params.iter().map(|param| (param.name.clone(), param.ty)).collect();
    let declared = |name: &str| custom.params.iter().any(|param| param.name == name);
    if !declared("seed") {
        params.push(("seed".to_owned(), Ty::Int));
    }
    let of_catalogue = catalogue::editable_tables().map(|table| DataDecl {
        name: table.name.to_owned(),
        ty: table.ty,
        dims: table.rank,
    });
    let free = data.iter().filter(|(name, _)| is_name(name) && catalogue::editable_table(name).is_none());
    let free = free.map(|(name, values)| DataDecl { name: name.clone(), ty: type_of(values), dims: 1 });
    let data = of_catalogue.chain(free).filter(|table| !params.iter().any(|(name, _)| *name == table.name));
    Scope { data: data.collect(), params }
}

/// A formula of the user's own at `path`.
fn formula(found: &mut Found, path: &str, custom: &CustomFormula, kind: Kind, data: &BTreeMap<String, Vec<f64>>) {
    if custom.params.len() > limits::PARAMS {
        let (most, count) = (limits::PARAMS, custom.params.len());
        found.add(format!("{path}.params"), format!("at most {most} parameters, and there are {count}"));
        return;
    }
    for (i, param) in custom.params.iter().enumerate() {
        let at = |field: &str| format!("{path}.params[{i}].{field}");
        // Whole numbers and decimals of formulas have 32 bits.
        let most = if param.ty == Ty::Int { f64::from(i32::MAX) } else { f64::from(f32::MAX) };
        for (field, value) in [("min", param.min), ("max", param.max), ("value", param.value)] {
            number(found, at(field), param.ty, value, [-most, most]);
        }
        if param.min > param.max {
            found.add(at("max"), format!("must not be below `min`, {}", param.min));
        }
        if !(param.step > 0.0 && param.step <= most) {
            found.add(at("step"), format!("must be above 0, and is {}", param.step));
        }
    }
    if let Err(error) = compile(&custom.text, kind, &scope(custom, data)) {
        if let ErrorKind::Declaration { name } = &error.kind {
            let at = custom.params.iter().rposition(|param| param.name == *name);
            let path = at.map_or_else(|| format!("data.{name}"), |i| format!("{path}.params[{i}].name"));
            found.add(path, error.message());
        } else {
            let column = error.column(&custom.text);
            found.add(format!("{path}.text"), format!("column {column}: {}", error.message()));
        }
    }
}

/// Type of a list that the catalogue does not know: whole numbers where all are.
fn type_of(values: &[f64]) -> Ty {
    let whole = |x: &f64| x.fract() == 0.0 && x.abs() <= f64::from(i32::MAX);
    if values.iter().all(whole) { Ty::Int } else { Ty::Float }
}

/// Whether formulas can spell the name.
fn is_name(name: &str) -> bool {
    let letter = |c: char| c.is_ascii_alphabetic() || c == '_';
    name.len() <= 64 && name.starts_with(letter) && name.chars().all(|c| letter(c) || c.is_ascii_digit())
}

/// The tables of the user's.
fn data(found: &mut Found, data: &BTreeMap<String, Vec<f64>>) {
    let numbers: usize = data.values().map(Vec::len).sum();
    if numbers > limits::TABLE_NUMBERS || data.len() > limits::PARAMS {
        let (tables, most) = (limits::PARAMS, limits::TABLE_NUMBERS);
        found.add("data", format!("at most {tables} tables with {most} numbers together"));
        return;
    }
    for (name, values) in data {
        let path = format!("data.{name}");
        if !is_name(name) {
            found.add(path, format!("`{}` can't be the name of a table", shown(name)));
            continue;
        }
        if values.is_empty() {
            found.add(path, "has no numbers");
            continue;
        }
        let ty = catalogue::editable_table(name).map_or(Ty::Float, |table| table.ty);
        let most = if ty == Ty::Int { f64::from(i32::MAX) } else { f64::from(f32::MAX) };
        for (i, &value) in values.iter().enumerate() {
            number(found, format!("{path}[{i}]"), ty, value, [-most, most]);
        }
    }
}

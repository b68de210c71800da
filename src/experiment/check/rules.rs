//! Check of the rules: catalogue entries with their parameters, formulas of the user's own, tables.

use super::super::issue::message;
use super::super::nearest::{shown, unknown};
use super::super::{Choice, CustomFormula, Experiment, FormulaChoice, Issue, MaskChoice, Message};
use super::{Found, between, limits};
use crate::catalogue::{self, ContentEntry, Param, PositionEntry, Text};
use crate::formula::{DataDecl, ErrorKind, Formula, FormulaError, Kind, Scope, Sorted, Ty, compile};

pub(super) fn check(found: &mut Found, experiment: &Experiment) {
    mask(found, experiment);
    if let Some(custom) = &experiment.score {
        formula(found, "score", custom, Kind::Score, &experiment.data);
    }
    let position = &experiment.position;
    match catalogue::position(&position.id) {
        Some(entry) => {
            params(found, "position.params", entry.params, &position.params);
            if let Some(issue) = check_beside("position.params", entry, &position.params) {
                found.add(issue.path, issue.message);
            }
        }
        None => {
            let known = catalogue::positions().iter().map(|entry| entry.id);
            found.add("position.id", unknown(Text::new("position scheme", "位置方案"), &position.id, known));
        }
    }
    let normaliser = &experiment.normaliser;
    match catalogue::normaliser(&normaliser.id) {
        Some(entry) => params(found, "normaliser.params", entry.params, &normaliser.params),
        None => {
            let known = catalogue::normalisers().iter().map(|entry| entry.id);
            found.add("normaliser.id", unknown(Text::new("normaliser", "归一化方式"), &normaliser.id, known));
        }
    }
    probability(found, experiment);
    let layers = &experiment.layers;
    match catalogue::mix(&layers.id) {
        Some(entry) => params(found, "layers.params", entry.params, &layers.params),
        None if layers.id == "same" => params(found, "layers.params", &[], &layers.params),
        None => {
            let known = catalogue::mixes().iter().map(|entry| entry.id).chain(["same"]);
            found.add("layers.id", unknown(Text::new("mix of layers", "层的组合"), &layers.id, known));
        }
    }
    let products = (Text::new("product", "乘积"), catalogue::products());
    by_content(found, "product", &experiment.product, products);
    let layout = &experiment.layout;
    match catalogue::layout(&layout.id) {
        Some(entry) => params(found, "layout.params", entry.params, &layout.params),
        None => {
            let known = catalogue::layouts().iter().map(|entry| entry.id);
            found.add("layout.id", unknown(Text::new("layout of heads", "头布局"), &layout.id, known));
        }
    }
    let selections = (Text::new("selection", "选择方式"), catalogue::selections());
    by_content(found, "selection", &experiment.selection, selections);
    let hybrids = (Text::new("hybrid", "混合方式"), catalogue::hybrids());
    by_content(found, "hybrid", &experiment.hybrid, hybrids);
    let first = &experiment.branch_a;
    match catalogue::first_branch(&first.id) {
        Some(declared) => params(found, "branch_a.params", declared, &first.params),
        None => {
            let text = unknown(Text::new("first branch", "第一个分支"), &first.id, catalogue::first_branches());
            found.add("branch_a.id", text);
        }
    }
    let branch = &experiment.branch;
    match catalogue::branch(&branch.id) {
        Some(declared) => params(found, "branch.params", declared, &branch.params),
        None => found.add("branch.id", unknown(Text::new("branch", "分支"), &branch.id, catalogue::branches())),
    }
    let estimator = &experiment.estimator;
    match catalogue::estimator(&estimator.id) {
        Some(entry) => params(found, "estimator.params", entry.params, &estimator.params),
        None if estimator.id == "none" => params(found, "estimator.params", &[], &estimator.params),
        None => {
            let known = catalogue::estimators().iter().map(|entry| entry.id).chain(["none"]);
            found.add("estimator.id", unknown(Text::new("estimator", "估计方法"), &estimator.id, known));
        }
    }
    data(found, &experiment.data);
}

/// A product or a selection.
fn by_content(found: &mut Found, path: &str, choice: &Choice, (what, entries): (Text, &'static [ContentEntry])) {
    match entries.iter().find(|entry| entry.id == choice.id) {
        Some(entry) => params(found, &format!("{path}.params"), entry.params, &choice.params),
        None => found.add(format!("{path}.id"), unknown(what, &choice.id, entries.iter().map(|entry| entry.id))),
    }
}

/// What is done to the weights.
fn probability(found: &mut Found, experiment: &Experiment) {
    let FormulaChoice { id, params: given, custom } = &experiment.prob;
    let declared = match id.as_str() {
        "none" | "custom" => &[],
        id => match catalogue::probability(id) {
            Some(entry) => entry.params,
            None => {
                let known = catalogue::probabilities().iter().map(|entry| entry.id).chain(["none", "custom"]);
                return found.add("prob.id", unknown(Text::new("change of the weights", "权重变换"), id, known));
            }
        },
    };
    params(found, "prob.params", declared, given);
    match custom {
        Some(custom) if id == "custom" => {
            formula(found, "prob.custom", custom, Kind::Probability, &experiment.data);
        }
        Some(_) => found
            .add("prob.custom", Text::new("only `custom` has a formula of its own", "只有 `custom` 才有自己的公式")),
        None if id == "custom" => found.add("prob.custom", Text::new("`custom` needs a formula", "`custom` 需要公式")),
        None => {}
    }
}

/// The mask, and the patterns joined with it.
fn mask(found: &mut Found, experiment: &Experiment) {
    let MaskChoice { id, params, custom } = &experiment.mask;
    pattern(found, "mask", id, params, custom.as_ref(), &experiment.data);
    let (count, most) = (experiment.combine.len(), limits::COMBINE);
    if count > most {
        found.add(
            "combine",
            message!(
                "at most {most} patterns may be joined with the mask, and {count} are",
                "最多可与掩码组合 {most} 个模式，现有 {count} 个"
            ),
        );
        return;
    }
    for (i, layer) in experiment.combine.iter().enumerate() {
        let path = format!("combine[{i}]");
        pattern(found, &path, &layer.id, &layer.params, layer.custom.as_ref(), &experiment.data);
        let heads = layer.heads.as_deref();
        if heads.is_some_and(<[usize]>::is_empty) {
            found.add(format!("{path}.heads"), Text::new("names no head", "没有列出任何头"));
        }
        for (at, &head) in heads.unwrap_or_default().iter().enumerate() {
            found.below(format!("{path}.heads[{at}]"), head, limits::HEADS);
        }
    }
}

/// An entry of the catalogue or a formula of the user's own, at `path`.
fn pattern(
    found: &mut Found,
    path: &str,
    id: &str,
    given: &Sorted<String, f64>,
    custom: Option<&CustomFormula>,
    data: &Sorted<String, Vec<f64>>,
) {
    let own = format!("{path}.custom");
    let at_params = format!("{path}.params");
    if id == "custom" {
        params(found, &at_params, &[], given);
        match custom {
            Some(custom) => formula(found, &own, custom, Kind::Mask, data),
            None => found.add(own, Text::new("a mask `custom` needs a formula", "掩码 `custom` 需要公式")),
        }
        return;
    }
    if custom.is_some() {
        found.add(own, Text::new("only a mask `custom` has a formula of its own", "只有掩码 `custom` 才有自己的公式"));
    }
    match catalogue::mask(id) {
        Some(entry) => params(found, &at_params, entry.params, given),
        None => {
            let known = catalogue::masks().iter().map(|entry| entry.id).chain(["custom"]);
            found.add(format!("{path}.id"), unknown(Text::new("mask", "掩码"), id, known));
        }
    }
}

/// Parameters of a catalogue entry.
fn params(found: &mut Found, path: &str, declared: &[Param], given: &Sorted<String, f64>) {
    check_params(path, declared, given).into_iter().for_each(|issue| found.add(issue.path, issue.message));
}

/// What is wrong with the parameters at `path` that were given to a catalogue entry: unknown ones, of another type, out of range.
pub(crate) fn check_params(path: &str, declared: &[Param], given: &Sorted<String, f64>) -> Vec<Issue> {
    let fault_of = |name: &str, value: f64| {
        let Some(param) = declared.iter().find(|param| param.name == name) else {
            return Some(unknown(Text::new("parameter", "参数"), name, declared.iter().map(|param| param.name)));
        };
        if param.is_convention() {
            return Some(Text::new("is set by `conventions.window`", "由 `conventions.window` 设定").into());
        }
        let Param { min, step, ty, .. } = *param;
        fault_within(ty, value, [min, param.hard_max]).or_else(|| {
            let next = min + step;
            (!param.on_step(value)).then(|| {
                message!("must be {min}, {next} and so on, and is {value}", "必须是 {min}、{next}……，现为 {value}")
            })
        })
    };
    let faults = given.iter().filter_map(|(name, &value)| Some((name, fault_of(name, value)?)));
    faults.map(|(name, message)| Issue::new(format!("{path}.{}", shown(name)), message)).collect()
}

/// What is wrong with one of the parameters at `path` of a position scheme beside the others, where each by itself is right.
pub(crate) fn check_beside(path: &str, entry: &PositionEntry, given: &Sorted<String, f64>) -> Option<Issue> {
    let sound = check_params(path, entry.params, given).is_empty();
    let (name, least) = entry.too_small(given).filter(|_| sound)?;
    let message =
        message!("must be at least {least} beside the other parameters", "在其他参数取当前值时，不得小于 {least}");
    Some(Issue::new(format!("{path}.{name}"), message))
}

/// What is wrong with a value of type `ty`, which formulas hold in 32 bits.
pub(crate) fn fault(ty: Ty, value: f64) -> Option<Message> {
    let most = if ty == Ty::Int { f64::from(i32::MAX) } else { f64::from(f32::MAX) };
    // NaN is not within either.
    let fits = value.abs() <= most;
    match fault_within(ty, value, [-most, most]) {
        Some(_) if !fits => {
            let said = Brief(value);
            Some(message!("must be a number that 32 bits hold, and is {said}", "必须是 32 位能表示的数，现为 {said}"))
        }
        fault => fault,
    }
}

/// What is wrong with a value of type `ty` that must lie between two limits.
fn fault_within(ty: Ty, value: f64, [least, most]: [f64; 2]) -> Option<Message> {
    let said = Brief(value);
    match ty {
        Ty::Bool if value != 0.0 && value != 1.0 => {
            Some(message!("must be 0 or 1, and is {said}", "必须是 0 或 1，现为 {said}"))
        }
        Ty::Int if value.fract() != 0.0 || !value.is_finite() => Some(message!(
            "must be a whole number between {least} and {most}, and is {said}",
            "必须是 {least} 到 {most} 之间的整数，现为 {said}"
        )),
        // NaN lies in no range.
        _ if least <= value && value <= most => None,
        _ => Some(between(&said, [&least, &most])),
    }
}

/// A number as messages show it: one that would fill the line with digits has an exponent.
struct Brief(f64);

impl std::fmt::Display for Brief {
    fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
        let size = self.0.abs();
        if size.is_finite() && (size >= 1e16 || size > 0.0 && size < 1e-16) {
            write!(f, "{:e}", self.0)
        } else {
            self.0.fmt(f)
        }
    }
}

/// What a formula of the user's own may name: its parameters; the whole number `seed`; the tables of the catalogue that users may edit;
/// the experiment's other tables, as lists by token; and the catalogue's other tables. What is declared first hides what comes after.
pub fn scope(custom: &CustomFormula, data: &Sorted<String, Vec<f64>>) -> Scope {
    let mut params: Vec<_> = custom.params.iter().map(|param| (param.name.clone(), param.ty)).collect();
    let declared = |name: &str| custom.params.iter().any(|param| param.name == name);
    if !declared("seed") {
        params.push(("seed".to_owned(), Ty::Int));
    }
    let of_catalogue = |editable| {
        let tables = catalogue::tables().filter(move |table| table.editable == editable);
        tables.map(|table| DataDecl { name: table.name.to_owned(), ty: table.ty, dims: table.rank })
    };
    let free = data.iter().filter(|(name, _)| is_name(name) && catalogue::editable_table(name).is_none());
    let free = free.map(|(name, values)| DataDecl { name: name.clone(), ty: type_of(values), dims: 1 });
    let made = of_catalogue(false).filter(|table| !data.contains_key(&table.name));
    let tables = of_catalogue(true).chain(free).chain(made);
    let tables = tables.filter(|table| !params.iter().any(|(name, _)| *name == table.name)).collect();
    Scope { data: tables, params }
}

/// Reads a formula of the user's own.
///
/// # Errors
/// What is wrong with it; a table without its indices comes with those it usually has.
pub fn understand(
    custom: &CustomFormula,
    kind: Kind,
    data: &Sorted<String, Vec<f64>>,
) -> Result<Formula, FormulaError> {
    compile(&custom.text, kind, &scope(custom, data)).map_err(|error| error.with_index(catalogue::index_of))
}

impl CustomFormula {
    /// Changes the text. Declared parameters that the new text, once it is understood, does not use are dropped: nothing on the page shows
    /// them any more, and links would carry them for ever. While the text has a mistake they stay, so that typing costs no slider, and undo
    /// brings them back. A text that reads a table of the catalogue keeps them all: tables are made from parameters by name.
    pub fn set_text(&mut self, text: String, kind: Kind, data: &Sorted<String, Vec<f64>>) {
        self.text = text;
        if let Ok(formula) = understand(self, kind, data)
            && !formula.data_used().iter().any(|table| catalogue::table(&table.name).is_some())
        {
            self.params.retain(|param| formula.params_used().iter().any(|(name, _)| *name == param.name));
        }
    }
}

/// A formula of the user's own at `path`.
fn formula(found: &mut Found, path: &str, custom: &CustomFormula, kind: Kind, data: &Sorted<String, Vec<f64>>) {
    if custom.params.len() > limits::PARAMS {
        let (most, count) = (limits::PARAMS, custom.params.len());
        found.add(
            format!("{path}.params"),
            message!("at most {most} parameters, and there are {count}", "最多 {most} 个参数，现有 {count} 个"),
        );
        return;
    }
    for (i, param) in custom.params.iter().enumerate() {
        let at = |field: &str| format!("{path}.params[{i}].{field}");
        for (field, value) in [("min", param.min), ("max", param.max), ("value", param.value)] {
            if let Some(message) = fault(param.ty, value) {
                found.add(at(field), message);
            }
        }
        let (min, step) = (param.min, param.step);
        if min > param.max {
            found.add(at("max"), message!("must not be below `min`, {min}", "不得小于 `min`，即 {min}"));
        }
        if !(step > 0.0 && step <= f64::from(f32::MAX)) {
            found.add(at("step"), message!("must be above 0, and is {step}", "必须大于 0，现为 {step}"));
        }
    }
    if let Err(error) = understand(custom, kind, data) {
        if let ErrorKind::Declaration { name } = &error.kind {
            let at = custom.params.iter().rposition(|param| param.name == *name);
            let path = at.map_or_else(|| format!("data.{name}"), |i| format!("{path}.params[{i}].name"));
            let name = shown(name);
            found.add(
                path,
                message!("the name `{name}` is taken or is not a name", "名称 `{name}` 已被占用，或不是合法名称"),
            );
        } else {
            // The editor tells more in Chinese; here the words of the formula room are English.
            let (column, why) = (error.column(&custom.text), error.message());
            found.add(format!("{path}.text"), message!("column {column}: {why}", "第 {column} 列有误（{why}）"));
        }
    }
}

/// Type of a list that the catalogue does not know: whole numbers where all are.
pub(crate) fn type_of(values: &[f64]) -> Ty {
    let whole = |x: &f64| x.fract() == 0.0 && x.abs() <= f64::from(i32::MAX);
    if values.iter().all(whole) { Ty::Int } else { Ty::Float }
}

/// Whether formulas can spell the name.
fn is_name(name: &str) -> bool {
    let letter = |c: char| c.is_ascii_alphabetic() || c == '_';
    name.len() <= 64 && name.starts_with(letter) && name.chars().all(|c| letter(c) || c.is_ascii_digit())
}

/// The tables of the user's.
fn data(found: &mut Found, data: &Sorted<String, Vec<f64>>) {
    let numbers: usize = data.values().map(Vec::len).sum();
    if numbers > limits::TABLE_NUMBERS || data.len() > limits::PARAMS {
        let (tables, most) = (limits::PARAMS, limits::TABLE_NUMBERS);
        found.add(
            "data",
            message!("at most {tables} tables with {most} numbers together", "最多 {tables} 个表，合计 {most} 个数"),
        );
        return;
    }
    for (name, values) in data {
        let path = format!("data.{name}");
        if !is_name(name) {
            let name = shown(name);
            found.add(path, message!("`{name}` can't be the name of a table", "`{name}` 不能作为表名"));
            continue;
        }
        if values.is_empty() {
            found.add(path, Text::new("has no numbers", "没有数"));
            continue;
        }
        let ty = catalogue::editable_table(name).map_or(Ty::Float, |table| table.ty);
        for (i, &value) in values.iter().enumerate() {
            if let Some(message) = fault(ty, value) {
                found.add(format!("{path}[{i}]"), message);
            }
        }
    }
}

//! A request of the page's own interface: what `attentionPlayground.run` takes, with every field that the experiment has.

use serde_json::{Map, Value, json};

use super::literal::{list, quoted};
use super::{Code, Subject, refuse};
use crate::attention::{Inputs, Problem, assemble};
use crate::catalogue::{self, ATTENTION};
use crate::experiment::{
    Choice, Conventions, CustomFormula, Input, Issue, Issues, Join, Layer, MaskChoice, Patch, Scale, base64, message,
};
use crate::formula::{Sorted, Tree, Ty};

/// Most numbers that stand in the text as they are read; more stand in it as bytes.
const IN_TEXT: usize = 4096;
/// Most numbers that stand in the text at all: some 1.4 MB of base64.
const AS_BYTES: usize = 1 << 18;
/// Longest `input`; a longer one holds many numbers of the user's own, which are shorter as bytes.
const INPUT: usize = 1 << 14;

/// Name of the file that holds what does not fit into the text.
pub const FILE: &str = "attention-inputs.json";

/// The request's fields, all but the tensors.
///
/// # Errors
/// What the interface cannot say.
pub fn request(subject: &Subject) -> Result<Map<String, Value>, Issues> {
    let (problem, _) = assemble(subject.experiment, subject.loaded)?;
    fields(subject, &problem)
}

/// The program.
///
/// # Errors
/// What is wrong with the experiment, and what the interface cannot say.
pub fn code(subject: &Subject) -> Result<Code, Issues> {
    let (problem, inputs) = assemble(subject.experiment, subject.loaded)?;
    let fields = fields(subject, &problem)?;
    if !inputs.finite() {
        let message = message!("holds numbers that are not finite", "含有非有限数值");
        return Err(Issue::new("input", message).into());
    }
    let beside = super::beside::estimate(subject)?;
    let version = env!("CARGO_PKG_VERSION");
    let link: String = subject.link.chars().filter(|c| !c.is_control() && !c.is_whitespace()).collect();
    let mut text = format!("// Exported by Attention Playground {version}; runs in the page's console\n");
    if !link.is_empty() {
        text.push_str(&format!("// {link}\n"));
    }
    text.push_str("const playground = await attentionPlayground;\n\n");
    let Tensors { lines, named, file } = tensors(subject, &inputs);
    text.push_str(&lines);
    text.push_str(&format!("\nconst {{ outputs, kernel }} = await playground.run({{\n  {named},\n"));
    for (name, value) in &fields {
        text.push_str(&format!("  {name}: {},\n", program(value)));
    }
    text.push_str("});\nconst y = outputs.Y.data;\nconsole.log(kernel, outputs.Y.shape, \"sum\", y.reduce((a, b) => a + b, 0), \"largest\", y.reduce((a, b) => Math.max(a, Math.abs(b)), 0));\n");
    if let Some(y) = subject.output.filter(|y| !y.is_empty()) {
        let sum: f64 = y.iter().map(|x| f64::from(*x)).sum();
        let largest = y.iter().fold(0.0_f64, |top, x| top.max(f64::from(x.abs())));
        text.push_str(&format!("// The page computed: sum {sum:.6}, largest {largest:.6}\n"));
    }
    if let Some(fields) = beside {
        text.push_str("\n// The estimator beside it, and the exact attention that it is measured against: no position, score formula, softcap or other normaliser on either side.\n");
        text.push_str(&format!("const beside = await playground.run({{\n  {named},\n"));
        for (name, value) in &fields {
            text.push_str(&format!("  {name}: {},\n", program(value)));
        }
        text.push_str(
            "});\nconsole.log(beside.kernel, \"distance of each head\", [...beside.outputs.total_error.data]);\n",
        );
    }
    Ok(Code { text, file: file.then_some(FILE) })
}

/// Q, K and V in a program.
struct Tensors {
    /// Lines that define them.
    lines: String,
    /// What a request calls them.
    named: &'static str,
    /// Whether they are read from [`FILE`].
    file: bool,
}

/// Q, K and V as the page has them: what the page can make again is named, numbers of the user's own are told.
fn tensors(subject: &Subject, inputs: &Inputs) -> Tensors {
    let (dims, experiment) = (&subject.loaded.dims, subject.experiment);
    if !matches!(experiment.input, Input::Numbers { .. }) {
        let input = program(&value(&experiment.input));
        if input.len() <= INPUT {
            // Written from their type: as trees, numbers of single precision would show the digits of the nearest doubles.
            let edits = serde_json::to_string(&experiment.edits).unwrap_or_default();
            return match experiment.edits.is_empty() {
                true => Tensors { lines: format!("const input = {input};\n"), named: "input", file: false },
                false => Tensors {
                    lines: format!("const input = {input};\nconst edits = {edits};\n"),
                    named: "input, edits",
                    file: false,
                },
            };
        }
    }
    let named = "Q, K, V";
    let count = inputs.q.len() + inputs.k.len() + inputs.v.len();
    if count > AS_BYTES {
        let lines = format!(
            "// The page offers {FILE} beside this text; put it where the console may fetch it.\nconst {{ Q, K, V }} = await (await fetch(\"{FILE}\")).json();\n"
        );
        return Tensors { lines, named, file: true };
    }
    let all = [
        ("Q", [dims.q_heads, dims.n_q, dims.d], &inputs.q),
        ("K", [dims.kv_heads, dims.n_k, dims.d], &inputs.k),
        ("V", [dims.kv_heads, dims.n_k, dims.d_v], &inputs.v),
    ];
    let tensor = |(name, [heads, rows, size], data): (&str, [usize; 3], &std::sync::Arc<Vec<f32>>)| {
        let shape = format!("[1, {heads}, {rows}, {size}]");
        if count > IN_TEXT {
            let bytes: Vec<u8> = data.iter().flat_map(|x| x.to_le_bytes()).collect();
            return format!("const {name} = {{ shape: {shape}, data: floats(\"{}\") }};\n", base64::encode(&bytes));
        }
        let numbers = list(data.iter().map(|x| format!("{x:?}")));
        format!("const {name} = {{ shape: {shape}, data: new Float32Array({numbers}) }};\n")
    };
    let before = if count > IN_TEXT { FLOATS } else { "" };
    Tensors { lines: format!("{before}{}", all.map(tensor).concat()), named, file: false }
}

/// Single-precision numbers, little-endian, from base64url.
const FLOATS: &str = "const floats = (text) => new Float32Array(Uint8Array.from(atob(text.replaceAll(\"-\", \"+\").replaceAll(\"_\", \"/\")), (c) => c.charCodeAt(0)).buffer);\n";

fn fields(subject: &Subject, problem: &Problem) -> Result<Map<String, Value>, Issues> {
    refuse::unknown(subject, &["prob", "layers", "hybrid", "branch_a", "branch"])?;
    let experiment = subject.experiment;
    let mut fields = Map::new();
    let plain = |choice: &Choice, id: &str| choice.id == id && choice.params.is_empty();
    let MaskChoice { id, params, custom } = &experiment.mask;
    match custom {
        Some(formula) => {
            fields.insert("mask".to_owned(), Value::from(told(formula, "mask.custom.text")?));
        }
        None if id != "none" => {
            fields.insert("mask".to_owned(), value(&Choice { id: id.clone(), params: params.clone() }));
        }
        None => {}
    }
    let layers: Vec<Layer> = experiment.combine.iter().cloned().chain(experiment.paint.iter().map(layer)).collect();
    if !layers.is_empty() {
        fields.insert("combine".to_owned(), value(&layers));
    }
    if let Some(formula) = &experiment.score {
        fields.insert("score".to_owned(), Value::from(told(formula, "score.text")?));
    }
    let choices = [
        ("position", &experiment.position, "none"),
        ("product", &experiment.product, "dot"),
        ("layout", &experiment.layout, "plain"),
        ("selection", &experiment.selection, "none"),
        ("normaliser", &experiment.normaliser, "softmax"),
        ("layers", &experiment.layers, "same"),
        ("hybrid", &experiment.hybrid, "none"),
    ];
    for (name, choice, _) in choices.into_iter().filter(|(_, choice, default)| !plain(choice, default)) {
        fields.insert(name.to_owned(), value(choice));
    }
    // A branch that nothing mixes in is nothing.
    let mixed = experiment.hybrid.id != "none";
    if mixed {
        fields.insert("branch".to_owned(), value(&experiment.branch));
        if experiment.branch_a.id != ATTENTION {
            fields.insert("branch_a".to_owned(), value(&experiment.branch_a));
        }
    }
    let MaskChoice { id, params, custom } = &experiment.prob;
    match custom {
        Some(formula) => {
            fields.insert("prob".to_owned(), Value::from(told(formula, "prob.custom.text")?));
        }
        None if id != "none" => {
            fields.insert("prob".to_owned(), value(&Choice { id: id.clone(), params: params.clone() }));
        }
        None => {}
    }
    if experiment.scale != Scale::InverseSqrt || experiment.temperature != 1.0 {
        fields.insert("scale".to_owned(), json!(problem.scale));
    }
    if experiment.softcap != 0.0 {
        fields.insert("softcap".to_owned(), json!(experiment.softcap));
    }
    if experiment.conventions != Conventions::default() {
        fields.insert("conventions".to_owned(), value(&experiment.conventions));
    }
    // A request refuses a table that nothing in it reads; an experiment keeps it.
    let terms = problem.masks.iter().chain(&problem.bias).chain(&problem.bias_before_cap).chain(&problem.probability);
    let read: Vec<&String> = terms.flat_map(|term| term.data.keys()).collect();
    let layout = catalogue::layout(&experiment.layout.id).map(|entry| entry.tables);
    let normaliser = catalogue::normaliser(&experiment.normaliser.id).map(|entry| entry.tables);
    let branch = catalogue::mask(&experiment.branch.id).filter(|_| mixed).map(|entry| entry.tables);
    let slots = [layout, normaliser, branch].into_iter().flatten().flatten();
    let of_slots: Vec<&str> = slots.map(|table| table.name).collect();
    let data: Sorted<String, Vec<f64>> = experiment
        .data
        .iter()
        .filter(|(name, _)| read.contains(name) || of_slots.contains(&name.as_str()))
        .map(|(name, numbers)| (name.clone(), numbers.clone()))
        .collect();
    if !data.is_empty() {
        fields.insert("data".to_owned(), value(&data));
    }
    if experiment.seed != 0 {
        fields.insert("seed".to_owned(), json!(experiment.seed));
    }
    Ok(fields)
}

/// Plain data of a type.
pub(super) fn value(of: &impl serde::Serialize) -> Value {
    serde_json::to_value(of).unwrap_or(Value::Null)
}

/// A rectangle switched by hand, as a pattern joined with the masks.
fn layer(patch: &Patch) -> Layer {
    let Patch { head, q: [q0, q1], k: [k0, k1], allow } = patch;
    let text = format!("q >= {q0} and q < {q1} and k >= {k0} and k < {k1}");
    Layer {
        not: !allow,
        heads: head.map(|head| vec![head]),
        custom: Some(CustomFormula { text, params: Vec::new() }),
        ..Layer::of(if *allow { Join::Or } else { Join::And }, "custom")
    }
}

/// A formula with the values of its declared parameters in their places: a request has no parameters of its own.
fn told(formula: &CustomFormula, path: &str) -> Result<String, Issues> {
    let unread = |error: crate::formula::FormulaError| Issues::from(Issue::new(path, error.to_string()));
    let mut tree = Tree::parse(&formula.text).map_err(unread)?;
    for param in &formula.params {
        let literal = match param.ty {
            Ty::Bool => Tree::truth(param.value != 0.0),
            Ty::Int => Tree::parse(&format!("{}", param.value.round() as i32)).map_err(unread)?,
            Ty::Float => Tree::parse(&format!("{:?}", param.value as f32)).map_err(unread)?,
        };
        tree = tree.with(&param.name, &literal);
    }
    Ok(tree.text())
}

/// Plain data as a program writes it: names without quotes.
fn program(value: &Value) -> String {
    match value {
        Value::String(text) => quoted(text),
        Value::Array(items) => format!("[{}]", items.iter().map(program).collect::<Vec<_>>().join(", ")),
        Value::Object(fields) => {
            let name = |name: &str| {
                let plain = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
                    && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
                if plain { name.to_owned() } else { quoted(name) }
            };
            let all = fields.iter().map(|(key, value)| format!("{}: {}", name(key), program(value)));
            format!("{{ {} }}", all.collect::<Vec<_>>().join(", "))
        }
        other => other.to_string(),
    }
}

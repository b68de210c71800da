//! The published types of the JavaScript API and its page against what the code reads and writes: no name is missing there, and none too many.

use std::collections::BTreeSet;
use std::path::Path;

use attention_playground::attention::request::{self, Op, OperatorDraft};
use attention_playground::catalogue::{self, List, summaries};
use attention_playground::experiment::Experiment;

type Names = BTreeSet<String>;

fn read(path: &str) -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap()
}

fn named<'a>(names: impl IntoIterator<Item = &'a str>) -> Names {
    names.into_iter().map(str::to_owned).collect()
}

/// The names of an interface's own members, and what it extends.
fn members(types: &str, interface: &str) -> Names {
    let start = [" extends", " {"].iter().find_map(|rest| types.find(&format!("interface {interface}{rest}")));
    let body = &types[start.unwrap_or_else(|| panic!("there is no interface {interface}"))..];
    let (head, body) = body.split_once('{').unwrap();
    let body = body.split("\n}").next().unwrap();
    let mut names = Names::new();
    for line in
        body.lines().filter_map(|line| line.strip_prefix("  ")).filter(|line| !line.starts_with([' ', '/', '*']))
    {
        let line = line.strip_prefix("readonly ").unwrap_or(line);
        let name: String = line.chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').collect();
        if !name.is_empty() {
            names.insert(name);
        }
    }
    if head.contains("extends CommonRequest") {
        names.extend(members(types, "CommonRequest"));
    }
    names
}

/// The texts between two marks in a source.
fn between(source: &str, open: &str, close: char) -> Names {
    source.split(open).skip(1).map(|rest| rest.split(close).next().unwrap().to_owned()).collect()
}

fn types() -> String {
    read("public/api/attention-playground.d.ts")
}

/// The fields of `RunResult`, of which those that say who computed are a struct of their own.
fn results() -> Names {
    let source = read("src/api/result.rs");
    let fields = |name: &str| {
        let of = source.split(&format!("pub struct {name} {{")).nth(1).unwrap().split("\n}").next().unwrap();
        between(of, "    pub ", ':')
    };
    let mut names = fields("RunResult");
    assert!(names.remove("ran"));
    names.extend(fields("Ran"));
    names
}

fn methods() -> Names {
    let source = read("src/api/mod.rs");
    let mut names = between(&source, "method(&api, \"", '"');
    names.extend(between(&source, "set(&api, \"", '"'));
    names
}

#[test]
fn requests_have_the_fields_that_are_read() {
    let types = types();
    assert_eq!(members(&types, "AttentionFields"), named(request::field_names()));
    for (interface, op) in
        [("LinearAttentionRequest", Op::LinearAttention), ("RotaryEmbeddingRequest", Op::RotaryEmbedding)]
    {
        let mut fields = named(OperatorDraft::field_names(op));
        if op == Op::RotaryEmbedding {
            // Passed over in silence, but no attribute of this operator.
            fields.remove("chunk_size");
        }
        assert_eq!(members(&types, interface), fields, "{interface}");
    }
    for op in Op::ALL.map(Op::name).iter().chain(&["attention"]) {
        assert!(types.contains(&format!("\"{op}\"")), "{op}");
    }
}

/// Names in quotes or marked as code, in a text.
fn marked(text: &str, open: &str, close: &str) -> Names {
    text.split(open).skip(1).map(|rest| rest.split(close).next().unwrap().to_owned()).collect()
}

#[test]
fn outputs_are_named_in_the_types_and_on_the_page() {
    let (types, page) = (types(), read("public/api/index.html"));
    let names = named(request::output_names());
    let declared = types.split("export type AttentionOutput =").nth(1).unwrap().split("\n\n").next().unwrap();
    assert_eq!(marked(declared, "| \"", "\""), names);
    let beside = named(request::estimate_names());
    // The list of each language, and the shape of each one under the results.
    for (start, lang) in [("Outputs: ", "en"), ("输出：", "zh-CN")] {
        let open = format!("<p lang=\"{lang}\">");
        let mut paragraphs = page.split(&open).map(|rest| rest.split("</p>").next().unwrap());
        let list = paragraphs.find_map(|paragraph| Some(paragraph.split_once(start)?.1)).unwrap();
        assert_eq!(marked(list, "<code>", "</code>"), names, "{lang}");
        let row = page.split("<tr><td><code>estimator</code></td>").nth(1).unwrap();
        let row = row.split(&format!("<span lang=\"{lang}\">")).nth(1).unwrap().split("</span>").next().unwrap();
        assert_eq!(marked(row, "<code>", "</code>"), beside, "{lang}");
    }
    let result = page.split("<tr><td><code>outputs</code></td><td>object of tensors</td>").nth(1).unwrap();
    let shaped = marked(result.split("</tr>").next().unwrap(), "<code>", "</code>");
    let told = |name: &str| shaped.contains(name) || shaped.contains(&format!("{name}.…"));
    let missing: Vec<&String> = names.iter().filter(|name| !told(name)).collect();
    assert!(missing.is_empty(), "the results do not say what {missing:?} looks like");
    for (interface, op) in
        [("LinearAttentionRequest", Op::LinearAttention), ("RotaryEmbeddingRequest", Op::RotaryEmbedding)]
    {
        let body = types.split(&format!("interface {interface}")).nth(1).unwrap();
        let line = body.lines().find(|line| line.trim_start().starts_with("outputs?:")).unwrap();
        assert_eq!(
            marked(line, "\"", "\"")
                .into_iter()
                .filter(|name| name.chars().all(|c| c.is_alphanumeric() || c == '_'))
                .collect::<Names>(),
            named(op.outputs().iter().copied())
        );
    }
}

#[test]
fn experiments_have_the_fields_that_links_carry() {
    let experiment = serde_json::to_value(Experiment::default()).unwrap();
    let fields = named(experiment.as_object().unwrap().keys().map(String::as_str));
    assert_eq!(members(&types(), "Experiment"), fields);
}

#[test]
fn results_methods_events_and_the_catalogue_are_those_of_the_code() {
    let types = types();
    assert_eq!(members(&types, "RunResult"), results());
    assert_eq!(members(&types, "AttentionPlayground"), methods());
    let events = read("src/api/events.rs");
    let events = events.split("const NAMES").nth(1).unwrap().split("= [").nth(1).unwrap().split(']').next().unwrap();
    assert_eq!(members(&types, "EventDetails"), named(events.split(", ").map(|name| name.trim_matches('"'))));
    assert_eq!(members(&types, "Catalogue"), named(List::ALL.map(List::id)));
    // Estimators say the most of themselves.
    let entry = serde_json::to_value(&summaries(List::Estimator)[0]).unwrap();
    assert_eq!(members(&types, "CatalogueEntry"), named(entry.as_object().unwrap().keys().map(String::as_str)));
    let stream = serde_json::to_value(&summaries(List::Stream)[0]).unwrap();
    let of_estimators = ["direction", "state"];
    let entries = members(&types, "CatalogueEntry");
    let more = stream.as_object().unwrap().keys().map(String::as_str).filter(|key| !entries.contains(*key));
    assert_eq!(members(&types, "StreamJoin"), named(more));
    assert!(stream.as_object().unwrap().keys().all(|key| !of_estimators.contains(&key.as_str())));
    let param = &entry["params"][0];
    assert_eq!(members(&types, "Parameter"), named(param.as_object().unwrap().keys().map(String::as_str)));
    let table = serde_json::to_value(catalogue::table("slope").unwrap()).unwrap();
    assert_eq!(
        table,
        serde_json::json!({
            "name": "slope", "type": "float", "axes": 1, "label": { "en": table["label"]["en"], "zh-CN": table["label"]["zh-CN"] }
        })
    );
}

#[test]
fn the_page_explains_every_name_in_both_languages() {
    let page = read("public/api/index.html");
    // The first column of every table, in which a row may explain several names.
    let mut rows = 0;
    let mut explained = Names::new();
    for row in page.split("<tr><td><code>").skip(1) {
        let (first, rest) = row.split_once("</code></td>").unwrap();
        let row = rest.split("</tr>").next().unwrap();
        assert!(row.contains("<span lang=\"en\">") && row.contains("<span lang=\"zh-CN\">"), "{first}");
        // A method stands with its arguments.
        explained.extend(first.split('(').next().unwrap().split(", ").map(str::to_owned));
        rows += 1;
    }
    assert!(rows > 60, "{rows}");
    let operators = Op::ALL.into_iter().flat_map(OperatorDraft::field_names);
    let mut wanted = named(request::field_names().chain(operators));
    wanted.extend(results().into_iter().chain(methods()));
    let missing: Vec<_> = wanted.difference(&explained).collect();
    assert!(missing.is_empty(), "the page does not explain {missing:?}");
    // What else it explains are attributes of the custom element.
    let element = read("public/api/attention-playground.d.ts");
    let element = element.split("Attributes:").nth(1).unwrap().split("*/").next().unwrap();
    for name in explained.difference(&wanted) {
        assert!(element.contains(&format!("`{name}`")), "the page explains `{name}`, which is nothing");
    }
    // The page itself, and the button that leads to the other language.
    let marked = |lang: &str| page.matches(&format!("lang=\"{lang}\"")).count() - 1;
    assert_eq!(marked("en"), marked("zh-CN"));
}

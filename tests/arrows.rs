//! Holds the map of `src/lib.rs`: which room may use which, and what stays out of the pure rooms.
//!
//! It reads the sources, without comments, strings and tests (a test may compare rooms), and resolves `use` groups, `crate::` and
//! `super::` paths. Everything it can't read for what it is would be a path to a known room, so it errs by refusing.

use std::fs;
use std::path::Path;

/// Each room and the rooms it may use.
const ROOMS: [(&str, &[&str]); 11] = [
    ("formula", &[]),
    ("interchange", &[]),
    ("catalogue", &["formula"]),
    ("experiment", &["catalogue", "formula", "interchange"]),
    ("attention", &["experiment", "catalogue", "formula", "interchange"]),
    ("engine", &["attention", "experiment", "formula"]),
    ("analysis", &["attention", "catalogue", "engine", "experiment", "formula"]),
    ("claims", &["analysis", "attention", "catalogue", "engine", "experiment", "formula"]),
    ("export", &["analysis", "attention", "experiment", "catalogue", "formula", "interchange"]),
    ("api", &["analysis", "app", "engine", "attention", "experiment", "catalogue", "interchange", "formula"]),
    (
        "app",
        &[
            "analysis",
            "api",
            "claims",
            "engine",
            "export",
            "attention",
            "experiment",
            "catalogue",
            "interchange",
            "formula",
        ],
    ),
];

/// Parts of a room that others, or other parts, must not use: (who, what).
const CLOSED: [(&str, &str); 6] = [
    ("app", "engine::cpu"),
    ("api", "engine::cpu"),
    ("analysis", "engine::cpu"),
    ("claims", "engine::cpu"),
    ("engine::cpu", "engine::gpu"),
    ("engine::gpu", "engine::cpu"),
];

/// Rooms that draw: the only ones where the web is at home, besides modules declared under one of these features.
const WEB_ROOMS: [&str; 3] = ["app", "api", "bin"];
const WEB_FEATURES: [&str; 3] = ["web", "app", "worker"];
const WEB_CRATES: [&str; 6] =
    ["web_sys", "js_sys", "wasm_bindgen", "wasm_bindgen_futures", "serde_wasm_bindgen", "leptos"];

/// One source file: its module path (`engine::cpu::pack`) and its text.
struct Source {
    module: String,
    text: String,
}

/// All that is wrong with a set of sources.
fn refusals(sources: &[Source]) -> Vec<String> {
    let web_modules: Vec<String> = sources.iter().flat_map(web_modules).collect();
    sources.iter().flat_map(|source| refusals_in(source, &web_modules)).collect()
}

fn refusals_in(source: &Source, web_modules: &[String]) -> Vec<String> {
    let mut found = Vec::new();
    let code = without_tests(&scrubbed(&source.text)).to_owned();
    let room = source.module.split("::").next().unwrap_or_default();
    let mut refuse = |what: &str| found.push(format!("{} {what}", source.module));
    for path in paths(&code, &source.module) {
        let target = path.split("::").next().unwrap_or_default();
        let known = ROOMS.iter().any(|(name, _)| *name == target);
        let allowed = ROOMS.iter().find(|(name, _)| *name == room).is_none_or(|(_, allowed)| allowed.contains(&target));
        let closed = CLOSED.iter().any(|(who, what)| under(&source.module, who) && under(&path, what));
        if (known && target != room && !allowed) || closed {
            refuse(&format!("uses {path}"));
        }
    }
    let web_home = WEB_ROOMS.contains(&room) || web_modules.iter().any(|module| under(&source.module, module));
    for name in WEB_CRATES.iter().filter(|name| !web_home && mentions(&code, name)) {
        refuse(&format!("mentions {name}"));
    }
    if mentions(&code, "wgpu") && !under(&source.module, "engine::gpu") {
        refuse("mentions wgpu");
    }
    if code.contains("#[wasm_bindgen") && !WEB_ROOMS.contains(&room) {
        refuse("exports with #[wasm_bindgen]: the worker would export it too");
    }
    found
}

/// Whether a module path is another or lies in it.
fn under(path: &str, ancestor: &str) -> bool {
    path.strip_prefix(ancestor).is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
}

/// Modules that a file declares under a feature of the web. Strings are still needed here, so this reads the plain text.
fn web_modules(source: &Source) -> Vec<String> {
    let mut lines = source.text.lines().map(str::trim);
    let mut found = Vec::new();
    while let Some(line) = lines.next() {
        if !WEB_FEATURES.iter().any(|feature| line == format!("#[cfg(feature = \"{feature}\")]")) {
            continue;
        }
        let Some(declared) = lines.find(|line| !line.starts_with("#[") && !line.starts_with("//")) else { break };
        if let Some(name) =
            declared.trim_start_matches("pub ").strip_prefix("mod ").and_then(|rest| rest.strip_suffix(';'))
        {
            found.push(format!("{}::{name}", source.module).trim_start_matches("::").to_owned());
        }
    }
    found
}

/// The text with comments gone and every string and character literal emptied.
fn scrubbed(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut out = String::with_capacity(text.len());
    let mut at = 0;
    while at < bytes.len() {
        let rest = &text[at..];
        let skip = if rest.starts_with("//") {
            rest.find('\n').unwrap_or(rest.len())
        } else if rest.starts_with("/*") {
            block_comment(rest)
        } else if rest.starts_with('"') {
            quoted(rest, 1)
        } else if let Some(hashes) = raw_string(rest, at.checked_sub(1).map(|before| bytes[before])) {
            let close = format!("\"{}", "#".repeat(hashes));
            let open = hashes + 2;
            rest[open..].find(&close).map_or(rest.len(), |end| open + end + close.len())
        } else if let Some(length) = character(rest) {
            length
        } else {
            let c = rest.chars().next().unwrap_or(' ');
            out.push(c);
            at += c.len_utf8();
            continue;
        };
        out.push(' ');
        at += skip;
    }
    out
}

/// The length of a block comment; they nest.
fn block_comment(rest: &str) -> usize {
    let (mut depth, mut at) = (0, 0);
    while at < rest.len() {
        match rest.as_bytes()[at..] {
            [b'/', b'*', ..] => (depth, at) = (depth + 1, at + 2),
            [b'*', b'/', ..] => (depth, at) = (depth - 1, at + 2),
            _ => at += 1,
        }
        if depth == 0 {
            break;
        }
    }
    at
}

/// The length of a literal that ends with the quote it began with, of which `from` bytes are read.
fn quoted(rest: &str, from: usize) -> usize {
    let mut at = from;
    while at < rest.len() {
        match rest.as_bytes()[at] {
            b'\\' => at += 2,
            b'"' => return at + 1,
            _ => at += 1,
        }
    }
    rest.len()
}

/// The number of hashes of a raw string that starts here.
fn raw_string(rest: &str, before: Option<u8>) -> Option<usize> {
    let word = before.is_some_and(|b| (b.is_ascii_alphanumeric() && b != b'b') || b == b'_');
    let tail = rest.strip_prefix('r').filter(|_| !word)?;
    let hashes = tail.len() - tail.trim_start_matches('#').len();
    tail[hashes..].starts_with('"').then_some(hashes)
}

/// The length of a character literal; a lifetime is none.
fn character(rest: &str) -> Option<usize> {
    let tail = rest.strip_prefix('\'')?;
    if tail.starts_with('\\') {
        return tail[2..].find('\'').map(|end| end + 4);
    }
    let c = tail.chars().next()?;
    tail[c.len_utf8()..].starts_with('\'').then_some(c.len_utf8() + 2)
}

/// Everything before the tests, which sit at the bottom of a file.
fn without_tests(code: &str) -> &str {
    code.split("#[cfg(test)]").next().unwrap_or_default()
}

/// Every path into the crate, from its root, with `use` groups taken apart.
fn paths(code: &str, module: &str) -> Vec<String> {
    let mut found = Vec::new();
    let depth = module.split("::").filter(|part| !part.is_empty()).count();
    for start in ["crate::", "attention_playground::", "super::"] {
        for (at, _) in code.match_indices(start) {
            let inside = code[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_' || c == ':');
            if inside {
                continue;
            }
            let mut tail = &code[at..];
            let base = if start == "super::" {
                let mut climbed = 0;
                while let Some(rest) = tail.strip_prefix("super::") {
                    (tail, climbed) = (rest, climbed + 1);
                }
                let kept = depth.saturating_sub(climbed);
                module.split("::").take(kept).collect::<Vec<_>>().join("::")
            } else {
                tail = &tail[start.len()..];
                String::new()
            };
            expand(tail, &base, &mut found);
        }
    }
    found
}

/// Reads one path tree (`a::b`, `a::{b, c::d}`) behind a base; returns what is left of the text.
fn expand<'a>(text: &'a str, base: &str, found: &mut Vec<String>) -> &'a str {
    let text = text.trim_start();
    if let Some(mut rest) = text.strip_prefix('{') {
        loop {
            rest = rest.trim_start();
            if rest.is_empty() {
                return rest;
            }
            if let Some(end) = rest.strip_prefix('}') {
                return end;
            }
            let before = rest.len();
            rest = expand(rest, base, found).trim_start();
            // An alias, or anything else that is no path, up to the next comma of the group.
            let stop = rest.find([',', '}']).unwrap_or(rest.len());
            rest = &rest[stop..];
            rest = rest.strip_prefix(',').unwrap_or(rest);
            if rest.len() == before {
                return rest;
            }
        }
    }
    let end = text.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(text.len());
    let path = [base, &text[..end]].iter().filter(|part| !part.is_empty()).copied().collect::<Vec<_>>().join("::");
    match text[end..].strip_prefix("::") {
        Some(rest) if end > 0 => expand(rest, &path, found),
        _ => {
            found.push(path);
            &text[end..]
        }
    }
}

/// Whether a name stands in the code as a whole word.
fn mentions(code: &str, name: &str) -> bool {
    let part = |c: char| c.is_alphanumeric() || c == '_';
    code.match_indices(name).any(|(at, _)| !code[..at].ends_with(part) && !code[at + name.len()..].starts_with(part))
}

fn read(folder: &Path, module: &str, sources: &mut Vec<Source>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let stem = path.file_stem().unwrap().to_str().unwrap();
        let inner = [module, stem].iter().filter(|part| !part.is_empty()).copied().collect::<Vec<_>>().join("::");
        if path.is_dir() {
            read(&path, &inner, sources);
        } else if path.extension().is_some_and(|e| e == "rs") && stem != "tests" && !stem.ends_with("_tests") {
            let module = if matches!(stem, "mod" | "lib") { module.to_owned() } else { inner };
            sources.push(Source { module, text: fs::read_to_string(&path).unwrap() });
        }
    }
}

#[test]
fn the_sources_keep_to_the_map() {
    let mut sources = Vec::new();
    read(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), "", &mut sources);
    for (room, _) in ROOMS.iter().filter(|(room, _)| !matches!(*room, "app" | "api")) {
        assert!(sources.iter().any(|source| under(&source.module, room)), "no source of {room} was read");
    }
    let refused = refusals(&sources);
    assert!(refused.is_empty(), "\n{}\n", refused.join("\n"));
}

/// The table of rooms in ARCHITECTURE.md: each room and the rooms it may use, both sorted. What stands behind a semicolon is in [`CLOSED`].
fn told(page: &str) -> Vec<(&str, Vec<&str>)> {
    let table = page.split("## Rooms and arrows").nth(1).unwrap().split("\n## ").next().unwrap();
    let rows = table.lines().filter(|line| line.starts_with("| `"));
    let mut rooms: Vec<(&str, Vec<&str>)> = rows
        .map(|row| {
            let cells: Vec<&str> = row.trim_matches('|').split('|').map(str::trim).collect();
            let uses = cells[2].split(';').next().unwrap();
            let mut uses: Vec<&str> = uses.split(", ").filter(|room| *room != "nothing").collect();
            uses.sort_unstable();
            (cells[0].trim_matches('`'), uses)
        })
        .collect();
    rooms.sort_unstable();
    rooms
}

#[test]
fn architecture_draws_the_same_map() {
    let page = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("ARCHITECTURE.md")).unwrap();
    let mut rooms: Vec<(&str, Vec<&str>)> = ROOMS.iter().map(|(room, uses)| (*room, uses.to_vec())).collect();
    rooms.iter_mut().for_each(|(_, uses)| uses.sort_unstable());
    rooms.sort_unstable();
    assert_eq!(told(&page), rooms);
}

fn refused(module: &str, text: &str) -> Vec<String> {
    refusals(&[Source { module: module.into(), text: text.into() }])
}

#[test]
fn a_wrong_arrow_is_refused_however_it_is_written() {
    for (module, text, says) in [
        ("formula::parse", "use crate::catalogue::Entry;", "uses catalogue::Entry"),
        ("formula::parse", "fn f() -> crate::engine::Outcome {}", "uses engine::Outcome"),
        ("catalogue", "use crate::{formula::Form, attention::Plan as P};", "uses attention::Plan"),
        ("catalogue::masks", "use super::super::experiment::Spec;", "uses experiment::Spec"),
        ("app::map", "use crate::engine::{item, cpu::{pack, Kernel}};", "uses engine::cpu::pack"),
        ("engine::gpu::run", "use super::super::cpu::pack;", "uses engine::cpu::pack"),
        ("engine::cpu", "use crate::engine::gpu;", "uses engine::gpu"),
        ("attention::plan", "let x: js_sys::Array;", "mentions js_sys"),
        ("engine::pool", "use wgpu::Device;", "mentions wgpu"),
        ("engine", "#[wasm_bindgen(start)] fn f() {}", "exports with"),
    ] {
        let found = refused(module, text);
        assert!(found.iter().any(|line| line.contains(says)), "{module}: {text}: {found:?}");
    }
}

#[test]
fn what_is_allowed_or_no_code_is_not_refused() {
    for (module, text) in [
        ("catalogue::masks", "use crate::formula::{Form, parse};\nuse super::Entry;"),
        ("formula", "// use crate::engine::Outcome;\n/* crate::app /* crate::api */ leptos */"),
        (
            "formula",
            "const A: &str = \"crate::engine leptos\"; const B: &str = r#\"\"crate::app\"#; const C: char = '\"'; // leptos",
        ),
        ("formula", "fn f<'a>(x: &'a str) {}\n#[cfg(test)]\nmod tests { use crate::engine::Outcome; }"),
        ("analysis", "use crate::engine::outcome::Outcome;"),
        ("app::map", "use leptos::prelude::*; use crate::engine::pool::Pool;"),
        ("engine::gpu", "use wgpu::Device;"),
        ("formula", "let my_web_sys_like_name = xcrate::app;"),
    ] {
        assert_eq!(refused(module, text), Vec::<String>::new(), "{module}: {text}");
    }
}

#[test]
fn a_module_declared_for_the_web_may_use_it_and_its_neighbour_may_not() {
    let room = Source {
        module: "engine".into(),
        text: "#[cfg(feature = \"web\")]\n/// Pool.\npub mod pool;\npub mod cpu;".into(),
    };
    let at = |module: &str| Source { module: module.into(), text: "use web_sys::Worker;".into() };
    let found = refusals(&[room, at("engine::pool::launch"), at("engine::cpu")]);
    assert_eq!(found, ["engine::cpu mentions web_sys"]);
}

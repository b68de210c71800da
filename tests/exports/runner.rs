//! Exports cases, runs them by Python, compares them; keeps what a library computed that is not installed everywhere.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use attention_playground::attention::{Plan, assemble, reference};
use attention_playground::catalogue::Lang;
use attention_playground::export::{self, INPUTS_FILE, Subject, Target, code};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::cases::{Case, cases};

/// A case as what is exported.
pub fn subject<'a>(case: &'a Case) -> Subject<'a> {
    Subject { experiment: &case.experiment, loaded: &case.loaded, link: "https://example.org/#e=x", output: None }
}

/// What the definition gives.
pub fn expected(case: &Case) -> Vec<f64> {
    let (problem, inputs) = assemble(&case.experiment, &case.loaded).unwrap();
    let plan = Plan::compile(&problem).unwrap();
    reference::attend(&plan, &inputs).y.iter().copied().collect()
}

fn python() -> PathBuf {
    let own = Path::new(env!("CARGO_MANIFEST_DIR")).join(".tools/python/bin/python");
    match std::env::var_os("ATTENTION_PYTHON") {
        Some(given) => given.into(),
        None if own.is_file() => own,
        None => "python3".into(),
    }
}

/// What each script computes: its shape and its numbers, or what went wrong.
pub fn run(scripts: &[(String, String)], folder: &Path) -> BTreeMap<String, Result<Vec<f64>, String>> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/exports/run.py");
    let mut child = Command::new(python())
        .arg(script)
        .arg(folder)
        .env("JAX_PLATFORMS", "cpu")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("{} does not run: {error}; `cargo xtask test` installs it", python().display()));
    let all: Vec<Value> = scripts.iter().map(|(name, code)| json!({ "name": name, "code": code })).collect();
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(Value::Array(all).to_string().as_bytes()).unwrap();
    drop(stdin);
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "the runner ended with {}", output.status);
    let answers = String::from_utf8(output.stdout).unwrap();
    let number = |x: &Value| x.as_f64().or_else(|| x.as_str()?.parse().ok()).unwrap_or(f64::NAN);
    answers
        .lines()
        .map(|line| {
            let answer: Value = serde_json::from_str(line).unwrap();
            let found = match answer["y"].as_array() {
                Some(y) => Ok(y.iter().map(number).collect()),
                None => Err(answer["error"].to_string().replace("\\n", "\n")),
            };
            (answer["name"].as_str().unwrap().to_owned(), found)
        })
        .collect()
}

/// The name of the file with a case's inputs: all cases share a folder.
fn file_of(case: &Case) -> String {
    let plain: String = case.name.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect();
    format!("{plain}-{INPUTS_FILE}")
}

/// A case's program as it is run.
pub fn script(case: &Case, text: &str) -> String {
    text.replace(INPUTS_FILE, &file_of(case))
}

/// A folder with the files that scripts read.
pub fn folder(name: &str) -> PathBuf {
    let folder = Path::new(env!("OUT_DIR")).join(name);
    std::fs::create_dir_all(&folder).unwrap();
    folder
}

/// What is kept of a run by a library that is not installed everywhere.
#[derive(Debug, Deserialize, Serialize)]
pub struct Kept {
    /// Checksum of the script, all but the line with the version.
    pub script: String,
    pub sum: f64,
    pub largest: f64,
    /// Eight numbers of the output, evenly spaced, the last one among them.
    pub some: Vec<f64>,
}

impl Kept {
    pub fn new(text: &str, y: &[f64]) -> Self {
        let lines = text.lines().skip(1).flat_map(|line| line.bytes().chain([10]));
        let sum =
            lines.fold(0xcbf2_9ce4_8422_2325_u64, |sum, byte| (sum ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3));
        let some = (1..=8).map(|i| y[(y.len() * i / 8).max(1) - 1]).collect();
        let largest = y.iter().fold(0.0_f64, |top, x| top.max(x.abs()));
        Self { script: format!("{sum:016x}"), sum: y.iter().sum(), largest, some }
    }
}

/// The file with what a library computed once.
pub fn kept(target: Target) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/exports/{}.json", target.id()))
}

/// Writes what was computed beside the script, where `ATTENTION_RECORD` is set.
fn keep(target: Target, scripts: &[(String, String)], found: &BTreeMap<String, Result<Vec<f64>, String>>) {
    if std::env::var_os("ATTENTION_RECORD").is_none() {
        return;
    }
    let line = |(name, text): &(String, String)| {
        let kept = Kept::new(text, found[name].as_ref().unwrap());
        format!("{}: {}", json!(name), serde_json::to_string(&kept).unwrap())
    };
    let lines: Vec<String> = scripts.iter().map(line).collect();
    std::fs::write(kept(target), format!("{{\n{}\n}}\n", lines.join(",\n"))).unwrap();
}

/// Exports every case, runs what is not refused, compares; the number of those that ran and the sentences of those refused.
pub fn compare(target: Target, tolerance: f64, of: fn(&Case) -> bool) -> (usize, Vec<String>) {
    let folder = folder(target.id());
    let (mut scripts, mut wanted, mut refused) = (Vec::new(), BTreeMap::new(), Vec::new());
    for case in cases().iter().filter(|case| of(case)) {
        match code(&subject(case), target) {
            Ok(made) => {
                if made.file.is_some() {
                    let file = folder.join(file_of(case));
                    std::fs::write(file, export::inputs_file(&subject(case)).unwrap()).unwrap();
                }
                let before = wanted.insert(case.name.clone(), expected(case));
                assert!(before.is_none(), "two cases are called {}", case.name);
                scripts.push((case.name.clone(), script(case, &made.text)));
            }
            Err(issues) => refused.push(format!("{}: {}", case.name, issues.lines(Lang::En))),
        }
    }
    let found = run(&scripts, &folder);
    let mut faults = Vec::new();
    let mut worst = (0.0_f64, String::new());
    for (name, want) in &wanted {
        let text = || &scripts.iter().find(|(other, _)| other == name).unwrap().1;
        match found.get(name) {
            Some(Ok(y)) if y.len() == want.len() => {
                let largest = want.iter().fold(1e-30_f64, |top, x| top.max(x.abs()));
                // NaN is a fault as well.
                let off = y
                    .iter()
                    .zip(want)
                    .map(|(y, w)| if (y - w).abs() <= f64::MAX { (y - w).abs() } else { f64::INFINITY });
                let error = off.fold(0.0, f64::max) / largest;
                if error > worst.0 {
                    worst = (error, name.clone());
                }
                if error > tolerance {
                    faults.push(format!("{name}: off by {error:e}\n{}", text()));
                }
            }
            Some(Ok(y)) => faults.push(format!("{name}: {} numbers, not {}", y.len(), want.len())),
            Some(Err(error)) => faults.push(format!("{name}: {error}\n{}", text())),
            None => faults.push(format!("{name}: no answer")),
        }
    }
    println!("{}: {} ran, {} refused, worst {:e} ({})", target.id(), wanted.len(), refused.len(), worst.0, worst.1);
    let shown: Vec<&str> = faults.iter().take(6).map(String::as_str).collect();
    assert!(faults.is_empty(), "{} of {} scripts are wrong:\n{}", faults.len(), wanted.len(), shown.join("\n\n"));
    if matches!(target, Target::Sdpa | Target::Flex) {
        keep(target, &scripts, &found);
    }
    (wanted.len(), refused)
}

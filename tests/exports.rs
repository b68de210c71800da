//! Exported scripts, run: what they compute against the reference in double precision.
//!
//! The tests whose names begin with `python_` need Python with NumPy, JAX or ONNX. `cargo xtask test` installs them and runs these tests, or says that it
//! cannot; `ATTENTION_PYTHON` names another Python. Others look at the texts, and run everywhere.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a failed unwrap is a failed test")]

#[path = "exports/cases.rs"]
mod cases;

use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use attention_playground::attention::request::{Draft, Tensor, prepare};
use attention_playground::attention::{Inputs, Loaded, Plan, Problem, assemble, reference};
use attention_playground::catalogue::Lang;
use attention_playground::experiment::{Choice, CustomFormula, Experiment, SoftcapOrder};
use attention_playground::export::{self, INPUTS_FILE, Subject, Target, code};
use cases::{Case, cases, plain};
use serde_json::{Value, json};

/// Of the largest output. NumPy computes in double precision; formulas, encodings and rotations in single, where its functions and Rust's may differ
/// in the last place.
const NUMPY: f64 = 2e-6;
/// JAX, ONNX's reference and PyTorch compute in single precision.
const SINGLE: f64 = 2e-5;

fn subject<'a>(case: &'a Case) -> Subject<'a> {
    Subject { experiment: &case.experiment, loaded: &case.loaded, link: "https://example.org/#e=x", output: None }
}

/// What the definition gives.
fn expected(case: &Case) -> Vec<f64> {
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
fn run(scripts: &[(String, String)], folder: &Path) -> BTreeMap<String, Result<Vec<f64>, String>> {
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

/// A folder with the files that scripts read.
fn folder(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    std::fs::create_dir_all(&folder).unwrap();
    folder
}

/// Exports every case, runs what is not refused, compares; the number of those that ran and the sentences of those refused.
fn compare(target: Target, tolerance: f64) -> (usize, Vec<String>) {
    let folder = folder(target.id());
    let (mut scripts, mut wanted, mut refused) = (Vec::new(), BTreeMap::new(), Vec::new());
    for (i, case) in cases().iter().enumerate() {
        match code(&subject(case), target) {
            Ok(made) => {
                let name = format!("{i} {}", case.name);
                let file = format!("{i}-{INPUTS_FILE}");
                if made.file.is_some() {
                    std::fs::write(folder.join(&file), export::inputs_file(&subject(case)).unwrap()).unwrap();
                }
                scripts.push((name.clone(), made.text.replace(INPUTS_FILE, &file)));
                wanted.insert(name, expected(case));
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
                let off = y.iter().zip(want).map(|(y, w)| if (y - w).abs() <= f64::MAX { (y - w).abs() } else { f64::INFINITY });
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
    (wanted.len(), refused)
}

#[test]
#[ignore = "needs Python with NumPy; cargo xtask test runs it"]
fn python_numpy_computes_what_the_page_does() {
    let (ran, refused) = compare(Target::Numpy, NUMPY);
    assert_eq!((ran, refused), (cases().len(), Vec::new()), "NumPy has words for everything");
}

#[test]
#[ignore = "needs Python with JAX; cargo xtask test runs it"]
fn python_jax_computes_what_the_page_does() {
    let (ran, refused) = compare(Target::Jax, SINGLE);
    assert_eq!((ran, refused), (cases().len(), Vec::new()), "JAX has words for everything");
}

#[test]
#[ignore = "needs Python with ONNX; cargo xtask test runs it"]
fn python_onnx_computes_what_the_page_does() {
    let (ran, _) = compare(Target::Onnx, SINGLE);
    assert!(ran > 100, "{ran}");
}

#[test]
#[ignore = "needs Python with PyTorch, which cargo xtask test does not install"]
fn torch_sdpa_computes_what_the_page_does() {
    let (ran, _) = compare(Target::Sdpa, SINGLE);
    assert!(ran > 100, "{ran}");
}

#[test]
#[ignore = "needs Python with PyTorch, which cargo xtask test does not install"]
fn torch_flex_computes_what_the_page_does() {
    let (ran, _) = compare(Target::Flex, SINGLE);
    assert!(ran > 150, "{ran}");
}

//! Exported scripts, run: what they compute against the reference in double precision.
//!
//! The tests whose names begin with `python_` need Python with NumPy, JAX or ONNX. `cargo xtask test` installs them and runs these tests, or says that it
//! cannot; `ATTENTION_PYTHON` names another Python. Others look at the texts, and run everywhere.

#[path = "exports/again.rs"]
mod again;
#[path = "exports/cases.rs"]
mod cases;
#[path = "exports/runner.rs"]
mod runner;

use std::collections::BTreeMap;

use attention_playground::attention::lowering::{finish, lower};
use attention_playground::attention::request::{Draft, prepare};
use attention_playground::attention::{Inputs, Plan, Problem, assemble, made, reference};
use attention_playground::catalogue::{self, Lang, Slot};
use attention_playground::experiment::{
    Choice, CustomFormula, Declared, Experiment, FormulaChoice, Input, Normals, SoftcapOrder,
};
use attention_playground::export::{self, Subject, Target, code};
use attention_playground::formula::Ty;
use attention_playground::interchange::npy;
use cases::{Case, cases, plain};
use runner::{Kept, compare, expected, kept, script, subject};
use serde_json::Value;

/// Of the largest output. NumPy computes in double precision; formulas, encodings and rotations in single, where its functions and Rust's may differ
/// in the last place.
const NUMPY: f64 = 1e-6;
/// JAX, ONNX's reference and PyTorch compute in single precision.
const SINGLE: f64 = 5e-6;

#[test]
fn the_page_computes_what_was_kept_of_pytorch() {
    for target in [Target::Sdpa, Target::Flex] {
        let kept: BTreeMap<String, Kept> = serde_json::from_slice(&std::fs::read(kept(target)).unwrap()).unwrap();
        let (mut seen, mut others) = (0, Vec::new());
        for case in &cases() {
            let Ok(made) = code(&subject(case), target) else { continue };
            let want = Kept::new(&script(case, &made.text), &expected(case));
            let Some(found) = kept.get(&case.name).filter(|found| found.script == want.script) else {
                others.push(case.name.clone());
                continue;
            };
            let near = |a: f64, b: f64, size: f64| (a - b).abs() <= SINGLE * size.max(1e-30);
            let some = found.some.iter().zip(&want.some).all(|(a, b)| near(*a, *b, want.largest));
            let count = case.loaded.dims.y_len() as f64;
            let whole =
                near(found.sum, want.sum, want.largest * count) && near(found.largest, want.largest, want.largest);
            assert!(some && whole && found.some.len() == 8, "{}: {found:?}, not {want:?}", case.name);
            seen += 1;
        }
        assert!(
            seen > 150 && others.is_empty(),
            "{}: {seen} as PyTorch computed them. Never run by it as they are now: {others:?}; for that run the torch_ tests with \
             ATTENTION_PYTHON (one that has PyTorch) and ATTENTION_RECORD=1",
            target.id()
        );
    }
}

/// Whether NumPy has words for all that was refused but for normalisers of which no script knows yet.
fn only_normalisers(refused: &[String]) -> bool {
    refused.iter().all(|line| line.starts_with("normaliser ") && line.contains("normaliser.id: "))
}

#[test]
#[ignore = "needs Python with NumPy; cargo xtask test runs it"]
fn python_numpy_computes_what_the_page_does() {
    let (ran, refused) = compare(Target::Numpy, NUMPY, |_| true);
    assert!(ran > 200 && only_normalisers(&refused), "{ran} ran, refused {refused:?}");
}

#[test]
#[ignore = "needs Python with NumPy; cargo xtask test runs it"]
fn python_numpy_makes_the_same_bits() {
    again::same_bits();
}

#[test]
#[ignore = "needs Python with JAX; cargo xtask test runs it"]
fn python_jax_computes_what_the_page_does() {
    // Inputs are NumPy's work there too, and each new shape costs JAX a second.
    let (ran, refused) =
        compare(Target::Jax, SINGLE, |case| !["recipe", "hidden"].iter().any(|word| case.name.starts_with(word)));
    assert!(ran > 130 && only_normalisers(&refused), "{ran} ran, refused {refused:?}");
}

#[test]
#[ignore = "needs Python with ONNX; cargo xtask test runs it"]
fn python_onnx_computes_what_the_page_does() {
    let (ran, _) = compare(Target::Onnx, SINGLE, |_| true);
    assert!(ran > 100, "{ran}");
}

#[test]
#[ignore = "needs Python with PyTorch, which cargo xtask test does not install"]
fn torch_sdpa_computes_what_the_page_does() {
    let (ran, _) = compare(Target::Sdpa, SINGLE, |_| true);
    assert!(ran > 100, "{ran}");
}

#[test]
#[ignore = "needs Python with PyTorch, which cargo xtask test does not install"]
fn torch_flex_computes_what_the_page_does() {
    let (ran, _) = compare(Target::Flex, SINGLE, |_| true);
    assert!(ran > 150, "{ran}");
}

/// What the definition gives, with what is done before and after it.
fn whole(problem: &Problem, inputs: &Inputs) -> Vec<f64> {
    let (mut problem, mut inputs) = (problem.clone(), inputs.clone());
    lower(&mut problem, &mut inputs).unwrap();
    let y = reference::attend(&Plan::compile(&problem).unwrap(), &inputs).y;
    let mut y: Vec<f32> = y.iter().map(|&x| x as f32).collect();
    finish(&problem, &mut y);
    y.into_iter().map(f64::from).collect()
}

/// Everything by content, which only the page's own interface can say.
fn by_content() -> Vec<Case> {
    let mut all = Vec::new();
    let mut add = |name: String, experiment: Experiment| {
        let loaded = made(&experiment.input).unwrap();
        all.push(Case { name, experiment, loaded });
    };
    for entry in catalogue::products() {
        add(format!("product {}", entry.id), Experiment { product: Choice::of(entry.id), ..plain() });
    }
    for entry in catalogue::layouts() {
        add(format!("layout {}", entry.id), Experiment { layout: Choice::of(entry.id), ..plain() });
        let other = Experiment { layout: Choice::of(entry.id), temperature: 0.7, ..plain() };
        add(format!("layout {} warm", entry.id), other);
    }
    for entry in catalogue::selections() {
        add(format!("selection {}", entry.id), Experiment { selection: Choice::of(entry.id), ..plain() });
    }
    for entry in catalogue::positions().iter().filter(|entry| matches!(entry.slot, Slot::Content(_))) {
        add(format!("position {}", entry.id), Experiment { position: Choice::of(entry.id), ..plain() });
    }
    for branch in ["sinks", "document", "linear", "conv1d"] {
        let mixed = Experiment { hybrid: Choice::of("gated"), branch: Choice::of(branch), ..plain() };
        add(format!("hybrid with {branch}"), mixed.clone());
        add(format!("hybrid of gru and {branch}"), Experiment { branch_a: Choice::of("gru"), ..mixed });
    }
    for entry in catalogue::probabilities().iter().filter(|entry| entry.id != "none") {
        add(format!("prob {}", entry.id), Experiment { prob: FormulaChoice::of(entry.id), ..plain() });
    }
    let half = Declared { name: "w".to_owned(), ty: Ty::Float, min: 0.0, max: 1.0, step: 0.1, value: 0.5 };
    let own = CustomFormula { text: "p * w + (0.25 if k % 2 == 0 else 0)".to_owned(), params: vec![half] };
    let prob = FormulaChoice { custom: Some(own), ..FormulaChoice::of("custom") };
    add("prob of one's own".to_owned(), Experiment { prob, ..plain() });
    add("layers".to_owned(), Experiment { layers: Choice::of("rope-nope"), position: Choice::of("rope"), ..plain() });
    all
}

#[test]
fn a_request_of_the_page_s_own_interface_asks_for_the_same() {
    for case in cases().iter().chain(&by_content()) {
        let (problem, inputs) = assemble(&case.experiment, &case.loaded).unwrap();
        let mut draft = Draft::default();
        draft.inputs(&case.loaded.dims, &inputs);
        for (name, value) in export::request(&subject(case)).unwrap() {
            assert!(draft.wants(&name), "{}: {name}", case.name);
            draft.field(&name, value);
        }
        let prepared = draft.request().and_then(|request| prepare(&request));
        let prepared = prepared.unwrap_or_else(|issues| panic!("{}: {issues}", case.name));
        // Names of fields differ, and a rectangle is a formula there: what they compute does not.
        let (found, want) = (whole(&prepared.problem, &prepared.inputs), whole(&problem, &inputs));
        let off = found.iter().zip(&want).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
        assert!(found.len() == want.len() && off < 1e-6, "{}: off by {off:e}", case.name);
        let text = code(&subject(case), Target::JavaScript).unwrap().text;
        assert!(text.contains("await playground.run({"), "{}", case.name);
    }
}

/// The sentences with which a target refuses an experiment.
fn refusals(experiment: Experiment, target: Target) -> Vec<String> {
    let case = Case { name: String::new(), loaded: made(&experiment.input).unwrap(), experiment };
    let issues = code(&subject(&case), target).err().unwrap_or_default();
    for issue in &issues.0 {
        assert!(!issue.message.zh.is_empty() && issue.message.zh != issue.message.en, "{issue:?}");
    }
    issues.0.iter().map(|issue| issue.line(Lang::En)).collect()
}

#[test]
fn what_a_target_cannot_say_is_refused_with_its_field() {
    let score = |text: &str| Some(CustomFormula { text: text.to_owned(), params: Vec::new() });
    let entmax = || Experiment { normaliser: Choice::of("entmax"), ..plain() };
    for target in [Target::Sdpa, Target::Flex, Target::Onnx] {
        let said = refusals(entmax(), target);
        assert!(
            said.len() == 1 && said[0].starts_with("normaliser.id: ") && said[0].contains("use NumPy, JAX"),
            "{said:?}"
        );
        let off = refusals(Experiment { normaliser: Choice::of("off-by-one"), ..plain() }, target);
        assert_eq!(off.is_empty(), target == Target::Flex, "{off:?}");
        let twice = refusals(Experiment { score: score("s * 2"), ..plain() }, target);
        assert_eq!(twice.is_empty(), target == Target::Flex, "{twice:?}");
        assert!(twice.iter().all(|line| line.starts_with("score.text: ")), "{twice:?}");
    }
    for target in Target::ALL {
        // A branch that nothing mixes in changes nothing.
        let branch = Experiment { branch: Choice::of("sinks"), ..plain() };
        assert_eq!(refusals(branch.clone(), target), [""; 0], "{target:?}");
        let mixed = refusals(Experiment { hybrid: Choice::of("gated"), ..branch }, target);
        let told = target == Target::JavaScript;
        assert_eq!(mixed.iter().any(|said| said.starts_with("hybrid: ")), !told, "{target:?}: {mixed:?}");
    }
    let mut sink = Experiment { normaliser: Choice::of("learned-sink"), ..plain() };
    let heads = made(&sink.input).unwrap().dims.q_heads;
    sink.data.insert("sink_logit".to_owned(), vec![-2.5; heads]);
    let case = Case { name: String::new(), loaded: made(&sink.input).unwrap(), experiment: sink };
    assert!(
        code(&subject(&case), Target::JavaScript).unwrap().text.contains("sink_logit: [-2.5"),
        "its table goes along"
    );
    let capped = Experiment { softcap: 2.0, ..plain() };
    assert!(refusals(capped.clone(), Target::Sdpa)[0].starts_with("softcap: "));
    assert_eq!(refusals(capped.clone(), Target::Onnx), [""; 0]);
    let mut after = Experiment { position: Choice::of("alibi"), ..capped };
    after.conventions.softcap = SoftcapOrder::AfterBias;
    assert!(refusals(after, Target::Onnx)[0].starts_with("conventions.softcap: "));
    for target in Target::ALL.into_iter().filter(|target| *target != Target::JavaScript) {
        assert_eq!(refusals(entmax(), target).is_empty(), matches!(target, Target::Numpy | Target::Jax));
        for (path, experiment) in [
            ("product.id: ", Experiment { product: Choice::of("l2"), ..plain() }),
            ("layout.id: ", Experiment { layout: Choice::of("talking-heads"), ..plain() }),
        ] {
            let said = refusals(experiment, target);
            assert!(said.len() == 1 && said[0].starts_with(path), "{target:?}: {said:?}");
        }
        let experiment = Experiment { score: score("s +"), ..plain() };
        let wrong = Case { name: String::new(), loaded: made(&experiment.input).unwrap(), experiment };
        assert!(code(&subject(&wrong), target).is_err(), "a mistake is told, not exported");
    }
}

#[test]
fn nothing_that_a_link_may_hold_gets_out_of_its_comment_or_quotes() {
    let formula = CustomFormula { text: "k <=\n q_pos\n and true".to_owned(), params: Vec::new() };
    let mut experiment = plain();
    experiment.mask.id = "custom".to_owned();
    experiment.mask.custom = Some(formula);
    let size = attention_playground::experiment::Size::default();
    experiment.input =
        Input::Text { text: "a\"\nimport os\u{2028}\\".to_owned(), size, seed: 0, normals: Normals::Unrounded };
    let case = Case { name: String::new(), loaded: made(&experiment.input).unwrap(), experiment };
    for target in Target::ALL {
        let subject = Subject { link: "https://example.org/\nimport os\n#x", ..subject(&case) };
        let text = code(&subject, target).unwrap().text;
        assert!(text.lines().all(|line| !line.trim_start().starts_with("import os")), "{text}");
        assert!(!text.contains('\u{2028}') && !text.contains("\n q_pos"));
    }
}

#[test]
fn test_vectors_hold_what_the_page_computed() {
    let all = cases();
    let case = all.iter().find(|case| case.name == "grouped").unwrap();
    let (problem, inputs) = assemble(&case.experiment, &case.loaded).unwrap();
    let plan = Plan::compile(&problem).unwrap();
    let reference = reference::attend(&plan, &inputs);
    let y: Vec<f32> = reference.y.iter().map(|&x| x as f32).collect();
    let archive = export::vectors(&Subject { output: Some(&y), ..subject(case) }).unwrap();
    // Stored without compression, so each array stands in the archive as it is.
    let array = |name: &str| {
        let at = archive.windows(name.len()).position(|window| window == name.as_bytes()).unwrap();
        let size = u32::from_le_bytes(archive[at - 8..at - 4].try_into().unwrap()) as usize;
        npy::read(&archive[at + name.len()..at + name.len() + size]).unwrap()
    };
    assert_eq!((array("y.npy").shape, array("y.npy").data), (vec![1, 6, 9, 6], y));
    assert_eq!((array("q.npy").shape, array("q.npy").data), (vec![1, 6, 9, 8], inputs.q.to_vec()));
    assert_eq!(array("k.npy").data, inputs.k.to_vec());
    assert_eq!(array("v.npy").data, inputs.v.to_vec());
    let mask = array("mask.npy");
    assert_eq!(mask.shape, [1, 6, 9, 9]);
    assert!(mask.data.iter().enumerate().all(|(at, &x)| (x == 1.0) == (at % 9 <= at / 9 % 9)), "causal");
    let weights: Vec<f32> = reference.weights.iter().map(|&x| x as f32).collect();
    assert_eq!(array("weights.npy").data, weights);
}

#[test]
fn an_experiment_comes_back_from_its_file() {
    for case in cases().iter().take(40) {
        let text = export::experiment_json(&subject(case));
        let file: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(file["version"], env!("CARGO_PKG_VERSION"));
        let back: Experiment = serde_json::from_value(file["experiment"].clone()).unwrap();
        assert_eq!(back, case.experiment);
    }
}

#[test]
fn a_comment_says_what_the_page_computed() {
    let case = &cases()[0];
    let y = vec![0.5_f32; case.loaded.dims.y_len()];
    let subject = Subject { output: Some(&y), ..subject(case) };
    let text = code(&subject, Target::Numpy).unwrap().text;
    let sum = 0.5 * y.len() as f64;
    let line = format!("sum {sum:.6}, largest 0.500000, first row [0.500000, ");
    assert!(text.lines().last().unwrap().contains(&line), "{text}");
}

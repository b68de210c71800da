//! Numbers that are made again: by the page from what a program names, and by NumPy from the lines of a script, bit for bit.

use std::path::Path;

use attention_playground::attention::request::Draft;
use attention_playground::attention::{Inputs, Loaded, load, made};
use attention_playground::experiment::{Choice, CustomFormula, Experiment, Input, MaskChoice, Normals, Size};
use attention_playground::export::{self, Target, code};
use attention_playground::formula::Sorted;
use attention_playground::interchange::SerdeJson;
use serde_json::Value;

use super::cases::{Case, cases, plain};
use super::runner::{folder, run, subject};

/// The JSON that a constant of a program holds; names of fields stand there without quotes.
fn constant(text: &str, name: &str) -> Option<Value> {
    let line = text.lines().find_map(|line| line.strip_prefix(&format!("const {name} = ")))?;
    let mut json = String::new();
    let (mut inside, mut escaped, mut word) = (false, false, String::new());
    for c in line.trim_end_matches(';').chars() {
        if !inside && (c.is_ascii_alphabetic() || c == '_') {
            word.push(c);
            continue;
        }
        if !word.is_empty() {
            let literal = ["true", "false", "null", "e"].contains(&word.as_str());
            json.push_str(&if literal { word.clone() } else { format!("\"{word}\"") });
            word.clear();
        }
        inside ^= c == '"' && !escaped;
        escaped = c == '\\' && !escaped;
        json.push(c);
    }
    Some(serde_json::from_str(&json).unwrap_or_else(|error| panic!("{error}: {json}")))
}

#[test]
fn what_the_page_can_make_again_is_named_in_a_program_not_copied() {
    let (mut made_again, mut files) = (0, Vec::new());
    for case in &cases() {
        let export::Code { text, file } = code(&subject(case), Target::JavaScript).unwrap();
        let mut draft = Draft::default();
        let Some(input) = constant(&text, "input") else {
            assert!(text.contains("const Q = { shape: "), "{}", case.name);
            files.extend(file.map(|_| case.name.clone()));
            continue;
        };
        draft.field("input", input);
        constant(&text, "edits").into_iter().for_each(|edits| draft.field("edits", edits));
        let experiment = draft.input().unwrap().unwrap();
        assert_eq!((&experiment.input, &experiment.edits), (&case.experiment.input, &case.experiment.edits));
        made_again += 1;
    }
    assert!(made_again > 200 && files.is_empty(), "{made_again}, with a file: {files:?}");
    // The experiment that the page opens with.
    let capture = Path::new(env!("CARGO_MANIFEST_DIR")).join("public/captures/animal-L3.safetensors");
    let experiment = Experiment { estimator: Choice::of("linear"), ..Experiment::default() };
    let loaded = load::<SerdeJson>(&experiment.input, Some(&std::fs::read(capture).unwrap())).unwrap();
    let opener = Case { name: String::new(), experiment, loaded };
    let made = code(&subject(&opener), Target::JavaScript).unwrap();
    assert!(made.file.is_none() && made.text.len() < 2000, "{}", made.text);
    assert_eq!(constant(&made.text, "input").unwrap()["id"], "animal");
    // The window of the opener looks back only, and the estimator goes along.
    assert!(made.text.contains("  estimator: { id: \"linear\" },\n  is_causal: true,\n"), "{}", made.text);
    let open = |mask: MaskChoice| {
        let experiment = Experiment { estimator: Choice::of("linear"), mask, ..plain() };
        let case = Case { name: String::new(), loaded: made_of(&experiment), experiment };
        code(&subject(&case), Target::JavaScript).unwrap().text.contains("is_causal: false")
    };
    let own = CustomFormula { text: "k >= q".to_owned(), params: Vec::new() };
    let ahead = MaskChoice { custom: Some(own), ..MaskChoice::of("custom") };
    assert!(open(MaskChoice::of("none")) && open(ahead) && !open(MaskChoice::of("causal")));
}

fn made_of(experiment: &Experiment) -> Loaded {
    made(&experiment.input).unwrap()
}

/// Inputs as NumPy makes them by the lines of the script, compared bit by bit.
pub fn same_bits() {
    // Ten thousand normal numbers of each seed, and a text: K and V are sums of products of multiples of 2^-16, exact in double precision.
    let size = Size { q_heads: 1, kv_heads: 1, n_q: 60, n_k: 60, d: 60, d_v: 47 };
    let normals = Normals::Rounded;
    let seeds = [0, 1, 7, 12_345, 1 << 40 | 7, (1 << 53) - 1];
    let mut inputs: Vec<Input> = Vec::new();
    for seed in seeds {
        inputs.push(Input::Generated { recipe: "normal".to_owned(), size, seed, normals, params: Sorted::new() });
    }
    for recipe in ["uniform", "one_hot", "periodic", "reversed", "noise"] {
        inputs.push(Input::Generated { recipe: recipe.to_owned(), size, seed: 3, normals, params: Sorted::new() });
    }
    let text = "the dog sees the dog".to_owned();
    inputs.push(Input::Text { text, size, seed: 5, normals });
    let cases = inputs.into_iter().map(|input| {
        let experiment = Experiment { input, ..plain() };
        Case { name: format!("{:?}", experiment.input), loaded: made_of(&experiment), experiment }
    });
    let cases: Vec<Case> = cases.collect();
    let scripts: Vec<(String, String)> = cases
        .iter()
        .map(|case| {
            let text = code(&subject(case), Target::Numpy).unwrap().text;
            let exact = if matches!(case.experiment.input, Input::Text { .. }) { "K, V" } else { "Q, K, V" };
            (case.name.clone(), format!("{text}\ny = np.concatenate([x.ravel() for x in ({exact})])\n"))
        })
        .collect();
    let found = run(&scripts, &folder("bits"));
    for case in &cases {
        let Inputs { q, k, v } = &case.loaded.inputs;
        let text = matches!(case.experiment.input, Input::Text { .. });
        let own: Vec<u32> =
            [q, k, v].iter().skip(usize::from(text)).flat_map(|x| x.iter()).map(|x| x.to_bits()).collect();
        let numpy = found[&case.name].as_ref().unwrap_or_else(|error| panic!("{}: {error}", case.name));
        let numpy: Vec<u32> = numpy.iter().map(|x| (*x as f32).to_bits()).collect();
        assert_eq!(own, numpy, "{}", case.name);
    }
}

//! The experiments that are exported: every part of the catalogue that is a formula, every slot, every input.

use attention_playground::attention::{self, Loaded};
use attention_playground::catalogue::{self, Slot};
use attention_playground::experiment::{
    CausalAlignment, Choice, CustomFormula, Declared, Edit, Experiment, Hidden, Input, Join, Layer, MaskChoice,
    Normals, Patch, RopePairs, Scale, Size, SoftcapOrder, TensorName, Weights, WindowEdge,
};
use attention_playground::formula::{Sorted, Ty};

/// An experiment with its tensors.
pub struct Case {
    pub name: String,
    pub experiment: Experiment,
    pub loaded: Loaded,
}

/// Operations and functions of the language, as what they add to a score.
const FORMULAS: [&str; 37] = [
    "s - 0.1 * abs(q - k)",
    "s + float(q // (k - 3)) * 0.01",
    "s + float((q - k) % 5) * 0.1 + float(q % (k - 2)) * 0.1",
    "s + (float(q) // 2.5 - float(k) % 1.5) * 0.1",
    "s + (float(q) // float(k - 4) + float(q) % float(k - 4)) * 0.1",
    "s + float((q & 5) + (q | k) + (q ^ k) - (~k)) * 0.01",
    "s + float((q << 2) + (k >> 1) + (1 << q)) * 0.001",
    "s + float(2 ** q) * 0.001 + float(q ** 2) * 0.01 + float(q ** k) * 0.0001",
    "s + float(k) ** 0.5 - 2.0 ** (float(q) * 0.1)",
    "s + float(min(q, k) - max(q, 3, k) + clamp(q - k, -2, 4)) * 0.1",
    "s + min(float(q), 2.5) - max(s, 0.25) + clamp(s, -0.5, 0.5)",
    "s + float(floor(s * 3.0) + ceil(s) - round(s * 2.0) + int(s * 4.0)) * 0.1",
    "s + float(floor(float(q) / 2.5)) * 0.1 + float(int(q < k))",
    "s + float(sign(q - k)) * 0.3 + sign(s) * 0.1",
    "s + sqrt(float(q + 1)) + exp(-float(k)) + log(float(q + k + 1)) - log2(float(k + 1))",
    "s + sin(float(q)) - cos(float(k)) + tanh(s) + sigmoid(s)",
    "s if q < k else -s",
    "where(q % 2 == 0, s, s * 0.5) + (1.0 if q > 3 and k < 5 or not (q == k) else 0.25)",
    "s + float(hash(q, k) % 100) * 0.01",
    "s + float(hash(q, k, h, seed)) * 1e-7 + float(hash(q)) * 1e-7 + float(hash(q - k, h, 7)) * 1e-8",
    "s + gain * float(q - k) + float(steps * 2 + q) * 0.01",
    "s * sqrt(gain) + log(gain * 2.0) + float(floor(gain * 7.5)) * 0.1",
    "s + (0.5 if flag else -0.5) + (0.25 if not flag and q < k else 0.0)",
    "s + float(q // steps + k % steps) * 0.1",
    "s + float(abs(min(steps, 2) - k)) * 0.1 + float(max(steps, n_q) // 2) * 0.01",
    "s + float(n_q + n_k * n_h) * 0.001 + float(b) ",
    "s + float(q in {1, 3, 5}) + float(k not in {0, 2})",
    "s + float(0 < q <= k < 7)",
    "where(k <= q + 1, s, -inf)",
    "s + float(q if flag else n_k) * 0.1 + float(n_k if flag else q) * 0.01 + float(max(n_q if flag else k, 3))",
    "s + (0.5 if not (q < k if steps > 2 else flag) else 0.75) + (1.5 if not (flag if steps > 2 else q < k) else 0.25)",
    "s + sqrt(gain if flag else float(q)) + exp(float(k) * 0.1 if not flag else gain)",
    "s * 2 + pi",
    "0.5 * float(k)",
    "1.5",
    "s + (0.1 if (q < k) == (h == 0) else 0.2) + (0.1 if (q < k) != (h == 0) else 0.2)",
    "s + (0.1 if (q < k) ^ (h == 0) | (k == 2) & (q > 1) else 0.2)",
];

const SIZE: Size = Size { q_heads: 2, kv_heads: 2, n_q: 9, n_k: 9, d: 8, d_v: 6 };

fn normal(size: Size) -> Input {
    Input::generated("normal", size, 3)
}

/// No mask, nothing added.
pub fn plain() -> Experiment {
    Experiment { input: normal(SIZE), mask: mask("none"), ..Experiment::default() }
}

/// Pasted numbers of one head, as a link has them.
fn numbers([q, k, v]: [Vec<Vec<f32>>; 3]) -> Input {
    serde_json::from_value(serde_json::json!({ "kind": "numbers", "q": q, "k": k, "v": v })).unwrap()
}

fn mask(id: &str) -> MaskChoice {
    MaskChoice { id: id.to_owned(), params: Sorted::new(), custom: None }
}

fn custom(text: &str) -> CustomFormula {
    let declared = |name: &str, ty, value| Declared { name: name.to_owned(), ty, min: 0.0, max: 9.0, step: 1.0, value };
    let all = [declared("gain", Ty::Float, 0.3), declared("steps", Ty::Int, 3.0), declared("flag", Ty::Bool, 1.0)];
    // A table of parameters is declared where the formula reads them.
    let params = all.into_iter().filter(|param| text.contains(&param.name)).collect();
    CustomFormula { text: text.to_owned(), params }
}

/// Every case.
pub fn cases() -> Vec<Case> {
    let mut all = Vec::new();
    let mut add = |name: &str, experiment: Experiment| {
        let loaded = match attention::made(&experiment.input) {
            Ok(loaded) => loaded,
            Err(issues) => panic!("{name}: {issues}"),
        };
        all.push(Case { name: name.to_owned(), experiment, loaded });
    };
    add("plain", plain());
    inputs(&mut add);
    for entry in catalogue::masks() {
        add(&format!("mask {}", entry.id), Experiment { mask: mask(entry.id), ..plain() });
    }
    for entry in catalogue::positions() {
        if matches!(entry.slot, Slot::Content(_)) {
            continue;
        }
        let long = Size { q_heads: 4, kv_heads: 4, n_q: 12, n_k: 15, d: 16, d_v: 5 };
        let mut experiment =
            Experiment { input: normal(long), position: Choice::of(entry.id), mask: mask("causal"), ..plain() };
        add(&format!("position {}", entry.id), experiment.clone());
        experiment.conventions.causal = CausalAlignment::BottomRight;
        experiment.conventions.rope = RopePairs::Interleaved;
        // Past every trained length, so that what happens there is told too.
        let declared = |name: &str| entry.params.iter().any(|param| param.name == name);
        if declared("trained") {
            experiment.position.params.insert("trained".to_owned(), 8.0);
        }
        if declared("beyond") {
            experiment.position.params.insert("beyond".to_owned(), 2.0);
        }
        add(&format!("position {} at the end", entry.id), experiment);
    }
    for entry in catalogue::normalisers() {
        let experiment = Experiment { normaliser: Choice::of(entry.id), mask: mask("causal"), ..plain() };
        add(&format!("normaliser {}", entry.id), experiment);
    }
    for formula in FORMULAS {
        add(&format!("score {formula}"), Experiment { score: Some(custom(formula)), ..plain() });
    }
    for formula in ["true", "false", "k < steps or flag", "not flag or k <= q", "k <= q and q % 4 != 2"] {
        let choice = MaskChoice { custom: Some(custom(formula)), ..mask("custom") };
        add(&format!("mask {formula}"), Experiment { mask: choice, ..plain() });
    }
    slots(&mut add);
    all
}

fn inputs(add: &mut impl FnMut(&str, Experiment)) {
    for entry in catalogue::recipes() {
        for (what, q_heads, kv_heads, n_q, n_k) in
            [("", 2, 2, 9, 9), (" grouped", 6, 2, 5, 11), (" longer", 1, 1, 11, 4)]
        {
            let size = Size { q_heads, kv_heads, n_q, n_k, d: 4, d_v: 5 };
            let input = Input::generated(entry.id, size, 1 << 40 | 7);
            add(&format!("recipe {}{what}", entry.id), Experiment { input, ..plain() });
        }
    }
    for entry in catalogue::recipes() {
        let size = Size { q_heads: 4, kv_heads: 2, n_q: 5, n_k: 7, d: 4, d_v: 5 };
        let (normals, params) = (Normals::Rounded, Sorted::new());
        let input = Input::Generated { recipe: entry.id.to_owned(), size, seed: 1 << 40 | 7, normals, params };
        add(&format!("recipe {} rounded", entry.id), Experiment { input, ..plain() });
    }
    // Generators whose parameters are set, each by itself, a third of its range up.
    for entry in catalogue::recipes() {
        for param in entry.params {
            let value = (param.min + (param.max - param.min) / 3.0).round();
            let value = if param.max > 1.0 { value } else { 0.3 };
            let params = [(param.name.to_owned(), value)].into();
            let size = Size { q_heads: 6, kv_heads: 2, n_q: 5, n_k: 11, d: 4, d_v: 5 };
            let normals = Normals::Unrounded;
            let input = Input::Generated { recipe: entry.id.to_owned(), size, seed: 9, normals, params };
            add(&format!("recipe {} {}", entry.id, param.name), Experiment { input, ..plain() });
        }
    }
    let size = Size { q_heads: 4, kv_heads: 2, ..SIZE };
    let text = "The Dog didn't see \"it\"; 动物 sees the dog, Größe 🙂";
    add(
        "text",
        Experiment {
            input: Input::Text { text: text.to_owned(), size, seed: 5, normals: Normals::Unrounded },
            ..plain()
        },
    );
    let normals = Normals::Rounded;
    add("text rounded", Experiment { input: Input::Text { text: text.to_owned(), size, seed: 5, normals }, ..plain() });
    let learned = Experiment { position: Choice::of("learned"), ..plain() };
    let input = Input::Generated { recipe: "normal".to_owned(), size: SIZE, seed: 3, normals, params: Sorted::new() };
    add("recipe normal rounded, learned positions", Experiment { input, ..learned });
    let x = Hidden::generated("normal", 7, 12, 4);
    let (weights, weights_b) = (Weights::Normal, None);
    add(
        "hidden rounded",
        Experiment {
            input: Input::Projected { x, weights, weights_b, size, seed: 11, normals, rounded: 0.0 },
            ..plain()
        },
    );
    let x = Hidden::TextImage { text: "one two".to_owned(), width: 2, cells: vec![0.0, 0.5, 1.0, 0.25] };
    let (weights, weights_b) = (Weights::Normal, Some(Weights::Orthogonal));
    add(
        "hidden rounded, of two streams",
        Experiment {
            input: Input::Projected { x, weights, weights_b, size, seed: 11, normals, rounded: 0.0 },
            ..plain()
        },
    );
    let hidden = [
        Hidden::Rows { rows: (0..6).map(|i| vec![i as f32 * 0.3, 1.0 - i as f32, 0.1]).collect() },
        Hidden::generated("smooth", 7, 12, 4),
        Hidden::Text { text: text.to_owned() },
        Hidden::Image { width: 3, cells: (0..9).map(|i| i as f32 / 8.0).collect() },
        Hidden::Texts { a: "a dog".to_owned(), b: "ein Hund".to_owned() },
        Hidden::TextImage { text: "one two".to_owned(), width: 2, cells: vec![0.0, 0.5, 1.0, 0.25] },
    ];
    for (i, x) in hidden.into_iter().enumerate() {
        let width = x.width();
        let rows = |columns: usize| -> Vec<Vec<f32>> {
            (0..width).map(|r| (0..columns).map(|c| ((r * 7 + c * 3) % 5) as f32 * 0.1 - 0.2).collect()).collect()
        };
        let own = Weights::Rows { q: rows(4 * 8), k: rows(2 * 8), v: rows(2 * 6) };
        for (what, weights) in [
            ("normal", Weights::Normal),
            ("identity", Weights::Identity),
            ("orthogonal", Weights::Orthogonal),
            ("own", own),
        ] {
            let input = Input::Projected {
                x: x.clone(),
                weights: weights.clone(),
                weights_b: None,
                size,
                seed: 11,
                normals: Normals::Unrounded,
                rounded: 0.0,
            };
            add(&format!("hidden {i} {what}"), Experiment { input, ..plain() });
            if x.streams()[1] > 0 {
                let weights_b = Some(weights);
                let input = Input::Projected {
                    x: x.clone(),
                    weights: Weights::Orthogonal,
                    weights_b,
                    size,
                    seed: 11,
                    normals: Normals::Unrounded,
                    rounded: 0.0,
                };
                add(&format!("hidden {i} {what} of B"), Experiment { input, ..plain() });
            }
        }
    }
    let rows = |n: usize, width: usize| -> Vec<Vec<f32>> {
        (0..n).map(|i| (0..width).map(|j| ((i * 5 + j * 3) % 7) as f32 * 0.25 - 0.6).collect()).collect()
    };
    add("numbers", Experiment { input: numbers([rows(3, 4), rows(5, 4), rows(5, 2)]), ..plain() });
    add("numbers in a file", Experiment { input: numbers([rows(30, 32), rows(30, 32), rows(30, 32)]), ..plain() });
    let edit = |tensor, row, value| Edit { tensor, head: 1, row, col: 2, value };
    let edits = vec![edit(TensorName::Q, 0, 2.5), edit(TensorName::K, 4, -1.25), edit(TensorName::V, 8, 0.1)];
    add("edits", Experiment { edits, ..plain() });
}

fn slots(add: &mut impl FnMut(&str, Experiment)) {
    let causal = || Experiment { mask: mask("causal"), ..plain() };
    add("grouped", Experiment { input: normal(Size { q_heads: 6, kv_heads: 2, ..SIZE }), ..causal() });
    add(
        "shorter values, longer keys",
        Experiment { input: normal(Size { n_q: 4, n_k: 13, d_v: 3, ..SIZE }), ..causal() },
    );
    for (name, scale) in [("1", Scale::None), ("ln n", Scale::LogN), ("free", Scale::Free(0.7))] {
        add(&format!("scale {name}"), Experiment { scale, temperature: 1.3, ..causal() });
    }
    add("temperature", Experiment { temperature: 0.4, ..causal() });
    for (name, order) in [("before", SoftcapOrder::BeforeBias), ("after", SoftcapOrder::AfterBias)] {
        let mut experiment = Experiment { softcap: 1.5, position: Choice::of("alibi"), ..causal() };
        experiment.conventions.softcap = order;
        experiment.score = Some(custom("s + 0.1 * float(k)"));
        add(&format!("softcap {name}"), experiment);
    }
    let mut window = Experiment { mask: mask("sliding-window"), ..plain() };
    window.mask.params.insert("window".to_owned(), 3.0);
    window.conventions.window = WindowEdge::Inclusive;
    add("inclusive window", window.clone());
    window.input = normal(Size { n_q: 4, n_k: 9, ..SIZE });
    window.conventions.causal = CausalAlignment::BottomRight;
    add("window at the end", window);
    let layers = vec![
        Layer { heads: Some(vec![1]), ..Layer::of(Join::Replace, "dilated") },
        Layer::of(Join::Or, "sinks"),
        Layer { not: true, custom: Some(custom("k == 2")), ..Layer::of(Join::And, "custom") },
    ];
    add("combine", Experiment { combine: layers, ..causal() });
    let patch = |head, q, k, allow| Patch { head, q, k, allow };
    let paint = vec![
        patch(None, [0, 2], [0, 3], true),
        patch(Some(1), [1, 5], [1, 2], false),
        patch(Some(0), [1, 2], [1, 9], true),
        patch(None, [8, 9], [0, 9], false),
    ];
    add("paint", Experiment { paint: paint.clone(), ..causal() });
    add("paint without a mask", Experiment { paint, score: Some(custom("s - 0.2 * abs(q - k)")), ..plain() });
    for (normaliser, score) in [("off-by-one", "s + float(k) * 0.2"), ("sparsemax", "s * 3"), ("entmax", "s * 3")] {
        let mask = MaskChoice { custom: Some(custom("k <= q and q % 4 != 2")), ..mask("custom") };
        let normaliser = Choice::of(normaliser);
        let name = format!("empty rows, {}", normaliser.id);
        add(&name, Experiment { mask, normaliser, score: Some(custom(score)), ..plain() });
    }
    let mut data = Experiment {
        mask: MaskChoice { custom: Some(custom("word[q] == word[k] or mark[k] > 0.5")), ..mask("custom") },
        ..plain()
    };
    data.data.insert("word".to_owned(), vec![0.0, 0.0, 1.0, 1.0, 1.0, 2.0, 2.0, 0.0]);
    data.data.insert("mark".to_owned(), vec![0.25, 0.75, 0.5, 1.0]);
    add("tables of the user's", data);
    add("seed", Experiment { seed: 12345, mask: mask("random"), position: Choice::of("learned"), ..plain() });
}

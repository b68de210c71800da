//! What can be said of an experiment before its input is loaded. Finds every problem, never panics.

mod hidden;
mod input;
mod rules;

use super::issue::message;
use super::{Experiment, Input, Issue, Issues, Message, TensorName};
use crate::catalogue::Text;
use input::Extents;

pub(crate) use rules::{check_beside, check_params, fault, type_of};
pub use rules::{scope, understand};

/// Limits of what is computed live on the page.
pub mod limits {
    /// Queries, and keys.
    pub const TOKENS: usize = 4096;
    /// The same of an input that is generated, for which a seed stands. What depends on the contents of Q and K, and estimators, stay below [`TOKENS`]: they are
    /// computed for all pairs.
    pub const GENERATED: usize = 1 << 16;
    /// Heads.
    pub const HEADS: usize = 32;
    /// Size of a query, key or value.
    pub const SIZE: usize = 256;
    /// Bytes of Q, K and V together.
    pub const BYTES: usize = 128 << 20;
    /// Cells changed by hand.
    pub const EDITS: usize = 4096;
    /// Rectangles painted by hand.
    pub const PATCHES: usize = 1024;
    /// Patterns joined with the mask.
    pub const COMBINE: usize = 16;
    /// Parameters that a formula declares.
    pub const PARAMS: usize = 64;
    /// Characters of a text.
    pub const TEXT: usize = 4000;
    /// Layers of the captured model.
    pub const LAYERS: u32 = 6;
    /// Bytes of a link.
    pub const LINK: usize = 64 << 10;
    /// Numbers in all tables of the user's together.
    pub const TABLE_NUMBERS: usize = 1 << 20;
    /// Numbers of Q, K and V together that are taken from a file: the address would hold no more by far, and undo keeps each.
    pub const NUMBERS: usize = 1 << 19;
    /// Largest whole number that JavaScript holds exactly; seeds stay below.
    pub const SEED: u64 = (1 << 53) - 1;
    /// Largest size of a factor; beyond it 32-bit floats soon overflow.
    pub const FACTOR: f64 = 1e6;
}

/// Every problem that can be found without the loaded input.
///
/// # Errors
/// All of them, each with the path of its field.
pub fn check(experiment: &Experiment) -> Result<(), Issues> {
    let mut found = Found::default();
    let extents = input::check(&mut found, &experiment.input);
    edits(&mut found, experiment, &extents);
    rules::check(&mut found, experiment);
    numbers(&mut found, experiment);
    paint(&mut found, experiment, &extents);
    view(&mut found, experiment);
    if found.0.is_empty() { Ok(()) } else { Err(Issues(found.0)) }
}

/// Every problem of an input by itself.
///
/// # Errors
/// All of them, each with the path of its field.
pub fn check_input(input: &Input) -> Result<(), Issues> {
    let mut found = Found::default();
    input::check(&mut found, input);
    if found.0.is_empty() { Ok(()) } else { Err(Issues(found.0)) }
}

/// Collects issues.
#[derive(Default)]
struct Found(Vec<Issue>);

impl Found {
    /// Issues kept; more than a person reads help nobody.
    const MOST: usize = 200;

    fn add(&mut self, path: impl Into<String>, message: impl Into<Message>) {
        if self.0.len() < Self::MOST {
            self.0.push(Issue::new(path, message));
        }
    }

    /// Adds an issue unless `value` lies in `range`.
    fn range<T: PartialOrd + std::fmt::Display>(&mut self, path: impl Into<String>, value: T, range: [T; 2]) {
        let [least, most] = &range;
        if !(*least <= value && value <= *most) {
            self.add(path, between(&value, [least, most]));
        }
    }

    /// Adds an issue unless `value` counts places below `extent`.
    fn below(&mut self, path: String, value: usize, extent: usize) {
        if value >= extent {
            self.add(
                path,
                message!(
                    "must be below {extent}, counted from 0, and is {value}",
                    "从 0 计数，必须小于 {extent}，现为 {value}"
                ),
            );
        }
    }

    /// Adds an issue unless the seed is one that JavaScript holds exactly.
    fn seed(&mut self, path: &str, seed: u64) {
        if seed > limits::SEED {
            let most = limits::SEED;
            self.add(path, message!("must be at most {most}, and is {seed}", "不得超过 {most}，现为 {seed}"));
        }
    }
}

/// What is said of a value that lies outside a range.
fn between(value: &dyn std::fmt::Display, [least, most]: [&dyn std::fmt::Display; 2]) -> Message {
    message!("must be between {least} and {most}, and is {value}", "必须在 {least} 到 {most} 之间，现为 {value}")
}

fn edits(found: &mut Found, experiment: &Experiment, extents: &Extents) {
    let (count, most) = (experiment.edits.len(), limits::EDITS);
    if count > most {
        found.add(
            "edits",
            message!(
                "at most {most} cells may be changed by hand, and {count} are",
                "最多可手工修改 {most} 个单元格，现有 {count} 个"
            ),
        );
        return;
    }
    for (i, edit) in experiment.edits.iter().enumerate() {
        let [heads, rows, cols] = extents.of(edit.tensor);
        for (field, value, extent) in [("head", edit.head, heads), ("row", edit.row, rows), ("col", edit.col, cols)] {
            found.below(format!("edits[{i}].{field}"), value, extent);
        }
        if !edit.value.is_finite() {
            found.add(format!("edits[{i}].value"), FINITE);
        }
    }
}

/// What is said of a number that is not one.
const FINITE: Text = Text::new("must be a finite number", "必须是有限的数");

fn numbers(found: &mut Found, experiment: &Experiment) {
    let (temperature, most) = (experiment.temperature, limits::FACTOR);
    if !(temperature > 0.0 && temperature <= most) {
        found.add(
            "temperature",
            message!(
                "must be above 0 and at most {most}, and is {temperature}",
                "必须大于 0 且不超过 {most}，现为 {temperature}"
            ),
        );
    }
    found.range("softcap", experiment.softcap, [0.0, limits::FACTOR]);
    if let super::Scale::Free(scale) = experiment.scale {
        found.range("scale.free", scale, [-limits::FACTOR, limits::FACTOR]);
    }
    found.seed("seed", experiment.seed);
}

fn paint(found: &mut Found, experiment: &Experiment, extents: &Extents) {
    let (count, most) = (experiment.paint.len(), limits::PATCHES);
    if count > most {
        found.add(
            "paint",
            message!(
                "at most {most} rectangles may be painted, and there are {count}",
                "最多可涂画 {most} 个矩形，现有 {count} 个"
            ),
        );
        return;
    }
    let ([heads, n_q, _], [_, n_k, _]) = (extents.of(TensorName::Q), extents.of(TensorName::K));
    for (i, patch) in experiment.paint.iter().enumerate() {
        if let Some(head) = patch.head {
            found.below(format!("paint[{i}].head"), head, heads);
        }
        for (field, span, most) in [("q", patch.q, n_q), ("k", patch.k, n_k)] {
            upwards(found, format!("paint[{i}].{field}"), span, most);
        }
    }
}

/// The view follows whatever input is loaded, so only what no input could have is refused.
fn view(found: &mut Found, experiment: &Experiment) {
    let view = &experiment.view;
    for (field, value, extent) in [
        ("head", view.head, limits::HEADS),
        ("query", view.query, limits::GENERATED),
        ("key", view.key, limits::GENERATED),
    ] {
        found.below(format!("view.{field}"), value, extent);
    }
    for (field, span) in [("rows", view.rows), ("columns", view.columns)] {
        if let Some(span) = span {
            upwards(found, format!("view.{field}"), span, limits::GENERATED);
        }
    }
}

/// Adds an issue unless the span holds something and ends at `most` or before.
fn upwards(found: &mut Found, path: String, [from, to]: [usize; 2], most: usize) {
    if from >= to || to > most {
        found.add(
            path,
            message!(
                "must run upwards, its end exclusive and at most {most}, and is [{from}, {to}]",
                "必须递增，终点不含在内且不超过 {most}，现为 [{from}, {to}]"
            ),
        );
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that fails may panic")]
mod tests {
    use super::super::{CustomFormula, Declared, Edit, Input, Join, Layer, Normals, Patch, Scale, Size};
    use super::*;
    use crate::formula::Ty;

    /// Paths of the issues that a change of the default experiment raises.
    fn paths(change: impl Fn(&mut Experiment)) -> Vec<String> {
        let mut experiment = Experiment::default();
        change(&mut experiment);
        check(&experiment).err().unwrap_or_default().0.into_iter().map(|issue| issue.path).collect()
    }

    fn sized(change: impl Fn(&mut Size)) -> Vec<String> {
        let mut size = Size::default();
        change(&mut size);
        paths(|e| e.input = Input::generated("normal", size, 0))
    }

    fn custom(text: &str, params: &[(&str, Ty, f64)]) -> Vec<String> {
        let declared = |&(name, ty, value): &(&str, Ty, f64)| {
            let name = name.to_owned();
            Declared { name, ty, min: 0.0, max: 9.0, step: 1.0, value }
        };
        paths(|e| {
            e.mask.id = "custom".to_owned();
            e.mask.params.clear();
            e.mask.custom =
                Some(CustomFormula { text: text.to_owned(), params: params.iter().map(declared).collect() });
        })
    }

    #[test]
    fn sound_experiments_raise_nothing() {
        assert!(paths(|_| ()).is_empty());
        assert!(sized(|_| ()).is_empty());
        assert!(custom("k <= q_pos and q_pos - k < w", &[("w", Ty::Int, 4.0)]).is_empty());
        // Tables of the catalogue, the seed, and lists of the user's own.
        assert!(custom("doc[q] == doc[k] and hash(seed, q, k) % 2 == 0", &[]).is_empty());
        let time = |e: &mut Experiment| {
            e.data.insert("time".to_owned(), vec![0.0, 1.5]);
            let text = "s - abs(time[q] - time[k])".to_owned();
            e.score = Some(CustomFormula { text, params: Vec::new() });
        };
        assert!(paths(time).is_empty());
    }

    #[test]
    fn sizes() {
        assert_eq!(sized(|s| s.q_heads = 33), ["input.size.q_heads"]);
        assert_eq!(sized(|s| (s.n_q, s.n_k) = (0, 65_537)), ["input.size.n_q", "input.size.n_k"]);
        assert!(sized(|s| *s = Size { q_heads: 1, kv_heads: 1, n_q: 65_536, n_k: 65_536, d: 64, d_v: 64 }).is_empty());
        assert_eq!(paths(|e| e.view.rows = Some([3, 3])), ["view.rows"]);
        assert_eq!(paths(|e| e.view.columns = Some([0, 65_537])), ["view.columns"]);
        assert!(paths(|e| (e.view.rows, e.view.columns) = (Some([3, 4]), Some([65_535, 65_536]))).is_empty());
        assert_eq!(sized(|s| s.kv_heads = 3), ["input.size.kv_heads"]);
        assert_eq!(sized(|s| (s.q_heads, s.kv_heads, s.d, s.d_v) = (0, 0, 0, 257)).len(), 4);
        let large = Size { q_heads: 32, kv_heads: 32, n_q: 4096, n_k: 4096, d: 256, d_v: 256 };
        assert_eq!(sized(|s| *s = large), ["input.size"]);
        let huge = usize::MAX;
        assert_eq!(
            sized(|s| *s = Size { q_heads: huge, kv_heads: huge, n_q: huge, n_k: huge, d: huge, d_v: huge }).len(),
            6
        );
    }

    #[test]
    fn inputs() {
        let capture = |id: &str, layer| paths(|e| e.input = Input::Capture { id: id.to_owned(), layer });
        assert_eq!(capture("../secret", 7), ["input.id", "input.layer"]);
        let text = |text: &str| {
            paths(|e| {
                e.input = Input::Text {
                    text: text.to_owned(),
                    size: Size::default(),
                    seed: u64::MAX,
                    normals: Normals::Unrounded,
                }
            })
        };
        assert_eq!(text("  "), ["input.text", "input.seed"]);
        assert_eq!(text(&"词".repeat(4001)), ["input.text", "input.seed"]);
        assert_eq!(text(&"词".repeat(4000)), ["input.seed"]);
        let numbers = |q: &[&[f32]], k: &[&[f32]], v: &[&[f32]]| {
            let rows = |rows: &[&[f32]]| rows.iter().map(|row| row.to_vec()).collect();
            paths(|e| e.input = Input::one_head(rows(q), rows(k), rows(v)))
        };
        assert!(numbers(&[&[1.0, 2.0]], &[&[3.0, 4.0], &[5.0, 6.0]], &[&[1.0], &[2.0]]).is_empty());
        assert_eq!(numbers(&[], &[&[]], &[&[1.0]]), ["input.q", "input.k[0]"]);
        assert_eq!(numbers(&[&[1.0, 2.0], &[1.0]], &[&[f32::NAN, 0.0]], &[&[1.0]]), ["input.q[1]", "input.k[0][0]"]);
        assert_eq!(numbers(&[&[1.0]], &[&[1.0, 2.0]], &[&[1.0], &[2.0]]), ["input.k", "input.v"]);
        let heads = |q_rows: usize, k_rows: usize, q_heads, kv_heads| {
            let rows = |n: usize| crate::experiment::Matrix::from(vec![vec![1.0]; n]);
            let (q, k, v) = (rows(q_rows), rows(k_rows), rows(k_rows));
            paths(|e| {
                e.input = Input::Numbers { q: q.clone(), k: k.clone(), v: v.clone(), q_heads, kv_heads, rounded: 0.0 };
                (e.view.head, e.view.query, e.view.key) = (0, 0, 0);
            })
        };
        assert!(heads(12, 6, 4, 2).is_empty());
        assert!(heads(limits::TOKENS * 2, 2, 2, 1).is_empty());
        assert_eq!(heads(7, 4, 2, 2), ["input.q_heads"]);
        assert_eq!(heads(6, 4, 3, 2), ["input.kv_heads"]);
        assert_eq!(heads(6, 4, 0, 99), ["input.q_heads", "input.kv_heads"]);
        assert_eq!(heads(limits::TOKENS * 2 + 2, 1, 2, 1), ["input.q"]);
    }

    #[test]
    fn rules() {
        let param = |id: &str, name: &str, value| {
            paths(|e| {
                e.mask.id = id.to_owned();
                e.mask.params = [(name.to_owned(), value)].into();
            })
        };
        for bad in [0.0, 1.5, 1e9, f64::NAN, f64::INFINITY] {
            assert_eq!(param("sliding-window", "window", bad), ["mask.params.window"], "{bad}");
        }
        assert_eq!(param("sliding-window", "two_sided", 2.0), ["mask.params.two_sided"]);
        assert_eq!(param("sliding-window", "inclusive", 1.0), ["mask.params.inclusive"]);
        assert!(param("sliding-window", "window", 4096.0).is_empty(), "more than the slider, less than the limit");
        assert_eq!(param("none", "window", 3.0), ["mask.params.window"]);
        assert_eq!(param("slidingwindow", "window", 3.0), ["mask.id"]);
        let mut experiment = Experiment::default();
        experiment.mask.id = "slidingwindow".to_owned();
        assert!(check(&experiment).unwrap_err().0[0].message.en.ends_with("did you mean `sliding-window`?"));
        assert_eq!(paths(|e| e.position.id = "ropes".to_owned()), ["position.id"]);
        assert_eq!(paths(|e| e.normaliser.id = String::new()), ["normaliser.id"]);
        assert_eq!(paths(|e| e.estimator.id = "perfromer".to_owned()), ["estimator.id"]);
        assert_eq!(
            paths(|e| _ = e.estimator.params.insert("rank".to_owned(), 1.0)),
            ["estimator.params.rank"],
            "nothing has no parameters"
        );
        assert_eq!(paths(|e| e.mask.custom = Some(CustomFormula::default())), ["mask.custom"]);
        assert_eq!(paths(|e| e.mask.id = "custom".to_owned()), ["mask.params.window", "mask.custom"]);
        let layer = |change: fn(&mut Layer)| {
            paths(|e| {
                let mut layer = Layer::of(Join::Or, "global");
                change(&mut layer);
                e.combine = vec![Layer::of(Join::And, "causal"), layer];
            })
        };
        assert!(layer(|l| l.heads = Some(vec![3, 31])).is_empty());
        assert_eq!(layer(|l| l.id = "globl".to_owned()), ["combine[1].id"]);
        assert_eq!(layer(|l| l.params = [("tokens".to_owned(), -1.0)].into()), ["combine[1].params.tokens"]);
        assert_eq!(layer(|l| l.heads = Some(vec![])), ["combine[1].heads"]);
        assert_eq!(layer(|l| l.heads = Some(vec![0, 32])), ["combine[1].heads[1]"]);
        assert_eq!(layer(|l| l.id = "custom".to_owned()), ["combine[1].custom"]);
        let own = |l: &mut Layer| {
            let custom = CustomFormula { text: "k <".to_owned(), params: Vec::new() };
            (l.id, l.custom) = ("custom".to_owned(), Some(custom));
        };
        assert_eq!(layer(own), ["combine[1].custom.text"]);
        assert_eq!(paths(|e| e.combine = vec![Layer::of(Join::And, "causal"); 17]), ["combine"]);
        assert_eq!(custom("", &[]), ["mask.custom.text"]);
        assert_eq!(custom("k + q", &[]), ["mask.custom.text"]);
        assert_eq!(custom("k < w", &[("w", Ty::Int, 0.5)]), ["mask.custom.params[0].value"]);
        assert_eq!(custom("k < w", &[("w", Ty::Int, 1.0), ("q", Ty::Int, 1.0)]), ["mask.custom.params[1].name"]);
        assert_eq!(paths(|e| _ = e.data.insert("doc".to_owned(), vec![0.0, 0.5])), ["data.doc[1]"]);
        assert_eq!(paths(|e| _ = e.data.insert("a b".to_owned(), vec![0.0])), ["data.a b"]);
    }

    #[test]
    fn a_parameter_that_the_formula_no_longer_uses_is_dropped() {
        let declared =
            |name: &str| Declared { name: name.to_owned(), ty: Ty::Int, min: 0.0, max: 9.0, step: 1.0, value: 3.0 };
        let left = |text: &str| {
            let mut own = CustomFormula { text: "k < w + v".to_owned(), params: vec![declared("w"), declared("v")] };
            own.set_text(text.to_owned(), crate::formula::Kind::Mask, &crate::formula::Sorted::new());
            own.params.into_iter().map(|param| param.name).collect::<Vec<_>>()
        };
        assert_eq!(left("k < w"), ["w"]);
        assert_eq!(left("k < 3"), [""; 0]);
        assert_eq!(left("k < w +"), ["w", "v"], "a text half typed costs nothing");
        assert_eq!(left("k < w + u"), ["w", "v"]);
        assert_eq!(left("doc[q] == doc[k]"), ["w", "v"], "tables are made from parameters");
    }

    #[test]
    fn a_table_without_its_index_is_told_how_it_is_read() {
        for (text, name) in [("s - slope", "slope[h]"), ("s * doc", "doc[k]"), ("s + bias", "bias[h, abs(q_pos - k)]")]
        {
            let own = CustomFormula { text: text.to_owned(), params: Vec::new() };
            let error = understand(&own, crate::formula::Kind::Score, &crate::formula::Sorted::new()).unwrap_err();
            assert_eq!(error.suggestion.as_deref(), Some(name));
            assert!(error.message().ends_with(&format!("write `{name}`")), "{}", error.message());
        }
    }

    #[test]
    fn formulas_are_pointed_at() {
        let score = Some(CustomFormula { text: "s * wibble".to_owned(), params: Vec::new() });
        let experiment = Experiment { score, ..Experiment::default() };
        let issues = check(&experiment).unwrap_err().0;
        assert_eq!(issues[0].path, "score.text");
        assert!(issues[0].message.en.starts_with("column 5: "), "{:?}", issues[0].message);
    }

    #[test]
    fn numbers_edits_and_paint() {
        for bad in [0.0, -1.0, f64::NAN, f64::INFINITY] {
            assert_eq!(paths(|e| e.temperature = bad), ["temperature"]);
        }
        assert_eq!(paths(|e| e.softcap = -0.1), ["softcap"]);
        assert_eq!(paths(|e| e.softcap = f64::NAN), ["softcap"]);
        assert_eq!(paths(|e| e.scale = Scale::Free(f64::NEG_INFINITY)), ["scale.free"]);
        assert_eq!(paths(|e| e.seed = 1 << 53), ["seed"]);
        assert_eq!(paths(|e| e.view.head = 32), ["view.head"]);
        let edit = Edit { tensor: TensorName::K, head: 0, row: 0, col: 0, value: 0.0 };
        assert_eq!(paths(|e| e.edits = vec![edit; 4097]), ["edits"]);
        assert_eq!(
            paths(|e| e.edits = vec![edit, Edit { col: 300, value: f32::NAN, ..edit }]),
            ["edits[1].col", "edits[1].value"]
        );
        let patch = Patch { head: None, q: [0, 1], k: [0, 1], allow: true };
        assert_eq!(paths(|e| e.paint = vec![patch; 1025]), ["paint"]);
        assert_eq!(
            paths(|e| e.paint = vec![patch, Patch { head: Some(32), q: [3, 3], k: [0, 5000], ..patch }]),
            ["paint[1].head", "paint[1].q", "paint[1].k"]
        );
    }
}

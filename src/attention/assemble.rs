//! An experiment and the tensors it starts from, turned into the problem that is computed.

use std::sync::Arc;

use super::choose::Chooser;
use super::combine::combine;
use super::dims::{Dims, Inputs};
use super::lowering;
use super::plan;
use super::problem::Problem;
use crate::experiment::{
    CausalAlignment, Choice, Edit, Experiment, Issue, Issues, MaskChoice, Scale, TensorName, limits, message,
};

/// Where an experiment starts: Q, K and V before the user's edits, and what the rows are called.
#[derive(Clone, Debug, PartialEq)]
pub struct Loaded {
    /// Sizes.
    pub dims: Dims,
    /// What each query is: a word, or its number.
    pub tokens_q: Vec<String>,
    /// What each key is.
    pub tokens_k: Vec<String>,
    /// Q, K and V.
    pub inputs: Inputs,
    /// What the page should say about them.
    pub note: Option<String>,
}

/// The problem that an experiment describes over `loaded`, and its edited tensors. Tensors without edits are shared, not copied.
///
/// # Errors
/// Every problem with its field: unknown entries, parameters out of range, edits and rectangles outside the tensors, tables of a wrong length.
/// What only the formulas' compiler can find is left to [`plan::Plan::compile`].
pub fn assemble(experiment: &Experiment, loaded: &Loaded) -> Result<(Problem, Inputs), Issues> {
    let problem = problem(experiment, loaded.dims)?;
    let mut inputs = loaded.inputs.clone();
    for edit in &experiment.edits {
        apply(edit, &loaded.dims, &mut inputs);
    }
    Ok((problem, inputs))
}

/// Whether an experiment suits inputs of these sizes: what [`assemble`] would refuse, without the inputs.
///
/// # Errors
/// As [`assemble`].
pub fn fits(experiment: &Experiment, dims: &Dims) -> Result<(), Issues> {
    problem(experiment, *dims).map(drop)
}

/// A problem with the offset and the masks of an experiment, and nothing else of it.
///
/// # Errors
/// Sizes that don't fit, and what is wrong with the mask.
pub(super) fn masks(experiment: &Experiment, dims: Dims) -> Result<Problem, Issues> {
    let (problem, chooser) = begin(experiment, dims)?;
    if chooser.issues.is_empty() { Ok(problem) } else { Err(Issues(chooser.issues)) }
}

/// Offset and masks, and the chooser that goes on from there.
pub(super) fn begin(experiment: &Experiment, dims: Dims) -> Result<(Problem, Chooser<'_>), Issues> {
    let issues = plan::check_dims(&dims);
    if !issues.is_empty() {
        return Err(Issues(issues));
    }
    let mut problem = Problem::plain(dims);
    let mut chooser = Chooser {
        dims,
        seed: experiment.seed,
        data: &experiment.data,
        conventions: experiment.conventions,
        issues: Vec::new(),
    };
    let offset = dims.n_k as i32 - dims.n_q as i32;
    if experiment.conventions.causal == CausalAlignment::BottomRight && offset != 0 {
        problem.offset = vec![offset];
    }
    let MaskChoice { id, params, custom } = &experiment.mask;
    let pattern = chooser.pattern(id, params, custom.as_ref(), "mask");
    combine(&mut chooser, &mut problem, pattern, &experiment.combine);
    Ok((problem, chooser))
}

pub(super) fn problem(experiment: &Experiment, dims: Dims) -> Result<Problem, Issues> {
    let (mut problem, mut chooser) = begin(experiment, dims)?;
    problem.scale = scale(experiment, &dims, &mut chooser.issues);
    if experiment.softcap != 0.0 {
        // A cap that makes no sense is refused with the problem's other numbers.
        problem.softcap = Some(experiment.softcap as f32);
    }
    let Experiment { position, layers, product, layout, selection, temperature, .. } = experiment;
    if chooser.layers(&mut problem, &layers.id, &layers.params, "layers") {
        chooser.position(&mut problem, &position.id, &position.params, "position");
    }
    // A temperature that makes no sense was refused with the scale.
    let temperature = if *temperature > 0.0 { *temperature } else { 1.0 };
    chooser.product(&mut problem, &product.id, &product.params, "product", Some(temperature));
    let rooted = matches!(experiment.scale, Scale::InverseSqrt | Scale::LogN);
    chooser.layout(&mut problem, &layout.id, &layout.params, "layout", rooted);
    if let Some(formula) = &experiment.score {
        let term = chooser.custom(formula, "score");
        problem.bias.push(term);
    }
    chooser.probability(&mut problem, &experiment.prob, "prob");
    let Choice { id, params } = &experiment.normaliser;
    let last = chooser.normaliser(&mut problem, id, params, "normaliser");
    chooser.selection(&mut problem, &selection.id, &selection.params, "selection");
    // Last of what reads scores: a normaliser may choose among the keys that everything else leaves.
    chooser.choosing(&mut problem, last, "normaliser");
    problem.paint.clone_from(&experiment.paint);
    lowering::seal(&mut problem);
    if experiment.hybrid.id != "none"
        && let Some(second) = lowering::second()
    {
        second(&mut chooser, &mut problem, experiment);
    }
    let mut issues = chooser.issues;
    for (i, edit) in experiment.edits.iter().enumerate() {
        check_edit(edit, i, &dims, &mut issues);
    }
    issues.extend(plan::check(&problem));
    if problem.lowering.is_some() && dims.n_q.max(dims.n_k) > limits::TOKENS {
        let most = limits::TOKENS;
        issues.push(Issue::new(
            "input.size",
            message!(
                "at most {most} tokens, since a setting depends on the contents of Q and K and is computed for all pairs",
                "最多 {most} 个词元：有一项设置取决于 Q 与 K 的内容，须对全部查询键对计算"
            ),
        ));
    }
    if issues.is_empty() { Ok(problem) } else { Err(Issues(issues)) }
}

/// The factor on Q·K, the temperature included; what is wrong with it is added to `issues`.
pub fn scale(experiment: &Experiment, dims: &Dims, issues: &mut Vec<Issue>) -> f32 {
    let temperature = experiment.temperature;
    if !(temperature.is_finite() && temperature > 0.0) {
        let message = message!("must be above 0, and is {temperature}", "必须大于 0，现为 {temperature}");
        issues.push(Issue::new("temperature", message));
        return 1.0;
    }
    let root = (dims.d as f64).sqrt();
    let scale = match experiment.scale {
        Scale::InverseSqrt => 1.0 / root,
        Scale::None => 1.0,
        Scale::LogN => (dims.n_k as f64).ln() / root,
        Scale::Free(x) => x,
    };
    (scale / temperature) as f32
}

/// Heads, rows and columns of a tensor.
fn extents(tensor: TensorName, dims: &Dims) -> [usize; 3] {
    match tensor {
        TensorName::Q => [dims.q_heads, dims.n_q, dims.d],
        TensorName::K => [dims.kv_heads, dims.n_k, dims.d],
        TensorName::V => [dims.kv_heads, dims.n_k, dims.d_v],
    }
}

/// The changed cell must lie in its tensor.
fn check_edit(edit: &Edit, i: usize, dims: &Dims, issues: &mut Vec<Issue>) {
    let [heads, rows, cols] = extents(edit.tensor, dims);
    for (field, value, limit) in [("head", edit.head, heads), ("row", edit.row, rows), ("col", edit.col, cols)] {
        if value >= limit {
            let tensor = edit.tensor;
            let message = message!(
                "is {value}; {tensor:?} has {limit}, counted from 0",
                "为 {value}，而 {tensor:?} 只有 {limit} 个，从 0 计数"
            );
            issues.push(Issue::new(format!("edits[{i}].{field}"), message));
        }
    }
}

/// Changes one cell of the first sequence, which lies in its tensor. The tensor is copied at its first edit.
fn apply(edit: &Edit, dims: &Dims, inputs: &mut Inputs) {
    let [_, rows, cols] = extents(edit.tensor, dims);
    let tensor = match edit.tensor {
        TensorName::Q => &mut inputs.q,
        TensorName::K => &mut inputs.k,
        TensorName::V => &mut inputs.v,
    };
    if let Some(cell) = Arc::make_mut(tensor).get_mut((edit.head * rows + edit.row) * cols + edit.col) {
        *cell = edit.value;
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic, reason = "a failed unwrap is a failed test")]
mod tests {
    use crate::formula::Sorted;

    use super::*;
    use crate::attention::{Encoding, Normaliser, Plan, load, reference};
    use crate::catalogue;
    use crate::experiment::{
        AlibiDistance, CustomFormula, Declared, Input, Normals, Patch, RopePairs, SoftcapOrder, WindowEdge, WindowSides,
    };
    use crate::formula::{Scalar, Ty};
    use crate::interchange::SerdeJson;

    fn generated() -> Experiment {
        let input = r#"{ "input": { "kind": "generated", "recipe": "normal", "size": {}, "seed": 1 } }"#;
        serde_json::from_str(input).unwrap()
    }

    fn assembled(experiment: &Experiment) -> Result<(Problem, Inputs), Issues> {
        assemble(experiment, &load::<SerdeJson>(&experiment.input, None)?)
    }

    fn paths(change: impl Fn(&mut Experiment)) -> Vec<String> {
        let mut experiment = generated();
        change(&mut experiment);
        assembled(&experiment).err().map_or_else(Vec::new, |issues| issues.0.into_iter().map(|i| i.path).collect())
    }

    #[test]
    fn the_opener_finds_the_animal() {
        let experiment = Experiment::default();
        let file = concat!(env!("CARGO_MANIFEST_DIR"), "/public/captures/animal-L3.safetensors");
        let loaded = load::<SerdeJson>(&experiment.input, Some(&std::fs::read(file).unwrap())).unwrap();
        let (problem, inputs) = assemble(&experiment, &loaded).unwrap();
        assert!(Arc::ptr_eq(&inputs.v, &loaded.inputs.v), "nothing is copied without an edit");
        let head = reference::head(&Plan::compile(&problem).unwrap(), &inputs, 0, experiment.view.head);
        let place = |word: &str| loaded.tokens_k.iter().position(|token| token == word).unwrap();
        let percent = |word: &str| (100.0 * head.weights()[[place("it"), place(word)]]).round();
        assert_eq!((percent("animal"), percent("street")), (46.0, 33.0));
    }

    #[test]
    fn every_entry_of_the_catalogue_assembles_and_compiles() {
        let choices = catalogue::masks().iter().map(|m| (m.id, "none", "softmax"));
        let choices = choices.chain(catalogue::positions().iter().map(|p| ("causal", p.id, "softmax")));
        for (mask, position, normaliser) in
            choices.chain(catalogue::normalisers().iter().map(|n| ("none", "none", n.id)))
        {
            for n_k in [24, 31, 9] {
                let mut experiment = generated();
                experiment.mask = MaskChoice { id: mask.to_owned(), params: Sorted::new(), custom: None };
                experiment.position = Choice::of(position);
                experiment.normaliser = Choice::of(normaliser);
                experiment.conventions.causal = CausalAlignment::BottomRight;
                if let Input::Generated { size, .. } = &mut experiment.input {
                    size.n_k = n_k;
                }
                let (mut problem, mut inputs) =
                    assembled(&experiment).unwrap_or_else(|issues| panic!("{mask} {position}: {issues}"));
                crate::attention::lowering::lower(&mut problem, &mut inputs).unwrap();
                Plan::compile(&problem)
                    .unwrap_or_else(|issues| panic!("{mask} {position} {normaliser} {n_k}: {issues}"));
            }
        }
    }

    #[test]
    fn edits_change_their_own_tensor_only() {
        let mut experiment = generated();
        experiment.edits.push(Edit { tensor: TensorName::K, head: 1, row: 2, col: 3, value: 42.0 });
        let loaded = load::<SerdeJson>(&experiment.input, None).unwrap();
        let (problem, inputs) = assemble(&experiment, &loaded).unwrap();
        assert_eq!(inputs.k_head(&problem.dims, 0, 1)[2 * problem.dims.d + 3], 42.0);
        assert_eq!(inputs.k.iter().zip(loaded.inputs.k.iter()).filter(|(a, b)| a != b).count(), 1);
        assert!(Arc::ptr_eq(&inputs.q, &loaded.inputs.q) && Arc::ptr_eq(&inputs.v, &loaded.inputs.v));
    }

    #[test]
    fn switches_move_their_slots() {
        let mut experiment = generated();
        experiment.position = Choice::of("alibi");
        experiment.softcap = 2.0;
        let (before, _) = assembled(&experiment).unwrap();
        assert_eq!((before.bias.len(), before.bias_before_cap.len(), before.softcap), (1, 0, Some(2.0)));
        experiment.conventions.softcap = SoftcapOrder::AfterBias;
        experiment.conventions.window = WindowEdge::Inclusive;
        let (after, _) = assembled(&experiment).unwrap();
        assert_eq!((after.bias.len(), after.bias_before_cap.len()), (0, 1));
        assert_eq!(before.masks[0].params.get("inclusive"), Some(&Scalar::Bool(false)));
        assert_eq!(after.masks[0].params.get("inclusive"), Some(&Scalar::Bool(true)));
        assert_eq!(after.masks[0].params.get("two_sided"), Some(&Scalar::Bool(false)));
        assert_eq!(after.bias_before_cap[0].params.get("signed"), Some(&Scalar::Bool(false)));
        experiment.conventions.sides = WindowSides::TwoSided;
        experiment.conventions.alibi = AlibiDistance::Signed;
        let (both, _) = assembled(&experiment).unwrap();
        assert_eq!(both.masks[0].params.get("two_sided"), Some(&Scalar::Bool(true)));
        assert_eq!(both.bias_before_cap[0].params.get("signed"), Some(&Scalar::Bool(true)));
        // What is said of one mask or scheme counts more.
        experiment.mask.params.insert("two_sided".to_owned(), 0.0);
        experiment.position.params.insert("signed".to_owned(), 0.0);
        let (given, _) = assembled(&experiment).unwrap();
        assert_eq!((&given.masks, &given.bias_before_cap), (&after.masks, &after.bias_before_cap));
        experiment.position = Choice { id: "rope".to_owned(), params: Sorted::from([("fraction".to_owned(), 0.5)]) };
        experiment.conventions.rope = RopePairs::Interleaved;
        let rotation = assembled(&experiment).unwrap().0.rotation.unwrap();
        assert_eq!((rotation.dims, rotation.interleaved), (8, true));
        experiment.position = Choice::of("sinusoidal");
        assert_eq!(
            assembled(&experiment).unwrap().0.encoding,
            Some(Encoding::Sinusoidal { base: 10_000.0, gain: 1.0 })
        );
        experiment.normaliser = Choice::of("sigmoid");
        (experiment.scale, experiment.temperature) = (Scale::Free(3.0), 2.0);
        let (problem, _) = assembled(&experiment).unwrap();
        assert_eq!((problem.normaliser, problem.scale), (Normaliser::Sigmoid, 1.5));
    }

    #[test]
    fn a_formula_of_ones_own_reads_its_parameters_and_tables() {
        let mut experiment = generated();
        let window = Declared { name: "w".to_owned(), ty: Ty::Int, min: 0.0, max: 9.0, step: 1.0, value: 3.0 };
        let text = "doc[q] == doc[k] and q - k < w and note[k] > 0";
        let custom = CustomFormula { text: text.to_owned(), params: vec![window] };
        experiment.mask = MaskChoice { id: "custom".to_owned(), params: Sorted::new(), custom: Some(custom) };
        experiment.data.insert("doc".to_owned(), (0..24).map(|i| f64::from(i / 8)).collect());
        experiment.data.insert("note".to_owned(), vec![0.5; 24]);
        let (problem, _) = assembled(&experiment).unwrap();
        assert_eq!(problem.masks[0].params.get("w"), Some(&Scalar::Int(3)));
        let plan = Plan::compile(&problem).unwrap();
        assert!(
            plan.masks[0].mask_at(0, 0, 9, 8)
                && !plan.masks[0].mask_at(0, 0, 8, 7)
                && !plan.masks[0].mask_at(0, 0, 15, 8)
        );
        experiment.data.insert("doc".to_owned(), vec![0.0; 5]);
        assert_eq!(assembled(&experiment).unwrap_err().0[0].path, "data.doc");
        // Nothing is rounded in silence.
        experiment.data.insert("doc".to_owned(), vec![0.5; 24]);
        experiment.mask.custom.as_mut().unwrap().params[0].value = 3.4;
        let issues = assembled(&experiment).unwrap_err().0;
        let paths: Vec<&str> = issues.iter().map(|issue| issue.path.as_str()).collect();
        assert_eq!(paths, ["mask.custom.params[0].value", "data.doc[0]"]);
    }

    #[test]
    fn what_does_not_fit_is_known_before_the_input_is_loaded() {
        let mut experiment = generated();
        let paths = |experiment: &Experiment| {
            let dims = crate::attention::dims_of(&experiment.input).unwrap();
            fits(experiment, &dims).err().map_or_else(Vec::new, |all| all.0.into_iter().map(|i| i.path).collect())
        };
        assert!(paths(&experiment).is_empty());
        experiment.mask = MaskChoice { id: "document".to_owned(), params: Sorted::new(), custom: None };
        experiment.data.insert("doc".to_owned(), vec![0.0; 5]);
        experiment.paint.push(Patch { head: None, q: [0, 1], k: [0, 25], allow: true });
        experiment.edits.push(Edit { tensor: TensorName::V, head: 4, row: 0, col: 0, value: 0.0 });
        assert_eq!(paths(&experiment), ["data.doc", "edits[0].head", "paint[0].k"]);
        for input in [
            generated().input,
            Input::Text {
                text: "one, two".to_owned(),
                size: crate::experiment::Size::default(),
                seed: 0,
                normals: Normals::Unrounded,
            },
            Input::one_head(vec![vec![1.0]], vec![vec![1.0]; 2], vec![vec![1.0, 2.0]; 2]),
        ] {
            assert_eq!(crate::attention::dims_of(&input), Some(load::<SerdeJson>(&input, None).unwrap().dims));
        }
        assert_eq!(crate::attention::dims_of(&Input::default()), None);
    }

    #[test]
    fn every_wrong_field_is_named() {
        assert!(paths(|_| {}).is_empty());
        assert_eq!(paths(|e| e.mask.id = "slding".to_owned()), ["mask.id"]);
        assert_eq!(paths(|e| _ = e.mask.params.insert("window".to_owned(), -1.0)), ["mask.params.window"]);
        assert_eq!(paths(|e| _ = e.mask.params.insert("window".to_owned(), f64::NAN)), ["mask.params.window"]);
        assert_eq!(paths(|e| _ = e.mask.params.insert("wndow".to_owned(), 1.0)), ["mask.params.wndow"]);
        assert_eq!(paths(|e| e.mask.id = "custom".to_owned()), ["mask.custom"]);
        assert_eq!(paths(|e| e.position.id = "x".to_owned()), ["position.id"]);
        assert_eq!(paths(|e| e.temperature = 0.0), ["temperature"]);
        assert_eq!(paths(|e| e.scale = Scale::Free(f64::INFINITY)), ["scale"]);
        assert_eq!(paths(|e| e.softcap = -1.0), ["softcap"]);
        assert_eq!(paths(|e| e.paint.push(Patch { head: None, q: [0, 25], k: [0, 1], allow: true })), ["paint[0].q"]);
        let edit = |row, col| Edit { tensor: TensorName::Q, head: 0, row, col, value: 0.0 };
        assert_eq!(paths(|e| e.edits = vec![edit(0, 0), edit(24, 16)]), ["edits[1].row", "edits[1].col"]);
        assert_eq!(paths(|e| e.edits = vec![edit(usize::MAX, 0)]), ["edits[0].row"]);
    }

    #[test]
    fn inputs_that_do_not_fit_are_named() {
        let load_paths = |input: Input| load::<SerdeJson>(&input, None).err().map(|issues| issues.0[0].path.clone());
        let rows = |n: usize, d: usize| vec![vec![0.0_f32; d]; n];
        assert_eq!(load_paths(Input::one_head(rows(2, 3), rows(4, 3), rows(4, 5))), None);
        assert_eq!(load_paths(Input::one_head(rows(2, 3), rows(4, 2), rows(4, 5))).unwrap(), "input.k");
        assert_eq!(load_paths(Input::one_head(rows(2, 3), rows(4, 3), rows(3, 5))).unwrap(), "input.v");
        assert_eq!(load_paths(Input::one_head(vec![vec![1.0], vec![]], rows(1, 1), rows(1, 1))).unwrap(), "input.q[1]");
        assert_eq!(load_paths(Input::Capture { id: "animal".to_owned(), layer: 3 }).unwrap(), "input");
        let heads = |q_heads, kv_heads| Input::Numbers {
            q: rows(4, 2).into(),
            k: rows(3, 2).into(),
            v: rows(3, 1).into(),
            q_heads,
            kv_heads,
            rounded: 0.0,
        };
        assert_eq!(load_paths(heads(2, 1)), None);
        assert_eq!(load_paths(heads(3, 1)).unwrap(), "input.q_heads");
        assert_eq!(load_paths(heads(2, 2)).unwrap(), "input.kv_heads");
        assert_eq!(load_paths(heads(0, 1)).unwrap(), "input.q_heads");
    }

    #[test]
    fn numbers_of_several_heads_lie_head_after_head() {
        let counted = |n: usize| (0..n).map(|i| vec![i as f32]).collect::<Vec<_>>();
        let (q, k) = (counted(4).into(), crate::experiment::Matrix::from(counted(3)));
        let input = Input::Numbers { q, v: k.clone(), k, q_heads: 2, kv_heads: 1, rounded: 0.0 };
        let loaded = load::<SerdeJson>(&input, None).unwrap();
        assert_eq!(loaded.dims, Dims { batch: 1, q_heads: 2, kv_heads: 1, n_q: 2, n_k: 3, d: 1, d_v: 1 });
        assert_eq!(crate::attention::load::dims_of(&input), Some(loaded.dims));
        assert_eq!(loaded.inputs.q_head(&loaded.dims, 0, 1), [2.0, 3.0]);
        assert_eq!(loaded.tokens_q, ["0", "1"]);
    }
}

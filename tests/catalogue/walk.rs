//! Every entry of every list in its place in an experiment: what the tests of extremes walk over.

use attention_playground::attention::estimators::{direction_of, fits};
use attention_playground::attention::request::{
    EstimatePrepared, FormulaOrEntry, Prepared, Request, Tensor, prepare, prepare_estimate,
};
use attention_playground::attention::{Estimator, Inputs, Loaded, Plan, Problem, assemble, lowering, made, scale};
use attention_playground::catalogue::{self, List, Param};
use attention_playground::experiment::{
    CausalAlignment, Choice, Experiment, FormulaChoice, Input, Issue, Issues, Join, Layer, MaskChoice, Normals, Size,
    check,
};
use attention_playground::formula::Sorted;

use super::common::ENGINES;

/// What stands for the field of joined streams: they are settings of the input and of the mask.
pub const STREAMS: &str = "streams";

/// An entry, and the field of an experiment that chooses it.
#[derive(Clone, Copy, Debug)]
pub struct Place {
    /// The field, as issues name it.
    pub room: &'static str,
    pub id: &'static str,
    pub params: &'static [Param],
}

/// Every entry of every list, a mask and an estimator in each of the three places of theirs.
pub fn places() -> Vec<Place> {
    let mut all = Vec::new();
    let mut add = |room, id, params| all.push(Place { room, id, params });
    for e in catalogue::masks() {
        ["mask", "combine[0]", "branch"].into_iter().for_each(|room| add(room, e.id, e.params));
    }
    for e in catalogue::estimators() {
        ["estimator", "branch", "branch_a"].into_iter().for_each(|room| add(room, e.id, e.params));
    }
    catalogue::positions().iter().for_each(|e| add("position", e.id, e.params));
    catalogue::products().iter().for_each(|e| add("product", e.id, e.params));
    catalogue::selections().iter().for_each(|e| add("selection", e.id, e.params));
    catalogue::layouts().iter().for_each(|e| add("layout", e.id, e.params));
    catalogue::hybrids().iter().for_each(|e| add("hybrid", e.id, e.params));
    catalogue::normalisers().iter().for_each(|e| add("normaliser", e.id, e.params));
    catalogue::probabilities().iter().for_each(|e| add("prob", e.id, e.params));
    catalogue::mixes().iter().for_each(|e| add("layers", e.id, e.params));
    catalogue::recipes().iter().for_each(|e| add("input", e.id, e.params));
    catalogue::streams().iter().for_each(|e| add(STREAMS, e.id, &[]));
    all
}

impl Place {
    /// Parameters that are controls of their own.
    pub fn free(&self) -> impl Iterator<Item = &'static Param> {
        self.params.iter().filter(|param| !param.is_convention())
    }

    /// An experiment over normal numbers of this size under a causal mask, with this entry in its place.
    pub fn experiment(&self, size: Size, params: &[(&str, f64)]) -> Experiment {
        let params: Sorted<String, f64> = params.iter().map(|&(name, value)| (name.to_owned(), value)).collect();
        let mut experiment = Experiment {
            input: Input::generated("normal", size, 3),
            mask: MaskChoice::of("causal"),
            seed: 5,
            ..Experiment::default()
        };
        let choice = Choice { id: self.id.to_owned(), params };
        match self.room {
            "mask" => experiment.mask = MaskChoice { params: choice.params, ..MaskChoice::of(self.id) },
            "combine[0]" => {
                experiment.combine = vec![Layer { params: choice.params, ..Layer::of(Join::Or, self.id) }];
            }
            "branch" => (experiment.hybrid, experiment.branch) = (Choice::of("gated"), choice),
            "branch_a" => {
                (experiment.hybrid, experiment.branch_a, experiment.branch) =
                    (Choice::of("gated"), choice, Choice::of("linear"));
            }
            "hybrid" => (experiment.hybrid, experiment.branch) = (choice, Choice::of("sliding-window")),
            "prob" => experiment.prob = FormulaChoice { params: choice.params, ..FormulaChoice::of(self.id) },
            "position" => experiment.position = choice,
            "product" => experiment.product = choice,
            "selection" => experiment.selection = choice,
            "layout" => experiment.layout = choice,
            "normaliser" => experiment.normaliser = choice,
            "layers" => experiment.layers = choice,
            "estimator" => experiment.estimator = choice,
            "input" => {
                let (recipe, params) = (self.id.to_owned(), choice.params);
                experiment.input = Input::Generated { recipe, size, seed: 3, normals: Normals::Unrounded, params };
            }
            STREAMS => experiment.choose(List::Stream, self.id),
            other => panic!("no field {other}"),
        }
        experiment
    }

    /// The same as a request of the JavaScript API; none where the entry makes the input, which requests bring along.
    pub fn request(&self, experiment: &Experiment) -> Option<Request> {
        if self.room == "input" {
            return None;
        }
        let Loaded { dims, inputs, .. } = made(&experiment.input).unwrap();
        let tensor = |heads, length, size, data: &[f32]| Tensor::new(&[1, heads, length, size], data.to_vec());
        let entry = |choice: &MaskChoice| Choice { id: choice.id.clone(), params: choice.params.clone() };
        let of = |rooms: &[&str], choice: &Choice| rooms.contains(&self.room).then(|| choice.clone());
        // An estimator is asked about a mask that it can respect.
        let causal = direction_of(&experiment.estimator, true).unwrap_or(true);
        Some(Request {
            q: tensor(dims.q_heads, dims.n_q, dims.d, &inputs.q),
            k: tensor(dims.kv_heads, dims.n_k, dims.d, &inputs.k),
            v: tensor(dims.kv_heads, dims.n_k, dims.d_v, &inputs.v),
            mask: causal.then(|| FormulaOrEntry::Entry(entry(&experiment.mask))),
            combine: experiment.combine.clone(),
            position: of(&["position"], &experiment.position),
            product: of(&["product"], &experiment.product),
            layout: of(&["layout"], &experiment.layout),
            selection: of(&["selection"], &experiment.selection),
            hybrid: of(&["hybrid", "branch", "branch_a"], &experiment.hybrid),
            branch_a: of(&["branch_a"], &experiment.branch_a),
            branch: of(&["hybrid", "branch", "branch_a"], &experiment.branch),
            normaliser: of(&["normaliser"], &experiment.normaliser),
            prob: (self.room == "prob").then(|| FormulaOrEntry::Entry(entry(&experiment.prob))),
            layers: of(&["layers"], &experiment.layers),
            estimator: of(&["estimator"], &experiment.estimator),
            conventions: experiment.conventions,
            seed: experiment.seed,
            ..Request::default()
        })
    }
}

/// What an experiment gives on the page: its check, then its run. The outputs of every engine of the CPU, and of an estimator in both precisions.
///
/// # Errors
/// What the check, the assembly or the lowering refuses.
pub fn run(experiment: &Experiment) -> Result<Vec<f32>, Issues> {
    check(experiment)?;
    let loaded = made(&experiment.input)?;
    let (mut problem, mut inputs) = assemble(experiment, &loaded)?;
    lowering::lower(&mut problem, &mut inputs)?;
    Plan::compile(&problem)?;
    let mut all = outputs(&problem, &inputs);
    if experiment.estimator.id != "none" {
        all.extend(estimate(experiment, &loaded)?);
    }
    Ok(all)
}

/// The same by a request of the JavaScript API.
///
/// # Errors
/// What the request or the lowering refuses.
pub fn answer(request: &Request) -> Result<Vec<f32>, Issues> {
    let mut alone = request.clone();
    let estimator = alone.estimator.take();
    let Prepared { mut problem, mut inputs, .. } = prepare(&alone)?;
    lowering::lower(&mut problem, &mut inputs)?;
    Plan::compile(&problem)?;
    let mut all = outputs(&problem, &inputs);
    if estimator.is_some() {
        let EstimatePrepared { estimator, tensors, .. } = prepare_estimate(request)?;
        all.extend(both(&estimator, [&tensors[0], &tensors[1], &tensors[2]]));
    }
    Ok(all)
}

/// The outputs of every engine of the CPU.
fn outputs(problem: &Problem, inputs: &Inputs) -> Vec<f32> {
    let mut all = Vec::new();
    for engine in ENGINES {
        let out = engine.run(problem, inputs, None);
        // A row without keys is empty, and says so.
        let rows = out.y.chunks_exact(problem.dims.d_v).zip(&out.lse);
        let empty = rows.filter(|(y, lse)| **lse == f32::NEG_INFINITY && y.iter().all(|&y| y == 0.0)).count();
        let closed = out.lse.iter().filter(|lse| **lse == f32::NEG_INFINITY).count();
        assert_eq!((empty, out.empty_rows as usize), (closed, closed), "{engine:?}: rows without a key");
        let mut y = out.y;
        lowering::finish(problem, &mut y);
        all.extend(y);
    }
    all
}

/// The experiment's estimator, looking where its entry can.
fn estimate(experiment: &Experiment, loaded: &Loaded) -> Result<Vec<f32>, Issues> {
    let Loaded { dims, inputs: Inputs { q, k, v }, .. } = loaded;
    let causal = direction_of(&experiment.estimator, true).unwrap_or(true);
    let factor = scale(experiment, dims, &mut Vec::new());
    let estimator = fits(&experiment.estimator, *dims, causal, factor, "estimator")?;
    Ok(both(&estimator, [q, k, v]))
}

/// All that an estimator gives, in single and in double precision.
fn both(estimator: &Estimator, [q, k, v]: [&[f32]; 3]) -> Vec<f32> {
    let (single, double) = (estimator.compute::<f32>(q, k, v), estimator.compute::<f64>(q, k, v));
    [Vec::from(single), Vec::from(double)].concat().concat()
}

/// An experiment whose last query sees the last key.
pub fn decoding(experiment: Experiment) -> Experiment {
    let mut experiment = experiment;
    experiment.conventions.causal = CausalAlignment::BottomRight;
    experiment
}

/// One issue that tells what is wrong in both languages, on a line that people read.
pub fn told(issue: &Issue, name: &str) {
    let (en, zh) = (&issue.message.en, &issue.message.zh);
    let is_han = |c: char| ('\u{4e00}'..='\u{9fff}').contains(&c);
    assert!(!en.is_empty() && zh.chars().any(is_han), "{name}: {}: {en} / {zh}", issue.path);
    assert!(en.chars().count() < 200 && zh.chars().count() < 200, "{name}: {}: {en}", issue.path);
}

/// Whether a path is that of a field of an experiment.
pub fn is_field(path: &str) -> bool {
    const FIELDS: [&str; 15] = [
        "input",
        "mask",
        "combine",
        "branch",
        "branch_a",
        "estimator",
        "position",
        "product",
        "selection",
        "layout",
        "hybrid",
        "normaliser",
        "prob",
        "layers",
        "scale",
    ];
    let field = path.split(['.', '[']).next().unwrap_or_default();
    FIELDS.contains(&field)
}

/// Sizes of an input.
pub fn size([q_heads, kv_heads]: [usize; 2], [n_q, n_k]: [usize; 2], [d, d_v]: [usize; 2]) -> Size {
    Size { q_heads, kv_heads, n_q, n_k, d, d_v }
}

/// As many queries as keys, and few of all.
pub fn small() -> Size {
    size([4, 2], [11, 11], [4, 3])
}

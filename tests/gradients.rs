//! Gradients: the kernel of the CPU against the reference, the reference against central differences of its own forward pass over the table of problems, and against values that a script of
//! NumPy made from the equations (`tests/independent/gradients.py`).

use crate::native::common;

use std::sync::Arc;

use attention_playground::attention::gradients::{Gradients, Tensors, named, shapes};
use attention_playground::attention::{
    Dims, Inputs, Loaded, Normaliser, Plan, Problem, Term, assemble, lowering, reference,
};
use attention_playground::engine::backward::{Derive, Gathered, Given, Kernel};
use attention_playground::engine::cpu::Kernels;
use attention_playground::experiment::{Algorithm, Backend, Choice, Experiment, MaskChoice};
use attention_playground::formula::{Data, DataValues, Scalar, Sorted};
use common::engines;
use common::table::{Case, cases, dims, normal};
use serde::Deserialize;

/// Half the width of a difference.
const NEAR: f64 = 1e-5;
/// Of a difference along a direction, beside the larger of it and 1: its own error is a third derivative times `NEAR²`, and rounding adds `1e-16 · y / NEAR`.
const TOLERANCE: f64 = 1e-6;
/// Of a difference by a parameter or an entry of a table, which are singles and so move by more. Of two differences, the second half as wide, the part that grows
/// with the square is taken away (Richardson). Keys that enter or leave a support on the way are what is left.
const STEP: f32 = 1.0 / 16384.0;
const TOLERANCE_OF_PARAMS: f64 = 1e-5;

/// Numbers between −1 and 1 from a seed.
fn noise(seed: u64, count: usize) -> Vec<f64> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 11) as f64 / (1_u64 << 52) as f64 - 1.0
    };
    (0..count).map(|_| next()).collect()
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

/// What is derived: `Σ dY · Y`.
fn loss(problem: &Problem, tensors: &Tensors, dy: &[f64]) -> f64 {
    let plan = Plan::compile(problem).unwrap();
    dot(&Gradients::new(problem, &plan).unwrap().forward(tensors), dy)
}

fn along(tensors: &Tensors, which: usize, direction: &[f64], by: f64) -> Tensors {
    let mut moved = tensors.clone();
    let tensor = [&mut moved.q, &mut moved.k, &mut moved.v].into_iter().nth(which).unwrap();
    tensor.iter_mut().zip(direction).for_each(|(x, d)| *x += by * d);
    moved
}

/// Compares a problem, of which `problem_of` makes the lowered one of any tensors.
fn compare(name: &str, inputs: &Inputs, problem_of: &dyn Fn(&Tensors) -> Problem) {
    let tensors = Tensors::from(inputs);
    let problem = problem_of(&tensors);
    let plan = Plan::compile(&problem).unwrap();
    let gradients = Gradients::new(&problem, &plan).unwrap_or_else(|issues| panic!("{name}: {issues}"));
    let dy = noise(5, plan.dims.y_len());
    let (found, sums) = gradients.all(&tensors, &dy);
    for (which, of) in ["dQ", "dK", "dV"].into_iter().enumerate() {
        let gradient = [&found.q, &found.k, &found.v][which];
        assert!(gradient.iter().all(|x| x.is_finite()), "{name}: {of}");
        // All numbers together along two directions, and three of them by themselves.
        let length = gradient.len();
        let single = |at: usize| (0..length).map(|i| f64::from(u8::from(i == at % length))).collect::<Vec<_>>();
        let directions = [noise(11, length), noise(12, length), single(0), single(length / 3 + 5), single(length - 1)];
        for (i, direction) in directions.iter().enumerate() {
            let at = |by: f64| {
                let moved = along(&tensors, which, direction, by);
                loss(&problem_of(&moved), &moved, &dy)
            };
            let wanted = (at(NEAR) - at(-NEAR)) / (2.0 * NEAR);
            let by = dot(gradient, direction);
            let near = (by - wanted).abs() <= TOLERANCE * wanted.abs().max(1.0);
            assert!(near, "{name}: {of} along direction {i} is {by}, not {wanted}");
        }
    }
    // Parameters, tables, scale, softcap and sinks, each of them alone.
    let known: Vec<(String, Vec<usize>)> = shapes(&problem).into_iter().collect();
    let told: Vec<_> = named(&problem, &sums).into_iter().map(|(key, by)| (key, by.shape)).collect();
    assert_eq!(known, told, "{name}");
    for (key, by) in named(&problem, &sums).iter() {
        for at in [0, by.values.len() / 2, by.values.len() - 1] {
            let moved = |step: f32| {
                let mut problem = problem.clone();
                let real = nudge(&mut problem, key, at, step).unwrap_or_else(|| panic!("{name}: who is {key}?"));
                (loss(&problem, &tensors, &dy), f64::from(real))
            };
            let slope = |step: f32| {
                let ((up, a), (down, b)) = (moved(step), moved(-step));
                (up - down) / (a - b)
            };
            let (wanted, found) = ((4.0 * slope(STEP / 2.0) - slope(STEP)) / 3.0, by.values[at]);
            let near = (found - wanted).abs() <= TOLERANCE_OF_PARAMS * wanted.abs().max(1.0);
            assert!(near, "{name}: by {key}[{at}] is {found}, not {wanted}");
        }
    }
}

/// Adds to a number that [`named`] tells the derivative by; by how much it really changed.
fn nudge(problem: &mut Problem, key: &str, at: usize, step: f32) -> Option<f32> {
    let add = |x: &mut f32| {
        let old = *x;
        *x += step;
        *x - old
    };
    match key {
        "scale" => return Some(add(&mut problem.scale)),
        "softcap" => return problem.softcap.as_mut().map(add),
        "sink_logit" => return problem.sink.as_mut()?.get_mut(at).map(add),
        _ => {}
    }
    let terms = problem.bias_before_cap.iter_mut().chain(&mut problem.bias).chain(&mut problem.probability);
    let mut moved = None;
    for term in terms {
        let of_param = format!("{}.params.", term.path);
        if let Some(name) = key.strip_prefix(&of_param)
            && let Some(Scalar::Float(x)) = term.params.get_mut(name)
        {
            moved = Some(add(x));
        }
        let of_table = key.rsplit("data.").next()?;
        if let Some(data) = term.data.get_mut(of_table)
            && let DataValues::Float(values) = &mut Arc::make_mut(data).values
        {
            moved = values.get_mut(at).map(add);
        }
    }
    moved
}

#[test]
fn the_reference_is_the_slope_of_its_own_forward_pass() {
    for Case { name, problem, inputs } in cases().into_iter().filter(|case| case.inputs.finite()) {
        // At 60 times the scale weights are 0 and 1 to machine precision or change within a millionth.
        if name != "very large scores" {
            compare(&name, &inputs, &|_| problem.clone());
        }
    }
}

#[test]
fn the_forward_pass_is_the_oracles() {
    for Case { name, problem, inputs } in cases().into_iter().filter(|case| case.inputs.finite()) {
        let plan = Plan::compile(&problem).unwrap();
        let found = Gradients::new(&problem, &plan).unwrap().forward(&Tensors::from(&inputs));
        let wanted = reference::attend(&plan, &inputs);
        let largest = common::judge::largest(wanted.y.iter().copied()).max(1.0);
        // The oracle's formulas, encodings and rotations are single precision; a score's error is a weight's relative one.
        let scores = if name.contains("large scores") { 60.0 } else { 8.0 };
        for (found, wanted) in found.iter().zip(&wanted.y) {
            assert!((found - wanted).abs() <= 2e-6 * scores * largest, "{name}: {found}, not {wanted}");
        }
    }
}

#[test]
fn masked_keys_and_empty_rows_have_no_gradient_whatever_they_hold() {
    let case = cases().into_iter().find(|case| case.name == "non-finite at masked keys").unwrap();
    let plan = Plan::compile(&case.problem).unwrap();
    let (found, _) =
        Gradients::new(&case.problem, &plan).unwrap().all(&Tensors::from(&case.inputs), &vec![1.0; plan.dims.y_len()]);
    for tensor in [&found.q, &found.k, &found.v] {
        assert!(tensor.iter().all(|x| x.is_finite()));
    }
    for head in found.k.chunks_exact(37 * 16).chain(found.v.chunks_exact(37 * 16)) {
        for k in (2..37).step_by(4) {
            assert!(head[k * 16..(k + 1) * 16].iter().all(|x| *x == 0.0), "key {k}");
        }
    }
}

/// The experiment's problem over tensors of these sizes, lowered.
fn lowered(experiment: &Experiment, dims: Dims, inputs: &Inputs) -> Problem {
    let tokens = |n: usize| vec![String::new(); n];
    let loaded =
        Loaded { dims, tokens_q: tokens(dims.n_q), tokens_k: tokens(dims.n_k), inputs: inputs.clone(), note: None };
    let (mut problem, mut inputs) = assemble(experiment, &loaded).unwrap();
    lowering::lower(&mut problem, &mut inputs).unwrap();
    problem
}

#[test]
fn selections_hold_still_and_sums_over_queries_do_not() {
    let size = dims([4, 2], [13, 13], [8, 6]);
    let inputs = normal(&size, 21);
    let single = |tensor: &[f64]| Arc::new(tensor.iter().map(|&x| x as f32).collect::<Vec<f32>>());
    let base = |position: &str| Experiment {
        mask: MaskChoice { id: "causal".to_owned(), params: Sorted::new(), custom: None },
        position: Choice::of(position),
        ..Experiment::default()
    };
    let with = |normaliser: &str, params: &[(&str, f64)], position: &str| {
        let params: Sorted<String, f64> = params.iter().map(|&(name, x)| (name.to_owned(), x)).collect();
        Experiment { normaliser: Choice { id: normaliser.to_owned(), params }, ..base(position) }
    };
    let selecting = |id: &str| Experiment { selection: Choice::of(id), ..base("rope") };
    let laid = |id: &str| Experiment { layout: Choice::of(id), ..base("alibi") };
    for experiment in [
        with("top-k", &[("keep", 3.0)], "rope"),
        with("inverted", &[("rows", 1.0)], "alibi"),
        with("inverted", &[("rows", 0.0)], "rope"),
        with("learned-sink", &[], "alibi"),
        selecting("k-means"),
        selecting("top-k-blocks"),
        laid("head-scale"),
    ] {
        let name = format!("{:?} {:?} {:?}", experiment.normaliser, experiment.selection, experiment.layout);
        compare(&name, &inputs, &|tensors| {
            let moved = Inputs { q: single(&tensors.q), k: single(&tensors.k), v: single(&tensors.v) };
            lowered(&experiment, size, &moved)
        });
    }
}

#[test]
fn what_would_have_to_go_through_computed_numbers_is_refused_by_its_field() {
    let size = dims([4, 2], [13, 13], [8, 6]);
    let inputs = normal(&size, 22);
    let refused = |experiment: Experiment| {
        let problem = lowered(&experiment, size, &inputs);
        let plan = Plan::compile(&problem).unwrap();
        let issues = Gradients::new(&problem, &plan).err().unwrap();
        let issue = issues.0.first().unwrap().clone();
        assert!(!issue.message.zh.is_empty() && issue.message.en != issue.message.zh);
        issue.path
    };
    let choice = |id: &str| Choice::of(id);
    assert_eq!(refused(Experiment { product: choice("cosine"), ..Experiment::default() }), "product");
    assert_eq!(refused(Experiment { position: choice("shaw"), ..Experiment::default() }), "position");
    assert_eq!(refused(Experiment { layout: choice("talking-heads"), ..Experiment::default() }), "layout");
}

/// What the script wrote of one problem.
#[derive(Deserialize)]
struct Written {
    name: String,
    /// `q_heads`, `kv_heads`, `n_q`, `n_k`, `d`, `d_v`.
    dims: [usize; 6],
    q: Vec<f32>,
    k: Vec<f32>,
    v: Vec<f32>,
    dy: Vec<f64>,
    causal: bool,
    offset: i32,
    scale: f32,
    softcap: Option<f32>,
    /// Of ALiBi, by head.
    slopes: Option<Vec<f32>>,
    sink: Option<Vec<f32>>,
    normaliser: String,
    y: Vec<f64>,
    dq: Vec<f64>,
    dk: Vec<f64>,
    dv: Vec<f64>,
    dscale: f64,
    dsoftcap: Option<f64>,
    dslopes: Option<Vec<f64>>,
    dsink: Option<Vec<f64>>,
}

impl Written {
    fn problem(&self) -> (Problem, Inputs) {
        let [q_heads, kv_heads, n_q, n_k, d, d_v] = self.dims;
        let mut problem = Problem::plain(Dims { batch: 1, q_heads, kv_heads, n_q, n_k, d, d_v });
        (problem.scale, problem.softcap, problem.sink) = (self.scale, self.softcap, self.sink.clone());
        problem.offset = vec![self.offset];
        if self.causal {
            problem.masks.push(Term::new("mask", "k <= q_pos"));
        }
        if let Some(slopes) = &self.slopes {
            let table = Data { shape: vec![q_heads], values: DataValues::Float(slopes.clone()), clamp: false };
            problem.bias.push(Term::new("position", "s - slope[h] * abs(q_pos - k)").data("slope", table));
        }
        problem.normaliser = match self.normaliser.as_str() {
            "softmax" => Normaliser::Softmax,
            "sigmoid" => Normaliser::Sigmoid,
            "sparsemax" => Normaliser::Sparsemax,
            other => panic!("{other}"),
        };
        let share = |x: &[f32]| Arc::new(x.to_vec());
        (problem, Inputs { q: share(&self.q), k: share(&self.k), v: share(&self.v) })
    }
}

/// Beside the largest of a tensor's numbers: both sides are doubles over the same singles; the threshold of sparsemax is where they differ most.
const TOLERANCE_OF_SCRIPT: f64 = 1e-12;

#[test]
fn gradients_are_those_of_the_equations() {
    let written: Vec<Written> = serde_json::from_str(include_str!("independent/gradients.json")).unwrap();
    assert!(written.len() >= 8);
    for case in written {
        let (problem, inputs) = case.problem();
        let plan = Plan::compile(&problem).unwrap();
        let (gradients, tensors) = (Gradients::new(&problem, &plan).unwrap(), Tensors::from(&inputs));
        let (found, sums) = gradients.all(&tensors, &case.dy);
        let all = named(&problem, &sums);
        let of = |key: &str| all.get(key).map(|named| named.values.clone());
        let same = |what: &str, found: &[f64], wanted: &[f64]| {
            let largest = wanted.iter().fold(1e-300_f64, |m, x| m.max(x.abs()));
            assert_eq!(found.len(), wanted.len(), "{}: {what}", case.name);
            for (i, (found, wanted)) in found.iter().zip(wanted).enumerate() {
                let near = (found - wanted).abs() <= TOLERANCE_OF_SCRIPT * largest.max(1.0);
                assert!(near, "{}: {what}[{i}] is {found}, not {wanted}", case.name);
            }
        };
        same("Y", &gradients.forward(&tensors), &case.y);
        same("dQ", &found.q, &case.dq);
        same("dK", &found.k, &case.dk);
        same("dV", &found.v, &case.dv);
        same("dscale", &of("scale").unwrap(), &[case.dscale]);
        for (key, wanted) in [
            ("softcap", case.dsoftcap.map(|x| vec![x])),
            ("data.slope", case.dslopes.clone()),
            ("sink_logit", case.dsink.clone()),
        ] {
            match (of(key), wanted) {
                (Some(found), Some(wanted)) => same(key, &found, &wanted),
                (None, None) => {}
                other => panic!("{}: {key}: {other:?}", case.name),
            }
        }
    }
}

/// Of the largest number of a gradient, for scores of about 1: rounding of sums of some hundred products. A score's error is a weight's relative one, so the size of
/// the scores, which a row's log-sum-exp bounds, counts as often again.
const BACKWARD_PRECISION: f64 = 4e-7;

/// What shares give, put together.
fn gathered(derive: &Derive, given: &dyn Fn() -> Given, shares: usize) -> Gathered {
    let names = if derive.params { shapes(&derive.problem) } else { Sorted::new() };
    let mut gathered = Gathered::new(derive.problem.dims, names);
    for index in 0..shares {
        let derive = Derive { share: [index, shares], ..derive.clone() };
        let outputs = derive.compute(given(), &Kernels::SEPARATE).unwrap();
        assert!(gathered.take(&derive.parts(), outputs));
    }
    gathered
}

fn derive(problem: &Problem, kernel: Kernel, params: bool) -> Derive {
    Derive { problem: Box::new(problem.clone()), kernel, share: [0, 1], params }
}

/// What the streaming run of a problem leaves for its gradients.
fn given(problem: &Problem, inputs: &Inputs, dy: &[f32]) -> Given {
    let engine = engines().into_iter().find(|e| (e.backend, e.algorithm) == (Backend::Cpu, Algorithm::Streaming));
    let run = engine.unwrap().run(problem, inputs, None);
    let qkv = [&inputs.q, &inputs.k, &inputs.v].map(|tensor| tensor.to_vec());
    Given { qkv, dy: dy.to_vec(), y: run.y, lse: run.lse }
}

/// Compares the kernel of the CPU with the reference, in one share and in several; how near the worst number is to its tolerance, and which.
fn judged(name: &str, problem: &Problem, inputs: &Inputs) -> (f64, String) {
    let plan = Plan::compile(problem).unwrap();
    let single: Vec<f32> = noise(9, plan.dims.y_len()).iter().map(|&x| x as f32).collect();
    let dy: Vec<f64> = single.iter().map(|&x| x.into()).collect();
    let (wanted, sums) = Gradients::new(problem, &plan).unwrap().all(&Tensors::from(inputs), &dy);
    let params = named(problem, &sums);
    let from = given(problem, inputs, &single);
    let scores = reference::attend(&plan, inputs);
    // Scores are as large as their log-sum-exp; where the normaliser has none, as the logarithm of the keys at least.
    let has_sum = matches!(problem.normaliser, Normaliser::Softmax | Normaliser::OffByOne);
    let least = if has_sum { 0.0 } else { (plan.dims.n_k as f64).ln() };
    let finite = scores.lse.iter().filter(|x| x.is_finite()).fold(least, |m, x| m.max(x.abs()));
    let precision = BACKWARD_PRECISION * (1.0 + finite);
    let mut worst = (0.0, String::new());
    for shares in [1, 3] {
        let found = gathered(&derive(problem, Kernel::Cpu, true), &|| from.clone(), shares);
        let tensors = [("dQ", &found.q, &wanted.q), ("dK", &found.k, &wanted.k), ("dV", &found.v, &wanted.v)];
        let wide = |x: &[f32]| x.iter().map(|&x| x.into()).collect::<Vec<f64>>();
        let mut all: Vec<(String, Vec<f64>, Vec<f64>, f64)> =
            tensors.map(|(of, found, wanted)| (of.to_owned(), wide(found), wanted.clone(), 1.0)).into();
        assert_eq!(found.params.len(), params.len(), "{name}");
        for ((key, found), by) in found.params.iter().zip(params.values()) {
            assert_eq!(found.shape, by.shape, "{name}: {key}");
            // Sums over all rows of numbers that partly cancel each other; the scale moves a score by its product.
            let unit = if key == "scale" { f64::from(problem.scale) } else { 1.0 };
            let terms = (plan.dims.rows() as f64).sqrt() / unit;
            all.push((key.clone(), found.values.clone(), by.values.clone(), terms));
        }
        for (of, found, wanted, terms) in all {
            let largest = common::judge::largest(wanted.iter().copied()).max(terms);
            assert_eq!(found.len(), wanted.len());
            for (i, (found, wanted)) in found.iter().zip(wanted.iter()).enumerate() {
                let off = (found - wanted).abs() / largest;
                assert!(off <= precision, "{name}, {shares} shares: {of}[{i}] is {found}, not {wanted} (of {largest})");
                if off / precision > worst.0 {
                    worst = (off / precision, format!("{name}, {of}: {off:.1e} of {precision:.1e}"));
                }
            }
        }
    }
    worst
}

#[test]
fn the_kernel_of_the_cpu_agrees_with_the_reference() {
    let (mut compared, mut worst) = (0, (0.0, String::new()));
    for Case { name, problem, inputs } in cases() {
        let (kernel, why) = Kernel::of(&problem, &inputs, Backend::Cpu, true);
        assert_eq!(kernel == Kernel::Reference, why.is_some(), "{name}");
        if kernel == Kernel::Cpu {
            compared += 1;
            let found = judged(&name, &problem, &inputs);
            if found.0 > worst.0 {
                worst = found;
            }
        }
    }
    println!("{compared} problems; nearest to its tolerance: {}", worst.1);
    assert!(compared > 60, "{compared}");
}

/// Floats of a seed as a table.
fn table(shape: &[usize], seed: u64) -> Data {
    let values = noise(seed, shape.iter().product()).iter().map(|&x| x as f32).collect();
    Data { shape: shape.to_vec(), values: DataValues::Float(values), clamp: false }
}

/// What a problem is called, and how it is made of a plain one.
type Named<'a> = (&'a str, &'a dyn Fn(&mut Problem));

#[test]
fn formulas_of_every_kind_are_derived_by_what_they_declare() {
    let ints = |values: Vec<i32>| Data { shape: vec![values.len()], values: DataValues::Int(values), clamp: false };
    let gain = |term: Term| Term { params: Sorted::from([("gain".to_owned(), Scalar::Float(0.75))]), ..term };
    let score = |text: &str| Term::new("score", text);
    // One pass over the rows in one share, two passes in three.
    let heads = [(2, 1, 16, 16, false), (4, 2, 8, 24, true), (1, 1, 33, 5, true)];
    for (seed, (q_heads, kv_heads, d, d_v, sparse)) in (30..).zip(heads) {
        let (n_q, n_k) = (101, 150);
        let mut size = dims([q_heads, kv_heads], [n_q, n_k], [d, d_v]);
        size.batch = 2;
        let inputs = normal(&size, seed);
        let of = |change: &dyn Fn(&mut Problem)| {
            let mut problem = Problem::plain(size);
            problem.offset = vec![19, 5];
            if sparse {
                let documents = ints((0..150).map(|k| k / 40).collect());
                problem.masks.push(Term::new("mask", "doc[q] == doc[k]").data("doc", documents));
                problem.masks.push(Term::new("mask", "k <= q_pos and q_pos - k < 50"));
            }
            change(&mut problem);
            problem
        };
        let alibi = || score("s - gain * slope[h] * abs(q_pos - k)").data("slope", table(&[q_heads], 1));
        let changes: [Named<'_>; 14] = [
            ("alibi", &|p| p.bias.push(gain(alibi()))),
            ("alibi before the cap", &|p| {
                p.bias_before_cap.push(gain(alibi()));
                p.softcap = Some(2.0);
            }),
            ("factor of a head", &|p| p.bias.push(score("s * w[h]").data("w", table(&[q_heads], 2)))),
            ("tanh", &|p| p.bias.push(gain(score("gain * tanh(s / gain) + bias[k]").data("bias", table(&[n_k], 3))))),
            ("two of one table", &|p| {
                p.bias.push(score("s * w[h] + w[h] * float(q)/ 64.0").data("w", table(&[q_heads], 4)));
                p.softcap = Some(3.0);
                p.bias_before_cap.push(gain(score("s * gain + 0.75")));
            }),
            ("a bias by every pair", &|p| {
                p.bias.push(score("s + mask[q, k]").data("mask", table(&[n_q, n_k], 5)));
            }),
            ("buckets", &|p| {
                let clamped = Data { clamp: true, ..table(&[q_heads, 40], 6) };
                p.bias.push(score("s + rel[h, (q_pos - k) // 4]").data("rel", clamped));
            }),
            ("a branch by the score", &|p| {
                p.bias.push(gain(score("where(s > 0.2, s * gain, row[q] - gain)").data("row", table(&[n_q], 7))));
            }),
            ("of no score", &|p| p.bias.push(gain(score("gain * cos(0.3 * float(q_pos - k))")))),
            ("probability", &|p| {
                p.probability =
                    Some(gain(Term::new("prob", "p * gain + edge[k] * p * p")).data("edge", table(&[n_k], 8)));
            }),
            ("sink", &|p| {
                p.normaliser = Normaliser::OffByOne;
                p.sink = Some((0..q_heads).map(|h| h as f32 * 0.5).collect());
            }),
            ("sparsemax", &|p| p.normaliser = Normaliser::Sparsemax),
            ("entmax", &|p| {
                p.normaliser = Normaliser::Entmax;
                p.bias.push(gain(alibi()));
            }),
            ("sigmoid", &|p| {
                p.normaliser = Normaliser::Sigmoid;
                p.probability = Some(gain(Term::new("prob", "p ** (gain + 1.0)")));
            }),
        ];
        for (name, change) in changes {
            let problem = of(change);
            let name = format!("{name}, {q_heads} heads, sparse: {sparse}");
            assert_eq!(Kernel::of(&problem, &inputs, Backend::Cpu, true), (Kernel::Cpu, None), "{name}");
            let (share, worst) = judged(&name, &problem, &inputs);
            println!("{share:.2} {worst}");
        }
    }
}

/// The equations in plain single precision over whole matrices: dQ, dK, dV and the derivative by the slope of a causal ALiBi head.
fn plain(size: &Dims, inputs: &Inputs, dy: &[f32], scale: f32, slope: f32) -> [Vec<f32>; 4] {
    let Dims { n_q: n, d, .. } = *size;
    let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f32>();
    let row = |x: &[f32], at: usize| x[at * d..(at + 1) * d].to_vec();
    let [mut dq, mut dk, mut dv] = [vec![0.0; n * d], vec![0.0; n * d], vec![0.0; n * d]];
    let mut dslope = 0.0_f32;
    let add = |out: &mut [f32], at: usize, by: f32, x: &[f32]| {
        out[at * d..(at + 1) * d].iter_mut().zip(x).for_each(|(out, x)| *out += by * x);
    };
    for i in 0..n {
        let (q, dy) = (row(&inputs.q, i), row(dy, i));
        let s: Vec<f32> = (0..=i).map(|k| dot(&q, &row(&inputs.k, k)) * scale - slope * (i - k) as f32).collect();
        let max = s.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        let e: Vec<f32> = s.iter().map(|s| (s - max).exp()).collect();
        let sum: f32 = e.iter().sum();
        let p: Vec<f32> = e.iter().map(|e| e / sum).collect();
        let dp: Vec<f32> = (0..=i).map(|k| dot(&dy, &row(&inputs.v, k))).collect();
        let mean = dot(&p, &dp);
        for k in 0..=i {
            let ds = p[k] * (dp[k] - mean);
            add(&mut dq, i, ds * scale, &row(&inputs.k, k));
            add(&mut dk, k, ds * scale, &q);
            add(&mut dv, k, p[k], &dy);
            dslope -= ds * (i - k) as f32;
        }
    }
    [dq, dk, dv, vec![dslope]]
}

#[test]
fn errors_are_at_most_twice_those_of_plain_single_precision() {
    let slope = 0.05;
    for d in [16, 64, 128] {
        let size = dims([1, 1], [300, 300], [d, d]);
        let inputs = normal(&size, d as u64);
        let mut problem = Problem::plain(size);
        problem.masks.push(Term::new("mask", "k <= q_pos"));
        let slopes = Data { shape: vec![1], values: DataValues::Float(vec![slope]), clamp: false };
        problem.bias.push(Term::new("position", "s - slope[h] * abs(q_pos - k)").data("slope", slopes));
        let plan = Plan::compile(&problem).unwrap();
        let single: Vec<f32> = noise(4, size.y_len()).iter().map(|&x| x as f32).collect();
        let dy: Vec<f64> = single.iter().map(|&x| x.into()).collect();
        let (wanted, sums) = Gradients::new(&problem, &plan).unwrap().all(&Tensors::from(&inputs), &dy);
        let by_slope = named(&problem, &sums).get("data.slope").unwrap().values.clone();
        let plain = plain(&size, &inputs, &single, problem.scale, slope);
        let from = given(&problem, &inputs, &single);
        let found = gathered(&derive(&problem, Kernel::Cpu, true), &|| from.clone(), 2);
        let found_slope = vec![found.params.get("data.slope").unwrap().values[0] as f32];
        let found = [found.q, found.k, found.v, found_slope];
        let wanted = [wanted.q, wanted.k, wanted.v, by_slope];
        for (i, of) in ["dQ", "dK", "dV", "slope"].into_iter().enumerate() {
            // The root of the mean of squares, and of one number the least that single precision tells apart.
            let error = |x: &[f32]| {
                let all: f64 = x.iter().zip(&wanted[i]).map(|(x, w)| (f64::from(*x) - w).powi(2)).sum();
                (all / x.len() as f64).sqrt()
            };
            let least = f64::from(f32::EPSILON) * common::judge::largest(wanted[i].iter().copied());
            let (ours, theirs) = (error(&found[i]), error(&plain[i]));
            println!("d = {d}, {of}: {ours:.2e}, plain {theirs:.2e}");
            assert!(ours <= 2.0 * theirs.max(least), "d = {d}, {of}: {ours:.2e}, plain {theirs:.2e}");
        }
    }
}

#[test]
fn shares_add_up_to_what_one_gives() {
    let case = cases().into_iter().find(|case| case.name == "softcap after bias").unwrap();
    let dims = case.problem.dims;
    let halves = || Given {
        qkv: [&case.inputs.q, &case.inputs.k, &case.inputs.v].map(|tensor| tensor.to_vec()),
        dy: vec![0.5; dims.y_len()],
        ..Given::default()
    };
    let reference = derive(&case.problem, Kernel::Reference, true);
    let (one, two) = (gathered(&reference, &halves, 1), gathered(&reference, &halves, 2));
    assert_eq!([&one.q, &one.k, &one.v], [&two.q, &two.k, &two.v]);
    let names: Vec<&str> = one.params.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["data.slope", "position.params.gain", "scale", "softcap"]);
    for ((name, one), two) in one.params.iter().zip(two.params.values()) {
        assert_eq!(one.shape, two.shape, "{name}");
        assert!(one.values.iter().zip(&two.values).all(|(a, b)| (a - b).abs() <= 1e-6 * a.abs().max(1.0)), "{name}");
        assert!(one.values.iter().any(|x| *x != 0.0), "{name}");
    }
    // One pass over the rows, and two where shares are many, sum in the same order.
    let whole = given(&case.problem, &case.inputs, &vec![0.5; dims.y_len()]);
    let by_cpu = |shares: usize| gathered(&derive(&case.problem, Kernel::Cpu, true), &|| whole.clone(), shares);
    let (one, many) = (by_cpu(1), by_cpu(5));
    assert_eq!([&one.q, &one.k, &one.v], [&many.q, &many.k, &many.v]);
    // A share of something else is not taken for it.
    let mut other = Gathered::new(dims, Sorted::new());
    assert!(!other.take(&reference.parts(), vec![vec![0.0; 3]]));
    let short = Given { dy: vec![1.0], ..halves() };
    assert_eq!(reference.compute(short, &Kernels::SEPARATE).unwrap_err().0[0].path, "dY");
}

#[test]
fn who_computes_is_told_with_the_reason() {
    let size = dims([2, 1], [5, 6], [4, 4]);
    let inputs = normal(&size, 3);
    let of = |params: bool, change: &dyn Fn(&mut Problem)| {
        let mut problem = Problem::plain(size);
        change(&mut problem);
        let (kernel, why) = Kernel::of(&problem, &inputs, Backend::Auto, params);
        (kernel, why.map(|why| (why.en.to_string(), why.zh.to_string())))
    };
    for params in [false, true] {
        for change in [
            &(|_: &mut Problem| {}) as &dyn Fn(&mut Problem),
            &|p| p.bias.push(Term::new("score", "s - abs(q - k)")),
            &|p| p.normaliser = Normaliser::Sigmoid,
            &|p| p.probability = Some(Term::new("prob", "p * p")),
            &|p| p.bias.push(Term::new("score", "s * 2")),
        ] {
            assert_eq!(of(params, change), (Kernel::Cpu, None));
        }
    }
    let mut infinite = inputs.clone();
    Arc::make_mut(&mut infinite.q)[0] = f32::INFINITY;
    let (kernel, why) = Kernel::of(&Problem::plain(size), &infinite, Backend::Cpu, false);
    assert!(kernel == Kernel::Reference && why.unwrap().en.contains("double precision"));
    // The GPU's goes through every formula and normaliser, and leaves parameters to the CPU.
    let mut any = Problem::plain(size);
    any.normaliser = Normaliser::Sparsemax;
    any.probability = Some(Term::new("prob", "p * p"));
    any.bias.push(Term::new("score", "s * 2"));
    assert_eq!(Kernel::of(&any, &inputs, Backend::Webgpu, false), (Kernel::Gpu, None));
    let (kernel, why) = Kernel::of(&any, &inputs, Backend::Webgpu, true);
    assert!(kernel == Kernel::Cpu && why.unwrap().en.contains("parameters"));
    let exact = Kernel::of(&Problem::plain(size), &inputs, Backend::Reference, true);
    assert_eq!(exact, (Kernel::Reference, None));
}

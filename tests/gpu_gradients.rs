//! Gradients on the GPU against the reference in double precision, over the table of problems and at every edge of tiles and pieces.
#![cfg(feature = "gpu")]

use crate::native::common;

use attention_playground::attention::gradients::{Gradients, Tensors};
use attention_playground::attention::{Dims, Normaliser, Plan, Problem, Term, reference};
use attention_playground::engine::backward::{Gathered, Given, Kernel, Part};
use attention_playground::engine::gpu::{GpuBackward, GpuError, GradientProgram, Height, Pass};
use attention_playground::experiment::{Algorithm, Backend, Patch};
use attention_playground::formula::Sorted;
use common::engines;
use common::gpu::{block_on, clock, gpu, needs_gpu, validate};
use common::judge::largest;
use common::table::{Case, cases, dims, normal};

/// Of the largest number of a gradient, for scores of about 1: as on the CPU (`gradients.rs`), with the exponentials of WGSL.
const BACKWARD_PRECISION: f64 = 1e-6;

/// The workgroup memory that every device has.
const WORKGROUP_MEMORY: u32 = 16_384;

const HEIGHTS: [Height; 2] = [Height::Eight, Height::SixtyFour];

/// Numbers between −1 and 1 from a seed.
fn noise(seed: u64, count: usize) -> Vec<f32> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 40) as f32 / (1 << 23) as f32 - 1.0
    };
    (0..count).map(|_| next()).collect()
}

fn case(name: &str, dims: Dims, change: impl FnOnce(&mut Problem)) -> Case {
    let mut problem = Problem::plain(dims);
    // The queries are the last ones, as with a cache.
    problem.offset = vec![dims.n_k.saturating_sub(dims.n_q) as i32; dims.batch];
    change(&mut problem);
    Case { name: format!("{name} {dims:?}"), problem, inputs: normal(&dims, 17) }
}

fn masked(mask: &'static str) -> impl FnOnce(&mut Problem) {
    move |problem| problem.masks.push(Term::new("mask", mask))
}

/// A case with what its gradients are by the reference, and what they are computed from: the outputs and sums of the CPU, so that what is judged here is
/// the way back alone.
struct Judged {
    name: String,
    plan: Plan,
    given: Given,
    wanted: Tensors,
    precision: f64,
}

impl Judged {
    fn of(case: &Case) -> Self {
        let Case { name, problem, inputs } = case;
        let plan = Plan::compile(problem).unwrap();
        let dy = noise(9, plan.dims.y_len());
        let wide: Vec<f64> = dy.iter().map(|&x| x.into()).collect();
        let (wanted, _) = Gradients::new(problem, &plan).unwrap().all(&Tensors::from(inputs), &wide);
        let streaming =
            engines().into_iter().find(|e| (e.backend, e.algorithm) == (Backend::Cpu, Algorithm::Streaming));
        let run = streaming.unwrap().run(problem, inputs, None);
        let qkv = [&inputs.q, &inputs.k, &inputs.v].map(|tensor| tensor.to_vec());
        let given = Given { qkv, dy, y: run.y, lse: run.lse };
        let lse = reference::attend(&plan, inputs).lse;
        let precision = BACKWARD_PRECISION * (1.0 + largest(lse));
        Self { name: name.clone(), plan, given, wanted, precision }
    }

    fn backward(&self) -> GpuBackward {
        block_on(GpuBackward::new(gpu().unwrap(), self.plan.clone(), self.given.clone(), clock)).unwrap()
    }

    /// How near gradients come to their tolerance, 1 at it.
    fn check(&self, mut backward: GpuBackward, how: &str) -> f64 {
        let (found, ms) = block_on(backward.run()).unwrap();
        assert!(ms >= 0.0);
        // As the page takes them.
        let mut gathered = Gathered::new(self.plan.dims, Sorted::new());
        assert!(gathered.take(&[Part::All], found.into()), "{}, {how}: lengths", self.name);
        let mut worst = 0.0_f64;
        for (of, found, wanted) in [
            ("dQ", &gathered.q, &self.wanted.q),
            ("dK", &gathered.k, &self.wanted.k),
            ("dV", &gathered.v, &self.wanted.v),
        ] {
            let size = largest(wanted.iter().copied()).max(1.0);
            for (i, (found, wanted)) in found.iter().zip(wanted).enumerate() {
                let off = (f64::from(*found) - wanted).abs() / size;
                let name = &self.name;
                assert!(off <= self.precision, "{name}, {how}: {of}[{i}] is {found}, not {wanted} (of {size})");
                worst = worst.max(off / self.precision);
            }
        }
        worst
    }
}

/// The problems of the table that the GPU derives.
fn derived() -> Vec<Case> {
    let takes = |case: &Case| Kernel::of(&case.problem, &case.inputs, Backend::Webgpu, false).0 == Kernel::Gpu;
    cases().into_iter().filter(takes).collect()
}

#[test]
fn every_text_of_the_table_of_problems_is_valid() {
    for Case { name, problem, .. } in derived() {
        let program = GradientProgram::new(&Plan::compile(&problem).unwrap());
        for pass in Pass::ALL {
            for height in HEIGHTS {
                let text = program.text(pass, height);
                let memory = validate(&format!("{name}, {pass:?}, {height:?}"), &text.text);
                assert!(memory <= WORKGROUP_MEMORY, "{name}, {pass:?}: {memory} bytes of workgroup memory");
                let marked = text.formulas.iter().all(|&(start, end)| text.text[start..end].ends_with("}\n"));
                assert!(marked, "{name}: formulas are marked where they are not");
            }
        }
    }
}

#[test]
fn the_table_of_problems_is_derived_as_by_the_reference() {
    if needs_gpu().is_none() {
        return;
    }
    let (all, mut worst) = (derived(), (0.0, String::new()));
    for case in &all {
        let judged = Judged::of(case);
        let near = judged.check(judged.backward().with_height(Height::Eight), "8 rows");
        if near > worst.0 {
            worst = (near, case.name.clone());
        }
    }
    println!("{} problems; nearest to its tolerance: {} ({:.2})", all.len(), worst.1, worst.0);
    assert!(all.len() > 55, "{}", all.len());
}

/// Problems of the table that between them take every way through the slots and every normaliser: the tall kernels are slow to compile where adapters are software.
const BY_THE_TILE: [&str; 9] = [
    "more queries than keys",
    "d_v below d",
    "nothing allowed",
    "softcap before bias",
    "t5",
    "sink and empty rows",
    "exponential and probability",
    "paint",
    "documents",
];

#[test]
fn problems_of_the_table_are_right_by_the_tall_kernels_too() {
    if needs_gpu().is_none() {
        return;
    }
    let all = cases();
    for name in BY_THE_TILE {
        let case = all.iter().find(|case| case.name == name).unwrap_or_else(|| panic!("no problem is called {name}"));
        let judged = Judged::of(case);
        judged.check(judged.backward().with_height(Height::SixtyFour), "64 rows");
    }
}

#[test]
fn rows_of_any_length_and_several_tiles_are_right() {
    if needs_gpu().is_none() {
        return;
    }
    // Sizes around the vec4, the part of 16 and blocks of columns, on either side.
    for size in [[1, 1], [3, 5], [17, 64], [64, 64], [65, 100], [128, 20], [20, 200]] {
        let judged = Judged::of(&case("any length", dims([1, 1], [70, 67], size), |_| {}));
        for height in HEIGHTS {
            judged.check(judged.backward().with_height(height), &format!("{height:?}"));
        }
    }
    for (lengths, mask) in [
        ([200, 200], "k <= q_pos"),
        ([200, 200], "k <= q_pos and q_pos - k < 40"),
        ([130, 300], "q // 50 == k // 70 + h"),
        ([1, 300], "k <= q_pos"),
        ([5, 129], "k % 3 != h"),
        ([300, 2], "true"),
    ] {
        // Four query heads read two of keys: their sums meet in one workgroup.
        let sizes = Dims { batch: 2, ..dims([4, 2], lengths, [12, 20]) };
        let judged = Judged::of(&case(mask, sizes, masked(mask)));
        for height in HEIGHTS {
            judged.check(judged.backward().with_height(height), &format!("{height:?}"));
        }
    }
}

#[test]
fn pieces_and_divided_sums_give_what_one_submission_gives() {
    if needs_gpu().is_none() {
        return;
    }
    let sizes = Dims { batch: 2, ..dims([6, 2], [150, 170], [8, 8]) };
    let paint = |problem: &mut Problem| {
        problem.masks.push(Term::new("mask", "k <= q_pos"));
        // Painted cells are bits that the CPU sends.
        problem.paint.push(Patch { head: Some(1), q: [3, 90], k: [60, 130], allow: false });
        problem.paint.push(Patch { head: None, q: [100, 101], k: [150, 170], allow: true });
    };
    for case in [case("causal", sizes, masked("k <= q_pos")), case("bits", sizes, paint)] {
        let judged = Judged::of(&case);
        // A row or so a submission; some heads; some queries of a head.
        for rate in [1.0, 1500.0, 15_000.0, 1e9] {
            for height in HEIGHTS {
                judged.check(judged.backward().with_height(height).with_rate(rate), &format!("{height:?} at {rate}"));
            }
        }
    }
}

#[test]
fn every_normaliser_is_derived_with_formulas_before_and_after() {
    if needs_gpu().is_none() {
        return;
    }
    for normaliser in [
        Normaliser::Softmax,
        Normaliser::OffByOne,
        Normaliser::Sigmoid,
        Normaliser::Sparsemax,
        Normaliser::Entmax,
        Normaliser::SquaredRelu,
        Normaliser::Exponential,
    ] {
        let change = |problem: &mut Problem| {
            problem.normaliser = normaliser;
            problem.masks.push(Term::new("mask", "k <= q_pos"));
            problem.bias_before_cap.push(Term::new("score", "s * (0.5 + 0.1 * h)"));
            problem.softcap = Some(3.0);
            problem.bias.push(Term::new("score", "s + 0.2 * sin(s) - 0.01 * abs(q_pos - k)"));
            problem.probability = Some(Term::new("prob", "p * (2 - p) * 0.75"));
        };
        let judged = Judged::of(&case(&format!("{normaliser:?}"), dims([2, 1], [70, 90], [8, 8]), change));
        judged.check(judged.backward(), "8 rows");
    }
}

#[test]
fn what_the_gpu_does_not_take_is_said() {
    let Some(gpu) = needs_gpu() else { return };
    let judged = Judged::of(&case("plain", dims([1, 1], [5, 5], [4, 4]), |_| {}));
    let new = |given: Given| block_on(GpuBackward::new(gpu.clone(), judged.plan.clone(), given, clock)).err().unwrap();
    let infinite = Given { dy: vec![f32::INFINITY; 20], ..judged.given.clone() };
    assert!(matches!(new(infinite), GpuError::Unavailable(_)));
    assert!(matches!(new(Given { y: vec![0.0; 3], ..judged.given.clone() }), GpuError::Invalid(_)));
}

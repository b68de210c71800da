//! The WGSL of thousands of random formulas: every text passes naga's validation, and where there is an adapter every function is run beside
//! the plain evaluator. Whole numbers and booleans must be the same bit for bit, floats within [`TOLERANCE`].
#![cfg(feature = "gpu")]

use crate::native::common;

use attention_playground::formula::wgsl::Module;
use attention_playground::formula::{Bound, Kind, Scope, Sizes, Slopes, Sorted, Values, compile};
use common::gpu::{block_on, gpu, validate};

use crate::native::random::{Dice, random};

/// Relative error (absolute below 1) of a float formula without steps: WGSL's functions are a few units in the last place off, and what is
/// built on them multiplies that.
const TOLERANCE: f64 = 1e-3;

/// Formulas of one module, and cells that each is evaluated at.
const FORMULAS: usize = 20;
const CELLS: usize = 192;

/// A cell as the shader reads it: b, h, q, k, the bits of x.
type At = [u32; 5];

struct Case {
    text: String,
    bound: Bound,
    at: Vec<At>,
}

fn cases(kind: Kind, seeds: std::ops::Range<u64>) -> Vec<Case> {
    seeds
        .filter_map(|seed| {
            let mut dice = Dice(seed.wrapping_mul(0x5851_f42d_4c95_7f2d));
            let (text, bound) = random(seed, 1 + dice.roll(5), kind)?;
            let sizes = bound.sizes().clone();
            let mut below = |n: i32| dice.roll(n as usize) as u32;
            let at = (0..CELLS)
                .map(|_| {
                    let at = [below(sizes.batch), below(sizes.heads), below(sizes.n_q), below(sizes.n_k)];
                    let x = [0.0, -0.0, 1.5, -2.25, 0.3, 17.0, -80.0][below(7) as usize] * (1 + below(4)) as f32;
                    [at[0], at[1], at[2], at[3], x.to_bits()]
                })
                .collect();
            Some(Case { text, bound, at })
        })
        .collect()
}

/// One module of all functions, and an entry point that evaluates each at its cells.
fn program(cases: &[Case]) -> (String, Vec<u32>) {
    let mut module = Module::default();
    let mut calls = String::new();
    for (i, case) in cases.iter().enumerate() {
        module.add(&format!("formula_{i}"), &case.bound);
        let call = match case.bound.kind() {
            Kind::Mask => format!("select(0u, 1u, formula_{i}(b, h, q, k))"),
            _ => format!("bitcast<u32>(formula_{i}(x, b, h, q, k))"),
        };
        calls += &format!("        case {i}u: {{ result = {call}; }}\n");
    }
    let text = format!(
        "@group(0) @binding(0) var<storage, read> words: array<u32>;
@group(0) @binding(1) var<storage, read> cells: array<u32>;
@group(0) @binding(2) var<storage, read_write> results: array<u32>;
{}
@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) thread: u32) {{
    let at = group.y * {CELLS}u + group.x * 64u + thread;
    let b = bitcast<i32>(cells[at * 5u]);
    let h = bitcast<i32>(cells[at * 5u + 1u]);
    let q = bitcast<i32>(cells[at * 5u + 2u]);
    let k = bitcast<i32>(cells[at * 5u + 3u]);
    let x = bitcast<f32>(cells[at * 5u + 4u]);
    var result = 0u;
    switch group.y {{
{calls}        default: {{ }}
    }}
    results[at] = result;
}}
",
        module.text()
    );
    (text, module.words())
}

/// The bits that the GPU gives, by formula and cell.
fn run(cases: &[Case]) -> Option<Vec<u32>> {
    let (text, words) = program(cases);
    validate("random formulas", &text);
    let cells: Vec<u32> = cases.iter().flat_map(|case| case.at.iter().flatten().copied()).collect();
    let gpu = gpu()?;
    Some(
        block_on(gpu.evaluate(&text, &words, &cells, cases.len() * CELLS, [(CELLS / 64) as u32, cases.len() as u32]))
            .unwrap(),
    )
}

#[test]
fn masks_are_the_same_bit_for_bit() {
    let (mut checked, mut exact) = (0, 0);
    for start in (0..1000).step_by(FORMULAS) {
        let all = cases(Kind::Mask, start..start + FORMULAS as u64);
        let Some(results) = run(&all) else { continue };
        for (case, results) in all.iter().zip(results.chunks_exact(CELLS)) {
            checked += 1;
            if !case.bound.exact_in_wgsl() {
                continue;
            }
            exact += 1;
            for (at, &found) in case.at.iter().zip(results) {
                let [b, h, q, k] = [at[0], at[1], at[2], at[3]].map(|x| x as i32);
                let wanted = u32::from(case.bound.mask_at(b, h, q, k));
                assert_eq!(found, wanted, "{}\n{:?} at {b} {h} {q} {k}", case.text, case.bound.sizes());
            }
        }
    }
    assert!(checked == 0 || exact * 10 > checked * 6, "only {exact} of {checked} masks are exact");
}

/// Formulas that between them take every operation that is derived, at places where a step is not near.
const DERIVED: [&str; 30] = [
    "-s",
    "s + s * 2",
    "2 - s",
    "s * s",
    "(s + 3) / (s * s + 1)",
    "s % 3.5",
    "7.25 % (abs(s) + 0.8)",
    "(abs(s) + 0.5) ** 1.7",
    "s ** 2",
    "s ** 3",
    "1.5 ** s",
    "abs(s)",
    "min(s, 1.1) + min(1.1, s)",
    "max(s, 1.1) * max(-0.4, s)",
    "clamp(s, -1.05, 2.05)",
    "clamp(0.55, s, 9.5)",
    "clamp(1.45, -4.5, s)",
    "clamp(1.45, s, s - 1)",
    "float(s) + h",
    "sqrt(abs(s) + 0.1)",
    "exp(s * 0.5)",
    "log(abs(s) + 0.2) + log2(abs(s) + 0.3)",
    "sin(s) * cos(s * 0.5)",
    "tanh(s * 0.7)",
    "sigmoid(s) * q",
    "where(q < k, s * 2, s / 3) if s > 0.05 else s * s",
    "float(floor(s)) * s",
    // What is not taken has an infinite slope, or none.
    "sqrt(max(s, 0)) + s",
    "where(s > 0.05, log(abs(s)), 3 * s)",
    "q * 0.5 + k",
];
const POINTS: [f32; 8] = [-2.3, -0.7, -0.3, 0.45, 0.9, 1.25, 1.9, 3.1];

/// Of a derivative, beside the larger of it and 1: functions of WGSL, some of them one after the other.
const TOLERANCE_OF_SLOPES: f64 = 2e-5;

#[test]
fn derivatives_are_those_of_the_reference() {
    let sizes = Sizes { batch: 1, heads: 2, n_q: 5, n_k: 5, offset: vec![] };
    let values = Values { sizes, params: Sorted::new(), data: Sorted::new() };
    let bind = |text: &str| compile(text, Kind::Score, &Scope::default()).unwrap().bind(&values).unwrap();
    let bounds: Vec<Bound> = DERIVED.iter().map(|text| bind(text)).collect();
    let (mut module, mut calls) = (Module::default(), String::new());
    for (i, bound) in bounds.iter().enumerate() {
        module.add_slope(&format!("formula_{i}"), bound);
        calls += &format!("        case {i}u: {{ result = formula_{i}(x, 0, 1, 2, i32(thread % 5u)); }}\n");
    }
    let text = format!(
        "@group(0) @binding(0) var<storage, read> words: array<u32>;
@group(0) @binding(1) var<storage, read> points: array<u32>;
@group(0) @binding(2) var<storage, read_write> results: array<u32>;
{}
@compute @workgroup_size({})
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) thread: u32) {{
    let x = bitcast<f32>(points[thread]);
    var result = vec2<f32>(0.0);
    switch group.x {{
{calls}        default: {{ }}
    }}
    let at = (group.x * {}u + thread) * 2u;
    results[at] = bitcast<u32>(result.x);
    results[at + 1u] = bitcast<u32>(result.y);
}}
",
        module.text(),
        POINTS.len(),
        POINTS.len(),
    );
    validate("derivatives", &text);
    let Some(gpu) = gpu() else { return };
    let (count, points) = (DERIVED.len(), POINTS.map(f32::to_bits));
    let results = block_on(gpu.evaluate(&text, &module.words(), &points, 2 * count * POINTS.len(), [count as u32, 1]));
    let results = results.unwrap();
    for ((text, bound), results) in DERIVED.iter().zip(&bounds).zip(results.chunks_exact(2 * POINTS.len())) {
        let mut slopes = Slopes::new(bound);
        for (i, (x, found)) in POINTS.iter().zip(results.chunks_exact(2)).enumerate() {
            let value = slopes.value(f64::from(*x), 0, 1, 2, i as i32 % 5);
            for (what, wanted, found) in [("value", value, found[0]), ("derivative", slopes.back(1.0), found[1])] {
                let found = f64::from(f32::from_bits(found));
                let near = (found - wanted).abs() <= TOLERANCE_OF_SLOPES * wanted.abs().max(1.0);
                assert!(near, "the {what} of {text} at {x} is {found}, not {wanted}");
            }
        }
    }
}

/// Whether a float formula has no jumps that a rounding error could cross, and no values that grow past all measure.
fn steady(text: &str) -> bool {
    let jumps = [
        "//", "%", "floor", "ceil", "round", "int(", "sign", "<", ">", "==", "!=", " in ", "hash", "1e30", "inf", "**",
        "<<", "sin(", "cos(",
    ];
    !jumps.iter().any(|jump| text.contains(jump))
}

#[test]
fn scores_are_the_same_within_the_tolerance() {
    let (mut near, mut far, mut steady_cells, mut worst) = (0_u64, Vec::new(), 0_u64, 0.0_f64);
    for start in (0..800).step_by(FORMULAS) {
        let kind = if start % (2 * FORMULAS as u64) == 0 { Kind::Score } else { Kind::Probability };
        let all = cases(kind, start..start + FORMULAS as u64);
        let Some(results) = run(&all) else { continue };
        for (case, results) in all.iter().zip(results.chunks_exact(CELLS)) {
            for (at, &found) in case.at.iter().zip(results) {
                let [b, h, q, k] = [at[0], at[1], at[2], at[3]].map(|x| x as i32);
                let (x, found) = (f32::from_bits(at[4]), f32::from_bits(found));
                let wanted = case.bound.score_at(x, b, h, q, k);
                // What the CPU gives for a neighbour of x says how much of a rounding error the formula makes.
                let moved = case.bound.score_at(x * (1.0 + 4.0 * f32::EPSILON), b, h, q, k);
                if !wanted.is_finite() || !moved.is_finite() || wanted.abs() > 1e20 {
                    continue;
                }
                let scale = f64::from(wanted.abs()).max(1.0);
                let off = (f64::from(found) - f64::from(wanted)).abs() / scale;
                let own = f64::from((wanted - moved).abs()) / scale;
                let fine = off <= TOLERANCE + 16.0 * own;
                if steady(&case.text) {
                    steady_cells += 1;
                    worst = if fine { worst.max(off - 16.0 * own) } else { f64::INFINITY };
                    assert!(
                        fine,
                        "{}\n{:?} at {b} {h} {q} {k}, x {x}: {found}, not {wanted}",
                        case.text,
                        case.bound.sizes()
                    );
                } else if fine {
                    near += 1;
                } else {
                    far.push(format!("{} at {b} {h} {q} {k}, x {x}: {found}, not {wanted}", case.text));
                }
            }
        }
    }
    // A rounding error before a step crosses it now and then.
    assert!(far.len() as u64 * 50 <= near, "{} of {near} cells differ, as {:#?}", far.len(), &far[..far.len().min(5)]);
    if steady_cells > 0 {
        println!("{steady_cells} cells without steps, worst {worst:.1e}; {} of {near} with steps differ", far.len());
    }
}

//! Formulas as WebAssembly, run by an interpreter: the bits of the plain evaluator over thousands of random formulas, and elementary functions within their last digits.

use std::sync::{Arc, Mutex};

use attention_playground::formula::compiled::{Cells, Maker, Source, install};
use attention_playground::formula::{
    Bound, Data, DataDecl, DataValues, Kind, Lanes, Reverse, Scalar, Scope, Sizes, Slopes, Sorted, Ty, Values, compile,
};
use wasmi::{Config, Engine, Linker, Memory, MemoryType, Module, Store, TypedFunc};

use crate::native::formula_properties::rows_agree;
use crate::native::random::random;

/// Operations that may be off by their last bits.
const NEAR: [&str; 9] = ["exp", "log", "log2", "sin", "cos", "tanh", "sigmoid", "pow", "**"];

/// Values, sources, the first column, cells, how many times four, what is changed by them, sinks.
type Parameters = (i32, i32, i32, i32, i32, i32, i32);

/// A module's own store, memory and function.
struct Function {
    store: Store<()>,
    memory: Memory,
    run: TypedFunc<Parameters, ()>,
}

static FUNCTIONS: Mutex<Vec<Function>> = Mutex::new(Vec::new());

fn make(module: Vec<u8>) -> Option<usize> {
    let mut config = Config::default();
    config.wasm_simd(true);
    let engine = Engine::new(&config);
    let module = Module::new(&engine, &module).unwrap();
    let mut store = Store::new(&engine, ());
    let memory = Memory::new(&mut store, MemoryType::new(16, None)).unwrap();
    let mut linker = Linker::new(&engine);
    linker.define("env", "memory", memory).unwrap();
    let instance = linker.instantiate_and_start(&mut store, &module).unwrap();
    let run = instance.get_typed_func(&store, "f").unwrap();
    let mut all = FUNCTIONS.lock().unwrap();
    all.push(Function { store, memory, run });
    Some(all.len() - 1)
}

fn run(place: usize, values: &[u32], sources: &[Source], k: i32, cells: Cells) {
    let mut all = FUNCTIONS.lock().unwrap();
    let Function { store, memory, run } = &mut all[place];
    let mut end = 16;
    let mut put = |store: &mut Store<()>, bytes: &[u8]| {
        let at = end;
        memory.write(store, at, bytes).unwrap();
        end += bytes.len().next_multiple_of(16);
        at as i32
    };
    let words = |list: &[u32]| -> Vec<u8> { list.iter().flat_map(|x| x.to_le_bytes()).collect() };
    let values = put(store, &words(values));
    let pointers: Vec<u32> = sources
        .iter()
        .map(|source| {
            let bytes = match source {
                Source::Words(all) => words(all),
                Source::Bytes(all) => all.to_vec(),
                Source::Ints(all) => all.iter().flat_map(|x| x.to_le_bytes()).collect(),
                Source::Floats(all) => all.iter().flat_map(|x| x.to_le_bytes()).collect(),
            };
            put(store, &bytes) as u32
        })
        .collect();
    let pointers = put(store, &words(&pointers));
    let floats = |list: &[f32]| -> Vec<u8> { list.iter().flat_map(|x| x.to_le_bytes()).collect() };
    let read = |store: &Store<()>, at: i32, list: &mut [f32]| {
        for (i, x) in list.iter_mut().enumerate() {
            let mut bytes = [0; 4];
            memory.read(store, at as usize + 4 * i, &mut bytes).unwrap();
            *x = f32::from_le_bytes(bytes);
        }
    };
    match cells {
        Cells::Scores(list) => {
            let at = put(store, &floats(list));
            run.call(&mut *store, (values, pointers, k, at, list.len() as i32 / 4, 0, 0)).unwrap();
            read(store, at, list);
        }
        Cells::Mask(list) => {
            let at = put(store, list);
            run.call(&mut *store, (values, pointers, k, at, list.len() as i32 / 4, 0, 0)).unwrap();
            memory.read(&*store, at as usize, list).unwrap();
        }
        Cells::Back(scores, by, sinks) => {
            let (at, to) = (put(store, &floats(scores)), put(store, &floats(by)));
            let rows = put(store, &floats(sinks.as_flattened()));
            run.call(&mut *store, (values, pointers, k, at, by.len() as i32 / 4, to, rows)).unwrap();
            read(store, to, by);
            read(store, rows, sinks.as_flattened_mut());
        }
    }
}

fn interpreted() {
    install(Maker { make, forget: |_| {}, run });
}

#[test]
fn random_formulas_give_the_bits_of_the_plain_evaluator() {
    interpreted();
    for (kind, least) in [(Kind::Mask, 300), (Kind::Score, 300), (Kind::Probability, 300)] {
        let before = FUNCTIONS.lock().unwrap().len();
        for seed in 0..1500 {
            if let Some((text, bound)) = random(seed, 1 + seed as usize % 5, kind)
                && (kind == Kind::Mask || !NEAR.iter().any(|name| text.contains(name)))
            {
                rows_agree(&text, &bound);
            }
        }
        let made = FUNCTIONS.lock().unwrap().len() - before;
        assert!(made >= least, "{kind:?}: {made} formulas were compiled");
    }
}

/// What says that it asks for nothing but the score gives the same in one call for cells of many rows as row by row.
#[test]
fn cells_of_many_rows_are_those_of_each() {
    interpreted();
    let s: [f32; 61] = std::array::from_fn(|i| (i as f32 - 30.0) * 0.37);
    let (mut alone, mut more) = (0, 0);
    for seed in 0..1500 {
        let Some((text, bound)) = random(seed, 1 + seed as usize % 5, Kind::Score) else { continue };
        let mut lanes = Lanes::new(&bound);
        let Sizes { batch, heads, n_q, n_k, .. } = *bound.sizes();
        let (b, h) = (batch - 1, heads - 1);
        lanes.begin_row(b, h, 0);
        let pointwise = lanes.pointwise();
        let mut together = s;
        lanes.score_cells(&mut together[..if pointwise { 61 } else { 0 }]);
        let width = s.len().min(n_k as usize);
        for q in 0..n_q {
            lanes.begin_row(b, h, q);
            let mut row = s;
            lanes.score_row(0, &mut row[..width]);
            let same = row[..width].iter().zip(&together).all(|(row, all)| row.to_bits() == all.to_bits());
            assert!(same || !pointwise, "{text} in row {q}");
        }
        alone += usize::from(pointwise);
        more += usize::from(!pointwise);
    }
    assert!(alone >= 50 && more >= 50, "{alone} formulas ask for the score alone, {more} for more");
}

/// A score formula over numbers of which `s` is a list; `levels` is a table.
fn bound(text: &str, n: usize) -> Bound {
    let levels = Data { shape: vec![4], values: DataValues::Float(vec![0.5, -2.0, 3.0, 1.0]), clamp: true };
    let scope =
        Scope { params: Vec::new(), data: vec![DataDecl { name: "levels".to_owned(), ty: Ty::Float, dims: 1 }] };
    let sizes = Sizes { batch: 1, heads: 1, n_q: 2, n_k: n as i32, offset: Vec::new() };
    let data = [("levels".to_owned(), Arc::new(levels))].into_iter().collect();
    let values = Values { sizes, params: Sorted::new(), data };
    compile(text, Kind::Score, &scope).unwrap_or_else(|e| panic!("{text}: {e}")).bind(&values).unwrap()
}

fn evaluated(text: &str, s: &[f32]) -> Vec<f32> {
    let bound = bound(text, s.len());
    let before = FUNCTIONS.lock().unwrap().len();
    let mut lanes = Lanes::new(&bound);
    assert!(FUNCTIONS.lock().unwrap().len() > before, "{text} is not compiled");
    lanes.begin_row(0, 0, 1);
    let mut row = s.to_vec();
    lanes.score_row(0, &mut row);
    row
}

/// A formula, scores, what it is, and how many units in the last place it may be off.
type Case<'a> = (&'a str, &'a [f32], fn(f64) -> f64, f64);

#[test]
fn elementary_functions_are_off_by_their_last_digits_at_most() {
    interpreted();
    let spread = |low: f32, high: f32| -> Vec<f32> {
        (0..20_000).map(|i| low + (high - low) * (i as f32 * 0.618_034).fract()).collect()
    };
    let decades: Vec<f32> = (0..20_000).map(|i| f32::from_bits(i * 107_000)).filter(|x| x.is_finite()).collect();
    let cases: [Case; 12] = [
        ("exp(s)", &spread(-103.0, 88.7), f64::exp, 2.0),
        ("exp(s)", &spread(-1e-3, 1e-3), f64::exp, 1.0),
        ("sigmoid(s)", &spread(-80.0, 80.0), |x| 1.0 / (1.0 + (-x).exp()), 3.0),
        ("tanh(s)", &spread(-12.0, 12.0), f64::tanh, 3.0),
        ("tanh(s)", &decades, f64::tanh, 3.0),
        ("log(s)", &decades, f64::ln, 0.51),
        ("log2(s)", &decades, f64::log2, 0.51),
        ("sin(s)", &spread(-1e4, 1e4), f64::sin, 0.51),
        ("cos(s)", &spread(-1e4, 1e4), f64::cos, 0.51),
        ("sin(s)", &spread(-2e8, 2e8), f64::sin, 0.6),
        ("s ** 1.7", &spread(0.0, 1e4), |x| x.powf(f64::from(1.7_f32)), 0.51),
        ("s ** -3.0", &spread(-50.0, 50.0), |x| x.powf(-3.0), 0.51),
    ];
    for (text, numbers, want, units) in cases {
        let (mut worst, mut at) = (0.0_f64, 0.0);
        for (&x, got) in numbers.iter().zip(evaluated(text, numbers)) {
            let want = want(f64::from(x));
            // A unit in the last place of the nearest number; denormals have one.
            let near = want as f32;
            let unit = f64::from(f32::from_bits(near.abs().to_bits() + 1)) - f64::from(near.abs());
            let off = if near == got { 0.0 } else { (f64::from(got) - want).abs() / unit };
            if off.is_nan() || off > worst {
                (worst, at) = (off, x);
            }
        }
        println!("{text}: {worst:.2} units in the last place at {at}");
        assert!(worst <= units, "{text}: {worst} units at {at}");
    }
}

#[test]
fn edges_are_those_of_the_plain_evaluator() {
    interpreted();
    let edges = [
        0.0,
        -0.0,
        1.0,
        -1.0,
        2.0,
        -2.0,
        3.0,
        0.5,
        -0.5,
        1e-45,
        -1e-45,
        1e-38,
        1e30,
        -1e30,
        200.0,
        -200.0,
        f32::MAX,
        f32::INFINITY,
        f32::NEG_INFINITY,
        f32::NAN,
    ];
    let mut texts: Vec<String> = ["exp(s)", "log(s)", "log2(s)", "tanh(s)", "sigmoid(s)"].map(str::to_owned).to_vec();
    texts
        .extend(["0.0", "1.0", "-1.0", "2.0", "3.0", "0.5", "-0.5", "-3.0", "16777217.0"].map(|b| format!("s ** {b}")));
    texts.extend(["0.0", "1.0", "2.0", "0.5", "-2.0"].map(|a| format!("({a}) ** s")));
    texts.extend(["sin", "cos"].map(|wave| format!("{wave}(where(abs(s) < 300.0, s, s - s))")));
    for text in &texts {
        let bound = bound(text, edges.len());
        for (s, got) in edges.into_iter().zip(evaluated(text, &edges)) {
            let want = bound.score_at(s, 0, 0, 1, 0);
            let agrees = want.is_nan() == got.is_nan()
                && (want.is_nan() || (got - want).abs() <= 4e-7 * want.abs().max(1e-38) || got == want);
            assert!(agrees, "{text} of {s}: {got}, not {want}");
        }
    }
}

#[test]
fn the_way_back_is_that_of_the_steps() {
    interpreted();
    let texts = [
        "-s",
        "s + 2.0",
        "2.0 - s",
        "s - 2.0",
        "s * 1.5",
        "s * s",
        "s / 3.0",
        "3.0 / s",
        "s % 3.0",
        "7.0 % s",
        "s ** 3.0",
        "s ** -1.5",
        "abs(s)",
        "min(s, 1.0)",
        "min(1.0, s)",
        "max(s, 1.0)",
        "max(1.0, s)",
        "clamp(s, -1.0, 1.0)",
        "clamp(0.5, s, 1.0)",
        "clamp(0.5, -1.0, s)",
        "float(s)",
        "sqrt(s)",
        "exp(s)",
        "log(s)",
        "log2(s)",
        "sin(s)",
        "cos(s)",
        "tanh(s)",
        "sigmoid(s)",
        "where(s > 0.0, s, s * s)",
        "floor(s) * s",
        "s // 2.0 + s",
        "where(s > 0.0, sqrt(s), 0.0)",
        "tanh(s * s) * where(s > 0.5, s, -s) + s / (1.0 + exp(-s)) - 0.25 * (q - k)",
        "s * (1.0 + 0.125 * k)",
        "levels[round(s)]",
        "s * levels[k % 4] + levels[floor(s)]",
        "where(q > k, levels[floor(s)], 0.5 * s)",
    ];
    let n = 61;
    let s: Vec<f32> =
        (0..n).map(|i| [-3.0, -1.25, -0.6, 0.0, 0.3, 0.75, 1.0, 2.5, 9.0][i % 9] + 1e-3 * (i / 9) as f32).collect();
    let by: Vec<f32> = (0..n).map(|i| [1.0, -2.0, 0.0, 0.5][i % 4]).collect();
    for text in texts {
        let bound = bound(text, n);
        let derived = |function: bool| {
            let (mut lanes, mut reverse) = (Lanes::new(&bound), Reverse::new(&bound, false));
            assert!(lanes.keep(false) || !function, "{text} has no function backwards");
            lanes.begin_row(0, 0, 1);
            lanes.score_row(0, &mut s.clone());
            let mut by = by.clone();
            reverse.back(&lanes, 0, &mut by, None);
            by
        };
        // A thread that nobody has given a maker goes back operation by operation.
        let plainly = std::thread::scope(|scope| scope.spawn(|| derived(false)).join().unwrap());
        for (i, (got, want)) in derived(true).into_iter().zip(plainly).enumerate() {
            let agrees = got.is_nan() == want.is_nan()
                && (want.is_nan() || got == want || (got - want).abs() <= 2e-6 * want.abs().max(1.0));
            assert!(agrees, "{text} by s = {}: {got}, not {want}", s[i]);
        }
    }
}

/// What the function for all derivatives sums by parameters and entries of tables, against single cells in double precision.
#[test]
fn sums_by_parameters_and_tables_are_those_of_single_cells() {
    interpreted();
    let texts = [
        "s * a",
        "a * tanh(s) + c",
        "s + a * exp(-abs(s)) * (1.0 + 0.1 * k)",
        "tanh(s * w[h]) * a + w[0]",
        "where(s > 0.0, s, a * s)",
        "s * (1.0 + 0.1 * bias[k])",
        "s * (1.0 + a * abs(q - k))",
        "s * (a + c * sin(0.1 * q * k))",
        "a * s * s + c * (q * k % 3)",
        "max(s, a) * w[h] - bias[k] * sigmoid(c * s)",
        "tanh(s) * bias[k] + a * bias[q]",
        // The last cell of a row goes together with three behind it, whose scores are 0, where this has no slope.
        "a / s + c",
    ];
    let (n_q, n_k, heads) = (3, 61, 2);
    let floats = |shape: usize, from: f32| {
        let values = (0..shape).map(|i| from + 0.37 * (i as f32 * 1.7).sin()).collect();
        Arc::new(Data { shape: vec![shape], values: DataValues::Float(values), clamp: true })
    };
    let decl = |name: &str| DataDecl { name: name.to_owned(), ty: Ty::Float, dims: 1 };
    let params = ["a", "c"].map(|name| (name.to_owned(), Ty::Float)).to_vec();
    let scope = Scope { params, data: vec![decl("w"), decl("bias")] };
    let values = Values {
        sizes: Sizes { batch: 1, heads, n_q, n_k, offset: Vec::new() },
        params: [("a", 0.75), ("c", -1.25)].map(|(name, x)| (name.to_owned(), Scalar::Float(x))).into_iter().collect(),
        data: [("w".to_owned(), floats(2, 0.5)), ("bias".to_owned(), floats(61, -0.25))].into_iter().collect(),
    };
    for text in texts {
        let bound = compile(text, Kind::Score, &scope).unwrap_or_else(|e| panic!("{text}: {e}")).bind(&values).unwrap();
        let bound = bound.kept();
        let (mut lanes, mut reverse) = (Lanes::new(&bound), Reverse::new(&bound, true));
        assert!(lanes.keep(true), "{text} has no function for all derivatives");
        let (mut sums, mut want) = (Slopes::new(&bound), Slopes::new(&bound));
        // What a sum consists of, without signs: rounding is measured against it.
        let mut sizes = 0.0_f64;
        for h in 0..heads {
            for q in 0..n_q {
                let s: Vec<f32> =
                    (0..n_k).map(|k| 1.9 * ((7 * q + 3 * k + 11 * h) as f32 * 0.61 + 0.3).sin()).collect();
                let mut by: Vec<f32> = (0..n_k).map(|k| [1.0, -0.5, 0.0, 0.25][(k + q) as usize % 4]).collect();
                let adjoints = by.clone();
                lanes.begin_row(0, h, q);
                lanes.score_row(0, &mut s.clone());
                reverse.back(&lanes, 0, &mut by, Some(&mut sums));
                for k in 0..n_k as usize {
                    want.value(f64::from(s[k]), 0, h, q, k as i32);
                    let by_score = want.back(f64::from(adjoints[k]));
                    sizes += (f64::from(s[k]).abs() + f64::from(q * k as i32)) * f64::from(adjoints[k]).abs();
                    let near = (f64::from(by[k]) - by_score).abs() <= 3e-6 * by_score.abs().max(1.0);
                    assert!(near, "{text} by the score {} of ({h}, {q}, {k}): {}, not {by_score}", s[k], by[k]);
                }
            }
        }
        reverse.finish(&mut sums);
        let all =
            |sums: &Slopes| -> Vec<f64> { sums.params.iter().chain(sums.data.iter().flatten()).copied().collect() };
        let (got, want) = (all(&sums), all(&want));
        assert!(want.iter().any(|x| x.abs() > 0.01), "{text} depends on nothing: {want:?}");
        for (i, (got, want)) in got.iter().zip(&want).enumerate() {
            assert!((got - want).abs() <= 1e-6 * sizes.max(1.0), "{text} by number {i}: {got}, not {want}");
        }
    }
}

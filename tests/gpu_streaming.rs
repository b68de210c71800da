//! The streaming kernels at every edge of their tiles: 64 rows or 8, keys split over workgroups or not, any length of a row. Against the f64
//! oracle. What is small is computed by the low kernel (`agree.rs` does the whole table by it); here it goes by the tall one as well.
#![cfg(feature = "gpu")]

use crate::native::common;

use attention_playground::attention::{Dims, Normaliser, Problem, Term};
use attention_playground::engine::gpu::{GpuSession, Height};
use attention_playground::engine::{MapRequest, Merge, Pool, Rows, Want};
use attention_playground::experiment::{Algorithm, Backend, Stage};
use common::gpu::{block_on, needs_gpu, session};
use common::judge::{GPU_PRECISION, Judge, close, outcome};
use common::table::{Case, cases, dims, normal};

fn case(name: &str, dims: Dims, change: impl FnOnce(&mut Problem)) -> Case {
    let mut problem = Problem::plain(dims);
    // The queries are the last ones, as with a cache.
    problem.offset = vec![dims.n_k.saturating_sub(dims.n_q) as i32; dims.batch];
    change(&mut problem);
    Case { name: format!("{name} {dims:?}"), problem, inputs: normal(&dims, 11) }
}

fn masked(mask: &'static str) -> impl FnOnce(&mut Problem) {
    move |problem| problem.masks.push(Term::new("mask", mask))
}

/// The whole run with statistics, against the oracle.
fn check(case: &Case, height: Height) {
    let mut session = session(&case.problem, &case.inputs, Algorithm::Streaming).with_height(height);
    let mut merge = Merge::new(case.problem.dims, true, None, 0);
    while let Some(parts) = block_on(session.next(Want { stats: true, matrix: None })).unwrap() {
        parts.iter().for_each(|(rows, out)| merge.rows(rows, out));
    }
    let out = outcome(merge, Backend::Webgpu, Algorithm::Streaming);
    Judge::of(case).unwrap().run(&out, GPU_PRECISION).unwrap_or_else(|error| panic!("{height:?}: {error}"));
}

/// The height for rows of a head that are no few, else the low one.
fn tall(n_q: usize) -> Height {
    if n_q > 16 { Height::SixtyFour } else { Height::Eight }
}

/// Rows of one head in parts that begin and end anywhere.
fn rows(session: &mut GpuSession, cuts: &[usize]) -> (Vec<f32>, Vec<f32>) {
    let (mut y, mut lse) = (Vec::new(), Vec::new());
    for cut in cuts.windows(2) {
        let rows = Rows { batch: 0, head: 0, q: cut[0]..cut[1] };
        let out = block_on(session.rows(&rows, Want::default())).unwrap();
        y.extend(out.y);
        lse.extend(out.lse);
    }
    (y, lse)
}

#[test]
fn rows_of_any_length_are_right() {
    if needs_gpu().is_none() {
        return;
    }
    // Sizes around the vec4, the part of 16, one block of columns of each number of vec4s a thread, several blocks.
    let sizes = [[1, 1], [3, 5], [17, 64], [64, 65], [100, 128], [65, 129], [256, 256], [4, 200]];
    for size in sizes {
        for (lengths, height) in [([70, 67], Height::SixtyFour), ([70, 67], Height::Eight), ([5, 67], Height::Eight)] {
            check(&case("any length", dims([1, 1], lengths, size), |_| {}), height);
        }
    }
}

/// Problems of the table that between them take every way through the slots: the tall kernel is slow to compile where adapters are software.
const BY_THE_TILE: [&str; 11] = [
    "more queries than keys",
    "d_v below d",
    "nothing allowed",
    "softcap before bias",
    "t5",
    "sink and empty rows",
    "off by one and a sink",
    "exponential and probability",
    "paint",
    "documents",
    "large scores",
];

#[test]
fn problems_of_the_table_are_right_by_the_tall_kernel_too() {
    if needs_gpu().is_none() {
        return;
    }
    let all = cases();
    for name in BY_THE_TILE {
        let case = all.iter().find(|case| case.name == name).unwrap_or_else(|| panic!("no problem is called {name}"));
        let small = session(&case.problem, &case.inputs, Algorithm::Streaming);
        assert_eq!(small.kernel(), "gpu-streaming-f32-8x64", "{name}");
        assert_eq!(small.with_height(Height::SixtyFour).kernel(), "gpu-streaming-f32-64x64");
        assert!(case.problem.dims.n_q > 16, "{name} has few rows, which the low kernel computes");
        check(case, Height::SixtyFour);
    }
}

#[test]
fn few_rows_over_many_keys_are_split_and_put_together() {
    if needs_gpu().is_none() {
        return;
    }
    for n_q in [1, 7, 16, 17] {
        let dims = Dims { batch: 2, ..dims([4, 2], [n_q, 1000], [20, 12]) };
        check(&case("decoding", dims, |_| {}), tall(n_q));
        check(&case("decoding, causal", dims, masked("k <= q_pos")), tall(n_q));
        // Parts without a live tile, rows without a key, heads of different length.
        let gaps = masked("(k < 20 + 40 * h or k > 990) and q_pos != 995 and q_pos >= k");
        check(&case("decoding, gaps", dims, gaps), tall(n_q));
    }
}

#[test]
fn every_normaliser_can_be_split() {
    if needs_gpu().is_none() {
        return;
    }
    use Normaliser::{Entmax, Exponential, Sigmoid, Softmax, Sparsemax, SquaredRelu};
    for normaliser in [Softmax, Sigmoid, Sparsemax, Entmax, SquaredRelu, Exponential] {
        for n_q in [3, 70] {
            let case = case("split", dims([2, 1], [n_q, 700], [16, 8]), |problem| {
                problem.normaliser = normaliser;
                problem.scale = 0.1;
                problem.masks.push(Term::new("mask", "k <= q_pos and (k + h) % 5 != 0"));
            });
            check(&case, tall(n_q));
        }
    }
    let few = dims([2, 1], [3, 700], [16, 8]);
    let reweighed = case("reweighed and with sinks", few, |problem| {
        problem.sink = Some(vec![0.5, -1.0]);
        problem.probability = Some(Term::new("probability", "p * (0.5 + 0.25 * float(k % 3))"));
    });
    check(&reweighed, Height::Eight);
    check(&case("sinks", few, |problem| problem.sink = Some(vec![0.5, -1.0])), Height::Eight);
}

/// However a run is cut by the clock, its bits are the same.
#[test]
fn parts_of_a_head_are_bit_for_bit_those_of_the_whole() {
    if needs_gpu().is_none() {
        return;
    }
    let case = case("cut", dims([1, 1], [150, 600], [24, 40]), |problem| {
        problem.masks.push(Term::new("mask", "k <= q_pos and (q + k) % 7 != 3"));
        problem.bias.push(Term::new("score", "s - 0.05 * abs(q_pos - k)"));
    });
    let of = |cuts: &[usize]| rows(&mut session(&case.problem, &case.inputs, Algorithm::Streaming), cuts);
    let whole = of(&[0, 150]);
    assert_eq!(whole, of(&[0, 3, 16, 60, 64, 77, 141, 150]), "few rows and many");
}

#[test]
fn pictures_of_split_rows_know_their_sums() {
    if needs_gpu().is_none() {
        return;
    }
    let case = case("picture", dims([1, 1], [2, 900], [8, 8]), masked("k % 3 != 1"));
    let judge = Judge::of(&case).unwrap();
    let mut session = session(&case.problem, &case.inputs, Algorithm::Streaming);
    let (q, k, stage, pool) = (0..2, 0..900, Stage::Weights, Pool::Max);
    let request = MapRequest { stage, batch: 0, head: 0, q, k, width: 900, height: 2, pool };
    let (map, _) = block_on(session.map(&request)).unwrap();
    let tolerance = judge.tolerance(GPU_PRECISION);
    for (i, (&found, &wanted)) in map.values.iter().zip(judge.heads[0].weights().iter()).enumerate() {
        // A pixel without an allowed cell is NaN.
        let same = if found.is_nan() { i % 3 == 1 } else { close(found, wanted, tolerance) };
        assert!(same, "pixel {i} is {found}, not {wanted}");
    }
}

/// Not only small: a sequence whose middle tiles are full and whose runs of tiles are long.
#[test]
fn long_rows_are_right() {
    if needs_gpu().is_none() {
        return;
    }
    let long = |n_q: usize| dims([1, 1], [n_q, 4500], [32, 32]);
    for n_q in [1, 130] {
        check(&case("long", long(n_q), masked("k <= q_pos and (q_pos - k < 3000 or k < 64)")), tall(n_q));
    }
}

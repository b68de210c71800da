//! Long and sparse, natively on one thread: `cargo bench --bench long [-- maps|sparse|long]`.
//!
//! `maps`: time and memory of the tile maps of structured masks at 1 048 576 × 1 048 576 tokens. `sparse`: what a window saves over the causal mask, as a
//! share of the pairs it saves; and what four times the tokens cost. `long`: one head of 262 144 and of 1 048 576 tokens with a window.
#![allow(clippy::unwrap_used, reason = "a benchmark's own problems compile")]

mod common;

use attention_playground::attention::{Dims, Plan, Problem, RowRules, Term};
use attention_playground::catalogue;
use attention_playground::engine::cpu::Kernels;
use attention_playground::engine::{Rows, Session, Want};
use attention_playground::experiment::{Algorithm, Backend};
use attention_playground::formula::{Data, DataValues, Scalar};

use common::{clock, inputs, shortest};

const MILLION: usize = 1 << 20;
/// Rows and keys of the tiles of the CPU kernels.
const TILE: (usize, usize) = (48, 64);

fn main() {
    let filter = std::env::args().skip(1).find(|arg| !arg.starts_with("--")).unwrap_or_default();
    for (name, part) in [("maps", maps as fn()), ("sparse", sparse), ("long", long)] {
        if name.contains(&filter) {
            part();
        }
    }
}

fn problem(n: usize, d: usize, mask: Option<Term>) -> Problem {
    let mut problem = Problem::plain(Dims { batch: 1, q_heads: 1, kv_heads: 1, n_q: n, n_k: n, d, d_v: d });
    problem.masks.extend(mask);
    problem
}

fn window(width: i32) -> Term {
    Term::new("mask", "k <= q_pos and q_pos - k < window").param("window", Scalar::Int(width))
}

/// A mask of the catalogue.
fn entry(id: &str, params: &[(&str, i32)], switches: &[(&str, bool)]) -> Term {
    let mut term = Term::new("mask", catalogue::mask(id).unwrap().formula);
    for &(name, value) in params {
        term = term.param(name, Scalar::Int(value));
    }
    for &(name, value) in switches {
        term = term.param(name, Scalar::Bool(value));
    }
    term
}

fn maps() {
    println!(
        "masks at {MILLION} x {MILLION}; pairs that bounds can't see are counted where a billion cells are enough"
    );
    println!(
        "{:<12} {:>9} {:>9} {:>9} {:>10} {:>20} {:>12}",
        "map", "ms", "asked", "cells", "bytes", "pairs", "unseen tiles"
    );
    let documents = |n: usize, length: usize| Data {
        values: DataValues::Int((0..n).map(|token| (token / length) as i32).collect()),
        shape: vec![n],
        clamp: false,
    };
    let one = Data { values: DataValues::Int(vec![1]), shape: vec![1], clamp: false };
    let masks = [
        ("window", window(256)),
        ("causal", Term::new("mask", "k <= q_pos")),
        (
            "longformer",
            entry("longformer", &[("window", 256), ("globals", 16)], &[("causal", false)]).data("dilation", one),
        ),
        ("strided", entry("strided", &[("stride", 1024)], &[("alternate", false)])),
        ("chunked", entry("chunked-local", &[("chunk", 1000)], &[("causal", true)])),
        ("document", entry("document", &[], &[("causal", true)]).data("doc", documents(MILLION, 1000))),
        (
            "fractal",
            entry("fractal", &[], &[("cantor", false), ("previous", true)])
                .data("no_one", Data { values: DataValues::Bool(vec![1; MILLION]), shape: vec![MILLION], clamp: true }),
        ),
        ("hash", Term::new("mask", "k <= q_pos and hash(q_pos, k, 0) % 64 == 0")),
    ];
    for (name, mask) in masks {
        let plan = Plan::compile(&problem(MILLION, 1, Some(mask))).unwrap();
        let start = clock();
        let map = plan.tiles(0, 0, TILE.0, TILE.1);
        let ms = clock() - start;
        let effort = map.effort();
        let mut rules = RowRules::new(&plan, TILE.1);
        let counted = || map.count_pairs(&plan, &mut rules, (0, 0), 1 << 30, &mut |_| true);
        let pairs = map.allowed_pairs().or_else(counted);
        let pairs = pairs.map_or_else(|| "over the cap".to_owned(), |pairs| pairs.to_string());
        let (asked, cells) = (effort.rectangles, effort.cells);
        println!(
            "{name:<12} {ms:>9.2} {asked:>9} {cells:>9} {:>10} {pairs:>20} {:>12}",
            16 * map.squares(),
            map.unseen()
        );
    }
}

fn session(n: usize, d: usize, mask: Option<Term>) -> Session {
    let problem = problem(n, d, mask);
    let inputs = inputs(&problem.dims);
    Session::new(
        Plan::compile(&problem).unwrap(),
        inputs,
        Backend::Cpu,
        Algorithm::Streaming,
        &Kernels::SEPARATE,
        clock,
    )
}

fn run(session: &mut Session, n: usize) {
    for from in (0..n).step_by(4800) {
        let q = from..(from + 4800).min(n);
        std::hint::black_box(session.rows(&Rows { batch: 0, head: 0, q }, Want::default()));
    }
}

fn sparse() {
    let (n, width) = (8192, 256);
    let mut causal = session(n, 64, Some(Term::new("mask", "k <= q_pos")));
    let mut short = session(n, 64, Some(window(width as i32)));
    let mut longer = session(4 * n, 64, Some(window(width as i32)));
    let times = shortest(
        2000.0,
        &mut [&mut || run(&mut causal, n), &mut || run(&mut short, n), &mut || run(&mut longer, 4 * n)],
    );
    let pairs = |w: usize| (w * n - w * (w - 1) / 2) as f64;
    let ideal = pairs(n) / pairs(width);
    let faster = times[0] / times[1];
    println!("causal n = {n}: {:.1} ms; window {width}: {:.2} ms", times[0], times[1]);
    println!(
        "speed-up {faster:.1} of {ideal:.1} ideal: {:.2}; four times the tokens: {:.2} times",
        faster / ideal,
        times[2] / times[1]
    );
}

fn long() {
    for (n, d) in [(1 << 18, 64), (MILLION, 16)] {
        let mut session = session(n, d, Some(window(256)));
        let start = clock();
        run(&mut session, n);
        println!("n = {n}, d = {d}, window 256: {:.0} ms from tensors to output", clock() - start);
    }
}

//! Masks over a million tokens: their tile maps hold what closed forms say in memory that does not grow with the square; and a long run is right.

use attention_playground::attention::request::{FormulaOrEntry, Tensor, prepare};
use attention_playground::attention::{Cost, Coverage, Dims, Inputs, Plan, Problem, Request, Term, TileMap};
use attention_playground::catalogue;
use attention_playground::engine::cpu::Kernels;
use attention_playground::engine::{Rows, Session, Want};
use attention_playground::experiment::{Algorithm, Backend};
use attention_playground::formula::{Data, DataValues, Scalar};

const N: u64 = 1 << 20;

fn problem(n: usize, d: usize, mask: Term) -> Problem {
    let mut problem = Problem::plain(Dims { batch: 1, q_heads: 1, kv_heads: 1, n_q: n, n_k: n, d, d_v: d });
    problem.masks.push(mask);
    problem
}

/// A mask of the catalogue with parameters, switches and a table.
fn entry(id: &str, params: &[(&str, i32)], switches: &[(&str, bool)], data: Option<(&str, DataValues)>) -> Term {
    let mut term = Term::new("mask", catalogue::mask(id).unwrap().formula);
    for &(name, value) in params {
        term = term.param(name, Scalar::Int(value));
    }
    for &(name, value) in switches {
        term = term.param(name, Scalar::Bool(value));
    }
    match data {
        Some((name, values)) => term.data(name, Data { shape: vec![values.len()], values, clamp: true }),
        None => term,
    }
}

fn window(width: i32) -> Term {
    Term::new("mask", "k <= q_pos and q_pos - k < window").param("window", Scalar::Int(width))
}

fn map(mask: Term, tile: (usize, usize)) -> TileMap {
    Plan::compile(&problem(N as usize, 1, mask)).unwrap().tiles(0, 0, tile.0, tile.1)
}

/// Pairs of blocks of `length` tokens, each seeing itself up to the diagonal.
fn blocks(length: u64) -> u64 {
    let triangle = |n: u64| n * (n + 1) / 2;
    N / length * triangle(length) + triangle(N % length)
}

#[test]
fn a_million_tokens_have_the_pairs_of_closed_forms_in_little_memory() {
    let (w, g, s) = (256, 16, 1024);
    let band = |width: u64| width * N - width * (width - 1) / 2;
    // Two-sided: 2w + 1 keys less what the ends cut off; 2gN − g² global pairs; of those 2gw + g lie in the window already.
    let longformer = N * (2 * w + 1) - w * (w + 1) + 2 * g * N - g * g - (2 * g * w + g);
    // The last s distances, and multiples of s up to N − 1.
    let multiples = (N - 1) / s;
    let strided = band(s) + multiples * N - s * multiples * (multiples + 1) / 2;
    // 3^20 pairs of the triangle; the token before it belongs to an odd query already, and the first query has none.
    let fractal = 3_u64.pow(20) + N / 2 - 1;
    let documents = DataValues::Int((0..N as i32).map(|token| token / 1000).collect());
    let cases = [
        ("window", window(w as i32), band(w)),
        ("causal", Term::new("mask", "k <= q_pos"), N * (N + 1) / 2),
        (
            "longformer",
            entry(
                "longformer",
                &[("window", w as i32), ("globals", g as i32)],
                &[("causal", false)],
                Some(("dilation", DataValues::Int(vec![1]))),
            ),
            longformer,
        ),
        ("strided", entry("strided", &[("stride", s as i32)], &[("alternate", false)], None), strided),
        ("chunked", entry("chunked-local", &[("chunk", 1000)], &[("causal", true)], None), blocks(1000)),
        ("document", entry("document", &[], &[("causal", true)], Some(("doc", documents))), blocks(1000)),
        (
            "fractal",
            entry(
                "fractal",
                &[],
                &[("cantor", false), ("previous", true)],
                Some(("no_one", DataValues::Bool(vec![1; N as usize]))),
            ),
            fractal,
        ),
    ];
    for (name, mask, pairs) in cases {
        for tile in [(48, 64), (64, 64)] {
            let map = map(mask.clone(), tile);
            assert_eq!(map.allowed_pairs(), Some(pairs), "{name} by {tile:?}");
            let counts = map.counts();
            assert_eq!(counts.total, counts.skipped + counts.full + counts.partial, "{name}");
            // A square for each tile along the longer edge would be linear; repeats make most maps far smaller.
            assert!(map.squares() <= 2 * map.grid().0, "{name} by {tile:?} holds {} squares", map.squares());
        }
    }
}

#[test]
fn rows_of_a_long_map_are_what_the_mask_says() {
    let map = map(window(256), (48, 64));
    for row in [0, 5, 1000, 21_844, 21_845] {
        let (first, last) = (row * 48, (row * 48 + 47).min(N as usize - 1));
        let live: Vec<usize> = map.live(row).map(|(col, _)| col).collect();
        let wanted: Vec<usize> = (first.saturating_sub(255) / 64..=last / 64).collect();
        assert_eq!(live, wanted, "row {row} of tiles");
        for (col, coverage) in map.live(row) {
            let full = col * 64 + 63 <= first && col * 64 + 255 >= last;
            assert_eq!(coverage == Coverage::Full, full, "row {row}, column {col}");
            assert_eq!(map.coverage(row, col), coverage);
        }
    }
}

#[test]
fn a_mask_without_structure_says_so_and_is_still_right() {
    // What bounds can see, the diagonal, is not lost to what they can't.
    let map = map(Term::new("mask", "k <= q_pos and hash(q_pos, k, 0) % 64 == 0"), (64, 64));
    assert_eq!(map.allowed_pairs(), None);
    assert!(map.unseen() > 0 && map.counts().full == 0);
    let (tiles, skipped) = (N / 64, map.counts().skipped);
    assert!(skipped >= tiles * (tiles - 1) / 2 * 9 / 10, "{skipped} tiles above the diagonal are skipped");
    for row in [0, 77, 16_383] {
        assert!(map.live(row).take_while(|(col, _)| *col <= row).count() == row + 1, "row {row}");
    }
}

#[test]
fn requests_of_a_million_tokens_are_taken() {
    for n in [1 << 18, N as usize] {
        let tensor = || Tensor::new(&[1, 1, n, 2], vec![0.5; 2 * n]);
        let mask = Some(FormulaOrEntry::Formula("k <= q_pos and q_pos - k < 256".to_owned()));
        let prepared = prepare(&Request { q: tensor(), k: tensor(), v: tensor(), mask, ..Request::default() }).unwrap();
        let plan = Plan::compile(&prepared.problem).unwrap();
        let cost = Cost::of(&plan, Algorithm::Streaming, (48, 64));
        // A row sees 256 keys of the tiles that are left, and these are at most two tiles and a row of tiles wider.
        let least = 8.0 * (n * 256 - 256 * 255 / 2) as f64;
        assert!((least..1.7 * least).contains(&cost.flops), "{n}: {} of {least}", cost.flops);
    }
}

#[test]
fn a_long_window_agrees_with_the_reference() {
    let (n, d) = (65_536, 4);
    let problem = problem(n, d, window(100));
    let numbers = |seed: usize| (0..n * d).map(|i| ((i * 7 + seed) as f32 * 0.618).sin()).collect::<Vec<f32>>().into();
    let inputs = Inputs { q: numbers(1), k: numbers(2), v: numbers(3) };
    let session = |backend| {
        let plan = Plan::compile(&problem).unwrap();
        Session::new(plan, inputs.clone(), backend, Algorithm::Streaming, &Kernels::SEPARATE, || 0.0)
    };
    let out = session(Backend::Cpu).rows(&Rows { batch: 0, head: 0, q: 0..n }, Want::default());
    assert_eq!((out.y.len(), out.lse.len(), out.empty_rows), (n * d, n, 0));
    let mut judge = session(Backend::Reference);
    for q in [0, 1, 99, 100, 4095, 31_999, 65_500, 65_535] {
        let row = judge.rows(&Rows { batch: 0, head: 0, q: q..q + 1 }, Want::default());
        assert!((row.lse[0] - out.lse[q]).abs() < 1e-5, "log-sum-exp of row {q}: {} {}", row.lse[0], out.lse[q]);
        for (found, due) in out.y[q * d..(q + 1) * d].iter().zip(&row.y) {
            assert!((found - due).abs() < 1e-5, "row {q}: {found} {due}");
        }
    }
}

//! The formula language over thousands of random formulas: lanes agree with the plain evaluator bit for bit, bounds
//! never call a rectangle empty or full that is not, no text makes the reader panic, and printing is read back the same.

use crate::native::random::{Dice, random, scope, values};
use attention_playground::formula::{Bound, Coverage, Kind, Lanes, Sizes, Values, compile};
use proptest::prelude::*;
use proptest::test_runner::Config;

#[path = "formula/slopes.rs"]
mod slopes;
#[path = "formula/tiles.rs"]
mod tiles;

/// NaN is one value: its sign and payload differ between a folded and a computed one.
fn bits(v: f32) -> u32 {
    if v.is_nan() { f32::NAN.to_bits() } else { v.to_bits() }
}

pub fn rows_agree(text: &str, bound: &Bound) {
    let sizes = bound.sizes().clone();
    let mut lanes = Lanes::new(bound);
    let n = sizes.n_k as usize;
    let scores: Vec<f32> =
        (0..n).map(|i| [0.0, -0.0, 1.5, -2.25, 1e30, f32::INFINITY, f32::NAN][i % 7] * (i / 7 + 1) as f32).collect();
    for b in 0..sizes.batch {
        for h in 0..sizes.heads {
            for q in 0..sizes.n_q {
                lanes.begin_row(b, h, q);
                for k0 in [0, n / 3] {
                    let at = |i: usize| (k0 + i) as i32;
                    if bound.kind() == Kind::Mask {
                        let mut row = vec![9; n - k0];
                        lanes.mask_row(k0 as i32, &mut row);
                        let want: Vec<u8> = (0..n - k0).map(|i| u8::from(bound.mask_at(b, h, q, at(i)))).collect();
                        assert_eq!(row, want, "{text}\n{sizes:?} b {b} h {h} q {q} from {k0}");
                    } else {
                        let mut row = scores[k0..].to_vec();
                        lanes.score_row(k0 as i32, &mut row);
                        for (i, &got) in row.iter().enumerate() {
                            let want = bound.score_at(scores[k0 + i], b, h, q, at(i));
                            assert_eq!(
                                bits(got),
                                bits(want),
                                "{text}\n{sizes:?} b {b} h {h} q {q} k {}: {got} {want}",
                                at(i)
                            );
                        }
                    }
                }
            }
        }
    }
}

fn coverage_holds(text: &str, bound: &Bound, dice: &mut Dice) {
    let sizes = bound.sizes().clone();
    for _ in 0..60 {
        let (b, h) = (dice.roll(sizes.batch as usize) as i32, dice.roll(sizes.heads as usize) as i32);
        let mut range = |n: i32| {
            let start = dice.roll(n as usize) as i32;
            start..start + 1 + dice.roll((n - start) as usize) as i32
        };
        let (q, k) = (range(sizes.n_q), range(sizes.n_k));
        let cells = q.clone().flat_map(|q| k.clone().map(move |k| (q, k)));
        let allowed = cells.filter(|&(q, k)| bound.mask_at(b, h, q, k)).count();
        let area = q.len() * k.len();
        match bound.coverage(b, h, q.clone(), k.clone()) {
            Coverage::Empty => assert_eq!(allowed, 0, "{text}\nnot empty: {sizes:?} b {b} h {h} {q:?} {k:?}"),
            Coverage::Full => assert_eq!(allowed, area, "{text}\nnot full: {sizes:?} b {b} h {h} {q:?} {k:?}"),
            Coverage::Mixed => {}
        }
    }
}

fn uniformity_holds(text: &str, bound: &Bound) {
    let sizes = bound.sizes().clone();
    for q in 0..sizes.n_q {
        for k in 0..sizes.n_k {
            let first = bound.mask_at(0, 0, q, k);
            if bound.uniform_over_heads() {
                assert!((1..sizes.heads).all(|h| bound.mask_at(0, h, q, k) == first), "{text}: heads");
            }
            if bound.uniform_over_batch() {
                assert!((1..sizes.batch).all(|b| bound.mask_at(b, 0, q, k) == first), "{text}: batch");
            }
        }
    }
}

fn config(cases: u32) -> Config {
    Config {
        cases,
        failure_persistence: None,
        rng_seed: proptest::test_runner::RngSeed::Fixed(20_240_807),
        ..Config::default()
    }
}

proptest! {
    #![proptest_config(config(4000))]

    #[test]
    fn masks_agree_and_bounds_never_lie(seed in any::<u64>(), depth in 1usize..6) {
        if let Some((text, bound)) = random(seed, depth, Kind::Mask) {
            rows_agree(&text, &bound);
            coverage_holds(&text, &bound, &mut Dice(seed ^ 1));
            uniformity_holds(&text, &bound);
        }
    }

    #[test]
    fn scores_agree_bit_for_bit(seed in any::<u64>(), depth in 1usize..6, weights in any::<bool>()) {
        let kind = if weights { Kind::Probability } else { Kind::Score };
        if let Some((text, bound)) = random(seed, depth, kind) {
            rows_agree(&text, &bound);
        }
    }

    #[test]
    fn derivatives_are_differences(seed in any::<u64>(), depth in 1usize..5, weights in any::<bool>()) {
        slopes::compare(seed, depth, if weights { Kind::Probability } else { Kind::Score });
    }

    #[test]
    fn printing_is_read_back_the_same(seed in any::<u64>(), depth in 1usize..6) {
        if let Some((text, bound)) = random(seed, depth, Kind::Mask) {
            let printed = bound.formula().to_string();
            let again = compile(&printed, Kind::Mask, &scope()).unwrap_or_else(|error| panic!("{text}\n{printed}\n{error}"));
            prop_assert_eq!(again.to_string(), printed.clone());
            let same = again.nodes().iter().zip(bound.formula().nodes()).all(|(a, b)| a.op == b.op && a.ty == b.ty);
            prop_assert!(same && again.node_count() == bound.formula().node_count(), "{}\n{}", text, printed);
        }
    }
}

proptest! {
    #![proptest_config(config(20_000))]

    #[test]
    fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        harmless(&String::from_utf8_lossy(&bytes));
    }

    #[test]
    fn no_soup_of_tokens_makes_it_panic(picks in proptest::collection::vec(0usize..TOKENS.len(), 0..60)) {
        let soup: Vec<&str> = picks.iter().map(|&i| TOKENS[i]).collect();
        harmless(&soup.join(" "));
        harmless(&soup.concat());
    }
}

const TOKENS: [&str; 58] = [
    "q",
    "k",
    "b",
    "h",
    "s",
    "p",
    "q_pos",
    "n_k",
    "window",
    "doc",
    "grid",
    "valid",
    "true",
    "1",
    "2.5",
    "0xff",
    "1e9",
    "2147483648",
    "+",
    "-",
    "*",
    "/",
    "//",
    "%",
    "**",
    "&",
    "|",
    "^",
    "~",
    "<<",
    ">>",
    "<",
    "<=",
    "==",
    "!=",
    "(",
    ")",
    "[",
    "]",
    "{",
    "}",
    ",",
    "and",
    "or",
    "not",
    "in",
    "if",
    "else",
    "abs",
    "max",
    "where",
    "hash",
    "&&",
    "=",
    "é",
    "≤",
    "\n",
    "#",
];

/// Compiles a text as every kind; errors must point into it.
fn harmless(text: &str) {
    for kind in [Kind::Mask, Kind::Score, Kind::Probability] {
        match compile(text, kind, &scope()) {
            Ok(formula) => {
                let mut dice = Dice(text.len() as u64);
                if let Ok(bound) = formula.bind(&values(&mut dice)) {
                    bound.coverage(0, 0, 0..8, 0..8);
                }
            }
            Err(error) => {
                assert!(text.get(error.span.clone()).is_some(), "{text:?}: {:?}", error.span);
                assert!(!error.message().is_empty() && error.column(text) >= 1);
            }
        }
    }
}

#[test]
fn most_derivatives_can_be_compared() {
    // Of formulas that are flat or mostly kinks there are some; a test that left out all others would prove nothing.
    let compared: usize = (0..500).map(|seed| slopes::compare(seed, 3, Kind::Score)).sum();
    assert!(compared > 2500, "{compared}");
}

#[test]
fn every_rectangle_of_a_small_grid() {
    let mut dice = Dice(7);
    let sizes = Sizes { batch: 1, heads: 2, n_q: 9, n_k: 9, offset: vec![] };
    for text in [
        "k <= q and q - k < window",
        "(k & ~q) == 0 or q - k == 1",
        "doc[q] == doc[k]",
        "k % period[h] == 0",
        "(q ^ k) < 3",
    ] {
        let bound = compile(text, Kind::Mask, &scope())
            .unwrap()
            .bind(&Values { sizes: sizes.clone(), ..values(&mut dice) })
            .unwrap();
        for (q0, q1) in (0..9).flat_map(|a| (a..=9).map(move |b| (a, b))) {
            for (k0, k1) in (0..9).flat_map(|a| (a..=9).map(move |b| (a, b))) {
                let cells: Vec<bool> = (q0..q1)
                    .flat_map(|q| (k0..k1).map(move |k| (q, k)))
                    .map(|(q, k)| bound.mask_at(0, 1, q, k))
                    .collect();
                match bound.coverage(0, 1, q0..q1, k0..k1) {
                    Coverage::Empty => assert!(!cells.contains(&true), "{text} {q0}..{q1} {k0}..{k1}"),
                    Coverage::Full => assert!(!cells.contains(&false), "{text} {q0}..{q1} {k0}..{k1}"),
                    Coverage::Mixed => assert!(cells.len() > 1, "{text}: a single cell is always decided"),
                }
            }
        }
    }
}

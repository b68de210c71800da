//! The formula language over thousands of random formulas: lanes agree with the plain evaluator bit for bit, bounds
//! never call a rectangle empty or full that is not, no text makes the reader panic, and printing is read back the same.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use std::collections::BTreeMap;
use std::sync::Arc;

use attention_playground::formula::{
    Bound, Coverage, Data, DataDecl, DataValues, Kind, Lanes, Scalar, Scope, Sizes, Ty, Values, compile,
};
use proptest::prelude::*;
use proptest::test_runner::Config;

/// Small steps from a seed (splitmix64): one number decides a whole formula, so a failure is one number to repeat.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) % sides as u64) as usize
    }

    fn pick<T: Copy>(&mut self, of: &[T]) -> T {
        of[self.roll(of.len())]
    }
}

/// A random expression of a type, as text.
fn expression(dice: &mut Dice, ty: Ty, depth: usize, kind: Kind) -> String {
    if depth == 0 || dice.roll(8) == 0 {
        return leaf(dice, ty, kind);
    }
    let sub = |dice: &mut Dice, ty| expression(dice, ty, depth - 1, kind);
    let any = dice.pick(&[Ty::Bool, Ty::Int, Ty::Int, Ty::Float]);
    let number = dice.pick(&[Ty::Int, Ty::Int, Ty::Float]);
    match ty {
        Ty::Bool => match dice.roll(9) {
            0 | 1 => format!(
                "({} {} {})",
                sub(dice, Ty::Bool),
                dice.pick(&["and", "or", "^", "&", "|", "==", "!="]),
                sub(dice, Ty::Bool)
            ),
            2 => format!("({} {})", dice.pick(&["not", "~"]), sub(dice, Ty::Bool)),
            3 => {
                let (a, b) = (dice.pick(&["<", "<=", ">", ">="]), dice.pick(&["<", "<=", "==", "!="]));
                format!("({} {a} {} {b} {})", sub(dice, number), sub(dice, Ty::Int), sub(dice, number))
            }
            4 => {
                let (a, b) = (sub(dice, Ty::Int), sub(dice, Ty::Int));
                format!("({} {} {{{a}, 3, {b}}})", sub(dice, Ty::Int), dice.pick(&["in", "not in"]))
            }
            5 => format!("({} if {} else {})", sub(dice, Ty::Bool), sub(dice, Ty::Bool), sub(dice, Ty::Bool)),
            _ => format!(
                "({} {} {})",
                sub(dice, number),
                dice.pick(&["<", "<=", ">", ">=", "==", "!="]),
                sub(dice, Ty::Int)
            ),
        },
        Ty::Int => match dice.roll(12) {
            0 => format!("({}{})", dice.pick(&["-", "~", "+"]), sub(dice, Ty::Int)),
            1 => format!("{}({})", dice.pick(&["floor", "ceil", "round", "int"]), sub(dice, number)),
            2 => format!("{}({})", dice.pick(&["abs", "sign", "int", "hash"]), sub(dice, Ty::Int)),
            3 => format!(
                "{}({}, {}, {})",
                dice.pick(&["min", "max", "clamp", "hash"]),
                sub(dice, Ty::Int),
                sub(dice, Ty::Int),
                sub(dice, Ty::Int)
            ),
            4 => format!("where({}, {}, {})", sub(dice, Ty::Bool), sub(dice, Ty::Int), sub(dice, Ty::Int)),
            5 => format!("{}[{}]", dice.pick(&["doc", "period"]), sub(dice, Ty::Int)),
            6 => format!("grid[{}, {}]", sub(dice, Ty::Int), sub(dice, Ty::Int)),
            7 => format!("({} ** {})", sub(dice, Ty::Int), dice.roll(4)),
            _ => {
                let op = dice.pick(&["+", "-", "*", "//", "%", "&", "|", "^", "<<", ">>", "-", "%"]);
                format!("({} {op} {})", sub(dice, Ty::Int), sub(dice, Ty::Int))
            }
        },
        Ty::Float => match dice.roll(8) {
            0 => format!("(-{})", sub(dice, Ty::Float)),
            1 => {
                let f = dice.pick(&["sqrt", "exp", "log", "log2", "sin", "cos", "tanh", "sigmoid", "float"]);
                format!("{f}({})", sub(dice, number))
            }
            2 => format!("{}({})", dice.pick(&["abs", "sign"]), sub(dice, Ty::Float)),
            3 => format!(
                "{}({}, {}, {})",
                dice.pick(&["min", "max", "clamp"]),
                sub(dice, Ty::Float),
                sub(dice, number),
                sub(dice, Ty::Float)
            ),
            4 => format!("where({}, {}, {})", sub(dice, Ty::Bool), sub(dice, Ty::Float), sub(dice, number)),
            5 => format!("slope[{}]", sub(dice, Ty::Int)),
            6 => format!("float({})", sub(dice, any)),
            _ => format!(
                "({} {} {})",
                sub(dice, Ty::Float),
                dice.pick(&["+", "-", "*", "/", "//", "%", "**"]),
                sub(dice, number)
            ),
        },
    }
}

fn leaf(dice: &mut Dice, ty: Ty, kind: Kind) -> String {
    let list: &[&str] = match ty {
        Ty::Bool => {
            &["true", "false", "k <= q", "k <= q_pos", "flag", "valid[k]", "q - k < window", "doc[q] == doc[k]"]
        }
        Ty::Int => &[
            "q",
            "k",
            "q_pos",
            "q - k",
            "q_pos - k",
            "b",
            "h",
            "n_q",
            "n_k",
            "n_h",
            "window",
            "0",
            "1",
            "2",
            "3",
            "4",
            "7",
            "8",
            "31",
            "1000000",
            "2147483647",
            "doc[q]",
            "doc[k]",
            "period[h]",
            "k // 4",
            "q % 3",
            "k - q + 5",
        ],
        Ty::Float => match kind {
            Kind::Score => &["s", "s", "s", "0.5", "-1.25", "1e30", "rate", "slope[h]", "pi", "inf"],
            Kind::Probability => &["p", "p", "0.5", "2.0", "rate", "slope[h]"],
            Kind::Mask => &["0.5", "-1.25", "1e30", "rate", "slope[h]", "pi", "inf", "k / 3", "q * 0.25"],
        },
    };
    let text = dice.pick(list);
    if text.contains(' ') { format!("({text})") } else { text.to_owned() }
}

fn scope() -> Scope {
    let decl = |name: &str, ty, dims| DataDecl { name: name.into(), ty, dims };
    Scope {
        params: vec![("window".into(), Ty::Int), ("rate".into(), Ty::Float), ("flag".into(), Ty::Bool)],
        data: vec![
            decl("doc", Ty::Int, 1),
            decl("period", Ty::Int, 1),
            decl("grid", Ty::Int, 2),
            decl("slope", Ty::Float, 1),
            decl("valid", Ty::Bool, 1),
        ],
    }
}

fn values(dice: &mut Dice) -> Values {
    let (batch, heads) = (1 + dice.roll(2) as i32, 1 + dice.roll(3) as i32);
    let (n_q, n_k) = (1 + dice.roll(13) as i32, 1 + dice.roll(80) as i32);
    let offset = match dice.roll(4) {
        0 => vec![],
        1 => vec![n_k - n_q],
        2 => vec![3, -2],
        _ => vec![5, 5],
    };
    let data = |shape: &[usize], values| Arc::new(Data { shape: shape.to_vec(), values, clamp: true });
    let ints = |dice: &mut Dice, n: usize, of: &[i32]| DataValues::Int((0..n).map(|_| dice.pick(of)).collect());
    let mut doc: Vec<i32> = (0..40).map(|_| dice.roll(6) as i32).collect();
    doc.sort_unstable();
    Values {
        sizes: Sizes { batch, heads, n_q, n_k, offset },
        params: BTreeMap::from([
            ("window".into(), Scalar::Int(dice.roll(9) as i32 - 1)),
            ("rate".into(), Scalar::Float(dice.pick(&[0.0, 0.1, -3.5, 1e20]))),
            ("flag".into(), Scalar::Bool(dice.roll(2) == 1)),
        ]),
        data: BTreeMap::from([
            ("doc".into(), data(&[40], DataValues::Int(doc))),
            ("period".into(), data(&[3], ints(dice, 3, &[0, 1, 2, 4, 5, -3]))),
            ("grid".into(), data(&[7, 5], ints(dice, 35, &[0, 1, 2, 3, 100, i32::MIN]))),
            ("slope".into(), data(&[3], DataValues::Float(vec![0.5, -0.25, f32::NAN]))),
            ("valid".into(), data(&[20], DataValues::Bool((0..20).map(|i| u8::from(i % 7 != 0)).collect()))),
        ]),
    }
}

/// A random formula with random values; those over the limits are left out.
fn random(seed: u64, depth: usize, kind: Kind) -> Option<(String, Bound)> {
    let mut dice = Dice(seed);
    let ty = if kind == Kind::Mask { Ty::Bool } else { Ty::Float };
    let text = expression(&mut dice, ty, depth, kind);
    let formula = match compile(&text, kind, &scope()) {
        Ok(formula) => formula,
        Err(error) => {
            use attention_playground::formula::ErrorKind as E;
            let limit = matches!(error.kind, E::TooLong { .. } | E::TooManyParts { .. } | E::TooDeep { .. });
            assert!(limit, "{text}\n{error} at {:?}", error.span);
            return None;
        }
    };
    let bound = formula.bind(&values(&mut dice)).unwrap_or_else(|error| panic!("{text}\n{error}"));
    Some((text, bound))
}

/// NaN is one value: its sign and payload differ between a folded and a computed one.
fn bits(v: f32) -> u32 {
    if v.is_nan() { f32::NAN.to_bits() } else { v.to_bits() }
}

fn rows_agree(text: &str, bound: &Bound) {
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

/// Bounds are useful: of the tiles of 64 x 64 that are truly empty or full, this share is recognised.
#[test]
fn most_empty_and_full_tiles_are_recognised() {
    const N: i32 = 1024;
    const TILE: i32 = 64;
    let decl = |name: &str, ty| DataDecl { name: name.into(), ty, dims: 1 };
    let params = [
        ("window", 100),
        ("prefix", 200),
        ("globals", 3),
        ("dilation", 2),
        ("stride", 32),
        ("block", 64),
        ("chunk", 128),
    ];
    let scope = Scope {
        params: params.iter().map(|p| (p.0.into(), Ty::Int)).collect(),
        data: vec![decl("doc", Ty::Int), decl("period", Ty::Int), decl("valid", Ty::Bool)],
    };
    let table = |values: DataValues| Arc::new(Data { shape: vec![values.len()], values, clamp: false });
    let values = Values {
        sizes: Sizes { batch: 1, heads: 4, n_q: N, n_k: N, offset: vec![0] },
        params: params.iter().map(|p| (p.0.into(), Scalar::Int(p.1))).collect(),
        data: BTreeMap::from([
            ("doc".into(), table(DataValues::Int((0..N).map(|i| (i * i) >> 17).collect()))),
            ("period".into(), table(DataValues::Int(vec![2, 4, 128, 256]))),
            ("valid".into(), table(DataValues::Bool((0..N).map(|i| u8::from(i < 900)).collect()))),
        ]),
    };
    // The floor is in percent of the tiles that are truly empty or full.
    for (name, text, floor) in [
        ("none", "true", 100),
        ("causal", "k <= q_pos", 100),
        ("window", "0 <= q_pos - k < window", 100),
        ("two-sided window", "abs(q - k) <= window", 100),
        ("dilated", "abs(q - k) <= window * dilation and (q - k) % dilation == 0", 100),
        ("prefix", "k <= q_pos or k < prefix", 100),
        ("document", "doc[q] == doc[k] and k <= q", 100),
        ("padding", "valid[k] and k <= q", 100),
        ("chunked", "q // chunk == k // chunk and k <= q", 100),
        ("block", "q // block == k // block", 100),
        ("sinks", "k <= q_pos and (q_pos - k < window or k < globals)", 100),
        ("longformer", "abs(q - k) < window or q < globals or k < globals", 100),
        ("strided", "k <= q and (q - k < stride or (q - k) % stride == 0)", 100),
        ("fixed", "k <= q and (q // stride == k // stride or k % stride >= stride - 4)", 100),
        (
            "bigbird",
            "abs(q // block - k // block) <= 1 or k < block or q < block or hash(q // block, k // block, 7) < 3355443",
            100,
        ),
        ("sierpinski", "(k & ~q) == 0 or q - k == 1", 100),
        ("synaptic", "(q - k) in {0, 1, 2, 3, 5, 8, 13, 21, 34, 55, 89, 144, 233, 377, 610, 987}", 100),
        ("clock", "k <= q and (k % period[h] == 0 or q - k <= 1)", 100),
        ("random blocks", "hash(q // block, k // block, h) < 5033165", 100),
    ] {
        let bound = compile(text, Kind::Mask, &scope).unwrap().bind(&values).unwrap();
        let heads = if bound.uniform_over_heads() { 1 } else { 4 };
        let (mut certain, mut recognised) = (0, 0);
        let mut lanes = Lanes::new(&bound);
        for h in 0..heads {
            for q0 in (0..N).step_by(TILE as usize) {
                let mut allowed = [0u32; (N / TILE) as usize];
                let mut row = vec![0u8; N as usize];
                for q in q0..q0 + TILE {
                    lanes.begin_row(0, h, q);
                    lanes.mask_row(0, &mut row);
                    for (count, cells) in allowed.iter_mut().zip(row.chunks(TILE as usize)) {
                        *count += cells.iter().map(|&c| u32::from(c)).sum::<u32>();
                    }
                }
                for (i, &count) in allowed.iter().enumerate() {
                    let k0 = i as i32 * TILE;
                    let truth = match count {
                        0 => Coverage::Empty,
                        4096 => Coverage::Full,
                        _ => continue,
                    };
                    certain += 1;
                    recognised += u32::from(bound.coverage(0, h, q0..q0 + TILE, k0..k0 + TILE) == truth);
                }
            }
        }
        println!("{name:>18}: {recognised} of {certain}");
        assert!(recognised * 100 >= certain * floor, "{name}: {recognised} of {certain} recognised, {floor} % wanted");
    }
}

//! Score terms against values from their papers and their authors' code.

use attention_playground::catalogue::{self, Slot, positions};
use attention_playground::formula::{Bound, DataValues, Kind};

use super::{Changed, Place, SQUARE, bind, score};

/// The score formula of a scheme, bound.
fn bound(id: &str, place: Place, changed: Changed, given: &[(&str, DataValues)]) -> Bound {
    let entry = catalogue::position(id).unwrap();
    let Slot::Score { formula, tables } = entry.slot else { panic!("{id} is a score term") };
    bind(formula, Kind::Score, entry.params, tables, place, changed, given)
}

/// Queries near the start, inside and at the end, each with keys before, at and after it.
const PAIRS: [(usize, usize); 8] = [(0, 0), (0, 63), (1, 0), (20, 17), (17, 20), (40, 1), (63, 0), (63, 62)];

/// Every pair of [`PAIRS`] in every head against what the paper's formula gives, in double precision.
fn values_are(bound: &Bound, place: Place, wanted: impl Fn(usize, usize, usize) -> f64) {
    for h in 0..place.heads {
        for (q, k) in PAIRS {
            let (found, wanted) = (score(bound, h, q, k), wanted(h, q, k));
            // Single precision, a few operations; logarithms and powers are off by a few units in the last place.
            assert!(
                (found - wanted).abs() <= 4e-6 * wanted.abs().max(1.0),
                "head {h}, {q}, {k}: {found} is not {wanted}"
            );
        }
    }
}

const HEADS: Place = Place { heads: 3, seed: 11, ..SQUARE };

#[test]
fn every_parameter_of_a_score_term_matters() {
    for entry in positions() {
        let Slot::Score { .. } = entry.slot else { continue };
        let scores = |changed: Changed| {
            let bound = bound(entry.id, HEADS, changed, &[]);
            let pair = |h, q, k| bound.score_at(1.5, 0, h, q, k).to_bits();
            (0..3 * 64 * 64).map(|at| pair(at / 4096, at / 64 % 64, at % 64)).collect::<Vec<_>>()
        };
        let usual = scores(&[]);
        for p in entry.params {
            let other = [p.min, p.max].into_iter().find(|&value| value != p.default).unwrap();
            assert!(scores(&[(p.name, other)]) != usual, "{}: {}", entry.id, p.name);
        }
    }
}

#[test]
fn kerple_kernels() {
    let distance = |q: usize, k: usize| q.abs_diff(k) as f64;
    let (r1, r2) = ([0.5_f32, 2.0, 1.25], [1.5_f32, 0.25, 4.0]);
    let given = [("r1", DataValues::Float(r1.into())), ("r2", DataValues::Float(r2.into()))];
    values_are(&bound("kerple-log", HEADS, &[], &given), HEADS, |h, q, k| {
        -f64::from(r1[h]) * (1.0 + f64::from(r2[h]) * distance(q, k)).ln()
    });
    let sliders = bound("kerple-log", HEADS, &[("amount", 0.5), ("rate", 2.0)], &[]);
    values_are(&sliders, HEADS, |_, q, k| -0.5 * (1.0 + 2.0 * distance(q, k)).ln());
    let exponent = [0.5_f32, 1.0, 1.75];
    let given = [("r1", DataValues::Float(r1.into())), ("exponent", DataValues::Float(exponent.into()))];
    values_are(&bound("kerple-power", HEADS, &[], &given), HEADS, |h, q, k| {
        -f64::from(r1[h]) * distance(q, k).powf(exponent[h].into())
    });
}

/// The authors' way: encodings of both positions, their product, divided by 8 h / H for heads counted from 1.
#[test]
fn sandwich_is_a_product_of_encodings() {
    for dims in [2, 6, 128] {
        let encoding = |position: usize| {
            let angle = move |i: usize| position as f64 / 10_000_f64.powf(2.0 * i as f64 / dims as f64);
            (0..dims / 2).flat_map(move |i| [angle(i).sin(), angle(i).cos()])
        };
        let product = |q, k| encoding(q).zip(encoding(k)).map(|(a, b)| a * b).sum::<f64>();
        values_are(&bound("sandwich", HEADS, &[("dims", dims as f64)], &[]), HEADS, |h, q, k| {
            product(q, k) / ((h + 1) as f64 * 8.0 / 3.0)
        });
    }
}

/// The network of the authors' code with a hidden layer of four: linear, ReLU, linear.
#[test]
fn fire_reads_the_share_of_the_length() {
    let (weight, bias) = ([1.5_f32, -2.0, 0.75, 3.0], [-0.5_f32, 1.0, 0.25, -2.0]);
    let out: Vec<f32> = (0..15).map(|at| (at * 7 % 11) as f32 * 0.25 - 1.0).collect();
    let given = [
        ("fire_weight", DataValues::Float(weight.into())),
        ("fire_bias", DataValues::Float(bias.into())),
        ("fire_out", DataValues::Float(out.clone())),
    ];
    let found = bound("fire", HEADS, &[("c", 0.25), ("length", 24.0)], &given);
    values_are(&found, HEADS, |h, q, k| {
        let normaliser = (0.25 * q.max(24) as f64 + 1.0).ln();
        let x = (0.25 * q.abs_diff(k) as f64 + 1.0).ln() / normaliser;
        let mut y = f64::from(out[5 * h + 4]);
        for unit in 0..4 {
            let hidden = f64::from(weight[unit]) * x + f64::from(bias[unit]);
            y += f64::from(out[5 * h + unit]) * if hidden > 0.0 { hidden } else { 0.0 };
        }
        y
    });
}

#[test]
fn relative_table_clips_distances() {
    let row: Vec<f32> = (0..21).map(|at| at as f32 * 0.5).collect();
    let given = [("distance_bias", DataValues::Float(row.repeat(3)))];
    values_are(
        &bound("relative", HEADS, &[("reach", 3.0)], &[("distance_bias", DataValues::Float(row[..7].repeat(3)))]),
        HEADS,
        |_, q, k| {
            0.5 * match k as i64 - q as i64 {
                r if r <= -3 => 0.0,
                -2 => 1.0,
                -1 => 2.0,
                0 => 3.0,
                1 => 4.0,
                2 => 5.0,
                _ => 6.0,
            }
        },
    );
    let found = bound("relative", HEADS, &[("reach", 10.0)], &given);
    assert_eq!((score(&found, 2, 20, 17), score(&found, 2, 17, 20), score(&found, 2, 40, 1)), (3.5, 6.5, 0.0));
}

/// A seeded number as tables draw it: twelve 24-bit fractions of SplitMix64, less 6.
fn drawn(seed: u64, place: [u64; 2]) -> f64 {
    let next = |x: u64| {
        let x = x.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let x = (x ^ x >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let x = (x ^ x >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        x ^ x >> 31
    };
    let fraction = |i: u64| (next(next(next(next(seed) ^ place[0]) ^ place[1]) ^ i) >> 40) as f64 / 16_777_216.0;
    f64::from(((0..12).map(fraction).sum::<f64>() - 6.0) as f32)
}

#[test]
fn distance_network() {
    for (units, logarithmic) in [(1_u64, true), (5, true), (5, false)] {
        let root = (units as f64).sqrt();
        let silu = |x: f64| x / (1.0 + (-x).exp());
        let settings = [("units", units as f64), ("logarithmic", f64::from(logarithmic))];
        values_are(&bound("distance-mlp", HEADS, &settings, &[]), HEADS, |h, q, k| {
            let distance = q as f64 - k as f64;
            let x = if logarithmic { distance.signum() * (distance.abs() + 1.0).ln() } else { distance };
            let weight = |layer, at| drawn(11, [layer, at]);
            let first = |u| silu(weight(0, u) * x + weight(1, u));
            let second = |v| {
                let sum: f64 = (0..units).map(|u| weight(2, v * units + u) / root * first(u)).sum();
                silu(sum + weight(3, v))
            };
            (0..units).map(|v| weight(4, h as u64 * units + v) / root * second(v)).sum()
        });
    }
}

#[test]
fn dial_prefers_the_same_hour() {
    let period = [("period", DataValues::Int(vec![4, 6, 64]))];
    values_are(&bound("dial", HEADS, &[("gain", 2.0)], &period), HEADS, |h, q, k| {
        let turns = (q as f64 - k as f64) / [4.0, 6.0, 64.0][h];
        2.0 * ((std::f64::consts::TAU * turns).cos() - 1.0)
    });
    let found = bound("dial", HEADS, &[], &period);
    for (h, q, k, wanted) in
        [(0, 20, 8, 0.0), (0, 20, 10, -2.0), (0, 20, 11, -1.0), (1, 20, 17, -2.0), (1, 17, 23, 0.0)]
    {
        assert!((score(&found, h, q, k) - wanted).abs() < 1e-6, "head {h}, {q}, {k}");
    }
    // A period of 0 means 1: every key is at the same hour.
    let zero = bound("dial", HEADS, &[], &[("period", DataValues::Int(vec![0; 3]))]);
    assert_eq!(score(&zero, 0, 20, 11), 0.0);
}

#[test]
fn clocks_that_go_forward_meet() {
    let (of_q, of_k): (Vec<f32>, Vec<f32>) = (0..64).map(|i| (i as f32 / 100.0, (i * i) as f32 / 4096.0)).unzip();
    let given = [("tick_q", DataValues::Float(of_q.clone())), ("tick_k", DataValues::Float(of_k.clone()))];
    let found = bound("learned-clock", HEADS, &[("sigma", 0.25), ("gain", 0.5)], &given);
    values_are(&found, HEADS, |_, q, k| {
        let apart = f64::from(of_q[q]) - f64::from(of_k[k]);
        -0.5 * apart.powi(2) / (2.0 * 0.25 * 0.25)
    });
    // The catalogue's clocks never go back, end at 1, and run evenly where nothing is uneven.
    let entry = catalogue::position("learned-clock").unwrap();
    let Slot::Score { tables, .. } = entry.slot else { panic!("a score term") };
    for (table, n) in tables.iter().zip([40, 30]) {
        for uneven in [0.0, 1.0, 4.0] {
            let params = [("uneven".to_owned(), uneven)].into_iter().collect();
            let made = (table.make)(&catalogue::Setting { n_q: 40, n_k: 30, heads: 2, params: &params, seed: 3 });
            let DataValues::Float(ticks) = made.values else { panic!("numbers") };
            assert!(ticks.windows(2).all(|pair| pair[0] <= pair[1]) && ticks[0] > 0.0);
            assert_eq!((ticks.len(), ticks[n - 1]), (n, 1.0));
            let even = ticks.iter().enumerate().all(|(i, &tick)| (tick - (i + 1) as f32 / n as f32).abs() < 1e-6);
            assert_eq!(even, uneven == 0.0);
        }
    }
}

#[test]
fn time_gaps_count_whole_units_up_to_a_limit() {
    let time: Vec<f32> = (0..64).map(|token| (token * token) as f32 * 0.25).collect();
    let given = [("time", DataValues::Float(time.clone())), ("slope", DataValues::Float(vec![1.0, 0.5, 0.25]))];
    let found = bound("time-gap", HEADS, &[("unit", 2.0), ("most", 50.0)], &given);
    values_are(&found, HEADS, |h, q, k| {
        let gap = (f64::from(time[q]) - f64::from(time[k])).abs();
        -[1.0, 0.5, 0.25][h] * (gap / 2.0).floor().min(50.0)
    });
    // Tokens of one burst are a unit apart; a pause lies between bursts.
    let usual = bound("time-gap", SQUARE, &[("most", 256.0)], &[("slope", DataValues::Float(vec![1.0]))]);
    assert_eq!((score(&usual, 0, 7, 6), score(&usual, 0, 8, 7), score(&usual, 0, 6, 8)), (-1.0, -25.0, -26.0));
}

/// n^(s z) over its sum is a softmax of s z ln n.
#[test]
fn scalable_softmax_multiplies_by_the_logarithm_of_n() {
    let (all, causal) = (
        bound("scalable-softmax", HEADS, &[("gain", 0.5)], &[]),
        bound("scalable-softmax", HEADS, &[("causal", 1.0)], &[]),
    );
    for (q, k) in PAIRS {
        let at = |bound: &Bound| f64::from(bound.score_at(-1.25, 0, 1, q as i32, k as i32));
        assert!((at(&all).exp() - 64_f64.powf(0.5 * -1.25)).abs() < 1e-6);
        assert!((at(&causal).exp() - ((q + 1) as f64).powf(-1.25)).abs() < 1e-6);
    }
}

/// Slopes that the authors' code gives (`get_slopes`), for a power of two and for another number.
#[test]
fn alibi_slopes() {
    let entry = catalogue::position("alibi").unwrap();
    let Slot::Score { formula, tables } = entry.slot else { panic!("ALiBi is a score term") };
    let expected: [(usize, &[f64]); 3] = [
        (8, &[0.5, 0.25, 0.125, 0.0625, 0.03125, 0.015625, 0.007_812_5, 0.003_906_25]),
        (6, &[0.25, 0.0625, 0.015625, 0.003_906_25, 0.5, 0.125]),
        (
            12,
            &[
                0.5,
                0.25,
                0.125,
                0.0625,
                0.03125,
                0.015625,
                0.007_812_5,
                0.003_906_25,
                std::f64::consts::FRAC_1_SQRT_2,
                0.353_553_39,
                0.176_776_7,
                0.088_388_35,
            ],
        ),
    ];
    for (heads, slopes) in expected {
        let place = Place { heads, ..SQUARE };
        let absolute = bind(formula, Kind::Score, entry.params, tables, place, &[], &[]);
        let signed = bind(formula, Kind::Score, entry.params, tables, place, &[("signed", 1.0)], &[]);
        for (h, slope) in slopes.iter().enumerate() {
            assert!((score(&absolute, h, 10, 7) + 3.0 * slope).abs() < 1e-6);
            assert!((score(&absolute, h, 7, 10) + 3.0 * slope).abs() < 1e-6);
            assert!((score(&signed, h, 7, 10) - 3.0 * slope).abs() < 1e-6);
        }
    }
}

/// Buckets that `T5Attention._relative_position_bucket` of Hugging Face gives with 32 buckets and distance 128.
#[test]
fn t5_buckets() {
    let entry = catalogue::position("t5").unwrap();
    let Slot::Score { formula, tables } = entry.slot else { panic!("T5's bias is a score term") };
    let place = Place { n_q: 256, n_k: 256, ..SQUARE };
    // The bias of bucket b is b itself.
    let bias = [("bias", DataValues::Float((0..32).map(|b| b as f32).collect()))];
    let both = bind(formula, Kind::Score, entry.params, tables, place, &[], &bias);
    let causal = bind(formula, Kind::Score, entry.params, tables, place, &[("causal", 1.0)], &bias);
    for (distance, bucket) in [
        (0, 0),
        (1, 1),
        (7, 7),
        (8, 8),
        (11, 8),
        (12, 9),
        (15, 9),
        (16, 10),
        (23, 11),
        (32, 12),
        (45, 12),
        (64, 14),
        (90, 14),
        (91, 15),
        (200, 15),
    ] {
        assert_eq!(score(&both, 0, 230, 230 - distance), f64::from(bucket), "{distance} back");
        let ahead = if distance == 0 { 0 } else { bucket + 16 };
        assert_eq!(score(&both, 0, 10, 10 + distance), f64::from(ahead), "{distance} ahead");
    }
    for (distance, bucket) in [(0, 0), (15, 15), (16, 16), (18, 16), (19, 17), (32, 21), (64, 26), (113, 31), (200, 31)]
    {
        assert_eq!(score(&causal, 0, 230, 230 - distance), f64::from(bucket), "{distance} back");
    }
    assert_eq!(score(&causal, 0, 10, 20), 0.0, "later keys share bucket 0");
}

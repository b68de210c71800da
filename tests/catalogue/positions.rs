//! Score terms against values from their papers and their authors' code.

use attention_playground::catalogue::{self, Slot};
use attention_playground::formula::{DataValues, Kind};

use super::{Place, SQUARE, bind, score};

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

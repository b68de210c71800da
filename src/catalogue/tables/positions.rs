//! Tables of score terms: slopes, buckets, biases.

use super::super::entry::Setting;
use super::{bell, floats, ints};
use crate::formula::Data;

/// `slope[h]` of ALiBi: `2^(-8 (h + 1) / heads)` for a power of two; otherwise those of the next smaller power of two, then every second
/// one of twice as many heads (as in the authors' code).
pub fn alibi_slopes(setting: &Setting) -> Data {
    let heads = setting.heads.max(1);
    let whole = 1 << heads.ilog2();
    let slope = |h: usize, of: usize| (-8.0 * (h + 1) as f64 / of as f64).exp2() as f32;
    let slopes = (0..heads).map(|h| if h < whole { slope(h, whole) } else { slope(2 * (h - whole), 2 * whole) });
    floats(vec![heads], slopes.collect())
}

/// `bucket[distance]` of T5 for one direction: the first half of the buckets holds one distance each, the second half grows by ratio up to
/// `max_distance`, and the last bucket takes the rest. Both directions share the buckets, half each.
pub fn t5_buckets(setting: &Setting) -> Data {
    let both = setting.count("buckets", 4);
    let buckets = if setting.switch("causal") { both } else { both / 2 };
    let exact = buckets / 2;
    let far = setting.count("max_distance", exact + 1) as f64;
    let bucket = |distance: usize| {
        if distance < exact {
            return distance;
        }
        let ratio = (distance as f64 / exact as f64).ln() / (far / exact as f64).ln();
        // The ratio is exact in theory where distances double; the tiny term keeps rounding from moving those to the bucket before.
        let grown = (ratio * (buckets - exact) as f64 + 1e-9) as usize;
        (exact + grown).min(buckets - 1)
    };
    let n = setting.tokens();
    ints(vec![n], (0..n).map(bucket))
}

/// `bias[h, bucket]` of T5: seeded, since nothing is trained here.
pub fn t5_bias(setting: &Setting) -> Data {
    let (heads, buckets) = (setting.heads.max(1), setting.count("buckets", 4));
    let values = (0..heads * buckets).map(|at| bell(setting.seed, [at / buckets, at % buckets]));
    floats(vec![heads, buckets], values.collect())
}

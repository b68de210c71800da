//! Tables of score terms: slopes, buckets, biases.

use super::super::entry::{Setting, Table, Text};
use super::{bell, floats, ints};
use crate::formula::{Data, Ty};

/// `slope[h]`, which ALiBi and the time gap share.
pub const SLOPE: Table = Table {
    name: "slope",
    ty: Ty::Float,
    rank: 1,
    index: "h",
    make: alibi_slopes,
    editable: true,
    label: Text::new("slope of each head", "每个头的斜率"),
};

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

/// The same number for each head.
fn by_head(setting: &Setting, param: &str) -> Data {
    let heads = setting.heads.max(1);
    floats(vec![heads], vec![setting.param(param) as f32; heads])
}

/// `r1[h]` of KERPLE; learned in the paper, here the slider's until it is edited.
pub fn kerple_amount(setting: &Setting) -> Data {
    by_head(setting, "amount")
}

/// `r2[h]` of KERPLE's logarithmic kernel.
pub fn kerple_rate(setting: &Setting) -> Data {
    by_head(setting, "rate")
}

/// `exponent[h]`: r2 of KERPLE's power kernel.
pub fn kerple_exponent(setting: &Setting) -> Data {
    by_head(setting, "power")
}

/// `wave[distance]` of Sandwich: Σ cos(distance / 10000^(2 i / dims)) over i = 0 … dims / 2 - 1, as in the authors' code.
pub fn sandwich(setting: &Setting) -> Data {
    let dims = setting.count("dims", 2);
    let rates: Vec<f64> = (0..dims / 2).map(|i| 10_000_f64.powf(-2.0 * i as f64 / dims as f64)).collect();
    let n = setting.tokens();
    floats(vec![n], (0..n).map(|d| rates.iter().map(|rate| (d as f64 * rate).cos()).sum::<f64>() as f32).collect())
}

/// `distance_bias[h, distance]`: seeded, from `reach` back to `reach` ahead.
pub fn distance_bias(setting: &Setting) -> Data {
    seeded(setting.seed, setting.heads.max(1), 2 * setting.count("reach", 1) + 1)
}

/// Seeded numbers, `columns` in each row.
fn seeded(seed: u64, rows: usize, columns: usize) -> Data {
    floats(vec![rows, columns], (0..rows * columns).map(|at| bell(seed, [at / columns, at % columns])).collect())
}

/// Hidden units of FIRE's network; its formula writes out each.
const FIRE_UNITS: usize = 4;

/// `fire_weight[unit]`.
pub fn fire_weight(setting: &Setting) -> Data {
    floats(vec![FIRE_UNITS], (0..FIRE_UNITS).map(|unit| bell(setting.seed, [1, unit])).collect())
}

/// `fire_bias[unit]`.
pub fn fire_bias(setting: &Setting) -> Data {
    floats(vec![FIRE_UNITS], (0..FIRE_UNITS).map(|unit| bell(setting.seed, [2, unit])).collect())
}

/// `fire_out[h, unit]`, and the bias of the head after its units.
pub fn fire_out(setting: &Setting) -> Data {
    seeded(setting.seed, setting.heads.max(1), FIRE_UNITS + 1)
}

/// `curve[h, distance]` from `1 - n` to `n - 1`: a network of two hidden layers with SiLU, its weights seeded and divided by the root of their
/// number.
pub fn distance_curve(setting: &Setting) -> Data {
    let (heads, n, units) = (setting.heads.max(1), setting.tokens(), setting.count("units", 1));
    let root = (units as f64).sqrt();
    let layer = |layer, count, scale: f64| {
        (0..count).map(|at| f64::from(bell(setting.seed, [layer, at])) * scale).collect::<Vec<_>>()
    };
    let (into, bias) = (layer(0, units, 1.0), layer(1, units, 1.0));
    let (inner, inner_bias) = (layer(2, units * units, 1.0 / root), layer(3, units, 1.0));
    let outer = layer(4, heads * units, 1.0 / root);
    let silu = |x: f64| x / (1.0 + (-x).exp());
    let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
    let width = 2 * n - 1;
    let mut curve = vec![0.0; heads * width];
    for at in 0..width {
        let distance = at as f64 - (n - 1) as f64;
        let x = if setting.switch("logarithmic") { distance.signum() * distance.abs().ln_1p() } else { distance };
        let first: Vec<f64> = into.iter().zip(&bias).map(|(weight, bias)| silu(weight * x + bias)).collect();
        let rows = inner.chunks_exact(units).zip(&inner_bias);
        let second: Vec<f64> = rows.map(|(weights, bias)| silu(dot(weights, &first) + bias)).collect();
        for (h, weights) in outer.chunks_exact(units).enumerate() {
            curve[h * width + at] = dot(weights, &second) as f32;
        }
    }
    floats(vec![heads, width], curve)
}

/// `time[token]`: bursts of eight tokens, one unit apart, with a pause of 24 after each.
pub fn time(setting: &Setting) -> Data {
    let n = setting.tokens();
    floats(vec![n], (0..n).map(|token| (token + token / 8 * 24) as f32).collect())
}

/// `tick_q[query]`: what the queries' clock shows, up to 1 at their end.
pub fn query_clock(setting: &Setting) -> Data {
    clock(setting, 0, setting.n_q)
}

/// `tick_k[key]`.
pub fn key_clock(setting: &Setting) -> Data {
    clock(setting, 1, setting.n_k)
}

/// A clock that only goes forward: the running sum of the softplus of seeded numbers, over its value after `own` tokens. Numbers of size 0 make it
/// run evenly.
fn clock(setting: &Setting, side: usize, own: usize) -> Data {
    let uneven = setting.param("uneven");
    let step = |token| {
        let x = uneven * f64::from(bell(setting.seed, [side, token]));
        x.max(0.0) + (-x.abs()).exp().ln_1p()
    };
    let own = own.max(1);
    let total: f64 = (0..own).map(step).sum();
    let mut shown = 0.0;
    let ticks = (0..own).map(|token| {
        shown += step(token);
        (shown / total) as f32
    });
    floats(vec![own], ticks.collect())
}

//! The tables that formulas of the catalogue read, each made from the sizes, the parameters and the seed alone.
//! All of them clamp: with more queries than keys, or a cache, a position may lie past the end.

use super::entry::Setting;
use crate::formula::{Data, DataValues};

fn bools(shape: Vec<usize>, values: Vec<bool>) -> Data {
    Data { shape, values: DataValues::Bool(values.into_iter().map(u8::from).collect()), clamp: true }
}

fn ints(values: Vec<usize>) -> Data {
    let values = values.into_iter().map(|v| i32::try_from(v).unwrap_or(i32::MAX)).collect::<Vec<_>>();
    Data { shape: vec![values.len()], values: DataValues::Int(values), clamp: true }
}

fn floats(shape: Vec<usize>, values: Vec<f32>) -> Data {
    Data { shape, values: DataValues::Float(values), clamp: true }
}

/// A well-mixed 64-bit number from a seed and a place: SplitMix64 (Steele, Lea and Flood 2014) over the parts, one after the other.
fn mix(seed: u64, place: [usize; 3]) -> u64 {
    place.into_iter().fold(splitmix(seed), |state, part| splitmix(state ^ part as u64))
}

fn splitmix(x: u64) -> u64 {
    let x = x.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}

/// A seeded number of mean 0 and variance 1: the sum of twelve uniform ones less 6. Sums and products only, so that every platform makes
/// the same bits; a normal number by logarithm and cosine would not.
fn bell(seed: u64, place: [usize; 2]) -> f32 {
    let unit = |i| (mix(seed, [place[0], place[1], i]) >> 40) as f64 / f64::from(1 << 24);
    ((0..12).map(unit).sum::<f64>() - 6.0) as f32
}

/// `doc[token]`: four documents of 3, 5, 2 and 6 sixteenths of the sequence.
pub(super) fn documents(setting: &Setting) -> Data {
    let n = setting.tokens();
    ints((0..n).map(|token| [3, 8, 10].into_iter().filter(|end| token * 16 >= end * n).count()).collect())
}

/// `dilation[h]`: 1, and 2 in the last two heads of four or more (the paper dilates two heads of its upper layers).
pub(super) fn head_dilation(setting: &Setting) -> Data {
    let heads = setting.heads.max(1);
    ints((0..heads).map(|h| if heads >= 4 && h + 2 >= heads { 2 } else { 1 }).collect())
}

/// Blocks along each side, from the parameter `block`.
fn grid(setting: &Setting) -> usize {
    setting.tokens().div_ceil(setting.count("block", 1))
}

/// `kept[h, block row, block column]` of BigBird: a window of blocks around the diagonal; global blocks at both ends (the first one, the
/// last one, the second, …), as columns and as rows; and `random` more per row and head, drawn among those not kept already.
pub(super) fn bigbird(setting: &Setting) -> Data {
    let (heads, blocks) = (setting.heads.max(1), grid(setting));
    let half = (setting.count("window_blocks", 1) - 1) / 2;
    let (globals, random) = (setting.count("global_blocks", 0), setting.count("random", 0));
    let global = |block: usize| block < globals.div_ceil(2) || blocks - 1 - block < globals / 2;
    let mut kept = vec![false; heads * blocks * blocks];
    for (at, row) in kept.chunks_exact_mut(blocks).enumerate() {
        let (h, r) = (at / blocks, at % blocks);
        let mut free = Vec::new();
        for c in 0..blocks {
            row[c] = r.abs_diff(c) <= half || global(r) || global(c);
            if !row[c] {
                free.push((mix(setting.seed, [h, r, c]), c));
            }
        }
        free.sort_unstable();
        for (_, c) in free.into_iter().take(random) {
            row[c] = true;
        }
    }
    bools(vec![heads, blocks, blocks], kept)
}

/// `layout[h, block row, block column]`: a flat block butterfly; the numbers of row and column differ in at most one bit.
pub(super) fn butterfly(setting: &Setting) -> Data {
    let (heads, blocks) = (setting.heads.max(1), grid(setting));
    let cells = (0..heads * blocks * blocks).map(|at| ((at / blocks % blocks) ^ (at % blocks)).count_ones() <= 1);
    bools(vec![heads, blocks, blocks], cells.collect())
}

/// `gain[h, distance]`: 1 on the head's distances, 0 elsewhere.
pub(super) fn synapses(setting: &Setting) -> Data {
    let (heads, n) = (setting.heads.max(1), setting.tokens());
    let distances: Vec<usize> = match setting.count("preset", 0) {
        0 => std::iter::successors(Some(1), |d| Some(d * 2)).take_while(|&d| d < n).collect(),
        1 => std::iter::successors(Some((1, 2)), |&(a, b)| Some((b, a + b)))
            .map(|(a, _)| a)
            .take_while(|&d| d < n)
            .collect(),
        _ => (2..n).filter(|d| (2..).take_while(|f| f * f <= *d).all(|f| d % f != 0)).collect(),
    };
    let mut gain = vec![0.0; heads * n];
    for (h, row) in gain.chunks_exact_mut(n).enumerate() {
        let stretch = 1.0 + h as f64 * setting.param("spread");
        let stretched = distances.iter().map(|&d| (d as f64 * stretch).round() as usize);
        for distance in [0, 1].into_iter().chain(stretched).filter(|&d| d < n) {
            row[distance] = 1.0;
        }
    }
    floats(vec![heads, n], gain)
}

/// `no_one[distance]`: no digit 1 in base 3.
pub(super) fn cantor(setting: &Setting) -> Data {
    let no_one =
        |distance| std::iter::successors(Some(distance), |d| Some(d / 3)).take_while(|&d| d > 0).all(|d| d % 3 != 1);
    let n = setting.tokens();
    bools(vec![n], (0..n).map(no_one).collect())
}

/// How many heads double their period before it starts again: a period far beyond the sequence would show nothing.
const OCTAVES: usize = 4;

fn period(setting: &Setting, h: usize) -> usize {
    setting.count("fastest", 1) << (h % OCTAVES)
}

/// `period[h]`: `fastest`, doubled from head to head, four times over.
pub(super) fn periods(setting: &Setting) -> Data {
    ints((0..setting.heads.max(1)).map(|h| period(setting, h)).collect())
}

/// `phase[h]`: 0 in the first four heads; heads that share a period are a third of it apart.
pub(super) fn phases(setting: &Setting) -> Data {
    ints((0..setting.heads.max(1)).map(|h| (h / OCTAVES % 3 * period(setting, h)).div_ceil(3)).collect())
}

/// `slope[h]` of ALiBi: `2^(-8 (h + 1) / heads)` for a power of two; otherwise those of the next smaller power of two, then every second
/// one of twice as many heads (as in the authors' code).
pub(super) fn alibi_slopes(setting: &Setting) -> Data {
    let heads = setting.heads.max(1);
    let whole = 1 << heads.ilog2();
    let slope = |h: usize, of: usize| (-8.0 * (h + 1) as f64 / of as f64).exp2() as f32;
    let slopes = (0..heads).map(|h| if h < whole { slope(h, whole) } else { slope(2 * (h - whole), 2 * whole) });
    floats(vec![heads], slopes.collect())
}

/// `bucket[distance]` of T5 for one direction: the first half of the buckets holds one distance each, the second half grows by ratio up to
/// `max_distance`, and the last bucket takes the rest. Both directions share the buckets, half each.
pub(super) fn t5_buckets(setting: &Setting) -> Data {
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
    ints((0..setting.tokens()).map(bucket).collect())
}

/// `bias[h, bucket]` of T5: seeded, since nothing is trained here.
pub(super) fn t5_bias(setting: &Setting) -> Data {
    let (heads, buckets) = (setting.heads.max(1), setting.count("buckets", 4));
    let values = (0..heads * buckets).map(|at| bell(setting.seed, [at / buckets, at % buckets]));
    floats(vec![heads, buckets], values.collect())
}

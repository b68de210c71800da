//! The tables that formulas of the catalogue read, each made from the sizes, the parameters and the seed alone.
//! All of them clamp: with more queries than keys, or a cache, a position may lie past the end.

pub(super) mod masks;
pub(super) mod positions;

use crate::formula::{Data, DataValues};

fn bools(shape: Vec<usize>, values: Vec<bool>) -> Data {
    Data { shape, values: DataValues::Bool(values.into_iter().map(u8::from).collect()), clamp: true }
}

fn ints(shape: Vec<usize>, values: impl IntoIterator<Item = usize>) -> Data {
    let values = values.into_iter().map(|v| i32::try_from(v).unwrap_or(i32::MAX)).collect();
    Data { shape, values: DataValues::Int(values), clamp: true }
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

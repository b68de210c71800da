// What the inner loops in Rust and the generated ones share: `build/main.rs` includes this file. Comments of this kind, since it is included.

/// Columns of a panel: two registers.
pub const PANEL: usize = 8;
/// Rows of a tile at most: with six, twelve sums, a panel and a factor fill the 15 registers that a browser's compiler has on x86.
pub const GROUP: usize = 6;
/// Keys of a block: a panel block of K and one of V stay in the first two caches.
pub const KEYS: usize = 64;

/// At and below it the exponential gives 0. `e^-69 ≈ 1e-30` is lost beside any weight that counts, and products of what remains with values of
/// ordinary size never are denormal: those cost x86 processors over a hundred cycles each.
pub const FLUSH: f32 = -69.0;

/// 1.5 · 2^23: adding it leaves the nearest integer in the low bits; 127 is the bias of the exponent.
pub const ROUND: f32 = 12_582_912.0 + 127.0;
/// ln 2 in two parts; multiples of the first by integers below 2^15 are exact (Cody and Waite 1980).
pub const LN2_HIGH: f32 = 0.693_359_4;
pub const LN2_LOW: f32 = -2.121_944_4e-4;
/// Of e^f for |f| <= ln 2 / 2, from the sixth degree down to the second.
pub const POLY: [f32; 5] = [1.394_26e-3, 8.366_38e-3, 4.166_632e-2, 0.166_665_4, 0.5];

/// The same for the softmax, as an exponent of 2, and to the nearest whole one: 2^-100 is about e^-69.
pub const FLUSH_POWER: f32 = -100.0;
/// Of 2^f for |f| <= 1/2, from the fifth degree down to the constant: the smallest largest relative error there is for the degree, 7.5e-8 (Remez), but for the constant, which is
/// 1 for 1.000 000 07. All of them times 2^27: with so much less in the exponent, that of [`FLUSH_POWER`] is 0 and gives 0.
pub const POWER_POLY: [f32; 6] = {
    let lift = 134_217_728.0;
    [1.327_647_8e-3 * lift, 9.675_541e-3 * lift, 5.550_713_3e-2 * lift, 0.240_221_2 * lift, 0.693_146_97 * lift, lift]
};
/// As [`ROUND`], with the lift taken from the exponent.
pub const ROUND_POWER: f32 = ROUND - 27.0;

/// Beyond it tanh is 1 in single precision.
pub const TANH_END: f32 = 7.905_311;
/// Odd numerator of tanh, from the thirteenth degree down to the first, and even denominator, from the sixth down: the rational approximation of Eigen
/// (`MathFunctionsImpl.h`, `ptanh`), within a few units in the last place.
pub const TANH_ODD: [f32; 7] =
    [-2.760_768_4e-16, 2.000_188e-13, -8.604_672e-11, 5.122_297e-8, 1.485_722_4e-5, 6.372_619e-4, 4.893_524_6e-3];
pub const TANH_EVEN: [f32; 4] = [1.198_258_4e-6, 1.185_347e-4, 2.268_434_6e-3, 4.893_525e-3];

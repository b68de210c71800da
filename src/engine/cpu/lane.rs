//! Four f32 lanes: a 128-bit register of WebAssembly; elsewhere an array that LLVM turns into one.
//!
//! Inner loops are generic over [`Tier`], the kind of multiply-add, and stand inside [`Tier::with`]: LLVM inlines an instruction of relaxed SIMD only
//! into functions that have that feature, and given the feature it would use such instructions for other things too.

#[cfg(target_arch = "wasm32")]
use core::arch::wasm32 as arch;

#[cfg(target_arch = "wasm32")]
type Register = arch::v128;
#[cfg(not(target_arch = "wasm32"))]
type Register = [f32; 4];

/// Four f32 numbers.
#[derive(Clone, Copy, Debug)]
pub struct F32x4(Register);

#[cfg(target_arch = "wasm32")]
impl F32x4 {
    /// Four numbers from memory.
    #[inline(always)]
    pub fn load(x: &[f32; 4]) -> Self {
        // SAFETY: the reference is to 16 readable bytes, and v128 loads need no alignment.
        Self(unsafe { arch::v128_load(x.as_ptr().cast()) })
    }

    /// Four numbers to memory.
    #[inline(always)]
    pub fn store(self, x: &mut [f32; 4]) {
        // SAFETY: the reference is to 16 writable bytes, and v128 stores need no alignment.
        unsafe { arch::v128_store(x.as_mut_ptr().cast(), self.0) }
    }

    /// The same number four times.
    #[inline(always)]
    pub fn splat(x: f32) -> Self {
        Self(arch::f32x4_splat(x))
    }

    /// Sum.
    #[inline(always)]
    pub fn add(self, other: Self) -> Self {
        Self(arch::f32x4_add(self.0, other.0))
    }

    /// Difference.
    #[inline(always)]
    pub fn sub(self, other: Self) -> Self {
        Self(arch::f32x4_sub(self.0, other.0))
    }

    /// Product.
    #[inline(always)]
    pub fn mul(self, other: Self) -> Self {
        Self(arch::f32x4_mul(self.0, other.0))
    }

    /// Quotient.
    #[inline(always)]
    pub fn div(self, other: Self) -> Self {
        Self(arch::f32x4_div(self.0, other.0))
    }

    /// The larger of each pair; NaN where either is NaN. Not `pmax`: LLVM makes relaxed SIMD's maximum of it, which may pick either.
    #[inline(always)]
    pub fn max(self, other: Self) -> Self {
        Self(arch::f32x4_max(self.0, other.0))
    }

    /// Magnitudes.
    #[inline(always)]
    pub fn abs(self) -> Self {
        Self(arch::f32x4_abs(self.0))
    }

    /// `self`, and 0 in lanes where `x <= limit`. NaN in `x` keeps `self`.
    #[inline(always)]
    pub fn zero_where_le(self, x: Self, limit: Self) -> Self {
        Self(arch::v128_andnot(self.0, arch::f32x4_le(x.0, limit.0)))
    }

    /// The larger of each lane and 0; 0 where it is NaN.
    #[inline(always)]
    pub fn positive(self) -> Self {
        Self(arch::v128_and(self.0, arch::f32x4_gt(self.0, arch::f32x4_splat(0.0))))
    }

    /// `self` in lanes whose bit is set, the lowest for the first, else `other`.
    #[inline(always)]
    pub fn where_bits(self, bits: i32, other: Self) -> Self {
        let of = arch::i32x4(1, 2, 4, 8);
        let keep = arch::i32x4_eq(arch::v128_and(arch::i32x4_splat(bits), of), of);
        Self(arch::v128_bitselect(self.0, other.0, keep))
    }

    /// `self` where `x >= 0`, else `other`.
    #[inline(always)]
    pub fn where_not_negative(self, x: Self, other: Self) -> Self {
        Self(arch::v128_bitselect(self.0, other.0, arch::f32x4_ge(x.0, arch::f32x4_splat(0.0))))
    }

    /// The bits of each lane moved to the exponent: for `2^23 · 1.5 + 127 + n` that is `2^n`.
    #[inline(always)]
    pub fn exponent_from_low_bits(self) -> Self {
        Self(arch::i32x4_shl(self.0, 23))
    }

    /// Rows as columns.
    #[inline(always)]
    pub fn transposed(a: Self, b: Self, c: Self, d: Self) -> (Self, Self, Self, Self) {
        // Named one by one: at the page's optimisation for size an array of them would live in memory.
        let ac01 = arch::i32x4_shuffle::<0, 4, 1, 5>(a.0, c.0);
        let ac23 = arch::i32x4_shuffle::<2, 6, 3, 7>(a.0, c.0);
        let bd01 = arch::i32x4_shuffle::<0, 4, 1, 5>(b.0, d.0);
        let bd23 = arch::i32x4_shuffle::<2, 6, 3, 7>(b.0, d.0);
        (
            Self(arch::i32x4_shuffle::<0, 4, 1, 5>(ac01, bd01)),
            Self(arch::i32x4_shuffle::<2, 6, 3, 7>(ac01, bd01)),
            Self(arch::i32x4_shuffle::<0, 4, 1, 5>(ac23, bd23)),
            Self(arch::i32x4_shuffle::<2, 6, 3, 7>(ac23, bd23)),
        )
    }

    /// The four numbers.
    #[inline(always)]
    pub fn to_array(self) -> [f32; 4] {
        [
            arch::f32x4_extract_lane::<0>(self.0),
            arch::f32x4_extract_lane::<1>(self.0),
            arch::f32x4_extract_lane::<2>(self.0),
            arch::f32x4_extract_lane::<3>(self.0),
        ]
    }
}

#[cfg(not(target_arch = "wasm32"))]
impl F32x4 {
    /// Four numbers from memory.
    #[inline(always)]
    pub fn load(x: &[f32; 4]) -> Self {
        Self(*x)
    }

    /// Four numbers to memory.
    #[inline(always)]
    pub fn store(self, x: &mut [f32; 4]) {
        *x = self.0;
    }

    /// The same number four times.
    #[inline(always)]
    pub fn splat(x: f32) -> Self {
        Self([x; 4])
    }

    /// Sum.
    #[inline(always)]
    pub fn add(self, other: Self) -> Self {
        self.zip(other, |a, b| a + b)
    }

    /// Difference.
    #[inline(always)]
    pub fn sub(self, other: Self) -> Self {
        self.zip(other, |a, b| a - b)
    }

    /// Product.
    #[inline(always)]
    pub fn mul(self, other: Self) -> Self {
        self.zip(other, |a, b| a * b)
    }

    /// Quotient.
    #[inline(always)]
    pub fn div(self, other: Self) -> Self {
        self.zip(other, |a, b| a / b)
    }

    /// The larger of each pair; NaN where either is NaN.
    #[inline(always)]
    pub fn max(self, other: Self) -> Self {
        self.zip(other, |a, b| if a < b || b.is_nan() { b } else { a })
    }

    /// Magnitudes.
    #[inline(always)]
    pub fn abs(self) -> Self {
        Self(self.0.map(f32::abs))
    }

    /// `self`, and 0 in lanes where `x <= limit`. NaN in `x` keeps `self`.
    #[inline(always)]
    pub fn zero_where_le(self, x: Self, limit: Self) -> Self {
        let keep = x.zip(limit, |x, limit| f32::from_bits(if x <= limit { 0 } else { u32::MAX }));
        self.zip(keep, |a, keep| f32::from_bits(a.to_bits() & keep.to_bits()))
    }

    /// The larger of each lane and 0; 0 where it is NaN.
    #[inline(always)]
    pub fn positive(self) -> Self {
        Self(self.0.map(|x| if x > 0.0 { x } else { 0.0 }))
    }

    /// `self` in lanes whose bit is set, the lowest for the first, else `other`.
    #[inline(always)]
    pub fn where_bits(self, bits: i32, other: Self) -> Self {
        Self(core::array::from_fn(|i| if bits >> i & 1 == 1 { self.0[i] } else { other.0[i] }))
    }

    /// `self` where `x >= 0`, else `other`.
    #[inline(always)]
    pub fn where_not_negative(self, x: Self, other: Self) -> Self {
        Self(core::array::from_fn(|i| if x.0[i] >= 0.0 { self.0[i] } else { other.0[i] }))
    }

    /// The bits of each lane moved to the exponent: for `2^23 · 1.5 + 127 + n` that is `2^n`.
    #[inline(always)]
    pub fn exponent_from_low_bits(self) -> Self {
        Self(self.0.map(|x| f32::from_bits(x.to_bits() << 23)))
    }

    /// Rows as columns.
    #[inline(always)]
    pub fn transposed(a: Self, b: Self, c: Self, d: Self) -> (Self, Self, Self, Self) {
        let column = |i: usize| Self([a.0[i], b.0[i], c.0[i], d.0[i]]);
        (column(0), column(1), column(2), column(3))
    }

    /// The four numbers.
    #[inline(always)]
    pub fn to_array(self) -> [f32; 4] {
        self.0
    }

    #[inline(always)]
    fn zip(self, other: Self, f: impl Fn(f32, f32) -> f32) -> Self {
        Self(core::array::from_fn(|i| f(self.0[i], other.0[i])))
    }
}

/// A kind of multiply-add.
pub trait Tier {
    /// Runs `body` in a function that has the tier's features; whatever `body` calls must be inlined into it.
    fn with<R>(body: impl FnOnce() -> R) -> R;

    /// `x · factor + addend`.
    fn mul_add(x: F32x4, factor: F32x4, addend: F32x4) -> F32x4;
}

/// Rounded twice: after the product and after the sum.
pub enum Separate {}

impl Tier for Separate {
    #[inline(always)]
    fn with<R>(body: impl FnOnce() -> R) -> R {
        body()
    }

    #[inline(always)]
    fn mul_add(x: F32x4, factor: F32x4, addend: F32x4) -> F32x4 {
        x.mul(factor).add(addend)
    }
}

/// Relaxed SIMD's: one rounding on hardware that fuses, otherwise two.
pub enum Fused {}

impl Tier for Fused {
    #[cfg_attr(target_arch = "wasm32", target_feature(enable = "relaxed-simd"))]
    fn with<R>(body: impl FnOnce() -> R) -> R {
        body()
    }

    #[cfg(target_arch = "wasm32")]
    #[inline(always)]
    fn mul_add(x: F32x4, factor: F32x4, addend: F32x4) -> F32x4 {
        F32x4(arch::f32x4_relaxed_madd(x.0, factor.0, addend.0))
    }

    #[cfg(not(target_arch = "wasm32"))]
    #[inline(always)]
    fn mul_add(x: F32x4, factor: F32x4, addend: F32x4) -> F32x4 {
        F32x4(core::array::from_fn(|i| x.0[i].mul_add(factor.0[i], addend.0[i])))
    }
}

/// One bit for each of 64 bytes from `at` on, which are 0 or 1, the first the lowest; none where there are not so many.
#[cfg(target_arch = "wasm32")]
#[inline(always)]
pub fn bits_of(bytes: &[u8], at: usize) -> u64 {
    let mut bits = 0;
    if at < bytes.len() && bytes.len() - at >= 64 {
        let mut part = 64;
        while part > 0 {
            part -= 16;
            // SAFETY: 64 bytes from `at` on are there, and v128 loads need no alignment.
            let cells = unsafe { arch::v128_load(bytes.as_ptr().add(at + part).cast()) };
            bits = bits << 16 | u64::from(arch::i8x16_bitmask(arch::i8x16_neg(cells)));
        }
    }
    bits
}

/// One bit for each of 64 bytes from `at` on, which are 0 or 1, the first the lowest; none where there are not so many. The product moves byte j of every eight to bit 56 + j, and
/// no two others to one place.
#[cfg(not(target_arch = "wasm32"))]
pub fn bits_of(bytes: &[u8], at: usize) -> u64 {
    let mut bits = 0;
    for eight in bytes.get(at..at + 64).unwrap_or(&[]).as_chunks::<8>().0.iter().rev() {
        bits = bits << 8 | u64::from_le_bytes(*eight).wrapping_mul(0x0102_0408_1020_4080) >> 56;
    }
    bits
}

impl F32x4 {
    /// Four numbers from `at` on; zeros where there are not so many. No slice is taken: in a page compiled for size that is a call, often into another piece of
    /// the program.
    #[inline(always)]
    pub fn at(x: &[f32], at: usize) -> Self {
        if at < x.len() && x.len() - at >= 4 {
            // SAFETY: four numbers from `at` on are in `x`.
            Self::load(unsafe { &*x.as_ptr().add(at).cast() })
        } else {
            Self::splat(0.0)
        }
    }

    /// Four numbers to `at` and behind it; nothing where there is no room for all. See [`F32x4::at`].
    #[inline(always)]
    pub fn put(self, x: &mut [f32], at: usize) {
        if at < x.len() && x.len() - at >= 4 {
            // SAFETY: four numbers from `at` on are in `x`.
            self.store(unsafe { &mut *x.as_mut_ptr().add(at).cast() });
        }
    }

    /// Sum of the lanes.
    #[inline(always)]
    pub fn sum(self) -> f32 {
        let [a, b, c, d] = self.to_array();
        (a + c) + (b + d)
    }

    /// Largest lane.
    #[inline(always)]
    pub fn largest(self) -> f32 {
        let [a, b, c, d] = self.to_array();
        let larger = |a: f32, b: f32| if a < b { b } else { a };
        larger(larger(a, c), larger(b, d))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lanes_do_what_scalars_do() {
        let (a, b) = ([1.5, -2.0, 0.0, 7.25], [0.5, 4.0, -3.0, 7.5]);
        let (x, y) = (F32x4::load(&a), F32x4::load(&b));
        let by = |f: fn(f32, f32) -> f32| [f(a[0], b[0]), f(a[1], b[1]), f(a[2], b[2]), f(a[3], b[3])];
        assert_eq!(x.add(y).to_array(), by(|a, b| a + b));
        assert_eq!(x.sub(y).to_array(), by(|a, b| a - b));
        assert_eq!(x.mul(y).to_array(), by(|a, b| a * b));
        assert_eq!(x.div(y).to_array(), by(|a, b| a / b));
        assert_eq!(x.max(y).to_array(), by(f32::max));
        assert_eq!(x.abs().to_array(), a.map(f32::abs));
        assert_eq!(Separate::mul_add(x, y, F32x4::splat(1.0)).to_array(), by(|a, b| a * b + 1.0));
        assert_eq!(Fused::mul_add(x, y, F32x4::splat(1.0)).to_array(), by(|a, b| a.mul_add(b, 1.0)));
        assert_eq!(x.zero_where_le(y, F32x4::splat(0.5)).to_array(), [0.0, -2.0, 0.0, 7.25]);
        assert_eq!(x.where_not_negative(y, F32x4::splat(9.0)).to_array(), [1.5, -2.0, 9.0, 7.25]);
        assert_eq!(x.where_bits(0b1_1101, y).to_array(), [1.5, 4.0, 0.0, 7.25]);
        assert_eq!((x.sum(), x.largest()), (6.75, 7.25));
        let mut out = [0.0; 4];
        y.store(&mut out);
        assert_eq!(out, b);
    }

    #[test]
    fn numbers_are_read_and_written_in_their_slice_only() {
        let x: Vec<f32> = (1..=6).map(|x| x as f32).collect();
        for at in [0, 1, 2, 3, 5, 6, usize::MAX - 1, usize::MAX] {
            let inside = at <= 2;
            let want: [f32; 4] = std::array::from_fn(|i| if inside { x[at + i] } else { 0.0 });
            assert_eq!(F32x4::at(&x, at).to_array(), want);
            let mut out = vec![0.0; 6];
            F32x4::splat(9.0).put(&mut out, at);
            assert!((0..6).all(|i| (out[i] == 9.0) == (inside && (at..at + 4).contains(&i))), "{at}: {out:?}");
        }
        assert_eq!(F32x4::at(&x[..3], 0).to_array(), [0.0; 4]);
    }

    #[test]
    fn every_byte_has_its_bit() {
        for seed in 0..500_u64 {
            let wanted = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ (1 << (seed % 64));
            let mut bytes = vec![1; 3];
            bytes.extend((0..64).map(|j| (wanted >> j & 1) as u8));
            assert_eq!((bits_of(&bytes, 3), bits_of(&bytes, 4)), (wanted, 0));
        }
    }

    #[test]
    fn nan_survives() {
        let nan = F32x4::splat(f32::NAN);
        let one = F32x4::splat(1.0);
        assert!(one.max(nan).to_array()[0].is_nan() && nan.max(one).to_array()[0].is_nan());
        assert_eq!(nan.positive().to_array(), [0.0; 4]);
        assert_eq!(one.zero_where_le(nan, one).to_array(), [1.0; 4]);
    }
}

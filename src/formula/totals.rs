//! Sums of single-precision numbers in double precision, for [`super::Reverse`]: every derivative of a cell passes here where those by parameters are wanted, and the page is compiled for size,
//! where a loop over single numbers takes several times as long as this.

#[cfg(target_arch = "wasm32")]
use core::arch::wasm32::{
    f64x2_add, f64x2_extract_lane, f64x2_mul, f64x2_promote_low_f32x4, f64x2_splat, i64x2_shuffle, v128_load,
    v128_store,
};

/// Numbers that go together.
#[cfg(target_arch = "wasm32")]
const FOUR: usize = 4;

/// The sum of them.
pub fn total(by: &[f32]) -> f64 {
    let (mut at, mut sum) = (0, 0.0);
    #[cfg(target_arch = "wasm32")]
    {
        let (mut low, mut high) = (f64x2_splat(0.0), f64x2_splat(0.0));
        while by.len() - at >= FOUR {
            // SAFETY: four numbers from `at` on are in `by`, and v128 loads need no alignment.
            let four = unsafe { v128_load(by.as_ptr().add(at).cast()) };
            low = f64x2_add(low, f64x2_promote_low_f32x4(four));
            high = f64x2_add(high, f64x2_promote_low_f32x4(i64x2_shuffle::<1, 0>(four, four)));
            at += FOUR;
        }
        let both = f64x2_add(low, high);
        sum += f64x2_extract_lane::<0>(both) + f64x2_extract_lane::<1>(both);
    }
    while at < by.len() {
        sum += f64::from(by[at]);
        at += 1;
    }
    sum
}

/// Adds each of them, times `factor`, to its sum. There are as many of both.
pub fn add(sums: &mut [f64], by: &[f32], factor: f64) {
    let (count, mut at) = (sums.len().min(by.len()), 0);
    #[cfg(target_arch = "wasm32")]
    {
        let factors = f64x2_splat(factor);
        while count - at >= FOUR {
            // SAFETY: four numbers from `at` on are in `by`, four sums in `sums`, and v128 loads and stores need no alignment.
            unsafe {
                let four = v128_load(by.as_ptr().add(at).cast());
                let to = sums.as_mut_ptr().add(at);
                let low = f64x2_mul(f64x2_promote_low_f32x4(four), factors);
                let high = f64x2_mul(f64x2_promote_low_f32x4(i64x2_shuffle::<1, 0>(four, four)), factors);
                v128_store(to.cast(), f64x2_add(v128_load(to.cast()), low));
                v128_store(to.add(2).cast(), f64x2_add(v128_load(to.add(2).cast()), high));
            }
            at += FOUR;
        }
    }
    while at < count {
        sums[at] += f64::from(by[at]) * factor;
        at += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_of_any_length_are_those_of_their_numbers() {
        for length in 0..70 {
            let by: Vec<f32> = (0..length).map(|i| (i as f32 * 0.7).sin()).collect();
            let mut want = 0.0;
            by.iter().for_each(|by| want += f64::from(*by));
            assert!((total(&by) - want).abs() < 1e-12, "{length}");
            let mut sums = vec![1.5; length];
            add(&mut sums, &by, -2.0);
            assert!(sums.iter().zip(&by).all(|(sum, by)| *sum == 1.5 - 2.0 * f64::from(*by)), "{length}");
        }
    }
}

//! NumPy's default generator: `Rng::new(seed).random()` is `np.random.default_rng(seed).random()`, bit for bit.
//!
//! SeedSequence spreads the seed over the state (after O'Neill's `seed_seq_fe`; numpy/random/bit_generator.pyx), PCG64 XSL-RR 128/64
//! makes the numbers (O'Neill 2014, "PCG: A Family of Simple Fast Space-Efficient Statistically Good Algorithms for Random Number
//! Generation"; numpy/random/src/pcg64).

use crate::experiment::Normals;

/// Rounded normal numbers are multiples of its inverse, 2^-16.
const GRID: f64 = 65_536.0;

const MULTIPLIER: u128 = 0x2360_ED05_1FC6_5DA4_4385_DF64_9FCC_F645;

/// A stream of pseudo-random numbers; the same seed gives the same numbers on every machine and in NumPy.
#[derive(Clone, Debug)]
pub struct Rng {
    state: u128,
    increment: u128,
    normals: Normals,
}

/// What an input draws its numbers from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seed {
    /// The seed.
    pub number: u64,
    /// The rule of normal numbers.
    pub normals: Normals,
}

impl Seed {
    /// Another stream under the same rule.
    pub(super) fn with(self, number: u64) -> Self {
        Self { number, ..self }
    }
}

impl Rng {
    /// The stream of an input, its normal numbers by the input's rule.
    pub fn of(seed: Seed) -> Self {
        Self { normals: seed.normals, ..Self::new(seed.number) }
    }

    /// `np.random.default_rng(seed)`; its normal numbers are not rounded.
    pub fn new(seed: u64) -> Self {
        let [state_high, state_low, stream_high, stream_low] = seed_sequence(seed);
        let join = |high: u64, low: u64| u128::from(high) << 64 | u128::from(low);
        let increment = join(stream_high, stream_low) << 1 | 1;
        let mut rng = Self { state: increment, increment, normals: Normals::Unrounded };
        rng.state = rng.state.wrapping_add(join(state_high, state_low));
        rng.step();
        rng
    }

    fn step(&mut self) {
        self.state = self.state.wrapping_mul(MULTIPLIER).wrapping_add(self.increment);
    }

    /// 64 random bits.
    pub fn next_u64(&mut self) -> u64 {
        self.step();
        let folded = (self.state >> 64) as u64 ^ self.state as u64;
        folded.rotate_right((self.state >> 122) as u32)
    }

    /// Uniform in `[0, 1)`, a multiple of 2^-53.
    pub fn random(&mut self) -> f64 {
        (self.next_u64() >> 11) as f64 * 2f64.powi(-53)
    }

    /// The next `count` of [`Rng::random`]: NumPy's `r.random(count)`.
    pub fn uniforms(&mut self, count: usize) -> Vec<f64> {
        (0..count).map(|_| self.random()).collect()
    }

    /// `count` pairs: NumPy's `u, v = r.random((2, count))`, all of `u` drawn before `v`.
    pub fn pairs(&mut self, count: usize) -> impl Iterator<Item = (f64, f64)> {
        let u = self.uniforms(count);
        let v = self.uniforms(count);
        u.into_iter().zip(v)
    }

    /// `count` standard normal numbers (Box and Muller 1958). In NumPy, with `r = np.random.default_rng(seed)`:
    ///
    /// ```python
    /// u, v = r.random((2, count)); np.sqrt(-2 * np.log1p(-u)) * np.cos(2 * np.pi * v)
    /// ```
    ///
    /// and, where the rule says so, `np.round(65536 * those) / 65536`.
    ///
    /// It is not NumPy's own `standard_normal`, whose ziggurat tables would be two thousand constants here. The logarithm and cosine
    /// of two libraries may differ in the last place of f64, for which the rounding is ([`Normals`]).
    pub fn normals(&mut self, count: usize) -> Vec<f64> {
        let rounded = self.normals == Normals::Rounded;
        let number = |(u, v): (f64, f64)| {
            let x = (-2.0 * (-u).ln_1p()).sqrt() * (std::f64::consts::TAU * v).cos();
            if rounded { (x * GRID).round_ties_even() / GRID } else { x }
        };
        self.pairs(count).map(number).collect()
    }
}

/// `np.random.SeedSequence(seed).generate_state(4, np.uint64)`.
fn seed_sequence(seed: u64) -> [u64; 4] {
    let (mut multiplier, mut pool) = (0x43b0_d7e5_u32, [seed as u32, (seed >> 32) as u32, 0, 0]);
    let mut hash = |mut value: u32| {
        value ^= multiplier;
        multiplier = multiplier.wrapping_mul(0x931e_8875);
        value = value.wrapping_mul(multiplier);
        value ^ value >> 16
    };
    pool = pool.map(&mut hash);
    for from in 0..4 {
        for to in (0..4).filter(|&to| to != from) {
            let mixed =
                0xca01_f9dd_u32.wrapping_mul(pool[to]).wrapping_sub(0x4973_f715_u32.wrapping_mul(hash(pool[from])));
            pool[to] = mixed ^ mixed >> 16;
        }
    }
    let mut multiplier = 0x8b51_f9dd_u32;
    let mut word = |index: usize| {
        let mut value = pool[index % 4] ^ multiplier;
        multiplier = multiplier.wrapping_mul(0x58f3_8ded);
        value = value.wrapping_mul(multiplier);
        u64::from(value ^ value >> 16)
    };
    std::array::from_fn(|i| word(2 * i) | word(2 * i + 1) << 32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_numpys_bit_for_bit() {
        // python3 -c "import numpy as np
        // for s in (0, 1, 42, 2**32, 2**64-1): print(s, np.random.default_rng(s).random(3).view('u8').tolist())"
        let numpy = [
            (0, [4_603_912_460_380_616_784, 4_598_531_665_292_211_828, 4_586_065_728_143_989_712]),
            (1, [4_602_785_298_901_836_892, 4_606_736_235_442_481_749, 4_594_361_917_715_543_564]),
            (42, [4_605_146_395_889_031_972, 4_601_577_751_028_819_070, 4_605_908_782_089_624_386]),
            (1 << 32, [4_606_189_274_122_990_978, 4_603_193_472_975_881_787, 4_605_389_158_268_645_821]),
            (u64::MAX, [4_604_300_355_341_224_170, 4_605_789_110_987_024_132, 4_575_185_194_129_829_120]),
        ];
        for (seed, expected) in numpy {
            let mut rng = Rng::new(seed);
            assert_eq!([(); 3].map(|()| rng.random().to_bits()), expected, "seed {seed}");
        }
    }

    #[test]
    fn a_thousand_numbers_are_numpys() {
        // python3 -c "import numpy as np; print(np.random.default_rng(42).random(1000).view('u8').sum())"
        let sum = Rng::new(42).uniforms(1000).iter().fold(0u64, |sum, x| sum.wrapping_add(x.to_bits()));
        assert_eq!(sum, 7_107_623_135_986_846_837);
    }

    #[test]
    fn normals_are_the_numpy_line() {
        // python3 -c "import numpy as np; r = np.random.default_rng(7); u, v = r.random((2, 6))
        // print((np.sqrt(-2*np.log1p(-u))*np.cos(2*np.pi*v)).astype('f4').tolist())"
        let numpy = [
            1.400_007_486_343_383_8,
            0.923_109_173_774_719_2,
            0.503_920_793_533_325_2,
            -0.699_917_078_018_188_5,
            -0.276_344_388_723_373_4,
            -0.361_294_865_608_215_33,
        ];
        for (ours, theirs) in Rng::new(7).normals(6).into_iter().zip(numpy) {
            let ours = f64::from(ours as f32);
            assert!((ours / theirs - 1.0).abs() <= 1e-6, "{ours} {theirs}");
        }
        // The same with 100 000 numbers: sum and sum of squares of the float32 array in float64.
        let many: Vec<f64> = Rng::new(7).normals(100_000).into_iter().map(|x| f64::from(x as f32)).collect();
        assert!((many.iter().sum::<f64>() - -482.900_884_923_416).abs() < 1e-5);
        assert!((many.iter().map(|x| x * x).sum::<f64>() / 99_029.244_694_999_04 - 1.0).abs() < 1e-9);
    }

    #[test]
    fn rounded_normals_are_numpys_bit_for_bit() {
        // python3 -c "import numpy as np
        // for s in (0, 1, 7, 12345, 2**40 | 7, 2**53 - 1):
        //   u, v = np.random.default_rng(s).random((2, 10000))
        //   x = np.round(65536 * np.sqrt(-2 * np.log1p(-u)) * np.cos(2 * np.pi * v)) / 65536
        //   print(s, (x.astype('f4').view('u4').astype('u8') * np.arange(1, 10001, dtype='u8')).sum())"
        let numpy = [
            (0, 107_694_927_064_276_160),
            (1, 105_742_647_838_338_368),
            (7, 106_343_423_249_729_024),
            (12_345, 106_179_756_632_782_208),
            (1_099_511_627_783, 106_650_462_058_614_208),
            (9_007_199_254_740_991, 107_295_442_071_143_744),
        ];
        for (number, expected) in numpy {
            let normals = Rng::of(Seed { number, normals: Normals::Rounded }).normals(10_000);
            // Each counts by its place, so that no two can be exchanged.
            let sum = normals.iter().zip(1..).fold(0_u64, |sum, (x, at)| sum + u64::from((*x as f32).to_bits()) * at);
            assert_eq!(sum, expected, "seed {number}");
        }
    }

    #[test]
    fn rounded_normals_are_near_and_exact_in_single_precision() {
        let seed = Seed { number: 7, normals: Normals::Rounded };
        for (rounded, plain) in Rng::of(seed).normals(100_000).into_iter().zip(Rng::new(7).normals(100_000)) {
            assert!((rounded - plain).abs() <= 2f64.powi(-17), "{plain} became {rounded}");
            assert_eq!((rounded * GRID).fract(), 0.0);
            assert_eq!(f64::from(rounded as f32), rounded);
        }
    }
}

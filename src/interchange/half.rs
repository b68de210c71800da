//! float16 and bfloat16 to f32, which is exact since every value of both is an f32, and back, rounded.

/// IEEE 754 binary16 (1 sign, 5 exponent, 10 fraction bits) from its bits. NaNs keep sign and payload.
pub fn f16_to_f32(bits: u16) -> f32 {
    let sign = u32::from(bits & 0x8000) << 16;
    let exponent = u32::from(bits >> 10 & 0x1f);
    let fraction = u32::from(bits & 0x3ff);
    match exponent {
        // Zero and subnormals are whole multiples of 2^-24, which f32 has as normal numbers.
        0 => f32::from_bits(sign | (fraction as f32 * f32::from_bits(0x3380_0000)).to_bits()),
        31 => f32::from_bits(sign | 0x7f80_0000 | fraction << 13),
        // Exponent bias 15 becomes 127.
        _ => f32::from_bits(sign | (exponent + 112) << 23 | fraction << 13),
    }
}

/// bfloat16 (the upper half of an f32) from its bits.
pub fn bf16_to_f32(bits: u16) -> f32 {
    f32::from_bits(u32::from(bits) << 16)
}

/// The nearest float16, ties to even, as its bits; beyond its range infinity. A NaN stays one.
pub fn f32_to_f16(x: f32) -> u16 {
    let bits = x.to_bits();
    let (sign, magnitude) = ((bits >> 16 & 0x8000) as u16, bits & 0x7fff_ffff);
    if magnitude > 0x7f80_0000 {
        return sign | 0x7e00;
    }
    // Halfway between the largest float16 and the next power of two.
    if magnitude >= 0x477f_f000 {
        return sign | 0x7c00;
    }
    if magnitude < 0x3880_0000 {
        // Subnormals are whole multiples of 2^-24: the sum with 0.5 has just that step, and rounds to it.
        return sign | (f32::from_bits(magnitude) + 0.5).to_bits() as u16;
    }
    // Exponent bias 127 becomes 15; 13 bits go.
    let rebased = magnitude - (112 << 23);
    sign | ((rebased + 0xfff + (rebased >> 13 & 1)) >> 13) as u16
}

/// The nearest bfloat16, ties to even, as its bits. A NaN stays one.
pub fn f32_to_bf16(x: f32) -> u16 {
    let bits = x.to_bits();
    if x.is_nan() {
        return (bits >> 16) as u16 | 0x40;
    }
    // Past the largest the carry makes infinity.
    ((bits + 0x7fff + (bits >> 16 & 1)) >> 16) as u16
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rounding_gives_back_every_half_and_ties_go_to_even() {
        for bits in 0..=u16::MAX {
            let (half, brain) = (f16_to_f32(bits), bf16_to_f32(bits));
            assert!(f32_to_f16(half) == bits || half.is_nan() && f16_to_f32(f32_to_f16(half)).is_nan(), "{bits:#06x}");
            assert!(f32_to_bf16(brain) == bits || brain.is_nan() && bf16_to_f32(f32_to_bf16(brain)).is_nan());
        }
        for bits in 0..0x7bff_u16 {
            // Exact in f32: the middle of two neighbours, and its own neighbours.
            let middle = (f16_to_f32(bits) + f16_to_f32(bits + 1)) / 2.0;
            let [below, above] = [-1, 1].map(|way| f32::from_bits(middle.to_bits().wrapping_add_signed(way)));
            assert_eq!(f32_to_f16(middle), bits + (bits & 1), "{bits:#06x}");
            assert_eq!((f32_to_f16(below), f32_to_f16(above)), (bits, bits + 1), "{bits:#06x}");
            assert_eq!(f32_to_f16(-middle), (bits + (bits & 1)) | 0x8000);
        }
        assert_eq!([65_519.0, 65_520.0, f32::INFINITY, -1e9].map(f32_to_f16), [0x7bff, 0x7c00, 0x7c00, 0xfc00]);
        assert_eq!([1.0, 1.003_906_2, 1.011_718_8, f32::MAX].map(f32_to_bf16), [0x3f80, 0x3f80, 0x3f82, 0x7f80]);
    }

    /// The definition, in f64: (-1)^s · 2^(e-15) · (1 + f/1024), or 2^-14 · f/1024 at e = 0.
    fn by_definition(bits: u16) -> f64 {
        let sign = if bits >> 15 == 1 { -1.0 } else { 1.0 };
        let (exponent, fraction) = (i32::from(bits >> 10 & 31), f64::from(bits & 1023) / 1024.0);
        match exponent {
            0 => sign * fraction * 2f64.powi(-14),
            31 if fraction == 0.0 => sign * f64::INFINITY,
            31 => f64::NAN,
            _ => sign * (1.0 + fraction) * 2f64.powi(exponent - 15),
        }
    }

    #[test]
    fn every_f16_has_the_value_of_its_definition() {
        let mut nans = 0;
        for bits in 0..=u16::MAX {
            let (value, expected) = (f16_to_f32(bits), by_definition(bits));
            if expected.is_nan() {
                assert!(value.is_nan(), "{bits:#06x}");
                nans += 1;
            } else {
                assert_eq!(f64::from(value), expected, "{bits:#06x}");
            }
            assert_eq!(value.is_sign_negative(), bits >> 15 == 1, "{bits:#06x}");
        }
        assert_eq!(nans, 2 * 1023);
    }

    #[test]
    fn f16_rises_with_its_bits_and_no_two_are_equal() {
        for bits in 0..0x7c00u16 {
            assert!(f16_to_f32(bits) < f16_to_f32(bits + 1), "{bits:#06x}");
            assert!(f16_to_f32(bits | 0x8000) > f16_to_f32((bits + 1) | 0x8000), "{bits:#06x}");
        }
    }

    #[test]
    fn known_values() {
        // python3 -c "import numpy as np; print(np.array([0x3c00,0xc000,0x7bff,0x0400,0x0001,0x3555,0x8000],'u2').view('f2').astype('f4').view('u4'))"
        let known = [
            (0x3c00, 1_065_353_216),
            (0xc000, 3_221_225_472),
            (0x7bff, 1_199_562_752),
            (0x0400, 947_912_704),
            (0x0001, 864_026_624),
            (0x3555, 1_051_369_472),
            (0x8000, 2_147_483_648),
        ];
        for (half, single) in known {
            assert_eq!(f16_to_f32(half).to_bits(), single, "{half:#06x}");
        }
    }

    #[test]
    fn bf16_is_the_upper_half() {
        assert_eq!(bf16_to_f32(0x3f80), 1.0);
        assert_eq!(bf16_to_f32(0xc049), -3.140_625);
        assert_eq!(bf16_to_f32(0x0001), f32::from_bits(0x0001_0000));
        assert!(bf16_to_f32(0x7fc0).is_nan() && bf16_to_f32(0xff80) == f32::NEG_INFINITY);
        for bits in 0..=u16::MAX {
            assert_eq!(bf16_to_f32(bits).to_bits() >> 16, u32::from(bits));
        }
    }
}

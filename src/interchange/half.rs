//! float16 and bfloat16 to f32. Every value of both is an f32, so both conversions are exact.

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

#[cfg(test)]
mod tests {
    use super::*;

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

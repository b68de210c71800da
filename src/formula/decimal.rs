//! Decimal numbers to the nearest f32, exactly. The standard library's parser is faster and brings tables of ten kilobytes, which every visitor would
//! download to read `0.5`.

/// Decimal exponents beyond which a number is certainly infinite or zero, its digits counted.
const EXTENT: i64 = 60;

/// The f32 nearest to a decimal such as `12`, `1.5`, `.5`, `2.` or `1e-3` (ties to even; infinite where it is too large); `None` for other text.
pub fn decimal(text: &str) -> Option<f32> {
    let (mantissa, exponent) = match text.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, whole(exponent)?),
        None => (text, 0),
    };
    let (before, after) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = before.bytes().chain(after.bytes());
    if before.len() + after.len() == 0 || !digits.clone().all(|digit| digit.is_ascii_digit()) {
        return None;
    }
    let mut value = Big::default();
    digits.clone().for_each(|digit| value.times_ten_plus(u32::from(digit - b'0')));
    let exponent = exponent - after.len() as i64;
    // 0.1 ≤ number / 10^magnitude < 1.
    let magnitude = exponent + digits.skip_while(|&digit| digit == b'0').count() as i64;
    if value.0.is_empty() || magnitude < -EXTENT {
        return Some(0.0);
    }
    if magnitude > EXTENT {
        return Some(f32::INFINITY);
    }
    for _ in 0..exponent {
        value.times_ten_plus(0);
    }
    // For negative exponents: enough bits before the division that the quotient has more than an f32 holds.
    let shift = if exponent < 0 { (-exponent as usize * 4 + 64).div_ceil(32) } else { 0 };
    value.0.splice(0..0, std::iter::repeat_n(0, shift));
    let mut inexact = false;
    for _ in exponent..0 {
        inexact |= value.over_ten() != 0;
    }
    Some(value.rounded(-32 * shift as i64, inexact))
}

/// A decimal exponent; what does not fit is as good as the largest.
fn whole(text: &str) -> Option<i64> {
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    if digits.is_empty() || !digits.bytes().all(|digit| digit.is_ascii_digit()) {
        return None;
    }
    let size = digits.bytes().fold(0, |size, digit| (size * 10 + i64::from(digit - b'0')).min(1 << 32));
    Some(if text.starts_with('-') { -size } else { size })
}

/// A whole number, least significant part first, no zero part at the end.
#[derive(Default)]
struct Big(Vec<u32>);

impl Big {
    fn times_ten_plus(&mut self, digit: u32) {
        let mut carry = u64::from(digit);
        for part in &mut self.0 {
            carry += u64::from(*part) * 10;
            *part = carry as u32;
            carry >>= 32;
        }
        if carry > 0 {
            self.0.push(carry as u32);
        }
    }

    /// Divides by ten and returns the remainder.
    fn over_ten(&mut self) -> u64 {
        let mut rest = 0;
        for part in self.0.iter_mut().rev() {
            rest = rest << 32 | u64::from(*part);
            *part = (rest / 10) as u32;
            rest %= 10;
        }
        while self.0.last() == Some(&0) {
            self.0.pop();
        }
        rest
    }

    fn bit(&self, at: i64) -> bool {
        self.0.get((at / 32) as usize).is_some_and(|part| at >= 0 && part >> (at % 32) & 1 == 1)
    }

    /// The f32 nearest to `self · 2^scale`, and a little more where `inexact`.
    fn rounded(&self, scale: i64, inexact: bool) -> f32 {
        let Some(top) = self.0.last() else { return 0.0 };
        let bits = self.0.len() as i64 * 32 - i64::from(top.leading_zeros());
        // 24 bits, fewer below 2^-126.
        let places = (bits + scale + 149).min(24);
        if places < 0 {
            return 0.0;
        }
        let cut = bits - places;
        let kept = (cut..bits).rev().fold(0_u32, |kept, at| kept << 1 | u32::from(self.bit(at)));
        let more = inexact || (0..cut - 1).any(|at| self.bit(at));
        let up = self.bit(cut - 1) && (more || kept & 1 == 1);
        // Both factors are exact in f64, and so is their product in f32 or it is infinite.
        (f64::from(kept + u32::from(up)) * 2_f64.powi((cut + scale) as i32)) as f32
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn edges() {
        for text in [
            "0",
            "0.0",
            "1",
            "2.",
            ".5",
            "1e-3",
            "16777217",
            "16777219",
            "3.4028235e38",
            "3.40282356e38",
            "3.4028236e38",
            "1e39",
            "1e400",
            "1.1754944e-38",
            "1e-45",
            "7e-46",
            "7.006492321624085e-46",
            "7.1e-46",
            "1e-46",
            "1e-400",
            "0e999999999999",
            "1e99999999999999999999",
            "0.1",
            "0.30000000000000004",
            "8388608.5",
            "8388609.5",
            "123456789012345678901234567890",
        ] {
            assert_eq!(decimal(text).map(f32::to_bits), text.parse::<f32>().ok().map(f32::to_bits), "{text}");
        }
        for text in ["", ".", "e5", "1e", "1e+", "1.2.3", "1f", "-1", "inf", "nan", " 1", "1_0"] {
            assert_eq!(decimal(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn as_the_standard_library(text in r"[0-9]{0,25}\.[0-9]{1,25}(e[+-]?[0-9]{1,2})?") {
            prop_assert_eq!(decimal(&text).map(f32::to_bits), text.parse::<f32>().ok().map(f32::to_bits));
        }

        #[test]
        fn ties(bits in 0..0x7f7f_ffff_u32) {
            // Exactly between two neighbours.
            let middle = (f64::from(f32::from_bits(bits)) + f64::from(f32::from_bits(bits + 1))) / 2.0;
            let text = format!("{middle:.200}");
            prop_assert_eq!(decimal(&text).map(f32::to_bits), text.parse::<f32>().ok().map(f32::to_bits));
        }
    }
}

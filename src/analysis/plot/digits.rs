//! Numbers as charts write them: short, with a minus sign as wide as a plus.

/// A value to be read: three significant digits, every digit of whole numbers below a thousand million.
pub fn read(x: f64) -> String {
    if !x.is_finite() {
        let name = if x.is_nan() { "NaN" } else { "∞" };
        return signed(x < 0.0, name);
    }
    let size = x.abs();
    if size == 0.0 || (x.fract() == 0.0 && size < 1e9) {
        return signed(x < 0.0, &format!("{size}"));
    }
    if !(1e-3..1e9).contains(&size) {
        return power(x, 2);
    }
    let decimals = (2 - size.log10().floor() as i32).max(0) as usize;
    signed(x < 0.0, trimmed(&format!("{size:.decimals$}")))
}

/// A round value beside an axis.
pub fn tick(x: f64) -> String {
    let size = x.abs();
    if size != 0.0 && !(1e-3..1e6).contains(&size) {
        return power(x, 2);
    }
    // Nine decimals take the noise of binary fractions off.
    signed(x < 0.0 && size > 0.0, trimmed(&format!("{size:.9}")))
}

/// With an exponent: `1.5e−7`.
fn power(x: f64, digits: usize) -> String {
    let text = format!("{:.digits$e}", x.abs());
    let (number, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    signed(x < 0.0, &format!("{}e{}", trimmed(number), exponent.replace('-', "−")))
}

fn trimmed(text: &str) -> &str {
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { text }
}

fn signed(negative: bool, text: &str) -> String {
    if negative { format!("−{text}") } else { text.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_read_to_three_digits() {
        let cases = [
            (0.0, "0"),
            (-0.0, "0"),
            (-4.0, "−4"),
            (-3.999_999_8, "−4"),
            (16_384.0, "16384"),
            (0.123_456, "0.123"),
            (1.0 / 3.0, "0.333"),
            (12.345, "12.3"),
            (1_234.5, "1234"),
            (1.5e-7, "1.5e−7"),
            (-2.5e12, "−2.5e12"),
            (f64::NAN, "NaN"),
            (f64::NEG_INFINITY, "−∞"),
        ];
        for (x, text) in cases {
            assert_eq!(read(x), text);
        }
    }

    #[test]
    fn ticks_have_no_noise() {
        let cases =
            [(0.1 + 0.2, "0.3"), (65_536.0, "65536"), (1e6, "1e6"), (-0.5, "−0.5"), (1e-5, "1e−5"), (-0.0, "0")];
        for (x, text) in cases {
            assert_eq!(tick(x), text);
        }
    }
}

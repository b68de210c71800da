//! The range of a slider, and how its numbers are written.

use super::{exponential, fixed, plain};

/// The range of a slider.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Span {
    /// Smallest value.
    pub min: f64,
    /// Largest value of the track.
    pub max: f64,
    /// Largest value that may be typed.
    pub hard_max: f64,
    /// Distance of neighbouring values.
    pub step: f64,
    /// Equal ways on the track are equal ratios; `min` must be above 0 and `step` counts decades.
    pub log: bool,
}

impl Span {
    /// A range with equal steps.
    pub fn new(min: f64, max: f64, step: f64) -> Self {
        Self { min, max, hard_max: max, step, log: false }
    }

    /// Whole numbers.
    pub fn whole(min: usize, max: usize) -> Self {
        Self::new(min as f64, max as f64, 1.0)
    }

    /// Equal ratios between `min` and `max`, fifty steps a decade.
    pub fn log(min: f64, max: f64) -> Self {
        Self { min, max, hard_max: max, step: 0.02, log: true }
    }

    /// Allows larger numbers to be typed.
    #[must_use]
    pub fn up_to(mut self, hard_max: f64) -> Self {
        self.hard_max = hard_max;
        self
    }

    /// Where `value` stands on the track.
    pub fn track(&self, value: f64) -> f64 {
        if self.log { value.max(f64::MIN_POSITIVE).log10() } else { value }
    }

    /// The value at a place on the track; of ratios, three digits.
    pub fn value(&self, track: f64) -> f64 {
        if !self.log {
            return track;
        }
        let value = 10_f64.powf(track);
        let unit = 10_f64.powf(value.log10().floor() - 2.0);
        tidy((value / unit).round() * unit)
    }

    /// A typed number, brought into the range; whole where the steps are.
    pub fn typed(&self, value: f64) -> f64 {
        let whole = !self.log && self.step.fract() == 0.0 && self.min.fract() == 0.0;
        let value = if whole { value.round() } else { value };
        value.max(self.min).min(self.hard_max.max(self.min))
    }
}

/// Takes the noise of binary fractions off: `0.30000000000000004` is 0.3.
fn tidy(x: f64) -> f64 {
    (x * 1e9).round() / 1e9
}

/// A number as people write it: at most five significant digits after a fraction, never an exponent for what fits.
pub fn number(x: f64) -> String {
    if !x.is_finite() {
        return plain(x);
    }
    if x != 0.0 && !(1e-4..1e9).contains(&x.abs()) {
        return exponential(x, 3);
    }
    let digits = (4 - x.abs().max(1e-9).log10().floor() as i32).clamp(0, 8) as u8;
    let text = fixed(x, digits);
    let text = if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { &text };
    if text == "-0" { "0".to_owned() } else { text.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_short() {
        let cases = [
            (0.0, "0"),
            (-0.0, "0"),
            (9.0, "9"),
            (0.1 + 0.2, "0.3"),
            (-1.25, "-1.25"),
            (10_000.0, "10000"),
            (123_456.7, "123457"),
        ];
        for (x, text) in cases {
            assert_eq!(number(x), text);
        }
        assert_eq!(number(0.000_012_34), "1.234e-5");
    }

    #[test]
    fn a_track_of_ratios_meets_its_ends_and_one() {
        let span = Span::log(0.1, 10.0);
        for value in [0.1, 0.5, 1.0, 2.0, 10.0] {
            assert!((span.value(span.track(value)) - value).abs() < 1e-9, "{value}");
        }
    }

    #[test]
    fn typed_numbers_stay_in_range() {
        let span = Span::whole(1, 64).up_to(4096.0);
        assert_eq!(span.typed(900.4), 900.0);
        assert_eq!(span.typed(-3.0), 1.0);
        assert_eq!(span.typed(1e9), 4096.0);
        assert_eq!(Span::new(0.0, 1.0, 0.05).typed(0.512), 0.512);
    }
}

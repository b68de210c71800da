//! Measures of one query's weights.

/// What is asked of a row.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Settings {
    /// How many of the largest weights are added.
    pub top: usize,
    /// How many keys at the beginning count as the sink.
    pub sinks: usize,
    /// Shares below it are small.
    pub small: f64,
    /// The part of a row's sum that the fewest keys are to hold.
    pub part: f64,
}

impl Default for Settings {
    fn default() -> Self {
        Self { top: 5, sinks: 1, small: 0.01, part: 0.9 }
    }
}

/// Weights are of single precision: a sum that lacks no more than this of what is wanted has it.
const SLACK: f64 = 1e-6;

/// What a row of weights is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Row {
    /// It has weights.
    Weighs(Measures),
    /// No key is allowed, or all weights are 0.
    Nothing,
    /// A weight is infinite, or the row could not be computed.
    NotNumbers,
}

impl Row {
    /// What was measured.
    pub fn measures(&self) -> Option<&Measures> {
        match self {
            Self::Weighs(measures) => Some(measures),
            Self::Nothing | Self::NotNumbers => None,
        }
    }
}

/// Measures of a row that has weights.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Measures {
    /// Keys that the mask allows.
    pub allowed: usize,
    /// Sum of the weights' magnitudes.
    pub sum: f64,
    /// `−Σ p ln p`, nats.
    pub entropy: f64,
    /// The entropy as a share of `ln` of the allowed keys, which equal weights have. Nothing where one key is allowed: there is no other way to attend.
    pub evenness: Option<f64>,
    /// `e^entropy`: so many keys of equal weight have the same entropy.
    pub span: f64,
    /// `Σ p |q_pos − k|`, tokens.
    pub distance: f64,
    /// Sum of the largest shares; of equal ones it makes no difference which are taken.
    pub top: f64,
    /// Sum of the first keys' shares.
    pub sink: f64,
    /// The fewest keys that together hold the wanted part of the sum.
    pub keys: usize,
    /// Share of the allowed keys whose share is small.
    pub small: f64,
}

/// Measures rows; what it needs for that is kept from one to the next.
#[derive(Clone, Debug, Default)]
pub struct Ruler {
    settings: Settings,
    sorted: Vec<f32>,
}

impl Ruler {
    /// With these settings.
    pub fn new(settings: Settings) -> Self {
        Self { settings, sorted: Vec::new() }
    }

    /// Measures the weights of the query at the position `at` (`q_pos`), key by key; NaN for keys that the mask forbids. `broken` says that the run gave no
    /// numbers for this row, which pictures can't tell from a mask.
    pub fn measure(&mut self, weights: &[f32], at: i64, broken: bool) -> Row {
        if broken || weights.iter().any(|w| w.is_infinite()) {
            return Row::NotNumbers;
        }
        let allowed = weights.iter().filter(|w| !w.is_nan()).count();
        // Not the magnitudes of what is forbidden.
        let shares = || weights.iter().enumerate().filter(|(_, w)| **w != 0.0 && !w.is_nan());
        let sum: f64 = shares().map(|(_, w)| f64::from(w.abs())).sum();
        if sum == 0.0 {
            return Row::Nothing;
        }
        let Settings { top, sinks, small, part } = self.settings;
        let (mut entropy, mut distance, mut sink, mut held) = (0.0, 0.0, 0.0, 0);
        self.sorted.clear();
        for (k, w) in shares() {
            let p = f64::from(w.abs()) / sum;
            entropy -= p * p.ln();
            distance += p * at.abs_diff(k as i64) as f64;
            if k < sinks {
                sink += p;
            }
            held += usize::from(p >= small);
            self.sorted.push(w.abs());
        }
        // −0 of one key that has all, and what rounding leaves below.
        let entropy = f64::max(entropy, 0.0);
        self.sorted.sort_unstable_by(|a, b| b.total_cmp(a));
        let (mut so_far, mut keys) = (0.0, 0);
        let wanted = part * sum * (1.0 - SLACK);
        for w in &self.sorted {
            if so_far >= wanted {
                break;
            }
            so_far += f64::from(*w);
            keys += 1;
        }
        let largest: f64 = self.sorted.iter().take(top).map(|w| f64::from(*w)).sum();
        Row::Weighs(Measures {
            allowed,
            sum,
            entropy,
            evenness: (allowed > 1).then(|| (entropy / (allowed as f64).ln()).min(1.0)),
            span: entropy.exp(),
            distance,
            top: (largest / sum).min(1.0),
            sink: sink.min(1.0),
            keys,
            // Of a threshold of 0 nothing is below.
            small: if small <= 0.0 { 0.0 } else { (allowed - held.min(allowed)) as f64 / allowed as f64 },
        })
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
mod tests {
    use super::*;

    const NO: f32 = f32::NAN;

    fn of(weights: &[f32], at: i64) -> Row {
        Ruler::new(Settings::default()).measure(weights, at, false)
    }

    fn close(a: f64, b: f64) -> bool {
        (a - b).abs() < 1e-12
    }

    #[test]
    fn equal_weights_have_all_the_entropy_that_there_is() {
        let row = of(&[0.25, 0.25, 0.25, 0.25, NO, NO], 3);
        let m = row.measures().unwrap();
        assert!(close(m.entropy, 4.0_f64.ln()) && close(m.evenness.unwrap(), 1.0) && close(m.span, 4.0));
        // Distances 3, 2, 1, 0.
        assert!(close(m.distance, 1.5) && close(m.sink, 0.25) && close(m.top, 1.0));
        assert_eq!((m.allowed, m.keys, m.small), (4, 4, 0.0));
    }

    #[test]
    fn a_row_that_looks_at_one_key_has_none() {
        let row = of(&[0.0, 1.0, 0.0], 2);
        let m = row.measures().unwrap();
        assert_eq!((m.entropy, m.evenness, m.span, m.keys), (0.0, Some(0.0), 1.0, 1));
        assert!(close(m.small, 2.0 / 3.0) && m.distance == 1.0 && m.sink == 0.0);
        assert_eq!(of(&[NO, 1.0], 1).measures().unwrap().evenness, None);
    }

    #[test]
    fn rows_without_shares_are_named() {
        assert_eq!((of(&[NO, NO], 0), of(&[0.0, NO], 0), of(&[], 0)), (Row::Nothing, Row::Nothing, Row::Nothing));
        assert_eq!(of(&[0.5, f32::INFINITY], 0), Row::NotNumbers);
        assert_eq!(Ruler::default().measure(&[NO, NO], 0, true), Row::NotNumbers);
    }

    #[test]
    fn ties_at_the_end_of_the_largest_make_no_difference() {
        let settings = Settings { top: 2, sinks: 2, small: 0.15, part: 0.5 };
        let found = |weights: &[f32]| *Ruler::new(settings).measure(weights, 0, false).measures().unwrap();
        let (a, b) = (found(&[0.4, 0.2, 0.2, 0.2]), found(&[0.2, 0.2, 0.2, 0.4]));
        assert!((a.top - 0.6).abs() < 1e-7 && (b.top - 0.6).abs() < 1e-7);
        assert_eq!((a.keys, b.keys, a.small), (2, 2, 0.0));
        assert!((a.sink - 0.6).abs() < 1e-7 && (b.sink - 0.4).abs() < 1e-7);
    }

    #[test]
    fn ten_equal_weights_need_nine_for_nine_tenths() {
        // Nine times the single-precision number next to a tenth may lie on either side of nine tenths.
        assert_eq!(of(&[0.1; 10], 0).measures().unwrap().keys, 9);
    }

    #[test]
    fn weights_that_do_not_sum_to_one_count_by_their_magnitudes() {
        let (a, b) = (of(&[0.3, -0.1, 0.2], 2), of(&[3.0, 1.0, 2.0], 2));
        let (a, b) = (a.measures().unwrap(), b.measures().unwrap());
        assert!((a.entropy - b.entropy).abs() < 1e-7 && (a.distance - b.distance).abs() < 1e-7);
        assert!(close(b.sum, 6.0) && (a.sum - 0.6).abs() < 1e-7);
    }
}

//! Intervals by drawing samples again with replacement (Efron 1979): the middle 95 of 100 of what the statistic then is.

use super::rank::{median, of_sorted};
use crate::attention::inputs::Rng;

/// How often samples are drawn again.
pub const RESAMPLES: usize = 1000;
/// Shares of the resampled statistics below the two ends.
const ENDS: [f64; 2] = [0.025, 0.975];

/// Where a number lies in 95 of 100 cases.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Interval {
    /// The lower end.
    pub low: f64,
    /// The upper end.
    pub high: f64,
}

impl Interval {
    /// Whether a number lies in it.
    pub fn holds(&self, x: f64) -> bool {
        (self.low..=self.high).contains(&x)
    }
}

/// A sample out of `samples`, any of them as likely: `samples[floor(u · length)]` of the next uniform `u`.
pub(super) fn draw<'a, T>(rng: &mut Rng, samples: &'a [T]) -> Option<&'a T> {
    samples.get((rng.random() * samples.len() as f64) as usize)
}

/// The median of samples drawn again, as many as there are.
pub(super) fn drawn_median(rng: &mut Rng, samples: &[f64]) -> Option<f64> {
    let again: Vec<f64> = (0..samples.len()).filter_map(|_| draw(rng, samples).copied()).collect();
    median(&again)
}

/// The middle 95 of 100 of [`RESAMPLES`] numbers; nothing where one can't be told.
pub(super) fn interval(mut one: impl FnMut() -> Option<f64>) -> Option<Interval> {
    let mut all = (0..RESAMPLES).map(|_| one().filter(|x| !x.is_nan())).collect::<Option<Vec<f64>>>()?;
    all.sort_by(f64::total_cmp);
    let [low, high] = ENDS.map(|share| of_sorted(&all, share));
    Some(Interval { low, high })
}

/// The interval of the median. Nothing of fewer than two samples, which say nothing of their spread.
pub fn of_median(samples: &[f64], seed: u64) -> Option<Interval> {
    if samples.len() < 2 {
        return None;
    }
    let mut rng = Rng::new(seed);
    interval(|| drawn_median(&mut rng, samples))
}

/// The ratio of the medians of two independent lists, and its interval; in each turn those of `over` are drawn first. Nothing where a list is empty or the
/// second median is 0; no interval where one of them has fewer than two samples.
pub fn of_ratio(over: &[f64], under: &[f64], seed: u64) -> Option<(f64, Option<Interval>)> {
    let quotient = |over: f64, under: f64| (under != 0.0).then(|| over / under);
    let ratio = quotient(median(over)?, median(under)?)?;
    if over.len().min(under.len()) < 2 {
        return Some((ratio, None));
    }
    let mut rng = Rng::new(seed);
    let again = || {
        let drawn = drawn_median(&mut rng, over)?;
        quotient(drawn, drawn_median(&mut rng, under)?)
    };
    Some((ratio, interval(again)))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
mod tests {
    use super::*;

    #[test]
    fn samples_that_are_alike_have_an_interval_of_no_width() {
        assert_eq!(of_median(&[2.0; 5], 3), Some(Interval { low: 2.0, high: 2.0 }));
        assert_eq!(of_ratio(&[6.0; 4], &[2.0; 3], 3), Some((3.0, Some(Interval { low: 3.0, high: 3.0 }))));
    }

    #[test]
    fn the_same_seed_gives_the_same_interval() {
        let samples = [1.0, 4.0, 2.0, 8.0, 5.0, 7.0];
        assert_eq!(of_median(&samples, 7), of_median(&samples, 7));
        let interval = of_median(&samples, 7).unwrap();
        assert!(interval.low < 4.5 && 4.5 < interval.high && interval.holds(4.5));
    }

    #[test]
    fn what_has_no_spread_to_know_has_no_interval() {
        assert_eq!((of_median(&[1.0], 0), of_median(&[], 0)), (None, None));
        assert_eq!(of_ratio(&[4.0], &[2.0, 2.0], 0), Some((2.0, None)));
        assert_eq!((of_ratio(&[1.0], &[0.0], 0), of_ratio(&[], &[1.0], 0)), (None, None));
    }
}

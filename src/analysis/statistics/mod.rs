//! Statistics of measured times: how long something takes, how sure that is, how it grows.
//!
//! Times of computations lean to one side: nothing makes one faster than it is, many things make it slower. So everything here goes by ranks (medians,
//! quantiles, medians of slopes), which a few disturbed runs do not move, and intervals are bootstrapped, which assumes no shape.
//! Nothing is dropped: a sample that is far off is marked and counts.
//!
//! | file | what it holds |
//! |---|---|
//! | `rank` | median, quantiles, deviation from the median, samples that are far off |
//! | `bootstrap` | intervals by drawing samples again |
//! | `correlation` | whether two lists rise together, by ranks |
//! | `fit` | the exponent of a power law, and its interval |

mod bootstrap;
mod correlation;
mod fit;
mod rank;

pub use bootstrap::{Interval, RESAMPLES, of_median, of_ratio};
pub use correlation::rank_correlation;
pub use fit::{Fit, exponent, power_law};
pub use rank::{FAR, deviation, far_off, median, quantile};

/// What is known of a time from its samples.
#[derive(Clone, Debug, PartialEq)]
pub struct Summary {
    /// The samples, in the order in which they were taken.
    pub samples: Vec<f64>,
    /// The middle one.
    pub median: f64,
    /// Where the median lies in 95 of 100 cases; nothing where there is one sample only.
    pub interval: Option<Interval>,
    /// Which samples are [`far_off`].
    pub far: Vec<bool>,
}

impl Summary {
    /// Of samples that a clock of steps of `step` took; nothing of none, and nothing where one is not a number. `seed` draws the interval.
    pub fn of(samples: &[f64], step: f64, seed: u64) -> Option<Self> {
        let median = median(samples)?;
        Some(Self {
            samples: samples.to_vec(),
            median,
            interval: of_median(samples, seed),
            far: far_off(samples, step)?,
        })
    }

    /// How many samples are far off.
    pub fn far_count(&self) -> usize {
        self.far.iter().filter(|&&far| far).count()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
mod tests {
    use super::*;

    #[test]
    fn a_disturbed_run_is_marked_and_moves_nothing() {
        let all = Summary::of(&[5.0, 5.1, 4.9, 50.0, 5.0], 0.1, 1).unwrap();
        assert_eq!((all.median, all.far_count(), all.far[3]), (5.0, 1, true));
        assert_eq!(all.samples.len(), 5);
        assert!(all.interval.unwrap().holds(5.0));
    }

    #[test]
    fn one_sample_has_no_interval_and_none_has_nothing() {
        let one = Summary::of(&[3.0], 0.1, 1).unwrap();
        assert_eq!((one.median, one.interval, one.far), (3.0, None, vec![false]));
        assert!(Summary::of(&[], 0.1, 1).is_none() && Summary::of(&[1.0, f64::NAN], 0.1, 1).is_none());
    }
}

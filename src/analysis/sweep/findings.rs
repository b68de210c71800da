//! What follows from a sweep: how a line grows, which of two is faster, what more workers bring.

use super::course::{Cell, State, Sweep};
use crate::analysis::statistics::{Fit, Interval, median, of_ratio, power_law};

/// Fewest places that a law is fitted through: through two there is always one.
const FEWEST_PLACES: usize = 3;

/// One line's time over another's at a place.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Against {
    /// Which place.
    pub place: usize,
    /// The one's time over the other's.
    pub ratio: f64,
    /// Where it lies in 95 of 100 cases.
    pub interval: Option<Interval>,
    /// Which is faster.
    pub verdict: Verdict,
}

/// Which of two is faster, where the whole interval of their ratio says so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The one.
    Faster,
    /// The other.
    Slower,
    /// It can't be told.
    Open,
}

impl Sweep {
    fn samples(&self, line: usize, place: usize) -> Option<&[f64]> {
        match self.state(Cell { line, place })? {
            State::Sampled { samples, .. } if !samples.is_empty() => Some(samples),
            _ => None,
        }
    }

    /// The median of a cell's samples.
    pub(super) fn median(&self, line: usize, place: usize) -> Option<f64> {
        median(self.samples(line, place)?)
    }

    /// The power law through a line's medians over the places of the axis; nothing of fewer than three places.
    pub fn law(&self, line: usize) -> Option<Fit> {
        let at = |(place, &x): (usize, &f64)| Some((x, self.samples(line, place)?));
        let measured: Vec<(f64, &[f64])> = self.places().iter().enumerate().filter_map(at).collect();
        if measured.len() < FEWEST_PLACES {
            return None;
        }
        power_law(&measured, self.seed_of(Cell { line, place: 0 }))
    }

    /// One line's times over another's, at every place where both have some.
    pub fn against(&self, line: usize, other: usize) -> Vec<Against> {
        let at = |place| {
            let (over, under) = (self.samples(line, place)?, self.samples(other, place)?);
            let (ratio, interval) = of_ratio(over, under, self.seed_of(Cell { line, place }))?;
            let verdict = match interval {
                Some(Interval { high, .. }) if high < 1.0 => Verdict::Faster,
                Some(Interval { low, .. }) if low > 1.0 => Verdict::Slower,
                _ => Verdict::Open,
            };
            Some(Against { place, ratio, interval, verdict })
        };
        (0..self.places().len()).filter_map(at).collect()
    }

    /// How many times as fast a line is at each place as at its first one, with the interval: places, and speed-ups.
    pub fn speed_up(&self, line: usize) -> Vec<(usize, f64, Option<Interval>)> {
        let mut measured = (0..self.places().len()).filter_map(|place| Some((place, self.samples(line, place)?)));
        let Some((first, base)) = measured.next() else { return Vec::new() };
        let others = measured.filter_map(|(place, samples)| {
            let (ratio, interval) = of_ratio(base, samples, self.seed_of(Cell { line, place }))?;
            Some((place, ratio, interval))
        });
        let alone = Interval { low: 1.0, high: 1.0 };
        std::iter::once((first, 1.0, Some(alone))).chain(others).collect()
    }
}

//! How a time grows: the exponent of the power law through it.

use super::bootstrap::{Interval, draw, drawn_median, interval};
use super::rank::median;
use crate::attention::inputs::Rng;

/// A power law `factor · x^exponent`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Fit {
    /// The exponent.
    pub exponent: f64,
    /// Where it lies in 95 of 100 cases; nothing where there are samples of one kind only.
    pub interval: Option<Interval>,
    /// What the law is at 1.
    pub factor: f64,
}

impl Fit {
    /// The law at `x`.
    pub fn at(&self, x: f64) -> f64 {
        self.factor * x.powf(self.exponent)
    }
}

/// The median of the slopes between any two points on log axes (Theil 1950, Sen 1968), points of one place left out: up to 29 of 100 points may be
/// anywhere. Nothing where no two points differ in place, or one is not above 0.
pub fn exponent(points: &[(f64, f64)]) -> Option<f64> {
    let logs = logs(points)?;
    let slope = |(i, &(x, y)): (usize, &(f64, f64))| {
        logs[i + 1..].iter().filter(move |to| to.0 != x).map(move |to| (to.1 - y) / (to.0 - x)).collect::<Vec<f64>>()
    };
    median(&logs.iter().enumerate().flat_map(slope).collect::<Vec<f64>>())
}

fn logs(points: &[(f64, f64)]) -> Option<Vec<(f64, f64)>> {
    let log = |&(x, y): &(f64, f64)| {
        let usable = |x: f64| x > 0.0 && x.is_finite();
        (usable(x) && usable(y)).then(|| (x.ln(), y.ln()))
    };
    points.iter().map(log).collect()
}

/// The power law through the medians of samples taken at several places, `(x, samples)`, and the interval of its exponent.
///
/// The interval draws twice: in each turn as many places as there are, and at each of them as many samples as it has. So it is wide where the samples spread, and
/// where the exponent depends on which places were measured because there is no one law. A draw in which all places are the same says nothing of slopes
/// and is drawn again.
///
/// Nothing where fewer than two places differ, or a median is not above 0.
pub fn power_law(measured: &[(f64, &[f64])], seed: u64) -> Option<Fit> {
    let points: Vec<(f64, f64)> = measured.iter().map(|(x, y)| Some((*x, median(y)?))).collect::<Option<_>>()?;
    let exponent = self::exponent(&points)?;
    let above: Vec<f64> = logs(&points)?.into_iter().map(|(x, y)| y - exponent * x).collect();
    let factor = median(&above)?.exp();
    let mut rng = Rng::new(seed);
    let drawn = || loop {
        let places: Vec<&(f64, &[f64])> = measured.iter().filter_map(|_| draw(&mut rng, measured)).collect();
        let first = places.first()?.0;
        if places.iter().any(|place| place.0 != first) {
            let again: Vec<(f64, f64)> =
                places.iter().map(|(x, y)| Some((*x, drawn_median(&mut rng, y)?))).collect::<Option<_>>()?;
            return self::exponent(&again);
        }
    };
    // With two places and one sample each every draw is the same line.
    let varied = points.len() > 2 || measured.iter().any(|(_, samples)| samples.len() > 1);
    Some(Fit { exponent, interval: if varied { interval(drawn) } else { None }, factor })
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
mod tests {
    use super::*;

    /// `3 x^2` at powers of two, each with samples up to a tenth off.
    fn square(places: u32) -> Vec<(f64, Vec<f64>)> {
        let at = |i: u32| {
            let x = f64::from(1 << (4 + i));
            (x, [1.0, 0.95, 1.1, 1.0, 1.02].map(|off| 3.0 * x * x * off).to_vec())
        };
        (0..places).map(at).collect()
    }

    fn fitted(measured: &[(f64, Vec<f64>)]) -> Option<Fit> {
        power_law(&measured.iter().map(|(x, y)| (*x, y.as_slice())).collect::<Vec<_>>(), 5)
    }

    #[test]
    fn a_square_has_the_exponent_two() {
        let fit = fitted(&square(5)).unwrap();
        assert!((fit.exponent - 2.0).abs() < 1e-12 && (fit.factor - 3.0).abs() < 1e-9);
        assert!((fit.at(64.0) / (3.0 * 4096.0) - 1.0).abs() < 1e-9);
        let interval = fit.interval.unwrap();
        assert!(interval.holds(2.0) && interval.high - interval.low < 0.3, "{interval:?}");
    }

    #[test]
    fn a_size_that_was_disturbed_does_not_bend_the_law() {
        let mut measured = square(7);
        measured[3].1.iter_mut().for_each(|y| *y *= 20.0);
        assert!((fitted(&measured).unwrap().exponent - 2.0).abs() < 0.3);
    }

    #[test]
    fn what_is_no_line_has_no_exponent() {
        assert!(fitted(&square(1)).is_none() && fitted(&[]).is_none());
        let same = vec![(8.0, vec![1.0, 2.0]), (8.0, vec![3.0])];
        assert!(fitted(&same).is_none());
        assert!(fitted(&[(8.0, vec![0.0]), (16.0, vec![1.0])]).is_none());
        let two = fitted(&[(8.0, vec![1.0]), (16.0, vec![2.0])]).unwrap();
        assert!((two.exponent - 1.0).abs() < 1e-12 && two.interval.is_none());
    }
}

//! What claims about time share: the times of a line, the law that they follow, their points in a chart.

use super::super::answer::{Answers, Timed};
use crate::analysis::plot::Point;
use crate::analysis::statistics::{Fit, Interval, power_law};

const SEED: u64 = 5;

/// The times whose keys are `prefix/place`, as far as they were sampled.
pub fn line<'a>(answers: &'a Answers, prefix: &str, places: &[usize]) -> Vec<&'a Timed> {
    places.iter().filter_map(|place| answers.timed(&format!("{prefix}/{place}"))).collect()
}

/// The power law that times follow over their places.
pub fn law(times: &[&Timed]) -> Option<Fit> {
    let samples: Vec<(f64, &[f64])> = times.iter().map(|time| (time.x, time.summary.samples.as_slice())).collect();
    power_law(&samples, SEED)
}

/// Medians with their intervals.
pub fn points(times: &[&Timed]) -> Vec<Point> {
    let point = |time: &&Timed| match time.interval() {
        Some(Interval { low, high }) => Point::between(time.x, low, time.summary.median, high),
        None => Point::new(time.x, time.summary.median),
    };
    times.iter().map(point).collect()
}

/// A number of places, each twice the one before, up to `last`.
pub fn doublings(last: usize, count: u32) -> Vec<usize> {
    (0..count).rev().map(|halvings| (last >> halvings).max(1)).collect()
}

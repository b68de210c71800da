//! Clocks that tick: browsers round what they tell, to a tenth of a millisecond on most pages.

/// A sample lasts at least so many steps of its clock: what is rounded is then half of a hundredth at most.
pub const STEPS: f64 = 50.0;
/// Most repetitions of one sample.
pub const LONGEST_BATCH: usize = 1 << 16;
/// Most times as many repetitions as before: what was too short to be measured says little of how short it is.
const GROWTH: f64 = 16.0;

/// The smallest step between readings that differ: that of the clock, if there were readings enough. Nothing where none differ.
pub fn step(readings: &[f64]) -> Option<f64> {
    // Readings are multiples of a step in floating point: their differences are right to a few places.
    let steps = readings.windows(2).map(|pair| ((pair[1] - pair[0]) * 1e6).round() / 1e6);
    steps.filter(|step| *step > 0.0).min_by(f64::total_cmp)
}

/// Repetitions after `now` of them took `ms` together by a clock of steps of `step`: as many where that was long enough, else so many as are
/// expected to be.
pub fn batch(now: usize, ms: f64, step: f64) -> usize {
    let due = STEPS * step;
    if ms >= due {
        return now;
    }
    // A little more than is due, lest it is too short again.
    let factor = (1.25 * due / ms.max(step).max(f64::MIN_POSITIVE)).min(GROWTH);
    (((now as f64) * factor).ceil() as usize).clamp(now + 1, LONGEST_BATCH.max(now + 1)).min(LONGEST_BATCH)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_step_is_the_smallest_difference() {
        assert_eq!(step(&[1.0, 1.0, 1.1, 1.1, 1.3, 1.4]), Some(0.1));
        assert_eq!(step(&[0.3, 0.1 + 0.2, 0.305]), Some(0.005));
        assert_eq!((step(&[5.0, 5.0]), step(&[])), (None, None));
    }

    #[test]
    fn a_batch_grows_until_the_clock_can_tell() {
        // Long enough as it is.
        assert_eq!(batch(1, 5.0, 0.1), 1);
        // A fifth of what is due.
        assert_eq!(batch(4, 1.0, 0.1), 25);
        // The clock did not move: not more than sixteen times as many.
        assert_eq!(batch(1, 0.0, 0.1), 16);
        assert_eq!(batch(LONGEST_BATCH, 0.0, 0.1), LONGEST_BATCH);
        // A clock without steps is always fine.
        assert_eq!(batch(3, 0.001, 0.0), 3);
    }
}

//! Medians, quantiles, and what is far from them.

/// A sample is far off when it is more than so many deviations above the median.
pub const FAR: f64 = 3.0;

/// The deviation of normal numbers over their median absolute deviation: `1 / Φ⁻¹(3/4)`.
const NORMAL: f64 = 1.482_602_218_505_602;

/// The samples in ascending order; nothing of none, and nothing where one is not a number.
fn sorted(samples: &[f64]) -> Option<Vec<f64>> {
    if samples.is_empty() || samples.iter().any(|x| x.is_nan()) {
        return None;
    }
    let mut sorted = samples.to_vec();
    sorted.sort_by(f64::total_cmp);
    Some(sorted)
}

/// The middle sample; of an even number the mean of the two in the middle. Nothing of none, and nothing where one is not a number.
pub fn median(samples: &[f64]) -> Option<f64> {
    quantile(samples, 0.5)
}

/// The number that a share `0 ≤ share ≤ 1` of the samples lies below, between two of them in proportion (type 7 of Hyndman and Fan 1996, NumPy's own).
/// Nothing of no samples, and nothing where one is not a number.
pub fn quantile(samples: &[f64], share: f64) -> Option<f64> {
    Some(of_sorted(&sorted(samples)?, share))
}

/// The same of samples that are in order; 0 of none.
pub(super) fn of_sorted(sorted: &[f64], share: f64) -> f64 {
    let at = share.clamp(0.0, 1.0) * (sorted.len().max(1) - 1) as f64;
    let (below, part) = (at.floor() as usize, at.fract());
    let Some(&low) = sorted.get(below) else { return 0.0 };
    match sorted.get(below + 1) {
        // Not a difference times nothing: that is not a number where the next one is infinite.
        Some(&high) if part > 0.0 => low + (high - low) * part,
        _ => low,
    }
}

/// The median distance from the median, times the factor that makes it the standard deviation of normal numbers (Hampel 1974). Nothing of no samples, and
/// nothing where one is not a number.
pub fn deviation(samples: &[f64]) -> Option<f64> {
    let middle = median(samples)?;
    let away: Vec<f64> = samples.iter().map(|x| (x - middle).abs()).collect();
    median(&away).map(|away| away * NORMAL)
}

/// Which samples lie more than [`FAR`] deviations above the median (Leys et al. 2013). Only above: nothing disturbs a computation into being faster. Times that
/// differ by no more than a step of their clock are the same, so the deviation counts as at least `step`.
pub fn far_off(samples: &[f64], step: f64) -> Option<Vec<bool>> {
    let most = median(samples)? + FAR * deviation(samples)?.max(step);
    Some(samples.iter().map(|&x| x > most).collect())
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
mod tests {
    use super::*;

    #[test]
    fn the_middle_of_an_even_number_lies_between_two() {
        assert_eq!(median(&[4.0, 1.0, 3.0, 2.0]), Some(2.5));
        assert_eq!(median(&[9.0, 1.0, 3.0]), Some(3.0));
        assert_eq!((median(&[]), median(&[f64::NAN, 1.0])), (None, None));
    }

    #[test]
    fn quantiles_end_at_the_ends() {
        let samples = [3.0, 1.0, 2.0, f64::INFINITY];
        assert_eq!(quantile(&samples, 0.0), Some(1.0));
        assert_eq!(quantile(&samples, 1.0), Some(f64::INFINITY));
        assert_eq!(quantile(&samples, 1.0 / 3.0), Some(2.0));
    }

    #[test]
    fn a_coarse_clock_has_no_outliers_within_its_step() {
        // Five readings that are the same and one that is a tick later: no deviation at all, and no outlier.
        let samples = [1.0, 1.0, 1.0, 1.0, 1.0, 1.1];
        assert_eq!(deviation(&samples), Some(0.0));
        assert_eq!(far_off(&samples, 0.1), Some(vec![false; 6]));
        assert_eq!(far_off(&samples, 0.01).unwrap().last(), Some(&true));
    }

    #[test]
    fn fast_samples_are_no_outliers() {
        assert_eq!(far_off(&[0.1, 5.0, 5.1, 4.9, 5.0], 0.01), Some(vec![false; 5]));
    }
}

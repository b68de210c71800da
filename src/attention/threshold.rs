//! Sparsemax and entmax: the number `τ` of a row that its scores are measured against, found by Newton's method.
//!
//! Both weigh a key by how far its score stands above `τ`, which is where the weights of the row add up to one. Seen from the left that sum is convex
//! and falls, so Newton's steps from a `τ` that is too small never overshoot: each is one pass over the row, and a handful are enough.

use super::problem::Normaliser;

/// Passes after which a row is left as it is; rows of single-precision scores need about ten.
const MOST_PASSES: u32 = 50;
/// A step smaller than this, beside the score that it is added to, changes nothing in single precision.
const STILL: f64 = 1e-9;

/// The search for the threshold of one row. Feed it every score, call [`Threshold::step`], and begin again until it says that it is done.
#[derive(Clone, Copy, Debug)]
pub struct Threshold {
    entmax: bool,
    tau: f64,
    /// Of the scores above `τ`: how many, the sum of what they stand above it, and of its squares.
    above: [f64; 3],
    passes: u32,
    done: bool,
}

impl Threshold {
    /// The search in a row whose largest score is `largest`; nothing for normalisers that have no threshold.
    pub fn start(normaliser: Normaliser, largest: f32) -> Option<Self> {
        let entmax = match normaliser {
            Normaliser::Sparsemax => false,
            Normaliser::Entmax => true,
            _ => return None,
        };
        // The largest key alone would weigh 1 there: the sum is 1 or more.
        let tau = measure(entmax, largest) - 1.0;
        // A row with nothing has no threshold, one with an infinity or NaN has none either.
        Some(Self { entmax, tau, above: [0.0; 3], passes: 0, done: !tau.is_finite() })
    }

    /// Takes scores of the row; −∞ is masked.
    pub fn add(&mut self, scores: &[f32]) {
        if self.done {
            return;
        }
        for &score in scores {
            let above = measure(self.entmax, score) - self.tau;
            if above > 0.0 {
                self.above[0] += 1.0;
                self.above[1] += above;
                self.above[2] += above * above;
            } else if above.is_nan() {
                self.tau = f64::NAN;
                self.done = true;
            }
        }
    }

    /// Ends a pass; whether it was the last one.
    pub fn step(&mut self) -> bool {
        if self.done {
            return true;
        }
        let [count, sum, squares] = std::mem::take(&mut self.above);
        let step = if self.entmax { (squares - 1.0) / (2.0 * sum) } else { (sum - 1.0) / count };
        self.passes += 1;
        if step.is_finite() {
            self.tau += step.max(0.0);
        }
        self.done = step.is_nan() || step <= STILL * self.tau.abs().max(1.0) || self.passes >= MOST_PASSES;
        self.done
    }

    /// Whether nothing is left to search for.
    pub fn is_done(&self) -> bool {
        self.done
    }

    /// `τ`: −∞ in a row with nothing, NaN where a score is NaN.
    pub fn tau(&self) -> f32 {
        self.tau as f32
    }

    /// The threshold of a whole row.
    pub fn of(normaliser: Normaliser, scores: &[f32]) -> Option<f32> {
        // `f32::max` passes over NaN.
        let larger = |a: f32, b: f32| if a.is_nan() || b.is_nan() { f32::NAN } else { a.max(b) };
        let largest = scores.iter().copied().fold(f32::NEG_INFINITY, larger);
        let mut search = Self::start(normaliser, largest)?;
        while !search.done {
            search.add(scores);
            search.step();
        }
        Some(search.tau())
    }
}

/// A score as the threshold measures it.
fn measure(entmax: bool, score: f32) -> f64 {
    f64::from(score) * if entmax { 0.5 } else { 1.0 }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
mod tests {
    use super::*;

    fn tau(normaliser: Normaliser, scores: &[f32]) -> f64 {
        f64::from(Threshold::of(normaliser, scores).unwrap())
    }

    #[test]
    fn weights_add_up_to_one() {
        for seed in 0..200_u32 {
            let count = 1 + seed as usize * 3;
            let scores: Vec<f32> = (0..count as u32)
                .map(|i| ((i + 7 * seed).wrapping_mul(2_654_435_761) >> 8) as f32 / 1e6 - 8.0)
                .map(|s| s * (1.0 + seed as f32 / 20.0))
                .collect();
            let sparse: f64 = {
                let tau = tau(Normaliser::Sparsemax, &scores);
                scores.iter().map(|&s| (f64::from(s) - tau).max(0.0)).sum()
            };
            let entmax: f64 = {
                let tau = tau(Normaliser::Entmax, &scores);
                scores.iter().map(|&s| (f64::from(s) / 2.0 - tau).max(0.0).powi(2)).sum()
            };
            // τ itself is rounded to single precision, once for each key of the support.
            assert!((sparse - 1.0).abs() < 1e-4 && (entmax - 1.0).abs() < 1e-4, "{seed}: {sparse} {entmax}");
        }
    }

    #[test]
    fn rows_by_hand() {
        // Two keys 0.5 apart: 0.75 and 0.25 around τ = 0.75.
        assert_eq!(tau(Normaliser::Sparsemax, &[1.5, 1.0, -3.0, f32::NEG_INFINITY]), 0.75);
        // A key that stands more than 1 above the rest takes all.
        assert_eq!(tau(Normaliser::Sparsemax, &[5.0, 3.0]), 4.0);
        // Equal keys share: (s/2 − τ)² = 1/4.
        assert_eq!(tau(Normaliser::Entmax, &[2.0; 4]), 0.5);
        assert_eq!(tau(Normaliser::Entmax, &[f32::NEG_INFINITY; 2]), f64::NEG_INFINITY);
        assert!(tau(Normaliser::Entmax, &[1.0, f32::NAN, 0.0]).is_nan());
        assert!(Threshold::of(Normaliser::Softmax, &[1.0]).is_none());
    }
}

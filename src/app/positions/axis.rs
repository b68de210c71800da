//! Scales and ticks, without the page.

/// The axis of distances 0 to `length - 1`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Distances {
    /// Tokens.
    pub length: usize,
    /// Equal ways are equal ratios of one more than the distance, so that 0 has a place.
    pub log: bool,
}

impl Distances {
    /// The last distance.
    pub fn last(self) -> usize {
        self.length.saturating_sub(1).max(1)
    }

    /// Where a distance stands, 0 to 1.
    pub fn share(self, distance: f64) -> f64 {
        let last = self.last() as f64;
        if self.log { distance.ln_1p() / last.ln_1p() } else { distance / last }
    }

    /// The distance nearest to a place.
    pub fn at(self, share: f64) -> usize {
        let (last, share) = (self.last() as f64, share.clamp(0.0, 1.0));
        let distance = if self.log { (share * last.ln_1p()).exp_m1() } else { share * last };
        (distance.round() as usize).min(self.last())
    }

    /// Distances to be named.
    pub fn ticks(self) -> Vec<usize> {
        if !self.log {
            return steps(0.0, self.last() as f64, 6).into_iter().map(|x| x as usize).collect();
        }
        let doubled = std::iter::successors(Some(1), |d| Some(d * 2)).take_while(|d| *d <= self.last());
        std::iter::once(0).chain(doubled).collect()
    }

    /// The distances a line is drawn through: no more than there is room for.
    pub fn points(self, most: usize) -> Vec<usize> {
        let count = self.length.min(most.max(2));
        let mut points: Vec<usize> = (0..count).map(|i| self.at(i as f64 / (count - 1).max(1) as f64)).collect();
        points.dedup();
        points
    }
}

/// The axis of values.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Values {
    /// At the bottom.
    pub low: f64,
    /// At the top.
    pub high: f64,
}

impl Values {
    /// Holds everything finite, and 0.
    pub fn of(values: impl Iterator<Item = f32>) -> Self {
        let (low, high) = values.filter(|x| x.is_finite()).fold((0.0_f64, 0.0_f64), |(low, high), x| {
            let x = f64::from(x);
            (low.min(x), high.max(x))
        });
        let room = (high - low) * 0.04;
        if room > 0.0 { Self { low: low - room, high: high + room } } else { Self { low: -1.0, high: 1.0 } }
    }

    /// Where a value stands from the top, 0 to 1.
    pub fn depth(self, value: f64) -> f64 {
        ((self.high - value) / (self.high - self.low)).clamp(-0.05, 1.05)
    }

    /// Values to be named.
    pub fn ticks(self) -> Vec<f64> {
        steps(self.low, self.high, 5)
    }
}

/// Round numbers from `low` to `high`, about `count` of them: 1, 2 or 5 times a power of ten apart.
fn steps(low: f64, high: f64, count: usize) -> Vec<f64> {
    let rough = (high - low) / count.max(1) as f64;
    if rough <= 0.0 || !rough.is_finite() {
        return Vec::new();
    }
    let power = 10_f64.powf(rough.log10().floor());
    let step =
        [1.0, 2.0, 5.0, 10.0].map(|n| n * power).into_iter().find(|step| *step >= rough * 0.999).unwrap_or(power);
    let (first, last) = ((low / step).ceil() as i64, (high / step).floor() as i64);
    (first..=last).map(|i| i as f64 * step).collect()
}

/// Moves labels apart so that none is nearer than `gap` to the next, and all lie within 0 to 1 while there is room.
pub fn spread(wanted: &[f64], gap: f64) -> Vec<f64> {
    let mut order: Vec<usize> = (0..wanted.len()).collect();
    order.sort_by(|a, b| wanted[*a].total_cmp(&wanted[*b]));
    let mut placed = wanted.to_vec();
    let mut next = 0.0_f64;
    for &i in &order {
        placed[i] = placed[i].max(next);
        next = placed[i] + gap;
    }
    let mut last = 1.0_f64;
    for &i in order.iter().rev() {
        placed[i] = placed[i].min(last);
        last = placed[i] - gap;
    }
    placed
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_and_distances_are_inverse() {
        for log in [false, true] {
            let axis = Distances { length: 300, log };
            assert_eq!((axis.share(0.0), axis.share(299.0)), (0.0, 1.0));
            for distance in 0..300 {
                assert_eq!(axis.at(axis.share(distance as f64)), distance);
            }
            let points = axis.points(80);
            assert!(points.len() <= 80 && points[0] == 0 && points.last() == Some(&299));
        }
    }

    #[test]
    fn ticks_are_round_and_inside() {
        assert_eq!(Distances { length: 129, log: false }.ticks(), [0, 50, 100]);
        assert_eq!(Distances { length: 33, log: true }.ticks(), [0, 1, 2, 4, 8, 16, 32]);
        assert_eq!(Values { low: -1.04, high: 1.04 }.ticks(), [-1.0, -0.5, 0.0, 0.5, 1.0]);
        assert!(Distances { length: 1, log: true }.ticks().iter().all(|&tick| tick <= 1));
    }

    #[test]
    fn labels_keep_their_distance() {
        let placed = spread(&[0.5, 0.5, 0.99, 0.98], 0.1);
        let mut sorted = placed.clone();
        sorted.sort_by(f64::total_cmp);
        assert!(sorted.windows(2).all(|pair| pair[1] - pair[0] > 0.0999), "{placed:?}");
        assert!(sorted[0] >= 0.0 && sorted[3] <= 1.0 && placed[3] < placed[2]);
    }

    #[test]
    fn a_flat_line_has_an_axis() {
        let flat = Values::of([0.0, f32::NEG_INFINITY].into_iter());
        assert_eq!((flat.depth(0.0), flat.ticks().is_empty()), (0.5, false));
    }
}

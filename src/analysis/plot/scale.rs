//! Scales: from values to places and back, their ends, and the values that are named.

use super::chart::Axis;

/// How values become places.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Scale {
    /// Equal ways are equal differences.
    #[default]
    Linear,
    /// Equal ways are equal ratios; named are powers of two. Only positive values have a place.
    Log2,
    /// Equal ways are equal ratios; named are powers of ten, and 2 and 5 times those where there is room. Only positive values have a place.
    Log10,
    /// Equal ways are equal ratios of one more than the value, so that 0 has a place; named are 0 and powers of two. Nothing below 0 has a place.
    FromZero,
}

impl Scale {
    /// The value on a scale whose equal ways are equal; nothing for what has no place.
    fn level(self, value: f64) -> Option<f64> {
        let level = match self {
            Self::Linear => value,
            Self::Log2 | Self::Log10 if value > 0.0 => value.ln(),
            Self::FromZero if value >= 0.0 => value.ln_1p(),
            _ => return None,
        };
        level.is_finite().then_some(level)
    }

    fn value(self, level: f64) -> f64 {
        match self {
            Self::Linear => level,
            Self::Log2 | Self::Log10 => level.exp(),
            Self::FromZero => level.exp_m1(),
        }
    }

    /// Whether a value has a place at all.
    pub fn holds(self, value: f64) -> bool {
        self.level(value).is_some()
    }
}

/// A scale between two ends.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Ruler {
    /// The scale.
    pub scale: Scale,
    /// The value at the beginning.
    pub low: f64,
    /// The value at the end; above `low`.
    pub high: f64,
}

impl Ruler {
    /// A ruler that holds `values`. With `room` it ends a little beyond them, and holds 0 where it is linear (values and bars stand on it).
    pub fn of(axis: &Axis, values: impl Iterator<Item = f64>, room: bool) -> Self {
        let scale = axis.scale;
        let start = if room && scale == Scale::Linear { (0.0, 0.0) } else { (f64::INFINITY, f64::NEG_INFINITY) };
        let levels = values.chain(axis.ends.into_iter().flatten()).filter_map(|value| scale.level(value));
        let (low, high) = match axis.ends.map(|[a, b]| (scale.level(a), scale.level(b))) {
            Some((Some(a), Some(b))) if a < b => return Self { scale, low: scale.value(a), high: scale.value(b) },
            _ => levels.fold(start, |(low, high): (f64, f64), level| (low.min(level), high.max(level))),
        };
        let (low, high) = match (low <= high, low < high) {
            // Nothing at all.
            (false, _) => match scale {
                Scale::Linear | Scale::FromZero => (0.0, 1.0),
                Scale::Log2 | Scale::Log10 => (0.0, std::f64::consts::LN_10),
            },
            // One place, in the middle of as much room as it needs to be read. A line of zeros lies in the middle as well.
            (true, false) if scale == Scale::Linear => {
                let room = if low == 0.0 { 1.0 } else { low.abs() / 2.0 };
                (low - room, high + room)
            }
            (true, false) if scale == Scale::FromZero && low == 0.0 => (0.0, 1.0_f64.ln_1p()),
            (true, false) => (low - std::f64::consts::LN_2, high + std::f64::consts::LN_2),
            (true, true) => (low, high),
        };
        let room = if room { (high - low) * 0.04 } else { 0.0 };
        // Below nothing there is no room.
        let below = if (scale == Scale::Linear && low == 0.0) || scale == Scale::FromZero { 0.0 } else { room };
        Self { scale, low: scale.value(low - below), high: scale.value(high + room) }
    }

    fn levels(self) -> (f64, f64) {
        let level = |value| self.scale.level(value).unwrap_or(0.0);
        (level(self.low), level(self.high))
    }

    /// Where a value stands: 0 at the beginning, 1 at the end, beyond both for what lies outside. Nothing for what has no place.
    pub fn share(self, value: f64) -> Option<f64> {
        let (low, high) = self.levels();
        self.scale.level(value).map(|level| (level - low) / (high - low))
    }

    /// The value at a place.
    pub fn at(self, share: f64) -> f64 {
        let (low, high) = self.levels();
        self.scale.value(low + share * (high - low))
    }

    /// Values to be named, about `count` of them, rising.
    pub fn ticks(self, count: usize) -> Vec<f64> {
        let count = count.max(2);
        match self.scale {
            Scale::Linear => steps(self.low, self.high, count),
            Scale::Log2 => thinned(powers(self.low, self.high, 2.0, &[1.0]), count),
            Scale::FromZero => {
                let mut all = thinned(powers(self.low.max(1.0), self.high, 2.0, &[1.0]), count);
                if self.low <= 0.0 {
                    all.insert(0, 0.0);
                }
                all
            }
            Scale::Log10 => {
                let whole = powers(self.low, self.high, 10.0, &[1.0]);
                let fine = powers(self.low, self.high, 10.0, &[1.0, 2.0, 5.0]);
                if whole.len() < 2 && fine.len() < 2 {
                    // Less than a ratio of two from end to end: as on a linear scale.
                    steps(self.low, self.high, count)
                } else if fine.len() <= count.max(4) {
                    fine
                } else if whole.len() < 2 {
                    thinned(fine, count)
                } else {
                    thinned(whole, count)
                }
            }
        }
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
    let (first, last) = ((low / step - 1e-9).ceil() as i64, (high / step + 1e-9).floor() as i64);
    (first..=last).map(|i| i as f64 * step).collect()
}

/// The multiples of powers of `base` that lie from `low` to `high`.
fn powers(low: f64, high: f64, base: f64, multiples: &[f64]) -> Vec<f64> {
    if !(low > 0.0 && high.is_finite()) {
        return Vec::new();
    }
    let (first, last) = (low.log(base).floor() as i32, high.log(base).ceil() as i32);
    let (low, high) = (low * (1.0 - 1e-9), high * (1.0 + 1e-9));
    (first..=last)
        .flat_map(|power| multiples.iter().map(move |multiple| multiple * base.powi(power)))
        .filter(|value| (low..=high).contains(value))
        .collect()
}

/// Every second, third, … of them, so that no more than `count` are left.
fn thinned(all: Vec<f64>, count: usize) -> Vec<f64> {
    let each = all.len().div_ceil(count.max(1)).max(1);
    all.into_iter().step_by(each).collect()
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
#[allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
mod tests {
    use super::*;

    const SCALES: [Scale; 4] = [Scale::Linear, Scale::Log2, Scale::Log10, Scale::FromZero];

    fn ruler(scale: Scale, low: f64, high: f64) -> Ruler {
        Ruler { scale, low, high }
    }

    fn held(scale: Scale, values: &[f64], room: bool) -> Ruler {
        Ruler::of(&Axis::new("", "", scale), values.iter().copied(), room)
    }

    #[test]
    fn places_and_values_are_inverse() {
        for scale in SCALES {
            let ruler = ruler(scale, 0.5, 300.0);
            for value in [0.5, 1.0, 17.0, 299.5, 300.0] {
                assert!((ruler.at(ruler.share(value).unwrap()) - value).abs() < 1e-9, "{scale:?} {value}");
            }
            assert!(ruler.share(0.5).unwrap().abs() < 1e-12 && (ruler.share(300.0).unwrap() - 1.0).abs() < 1e-12);
        }
    }

    #[test]
    fn what_has_no_place_is_said() {
        assert_eq!(ruler(Scale::Log10, 1.0, 10.0).share(0.0), None);
        assert_eq!(ruler(Scale::Log2, 1.0, 10.0).share(-1.0), None);
        assert_eq!(ruler(Scale::FromZero, 0.0, 10.0).share(-0.1), None);
        for scale in SCALES {
            for value in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
                assert!(!scale.holds(value), "{scale:?} {value}");
            }
        }
        assert_eq!(ruler(Scale::FromZero, 0.0, 10.0).share(0.0), Some(0.0));
    }

    #[test]
    fn ticks_are_round_and_inside() {
        assert_eq!(ruler(Scale::Linear, 0.0, 128.0).ticks(6), [0.0, 50.0, 100.0]);
        assert_eq!(ruler(Scale::Linear, -1.04, 1.04).ticks(5), [-1.0, -0.5, 0.0, 0.5, 1.0]);
        assert_eq!(ruler(Scale::FromZero, 0.0, 32.0).ticks(8), [0.0, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0]);
        assert_eq!(ruler(Scale::Log2, 60.0, 1100.0).ticks(8), [64.0, 128.0, 256.0, 512.0, 1024.0]);
        assert_eq!(ruler(Scale::Log10, 0.9, 30.0).ticks(8), [1.0, 2.0, 5.0, 10.0, 20.0]);
        let many = ruler(Scale::Log10, 1e-6, 1e6).ticks(6);
        assert!(many.len() <= 6 && many.iter().all(|tick| (tick.log10() - tick.log10().round()).abs() < 1e-9));
        // Less than a factor of two: still more than one tick.
        assert!(ruler(Scale::Log10, 3.1, 4.4).ticks(5).len() >= 2);
    }

    #[test]
    fn a_ruler_holds_its_values() {
        assert_eq!(held(Scale::Linear, &[3.0, 7.0], false), ruler(Scale::Linear, 3.0, 7.0));
        let values = held(Scale::Linear, &[3.0, 7.0, f64::NAN, f64::INFINITY], true);
        assert!(values.low == 0.0 && (7.0..7.5).contains(&values.high), "{values:?}");
        let signed = held(Scale::Linear, &[-2.0, 1.0], true);
        assert!(signed.low < -2.0 && signed.high > 1.0);
        let log = held(Scale::Log10, &[-5.0, 0.0, 0.2, 40.0], true);
        assert!(log.low > 0.1 && log.low < 0.2 && log.high > 40.0, "{log:?}");
    }

    #[test]
    fn nothing_one_value_and_zeros_have_an_axis() {
        for scale in SCALES {
            for values in [&[][..], &[5.0], &[0.0], &[f64::NAN]] {
                for room in [false, true] {
                    let ruler = held(scale, values, room);
                    assert!(ruler.low < ruler.high && ruler.low.is_finite(), "{scale:?} {values:?} {ruler:?}");
                    for &value in values.iter().filter(|value| scale.holds(**value)) {
                        let share = ruler.share(value).unwrap();
                        assert!((0.0..=1.0).contains(&share), "{scale:?} {value} {ruler:?}");
                    }
                }
            }
        }
        assert_eq!(held(Scale::Linear, &[0.0, f64::NEG_INFINITY], true).share(0.0), Some(0.5));
    }

    #[test]
    fn given_ends_are_kept() {
        let axis = Axis { ends: Some([0.0, 127.0]), ..Axis::new("", "", Scale::FromZero) };
        let ruler = Ruler::of(&axis, [3.0].into_iter(), false);
        assert_eq!((ruler.low, ruler.high.round()), (0.0, 127.0));
        // Ends that the scale has no place for are as good as none.
        let axis = Axis { ends: Some([0.0, 10.0]), ..Axis::new("", "", Scale::Log10) };
        assert!(Ruler::of(&axis, [2.0, 4.0].into_iter(), false).low > 1.0);
    }

    #[test]
    fn labels_keep_their_distance() {
        let placed = spread(&[0.5, 0.5, 0.99, 0.98], 0.1);
        let mut sorted = placed.clone();
        sorted.sort_by(f64::total_cmp);
        assert!(sorted.windows(2).all(|pair| pair[1] - pair[0] > 0.0999), "{placed:?}");
        assert!(sorted[0] >= 0.0 && sorted[3] <= 1.0 && placed[3] < placed[2]);
    }
}

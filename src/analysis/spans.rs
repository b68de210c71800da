//! What rows of attention weights are spread over: how near, how few, how evenly.

/// A head's weights, `[n_q, n_k]`, row-major; rows need not sum to 1 and count as they are.
#[derive(Clone, Copy, Debug)]
pub struct Head<'a> {
    weights: &'a [f32],
    n_k: usize,
}

impl<'a> Head<'a> {
    /// A head over `n_k` keys.
    pub fn new(weights: &'a [f32], n_k: usize) -> Self {
        Self { weights, n_k: n_k.max(1) }
    }

    /// Its rows.
    pub fn rows(self) -> impl Iterator<Item = &'a [f32]> {
        self.weights.chunks_exact(self.n_k)
    }

    /// Mean over the rows of what `of` says of a row and its number; 0 of no rows.
    fn mean(self, of: impl Fn(usize, &[f32]) -> f64) -> f64 {
        let (sum, count) =
            self.rows().enumerate().fold((0.0, 0_usize), |(sum, count), (at, row)| (sum + of(at, row), count + 1));
        sum / count.max(1) as f64
    }

    /// Share of a row's weight on keys no further than `reach` from the query's own place, mean over the rows.
    pub fn near(self, reach: usize) -> f64 {
        self.mean(|at, row| {
            let all: f64 = row.iter().map(|&w| f64::from(w)).sum();
            let near = row.iter().enumerate().filter(|(key, _)| at.abs_diff(*key) <= reach);
            near.map(|(_, &w)| f64::from(w)).sum::<f64>() / all.max(f64::MIN_POSITIVE)
        })
    }

    /// Mean weight at each distance 0, 1, … from the query's own place, times the number of keys: 1 everywhere where weights are even.
    pub fn by_distance(self) -> Vec<f64> {
        let (mut sums, mut counts) = (vec![0.0; self.n_k], vec![0_usize; self.n_k]);
        for (at, row) in self.rows().enumerate() {
            for (key, &w) in row.iter().enumerate() {
                if let Some((sum, count)) = sums.get_mut(at.abs_diff(key)).zip(counts.get_mut(at.abs_diff(key))) {
                    *sum += f64::from(w);
                    *count += 1;
                }
            }
        }
        sums.iter().zip(counts).map(|(sum, count)| sum * self.n_k as f64 / count.max(1) as f64).collect()
    }

    /// The largest weight of a row, mean over the rows.
    pub fn peak(self) -> f64 {
        self.mean(|_, row| row.iter().fold(0.0, |most, &w| f64::from(w).max(most)))
    }

    /// `exp(entropy)` of a row, as if so many keys had the same weight: mean over the rows. Weights below 0 count nothing.
    pub fn span(self) -> f64 {
        self.mean(|_, row| {
            let all: f64 = row.iter().map(|&w| f64::from(w).max(0.0)).sum();
            let part = |w: f64| if w > 0.0 { -(w / all) * (w / all).ln() } else { 0.0 };
            row.iter().map(|&w| part(f64::from(w))).sum::<f64>().exp()
        })
    }
}

/// The share of the largest `count` numbers in the sum of all; 0 of nothing. Numbers are not negative.
pub fn largest_share(numbers: &[f64], count: usize) -> f64 {
    let mut sorted = numbers.to_vec();
    sorted.sort_by(|a, b| b.total_cmp(a));
    let all: f64 = sorted.iter().sum();
    if all > 0.0 { sorted.iter().take(count).sum::<f64>() / all } else { 0.0 }
}

/// The share of pairs of places, the first before the second, whose first value is the larger one: 1 where values fall all the way.
pub fn falling(values: &[f64]) -> f64 {
    let later = |(i, &value): (usize, &f64)| values[i + 1..].iter().filter(|&&other| other < value).count();
    let falls: usize = values.iter().enumerate().map(later).sum();
    let pairs = values.len() * values.len().saturating_sub(1) / 2;
    falls as f64 / pairs.max(1) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn even_weights_are_far_and_wide() {
        let head = Head::new(&[0.25; 16], 4);
        assert_eq!((head.peak(), head.near(0), head.near(3)), (0.25, 0.25, 1.0));
        assert!((head.span() - 4.0).abs() < 1e-12);
        assert_eq!(head.by_distance(), [1.0; 4]);
    }

    #[test]
    fn a_diagonal_is_near_and_narrow() {
        let head = Head::new(&[1.0, 0.0, 0.0, 1.0], 2);
        assert_eq!((head.peak(), head.span(), head.near(0)), (1.0, 1.0, 1.0));
        assert_eq!(head.by_distance(), [2.0, 0.0]);
    }

    #[test]
    fn shares_and_order_are_counted() {
        assert_eq!((largest_share(&[1.0, 3.0, 0.0], 1), largest_share(&[], 1)), (0.75, 0.0));
        assert_eq!((falling(&[3.0, 2.0, 1.0]), falling(&[1.0, 2.0]), falling(&[2.0, 3.0, 1.0])), (1.0, 0.0, 2.0 / 3.0));
    }
}

//! The rows of one head together.

use super::row::{Measures, Row, Ruler, Settings};

/// What a distance has.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bin {
    /// `q_pos − k`: how far back the key lies; below 0 it lies ahead.
    pub distance: i64,
    /// Mean share of a key at this distance, over the pairs that the mask allows in rows that have weights.
    pub mean: f64,
    /// How many pairs these are.
    pub pairs: u64,
}

/// Means over the rows of a head that have weights.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Summary {
    /// Rows that have weights.
    pub rows: usize,
    /// Rows that attend to nothing.
    pub nothing: usize,
    /// Rows that hold what is no number.
    pub not_numbers: usize,
    /// Nats.
    pub entropy: f64,
    /// Over the rows that may look at more than one key; nothing where there are none.
    pub evenness: Option<f64>,
    /// Keys.
    pub span: f64,
    /// Tokens.
    pub distance: f64,
    /// Share.
    pub top: f64,
    /// Share.
    pub sink: f64,
    /// Keys.
    pub keys: f64,
    /// Share.
    pub small: f64,
}

/// A head whose rows come in one by one, in any order.
#[derive(Clone, Debug)]
pub struct Head {
    ruler: Ruler,
    offset: i64,
    n_k: usize,
    rows: Vec<(usize, Row)>,
    sums: Vec<(f64, u64)>,
}

impl Head {
    /// Of `n_q` queries at the positions `q + offset` and `n_k` keys.
    pub fn new(settings: Settings, n_q: usize, n_k: usize, offset: i64) -> Self {
        let distances = if n_q == 0 || n_k == 0 { 0 } else { n_q + n_k - 1 };
        Self { ruler: Ruler::new(settings), offset, n_k, rows: Vec::new(), sums: vec![(0.0, 0); distances] }
    }

    /// Takes the weights of a query, as [`Ruler::measure`] does.
    pub fn take(&mut self, query: usize, weights: &[f32], broken: bool) {
        let at = query as i64 + self.offset;
        let row = self.ruler.measure(weights, at, broken);
        if let Row::Weighs(measures) = &row {
            // The distance of the last key has the place 0 in the first row.
            for (k, w) in weights.iter().enumerate().filter(|(_, w)| !w.is_nan()) {
                if let Some((sum, pairs)) = self.sums.get_mut(query + self.n_k - 1 - k.min(self.n_k - 1)) {
                    *sum += f64::from(w.abs()) / measures.sum;
                    *pairs += 1;
                }
            }
        }
        self.rows.push((query, row));
    }

    /// Every row that came in, by its query.
    pub fn rows(&self) -> &[(usize, Row)] {
        &self.rows
    }

    /// Mean weight over distance, from what lies furthest ahead on; distances at which no pair is allowed are left out.
    pub fn profile(&self) -> Vec<Bin> {
        let first = self.offset - self.n_k as i64 + 1;
        let bin = |(i, &(sum, pairs)): (usize, &(f64, u64))| {
            (pairs > 0).then(|| Bin { distance: first + i as i64, mean: sum / pairs as f64, pairs })
        };
        self.sums.iter().enumerate().filter_map(bin).collect()
    }

    /// Means over its rows. All are 0 where no row has weights.
    pub fn summary(&self) -> Summary {
        let measured: Vec<&Measures> = self.rows.iter().filter_map(|(_, row)| row.measures()).collect();
        let count = |which: Row| self.rows.iter().filter(|(_, row)| *row == which).count();
        let mean =
            |of: fn(&Measures) -> f64| measured.iter().map(|m| of(m)).sum::<f64>() / measured.len().max(1) as f64;
        let even: Vec<f64> = measured.iter().filter_map(|m| m.evenness).collect();
        Summary {
            rows: measured.len(),
            nothing: count(Row::Nothing),
            not_numbers: count(Row::NotNumbers),
            entropy: mean(|m| m.entropy),
            evenness: (!even.is_empty()).then(|| even.iter().sum::<f64>() / even.len() as f64),
            span: mean(|m| m.span),
            distance: mean(|m| m.distance),
            top: mean(|m| m.top),
            sink: mean(|m| m.sink),
            keys: mean(|m| m.keys as f64),
            small: mean(|m| m.small),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NO: f32 = f32::NAN;

    #[test]
    fn the_profile_counts_allowed_pairs_only() {
        let mut head = Head::new(Settings::default(), 3, 3, 0);
        head.take(0, &[1.0, NO, NO], false);
        head.take(1, &[0.25, 0.75, NO], false);
        head.take(2, &[NO, NO, NO], false);
        let bins = head.profile();
        assert_eq!(bins, [Bin { distance: 0, mean: 0.875, pairs: 2 }, Bin { distance: 1, mean: 0.25, pairs: 1 }]);
        let summary = head.summary();
        assert_eq!((summary.rows, summary.nothing, summary.not_numbers), (2, 1, 0));
        assert!((summary.distance - 0.125).abs() < 1e-12 && (summary.sink - 0.625).abs() < 1e-12);
    }

    #[test]
    fn a_cache_moves_the_queries() {
        // One query after two keys that are there already: it stands at place 2.
        let mut head = Head::new(Settings::default(), 1, 3, 2);
        head.take(0, &[0.5, 0.0, 0.5], false);
        let distances: Vec<i64> = head.profile().iter().map(|bin| bin.distance).collect();
        assert_eq!(distances, [0, 1, 2]);
        assert_eq!(head.summary().distance, 1.0);
    }

    #[test]
    fn what_is_no_number_counts_in_nothing() {
        let mut head = Head::new(Settings::default(), 2, 2, 0);
        head.take(0, &[NO, NO], true);
        assert_eq!((head.profile(), head.summary()), (Vec::new(), Summary { not_numbers: 1, ..Summary::default() }));
    }
}

//! How alike the heads are, pair by pair.

use super::Fault;

/// Two heads.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Alike {
    /// Mean over the rows of the Jensen–Shannon distance of both heads' shares (Lin 1991; its root is a metric, Endres and Schindelin 2003), with logarithms of
    /// base 2: 0 where they look at the same, 1 where they look at nothing in common. Nothing where no row has weights in both.
    pub distance: Option<f64>,
    /// Pearson's correlation of the shares over the pairs that both allow, in rows that have weights in both. Nothing where one of them does not vary.
    pub correlation: Option<f64>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Sums {
    rows: u64,
    distance: f64,
    /// Pairs, and means and products of what lies off them, as they come in (Welford 1962): plain sums of squares would cancel.
    cells: f64,
    mean: [f64; 2],
    spread: [f64; 2],
    together: f64,
}

impl Sums {
    fn add(&mut self, x: f64, y: f64) {
        self.cells += 1.0;
        let (dx, dy) = (x - self.mean[0], y - self.mean[1]);
        self.mean[0] += dx / self.cells;
        self.mean[1] += dy / self.cells;
        self.spread[0] += dx * (x - self.mean[0]);
        self.spread[1] += dy * (y - self.mean[1]);
        self.together += dx * (y - self.mean[1]);
    }
}

/// The heads of a layer, whose rows come in one by one.
#[derive(Clone, Debug)]
pub struct Similarity {
    heads: usize,
    sums: Vec<Sums>,
    /// Shares of the row that is looked at, head by head, and `Σ p ln p` of each; nothing of a head without weights in this row.
    shares: Vec<Vec<f64>>,
    logs: Vec<Option<f64>>,
}

impl Similarity {
    /// Of so many heads.
    pub fn new(heads: usize) -> Self {
        let pairs = heads * heads.saturating_sub(1) / 2;
        Self { heads, sums: vec![Sums::default(); pairs], shares: vec![Vec::new(); heads], logs: vec![None; heads] }
    }

    /// Takes one query's weights in every head; NaN where the mask forbids a key. Rows that attend to nothing, or hold an infinite weight, count in no pair.
    ///
    /// # Errors
    /// Another number of heads, or rows of different lengths.
    pub fn take(&mut self, rows: &[&[f32]]) -> Result<(), Fault> {
        let keys = rows.first().map_or(0, |row| row.len());
        if rows.len() != self.heads {
            return Err(Fault::Count { wanted: self.heads, found: rows.len() });
        }
        if let Some(other) = rows.iter().find(|row| row.len() != keys) {
            return Err(Fault::Count { wanted: keys, found: other.len() });
        }
        for ((row, shares), log) in rows.iter().zip(&mut self.shares).zip(&mut self.logs) {
            let sum: f64 = row.iter().filter(|w| !w.is_nan()).map(|w| f64::from(w.abs())).sum();
            shares.clear();
            shares.extend(row.iter().map(|w| f64::from(w.abs()) / sum));
            *log = (sum > 0.0 && sum.is_finite()).then(|| shares.iter().map(|p| times_log(*p)).sum());
        }
        let mut pair = 0;
        for a in 0..self.heads {
            for b in a + 1..self.heads {
                if let (Some(log_a), Some(log_b)) = (self.logs[a], self.logs[b]) {
                    let sums = &mut self.sums[pair];
                    let mut mixed = 0.0;
                    for (x, y) in self.shares[a].iter().zip(&self.shares[b]) {
                        match (x.is_nan(), y.is_nan()) {
                            (false, false) => {
                                sums.add(*x, *y);
                                mixed += times_log(0.5 * (x + y));
                            }
                            (false, true) => mixed += times_log(0.5 * x),
                            (true, false) => mixed += times_log(0.5 * y),
                            (true, true) => {}
                        }
                    }
                    let divergence = (0.5 * (log_a + log_b) - mixed) / std::f64::consts::LN_2;
                    sums.distance += divergence.clamp(0.0, 1.0).sqrt();
                    sums.rows += 1;
                }
                pair += 1;
            }
        }
        Ok(())
    }

    /// Two heads; a head and itself are the same.
    pub fn of(&self, a: usize, b: usize) -> Alike {
        if a == b || a.max(b) >= self.heads {
            return Alike { distance: Some(0.0), correlation: Some(1.0) };
        }
        let (a, b) = (a.min(b), a.max(b));
        // The pairs of the heads before `a` come first.
        let before = a * self.heads - a * (a + 1) / 2;
        let Sums { rows, distance, spread, together, .. } = self.sums[before + b - a - 1];
        let scale = (spread[0] * spread[1]).sqrt();
        Alike {
            distance: (rows > 0).then(|| distance / rows as f64),
            correlation: (scale > 0.0).then(|| (together / scale).clamp(-1.0, 1.0)),
        }
    }
}

/// `p ln p`; 0 for what is forbidden.
pub(crate) fn times_log(p: f64) -> f64 {
    if p > 0.0 { p * p.ln() } else { 0.0 }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
mod tests {
    use super::*;

    const NO: f32 = f32::NAN;

    fn two(rows: &[[&[f32]; 2]]) -> Alike {
        let mut all = Similarity::new(2);
        rows.iter().for_each(|row| all.take(row).unwrap());
        all.of(1, 0)
    }

    #[test]
    fn the_same_and_nothing_in_common() {
        let same: &[f32] = &[0.2, 0.3, 0.5, NO];
        let found = two(&[[same, same]]);
        assert!(found.distance.unwrap() < 1e-7 && (found.correlation.unwrap() - 1.0).abs() < 1e-12);
        let found = two(&[[&[1.0, 0.0], &[0.0, 1.0]]]);
        assert!((found.distance.unwrap() - 1.0).abs() < 1e-12 && (found.correlation.unwrap() + 1.0).abs() < 1e-12);
    }

    #[test]
    fn a_known_distance() {
        // (1, 0) and (1/2, 1/2): 1 bit of mixture (3/4, 1/4) less half a bit.
        let mixture = -(0.75 * 0.75_f64.log2() + 0.25 * 0.25_f64.log2());
        let found = two(&[[&[1.0, 0.0], &[0.5, 0.5]]]);
        assert!((found.distance.unwrap() - (mixture - 0.5).sqrt()).abs() < 1e-12);
        assert_eq!(found.correlation, None);
    }

    #[test]
    fn rows_without_weights_count_in_no_pair() {
        let found = two(&[[&[NO, NO], &[0.5, 0.5]], [&[1.0, f32::INFINITY], &[0.5, 0.5]]]);
        assert_eq!(found, Alike { distance: None, correlation: None });
    }

    #[test]
    fn pairs_are_found_among_many_heads() {
        let mut all = Similarity::new(4);
        let rows: [&[f32]; 4] = [&[1.0, 0.0], &[0.0, 1.0], &[1.0, 0.0], &[0.5, 0.5]];
        all.take(&rows).unwrap();
        let distance = |a, b| all.of(a, b).distance.unwrap();
        assert!(distance(0, 2) < 1e-7 && distance(0, 1) > 0.99 && distance(1, 2) > 0.99 && distance(3, 3) == 0.0);
        assert!(distance(2, 3) > 0.5 && distance(2, 3) < 0.6 && distance(0, 3) == distance(1, 3));
        assert_eq!(all.take(&rows[..3]), Err(Fault::Count { wanted: 4, found: 3 }));
    }
}

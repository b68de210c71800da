//! Which rows of every head are asked for, and in which pieces: never more than a piece of the weights is there at once.

/// Most weights of all heads that are looked at. 4096 tokens in one head are as many, 1024 in sixteen; of more, every so-many-th row is taken.
const MOST_CELLS: usize = 1 << 24;
/// Most weights of all heads that are there at once (4 MiB).
const PIECE_CELLS: usize = 1 << 20;

/// The rows that are looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sample {
    /// Every so-many-th row is taken; 1 for all.
    pub step: usize,
    /// Rows that there are.
    pub rows: usize,
    /// Rows of each piece.
    piece: usize,
}

impl Sample {
    /// Of `heads` heads of `n_q` queries and `n_k` keys.
    pub fn of(heads: usize, n_q: usize, n_k: usize) -> Self {
        Self::within(heads, n_q, n_k, MOST_CELLS)
    }

    /// The same with at most `most` weights, though at least one row.
    pub fn within(heads: usize, n_q: usize, n_k: usize, most: usize) -> Self {
        let across = heads.saturating_mul(n_k).max(1);
        let rows = (most / across).max(1);
        Self { step: n_q.div_ceil(rows).max(1), rows: n_q, piece: (PIECE_CELLS / across).max(1) }
    }

    /// How many rows are taken.
    pub fn taken(&self) -> usize {
        self.rows.div_ceil(self.step)
    }

    /// Whether all are.
    pub fn is_whole(&self) -> bool {
        self.step == 1
    }

    /// The rows in pieces.
    pub fn pieces(&self) -> Pieces<'_> {
        Pieces { sample: self, next: 0 }
    }
}

/// The rows of a [`Sample`] in pieces.
#[derive(Clone, Debug)]
pub struct Pieces<'a> {
    sample: &'a Sample,
    next: usize,
}

impl Iterator for Pieces<'_> {
    type Item = Vec<usize>;

    fn next(&mut self) -> Option<Vec<usize>> {
        let end = (self.next + self.sample.piece).min(self.sample.taken());
        let rows: Vec<usize> = (self.next..end).map(|i| i * self.sample.step).collect();
        self.next = end;
        (!rows.is_empty()).then_some(rows)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_matrices_are_looked_at_whole() {
        let sample = Sample::of(12, 1024, 1024);
        assert!(sample.is_whole() && sample.taken() == 1024);
        let rows: Vec<usize> = sample.pieces().flatten().collect();
        assert_eq!(rows, (0..1024).collect::<Vec<_>>());
        assert!(sample.pieces().all(|rows| rows.len() * 12 * 1024 <= PIECE_CELLS));
    }

    #[test]
    fn of_large_ones_rows_are_taken_evenly() {
        let sample = Sample::of(12, 4096, 4096);
        assert_eq!((sample.step, sample.taken()), (13, 316));
        assert!(sample.pieces().flatten().all(|row| row < 4096 && row % 13 == 0));
        assert_eq!(sample.pieces().flatten().count(), 316);
        assert!(Sample::of(1, 4096, 4096).is_whole());
    }

    #[test]
    fn there_is_always_a_row_and_never_one_of_none() {
        assert_eq!(Sample::within(64, 10, 1 << 20, 1).taken(), 1);
        assert_eq!(Sample::of(4, 0, 8).pieces().count(), 0);
        assert_eq!(Sample::of(0, 2, 0).pieces().flatten().count(), 2);
    }
}

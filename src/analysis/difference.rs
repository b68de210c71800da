//! How far two engines are apart on the same problem.

use crate::attention::Dims;
use crate::engine::Outcome;

/// Where a number of an output stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// Sequence.
    pub batch: usize,
    /// Query head.
    pub head: usize,
    /// Query.
    pub query: usize,
    /// Number of the output's row.
    pub column: usize,
}

/// The difference of two outputs `[batch, q_heads, n_q, d_v]`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Difference {
    /// Largest absolute difference; infinite where one of the two is no number and the other is.
    pub largest: f32,
    /// Where; `None` if nothing differs.
    pub at: Option<Place>,
    /// Largest absolute output of the first, to judge it by.
    pub scale: f32,
}

/// Compares the outputs of two runs of the same sizes.
pub fn outputs(a: &Outcome, b: &Outcome) -> Difference {
    let apart = a.y.iter().zip(&b.y).map(|(&a, &b)| between(a, b)).enumerate();
    let (at, largest) = apart.fold((0, 0.0), |worst, this| if this.1 > worst.1 { this } else { worst });
    let scale = a.y.iter().filter(|y| y.is_finite()).fold(0.0_f32, |top, y| top.max(y.abs()));
    Difference { largest, at: (largest > 0.0).then(|| place(&a.dims, at)), scale }
}

/// The difference of two numbers: none between equal infinities or between two that are no numbers.
pub fn between(a: f32, b: f32) -> f32 {
    if a == b || (a.is_nan() && b.is_nan()) {
        return 0.0;
    }
    let apart = (a - b).abs();
    if apart.is_nan() { f32::INFINITY } else { apart }
}

fn place(dims: &Dims, at: usize) -> Place {
    let (row, column) = (at / dims.d_v.max(1), at % dims.d_v.max(1));
    let (unit, query) = (row / dims.n_q.max(1), row % dims.n_q.max(1));
    Place { batch: unit / dims.q_heads.max(1), head: unit % dims.q_heads.max(1), query, column }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::{Merge, Report, StageTimes};
    use crate::experiment::{Algorithm, Backend};

    fn outcome(y: Vec<f32>) -> Outcome {
        let dims = Dims { batch: 2, q_heads: 2, kv_heads: 1, n_q: 3, n_k: 4, d: 1, d_v: 2 };
        let report = Report {
            backend: Backend::Cpu,
            algorithm: Algorithm::Streaming,
            kernel: String::new(),
            workers: 1,
            adapter: None,
            choice: None,
            notes: Vec::new(),
            texts: Default::default(),
            total_ms: 0.0,
            times: StageTimes::default(),
            copies: Default::default(),
            runs_ms: Vec::new(),
            cost: Default::default(),
            memory: 0.0,
            order: Vec::new(),
        };
        Outcome { y, ..Merge::new(dims, false, None, 0).finish(report) }
    }

    #[test]
    fn the_largest_difference_and_its_place() {
        let a = outcome((0..24).map(|i| i as f32).collect());
        assert_eq!(outputs(&a, &a), Difference { largest: 0.0, at: None, scale: 23.0 });
        let mut y = a.y.clone();
        y[1] += 0.25;
        // Sequence 1, head 0, query 2, column 1: ((1 * 2 + 0) * 3 + 2) * 2 + 1.
        y[17] -= 0.5;
        let at = Some(Place { batch: 1, head: 0, query: 2, column: 1 });
        assert_eq!(outputs(&a, &outcome(y)), Difference { largest: 0.5, at, scale: 23.0 });
    }

    #[test]
    fn what_is_no_number_differs_from_what_is_one() {
        assert_eq!(between(f32::NAN, f32::NAN), 0.0);
        assert_eq!(between(f32::NEG_INFINITY, f32::NEG_INFINITY), 0.0);
        assert_eq!(between(f32::NAN, 1.0), f32::INFINITY);
        assert_eq!(between(f32::INFINITY, f32::NEG_INFINITY), f32::INFINITY);
        assert_eq!(between(1.0, 0.5), 0.5);
    }
}

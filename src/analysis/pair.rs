//! Two settings, A and B: what of them can be compared, and what lies between them. All differences are B less A.
//!
//! A weight that is NaN stands for a pair that the mask forbids, as pictures of the weights hold it.

use super::difference::between;
use super::measures::times_log;
use crate::attention::Dims;
use crate::catalogue::Text;

/// What is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// The weights of a head, `[n_q, n_k]`.
    Weights,
    /// The output of a head, `[n_q, d_v]`.
    Output,
    /// The gradient by the queries of a head, `[n_q, d]`.
    Queries,
    /// The gradient by the keys that a head reads, `[n_k, d]`.
    Keys,
    /// The gradient by the values that a head reads, `[n_k, d_v]`.
    Values,
}

/// A size in which two settings differ.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Mismatch {
    /// Of what.
    pub of: Text,
    /// In A.
    pub a: usize,
    /// In B.
    pub b: usize,
}

/// Why a part of the head `head` can't be compared, number by number; empty where it can.
pub fn mismatches(part: Part, head: usize, a: &Dims, b: &Dims) -> Vec<Mismatch> {
    let (queries, keys) = (Text::new("queries", "查询数"), Text::new("keys", "键数"));
    let (d, d_v) = (Text::new("query and key size", "查询与键的维度"), Text::new("value size", "值的维度"));
    let sizes = match part {
        Part::Weights => [(queries, a.n_q, b.n_q), (keys, a.n_k, b.n_k)],
        Part::Output => [(queries, a.n_q, b.n_q), (d_v, a.d_v, b.d_v)],
        Part::Queries => [(queries, a.n_q, b.n_q), (d, a.d, b.d)],
        Part::Keys => [(keys, a.n_k, b.n_k), (d, a.d, b.d)],
        Part::Values => [(keys, a.n_k, b.n_k), (d_v, a.d_v, b.d_v)],
    };
    let mut all: Vec<Mismatch> =
        sizes.into_iter().filter(|(_, a, b)| a != b).map(|(of, a, b)| Mismatch { of, a, b }).collect();
    if head >= a.q_heads.min(b.q_heads) {
        all.push(Mismatch { of: Text::new("heads", "头数"), a: a.q_heads, b: b.q_heads });
    }
    all
}

/// The numbers of a head in a tensor of this part, `[batch, heads, rows, width]`, of the first sequence, and their width; nothing where they are not there.
pub fn head_of<'a>(part: Part, head: usize, dims: &Dims, tensor: &'a [f32]) -> Option<(&'a [f32], usize)> {
    let (head, rows, width) = match part {
        Part::Weights => (head, dims.n_q, dims.n_k),
        Part::Output => (head, dims.n_q, dims.d_v),
        Part::Queries => (head, dims.n_q, dims.d),
        Part::Keys => (dims.kv_head(head), dims.n_k, dims.d),
        Part::Values => (dims.kv_head(head), dims.n_k, dims.d_v),
    };
    let size = rows * width;
    Some((tensor.get(head * size..(head + 1) * size)?, width))
}

/// How far a row of B is from that of A.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Error {
    /// Largest absolute difference; infinite where one is a number and the other is not.
    pub largest: f64,
    /// `‖b − a‖ / ‖a‖`, Euclidean; 0 where they are equal, infinite where A is 0 and B is not, or where one is no number.
    pub relative: f64,
}

impl Error {
    /// Of `b` from `a`, as far as both go.
    pub fn of(a: &[f32], b: &[f32]) -> Self {
        let (mut largest, mut apart, mut size) = (0.0_f64, 0.0, 0.0);
        for (&a, &b) in a.iter().zip(b) {
            let off = f64::from(between(a, b));
            largest = largest.max(off);
            apart += off * off;
            if a.is_finite() {
                size += f64::from(a) * f64::from(a);
            }
        }
        let relative = if apart == 0.0 { 0.0 } else { apart.sqrt() / size.sqrt() };
        Self { largest, relative }
    }

    /// Of each row of `width` numbers.
    pub fn rows(a: &[f32], b: &[f32], width: usize) -> Vec<Self> {
        let width = width.max(1);
        a.chunks_exact(width).zip(b.chunks_exact(width)).map(|(a, b)| Self::of(a, b)).collect()
    }
}

/// How far one row of weights is from another, as distributions.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Divergence {
    /// Kullback and Leibler's `Σ a ln(a / b)`, nats; infinite where B gives nothing to a key that A looks at.
    pub kl: f64,
    /// Jensen–Shannon distance with logarithms of base 2, 0 to 1.
    pub js: f64,
}

impl Divergence {
    /// Of two rows of as many weights, each divided by its sum. Nothing where one has no shares to compare: it attends to nothing, a weight is below zero or
    /// infinite.
    pub fn of(a: &[f32], b: &[f32]) -> Option<Self> {
        let sum = |row: &[f32]| {
            let weights = row.iter().filter(|w| !w.is_nan());
            let sum: f64 = weights.clone().map(|w| f64::from(*w)).sum();
            (sum > 0.0 && sum.is_finite() && weights.clone().all(|w| *w >= 0.0)).then_some(sum)
        };
        let (sum_a, sum_b) = (sum(a)?, sum(b)?);
        let (mut kl, mut bits) = (0.0, 0.0);
        for (&a, &b) in a.iter().zip(b) {
            let share = |w: f32, sum: f64| if w.is_nan() { 0.0 } else { f64::from(w) / sum };
            let (a, b) = (share(a, sum_a), share(b, sum_b));
            if a > 0.0 {
                // Infinite over nothing.
                kl += a * (a / b).ln();
            }
            bits += 0.5 * (times_log(a) + times_log(b)) - times_log(0.5 * (a + b));
        }
        Some(Self { kl: kl.max(0.0), js: (bits / std::f64::consts::LN_2).clamp(0.0, 1.0).sqrt() })
    }
}

/// B less A, weight by weight; what one of them forbids counts as 0 there, what both forbid is NaN.
pub fn weights_apart(a: &[f32], b: &[f32]) -> Vec<f32> {
    let known = |w: f32| if w.is_nan() { 0.0 } else { w };
    let apart = |(&a, &b): (&f32, &f32)| if a.is_nan() && b.is_nan() { f32::NAN } else { known(b) - known(a) };
    a.iter().zip(b).map(apart).collect()
}

/// B less A, number by number; equal infinities are no difference, and what is no number stays none.
pub fn numbers_apart(a: &[f32], b: &[f32]) -> Vec<f32> {
    a.iter().zip(b).map(|(&a, &b)| if a == b { 0.0 } else { b - a }).collect()
}

/// A matrix of `rows` rows in at most `height × width` pixels: each shows the number of largest magnitude among its own, with its sign; NaN where there are only
/// such. Gives the pixels, and how many there are down and across.
pub fn shrunk(values: &[f32], rows: usize, most: [usize; 2]) -> (Vec<f32>, [usize; 2]) {
    let columns = values.len() / rows.max(1);
    let [height, width] = [rows.min(most[0]).max(1), columns.min(most[1]).max(1)];
    let mut pixels = vec![f32::NAN; height * width];
    for (i, &value) in values.iter().enumerate().filter(|(_, v)| !v.is_nan()) {
        let (row, column) = (i / columns * height / rows, i % columns * width / columns);
        let pixel = &mut pixels[row * width + column];
        if pixel.is_nan() || value.abs() > pixel.abs() {
            *pixel = value;
        }
    }
    (pixels, [height, width])
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
mod tests {
    use super::*;

    const NO: f32 = f32::NAN;

    fn dims(q_heads: usize, n_q: usize, n_k: usize, d: usize, d_v: usize) -> Dims {
        Dims { batch: 1, q_heads, kv_heads: 1, n_q, n_k, d, d_v }
    }

    #[test]
    fn sizes_that_differ_stop_only_what_they_are_part_of() {
        let (a, b) = (dims(2, 4, 4, 8, 8), dims(2, 4, 6, 8, 8));
        let stopped = |part| mismatches(part, 0, &a, &b).len();
        assert_eq!(
            [Part::Weights, Part::Output, Part::Queries, Part::Keys, Part::Values].map(stopped),
            [1, 0, 0, 1, 1]
        );
        let fewer = dims(1, 4, 4, 8, 8);
        let found = mismatches(Part::Output, 1, &a, &fewer);
        assert_eq!((found[0].of.en, found[0].a, found[0].b), ("heads", 2, 1));
        assert!(mismatches(Part::Output, 0, &a, &fewer).is_empty());
    }

    #[test]
    fn heads_that_share_keys_read_the_same_gradient() {
        let dims = dims(2, 1, 2, 1, 1);
        assert_eq!(head_of(Part::Keys, 1, &dims, &[5.0, 6.0]), Some((&[5.0, 6.0][..], 1)));
        assert_eq!(head_of(Part::Queries, 1, &dims, &[5.0, 6.0]), Some((&[6.0][..], 1)));
        assert_eq!(head_of(Part::Output, 2, &dims, &[5.0, 6.0]), None);
    }

    #[test]
    fn errors_of_rows() {
        let rows = Error::rows(&[3.0, 4.0, 0.0, 0.0, 0.0, 0.0], &[3.0, 3.0, 0.0, 0.0, 1.0, 0.0], 2);
        assert_eq!(rows[0], Error { largest: 1.0, relative: 0.2 });
        assert_eq!(rows[1], Error::default());
        assert_eq!(rows[2], Error { largest: 1.0, relative: f64::INFINITY });
        assert_eq!(Error::of(&[NO], &[NO]), Error::default());
        assert_eq!(Error::of(&[1.0], &[NO]).largest, f64::INFINITY);
    }

    #[test]
    fn divergences_that_are_known() {
        let ln2 = std::f64::consts::LN_2;
        let found = Divergence::of(&[1.0, 0.0], &[0.5, 0.5]).unwrap();
        assert!((found.kl - ln2).abs() < 1e-12);
        let other = Divergence::of(&[0.5, 0.5], &[1.0, NO]).unwrap();
        assert!(other.kl == f64::INFINITY && (other.js - found.js).abs() < 1e-12 && found.js > 0.5);
        assert_eq!(Divergence::of(&[2.0, 2.0], &[0.5, 0.5]), Some(Divergence { kl: 0.0, js: 0.0 }));
        assert_eq!(Divergence::of(&[NO, 0.0], &[1.0, 0.0]), None);
        assert_eq!(Divergence::of(&[1.5, -0.5], &[1.0, 0.0]), None);
    }

    #[test]
    fn differences_keep_their_sign_and_the_mask_of_both() {
        let apart = weights_apart(&[0.25, NO, 0.5, NO], &[0.5, 0.5, NO, NO]);
        assert_eq!(apart[..3], [0.25, 0.5, -0.5]);
        assert!(apart[3].is_nan());
        let apart = numbers_apart(&[f32::INFINITY, 1.0, NO], &[f32::INFINITY, 0.0, 1.0]);
        assert!(apart[..2] == [0.0, -1.0] && apart[2].is_nan());
    }

    #[test]
    fn a_pixel_shows_the_largest_of_its_differences() {
        let (pixels, size) = shrunk(&[0.1, -0.3, NO, NO, 0.2, 0.1, NO, NO], 2, [1, 2]);
        assert!(size == [1, 2] && pixels[0] == -0.3 && pixels[1].is_nan());
        let (pixels, size) = shrunk(&[1.0, 2.0, 3.0, 4.0, 5.0, 6.0], 2, [9, 9]);
        assert_eq!((pixels, size), (vec![1.0, 2.0, 3.0, 4.0, 5.0, 6.0], [2, 3]));
    }
}

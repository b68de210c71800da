//! Whether two lists rise together.

/// Ranks from 1; what is equal shares the mean of its ranks.
fn ranks(numbers: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..numbers.len()).collect();
    order.sort_by(|&a, &b| numbers[a].total_cmp(&numbers[b]));
    let mut ranks = vec![0.0; numbers.len()];
    let mut from = 0;
    while from < order.len() {
        let same = order[from..].iter().take_while(|&&at| numbers[at] == numbers[order[from]]).count().max(1);
        let rank = (2 * from + same + 1) as f64 / 2.0;
        order[from..from + same].iter().for_each(|&at| ranks[at] = rank);
        from += same;
    }
    ranks
}

/// Spearman's rank correlation, −1 to 1: Pearson's of the ranks. Nothing of fewer than two pairs, of lists of different lengths, of a list that is
/// all equal, and where one is not a number.
pub fn rank_correlation(a: &[f64], b: &[f64]) -> Option<f64> {
    if a.len() != b.len() || a.len() < 2 || a.iter().chain(b).any(|x| x.is_nan()) {
        return None;
    }
    let (a, b) = (ranks(a), ranks(b));
    let mean = (a.len() + 1) as f64 / 2.0;
    let sum = |x: &[f64], y: &[f64]| x.iter().zip(y).map(|(x, y)| (x - mean) * (y - mean)).sum::<f64>();
    let size = (sum(&a, &a) * sum(&b, &b)).sqrt();
    (size > 0.0).then(|| sum(&a, &b) / size)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_rises_together_is_one_and_what_falls_is_minus_one() {
        assert_eq!(rank_correlation(&[1.0, 2.0, 9.0], &[0.1, 5.0, 5.1]), Some(1.0));
        assert_eq!(rank_correlation(&[1.0, 2.0, 9.0], &[3.0, 2.0, -1.0]), Some(-1.0));
        assert_eq!(ranks(&[2.0, 1.0, 2.0]), [2.5, 1.0, 2.5]);
        // By hand: ranks 1 2 3 4 against 2 1 4 3.
        assert_eq!(rank_correlation(&[1.0, 2.0, 3.0, 4.0], &[2.0, 1.0, 4.0, 3.0]), Some(0.6));
        assert_eq!(rank_correlation(&[1.0, 1.0], &[1.0, 2.0]), None);
        assert_eq!((rank_correlation(&[1.0], &[1.0]), rank_correlation(&[1.0, f64::NAN], &[1.0, 2.0])), (None, None));
    }
}

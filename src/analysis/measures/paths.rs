//! Reach of a run's own weights: if every layer weighed as these heads do, after how many layers has each query heard of every token?

use crate::analysis::reach::{Bits, Walk};

/// Which pairs carry weight, collected row by row. Queries and keys are the same tokens.
///
/// A pair counts whose share of its row's magnitudes is at least the threshold for small weights, and above 0. Rows that are no numbers carry nothing.
#[derive(Clone, Debug)]
pub struct Paths {
    tokens: usize,
    small: f64,
    heads: Vec<Bits>,
    /// Whether any query has a weight on a later token.
    ahead: bool,
    row: Vec<u8>,
}

impl Paths {
    /// Of so many heads over so many tokens; `small` is a share, 0 to 1.
    pub fn new(heads: usize, tokens: usize, small: f64) -> Self {
        Self { tokens, small, heads: vec![Bits::new(tokens, tokens); heads], ahead: false, row: vec![0; tokens] }
    }

    /// Notes the weights of query `q` in `head`, one for each key, NaN where the mask forbids.
    pub fn take(&mut self, head: usize, q: usize, weights: &[f32]) {
        let Some(bits) = self.heads.get_mut(head).filter(|_| q < self.tokens && weights.len() == self.tokens) else {
            return;
        };
        let size = |w: &f32| if w.is_nan() { 0.0 } else { f64::from(w.abs()) };
        let sum: f64 = weights.iter().map(size).sum();
        for (cell, w) in self.row.iter_mut().zip(weights) {
            let w = size(w);
            *cell = u8::from(sum.is_finite() && w > 0.0 && w >= self.small * sum);
        }
        self.ahead |= weights[q + 1..].iter().any(|w| size(w) > 0.0);
        bits.set_row(q, &self.row);
    }

    /// The walks of every head by itself, and last of all heads together: a layer passes on what any of its heads sees. Every pair is permitted, or
    /// every pair with an earlier token where no query has a weight on a later one.
    pub fn walks(self) -> Vec<Walk> {
        let n = self.tokens;
        let permitted = Bits::first(n, n, |q| if self.ahead { n } else { q + 1 });
        let mut all = Bits::new(n, n);
        self.heads.iter().for_each(|head| all.join(head));
        let walk = |bits| Walk::new(vec![bits], vec![0], permitted.clone());
        self.heads.into_iter().chain([all]).map(walk).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::reach::Reach;

    fn walked(heads: usize, n: usize, small: f64, weight: impl Fn(usize, usize, usize) -> f32) -> Vec<Reach> {
        let mut paths = Paths::new(heads, n, small);
        for (head, q) in (0..heads).flat_map(|head| (0..n).map(move |q| (head, q))) {
            paths.take(head, q, &(0..n).map(|k| weight(head, q, k)).collect::<Vec<_>>());
        }
        paths.walks().into_iter().map(Walk::finish).collect()
    }

    #[test]
    fn heads_that_look_one_back_need_a_layer_for_each_token() {
        let one_back = |_: usize, q: usize, k: usize| if k == q || k + 1 == q { 0.5 } else { f32::NAN };
        let found = walked(1, 6, 0.0, one_back);
        // Five layers lead to the token five back; 6 tokens see 1 + 2 + … + 6 of each other.
        assert_eq!(found[0], Reach { pairs: 11, layers: 5, reached: 21, permitted: 21 });
        assert_eq!(found[1], found[0]);
    }

    #[test]
    fn small_weights_carry_nothing_and_heads_complete_each_other() {
        // Head 0 stays where it is but for crumbs, head 1 looks at the first token: together they reach what each alone does not.
        let weight = |head: usize, q: usize, k: usize| match head {
            0 => {
                if k == q {
                    0.98
                } else {
                    0.004
                }
            }
            _ => {
                if k == 0 {
                    -2.0
                } else {
                    0.0
                }
            }
        };
        let found = walked(2, 5, 0.01, weight);
        assert_eq!((found[0].pairs, found[0].full()), (5, None));
        assert_eq!((found[1].pairs, found[1].reached), (5, 5));
        assert_eq!((found[2].pairs, found[2].permitted), (9, 25));
        // Without a threshold the crumbs count, and one layer is enough.
        assert_eq!(walked(2, 5, 0.0, weight)[0].full(), Some(1));
    }

    #[test]
    fn rows_that_are_no_numbers_carry_nothing() {
        let found = walked(1, 3, 0.0, |_, q, k| {
            if q == 1 {
                f32::INFINITY
            } else if k <= q {
                1.0
            } else {
                0.0
            }
        });
        assert_eq!(found[0].pairs, 4);
    }
}

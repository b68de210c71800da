//! How many layers a pattern needs until everything a query may ever see has reached it: the closure of its "looks at" relation.

use serde::Serialize;

/// Reach of a pattern over `n_q` queries and `n_k` keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Reach {
    /// Allowed pairs of one layer.
    pub pairs: u64,
    /// Layers until no further pair is reached.
    pub layers: u32,
    /// Pairs reached then.
    pub reached: u64,
    /// Pairs that the bound permits (all of them, or the causal ones, …).
    pub permitted: u64,
}

impl Reach {
    /// Whether every permitted pair is reached, and after how many layers.
    pub fn full(&self) -> Option<u32> {
        (self.reached >= self.permitted).then_some(self.layers)
    }
}

/// Reach of `allowed(q, k)` within `bound(q, k)`. Pairs outside the bound count neither as allowed nor as reached.
///
/// In layer `l + 1` a query sees what the tokens it looks at have seen after layer `l`: `R ← R ∪ A·R` over booleans, here by rows of bits,
/// `O(n³ / 64)` a layer. Token `i` is query `i` and key `i`; with more queries than keys the rest looks but is not looked at.
pub fn reach(
    n_q: usize,
    n_k: usize,
    allowed: impl Fn(usize, usize) -> bool,
    bound: impl Fn(usize, usize) -> bool,
) -> Reach {
    let mut walk = Walk::new(n_q, n_k, allowed, bound);
    loop {
        if let Some(reach) = walk.advance(n_q) {
            return reach;
        }
    }
}

/// Reach of a stack whose layers differ and repeat after `period` of them: `allowed(layer, q, k)` with layers counted from 1. Pairs are those of the
/// first layer.
pub fn reach_of_stack(
    n_q: usize,
    n_k: usize,
    period: usize,
    allowed: impl Fn(usize, usize, usize) -> bool,
    bound: impl Fn(usize, usize) -> bool,
) -> Reach {
    let mut walk = Walk::stack(n_q, n_k, period, allowed, bound);
    loop {
        if let Some(reach) = walk.advance(n_q) {
            return reach;
        }
    }
}

/// [`reach`] on its way, to be advanced in steps: on a page's thread nothing may last.
#[derive(Clone, Debug)]
pub struct Walk {
    n_q: usize,
    /// Words of a row of bits.
    words: usize,
    /// What each layer of a period sees, and what is permitted.
    each: Vec<Vec<u64>>,
    permitted: Vec<u64>,
    /// What is seen after `layers` layers, and after one more in the rows before `row`.
    seen: Vec<u64>,
    next: Vec<u64>,
    row: usize,
    layers: u32,
    /// Layers that added nothing since the last one that did.
    idle: usize,
    pairs: u64,
    reached: u64,
}

impl Walk {
    /// A stack of layers that are alike, one of them walked.
    pub fn new(
        n_q: usize,
        n_k: usize,
        allowed: impl Fn(usize, usize) -> bool,
        bound: impl Fn(usize, usize) -> bool,
    ) -> Self {
        Self::stack(n_q, n_k, 1, |_, q, k| allowed(q, k), bound)
    }

    /// A stack as [`reach_of_stack`] takes it, its first layer walked.
    pub fn stack(
        n_q: usize,
        n_k: usize,
        period: usize,
        allowed: impl Fn(usize, usize, usize) -> bool,
        bound: impl Fn(usize, usize) -> bool,
    ) -> Self {
        let words = n_k.div_ceil(64);
        let table = |holds: &dyn Fn(usize, usize) -> bool| {
            let mut bits = vec![0_u64; n_q * words];
            for q in 0..n_q {
                for k in (0..n_k).filter(|&k| holds(q, k)) {
                    bits[q * words + k / 64] |= 1 << (k % 64);
                }
            }
            bits
        };
        let permitted = table(&bound);
        let of_layer = |layer: usize| table(&|q, k| allowed(layer, q, k) && bound(q, k));
        let each: Vec<Vec<u64>> = (1..=period.max(1)).map(of_layer).collect();
        let (seen, next) = (each[0].clone(), each[0].clone());
        let pairs = count(&seen);
        let layers = u32::from(pairs > 0);
        Self { n_q, words, each, permitted, seen, next, row: 0, layers, idle: 0, pairs, reached: pairs }
    }

    /// Goes on by so many rows; the reach, once no further layer adds to it.
    pub fn advance(&mut self, rows: usize) -> Option<Reach> {
        let Self { n_q, words, .. } = *self;
        let end = (self.row + rows).min(n_q);
        // The layer after those that were walked; nothing before it saw anything if none counts yet.
        let walked = self.layers.max(1) as usize + self.idle;
        let one = &self.each[walked % self.each.len()];
        for q in self.row..end {
            for w in 0..words {
                let mut rest = one[q * words + w];
                while rest != 0 {
                    let token = w * 64 + rest.trailing_zeros() as usize;
                    rest &= rest - 1;
                    if token < n_q {
                        for i in 0..words {
                            self.next[q * words + i] |= self.seen[token * words + i] & self.permitted[q * words + i];
                        }
                    }
                }
            }
        }
        self.row = end;
        if end < n_q {
            return None;
        }
        let now = count(&self.next);
        self.row = 0;
        if now == self.reached {
            self.idle += 1;
            let Self { pairs, layers, reached, .. } = *self;
            // A period in which no layer adds anything: none will.
            let over = self.idle == self.each.len();
            return over.then(|| Reach { pairs, layers, reached, permitted: count(&self.permitted) });
        }
        self.seen.clone_from(&self.next);
        self.layers = walked as u32 + 1;
        (self.reached, self.idle) = (now, 0);
        None
    }
}

fn count(bits: &[u64]) -> u64 {
    bits.iter().map(|word| u64::from(word.count_ones())).sum()
}

/// The smallest number of boxes of side `side` that hold every allowed pair: the slope of its logarithm over `side` is the pattern's
/// box-counting dimension.
pub fn boxes(n_q: usize, n_k: usize, side: usize, allowed: impl Fn(usize, usize) -> bool) -> u64 {
    let side = side.max(1);
    let live = |r: usize, c: usize| {
        let rows = r * side..((r + 1) * side).min(n_q);
        rows.into_iter().any(|q| (c * side..((c + 1) * side).min(n_k)).any(|k| allowed(q, k)))
    };
    (0..n_q.div_ceil(side)).map(|r| (0..n_k.div_ceil(side)).filter(|&c| live(r, c)).count() as u64).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    const CAUSAL: fn(usize, usize) -> bool = |q, k| k <= q;

    #[test]
    fn a_window_of_two_needs_a_layer_for_each_step() {
        let window = reach(100, 100, |q, k| k <= q && q - k < 2, CAUSAL);
        assert_eq!(window, Reach { pairs: 199, layers: 99, reached: 5050, permitted: 5050 });
        assert_eq!(reach(100, 100, CAUSAL, CAUSAL).full(), Some(1));
    }

    #[test]
    fn steps_of_any_length_lead_to_the_same() {
        let allowed = |q: usize, k: usize| k <= q && q - k < 5;
        let wanted = reach(70, 70, allowed, CAUSAL);
        for rows in [1, 7, 70, 500] {
            let mut walk = Walk::new(70, 70, allowed, CAUSAL);
            let found = std::iter::repeat_with(|| walk.advance(rows)).find_map(|found| found);
            assert_eq!(found, Some(wanted), "{rows}");
        }
    }

    #[test]
    fn doubling_distances_need_a_layer_for_each_bit() {
        // With itself and distances 1, 2, 4, …, 32, a distance needs as many layers as it has bits: 63 has six.
        let synaptic = reach(64, 64, |q, k| k <= q && (q == k || (q - k).is_power_of_two()), CAUSAL);
        assert_eq!(synaptic.full(), Some(6));
    }

    #[test]
    fn a_global_layer_ends_what_windows_began() {
        // A window of w goes w − 1 back in each layer; the global layer sees what all of them have seen.
        let local_global = |every: usize, window: usize| {
            let allowed = |layer: usize, q: usize, k: usize| k <= q && (layer.is_multiple_of(every) || q - k < window);
            reach_of_stack(64, 64, every, allowed, CAUSAL).full()
        };
        assert_eq!(local_global(6, 8), Some(6));
        assert_eq!(local_global(12, 8), Some(9));
        assert_eq!(local_global(1, 8), Some(1));
        assert_eq!(local_global(6, 64), Some(1));
        // Layers that see themselves only add nothing, and the count goes on past them.
        assert_eq!(local_global(5, 1), Some(5));
        let alternating = |layer: usize, q: usize, k: usize| {
            k <= q && (q - k).is_multiple_of(if layer % 2 == 1 { 8 } else { 1 }) && (layer % 2 == 1 || q - k < 8)
        };
        assert_eq!(reach_of_stack(64, 64, 2, alternating, CAUSAL).full(), Some(2));
    }

    #[test]
    fn separate_blocks_never_meet() {
        let blocks = reach(70, 70, |q, k| q / 35 == k / 35, |_, _| true);
        assert_eq!((blocks.full(), blocks.layers, blocks.reached), (None, 1, 2 * 35 * 35));
        let nothing = reach(4, 4, |_, _| false, |_, _| true);
        assert_eq!((nothing.full(), nothing.layers), (None, 0));
    }

    #[test]
    fn paths_stay_inside_the_bound() {
        // Two-sided window, causal bound: looking ahead and back again must not count.
        let window = reach(10, 10, |q, k| q.abs_diff(k) < 2, CAUSAL);
        assert_eq!(window.reached, 55);
    }

    #[test]
    fn boxes_of_the_sierpinski_triangle_triple_as_their_side_halves() {
        let sierpinski = |q: usize, k: usize| k & !q == 0;
        for (side, count) in [(64, 1), (32, 3), (16, 9), (1, 729)] {
            assert_eq!(boxes(64, 64, side, sierpinski), count);
        }
    }
}

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
/// In layer `l + 1` a query sees what the tokens it looks at have seen after layer `l`: `R ← R ∪ A·R` over booleans, here by rows of bits, of which only
/// those are looked at that grew since: `O(n³ / 64)` a layer at most. Token `i` is query `i` and key `i`; with more queries than keys the rest looks but
/// is not looked at.
pub fn reach(
    n_q: usize,
    n_k: usize,
    allowed: impl Fn(usize, usize) -> bool,
    bound: impl Fn(usize, usize) -> bool,
) -> Reach {
    reach_of_stack(n_q, n_k, 1, |_, q, k| allowed(q, k), bound)
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
    let period = period.max(1);
    let each = (1..=period).map(|layer| Bits::of(n_q, n_k, |q, k| allowed(layer, q, k))).collect();
    Walk::new(each, (0..period).collect(), Bits::of(n_q, n_k, bound)).finish()
}

/// Which of the keys each query sees: a bit for each pair.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bits {
    /// Words of a row.
    words: usize,
    bits: Vec<u64>,
}

impl Bits {
    /// Rows that see nothing.
    pub fn new(n_q: usize, n_k: usize) -> Self {
        let words = n_k.div_ceil(64);
        Self { words, bits: vec![0; n_q * words] }
    }

    /// The pairs for which `holds(q, k)`.
    pub fn of(n_q: usize, n_k: usize, holds: impl Fn(usize, usize) -> bool) -> Self {
        let mut bits = Self::new(n_q, n_k);
        for q in 0..n_q {
            (0..n_k).filter(|&k| holds(q, k)).for_each(|k| bits.row_mut(q)[k / 64] |= 1 << (k % 64));
        }
        bits
    }

    /// The first `count(q)` keys of each row.
    pub fn first(n_q: usize, n_k: usize, count: impl Fn(usize) -> usize) -> Self {
        let mut bits = Self::new(n_q, n_k);
        for q in 0..n_q {
            let count = count(q).min(n_k);
            for (w, word) in bits.row_mut(q).iter_mut().enumerate().take(count.div_ceil(64)) {
                *word = u64::MAX >> (64 - (count - 64 * w).min(64));
            }
        }
        bits
    }

    /// Sets a row from 0 or 1 for each key.
    pub fn set_row(&mut self, q: usize, row: &[u8]) {
        for (word, keys) in self.row_mut(q).iter_mut().zip(row.chunks(64)) {
            *word = keys.iter().enumerate().fold(0, |word, (at, &key)| word | u64::from(key != 0) << at);
        }
    }

    /// Adds the pairs of another of the same shape.
    pub fn join(&mut self, other: &Self) {
        self.bits.iter_mut().zip(&other.bits).for_each(|(word, other)| *word |= other);
    }

    fn row(&self, q: usize) -> &[u64] {
        &self.bits[q * self.words..(q + 1) * self.words]
    }

    fn row_mut(&mut self, q: usize) -> &mut [u64] {
        &mut self.bits[q * self.words..(q + 1) * self.words]
    }

    fn count(&self) -> u64 {
        count(&self.bits)
    }
}

/// [`reach`] on its way, to be advanced in steps: on a page's thread nothing may last.
#[derive(Clone, Debug)]
pub struct Walk {
    n_q: usize,
    /// Layers that differ, which of them each layer of a period is, and the layer at which each was last added, 0 for never.
    each: Vec<Bits>,
    order: Vec<usize>,
    added: Vec<u32>,
    permitted: Bits,
    /// Words of each row up to its last permitted key.
    ends: Vec<usize>,
    /// What is seen after `layers` layers; what one more adds to the rows before `row`, and which of those it adds to.
    seen: Bits,
    next: Bits,
    grown: Vec<usize>,
    row: usize,
    /// For each token the layer at which its row last grew, and whether it can grow no more.
    stamp: Vec<u32>,
    full: Vec<bool>,
    /// Tokens whose rows grew since the layer that is being added was last added.
    fresh: Vec<u64>,
    layers: u32,
    /// Layers that added nothing since the last one that did.
    idle: u32,
    pairs: u64,
    reached: u64,
    of: u64,
}

impl Walk {
    /// A stack of which layer `l`, counted from 1, is `each[order[(l - 1) % order.len()]]`, its first layer walked. All rows of bits are of one shape.
    pub fn new(mut each: Vec<Bits>, order: Vec<usize>, permitted: Bits) -> Self {
        for layer in &mut each {
            layer.bits.iter_mut().zip(&permitted.bits).for_each(|(word, permitted)| *word &= permitted);
        }
        let order = if order.is_empty() { vec![0] } else { order };
        let n_q = permitted.bits.len().checked_div(permitted.words).unwrap_or(0);
        let seen = each[order[0]].clone();
        let pairs = seen.count();
        let mut added = vec![0; each.len()];
        added[order[0]] = 1;
        let end = |q| permitted.row(q).iter().rposition(|word| *word != 0).map_or(0, |last| last + 1);
        let ends = (0..n_q).map(end).collect();
        let full = (0..n_q).map(|q| seen.row(q) == permitted.row(q)).collect();
        let mut walk = Self {
            n_q,
            ends,
            added,
            each,
            order,
            next: seen.clone(),
            seen,
            grown: Vec::new(),
            row: 0,
            stamp: vec![1; n_q],
            full,
            fresh: vec![0; permitted.words],
            layers: u32::from(pairs > 0),
            idle: 0,
            pairs,
            reached: pairs,
            of: permitted.count(),
            permitted,
        };
        walk.freshen();
        walk
    }

    /// The number of the layer that is being added: nothing before it saw anything if none counts yet.
    fn adding(&self) -> u32 {
        self.layers.max(1) + self.idle + 1
    }

    /// Which of the layers that differ is being added.
    fn kind(&self) -> usize {
        self.order[(self.adding() as usize - 1) % self.order.len()]
    }

    /// What earlier layers of the same kind have not brought yet.
    fn freshen(&mut self) {
        let since = self.added[self.kind()];
        self.fresh.fill(0);
        let tokens = self.stamp.iter().enumerate().take(64 * self.fresh.len());
        for (token, _) in tokens.filter(|(_, stamp)| **stamp >= since) {
            self.fresh[token / 64] |= 1 << (token % 64);
        }
    }

    /// What is known so far, whether more is reached or not.
    pub fn so_far(&self) -> Reach {
        Reach { pairs: self.pairs, layers: self.layers, reached: self.reached, permitted: self.of }
    }

    /// Goes on by so many rows; the reach, once no further layer adds to it.
    pub fn advance(&mut self, rows: usize) -> Option<Reach> {
        if self.reached == self.of {
            return Some(self.so_far());
        }
        let end = (self.row + rows).min(self.n_q);
        let kind = self.kind();
        for q in (self.row..end).filter(|&q| !self.full[q]) {
            // Words after the last permitted key hold nothing.
            let words = self.ends[q];
            let next = &mut self.next.row_mut(q)[..words];
            for (w, (one, fresh)) in self.each[kind].row(q)[..words].iter().zip(&self.fresh).enumerate() {
                let mut rest = one & fresh;
                while rest != 0 {
                    let token = w * 64 + rest.trailing_zeros() as usize;
                    rest &= rest - 1;
                    next.iter_mut().zip(self.seen.row(token)).for_each(|(next, seen)| *next |= seen);
                }
            }
            let mut gained = 0;
            for ((next, seen), permitted) in next.iter_mut().zip(self.seen.row(q)).zip(self.permitted.row(q)) {
                *next &= permitted;
                gained += u64::from((*next ^ seen).count_ones());
            }
            if gained > 0 {
                self.reached += gained;
                self.grown.push(q);
            }
        }
        self.row = end;
        if end < self.n_q { None } else { self.layer_added(kind) }
    }

    /// What follows from a whole layer.
    fn layer_added(&mut self, kind: usize) -> Option<Reach> {
        let number = self.adding();
        (self.row, self.added[kind]) = (0, number);
        if self.grown.is_empty() {
            self.idle += 1;
        } else {
            (self.layers, self.idle) = (number, 0);
        }
        for q in self.grown.drain(..) {
            self.seen.row_mut(q).copy_from_slice(self.next.row(q));
            self.stamp[q] = number;
            self.full[q] = self.seen.row(q) == self.permitted.row(q);
        }
        // A period in which no layer adds anything: none will.
        if self.idle as usize == self.order.len() {
            return Some(self.so_far());
        }
        self.freshen();
        None
    }

    /// Goes on to the end.
    pub fn finish(mut self) -> Reach {
        loop {
            if let Some(reach) = self.advance(self.n_q) {
                return reach;
            }
        }
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
            let mut walk = Walk::new(vec![Bits::of(70, 70, allowed)], vec![0], Bits::of(70, 70, CAUSAL));
            let found = std::iter::repeat_with(|| walk.advance(rows)).find_map(|found| found);
            assert_eq!(found, Some(wanted), "{rows}");
        }
    }

    /// The closure as its definition says it, pair by pair.
    fn plainly(n: usize, allowed: impl Fn(usize, usize, usize) -> bool, bound: impl Fn(usize, usize) -> bool) -> Reach {
        let all = |holds: &dyn Fn(usize, usize) -> bool| (0..n * n).map(|at| holds(at / n, at % n)).collect::<Vec<_>>();
        let count = |cells: &[bool]| cells.iter().filter(|cell| **cell).count() as u64;
        let mut seen = all(&|q, k| allowed(1, q, k) && bound(q, k));
        let (pairs, permitted) = (count(&seen), count(&all(&bound)));
        let (mut layers, mut reached) = (u32::from(pairs > 0), pairs);
        for layer in 2..=4 * n {
            let through = |q, k| (0..n).any(|t| allowed(layer, q, t) && bound(q, t) && seen[t * n + k]);
            seen = all(&|q, k| seen[q * n + k] || bound(q, k) && through(q, k));
            if count(&seen) > reached {
                (layers, reached) = (layer as u32, count(&seen));
            }
        }
        Reach { pairs, layers, reached, permitted }
    }

    #[test]
    fn walks_are_the_definition() {
        // A scatter of pairs that differs from layer to layer: what an earlier layer of another kind brought must not be skipped.
        let scattered = |layer: usize, q: usize, k: usize| (q * 31 + k * 17 + layer * 7).is_multiple_of(23) || q == k;
        for (period, share) in [(1, 1), (2, 1), (3, 2), (5, 4)] {
            let allowed = |layer: usize, q: usize, k: usize| scattered((layer - 1) % period / share, q, k);
            for bound in [|_: usize, _: usize| true, CAUSAL] {
                assert_eq!(
                    reach_of_stack(30, 30, period, allowed, bound),
                    plainly(30, allowed, bound),
                    "{period} {share}"
                );
            }
        }
    }

    #[test]
    fn bits_are_set_by_rows_as_by_pairs() {
        let holds = |q: usize, k: usize| (q * k) % 3 == 1;
        let mut by_rows = Bits::new(5, 130);
        (0..5).for_each(|q| by_rows.set_row(q, &(0..130).map(|k| u8::from(holds(q, k))).collect::<Vec<_>>()));
        assert_eq!(by_rows, Bits::of(5, 130, holds));
        assert_eq!(Bits::first(130, 130, |q| q + 1), Bits::of(130, 130, CAUSAL));
        assert_eq!(Bits::first(3, 70, |q| q * 64), Bits::of(3, 70, |q, k| k < q * 64));
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

//! Another order of the tokens that gathers what a pattern allows into fewer tiles. Queries and keys change places together, so every query still meets the same keys
//! and the answer is the same; what changes is how many tiles of the score matrix a block-sparse kernel has to visit.

use std::collections::VecDeque;

/// Tiles of a pattern.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tiles {
    /// All of them.
    pub total: usize,
    /// Those with an allowed pair.
    pub live: usize,
    /// Those whose pairs are all allowed.
    pub full: usize,
}

/// The tokens `0..n` by their place within `stride`: first those at 0, `stride`, `2 · stride` …, then those at 1, and so on. Strided and dilated
/// patterns become blocks.
pub fn residues(n: usize, stride: usize) -> Vec<usize> {
    let stride = stride.max(1);
    (0..stride.min(n)).flat_map(|class| (class..n).step_by(stride)).collect()
}

/// The order of Cuthill and McKee (1969), reversed as George (1971) has it, of the graph in which two tokens are joined where one of them may look at the other:
/// from a token with the fewest neighbours outwards, neighbours with few of their own first. It brings what is joined near the diagonal.
///
/// `allowed(q, k)` is asked for every pair of `0..n`: `O(n²)`.
pub fn cuthill_mckee(n: usize, allowed: impl Fn(usize, usize) -> bool) -> Vec<usize> {
    let mut near: Vec<Vec<usize>> = vec![Vec::new(); n];
    for a in 0..n {
        for b in 0..a {
            if allowed(a, b) || allowed(b, a) {
                near[a].push(b);
                near[b].push(a);
            }
        }
    }
    let degree: Vec<usize> = near.iter().map(Vec::len).collect();
    for others in &mut near {
        others.sort_unstable_by_key(|&other| (degree[other], other));
    }
    let mut starts: Vec<usize> = (0..n).collect();
    starts.sort_unstable_by_key(|&token| (degree[token], token));
    let (mut order, mut known, mut waiting) = (Vec::with_capacity(n), vec![false; n], VecDeque::new());
    for start in starts {
        if !std::mem::replace(&mut known[start], true) {
            waiting.push_back(start);
        }
        while let Some(token) = waiting.pop_front() {
            order.push(token);
            for &other in &near[token] {
                if !std::mem::replace(&mut known[other], true) {
                    waiting.push_back(other);
                }
            }
        }
    }
    order.reverse();
    order
}

/// Tiles of `size` by `size` pairs when rows and columns stand in these orders: place `i` holds token `order[i]`.
pub fn tiles(rows: &[usize], columns: &[usize], size: usize, allowed: impl Fn(usize, usize) -> bool) -> Tiles {
    let size = size.max(1);
    let mut tiles = Tiles::default();
    for rows in rows.chunks(size) {
        for columns in columns.chunks(size) {
            let pairs: usize = rows.iter().map(|&q| columns.iter().filter(|&&k| allowed(q, k)).count()).sum();
            tiles.total += 1;
            tiles.live += usize::from(pairs > 0);
            tiles.full += usize::from(pairs == rows.len() * columns.len());
        }
    }
    tiles
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_permutation(order: &[usize]) -> bool {
        let mut sorted = order.to_vec();
        sorted.sort_unstable();
        sorted.into_iter().eq(0..order.len())
    }

    fn natural(n: usize) -> Vec<usize> {
        (0..n).collect()
    }

    #[test]
    fn residues_make_blocks_of_a_stride() {
        assert_eq!(residues(7, 3), [0, 3, 6, 1, 4, 2, 5]);
        assert_eq!(residues(4, 9), natural(4));
        // 32 tokens that see those a multiple of 8 away: every tile is touched, and after it 8 blocks of 4 remain.
        let same = |q: usize, k: usize| q % 8 == k % 8;
        let (before, after) = (tiles(&natural(32), &natural(32), 4, same), {
            let order = residues(32, 8);
            tiles(&order, &order, 4, same)
        });
        assert_eq!(before, Tiles { total: 64, live: 32, full: 0 });
        assert_eq!(after, Tiles { total: 64, live: 8, full: 8 });
    }

    #[test]
    fn cuthill_and_mckee_undo_a_shuffle() {
        // A band whose tokens were shuffled by a multiplication.
        let place = |token: usize| token * 11 % 60;
        let band = |q: usize, k: usize| place(q).abs_diff(place(k)) <= 1;
        let order = cuthill_mckee(60, band);
        assert!(is_permutation(&order));
        let width = |order: &[usize]| {
            let pairs = (0..60).flat_map(|a| (0..60).map(move |b| (a, b)));
            pairs.filter(|&(a, b)| band(order[a], order[b])).map(|(a, b): (usize, usize)| a.abs_diff(b)).max()
        };
        assert_eq!(width(&order), Some(1), "a path is laid out as one");
        assert!(width(&natural(60)) > Some(10));
        let (before, after) = (tiles(&natural(60), &natural(60), 6, band), tiles(&order, &order, 6, band));
        assert_eq!((before.live, after.live), (50, 28));
    }

    #[test]
    fn tokens_without_neighbours_have_a_place() {
        let order = cuthill_mckee(5, |q, k| q == k || (q, k) == (3, 1));
        assert!(is_permutation(&order));
        assert_eq!(tiles(&[], &[], 4, |_, _| true), Tiles::default());
        assert_eq!(tiles(&natural(5), &natural(3), 2, |_, _| true), Tiles { total: 6, live: 6, full: 6 });
    }
}

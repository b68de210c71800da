//! Rectangles painted over the mask. The last one that holds a cell decides it.

use super::Patch;

/// Most cells of a patch that are held against what lies below it; a larger one is kept as it is.
const CELLS: usize = 4096;

impl Patch {
    /// Whether it decides a cell.
    fn holds(&self, head: usize, q: usize, k: usize) -> bool {
        let within = |[from, to]: [usize; 2], at: usize| (from..to).contains(&at);
        self.head.is_none_or(|own| own == head) && within(self.q, q) && within(self.k, k)
    }

    /// Whether it decides every cell that `other` does.
    fn covers(&self, other: &Patch) -> bool {
        let within = |[from, to]: [usize; 2], inner: [usize; 2]| from <= inner[0] && inner[1] <= to;
        (self.head.is_none() || self.head == other.head) && within(self.q, other.q) && within(self.k, other.k)
    }
}

/// Paints `patch` over the others: those that it hides go, and so does itself where nothing would change, so that a cell switched there and
/// back leaves nothing behind. `pattern` says what the mask allows without paint (head, query, key), for `heads` heads.
///
/// Older patches that have come to agree with the mask stay: it may change back.
pub fn put(paint: &mut Vec<Patch>, patch: Patch, heads: usize, pattern: impl Fn(usize, usize, usize) -> bool) {
    paint.retain(|old| !patch.covers(old));
    let below = |head, q, k| {
        let painted = paint.iter().rev().find(|old| old.holds(head, q, k));
        painted.map_or_else(|| pattern(head, q, k), |old| old.allow)
    };
    let heads = patch.head.map_or(0..heads, |head| head..head + 1);
    let [height, width] = [patch.q, patch.k].map(|[from, to]| to.saturating_sub(from));
    let few = heads.len().saturating_mul(height).saturating_mul(width) <= CELLS;
    let mut cells = heads
        .flat_map(|h| (patch.q[0]..patch.q[1]).flat_map(move |q| (patch.k[0]..patch.k[1]).map(move |k| (h, q, k))));
    if !few || cells.any(|(h, q, k)| below(h, q, k) != patch.allow) {
        paint.push(patch);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A causal mask, in head 1 an open one.
    fn pattern(head: usize, q: usize, k: usize) -> bool {
        k <= q || head == 1
    }

    fn cell(head: Option<usize>, q: usize, k: usize, allow: bool) -> Patch {
        Patch { head, q: [q, q + 1], k: [k, k + 1], allow }
    }

    fn painted(patches: &[Patch]) -> Vec<Patch> {
        let mut paint = Vec::new();
        patches.iter().for_each(|&patch| put(&mut paint, patch, 2, pattern));
        paint
    }

    #[test]
    fn what_equals_the_pattern_below_leaves_nothing() {
        let off = cell(None, 3, 1, false);
        assert_eq!(painted(&[off]), [off]);
        assert_eq!(painted(&[off, cell(None, 3, 1, true)]), []);
        assert_eq!(painted(&[cell(None, 3, 1, true)]), []);
        // Above the diagonal the heads differ: for both at once the patch says something.
        let on = cell(None, 0, 2, true);
        assert_eq!(painted(&[on]), [on]);
        assert_eq!(painted(&[cell(Some(1), 0, 2, true)]), []);
        assert_eq!(painted(&[cell(Some(0), 0, 2, false)]), []);
    }

    #[test]
    fn below_a_patch_lie_the_older_ones() {
        let block = Patch { head: None, q: [0, 4], k: [0, 4], allow: false };
        let hole = cell(None, 3, 1, true);
        assert_eq!(painted(&[block, hole]), [block, hole]);
        assert_eq!(painted(&[block, hole, cell(None, 3, 1, false)]), [block]);
        assert_eq!(painted(&[hole, cell(None, 2, 1, false), block]), [block], "what is hidden goes");
        assert_eq!(painted(&[cell(Some(0), 3, 1, false), cell(Some(1), 3, 1, false)]).len(), 2);
    }

    #[test]
    fn a_large_rectangle_is_kept_unread() {
        let all = Patch { head: None, q: [0, 4096], k: [0, 4096], allow: true };
        let mut paint = Vec::new();
        put(&mut paint, all, 32, |_, _, _| true);
        assert_eq!(paint, [all]);
    }
}

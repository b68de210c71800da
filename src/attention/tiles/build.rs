//! Building a tile map: bounds over squares of tiles, halved where they leave it open, each kind of square once.

use std::ops::Range;

use super::memo::Memo;
use super::{Coverage, EMPTY, FULL, INNER, PARTIAL};
use crate::attention::plan::Plan;
use crate::attention::rules::RowRules;
use crate::experiment::Patch;
use crate::formula;

/// Cells that a map may evaluate one by one. A mask without structure (random cells) would otherwise cost n² before anything is computed;
/// tiles past it stay [`Coverage::Partial`], which is always right, only slower.
pub(super) const MAX_CELLS: u64 = 1 << 24;

/// Rectangles that may be put to the bounds; squares left open after that are partial as a whole.
pub(super) const MAX_RECTANGLES: u64 = 1 << 19;

/// What building a map cost.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Effort {
    /// Rectangles put to the formulas' bounds.
    pub rectangles: u64,
    /// Cells evaluated one by one.
    pub cells: u64,
}

/// Sums over a square of tiles.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Totals {
    pub full: u64,
    pub partial: u64,
    /// Cells of tiles that are not empty.
    pub live_cells: u64,
    /// Allowed cells, where they are known.
    pub pairs: u64,
    /// Tiles that nothing was found out about: the effort had reached its limits.
    pub unseen: u64,
}

impl Totals {
    fn add(&mut self, other: Totals) {
        self.full += other.full;
        self.partial += other.partial;
        self.live_cells += other.live_cells;
        self.pairs += other.pairs;
        self.unseen += other.unseen;
    }
}

/// A square that the bounds left open; its node is made already.
struct Square {
    row: usize,
    col: usize,
    /// Painted rectangles that touch it, in order.
    near: Vec<usize>,
}

pub(super) struct Builder<'a> {
    pub plan: &'a Plan,
    pub rules: &'a mut RowRules,
    /// Batch and head.
    pub at: (usize, usize),
    /// Cells of a tile.
    pub tile: (usize, usize),
    /// Tiles of the grid.
    pub size: (usize, usize),
    /// Ids of the quarters of each square that is divided: upper left, upper right, lower left, lower right.
    pub nodes: Vec<[u32; 4]>,
    /// Sums of each, without those of quarters that are divided themselves.
    pub totals: Vec<Totals>,
    pub effort: Effort,
    key: Vec<i64>,
    cells: Vec<u8>,
}

impl<'a> Builder<'a> {
    pub fn new(
        plan: &'a Plan,
        rules: &'a mut RowRules,
        at: (usize, usize),
        tile: (usize, usize),
        size: (usize, usize),
    ) -> Self {
        let (nodes, totals, key, cells) = (Vec::new(), Vec::new(), Vec::new(), vec![0; tile.1]);
        Self { plan, rules, at, tile, size, nodes, totals, effort: Effort::default(), key, cells }
    }

    /// Decides the square of `side × side` tiles that holds the grid, and sums over it. All squares of one size before any smaller one, so that what is
    /// left when the effort reaches its limits is spread over the whole map. Edges at powers of two let the bounds use known bits.
    pub fn build(&mut self, side: usize) -> (u32, Totals) {
        let patches = (0..self.plan.paint.len()).filter(|&i| self.plan.paint[i].head.is_none_or(|h| h == self.at.1));
        let whole = Square { row: 0, col: 0, near: patches.collect() };
        let (mut open, mut totals) = (Vec::new(), Totals::default());
        let root = self.visit(whole, side, &mut Memo::new(), &mut open, &mut totals);
        let mut side = side;
        while !open.is_empty() {
            side /= 2;
            let (mut memo, mut next) = (Memo::new(), Vec::new());
            // Nodes of a level follow one another, as their squares do.
            let first = self.nodes.len() - open.len();
            for (i, square) in open.into_iter().enumerate() {
                let Square { row, col, near } = square;
                let mut own = Totals::default();
                for (quarter, (r, c)) in [(0, 0), (0, side), (side, 0), (side, side)].into_iter().enumerate() {
                    let square = Square { row: row + r, col: col + c, near: near.clone() };
                    self.nodes[first + i][quarter] = self.visit(square, side, &mut memo, &mut next, &mut own);
                }
                self.totals[first + i] = own;
            }
            open = next;
        }
        // Quarters come after what they are quarters of.
        for i in (0..self.nodes.len()).rev() {
            for id in self.nodes[i] {
                if let Some(inner) = id.checked_sub(INNER) {
                    let of = self.totals[inner as usize];
                    self.totals[i].add(of);
                }
            }
        }
        if let Some(inner) = root.checked_sub(INNER) {
            totals.add(self.totals[inner as usize]);
        }
        (root, totals)
    }

    /// The id of a square of `side × side` tiles, as far as it lies in the grid; sums over it go to `own` unless it is divided.
    fn visit(&mut self, square: Square, side: usize, memo: &mut Memo, open: &mut Vec<Square>, own: &mut Totals) -> u32 {
        let Square { row, col, mut near } = square;
        if row >= self.size.0 || col >= self.size.1 {
            return EMPTY;
        }
        let q = row * self.tile.0..((row + side) * self.tile.0).min(self.plan.dims.n_q);
        let k = col * self.tile.1..((col + side) * self.tile.1).min(self.plan.dims.n_k);
        let cells = (q.len() * k.len()) as u64;
        let tiles = (side.min(self.size.0 - row) * side.min(self.size.1 - col)) as u64;
        near.retain(|&i| touches(&self.plan.paint[i], &q, &k));
        let mut said = Coverage::Partial;
        let mut unseen = tiles;
        let asked = self.effort.rectangles < MAX_RECTANGLES;
        if asked {
            said = self.bounds(&q, &k, &near);
            unseen = 0;
        }
        if said == Coverage::Partial && asked {
            if side > 1 {
                let (nodes, totals) = (&mut self.nodes, &mut self.totals);
                return memo.get_or(&self.key, || {
                    nodes.push([EMPTY; 4]);
                    totals.push(Totals::default());
                    open.push(Square { row, col, near });
                    (nodes.len() - 1) as u32 + INNER
                });
            }
            // What was found in a tile: how many cells are allowed, or one more than there are where it was not looked at.
            let mut key = std::mem::take(&mut self.key);
            let allowed = u64::from(memo.get_or(&key, || self.count(&q, &k).unwrap_or(cells as u32 + 1)));
            key.clear();
            self.key = key;
            match allowed {
                0 => said = Coverage::Empty,
                all if all == cells => said = Coverage::Full,
                some if some < cells => own.pairs += some,
                _ => unseen = 1,
            }
        }
        own.unseen += unseen;
        match said {
            Coverage::Empty => return EMPTY,
            Coverage::Full => {
                own.full += tiles;
                own.pairs += cells;
            }
            Coverage::Partial => own.partial += tiles,
        }
        own.live_cells += cells;
        if said == Coverage::Full { FULL } else { PARTIAL }
    }

    /// What the formulas' bounds and the painted rectangles say together. `Partial` means: not known from here; then `key` tells what the square holds
    /// from what others hold.
    fn bounds(&mut self, q: &Range<usize>, k: &Range<usize>, patches: &[usize]) -> Coverage {
        let (mut some_allowed, mut some_masked) = (false, false);
        self.key.clear();
        self.key.extend([q.len() as i64, k.len() as i64]);
        // The last rectangle wins, so the first one from the end that holds everything decides what lies below the ones after it.
        let mut base = None;
        for &i in patches.iter().rev() {
            let patch = &self.plan.paint[i];
            if patch.q[0] <= q.start && q.end <= patch.q[1] && patch.k[0] <= k.start && k.end <= patch.k[1] {
                base = Some(if patch.allow { Coverage::Full } else { Coverage::Empty });
                break;
            }
            if patch.allow {
                some_allowed = true;
            } else {
                some_masked = true;
            }
        }
        if some_allowed || some_masked {
            // Paint does not repeat.
            self.key.extend([q.start as i64, k.start as i64]);
        }
        if some_allowed && some_masked {
            return Coverage::Partial;
        }
        match base.unwrap_or_else(|| self.formulas(q, k)) {
            Coverage::Full if !some_masked => Coverage::Full,
            Coverage::Empty if !some_allowed => Coverage::Empty,
            _ => Coverage::Partial,
        }
    }

    /// All masks, and-ed, by their bounds.
    fn formulas(&mut self, q: &Range<usize>, k: &Range<usize>) -> Coverage {
        self.effort.rectangles += 1;
        let ends = |range: &Range<usize>| (range.start as i32, range.end as i32);
        let mut all_full = true;
        for (i, mask) in (1..).zip(&self.plan.masks) {
            self.key.push(-i);
            match mask.signed_coverage(self.at.0 as i32, self.at.1 as i32, ends(q), ends(k), &mut self.key) {
                formula::Coverage::Empty => return Coverage::Empty,
                formula::Coverage::Full => {}
                formula::Coverage::Mixed => all_full = false,
            }
        }
        if all_full { Coverage::Full } else { Coverage::Partial }
    }

    /// Allowed cells of one tile, by looking at every one; `None` past the limit.
    fn count(&mut self, q: &Range<usize>, k: &Range<usize>) -> Option<u32> {
        let size = (q.len() * k.len()) as u64;
        if self.effort.cells + size > MAX_CELLS {
            return None;
        }
        self.effort.cells += size;
        let mut allowed = 0;
        let cells = &mut self.cells[..k.len()];
        for row in q.clone() {
            self.rules.begin_row(self.plan, self.at.0, self.at.1, row);
            self.rules.mask(self.plan, k.start, cells);
            allowed += cells.iter().map(|&cell| u32::from(cell)).sum::<u32>();
        }
        Some(allowed)
    }
}

fn touches(patch: &Patch, q: &Range<usize>, k: &Range<usize>) -> bool {
    patch.q[0] < q.end && q.start < patch.q[1] && patch.k[0] < k.end && k.start < patch.k[1]
}

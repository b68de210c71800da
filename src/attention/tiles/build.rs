//! Building a map of many tiles: bounds over squares of tiles, halved where they leave it open, each kind of square once.

use std::ops::Range;

use super::look::{Built, Effort, Grid, MAX_RECTANGLES, Painted, Totals, touches};
use super::memo::Memo;
use super::{Coverage, EMPTY, FULL, INNER, PARTIAL};
use crate::attention::plan::Plan;
use crate::attention::rules::RowRules;
use crate::formula;

/// The map of a mask.
pub fn build(plan: &Plan, rules: &mut RowRules, grid: &Grid) -> Built {
    let (nodes, totals, key, cells) = (Vec::new(), Vec::new(), Vec::new(), vec![0; grid.tile.1]);
    let mut builder = Builder { plan, rules, grid, nodes, totals, effort: Effort::default(), key, cells };
    let (root, totals) = builder.build();
    let Builder { mut nodes, effort, .. } = builder;
    nodes.shrink_to_fit();
    Built { root, nodes, totals, effort }
}

/// A square that the bounds left open; its node is made already.
struct Square {
    row: usize,
    col: usize,
    /// Painted rectangles that touch it, in order.
    near: Vec<usize>,
}

struct Builder<'a> {
    plan: &'a Plan,
    rules: &'a mut RowRules,
    grid: &'a Grid,
    nodes: Vec<[u32; 4]>,
    /// Sums of each node, without those of quarters that are divided themselves.
    totals: Vec<Totals>,
    effort: Effort,
    /// What the square looked at last holds, said from what others hold.
    key: Vec<i64>,
    cells: Vec<u8>,
}

impl Builder<'_> {
    /// Decides the square that holds the grid, and sums over it. All squares of one size before any smaller one, so that what is left when the effort
    /// reaches its limits is spread over the whole map. Edges at powers of two let the bounds use known bits.
    fn build(&mut self) -> (u32, Totals) {
        let whole = Square { row: 0, col: 0, near: self.grid.painted(self.plan) };
        let (mut open, mut totals) = (Vec::new(), Totals::default());
        let mut side = self.grid.side;
        let root = self.visit(whole, side, &mut Memo::new(), &mut open, &mut totals);
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
                    add(&mut self.totals[i], of);
                }
            }
        }
        if let Some(inner) = root.checked_sub(INNER) {
            add(&mut totals, self.totals[inner as usize]);
        }
        (root, totals)
    }

    /// The id of a square of `side × side` tiles, as far as it lies in the grid; sums over it go to `own` unless it is divided.
    fn visit(&mut self, square: Square, side: usize, memo: &mut Memo, open: &mut Vec<Square>, own: &mut Totals) -> u32 {
        let Square { row, col, mut near } = square;
        let Some((q, k, tiles)) = self.grid.square(self.plan, row, col, side) else { return EMPTY };
        let cells = (q.len() * k.len()) as u64;
        near.retain(|&i| touches(&self.plan.paint[i], &q, &k));
        let (mut said, mut unseen) = (Coverage::Partial, tiles);
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
            let Self { plan, rules, grid, effort, key, cells: scratch, .. } = self;
            let look = || grid.count(plan, rules, &q, &k, scratch, effort).unwrap_or(cells + 1) as u32;
            match u64::from(memo.get_or(key, look)) {
                0 => said = Coverage::Empty,
                all if all == cells => said = Coverage::Full,
                some if some < cells => own.pairs += some,
                _ => unseen = 1,
            }
        }
        own.unseen += unseen;
        own.take(said, tiles, cells);
        match said {
            Coverage::Empty => EMPTY,
            Coverage::Full => FULL,
            Coverage::Partial => PARTIAL,
        }
    }

    /// What the formulas' bounds and the painted rectangles say together. `Partial` means: not known from here; then `key` tells what the square holds
    /// from what others hold.
    fn bounds(&mut self, q: &Range<usize>, k: &Range<usize>, near: &[usize]) -> Coverage {
        self.key.clear();
        self.key.extend([q.len() as i64, k.len() as i64]);
        let painted = Painted::of(self.plan, q, k, near);
        if painted.in_part() {
            // Paint does not repeat.
            self.key.extend([q.start as i64, k.start as i64]);
        }
        painted.over(|| self.formulas(q, k))
    }

    /// All masks, and-ed, by their bounds.
    fn formulas(&mut self, q: &Range<usize>, k: &Range<usize>) -> Coverage {
        self.effort.rectangles += 1;
        let ends = |range: &Range<usize>| (range.start as i32, range.end as i32);
        let mut said = Coverage::Full;
        for (i, mask) in (1..).zip(&self.plan.masks) {
            self.key.push(-i);
            let (batch, head) = self.grid.at;
            match mask.signed_coverage(batch as i32, head as i32, ends(q), ends(k), &mut self.key) {
                formula::Coverage::Empty => return Coverage::Empty,
                formula::Coverage::Full => {}
                formula::Coverage::Mixed => said = Coverage::Partial,
            }
        }
        said
    }
}

fn add(to: &mut Totals, other: Totals) {
    to.full += other.full;
    to.partial += other.partial;
    to.live_cells += other.live_cells;
    to.pairs += other.pairs;
    to.unseen += other.unseen;
}

//! Building a map of few tiles: bounds over squares of tiles, halved where they leave it open, each by itself. It is all that the page's first view needs.

use std::ops::Range;

use super::look::{Built, Effort, Grid, MAX_RECTANGLES, Painted, Totals, touches};
use super::{Coverage, EMPTY, FULL, INNER, PARTIAL};
use crate::attention::plan::Plan;
use crate::attention::rules::RowRules;
use crate::formula;

/// The map of a mask.
pub(super) fn build(plan: &Plan, rules: &mut RowRules, grid: &Grid) -> Built {
    let built = Built { root: EMPTY, nodes: Vec::new(), totals: Totals::default(), effort: Effort::default() };
    let mut builder = Builder { plan, rules, grid, built, cells: vec![0; grid.tile.1] };
    let root = builder.visit((0, 0), grid.side, &grid.painted(plan));
    Built { root, ..builder.built }
}

struct Builder<'a> {
    plan: &'a Plan,
    rules: &'a mut RowRules,
    grid: &'a Grid,
    built: Built,
    cells: Vec<u8>,
}

impl Builder<'_> {
    /// The id of the square of `side × side` tiles at a row and a column of the grid; `near` are painted rectangles that may touch it.
    fn visit(&mut self, (row, col): (usize, usize), side: usize, near: &[usize]) -> u32 {
        let Some((q, k, tiles)) = self.grid.square(self.plan, row, col, side) else { return EMPTY };
        let cells = (q.len() * k.len()) as u64;
        let near: Vec<usize> = near.iter().copied().filter(|&i| touches(&self.plan.paint[i], &q, &k)).collect();
        let asked = self.built.effort.rectangles < MAX_RECTANGLES;
        let mut said = Coverage::Partial;
        if asked {
            said = Painted::of(self.plan, &q, &k, &near).over(|| self.formulas(&q, &k));
        }
        if said == Coverage::Partial && asked && side > 1 {
            let half = side / 2;
            let corners = [(row, col), (row, col + half), (row + half, col), (row + half, col + half)];
            let quarters = corners.map(|corner| self.visit(corner, half, &near));
            self.built.nodes.push(quarters);
            return (self.built.nodes.len() - 1) as u32 + INNER;
        }
        let Built { totals, effort, .. } = &mut self.built;
        if said == Coverage::Partial {
            let looked =
                if asked { self.grid.count(self.plan, self.rules, &q, &k, &mut self.cells, effort) } else { None };
            match looked {
                Some(0) => said = Coverage::Empty,
                Some(all) if all == cells => said = Coverage::Full,
                Some(some) => totals.pairs += some,
                None => totals.unseen += tiles,
            }
        }
        totals.take(said, tiles, cells);
        match said {
            Coverage::Empty => EMPTY,
            Coverage::Full => FULL,
            Coverage::Partial => PARTIAL,
        }
    }

    /// All masks, and-ed, by their bounds.
    fn formulas(&mut self, q: &Range<usize>, k: &Range<usize>) -> Coverage {
        self.built.effort.rectangles += 1;
        let within = |range: &Range<usize>| range.start as i32..range.end as i32;
        let mut said = Coverage::Full;
        for mask in &self.plan.masks {
            match mask.coverage(self.grid.at.0 as i32, self.grid.at.1 as i32, within(q), within(k)) {
                formula::Coverage::Empty => return Coverage::Empty,
                formula::Coverage::Full => {}
                formula::Coverage::Mixed => said = Coverage::Partial,
            }
        }
        said
    }
}

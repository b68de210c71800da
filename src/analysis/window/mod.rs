//! The part of a map that is looked at: zooming, moving, and how far cells have to be merged to be drawn.
//!
//! A window holds whole cells. It is the same arithmetic along both axes, on spans `[from, to]` of `n` cells; places inside a window are shares of
//! its length, 0 at its start and 1 at its end.

mod tiles;

pub use tiles::{BATCH, Composed, Looked, Store, Tile, batch, request, sample};

use crate::experiment::View;

/// Fewest cells along a side that are shown alone, where there are so many.
pub const LEAST: usize = 4;
/// Most pixels of a picture along a side: beyond, cells are merged in squares.
pub const PIXELS: usize = 640;
/// Most cells that are merged exactly before anything is shown; of more a sample comes first.
pub const EXACT: usize = 2048 * 2048;
/// Most tokens on either side that are joined by lines.
pub const LINES: usize = 64;

/// Queries and keys that are looked at, ends exclusive; never empty where there are cells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// Queries.
    pub q: [usize; 2],
    /// Keys.
    pub k: [usize; 2],
}

impl Window {
    /// All of `n_q × n_k` cells.
    pub fn whole([n_q, n_k]: [usize; 2]) -> Self {
        Self { q: [0, n_q], k: [0, n_k] }
    }

    /// What a view looks at, brought inside `n_q × n_k` cells.
    pub fn of(view: &View, [n_q, n_k]: [usize; 2]) -> Self {
        Self { q: inside(view.rows, n_q), k: inside(view.columns, n_k) }
    }

    /// Makes a view look at it: what is whole has no place in a link.
    pub fn put(self, [n_q, n_k]: [usize; 2], view: &mut View) {
        view.rows = (self.q != [0, n_q]).then_some(self.q);
        view.columns = (self.k != [0, n_k]).then_some(self.k);
    }

    /// Rows and columns.
    pub fn size(self) -> [usize; 2] {
        [self.q[1] - self.q[0], self.k[1] - self.k[0]]
    }

    /// Number of cells.
    pub fn cells(self) -> usize {
        let [rows, columns] = self.size();
        rows.saturating_mul(columns)
    }

    /// With sides `factor` times as long, so that what lies at the share `from` (of rows, of columns) afterwards lies at `to`. A factor of 1 moves it.
    #[must_use]
    pub fn held(self, [n_q, n_k]: [usize; 2], factor: f64, from: [f64; 2], to: [f64; 2]) -> Self {
        Self { q: held(self.q, n_q, factor, from[0], to[0]), k: held(self.k, n_k, factor, from[1], to[1]) }
    }

    /// Zoomed about a share: in below 1, out above.
    #[must_use]
    pub fn zoomed(self, sizes: [usize; 2], factor: f64, at: [f64; 2]) -> Self {
        self.held(sizes, factor, at, at)
    }

    /// Moved by parts of its own sides.
    #[must_use]
    pub fn moved(self, sizes: [usize; 2], [down, right]: [f64; 2]) -> Self {
        self.held(sizes, 1.0, [down, right], [0.0, 0.0])
    }

    /// Moved no farther than it takes to show a cell.
    #[must_use]
    pub fn showing(self, [n_q, n_k]: [usize; 2], (q, k): (usize, usize)) -> Self {
        Self { q: showing(self.q, n_q, q), k: showing(self.k, n_k, k) }
    }

    /// With a cell in the middle.
    #[must_use]
    pub fn centred(self, [n_q, n_k]: [usize; 2], (q, k): (usize, usize)) -> Self {
        let about = |span: [usize; 2], n: usize, at: usize| {
            let length = span[1] - span[0];
            let from = at.saturating_sub(length / 2).min(n.saturating_sub(length));
            [from, from + length]
        };
        Self { q: about(self.q, n_q, q), k: about(self.k, n_k, k) }
    }

    /// The cell of it that lies nearest to another.
    pub fn nearest(self, (q, k): (usize, usize)) -> (usize, usize) {
        let near = |at: usize, [from, to]: [usize; 2]| at.min(to.saturating_sub(1)).max(from);
        (near(q, self.q), near(k, self.k))
    }

    /// The share at which the middle of a cell lies, brought inside.
    pub fn share(self, cell: (usize, usize)) -> [f64; 2] {
        let (q, k) = self.nearest(cell);
        let at = |at: usize, [from, to]: [usize; 2]| (at.saturating_sub(from) as f64 + 0.5) / (to - from).max(1) as f64;
        [at(q, self.q), at(k, self.k)]
    }

    /// Cells along the side of a square that is one pixel: a power of two, so that neighbouring windows share their pixels.
    pub fn block(self) -> usize {
        let [rows, columns] = self.size();
        rows.max(columns).div_ceil(PIXELS).next_power_of_two()
    }

    /// Grown to whole pixels of [`Self::block`] cells, which begin at cell 0.
    #[must_use]
    pub fn on_pixels(self, [n_q, n_k]: [usize; 2]) -> Self {
        let block = self.block();
        let grown = |[from, to]: [usize; 2], n: usize| [from / block * block, to.next_multiple_of(block).min(n)];
        Self { q: grown(self.q, n_q), k: grown(self.k, n_k) }
    }

    /// At most `most` cells along each side, about a cell where it has more.
    #[must_use]
    pub fn at_most(self, most: usize, cell: (usize, usize)) -> Self {
        let (q, k) = self.nearest(cell);
        let cut = |[from, to]: [usize; 2], at: usize| {
            let length = (to - from).min(most);
            let from = at.saturating_sub(length / 2).max(from).min(to - length);
            [from, from + length]
        };
        Self { q: cut(self.q, q), k: cut(self.k, k) }
    }
}

/// Fingers that take hold of a window: from two places inside a field of some size, in pixels, to two others. Their distance zooms, their middle moves.
pub fn pinched(window: Window, sizes: [usize; 2], field: [f64; 2], from: [[f64; 2]; 2], to: [[f64; 2]; 2]) -> Window {
    let apart = |[a, b]: [[f64; 2]; 2]| (a[0] - b[0]).hypot(a[1] - b[1]).max(1.0);
    let middle = |[a, b]: [[f64; 2]; 2]| {
        [0, 1].map(|axis| (a[axis] + b[axis]) / 2.0 / if field[axis] > 0.0 { field[axis] } else { 1.0 })
    };
    window.held(sizes, apart(from) / apart(to), middle(from), middle(to))
}

/// A span brought inside `n` cells.
fn inside(span: Option<[usize; 2]>, n: usize) -> [usize; 2] {
    let Some([from, to]) = span else { return [0, n] };
    let length = to.saturating_sub(from).max(LEAST).min(n);
    let from = from.min(n - length);
    [from, from + length]
}

fn held(span: [usize; 2], n: usize, factor: f64, before: f64, after: f64) -> [usize; 2] {
    let length = span[1] - span[0];
    let least = LEAST.min(n);
    // Small steps of a wheel must lead somewhere, however few cells there are.
    let wanted = match (length as f64 * factor).round() as usize {
        same if same == length && factor < 1.0 => length.saturating_sub(1),
        same if same == length && factor > 1.0 => length + 1,
        other => other,
    };
    let new = wanted.max(least).min(n);
    let cell = span[0] as f64 + before * length as f64;
    // Negative numbers become 0.
    let from = (cell - after * new as f64).round() as usize;
    let from = from.min(n - new);
    [from, from + new]
}

fn showing([from, to]: [usize; 2], n: usize, at: usize) -> [usize; 2] {
    let at = at.min(n.saturating_sub(1));
    if at < from {
        [at, at + (to - from)]
    } else if at >= to {
        [at + 1 - (to - from), at + 1]
    } else {
        [from, to]
    }
}

/// Steps between labels: 1, 2, 5, 10, 20, … so that at most `most` of `count` remain.
pub fn step(count: usize, most: usize) -> usize {
    let mut ten = 1;
    loop {
        for step in [ten, 2 * ten, 5 * ten] {
            if count.div_ceil(step) <= most.max(1) {
                return step;
            }
        }
        ten *= 10;
    }
}

#[cfg(test)]
mod tests;

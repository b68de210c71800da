//! Code that the problem of the page's first view needs none of: positions of every kind, and maps of many tiles. In the page's program a worker fetches it
//! for the first problem that needs it; everywhere else it is simply there.

use super::Plan;
use super::dims::Dims;
use super::plan::{Encodings, Turns};
use super::problem::{Encoding, Problem};
use super::rotation::Rotation;
use super::rules::RowRules;
use super::tiles::{Built, Grid, many};
use crate::experiment::Issue;

/// [`Encodings::new`].
pub type MakeEncodings = fn(&Encoding, &Dims, &[i32]) -> Encodings;
/// [`Turns::new`].
pub type MakeTurns = fn(&Rotation, &Dims, &[i32]) -> Turns;
/// Everything wrong with the real numbers of a problem.
pub type CheckReals = fn(&Problem, &mut Vec<Issue>);
/// [`super::tiles::build::build`].
pub type MakeTiles = fn(&Plan, &mut RowRules, &Grid) -> Built;

/// Whether a problem is computed rightly, and in tiles of `tile` (rows, keys) without delay, only when this code is there.
pub fn wanted(problem: &Problem, tile: (usize, usize)) -> bool {
    problem.encoding.is_some()
        || problem.rotation.is_some()
        || (problem.masked() && many(problem.dims.n_q, problem.dims.n_k, tile))
}

#[cfg(feature = "app")]
mod here {
    use std::sync::OnceLock;

    use super::{CheckReals, MakeEncodings, MakeTiles, MakeTurns};
    use crate::attention::{plan, tiles};

    // One for each function, as for `lowering`'s.
    static ENCODINGS: OnceLock<MakeEncodings> = OnceLock::new();
    static TURNS: OnceLock<MakeTurns> = OnceLock::new();
    static CHECK: OnceLock<CheckReals> = OnceLock::new();
    static TILES: OnceLock<MakeTiles> = OnceLock::new();

    /// Makes the code known; the pieces of the program that hold it call this.
    pub fn install() {
        ENCODINGS.get_or_init(|| plan::Encodings::new);
        TURNS.get_or_init(|| plan::Turns::new);
        CHECK.get_or_init(|| plan::check_reals);
        TILES.get_or_init(|| tiles::build::build);
    }

    /// Whether the code is there.
    pub fn is_here() -> bool {
        TILES.get().is_some()
    }

    pub fn encodings() -> Option<MakeEncodings> {
        ENCODINGS.get().copied()
    }

    pub fn turns() -> Option<MakeTurns> {
        TURNS.get().copied()
    }

    pub fn check() -> Option<CheckReals> {
        CHECK.get().copied()
    }

    pub fn tiles() -> Option<MakeTiles> {
        TILES.get().copied()
    }
}

#[cfg(not(feature = "app"))]
mod here {
    use super::{CheckReals, MakeEncodings, MakeTiles, MakeTurns};
    use crate::attention::{plan, tiles};

    pub fn encodings() -> Option<MakeEncodings> {
        Some(plan::Encodings::new)
    }

    pub fn turns() -> Option<MakeTurns> {
        Some(plan::Turns::new)
    }

    pub fn check() -> Option<CheckReals> {
        Some(plan::check_reals)
    }

    pub fn tiles() -> Option<MakeTiles> {
        Some(tiles::build::build)
    }
}

pub(super) use here::{check, encodings, tiles, turns};
#[cfg(feature = "app")]
pub use here::{install, is_here};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::attention::Term;

    #[test]
    fn only_positions_and_masks_of_many_tiles_want_it() {
        let sizes = |n: usize| Dims { batch: 1, q_heads: 2, kv_heads: 2, n_q: n, n_k: n, d: 4, d_v: 4 };
        let wanted = |n: usize, change: fn(&mut Problem)| {
            let mut problem = Problem::plain(sizes(n));
            change(&mut problem);
            wanted(&problem, (48, 64))
        };
        assert!(!wanted(1 << 20, |_| {}));
        let causal = |problem: &mut Problem| problem.masks.push(Term::new("mask", "k <= q_pos"));
        assert!(!wanted(512, causal) && wanted(1024, causal));
        assert!(wanted(4, |problem| problem.rotation = Some(Rotation::new(100.0, 4, false))));
        assert!(wanted(4, |problem| problem.encoding = Some(Encoding::Sinusoidal { base: 100.0, gain: 1.0 })));
    }
}

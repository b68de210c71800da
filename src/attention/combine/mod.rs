//! Patterns joined with the mask: and, or, in its place; their contraries; for all heads or for some. What comes out is one mask formula, which
//! every back-end reads as any other, and the patterns' parts of the score, each where its own pattern holds.
//!
//! The page fetches the code of it with the rest of the catalogue; everywhere else it is simply there.

mod lower;
mod open;
mod opening;
mod own;

use super::choose::{Chooser, Pattern};
use super::problem::{Problem, Term};
use crate::experiment::Layer;

pub(super) use lower::Names;
pub use opening::{BRANCH, Opening, opens};
pub use own::{own_joined, own_mask, own_mix, own_position, own_probability, own_softcap};

/// One mask and the parts of the score, of a pattern and the layers over it.
type Lower = fn(&mut Chooser, Pattern, &[Layer]) -> (Option<Term>, Vec<Term>);

#[cfg(feature = "app")]
static LOWER: std::sync::OnceLock<Lower> = std::sync::OnceLock::new();

/// Makes the code known on the page; the piece of the program that holds it calls this.
#[cfg(feature = "app")]
pub fn install() {
    LOWER.get_or_init(|| lower::lower);
}

#[cfg(feature = "app")]
fn lower() -> Option<Lower> {
    LOWER.get().copied()
}

#[cfg(not(feature = "app"))]
fn lower() -> Option<Lower> {
    Some(lower::lower)
}

/// Puts a pattern with the layers over it into the slots of the problem. Without layers it is the pattern alone, its formula as it was written.
pub(super) fn combine(chooser: &mut Chooser, problem: &mut Problem, pattern: Pattern, layers: &[Layer]) {
    let Some(lower) = lower().filter(|_| !layers.is_empty()) else {
        // Layers without their code: entries that are not here yet are refused in the same way, by the check.
        if !layers.is_empty() {
            let missing = crate::catalogue::Text::new(
                "needs a part of the page that has not arrived",
                "需要页面中尚未加载的部分",
            );
            chooser.issues.push(crate::experiment::Issue::new("combine", missing));
        }
        return chooser.place(problem, pattern);
    };
    let (mask, scores) = lower(chooser, pattern, layers);
    problem.masks.extend(mask);
    scores.into_iter().for_each(|term| chooser.bias(problem, term));
}

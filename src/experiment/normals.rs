//! Which rule makes the seeded normal numbers of an input.

use serde::{Deserialize, Serialize};

/// What becomes of a number that Box and Muller's formula gives in double precision.
///
/// Logarithms and cosines of two libraries may differ in the last place. Rounded to multiples of 2^-16 the numbers are the same bits in every language: of all
/// doubles about one in 2^36 lies so near to the middle of two multiples that the last place decides. The change is at most 2^-17, and each is exact in single precision.
///
/// A link from before the rule says nothing of it and keeps its numbers; what is chosen on the page since then is rounded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Normals {
    /// As the formula gives them.
    #[default]
    Unrounded,
    /// The nearest multiple of 2^-16, of two the even one.
    Rounded,
}

impl Normals {
    /// Whether links and files say nothing of it.
    pub(super) fn unsaid(&self) -> bool {
        *self == Self::Unrounded
    }
}

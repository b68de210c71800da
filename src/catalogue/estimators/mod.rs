//! Structured and inexact mechanisms that stand in attention's place, and baselines. What computes them is in `attention::estimators`; the page
//! shows each with its distance from exact attention on the same input.

mod approximate;
mod baselines;
mod linear;
mod structured;

use super::entry::{CostClass, Paper, Param, Text};
use crate::formula::Ty;

/// Which keys a query may see.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// All, or those up to its own place: as the mask says.
    Both,
    /// Those up to its own place only.
    Causal,
    /// All only.
    Bidirectional,
}

impl Direction {
    /// Its name in the API.
    pub fn name(self) -> &'static str {
        match self {
            Self::Both => "both",
            Self::Causal => "causal",
            Self::Bidirectional => "bidirectional",
        }
    }
}

/// What kind of mechanism it is; menus go by it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Family {
    /// Keys and values are added up in a state.
    Linear,
    /// The matrix of weights is approximated.
    Approximate,
    /// Tokens are taken together in blocks.
    Structured,
    /// Approximates nothing: another way to mix tokens.
    Baseline,
}

impl Family {
    /// In the order of the menu.
    pub const ALL: [Self; 4] = [Self::Linear, Self::Approximate, Self::Structured, Self::Baseline];

    /// Its name.
    pub fn name(self) -> Text {
        match self {
            Self::Linear => Text::new("Linear attention", "线性注意力"),
            Self::Approximate => Text::new("Approximations", "近似方法"),
            Self::Structured => Text::new("Blocks and levels", "分块与层级"),
            Self::Baseline => Text::new("Baselines", "基线"),
        }
    }
}

/// An estimator.
#[derive(Clone, Copy, Debug)]
pub struct EstimatorEntry {
    /// Stable id, in links and the API.
    pub id: &'static str,
    /// Name.
    pub name: Text,
    /// One sentence: what it does.
    pub about: Text,
    /// Its kind.
    pub family: Family,
    /// Its formula, for reading.
    pub formula: &'static str,
    /// The same line by line in the notation of formulas: outer products `outer(k, v)` make a state `S`, a row times a state reads it; capitals are seeded.
    pub written: &'static [&'static str],
    /// Declared parameters.
    pub params: &'static [Param],
    /// Names of a parameter's whole numbers, from 0 on, where they are no amounts.
    pub words: Option<(&'static str, &'static [Text])>,
    /// Where it was published.
    pub paper: Option<Paper>,
    /// What is ours: where no paper fixes the definition, or something that models learn stands still here.
    pub ours: Option<Text>,
    /// Growth of its work with n.
    pub cost: CostClass,
    /// Which keys a query may see.
    pub direction: Direction,
    /// Whether a state of fixed size (or one that grows with log n) goes from key to key.
    pub state: bool,
    /// Whether it needs as many keys as queries.
    pub square: bool,
}

/// Seed of what a model would have learned or drawn.
const SEED: Param = Param::int("seed", [0, 99], 1_000_000, 0, Text::new("seed", "随机种子"));

const fn block(name: &'static str, range: [i32; 2], step: f64, default: i32, label: Text) -> Param {
    let [min, max] = range;
    Param {
        name,
        ty: Ty::Int,
        min: min as f64,
        max: max as f64,
        hard_max: 4096.0,
        step,
        default: default as f64,
        label,
    }
}

/// Every estimator, in the order of the menu.
pub(super) fn whole() -> Vec<EstimatorEntry> {
    [linear::ENTRIES, approximate::ENTRIES, structured::ENTRIES, baselines::ENTRIES].concat()
}

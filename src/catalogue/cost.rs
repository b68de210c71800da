//! How work grows with the n tokens: what an entry takes on top of attention as it is, with a mask that allows every pair and sizes of rows that stay as
//! they are. It follows from what the entry is made of, so no entry states it.

use super::content::{Content, Measure};
use super::entry::{CostClass, Slot};
use super::layouts::{End, LayoutEntry};

/// The larger of two classes that are n or n².
fn larger(a: Option<CostClass>, b: Option<CostClass>) -> Option<CostClass> {
    if a == Some(CostClass::Quadratic) { a } else { b.or(a) }
}

impl Slot {
    /// A term of the score is worked out for every pair; an encoding or a rotation once for every row.
    pub(super) fn work(&self) -> Option<CostClass> {
        match self {
            Self::Nothing => None,
            Self::Score { .. } => Some(CostClass::Quadratic),
            Self::Sinusoidal | Self::Learned | Self::Rotary(_) => Some(CostClass::Linear),
            Self::Content(content) => content.work(),
        }
    }
}

impl Content {
    /// Changes go over the rows once; tables are of rows or of pairs; a term of the score and the sum of branches are of pairs. What a mask formula takes is
    /// told by the pairs that it leaves.
    pub(super) fn work(&self) -> Option<CostClass> {
        let changed = (!self.changes.is_empty()).then_some(CostClass::Linear);
        let by_pair = self.score.is_some() || self.last.is_some() || !self.branches.is_empty();
        let scored = by_pair.then_some(CostClass::Quadratic);
        self.tables.iter().map(|table| Some(table.kind.work())).fold(larger(changed, scored), larger)
    }
}

impl Measure {
    /// Whether it looks at every pair, or at each row by itself with a number of others that does not grow.
    fn work(self) -> CostClass {
        match self {
            Self::Shaw
            | Self::ContentToPlace
            | Self::PlaceToContent
            | Self::Forget
            | Self::HashOfQuery
            | Self::HashOfKey
            | Self::ClusterOfQuery
            | Self::ClusterOfKey
            | Self::Gate => CostClass::Linear,
            Self::Additive
            | Self::TransformerXl
            | Self::Tupe
            | Self::TiSasRec
            | Self::Cope
            | Self::Path
            | Self::TopKeys
            | Self::TopBlocks
            | Self::NativeBlocks
            | Self::Indexed
            | Self::Hebbian
            | Self::WholeBlocks
            | Self::Branches
            | Self::Beside
            | Self::Blend
            | Self::ColumnSums
            | Self::ShawValues
            | Self::TiSasRecValues => CostClass::Quadratic,
        }
    }
}

impl LayoutEntry {
    /// What is done to the output is done once for every row of it.
    pub(super) fn work(&self) -> Option<CostClass> {
        larger((self.end != End::Nothing).then_some(CostClass::Linear), self.content.work())
    }
}

//! What an entry does by the contents of Q and K, which a formula over positions can't: tensors changed before the product, and tables
//! computed from them that its formulas read. Closed sets, like the normalisers; they are computed where a problem is lowered.

use super::entry::{Paper, Param, Table, Text};
use crate::formula::Ty;

/// What is done once the numbers in Q and K are known.
#[derive(Clone, Copy, Debug, Default)]
pub struct Content {
    /// Which slots of position are applied to Q and K before the changes.
    pub folds: Fold,
    /// Changes of Q, K and V, in this order.
    pub changes: &'static [Change],
    /// Tables computed from the changed Q and K.
    pub tables: &'static [Computed],
    /// Score formula before the softcap. It reads the tables, and `factor`, the factor on Q·K.
    pub score: Option<&'static str>,
    /// Mask formula.
    pub mask: Option<&'static str>,
}

impl Content {
    /// Nothing.
    pub const NONE: Self = Self { folds: Fold::Nothing, changes: &[], tables: &[], score: None, mask: None };
}

/// A product of queries and keys, or a selection of keys by content.
#[derive(Clone, Copy, Debug)]
pub struct ContentEntry {
    /// Stable id.
    pub id: &'static str,
    /// Name.
    pub name: Text,
    /// One sentence: what it does.
    pub about: Text,
    /// Its formula, for reading.
    pub formula: &'static str,
    /// What it does.
    pub content: Content,
    /// Declared parameters.
    pub params: &'static [Param],
    /// The parameter that is the factor on the product instead of the experiment's scale.
    pub scale: Option<&'static str>,
    /// Where it was published.
    pub paper: Option<Paper>,
    /// Where it departs from the paper, or what is ours.
    pub ours: Option<Text>,
}

/// Which slots of position are applied to Q and K before they are changed, as a model does that changes them after its positions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Fold {
    /// None.
    #[default]
    Nothing,
    /// Encodings; a rotation still follows.
    Encoding,
    /// Encodings and rotation.
    All,
}

/// A table computed from Q and K.
#[derive(Clone, Copy, Debug)]
pub struct Computed {
    /// Name in the formulas.
    pub name: &'static str,
    /// Type of its numbers.
    pub ty: Ty,
    /// How it is computed.
    pub kind: Measure,
    /// A table that it is computed from beside Q and K, which users may edit.
    pub reads: Option<Table>,
}

/// A change of Q, K or V.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// Every query and key divided by its length.
    Cosine,
    /// Every query and key divided by its root mean square; parameter `gain`.
    RmsNorm,
    /// Two more places, so that the product is `−‖q − k‖²`.
    SquaredDistance,
}

/// How a table is computed from Q and K.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Measure {
    /// `[b, h, q, k]`: `w · tanh(q + k)`.
    Additive,
}

impl Change {
    /// Every change.
    pub const ALL: [Self; 3] = [Self::Cosine, Self::RmsNorm, Self::SquaredDistance];
}

impl Measure {
    /// Every way to compute a table.
    pub const ALL: [Self; 1] = [Self::Additive];
}

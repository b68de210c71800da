//! What an entry does by the contents of Q and K, which a formula over positions can't: tensors changed before the product, and tables
//! computed from them that its formulas read. Closed sets, like the normalisers; they are computed where a problem is lowered.

use super::entry::{CostClass, Paper, Param, Table, Text};
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
    /// Score formula after every other one: what a normaliser does to a score before the rest of it.
    pub last: Option<&'static str>,
    /// Attentions whose outputs are added, each with a softmax and a gate of its own; none where there is one attention, as usual.
    pub branches: &'static [Branch],
}

/// One of several attentions over the same scores.
#[derive(Clone, Copy, Debug)]
pub struct Branch {
    /// The parameter that is its gate. With the parameter `by_query` on, each query turns it up or down.
    pub gate: &'static str,
    /// The keys that it sees, of those that the rest of the problem allows. It reads the tables of [`Content::tables`].
    pub mask: &'static str,
}

impl Content {
    /// Nothing.
    pub const NONE: Self =
        Self { folds: Fold::Nothing, changes: &[], tables: &[], score: None, mask: None, last: None, branches: &[] };

    /// Whether it changes nothing and adds nothing.
    pub fn is_nothing(&self) -> bool {
        self.changes.is_empty()
            && self.tables.is_empty()
            && self.score.is_none()
            && self.mask.is_none()
            && self.branches.is_empty()
            && self.last.is_none()
    }
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
    /// Whether it stands for attention to every key that the mask allows without computing that: its error against it is shown.
    pub inexact: bool,
    /// Growth of the pairs that it leaves of those of a mask that allows all, with the default parameters whatever n is; `None` where it leaves them all.
    pub pairs: Option<CostClass>,
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

macro_rules! closed {
    ($(#[$doc:meta])+ $name:ident { $($(#[$of:meta])+ $variant:ident,)+ }) => {
        $(#[$doc])+
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum $name {
            $($(#[$of])+ $variant,)+
        }

        impl $name {
            /// Every one.
            pub const ALL: &[Self] = &[$(Self::$variant),+];
        }
    };
}

closed! {
    /// A change of Q, K or V.
    Change {
        /// Every query and key divided by its length.
        Cosine,
        /// Every query and key divided by its root mean square; parameter `gain`.
        RmsNorm,
        /// Two more places, so that the product is `−‖q − k‖²`.
        SquaredDistance,
        /// Sinusoids added; parameter `gain`.
        ScaledSinusoid,
        /// Positions that flow by a differential equation added; parameters `gain`, `delta`, `values`.
        Flow,
        /// Lengths and angles, in twice as many places; parameters `base`, `phase`.
        Polar,
        /// States of an LSTM added; parameters `gain`, `content`, `values`.
        Lstm,
        /// States of a network over the last tokens added; parameters `gain`, `reach`, `values`.
        LocalRnn,
        /// Keys made of the queries, if the switch `shared` is on.
        SharedQk,
        /// One key and value for every `factor` tokens; parameters `factor`, `strided`. Formulas see the last token of each.
        PoolKeys,
        /// Scores mixed over heads, as one product; parameters `before`, `after`, `identity`, `noise`.
        TalkingHeads,
        /// The queries and keys of all heads in every head.
        OneHead,
        /// The values of both heads of a pair in each of them.
        Pairs,
        /// Heads of keys and values replaced by means; parameter `kv_heads`.
        GroupHeads,
        /// Keys and values rebuilt from a latent; parameter `rank`.
        Latent,
        /// Keys and values rounded to few bits; parameter `format`.
        Quantise,
        /// Queries of the first tokens projected anew, and all keys and values once more as those see them; parameters `globals`, `tokens`.
        GlobalProjections,
        /// The first keys and values alone, or with the switch `last` the last; parameter `keep`.
        Truncate,
        /// Keys and values laid out in pages and read back through a table of them; parameter `page`.
        Page,
        /// The mean of every block of keys and of values, after the tokens; parameters `block`, and `tokens`, the keys there were.
        AppendBlocks,
    }
}

closed! {
    /// How a table is computed from Q and K.
    Measure {
        /// `[b, h, q, k]`: `w · tanh(q + k)`.
        Additive,
        /// `[b, h, q, 2·reach + 1]`: queries times vectors of the distance; parameters `reach`, `gain`.
        Shaw,
        /// `[b, h, q, k]`: the terms of position of Transformer-XL; parameter `gain`.
        TransformerXl,
        /// `[b, h, q, 2·reach]`: queries times vectors of the distance of each head; parameters `reach`, `gain`.
        ContentToPlace,
        /// `[b, h, k, 2·reach]`: keys times vectors of the distance of each head; parameters `reach`, `gain`.
        PlaceToContent,
        /// `[b, h, q, k]`: how well two positions fit, whatever stands there; parameter `gain`.
        Tupe,
        /// `[b, h, q, k]`: queries times vectors of place and interval of time; parameters `reach`, `gain`; reads `time`.
        TiSasRec,
        /// `[b, h, k]`: sums of the logarithms of forget gates; parameter `bias`.
        Forget,
        /// `[b, h, q, k]`: queries times vectors of contextual positions; parameters `reach`, `gain`.
        Cope,
        /// `[b, h, q, k]`: the product with reflections between key and query.
        Path,
        /// `[b, h, q, k]`: the keys of the highest scores; parameter `keep`.
        TopKeys,
        /// `[b, h, q, blocks]`: the blocks whose mean fits best; parameters `block`, `keep`.
        TopBlocks,
        /// `[b, h, q, blocks]`: the blocks of most weight; parameters `block`, `keep`, `tokens`.
        NativeBlocks,
        /// `[b, q, k]`: the keys of an indexer; parameters `keep`, `heads`, `size`.
        Indexed,
        /// `[b, h, rounds, q]`: buckets of queries; parameters `buckets`, `rounds`.
        HashOfQuery,
        /// `[b, h, rounds, k]`: buckets of keys; parameters `buckets`, `rounds`.
        HashOfKey,
        /// `[b, h, q]`: clusters of queries; parameters `clusters`, `steps`.
        ClusterOfQuery,
        /// `[b, h, k]`: clusters of keys; parameters `clusters`, `steps`.
        ClusterOfKey,
        /// `[b, h, q, 1 or d_v]`: gates of the output, made of queries; parameters `elementwise`, `bias`.
        Gate,
        /// `[b, h, distance]`: the mean weight of the pairs that are so far apart.
        Hebbian,
        /// `[b, h, q, blocks]`: the blocks of which every key is allowed; parameters `block`, `tokens`.
        WholeBlocks,
        /// `[b, h, q, 2^branches]`: what joins branches into one softmax; parameters `gate_0`, `gate_1`, …, `by_query`.
        Branches,
        /// `[b, h, q, 1 + n_k]`: the gate of the first branch, and the gated weights of the second; parameters `gate_0`, `by_query`.
        Beside,
        /// `[b, h, q, 1 + d_v]`: the gate of attention, and the gated output of what stands beside it; parameters `gate_0`, `by_query`.
        Blend,
        /// `[b, h, k]`: the logarithm of the sum of `e^s` over the queries that may see the key.
        ColumnSums,
        /// `[b, h, q, d_v]`: the weights times vectors of the distance, added to the output; parameters `reach`, `gain`, `values`.
        ShawValues,
        /// `[b, h, q, d_v]`: the weights times vectors of place and interval of time, added to the output; parameters `reach`, `gain`, `values`; reads
        /// `time`.
        TiSasRecValues,
    }
}

impl Measure {
    /// Whether it is added to the output, where its entry's switch `values` is on. No formula reads it.
    pub fn is_addend(self) -> bool {
        matches!(self, Self::ShawValues | Self::TiSasRecValues)
    }
}

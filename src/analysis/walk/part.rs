//! What is walked over.

use std::ops::Range;

use super::state::State;
use crate::attention::{Coverage, Normaliser};
use crate::experiment::{Message, message};

/// Most queries and most keys of a walk: more would be no picture.
pub const MOST: usize = 128;

/// The places that are walked of `n`, around place `at`; all of them where there are not too many.
pub fn window(n: usize, at: usize) -> Range<usize> {
    let size = n.min(MOST);
    let from = at.min(n.saturating_sub(1)).saturating_sub(size / 2).min(n - size);
    from..from + size
}

/// Scores and values of one head, for some of its queries and keys.
#[derive(Clone, Debug, PartialEq)]
pub struct Part {
    /// The queries, as the experiment counts them.
    pub queries: Range<usize>,
    /// The keys.
    pub keys: Range<usize>,
    /// `[queries, keys]`, after the mask: −∞ where a key is masked.
    pub scores: Vec<f64>,
    /// `[keys, width]`.
    pub values: Vec<f64>,
    /// Numbers of a value.
    pub width: usize,
    /// The logit that stands beside each row's scores, if one does.
    pub sink: Option<f64>,
}

impl Part {
    /// The scores of a row, counted within the part.
    pub fn row(&self, row: usize) -> &[f64] {
        let keys = self.keys.len();
        self.scores.get(row * keys..(row + 1) * keys).unwrap_or_default()
    }

    /// The value of a key, counted within the part.
    pub fn value(&self, key: usize) -> &[f64] {
        self.values.get(key * self.width..(key + 1) * self.width).unwrap_or_default()
    }

    /// A row before its first key.
    pub fn start(&self) -> State {
        State::new(self.width, self.sink)
    }

    /// Lets a row take the keys of a range in.
    pub fn feed(&self, state: &mut State, row: usize, keys: Range<usize>) -> f64 {
        let scores = self.row(row).get(keys.clone()).unwrap_or_default();
        state.take(scores.iter().copied(), keys.map(|key| self.value(key)))
    }

    /// A row with all its keys at once.
    pub fn whole(&self, row: usize) -> State {
        let mut state = self.start();
        self.feed(&mut state, row, 0..self.keys.len());
        state
    }

    /// Allowed pairs among some queries and keys, counted within the part.
    pub fn pairs(&self, rows: Range<usize>, keys: Range<usize>) -> usize {
        let of = |row: usize| self.row(row).get(keys.clone()).unwrap_or_default();
        rows.flat_map(of).filter(|score| **score != f64::NEG_INFINITY).count()
    }

    /// What the mask says of a rectangle.
    pub fn coverage(&self, rows: Range<usize>, keys: Range<usize>) -> Coverage {
        match self.pairs(rows.clone(), keys.clone()) {
            0 => Coverage::Empty,
            all if all == rows.len() * keys.len() => Coverage::Full,
            _ => Coverage::Partial,
        }
    }
}

/// Cuts `n` places into `parts` of about the same size, in order.
pub(super) fn cut(n: usize, parts: usize) -> Vec<Range<usize>> {
    (0..parts).map(|i| i * n / parts..(i + 1) * n / parts).collect()
}

/// Why something can't be walked through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// The rows are not normalised by a sum of exponentials.
    Normaliser(Normaliser),
    /// Weights are changed after they were normalised.
    Probability,
    /// The output is changed after attention.
    Finish,
    /// The input holds what is no finite number, so that pictures of scores can't tell it from what the mask forbids.
    NotFinite,
    /// A query looks at a key that is not there yet when its token is decoded.
    Ahead {
        /// The query.
        query: usize,
        /// The key.
        key: usize,
    },
}

/// Whether rows of this normaliser can come in parts; `probability` says whether weights are changed afterwards, `finish` whether the output is.
pub fn refused(normaliser: Normaliser, probability: bool, finish: bool) -> Option<Refused> {
    match normaliser {
        Normaliser::Softmax | Normaliser::OffByOne if probability => Some(Refused::Probability),
        Normaliser::Softmax | Normaliser::OffByOne if finish => Some(Refused::Finish),
        Normaliser::Softmax | Normaliser::OffByOne => None,
        other => Some(Refused::Normaliser(other)),
    }
}

impl Refused {
    /// A sentence for the user.
    pub fn message(self) -> Message {
        match self {
            Self::Normaliser(Normaliser::Sparsemax | Normaliser::Entmax) => message!(
                "Sparsemax and entmax need a threshold that is found from a whole row of scores: no maximum and sum of a part of the keys can be corrected later. Choose softmax to walk through it.",
                "sparsemax 与 entmax 的阈值由整行分数求得：只凭部分键的最大值与总和无法在之后修正。请选择 softmax 以逐步演示。",
            ),
            Self::Normaliser(_) => message!(
                "This normaliser weighs each key by itself: there is no sum over a row, so nothing runs along and nothing is rescaled. Choose softmax to walk through it.",
                "此归一化逐个键计算权重：没有按行的总和，因此没有需要随行更新或重新缩放的量。请选择 softmax 以逐步演示。",
            ),
            Self::Probability => message!(
                "What is done to the weights after the softmax needs each weight as it is at the end, when the whole row is known. Switch it off to walk through the softmax.",
                "softmax 之后对权重的变换需要最终的权重，即整行已知之后的值。请将其关闭以逐步演示 softmax。",
            ),
            Self::Finish => message!(
                "The output is changed after attention (heads are mixed, or something is added to it), so no step of the softmax ends at it. Choose a plain layout and no second branch to walk through it.",
                "注意力之后输出还会改变（混合各头，或再加上其他项），因此 softmax 的任何一步都不会得到该输出。请选择普通布局且不用第二分支，以逐步演示。",
            ),
            Self::NotFinite => message!(
                "The input holds NaN or an infinity, which spreads through every sum. Take it out to walk through the softmax.",
                "输入含有 NaN 或无穷大，会传遍每个总和。请将其移除以逐步演示 softmax。",
            ),
            Self::Ahead { query, key } => message!(
                "Query {query} looks at key {key}, which is not there yet when its token is decoded. Choose a causal mask to decode token by token.",
                "查询 {query} 会看到键 {key}，而解码该词元时此键尚不存在。请选择因果掩码以逐个词元解码。",
            ),
        }
    }
}

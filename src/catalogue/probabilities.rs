//! What is done to the weights once they are there, before they meet the values.

use super::entry::{Paper, Param, Text};

/// A change of the weights.
#[derive(Clone, Copy, Debug)]
pub struct ProbabilityEntry {
    /// Stable id, in links and the API; `none` and `custom` are no entries.
    pub id: &'static str,
    /// Name.
    pub name: Text,
    /// One sentence: what it does.
    pub about: Text,
    /// Formula over `p`, the weight so far, and the variables of a mask; it reads the parameters and the built-in whole number `seed`: the experiment's.
    pub formula: &'static str,
    /// Declared parameters.
    pub params: &'static [Param],
    /// Where it was published.
    pub paper: Option<Paper>,
    /// Where it departs from the paper, or what is ours.
    pub ours: Option<Text>,
}

/// In the order of the menu.
const ENTRIES: &[ProbabilityEntry] = &[
    ProbabilityEntry {
        id: "dropout",
        name: Text::new("Dropout", "Dropout 随机失活"),
        about: Text::new(
            "Each weight is set to 0 by the throw of a seeded die and the others are made larger, as in training: a row sums to one only on average.",
            "按带种子的随机数把一些权重置零并放大其余权重，如同训练时：一行之和只在平均意义上为一。",
        ),
        // The first hash keeps these throws apart from those of random masks, which have the same seed.
        formula: "where(hash(hash(seed, draw, b), h, q_pos, k) < rate * 16777216.0, 0.0, p / (1.0 - rate))",
        params: &[
            Param::real("rate", [0.0, 0.95], 0.05, 0.1, Text::new("share dropped", "丢弃比例")),
            Param::int("draw", [0, 99], 1_000_000, 0, Text::new("throw of the die", "第几次抽取")),
        ],
        paper: Some(Paper {
            title: "Srivastava et al., Dropout: A Simple Way to Prevent Neural Networks from Overfitting",
            year: 2014,
            id: "jmlr.org/papers/v15/srivastava14a.html",
        }),
        ours: None,
    },
    ProbabilityEntry {
        id: "head-dropout",
        name: Text::new("Dropped heads", "丢弃整个头"),
        about: Text::new(
            "Whole heads are switched off by the throw of a seeded die and the others made larger, so that no head can be relied on alone.",
            "按带种子的随机数关闭整个头并放大其余的头，使模型不能只依赖某一个头。",
        ),
        formula: "where(hash(hash(seed, draw, b), h) < rate * 16777216.0, 0.0, p / (1.0 - rate))",
        params: &[
            Param::real("rate", [0.0, 0.95], 0.05, 0.25, Text::new("share dropped", "丢弃比例")),
            Param::int("draw", [0, 99], 1_000_000, 0, Text::new("throw of the die", "第几次抽取")),
        ],
        paper: Some(Paper {
            title: "Zhou et al., Scheduled DropHead: A Regularization Method for Transformer Models",
            year: 2020,
            id: "arXiv:2004.13342",
        }),
        ours: Some(Text::new(
            "The paper divides by the share of heads that are left in this throw; here by the share expected, as dropout does.",
            "论文除以本次实际保留的头的比例；这里与 Dropout 一样除以期望比例。",
        )),
    },
];

/// Every change of the weights.
pub(super) fn whole() -> Vec<ProbabilityEntry> {
    ENTRIES.to_vec()
}

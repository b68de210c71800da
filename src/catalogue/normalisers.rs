//! Normalisers: how a row of scores becomes weights.

use super::entry::{NormaliserEntry, NormaliserKind, Paper, Text};

/// What the page opens with.
const ENTRIES: &[NormaliserEntry] = &[
    NormaliserEntry {
        id: "softmax",
        name: Text::new("Softmax", "Softmax"),
        about: Text::new(
            "Weights are positive and every row sums to one: each query must look somewhere.",
            "权重为正，每行之和为一：每个查询总得看向某处。",
        ),
        formula: "exp(s) / Σ exp(s)",
        kind: NormaliserKind::Softmax,
        paper: Some(Paper { title: "Vaswani et al., Attention Is All You Need", year: 2017, id: "arXiv:1706.03762" }),
    },
    NormaliserEntry {
        id: "off-by-one",
        name: Text::new("Softmax off by one", "加一 Softmax"),
        about: Text::new(
            "One more in the denominator lets a head say nothing when no key fits.",
            "分母多加一，没有合适的键时，这个头可以什么都不看。",
        ),
        formula: "exp(s) / (1 + Σ exp(s))",
        kind: NormaliserKind::OffByOne,
        paper: Some(Paper {
            title: "Miller, Attention Is Off By One",
            year: 2023,
            id: "evanmiller.org/attention-is-off-by-one.html",
        }),
    },
    NormaliserEntry {
        id: "sigmoid",
        name: Text::new("Sigmoid", "Sigmoid"),
        about: Text::new(
            "Each key is judged by itself, so keys don't compete; −ln n keeps the sum of a row near one.",
            "每个键单独判断，互不竞争；减去 ln n 使每行之和保持在一附近。",
        ),
        formula: "1 / (1 + exp(-(s - ln n_k)))",
        kind: NormaliserKind::Sigmoid,
        paper: Some(Paper {
            title: "Ramapuram et al., Theory, Analysis, and Best Practices for Sigmoid Self-Attention",
            year: 2024,
            id: "arXiv:2409.04431",
        }),
    },
];

/// What it fetches when somebody looks for more.
const MORE: &[NormaliserEntry] = &[
    NormaliserEntry {
        id: "sparsemax",
        name: Text::new("Sparsemax", "Sparsemax"),
        about: Text::new(
            "Scores below a threshold get exactly zero, so a query looks at a few keys and at nothing else.",
            "低于阈值的分数权重恰为零：查询只看少数几个键，其余完全不看。",
        ),
        formula: "max(0, s - τ),  Σ = 1",
        kind: NormaliserKind::Sparsemax,
        paper: Some(Paper {
            title: "Martins and Astudillo, From Softmax to Sparsemax",
            year: 2016,
            id: "arXiv:1602.02068",
        }),
    },
    NormaliserEntry {
        id: "entmax",
        name: Text::new("Entmax 1.5", "Entmax 1.5"),
        about: Text::new(
            "Halfway between softmax and sparsemax: weak keys get exactly zero, strong ones fade smoothly.",
            "介于 Softmax 与 Sparsemax 之间：弱的键权重恰为零，强的键平滑变化。",
        ),
        formula: "max(0, s/2 - τ)²,  Σ = 1",
        kind: NormaliserKind::Entmax,
        paper: Some(Paper {
            title: "Peters, Niculae and Martins, Sparse Sequence-to-Sequence Models",
            year: 2019,
            id: "arXiv:1905.05702",
        }),
    },
    NormaliserEntry {
        id: "squared-relu",
        name: Text::new("Squared ReLU", "ReLU 平方"),
        about: Text::new(
            "Keys with a negative score are ignored and the others count by the square of theirs; nothing makes a row sum to one.",
            "分数为负的键被忽略，其余按分数的平方计；每行之和不必为一。",
        ),
        formula: "max(0, s)² / n_k",
        kind: NormaliserKind::SquaredRelu,
        paper: Some(Paper {
            title: "Hua et al., Transformer Quality in Linear Time",
            year: 2022,
            id: "arXiv:2202.10447",
        }),
    },
];

/// What the page opens with.
pub(super) fn first() -> &'static [NormaliserEntry] {
    ENTRIES
}

/// Every normaliser.
pub(super) fn whole() -> Vec<NormaliserEntry> {
    [ENTRIES, MORE].concat()
}

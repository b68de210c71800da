//! Normalisers: how a row of scores becomes weights.

use super::entry::{NormaliserEntry, NormaliserKind, Paper, Text};

static NORMALISERS: [NormaliserEntry; 3] = [
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

/// Every normaliser, in the order of the menu.
pub fn normalisers() -> &'static [NormaliserEntry] {
    &NORMALISERS
}

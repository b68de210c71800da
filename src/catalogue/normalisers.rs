//! Normalisers: how scores become weights.

use super::content::{Computed, Content, Measure};
use super::entry::{NormaliserEntry, NormaliserKind, Paper, Param, Table, Text};
use super::tables;
use crate::formula::Ty;

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
        paper: Some(Paper { title: "Vaswani et al., Attention Is All You Need", year: 2017, id: "arXiv:1706.03762" }),
        ..NormaliserEntry::PLAIN
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
        ..NormaliserEntry::PLAIN
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
        ..NormaliserEntry::PLAIN
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
        ..NormaliserEntry::PLAIN
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
        ..NormaliserEntry::PLAIN
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
        ..NormaliserEntry::PLAIN
    },
    NormaliserEntry {
        id: "learned-sink",
        name: Text::new("Learned sink", "可学习汇点"),
        about: Text::new(
            "Each head has a logit of its own in the denominator and no value behind it, so that it may look at nothing; a model learns it, here it is set.",
            "每个头在分母中有一个自己的 logit，其后没有值，因此可以什么都不看；模型会学习它，这里由你设定。",
        ),
        formula: "exp(s) / (exp(sink_logit[h]) + Σ exp(s))",
        kind: NormaliserKind::Sink,
        params: &[Param::real("logit", [-8.0, 8.0], 0.1, 1.0, Text::new("logit of every head", "各头的 logit"))],
        tables: &[Table {
            name: "sink_logit",
            ty: Ty::Float,
            rank: 1,
            index: "h",
            make: tables::masks::sink_logit,
            editable: true,
            label: Text::new("logit of each head's sink", "每个头的汇点 logit"),
        }],
        paper: Some(Paper {
            title: "OpenAI, gpt-oss-120b and gpt-oss-20b Model Card",
            year: 2025,
            id: "arXiv:2508.10925",
        }),
        ..NormaliserEntry::PLAIN
    },
    NormaliserEntry {
        id: "top-k",
        name: Text::new("Top-k softmax", "前 k 个 Softmax"),
        about: Text::new(
            "Of the keys that a query may see those of its k highest scores share all the weight, and what is as high as the k-th stays with it.",
            "在查询可见的键中，只有分数最高的 k 个分得全部权重；与第 k 个同分的键一并保留。",
        ),
        formula: "exp(s) / Σ exp(s) over the keep largest s",
        kind: NormaliserKind::TopK,
        content: Content {
            tables: &[Computed { name: "kept", ty: Ty::Bool, kind: Measure::TopKeys, reads: None }],
            last: Some("where(kept[b, h, q, k], s, -inf)"),
            ..Content::NONE
        },
        params: &[Param::int("keep", [1, 64], 65536, 8, Text::new("keys kept", "保留的键数"))],
        paper: Some(Paper {
            title: "Zhao et al., Explicit Sparse Transformer: Concentrated Attention Through Explicit Selection",
            year: 2019,
            id: "arXiv:1912.11637",
        }),
        ..NormaliserEntry::PLAIN
    },
    NormaliserEntry {
        id: "inverted",
        name: Text::new("Softmax over queries", "对查询做 Softmax"),
        about: Text::new(
            "Queries compete for each key, whose weights sum to one over those that may see it; the switch then divides each row by its sum, so that every query takes a mean of values.",
            "查询竞争每个键：一个键的权重在可见它的查询上和为一；开关再将每行除以其和，使每个查询取值的平均。",
        ),
        formula: "exp(s) / Σ over queries of exp(s)",
        kind: NormaliserKind::Inverted,
        content: Content {
            tables: &[Computed { name: "column", ty: Ty::Float, kind: Measure::ColumnSums, reads: None }],
            last: Some("s - column[b, h, k]"),
            ..Content::NONE
        },
        params: &[Param::switch("rows", true, Text::new("rows then sum to one", "随后使各行之和为一"))],
        paper: Some(Paper {
            title: "Locatello et al., Object-Centric Learning with Slot Attention",
            year: 2020,
            id: "arXiv:2006.15055",
        }),
        ours: Some(Text::new(
            "The paper adds a small number to every weight before the rows are divided; here nothing is added.",
            "论文在按行相除之前给每个权重加一个很小的数；这里不加。",
        )),
        ..NormaliserEntry::PLAIN
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

//! Hybrids: a gated mix of two branches. Branch A is attention as the experiment sets it, or an estimator in its place; what branch B is, a mask or an estimator,
//! stands beside it.

use super::content::{Content, ContentEntry};
use super::entry::{Paper, Param, Text};

/// The first branch of a hybrid that is attention as it is set.
pub const ATTENTION: &str = "attention";

/// What the page opens with.
const ENTRIES: &[ContentEntry] = &[ContentEntry {
    id: "none",
    name: Text::new("One branch", "单一分支"),
    about: Text::new("Nothing is mixed in: the output is attention's.", "不混入其他分支：输出即注意力的结果。"),
    formula: "y = A(x)",
    content: Content::NONE,
    params: &[],
    scale: None,
    inexact: false,
    pairs: None,
    paper: None,
    ours: None,
}];

/// What it fetches when somebody looks for more.
const MORE: &[ContentEntry] = &[ContentEntry {
    id: "gated",
    name: Text::new("Gated mix", "门控混合"),
    about: Text::new(
        "A gate divides every output between two branches: attention as it is set, attention under another mask, linear attention, a recurrent network, a convolution.",
        "门控把每个输出分给两个分支：当前的注意力、另一种掩码下的注意力、线性注意力、循环网络或卷积。",
    ),
    formula: "y = g · A(x) + (1 − g) · B(x)",
    content: Content::NONE,
    params: &[
        Param::real("gate", [0.0, 1.0], 0.05, 0.5, Text::new("share of branch A", "分支 A 的份额")),
        Param::switch("by_query", false, Text::new("each query sets the gate", "由每个查询决定门")),
    ],
    scale: None,
    inexact: false,
    pairs: None,
    paper: Some(Paper {
        title: "Dong et al., Hymba: A Hybrid-head Architecture for Small Language Models",
        year: 2024,
        id: "arXiv:2411.13676",
    }),
    ours: Some(Text::new(
        "No paper fixes one gate: this one is a slider, or σ(ln(g / (1 − g)) + q · w_h) with seeded normal w_h over √d. A second mask takes the place of the mask, the painted cells and the selection; everything else is the same in both branches, and the weights shown are g·P_A + (1 − g)·P_B, to which dropout or a formula over the weights is applied. An estimator, in either branch, reads Q, K and V as they are given and has no weights here: those shown are attention's own. One that could look both ways looks back only where there is a mask.",
        "没有论文规定唯一的门：这里是滑块，或 σ(ln(g / (1 − g)) + q · w_h)，w_h 为除以 √d 的种子正态数。第二种掩码取代掩码、涂画的单元和按内容的选择，其余两个分支相同，显示的权重是 g·P_A + (1 − g)·P_B，失活或权重公式作用于它。估计方法无论在哪个分支，都读取给定的 Q、K、V，在此没有权重：显示的是注意力自身的权重。可双向的方法在设有掩码时只向前看。",
    )),
}];

/// What the page opens with.
pub(super) fn first() -> &'static [ContentEntry] {
    ENTRIES
}

/// Every hybrid.
pub(super) fn whole() -> Vec<ContentEntry> {
    [ENTRIES, MORE].concat()
}

//! Products: how a query and a key become a score.

use super::content::{Change, Computed, Content, ContentEntry, Fold, Measure};
use super::entry::{Paper, Param, Text};
use crate::formula::Ty;

/// What the page opens with.
const ENTRIES: &[ContentEntry] = &[ContentEntry {
    id: "dot",
    name: Text::new("Dot product", "点积"),
    about: Text::new(
        "The more a query and a key point the same way, and the longer they are, the higher the score.",
        "查询与键方向越一致、长度越大，分数越高。",
    ),
    formula: "q · k",
    content: Content::NONE,
    params: &[],
    scale: None,
    inexact: false,
    pairs: None,
    paper: Some(Paper { title: "Vaswani et al., Attention Is All You Need", year: 2017, id: "arXiv:1706.03762" }),
    ours: None,
}];

/// What it fetches when somebody looks for more.
const MORE: &[ContentEntry] = &[
    ContentEntry {
        id: "cosine",
        name: Text::new("Cosine", "余弦相似度"),
        about: Text::new(
            "Only directions count: queries and keys are brought to length one, and a factor of its own stands in for the scale.",
            "只看方向：查询和键先归一化为单位长度，并用自己的系数代替缩放。",
        ),
        formula: "scale · q/‖q‖ · k/‖k‖",
        content: Content { folds: Fold::Encoding, changes: &[Change::Cosine], ..Content::NONE },
        params: &[Param::real("scale", [0.5, 100.0], 0.5, 10.0, Text::new("scale", "缩放"))],
        scale: Some("scale"),
        inexact: false,
        pairs: None,
        paper: Some(Paper {
            title: "Henry et al., Query-Key Normalization for Transformers",
            year: 2020,
            id: "arXiv:2010.04245",
        }),
        ours: None,
    },
    ContentEntry {
        id: "qk-norm",
        name: Text::new("QK-norm (RMS)", "QK 归一化（RMS）"),
        about: Text::new(
            "Queries and keys are divided by their root mean square, so that scores can't grow without bound; one gain stands for the learned ones.",
            "查询和键除以各自的均方根，分数不会无限增大；用一个增益代替各个可学习的增益。",
        ),
        formula: "(gain · q/rms(q)) · (gain · k/rms(k))",
        content: Content { folds: Fold::Encoding, changes: &[Change::RmsNorm], ..Content::NONE },
        params: &[Param::real("gain", [0.0, 4.0], 0.05, 1.0, Text::new("gain", "增益"))],
        scale: None,
        inexact: false,
        pairs: None,
        paper: Some(Paper {
            title: "Dehghani et al., Scaling Vision Transformers to 22 Billion Parameters",
            year: 2023,
            id: "arXiv:2302.05442",
        }),
        ours: None,
    },
    ContentEntry {
        id: "l2",
        name: Text::new("Negative squared distance (L2)", "负平方距离（L2）"),
        about: Text::new(
            "The nearer a key lies to the query, the higher its score, which is never above 0.",
            "键离查询越近，分数越高，且不超过 0。",
        ),
        formula: "-‖q - k‖²",
        content: Content { folds: Fold::All, changes: &[Change::SquaredDistance], ..Content::NONE },
        params: &[],
        scale: None,
        inexact: false,
        pairs: None,
        paper: Some(Paper {
            title: "Kim, Papamakarios and Mnih, The Lipschitz Constant of Self-Attention",
            year: 2020,
            id: "arXiv:2006.04710",
        }),
        ours: Some(Text::new(
            "The distance alone, without the paper's tied projections of query and key.",
            "只取距离，不含论文中查询与键共享的投影。",
        )),
    },
    ContentEntry {
        id: "additive",
        name: Text::new("Additive (Bahdanau)", "加性注意力（Bahdanau）"),
        about: Text::new(
            "A small network judges each pair: w · tanh(q + k), times the scale, with seeded weights since nothing is trained here.",
            "用一个小网络评判每一对：w · tanh(q + k)，再乘缩放；这里没有训练，权重由种子生成。",
        ),
        formula: "w · tanh(q + k)",
        content: Content {
            folds: Fold::All,
            tables: &[Computed { name: "additive", ty: Ty::Float, kind: Measure::Additive, reads: None }],
            score: Some("factor * additive[b, h, q, k]"),
            ..Content::NONE
        },
        params: &[],
        scale: None,
        inexact: false,
        pairs: None,
        paper: Some(Paper {
            title: "Bahdanau, Cho and Bengio, Neural Machine Translation by Jointly Learning to Align and Translate",
            year: 2014,
            id: "arXiv:1409.0473",
        }),
        ours: Some(Text::new(
            "Pictures before the biases still show q · k: the network takes its place with the first of them.",
            "偏置之前的图仍显示 q · k：网络的分数从第一个偏置起取代它。",
        )),
    },
];

/// What the page opens with.
pub(super) fn first() -> &'static [ContentEntry] {
    ENTRIES
}

/// Every product.
pub(super) fn whole() -> Vec<ContentEntry> {
    [ENTRIES, MORE].concat()
}

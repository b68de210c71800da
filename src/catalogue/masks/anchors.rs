//! Patterns with tokens or lines that every query sees: global tokens, sinks, verticals and slashes, a star.

use super::super::entry::{CostClass, MaskEntry, Paper, Param, Reach, Table, Text};
use super::super::tables::masks as tables;
use super::{CAUSAL, HARD_MAX};
use crate::formula::Ty;

const ETC: Paper = Paper {
    title: "Ainslie et al., ETC: Encoding Long and Structured Inputs in Transformers",
    year: 2020,
    id: "arXiv:2004.08483",
};
const STREAMING: Paper = Paper {
    title: "Xiao et al., Efficient Streaming Language Models with Attention Sinks",
    year: 2023,
    id: "arXiv:2309.17453",
};
const MINFERENCE: Paper = Paper {
    title: "Jiang et al., MInference 1.0: Accelerating Pre-filling for Long-Context LLMs via Dynamic Sparse Attention",
    year: 2024,
    id: "arXiv:2407.02490",
};
const STAR: Paper = Paper { title: "Guo et al., Star-Transformer", year: 2019, id: "arXiv:1902.09113" };

const SINKS: Text = Text::new("first tokens", "开头词元数");
const RECENT: Text = Text::new("recent tokens", "最近词元数");

pub(super) const ENTRIES: &[MaskEntry] = &[
    MaskEntry {
        id: "global",
        name: Text::new("Global tokens", "全局词元"),
        about: Text::new(
            "A few marked tokens see all and are seen by all; the others see only those and themselves.",
            "少数标记的词元能看到全部，也被全部看到；其余词元只看它们和自己。",
        ),
        formula: "(marked[k] or marked[q_pos] or k == q_pos) and (not causal or k <= q_pos)",
        score: None,
        params: &[
            Param::int("tokens", [0, 16], HARD_MAX, 2, Text::new("global tokens", "全局词元数")),
            Param::switch("causal", false, CAUSAL),
        ],
        tables: &[Table {
            name: "marked",
            ty: Ty::Bool,
            rank: 1,
            index: "k",
            make: tables::marked,
            editable: true,
            label: Text::new("whether each token is global", "每个词元是否为全局"),
        }],
        paper: Some(ETC),
        ours: None,
        cost: CostClass::Linear,
        pairs_at_64: 314,
        reach_at_64: Reach::Layers(2),
    },
    MaskEntry {
        id: "sinks",
        name: Text::new("Attention sinks", "注意力汇"),
        about: Text::new(
            "The first tokens stay in view beside the most recent ones, so that a stream of any length stays stable.",
            "除最近的词元外，始终保留开头几个词元，任意长的文本流因此保持稳定。",
        ),
        formula: "k <= q_pos and (k < sinks or q_pos - k < window)",
        score: None,
        params: &[Param::int("sinks", [0, 16], HARD_MAX, 4, SINKS), Param::int("window", [1, 64], HARD_MAX, 8, RECENT)],
        tables: &[],
        paper: Some(STREAMING),
        ours: None,
        cost: CostClass::Linear,
        pairs_at_64: 702,
        reach_at_64: Reach::Layers(9),
    },
    MaskEntry {
        id: "a-shape",
        name: Text::new("A-shape", "A 形"),
        about: Text::new(
            "A broad column at the start and a broad band along the diagonal, chosen for heads that look nowhere else.",
            "开头一条宽列加对角线一条宽带，用于只看这两处的头。",
        ),
        formula: "k <= q_pos and (k < first or q_pos - k < window)",
        score: None,
        params: &[
            Param::int("first", [0, 32], HARD_MAX, 8, SINKS),
            Param::int("window", [1, 64], HARD_MAX, 16, RECENT),
        ],
        tables: &[],
        paper: Some(MINFERENCE),
        ours: None,
        cost: CostClass::Linear,
        pairs_at_64: 1260,
        reach_at_64: Reach::Layers(4),
    },
    MaskEntry {
        id: "vertical-slash",
        name: Text::new("Vertical and slash", "竖线与斜线"),
        about: Text::new(
            "Each head keeps a few columns, which every later query sees, and a few diagonals of fixed distance.",
            "每个头保留几列（之后的查询都能看到）和几条固定距离的斜线。",
        ),
        formula: "k <= q_pos and (vertical[h, k] or slash[h, q_pos - k])",
        score: None,
        params: &[
            Param::int("columns", [1, 16], HARD_MAX, 5, Text::new("columns per head", "每头列数")),
            Param::int("diagonals", [1, 16], HARD_MAX, 4, Text::new("diagonals per head", "每头斜线数")),
        ],
        tables: &[
            Table {
                name: "vertical",
                ty: Ty::Bool,
                rank: 2,
                index: "h, k",
                make: tables::verticals,
                editable: true,
                label: Text::new("columns of each head", "每个头的列"),
            },
            Table {
                name: "slash",
                ty: Ty::Bool,
                rank: 2,
                index: "h, abs(q_pos - k)",
                make: tables::slashes,
                editable: true,
                label: Text::new("diagonals of each head", "每个头的斜线"),
            },
        ],
        paper: Some(MINFERENCE),
        ours: Some(Text::new(
            "The paper estimates the lines of each head from its last queries. Here they are drawn by the seed, the first column and \
             the main diagonal always, and can be edited.",
            "论文根据每个头最后几个查询估计保留哪些线。这里由种子抽取，第一列和主对角线总是保留，也可手工修改。",
        )),
        cost: CostClass::Linear,
        pairs_at_64: 218,
        reach_at_64: Reach::Never,
    },
    MaskEntry {
        id: "star",
        name: Text::new("Star", "星形"),
        about: Text::new(
            "Token 0 is a hub that joins all; the others stand in a ring and see their two neighbours.",
            "词元 0 是连接全部的中心，其余词元围成一圈，只看左右邻居。",
        ),
        formula: "k == 0 or q_pos == 0 or abs(q_pos - k) <= 1 or ring and min(q_pos, k) == 1 and max(q_pos, k) == n_k - 1",
        score: None,
        params: &[Param::switch("ring", true, Text::new("ends of the ring meet", "首尾相连"))],
        tables: &[],
        paper: Some(STAR),
        ours: None,
        cost: CostClass::Linear,
        pairs_at_64: 316,
        reach_at_64: Reach::Layers(2),
    },
];

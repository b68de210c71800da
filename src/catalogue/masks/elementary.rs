//! The masks that come with the task itself: everything, causal, prefix, packed documents.

use super::super::entry::{CostClass, MaskEntry, Paper, Param, Reach, Table, Text};
use super::super::tables::masks as tables;
use super::{CAUSAL, HARD_MAX};
use crate::formula::Ty;

const TRANSFORMER: Paper =
    Paper { title: "Vaswani et al., Attention Is All You Need", year: 2017, id: "arXiv:1706.03762" };
const T5: Paper = Paper {
    title: "Raffel et al., Exploring the Limits of Transfer Learning with a Unified Text-to-Text Transformer",
    year: 2019,
    id: "arXiv:1910.10683",
};
const PACKING: Paper = Paper {
    title: "Krell et al., Efficient Sequence Packing without Cross-contamination",
    year: 2021,
    id: "arXiv:2107.02027",
};
const HYDRAGEN: Paper = Paper {
    title: "Juravsky et al., Hydragen: High-Throughput LLM Inference with Shared Prefixes",
    year: 2024,
    id: "arXiv:2402.05099",
};

const DOC: Table = Table {
    name: "doc",
    ty: Ty::Int,
    rank: 1,
    index: "k",
    make: tables::documents,
    editable: true,
    label: Text::new("document of each token", "每个词元所属的文档"),
};

/// What the page opens with.
pub(super) const ENTRIES: &[MaskEntry] = &[
    MaskEntry {
        id: "none",
        name: Text::new("No mask", "无掩码"),
        about: Text::new(
            "Every query may look at every key, as in an encoder.",
            "每个查询都能看到所有的键，编码器就是这样。",
        ),
        formula: "true",
        score: None,
        params: &[],
        tables: &[],
        paper: Some(TRANSFORMER),
        ours: None,
        cost: CostClass::Quadratic,
        pairs_at_64: 4096,
        reach_at_64: Reach::Layers(1),
    },
    MaskEntry {
        id: "causal",
        name: Text::new("Causal", "因果掩码"),
        about: Text::new(
            "A token sees itself and what came before it, so a model can learn to predict the next one.",
            "每个词元只能看到自己和之前的内容，模型因此可以学习预测下一个词元。",
        ),
        formula: "k <= q_pos",
        score: None,
        params: &[],
        tables: &[],
        paper: Some(TRANSFORMER),
        ours: None,
        cost: CostClass::Quadratic,
        pairs_at_64: 2080,
        reach_at_64: Reach::Layers(1),
    },
    MaskEntry {
        id: "prefix-lm",
        name: Text::new("Prefix", "前缀掩码"),
        about: Text::new(
            "The prompt is read in both directions, the continuation is causal.",
            "提示部分双向可见，续写部分保持因果。",
        ),
        formula: "k < prefix or k <= q_pos",
        score: None,
        params: &[Param::int("prefix", [0, 64], HARD_MAX, 6, Text::new("prefix length", "前缀长度"))],
        tables: &[],
        paper: Some(T5),
        ours: None,
        cost: CostClass::Quadratic,
        pairs_at_64: 2095,
        reach_at_64: Reach::Never,
    },
    MaskEntry {
        id: "document",
        name: Text::new("Documents", "文档掩码"),
        about: Text::new(
            "Several documents are packed into one sequence and can't see each other.",
            "多篇文档拼在同一条序列里，彼此不可见。",
        ),
        formula: "doc[q_pos] == doc[k] and (not causal or k <= q_pos)",
        score: None,
        params: &[Param::switch("causal", true, CAUSAL)],
        tables: &[DOC],
        paper: Some(PACKING),
        ours: None,
        cost: CostClass::Quadratic,
        pairs_at_64: 624,
        reach_at_64: Reach::Never,
    },
];

/// What it fetches when somebody looks for more.
pub(super) const MORE: &[MaskEntry] = &[
    MaskEntry {
        id: "shared-prefix",
        name: Text::new("Shared prefix", "共享前缀"),
        about: Text::new(
            "Several answers follow one prompt: each sees the prompt and itself, so the prompt is stored once.",
            "多个回答共用一个提示：各自只看提示和自己，提示只需存一份。",
        ),
        formula: "doc[q_pos] == doc[k] and k <= q_pos or doc[k] == 0 and doc[q_pos] != 0",
        score: None,
        params: &[],
        tables: &[DOC],
        paper: Some(HYDRAGEN),
        ours: None,
        cost: CostClass::Quadratic,
        pairs_at_64: 1248,
        reach_at_64: Reach::Never,
    },
    MaskEntry {
        id: "padding",
        name: Text::new("Padding", "填充掩码"),
        about: Text::new(
            "Sequences of unequal length are filled up to one length, and nobody looks at the filling.",
            "长短不一的序列补齐到同一长度，补上的部分谁也看不到。",
        ),
        formula: "valid[k] and (not causal or k <= q_pos)",
        score: None,
        params: &[Param::switch("causal", false, CAUSAL)],
        tables: &[Table {
            name: "valid",
            ty: Ty::Bool,
            rank: 1,
            index: "k",
            make: tables::valid,
            editable: true,
            label: Text::new("whether each token is real", "每个词元是否有效"),
        }],
        paper: None,
        ours: Some(Text::new(
            "No paper fixes it. As in common libraries only keys are hidden: the rows of padded queries are computed, and then ignored.",
            "没有论文规定。与常见的库一致，只遮住键：填充位置的查询照常计算，结果不用。",
        )),
        cost: CostClass::Quadratic,
        pairs_at_64: 3072,
        reach_at_64: Reach::Never,
    },
];

//! Patterns that belong to a way of using a model: drafted trees, block diffusion, two modalities, interleaved images.

use super::super::entry::{CostClass, MaskEntry, Paper, Param, Reach, Table, Text};
use super::super::tables::masks as tables;
use super::{BLOCK, HARD_MAX};
use crate::formula::Ty;

const SPECINFER: Paper = Paper {
    title: "Miao et al., SpecInfer: Accelerating Generative LLM Serving with Tree-based Speculative Inference and Verification",
    year: 2023,
    id: "arXiv:2305.09781",
};
const BLOCK_DIFFUSION: Paper = Paper {
    title: "Arriola et al., Block Diffusion: Interpolating Between Autoregressive and Diffusion Language Models",
    year: 2025,
    id: "arXiv:2503.09573",
};
const VILBERT: Paper = Paper {
    title: "Lu et al., ViLBERT: Pretraining Task-Agnostic Visiolinguistic Representations for Vision-and-Language Tasks",
    year: 2019,
    id: "arXiv:1908.02265",
};
const FLAMINGO: Paper = Paper {
    title: "Alayrac et al., Flamingo: a Visual Language Model for Few-Shot Learning",
    year: 2022,
    id: "arXiv:2204.14198",
};

/// A table by image: where in the text it begins or ceases to be seen.
const fn by_image(
    name: &'static str,
    make: fn(&super::super::entry::Setting) -> crate::formula::Data,
    label: Text,
) -> Table {
    Table { name, ty: Ty::Int, rank: 1, index: "k // 16", make, editable: true, label }
}

pub(super) const ENTRIES: &[MaskEntry] = &[
    MaskEntry {
        id: "tree",
        name: Text::new("Draft tree", "草稿树"),
        about: Text::new(
            "Many drafted continuations are checked at once: a draft sees the prefix and its own ancestors, no other branch.",
            "一次验证多个候选续写：每个草稿词元只看前缀和自己的祖先，看不到其他分支。",
        ),
        // In depth-first order a token's descendants are those that are entered before it is left.
        formula: "enter[k] <= enter[q_pos] and enter[q_pos] < leave[k]",
        score: None,
        params: &[
            Param::int("prefix", [0, 64], HARD_MAX, 16, Text::new("prefix length", "前缀长度")),
            Param::int("branches", [1, 8], HARD_MAX, 2, Text::new("drafts after each token", "每个词元后的草稿数")),
        ],
        tables: &[
            Table {
                name: "enter",
                ty: Ty::Int,
                rank: 1,
                index: "k",
                make: tables::tree_enter,
                editable: false,
                label: Text::new("place of each token in depth-first order", "每个词元的深度优先次序"),
            },
            Table {
                name: "leave",
                ty: Ty::Int,
                rank: 1,
                index: "k",
                make: tables::tree_leave,
                editable: false,
                label: Text::new("place after its last descendant", "最后一个后代之后的次序"),
            },
        ],
        paper: Some(SPECINFER),
        ours: None,
        cost: CostClass::Quadratic,
        pairs_at_64: 1092,
        reach_at_64: Reach::Never,
    },
    MaskEntry {
        id: "block-diffusion",
        name: Text::new("Block diffusion", "块扩散"),
        about: Text::new(
            "The first half is noise, the second the clean text: a noisy block sees itself and the clean blocks before it.",
            "前一半是加噪文本，后一半是原文：加噪的块看自己和之前的原文块。",
        ),
        formula: "q_pos < n_k // 2 and q_pos // block == k // block if k < n_k // 2 else \
                  ((k - n_k // 2) // block < q_pos // block if q_pos < n_k // 2 else \
                  (k - n_k // 2) // block <= (q_pos - n_k // 2) // block)",
        score: None,
        params: &[Param::int("block", [1, 16], HARD_MAX, 4, BLOCK)],
        tables: &[],
        paper: Some(BLOCK_DIFFUSION),
        ours: None,
        cost: CostClass::Quadratic,
        pairs_at_64: 1152,
        reach_at_64: Reach::Never,
    },
    MaskEntry {
        id: "cross-modal",
        name: Text::new("Two modalities", "两种模态"),
        about: Text::new(
            "A sequence of two parts, such as words and image patches, with a switch for who may look at whom.",
            "序列由两部分组成（如文字与图像块），可分别开关谁看谁。",
        ),
        formula: "(aa if k < first else ab) if q_pos < first else (ba if k < first else bb)",
        score: None,
        params: &[
            Param::int("first", [0, 64], HARD_MAX, 8, Text::new("tokens of A", "A 的词元数")),
            Param::switch("aa", false, Text::new("A looks at A", "A 看 A")),
            Param::switch("ab", true, Text::new("A looks at B", "A 看 B")),
            Param::switch("ba", true, Text::new("B looks at A", "B 看 A")),
            Param::switch("bb", false, Text::new("B looks at B", "B 看 B")),
        ],
        tables: &[],
        paper: Some(VILBERT),
        ours: None,
        cost: CostClass::Quadratic,
        pairs_at_64: 896,
        reach_at_64: Reach::Never,
    },
    MaskEntry {
        id: "image-interval",
        name: Text::new("Image intervals", "图像区间"),
        about: Text::new(
            "Queries are text, keys are the tokens of several images: a word sees the image that stands last before it.",
            "查询是文字，键是多幅图像的词元：每个词只看它前面最近的那幅图像。",
        ),
        formula: "shown[k // visual] <= q_pos and q_pos < hidden[k // visual]",
        score: None,
        params: &[Param::int("visual", [1, 64], HARD_MAX, 16, Text::new("tokens per image", "每幅图像的词元数"))],
        tables: &[
            by_image("shown", tables::shown, Text::new("first word that sees each image", "看到每幅图像的第一个词")),
            by_image("hidden", tables::hidden, Text::new("first word that no longer sees it", "不再看到它的第一个词")),
        ],
        paper: Some(FLAMINGO),
        ours: None,
        cost: CostClass::Quadratic,
        pairs_at_64: 1024,
        reach_at_64: Reach::Never,
    },
];

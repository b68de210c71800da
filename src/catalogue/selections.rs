//! Selections: which of the allowed keys a query looks at, by what they hold.

use super::content::{Branch, Change, Computed, Content, ContentEntry, Fold, Measure};
use super::entry::{CostClass, Paper, Param, Text};
use crate::formula::Ty;

/// What the page opens with.
const ENTRIES: &[ContentEntry] = &[ContentEntry {
    id: "none",
    name: Text::new("Every allowed key", "全部允许的键"),
    about: Text::new("Nothing is selected: the mask alone decides.", "不做选择，只由掩码决定。"),
    formula: "true",
    content: Content::NONE,
    params: &[],
    scale: None,
    inexact: false,
    pairs: None,
    paper: None,
    ours: None,
}];

/// What it fetches when somebody looks for more.
const MORE: &[ContentEntry] = &[
    ContentEntry {
        id: "top-k",
        name: Text::new("Top k", "前 k 个"),
        about: Text::new(
            "Each query keeps the keys of its highest scores and drops the rest.",
            "每个查询只保留分数最高的若干键。",
        ),
        formula: "s ≥ the k-th largest s of the row",
        content: Content {
            tables: &[Computed { name: "top_keys", ty: Ty::Bool, kind: Measure::TopKeys, reads: None }],
            mask: Some("top_keys[b, h, q, k]"),
            ..Content::NONE
        },
        params: &[Param::int("keep", [1, 64], 4096, 8, Text::new("keys kept", "保留的键数"))],
        scale: None,
        inexact: true,
        pairs: Some(CostClass::Linear),
        paper: Some(Paper {
            title: "Zhao et al., Explicit Sparse Transformer: Concentrated Attention Through Explicit Selection",
            year: 2019,
            id: "arXiv:1912.11637",
        }),
        ours: None,
    },
    ContentEntry {
        id: "top-k-blocks",
        name: Text::new("Top blocks (MoBA)", "前几个块（MoBA）"),
        about: Text::new(
            "Keys come in blocks, and each query keeps its own block and those whose mean key fits it best.",
            "键按块划分，每个查询保留自己所在的块，以及均值与其最匹配的块。",
        ),
        formula: "q · mean(K_block) among the largest",
        content: Content {
            tables: &[Computed { name: "top_blocks", ty: Ty::Bool, kind: Measure::TopBlocks, reads: None }],
            mask: Some("top_blocks[b, h, q, k // block]"),
            ..Content::NONE
        },
        params: &[
            Param::int("block", [1, 64], 4096, 8, Text::new("block", "块大小")),
            Param::int(
                "keep",
                [1, 32],
                4096,
                3,
                Text::new("blocks kept, the own among them", "保留的块数（含自身所在块）"),
            ),
        ],
        scale: None,
        inexact: true,
        pairs: Some(CostClass::Linear),
        paper: Some(Paper {
            title: "Lu et al., MoBA: Mixture of Block Attention for Long-Context LLMs",
            year: 2025,
            id: "arXiv:2502.13189",
        }),
        ours: None,
    },
    ContentEntry {
        id: "nsa",
        name: Text::new("Three branches (NSA)", "三分支（NSA）"),
        about: Text::new(
            "Three attentions are gated and added: over block means, over the blocks of most coarse weight, which heads that share keys choose together, and over near keys.",
            "三路注意力经门控相加：对各块均值、对粗略权重最大的块（共享键的各头一同选择），以及对邻近的键。",
        ),
        formula: "y = g₁ · A(block means) + g₂ · A(chosen blocks) + g₃ · A(q - k < window)",
        content: Content {
            folds: Fold::All,
            changes: &[Change::AppendBlocks],
            tables: &[
                Computed { name: "whole_blocks", ty: Ty::Bool, kind: Measure::WholeBlocks, reads: None },
                Computed { name: "native_blocks", ty: Ty::Bool, kind: Measure::NativeBlocks, reads: None },
            ],
            branches: &[
                Branch { gate: "compressed", mask: "k >= tokens and whole_blocks[b, h, q, k - tokens]" },
                Branch { gate: "chosen", mask: "k < tokens and native_blocks[b, h, q, k // block]" },
                Branch { gate: "near", mask: "k < tokens and k <= q_pos and q_pos - k < window" },
            ],
            ..Content::NONE
        },
        params: &[
            Param::int("block", [1, 64], 4096, 8, Text::new("block", "块大小")),
            Param::int(
                "keep",
                [1, 32],
                4096,
                4,
                Text::new("blocks kept, first, own and previous among them", "保留的块数（含首块、自身及前一块）"),
            ),
            Param::int("window", [0, 64], 4096, 16, Text::new("window", "窗口")),
            Param::real("compressed", [0.0, 1.0], 0.05, 0.3, Text::new("gate of the block means", "块均值分支的门")),
            Param::real("chosen", [0.0, 1.0], 0.05, 0.4, Text::new("gate of the chosen blocks", "选块分支的门")),
            Param::real("near", [0.0, 1.0], 0.05, 0.3, Text::new("gate of the window", "窗口分支的门")),
            Param::switch("by_query", false, Text::new("each query sets the gates", "由每个查询决定门")),
        ],
        scale: None,
        inexact: true,
        pairs: Some(CostClass::Quadratic),
        paper: Some(Paper {
            title: "Yuan et al., Native Sparse Attention: Hardware-Aligned and Natively Trainable Sparse Attention",
            year: 2025,
            id: "arXiv:2502.11089",
        }),
        ours: Some(Text::new(
            "Blocks are compressed to the mean of their keys, positions applied, and of their values, where the paper learns a network and lets blocks overlap. A block counts as a whole once the mask allows all of it; columns after the tokens are such blocks. The gates are sliders, or σ(ln(g / (1 − g)) + q · w_h) with seeded normal w_h over √d in place of learned ones, and need not add up to 1. Branches share the keys.",
            "每块压缩为其键（已施加位置）与值的均值；论文则学习一个网络，且块可重叠。掩码允许整块之后，该块才可被看到；词元之后的列就是这些块。门是滑块，或以 σ(ln(g / (1 − g)) + q · w_h) 代替学习所得，w_h 为除以 √d 的种子正态数；各门之和不必为 1。三个分支共用同样的键。",
        )),
    },
    ContentEntry {
        id: "dsa",
        name: Text::new("Indexed keys (DSA)", "索引选键（DSA）"),
        about: Text::new(
            "A small indexer with seeded weights scores all keys once, and all heads attend to the same best ones.",
            "种子权重的小索引器为所有键打一次分，所有头都只看同一批最高分的键。",
        ),
        formula: "Σ w · max(0, qᴵ · kᴵ) among the largest",
        content: Content {
            folds: Fold::Encoding,
            tables: &[Computed { name: "indexed", ty: Ty::Bool, kind: Measure::Indexed, reads: None }],
            mask: Some("indexed[b, q, k]"),
            ..Content::NONE
        },
        params: &[
            Param::int("keep", [1, 64], 4096, 8, Text::new("keys kept", "保留的键数")),
            Param::int("heads", [1, 16], 64, 4, Text::new("heads of the indexer", "索引器的头数")),
            Param::int("size", [1, 32], 256, 16, Text::new("size of its heads", "索引器的维数")),
        ],
        scale: None,
        inexact: true,
        pairs: Some(CostClass::Linear),
        paper: Some(Paper {
            title: "DeepSeek-AI, DeepSeek-V3.2: Pushing the Frontier of Open Large Language Models",
            year: 2025,
            id: "arXiv:2512.02556",
        }),
        ours: None,
    },
    ContentEntry {
        id: "lsh",
        name: Text::new("Hashed buckets (Reformer)", "哈希分桶（Reformer）"),
        about: Text::new(
            "Queries and keys fall into buckets by random directions, seeded, and a query looks at keys that share one with it in any round.",
            "查询和键按种子随机方向分桶，查询只看在任一轮中与其同桶的键。",
        ),
        formula: "hash(q) = hash(k) in any round",
        content: Content {
            folds: Fold::Encoding,
            changes: &[Change::SharedQk],
            tables: &[
                Computed { name: "hash_q", ty: Ty::Int, kind: Measure::HashOfQuery, reads: None },
                Computed { name: "hash_k", ty: Ty::Int, kind: Measure::HashOfKey, reads: None },
            ],
            mask: Some(
                "hash_q[b, h, 0, q] == hash_k[b, h, 0, k] or rounds > 1 and hash_q[b, h, 1, q] == hash_k[b, h, 1, k] or rounds > 2 and hash_q[b, h, 2, q] == hash_k[b, h, 2, k] or rounds > 3 and hash_q[b, h, 3, q] == hash_k[b, h, 3, k]",
            ),
            ..Content::NONE
        },
        params: &[
            Param { step: 2.0, ..Param::int("buckets", [2, 64], 1024, 8, Text::new("buckets", "桶数")) },
            Param::int("rounds", [1, 4], 4, 2, Text::new("rounds", "轮数")),
            Param::switch("shared", false, Text::new("keys are the queries", "键即查询")),
        ],
        scale: None,
        inexact: true,
        pairs: Some(CostClass::Quadratic),
        paper: Some(Paper {
            title: "Kitaev, Kaiser and Levskaya, Reformer: The Efficient Transformer",
            year: 2020,
            id: "arXiv:2001.04451",
        }),
        ours: Some(Text::new(
            "A token may look at itself, and rounds are joined into one softmax, in which a key counts once.",
            "词元可以看自己；各轮合并进一个 Softmax，每个键只计一次。",
        )),
    },
    ContentEntry {
        id: "k-means",
        name: Text::new("Clusters (Routing)", "聚类（Routing）"),
        about: Text::new(
            "Queries and keys are clustered together by k-means from seeded centroids, and a query looks at the keys of its own cluster.",
            "用 k-means（种子初始中心）对查询和键一起聚类，查询只看同簇的键。",
        ),
        formula: "cluster(q) = cluster(k)",
        content: Content {
            folds: Fold::Encoding,
            tables: &[
                Computed { name: "cluster_q", ty: Ty::Int, kind: Measure::ClusterOfQuery, reads: None },
                Computed { name: "cluster_k", ty: Ty::Int, kind: Measure::ClusterOfKey, reads: None },
            ],
            mask: Some("cluster_q[b, h, q] == cluster_k[b, h, k]"),
            ..Content::NONE
        },
        params: &[
            Param::int("clusters", [1, 32], 256, 4, Text::new("clusters", "簇数")),
            Param::int("steps", [0, 20], 100, 5, Text::new("steps of k-means", "k-means 步数")),
        ],
        scale: None,
        inexact: true,
        pairs: Some(CostClass::Quadratic),
        paper: Some(Paper {
            title: "Roy et al., Efficient Content-Based Sparse Attention with Routing Transformers",
            year: 2020,
            id: "arXiv:2003.05997",
        }),
        ours: Some(Text::new(
            "Centroids come from a fixed number of Lloyd's steps over this input; the paper moves them with every batch and keeps clusters of equal size.",
            "聚类中心由对本输入做固定步数的 Lloyd 迭代得到；论文随每个批次移动中心，并保持各簇大小相等。",
        )),
    },
    ContentEntry {
        id: "global-projections",
        name: Text::new("Global projections", "全局词元的投影"),
        about: Text::new(
            "Global tokens look with projections of their own: their queries, and all keys and values as they see them, are projected once more.",
            "全局词元使用自己的投影去看：它们的查询，以及它们所看到的全部键和值，都再投影一次。",
        ),
        formula: "q A, k B, v C where q < globals",
        content: Content {
            folds: Fold::All,
            changes: &[Change::GlobalProjections],
            mask: Some("(q_pos < globals) == (k >= tokens)"),
            ..Content::NONE
        },
        params: &[Param::int("globals", [0, 16], 65_536, 1, Text::new("global tokens", "全局词元数"))],
        scale: None,
        inexact: false,
        pairs: None,
        paper: Some(Paper {
            title: "Beltagy et al., Longformer: The Long-Document Transformer",
            year: 2020,
            id: "arXiv:2004.05150",
        }),
        ours: Some(Text::new(
            "The paper projects hidden states and learns the matrices; here Q, K and V, positions applied, go through seeded normal matrices over √d of each head. Columns after the tokens are the keys as global tokens see them; set as many globals as the mask has.",
            "论文投影的是隐状态，矩阵由学习得到；这里 Q、K、V（已施加位置）经过各头除以 √d 的种子正态矩阵。词元之后的列是全局词元所看到的键；个数应与掩码的全局词元数一致。",
        )),
    },
    ContentEntry {
        id: "truncate",
        name: Text::new("Truncated keys", "截断键"),
        about: Text::new(
            "Only so many keys and values are kept, the first or the last of the text, as a model with a short input does.",
            "只保留文本开头或结尾的若干键和值，如同输入长度有限的模型。",
        ),
        formula: "k < keep, or n - keep ≤ k",
        content: Content { folds: Fold::All, changes: &[Change::Truncate], ..Content::NONE },
        params: &[
            Param::int("keep", [1, 128], 65_536, 16, Text::new("keys kept", "保留的键数")),
            Param::switch("last", false, Text::new("the last ones", "保留末尾")),
        ],
        scale: None,
        inexact: true,
        pairs: Some(CostClass::Linear),
        paper: None,
        ours: Some(Text::new(
            "Every model with a longest input does it; no paper is its source. Positions are those of the whole text; a query that may see none of the kept keys gives nothing.",
            "凡输入长度有限的模型都如此，没有特定的论文来源。位置仍按整篇文本计算；看不到任何保留键的查询输出为零。",
        )),
    },
    ContentEntry {
        id: "plastic",
        name: Text::new("Plastic synapses", "可塑突触"),
        about: Text::new(
            "One Hebbian step: every key stays, and distances that a head looks at much are wired more strongly for a second look.",
            "一步赫布学习：键全部保留，某个头越常看的距离，在第二次注意时连接越强。",
        ),
        formula: "w' = w · (1 + η · mean of the weights at that distance)",
        content: Content {
            tables: &[Computed { name: "hebb", ty: Ty::Float, kind: Measure::Hebbian, reads: None }],
            score: Some("s + log(1.0 + rate * hebb[b, h, abs(q_pos - k)])"),
            ..Content::NONE
        },
        params: &[Param::real("rate", [0.0, 20.0], 0.5, 5.0, Text::new("learning rate η", "学习率 η"))],
        scale: None,
        inexact: false,
        pairs: None,
        paper: None,
        ours: Some(Text::new(
            "No paper fixes it: this is our plastic option of synaptic attention, for any mask. With the weights A of a first run, a head's wire over the distance d = |q − k| becomes w · (1 + η · mean A), the mean over all pairs at that distance which the mask allows; ln of the factor is added to the score, inside a softcap. One step, from the numbers as they are: nothing is trained.",
            "没有论文规定它：这是本站为突触注意力定义的可塑选项，可用于任何掩码。设第一次计算得到权重 A，则某个头在距离 d = |q − k| 上的连接变为 w · (1 + η · mean A)，均值取掩码允许的、距离相同的所有位置对；系数的对数加到分数上，位于软上限之内。只走一步，直接取当前的数值，没有训练。",
        )),
    },
    ContentEntry {
        id: "pool-keys",
        name: Text::new("Pooled keys", "池化键"),
        about: Text::new(
            "Several tokens share one key and value, their mean or the last of them, and a query sees a group once it may see its last token.",
            "若干词元共用一个键和值（取均值或最后一个）；查询能看到一组的最后一个词元时，才能看到该组。",
        ),
        formula: "mean(K_group), mean(V_group)",
        content: Content { folds: Fold::All, changes: &[Change::PoolKeys], ..Content::NONE },
        params: &[
            Param::int("factor", [1, 32], 4096, 4, Text::new("tokens a group", "每组词元数")),
            Param::switch("strided", false, Text::new("the last token instead of the mean", "取最后一个词元而非均值")),
        ],
        scale: None,
        inexact: true,
        pairs: Some(CostClass::Quadratic),
        paper: Some(Paper {
            title: "Liu et al., Generating Wikipedia by Summarizing Long Sequences",
            year: 2018,
            id: "arXiv:1801.10198",
        }),
        ours: Some(Text::new(
            "Means or strides of fixed weight, where the paper learns a strided convolution; columns of the map are groups.",
            "用固定权重的均值或步进，论文则学习一个带步长的卷积；图中的列是组。",
        )),
    },
];

/// What the page opens with.
pub(super) fn first() -> &'static [ContentEntry] {
    ENTRIES
}

/// Every selection.
pub(super) fn whole() -> Vec<ContentEntry> {
    [ENTRIES, MORE].concat()
}

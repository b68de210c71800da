//! Biases by distance: ALiBi, T5, KERPLE, Sandwich, a table.

use super::super::entry::{Least, Paper, Param, PositionEntry, Slot, Table, Text};
use super::super::tables::positions as tables;
use super::GAIN;
use crate::formula::Ty;

/// What the page opens with.
pub(super) const ENTRIES: &[PositionEntry] = &[PositionEntry {
    id: "alibi",
    name: Text::new("ALiBi", "ALiBi 线性偏置"),
    about: Text::new(
        "A penalty that grows with distance, steeper in some heads than in others.",
        "距离越远扣分越多，不同的头斜率不同。",
    ),
    slot: Slot::Score {
        formula: "s - gain * slope[h] * (q_pos - k if signed else abs(q_pos - k))",
        tables: &[tables::SLOPE],
    },
    params: &[
        GAIN,
        Param::switch("signed", false, Text::new("signed distance (later keys gain)", "带符号距离（后面的键加分）")),
    ],
    least: None,
    paper: Some(Paper {
        title: "Press et al., Train Short, Test Long: Attention with Linear Biases Enables Input Length Extrapolation",
        year: 2021,
        id: "arXiv:2108.12409",
    }),
    ours: None,
}];

/// What it fetches when somebody looks for more.
pub(super) const MORE: &[PositionEntry] = &[
    PositionEntry {
        id: "t5",
        name: Text::new("T5 buckets", "T5 分桶偏置"),
        about: Text::new(
            "Distances share buckets, fine near and coarse far, each with a bias per head; here the biases are seeded.",
            "距离分入若干桶，近处细、远处粗，每桶每头一个偏置；这里的偏置由种子生成。",
        ),
        slot: Slot::Score {
            formula: "s + gain * (bias[h, bucket[max(q_pos - k, 0)]] if causal else \
                      bias[h, bucket[abs(q_pos - k)] + (buckets // 2 if k > q_pos else 0)])",
            tables: &[
                Table {
                    name: "bucket",
                    ty: Ty::Int,
                    rank: 1,
                    index: "abs(q_pos - k)",
                    make: tables::t5_buckets,
                    editable: false,
                    label: Text::new("bucket of each distance", "每个距离所在的桶"),
                },
                Table {
                    name: "bias",
                    ty: Ty::Float,
                    rank: 2,
                    index: "h, abs(q_pos - k)",
                    make: tables::t5_bias,
                    editable: true,
                    label: Text::new("bias by head and bucket", "各头各桶的偏置"),
                },
            ],
        },
        params: &[
            Param { step: 2.0, ..Param::int("buckets", [4, 64], 1024, 32, Text::new("buckets", "桶数")) },
            Param::int(
                "max_distance",
                [8, 512],
                65_536,
                128,
                Text::new("largest distance told apart", "可分辨的最大距离"),
            ),
            Param::switch("causal", false, Text::new("one direction (decoder)", "单向（解码器）")),
            GAIN,
        ],
        // Half of the buckets (of one direction) hold one distance each; the rest needs distances beyond them.
        least: Some(Least {
            name: "max_distance",
            of: |value| (value("buckets") / if value("causal") != 0.0 { 2.0 } else { 4.0 }).floor() + 1.0,
        }),
        paper: Some(Paper {
            title: "Raffel et al., Exploring the Limits of Transfer Learning with a Unified Text-to-Text Transformer",
            year: 2019,
            id: "arXiv:1910.10683",
        }),
        ours: None,
    },
    PositionEntry {
        id: "kerple-log",
        name: Text::new("KERPLE, logarithmic", "KERPLE 对数核"),
        about: Text::new(
            "A penalty that grows with the logarithm of distance; far keys fade slowly.",
            "按距离的对数扣分，远处的键减弱得很慢。",
        ),
        slot: Slot::Score {
            formula: "s - r1[h] * log(1.0 + max(r2[h], 0.0) * abs(q_pos - k))",
            tables: &[
                R1,
                Table {
                    name: "r2",
                    ty: Ty::Float,
                    rank: 1,
                    index: "h",
                    make: tables::kerple_rate,
                    editable: true,
                    label: Text::new("rate inside the logarithm, by head", "每个头对数内的速率"),
                },
            ],
        },
        params: &[
            AMOUNT,
            Param::real("rate", [0.05, 8.0], 0.05, 1.0, Text::new("rate r2 of every head", "各头的速率 r2")),
        ],
        least: None,
        paper: Some(KERPLE),
        ours: None,
    },
    PositionEntry {
        id: "kerple-power",
        name: Text::new("KERPLE, power", "KERPLE 幂核"),
        about: Text::new(
            "A penalty that grows with a power of distance, from nearly flat to quadratic; 1 is ALiBi.",
            "按距离的幂扣分，从近乎平坦到平方；指数为 1 即 ALiBi。",
        ),
        slot: Slot::Score {
            formula: "s - r1[h] * pow(float(abs(q_pos - k)), exponent[h])",
            tables: &[
                R1,
                Table {
                    name: "exponent",
                    ty: Ty::Float,
                    rank: 1,
                    index: "h",
                    make: tables::kerple_exponent,
                    editable: true,
                    label: Text::new("exponent of each head", "每个头的指数"),
                },
            ],
        },
        params: &[
            AMOUNT,
            Param::real("power", [0.05, 2.0], 0.05, 0.5, Text::new("exponent r2 of every head", "各头的指数 r2")),
        ],
        least: None,
        paper: Some(KERPLE),
        ours: None,
    },
    PositionEntry {
        id: "sandwich",
        name: Text::new("Sandwich", "Sandwich 正弦偏置"),
        about: Text::new(
            "The product of two sinusoidal encodings as a bias, weaker from head to head; nothing is learned.",
            "以两个正弦位置编码的内积为偏置，逐头减弱，无需学习。",
        ),
        slot: Slot::Score {
            formula: "s + gain * wave[abs(q_pos - k)] * n_h / (8.0 * (h + 1))",
            tables: &[Table {
                name: "wave",
                ty: Ty::Float,
                rank: 1,
                index: "abs(q_pos - k)",
                make: tables::sandwich,
                editable: false,
                label: Text::new("product of encodings by distance", "各距离的编码内积"),
            }],
        },
        params: &[
            Param {
                step: 2.0,
                ..Param::int("dims", [2, 256], 1024, 128, Text::new("dimensions of the encoding", "编码维度"))
            },
            GAIN,
        ],
        least: None,
        paper: Some(Paper {
            title: "Chi et al., Dissecting Transformer Length Extrapolation via the Lens of Receptive Field Analysis",
            year: 2022,
            id: "arXiv:2212.10356",
        }),
        ours: None,
    },
    PositionEntry {
        id: "relative",
        name: Text::new("Relative table", "相对距离表"),
        about: Text::new(
            "A number for each head and signed distance, shared beyond a limit, where the paper has vectors; here they are seeded.",
            "每个头、每个带符号距离各有一个数（论文用向量），超过上限的共用一个；这里由种子生成。",
        ),
        slot: Slot::Score {
            formula: "s + gain * distance_bias[h, reach + clamp(k - q_pos, -reach, reach)]",
            tables: &[Table {
                name: "distance_bias",
                ty: Ty::Float,
                rank: 2,
                index: "h, abs(q_pos - k)",
                make: tables::distance_bias,
                editable: true,
                label: Text::new("bias by head and distance, farthest back first", "各头各距离的偏置，从最早的键起"),
            }],
        },
        params: &[
            Param::int("reach", [1, 64], 65_536, 16, Text::new("largest distance told apart", "可分辨的最大距离")),
            GAIN,
        ],
        least: None,
        paper: Some(Paper {
            title: "Shaw et al., Self-Attention with Relative Position Representations",
            year: 2018,
            id: "arXiv:1803.02155",
        }),
        ours: Some(Text::new(
            "The paper has vectors that meet the query; the table of numbers is their form without content, in which the whole curve can be seen and edited. The vectors are an entry of their own.",
            "论文使用与查询相乘的向量；数值表是去掉内容后的形式，可以看到并编辑整条曲线。向量形式另有条目。",
        )),
    },
];

const KERPLE: Paper = Paper {
    title: "Chi et al., KERPLE: Kernelized Relative Positional Embedding for Length Extrapolation",
    year: 2022,
    id: "arXiv:2205.09921",
};
const AMOUNT: Param =
    Param::real("amount", [0.0, 8.0], 0.05, 1.0, Text::new("strength r1 of every head", "各头的强度 r1"));
const R1: Table = Table {
    name: "r1",
    ty: Ty::Float,
    rank: 1,
    index: "h",
    make: tables::kerple_amount,
    editable: true,
    label: Text::new("strength of each head", "每个头的强度"),
};

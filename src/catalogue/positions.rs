//! Position schemes.

use super::entry::{Least, Paper, Param, PositionEntry, Slot, Table, Text};
use super::tables::positions as tables;
use crate::formula::Ty;

const TRANSFORMER: Paper =
    Paper { title: "Vaswani et al., Attention Is All You Need", year: 2017, id: "arXiv:1706.03762" };

const BASE: Param = Param {
    name: "base",
    ty: Ty::Float,
    min: 10.0,
    max: 100_000.0,
    hard_max: 1e9,
    step: 10.0,
    default: 10_000.0,
    label: Text::new("base", "底数"),
};
const GAIN: Param = Param::real("gain", [0.0, 4.0], 0.05, 1.0, Text::new("strength", "强度"));

static POSITIONS: [PositionEntry; 6] = [
    PositionEntry {
        id: "none",
        name: Text::new("None", "无位置信息"),
        about: Text::new(
            "Scores know nothing of order; only a mask can tell before from after.",
            "分数不含任何顺序信息，只有掩码能区分先后。",
        ),
        slot: Slot::Nothing,
        params: &[],
        least: None,
        paper: None,
    },
    PositionEntry {
        id: "sinusoidal",
        name: Text::new("Sinusoidal", "正弦位置编码"),
        about: Text::new(
            "Waves of many lengths are added, so that every position has a fingerprint and shifts are rotations.",
            "叠加多种波长的正弦波：每个位置有独特的印记，平移对应旋转。",
        ),
        slot: Slot::Sinusoidal,
        params: &[BASE, GAIN],
        least: None,
        paper: Some(TRANSFORMER),
    },
    PositionEntry {
        id: "learned",
        name: Text::new("Learned table", "可学习位置表"),
        about: Text::new(
            "One vector for each position up to the trained length; here of seeded numbers, and past the end the last one repeats.",
            "训练长度内每个位置各有一个向量；这里用带种子的随机数，超出后重复最后一个。",
        ),
        slot: Slot::Learned,
        params: &[Param::int("trained", [1, 512], 65_536, 64, Text::new("trained length", "训练长度")), GAIN],
        least: None,
        paper: Some(Paper {
            title: "Gehring et al., Convolutional Sequence to Sequence Learning",
            year: 2017,
            id: "arXiv:1705.03122",
        }),
    },
    PositionEntry {
        id: "rope",
        name: Text::new("Rotary (RoPE)", "旋转位置编码（RoPE）"),
        about: Text::new(
            "Queries and keys turn by an angle that grows with their position, so a score depends on distance alone.",
            "查询和键按位置旋转相应的角度，分数因此只取决于相对距离。",
        ),
        slot: Slot::Rotary,
        params: &[
            BASE,
            Param::real(
                "fraction",
                [0.0, 1.0],
                0.05,
                1.0,
                Text::new("share of each head that turns", "参与旋转的维度比例"),
            ),
        ],
        least: None,
        paper: Some(Paper {
            title: "Su et al., RoFormer: Enhanced Transformer with Rotary Position Embedding",
            year: 2021,
            id: "arXiv:2104.09864",
        }),
    },
    PositionEntry {
        id: "alibi",
        name: Text::new("ALiBi", "ALiBi 线性偏置"),
        about: Text::new(
            "A penalty that grows with distance, steeper in some heads than in others.",
            "距离越远扣分越多，不同的头斜率不同。",
        ),
        slot: Slot::Score {
            formula: "s - gain * slope[h] * (q_pos - k if signed else abs(q_pos - k))",
            tables: &[Table {
                name: "slope",
                ty: Ty::Float,
                rank: 1,
                index: "h",
                make: tables::alibi_slopes,
                editable: true,
                label: Text::new("slope of each head", "每个头的斜率"),
            }],
        },
        params: &[
            GAIN,
            Param::switch(
                "signed",
                false,
                Text::new("signed distance (later keys gain)", "带符号距离（后面的键加分）"),
            ),
        ],
        least: None,
        paper: Some(Paper {
            title: "Press et al., Train Short, Test Long: Attention with Linear Biases Enables Input Length Extrapolation",
            year: 2021,
            id: "arXiv:2108.12409",
        }),
    },
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
    },
];

/// What the page opens with.
pub(super) fn first() -> &'static [PositionEntry] {
    &POSITIONS
}

/// Every position scheme.
pub(super) fn whole() -> Vec<PositionEntry> {
    POSITIONS.to_vec()
}

//! Schemes that change Q and K: none, sinusoids, a table, rotation.

use super::super::entry::{Paper, Param, PositionEntry, Rotary, Slot, Text};
use super::GAIN;
use crate::formula::Ty;

const TRANSFORMER: Paper =
    Paper { title: "Vaswani et al., Attention Is All You Need", year: 2017, id: "arXiv:1706.03762" };

pub(super) const BASE: Param = Param {
    name: "base",
    ty: Ty::Float,
    min: 10.0,
    max: 100_000.0,
    hard_max: 1e9,
    step: 10.0,
    default: 10_000.0,
    label: Text::new("base", "底数"),
};

pub(super) const FRACTION: Param =
    Param::real("fraction", [0.0, 1.0], 0.05, 1.0, Text::new("share of each head that turns", "参与旋转的维度比例"));

/// What the page opens with.
pub(super) const ENTRIES: &[PositionEntry] = &[
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
        ours: None,
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
        ours: None,
    },
    PositionEntry {
        id: "rope",
        name: Text::new("Rotary (RoPE)", "旋转位置编码（RoPE）"),
        about: Text::new(
            "Queries and keys turn by an angle that grows with their position, so a score depends on distance alone.",
            "查询和键按位置旋转相应的角度，分数因此只取决于相对距离。",
        ),
        slot: Slot::Rotary(Rotary::Plain),
        params: &[BASE, FRACTION],
        least: None,
        paper: Some(Paper {
            title: "Su et al., RoFormer: Enhanced Transformer with Rotary Position Embedding",
            year: 2021,
            id: "arXiv:2104.09864",
        }),
        ours: None,
    },
];

/// What it fetches when somebody looks for more.
pub(super) const MORE: &[PositionEntry] = &[PositionEntry {
    id: "learned",
    name: Text::new("Learned table", "可学习位置表"),
    about: Text::new(
        "One vector for each position up to the trained length, here of seeded numbers; past the end the last one repeats, the table begins anew, or all positions are squeezed into it.",
        "训练长度内每个位置各有一个向量，这里用带种子的随机数；超出后可重复最后一个、从头循环，或把全部位置压缩进表内。",
    ),
    slot: Slot::Learned,
    params: &[
        Param::int("trained", [1, 512], 65_536, 64, Text::new("trained length", "训练长度")),
        GAIN,
        Param::int(
            "beyond",
            [0, 2],
            2,
            0,
            Text::new(
                "past the end: 0 repeat the last, 1 begin anew, 2 squeeze",
                "超出后：0 重复最后一个，1 循环，2 压缩",
            ),
        ),
    ],
    least: None,
    paper: Some(Paper {
        title: "Gehring et al., Convolutional Sequence to Sequence Learning",
        year: 2017,
        id: "arXiv:1705.03122",
    }),
    ours: None,
}];

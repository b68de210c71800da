//! Biases that a small network computes from the distance.

use super::super::entry::{Paper, Param, PositionEntry, Slot, Table, Text};
use super::super::tables::positions as tables;
use super::GAIN;
use crate::formula::Ty;

/// One hidden unit of FIRE's network, over the distance as a share of the length: ψ(d) / ψ(max(L, i)) with ψ(x) = ln(c x + 1).
macro_rules! unit {
    ($unit:literal) => {
        concat!(
            "fire_out[h, ",
            $unit,
            "] * max(0.0, fire_weight[",
            $unit,
            "] * log(1.0 + c * abs(q_pos - k)) / log(1.0 + c * max(length, q_pos)) + fire_bias[",
            $unit,
            "])"
        )
    };
}

const fn of_units(
    name: &'static str,
    make: fn(&super::super::entry::Setting) -> crate::formula::Data,
    label: Text,
) -> Table {
    Table { name, ty: Ty::Float, rank: 1, index: "abs(q_pos - k)", make, editable: true, label }
}

pub(super) const ENTRIES: &[PositionEntry] = &[
    PositionEntry {
        id: "fire",
        name: Text::new("FIRE", "FIRE 插值偏置"),
        about: Text::new(
            "A network reads the distance as a share of the query's position, so longer texts stay in its range; here it \
             has four seeded units.",
            "网络读入距离占查询位置的比例，更长的文本也不会超出范围；这里用四个由种子生成的单元。",
        ),
        slot: Slot::Score {
            formula: concat!(
                "s + gain * (",
                unit!("0"),
                " + ",
                unit!("1"),
                " + ",
                unit!("2"),
                " + ",
                unit!("3"),
                " + fire_out[h, 4])"
            ),
            tables: &[
                of_units("fire_weight", tables::fire_weight, Text::new("weight into each unit", "各单元的输入权重")),
                of_units("fire_bias", tables::fire_bias, Text::new("bias of each unit", "各单元的偏置")),
                Table {
                    name: "fire_out",
                    ty: Ty::Float,
                    rank: 2,
                    index: "h, abs(q_pos - k)",
                    make: tables::fire_out,
                    editable: true,
                    label: Text::new(
                        "weights from the units to each head, then its bias",
                        "各单元到每个头的权重，最后是偏置",
                    ),
                },
            ],
        },
        params: &[
            Param::real("c", [0.01, 2.0], 0.01, 0.1, Text::new("stretch of near distances", "近处的拉伸 c")),
            Param::int("length", [1, 512], 65_536, 32, Text::new("shortest length L", "最短长度 L")),
            GAIN,
        ],
        least: None,
        paper: Some(Paper {
            title: "Li et al., Functional Interpolation for Relative Positions Improves Long Context Transformers",
            year: 2023,
            id: "arXiv:2310.04418",
        }),
        ours: None,
    },
    PositionEntry {
        id: "distance-mlp",
        name: Text::new("Distance network", "距离网络"),
        about: Text::new(
            "Two hidden layers turn any signed distance into a bias for each head, as the paper does for images; here they are seeded.",
            "两个隐藏层把任意带符号距离变成每个头的偏置，论文用于图像；这里由种子生成。",
        ),
        slot: Slot::Score {
            formula: "s + gain * curve[h, q_pos - k + (max(n_q, n_k) - 1)]",
            tables: &[Table {
                name: "curve",
                ty: Ty::Float,
                rank: 2,
                index: "h, q_pos - k + (max(n_q, n_k) - 1)",
                make: tables::distance_curve,
                editable: false,
                label: Text::new("what the network says of each distance", "网络对各距离的输出"),
            }],
        },
        params: &[
            Param::int("units", [1, 32], 64, 16, Text::new("units in a layer", "每层单元数")),
            Param::switch("logarithmic", true, Text::new("logarithm of the distance", "取距离的对数")),
            GAIN,
        ],
        least: None,
        paper: Some(Paper {
            title: "Wang et al., CrossFormer: A Versatile Vision Transformer Hinging on Cross-scale Attention",
            year: 2021,
            id: "arXiv:2108.00154",
        }),
        ours: None,
    },
];

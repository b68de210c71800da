//! Score terms of phase, of time and of length.

use super::super::entry::{Paper, Param, PositionEntry, Slot, Table, Text};
use super::super::tables::{masks, positions as tables};
use super::GAIN;
use crate::formula::Ty;

/// When each token came.
pub(super) const TIME: Table = Table {
    name: "time",
    ty: Ty::Float,
    rank: 1,
    index: "k",
    make: tables::time,
    editable: true,
    label: Text::new("time of each token", "每个词元的时间"),
};

pub(super) const ENTRIES: &[PositionEntry] = &[
    PositionEntry {
        id: "dial",
        name: Text::new("Cosine dial", "余弦表盘"),
        about: Text::new(
            "Each head has a clock and prefers keys at the same hour: a soft form of the clock pattern, and of our own making.",
            "每个头有一只钟，偏好同一时刻的键：时钟模式的软化形式，由本站定义。",
        ),
        // The remainder first: the cosine of a large number would lose digits.
        slot: Slot::Score {
            formula: "s + gain * (cos(2.0 * pi * ((q_pos - k) % max(period[h], 1)) / max(period[h], 1)) - 1.0)",
            tables: &[masks::PERIOD],
        },
        params: &[Param::int("fastest", [1, 16], 65_536, 4, Text::new("fastest period", "最短周期")), GAIN],
        least: None,
        paper: None,
    },
    PositionEntry {
        id: "learned-clock",
        name: Text::new("Learned clocks", "可学习时钟"),
        about: Text::new(
            "Queries and keys each have a clock that only goes forward, and a query prefers keys whose clock shows its own time; here the clocks are seeded.",
            "查询和键各有一只只走不退的钟，查询偏好与自己时刻相同的键；这里的时钟由种子生成。",
        ),
        // A product, not a power: the base may be negative.
        slot: Slot::Score {
            formula: "s - gain * (tick_q[q] - tick_k[k]) * (tick_q[q] - tick_k[k]) / (2.0 * sigma * sigma)",
            tables: &[
                Table {
                    name: "tick_q",
                    ty: Ty::Float,
                    rank: 1,
                    index: "q",
                    make: tables::query_clock,
                    editable: true,
                    label: Text::new("what the queries' clock shows", "查询时钟的读数"),
                },
                Table {
                    name: "tick_k",
                    ty: Ty::Float,
                    rank: 1,
                    index: "k",
                    make: tables::key_clock,
                    editable: true,
                    label: Text::new("what the keys' clock shows", "键时钟的读数"),
                },
            ],
        },
        params: &[
            Param::real(
                "sigma",
                [0.01, 1.0],
                0.01,
                0.1,
                Text::new("width σ, as a share of the whole", "宽度 σ（占全长的比例）"),
            ),
            Param::real("uneven", [0.0, 4.0], 0.1, 1.0, Text::new("unevenness of the clocks", "时钟的不均匀程度")),
            GAIN,
        ],
        least: None,
        paper: Some(Paper {
            title: "Soh and Jo, Stochastic Clock Attention for Aligning Continuous and Ordered Sequences",
            year: 2025,
            id: "arXiv:2509.14678",
        }),
    },
    PositionEntry {
        id: "time-gap",
        name: Text::new("Time gap", "时间间隔"),
        about: Text::new(
            "A penalty for the time between two tokens, counted in whole units up to a limit, where the paper looks up a vector.",
            "按两个词元相隔的时间扣分，以整数单位计并有上限；论文则按它查一个向量。",
        ),
        slot: Slot::Score {
            formula: "s - gain * slope[h] * min(floor(abs(time[q_pos] - time[k]) / unit), most)",
            tables: &[tables::SLOPE, TIME],
        },
        params: &[
            Param::real("unit", [0.1, 10.0], 0.1, 1.0, Text::new("unit of time", "时间单位")),
            Param::int("most", [1, 256], 65_536, 64, Text::new("most units told apart", "最多可分辨的单位数")),
            GAIN,
        ],
        least: None,
        paper: Some(Paper {
            title: "Li et al., Time Interval Aware Self-Attention for Sequential Recommendation",
            year: 2020,
            id: "doi:10.1145/3336191.3371786",
        }),
    },
    PositionEntry {
        id: "scalable-softmax",
        name: Text::new("Scalable softmax", "可伸缩 Softmax"),
        about: Text::new(
            "Scores grow with the logarithm of the number of keys, so that attention stays sharp in long texts.",
            "分数随键数的对数放大，注意力在长文本中仍保持集中。",
        ),
        slot: Slot::Score { formula: "s * gain * log(float(max(q_pos + 1 if causal else n_k, 1)))", tables: &[] },
        params: &[
            Param::switch("causal", false, Text::new("count the keys up to the query only", "只计查询及之前的键")),
            GAIN,
        ],
        least: None,
        paper: Some(Paper {
            title: "Nakanishi, Scalable-Softmax Is Superior for Attention",
            year: 2025,
            id: "arXiv:2501.19399",
        }),
    },
];

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
        ours: Some(Text::new(
            "The word clock names no mask in the literature, and no paper has this bias: the cosine was taken because it is the smooth form of “the same hour”, 0 there and −2 · gain half a turn away, with the periods of the clock mask. Its slow heads see far, its fast ones tell neighbours apart.",
            "文献中没有以“时钟”命名的掩码，也没有论文给出这种偏置：取余弦，是因为它是“同一时刻”的平滑形式，同一时刻为 0，相差半圈为 −2 · gain，周期与时钟掩码相同。慢的头看得远，快的头能区分相邻词元。",
        )),
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
        ours: Some(Text::new(
            "After the paper, whose clocks are learned. Nothing is learned here, so the ticks are seeded, or edited, each clock shows 1 at its end, and in place of a width of the model's own there is one slider: one can see what it does.",
            "借鉴该论文，其时钟是学得的。这里不做学习：节拍由种子生成（可编辑），每只钟走到末尾时为 1，模型自己的宽度换成一个滑块，以便观察它的作用。",
        )),
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
        ours: Some(Text::new(
            "The paper looks up a vector for each interval; a number is enough to see the effect of time, so here it is a penalty that grows by whole units, as steep in each head as ALiBi's. The vectors are the entry of the paper's own name.",
            "论文为每个时间间隔查一个向量；要看时间的影响，一个数就够了，所以这里是按整数单位增长的扣分，各头的斜率与 ALiBi 相同。用向量的形式见以该论文命名的条目。",
        )),
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
        ours: None,
    },
];

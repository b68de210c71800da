//! Patterns of growing distances: powers of two, Fibonacci numbers, dilated segments.

use super::super::entry::{CostClass, MaskEntry, Paper, Param, Reach, Table, Text};
use super::super::tables::masks as tables;
use super::HARD_MAX;
use crate::formula::Ty;

const LOG_SPARSE: Paper = Paper {
    title: "Li et al., Enhancing the Locality and Breaking the Memory Bottleneck of Transformer on Time Series Forecasting",
    year: 2019,
    id: "arXiv:1907.00235",
};
const FIBONACCI: Paper = Paper {
    title: "Capps, Depth-Staggered Fibonacci Spacing for Sparse Attention",
    year: 2026,
    id: "arXiv:2606.28560",
};
const LONGNET: Paper = Paper {
    title: "Ding et al., LongNet: Scaling Transformers to 1,000,000,000 Tokens",
    year: 2023,
    id: "arXiv:2307.02486",
};

const NEAR: Param = Param::int("window", [1, 32], HARD_MAX, 1, Text::new("recent tokens", "最近词元数"));

/// Whether a pair lies in one segment of LongNet's first, second or third branch, on the positions that the head keeps there.
macro_rules! branch {
    (1) => {
        "(q_pos // segment == k // segment)"
    };
    (2) => {
        "(q_pos // (segment * rate) == k // (segment * rate) and q_pos % rate == h % rate and k % rate == h % rate)"
    };
    (3) => {
        "(q_pos // (segment * rate * rate) == k // (segment * rate * rate) and \
         q_pos % (rate * rate) == h % (rate * rate) and k % (rate * rate) == h % (rate * rate))"
    };
}

pub(super) const ENTRIES: &[MaskEntry] = &[
    MaskEntry {
        id: "log-sparse",
        name: Text::new("LogSparse", "对数稀疏"),
        about: Text::new(
            "Distances 1, 2, 4, 8 and so on: few keys in each layer, all of them after a few layers.",
            "距离为 1、2、4、8……：每层只看少数键，几层之后覆盖全部。",
        ),
        // A power of two has one binary digit, which one less does not have; 0 passes too.
        formula: "k <= q_pos and ((q_pos - k & q_pos - k - 1) == 0 or q_pos - k < window) and \
                  (restart == 0 or q_pos // restart == k // restart)",
        score: None,
        params: &[
            NEAR,
            Param::int(
                "restart",
                [0, 32],
                HARD_MAX,
                0,
                Text::new("restart after (0: never)", "重新开始的间隔（0 为从不）"),
            ),
        ],
        tables: &[],
        paper: Some(LOG_SPARSE),
        ours: None,
        cost: CostClass::NLogN,
        pairs_at_64: 385,
        reach_at_64: Reach::Layers(6),
    },
    MaskEntry {
        id: "fibonacci",
        name: Text::new("Fibonacci", "斐波那契"),
        about: Text::new(
            "A window and the distances 1, 2, 3, 5, 8 and so on, which a factor may spread or compress.",
            "一个窗口加上距离 1、2、3、5、8……，可用系数拉开或压缩。",
        ),
        formula: "k <= q_pos and (step[q_pos - k] or q_pos - k < window)",
        score: None,
        params: &[NEAR, Param::real("spacing", [0.5, 4.0], 0.05, 1.0, Text::new("spacing", "间距系数"))],
        tables: &[Table {
            name: "step",
            ty: Ty::Bool,
            rank: 1,
            index: "abs(q_pos - k)",
            make: tables::fibonacci,
            editable: false,
            label: Text::new("distances that are kept", "保留的距离"),
        }],
        paper: Some(FIBONACCI),
        ours: None,
        cost: CostClass::NLogN,
        pairs_at_64: 498,
        reach_at_64: Reach::Layers(4),
    },
    MaskEntry {
        id: "longnet",
        name: Text::new("LongNet", "LongNet"),
        about: Text::new(
            "Three branches: a dense segment, a longer one with every r-th token, and a longer one still with every r²-th.",
            "三个分支：密集的短段，更长而每 r 个取一个的段，再长而每 r² 个取一个的段。",
        ),
        formula: concat!("k <= q_pos and (", branch!(1), " or ", branch!(2), " or ", branch!(3), ")"),
        // Branches are weighted by their softmax denominators: a pair in two of them counts twice.
        score: Some(concat!("s + log(float(max(1, int", branch!(1), " + int", branch!(2), " + int", branch!(3), ")))")),
        params: &[
            Param::int("segment", [1, 32], HARD_MAX, 16, Text::new("first segment", "首个段长")),
            // The third branch multiplies a segment twice by it, in 32 bits.
            Param::int("rate", [1, 8], 128, 2, Text::new("growth of length and gap", "段长与间隔的倍率")),
        ],
        tables: &[],
        paper: Some(LONGNET),
        ours: Some(Text::new(
            "The paper leaves the number of branches open; here there are three, each longer and sparser by the same factor. A pair in \
             several branches counts once for each, as weighting by softmax denominators makes it: ln of their number is added.",
            "论文没有限定分支数；这里取三个，长度与间隔按同一倍率增长。按各分支 softmax 分母加权，相当于同属几个分支的位置计几次：分数加上次数的对数。",
        )),
        cost: CostClass::Linear,
        pairs_at_64: 736,
        reach_at_64: Reach::Never,
    },
];

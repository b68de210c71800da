//! Synaptic, fractal and clock attention. No paper fixes these names as sparse masks: the definitions are ours, and say so.

use super::super::entry::{CostClass, MaskEntry, Paper, Param, Reach, Table, Text};
use super::super::tables::masks as tables;
use super::{HARD_MAX, TWO_SIDED};
use crate::formula::Ty;

const CLOCKWORK_RNN: Paper = Paper { title: "Koutník et al., A Clockwork RNN", year: 2014, id: "arXiv:1402.3511" };

const PREVIOUS: Param = Param::switch("previous", true, Text::new("previous token", "前一个词元"));

pub(in super::super) const PHASE: Table = Table {
    name: "phase",
    ty: Ty::Int,
    rank: 1,
    index: "h",
    make: tables::phases,
    editable: true,
    label: Text::new("phase of each head", "每个头的相位"),
};

/// What the page opens with.
pub(super) const ENTRIES: &[MaskEntry] = &[
    MaskEntry {
        id: "synaptic",
        name: Text::new("Synaptic", "突触注意力"),
        about: Text::new(
            "Each head is wired to a short list of distances, and every wire has a strength that multiplies its weight.",
            "每个头只连到一小组固定距离，每条连接有自己的强度，强度直接乘在权重上。",
        ),
        formula: "(wrap or two_sided or k <= q_pos) and \
                  gain[h, (q_pos - k) % n_k if wrap else abs(q_pos - k)] > 0.0",
        score: Some(
            "s + log(max(gain[h, (q_pos - k) % n_k if wrap else abs(q_pos - k)], 1e-30)) - \
             fade * log(1.0 + ((q_pos - k) % n_k if wrap else abs(q_pos - k)))",
        ),
        params: &[
            Param::int(
                "preset",
                [0, 2],
                2,
                0,
                Text::new("distances: 0 powers of two, 1 Fibonacci, 2 primes", "距离：0 二的幂，1 斐波那契数，2 素数"),
            ),
            Param::real("spread", [0.0, 1.0], 0.05, 0.25, Text::new("stretch per head", "逐头拉伸")),
            Param::real("fade", [0.0, 3.0], 0.05, 0.0, Text::new("fade with distance", "随距离减弱")),
            Param::switch("two_sided", false, TWO_SIDED),
            Param::switch("wrap", false, Text::new("wrap around the ends", "首尾相接")),
        ],
        tables: &[Table {
            name: "gain",
            ty: Ty::Float,
            rank: 2,
            index: "h, abs(q_pos - k)",
            make: tables::synapses,
            editable: true,
            label: Text::new("strength by head and distance", "各头各距离的强度"),
        }],
        paper: None,
        ours: Some(Text::new(
            "No paper fixes what synaptic attention is; ours is a mask with a number on each wire, so that both connection and strength can be read off it. Head h keeps distance 0, distance 1 and the preset's distances o stretched to \
             round(o · (1 + α · h)), α being the stretch. A wire of strength g adds ln g to the score, so g multiplies the weight before \
             the row is normalised; 0 cuts the wire. Fading divides the strength by (1 + d)^f for distance d and the slider's f.",
            "没有论文规定突触注意力是什么；本站的定义是一种每条连接带有数值的掩码，连接与强度都一目了然。第 h 个头保留距离 0、距离 1，以及预设距离 o 按系数 α 拉伸后的 round(o · (1 + α · h))。\
             强度为 g 的连接给分数加上 ln g，即在归一化之前把权重乘以 g；g 为 0 时连接断开。减弱是把强度除以 (1 + d)^f，其中 d 是距离，f 是滑块的值。",
        )),
        cost: CostClass::NLogN,
        pairs_at_64: 385,
        reach_at_64: Reach::Layers(6),
    },
    MaskEntry {
        id: "fractal",
        name: Text::new("Fractal", "分形注意力"),
        about: Text::new(
            "The same picture at every scale: the triangle of Sierpinski, or distances from the Cantor set.",
            "每个尺度上都是同一幅图：谢尔宾斯基三角形，或取自康托尔集的距离。",
        ),
        formula: "(k <= q_pos and no_one[q_pos - k] if cantor else (k & ~q_pos) == 0) or previous and q_pos - k == 1",
        score: None,
        params: &[Param::switch("cantor", false, Text::new("Cantor distances", "康托尔距离")), PREVIOUS],
        tables: &[Table {
            name: "no_one",
            ty: Ty::Bool,
            rank: 1,
            index: "abs(q_pos - k)",
            make: tables::cantor,
            editable: false,
            label: Text::new("distances without the digit 1 in base 3", "三进制中不含数字 1 的距离"),
        }],
        paper: None,
        ours: Some(Text::new(
            "No paper fixes what fractal attention is; ours are the two best known fractals as masks. Sierpinski keeps a key whose binary digits are a subset of the query's: the Kronecker power of \
             [[1,0],[1,1]]. That relation is transitive, so more layers never widen it; the previous token is added to join \
             the parts. Cantor keeps distances without the digit 1 in base 3.",
            "没有论文规定分形注意力是什么；本站取两种最著名的分形作为掩码。谢尔宾斯基模式保留二进制位是查询位置子集的键，即 [[1,0],[1,1]] 的克罗内克幂。\
             这一关系可传递，层数再多也不会扩大视野，因此加上前一个词元把各部分连起来。康托尔模式保留三进制中不含数字 1 的距离。",
        )),
        cost: CostClass::Subquadratic,
        pairs_at_64: 760,
        reach_at_64: Reach::Layers(3),
    },
    MaskEntry {
        id: "clock",
        name: Text::new("Clock", "时钟注意力"),
        about: Text::new(
            "Each head ticks with a period of its own and sees only the keys on its ticks: fast heads near, slow heads far.",
            "每个头按自己的周期走时，只看落在节拍上的键：快的头看得密，慢的头看得疏。",
        ),
        formula: "k <= q_pos and ((q_pos - k if relative else k - phase[h]) % max(period[h], 1) == 0 or \
                  k == q_pos or previous and q_pos - k == 1)",
        score: None,
        params: &[
            Param::int("fastest", [1, 16], HARD_MAX, 2, Text::new("fastest period", "最短周期")),
            PREVIOUS,
            Param::switch("relative", false, Text::new("ticks count from the query", "节拍从查询算起")),
        ],
        tables: &[tables::PERIOD, PHASE],
        paper: Some(CLOCKWORK_RNN),
        ours: Some(Text::new(
            "No paper fixes what clock attention is; ours follows the clockwork network, whose modules update when the time is a multiple of their period. \
             Head h sees key k when (k − phase) is a multiple of its period; it always sees its own token, and the previous \
             one so that no position is cut off.",
            "没有论文规定时钟注意力是什么；本站的定义借鉴时钟循环网络：网络的各模块只在时刻为其周期的倍数时更新。\
             当 k − 相位是周期的倍数时，第 h 个头能看到键 k；它总能看到自己的词元，也看前一个词元，以免有位置被隔开。",
        )),
        cost: CostClass::Quadratic,
        pairs_at_64: 1119,
        reach_at_64: Reach::Layers(2),
    },
];

/// The clock whose rows stand still between two ticks.
const HELD: MaskEntry = MaskEntry {
    id: "clock-hold",
    name: Text::new("Held clock", "保持时钟"),
    about: Text::new(
        "Between two ticks of its head a query sees what one at the last tick saw, and itself: slow heads keep their view for long.",
        "在两次节拍之间，查询只看上一次节拍时能看到的键和自己：慢的头长时间保持视野。",
    ),
    formula: "k == q_pos or k <= q_pos - (q_pos - phase[h]) % max(period[h], 1) and \
              ((k - phase[h]) % max(period[h], 1) == 0 or \
              previous and q_pos - (q_pos - phase[h]) % max(period[h], 1) - k == 1)",
    score: None,
    params: &[Param::int("fastest", [1, 16], HARD_MAX, 2, Text::new("fastest period", "最短周期")), PREVIOUS],
    tables: &[tables::PERIOD, PHASE],
    paper: Some(CLOCKWORK_RNN),
    ours: Some(Text::new(
        "No paper fixes what a clock that holds is; ours follows the clockwork network, whose slow modules keep their state between ticks. Row q has the keys of row t, the last tick \
         of its head up to q, and its own. The score stays its own: to hold the whole output, row q would need the query of row t, which no mask gives.",
        "没有论文规定保持的时钟是什么；本站的定义借鉴时钟循环网络：慢的模块在两次节拍之间保持状态。第 q 行的键与第 t 行相同，再加上自己，其中 t 是该头不晚于 q 的最近一次节拍。\
         分数仍由查询自己决定：要保持整个输出，第 q 行须用第 t 行的查询，这是掩码做不到的。",
    )),
    cost: CostClass::Quadratic,
    pairs_at_64: 1150,
    reach_at_64: Reach::Layers(2),
};

/// What it fetches when somebody looks for more.
pub(super) const MORE: &[MaskEntry] = &[
    HELD,
    MaskEntry {
        id: "kronecker",
        name: Text::new("Fractal generator", "分形生成元"),
        about: Text::new(
            "A small matrix of your own, repeated inside itself at every scale; it starts as Pascal's triangle modulo 3.",
            "自定的小矩阵在每个尺度上重复自身；初始为模 3 的杨辉三角。",
        ),
        formula: "coarse[q_pos // side[0], k // side[0]] and fine[q_pos % side[0], k % side[0]] or \
                  previous and q_pos - k == 1",
        score: None,
        params: &[
            Param::int("base", [2, 3], 3, 3, Text::new("side of the matrix", "矩阵边长")),
            Param::switch("g00", true, Text::new("row 1, column 1", "第 1 行第 1 列")),
            Param::switch("g01", false, Text::new("row 1, column 2", "第 1 行第 2 列")),
            Param::switch("g02", false, Text::new("row 1, column 3", "第 1 行第 3 列")),
            Param::switch("g10", true, Text::new("row 2, column 1", "第 2 行第 1 列")),
            Param::switch("g11", true, Text::new("row 2, column 2", "第 2 行第 2 列")),
            Param::switch("g12", false, Text::new("row 2, column 3", "第 2 行第 3 列")),
            Param::switch("g20", true, Text::new("row 3, column 1", "第 3 行第 1 列")),
            Param::switch("g21", true, Text::new("row 3, column 2", "第 3 行第 2 列")),
            Param::switch("g22", true, Text::new("row 3, column 3", "第 3 行第 3 列")),
            PREVIOUS,
        ],
        tables: &[
            Table {
                name: "coarse",
                ty: Ty::Bool,
                rank: 2,
                index: "q_pos // 16, k // 16",
                make: tables::fractal_coarse,
                editable: false,
                label: Text::new("what the high digits allow", "高位数字允许的组合"),
            },
            Table {
                name: "fine",
                ty: Ty::Bool,
                rank: 2,
                index: "q_pos % 16, k % 16",
                make: tables::fractal_fine,
                editable: false,
                label: Text::new("what the low digits allow", "低位数字允许的组合"),
            },
            Table {
                name: "side",
                ty: Ty::Int,
                rank: 1,
                index: "0",
                make: tables::fractal_side,
                editable: false,
                label: Text::new("where the low digits end", "低位数字的界限"),
            },
        ],
        paper: None,
        ours: Some(Text::new(
            "No paper fixes it; ours is the Kronecker power of the matrix, which is how such a picture is usually made. Write both positions in the base of its side; a key is kept when the \
             matrix keeps every pair of digits. The digits are looked up in two halves.",
            "没有论文规定它；本站取矩阵的克罗内克幂，这类图形通常即由此而来。把两个位置写成以边长为底的数，每一对数字都被矩阵保留时才保留该键。查表时数字分成高低两半。",
        )),
        cost: CostClass::Subquadratic,
        pairs_at_64: 783,
        reach_at_64: Reach::Layers(3),
    },
];

//! What grew from rotation: longer texts than those trained on, decay, and places of more than one number.

use super::super::entry::{Least, Paper, Param, PositionEntry, Rotary, Slot, Text};
use super::encodings::{BASE, FRACTION};

const YARN: Paper = Paper {
    title: "Peng et al., YaRN: Efficient Context Window Extension of Large Language Models",
    year: 2023,
    id: "arXiv:2309.00071",
};

const FACTOR: Param = Param {
    hard_max: 1024.0,
    ..Param::real("factor", [1.0, 32.0], 0.5, 4.0, Text::new("how many times longer", "长度扩展倍数"))
};

const TRAINED: Param = Param::int("trained", [1, 512], 1 << 20, 64, Text::new("trained length", "训练长度"));

/// Between the bands lies at least this many turns.
const BETWEEN: f64 = 0.1;

const SLOW: Param =
    Param::real("slow", [0.0, 3.0], 0.1, 1.0, Text::new("turns up to which pairs are interpolated", "插值的转数上限"));

const fn fast(default: f64) -> Param {
    let label = Text::new("turns from which pairs stay", "保持不变的转数下限");
    Param { hard_max: 1024.0, ..Param::real("fast", [1.5, 64.0], 0.5, default, label) }
}

/// The bands must not meet.
const BANDS: Option<Least> = Some(Least { name: "fast", of: |value| value("slow") + BETWEEN });

const fn side(name: &'static str, default: i32, label: Text) -> Param {
    Param::int(name, [1, 64], 65_536, default, label)
}

const WIDTH: Text = Text::new("width", "宽度");

/// What is fetched when somebody looks for more.
pub(super) const ENTRIES: &[PositionEntry] = &[
    PositionEntry {
        id: "rope-pi",
        name: Text::new("RoPE, position interpolation", "RoPE 位置插值"),
        about: Text::new(
            "Positions are divided, so that a longer text falls into the range of angles seen in training, at the price of blurring neighbours.",
            "把位置除以倍数，使更长的文本落入训练时见过的角度范围，代价是相邻词元更难区分。",
        ),
        slot: Slot::Rotary(Rotary::Linear),
        params: &[FACTOR, BASE, FRACTION],
        least: None,
        paper: Some(Paper {
            title: "Chen et al., Extending Context Window of Large Language Models via Positional Interpolation",
            year: 2023,
            id: "arXiv:2306.15595",
        }),
        ours: None,
    },
    PositionEntry {
        id: "rope-ntk",
        name: Text::new("RoPE, NTK-aware", "RoPE NTK 感知缩放"),
        about: Text::new(
            "A larger base slows the slow pairs by the whole factor and the fast ones hardly at all, so that neighbours stay apart.",
            "增大底数：慢的维度对按整个倍数减速，快的几乎不变，相邻词元仍可区分。",
        ),
        slot: Slot::Rotary(Rotary::Ntk),
        params: &[FACTOR, BASE, FRACTION],
        least: None,
        paper: Some(YARN),
        ours: None,
    },
    PositionEntry {
        id: "rope-dynamic-ntk",
        name: Text::new("RoPE, dynamic NTK", "RoPE 动态 NTK"),
        about: Text::new(
            "The base grows only when the text passes the trained length, and with every token more, so that short texts stay as trained.",
            "文本超过训练长度后底数才随长度增大，短文本与训练时完全一致。",
        ),
        slot: Slot::Rotary(Rotary::DynamicNtk),
        params: &[TRAINED, Param { default: 1.0, ..FACTOR }, BASE, FRACTION],
        least: None,
        paper: Some(YARN),
        ours: None,
    },
    PositionEntry {
        id: "rope-yarn",
        name: Text::new("YaRN", "YaRN 分频插值"),
        about: Text::new(
            "Pairs that turned often in training stay, those that hardly turned are interpolated, and Q and K are enlarged to keep attention sharp.",
            "训练中转过多圈的维度对不变，几乎没转的做插值，并放大 Q 和 K 以保持注意力集中。",
        ),
        slot: Slot::Rotary(Rotary::Yarn),
        params: &[TRAINED, FACTOR, SLOW, fast(32.0), BASE, FRACTION],
        least: BANDS,
        paper: Some(YARN),
        ours: None,
    },
    PositionEntry {
        id: "rope-llama3",
        name: Text::new("RoPE, bands of Llama 3.1", "RoPE Llama 3.1 三段缩放"),
        about: Text::new(
            "Short waves stay, long ones are divided by the factor, and those between are mixed.",
            "短波不变，长波除以倍数，居中的按比例混合。",
        ),
        slot: Slot::Rotary(Rotary::Llama3),
        params: &[
            TRAINED,
            Param { default: 8.0, ..FACTOR },
            SLOW,
            fast(4.0),
            Param { default: 500_000.0, max: 1_000_000.0, ..BASE },
            FRACTION,
        ],
        least: BANDS,
        paper: Some(Paper {
            title: "Grattafiori et al., The Llama 3 Herd of Models",
            year: 2024,
            id: "arXiv:2407.21783",
        }),
        ours: None,
    },
    PositionEntry {
        id: "xpos",
        name: Text::new("xPos", "xPos 衰减旋转"),
        about: Text::new(
            "Rotation with a decay: queries shrink and keys grow with position, fast pairs most, so that under a causal mask far keys count less.",
            "旋转之外再加衰减：查询随位置缩小、键随位置放大，快的维度对最明显，因果掩码下远处的键影响更小。",
        ),
        slot: Slot::Rotary(Rotary::Xpos),
        params: &[
            Param {
                hard_max: 1_048_576.0,
                ..Param::real(
                    "scale",
                    [16.0, 2048.0],
                    16.0,
                    512.0,
                    Text::new("tokens for one power of the decay", "衰减一次幂对应的词元数"),
                )
            },
            Param::real(
                "gamma",
                [0.05, 2.0],
                0.05,
                0.4,
                Text::new("gamma (smaller decays faster)", "γ（越小衰减越快）"),
            ),
            BASE,
            FRACTION,
        ],
        least: None,
        paper: Some(Paper {
            title: "Sun et al., A Length-Extrapolatable Transformer",
            year: 2022,
            id: "arXiv:2212.10554",
        }),
        ours: None,
    },
    PositionEntry {
        id: "rope-2d",
        name: Text::new("RoPE in two dimensions", "二维 RoPE"),
        about: Text::new(
            "Tokens lie on a grid, row by row: half of the pairs turn with the row and half with the column.",
            "词元按行排成网格：一半维度对随行旋转，另一半随列旋转。",
        ),
        slot: Slot::Rotary(Rotary::Grid),
        params: &[side("width", 8, WIDTH), Param { default: 100.0, ..BASE }, FRACTION],
        least: None,
        paper: Some(Paper {
            title: "Heo et al., Rotary Position Embedding for Vision Transformer",
            year: 2024,
            id: "arXiv:2403.13298",
        }),
        ours: None,
    },
    PositionEntry {
        id: "mrope",
        name: Text::new("RoPE of frames (M-RoPE)", "多轴 RoPE（M-RoPE）"),
        about: Text::new(
            "Tokens fill the frames of a video: the fastest pairs turn with the frame, the next with the row, the slowest with the column.",
            "词元依次填满视频各帧：最快的维度对随帧旋转，其次随行，最慢的随列。",
        ),
        slot: Slot::Rotary(Rotary::Frames),
        params: &[side("height", 4, Text::new("height", "高度")), side("width", 4, WIDTH), BASE, FRACTION],
        least: None,
        paper: Some(Paper {
            title: "Wang et al., Qwen2-VL: Enhancing Vision-Language Model's Perception of the World at Any Resolution",
            year: 2024,
            id: "arXiv:2409.12191",
        }),
        ours: None,
    },
];

//! Baselines: other ways to mix tokens, untrained. They approximate nothing.

use super::super::entry::{CostClass, Paper, Param, Text};
use super::{Direction, EstimatorEntry, Family, SEED};

// Lines that several entries are written with.
const INPUT: &str = "x[t] == concat(q[t], k[t], v[t])";
const OUT: &str = "y[t] == O * h[t]";
const STATE: &str = "size(h[t]) == hidden";

const HIDDEN: Param = Param::int("hidden", [1, 64], 256, 16, Text::new("size of the state", "状态大小"));

/// Said of every baseline.
const NOT_ATTENTION: Text = Text::new(
    "It does not approximate attention, and its weights are seeded, not trained: the distance from exact attention says how different the two are, not how good it is.",
    "它并不近似注意力，权重由种子生成而未经训练：与精确注意力的距离只说明两者有多不同，并不说明优劣。",
);

const RNN: EstimatorEntry = EstimatorEntry {
    id: "rnn",
    name: Text::new("Recurrent network", "循环网络"),
    about: Text::new(
        "One vector goes from token to token and is squashed anew at each.",
        "一个向量在词元间传递，每一步都重新压缩。",
    ),
    family: Family::Baseline,
    formula: "h = tanh(W [q, k, v] + b + U h + c)",
    written: &[INPUT, STATE, "h[t] == tanh(W * x[t] + B_h + U * h[t - 1] + C_h)", OUT],
    params: &[HIDDEN, SEED],
    words: None,
    paper: Some(Paper { title: "Elman, Finding Structure in Time", year: 1990, id: "doi:10.1207/s15516709cog1402_1" }),
    ours: Some(NOT_ATTENTION),
    cost: CostClass::Linear,
    direction: Direction::Causal,
    state: true,
    square: true,
};

pub(super) const ENTRIES: &[EstimatorEntry] = &[
    RNN,
    EstimatorEntry {
        id: "gru",
        name: Text::new("GRU", "GRU"),
        about: Text::new(
            "A recurrent network whose gates decide how much of its vector is replaced.",
            "以门控决定向量被替换多少的循环网络。",
        ),
        formula: "h ← (1 - z) · n + z · h",
        written: &[
            INPUT,
            STATE,
            "r[t] == sigmoid(W_r * x[t] + B_r + U_r * h[t - 1] + C_r)",
            "z[t] == sigmoid(W_z * x[t] + B_z + U_z * h[t - 1] + C_z)",
            "n[t] == tanh(W_n * x[t] + B_n + r[t] * (U_n * h[t - 1] + C_n))",
            "h[t] == (1 - z[t]) * n[t] + z[t] * h[t - 1]",
            OUT,
        ],
        paper: Some(Paper {
            title: "Cho et al., Learning Phrase Representations using RNN Encoder-Decoder",
            year: 2014,
            id: "arXiv:1406.1078",
        }),
        ..RNN
    },
    EstimatorEntry {
        id: "lstm",
        name: Text::new("LSTM", "LSTM"),
        about: Text::new(
            "A recurrent network with a second vector that gates write, keep and read.",
            "带有第二个向量的循环网络，由门控写入、保留和读取。",
        ),
        formula: "c ← f · c + i · g,  h = o · tanh c",
        written: &[
            INPUT,
            STATE,
            "i[t] == sigmoid(W_i * x[t] + B_i + U_i * h[t - 1] + C_i)",
            "f[t] == sigmoid(W_f * x[t] + B_f + U_f * h[t - 1] + C_f)",
            "o[t] == sigmoid(W_o * x[t] + B_o + U_o * h[t - 1] + C_o)",
            "c[t] == f[t] * c[t - 1] + i[t] * tanh(W_g * x[t] + B_g + U_g * h[t - 1] + C_g)",
            "h[t] == o[t] * tanh(c[t])",
            OUT,
        ],
        paper: Some(Paper {
            title: "Hochreiter and Schmidhuber, Long Short-Term Memory",
            year: 1997,
            id: "doi:10.1162/neco.1997.9.8.1735",
        }),
        ..RNN
    },
    EstimatorEntry {
        id: "conv1d",
        name: Text::new("Convolution", "一维卷积"),
        about: Text::new(
            "Each token sees a fixed number of neighbours, with weights that depend on the distance alone.",
            "每个词元只看固定数目的邻居，权重只取决于距离。",
        ),
        formula: "y_t = Σ W_j v_(t+j)",
        written: &["y[t] == sum(W[j] * v[t + j - (width - 1 if causal else width // 2)], j)"],
        params: &[Param::int("width", [1, 15], 63, 3, Text::new("tokens of the kernel", "卷积核词元数")), SEED],
        paper: Some(Paper {
            title: "Waibel et al., Phoneme Recognition Using Time-Delay Neural Networks",
            year: 1989,
            id: "doi:10.1109/29.21701",
        }),
        direction: Direction::Both,
        state: false,
        ..RNN
    },
    EstimatorEntry {
        id: "conv2d",
        name: Text::new("Convolution in two dimensions", "二维卷积"),
        about: Text::new(
            "Each token is a patch of a picture and sees its neighbours there, above and below as well as beside it; where it looks back only, those before it in reading order.",
            "每个词元是图像的一块，能看到图像中上下左右的邻居；只能向前看时，只看阅读顺序中在它之前的。",
        ),
        formula: "y_(r,c) = Σ W_(i,j) v_(r+i,c+j)",
        written: &[
            "t == r * picture + c",
            "y[r, c] == sum(W[i, j] * v[r + i - rows // 2, c + j - columns // 2], i, j)",
        ],
        params: &[
            Param::int("rows", [1, 9], 15, 3, Text::new("rows of the kernel", "卷积核行数")),
            Param::int("columns", [1, 9], 15, 3, Text::new("columns of the kernel", "卷积核列数")),
            Param::int("picture", [1, 32], 4096, 8, Text::new("tokens in a row of the picture", "图像每行的词元数")),
            SEED,
        ],
        paper: Some(Paper {
            title: "LeCun et al., Gradient-Based Learning Applied to Document Recognition",
            year: 1998,
            id: "doi:10.1109/5.726791",
        }),
        direction: Direction::Both,
        state: false,
        ..RNN
    },
];

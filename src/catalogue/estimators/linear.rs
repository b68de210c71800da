//! Linear attention: keys and values are added up in a state of fixed size.

use super::super::entry::{CostClass, Paper, Param, Text};
use super::{Direction, EstimatorEntry, Family};

// Lines that several entries are written with.
const READ: &str = "y[t] == scale * q[t] * S[t]";
const READU: &str = "y[t] == scale * q[t] / norm(q[t]) * S[t]";
const UNIT: &str = "u[t] == k[t] / norm(k[t])";
const WRITE: &str = "S[t] == F[t] + rate * outer(u[t], v[t] - u[t] * F[t])";

const DECAY: Param = Param::real("decay", [0.5, 1.0], 0.005, 0.95, Text::new("kept at each step", "每步保留"));
const RATE: Param = Param::real("rate", [0.0, 1.0], 0.05, 1.0, Text::new("replaced at each step", "每步替换"));

/// Said of every rule whose gates a model would make from its input.
const STILL_GATE: Text = Text::new(
    "A model makes the gate from its input; there is none beside Q, K and V here, so it is the same at every step.",
    "模型由输入生成门控；此处除 Q、K、V 外没有输入，所以每一步都相同。",
);
const STILL_RATE: Text = Text::new(
    "A model makes gates and rates from its input; here they are the same at every step. Queries and keys are scaled to length 1, as the models do.",
    "模型由输入生成门控与写入率；此处每一步都相同。与模型一样，查询和键缩放到长度 1。",
);

const PLAIN: EstimatorEntry = EstimatorEntry {
    id: "linear",
    name: Text::new("Linear attention", "线性注意力"),
    about: Text::new(
        "A feature map in the exponential's place lets keys and values be added up once for all queries.",
        "以特征映射代替指数函数，键与值只需累加一次，供所有查询使用。",
    ),
    family: Family::Linear,
    formula: "y = φ(q)ᵀ Σ φ(k) vᵀ / φ(q)ᵀ Σ φ(k)",
    written: &[
        "phi(x) == (elu(x) + 1 if feature == 0 else (max(0, x) if feature == 1 else x))",
        "S[q] == sum(outer(phi(k[k]), v[k]), k)",
        "y[q] == (phi(q[q]) * S[q] / sum(dot(phi(q[q]), phi(k[k])), k) if normalised else scale * phi(q[q]) * S[q])",
    ],
    params: &[
        Param::int("feature", [0, 2], 2, 0, Text::new("feature map", "特征映射")),
        Param::switch("normalised", true, Text::new("divide by the sum of weights", "除以权重之和")),
    ],
    words: Some((
        "feature",
        &[Text::new("elu + 1", "elu + 1"), Text::new("ReLU", "ReLU"), Text::new("identity", "恒等")],
    )),
    paper: Some(Paper { title: "Katharopoulos et al., Transformers are RNNs", year: 2020, id: "arXiv:2006.16236" }),
    ours: None,
    cost: CostClass::Linear,
    direction: Direction::Both,
    state: true,
    square: false,
};

pub(super) const ENTRIES: &[EstimatorEntry] = &[
    PLAIN,
    EstimatorEntry {
        id: "gated",
        name: Text::new("Gated linear attention", "门控线性注意力"),
        about: Text::new(
            "The state fades at every step, so that old keys make room for new ones.",
            "状态每一步都会衰减，旧的键为新的键让位。",
        ),
        formula: "S ← decay · S + k vᵀ,  y = scale · Sᵀq",
        written: &["S[t] == decay * S[t - 1] + outer(k[t], v[t])", READ],
        params: &[DECAY],
        words: None,
        paper: Some(Paper {
            title: "Yang et al., Gated Linear Attention Transformers",
            year: 2023,
            id: "arXiv:2312.06635",
        }),
        ours: Some(STILL_GATE),
        direction: Direction::Causal,
        square: true,
        ..PLAIN
    },
    EstimatorEntry {
        id: "delta",
        name: Text::new("Delta rule", "Delta 规则"),
        about: Text::new(
            "A key replaces what the state holds for it in place of adding to it, so that nothing is stored twice.",
            "键会替换状态中与它对应的内容，而不是叠加，因此不会重复存储。",
        ),
        formula: "S ← S + rate · k (v - Sᵀk)ᵀ,  y = scale · Sᵀq",
        written: &[UNIT, "S[t] == S[t - 1] + rate * outer(u[t], v[t] - u[t] * S[t - 1])", READU],
        params: &[RATE],
        words: None,
        paper: Some(Paper {
            title: "Schlag et al., Linear Transformers Are Secretly Fast Weight Programmers",
            year: 2021,
            id: "arXiv:2102.11174",
        }),
        ours: Some(STILL_RATE),
        direction: Direction::Causal,
        square: true,
        ..PLAIN
    },
    EstimatorEntry {
        id: "gated-delta",
        name: Text::new("Gated delta rule", "门控 Delta 规则"),
        about: Text::new(
            "The state first fades, then the key replaces what is left for it.",
            "状态先衰减，然后键替换其中与它对应的剩余内容。",
        ),
        formula: "S ← decay · S,  S ← S + rate · k (v - Sᵀk)ᵀ",
        written: &[UNIT, "F[t] == decay * S[t - 1]", WRITE, READU],
        params: &[DECAY, RATE],
        words: None,
        paper: Some(Paper { title: "Yang et al., Gated Delta Networks", year: 2024, id: "arXiv:2412.06464" }),
        ours: Some(STILL_RATE),
        direction: Direction::Causal,
        square: true,
        ..PLAIN
    },
    EstimatorEntry {
        id: "kda",
        name: Text::new("Kimi delta attention", "Kimi Delta 注意力"),
        about: Text::new(
            "The gated delta rule with a decay of its own for each place of the key: some forget fast, others slowly.",
            "键的每个维度都有各自衰减率的门控 Delta 规则：有的忘得快，有的忘得慢。",
        ),
        formula: "S ← diag(decay) S,  S ← S + rate · k (v - Sᵀk)ᵀ",
        written: &[UNIT, "F[t, i] == fast ** (1 - i / (d - 1)) * slow ** (i / (d - 1)) * S[t - 1, i]", WRITE, READU],
        params: &[
            Param::real("fast", [0.1, 1.0], 0.01, 0.7, Text::new("kept at the first place", "首个维度保留")),
            Param::real("slow", [0.1, 1.0], 0.001, 0.999, Text::new("kept at the last place", "末个维度保留")),
            RATE,
        ],
        words: None,
        paper: Some(Paper {
            title: "Kimi Team, Kimi Linear: An Expressive, Efficient Attention Architecture",
            year: 2025,
            id: "arXiv:2510.26692",
        }),
        ours: Some(Text::new(
            "A model makes the decay of each place from its input; here it goes from the first to the last in even ratios and is the same at every step. Queries and keys have length 1.",
            "模型由输入生成各维度的衰减率；此处从首个到末个按等比变化，且每一步都相同。查询和键的长度为 1。",
        )),
        direction: Direction::Causal,
        square: true,
        ..PLAIN
    },
    EstimatorEntry {
        id: "retnet",
        name: Text::new("Retention", "Retention"),
        about: Text::new(
            "Linear attention whose weights fade with distance, at a pace that doubles from head to head.",
            "权重随距离衰减的线性注意力，各个头的记忆长度依次加倍。",
        ),
        formula: "y = scale · Σ γ^(q-k) (q·k) v,  γ = 1 - 2^(-5-h)",
        written: &["y[q] == scale * sum((1 - 2 ** (-5 - h)) ** (q - k) * dot(q[q], k[k]) * v[k], k <= q)"],
        params: &[],
        words: None,
        paper: Some(Paper { title: "Sun et al., Retentive Network", year: 2023, id: "arXiv:2307.08621" }),
        ours: Some(Text::new(
            "Retention alone: the rotation of queries and keys and the normalisation of each head, which the network puts around it, are left out.",
            "仅为 retention 本身：网络在其周围对查询和键的旋转，以及对每个头的归一化，均未包含。",
        )),
        direction: Direction::Causal,
        square: true,
        ..PLAIN
    },
    EstimatorEntry {
        id: "log-linear",
        name: Text::new("Log-linear attention", "对数线性注意力"),
        about: Text::new(
            "Keys lie in buckets that double in size with distance, each with a state and a weight of its own.",
            "键按距离放入大小依次加倍的桶中，每个桶有各自的状态和权重。",
        ),
        formula: "y = scale · Σ λ^level Sᵀq",
        written: &[
            "a[t, l] == t // 2 ** l * 2 ** l",
            "S[t, 0] == outer(k[t], v[t])",
            "S[t, l] == sum(outer(k[i], v[i]), a[t, l] <= i < a[t, l] + 2 ** (l - 1)) * (t // 2 ** (l - 1) % 2)",
            "y[t] == scale * sum(lambda ** l * q[t] * S[t, l], l)",
        ],
        params: &[Param::real(
            "lambda",
            [0.1, 1.0],
            0.01,
            0.8,
            Text::new("weight of each further level", "每远一级的权重"),
        )],
        words: None,
        paper: Some(Paper { title: "Guo et al., Log-Linear Attention", year: 2025, id: "arXiv:2506.04761" }),
        ours: Some(Text::new(
            "A model makes a weight for each level from its input; here they are the powers of one number. With 1 it is linear attention without a feature map.",
            "模型由输入生成每一级的权重；此处是同一个数的各次幂。取 1 时即为没有特征映射的线性注意力。",
        )),
        cost: CostClass::NLogN,
        direction: Direction::Causal,
        square: true,
        ..PLAIN
    },
];

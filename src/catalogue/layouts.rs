//! Layouts of heads: what becomes of the heads of Q, K and V before the scores, and of their outputs afterwards.

use super::content::{Change, Computed, Content, Fold, Measure};
use super::entry::{Paper, Param, Table, Text};
use super::tables;
use crate::formula::Ty;

/// A layout of heads.
#[derive(Clone, Copy, Debug)]
pub struct LayoutEntry {
    /// Stable id.
    pub id: &'static str,
    /// Name.
    pub name: Text,
    /// One sentence: what it does.
    pub about: Text,
    /// Its formula, for reading.
    pub formula: &'static str,
    /// What is done to Q, K and V.
    pub content: Content,
    /// What is done to the output.
    pub end: End,
    /// Whether it stands for the heads as they are without computing those: its error against them is shown.
    pub inexact: bool,
    /// Declared parameters.
    pub params: &'static [Param],
    /// Tables that users may edit.
    pub tables: &'static [Table],
    /// Where it was published.
    pub paper: Option<Paper>,
    /// Where it departs from the paper, or what is ours.
    pub ours: Option<Text>,
}

/// What a layout does to the output of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// Nothing.
    Nothing,
    /// Weights mixed over heads; with [`Change::TalkingHeads`].
    Talking,
    /// Each head times its number of the table `head_gain`.
    Gains,
    /// One head switched off; parameter `head`.
    Prune,
    /// The second head of each pair taken from the first; parameter `lambda`; with [`Change::Pairs`].
    Difference,
    /// Gates of the table `gate`.
    Gate,
    /// Rows between two ticks of a head take the output at the last one; tables `period` and `phase`.
    Hold,
}

/// What the page opens with.
const ENTRIES: &[LayoutEntry] = &[LayoutEntry {
    id: "plain",
    name: Text::new("As they are", "原样"),
    about: Text::new(
        "Every query head looks through its own weights at the keys and values of its group.",
        "每个查询头用自己的权重读取所在组的键和值。",
    ),
    formula: "Y_h = A_h V_h",
    content: Content::NONE,
    end: End::Nothing,
    inexact: false,
    params: &[],
    tables: &[],
    paper: Some(Paper { title: "Vaswani et al., Attention Is All You Need", year: 2017, id: "arXiv:1706.03762" }),
    ours: None,
}];

const fn changes(folds: Fold, changes: &'static [Change]) -> Content {
    Content { folds, changes, ..Content::NONE }
}

const FORMAT: Text = Text::new(
    "0 float16, 1 bfloat16, 2 int8 by row, 3 int8 by head",
    "0 float16，1 bfloat16，2 int8 按行，3 int8 按头",
);

/// What it fetches when somebody looks for more.
const MORE: &[LayoutEntry] = &[
    LayoutEntry {
        id: "grouped",
        name: Text::new("Grouped (GQA, MQA)", "分组查询（GQA、MQA）"),
        about: Text::new(
            "Query heads share fewer heads of keys and values, each the mean of those it replaces; with one it is multi-query attention.",
            "多个查询头共用较少的键值头，每个键值头是被替换各头的均值；只剩一个时即多查询注意力。",
        ),
        formula: "K'_j = mean of K_h in group j; V'_j alike",
        content: changes(Fold::Nothing, &[Change::GroupHeads]),
        end: End::Nothing,
        inexact: true,
        params: &[Param::int("kv_heads", [1, 12], 32, 2, Text::new("heads of keys and values", "键值头数"))],
        tables: &[],
        paper: Some(Paper {
            title: "Ainslie et al., GQA: Training Generalized Multi-Query Transformer Models from Multi-Head Checkpoints",
            year: 2023,
            id: "arXiv:2305.13245",
        }),
        ours: Some(Text::new(
            "The nearest number that divides the heads there are is taken; the paper trains on after the mean is taken, nothing is trained here.",
            "取能整除现有头数的最近值；论文在取均值后会继续训练，这里没有训练。",
        )),
    },
    LayoutEntry {
        id: "mla",
        name: Text::new("Latent (MLA)", "潜变量（MLA）"),
        about: Text::new(
            "One short latent for each token stands for the keys and values of all heads, which are rebuilt from it.",
            "每个词元只保留一个短潜变量，所有头的键和值都由它重建。",
        ),
        formula: "c = [K₁…V₁…] W_down; [K'₁…V'₁…] = c W_up",
        content: changes(Fold::Nothing, &[Change::Latent]),
        end: End::Nothing,
        inexact: true,
        params: &[Param::int("rank", [1, 128], 4096, 8, Text::new("numbers in the latent", "潜变量维数"))],
        tables: &[],
        paper: Some(Paper {
            title: "DeepSeek-AI, DeepSeek-V2: A Strong, Economical, and Efficient Mixture-of-Experts Language Model",
            year: 2024,
            id: "arXiv:2405.04434",
        }),
        ours: Some(Text::new(
            "Only Q, K and V are at hand, no trained projections: the latent spans a seeded projection of the rows [K₁ … V₁ …] after two steps of power iteration (Halko, Martinsson and Tropp 2011), and W_up fits them best. With as many numbers as tokens nothing is lost. Positions are applied to the rebuilt keys.",
            "这里只有 Q、K、V 而没有训练好的投影：潜变量取行 [K₁ … V₁ …] 的种子随机投影，并做两步幂迭代（Halko、Martinsson、Tropp 2011），W_up 为最小二乘最优。潜变量维数不少于词元数时没有损失。位置作用于重建后的键。",
        )),
    },
    LayoutEntry {
        id: "single-head",
        name: Text::new("One head of equal width", "等宽单头"),
        about: Text::new(
            "All heads joined to one as wide as they are together: one picture of weights for everything.",
            "所有头合并为一个总宽度相同的头：只有一张权重图。",
        ),
        formula: "A = softmax(Σ_h Q_h K_hᵀ / √(d·heads)); Y_h = A V_h",
        content: changes(Fold::All, &[Change::OneHead]),
        end: End::Nothing,
        inexact: false,
        params: &[],
        tables: &[],
        paper: Some(Paper { title: "Vaswani et al., Attention Is All You Need", year: 2017, id: "arXiv:1706.03762" }),
        ours: Some(Text::new(
            "Every head shows the same weights, and its part of the one head's output. A scale with a square root takes the whole width. Biases and masks that differ by head still do.",
            "每个头显示相同的权重，以及单头输出中属于它的部分。带平方根的缩放按总宽度计算。随头变化的偏置和掩码仍各不相同。",
        )),
    },
    LayoutEntry {
        id: "talking-heads",
        name: Text::new("Talking heads", "交谈头"),
        about: Text::new(
            "Scores are mixed over heads before the softmax, and weights after it.",
            "在 softmax 之前跨头混合分数，之后跨头混合权重。",
        ),
        formula: "Y_h = Σ_g P₂[h,g] softmax(Σ_f P₁[g,f] Q_f K_fᵀ · scale) V_h",
        content: changes(Fold::All, &[Change::TalkingHeads]),
        end: End::Talking,
        inexact: false,
        params: &[
            Param::switch("before", true, Text::new("mix scores", "混合分数")),
            Param::switch("after", true, Text::new("mix weights", "混合权重")),
            Param::switch("identity", true, Text::new("start from the identity", "从单位矩阵出发")),
            Param::real("noise", [0.0, 2.0], 0.05, 0.3, Text::new("noise", "噪声")),
        ],
        tables: &[],
        paper: Some(Paper { title: "Shazeer et al., Talking-Heads Attention", year: 2020, id: "arXiv:2003.02436" }),
        ours: Some(Text::new(
            "The learned matrices are the identity (a switch) plus seeded noise over the root of the number of heads. Biases, softcap and masks come after the mixing of scores; pictures show the weights before they are mixed.",
            "用单位矩阵（可关闭）加上除以头数平方根的种子噪声代替学习到的矩阵。偏置、软上限和掩码在混合分数之后；图中显示混合前的权重。",
        )),
    },
    LayoutEntry {
        id: "differential",
        name: Text::new("Differential", "差分注意力"),
        about: Text::new(
            "Of each pair of heads the second one's weights are taken from the first's: what both attend to cancels out.",
            "每对头中用第一个头的权重减去第二个头的权重：两者共同关注的部分相互抵消。",
        ),
        formula: "Y = (A₁ − λ A₂) [V₁ V₂]",
        content: changes(Fold::Nothing, &[Change::Pairs]),
        end: End::Difference,
        inexact: false,
        params: &[Param::real("lambda", [0.0, 1.0], 0.05, 0.5, Text::new("share λ that is taken", "减去的份额 λ"))],
        tables: &[],
        paper: Some(Paper { title: "Ye et al., Differential Transformer", year: 2024, id: "arXiv:2410.05258" }),
        ours: Some(Text::new(
            "λ is a slider, not four learned vectors, and the norm of each head's output is left out. Pictures show the weights of both heads; an odd head at the end stays as it is.",
            "λ 是滑块而非四个可学习向量，并省略了各头输出的归一化。图中分别显示两个头的权重；末尾多出的一个头保持不变。",
        )),
    },
    LayoutEntry {
        id: "gated",
        name: Text::new("Gated output", "输出门控"),
        about: Text::new(
            "A sigmoid gate made from the query lets a head, or each number of its output, through or not.",
            "由查询得到的 sigmoid 门决定一个头（或其输出的每个数）是否通过。",
        ),
        formula: "Y'_h = Y_h · σ(q_h W_h + bias)",
        content: Content {
            folds: Fold::Nothing,
            tables: &[Computed { name: "gate", ty: Ty::Float, kind: Measure::Gate, reads: None }],
            ..Content::NONE
        },
        end: End::Gate,
        inexact: false,
        params: &[
            Param::switch("elementwise", false, Text::new("one gate for each number", "逐元素门控")),
            Param::real("bias", [-6.0, 6.0], 0.25, 0.0, Text::new("bias", "偏置")),
        ],
        tables: &[],
        paper: Some(Paper {
            title: "Qiu et al., Gated Attention for Large Language Models: Non-linearity, Sparsity, and Attention-Sink-Free",
            year: 2025,
            id: "arXiv:2505.06708",
        }),
        ours: Some(Text::new(
            "The paper's gate reads the hidden state; here it reads the head's query, with seeded normal weights over √d.",
            "论文的门读取隐状态；这里读取该头的查询，权重为除以 √d 的种子正态数。",
        )),
    },
    LayoutEntry {
        id: "head-scale",
        name: Text::new("Head scale", "头缩放"),
        about: Text::new(
            "The output of each head times a number of its own: 0 takes a head away.",
            "每个头的输出乘以各自的系数：0 即去掉该头。",
        ),
        formula: "Y'_h = head_gain[h] · Y_h",
        content: Content::NONE,
        end: End::Gains,
        inexact: false,
        params: &[],
        tables: &[Table {
            name: "head_gain",
            ty: Ty::Float,
            rank: 1,
            index: "h",
            make: tables::masks::ones_by_head,
            editable: true,
            label: Text::new("factor of each head's output", "每个头输出的系数"),
        }],
        paper: Some(Paper {
            title: "Shleifer, Weston and Ott, NormFormer: Improved Transformer Pretraining with Extra Normalization",
            year: 2021,
            id: "arXiv:2110.09456",
        }),
        ours: None,
    },
    LayoutEntry {
        id: "prune",
        name: Text::new("Prune a head", "剪除一个头"),
        about: Text::new(
            "One head's output is replaced by 0: what is lost without it?",
            "把一个头的输出置零：没有它会失去什么？",
        ),
        formula: "Y'_h = 0 if h = head else Y_h",
        content: Content::NONE,
        end: End::Prune,
        inexact: false,
        params: &[Param::int("head", [0, 31], 31, 0, Text::new("head, from 0", "头（从 0 计）"))],
        tables: &[],
        paper: Some(Paper {
            title: "Michel, Levy and Neubig, Are Sixteen Heads Really Better than One?",
            year: 2019,
            id: "arXiv:1905.10650",
        }),
        ours: None,
    },
    LayoutEntry {
        id: "low-precision",
        name: Text::new("K and V in few bits", "低精度 K、V"),
        about: Text::new(
            "Keys and values are rounded to a smaller format and back, as a cache would hold them; their error and that of the output are shown.",
            "键和值先舍入到更小的格式再还原，如同缓存中的存放方式；并显示它们与输出的误差。",
        ),
        formula: "K' = dequantise(quantise(K)); V' alike",
        content: changes(Fold::All, &[Change::Quantise]),
        end: End::Nothing,
        inexact: true,
        params: &[Param::int("format", [0, 3], 3, 2, FORMAT)],
        tables: &[],
        paper: Some(Paper {
            title: "Hooper et al., KVQuant: Towards 10 Million Context Length LLM Inference with KV Cache Quantization",
            year: 2024,
            id: "arXiv:2401.18079",
        }),
        ours: Some(Text::new(
            "Floats are rounded to nearest, ties to even. int8 is symmetric: x / s rounded to −127 … 127 with s = max |x| / 127, over a row (a token) or a whole head. Keys are rounded with their positions applied.",
            "浮点数按最近偶数舍入。int8 为对称量化：s = max |x| / 127，x / s 舍入到 −127 … 127，范围取一行（一个词元）或整个头。键在施加位置之后舍入。",
        )),
    },
    LayoutEntry {
        id: "hold",
        name: Text::new("Held outputs", "输出保持"),
        about: Text::new(
            "Each head has a clock, and between two ticks every query repeats the output of the last tick: slow heads change seldom.",
            "每个头有自己的时钟，两次节拍之间的查询重复上一次节拍的输出：慢的头很少变化。",
        ),
        formula: "Y'_h[q] = Y_h[t], t = q − (q − phase[h]) mod period[h]",
        content: Content::NONE,
        end: End::Hold,
        inexact: false,
        params: &[Param::int("fastest", [1, 16], 65_536, 2, Text::new("fastest period", "最短周期"))],
        tables: &[tables::masks::PERIOD, super::masks::PHASE],
        paper: Some(Paper { title: "Koutník et al., A Clockwork RNN", year: 2014, id: "arXiv:1402.3511" }),
        ours: Some(Text::new(
            "No paper fixes it; ours follows the clockwork network, whose modules keep their state between ticks; with the clock mask it is clock attention that holds. Rows before the first tick keep their own output, and the weights shown are those before rows are held.",
            "没有论文规定它；本站的定义借鉴时钟循环网络：各模块在两次节拍之间保持状态；与时钟掩码合用即为保持的时钟注意力。第一次节拍之前的行保留自身输出，图中的权重是保持之前的。",
        )),
    },
    LayoutEntry {
        id: "paged",
        name: Text::new("Paged cache", "分页缓存"),
        about: Text::new(
            "Keys and values lie in pages anywhere in a pool and are read through a table of pages: the answer is the same, bit for bit.",
            "键和值分页存放在池中的任意位置，通过页表读取：结果逐位相同。",
        ),
        formula: "k[p] = pool[table[p // page], p % page]",
        content: changes(Fold::Nothing, &[Change::Page]),
        end: End::Nothing,
        inexact: false,
        params: &[Param::int("page", [1, 64], 4096, 16, Text::new("tokens a page", "每页词元数"))],
        tables: &[],
        paper: Some(Paper {
            title: "Kwon et al., Efficient Memory Management for Large Language Model Serving with PagedAttention",
            year: 2023,
            id: "arXiv:2309.06180",
        }),
        ours: Some(Text::new(
            "The table is a seeded order of the pages. They are gathered before the run: kernels read rows in their order, where the paper's kernel reads the pages themselves.",
            "页表是按种子打乱的次序。运行之前先把各页收集起来：计算核按顺序读取各行，论文的计算核则直接读取各页。",
        )),
    },
];

/// What the page opens with.
pub(super) fn first() -> &'static [LayoutEntry] {
    ENTRIES
}

/// Every layout.
pub(super) fn whole() -> Vec<LayoutEntry> {
    [ENTRIES, MORE].concat()
}

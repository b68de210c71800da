//! Schemes that depend on what the tokens hold. A model learns their vectors and matrices; here they are seeded.

use super::super::content::{Change, Computed, Content, Measure};
use super::super::entry::{Paper, Param, PositionEntry, Slot, Text};
use super::GAIN;
use super::encodings::BASE;
use super::scales::TIME;
use crate::formula::Ty;

/// Whether the values have vectors of position too.
const VALUES: Param = Param::switch("values", false, Text::new("on the values too", "值一侧也加"));

/// Terms of the scores.
pub(super) const RELATIVE: &[PositionEntry] = &[
    PositionEntry {
        id: "shaw",
        name: Text::new("Relative vectors (Shaw)", "相对位置向量（Shaw）"),
        about: Text::new(
            "A query also meets a vector of the distance to each key, clipped, and with the switch each value has one added to it too; the vectors are seeded since nothing is trained.",
            "查询还与每个键的相对距离（截断后）对应的向量相乘，打开开关后每个值也加上这样一个向量；向量由种子生成，未经训练。",
        ),
        slot: Slot::Content(Content {
            tables: &[
                Computed { name: "shaw", ty: Ty::Float, kind: Measure::Shaw, reads: None },
                Computed { name: "shaw_values", ty: Ty::Float, kind: Measure::ShawValues, reads: None },
            ],
            score: Some("s + factor * shaw[b, h, q, clamp(k - q_pos, -reach, reach) + reach]"),
            ..Content::NONE
        }),
        params: &[
            Param::int("reach", [1, 64], 4096, 8, Text::new("distance told apart", "可区分的距离")),
            GAIN,
            VALUES,
        ],
        least: None,
        paper: Some(Paper {
            title: "Shaw, Uszkoreit and Vaswani, Self-Attention with Relative Position Representations",
            year: 2018,
            id: "arXiv:1803.02155",
        }),
        ours: None,
    },
    PositionEntry {
        id: "transformer-xl",
        name: Text::new("Transformer-XL", "Transformer-XL 相对位置"),
        about: Text::new(
            "Content and position meet in four terms, of what is there and how far away it is; the projection of distances and the two biases are seeded.",
            "内容与位置分四项相乘：那里有什么，以及离得多远；距离的投影和两个偏置由种子生成。",
        ),
        slot: Slot::Content(Content {
            tables: &[Computed { name: "xl", ty: Ty::Float, kind: Measure::TransformerXl, reads: None }],
            score: Some("s + factor * xl[b, h, q, k]"),
            ..Content::NONE
        }),
        params: &[GAIN],
        least: None,
        paper: Some(Paper {
            title: "Dai et al., Transformer-XL: Attentive Language Models Beyond a Fixed-Length Context",
            year: 2019,
            id: "arXiv:1901.02860",
        }),
        ours: None,
    },
    PositionEntry {
        id: "deberta",
        name: Text::new("Disentangled (DeBERTa)", "解耦注意力（DeBERTa）"),
        about: Text::new(
            "Query and key each meet a vector of the distance between them beside each other, and the sum of three is shared out; the vectors are seeded.",
            "查询和键除彼此相乘外，还各自与两者距离的向量相乘，三项之和再均摊；向量由种子生成。",
        ),
        slot: Slot::Content(Content {
            tables: &[
                Computed { name: "c2p", ty: Ty::Float, kind: Measure::ContentToPlace, reads: None },
                Computed { name: "p2c", ty: Ty::Float, kind: Measure::PlaceToContent, reads: None },
            ],
            score: Some(
                "(s + factor * (c2p[b, h, q, clamp(q_pos - k + reach, 0, 2 * reach - 1)] + p2c[b, h, k, clamp(k - q_pos + reach, 0, 2 * reach - 1)])) / sqrt(3.0)",
            ),
            ..Content::NONE
        }),
        params: &[Param::int("reach", [1, 64], 4096, 16, Text::new("distance told apart", "可区分的距离")), GAIN],
        least: None,
        paper: Some(Paper {
            title: "He et al., DeBERTa: Decoding-Enhanced BERT with Disentangled Attention",
            year: 2020,
            id: "arXiv:2006.03654",
        }),
        ours: None,
    },
    PositionEntry {
        id: "tupe",
        name: Text::new("Untied (TUPE)", "解绑位置（TUPE）"),
        about: Text::new(
            "Words and positions are compared apart, each by projections of its own, and the first token is freed from its position; positions and projections are seeded.",
            "词与位置各用自己的投影分别比较，首个词元不受位置约束；位置向量和投影由种子生成。",
        ),
        slot: Slot::Content(Content {
            tables: &[Computed { name: "tupe", ty: Ty::Float, kind: Measure::Tupe, reads: None }],
            score: Some(
                "s / sqrt(2.0) + (from_first if q_pos == 0 else to_first if k == 0 else factor * tupe[b, h, q, k] / sqrt(2.0))",
            ),
            ..Content::NONE
        }),
        params: &[
            GAIN,
            Param::real("from_first", [-4.0, 4.0], 0.05, 0.0, Text::new("score of the first query", "首个查询的分数")),
            Param::real("to_first", [-4.0, 4.0], 0.05, 0.0, Text::new("score of the first key", "首个键的分数")),
        ],
        least: None,
        paper: Some(Paper {
            title: "Ke, He and Liu, Rethinking Positional Encoding in Language Pre-Training",
            year: 2020,
            id: "arXiv:2006.15595",
        }),
        ours: None,
    },
    PositionEntry {
        id: "tisasrec",
        name: Text::new("Time intervals (TiSASRec)", "时间间隔（TiSASRec）"),
        about: Text::new(
            "A query also meets a vector of each key's place and one of the time between the two, in units of the least gap, and with the switch each value has both added to it too; the vectors are seeded.",
            "查询还与每个键的位置向量及两者时间间隔（以最小间隔为单位）的向量相乘，打开开关后每个值也加上这两个向量；向量由种子生成。",
        ),
        slot: Slot::Content(Content {
            tables: &[
                Computed { name: "tisasrec", ty: Ty::Float, kind: Measure::TiSasRec, reads: Some(TIME) },
                Computed { name: "tisasrec_values", ty: Ty::Float, kind: Measure::TiSasRecValues, reads: Some(TIME) },
            ],
            score: Some("s + factor * tisasrec[b, h, q, k]"),
            ..Content::NONE
        }),
        params: &[
            Param::int("reach", [1, 256], 65536, 64, Text::new("most units told apart", "最多可分辨的单位数")),
            GAIN,
            VALUES,
        ],
        least: None,
        paper: Some(Paper {
            title: "Li, Wang and McAuley, Time Interval Aware Self-Attention for Sequential Recommendation",
            year: 2020,
            id: "doi:10.1145/3336191.3371786",
        }),
        ours: None,
    },
    PositionEntry {
        id: "cope",
        name: Text::new("Contextual positions (CoPE)", "上下文位置（CoPE）"),
        about: Text::new(
            "Positions are counted by gates that content opens, so that a query can look for the third sentence and not only for the third token; the vectors of positions are seeded.",
            "位置由内容开启的门来计数，查询因此能找“第三句”而不仅是“第三个词元”；位置向量由种子生成。",
        ),
        slot: Slot::Content(Content {
            tables: &[Computed { name: "cope", ty: Ty::Float, kind: Measure::Cope, reads: None }],
            score: Some("s + cope[b, h, q, k]"),
            ..Content::NONE
        }),
        params: &[Param::int("reach", [1, 64], 4096, 16, Text::new("largest position", "最大位置")), GAIN],
        least: None,
        paper: Some(Paper {
            title: "Golovneva et al., Contextual Position Encoding: Learning to Count What's Important",
            year: 2024,
            id: "arXiv:2405.18719",
        }),
        ours: None,
    },
    PositionEntry {
        id: "fox",
        name: Text::new("Forgetting (FoX)", "遗忘门（FoX）"),
        about: Text::new(
            "Each token has a gate made from its key by seeded weights, and a score falls by the gates between the query and the key; keys after the query lose nothing.",
            "每个词元由其键经种子权重得到一个遗忘门，分数按查询与键之间的门递减；查询之后的键不受影响。",
        ),
        slot: Slot::Content(Content {
            tables: &[Computed { name: "forget", ty: Ty::Float, kind: Measure::Forget, reads: None }],
            score: Some("s + min(forget[b, h, q_pos] - forget[b, h, k], 0.0)"),
            ..Content::NONE
        }),
        params: &[Param::real("bias", [-4.0, 8.0], 0.1, 3.0, Text::new("how open gates are", "门的开启程度"))],
        least: None,
        paper: Some(Paper {
            title: "Lin et al., Forgetting Transformer: Softmax Attention with a Forget Gate",
            year: 2025,
            id: "arXiv:2503.02130",
        }),
        ours: None,
    },
    PositionEntry {
        id: "path",
        name: Text::new("Products of reflections (PaTH)", "反射之积（PaTH）"),
        about: Text::new(
            "Between a key and a query lies a reflection for each token, made from its content by seeded weights, and they meet through all of them; pictures before the biases still show q · k.",
            "键与查询之间每个词元各有一个由内容经种子权重得到的反射，两者经全部反射后相乘；偏置之前的图仍显示 q · k。",
        ),
        slot: Slot::Content(Content {
            tables: &[Computed { name: "path", ty: Ty::Float, kind: Measure::Path, reads: None }],
            score: Some("factor * path[b, h, q, k]"),
            ..Content::NONE
        }),
        params: &[],
        least: None,
        paper: Some(Paper {
            title: "Yang et al., PaTH Attention: Position Encoding via Accumulating Householder Transformations",
            year: 2025,
            id: "arXiv:2505.16381",
        }),
        ours: None,
    },
];

/// Changes of Q and K.
pub(super) const SEQUENCE: &[PositionEntry] = &[
    PositionEntry {
        id: "scaled-sinusoidal",
        name: Text::new("Scaled sinusoidal", "缩放正弦编码"),
        about: Text::new(
            "Sinusoids times one over the square root of the size, so that they are weak beside the content; sines come first, then cosines.",
            "正弦编码乘以维数平方根的倒数，使其弱于内容；先正弦、后余弦。",
        ),
        slot: Slot::Content(Content { changes: &[Change::ScaledSinusoid], ..Content::NONE }),
        params: &[GAIN],
        least: None,
        paper: None,
        ours: Some(Text::new(
            "A practice of code, not of a paper: implementations multiply the sinusoids by a learned number that begins at 1 / √d. Here it stays there, times the strength, and is added to Q and K since there are no embeddings to add it to.",
            "这是代码中的做法，并非出自论文：实现中将正弦编码乘以一个可学习的数，初值为 1 / √d。这里固定在该值并乘以强度；由于没有词嵌入，直接加到 Q 和 K 上。",
        )),
    },
    PositionEntry {
        id: "pope",
        name: Text::new("Polar (PoPE)", "极坐标（PoPE）"),
        about: Text::new(
            "What a place holds becomes a length and where its token stands an angle, so that content and position no longer mix; the phases of keys are seeded.",
            "内容只决定长度、位置只决定角度，两者不再混合；键的相位由种子生成。",
        ),
        slot: Slot::Content(Content { changes: &[Change::Polar], ..Content::NONE }),
        params: &[
            BASE,
            Param::real("phase", [0.0, 1.0], 0.05, 0.25, Text::new("largest phase, in turns", "最大相位（圈）")),
        ],
        least: None,
        paper: Some(Paper {
            title: "Gopalakrishnan et al., Decoupling the What and Where With Polar Coordinate Positional Embeddings",
            year: 2025,
            id: "arXiv:2509.10534",
        }),
        ours: None,
    },
    PositionEntry {
        id: "floater",
        name: Text::new("Continuous flow (FLOATER)", "连续流（FLOATER）"),
        about: Text::new(
            "Positions flow by a differential equation whose right side is a small seeded network, solved by Runge-Kutta with a step for each token.",
            "位置按微分方程流动，其右端是一个由种子生成的小网络，每个词元走一步龙格-库塔法。",
        ),
        slot: Slot::Content(Content { changes: &[Change::Flow], ..Content::NONE }),
        params: &[
            GAIN,
            Param::real("delta", [0.01, 1.0], 0.01, 0.1, Text::new("time between tokens", "词元之间的时间")),
            VALUES,
        ],
        least: None,
        paper: Some(Paper {
            title: "Liu et al., Learning to Encode Position for Transformer with Continuous Dynamical Model",
            year: 2020,
            id: "arXiv:2003.09229",
        }),
        ours: None,
    },
    PositionEntry {
        id: "lstm-generator",
        name: Text::new("LSTM generator", "LSTM 位置生成器"),
        about: Text::new(
            "An LSTM with seeded weights reads the tokens and its states are added to them; without content it reads a constant and generates a position for every place.",
            "种子权重的 LSTM 逐个读取词元，并把状态加到词元上；不看内容时则读取常量，为每处生成一个位置。",
        ),
        slot: Slot::Content(Content { changes: &[Change::Lstm], ..Content::NONE }),
        params: &[GAIN, Param::switch("content", true, Text::new("reads the content", "读取内容")), VALUES],
        least: None,
        paper: None,
        ours: Some(Text::new(
            "No paper fixes one generator: recurrent states have been joined to tokens in several ways. Here the rows of Q and of K are read in their order by one LSTM with seeded weights and its states, projected, are added with a gain; nothing else was needed to compare positions that read the content with positions that do not.",
            "没有论文规定唯一的生成器：循环网络的状态曾以多种方式与词元结合。这里用同一个种子权重的 LSTM 依次读取 Q 与 K 的各行，把投影后的状态乘以强度加回；要比较读取内容与不读取内容的位置，这样就够了。",
        )),
    },
    PositionEntry {
        id: "r-transformer",
        name: Text::new("Local RNN (R-Transformer)", "局部 RNN（R-Transformer）"),
        about: Text::new(
            "Before attention a small recurrent network with seeded weights reads the last few tokens, and its state is added: order is known without positions.",
            "注意力之前，种子权重的小型循环网络读取最近几个词元并加上其状态：无需位置也能知道次序。",
        ),
        slot: Slot::Content(Content { changes: &[Change::LocalRnn], ..Content::NONE }),
        params: &[Param::int("reach", [1, 32], 1024, 6, Text::new("tokens read", "读取的词元数")), GAIN, VALUES],
        least: None,
        paper: Some(Paper {
            title: "Wang et al., R-Transformer: Recurrent Neural Network Enhanced Transformer",
            year: 2019,
            id: "arXiv:1907.05572",
        }),
        ours: None,
    },
];

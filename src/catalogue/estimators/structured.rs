//! Tokens taken together: in levels, in blocks, and, exactly, on a ring of devices.

use super::super::entry::{CostClass, Paper, Param, Text};
use super::{Direction, EstimatorEntry, Family, SEED, block};

pub(super) const ENTRIES: &[EstimatorEntry] = &[
    EstimatorEntry {
        id: "ring",
        name: Text::new("Ring attention (exact)", "环形注意力（精确）"),
        about: Text::new(
            "Blocks of keys and values go round a ring of devices, and each merges what it sees: after the last step the answer is exact.",
            "键和值的块在设备环上传递，每个设备合并所见的内容：最后一步之后结果是精确的。",
        ),
        family: Family::Structured,
        formula: "device r, step t: keys of block (r - t) mod P",
        written: &[
            "block[r, t] == (r - t) % devices",
            "y[r, t] == merge(y[r, t - 1], softmax(scale * dot(q[r], k[block[r, t]])) * v[block[r, t]])",
        ],
        params: &[Param::int("devices", [1, 16], 64, 4, Text::new("devices", "设备数"))],
        words: None,
        paper: Some(Paper {
            title: "Liu et al., Ring Attention with Blockwise Transformers",
            year: 2023,
            id: "arXiv:2310.01889",
        }),
        ours: None,
        cost: CostClass::Quadratic,
        direction: Direction::Both,
        state: false,
        square: false,
    },
    EstimatorEntry {
        id: "h-transformer-1d",
        name: Text::new("H-Transformer-1D", "H-Transformer-1D"),
        about: Text::new(
            "Exact near the diagonal, and through means of 2, 4, 8… tokens the further away the keys are.",
            "对角线附近精确计算，键越远则以 2、4、8……个标记的均值代替。",
        ),
        family: Family::Structured,
        formula: "Y = Σ up(Y_level) / Σ up(D_level)",
        written: &[
            "near[l, q, k] == (abs(q // (block * 2 ** l) - k // (block * 2 ** l)) <= 1)",
            "l == first(near[l, q, k])",
            "a[l, q] == mean(q[q // 2 ** l * 2 ** l], q[(q // 2 ** l + 1) * 2 ** l - 1])",
            "b[l, k] == mean(k[k // 2 ** l * 2 ** l], k[(k // 2 ** l + 1) * 2 ** l - 1])",
            "y[q] == sum(exp(scale * dot(a[l, q], b[l, k])) * v[k]) / sum(exp(scale * dot(a[l, q], b[l, k])))",
        ],
        params: &[block("block", [2, 64], 2.0, 4, Text::new("tokens of a block", "每块标记数"))],
        words: None,
        paper: Some(Paper { title: "Zhu and Soricut, H-Transformer-1D", year: 2021, id: "arXiv:2107.11906" }),
        ours: Some(Text::new(
            "Levels are merged with one common maximum. All queries of a coarse cell share its mean, which would look ahead of some of them: in the causal form queries stay as they are, and keys and values alone are taken together.",
            "各级以同一个最大值合并。粗粒度单元中的查询共用均值，其中会包含后面的标记：因此在因果形式中查询保持原样，只合并键和值。",
        )),
        cost: CostClass::Linear,
        direction: Direction::Both,
        state: false,
        square: true,
    },
    EstimatorEntry {
        id: "blockwise-summary",
        name: Text::new("Block summaries", "分块摘要"),
        about: Text::new(
            "Tokens attend inside their block; every other block is one summary, counted as often as it has tokens.",
            "标记在自己的块内相互关注；其他每个块只是一个摘要，按其标记数计权。",
        ),
        family: Family::Structured,
        formula: "own block: e^s;  other blocks: |block| · e^(scale · q·mean k)",
        written: &[
            "w[q, k] == exp(scale * dot(q[q], k[k])) * (k // block == q // block)",
            "u[q] == sum(w[q, k] * v[k]) / sum(w[q, k])",
            "far[q, j] == block * exp(scale * dot(q[q], mean(k[j * block], k[(j + 1) * block - 1]))) * (j != q // block)",
            "y[q] == (sum(w[q, k] * v[k]) + sum(far[q, j] * mean(u[j * block], u[(j + 1) * block - 1]))) / (sum(w[q, k]) + sum(far[q, j]))",
        ],
        params: &[block("block", [1, 64], 1.0, 4, Text::new("tokens of a block", "每块标记数"))],
        words: None,
        paper: None,
        ours: Some(Text::new(
            "“Blockwise” has several meanings and no paper fixes this one: attend inside the blocks, then merge their summaries. A summary is the mean of the block's keys and the mean of what its tokens get inside it.",
            "“分块”有多种含义，没有论文规定这一种：先在块内关注，再合并各块的摘要。摘要是块内键的均值，以及块内标记各自所得输出的均值。",
        )),
        cost: CostClass::Quadratic,
        direction: Direction::Both,
        state: false,
        square: true,
    },
    EstimatorEntry {
        id: "hierarchical",
        name: Text::new("Two levels", "两级注意力"),
        about: Text::new(
            "A query weighs the tokens inside each sentence, then the sentences: a token's weight is the product of the two.",
            "查询先在每个句子内为标记加权，再为句子加权：标记的权重是两者之积。",
        ),
        family: Family::Structured,
        formula: "u = tanh(W k),  weight = softmax over tokens · softmax over sentences",
        written: &[
            "a[q, k] == softmax(scale * dot(q[q], tanh(W * k[k])), k // block)",
            "s[q, j] == sum(a[q, k] * k[k] * (k // block == j))",
            "y[q] == sum(softmax(scale * dot(q[q], tanh(U * s[q, j]))) * sum(a[q, k] * v[k] * (k // block == j)))",
        ],
        params: &[block("block", [1, 64], 1.0, 4, Text::new("tokens of a sentence", "每句标记数")), SEED],
        words: None,
        paper: Some(Paper {
            title: "Yang et al., Hierarchical Attention Networks for Document Classification",
            year: 2016,
            id: "aclanthology.org/N16-1174",
        }),
        ours: Some(Text::new(
            "The network learns its projections and one context vector; here the projections are seeded, each query is the context vector, and sentences are blocks of equal length.",
            "网络会学习投影和一个上下文向量；此处投影由种子生成，每个查询充当上下文向量，句子是等长的块。",
        )),
        cost: CostClass::Quadratic,
        direction: Direction::Both,
        state: false,
        square: false,
    },
];

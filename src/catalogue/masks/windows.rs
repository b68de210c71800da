//! Patterns of distances: windows, dilated windows, windows with global tokens, strides.

use super::super::entry::{CostClass, MaskEntry, Paper, Param, Reach, Table, Text};
use super::super::tables::masks as tables;
use super::{ALTERNATE, CAUSAL, HARD_MAX, TWO_SIDED};
use crate::formula::Ty;

const LONGFORMER: Paper =
    Paper { title: "Beltagy et al., Longformer: The Long-Document Transformer", year: 2020, id: "arXiv:2004.05150" };
const MISTRAL: Paper = Paper { title: "Jiang et al., Mistral 7B", year: 2023, id: "arXiv:2310.06825" };
const SPARSE_TRANSFORMER: Paper = Paper {
    title: "Child et al., Generating Long Sequences with Sparse Transformers",
    year: 2019,
    id: "arXiv:1904.10509",
};

const WINDOW: Text = Text::new("window", "窗口");
const STRIDE: Param = Param::int("stride", [1, 32], HARD_MAX, 8, Text::new("stride", "步长"));

/// What the page opens with.
pub(super) const ENTRIES: &[MaskEntry] = &[
    MaskEntry {
        id: "sliding-window",
        name: Text::new("Sliding window", "滑动窗口"),
        about: Text::new(
            "A query sees only its nearest keys; stacked layers pass information further.",
            "每个查询只看最近的若干个键，信息靠多层叠加传得更远。",
        ),
        formula: "(two_sided or k <= q_pos) and \
                  (abs(q_pos - k) < window or inclusive and abs(q_pos - k) == window)",
        score: None,
        params: &[
            Param::int("window", [1, 64], HARD_MAX, 9, WINDOW),
            Param::switch("two_sided", false, TWO_SIDED),
            // Set by the experiment's convention, not by a control of its own.
            Param::switch("inclusive", false, Text::new("W + 1 keys", "含端点（W + 1 个键）")),
        ],
        tables: &[],
        paper: Some(MISTRAL),
        ours: None,
        cost: CostClass::Linear,
        pairs_at_64: 540,
        reach_at_64: Reach::Layers(8),
    },
    MaskEntry {
        id: "dilated",
        name: Text::new("Dilated window", "空洞窗口"),
        about: Text::new(
            "A window with gaps: as many keys as a plain one, spread over a longer distance.",
            "带间隔的窗口：键的数量不变，覆盖的距离更长。",
        ),
        formula: "(two_sided or k <= q_pos) and \
                  abs(q_pos - k) % dilation == 0 and abs(q_pos - k) // dilation < window",
        score: None,
        params: &[
            Param::int(
                "window",
                [1, 32],
                HARD_MAX,
                5,
                Text::new("keys per side, itself included", "每侧键数（含自身）"),
            ),
            Param::int("dilation", [1, 16], HARD_MAX, 2, Text::new("dilation", "间隔")),
            Param::switch("two_sided", false, TWO_SIDED),
        ],
        tables: &[],
        paper: Some(LONGFORMER),
        ours: None,
        cost: CostClass::Linear,
        pairs_at_64: 300,
        reach_at_64: Reach::Never,
    },
    MaskEntry {
        id: "longformer",
        name: Text::new("Longformer", "Longformer"),
        about: Text::new(
            "A window for every token, and a few global tokens that see all and are seen by all.",
            "每个词元有局部窗口，少数全局词元能看到全部，也被全部看到。",
        ),
        formula: "(not causal or k <= q_pos) and \
                  (k < globals or q_pos < globals or \
                  abs(q_pos - k) % max(dilation[h], 1) == 0 and abs(q_pos - k) // max(dilation[h], 1) <= window)",
        score: None,
        params: &[
            Param::int("window", [0, 32], HARD_MAX, 4, Text::new("window per side", "每侧窗口")),
            Param::int("globals", [0, 16], HARD_MAX, 1, Text::new("global tokens", "全局词元数")),
            Param::switch("causal", false, CAUSAL),
        ],
        tables: &[Table {
            name: "dilation",
            ty: Ty::Int,
            rank: 1,
            index: "h",
            make: tables::head_dilation,
            editable: true,
            label: Text::new("dilation of each head", "每个头的间隔"),
        }],
        paper: Some(LONGFORMER),
        ours: None,
        cost: CostClass::Linear,
        pairs_at_64: 674,
        reach_at_64: Reach::Layers(2),
    },
];

/// What it fetches when somebody looks for more.
pub(super) const MORE: &[MaskEntry] = &[
    MaskEntry {
        id: "chunked-local",
        name: Text::new("Chunked local", "分段局部"),
        about: Text::new(
            "The sequence is cut into chunks that can't see each other, so a cache never holds more than one.",
            "序列切成互不可见的段，缓存最多只需保存一段。",
        ),
        formula: "q_pos // chunk == k // chunk and (not causal or k <= q_pos)",
        score: None,
        params: &[
            Param::int("chunk", [1, 64], HARD_MAX, 16, Text::new("chunk", "段长")),
            Param::switch("causal", true, CAUSAL),
        ],
        tables: &[],
        paper: Some(Paper {
            title: "Meta AI, The Llama 4 Herd",
            year: 2025,
            id: "ai.meta.com/blog/llama-4-multimodal-intelligence",
        }),
        ours: Some(Text::new(
            "Llama 4 has it in three of four layers; its announcement names it without a definition, which is that of the model's code.",
            "Llama 4 的四层中有三层采用；其公告只提到它而未给出定义，此处定义取自模型代码。",
        )),
        cost: CostClass::Linear,
        pairs_at_64: 544,
        reach_at_64: Reach::Never,
    },
    MaskEntry {
        id: "strided",
        name: Text::new("Strided", "跨步稀疏"),
        about: Text::new(
            "The last few keys, and every so-many-th key before them: any key is two steps away.",
            "最近的几个键，再加上每隔固定步长的键：任何键都只需两步到达。",
        ),
        formula: "k <= q_pos and (q_pos - k < stride and (not alternate or h % 2 == 0) or \
                  (q_pos - k) % stride == 0 and (not alternate or h % 2 == 1))",
        score: None,
        params: &[STRIDE, ALTERNATE],
        tables: &[],
        paper: Some(SPARSE_TRANSFORMER),
        ours: None,
        cost: CostClass::NSqrtN,
        pairs_at_64: 708,
        reach_at_64: Reach::Layers(2),
    },
    MaskEntry {
        id: "fixed",
        name: Text::new("Fixed", "固定稀疏"),
        about: Text::new(
            "Tokens see their own block and the last columns of every earlier block, which act as its summary.",
            "词元看到自己所在的块，以及之前每块末尾的几列；这几列相当于该块的摘要。",
        ),
        formula: "k <= q_pos and (q_pos // stride == k // stride and (not alternate or h % 2 == 0) or \
                  k % stride >= stride - columns and (not alternate or h % 2 == 1))",
        score: None,
        params: &[
            STRIDE,
            Param::int("columns", [1, 8], HARD_MAX, 1, Text::new("summary columns", "摘要列数")),
            ALTERNATE,
        ],
        tables: &[],
        paper: Some(SPARSE_TRANSFORMER),
        ours: None,
        cost: CostClass::NSqrtN,
        pairs_at_64: 512,
        reach_at_64: Reach::Layers(2),
    },
];

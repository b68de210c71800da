//! Patterns of whole tiles: BigBird, a painted layout, permuted blocks; and random ones, by tile or by pair.

use super::super::entry::{CostClass, MaskEntry, Paper, Param, Reach, Table, Text};
use super::super::tables::masks as tables;
use super::{BLOCK, CAUSAL};
use crate::formula::Ty;

const BIGBIRD: Paper =
    Paper { title: "Zaheer et al., Big Bird: Transformers for Longer Sequences", year: 2020, id: "arXiv:2007.14062" };
const PIXELFLY: Paper = Paper {
    title: "Dao et al., Pixelated Butterfly: Simple and Efficient Sparse Training for Neural Network Models",
    year: 2021,
    id: "arXiv:2112.00029",
};
const BLOCKBERT: Paper = Paper {
    title: "Qiu et al., Blockwise Self-Attention for Long Document Understanding",
    year: 2019,
    id: "arXiv:1911.02972",
};

/// Tiles may be as long as a tile of the kernels times a few; larger ones would leave one tile.
const BLOCK_MAX: i32 = 1024;

/// What the page opens with.
pub(super) const ENTRIES: &[MaskEntry] = &[
    MaskEntry {
        id: "bigbird",
        name: Text::new("BigBird", "BigBird"),
        about: Text::new(
            "Neighbouring blocks, a few global ones and a few random ones per row and head: a small world of short paths.",
            "相邻块、少数全局块，再加每行每头随机抽取的块：构成路径很短的小世界。",
        ),
        formula: "kept[h, q_pos // block, k // block]",
        score: None,
        params: &[
            Param::int("block", [1, 16], BLOCK_MAX, 2, BLOCK),
            // Odd: as many blocks before the query's own as after it.
            Param {
                step: 2.0,
                ..Param::int("window_blocks", [1, 9], 63, 3, Text::new("window, in blocks", "窗口（块）"))
            },
            Param::int("random", [0, 8], 64, 2, Text::new("random blocks per row", "每行随机块数")),
            Param::int("global_blocks", [0, 8], 64, 2, Text::new("global blocks", "全局块数")),
        ],
        tables: &[Table {
            name: "kept",
            ty: Ty::Bool,
            rank: 3,
            index: "h, q_pos // block, k // block",
            make: tables::bigbird,
            editable: false,
            label: Text::new("kept blocks of each head", "每个头保留的块"),
        }],
        paper: Some(BIGBIRD),
        ours: None,
        cost: CostClass::Linear,
        pairs_at_64: 1088,
        reach_at_64: Reach::Layers(2),
    },
    MaskEntry {
        id: "block-sparse",
        name: Text::new("Painted blocks", "手绘块稀疏"),
        about: Text::new(
            "Whole tiles are switched on or off by hand; it starts as a butterfly, where block i sees block j when their \
             numbers differ in at most one bit.",
            "整块开关，可手工绘制；初始为蝶形布局：两个块的编号至多相差一个二进制位时相互可见。",
        ),
        formula: "layout[h, q_pos // block, k // block]",
        score: None,
        params: &[Param::int("block", [1, 16], BLOCK_MAX, 4, BLOCK)],
        tables: &[Table {
            name: "layout",
            ty: Ty::Bool,
            rank: 3,
            index: "h, q_pos // block, k // block",
            make: tables::butterfly,
            editable: true,
            label: Text::new("painted blocks of each head", "每个头的手绘块"),
        }],
        paper: Some(PIXELFLY),
        ours: None,
        cost: CostClass::NLogN,
        pairs_at_64: 1280,
        reach_at_64: Reach::Layers(4),
    },
];

/// What it fetches when somebody looks for more.
pub(super) const MORE: &[MaskEntry] = &[
    MaskEntry {
        id: "block-permutation",
        name: Text::new("Blockwise permutation", "分块置换"),
        about: Text::new(
            "Each head sends the queries of a block to one block of keys; heads with other permutations join the blocks.",
            "每个头把一块查询对应到一块键，不同的头用不同的置换，从而连接各块。",
        ),
        formula: "permutation[h, q_pos * blocks // n_k] == k * blocks // n_k",
        score: None,
        // Positions times blocks must fit 32 bits.
        params: &[Param::int("blocks", [1, 8], 64, 4, Text::new("number of blocks", "块数"))],
        tables: &[Table {
            name: "permutation",
            ty: Ty::Int,
            rank: 2,
            index: "h, q_pos // 16",
            make: tables::permutation,
            editable: true,
            label: Text::new("block of keys for each block of queries", "每块查询对应的键块"),
        }],
        paper: Some(BLOCKBERT),
        ours: None,
        cost: CostClass::Quadratic,
        pairs_at_64: 1024,
        reach_at_64: Reach::Never,
    },
    MaskEntry {
        id: "random",
        name: Text::new("Random pairs", "随机位置"),
        about: Text::new(
            "Each pair is kept by the throw of a seeded die, a query's own token always: no tile can be skipped.",
            "每个位置按带种子的随机数决定去留，查询自身总是保留：没有哪一块可以跳过。",
        ),
        formula: "(q_pos == k or hash(seed, h, q_pos, k) < density * 16777216.0) and (not causal or k <= q_pos)",
        score: None,
        params: &[
            Param::real("density", [0.0, 1.0], 0.01, 0.25, Text::new("density", "密度")),
            Param::switch("causal", false, CAUSAL),
        ],
        tables: &[],
        paper: Some(BIGBIRD),
        ours: None,
        cost: CostClass::Quadratic,
        pairs_at_64: 1114,
        reach_at_64: Reach::Layers(3),
    },
    MaskEntry {
        id: "random-blocks",
        name: Text::new("Random blocks", "随机块"),
        about: Text::new(
            "Each tile is kept by the throw of a seeded die, the diagonal always: a baseline for cleverer patterns.",
            "每块按带种子的随机数决定去留，对角线上的块总是保留；可作为其他模式的对照。",
        ),
        formula: "(not causal or k <= q_pos) and (q_pos // block == k // block or \
                  hash(seed, h, q_pos // block, k // block) < density * 16777216.0)",
        score: None,
        params: &[
            Param::real("density", [0.0, 1.0], 0.01, 0.25, Text::new("density", "密度")),
            Param::int("block", [1, 16], BLOCK_MAX, 2, BLOCK),
            Param::switch("causal", false, CAUSAL),
        ],
        tables: &[],
        paper: Some(BIGBIRD),
        ours: None,
        cost: CostClass::Quadratic,
        pairs_at_64: 1124,
        reach_at_64: Reach::Layers(4),
    },
];

//! Patterns over a plane. Token `i` stands at row `i // width` and column `i % width`; with more tokens than `height * width` another image begins.

use super::super::entry::{CostClass, MaskEntry, Paper, Param, Reach, Text};
use super::ALTERNATE;

const AXIAL: Paper =
    Paper { title: "Ho et al., Axial Attention in Multidimensional Transformers", year: 2019, id: "arXiv:1912.12180" };
const SWIN: Paper = Paper {
    title: "Liu et al., Swin Transformer: Hierarchical Vision Transformer using Shifted Windows",
    year: 2021,
    id: "arXiv:2103.14030",
};
const NATTEN: Paper =
    Paper { title: "Hassani et al., Neighborhood Attention Transformer", year: 2022, id: "arXiv:2204.07143" };

/// Height times width must fit 32 bits.
const SIDE_MAX: i32 = 4096;

const HEIGHT: Param = Param::int("height", [1, 32], SIDE_MAX, 8, Text::new("height", "高"));
const WIDTH: Param = Param::int("width", [1, 32], SIDE_MAX, 8, Text::new("width", "宽"));

pub(super) const ENTRIES: &[MaskEntry] = &[
    MaskEntry {
        id: "axial",
        name: Text::new("Axial", "轴向注意力"),
        about: Text::new(
            "A pixel sees its own row and its own column, so two layers join any two pixels.",
            "每个像素只看所在的行和列，两层就能连接任意两个像素。",
        ),
        formula: "q_pos // (height * width) == k // (height * width) and \
                  (q_pos // width == k // width and (not alternate or h % 2 == 0) or \
                  q_pos % width == k % width and (not alternate or h % 2 == 1))",
        score: None,
        params: &[HEIGHT, WIDTH, ALTERNATE],
        tables: &[],
        paper: Some(AXIAL),
        ours: None,
        cost: CostClass::NSqrtN,
        pairs_at_64: 960,
        reach_at_64: Reach::Layers(2),
    },
    MaskEntry {
        id: "swin",
        name: Text::new("Swin windows", "Swin 窗口"),
        about: Text::new(
            "The image is cut into square windows; layers with windows shifted by half join their neighbours.",
            "图像切成方形窗口；窗口错开一半的层把相邻窗口连起来。",
        ),
        // Shifted windows are cut off at the border, as the paper's mask does after its cyclic shift.
        formula: "q_pos // (height * width) == k // (height * width) and \
                  (q_pos // width % height + (window - window // 2 if shifted else 0)) // window == \
                  (k // width % height + (window - window // 2 if shifted else 0)) // window and \
                  (q_pos % width + (window - window // 2 if shifted else 0)) // window == \
                  (k % width + (window - window // 2 if shifted else 0)) // window",
        score: None,
        params: &[
            HEIGHT,
            WIDTH,
            Param::int("window", [1, 16], SIDE_MAX, 4, Text::new("window side", "窗口边长")),
            Param::switch("shifted", false, Text::new("shifted by half a window", "错开半个窗口")),
        ],
        tables: &[],
        paper: Some(SWIN),
        ours: None,
        cost: CostClass::Linear,
        pairs_at_64: 1024,
        reach_at_64: Reach::Never,
    },
    MaskEntry {
        id: "natten-2d",
        name: Text::new("Neighbourhood", "邻域注意力"),
        about: Text::new(
            "A pixel sees the square of its nearest pixels; at the border the square moves inward and stays whole.",
            "每个像素看最近的一个方形邻域；在边界处方形向内移动，大小不变。",
        ),
        formula: "q_pos // (height * width) == k // (height * width) and \
                  abs(clamp(q_pos // width % height, kernel // 2, height - 1 - kernel // 2) - k // width % height) <= kernel // 2 and \
                  abs(clamp(q_pos % width, kernel // 2, width - 1 - kernel // 2) - k % width) <= kernel // 2",
        score: None,
        params: &[
            HEIGHT,
            WIDTH,
            // Odd: as many pixels before the centre as after it.
            Param {
                step: 2.0, ..Param::int("kernel", [1, 15], 4095, 3, Text::new("side of the square", "方形边长"))
            },
        ],
        tables: &[],
        paper: Some(NATTEN),
        ours: None,
        cost: CostClass::Linear,
        pairs_at_64: 576,
        reach_at_64: Reach::Layers(6),
    },
];

//! Seeded generators of Q, K and V: what they are called and for, and what can be set. The numbers are made by the room that computes.

use super::entry::{Param, Text};

/// A generator of inputs.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RecipeEntry {
    /// Stable id.
    pub id: &'static str,
    /// Name.
    pub name: Text,
    /// One sentence: what it shows.
    pub about: Text,
    /// Declared parameters. Their defaults are what links without parameters mean.
    pub params: &'static [Param],
}

static RECIPES: [RecipeEntry; 9] = [
    RecipeEntry {
        id: "normal",
        name: Text::new("Normal", "正态分布"),
        about: Text::new(
            "Independent normal numbers: how attention looks before any training.",
            "相互独立的正态随机数：训练之前的注意力就是这样。",
        ),
        params: &[],
    },
    RecipeEntry {
        id: "uniform",
        name: Text::new("Uniform", "均匀分布"),
        about: Text::new(
            "Independent numbers, all equally likely between −1 and 1.",
            "相互独立的随机数，在 −1 到 1 之间均匀分布。",
        ),
        params: &[],
    },
    RecipeEntry {
        id: "one_hot",
        name: Text::new("One-hot", "独热向量"),
        about: Text::new(
            "One place of each row is set, so a score only says whether two tokens are of the same kind.",
            "每行只有一个位置非零，分数只说明两个词元是否同类。",
        ),
        params: &[],
    },
    RecipeEntry {
        id: "orthogonal",
        name: Text::new("Orthogonal", "正交向量"),
        about: Text::new(
            "Keys at right angles to one another: a query finds its own key and no other.",
            "键两两正交：每个查询只与自己的键匹配。",
        ),
        params: &[],
    },
    RecipeEntry {
        id: "needle",
        name: Text::new("Needle", "大海捞针"),
        about: Text::new(
            "One key stands out from noise by a set margin; longer sequences dilute it.",
            "一个键以固定幅度从噪声中突出；序列越长，它越被稀释。",
        ),
        params: &[
            Param::real("margin", [-10.0, 20.0], 0.5, 4.0, Text::new("margin of its score", "分数的幅度")),
            Param::real("place", [0.0, 1.0], 0.05, 0.5, Text::new("its place, of the keys", "在键中的位置")),
        ],
    },
    RecipeEntry {
        id: "periodic",
        name: Text::new("Periodic", "周期序列"),
        about: Text::new(
            "Tokens repeat with a period, and attention shows it as stripes.",
            "词元按周期重复，注意力图上呈现条纹。",
        ),
        params: &[Param::int("period", [1, 64], 4096, 6, Text::new("period", "周期"))],
    },
    RecipeEntry {
        id: "reversed",
        name: Text::new("Reversed", "逆序"),
        about: Text::new(
            "Each query matches its mirror image from the other end.",
            "每个查询与从另一端数起的对应位置匹配。",
        ),
        params: &[],
    },
    RecipeEntry {
        id: "smooth",
        name: Text::new("Smooth", "平滑序列"),
        about: Text::new("Neighbouring tokens resemble each other.", "相邻的词元彼此相似。"),
        params: &[Param::real("waves", [0.0, 32.0], 0.25, 2.0, Text::new("spread of the waves", "波数的离散程度"))],
    },
    RecipeEntry {
        id: "noise",
        name: Text::new("Signal in noise", "含噪信号"),
        about: Text::new(
            "Each query is its own key with noise on top: how much of the match is left?",
            "每个查询是对应的键再叠加噪声：匹配还剩多少？",
        ),
        params: &[Param::real("noise", [0.0, 8.0], 0.1, 1.0, Text::new("strength of the noise", "噪声强度"))],
    },
];

/// Every generator, in the order of the menu.
pub fn recipes() -> &'static [RecipeEntry] {
    &RECIPES
}

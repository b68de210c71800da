//! How two streams of tokens are joined: who looks at whom, and whether both are projected by the same matrices. Each entry is a mask between
//! the streams (`cross-modal`) and a choice of matrices; no kernel knows of it.

use super::entry::{Paper, Text};

/// A way to join two streams, A and B.
#[derive(Clone, Copy, Debug)]
pub struct StreamEntry {
    /// Stable id, in the API.
    pub id: &'static str,
    /// Name.
    pub name: Text,
    /// One sentence: what it does.
    pub about: Text,
    /// Whether A looks at A, A at B, B at A, B at B: the switches `aa`, `ab`, `ba` and `bb` of the mask.
    pub looks: [bool; 4],
    /// Whether W_Q, W_K and W_V are the same for both.
    pub shared: bool,
    /// Which pairs it allows, for reading: the mask's formula with the switches set.
    pub formula: &'static str,
    /// Where it was published.
    pub paper: Paper,
}

impl StreamEntry {
    /// Id of the mask between two streams.
    pub const MASK: &'static str = "cross-modal";
    /// Its switches, in the order of [`StreamEntry::looks`].
    pub const SWITCHES: [&'static str; 4] = ["aa", "ab", "ba", "bb"];

    /// The switches that are on.
    pub fn switches(&self) -> impl Iterator<Item = &'static str> {
        Self::SWITCHES.into_iter().zip(self.looks).filter_map(|(name, on)| on.then_some(name))
    }
}

/// Each stream looks at the other.
const CROSS: &str = "(q_pos < first) != (k < first)";

const ENTRIES: &[StreamEntry] = &[
    StreamEntry {
        id: "co-attention",
        name: Text::new("ViLBERT", "ViLBERT"),
        about: Text::new(
            "Two streams, each with matrices of its own; in a co-attention layer the queries of one meet the keys and values of the other.",
            "两个流各有自己的矩阵；在协同注意力层中，一个流的查询与另一个流的键和值相遇。",
        ),
        looks: [false, true, true, false],
        shared: false,
        formula: CROSS,
        paper: Paper {
            title: "Lu et al., ViLBERT: Pretraining Task-Agnostic Visiolinguistic Representations for Vision-and-Language Tasks",
            year: 2019,
            id: "arXiv:1908.02265",
        },
    },
    StreamEntry {
        id: "shared-cross",
        name: Text::new("LXMERT", "LXMERT"),
        about: Text::new(
            "One cross-attention layer with one set of matrices, used in both directions.",
            "一个交叉注意力层，只有一组矩阵，两个方向共用。",
        ),
        looks: [false, true, true, false],
        shared: true,
        formula: CROSS,
        paper: Paper {
            title: "Tan and Bansal, LXMERT: Learning Cross-Modality Encoder Representations from Transformers",
            year: 2019,
            id: "arXiv:1908.07490",
        },
    },
    StreamEntry {
        id: "merged",
        name: Text::new("Merged", "合并"),
        about: Text::new(
            "One stream: the tokens of both stand in one sequence, and every one looks at all of them.",
            "单一的流：两者的词元排成一个序列，每个都能看到全部。",
        ),
        looks: [true; 4],
        shared: true,
        formula: "true",
        paper: Paper {
            title: "Li et al., VisualBERT: A Simple and Performant Baseline for Vision and Language",
            year: 2019,
            id: "arXiv:1908.03557",
        },
    },
];

/// Every way to join two streams, in the order of the menu.
pub fn streams() -> &'static [StreamEntry] {
    ENTRIES
}

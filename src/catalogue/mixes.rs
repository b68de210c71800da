//! Layers that are not all alike: what one layer of a stack is, by its number.

use super::entry::{Paper, Param, Text};

/// A rule by which the layers of a model differ.
#[derive(Clone, Copy, Debug)]
pub struct MixEntry {
    /// Stable id, in links and the API; `same` is no entry.
    pub id: &'static str,
    /// Name.
    pub name: Text,
    /// One sentence: what it does.
    pub about: Text,
    /// Mask formula, and-ed with the others; it reads the parameters.
    pub mask: Option<&'static str>,
    /// Whether the layers whose number `every` divides have no positions.
    pub bare: bool,
    /// Declared parameters.
    pub params: &'static [Param],
    /// Where it was published.
    pub paper: Option<Paper>,
}

impl MixEntry {
    /// Whether layer `layer`, counted from 1, is one that sees everything or has no positions.
    pub fn differs(layer: usize, every: usize) -> bool {
        layer.is_multiple_of(every.max(1))
    }

    /// What it says, line by line, for reading: the mask, and which rows the position scheme changes.
    pub(super) fn written(&self) -> impl Iterator<Item = &'static str> {
        let positions = self.bare.then_some("x[p] if layer % every == 0 else position(x[p])");
        self.mask.into_iter().chain(positions)
    }
}

const EVERY: Text = Text::new("every so many layers", "每隔几层");
const LAYER: Param = Param::int("layer", [1, 48], 1000, 1, Text::new("layer that is shown", "显示的层"));
const WINDOW: Param = Param::int("window", [1, 64], 65_536, 8, Text::new("window of local layers", "局部层的窗口"));
/// Two-sided: beside a causal mask only the keys before the query are left of it.
const LOCAL: &str = "layer % every == 0 or abs(q_pos - k) < window";

/// In the order of the menu.
const ENTRIES: &[MixEntry] = &[
    MixEntry {
        id: "local-global",
        name: Text::new("Local and global layers", "局部层与全局层交替"),
        about: Text::new(
            "Most layers look through a window and every so many see all that the mask allows, so that only few need a long cache.",
            "多数层只看一个窗口，每隔几层有一层看掩码允许的全部，因此只有少数层需要长缓存。",
        ),
        mask: Some(LOCAL),
        bare: false,
        params: &[Param::int("every", [1, 12], 64, 6, EVERY), WINDOW, LAYER],
        paper: Some(Paper { title: "Gemma Team, Gemma 3 Technical Report", year: 2025, id: "arXiv:2503.19786" }),
    },
    MixEntry {
        id: "some-nope",
        name: Text::new("Some layers without positions", "部分层无位置编码"),
        about: Text::new(
            "The position scheme is left out in every so many layers, which then know order only by what the others hand them.",
            "每隔几层去掉位置方案，这些层只能通过其他层传来的内容得知次序。",
        ),
        mask: None,
        bare: true,
        params: &[Param::int("every", [1, 12], 64, 4, EVERY), LAYER],
        paper: Some(Paper {
            title: "Meta AI, The Llama 4 Herd",
            year: 2025,
            id: "ai.meta.com/blog/llama-4-multimodal-intelligence",
        }),
    },
    MixEntry {
        id: "rope-nope",
        name: Text::new("Local with positions, global without", "局部层有位置，全局层无位置"),
        about: Text::new(
            "Layers with positions look through a window, and every so many see everything and have no positions, so that no distance is ever longer than in training.",
            "有位置的层只看一个窗口，每隔几层有一层看全部且无位置，因此距离永远不会超过训练时的范围。",
        ),
        mask: Some(LOCAL),
        bare: true,
        params: &[Param::int("every", [1, 12], 64, 4, EVERY), WINDOW, LAYER],
        paper: Some(Paper {
            title: "Yang et al., Rope to Nope and Back Again: A New Hybrid Attention Strategy",
            year: 2025,
            id: "arXiv:2501.18795",
        }),
    },
];

/// Every mix of layers.
pub(super) fn whole() -> Vec<MixEntry> {
    ENTRIES.to_vec()
}

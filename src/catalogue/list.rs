//! The lists of the catalogue by their names.
//!
//! An entry is known by its list and its id together: a selection and a normaliser are both `top-k`. Every field that takes an id takes those of one list, so an
//! id is never ambiguous there; the one field of two lists, the second branch of a hybrid, takes masks and estimators, which share no id.

use super::entry::Text;

/// Which list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum List {
    /// Masks and sparsity patterns.
    Mask,
    /// Position schemes.
    Position,
    /// How a query and a key become a score.
    Product,
    /// Keys chosen by content.
    Selection,
    /// Gated mixes of two branches.
    Hybrid,
    /// Layouts of heads.
    Layout,
    /// Scores to weights.
    Normaliser,
    /// What is done to the weights.
    Probability,
    /// Layers that are not all alike.
    Mix,
    /// What stands in attention's place.
    Estimator,
    /// Generators of inputs.
    Generator,
    /// Ways to join two streams of tokens.
    Stream,
}

impl List {
    /// Every list, in the order of the page.
    pub const ALL: [Self; 12] = [
        Self::Mask,
        Self::Position,
        Self::Product,
        Self::Selection,
        Self::Hybrid,
        Self::Layout,
        Self::Normaliser,
        Self::Probability,
        Self::Mix,
        Self::Estimator,
        Self::Generator,
        Self::Stream,
    ];

    /// Its name in the API, and what the page calls it.
    fn names(self) -> (&'static str, Text) {
        match self {
            Self::Mask => ("masks", Text::new("masks", "掩码")),
            Self::Position => ("positions", Text::new("positions", "位置方案")),
            Self::Product => ("products", Text::new("products", "乘积")),
            Self::Selection => ("selections", Text::new("selections", "按内容选择")),
            Self::Hybrid => ("hybrids", Text::new("hybrids", "混合")),
            Self::Layout => ("layouts", Text::new("layouts of heads", "头布局")),
            Self::Normaliser => ("normalisers", Text::new("normalisers", "归一化")),
            Self::Probability => ("probabilities", Text::new("changes of the weights", "权重变换")),
            Self::Mix => ("layers", Text::new("mixes of layers", "层的组合")),
            Self::Estimator => ("estimators", Text::new("estimators and baselines", "估计方法与基线")),
            Self::Generator => ("generators", Text::new("generators of inputs", "输入生成器")),
            Self::Stream => ("streams", Text::new("ways to join two streams", "两个流的连接方式")),
        }
    }

    /// Its name in the API.
    pub fn id(self) -> &'static str {
        self.names().0
    }

    /// What the page calls it.
    pub fn name(self) -> Text {
        self.names().1
    }

    /// The list of that name in the API.
    pub fn of(id: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|list| list.id() == id)
    }

    /// The engines that compute its entries and agree on them. Everything becomes formulas over tables before an engine sees it, so all of them run all of it;
    /// estimators are operators of their own, without kernels for the GPU.
    pub fn engines(self) -> &'static [&'static str] {
        match self {
            Self::Estimator => &["reference", "cpu"],
            _ => &["reference", "cpu", "webgpu"],
        }
    }
}

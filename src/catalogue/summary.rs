//! Every entry of every list in one shape: what the page's sheet, the JavaScript API and tests walk, so that none of them has lists of its own.

use serde::Serialize;

use super::content::{ContentEntry, Measure};
use super::entry::{CostClass, Paper, Param, Slot, Table, Text};
use super::{
    estimators, hybrids, layouts, masks, mixes, normalisers, positions, probabilities, products, recipes, selections,
};

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
}

impl List {
    /// Every list, in the order of the page.
    pub const ALL: [Self; 11] = [
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

/// An entry of any list.
#[derive(Clone, Debug, Serialize)]
pub struct Summary {
    /// Which list it is of.
    #[serde(skip)]
    pub list: List,
    /// Stable id.
    pub id: &'static str,
    /// Name.
    pub name: Text,
    /// One sentence.
    pub about: Text,
    /// The text of what runs, or of what stands for it.
    pub formula: Option<&'static str>,
    /// What it does line by line in the notation of formulas, for reading: each line can be drawn.
    #[serde(skip)]
    pub written: Vec<&'static str>,
    /// Declared parameters.
    pub params: &'static [Param],
    /// Tables that its formula reads.
    pub data: &'static [Table],
    /// Where it was published.
    pub paper: Option<Paper>,
    /// Where no paper fixes the definition, or ours departs from it: why ours is what it is.
    pub ours: Option<Text>,
    /// Growth of the allowed pairs: of a mask those that it allows; of a selection or a mix of layers those that it leaves of a mask that allows all. `None`
    /// where it leaves them as they are.
    pub pairs: Option<CostClass>,
    /// Growth of the work: of an estimator, a normaliser, a product and a change of the weights all of it, of the others what they add to plain attention,
    /// each with a mask that allows all. `None` where they add nothing.
    pub work: Option<CostClass>,
    /// `pairs` where it says anything, else `work`.
    pub cost: Option<CostClass>,
    /// The engines that compute it and agree on it.
    pub engines: &'static [&'static str],
    /// Of an estimator: which masks it knows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub direction: Option<&'static str>,
    /// Of an estimator: whether a state goes from key to key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state: Option<bool>,
}

impl PartialEq for Summary {
    fn eq(&self, other: &Self) -> bool {
        (self.list, self.id) == (other.list, other.id)
    }
}

impl Summary {
    /// What every entry has.
    fn new(list: List, id: &'static str, name: Text, about: Text) -> Self {
        let engines = list.engines();
        Self {
            list,
            id,
            name,
            about,
            formula: None,
            written: Vec::new(),
            params: &[],
            data: &[],
            paper: None,
            ours: None,
            pairs: None,
            work: None,
            cost: None,
            engines,
            direction: None,
            state: None,
        }
    }

    /// With its classes.
    fn costing(self, pairs: Option<CostClass>, work: Option<CostClass>) -> Self {
        Self { pairs, work, cost: pairs.or(work), ..self }
    }
}

/// Every entry of a list that is here, in the order of its menu.
pub fn summaries(list: List) -> Vec<Summary> {
    let quadratic = Some(CostClass::Quadratic);
    match list {
        List::Product => products().iter().map(|e| of_content(list, e)).collect(),
        List::Selection => selections().iter().map(|e| of_content(list, e)).collect(),
        List::Hybrid => hybrids().iter().map(|e| of_content(list, e)).collect(),
        List::Mask => {
            let entry = |e: &'static super::MaskEntry| Summary {
                formula: Some(e.formula),
                written: [e.formula].into_iter().chain(e.score).collect(),
                params: e.params,
                data: e.tables,
                paper: e.paper,
                ours: e.ours,
                ..Summary::new(list, e.id, e.name, e.about).costing(Some(e.cost), None)
            };
            masks().iter().map(entry).collect()
        }
        List::Position => positions().iter().map(of_position).collect(),
        List::Layout => {
            let entry = |e: &'static super::LayoutEntry| {
                let mut written = e.content.written();
                written.extend(e.end.written());
                Summary {
                    formula: Some(e.formula),
                    written: or(written, "A[h] * v[h]"),
                    params: e.params,
                    data: e.tables,
                    paper: e.paper,
                    ours: e.ours,
                    ..Summary::new(list, e.id, e.name, e.about).costing(None, e.work())
                }
            };
            layouts().iter().map(entry).collect()
        }
        List::Normaliser => {
            let entry = |e: &'static super::NormaliserEntry| {
                let mut written = e.content.written();
                written.push(e.kind.written());
                Summary {
                    formula: Some(e.formula),
                    written,
                    params: e.params,
                    data: e.tables,
                    paper: e.paper,
                    ours: e.ours,
                    ..Summary::new(list, e.id, e.name, e.about).costing(None, quadratic)
                }
            };
            normalisers().iter().map(entry).collect()
        }
        List::Probability => {
            let entry = |e: &'static super::ProbabilityEntry| Summary {
                formula: Some(e.formula),
                written: vec![e.formula],
                params: e.params,
                paper: e.paper,
                ours: e.ours,
                ..Summary::new(list, e.id, e.name, e.about).costing(None, quadratic)
            };
            probabilities().iter().map(entry).collect()
        }
        List::Mix => {
            // Every so many layers see all that the mask allows.
            let entry = |e: &'static super::MixEntry| Summary {
                formula: e.mask,
                written: e.written(),
                params: e.params,
                paper: e.paper,
                ..Summary::new(list, e.id, e.name, e.about).costing(e.mask.and(quadratic), None)
            };
            mixes().iter().map(entry).collect()
        }
        List::Estimator => {
            let entry = |e: &'static super::EstimatorEntry| Summary {
                formula: Some(e.formula),
                written: e.written.to_vec(),
                params: e.params,
                paper: e.paper,
                ours: e.ours,
                direction: Some(e.direction.name()),
                state: Some(e.state),
                ..Summary::new(list, e.id, e.name, e.about).costing(None, Some(e.cost))
            };
            estimators().iter().map(entry).collect()
        }
        List::Generator => {
            let entry = |e: &'static super::RecipeEntry| Summary {
                written: e.written().to_vec(),
                ..Summary::new(list, e.id, e.name, e.about)
            };
            recipes().iter().map(entry).collect()
        }
    }
}

/// Every entry that is here.
pub fn every_entry() -> impl Iterator<Item = Summary> {
    List::ALL.into_iter().flat_map(summaries)
}

/// The lines, or the one that says that everything stays as it is.
fn or(lines: Vec<&'static str>, plain: &'static str) -> Vec<&'static str> {
    if lines.is_empty() { vec![plain] } else { lines }
}

fn of_position(e: &'static super::PositionEntry) -> Summary {
    let (formula, data, written) = match e.slot {
        Slot::Score { formula, tables } => (Some(formula), tables, vec![formula]),
        Slot::Content(content) => (content.score, &[][..], content.written()),
        slot => (None, &[][..], or(slot.written(), "x[p]")),
    };
    Summary {
        formula,
        written,
        params: e.params,
        data,
        paper: e.paper,
        ours: e.ours,
        ..Summary::new(List::Position, e.id, e.name, e.about).costing(None, e.slot.work())
    }
}

/// A product, a selection or a hybrid.
fn of_content(list: List, e: &'static ContentEntry) -> Summary {
    let mut written = e.content.written();
    let (plain, work) = match list {
        // Every pair has a product.
        List::Product => ("dot(q[q], k[k])", Some(CostClass::Quadratic)),
        // A second branch is a mask over the same pairs or an estimator, none of which takes more.
        List::Hybrid if !e.params.is_empty() => {
            written.extend(Measure::Blend.written());
            ("", Some(CostClass::Quadratic))
        }
        List::Hybrid => ("A[q] * v", None),
        _ => ("true", e.content.work()),
    };
    Summary {
        formula: Some(e.formula),
        written: or(written, plain),
        params: e.params,
        paper: e.paper,
        ours: e.ours,
        ..Summary::new(list, e.id, e.name, e.about).costing(e.pairs, work)
    }
}

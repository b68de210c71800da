//! Every entry of every list in one shape: what the page's sheet, the JavaScript API and tests walk, so that none of them has lists of its own.

use serde::Serialize;

use super::content::{ContentEntry, Measure};
use super::entry::{CostClass, Paper, Param, Slot, Table, Text};
use super::list::List;
use super::{
    estimators, hybrids, layouts, masks, mixes, normalisers, positions, probabilities, products, recipes, selections,
};

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
    /// Whether it stands for attention to every key that the mask allows without computing that: its error against it is shown.
    pub inexact: bool,
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
            inexact: false,
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
                    inexact: e.inexact,
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
                inexact: true,
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
        inexact: e.inexact,
        ..Summary::new(list, e.id, e.name, e.about).costing(e.pairs, work)
    }
}

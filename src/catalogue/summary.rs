//! Every entry of every list in one shape: what the page's sheet, the JavaScript API and tests walk, so that none of them has lists of its own.

use serde::Serialize;

use super::content::{Change, ContentEntry};
use super::entry::{CostClass, Paper, Param, Slot, Table, Text};
use super::list::List;
use super::math::{self, lines};
use super::{
    StreamEntry, estimators, hybrids, layouts, masks, mixes, normalisers, positions, probabilities, products, recipes,
    selections, streams,
};

/// An entry of any list.
#[derive(Clone, Debug, Serialize)]
pub struct Summary {
    /// Which list it is of.
    #[serde(skip)]
    pub list: List,
    /// Stable id, of which each list has one.
    pub id: &'static str,
    /// Name.
    pub name: Text,
    /// One sentence.
    pub about: Text,
    /// The text of what runs, or of what stands for it.
    pub formula: Option<&'static str>,
    /// What it does line by line in the notation of formulas, for reading: each line can be drawn.
    #[serde(skip)]
    pub written: Vec<String>,
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
    /// Growth of the allowed pairs: of a mask and of joined streams those that they allow; of a selection or a mix of layers those that it leaves of a mask that
    /// allows all. `None` where it leaves them as they are.
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
    /// Of a way to join two streams: the mask between them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mask: Option<&'static str>,
    /// Of a way to join two streams: the switches of that mask which are on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub looks: Option<Vec<&'static str>>,
    /// Of a way to join two streams: whether both have the same W_Q, W_K and W_V.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shared: Option<bool>,
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
            mask: None,
            looks: None,
            shared: None,
        }
    }

    /// With its classes.
    fn costing(self, pairs: Option<CostClass>, work: Option<CostClass>) -> Self {
        Self { pairs, work, cost: pairs.or(work), ..self }
    }
}

/// The rows of a list, `of` its entries, each with the fields that its type has under the same name, those that it says otherwise, and its classes
/// `[pairs, work]`.
macro_rules! rows {
    ($list:ident, $of:expr, |$e:ident| { $($same:ident)* } { $($field:ident: $value:expr),* $(,)? } [$pairs:expr, $work:expr]) => {
        $of.iter()
            .map(|$e| {
                let summary = Summary::new(List::$list, $e.id, $e.name, $e.about).costing($pairs, $work);
                Summary { $($same: $e.$same,)* $($field: $value,)* ..summary }
            })
            .collect()
    };
}

/// Every entry of a list that is here, in the order of its menu.
pub fn summaries(list: List) -> Vec<Summary> {
    let quadratic = Some(CostClass::Quadratic);
    match list {
        List::Mask => rows!(Mask, masks(), |e| { params paper ours } {
            formula: Some(e.formula), written: lines([e.formula].into_iter().chain(e.score)), data: e.tables,
        } [Some(e.cost), None]),
        List::Position => rows!(Position, positions(), |e| { params paper ours } {
            formula: e.slot.formula(), written: or(e.slot.written(), "x[p]"), data: e.slot.data(),
        } [None, e.slot.work()]),
        List::Product => rows!(Product, products(), |e| { params paper ours inexact } {
            formula: Some(e.formula), written: product(e),
        } [e.pairs, quadratic]),
        List::Selection => rows!(Selection, selections(), |e| { params paper ours inexact } {
            formula: Some(e.formula), written: or(e.content.written(), "true"),
        } [e.pairs, e.content.work()]),
        // A second branch is a mask over the same pairs or an estimator, none of which takes more.
        List::Hybrid => rows!(Hybrid, hybrids(), |e| { params paper ours inexact } {
            formula: Some(e.formula), written: math::hybrid(mixes_in(e)),
        } [e.pairs, quadratic.filter(|_| mixes_in(e))]),
        List::Layout => rows!(Layout, layouts(), |e| { params paper ours inexact } {
            formula: Some(e.formula), written: or([e.content.written(), lines(e.end.written())].concat(), "A[h] * v[h]"), data: e.tables,
        } [None, e.work()]),
        List::Normaliser => rows!(Normaliser, normalisers(), |e| { params paper ours } {
            formula: Some(e.formula), written: [e.content.written(), lines(e.kind.written())].concat(), data: e.tables,
        } [None, quadratic]),
        List::Probability => rows!(Probability, probabilities(), |e| { params paper ours } {
            formula: Some(e.formula), written: lines([e.formula]),
        } [None, quadratic]),
        // Every so many layers see all that the mask allows.
        List::Mix => rows!(Mix, mixes(), |e| { params paper } {
            formula: e.mask, written: lines(e.written()),
        } [e.mask.and(quadratic), None]),
        List::Estimator => rows!(Estimator, estimators(), |e| { params paper ours } {
            formula: Some(e.formula), written: lines(e.written.iter().copied()), inexact: true,
            direction: Some(e.direction.name()), state: Some(e.state),
        } [None, Some(e.cost)]),
        List::Generator => rows!(Generator, recipes(), |e| { params } {
            written: lines(e.written().iter().copied()),
        } [None, None]),
        List::Stream => rows!(Stream, streams(), |e| {} {
            formula: Some(e.formula), written: lines(e.written()), paper: Some(e.paper),
            mask: Some(StreamEntry::MASK), looks: Some(e.switches().collect()), shared: Some(e.shared),
        } [quadratic, None]),
    }
}

/// Every entry that is here.
pub fn every_entry() -> impl Iterator<Item = Summary> {
    List::ALL.into_iter().flat_map(summaries)
}

/// The lines, or the one that says that everything stays as it is.
fn or(lines: Vec<String>, plain: &str) -> Vec<String> {
    if lines.is_empty() { vec![plain.to_owned()] } else { lines }
}

/// What a product does to queries and keys, and what it makes of both.
fn product(e: &ContentEntry) -> Vec<String> {
    let mut written = e.content.written();
    // The others say themselves what the score is.
    if e.content.score.is_none() && !e.content.changes.contains(&Change::SquaredDistance) {
        let scaled = e.scale.map(|factor| format!("{factor} * dot(q[q], k[k])"));
        written.push(scaled.unwrap_or_else(|| "dot(q[q], k[k])".to_owned()));
    }
    written
}

/// Whether a hybrid has a second branch.
fn mixes_in(e: &ContentEntry) -> bool {
    !e.params.is_empty()
}

impl Slot {
    /// The formula that runs, where it is one.
    fn formula(&self) -> Option<&'static str> {
        match self {
            Self::Score { formula, .. } => Some(formula),
            Self::Content(content) => content.score,
            _ => None,
        }
    }

    /// Tables that the formula reads.
    fn data(&self) -> &'static [Table] {
        match self {
            Self::Score { tables, .. } => tables,
            _ => &[],
        }
    }
}

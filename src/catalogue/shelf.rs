//! Which part of the catalogue is here. Everywhere but in the page it is the whole; the page begins with the entries that its first view
//! shows, and fetches the others, a piece of its program, when somebody looks for more or brings them along.

use std::sync::OnceLock;

use super::content::ContentEntry;
use super::entry::{MaskEntry, NormaliserEntry, PositionEntry};
use super::estimators::{self as of_estimators, EstimatorEntry};
use super::layouts::LayoutEntry;
use super::mixes::{self as of_mixes, MixEntry};
use super::probabilities::{self as of_probabilities, ProbabilityEntry};
use super::{
    hybrids as of_hybrids, layouts as of_layouts, masks as of_masks, normalisers as of_normalisers,
    positions as of_positions, products as of_products, selections as of_selections,
};

/// Every list that is kept in two parts.
struct Shelf {
    masks: Vec<MaskEntry>,
    positions: Vec<PositionEntry>,
    normalisers: Vec<NormaliserEntry>,
    products: Vec<ContentEntry>,
    selections: Vec<ContentEntry>,
    hybrids: Vec<ContentEntry>,
    estimators: Vec<EstimatorEntry>,
    probabilities: Vec<ProbabilityEntry>,
    mixes: Vec<MixEntry>,
    layouts: Vec<LayoutEntry>,
}

static WHOLE: OnceLock<Shelf> = OnceLock::new();

/// Brings in what was left out. After it, and everywhere but in the page, the lists are whole.
pub fn complete() {
    WHOLE.get_or_init(|| Shelf {
        masks: of_masks::whole(),
        positions: of_positions::whole(),
        normalisers: of_normalisers::whole(),
        products: of_products::whole(),
        selections: of_selections::whole(),
        hybrids: of_hybrids::whole(),
        estimators: of_estimators::whole(),
        probabilities: of_probabilities::whole(),
        mixes: of_mixes::whole(),
        layouts: of_layouts::whole(),
    });
}

/// Whether nothing is left out.
pub fn is_whole() -> bool {
    whole().is_some()
}

#[cfg(feature = "app")]
fn whole() -> Option<&'static Shelf> {
    WHOLE.get()
}

#[cfg(not(feature = "app"))]
fn whole() -> Option<&'static Shelf> {
    complete();
    WHOLE.get()
}

/// Every mask that is here, in the order of the menu.
pub fn masks() -> &'static [MaskEntry] {
    whole().map_or_else(of_masks::first, |shelf| &shelf.masks)
}

/// Every position scheme that is here, in the order of the menu.
pub fn positions() -> &'static [PositionEntry] {
    whole().map_or_else(of_positions::first, |shelf| &shelf.positions)
}

/// Every normaliser that is here, in the order of the menu.
pub fn normalisers() -> &'static [NormaliserEntry] {
    whole().map_or_else(of_normalisers::first, |shelf| &shelf.normalisers)
}

/// Every product that is here, in the order of the menu.
pub fn products() -> &'static [ContentEntry] {
    whole().map_or_else(of_products::first, |shelf| &shelf.products)
}

/// Every selection by content that is here, in the order of the menu.
pub fn selections() -> &'static [ContentEntry] {
    whole().map_or_else(of_selections::first, |shelf| &shelf.selections)
}

/// Every hybrid that is here, in the order of the menu.
pub fn hybrids() -> &'static [ContentEntry] {
    whole().map_or_else(of_hybrids::first, |shelf| &shelf.hybrids)
}

/// Every estimator; none until the list is whole.
pub fn estimators() -> &'static [EstimatorEntry] {
    whole().map_or(&[], |shelf| &shelf.estimators)
}

/// Every change of the weights; none until the list is whole.
pub fn probabilities() -> &'static [ProbabilityEntry] {
    whole().map_or(&[], |shelf| &shelf.probabilities)
}

/// Every mix of layers; none until the list is whole.
pub fn mixes() -> &'static [MixEntry] {
    whole().map_or(&[], |shelf| &shelf.mixes)
}

/// Every layout of heads that is here, in the order of the menu.
pub fn layouts() -> &'static [LayoutEntry] {
    whole().map_or_else(of_layouts::first, |shelf| &shelf.layouts)
}

/// How many masks, position schemes and normalisers a menu begins with.
pub fn opening() -> [usize; 3] {
    [of_masks::first().len(), of_positions::first().len(), of_normalisers::first().len()]
}

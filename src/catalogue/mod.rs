//! The one list of everything selectable. Menus, both engines, links, code export, docs and tests walk it; nothing else knows a name. An entry is known by its
//! list and its id ([`List`]).
//!
//! To add a mask: add an entry to its family's list in `masks/`. That is all. The page fetches entries that its first view does not show when they are first
//! needed (`shelf`).

mod content;
mod cost;
mod entry;
mod estimators;
mod hybrids;
mod inputs;
mod layouts;
mod list;
mod masks;
mod math;
mod mixes;
mod normalisers;
mod positions;
mod probabilities;
mod products;
mod selections;
mod shelf;
mod streams;
mod summary;
mod tables;

pub use content::{Branch, Change, Computed, Content, ContentEntry, Fold, Measure};
pub use entry::{
    CostClass, Lang, Least, Lookup, MaskEntry, NormaliserEntry, NormaliserKind, Paper, Param, PositionEntry, Reach,
    Rotary, Setting, Slot, Table, Text,
};
pub use estimators::{Direction, EstimatorEntry, Family};
pub use hybrids::ATTENTION;
pub use inputs::{RecipeEntry, recipes};
pub use layouts::{End, LayoutEntry};
pub use list::List;
pub use math::NOTATION;
pub use mixes::MixEntry;
pub use positions::{PositionLine, position_line, position_lines};
pub use probabilities::ProbabilityEntry;
pub use shelf::{
    complete, estimators, hybrids, is_whole, layouts, masks, mixes, normalisers, opening, positions, probabilities,
    products, selections,
};
pub use streams::{StreamEntry, streams};
pub use summary::{Summary, every_entry, summaries};

/// The mask entry with this id.
pub fn mask(id: &str) -> Option<&'static MaskEntry> {
    masks().iter().find(|entry| entry.id == id)
}

/// The table of this name that users may edit, and that formulas of their own may read.
pub fn editable_table(name: &str) -> Option<&'static Table> {
    editable_tables().find(|table| table.name == name)
}

/// The table of this name, whether users may edit it or not.
pub fn table(name: &str) -> Option<&'static Table> {
    tables().find(|table| table.name == name)
}

/// How formulas usually read the table of this name, between the brackets: `h` for a number per head, `k` for one per token.
pub fn index_of(name: &str) -> Option<&'static str> {
    table(name).map(|table| table.index)
}

/// Every table that users may edit.
pub fn editable_tables() -> impl Iterator<Item = &'static Table> {
    tables().filter(|table| table.editable)
}

/// Every table that formulas may read. Entries that share a name share the meaning, so each name comes once.
pub fn tables() -> impl Iterator<Item = &'static Table> {
    let of_masks = masks().iter().flat_map(|entry| entry.tables);
    let of_positions = positions().iter().flat_map(|entry| match entry.slot {
        Slot::Score { tables, .. } => tables,
        _ => &[],
    });
    let of_layouts = layouts().iter().flat_map(|entry| entry.tables);
    let of_normalisers = normalisers().iter().flat_map(|entry| entry.tables);
    let mut seen = Vec::new();
    of_masks.chain(of_positions).chain(of_layouts).chain(of_normalisers).filter(move |table| {
        let new = !seen.contains(&table.name);
        if new {
            seen.push(table.name);
        }
        new
    })
}

/// The product entry with this id.
pub fn product(id: &str) -> Option<&'static ContentEntry> {
    products().iter().find(|entry| entry.id == id)
}

/// The hybrid with this id.
pub fn hybrid(id: &str) -> Option<&'static ContentEntry> {
    hybrids().iter().find(|entry| entry.id == id)
}

/// What the first branch of a hybrid may be: attention as it is set, and every estimator.
pub fn first_branches() -> impl Iterator<Item = &'static str> + Clone {
    std::iter::once(ATTENTION).chain(estimators().iter().map(|entry| entry.id))
}

/// Parameters of what the first branch of a hybrid may be.
pub fn first_branch(id: &str) -> Option<&'static [Param]> {
    if id == ATTENTION { Some(&[]) } else { estimator(id).map(|entry| entry.params) }
}

/// What the second branch of a hybrid may be: every mask and every estimator, which share no id.
pub fn branches() -> impl Iterator<Item = &'static str> + Clone {
    masks().iter().map(|entry| entry.id).chain(estimators().iter().map(|entry| entry.id))
}

/// Parameters of the mask or estimator with this id.
pub fn branch(id: &str) -> Option<&'static [Param]> {
    mask(id).map(|entry| entry.params).or_else(|| estimator(id).map(|entry| entry.params))
}

/// The layout of heads with this id.
pub fn layout(id: &str) -> Option<&'static LayoutEntry> {
    layouts().iter().find(|entry| entry.id == id)
}

/// The selection entry with this id.
pub fn selection(id: &str) -> Option<&'static ContentEntry> {
    selections().iter().find(|entry| entry.id == id)
}

/// The generator with this id.
pub fn recipe(id: &str) -> Option<&'static RecipeEntry> {
    recipes().iter().find(|entry| entry.id == id)
}

/// The way to join two streams with this id.
pub fn stream(id: &str) -> Option<&'static StreamEntry> {
    streams().iter().find(|entry| entry.id == id)
}

/// The position entry with this id.
pub fn position(id: &str) -> Option<&'static PositionEntry> {
    positions().iter().find(|entry| entry.id == id)
}

/// The normaliser entry with this id.
pub fn normaliser(id: &str) -> Option<&'static NormaliserEntry> {
    normalisers().iter().find(|entry| entry.id == id)
}

/// The estimator with this id.
pub fn estimator(id: &str) -> Option<&'static EstimatorEntry> {
    estimators().iter().find(|entry| entry.id == id)
}

/// The change of the weights with this id.
pub fn probability(id: &str) -> Option<&'static ProbabilityEntry> {
    probabilities().iter().find(|entry| entry.id == id)
}

/// The mix of layers with this id.
pub fn mix(id: &str) -> Option<&'static MixEntry> {
    mixes().iter().find(|entry| entry.id == id)
}

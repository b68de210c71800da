//! Tables that a formula reads, by token or by head, to be edited number by number.
#![allow(improper_ctypes_definitions, reason = "both sides of a cut are this one compilation")]

use leptos::prelude::*;
use wasm_split_helpers::{SplitLoaderError, wasm_split};

use super::formulas::{declared_values, plain, tables_in, values_of};
use super::layout::Layout;
use super::numbers::NumberList;
use super::own::Own;
use super::params::Owner;
use crate::app::controls::{IssueLine, Show, number, typed};
use crate::app::i18n::{self, t};
use crate::app::piece::piece;
use crate::app::reactive::Signal;
use crate::app::state::{Lab, lab};
use crate::app::view::{handler, view};
use crate::catalogue::{self, Table};
use crate::experiment::Experiment;
use crate::formula::{Sorted, Ty};

/// Most numbers that are shown as fields of their own; longer rows are text.
const FIELDS: usize = 64;

/// A table as it is used now.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Now {
    /// Extents.
    pub shape: Vec<usize>,
    /// Row-major.
    pub values: Vec<f64>,
    /// Whether the user changed it.
    pub changed: bool,
}

/// Where a table's parameters come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reader {
    /// An entry of the catalogue.
    Entry(Owner),
    /// A formula of the user's own.
    Own(Own),
}

impl Reader {
    fn tables(self, e: &Experiment) -> Vec<&'static Table> {
        match self {
            Self::Entry(owner) => owner.declares(e).1.into_iter().filter(|t| t.editable).collect(),
            Self::Own(own) => own.get(e).map(|f| tables_in(&f.text)).unwrap_or_default(),
        }
    }

    fn params(self, e: &Experiment) -> Sorted<String, f64> {
        match self {
            Self::Entry(owner) => values_of(owner.declares(e).0, owner.given(e)),
            Self::Own(own) => own.get(e).map(|f| declared_values(&f.params)).unwrap_or_default(),
        }
    }
}

/// Everyone whose tables the page shows.
fn readers(e: &Experiment) -> impl Iterator<Item = Reader> {
    let owners = [Owner::Mask, Owner::Position, Owner::Layout, Owner::Normaliser];
    let branch = (e.hybrid.id != "none").then_some(Owner::Branch);
    let joined = 0..e.combine.len();
    let owners = owners.into_iter().chain(branch).chain(joined.clone().map(Owner::Joined)).map(Reader::Entry);
    owners.chain([Own::Mask, Own::Score, Own::Prob].into_iter().chain(joined.map(Own::Joined)).map(Reader::Own))
}

/// Every table that the reader's formula names and users may edit.
#[component]
pub fn Tables(
    /// Who reads them.
    reader: Reader,
) -> impl IntoView {
    let lab = lab();
    let names =
        Signal::memo(move || lab.experiment.with(|e| reader.tables(e).iter().map(|t| t.name).collect::<Vec<_>>()));
    view! {
        {move || names.get().into_iter().filter_map(catalogue::editable_table).map(|table| piece(|| Box::pin(editor()), move |editor| editor(reader, table))).collect_view()}
    }
}

type Editor = fn(Reader, &'static Table) -> AnyView;

#[wasm_split(later, fallible)]
fn editor() -> Result<Editor, SplitLoaderError> {
    Ok(|reader, table| view! { <TableView reader=reader table=table /> })
}

#[component]
fn TableView(reader: Reader, table: &'static Table) -> impl IntoView {
    let lab = lab();
    let now = Signal::memo(move || {
        let Some(dims) = lab.loaded.with(|l| l.as_ref().map(|l| l.dims)) else { return Now::default() };
        lab.experiment.with(|e| {
            let data = super::formulas::table(table, &dims, &reader.params(e), e.seed, &e.data);
            Now { shape: data.shape.clone(), values: plain(&data.values), changed: e.data.contains_key(table.name) }
        })
    });
    // More than one reader: what is edited at one is edited for all.
    let shared = Signal::memo(move || {
        lab.experiment
            .with(|e| readers(e).filter(|reader| reader.tables(e).iter().any(|t| t.name == table.name)).count() > 1)
    });
    let reset = move |_| {
        lab.edit(&format!("data.{}", table.name), |e| {
            e.data.remove(table.name);
        })
    };
    let lang = lab.lang;
    view! {
        <div class="table">
            <p class="table__name">
                <code>{table.name}</code>" "{t(table.label.en, table.label.zh)}
                <Show when=Signal::derive(move || now.with(|n| n.changed))>
                    <button type="button" class="quiet-button" on:click=handler(reset) aria-label=move || format!("{}: {}", table.name, i18n::now(lang.get(), "back to the catalogue's", "恢复默认"))>{t("Reset", "恢复")}</button>
                </Show>
            </p>
            {if table.rank == 3 && table.ty == Ty::Bool {
                view! { <Layout name=table.name now=now /> }
            } else {
                view! { <Strip table=table now=now /> }
            }}
            <Show when=shared>
                <p class="note">{t("One table for every pattern that reads it.", "读取该表的所有模式共用同一张表。")}</p>
            </Show>
            <IssueLine path=format!("data.{}", table.name) />
        </div>
    }
}

/// Replaces entries `from..` of a table by `new`.
pub fn put(lab: Lab, name: &str, now: Signal<Now>, from: usize, new: &[f64]) {
    let mut values = now.with_untracked(|n| n.values.clone());
    if let Some(part) = values.get_mut(from..from + new.len()) {
        part.copy_from_slice(new);
        lab.edit(&format!("data.{name}"), |e| {
            e.data.insert(name.to_owned(), values);
        });
    }
}

/// One row of numbers: the whole table, or the chosen head's part of it.
#[component]
fn Strip(table: &'static Table, now: Signal<Now>) -> impl IntoView {
    let lab = lab();
    let head = Signal::memo(move || lab.experiment.with(|e| e.view.head));
    // Start and length of the row in the table.
    let row = Signal::memo(move || {
        now.with(|n| match n.shape[..] {
            [length] => (0, length),
            [heads, length] => (head.get().min(heads.saturating_sub(1)) * length, length),
            _ => (0, 0),
        })
    });
    let label = move |index: usize, length: usize| {
        lab.loaded.with(|l| {
            let tokens =
                l.as_ref().filter(|l| table.rank == 1 && l.tokens_k.len() == length && l.dims.q_heads != length);
            tokens.and_then(|l| l.tokens_k.get(index).cloned()).unwrap_or_else(|| index.to_string())
        })
    };
    view! {
        <div class="numbers" role="group" aria-label=t(table.label.en, table.label.zh)>
            {move || {
                let (start, length) = row.get();
                if length > FIELDS {
                    return view! { <Long table=table now=now row=row /> };
                }
                (0..length).map(|i| {
                    let value = Signal::memo(move || now.with(|n| n.values.get(start + i).copied().unwrap_or(0.0)));
                    let name = label(i, length);
                    let spoken = format!("{} {name}", table.name);
                    view! {
                        <label>
                            <span>{name}</span>
                            <input
                                type="number"
                                aria-label=spoken
                                step=if table.ty == Ty::Float { "any" } else { "1" }
                                prop:value=move || number(value.get())
                                on:change=handler(move |event| {
                                    if let Some(x) = typed(&event_target_value(&event)) {
                                        put(lab, table.name, now, start + i, &[if table.ty == Ty::Float { x } else { x.round() }]);
                                    }
                                    event_target::<web_sys::HtmlInputElement>(&event).set_value(&number(value.get_untracked()));
                                })
                            />
                        </label>
                    }
                }).collect_view().into_any()
            }}
        </div>
    }
}

/// A row too long for fields: its numbers as text.
#[component]
fn Long(table: &'static Table, now: Signal<Now>, row: Signal<(usize, usize)>) -> impl IntoView {
    let lab = lab();
    let numbers = Signal::memo(move || {
        let (start, length) = row.get();
        now.with(|n| n.values.iter().skip(start).take(length).copied().collect::<Vec<_>>())
    });
    let set = Callback::new(move |numbers: Vec<f64>| put(lab, table.name, now, row.get_untracked().0, &numbers));
    view! { <NumberList label=table.label numbers=numbers on_numbers=set /> }
}

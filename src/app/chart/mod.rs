//! Charts on the page: the picture that `analysis::plot` lays out, with keys, a tooltip, a legend that switches, the numbers as a table, and files.
//!
//! Everything here is in pieces that the first view does not load: what is on the page from the beginning asks for it by a press.
//!
//! | file | what it holds |
//! |---|---|
//! | `plot` | the chart: picture, keys, pointer |
//! | `tip` | what is read, as a box beside the point and as a sentence |
//! | `legend` | its series, switched on and off |
//! | `tools` | what could not be drawn; the table; files |
//! | `history`, `products` | what the page shows small from the beginning, as charts: the times of the last runs, the products of a cell |
#![allow(improper_ctypes_definitions, reason = "both sides of a cut are this one compilation")]

mod history;
mod legend;
mod plot;
mod products;
mod tip;
mod tools;

pub use plot::{Plot, Reading};

use leptos::prelude::*;
use wasm_split_helpers::{SplitLoaderError, wasm_split};

use crate::app::i18n::t;
use crate::app::piece::{Fetch, piece};
use crate::app::reactive::RwSignal;
use crate::app::view::{handler, view};

/// The times of the last runs, behind a button.
#[component]
pub fn History() -> impl IntoView {
    view! { <Behind en="Times as a chart" zh="用时图表" fetch=|| Box::pin(history()) /> }
}

#[wasm_split(later, fallible)]
fn history() -> Result<Draw, SplitLoaderError> {
    Ok(history::times)
}

/// The products that make the chosen cell, behind a button.
#[component]
pub fn Products() -> impl IntoView {
    view! { <Behind en="Products as a chart" zh="乘积图表" fetch=|| Box::pin(products()) /> }
}

#[wasm_split(later, fallible)]
fn products() -> Result<Draw, SplitLoaderError> {
    Ok(products::products)
}

/// What draws a chart, once its piece is here.
type Draw = fn() -> AnyView;

/// A button, and in its place the chart once it is pressed.
#[component]
fn Behind(en: &'static str, zh: &'static str, fetch: fn() -> Fetch<Draw>) -> impl IntoView {
    let asked = RwSignal::new(false);
    view! {
        {move || if asked.get() {
            piece(fetch, |chart| chart())
        } else {
            view! { <button type="button" class="quiet-button" on:click=handler(move |_| asked.set(true))>{t(en, zh)}</button> }
        }}
    }
}

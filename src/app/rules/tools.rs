//! What can be done with patterns beyond choosing one: joining more, looking through the whole catalogue, looking at each layer by itself. The
//! buttons are here; everything behind them is a piece of the program, fetched when one is pressed or a link brings layers along.
#![allow(improper_ctypes_definitions, reason = "both sides of a cut are this one compilation")]

use leptos::prelude::*;
use wasm_split_helpers::{SplitLoaderError, wasm_split};

use super::{combine, reorder, strip};
use crate::app::browse;
use crate::app::i18n::t;
use crate::app::piece::piece;
use crate::app::reactive::{RwSignal, Signal};
use crate::app::state::lab;
use crate::app::view::{handler, view};
use crate::app::whole;

/// What is open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Open {
    /// Nothing.
    Nothing,
    /// The catalogue, for a pattern to join with the mask.
    Add,
    /// The catalogue, for another pattern in the chosen head.
    Head,
    /// The catalogue.
    Catalogue,
    /// The layers, each by itself.
    Layers,
    /// The tokens in another order.
    Reorder,
}

/// The buttons, and what they open.
#[component]
pub fn Tools() -> impl IntoView {
    let lab = lab();
    let open = RwSignal::new(Open::Nothing);
    let wanted = Signal::memo(move || open.get() != Open::Nothing || lab.experiment.with(|e| !e.combine.is_empty()));
    let buttons = [
        (Open::Add, "Add a pattern", "添加模式"),
        (Open::Head, "This head only", "仅此头"),
        (Open::Catalogue, "Browse all", "浏览目录"),
        (Open::Layers, "Show layers", "分层查看"),
        (Open::Reorder, "Reorder tokens", "重排词元"),
    ];
    view! {
        <div class="edits edits--tools">
            {buttons.map(|(which, en, zh)| view! {
                <button type="button" class="quiet-button" on:click=handler(move |_| open.set(which))>{t(en, zh)}</button>
            })}
        </div>
        {move || wanted.get().then(|| piece(|| Box::pin(fetch()), move |tools| tools(open)))}
    }
}

type Behind = fn(RwSignal<Open>) -> AnyView;

async fn fetch() -> Result<Behind, SplitLoaderError> {
    whole::before_mount().await?;
    behind().await
}

#[wasm_split(later, fallible)]
fn behind() -> Result<Behind, SplitLoaderError> {
    Ok(|open| {
        // The whole catalogue came with this piece: the menus may know.
        let lab = lab();
        if !lab.whole.get_untracked() {
            lab.whole.set(true);
        }
        view! {
            <combine::Layers />
            {move || match open.get() {
                Open::Nothing => ().into_any(),
                Open::Layers => view! { <strip::Strip open=open /> },
                Open::Reorder => view! { <reorder::Reorder open=open /> },
                which => view! { <browse::Sheet which=which open=open /> },
            }}
        }
    })
}

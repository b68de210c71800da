//! The gradients of the result, by token and by every number that the experiment declares.
//!
//! Everything but the button is a piece of the program that is fetched when it is pressed; nothing is computed before.
//!
//! | file | what it holds |
//! |---|---|
//! | `card` | strips and numbers |
//! | `ask` | from the experiment to the workers |
#![allow(improper_ctypes_definitions, reason = "both sides of a cut are this one compilation")]

mod ask;
mod card;

use leptos::prelude::*;
use wasm_split_helpers::{SplitLoaderError, wasm_split};

use super::i18n::t;
use super::piece::piece;
use super::reactive::RwSignal;
use super::view::{handler, view};
use super::whole;

/// The button, or what it opens.
#[component]
pub fn Gradients() -> impl IntoView {
    let opened = RwSignal::new(false);
    view! {
        {move || {
            if opened.get() {
                piece(|| Box::pin(fetch()), move |card| card(opened))
            } else {
                view! { <button type="button" class="quiet-button" on:click=handler(move |_| opened.set(true))>{t("Gradients", "梯度")}</button> }
            }
        }}
    }
}

/// What draws them; what it is told is whether they are open.
type Draw = fn(RwSignal<bool>) -> AnyView;

/// The view, and the code of entries that only it may need.
async fn fetch() -> Result<Draw, SplitLoaderError> {
    whole::before_mount().await?;
    card().await
}

#[wasm_split(later, fallible)]
fn card() -> Result<Draw, SplitLoaderError> {
    Ok(|opened| view! { <card::Body opened=opened /> })
}

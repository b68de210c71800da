//! The rest of the catalogue: a piece of the program, fetched when somebody looks for more, begins to edit, follows a link or uses the JavaScript API.
#![allow(improper_ctypes_definitions, reason = "both sides of a cut are this one compilation")]

use leptos::prelude::*;
use leptos::task::spawn_local;
use wasm_split_helpers::{SplitLoaderError, wasm_split};

use super::controls::Show;
use super::i18n::t;
use super::reactive::{RwSignal, Signal, effect};
use super::state::{Lab, lab};
use super::view::{handler, view};
use crate::catalogue;

/// Brings in the whole catalogue, once, and tells the menus.
///
/// # Errors
/// When the piece does not arrive; asking again tries again.
pub async fn fetch(lab: Lab) -> Result<(), SplitLoaderError> {
    before_mount().await?;
    if !lab.whole.get_untracked() {
        lab.whole.set(true);
    }
    Ok(())
}

/// The same where there is no page yet.
///
/// # Errors
/// When the piece does not arrive.
pub async fn before_mount() -> Result<(), SplitLoaderError> {
    if catalogue::is_whole() { Ok(()) } else { complete().await }
}

#[wasm_split(catalogue, fallible)]
fn complete() -> Result<(), SplitLoaderError> {
    catalogue::complete();
    crate::attention::combine::install();
    crate::attention::late::install();
    crate::attention::lowering::install();
    Ok(())
}

/// How many entries a menu shows: as many as it begins with, `first`, until it is expanded or a later one is chosen elsewhere, by a link or a program.
pub fn shown(expanded: RwSignal<bool>, first: usize, place: impl Fn() -> Option<usize> + 'static) -> Signal<usize> {
    let lab = lab();
    effect(move || {
        lab.whole.track();
        if place().is_some_and(|at| at >= first) && !expanded.get_untracked() {
            expanded.set(true);
        }
    });
    Signal::memo(move || {
        lab.whole.track();
        if expanded.get() { usize::MAX } else { first }
    })
}

/// The button under a menu that shows a part of the catalogue.
#[component]
pub fn More(
    /// Whether all of it is shown.
    expanded: RwSignal<bool>,
    /// What there is more of.
    en: &'static str,
    /// In Chinese.
    zh: &'static str,
) -> impl IntoView {
    let lab = lab();
    let missing = RwSignal::new(false);
    let more = move |_| {
        missing.set(false);
        spawn_local(async move {
            match fetch(lab).await {
                Ok(()) => expanded.try_set(true),
                Err(_) => missing.try_set(true),
            };
        });
    };
    view! {
        <Show when=Signal::derive(move || !expanded.get())>
            <button type="button" class="quiet-button more-entries" on:click=handler(more)>{t(en, zh)}</button>
        </Show>
        <Show when=missing>
            <p class="issue" role="alert">{t("This part of the page did not arrive.", "页面的这一部分未能加载。")}</p>
        </Show>
    }
}

//! Cells and rectangles switched by hand: how many, which, and the way back. The list is a piece of the program: the page opens without any.
#![allow(improper_ctypes_definitions, reason = "both sides of a cut are this one compilation")]

use leptos::prelude::*;
use wasm_split_helpers::{SplitLoaderError, wasm_split};

use crate::app::controls::{IssueLine, Show};
use crate::app::i18n::{self, t};
use crate::app::piece::piece;
use crate::app::reactive::Signal;
use crate::app::state::{Lab, lab};
use crate::app::view::{handler, view};
use crate::catalogue::Lang;
use crate::experiment::Patch;

/// Most rectangles that are listed one by one.
const LISTED: usize = 12;

/// The rectangles, newest first; nothing while there are none.
#[component]
pub fn Painted() -> impl IntoView {
    let lab = lab();
    let any = Signal::memo(move || lab.experiment.with(|e| !e.paint.is_empty()));
    view! { <Show when=any>{piece(|| Box::pin(list()), |list| list())}</Show> }
}

#[wasm_split(later, fallible)]
fn list() -> Result<fn() -> AnyView, SplitLoaderError> {
    Ok(|| view! { <List /> })
}

#[component]
fn List() -> impl IntoView {
    let lab = lab();
    let paint = Signal::memo(move || lab.experiment.with(|e| e.paint.clone()));
    let summary = Signal::derive(move || {
        let n = paint.with(Vec::len);
        match lab.lang.get() {
            Lang::En if n == 1 => "1 place painted by hand".to_owned(),
            Lang::En => format!("{n} places painted by hand"),
            Lang::Zh => format!("手工涂画 {n} 处"),
        }
    });
    view! {
        <div class="painted">
            <div class="edits">
                <span>{summary}</span>
                <button type="button" class="quiet-button" on:click=handler(move |_| lab.edit("paint.clear", |e| e.paint.clear()))>{t("Clear paint", "清除涂画")}</button>
            </div>
            <ul>
                {move || paint.get().into_iter().enumerate().rev().take(LISTED).map(|(index, patch)| {
                    let text = describe(lab, &patch);
                    let label = format!("{}: {text}", i18n::now(lab.lang.get(), "Remove", "移除"));
                    view! {
                        <li>
                            <span class:allowed=patch.allow class="painted__state" aria-hidden="true"></span>
                            {text}
                            <button type="button" class="quiet-button" aria-label=label on:click=handler(move |_| remove(lab, index))>"×"</button>
                        </li>
                    }
                }).collect_view()}
            </ul>
            <p class="note" hidden=move || paint.with(|p| p.len() <= LISTED)>
                {move || match lab.lang.get() {
                    Lang::En => format!("and {} older ones", paint.with(|p| p.len().saturating_sub(LISTED))),
                    Lang::Zh => format!("另有 {} 处较早的", paint.with(|p| p.len().saturating_sub(LISTED))),
                }}
            </p>
            <IssueLine path="paint" />
        </div>
    }
}

fn remove(lab: Lab, index: usize) {
    lab.edit("paint.remove", |e| {
        if index < e.paint.len() {
            e.paint.remove(index);
        }
    });
}

/// "it → animal: allowed", or the ranges of a larger rectangle.
fn describe(lab: Lab, patch: &Patch) -> String {
    let lang = lab.lang.get();
    let name = |[from, to]: [usize; 2], keys: bool| {
        if to != from + 1 {
            return format!("{from}–{}", to.saturating_sub(1));
        }
        lab.tokens(keys).get(from).cloned().unwrap_or_else(|| from.to_string())
    };
    let state = if patch.allow { i18n::now(lang, "allowed", "允许") } else { i18n::now(lang, "masked", "屏蔽") };
    let head = patch.head.map_or_else(String::new, |h| format!(" ({} {})", i18n::now(lang, "head", "头"), h + 1));
    format!("{} → {}: {state}{head}", name(patch.q, false), name(patch.k, true))
}

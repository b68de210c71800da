//! The words of the input as chips: hovering shows a query or key everywhere, a click chooses it.

use std::cell::Cell;

use leptos::html::Div;
use leptos::prelude::*;
use wasm_bindgen::JsCast;
use web_sys::{KeyboardEvent, MouseEvent};

use crate::app::controls::{Show, rove};
use crate::app::element::NodeRef;
use crate::app::i18n::{self, t};
use crate::app::reactive::{Signal, effect};
use crate::app::state::{Lab, lab};
use crate::app::view::{handler, view};

/// Which axis a row of chips stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Axis {
    Query,
    Key,
}

/// The words of the input: one row of chips where queries and keys are the same words, else one for each.
#[component]
pub fn Tokens() -> impl IntoView {
    let lab = lab();
    let tokens = Signal::memo(move || {
        lab.loaded.with(|l| l.as_ref().map_or_else(Default::default, |l| (l.tokens_q.clone(), l.tokens_k.clone())))
    });
    let same = Signal::memo(move || tokens.with(|(q, k)| q == k));
    view! {
        <Show when=Signal::derive(move || !same.get())>
            <p class="above">{t("Queries", "查询")}</p>
        </Show>
        <Chips axis=Axis::Query both=same words=Signal::derive(move || tokens.with(|(q, _)| q.clone())) />
        <Show when=Signal::derive(move || !same.get())>
            <p class="above">{t("Keys", "键")}</p>
            <Chips axis=Axis::Key both=same words=Signal::derive(move || tokens.with(|(_, k)| k.clone())) />
        </Show>
        <p class="note tokens__hint" hidden=move || tokens.with(|(q, _)| q.is_empty())>
            {move || {
                let lang = lab.lang.get();
                if same.get() { i18n::now(lang, "Click: query. Shift-click: key.", "点击选查询，Shift + 点击选键。") } else { "" }
            }}
        </p>
    }
}

/// A row of chips. Tab reaches the chosen one, arrow keys move on; with Shift they move the key instead of the query.
#[component]
fn Chips(
    /// What a plain click chooses.
    axis: Axis,
    /// Whether the chips stand for queries and keys at once.
    both: Signal<bool>,
    /// The words.
    words: Signal<Vec<String>>,
) -> impl IntoView {
    let lab = lab();
    let cell = Signal::memo(move || lab.cell());
    let marks = Signal::memo(move || {
        let (query, key) = cell.get();
        match axis {
            Axis::Query => [query, if both.get() { key } else { usize::MAX }],
            Axis::Key => [key, usize::MAX],
        }
    });
    let row = NodeRef::<Div>::new();
    let before = Cell::new([usize::MAX; 2]);
    // A hover changes two chips of what may be thousands: they are marked here, not asked one by one.
    effect(move || {
        let (Some(row), now) = (row.get(), marks.get()) else { return };
        for index in before.replace(now).into_iter().chain(now) {
            mark(&row, index, now);
        }
    });
    let as_key = move |shift: bool| axis == Axis::Key || (shift && both.get_untracked());
    let on_key = move |event: KeyboardEvent| {
        if let Some(index) = rove(&event, "option") {
            choose(lab, as_key(event.shift_key()), index);
        }
    };
    let label = move || match axis {
        Axis::Query => t("Tokens: choose the query", "词元：选择查询")(),
        Axis::Key => t("Tokens: choose the key", "词元：选择键")(),
    };
    let colour = match axis {
        Axis::Query => "q",
        Axis::Key => "k",
    };
    view! {
        <div node_ref=row class="tokens" role="listbox" aria-label=label data-axis=colour on:keydown=handler(on_key) on:pointerleave=handler(move |_| lab.hover.set(None))>
            {move || {
                let words = words.get();
                let [on, on_key] = marks.get_untracked();
                words.into_iter().enumerate().map(|(index, word)| {
                    view! {
                        <button
                            type="button"
                            role="option"
                            tabindex=if on == index { "0" } else { "-1" }
                            aria-selected=(on == index).to_string()
                            class:on=on == index
                            class:on-key=on_key == index
                            on:pointerenter=handler(move |_| hover(lab, as_key(false), index))
                            on:click=handler(move |event: MouseEvent| choose(lab, as_key(event.shift_key()), index))
                        >
                            {word}
                        </button>
                    }
                }).collect_view()
            }}
        </div>
    }
}

/// Shows whether the chip at a place is the chosen one, or the chosen key beside it.
fn mark(row: &web_sys::Node, index: usize, [on, on_key]: [usize; 2]) {
    let chip = u32::try_from(index).ok().and_then(|index| row.child_nodes().item(index));
    let Some(chip) = chip.and_then(|chip| chip.dyn_into::<web_sys::Element>().ok()) else { return };
    // Names and classes are valid, so that none of these can fail.
    let _ = chip.set_attribute("tabindex", if on == index { "0" } else { "-1" });
    let _ = chip.set_attribute("aria-selected", if on == index { "true" } else { "false" });
    for (class, is) in [("on", on == index), ("on-key", on_key == index)] {
        let _ = chip.class_list().toggle_with_force(class, is);
    }
}

/// The chosen cell with its query or key replaced.
fn with_place((query, key): (usize, usize), as_key: bool, index: usize) -> (usize, usize) {
    if as_key { (query, index) } else { (index, key) }
}

fn hover(lab: Lab, as_key: bool, index: usize) {
    let chosen = lab.experiment.with_untracked(|e| (e.view.query, e.view.key));
    lab.hover.set(Some(with_place(chosen, as_key, index)));
}

fn choose(lab: Lab, as_key: bool, index: usize) {
    lab.hover.set(None);
    lab.show(|view| (view.query, view.key) = with_place((view.query, view.key), as_key, index));
}

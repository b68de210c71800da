//! Patterns chosen by their picture.

use leptos::html::Canvas;
use leptos::prelude::*;

use super::formulas::picture;
use crate::app::clock::in_turns;
use crate::app::controls::{paint, rove, words_of};
use crate::app::element::NodeRef;
use crate::app::i18n::t;
use crate::app::palette::Palette;
use crate::app::reactive::{RwSignal, Signal, effect};
use crate::app::view::{handler, view};
use crate::app::whole::{More, shown};
use crate::catalogue::{self, MaskEntry};

/// Tokens along each side of a picture.
const SIDE: usize = 20;

/// One picture for each mask of the catalogue, as a radio group.
#[component]
pub fn Thumbs(
    /// Id of the chosen entry.
    chosen: Signal<String>,
    /// Called with the id of another.
    on_choose: Callback<String>,
) -> impl IntoView {
    let expanded = RwSignal::new(false);
    let shown = shown(expanded, catalogue::opening()[0], move || {
        chosen.with(|id| catalogue::masks().iter().position(|entry| entry.id == id))
    });
    let on_key = move |event: web_sys::KeyboardEvent| {
        if let Some(entry) = rove(&event, "radio").and_then(|i| catalogue::masks().get(i)) {
            on_choose.run(entry.id.to_owned());
        }
    };
    // A formula of the user's own is none of these, and something must be in the tab order.
    let known = Signal::memo(move || chosen.with(|id| catalogue::mask(id).is_some()));
    let thumb = move |(index, entry): (usize, &'static MaskEntry)| {
        let on = Signal::memo(move || chosen.with(|id| id == entry.id));
        let in_tab_order = move || on.get() || (index == 0 && !known.get());
        view! {
            <button
                type="button"
                role="radio"
                aria-checked=move || on.get().to_string()
                tabindex=move || if in_tab_order() { "0" } else { "-1" }
                title=words_of(entry.about)
                on:click=handler(move |_| on_choose.run(entry.id.to_owned()))
            >
                <Thumb entry=entry />
                <span>{t(entry.name.en, entry.name.zh)}</span>
            </button>
        }
    };
    view! {
        <div class="thumbs" role="radiogroup" aria-label=t("Mask", "掩码") on:keydown=handler(on_key)>
            {move || catalogue::masks().iter().enumerate().take(shown.get()).map(thumb).collect_view()}
        </div>
        <More expanded=expanded en="More patterns" zh="更多模式" />
    }
}

/// The picture of one mask, painted from its formula.
#[component]
pub fn Thumb(
    /// The mask.
    entry: &'static MaskEntry,
) -> impl IntoView {
    let canvas = NodeRef::<Canvas>::new();
    let cells = RwSignal::new(None);
    // Compiling and evaluating a formula takes milliseconds, and some views have dozens.
    in_turns(move || cells.try_set(picture(entry, SIDE)));
    effect(move || {
        let (Some(canvas), palette) = (canvas.get(), Palette::current()) else { return };
        let allowed = palette.sequential(0.68);
        cells.with(|cells| {
            if let Some(cells) = cells {
                // A lost canvas is painted again when the theme changes.
                let _ = paint(&canvas, SIDE, SIDE, |q, k| cells[q * SIDE + k].then_some(allowed));
            }
        });
    });
    view! { <canvas node_ref=canvas aria-hidden="true"></canvas> }
}

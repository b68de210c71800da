//! The page's frame: header, four columns, help, messages, keys, theme.

mod drops;
mod header;
mod help;
mod keys;
mod measure;
mod notices;
mod theme;
mod tour;

pub use drops::guard as guard_drops;
pub use header::{Logo, StatusView, what};
pub use keys::listen as listen_to_keys;
pub use measure::element_width;
pub use notices::Notices;
pub use theme::follow as follow_theme;

use std::time::Duration;

use leptos::prelude::*;
use leptos::task::spawn_local;

use super::gallery::Gallery;
use super::i18n::t;
use super::inputs::{MatricesCard, SourceCard};
use super::map::{AllHeads, AttentionColumn};
use super::result::{CellResult, WholeResult};
use super::rules::{MaskCard, OtherRules, ScoreRules};
use super::state::{Lab, Status};
use super::{clock, embed, runner, url};
use crate::app::controls::Show;
use crate::app::reactive::{RwSignal, Signal, effect};
use crate::app::view::{handler, view};
use crate::engine::pool::Pool;
use crate::experiment::Opened;

/// Where `style/layout.css` shows one part of the page at a time.
const SMALL: &str = "(max-width: 47.9375rem)";

/// On a small screen one of these lies under the map.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sheet {
    Map,
    Inputs,
    Rules,
    Result,
}

impl Sheet {
    const ALL: [(Self, &'static str, &'static str); 4] = [
        (Self::Map, "Map", "注意力图"),
        (Self::Inputs, "Inputs", "输入"),
        (Self::Rules, "Rules", "规则"),
        (Self::Result, "Result", "结果"),
    ];

    fn id(self) -> &'static str {
        match self {
            Self::Map => "map",
            Self::Inputs => "inputs",
            Self::Rules => "rules",
            Self::Result => "result",
        }
    }
}

/// The state of the page, with what its address opened, over a pool of workers. It belongs to the owner that is current.
pub fn start(opened: Option<Opened>, pool: Pool) -> Lab {
    let lab = Lab::new(crate::experiment::Experiment::default());
    provide_context(lab);
    theme::follow(lab);
    url::start(lab, opened);
    runner::share(lab, &pool);
    let owner = Owner::current().unwrap_or_default();
    clock::after_effects(move || owner.with(|| runner::follow(lab, pool)));
    if url::framed() {
        spawn_local(embed::speak(lab));
    }
    lab
}

/// The whole page.
pub fn app(lab: Lab) -> impl IntoView {
    let help = RwSignal::new(false);
    let gallery = RwSignal::new(false);
    keys::listen(lab, help);
    drops::guard(Some(lab));

    let sheet = RwSignal::new(Sheet::Map);
    let turn = RwSignal::new(0);
    take_turns(lab, turn, sheet);
    let columns = Signal::memo(move || turn.get() >= Turn::Columns as u32);
    view! {
        <header::Header help=help gallery=gallery />
        <notices::Notices />
        <Show when=columns><Columns lab=lab turn=turn gallery=gallery sheet=sheet /></Show>
        <help::Help open=help />
    }
}

/// The columns, each with what its turns have mounted, and what chooses one of them on a small screen.
#[component]
fn Columns(
    lab: Lab,
    /// The turn that was reached.
    turn: RwSignal<u32>,
    /// Whether the gallery is open.
    gallery: RwSignal<bool>,
    /// What lies under the map on a small screen.
    sheet: RwSignal<Sheet>,
) -> impl IntoView {
    let reached = move |wanted: Turn| Signal::memo(move || turn.get() >= wanted as u32);
    view! {
        <main class="columns" class:opening=move || lab.outcome.with(Option::is_none) data-sheet=move || sheet.get().id()>
            <section class="column column--inputs" aria-labelledby="h-inputs">
                <h2 id="h-inputs">{t("Inputs", "输入")} <small>{t("what attends to what", "谁关注谁")}</small></h2>
                <Show when=reached(Turn::Source)><SourceCard /></Show>
                <Show when=reached(Turn::Matrices)><MatricesCard /></Show>
            </section>
            <section class="column column--rules" aria-labelledby="h-rules">
                <h2 id="h-rules">{t("Rules", "规则")} <small>{t("who may, and how strongly", "谁可以看，看多重")}</small></h2>
                <Show when=reached(Turn::Mask)><MaskCard /></Show>
                <Show when=reached(Turn::Scores)><ScoreRules /></Show>
                <Show when=reached(Turn::OtherRules)><OtherRules /></Show>
            </section>
            <section class="column column--attention" aria-labelledby="h-attention">
                <Gallery open=gallery />
                <Show when=reached(Turn::Map)><AttentionColumn /></Show>
                <Show when=reached(Turn::Heads)><AllHeads /></Show>
            </section>
            <section class="column column--result" aria-labelledby="h-result">
                <h2 id="h-result">{t("Result", "结果")} <small>{t("and why", "以及原因")}</small></h2>
                <Show when=reached(Turn::Cell)><CellResult /></Show>
                <Show when=reached(Turn::Whole)><WholeResult /></Show>
            </section>
        </main>
        <nav class="tabs" aria-label=t("Parts of the page", "页面分区")>
            {Sheet::ALL.map(|(which, en, zh)| view! {
                <button
                    type="button"
                    aria-current=move || (sheet.get() == which).then_some("page")
                    on:click=handler(move |_| {
                        sheet.set(which);
                        scroll_to_top();
                    })
                >
                    {t(en, zh)}
                </button>
            })}
        </nav>
    }
}

/// The columns are mounted a part in each turn of the browser: all in one hold its thread for a tenth of a second, and a phone's for half of one.
#[derive(Clone, Copy)]
enum Turn {
    Columns = 1,
    Map,
    Heads,
    Source,
    Matrices,
    Cell,
    Whole,
    Mask,
    Scores,
    OtherRules,
}

/// How long the static first paint hides the page until the first result: both are shown at once, and nothing moves.
const COVERED: Duration = Duration::from_millis(500);

/// Goes from turn to turn, and then takes the static first paint away. On a small screen what lies under the map waits for the map's first result, or until it is asked
/// for.
fn take_turns(lab: Lab, turn: RwSignal<u32>, sheet: RwSignal<Sheet>) {
    let small = window().match_media(SMALL).ok().flatten().is_some_and(|small| small.matches());
    let on_its_way =
        Signal::memo(move || lab.status.with(|s| matches!(s, Status::Starting | Status::Loading | Status::Running(_))));
    // The card of times is told of the first run when that is painted.
    let untimed = Signal::memo(move || lab.outcome.with(Option::is_some) && lab.timings.with(Vec::is_empty));
    let covered = RwSignal::new(!small);
    set_timeout(move || covered.set(false), COVERED);
    effect(move || {
        let at = turn.get();
        if at == Turn::Heads as u32 && small && sheet.get() == Sheet::Map && on_its_way.get() {
            remove();
        } else if at != Turn::OtherRules as u32 {
            clock::after_effects(move || turn.set(at + 1));
        } else if !(covered.get() && (on_its_way.get() || untimed.get())) {
            remove();
        }
    });
}

/// The static first paint of index.html has done its work.
pub fn remove() {
    if let Some(shell) = document().get_element_by_id("shell") {
        shell.remove();
    }
}

fn scroll_to_top() {
    window().scroll_to_with_x_and_y(0.0, 0.0);
}

//! What the walks share: tiles, the output so far, a table of steps, a choice of sizes.

use leptos::prelude::*;

use super::ask::{Desk, Shared, Walked};
use crate::analysis::plot::{Axis, Chart, Kind, Point, Series, read};
use crate::analysis::walk::State;
use crate::app::chart::Plot;
use crate::app::controls::{Choices, Item, Look};
use crate::app::i18n::{self, t};
use crate::app::reactive::Signal;
use crate::app::view::view;
use crate::catalogue::Lang;

/// How a tile is drawn: its class, and what that means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tile {
    /// Its turn comes.
    Open,
    /// In this step.
    Now,
    /// In a step before.
    Done,
    /// Nothing is allowed in it.
    Skipped,
    /// Not of this block, or not there yet.
    Other,
}

impl Tile {
    /// Its class.
    pub fn class(self) -> &'static str {
        match self {
            Self::Open => "walk__tile",
            Self::Now => "walk__tile walk__tile--now",
            Self::Done => "walk__tile walk__tile--done",
            Self::Skipped => "walk__tile walk__tile--skipped",
            Self::Other => "walk__tile walk__tile--other",
        }
    }

    /// Its class, with what else is told of it: whether a part of it is masked, whether it is the one of this step.
    pub fn marked(self, partly: bool, now: bool) -> String {
        let partly = if partly { " walk__partial" } else { "" };
        let now = if now { " walk__now" } else { "" };
        format!("{}{partly}{now}", self.class())
    }
}

/// A key to the colours of tiles: pairs of a look and its meaning.
pub fn legend(entries: Vec<(Tile, Signal<String>)>) -> AnyView {
    let one = |(look, meaning): (Tile, Signal<String>)| {
        view! { <li><i class=look.class()></i>{move || meaning.get()}</li> }
    };
    view! { <ul class="walk__legend">{entries.into_iter().map(one).collect_view()}</ul> }
}

/// One of some sizes.
#[component]
pub fn Sizes(
    /// What is chosen.
    label: Signal<String>,
    /// The sizes.
    sizes: Vec<usize>,
    /// The chosen one.
    chosen: Signal<usize>,
    /// Takes another.
    on_choose: Callback<usize>,
) -> impl IntoView {
    let items = sizes.iter().map(|size| Item::new(size.to_string(), Signal::stored(size.to_string()))).collect();
    let choose = move |id: String| {
        if let Ok(size) = id.parse::<usize>() {
            on_choose.run(size);
        }
    };
    view! {
        <Choices label=label items=items chosen=Signal::memo(move || chosen.get().to_string()) on_choose=Callback::new(choose) look=Look::Segments show_label=true />
    }
}

/// The output of the row so far, beside where it ends.
#[component]
pub fn Output(
    /// The card's state.
    desk: Desk,
    /// What is walked.
    walked: Shared<Walked>,
    /// The row.
    row: Signal<usize>,
    /// What it keeps now.
    state: Signal<State>,
) -> impl IntoView {
    let lab = desk.lab;
    let is_whole = walked.0.is_whole;
    let chart = Signal::memo(move || {
        let lang = lab.lang.get();
        let word = |en, zh| i18n::now(lang, en, zh);
        let points =
            |values: Vec<f64>| values.into_iter().enumerate().map(|(i, y)| Point::new(i as f64, y)).collect::<Vec<_>>();
        let now = points(state.with(State::result));
        let end = points(walked.0.end(row.get()));
        let goal = if is_whole {
            word("the run's output", "本次计算的输出")
        } else {
            word("over these keys at once", "一次取全部所示键")
        };
        let series =
            vec![Series::new(word("so far", "目前"), Kind::Bars, 0, now), Series::new(goal, Kind::Dots, 1, end)];
        let x = Axis::linear(word("place in the output", "输出的维度"), "");
        Chart {
            title: word("Output of the row: accumulated, over the sum", "该行的输出：累积值除以总和").to_owned(),
            x,
            y: Axis::linear(word("output", "输出"), ""),
            series,
            ..Chart::default()
        }
    });
    view! {
        <h4>{t("Output of the row so far", "该行目前的输出")}</h4>
        <Plot chart=chart file="walk-output" height=150.0 />
    }
}

/// Where the walk ends: the largest difference of its rows from what they have to come to.
pub fn ending(lang: Lang, walked: &Walked, apart: f64) -> AnyView {
    let Walked { is_whole, kernel, .. } = walked;
    let told = match (lang, is_whole) {
        (Lang::En, true) => format!(
            "At the end of the walk, in double precision, rows differ from the run's own output ({kernel}) by at most "
        ),
        (Lang::Zh, true) => format!("演示以双精度计算，结束时各行与本次计算的输出（{kernel}）最多相差 "),
        (Lang::En, false) => {
            "At the end of the walk rows differ from attention over the keys shown, taken at once, by at most "
                .to_owned()
        }
        (Lang::Zh, false) => "演示结束时，各行与一次取全部所示键的注意力最多相差 ".to_owned(),
    };
    view! {
        <p class="note walk__end">{told}<data class="walk__apart" value=format!("{apart:e}")>{read(apart)}</data>{i18n::now(lang, ".", "。")}</p>
    }
}

/// A table of steps, the shown one marked.
pub fn table(
    caption: String,
    heads: Vec<String>,
    rows: Vec<Vec<String>>,
    current: impl Fn() -> Option<usize> + Clone + Send + Sync + 'static,
) -> AnyView {
    let label = caption.clone();
    let body = rows
        .into_iter()
        .enumerate()
        .map(|(i, cells)| {
            let current = current.clone();
            let mut cells = cells.into_iter();
            let first = cells.next();
            view! {
                <tr aria-current=move || (current() == Some(i)).then_some("step")>
                    <th scope="row">{first}</th>
                    {cells.map(|cell| view! { <td>{cell}</td> }).collect_view()}
                </tr>
            }
        })
        .collect_view();
    view! {
        <details class="more">
            <summary>{caption}</summary>
            <div class="chart__scroll pair__table walk__table" tabindex="0" role="region" aria-label=label>
                <table>
                    <thead><tr>{heads.into_iter().map(|head| view! { <th scope="col">{head}</th> }).collect_view()}</tr></thead>
                    <tbody>{body}</tbody>
                </table>
            </div>
        </details>
    }
}

/// A range of places as people count them: from, to.
pub fn span(from: usize, range: &std::ops::Range<usize>) -> String {
    match range.len() {
        0 => "–".to_owned(),
        1 => (from + range.start).to_string(),
        _ => format!("{}–{}", from + range.start, from + range.end - 1),
    }
}

//! Below a chart: what it could not draw, its numbers as a table, files.

use leptos::prelude::*;

use super::tip::to;
use crate::analysis::plot::{self, Chart, LeftOut, Paper, Why};
use crate::app::export::{Save, SavePng};
use crate::app::i18n::{self, t};
use crate::app::palette::tokens;
use crate::app::reactive::{RwSignal, Signal};
use crate::app::state::lab;
use crate::app::view::{handler, view};
use crate::catalogue::Lang;
use crate::export::csv_lines;

/// Most rows of the table on the page; the file has all.
const ROWS: usize = 400;
/// Most points that are told of one by one.
const TOLD: usize = 6;

/// Everything below the picture.
#[component]
pub fn Tools(
    /// What is shown.
    chart: Signal<Chart>,
    /// Name of the files.
    file: &'static str,
) -> impl IntoView {
    let lab = lab();
    let opened = RwSignal::new(false);
    let open = move |_: web_sys::Event| {
        if !opened.get_untracked() {
            opened.set(true);
        }
    };
    let svg = move || {
        let token = tokens();
        chart.with_untracked(|chart| {
            plot::document(&plot::layout(chart, Paper::file()), &chart.title, &|name| token(name))
        })
    };
    let csv = move || {
        let lang = lab.lang.get_untracked();
        chart.with_untracked(|chart| {
            let word = |en, zh| i18n::now(lang, en, zh).to_owned();
            let head = [
                word("series", "系列"),
                chart.x.title(),
                chart.y.title(),
                word("low", "下限"),
                word("high", "上限"),
                word("outliers", "离群值"),
                word("note", "备注"),
            ];
            csv_lines(std::iter::once(head).chain(plot::records(chart)))
        })
    };
    let name = |ending: &str| format!("{file}.{ending}");
    view! {
        {move || chart.with(|chart| missing(lab.lang.get(), chart)).map(|words| view! { <p class="note chart__missing">{words}</p> })}
        <div class="chart__tools">
            <Save en="SVG" zh="SVG" file=name("svg") kind="image/svg+xml" make=Callback::new(move |()| Ok(svg().into_bytes())) />
            <SavePng en="PNG" zh="PNG" file=name("png") make=Callback::new(move |()| svg()) />
            <Save en="CSV" zh="CSV" file=name("csv") kind="text/csv" make=Callback::new(move |()| Ok(csv().into_bytes())) />
        </div>
        <details class="chart__data" on:toggle=handler(open)>
            <summary>{t("Table", "表格")}</summary>
            {move || opened.get().then(|| view! { <Table chart=chart /> })}
        </details>
    }
}

/// The numbers as they are read.
#[component]
fn Table(chart: Signal<Chart>) -> impl IntoView {
    let lab = lab();
    view! {
        {move || chart.with(|chart| {
            let rows = plot::rows(chart, to(lab.lang.get()));
            let more = rows.len().saturating_sub(ROWS);
            view! {
                <div class="chart__scroll" tabindex="0" role="region" aria-label=chart.title.clone()>
                    <table>
                        <caption class="quiet">{chart.title.clone()}</caption>
                        <thead><tr>
                            <th scope="col">{chart.x.title()}</th>
                            {chart.series.iter().map(|one| view! { <th scope="col">{one.name.clone()}</th> }).collect_view()}
                        </tr></thead>
                        <tbody>
                            {rows.into_iter().take(ROWS).map(|(place, cells)| view! {
                                <tr><th scope="row">{place}</th>{cells.into_iter().map(|cell| view! { <td>{cell}</td> }).collect_view()}</tr>
                            }).collect_view()}
                        </tbody>
                    </table>
                </div>
                {(more > 0).then(|| view! { <p class="note">{match lab.lang.get() {
                    Lang::En => format!("and {more} more rows; the CSV file has all"),
                    Lang::Zh => format!("另有 {more} 行；CSV 文件包含全部数据"),
                }}</p> })}
            }
        })}
    }
}

/// What is not drawn as a value, and why; nothing where everything is.
fn missing(lang: Lang, chart: &Chart) -> Option<String> {
    let all = plot::left_out(chart);
    if all.is_empty() {
        return None;
    }
    let told: Vec<String> = all.iter().take(TOLD).map(|one| why(lang, chart, one)).collect();
    let more = all.len().saturating_sub(TOLD);
    let told = told.join(i18n::now(lang, "; ", "；"));
    Some(match (lang, more) {
        (Lang::En, 0) => format!("Without a value here: {told}."),
        (Lang::En, more) => format!("Without a value here: {told}; and {more} more."),
        (Lang::Zh, 0) => format!("无法绘出数值：{told}。"),
        (Lang::Zh, more) => format!("无法绘出数值：{told}；另有 {more} 处。"),
    })
}

fn why(lang: Lang, chart: &Chart, one: &LeftOut) -> String {
    let (point, place) = (one.point, plot::place(chart, one.point.x));
    let reason = match one.why {
        _ if !point.note.is_empty() => point.note.clone(),
        Why::Nothing => i18n::now(lang, "no number", "不是数值").to_owned(),
        Why::Infinite => plot::read(point.y),
        Why::NoPlace => match lang {
            Lang::En => format!("{} has no place on a logarithmic axis", plot::read(point.y)),
            Lang::Zh => format!("{} 无法置于对数坐标轴", plot::read(point.y)),
        },
    };
    match lang {
        Lang::En => format!("{} at {place} ({reason})", one.series),
        Lang::Zh => format!("{} 在 {place}（{reason}）", one.series),
    }
}

//! Pairs of heads: how much what they look at has in common.

use leptos::html::Canvas;
use leptos::prelude::*;
use web_sys::MouseEvent;

use super::ask::{Desk, Found};
use crate::analysis::plot::read;
use crate::app::compare::Ramp;
use crate::app::controls::{Choices, Item, Look, percent, words};
use crate::app::element::NodeRef;
use crate::app::estimators::picture;
use crate::app::i18n::{self, t};
use crate::app::map::{Scale, paint_cells};
use crate::app::palette::Palette;
use crate::app::reactive::{RwSignal, Signal, effect};
use crate::app::view::{handler, view};
use crate::catalogue::Lang;
use crate::experiment::Stage;

/// The measure of a pair; nothing where there is none.
fn of(found: &Found, correlation: bool, a: usize, b: usize) -> Option<f64> {
    let alike = found.alike.0.of(a, b);
    if correlation { alike.correlation } else { alike.distance }
}

/// Picture, words and table.
#[component]
pub fn Alike(desk: Desk) -> impl IntoView {
    let lab = desk.lab;
    let correlation = RwSignal::new(false);
    let several = Signal::memo(move || desk.with(|found| found.heads.len() > 1).unwrap_or_default());
    let chosen = Signal::derive(move || if correlation.get() { "correlation" } else { "distance" }.to_owned());
    let about = move || {
        if correlation.get() {
            i18n::now(
                lab.lang.get(),
                "Pearson's correlation of both heads' weights, over the pairs that both allow: 1 where one rises with the other, 0 where they have nothing to do with each other.",
                "两个头的权重在共同允许的位置上的皮尔逊相关系数：1 表示同升同降，0 表示互不相关。",
            )
        } else {
            i18n::now(
                lab.lang.get(),
                "Mean Jensen–Shannon distance of both heads' rows, base 2: 0 where they look at the same, 1 where they look at nothing in common.",
                "两个头各行的平均 Jensen–Shannon 距离，以 2 为底：0 表示所看相同，1 表示毫无共同之处。",
            )
        }
    };
    view! {
        {move || several.get().then(|| view! {
            <h4>{t("How alike the heads are", "头之间的相似度")}</h4>
            <Choices
                label=words("Measure of two heads", "两个头的度量")
                items=vec![Item::new("distance", words("JS distance", "JS 距离")), Item::new("correlation", words("correlation", "相关系数"))]
                chosen=chosen
                on_choose=Callback::new(move |id: String| correlation.set(id == "correlation"))
                look=Look::Segments
            />
            <p class="note">{about} {move || sampled(desk)}</p>
            <Picture desk=desk correlation=correlation.into() />
            <Table desk=desk correlation=correlation.into() />
        })}
    }
}

/// Said where not every row was looked at.
fn sampled(desk: Desk) -> String {
    let step = desk.with(|found| found.alike.1 * found.sample.step).unwrap_or(1);
    match desk.lab.lang.get() {
        _ if step == 1 => String::new(),
        Lang::En => format!(" Every {step}th query is looked at."),
        Lang::Zh => format!("每 {step} 个查询取一个。"),
    }
}

/// Heads by heads.
#[component]
fn Picture(desk: Desk, correlation: Signal<bool>) -> impl IntoView {
    let lab = desk.lab;
    let canvas = NodeRef::<Canvas>::new();
    let shown = Signal::memo(move || {
        let correlation = correlation.get();
        desk.with(|found| {
            let count = found.heads.len();
            let pairs = (0..count * count).map(|i| of(found, correlation, i / count, i % count));
            let values: Vec<f32> = pairs.map(|x| x.map_or(f32::NAN, |x| x as f32)).collect();
            let mut map = picture(&values, count);
            map.request.stage = if correlation { Stage::Raw } else { Stage::Weights };
            // The whole range that there can be: 0 to 1, or −1 to 1.
            let scale = Scale { stage: map.request.stage, top: 1.0 };
            (map, scale)
        })
    });
    effect(move || {
        let Some(canvas) = canvas.get() else { return };
        shown.with(|shown| {
            if let Some((map, scale)) = shown {
                // Without a context the table tells the numbers.
                let _ = paint_cells(&canvas, map, scale, &Palette::current());
            }
        });
    });
    let count = move || desk.with(|found| found.heads.len()).unwrap_or(1).max(1);
    let press = move |event: MouseEvent| {
        let Some(canvas) = canvas.get_untracked() else { return };
        let bounds = canvas.get_bounding_client_rect();
        let share = (f64::from(event.client_y()) - bounds.top()) / bounds.height().max(1.0);
        let heads = desk.found.with_untracked(|found| found.as_ref().map_or(1, |found| found.0.heads.len()));
        let head = ((share * heads as f64) as usize).min(heads.saturating_sub(1));
        lab.show(|view| view.head = head);
    };
    let label = t("Head by head; the row of the chosen head is marked", "头对头；已标出所选头所在的行");
    let scale = Signal::memo(move || shown.with(|shown| shown.as_ref().map(|shown| shown.1)));
    view! {
        <figure class="measures__pairs">
            <div class="measures__field">
                <canvas node_ref=canvas role="img" aria-label=label on:click=handler(press)></canvas>
                <i
                    class="cross cross--row"
                    style:top=move || percent(desk.head().get() as f64 / count() as f64)
                    style:height=move || percent(1.0 / count() as f64)
                ></i>
            </div>
            <figcaption class="note">{move || extremes(desk, correlation.get())}</figcaption>
            {move || scale.get().map(|scale| view! { <Ramp scale=scale /> })}
        </figure>
    }
}

/// The pairs that are most and least alike.
fn extremes(desk: Desk, correlation: bool) -> String {
    let lang = desk.lab.lang.get();
    let ends = desk.with(|found| {
        let count = found.heads.len();
        let pairs = (0..count).flat_map(|a| (a + 1..count).map(move |b| (a, b)));
        let mut known: Vec<(f64, usize, usize)> =
            pairs.filter_map(|(a, b)| Some((of(found, correlation, a, b)?, a + 1, b + 1))).collect();
        known.sort_by(|x, y| x.0.total_cmp(&y.0));
        Some((*known.first()?, *known.last()?))
    });
    let Some((low, high)) = ends.flatten() else {
        return i18n::now(lang, "No two heads can be compared.", "没有可比较的两个头。").to_owned();
    };
    let (most, least) = if correlation { (high, low) } else { (low, high) };
    let [(x, a, b), (y, c, d)] = [most, least];
    let [x, y] = [x, y].map(read);
    match lang {
        Lang::En => format!("Most alike: heads {a} and {b} ({x}); least: {c} and {d} ({y})."),
        Lang::Zh => format!("最相似：第 {a} 与第 {b} 个头（{x}）；最不相似：第 {c} 与第 {d} 个头（{y}）。"),
    }
}

/// The numbers.
#[component]
fn Table(desk: Desk, correlation: Signal<bool>) -> impl IntoView {
    let opened = RwSignal::new(false);
    let open = move |_: web_sys::Event| {
        if !opened.get_untracked() {
            opened.set(true);
        }
    };
    let rows = move || {
        let correlation = correlation.get();
        let all = desk.with(|found| {
            let count = found.heads.len();
            let row = |a: usize| {
                (0..count).map(|b| of(found, correlation, a, b).map_or_else(|| "–".to_owned(), read)).collect()
            };
            (0..count).map(row).collect::<Vec<Vec<String>>>()
        });
        all.unwrap_or_default()
    };
    view! {
        <details class="chart__data" on:toggle=handler(open)>
            <summary>{t("Table", "表格")}</summary>
            {move || opened.get().then(|| view! {
                <div class="chart__scroll" tabindex="0" role="region" aria-label=t("Pairs of heads", "头的配对")>
                    <table>
                        <thead><tr>
                            <th scope="col">{t("head", "头")}</th>
                            {(1..=rows().len()).map(|head| view! { <th scope="col">{head.to_string()}</th> }).collect_view()}
                        </tr></thead>
                        <tbody>{rows().into_iter().enumerate().map(|(head, cells)| view! {
                            <tr><th scope="row">{(head + 1).to_string()}</th>{cells.into_iter().map(|cell| view! { <td>{cell}</td> }).collect_view()}</tr>
                        }).collect_view()}</tbody>
                    </table>
                </div>
            })}
        </details>
    }
}

//! One measure: every query of every head as a picture, those of the chosen head as a chart.

use leptos::html::Canvas;
use leptos::prelude::*;
use web_sys::MouseEvent;

use super::ask::{Desk, Found};
use super::quantity::Quantity;
use crate::analysis::plot::{Axis, Chart, Kind, Mark, Point, Series, read};
use crate::app::chart::Plot;
use crate::app::compare::Ramp;
use crate::app::controls::{Choices, Item, Look, percent, words, words_of};
use crate::app::element::NodeRef;
use crate::app::estimators::picture;
use crate::app::i18n;
use crate::app::map::{Scale, paint_cells};
use crate::app::palette::Palette;
use crate::app::reactive::{RwSignal, Signal, effect};
use crate::app::view::{handler, view};
use crate::catalogue::Lang;
use crate::engine::Map;
use crate::experiment::Stage;

/// Most queries that are bars with a name each.
const BARS: usize = 128;
/// Most queries across the picture; of more, each pixel shows the largest of several.
const PIXELS: usize = 512;

/// The measure of every row of a head, in the order of the queries.
fn of_head(found: &Found, head: usize, quantity: Quantity) -> Vec<(usize, Option<f64>)> {
    let rows = found.heads.get(head).map(|head| head.rows()).unwrap_or_default();
    rows.iter().map(|(q, row)| (*q, row.measures().and_then(|m| quantity.of(m)))).collect()
}

/// Choice of the measure, picture and chart.
#[component]
pub fn Queries(desk: Desk) -> impl IntoView {
    let lab = desk.lab;
    let quantity = RwSignal::new(Quantity::Entropy);
    let chosen = Signal::memo(move || quantity.get().id().to_owned());
    let choose = Callback::new(move |id: String| {
        if let Some(one) = Quantity::ALL.into_iter().find(|one| one.id() == id) {
            quantity.set(one);
        }
    });
    let chart = Signal::memo(move || chart(desk, quantity.get()));
    let about = move || desk.settings.with(|settings| quantity.get().about(lab.lang.get(), settings));
    view! {
        <Choices
            label=words("Measure", "度量")
            items=Quantity::ALL.map(|one| Item::new(one.id(), words_of(one.name()))).to_vec()
            chosen=chosen
            on_choose=choose
            look=Look::Chips
        />
        <p class="note">{about}</p>
        <Picture desk=desk quantity=quantity.into() />
        <Plot chart=chart file="queries" height=200.0 />
    }
}

/// Heads down, queries across.
#[component]
fn Picture(desk: Desk, quantity: Signal<Quantity>) -> impl IntoView {
    let lab = desk.lab;
    let canvas = NodeRef::<Canvas>::new();
    let map = Signal::memo(move || desk.with(|found| pixels(found, quantity.get())));
    effect(move || {
        let Some(canvas) = canvas.get() else { return };
        map.with(|map| {
            if let Some(map) = map {
                // Without a context the table below tells the numbers.
                let _ = paint_cells(&canvas, map, &Scale::of(map), &Palette::current());
            }
        });
    });
    // Where the pointer is, as a head and a query.
    let under = move |event: &MouseEvent| {
        let bounds = canvas.get_untracked()?.get_bounding_client_rect();
        let [x, y] = [
            (f64::from(event.client_x()) - bounds.left()) / bounds.width().max(1.0),
            (f64::from(event.client_y()) - bounds.top()) / bounds.height().max(1.0),
        ];
        desk.found.with_untracked(|found| {
            let dims = found.as_ref()?.0.dims;
            let at = |share: f64, count: usize| ((share * count as f64) as usize).min(count.saturating_sub(1));
            Some((at(y, dims.q_heads), at(x, dims.n_q)))
        })
    };
    let press = move |event: MouseEvent| {
        if let Some((head, query)) = under(&event) {
            lab.show(|view| (view.head, view.query) = (head, query));
        }
    };
    let label = move || {
        let name = quantity.get().name().get(lab.lang.get());
        match lab.lang.get() {
            Lang::En => format!("{name}: heads down, queries across; press to choose"),
            Lang::Zh => format!("{name}：纵向为头，横向为查询；点按以选择"),
        }
    };
    let place = move || {
        let (head, query) = lab.experiment.with(|e| (e.view.head, e.view.query));
        desk.with(|found| {
            let share = |at: usize, count: usize| percent(at as f64 / count.max(1) as f64);
            (
                share(query, found.dims.n_q),
                share(1, found.dims.n_q),
                share(head, found.dims.q_heads),
                share(1, found.dims.q_heads),
            )
        })
    };
    let scale = Signal::memo(move || map.with(|map| map.as_ref().map(Scale::of)));
    view! {
        <figure class="measures__strip">
            <div class="measures__field">
                <canvas node_ref=canvas role="img" aria-label=label on:click=handler(press)></canvas>
                <i class="cross cross--column" style:left=move || place().map(|p| p.0) style:width=move || place().map(|p| p.1)></i>
                <i class="cross cross--row" style:top=move || place().map(|p| p.2) style:height=move || place().map(|p| p.3)></i>
            </div>
            <figcaption class="note">{label} " · " {move || reading(desk, quantity.get())}</figcaption>
            {move || scale.get().map(|scale| view! { <Ramp scale=scale /> })}
        </figure>
    }
}

/// The chosen head's number at the chosen query.
fn reading(desk: Desk, quantity: Quantity) -> String {
    let lang = desk.lab.lang.get();
    let (head, query) = desk.lab.experiment.with(|e| (e.view.head, e.view.query));
    let value =
        desk.with(|found| of_head(found, head, quantity).into_iter().find(|(q, _)| *q == query).map(|one| one.1));
    let value = match value.flatten() {
        None => i18n::now(lang, "not looked at", "未抽取").to_owned(),
        Some(None) => i18n::now(lang, "nothing to measure", "无可测量").to_owned(),
        Some(Some(value)) => format!("{} {}", read(value), quantity.unit(lang)),
    };
    let (head, query) = (head + 1, query + 1);
    match lang {
        Lang::En => format!("head {head}, query {query}: {value}"),
        Lang::Zh => format!("第 {head} 个头，第 {query} 个查询：{value}"),
    }
}

/// The picture's numbers; NaN where there is nothing to measure.
fn pixels(found: &Found, quantity: Quantity) -> Map {
    let taken = found.sample.taken();
    let width = taken.clamp(1, PIXELS);
    let mut values = vec![f32::NAN; found.heads.len() * width];
    for head in 0..found.heads.len() {
        for (q, value) in of_head(found, head, quantity) {
            let Some(value) = value else { continue };
            let place = q / found.sample.step.max(1) * width / taken.max(1);
            if let Some(pixel) = values.get_mut(head * width + place) {
                *pixel = pixel.max(value as f32);
            }
        }
    }
    let mut map = picture(&values, width);
    map.request.stage = Stage::Weights;
    map
}

/// The chosen head, and the mean of all heads.
fn chart(desk: Desk, quantity: Quantity) -> Chart {
    let lab = desk.lab;
    let lang = lab.lang.get();
    let (head, query) = lab.experiment.with(|e| (e.view.head, e.view.query));
    let tokens = lab.tokens(false);
    let made = desk.with(|found| {
        let rows = of_head(found, head, quantity);
        let count = rows.len();
        let nothing = i18n::now(lang, "nothing to measure", "无可测量");
        let points = rows.into_iter().map(|(q, value)| {
            value.map_or_else(|| Point::failed(q as f64, nothing), |value| Point::new(q as f64, value))
        });
        let kind = if count <= BARS { Kind::Bars } else { Kind::Line };
        let number = head + 1;
        let name = match lang {
            Lang::En => format!("head {number}"),
            Lang::Zh => format!("第 {number} 个头"),
        };
        let mut series = vec![Series::new(name, kind, 0, points)];
        if found.heads.len() > 1 {
            let all: Vec<Vec<(usize, Option<f64>)>> =
                (0..found.heads.len()).map(|head| of_head(found, head, quantity)).collect();
            let mean = (0..count).filter_map(|i| {
                let values: Vec<f64> = all.iter().filter_map(|head| head.get(i)?.1).collect();
                let q = all.first()?.get(i)?.0;
                (!values.is_empty()).then(|| Point::new(q as f64, values.iter().sum::<f64>() / values.len() as f64))
            });
            series.push(Series::new(i18n::now(lang, "mean of all heads", "全部头的平均"), Kind::Theory, 1, mean));
        }
        (series, count)
    });
    let (series, count) = made.unwrap_or_default();
    let axis = i18n::now(lang, "query", "查询");
    let x = if count <= BARS && !tokens.is_empty() { Axis::named(axis, tokens) } else { Axis::linear(axis, "") };
    let name = quantity.name().get(lang);
    Chart {
        title: name.to_owned(),
        x,
        y: Axis::linear(name, quantity.unit(lang)),
        series,
        marks: vec![Mark::upright(query as f64, "")],
        ..Chart::default()
    }
}

//! The lines that are switched on, over distance.

use std::sync::Arc;

use leptos::prelude::*;

use super::desk::Desk;
use crate::analysis::plot::{self, Axis, Kind, Mark, Paper, Point, Scale, Series};
use crate::analysis::positions::normalised;
use crate::app::chart::Plot;
use crate::app::i18n;
use crate::app::reactive::Signal;
use crate::app::view::view;
use crate::catalogue::{Lang, PositionLine, position_line};

/// Size of a small curve, in the units that it is drawn in; the style sheet gives it the tile's.
const SMALL: [f64; 2] = [240.0, 52.0];
/// Slots of a small curve whose line is on in the chart, and off.
const ON: usize = 0;
const OFF: usize = 5;
/// Slot of the line of the training: in the colour of the sixth, and no other line's.
const TRAINED: usize = 6005;

/// The chart.
#[component]
pub fn Lines(desk: Desk) -> impl IntoView {
    let chart = Signal::memo(move || chart(desk));
    // What the legend switches are the tiles' lines; the line of the training has no tile.
    let switch = move |slot: usize| match desk.on.with_untracked(|on| on.get(slot).copied()) {
        Some(id) => desk.toggle(id),
        None => desk.reading.hidden.update(|hidden| match hidden.is_empty() {
            true => hidden.push(slot),
            false => hidden.clear(),
        }),
    };
    view! { <Plot chart=chart file="positions" height=320.0 reading=desk.reading switch=Callback::new(switch) /> }
}

/// The axis of distances.
fn distances(desk: Desk) -> Axis {
    let word = |en, zh| i18n::now(desk.lab.lang.get(), en, zh);
    let last = desk.length.get().saturating_sub(1).max(1);
    let scale = if desk.log.get() { Scale::FromZero } else { Scale::Linear };
    let axis = Axis::new(word("distance", "距离"), word("tokens from query to key", "查询到键的词元数"), scale);
    Axis { ends: Some([0.0, last as f64]), ..axis }
}

/// Where the trained length ends, and what lies past it.
fn trained(desk: Desk) -> Option<Mark> {
    let at = desk.marker()?;
    let name = match desk.lab.lang.get() {
        Lang::En => format!("trained on {at}"),
        Lang::Zh => format!("训练长度 {at}"),
    };
    Some(Mark { beyond: true, ..Mark::upright(at, name) })
}

fn chart(desk: Desk) -> plot::Chart {
    let (lang, normal) = (desk.lab.lang.get(), desk.normal.get());
    let word = |en, zh| i18n::now(lang, en, zh);
    let shown = |(slot, &id): (usize, &&'static str)| {
        let values = desk.curve(id)?.ok()?;
        let values = if normal { Arc::new(normalised(&values)) } else { values };
        Some(Series::new(name(lang, id), Kind::Line, slot, points(&values)))
    };
    let mut series: Vec<Series> = desk.on.with(|on| on.iter().enumerate().filter_map(shown).collect());
    series.extend(as_trained(desk));
    let y = if normal {
        word("score, each to its own peak", "分数（各按自身峰值）")
    } else {
        word("score", "分数")
    };
    plot::Chart {
        title: word("Position schemes over distance", "位置方案随距离的变化").to_owned(),
        caption: word(
            "Scores of tokens that are all alike, computed by the page's own kernels.",
            "所有词元相同时的分数，由页面自身的计算核得出。",
        )
        .to_owned(),
        x: distances(desk),
        y: Axis::new(y, "", Scale::Linear),
        series,
        marks: trained(desk).into_iter().collect(),
    }
}

/// By distance.
fn points(values: &[f32]) -> impl Iterator<Item = Point> {
    values.iter().enumerate().map(|(distance, value)| Point::new(distance as f64, f64::from(*value)))
}

fn name(lang: Lang, id: &'static str) -> &'static str {
    position_line(id).map_or(id, |line| line.name.get(lang))
}

/// The picked scheme as it was at the trained length, where that was another curve.
fn as_trained(desk: Desk) -> Option<Series> {
    let close = desk.close.get()?.ok()?;
    let now = desk.curve(close.id)?.ok()?;
    if !desk.on.with(|on| on.contains(&close.id)) || now.starts_with(&close.trained) || desk.marker().is_none() {
        return None;
    }
    let top = now.iter().filter(|x| x.is_finite()).fold(0.0_f32, |top, x| top.max(x.abs()));
    let top = if desk.normal.get() && top > 0.0 { top } else { 1.0 };
    let values: Vec<f32> = close.trained.iter().map(|x| x / top).collect();
    let name = match (desk.lab.lang.get(), name(desk.lab.lang.get(), close.id)) {
        (Lang::En, name) => format!("{name} as trained"),
        (Lang::Zh, name) => format!("{name}（训练时）"),
    };
    Some(Series::new(name, Kind::Theory, TRAINED, points(&values)))
}

/// A curve without words, small.
pub fn small(desk: Desk, line: &PositionLine, curve: &[f32], on: bool) -> AnyView {
    let series = Series::new(line.name.en, Kind::Line, if on { ON } else { OFF }, points(curve));
    let chart = plot::Chart {
        x: distances(desk),
        series: vec![series],
        marks: trained(desk).into_iter().collect(),
        ..plot::Chart::default()
    };
    let [width, height] = SMALL;
    let scene = plot::layout(&chart, Paper::bare(width, height));
    let picture = plot::body(&scene, None, &|token| format!("var({token})"));
    view! {
        <svg class="postile__curve" viewBox=format!("0 0 {width} {height}") preserveAspectRatio="none" inner_html=picture></svg>
    }
}

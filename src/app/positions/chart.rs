//! The lines that are switched on, over distance. Lines are drawn in a stretched picture; everything with letters lies over it as text, so that it
//! keeps its size on a narrow screen.

use std::sync::Arc;

use leptos::html::Div;
use leptos::prelude::*;
use web_sys::{KeyboardEvent, PointerEvent};

use super::axis::{Distances, Values, spread};
use super::desk::{Close, Desk};
use crate::analysis::positions::normalised;
use crate::app::controls::number;
use crate::app::element::NodeRef;
use crate::app::i18n::{self, t};
use crate::app::reactive::Signal;
use crate::app::view::{handler, view};
use crate::catalogue::{Lang, position_line};

/// Colours that are told apart; then they come again, dashed.
const COLOURS: usize = 6;
/// Most corners of a line.
const CORNERS: usize = 240;
/// Least distance of two labels, as a share of the height.
const LABEL: f64 = 0.072;
/// Side of the square that lines are drawn in.
const SIDE: f64 = 1000.0;

/// A line as it is drawn.
#[derive(Clone, Debug, PartialEq)]
pub struct Line {
    id: &'static str,
    colour: usize,
    /// By distance.
    values: Arc<Vec<f32>>,
}

/// The lines that are on, in their colours.
fn lines(desk: Desk) -> Vec<Line> {
    let normal = desk.normal.get();
    let shown = |(colour, &id): (usize, &&'static str)| {
        let values = desk.curve(id)?.ok()?;
        let values = if normal { Arc::new(normalised(&values)) } else { values };
        Some(Line { id, colour, values })
    };
    desk.on.with(|on| on.iter().enumerate().filter_map(shown).collect())
}

/// The corners of a line, as the `d` of a path.
pub fn path(axis: Distances, values: Values, line: &[f32], corners: usize) -> String {
    let mut text = String::new();
    for distance in axis.points(corners) {
        let Some(y) = line.get(distance).filter(|y| y.is_finite()) else { continue };
        let (x, y) = (axis.share(distance as f64) * SIDE, values.depth(f64::from(*y)) * SIDE);
        text.push_str(if text.is_empty() { "M" } else { "L" });
        text.push_str(&format!("{x:.1} {y:.1}"));
    }
    text
}

/// A share as CSS.
pub fn percent(share: f64) -> String {
    format!("{:.3}%", share * 100.0)
}

/// The chart.
#[component]
pub fn Chart(desk: Desk) -> impl IntoView {
    let lines = Signal::memo(move || lines(desk));
    let values =
        Signal::memo(move || lines.with(|all| Values::of(all.iter().flat_map(|line| line.values.iter().copied()))));
    let field = NodeRef::<Div>::new();
    let point = move |event: PointerEvent| {
        if let Some(field) = field.get_untracked() {
            let bounds = field.get_bounding_client_rect();
            let share = (f64::from(event.client_x()) - bounds.left()) / bounds.width().max(1.0);
            desk.cursor.set(Some(axis(desk).at(share)));
        }
    };
    let on_key = move |event: KeyboardEvent| {
        let last = axis(desk).last();
        let now = desk.cursor.get_untracked().unwrap_or(0).min(last);
        let next = match event.key().as_str() {
            "ArrowLeft" | "ArrowDown" => now.saturating_sub(1),
            "ArrowRight" | "ArrowUp" => (now + 1).min(last),
            "PageDown" => now.saturating_sub(10),
            "PageUp" => (now + 10).min(last),
            "Home" => 0,
            "End" => last,
            _ => return,
        };
        event.prevent_default();
        event.stop_propagation();
        desk.cursor.set(Some(next));
    };
    let cursor = Signal::memo(move || desk.cursor.get().map(|at| at.min(desk.distances().last())));
    view! {
        <div class="poschart">
            <div class="poschart__y" aria-hidden="true">
                {move || { let values = values.get(); values.ticks().into_iter().map(|tick| view! {
                    <span style:top=percent(values.depth(tick))>{minus(tick)}</span>
                }).collect_view() }}
            </div>
            <div
                class="poschart__field"
                node_ref=field
                tabindex="0"
                role="slider"
                aria-label=t("Distance that is read out", "读数的距离")
                aria-valuemin="0"
                aria-valuemax=move || desk.distances().last().to_string()
                aria-valuenow=move || cursor.get().unwrap_or(0).to_string()
                aria-valuetext=move || spoken(desk, &lines.get(), cursor.get().unwrap_or(0))
                on:pointermove=handler(point)
                on:pointerdown=handler(point)
                on:pointerleave=handler(move |_: PointerEvent| desk.cursor.set(None))
                on:focus=handler(move |_: web_sys::FocusEvent| desk.cursor.update(|at| *at = Some(at.unwrap_or(0))))
                on:blur=handler(move |_: web_sys::FocusEvent| desk.cursor.set(None))
                on:keydown=handler(on_key)
            >
                <Beyond desk=desk named=true />
                <svg viewBox="0 0 1000 1000" preserveAspectRatio="none" aria-hidden="true">
                    {move || grid(desk.distances(), values.get())}
                    {move || dashed(desk, values.get())}
                    {move || {
                        let (axis, values, lit) = (desk.distances(), values.get(), desk.lit.get());
                        lines.get().into_iter().map(|line| {
                            let class = format!("line line--{}", line.colour % COLOURS);
                            let again = line.colour / COLOURS % 2 == 1;
                            view! {
                                <path
                                    class=class
                                    class:line--again=again
                                    class:line--lit=lit == Some(line.id)
                                    class:line--dim=lit.is_some_and(|lit| lit != line.id)
                                    d=path(axis, values, &line.values, CORNERS)
                                ></path>
                            }
                        }).collect_view()
                    }}
                </svg>
                {move || cursor.get().map(|at| {
                    let (axis, values) = (desk.distances(), values.get());
                    let left = percent(axis.share(at as f64));
                    view! {
                        <i class="poschart__rule" style:left=left.clone()></i>
                        {lines.get().into_iter().filter_map(|line| {
                            let y = *line.values.get(at)?;
                            let class = format!("poschart__dot label--{}", line.colour % COLOURS);
                            Some(view! { <i class=class style:left=left.clone() style:top=percent(values.depth(f64::from(y)))></i> })
                        }).collect_view()}
                    }
                })}
            </div>
            <div class="poschart__labels" aria-hidden="true">
                {move || labels(desk, &lines.get(), values.get(), cursor.get())}
            </div>
            <div class="poschart__x" aria-hidden="true">
                {move || { let axis = desk.distances(); roomy(axis).into_iter().map(|tick| view! {
                    <span style:left=percent(axis.share(tick as f64))>{tick}</span>
                }).collect_view() }}
                {move || cursor.get().map(|at| view! { <b style:left=percent(desk.distances().share(at as f64))>{at}</b> })}
            </div>
            <p class="poschart__name note" aria-hidden="true">{t("distance from query to key, in tokens", "查询到键的距离（词元）")}</p>
        </div>
    }
}

/// The axis, for handlers.
fn axis(desk: Desk) -> Distances {
    Distances { length: desk.length.get_untracked(), log: desk.log.get_untracked() }
}

/// Ticks that don't touch.
fn roomy(axis: Distances) -> Vec<usize> {
    let mut last = f64::NEG_INFINITY;
    let clear = |tick: &usize| {
        let share = axis.share(*tick as f64);
        let clear = share - last > 0.055;
        if clear {
            last = share;
        }
        clear
    };
    axis.ticks().into_iter().filter(clear).collect()
}

/// A number with a minus sign as wide as a plus.
pub fn minus(x: f64) -> String {
    number(x).replace('-', "−")
}

/// Where the trained length ends, and what lies past it.
#[component]
pub fn Beyond(
    desk: Desk,
    /// Whether it is written there too.
    #[prop(default = false)]
    named: bool,
) -> impl IntoView {
    view! {
        {move || desk.marker().map(|at| {
            let share = desk.distances().share(at);
            let words = move || {
                let trained = desk.trained.get();
                match desk.lab.lang.get() {
                    Lang::En => format!("trained on {trained}"),
                    Lang::Zh => format!("训练长度 {trained}"),
                }
            };
            view! {
                <div class="beyond" style:left=percent(share)>
                    {named.then(|| view! { <span class:beyond__left={share > 0.7}>{words}</span> })}
                </div>
            }
        })}
    }
}

fn grid(axis: Distances, values: Values) -> AnyView {
    let mut text = String::new();
    for tick in roomy(axis) {
        text.push_str(&format!("M{:.1} 0V{SIDE}", axis.share(tick as f64) * SIDE));
    }
    for tick in values.ticks() {
        text.push_str(&format!("M0 {:.1}H{SIDE}", values.depth(tick) * SIDE));
    }
    let zero = format!("M0 {:.1}H{SIDE}", values.depth(0.0) * SIDE);
    view! { <path class="grid" d=text></path><path class="grid grid--zero" d=zero></path> }
}

/// The picked scheme as it was at the trained length, where that was another curve.
fn dashed(desk: Desk, values: Values) -> Option<AnyView> {
    let close: Arc<Close> = desk.close.get()?.ok()?;
    let now = desk.curve(close.id)?.ok()?;
    if !desk.on.with(|on| on.contains(&close.id)) || now.starts_with(&close.trained) || desk.marker().is_none() {
        return None;
    }
    let top = if desk.normal.get() {
        now.iter().filter(|x| x.is_finite()).fold(0.0_f32, |top, x| top.max(x.abs()))
    } else {
        1.0
    };
    let scaled: Vec<f32> = close.trained.iter().map(|x| if top > 0.0 { x / top } else { *x }).collect();
    let axis = desk.distances();
    let d = path(axis, values, &scaled, CORNERS);
    Some(view! { <path class="line line--trained" d=d></path> })
}

/// Names at the lines' ends, or at the cursor with the values there.
fn labels(desk: Desk, lines: &[Line], values: Values, cursor: Option<usize>) -> AnyView {
    let at = cursor.unwrap_or_else(|| desk.distances().last());
    let heights: Vec<f64> =
        lines.iter().map(|line| line.values.get(at).map_or(0.5, |y| values.depth(f64::from(*y)))).collect();
    let (places, lang, lit) = (spread(&heights, LABEL), desk.lab.lang.get(), desk.lit.get());
    lines
        .iter()
        .zip(places)
        .map(|(line, place)| {
            let id = line.id;
            let name = position_line(id).map_or(id, |line| line.name.get(lang));
            let read = cursor.and_then(|at| line.values.get(at)).map(|y| minus(rounded(*y)));
            let class = format!("label label--{}", line.colour % COLOURS);
            view! {
                <span
                    class=class
                    class:label--dim=lit.is_some_and(|lit| lit != id)
                    style:top=percent(place)
                    on:pointerenter=handler(move |_: PointerEvent| desk.lit.set(Some(id)))
                    on:pointerleave=handler(move |_: PointerEvent| desk.lit.set(None))
                >
                    {read.map(|read| view! { <b>{read}</b>" " })}{name}
                </span>
            }
        })
        .collect_view()
        .into_any()
}

/// Three digits are what a curve is read to.
pub fn rounded(x: f32) -> f64 {
    let x = f64::from(x);
    if x == 0.0 || !x.is_finite() {
        return x;
    }
    let unit = 10_f64.powf(x.abs().log10().floor() - 2.0);
    (x / unit).round() * unit
}

/// What the cursor says to those who hear the page.
fn spoken(desk: Desk, lines: &[Line], at: usize) -> String {
    let lang = desk.lab.lang.get();
    let mut text = format!("{} {at}", i18n::now(lang, "distance", "距离"));
    for line in lines {
        let name = position_line(line.id).map_or(line.id, |of| of.name.get(lang));
        if let Some(value) = line.values.get(at) {
            text.push_str(&format!(", {name} {}", minus(rounded(*value))));
        }
    }
    text
}

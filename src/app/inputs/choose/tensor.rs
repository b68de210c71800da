//! One of Q, K and V: which array, what its axes are, and how its first head looks.

use leptos::html::Canvas;
use leptos::prelude::*;

use super::Fault;
use super::desk::Desk;
use crate::app::controls::{number, paint};
use crate::app::element::NodeRef;
use crate::app::i18n::{self, t};
use crate::app::palette::Palette;
use crate::app::reactive::{Signal, effect};
use crate::app::state::lab;
use crate::app::view::{handler, view};
use crate::catalogue::Lang;
use crate::interchange::Words;
use crate::interchange::select::{Axis, Field};

/// Rows and columns of the first numbers.
const FIRST: [usize; 2] = [3, 4];

/// What an axis is, in words.
fn meaning(axis: Axis, lang: Lang) -> &'static str {
    match axis {
        Axis::Batch => i18n::now(lang, "batch", "批"),
        Axis::Head => i18n::now(lang, "heads", "头"),
        Axis::Length => i18n::now(lang, "length (tokens)", "长度（词元）"),
        Axis::Size => i18n::now(lang, "size of a head", "每头大小"),
        Axis::Merged => i18n::now(lang, "heads · size", "头 · 大小"),
    }
}

/// The controls of one tensor.
#[component]
pub fn Tensor(
    /// What is chosen.
    desk: Desk,
    /// 0, 1 or 2: Q, K or V.
    which: usize,
    /// What is wrong.
    faults: Signal<Vec<(Field, Words)>>,
) -> impl IntoView {
    let lab = lab();
    let (letter, colour, field) = [("Q", "q", Field::Q), ("K", "k", Field::K), ("V", "v", Field::V)][which.min(2)];
    let listed = desk.listed.get_value();
    let on_pick = move |event| {
        if let Ok(pick) = event_target_value(&event).parse() {
            desk.pick(which, pick);
        }
    };
    let rows = Signal::memo(move || desk.picture(which));
    let canvas = NodeRef::<Canvas>::new();
    effect(move || {
        let (Some(canvas), palette) = (canvas.get(), Palette::current()) else { return };
        let Some(rows) = rows.get() else { return };
        let reach = rows.iter().flatten().fold(0.0_f32, |reach, x| reach.max(x.abs()));
        let reach = if reach > 0.0 { reach } else { 1.0 };
        // A lost canvas is painted again with the next change.
        let _ = paint(&canvas, rows.len(), rows.first().map_or(0, Vec::len), |r, c| {
            rows.get(r).and_then(|row| row.get(c)).map(|x| palette.diverging(x / reach * 1.3))
        });
    });
    let first = move || {
        let [most_rows, most_columns] = FIRST;
        rows.get().map(|rows| {
            let line = |row: &Vec<f32>| {
                let more = if row.len() > most_columns { " …" } else { "" };
                let numbers = row.iter().take(most_columns).map(|x| number(f64::from(*x))).collect::<Vec<_>>();
                format!("{}{more}", numbers.join("  "))
            };
            rows.iter().take(most_rows).map(line).collect::<Vec<_>>().join("\n")
        })
    };
    // Axes are drawn anew when another array is chosen, not at each change of one: the control keeps the focus.
    let shape = Signal::memo(move || desk.shape(which));
    view! {
        <fieldset class="choose__tensor" data-tensor=colour>
            <legend><b>{letter}</b></legend>
            <select aria-label=move || format!("{letter}: {}", i18n::now(lab.lang.get(), "array", "数组")) on:change=handler(on_pick)>
                {listed.iter().enumerate().map(|(at, one)| view! {
                    <option value=at.to_string() prop:selected=move || desk.picks.get()[which] == at>{one.line()}</option>
                }).collect_view()}
            </select>
            <div class="choose__axes">
                {move || shape.get().into_iter().enumerate().map(|(at, extent)| view! { <AxisChoice desk=desk which=which letter=letter at=at extent=extent /> }).collect_view()}
            </div>
            <Split desk=desk which=which letter=letter />
            <Fault field=field faults=faults />
            <canvas node_ref=canvas class="choose__picture" role="img" aria-label=move || format!("{letter}: {}", i18n::now(lab.lang.get(), "first head that comes in", "导入的第一个头")) hidden=move || rows.with(Option::is_none)></canvas>
            <pre class="choose__first">{first}</pre>
        </fieldset>
    }
}

/// What one axis is.
#[component]
fn AxisChoice(
    /// What is chosen.
    desk: Desk,
    /// Of which tensor.
    which: usize,
    /// Its letter.
    letter: &'static str,
    /// Which axis.
    at: usize,
    /// How long it is.
    extent: usize,
) -> impl IntoView {
    let lab = lab();
    let now = Signal::memo(move || desk.views.with(|views| views[which].axes.get(at).copied()));
    let on_change = move |event| {
        let id = event_target_value(&event);
        if let Some(axis) = Axis::ALL.into_iter().find(|axis| axis.id() == id) {
            desk.set_axis(which, at, axis);
        }
    };
    view! {
        <label>
            <span>{extent.to_string()}</span>
            <select aria-label=move || format!("{letter}: {} {} ({extent})", i18n::now(lab.lang.get(), "axis", "轴"), at + 1) on:change=handler(on_change)>
                {Axis::ALL.map(|axis| view! {
                    <option value=axis.id() prop:selected=move || now.get() == Some(axis)>{move || meaning(axis, lab.lang.get())}</option>
                }).collect_view()}
            </select>
        </label>
    }
}

/// How many heads lie in a merged axis.
#[component]
fn Split(
    /// What is chosen.
    desk: Desk,
    /// Of which tensor.
    which: usize,
    /// Its letter.
    letter: &'static str,
) -> impl IntoView {
    let lab = lab();
    let merged = Signal::memo(move || desk.views.with(|views| views[which].axes.contains(&Axis::Merged)));
    let split = Signal::memo(move || desk.views.with(|views| views[which].split));
    let on_change = move |event| {
        // An empty field is 0 heads, which is refused with a word.
        desk.set_split(which, event_target_value(&event).trim().parse().unwrap_or(0));
    };
    view! {
        <label class="choose__split" hidden=move || !merged.get()>
            <span>{t("heads in it", "其中的头数")}</span>
            <input
                type="number"
                min="1"
                aria-label=move || format!("{letter}: {}", i18n::now(lab.lang.get(), "heads", "头数"))
                prop:value=move || split.get().to_string()
                on:change=handler(on_change)
            />
        </label>
    }
}

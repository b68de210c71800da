//! One matrix as a picture whose cells can be chosen, typed, nudged and dragged.

use leptos::html::{Canvas, Div, Input};
use leptos::prelude::*;
use web_sys::{Event, KeyboardEvent, PointerEvent};

use super::block::Block;
use super::cell::{self, Place};
use super::{onto, rows};
use crate::app::controls::{Show, number, paint, percent, typed};
use crate::app::element::NodeRef;
use crate::app::i18n;
use crate::app::palette::Palette;
use crate::app::reactive::{RwSignal, Signal, effect};
use crate::app::state::lab;
use crate::app::view::{handler, view};
use crate::experiment::TensorName;

/// Most rows that are painted, each its own pixel; of more, evenly spaced ones: browsers have no canvas as high as they like.
const PAINTED: usize = 1 << 14;
/// CSS pixels of a drag that cross the whole range of the matrix's numbers.
const DRAG: f64 = 120.0;

/// A drag under way: where it began, from which value, and how far the numbers reached then.
#[derive(Clone, Copy)]
struct Drag {
    place: Place,
    from_y: f64,
    value: f32,
    reach: f32,
    moved: bool,
}

/// Q, K or V of the chosen head.
#[component]
pub fn Matrix(
    /// Which tensor.
    tensor: TensorName,
) -> impl IntoView {
    let lab = lab();
    let (letter, colour) = match tensor {
        TensorName::Q => ("Q", "q"),
        TensorName::K => ("K", "k"),
        TensorName::V => ("V", "v"),
    };
    let block = Signal::memo(move || Block::current(lab, tensor));
    let size = Signal::memo(move || block.with(|b| b.as_ref().map_or((1, 1), |b| (b.rows, b.cols))));
    let canvas = NodeRef::<Canvas>::new();
    effect(move || {
        let (Some(canvas), palette) = (canvas.get(), Palette::current()) else { return };
        block.with(|block| {
            if let Some(block) = block {
                let (values, reach) = (block.values(), block.reach());
                // A lost canvas is painted again with the next change.
                let painted = block.rows.min(PAINTED);
                let _ = paint(&canvas, painted, block.cols, |r, c| {
                    let r = r * block.rows / painted;
                    Some(palette.diverging(values[r * block.cols + c] / reach * 1.3))
                });
            }
        });
    });

    let chosen = RwSignal::new(None::<(usize, usize)>);
    // A smaller matrix takes the place of a larger one: the cursor stays inside.
    let cursor = Signal::memo(move || chosen.get().map(|(r, c)| (r.min(size.get().0 - 1), c.min(size.get().1 - 1))));
    let place = move || {
        let (row, col) = cursor.get_untracked()?;
        Some(Place { tensor, head: block.with_untracked(|b| b.as_ref().map(|b| b.head))?, row, col })
    };
    let value = move |(row, col): (usize, usize)| block.with_untracked(|b| b.as_ref().and_then(|b| b.get(row, col)));
    let original = move |p: Place| Block::original(lab, tensor).and_then(|b| b.get(p.row, p.col));
    let select = move |row: usize, col: usize| {
        chosen.set(Some((row, col)));
        lab.hover.set(None);
        lab.show(|view| if tensor == TensorName::Q { view.query = row } else { view.key = row });
    };
    let nudge = move |steps: f64| {
        let Some((p, now)) = place().and_then(|p| Some((p, value((p.row, p.col))?))) else { return };
        let reach = block.with_untracked(|b| b.as_ref().map_or(1.0, Block::reach));
        cell::set(lab, p, cell::moved(now, steps, cell::nudge(reach)), original(p));
    };

    let field = NodeRef::<Div>::new();
    let entry = NodeRef::<Input>::new();
    let typing = move |start: &str| {
        if let Some(entry) = entry.get_untracked() {
            if !start.is_empty() {
                entry.set_value(start);
            }
            // Focus fails only for an element that has just been taken away.
            let _ = entry.focus();
            if start.is_empty() {
                entry.select();
            }
        }
    };
    // The cursor, and with it the field that a first digit goes to, is there as soon as the matrix has the focus.
    let on_focus = move |_| {
        if chosen.with_untracked(Option::is_none) {
            chosen.set(Some((rows::chosen_row(lab, tensor), 0)));
        }
    };
    let on_key = move |event: KeyboardEvent| {
        if event.ctrl_key() || event.meta_key() {
            return;
        }
        let (rows, cols) = size.get_untracked();
        let (row, col) = cursor.get_untracked().unwrap_or((rows::chosen_row(lab, tensor).min(rows - 1), 0));
        let key = event.key();
        let far = if event.shift_key() { 10.0 } else { 1.0 };
        match key.as_str() {
            "ArrowUp" if event.alt_key() => nudge(far),
            "ArrowDown" if event.alt_key() => nudge(-far),
            "ArrowUp" => select(row.saturating_sub(1), col),
            "ArrowDown" => select((row + 1).min(rows - 1), col),
            "ArrowLeft" => select(row, col.saturating_sub(1)),
            "ArrowRight" => select(row, (col + 1).min(cols - 1)),
            "Home" => select(row, 0),
            "End" => select(row, cols - 1),
            "PageUp" => select(0, col),
            "PageDown" => select(rows - 1, col),
            "Enter" => {
                select(row, col);
                typing("");
            }
            "Delete" | "Backspace" => {
                if let Some(p) = place() {
                    cell::restore(lab, p);
                }
            }
            // The first key of a number opens the field with it.
            "−" => {
                select(row, col);
                typing("-");
            }
            key if key.len() == 1 && key.starts_with(|c: char| c.is_ascii_digit() || ".-".contains(c)) => {
                select(row, col);
                typing(key);
            }
            _ => return,
        }
        event.prevent_default();
        event.stop_propagation();
    };

    let drag = StoredValue::new(None::<Drag>);
    let at = move |event: &PointerEvent| {
        let bounds = field.get_untracked()?.get_bounding_client_rect();
        let (rows, cols) = size.get_untracked();
        let index = |offset: f64, length: f64, n: usize| {
            ((offset / length.max(1.0) * n as f64).floor().max(0.0) as usize).min(n - 1)
        };
        let row = index(f64::from(event.client_y()) - bounds.top(), bounds.height(), rows);
        Some((row, index(f64::from(event.client_x()) - bounds.left(), bounds.width(), cols)))
    };
    let grab = move |event: &PointerEvent| {
        let Some((p, value)) = place().and_then(|p| Some((p, value((p.row, p.col))?))) else { return };
        let reach = block.with_untracked(|b| b.as_ref().map_or(1.0, Block::reach));
        drag.set_value(Some(Drag { place: p, from_y: f64::from(event.client_y()), value, reach, moved: false }));
        if let Some(field) = field.get_untracked() {
            // Without capture the drag ends at the matrix's edge, no more.
            let _ = field.set_pointer_capture(event.pointer_id());
        }
    };
    let on_down = move |event: PointerEvent| {
        if let Some(entry) = entry.get_untracked() {
            // A number half typed belongs to the cell chosen until now: leaving the field commits it.
            let _ = entry.blur();
        }
        let Some((row, col)) = at(&event) else { return };
        let again = cursor.get_untracked() == Some((row, col));
        select(row, col);
        // A finger scrolls unless it starts on the chosen cell; a mouse can drag any cell at once.
        if again || event.pointer_type() == "mouse" {
            grab(&event);
        }
    };
    let on_move = move |event: PointerEvent| {
        let Some(mut state) = drag.get_value() else {
            if let Some((row, _)) = at(&event) {
                rows::hover(lab, tensor, row);
            }
            return;
        };
        let way = state.from_y - f64::from(event.client_y());
        if !state.moved && way.abs() < 3.0 {
            return;
        }
        state.moved = true;
        drag.set_value(Some(state));
        let step = cell::nudge(state.reach) / 10.0;
        let steps = (way / DRAG * f64::from(2.0 * state.reach / step)).round();
        cell::set(lab, state.place, cell::moved(state.value, steps, step), original(state.place));
    };
    let on_up = move |_| drag.set_value(None);

    // What is written in the field under the matrix.
    let shown = Signal::memo(move || {
        let (row, col) = cursor.get()?;
        block.with(|b| b.as_ref().and_then(|b| b.get(row, col)))
    });
    let written = move || shown.get_untracked().map_or_else(String::new, |x| number(f64::from(x)));
    let commit = move |event: &Event| {
        let input = event_target::<web_sys::HtmlInputElement>(event);
        let text = input.value();
        // The rounded number that was there all along is no edit.
        if text == written() {
            return;
        }
        match (typed(&text).map(|x| x as f32), place()) {
            // The field follows once the new numbers are there.
            (Some(number), Some(p)) if number.is_finite() => cell::set(lab, p, number, original(p)),
            _ => input.set_value(&written()),
        }
    };
    let on_entry_key = move |event: KeyboardEvent| {
        let leave = match event.key().as_str() {
            "Enter" => {
                commit(&event);
                true
            }
            "Escape" => {
                event_target::<web_sys::HtmlInputElement>(&event).set_value(&written());
                true
            }
            _ => false,
        };
        if leave {
            event.stop_propagation();
            if let Some(field) = field.get_untracked() {
                let _ = field.focus();
            }
        }
    };
    let spoken = move || {
        let (row, col) = cursor.get()?;
        let place = i18n::now(lab.lang.get(), "place", "位置");
        Some(format!("{letter}, {}, {place} {col}", rows::token(lab, tensor, row)))
    };
    let edited = Signal::memo(move || rows::edited_path(lab, tensor, block.with(|b| b.as_ref().map_or(0, |b| b.head))));
    let current_row = Signal::memo(move || if tensor == TensorName::Q { lab.cell().0 } else { lab.cell().1 });
    let percent = |i: usize, n: usize| percent(i as f64 / n.max(1) as f64);
    let summary = move || {
        let (rows, cols) = size.get();
        match lab.lang.get() {
            crate::catalogue::Lang::En => {
                format!("{letter}: {rows} tokens × {cols} numbers; arrow keys move, type a number to change a cell")
            }
            crate::catalogue::Lang::Zh => {
                format!("{letter}：{rows} 个词元 × {cols} 个数；方向键移动，输入数字可修改单元格")
            }
        }
    };
    view! {
        <div class="matrix" data-tensor=colour>
            <div class="matrix__name"><b>{letter}</b><small>{move || format!("{}×{}", size.get().0, size.get().1)}</small></div>
            <div class="matrix__scroll">
                <div
                    class="matrix__field"
                    node_ref=field
                    role="application"
                    tabindex="0"
                    aria-label=summary
                    style:height=move || format!("{}px", rows::height(size.get().0))
                    on:pointerdown=handler(on_down)
                    on:pointermove=handler(on_move)
                    on:pointerup=handler(on_up)
                    on:pointercancel=handler(on_up)
                    on:pointerleave=handler(move |_| if drag.with_value(Option::is_none) { lab.hover.set(None) })
                    on:dblclick=handler(move |_| typing(""))
                    on:keydown=handler(on_key)
                    on:focus=handler(on_focus)
                    on:paste=handler(move |event| onto::paste(lab, &event, place()))
                >
                    <canvas node_ref=canvas aria-hidden="true"></canvas>
                    <i class="matrix__row" style:top=move || percent(current_row.get().min(size.get().0 - 1), size.get().0) style:height=move || percent(1, size.get().0)></i>
                    <svg class="matrix__edits" viewBox=move || format!("0 0 {} {}", size.get().1, size.get().0) preserveAspectRatio="none" aria-hidden="true">
                        <path d=edited />
                    </svg>
                    <Show when=Signal::derive(move || cursor.get().is_some())>
                        <i
                            class="matrix__cell"
                            style:top=move || percent(cursor.get().map_or(0, |c| c.0), size.get().0)
                            style:left=move || percent(cursor.get().map_or(0, |c| c.1), size.get().1)
                            style:height=move || percent(1, size.get().0)
                            style:width=move || percent(1, size.get().1)
                        ></i>
                    </Show>
                </div>
            </div>
            <div class="matrix__value" hidden=move || cursor.get().is_none()>
                <span aria-live="polite">
                    <span aria-hidden="true">{move || cursor.get().map(|(row, col)| format!("{} · {col}", rows::token(lab, tensor, row)))}</span>
                    <span class="quiet">{move || spoken().map(|s| format!("{s}: {}", shown.get().map_or_else(String::new, |x| number(f64::from(x)))))}</span>
                </span>
                <input
                    node_ref=entry
                    type="text"
                    inputmode="decimal"
                    aria-label=move || spoken().unwrap_or_else(|| letter.to_owned())
                    prop:value=move || shown.get().map_or_else(String::new, |x| number(f64::from(x)))
                    on:change=handler(move |event| commit(&event))
                    on:keydown=handler(on_entry_key)
                />
            </div>
        </div>
    }
}

//! X as a picture whose cells can be chosen and typed.

use leptos::html::{Canvas, Div};
use leptos::prelude::*;
use web_sys::{KeyboardEvent, PointerEvent};

use super::{change, states};
use crate::app::controls::{Show, number, paint, typed};
use crate::app::element::NodeRef;
use crate::app::i18n::{self, t};
use crate::app::inputs::rows;
use crate::app::palette::Palette;
use crate::app::reactive::{RwSignal, Signal, effect};
use crate::app::state::lab;
use crate::app::view::{handler, view};
use crate::experiment::Hidden;

/// Most numbers of an X that can be edited: it is kept as rows from then on, and links hold them all.
const EDITABLE: usize = 2048;

/// X, beside the tensors it is projected to.
#[component]
pub fn X() -> impl IntoView {
    let lab = lab();
    let now = states(lab);
    let size =
        Signal::memo(move || now.with(|s| s.as_ref().map_or((1, 1), |s| (s.tokens.len().max(1), s.width.max(1)))));
    let editable = Signal::memo(move || size.get().0 * size.get().1 <= EDITABLE);
    let canvas = NodeRef::<Canvas>::new();
    let field = NodeRef::<Div>::new();
    effect(move || {
        let (Some(canvas), palette) = (canvas.get(), Palette::current()) else { return };
        now.with(|states| {
            let Some(states) = states else { return };
            let reach = states.data.iter().fold(0.0_f32, |reach, x| reach.max(x.abs()));
            let reach = if reach > 0.0 { reach } else { 1.0 };
            // A lost canvas is painted again with the next change.
            let _ = paint(&canvas, states.tokens.len(), states.width, |r, c| {
                states.data.get(r * states.width + c).map(|x| palette.diverging(x / reach * 1.3))
            });
        });
    });
    let chosen = RwSignal::new(None::<(usize, usize)>);
    let cursor = Signal::memo(move || chosen.get().map(|(r, c)| (r.min(size.get().0 - 1), c.min(size.get().1 - 1))));
    let value = Signal::memo(move || {
        let (row, col) = cursor.get()?;
        now.with(|s| s.as_ref().and_then(|s| s.data.get(row * s.width + col).copied()))
    });
    let select = move |row: usize, col: usize| {
        chosen.set(Some((row, col)));
        lab.show(|view| view.query = row);
    };
    let set = move |to: f32| {
        let Some((row, col)) = cursor.get_untracked() else { return };
        let mut rows: Vec<Vec<f32>> =
            now.with_untracked(|s| s.iter().flat_map(|s| s.data.chunks(s.width.max(1))).map(<[f32]>::to_vec).collect());
        if let Some(cell) = rows.get_mut(row).and_then(|row| row.get_mut(col))
            && *cell != to
        {
            *cell = to;
            change(lab, &format!("input.x.{row}.{col}"), |x, _, _| *x = Hidden::Rows { rows });
        }
    };
    let on_down = move |event: PointerEvent| {
        let Some(bounds) = field.get_untracked().map(|field| field.get_bounding_client_rect()) else { return };
        let (rows, cols) = size.get_untracked();
        let index = |offset: f64, length: f64, n: usize| {
            ((offset / length.max(1.0) * n as f64).floor().max(0.0) as usize).min(n - 1)
        };
        select(
            index(f64::from(event.client_y()) - bounds.top(), bounds.height(), rows),
            index(f64::from(event.client_x()) - bounds.left(), bounds.width(), cols),
        );
    };
    let on_key = move |event: KeyboardEvent| {
        if event.ctrl_key() || event.meta_key() {
            return;
        }
        let ((rows, cols), (row, col)) = (size.get_untracked(), cursor.get_untracked().unwrap_or((0, 0)));
        match event.key().as_str() {
            "ArrowUp" => select(row.saturating_sub(1), col),
            "ArrowDown" => select((row + 1).min(rows - 1), col),
            "ArrowLeft" => select(row, col.saturating_sub(1)),
            "ArrowRight" => select(row, (col + 1).min(cols - 1)),
            _ => return,
        }
        event.prevent_default();
        event.stop_propagation();
    };
    let name = move || {
        let (row, col) = cursor.get()?;
        let word = now.with(|s| s.as_ref().and_then(|s| s.tokens.get(row).cloned()))?;
        Some(format!("{word} · {col}"))
    };
    let written = move || value.get().map_or_else(String::new, |x| number(f64::from(x)));
    let on_change = move |event| {
        let text = event_target_value(&event);
        // The rounded number that was there all along is no edit.
        if text != value.get_untracked().map_or_else(String::new, |x| number(f64::from(x)))
            && let Some(x) = typed(&text).map(|x| x as f32).filter(|x| x.is_finite())
        {
            set(x);
        }
        let now = value.get_untracked().map_or_else(String::new, |x| number(f64::from(x)));
        event_target::<web_sys::HtmlInputElement>(&event).set_value(&now);
    };
    let current = Signal::memo(move || lab.cell().0.min(size.get().0 - 1));
    let percent = |i: usize, n: usize| format!("{:.4}%", i as f64 / n.max(1) as f64 * 100.0);
    let summary = move || {
        let (rows, cols) = size.get();
        let numbers = i18n::now(lab.lang.get(), "numbers; arrow keys move", "个数；方向键移动");
        format!("X: {rows} × {cols} {numbers}")
    };
    view! {
        <div class="matrix" data-tensor="x">
            <div class="matrix__name"><b>"X"</b><small>{move || format!("{}×{}", size.get().0, size.get().1)}</small></div>
            <div class="matrix__scroll">
                <div
                    class="matrix__field"
                    node_ref=field
                    role="application"
                    tabindex="0"
                    aria-label=summary
                    style:height=move || format!("{}px", rows::height(size.get().0))
                    on:pointerdown=handler(on_down)
                    on:keydown=handler(on_key)
                >
                    <canvas node_ref=canvas aria-hidden="true"></canvas>
                    <i class="matrix__row" style:top=move || percent(current.get(), size.get().0) style:height=move || percent(1, size.get().0)></i>
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
                <span aria-live="polite">{name}</span>
                <input
                    type="text"
                    inputmode="decimal"
                    disabled=move || !editable.get()
                    title=move || (!editable.get()).then(|| t("too large to be edited here", "过大，无法在此编辑")())
                    aria-label=move || name().map_or_else(|| "X".to_owned(), |name| format!("X, {name}"))
                    prop:value=written
                    on:change=handler(on_change)
                />
            </div>
        </div>
    }
}

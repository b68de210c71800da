//! A picture painted patch by patch: with the pointer, or with arrow keys and space.

use leptos::html::{Canvas, Div};
use leptos::prelude::*;
use web_sys::{KeyboardEvent, PointerEvent};

use super::{change, hidden};
use crate::app::controls::{IssueLine, Slider, Span, paint, words};
use crate::app::element::NodeRef;
use crate::app::i18n::{self, t};
use crate::app::palette::Palette;
use crate::app::reactive::{RwSignal, Signal, effect};
use crate::app::state::lab;
use crate::app::view::{handler, view};
use crate::experiment::Hidden;

/// Most patches along a side on the page; links and the API may have more.
const SIDE: usize = 32;

fn cells_of(x: &mut Hidden) -> Option<(&mut usize, &mut Vec<f32>)> {
    match x {
        Hidden::Image { width, cells } | Hidden::TextImage { width, cells, .. } => Some((width, cells)),
        _ => None,
    }
}

/// The picture at another size: what both have in common stays, the rest is 0.
fn resized(width: usize, cells: &[f32], [new_height, new_width]: [usize; 2]) -> Vec<f32> {
    let cell = |r: usize, c: usize| if c < width { cells.get(r * width + c).copied().unwrap_or(0.0) } else { 0.0 };
    (0..new_height * new_width).map(|at| cell(at / new_width, at % new_width)).collect()
}

/// The picture with its brush and its sides.
#[component]
pub fn Picture() -> impl IntoView {
    let lab = lab();
    let x = hidden(lab);
    // Width and patches.
    let now = Signal::memo(move || {
        let found = x.get().and_then(|mut x| cells_of(&mut x).map(|(width, cells)| (*width, cells.clone())));
        found.unwrap_or((1, vec![0.0]))
    });
    let size = Signal::memo(move || {
        now.with(|(width, cells)| (cells.len().div_ceil((*width).max(1)).max(1), (*width).max(1)))
    });
    let brush = RwSignal::new(1.0_f64);
    let value = move |(row, col): (usize, usize)| {
        now.with_untracked(|(width, cells)| cells.get(row * width + col).copied().unwrap_or(0.0))
    };
    let set = move |(row, col): (usize, usize), to: f32| {
        change(lab, "input.x.cells", |x, _, _| {
            if let Some((width, cells)) = cells_of(x)
                && let Some(cell) = cells.get_mut(row * *width + col)
            {
                *cell = to;
            }
        });
    };
    let resize = move |height: usize, width: usize| {
        change(lab, "input.x.sides", |x, _, _| {
            if let Some((old, cells)) = cells_of(x) {
                *cells = resized(*old, cells, [height, width]);
                *old = width;
            }
        });
    };
    let all = move |key: &'static str, of: fn(f32) -> f32| {
        move |_| {
            change(lab, key, |x, _, _| {
                if let Some((_, cells)) = cells_of(x) {
                    cells.iter_mut().for_each(|cell| *cell = of(*cell));
                }
            });
        }
    };

    let canvas = NodeRef::<Canvas>::new();
    let field = NodeRef::<Div>::new();
    effect(move || {
        let (Some(canvas), palette) = (canvas.get(), Palette::current()) else { return };
        let (rows, cols) = size.get();
        now.with(|(_, cells)| {
            // A lost canvas is painted again with the next change.
            let _ = paint(&canvas, rows, cols, |r, c| {
                cells.get(r * cols + c).map(|&x| palette.sequential(x.clamp(0.0, 1.0)))
            });
        });
    });

    let cursor = RwSignal::new((0_usize, 0_usize));
    let place = Signal::memo(move || {
        let ((row, col), (rows, cols)) = (cursor.get(), size.get());
        (row.min(rows - 1), col.min(cols - 1))
    });
    // While painting: what the stroke sets. A stroke that begins on the brush's own value wipes.
    let stroke = StoredValue::new(None::<f32>);
    let wanted = move |at| {
        let brush = brush.get_untracked() as f32;
        if value(at) == brush { 0.0 } else { brush }
    };
    let show = move |(row, col): (usize, usize)| {
        let (_, cols) = size.get_untracked();
        // A patch after a text stands behind the words.
        let before = x.with_untracked(|x| match x {
            Some(Hidden::TextImage { .. }) => x.as_ref().map_or(0, |x| x.streams()[0]),
            _ => 0,
        });
        lab.show(|view| view.query = before + row * cols + col);
    };
    let at = move |event: &PointerEvent| {
        let bounds = field.get_untracked()?.get_bounding_client_rect();
        let (rows, cols) = size.get_untracked();
        let index = |offset: f64, length: f64, n: usize| {
            ((offset / length.max(1.0) * n as f64).floor().max(0.0) as usize).min(n - 1)
        };
        let row = index(f64::from(event.client_y()) - bounds.top(), bounds.height(), rows);
        Some((row, index(f64::from(event.client_x()) - bounds.left(), bounds.width(), cols)))
    };
    let on_down = move |event: PointerEvent| {
        let Some(at) = at(&event) else { return };
        let to = wanted(at);
        stroke.set_value(Some(to));
        if let Some(field) = field.get_untracked() {
            // Without capture the stroke ends at the edge, no more.
            let _ = field.set_pointer_capture(event.pointer_id());
        }
        cursor.set(at);
        set(at, to);
        show(at);
    };
    let on_move = move |event: PointerEvent| {
        if let (Some(to), Some(at)) = (stroke.get_value(), at(&event))
            && cursor.get_untracked() != at
        {
            cursor.set(at);
            set(at, to);
        }
    };
    let on_key = move |event: KeyboardEvent| {
        if event.ctrl_key() || event.meta_key() {
            return;
        }
        let ((row, col), (rows, cols)) = (place.get_untracked(), size.get_untracked());
        let next = match event.key().as_str() {
            "ArrowUp" => (row.saturating_sub(1), col),
            "ArrowDown" => ((row + 1).min(rows - 1), col),
            "ArrowLeft" => (row, col.saturating_sub(1)),
            "ArrowRight" => (row, (col + 1).min(cols - 1)),
            " " | "Enter" => {
                set((row, col), wanted((row, col)));
                (row, col)
            }
            _ => return,
        };
        event.prevent_default();
        event.stop_propagation();
        cursor.set(next);
        show(next);
    };
    let spoken = Signal::derive(move || {
        now.track();
        let (row, col) = place.get();
        let lang = lab.lang.get();
        format!(
            "{} {row}, {} {col}: {}",
            i18n::now(lang, "row", "行"),
            i18n::now(lang, "column", "列"),
            value((row, col))
        )
    });
    let percent = |i: usize, n: usize| format!("{:.4}%", i as f64 / n.max(1) as f64 * 100.0);
    view! {
        <div
            class="layout"
            node_ref=field
            role="application"
            tabindex="0"
            aria-label=t("Patches: arrow keys move, space paints or wipes", "图块：方向键移动，空格绘制或擦除")
            style:aspect-ratio=move || { let (rows, cols) = size.get(); format!("{cols} / {rows}") }
            on:pointerdown=handler(on_down)
            on:pointermove=handler(on_move)
            on:pointerup=handler(move |_| stroke.set_value(None))
            on:pointercancel=handler(move |_| stroke.set_value(None))
            on:keydown=handler(on_key)
        >
            <canvas node_ref=canvas aria-hidden="true"></canvas>
            <i
                class="layout__tile"
                style:top=move || percent(place.get().0, size.get().0)
                style:left=move || percent(place.get().1, size.get().1)
                style:height=move || percent(1, size.get().0)
                style:width=move || percent(1, size.get().1)
            ></i>
        </div>
        <p class="quiet" aria-live="polite">{spoken}</p>
        <Slider label=words("brush", "画笔") value=Signal::derive(move || brush.get()) span=Span::new(0.1, 1.0, 0.1) on_change=Callback::new(move |x| brush.set(x)) />
        <Slider label=words("height", "高") value=Signal::derive(move || size.get().0 as f64) span=Span::whole(1, SIDE) on_change=Callback::new(move |x: f64| resize(x.max(1.0) as usize, size.get_untracked().1)) />
        <Slider label=words("width", "宽") value=Signal::derive(move || size.get().1 as f64) span=Span::whole(1, SIDE) on_change=Callback::new(move |x: f64| resize(size.get_untracked().0, x.max(1.0) as usize)) />
        <div class="edits">
            <button type="button" class="quiet-button" on:click=handler(all("input.x.clear", |_| 0.0))>{t("Clear", "清空")}</button>
            <button type="button" class="quiet-button" on:click=handler(all("input.x.invert", |x| 1.0 - x))>{t("Invert", "反相")}</button>
        </div>
        <IssueLine path="input.x" />
        <p class="note">{t(
            "Each patch is a token: its own value, its eight neighbours' and a constant. Patterns over a plane (axial, Swin, neighbourhood, 2-D rotary) take the picture's height and width.",
            "每个图块是一个词元：自身的值、八个邻块的值和一个常数。平面模式（轴向、Swin、邻域、二维旋转）会采用图画的高和宽。",
        )}</p>
    }
}

#[cfg(test)]
mod tests {
    use super::resized;

    #[test]
    fn what_both_sizes_share_stays() {
        let cells = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0];
        assert_eq!(resized(3, &cells, [1, 2]), [1.0, 2.0]);
        assert_eq!(resized(3, &cells, [3, 4]), [1.0, 2.0, 3.0, 0.0, 4.0, 5.0, 6.0, 0.0, 0.0, 0.0, 0.0, 0.0]);
    }
}

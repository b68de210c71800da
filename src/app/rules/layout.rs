//! A layout of tiles painted by hand: click, drag, or arrow keys and space.

use leptos::html::{Canvas, Div};
use leptos::prelude::*;
use web_sys::{KeyboardEvent, PointerEvent};

use super::tables::Now;
use crate::app::controls::{Switch, paint, words};
use crate::app::element::NodeRef;
use crate::app::i18n::{self, t};
use crate::app::palette::Palette;
use crate::app::reactive::{RwSignal, Signal, effect};
use crate::app::state::lab;
use crate::app::view::{handler, view};

/// The chosen head's tiles.
#[component]
pub fn Layout(
    /// Name of the table in the experiment.
    name: &'static str,
    /// The table now: `[heads, rows, columns]`.
    now: Signal<Now>,
) -> impl IntoView {
    let lab = lab();
    let all_heads = RwSignal::new(true);
    let head = Signal::memo(move || lab.experiment.with(|e| e.view.head));
    // Heads, and tiles each way.
    let size = Signal::memo(move || {
        now.with(|n| match n.shape[..] {
            [heads, rows, cols] => (heads, rows.max(1), cols.max(1)),
            _ => (0, 1, 1),
        })
    });
    let on = move |row: usize, col: usize| {
        let (heads, rows, cols) = size.get_untracked();
        let h = head.get_untracked().min(heads.saturating_sub(1));
        now.with_untracked(|n| n.values.get((h * rows + row) * cols + col).is_some_and(|&x| x != 0.0))
    };
    let set = move |row: usize, col: usize, on: bool| {
        let (heads, rows, cols) = size.get_untracked();
        let chosen = head.get_untracked().min(heads.saturating_sub(1));
        let mut values = now.with_untracked(|n| n.values.clone());
        for h in (0..heads).filter(|&h| all_heads.get_untracked() || h == chosen) {
            if let Some(tile) = values.get_mut((h * rows + row) * cols + col) {
                *tile = f64::from(u8::from(on));
            }
        }
        lab.edit(&format!("data.{name}"), |e| {
            e.data.insert(name.to_owned(), values);
        });
    };

    let canvas = NodeRef::<Canvas>::new();
    let field = NodeRef::<Div>::new();
    effect(move || {
        let (Some(canvas), palette) = (canvas.get(), Palette::current()) else { return };
        let (heads, rows, cols) = size.get();
        let h = head.get().min(heads.saturating_sub(1));
        now.with(|n| {
            // A lost canvas is painted again with the next change.
            let _ = paint(&canvas, rows, cols, |r, c| {
                n.values.get((h * rows + r) * cols + c).is_some_and(|&x| x != 0.0).then(|| palette.sequential(0.68))
            });
        });
    });

    let cursor = RwSignal::new((0_usize, 0_usize));
    let place = Signal::memo(move || {
        let ((row, col), (_, rows, cols)) = (cursor.get(), size.get());
        (row.min(rows - 1), col.min(cols - 1))
    });
    // While painting: what the stroke sets, decided by the tile it starts on.
    let stroke = StoredValue::new(None::<bool>);
    let at = move |event: &PointerEvent| {
        let bounds = field.get_untracked()?.get_bounding_client_rect();
        let (_, rows, cols) = size.get_untracked();
        let index = |offset: f64, length: f64, n: usize| {
            ((offset / length.max(1.0) * n as f64).floor().max(0.0) as usize).min(n - 1)
        };
        let row = index(f64::from(event.client_y()) - bounds.top(), bounds.height(), rows);
        Some((row, index(f64::from(event.client_x()) - bounds.left(), bounds.width(), cols)))
    };
    let on_down = move |event: PointerEvent| {
        let Some((row, col)) = at(&event) else { return };
        let wanted = !on(row, col);
        stroke.set_value(Some(wanted));
        if let Some(field) = field.get_untracked() {
            // Without capture the stroke ends at the edge, no more.
            let _ = field.set_pointer_capture(event.pointer_id());
        }
        cursor.set((row, col));
        set(row, col, wanted);
    };
    let on_move = move |event: PointerEvent| {
        if let (Some(wanted), Some((row, col))) = (stroke.get_value(), at(&event))
            && (cursor.get_untracked() != (row, col))
        {
            cursor.set((row, col));
            if on(row, col) != wanted {
                set(row, col, wanted);
            }
        }
    };
    let on_key = move |event: KeyboardEvent| {
        let ((row, col), (_, rows, cols)) = (place.get_untracked(), size.get_untracked());
        let next = match event.key().as_str() {
            "ArrowUp" => (row.saturating_sub(1), col),
            "ArrowDown" => ((row + 1).min(rows - 1), col),
            "ArrowLeft" => (row, col.saturating_sub(1)),
            "ArrowRight" => (row, (col + 1).min(cols - 1)),
            " " | "Enter" => {
                set(row, col, !on(row, col));
                (row, col)
            }
            _ => return,
        };
        event.prevent_default();
        event.stop_propagation();
        cursor.set(next);
    };
    let spoken = Signal::derive(move || {
        now.track();
        let (row, col) = place.get();
        let lang = lab.lang.get();
        let state = if on(row, col) { i18n::now(lang, "on", "开") } else { i18n::now(lang, "off", "关") };
        format!("{}, {}: {state}", row + 1, col + 1)
    });
    let percent = |i: usize, n: usize| format!("{:.4}%", i as f64 / n.max(1) as f64 * 100.0);
    view! {
        <div
            class="layout"
            node_ref=field
            role="application"
            tabindex="0"
            aria-label=t("Tiles: arrow keys move, space switches a tile", "块：方向键移动，空格切换")
            style:aspect-ratio=move || { let (_, rows, cols) = size.get(); format!("{cols} / {rows}") }
            on:pointerdown=handler(on_down)
            on:pointermove=handler(on_move)
            on:pointerup=handler(move |_| stroke.set_value(None))
            on:pointercancel=handler(move |_| stroke.set_value(None))
            on:keydown=handler(on_key)
        >
            <canvas node_ref=canvas aria-hidden="true"></canvas>
            <i
                class="layout__tile"
                style:top=move || percent(place.get().0, size.get().1)
                style:left=move || percent(place.get().1, size.get().2)
                style:height=move || percent(1, size.get().1)
                style:width=move || percent(1, size.get().2)
            ></i>
        </div>
        <p class="quiet" aria-live="polite">{spoken}</p>
        <Switch label=words("paint all heads at once", "同时绘制所有头") on=all_heads on_change=Callback::new(move |on| all_heads.set(on)) />
    }
}

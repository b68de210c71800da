//! The large map: a canvas for the cells, a light overlay for the crosshair, labels around it. Pointer, touch and keys move one cell cursor.

#![allow(improper_ctypes_definitions, reason = "both sides of a cut are this one compilation")]

use std::cell::Cell;

use leptos::html::{Canvas, Div};
use leptos::prelude::*;
use leptos::task::spawn_local;
use wasm_split_helpers::{SplitLoaderError, wasm_split};
use web_sys::{KeyboardEvent, PointerEvent};

use super::axes::Axis;
use super::draw::draw;
use super::scale::Scale;
use super::stages;
use crate::analysis::window::Window;
use crate::app::clock::BeforePaint;
use crate::app::controls::{Show, fixed, percent};
use crate::app::element::NodeRef;
use crate::app::i18n::{self, t};
use crate::app::palette::Palette;
use crate::app::reactive::{RwSignal, Signal, effect};
use crate::app::result::story;
use crate::app::runner::checked::missing;
use crate::app::state::{Lab, ON_ITS_WAY, Status, lab};
use crate::app::view::{handler, view};
use crate::attention;
use crate::catalogue::Lang;
use crate::engine::Map;
use crate::experiment::{Patch, Stage};

/// A part of the map that is looked at, instead of all of it.
#[derive(Clone, Copy)]
pub struct Closer {
    /// The part.
    pub window: Signal<Window>,
    /// Its picture.
    pub picture: Signal<Option<Map>>,
    /// What stands below the map, as wide as its cells.
    pub below: Callback<(), AnyView>,
}

/// The large map.
#[component]
pub fn MapView(
    /// Whether a click switches cells on and off instead of selecting one.
    painting: RwSignal<bool>,
    /// Whether the keys may do so.
    paintable: bool,
    /// Whether the tools to look closer are open: 0 no, 1 yes, 2 yes and one step closer. Asked for by wheel and key.
    opened: RwSignal<u8>,
    /// What is looked at, where the tools are there.
    #[prop(optional_no_strip)]
    closer: Option<Closer>,
) -> impl IntoView {
    let lab = lab();
    let canvas = NodeRef::<Canvas>::new();
    let field = NodeRef::<Div>::new();
    let size = Signal::memo(move || lab.outcome.with(|o| o.as_ref().map_or((1, 1), |o| (o.dims.n_q, o.dims.n_k))));
    let whole = Signal::memo(move || {
        let (stage, head) = lab.experiment.with(|e| (e.view.stage, e.view.head));
        lab.picture(stage, head)
    });
    let picture = closer.map_or(whole, |closer| closer.picture);
    let window = closer.map_or_else(
        || {
            Signal::memo(move || {
                let (n_q, n_k) = size.get();
                Window::whole([n_q, n_k])
            })
        },
        |closer| closer.window,
    );
    let scale = Signal::memo(move || whole.with(|whole| whole.as_ref().map(Scale::of)));
    let width = crate::app::shell::element_width(field);
    let (frame, drawn, begun) = (BeforePaint::default(), Cell::new((0, 0.0)), Cell::new(false));
    effect(move || {
        picture.track();
        let (palette, now) = (Palette::current(), (lab.palette.get(), width.get()));
        let turned = drawn.replace(now) != now;
        let Some(canvas) = canvas.get() else { return };
        // In the colours of the whole, as the legend says them, whatever part of it is shown.
        let Some(scale) = scale.get() else { return };
        let paint = move || {
            // Signals of a view that is gone can't be read.
            if canvas.is_connected() {
                picture.with_untracked(|map| {
                    if let Some(map) = map {
                        // A lost canvas context is drawn again with the next change.
                        let _ = draw(&canvas, map, &scale, &palette, true);
                    }
                });
            }
        };
        if !begun.replace(true) {
            // With the first result half of the page comes: one frame for that, the next one for its picture.
            return frame.ask_later(paint);
        }
        // The way to paper leads through another theme and waits for no frame; of another width the browser tells between layout and paint.
        if turned { frame.instead(paint) } else { frame.ask(paint) }
    });

    // While painting: the cell that the stroke reached, and what it sets, decided by the cell it starts on.
    let stroke = StoredValue::new(None::<(usize, usize)>);
    let sets = StoredValue::new(None::<bool>);
    let at = move |event: &PointerEvent| {
        let field = field.get_untracked()?;
        let Window { q, k } = window.get_untracked();
        let bounds = field.get_bounding_client_rect();
        let place = |at: f64, length: f64, [from, to]: [usize; 2]| {
            let n = to - from;
            (length > 0.0).then(|| from + ((at / length * n as f64).floor().max(0.0) as usize).min(n - 1))
        };
        let q = place(f64::from(event.client_y()) - bounds.top(), bounds.height(), q)?;
        let k = place(f64::from(event.client_x()) - bounds.left(), bounds.width(), k)?;
        Some((q, k))
    };
    let on_move = move |event: PointerEvent| {
        let Some(cell) = at(&event) else { return };
        if lab.hover.get_untracked() != Some(cell) {
            lab.hover.set(Some(cell));
        }
        if let Some(from) = stroke.get_value()
            && from != cell
        {
            // A fast hand skips cells between two events: the line between them is painted.
            for between in line(from, cell) {
                paint(lab, between, sets);
            }
            stroke.set_value(Some(cell));
        }
    };
    let on_down = move |event: PointerEvent| {
        let Some((q, k)) = at(&event) else { return };
        if painting.get_untracked() {
            sets.set_value(opposite(lab, (q, k)));
            stroke.set_value(Some((q, k)));
            if let Some(field) = field.get_untracked() {
                // Without capture the stroke ends at the map's edge, no more.
                let _ = field.set_pointer_capture(event.pointer_id());
            }
            paint(lab, (q, k), sets);
        } else {
            lab.show(|view| (view.query, view.key) = (q, k));
        }
    };
    let on_key = move |event: KeyboardEvent| {
        let (n_q, n_k) = size.get_untracked();
        let (q, k) = lab.experiment.with_untracked(|e| (e.view.query.min(n_q - 1), e.view.key.min(n_k - 1)));
        let page = if event.shift_key() { 8 } else { 1 };
        let next = match event.key().as_str() {
            "ArrowUp" => (q.saturating_sub(page), k),
            "ArrowDown" => ((q + page).min(n_q - 1), k),
            "ArrowLeft" => (q, k.saturating_sub(page)),
            "ArrowRight" => (q, (k + page).min(n_k - 1)),
            "Home" => (q, 0),
            "End" => (q, n_k - 1),
            "PageUp" => (0, k),
            "PageDown" => (n_q - 1, k),
            "+" | "=" if closer.is_none() => {
                event.prevent_default();
                opened.set(2);
                return;
            }
            " " => {
                event.prevent_default();
                if !paintable {
                    return;
                }
                sets.set_value(opposite(lab, (q, k)));
                paint(lab, (q, k), sets);
                return;
            }
            _ => return,
        };
        event.prevent_default();
        lab.hover.set(None);
        lab.show(|view| (view.query, view.key) = next);
    };

    let cell = Signal::memo(move || {
        let ((q, k), (n_q, n_k)) = (lab.cell(), size.get());
        (q.min(n_q - 1), k.min(n_k - 1))
    });
    let tokens = move |keys: bool| Signal::memo(move || lab.tokens(keys));
    let (rows, columns) = (Signal::derive(move || window.get().q), Signal::derive(move || window.get().k));
    let share = |[from, to]: [usize; 2]| percent(1.0 / (to - from) as f64);
    // With the key that zooms a page; pinching says the same. The tools that come take the wheel from then on.
    let on_wheel = move |event: web_sys::WheelEvent| {
        if closer.is_none() && (event.ctrl_key() || event.meta_key()) {
            event.prevent_default();
            opened.set(2);
        }
    };
    view! {
        <div class="map" class:painting=move || painting.get()>
            <Axis class="rows" tokens=tokens(false) span=rows current=Signal::derive(move || cell.get().0) />
            <div
                class="map__field"
                node_ref=field
                role="application"
                tabindex="0"
                aria-label=t("Attention map: arrow keys move over the cells, space switches a cell on or off", "注意力图：方向键移动，空格允许或屏蔽单元格")
                aria-describedby="map-whole map-cell"
                style:aspect-ratio=move || {
                    let [rows, columns] = window.get().size();
                    format!("{columns} / {rows}")
                }
                on:pointermove=handler(on_move)
                on:pointerdown=handler(on_down)
                on:pointerup=handler(move |_| stroke.set_value(None))
                on:pointerleave=handler(move |_| { stroke.set_value(None); lab.hover.set(None); })
                on:keydown=handler(on_key)
                on:wheel=handler(on_wheel)
            >
                <canvas node_ref=canvas aria-hidden="true"></canvas>
                <i class="cross cross--row" style:top=move || start(cell.get().0, rows.get()) style:height=move || share(rows.get())></i>
                <i class="cross cross--column" style:left=move || start(cell.get().1, columns.get()) style:width=move || share(columns.get())></i>
                <i
                    class="cross cross--cell"
                    style:top=move || start(cell.get().0, rows.get())
                    style:left=move || start(cell.get().1, columns.get())
                    style:height=move || share(rows.get())
                    style:width=move || share(columns.get())
                ></i>
                <Show when=Signal::derive(move || picture.with(Option::is_none))>
                    <p class="map__empty">{t("No result yet", "尚无结果")}</p>
                </Show>
            </div>
            <Axis class="columns" tokens=tokens(true) span=columns current=Signal::derive(move || cell.get().1) />
            {closer.map(|closer| closer.below.run(()))}
            <span class="map__q" aria-hidden="true">{t("query", "查询")}" ↓"</span>
            <span class="map__k" aria-hidden="true">{t("key", "键")}" →"</span>
        </div>
        <p hidden id="map-whole">{move || whole.with(|whole| whole.as_ref().map(|whole| summary(lab, whole)))}</p>
        <p class="quiet" id="map-cell" aria-live="polite">{move || {
            let (stage, head) = lab.experiment.with(|e| (e.view.stage, e.view.head));
            spoken(lab, stage, cell.get(), story::value(lab, stage, head, cell.get()))
        }}</p>
    }
}

/// Cells on the way from one to another, the first left out.
fn line(from: (usize, usize), to: (usize, usize)) -> impl Iterator<Item = (usize, usize)> {
    let steps = from.0.abs_diff(to.0).max(from.1.abs_diff(to.1)).max(1);
    let at = move |a: usize, b: usize, i: usize| {
        let share = i as f64 / steps as f64;
        (a as f64 + (b as f64 - a as f64) * share).round() as usize
    };
    (1..=steps).map(move |i| (at(from.0, to.0, i), at(from.1, to.1, i)))
}

/// Start of place `index` on an axis that shows `from` to `to`, in percent; outside of 0 to 100 where it is not shown.
fn start(index: usize, [from, to]: [usize; 2]) -> String {
    percent((index as f64 - from as f64) / (to - from) as f64)
}

/// What a stroke that starts on the cell sets: to allow it where the mask, paint included, forbids it. `None` where no picture tells.
fn opposite(lab: Lab, cell: (usize, usize)) -> Option<bool> {
    let head = lab.experiment.with_untracked(|e| e.view.head);
    story::value(lab, Stage::Masked, head, cell).map(story::is_masked)
}

/// Switches one cell for all heads: to what `sets` says, or else to the opposite of what the mask says, for this cell and those after it.
fn paint(lab: Lab, cell: (usize, usize), sets: StoredValue<Option<bool>>) {
    spawn_local(async move {
        match put(lab, cell, sets).await {
            Ok(()) => {}
            Err(_) => lab.status.set(Status::Failed(missing())),
        }
    });
}

/// It asks the mask's formulas what lies below.
#[wasm_split(catalogue, fallible)]
fn put(lab: Lab, (q, k): (usize, usize), sets: StoredValue<Option<bool>>) -> Result<(), SplitLoaderError> {
    let dims = lab.loaded.with_untracked(|loaded| loaded.as_ref().map(|loaded| loaded.dims));
    let allow = sets.get_value().unwrap_or_else(|| {
        !lab.experiment.with_untracked(|e| dims.is_none_or(|dims| attention::allows(e, dims, e.view.head, (q, k))))
    });
    sets.set_value(Some(allow));
    lab.edit("paint", |e| attention::paint(e, dims, Patch { head: None, q: [q, q + 1], k: [k, k + 1], allow }));
    Ok(())
}

/// What stands out in the whole picture, in words: its size and its largest number.
fn summary(lab: Lab, map: &Map) -> String {
    let r = &map.request;
    let mut best = (0, f32::NEG_INFINITY);
    for (at, value) in map.values.iter().enumerate() {
        if *value > best.1 {
            best = (at, *value);
        }
    }
    let size = format!("{} × {}", r.q.len(), r.k.len());
    // A number of a pooled picture stands for many cells, and where all are masked none is the largest.
    if (r.height, r.width) != (r.q.len(), r.k.len()) || best.1 == f32::NEG_INFINITY {
        return size;
    }
    let largest = i18n::now(lab.lang.get(), ", largest: ", "，最大：");
    let cell = (best.0 / r.width.max(1), best.0 % r.width.max(1));
    format!("{size}{largest}{}", spoken(lab, r.stage, cell, Some(best.1)))
}

/// A cell and its number in words, for those who hear the page.
fn spoken(lab: Lab, stage: Stage, (q, k): (usize, usize), value: Option<f32>) -> String {
    let lang = lab.lang.get();
    let (en, zh) = stages::name(stage);
    let value = match value {
        Some(v) if v.is_finite() => fixed(f64::from(v), 3),
        Some(_) => i18n::now(lang, "masked", "已屏蔽").to_owned(),
        // On its way: pictures of large matrices are pooled, and the cell is asked for by itself.
        None => ON_ITS_WAY.to_owned(),
    };
    let (q, k, stage) = (story::token(lab, false, q), story::token(lab, true, k), i18n::now(lang, en, zh));
    let [comma, colon] = if lang == Lang::Zh { ["，", "："] } else { [", ", ": "] };
    format!("{q} → {k}{comma}{stage}{colon}{value}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stroke_has_no_holes() {
        assert_eq!(line((4, 2), (4, 5)).collect::<Vec<_>>(), [(4, 3), (4, 4), (4, 5)]);
        assert_eq!(line((3, 3), (1, 2)).collect::<Vec<_>>(), [(2, 3), (1, 2)]);
    }
}

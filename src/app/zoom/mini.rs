//! The whole map, small, with the window in it. For pointers: keys move the window over the map itself.

use leptos::html::{Canvas, Div};
use leptos::prelude::*;
use web_sys::PointerEvent;

use super::near::Near;
use crate::app::controls::percent;
use crate::app::element::NodeRef;
use crate::app::map::{Scale, paint_cells};
use crate::app::palette::Palette;
use crate::app::reactive::{Signal, effect};
use crate::app::view::{handler, view};

/// The small map.
#[component]
pub fn Mini(
    /// What is looked at.
    near: Near,
) -> impl IntoView {
    let (canvas, field) = (NodeRef::<Canvas>::new(), NodeRef::<Div>::new());
    let looked = Signal::memo(move || near.looked.get().map(|looked| (looked.session, looked.stage, looked.head)));
    effect(move || {
        let Some(canvas) = canvas.get() else { return };
        let Some((_, stage, head)) = looked.get() else { return };
        if let Some(map) = near.lab.picture(stage, head) {
            // A lost canvas context is drawn again with the next change.
            let _ = paint_cells(&canvas, &map, &Scale::of(&map), &Palette::current());
        }
    });
    let to = move |event: &PointerEvent| {
        let Some(field) = field.get_untracked() else { return };
        let (bounds, [n_q, n_k]) = (field.get_bounding_client_rect(), near.sizes.get_untracked());
        let at = |place: f64, length: f64, n: usize| {
            let share = if length > 0.0 { place / length } else { 0.0 };
            ((share * n as f64).max(0.0) as usize).min(n.saturating_sub(1))
        };
        let q = at(f64::from(event.client_y()) - bounds.top(), bounds.height(), n_q);
        let k = at(f64::from(event.client_x()) - bounds.left(), bounds.width(), n_k);
        near.look(near.window.get_untracked().centred([n_q, n_k], (q, k)));
    };
    let on_down = move |event: PointerEvent| {
        if let Some(field) = field.get_untracked() {
            // Without capture the drag ends at the edge, no more.
            let _ = field.set_pointer_capture(event.pointer_id());
        }
        to(&event);
    };
    let on_move = move |event: PointerEvent| {
        if event.buttons() & 1 == 1 {
            to(&event);
        }
    };
    let part = move |columns: bool| {
        let (window, sizes) = (near.window.get(), near.sizes.get());
        let ([from, to], n) = if columns { (window.k, sizes[1]) } else { (window.q, sizes[0]) };
        let n = n.max(1) as f64;
        (percent(from as f64 / n), percent((to - from) as f64 / n))
    };
    view! {
        <div class="zoom__mini" node_ref=field aria-hidden="true" on:pointerdown=handler(on_down) on:pointermove=handler(on_move)>
            <canvas node_ref=canvas></canvas>
            <i
                style:top=move || part(false).0
                style:height=move || part(false).1
                style:left=move || part(true).0
                style:width=move || part(true).1
            ></i>
        </div>
    }
}

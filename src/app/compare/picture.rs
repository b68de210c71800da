//! A matrix as a picture with its colours told: hatched where there is nothing, the ends of the ramp written beside it.

use leptos::html::{Canvas, Div};
use leptos::prelude::*;

use crate::analysis::plot::read;
use crate::app::element::NodeRef;
use crate::app::map::{Scale, draw, paint_cells};
use crate::app::palette::Palette;
use crate::app::reactive::effect;
use crate::app::shell::element_width;
use crate::app::view::view;
use crate::engine::{Map, MapRequest, Pool};

/// Colours of the ramp.
const STEPS: usize = 96;

/// The picture, its name, its ramp.
#[component]
pub fn Picture(
    /// What is shown.
    map: Map,
    /// Its colours.
    scale: Scale,
    /// What it is.
    label: String,
) -> impl IntoView {
    let (canvas, field) = (NodeRef::<Canvas>::new(), NodeRef::<Div>::new());
    let name = label.clone();
    let width = element_width(field);
    effect(move || {
        // What stands on a part of the page that is not shown has no size yet.
        width.track();
        if let Some(canvas) = canvas.get() {
            // A lost canvas context is drawn again with the next change of colours.
            let _ = draw(&canvas, &map, &scale, &Palette::current(), false);
        }
    });
    view! {
        <figure>
            <div node_ref=field><canvas class="compare__map" node_ref=canvas role="img" aria-label=name></canvas></div>
            <figcaption class="note">{label}</figcaption>
            <Ramp scale=scale />
        </figure>
    }
}

/// The colours of a scale from its lowest to its highest value.
#[component]
pub fn Ramp(scale: Scale) -> impl IntoView {
    let canvas = NodeRef::<Canvas>::new();
    let from = if scale.is_weights() { 0.0 } else { -1.0 };
    effect(move || {
        let Some(canvas) = canvas.get() else { return };
        let values = (0..STEPS).map(|i| (from + (1.0 - from) * i as f32 / (STEPS - 1) as f32) * scale.top).collect();
        let request = MapRequest {
            stage: scale.stage,
            batch: 0,
            head: 0,
            q: 0..1,
            k: 0..STEPS,
            width: STEPS,
            height: 1,
            pool: Pool::Max,
        };
        // A canvas without a context stays empty; the values beside it are text.
        let _ = paint_cells(&canvas, &Map { request, values }, &scale, &Palette::current());
    });
    let [low, high] = [from * scale.top, scale.top].map(|x| read(f64::from(x)));
    view! {
        <div class="legend">
            <span>{low}</span>
            <canvas node_ref=canvas class="legend__bar" aria-hidden="true"></canvas>
            <span>{high}</span>
        </div>
    }
}

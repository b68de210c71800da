//! Where the query looks on the plane: under a mask that takes the tokens for the patches of an image, its row of weights as that image.
#![allow(improper_ctypes_definitions, reason = "both sides of a cut are this one compilation")]

use leptos::html::Canvas;
use leptos::prelude::*;
use wasm_split_helpers::{SplitLoaderError, wasm_split};

use super::story::row;
use crate::app::element::NodeRef;
use crate::app::map::{Scale, draw};
use crate::app::palette::Palette;
use crate::app::piece::piece;
use crate::app::reactive::{Signal, effect};
use crate::app::state::{Lab, lab};
use crate::app::view::view;
use crate::catalogue::{self, Lang};
use crate::engine::{Map, MapRequest, Pool};
use crate::experiment::{CausalAlignment, Experiment, Stage};

/// Most cells of a plane that is drawn.
const MOST: usize = 1 << 16;

/// The plane, where the mask has one.
#[component]
pub fn Plane() -> impl IntoView {
    let lab = lab();
    let flat = Signal::memo(move || lab.experiment.with(|e| side(e, "width")).is_some());
    view! { <div>{move || flat.get().then(|| piece(|| Box::pin(plane()), |plane| plane()))}</div> }
}

/// The parameter `name` of the mask, as it is set.
fn side(e: &Experiment, name: &str) -> Option<usize> {
    let param = catalogue::mask(&e.mask.id)?.params.iter().find(|param| param.name == name)?;
    let value = e.mask.params.get(name).copied().unwrap_or(param.default);
    (value >= 1.0).then_some(value as usize)
}

#[wasm_split(later, fallible)]
fn plane() -> Result<fn() -> AnyView, SplitLoaderError> {
    Ok(|| view! { <Picture /> })
}

/// The image that the query stands in, and its row and column there.
fn seen(lab: Lab) -> Option<(Map, [usize; 2])> {
    let (head, [height, width], bottom) = lab.experiment.with(|e| {
        let sides = [side(e, "height")?, side(e, "width")?];
        Some((e.view.head, sides, e.conventions.causal == CausalAlignment::BottomRight))
    })?;
    if height.checked_mul(width).is_none_or(|cells| cells > MOST) {
        return None;
    }
    let query = lab.cell().0;
    let weights = row(lab, head, query)?;
    let ahead = lab.loaded.with(|l| l.as_ref().map_or(0, |l| l.dims.n_k.saturating_sub(l.dims.n_q)));
    let place = query + if bottom { ahead } else { 0 };
    let first = place / (height * width) * height * width;
    // A plane may be larger than the text: what is not there is as if masked.
    let values = (first..first + height * width).map(|k| weights.get(k).copied().unwrap_or(f32::NEG_INFINITY));
    let (q, k) = (0..height, 0..width);
    let request = MapRequest { stage: Stage::Weights, batch: 0, head, q, k, width, height, pool: Pool::Max };
    Some((Map { request, values: values.collect() }, [(place - first) / width, (place - first) % width]))
}

/// The row as an image.
#[component]
fn Picture() -> impl IntoView {
    let lab = lab();
    let canvas = NodeRef::<Canvas>::new();
    let seen = Signal::memo(move || seen(lab));
    effect(move || {
        lab.lang.track();
        if let (Some(canvas), Some((map, _))) = (canvas.get(), seen.get()) {
            // A lost canvas is painted again with the next change.
            let _ = draw(&canvas, &map, &Scale::of(&map), &Palette::current(), false);
        }
    });
    let told = move || {
        seen.get().map(|(_, [row, column])| match lab.lang.get() {
            Lang::En => format!("on the plane, from row {row}, column {column}"),
            Lang::Zh => format!("在平面上，从第 {row} 行第 {column} 列看去"),
        })
    };
    let ratio = move || {
        seen.with(|seen| {
            seen.as_ref().map_or(String::new(), |(map, _)| format!("{} / {}", map.request.width, map.request.height))
        })
    };
    view! {
        <figure class="layers__large">
            <canvas class="compare__map" node_ref=canvas role="img" aria-label=told style:aspect-ratio=ratio></canvas>
            <figcaption class="note">{told}</figcaption>
        </figure>
    }
}

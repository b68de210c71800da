//! The weights of the row that is told about, over the keys of the window: below the map's columns, each bar under its key.

use leptos::html::{Canvas, Div};
use leptos::prelude::*;
use wasm_bindgen::{JsCast, JsValue};
use web_sys::{CanvasRenderingContext2d, HtmlCanvasElement};

use super::near::Near;
use crate::app::controls::fixed;
use crate::app::element::NodeRef;
use crate::app::palette::tokens;
use crate::app::reactive::{Signal, effect};
use crate::app::result::story;
use crate::app::view::view;
use crate::catalogue::Lang;

/// The strip.
#[component]
pub fn Strip(
    /// What is looked at.
    near: Near,
) -> impl IntoView {
    let lab = near.lab;
    let (canvas, around) = (NodeRef::<Canvas>::new(), NodeRef::<Div>::new());
    let width = crate::app::shell::element_width(around);
    let row = Signal::memo(move || lab.cell().0.min(near.sizes.get()[0].saturating_sub(1)));
    let weights = Signal::memo(move || {
        let [from, to] = near.window.get().k;
        let all = story::row(lab, lab.experiment.with(|e| e.view.head), row.get())?;
        all.get(from..to).map(<[f32]>::to_vec)
    });
    effect(move || {
        width.track();
        lab.palette.track();
        let Some(canvas) = canvas.get() else { return };
        // A lost canvas context is drawn again with the next change.
        let _ = weights.with(|weights| draw(&canvas, weights.as_deref().unwrap_or_default()));
    });
    let told = move || {
        let token = story::token(lab, false, row.get());
        let top = weights.with(|weights| weights.as_ref().map(|w| w.iter().copied().fold(0.0, f32::max)));
        let top = top.map_or_else(|| "…".to_owned(), |top| fixed(f64::from(top) * 100.0, 1));
        match lab.lang.get() {
            Lang::En => format!("Weights of “{token}” over the keys shown; the highest bar is {top} %"),
            Lang::Zh => format!("“{token}”对所示各键的权重；最高一条为 {top} %"),
        }
    };
    view! {
        <div class="zoom__strip" node_ref=around>
            <canvas node_ref=canvas aria-hidden="true"></canvas>
            <p class="quiet">{told}</p>
        </div>
    }
}

/// Bars from below, the highest as high as the strip.
fn draw(canvas: &HtmlCanvasElement, weights: &[f32]) -> Result<(), JsValue> {
    let ratio = window().device_pixel_ratio().max(1.0);
    let size = |css: i32| (f64::from(css) * ratio).round().max(1.0);
    let (width, height) = (size(canvas.client_width()), size(canvas.client_height()));
    canvas.set_width(width as u32);
    canvas.set_height(height as u32);
    let Some(context) = canvas.get_context("2d")?.and_then(|c| c.dyn_into::<CanvasRenderingContext2d>().ok()) else {
        return Ok(());
    };
    let top = weights.iter().copied().fold(0.0, f32::max);
    if top <= 0.0 {
        return Ok(());
    }
    context.set_fill_style_str(&tokens()("--q"));
    // Of keys that share a column of pixels, the largest weight counts.
    let bars = weights.len().min(width as usize);
    for bar in 0..bars {
        let (from, to) = (bar * weights.len() / bars, (bar + 1) * weights.len() / bars);
        let weight = weights[from..to].iter().copied().fold(0.0, f32::max);
        let (left, right) = (bar as f64 * width / bars as f64, (bar + 1) as f64 * width / bars as f64);
        let high = f64::from(weight / top) * height;
        let gap = if right - left >= 4.0 * ratio { ratio } else { 0.0 };
        context.fill_rect(left, height - high, right - left - gap, high);
    }
    Ok(())
}

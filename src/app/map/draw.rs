//! Drawing a picture into a canvas: hatching below, coloured cells over it, numbers where they fit.

use leptos::prelude::*;
use wasm_bindgen::{JsCast, JsValue};
use web_sys::{CanvasRenderingContext2d, HtmlCanvasElement};

use super::scale::Scale;
use crate::app::controls::{paint, plain};
use crate::app::palette::Palette;
use crate::engine::Map;

/// A cell narrower than this many CSS pixels holds no number.
const NUMBER_FROM: f64 = 21.0;

/// Draws `map` to fill `canvas`, sized to device pixels. Errors of the canvas (a lost context) leave it as it was: the next change draws again.
pub fn draw(
    canvas: &HtmlCanvasElement,
    map: &Map,
    scale: &Scale,
    palette: &Palette,
    numbers: bool,
) -> Result<(), JsValue> {
    let ratio = window().device_pixel_ratio().max(1.0);
    let (css_width, css_height) = (f64::from(canvas.client_width()), f64::from(canvas.client_height()));
    let (width, height) = ((css_width * ratio).round(), (css_height * ratio).round());
    if width < 1.0 || height < 1.0 {
        return Ok(());
    }
    if f64::from(canvas.width()) != width || f64::from(canvas.height()) != height {
        canvas.set_width(width as u32);
        canvas.set_height(height as u32);
    }
    let Some(context) = context(canvas)? else { return Ok(()) };
    context.set_image_smoothing_enabled(false);
    hatch(&context, palette, width, height, ratio)?;

    let (columns, rows) = (map.request.width, map.request.height);
    let cells = cells(map, scale, palette)?;
    context.draw_image_with_html_canvas_element_and_dw_and_dh(&cells, 0.0, 0.0, width, height)?;

    let (cell_width, cell_height) = (width / columns as f64, height / rows as f64);
    if numbers && cell_width.min(cell_height) >= NUMBER_FROM * ratio {
        let size = (cell_width.min(cell_height) * 0.4).max(9.0 * ratio).min(13.0 * ratio);
        context.set_font(&format!("{}px ui-monospace, monospace", plain(size)));
        context.set_text_align("center");
        context.set_text_baseline("middle");
        for row in 0..rows {
            for column in 0..columns {
                let value = map.values[row * columns + column];
                let Some(ground) = scale.colour(palette, value) else { continue };
                let Some(label) = scale.label(value) else { continue };
                context.set_fill_style_str(palette.text_on(ground));
                context.fill_text(&label, (column as f64 + 0.5) * cell_width, (row as f64 + 0.5) * cell_height)?;
            }
        }
    }
    Ok(())
}

/// Paints `values` (`rows × columns`) one pixel a cell; CSS scales the canvas. Cells without a colour stay clear.
pub fn paint_cells(canvas: &HtmlCanvasElement, map: &Map, scale: &Scale, palette: &Palette) -> Result<(), JsValue> {
    let (width, height) = (map.request.width, map.request.height);
    paint(canvas, height, width, |row, column| scale.colour(palette, map.values[row * width + column]))
}

fn context(canvas: &HtmlCanvasElement) -> Result<Option<CanvasRenderingContext2d>, JsValue> {
    Ok(canvas.get_context("2d")?.and_then(|c| c.dyn_into().ok()))
}

/// The cells as a canvas of one pixel each.
fn cells(map: &Map, scale: &Scale, palette: &Palette) -> Result<HtmlCanvasElement, JsValue> {
    let canvas: HtmlCanvasElement = document().create_element("canvas")?.unchecked_into();
    paint_cells(&canvas, map, scale, palette)?;
    Ok(canvas)
}

/// Fills everything with diagonal lines: what the mask forbids is hatched, never just pale.
fn hatch(
    context: &CanvasRenderingContext2d,
    palette: &Palette,
    width: f64,
    height: f64,
    ratio: f64,
) -> Result<(), JsValue> {
    context.set_fill_style_str(&palette.hatch[0]);
    context.fill_rect(0.0, 0.0, width, height);
    context.set_stroke_style_str(&palette.hatch[1]);
    context.set_line_width(ratio);
    let step = 7.0 * ratio;
    context.begin_path();
    let mut x = -height;
    while x < width {
        context.move_to(x, height);
        context.line_to(x + height, 0.0);
        x += step;
    }
    context.stroke();
    Ok(())
}

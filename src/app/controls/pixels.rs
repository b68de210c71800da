//! One pixel a cell; the style sheet scales the canvas without smoothing.

use wasm_bindgen::{Clamped, JsCast, JsValue};
use web_sys::{CanvasRenderingContext2d, HtmlCanvasElement, ImageData};

use crate::app::palette::Rgb;

/// Paints `rows × columns` cells; those without a colour stay clear.
///
/// # Errors
/// What the canvas says, for example of a lost context: the next change paints again.
pub fn paint(
    canvas: &HtmlCanvasElement,
    rows: usize,
    columns: usize,
    mut colour: impl FnMut(usize, usize) -> Option<Rgb>,
) -> Result<(), JsValue> {
    let mut bytes = vec![0_u8; rows * columns * 4];
    for (at, pixel) in bytes.chunks_exact_mut(4).enumerate() {
        if let Some([r, g, b]) = colour(at / columns.max(1), at % columns.max(1)) {
            pixel.copy_from_slice(&[r, g, b, 255]);
        }
    }
    let (width, height) = (columns as u32, rows as u32);
    if canvas.width() != width || canvas.height() != height {
        canvas.set_width(width);
        canvas.set_height(height);
    }
    let Some(context) = canvas.get_context("2d")?.and_then(|c| c.dyn_into::<CanvasRenderingContext2d>().ok()) else {
        return Ok(());
    };
    let image = ImageData::new_with_u8_clamped_array_and_sh(Clamped(&bytes), width, height)?;
    context.put_image_data(&image, 0.0, 0.0)
}

//! The clipboard and downloads.

use leptos::prelude::*;
use wasm_bindgen::closure::Closure;
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{
    Blob, BlobPropertyBag, CanvasRenderingContext2d, HtmlAnchorElement, HtmlCanvasElement, HtmlImageElement, Url,
};

/// How much finer a PNG is than the picture's own units.
const FINER: f64 = 2.0;

/// Copies a text; says whether the browser did.
pub async fn copy(text: &str) -> bool {
    // Insecure origins have no clipboard at all.
    let there = js_sys::Reflect::get(&window().navigator(), &"clipboard".into()).is_ok_and(|c| c.is_object());
    there && JsFuture::from(window().navigator().clipboard().write_text(text)).await.is_ok()
}

/// Saves bytes as a file.
///
/// # Errors
/// What the browser says.
pub fn save(name: &str, kind: &str, bytes: &[u8]) -> Result<(), JsValue> {
    let options = BlobPropertyBag::new();
    options.set_type(kind);
    let parts = js_sys::Array::of1(&js_sys::Uint8Array::from(bytes));
    blob(name, &Blob::new_with_u8_array_sequence_and_options(&parts, &options)?)
}

fn blob(name: &str, blob: &Blob) -> Result<(), JsValue> {
    let url = Url::create_object_url_with_blob(blob)?;
    let anchor: HtmlAnchorElement = document().create_element("a")?.unchecked_into();
    anchor.set_href(&url);
    anchor.set_download(name);
    anchor.click();
    // The download has its own hold on the bytes once it has begun; a moment is enough for that.
    set_timeout(
        move || {
            // Fails only for what is no address.
            let _ = Url::revoke_object_url(&url);
        },
        std::time::Duration::from_secs(10),
    );
    Ok(())
}

/// Draws a picture of SVG into a canvas and saves it as PNG.
///
/// # Errors
/// What the browser says.
pub async fn save_png(name: &str, svg: &str) -> Result<(), JsValue> {
    let image: HtmlImageElement = document().create_element("img")?.unchecked_into();
    image.set_src(&picture(svg));
    JsFuture::from(image.decode()).await?;
    let canvas: HtmlCanvasElement = document().create_element("canvas")?.unchecked_into();
    let (width, height) = (f64::from(image.natural_width()) * FINER, f64::from(image.natural_height()) * FINER);
    canvas.set_width(width as u32);
    canvas.set_height(height as u32);
    let context = canvas.get_context("2d")?.and_then(|context| context.dyn_into::<CanvasRenderingContext2d>().ok());
    let context = context.ok_or_else(|| JsValue::from_str("no canvas"))?;
    context.draw_image_with_html_image_element_and_dw_and_dh(&image, 0.0, 0.0, width, height)?;
    let name = name.to_owned();
    let made = Closure::once_into_js(move |made: Option<Blob>| {
        // A canvas too large for the browser makes nothing; there is nobody left to tell.
        if let Some(Err(error)) = made.map(|made| blob(&name, &made)) {
            web_sys::console::error_1(&error);
        }
    });
    canvas.to_blob(made.unchecked_ref())
}

/// The address of a picture that is its own text.
pub fn picture(svg: &str) -> String {
    format!("data:image/svg+xml;charset=utf-8,{}", String::from(js_sys::encode_uri_component(svg)))
}

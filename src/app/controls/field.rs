//! What a field holds, read as a number.

use wasm_bindgen::JsValue;

/// The number that a text says, as the browser reads it; `None` for anything else, infinities included. A minus sign may be a typographic one.
pub fn typed(text: &str) -> Option<f64> {
    let text = text.trim().replace('\u{2212}', "-");
    // The browser takes an empty text for 0.
    let number = if text.is_empty() { f64::NAN } else { JsValue::from_str(&text).unchecked_into_f64() };
    number.is_finite().then_some(number)
}

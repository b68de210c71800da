//! Numbers as text, written by the browser: Rust's own code for it would be seven kilobytes of the first view, and one `to_string`, `format!` or
//! `clamp` (whose panic tells the bounds) of a `f32` or `f64` there brings all of it.

/// As many digits as tell it from every other number.
pub fn plain(x: f64) -> String {
    // Refused is a base below 2 or above 36.
    js_sys::Number::from(x).to_string_with_radix(10).map_or_else(|_| String::new(), String::from)
}

/// With so many digits after the point.
pub fn fixed(x: f64, digits: u8) -> String {
    // Refused are more digits than a hundred.
    js_sys::Number::from(x).to_fixed(digits).map_or_else(|_| String::new(), String::from)
}

/// The same, with a sign before what is not negative.
pub fn signed(x: f64, digits: u8) -> String {
    let text = fixed(x, digits);
    if text.starts_with('-') { text } else { format!("+{text}") }
}

/// As a power of ten: `1.50e-7`.
pub fn exponential(x: f64, digits: u8) -> String {
    js_sys::Number::from(x).to_exponential(digits).map_or_else(|_| String::new(), String::from).replace("e+", "e")
}

/// A share as a length in a style sheet.
pub fn percent(share: f64) -> String {
    format!("{}%", fixed(100.0 * share, 4))
}

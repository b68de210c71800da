//! The laboratory's style sheet comes with its code: the first view does not download it.

use leptos::prelude::document;
use web_sys::CssStyleSheet;

const TEXT: &str = include_str!("../../../style/positions.css");

/// Adds the sheet to the document, once.
pub fn adopt() {
    thread_local! {
        static ADOPTED: bool = CssStyleSheet::new().and_then(|sheet| sheet.replace_sync(TEXT).map(|()| sheet)).is_ok_and(|sheet| {
            let sheets = document().adopted_style_sheets();
            sheets.push(&sheet);
            true
        });
    }
    // A browser that takes no such sheet shows the laboratory unstyled.
    ADOPTED.with(|_| {});
}

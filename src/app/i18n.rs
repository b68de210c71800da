//! Words of the page, in both languages at the place of use: a text without its Chinese does not compile.

use super::state::lab;
use crate::catalogue::{Lang, Text};

/// A closure that gives the text in the page's language and follows its changes: `{t("Mask", "掩码")}`.
pub fn t(en: &'static str, zh: &'static str) -> impl Fn() -> &'static str + Copy + Send + Sync + 'static {
    let lang = lab().lang;
    move || match lang.get() {
        Lang::En => en,
        Lang::Zh => zh,
    }
}

/// The same for a text of the catalogue.
pub fn tr(text: Text) -> impl Fn() -> &'static str + Copy + Send + Sync + 'static {
    t(text.en, text.zh)
}

/// The text in the page's language now; tracks the language when called in a reactive place.
pub fn now(lang: Lang, en: &'static str, zh: &'static str) -> &'static str {
    Text { en, zh }.get(lang)
}

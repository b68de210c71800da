//! The list of the gallery, fetched once.

use std::sync::Arc;

use leptos::prelude::*;
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;

use crate::catalogue::Lang;
use crate::engine::json::BrowserJson;
use crate::engine::pool::meta;
use crate::interchange::Json;

/// One experiment of the gallery.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// Name of its picture.
    pub slug: String,
    /// The fragment that opens it.
    pub link: String,
    /// The fragment of what stands on the right of its picture, where two are compared.
    pub beside: Option<String>,
    /// Title, in both languages.
    pub title: Both<String>,
    /// What it shows, in a line.
    pub about: Both<String>,
    /// What to look at and what to change, sentence by sentence.
    pub story: Both<Vec<String>>,
}

/// The same in English and in Chinese.
#[derive(Clone, Debug, PartialEq)]
pub struct Both<T> {
    en: T,
    zh: T,
}

impl<T> Both<T> {
    /// The one of a language.
    pub fn of(&self, lang: Lang) -> &T {
        match lang {
            Lang::En => &self.en,
            Lang::Zh => &self.zh,
        }
    }

    fn read<J: Json>(json: &J, take: fn(&J) -> Option<T>) -> Option<Self> {
        Some(Self { en: take(&json.field("en")?)?, zh: take(&json.field("zh")?)? })
    }
}

impl Entry {
    /// Nothing where a field is missing.
    fn read<J: Json>(json: &J) -> Option<Self> {
        let text = |name: &str| json.field(name)?.text();
        Some(Self {
            slug: text("slug")?,
            link: text("link")?,
            beside: text("beside"),
            title: Both::read(&json.field("title")?, J::text)?,
            about: Both::read(&json.field("about")?, J::text)?,
            story: Both::read(&json.field("story")?, |all| all.list()?.iter().map(J::text).collect())?,
        })
    }

    /// Where its picture is.
    pub fn picture(&self) -> String {
        format!("{}/{}.png", folder(), self.slug)
    }
}

/// All entries in their order.
///
/// # Errors
/// When the list does not arrive or is damaged.
pub async fn fetch() -> Result<Arc<Vec<Entry>>, JsValue> {
    let address = format!("{}/index.json", folder());
    let response: web_sys::Response = JsFuture::from(window().fetch_with_str(&address)).await?.dyn_into()?;
    if !response.ok() {
        return Err(JsValue::from(response.status()));
    }
    let text = JsFuture::from(response.text()?).await?.as_string().unwrap_or_default();
    let entries = BrowserJson::parse(&text).ok().and_then(|list| list.list()?.iter().map(Entry::read).collect());
    entries.map(Arc::new).ok_or_else(|| JsValue::from("the list is damaged"))
}

/// The folder of the list and its pictures; its name holds a hash.
fn folder() -> String {
    meta("gallery").unwrap_or_else(|| "gallery".to_owned())
}

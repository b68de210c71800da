//! JSON as the browser's own parser reads it: the page and its workers then have none in them.

use wasm_bindgen::{JsCast, JsValue};

use crate::attention::Json;

/// A value of the browser's parser.
pub struct BrowserJson(JsValue);

impl Json for BrowserJson {
    fn parse(text: &str) -> Result<Self, String> {
        js_sys::JSON::parse(text).map(Self).map_err(|_| "not JSON".to_owned())
    }

    fn field(&self, name: &str) -> Option<Self> {
        let value = js_sys::Reflect::get(&self.0, &name.into()).ok()?;
        (!value.is_undefined()).then_some(Self(value))
    }

    fn text(&self) -> Option<String> {
        self.0.as_string()
    }

    fn number(&self) -> Option<f64> {
        self.0.as_f64()
    }

    fn list(&self) -> Option<Vec<Self>> {
        Some(self.0.dyn_ref::<js_sys::Array>()?.iter().map(Self).collect())
    }
}

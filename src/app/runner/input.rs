//! Inputs: fetched on the page, decoded or made in a worker, and kept.

use std::cell::RefCell;
use std::sync::Arc;

use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;

use crate::app::state::{Capture, Titles};
use crate::attention::Loaded;
use crate::engine::json::BrowserJson;
use crate::engine::pool::{Pool, RunError, meta};
use crate::experiment::{Input, Issue, message};
use crate::interchange::{CaptureIndex, Json};

/// Inputs that are kept: stepping through the layers of a text and back fetches each once.
const KEPT: usize = 12;

/// Loads inputs, newest kept.
pub struct Inputs {
    pool: Pool,
    index: RefCell<Option<Arc<CaptureIndex>>>,
    kept: RefCell<Vec<(Input, Arc<Loaded>)>>,
}

impl Inputs {
    /// Nothing loaded yet.
    pub fn new(pool: Pool) -> Self {
        Self { pool, index: RefCell::new(None), kept: RefCell::new(Vec::new()) }
    }

    /// The input, if it is here already.
    pub fn kept(&self, input: &Input) -> Option<Arc<Loaded>> {
        self.kept.borrow().iter().find(|(of, _)| of == input).map(|(_, loaded)| loaded.clone())
    }

    /// Loads an input.
    ///
    /// # Errors
    /// The field at fault, or a file that did not arrive.
    pub async fn get(&self, input: &Input) -> Result<Arc<Loaded>, RunError> {
        if let Some(loaded) = self.kept(input) {
            return Ok(loaded);
        }
        let bytes = match input {
            Input::Capture { id, layer } => Some(self.capture(id, *layer).await?),
            Input::Generated { .. } | Input::Text { .. } | Input::Numbers { .. } | Input::Projected { .. } => None,
        };
        let loaded = Arc::new(self.pool.load(input, bytes).await?);
        let mut kept = self.kept.borrow_mut();
        kept.push((input.clone(), loaded.clone()));
        let surplus = kept.len().saturating_sub(KEPT);
        kept.drain(..surplus);
        Ok(loaded)
    }

    /// The captured texts on offer.
    ///
    /// # Errors
    /// An index that did not arrive or cannot be read.
    pub async fn captures(&self) -> Result<Vec<Capture>, RunError> {
        let index = self.index().await?;
        let titles = |words: &crate::interchange::capture::Words| Titles { en: words.en.clone(), zh: words.zh.clone() };
        Ok(index
            .captures
            .iter()
            .map(|entry| Capture {
                id: entry.id.clone(),
                title: titles(&entry.title),
                text: entry.text.clone(),
                tokens: entry.tokens,
                note: Some(titles(&entry.note)),
            })
            .collect())
    }

    async fn index(&self) -> Result<Arc<CaptureIndex>, RunError> {
        if let Some(index) = self.index.borrow().clone() {
            return Ok(index);
        }
        let bytes = fetch("index.json").await?;
        let damaged = |error: &str| {
            RunError::Failed(message!(
                "The list of captured texts is damaged: {error}",
                "采集文本的列表已损坏：{error}"
            ))
        };
        let json = BrowserJson::parse(&String::from_utf8_lossy(&bytes)).map_err(|error| damaged(&error))?;
        let index = CaptureIndex::read(&json).map_err(damaged)?;
        let index = Arc::new(index);
        self.index.replace(Some(index.clone()));
        Ok(index)
    }

    async fn capture(&self, id: &str, layer: u32) -> Result<Vec<u8>, RunError> {
        let index = self.index().await?;
        let Some(entry) = index.find(id) else {
            let known: Vec<&str> = index.captures.iter().map(|c| c.id.as_str()).collect();
            let known = known.join(", ");
            let message = message!(
                "there is no captured text `{id}`; there are {known}",
                "没有名为 `{id}` 的采集文本；可选：{known}"
            );
            return Err(RunError::Invalid(Issue::new("input.id", message).into()));
        };
        if !(1..=entry.layers).contains(&layer) {
            let layers = entry.layers;
            let message =
                message!("is {layer}; the model has layers 1 to {layers}", "为 {layer}；模型的层为 1 到 {layers}");
            return Err(RunError::Invalid(Issue::new("input.layer", message).into()));
        }
        fetch(&entry.file(layer)).await
    }
}

async fn fetch(name: &str) -> Result<Vec<u8>, RunError> {
    let folder = meta("captures").unwrap_or_else(|| "captures".to_owned());
    let address = format!("{folder}/{name}");
    let bytes = async {
        let window = web_sys::window().ok_or("there is no window")?;
        let response: web_sys::Response = JsFuture::from(window.fetch_with_str(&address)).await?.dyn_into()?;
        if !response.ok() {
            return Err(JsValue::from(format!("HTTP {}", response.status())));
        }
        let buffer = JsFuture::from(response.array_buffer()?).await?;
        Ok(js_sys::Uint8Array::new(&buffer).to_vec())
    };
    bytes.await.map_err(|error: JsValue| {
        let why = error.dyn_ref::<js_sys::Error>().map(|e| String::from(e.message())).or_else(|| error.as_string());
        let why = why.unwrap_or_default();
        RunError::Failed(message!("{address} could not be fetched: {why}", "无法获取 {address}：{why}"))
    })
}

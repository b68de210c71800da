//! The pace of readers on the page's own thread.

use std::cell::Cell;

use wasm_bindgen::JsCast;
use wasm_bindgen_futures::JsFuture;

use crate::app::clock;
use crate::interchange::pace::Pace;

/// Milliseconds that a reader may go on before the page has its turn.
const TURN_MS: f64 = 6.0;

/// Gives the page its turn every few milliseconds.
pub struct Frames(Cell<f64>);

impl Frames {
    /// From now on.
    pub fn new() -> Self {
        Self(Cell::new(clock::now()))
    }
}

impl Pace for Frames {
    async fn rest(&self) {
        if clock::now() - self.0.get() < TURN_MS {
            return;
        }
        let turn = js_sys::Promise::new(&mut |done, _| {
            let timer = web_sys::window().map(|w| w.set_timeout_with_callback(done.unchecked_ref()));
            if !matches!(timer, Some(Ok(_))) {
                // Without a timer the page waits, which is no reason not to read.
                let _ = done.call0(&wasm_bindgen::JsValue::UNDEFINED);
            }
        });
        let _ = JsFuture::from(turn).await;
        self.0.set(clock::now());
    }
}

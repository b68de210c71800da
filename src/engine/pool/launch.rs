//! Starting workers: which build, compiled once, posted to each.

use js_sys::{Object, Reflect, Uint8Array, WebAssembly};
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{Worker, WorkerOptions, WorkerType};

/// A module whose one function is `f32x4.relaxed_madd` of three zero vectors; it is valid exactly where relaxed SIMD is.
///
/// `(module (func (result v128) i32.const 0 i8x16.splat i32.const 0 i8x16.splat i32.const 0 i8x16.splat f32x4.relaxed_madd))`
const RELAXED_PROBE: [u8; 40] = [
    0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00, // magic, version 1
    0x01, 0x05, 0x01, 0x60, 0x00, 0x01, 0x7b, // types: () -> v128
    0x03, 0x02, 0x01, 0x00, // functions: one, of type 0
    0x0a, 0x13, 0x01, 0x11, 0x00, // code: one body of 17 bytes, no locals
    0x41, 0x00, 0xfd, 0x0f, 0x41, 0x00, 0xfd, 0x0f, 0x41, 0x00, 0xfd,
    0x0f, // three times i32.const 0, i8x16.splat
    0xfd, 0x85, 0x02, // f32x4.relaxed_madd
    0x0b, // end
];

/// A compiled build of the worker and the addresses that start it.
#[derive(Clone)]
pub struct Source {
    module: WebAssembly::Module,
    script: String,
}

/// Workers that pay off on this machine: one a core, at most eight.
pub fn size() -> usize {
    let cores = web_sys::window().map_or(1.0, |w| w.navigator().hardware_concurrency());
    (cores as usize).clamp(1, 8)
}

fn relaxed() -> bool {
    WebAssembly::validate(&Uint8Array::from(RELAXED_PROBE.as_slice())).unwrap_or(false)
}

fn meta(name: &str) -> Option<String> {
    let document = web_sys::window()?.document()?;
    let element = document.query_selector(&format!("meta[name='{name}']")).ok()??;
    element.get_attribute("content").filter(|content| !content.is_empty())
}

impl Source {
    /// Fetches and compiles the build that this browser can run.
    ///
    /// # Errors
    /// A sentence for the user.
    pub async fn get() -> Result<Self, String> {
        let fast = if relaxed() { meta("worker-relaxed").zip(meta("worker-relaxed-wasm")) } else { None };
        let (worker, wasm) = fast
            .or_else(|| meta("worker").zip(meta("worker-wasm")))
            .ok_or("the page does not name its worker files; build it with `cargo xtask build`")?;
        let loader = meta("worker-loader")
            .ok_or("the page does not name its worker loader; build it with `cargo xtask build`")?;
        let module = compile(&wasm)
            .await
            .map_err(|error| format!("the worker module {wasm} did not load: {}", sentence(&error)))?;
        Ok(Self { module, script: format!("{loader}?m={worker}") })
    }

    /// Starts a worker. It says when it is ready.
    ///
    /// # Errors
    /// A sentence for the user; frames without their own origin cannot start workers at all.
    pub fn start(&self) -> Result<Worker, String> {
        let options = WorkerOptions::new();
        options.set_type(WorkerType::Module);
        let worker = Worker::new_with_options(&self.script, &options)
            .map_err(|error| format!("a worker did not start: {}", sentence(&error)))?;
        let first = Object::new();
        Reflect::set(&first, &"module".into(), &self.module)
            .and_then(|_| worker.post_message(&first))
            .map_err(|error| format!("a worker did not take its module: {}", sentence(&error)))?;
        Ok(worker)
    }
}

async fn compile(address: &str) -> Result<WebAssembly::Module, JsValue> {
    let window = web_sys::window().ok_or("no window")?;
    match JsFuture::from(WebAssembly::compile_streaming(&window.fetch_with_str(address))).await {
        Ok(module) => Ok(module.unchecked_into()),
        Err(_) => {
            // Hosts that serve .wasm under another type: streaming refuses it, compiling the bytes does not.
            let response: web_sys::Response = JsFuture::from(window.fetch_with_str(address)).await?.dyn_into()?;
            if !response.ok() {
                return Err(format!("the server answered {}", response.status()).into());
            }
            let bytes = JsFuture::from(response.array_buffer()?).await?;
            WebAssembly::Module::new(&bytes)
        }
    }
}

/// What a thrown value says.
pub fn sentence(error: &JsValue) -> String {
    let message = error.dyn_ref::<js_sys::Error>().map(|e| String::from(e.message()));
    message.or_else(|| error.as_string()).unwrap_or_else(|| "unknown error".to_owned())
}

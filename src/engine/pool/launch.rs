//! Starting workers: the CPU's from the page's own module, compiled once and posted to each; the GPU's from a program of its own, which it fetches itself.

use js_sys::{Object, Reflect, WebAssembly};
use wasm_bindgen::{JsCast, JsValue};
use web_sys::{Worker, WorkerOptions, WorkerType};

use super::schedule::Side;

/// The compiled program and the address that starts it in a worker.
#[derive(Clone)]
pub struct Source {
    module: Option<WebAssembly::Module>,
    script: String,
}

/// Workers that pay off on this machine: one a core, at most eight.
pub fn size() -> usize {
    let cores = web_sys::window().map_or(1.0, |w| w.navigator().hardware_concurrency());
    (cores as usize).clamp(1, 8)
}

/// What a `<meta>` of the page says; `cargo xtask finish` writes them.
pub fn meta(name: &str) -> Option<String> {
    let document = web_sys::window()?.document()?;
    let element = document.query_selector(&format!("meta[name='{name}']")).ok()??;
    element.get_attribute("content").filter(|content| !content.is_empty())
}

impl Source {
    /// What the workers of a side run.
    ///
    /// # Errors
    /// A sentence for the user.
    pub fn get(side: Side) -> Result<Self, String> {
        let (name, module) = match side {
            Side::Cpu => ("program", Some(wasm_bindgen::module().unchecked_into())),
            Side::Gpu => ("gpu", None),
        };
        let (program, loader) = meta(name)
            .zip(meta("worker-loader"))
            .ok_or("the page does not name the files of its workers; build it with `cargo xtask build`")?;
        Ok(Self { module, script: format!("{loader}?m={program}") })
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
        Reflect::set(&first, &"module".into(), &self.module.clone().into())
            .and_then(|_| worker.post_message(&first))
            .map_err(|error| format!("a worker did not take its module: {}", sentence(&error)))?;
        Ok(worker)
    }
}

/// What a thrown value says.
pub fn sentence(error: &JsValue) -> String {
    let message = error.dyn_ref::<js_sys::Error>().map(|e| String::from(e.message()));
    message.or_else(|| error.as_string()).unwrap_or_else(|| "unknown error".to_owned())
}

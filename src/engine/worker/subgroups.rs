//! Subgroups in a browser: wgpu 30 never asks an adapter for them (gfx-rs/wgpu#5555), so this worker puts their name among what wgpu asks for.

use std::cell::Cell;

use js_sys::{Array, Function, Object, Proxy, Reflect};
use wasm_bindgen::closure::Closure;
use wasm_bindgen::{JsCast, JsValue};

/// The feature's name in WebGPU.
const SUBGROUPS: &str = "subgroups";

thread_local! {
    static ASKS: Cell<bool> = const { Cell::new(false) };
}

fn get(of: &JsValue, name: &str) -> JsValue {
    Reflect::get(of, &name.into()).unwrap_or_default()
}

fn has_subgroups(adapter: &JsValue) -> bool {
    let features = get(adapter, "features");
    let has = get(&features, "has").dyn_into::<Function>();
    has.and_then(|has| has.call1(&features, &SUBGROUPS.into())).is_ok_and(|has| has.is_truthy())
}

/// Lets devices that are opened from now on have subgroups where their adapter does. The worker is ours alone, so nobody else's adapters are meant.
pub fn ask_for_them() {
    let prototype = get(&get(&js_sys::global(), "GPUAdapter"), "prototype");
    let Ok(request) = get(&prototype, "requestDevice").dyn_into::<Function>() else { return };
    if ASKS.replace(true) {
        return;
    }
    let apply = Closure::<dyn Fn(Function, JsValue, Array) -> Result<JsValue, JsValue>>::new(
        |request: Function, adapter: JsValue, arguments: Array| {
            let features = get(&arguments.get(0), "requiredFeatures");
            if let Some(features) = features.dyn_ref::<Array>().filter(|_| has_subgroups(&adapter)) {
                features.push(&SUBGROUPS.into());
            }
            Reflect::apply(&request, &adapter, &arguments)
        },
    );
    let handler = Object::new();
    let set = Reflect::set(&handler, &"apply".into(), apply.as_ref());
    let proxy = Proxy::new(&request, &handler);
    // Where it can't be put there, devices come without subgroups, as wgpu asks for them.
    if set.is_ok() && Reflect::set(&prototype, &"requestDevice".into(), &proxy).is_ok() {
        apply.forget();
    }
}

//! What a device is opened with beyond the core of WebGPU, each only where the adapter offers it.

use super::tiers::Offers;

/// What is asked for of an adapter through wgpu: times of kernels, and what somebody may ask for.
pub(super) fn wanted(adapter: &wgpu::Adapter) -> wgpu::Features {
    use wgpu::Features;
    adapter.features() & (Features::TIMESTAMP_QUERY | Features::SUBGROUP | Features::SHADER_F16)
}

/// What an open device offers.
pub(super) fn offered(adapter: &wgpu::Adapter, device: &wgpu::Device) -> Offers {
    let features = device.features();
    let has = features.contains(wgpu::Features::SUBGROUP) || has_subgroups(device);
    Offers {
        // The least size; a browser that has subgroups tells it, and one that does not tells 0.
        subgroups: if has { adapter.get_info().subgroup_min_size } else { 0 },
        f16: features.contains(wgpu::Features::SHADER_F16),
    }
}

/// In a browser wgpu does not know the feature.
#[cfg(target_arch = "wasm32")]
fn has_subgroups(device: &wgpu::Device) -> bool {
    device.as_webgpu().is_some_and(|device| in_browser::has_subgroups(device.as_ref()))
}

/// Natively it does.
#[cfg(not(target_arch = "wasm32"))]
fn has_subgroups(_: &wgpu::Device) -> bool {
    false
}

/// Lets devices that are opened from now on have subgroups where their adapter does: wgpu 30 asks a browser for them never (gfx-rs/wgpu#5555).
#[cfg(target_arch = "wasm32")]
pub(super) fn ask_for_subgroups() {
    in_browser::ask_for_subgroups();
}

/// Natively wgpu does.
#[cfg(not(target_arch = "wasm32"))]
pub(super) fn ask_for_subgroups() {}

#[cfg(target_arch = "wasm32")]
mod in_browser {
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

    /// Whether an adapter or a device has the feature.
    pub fn has_subgroups(of: &JsValue) -> bool {
        let features = get(of, "features");
        let has = get(&features, "has").dyn_into::<Function>();
        has.and_then(|has| has.call1(&features, &SUBGROUPS.into())).is_ok_and(|has| has.is_truthy())
    }

    /// Puts the feature's name among those that `requestDevice` asks for. This worker is ours alone, so nobody else's adapters are meant.
    pub fn ask_for_subgroups() {
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
        // Where it can't be put there, devices come without subgroups, as before.
        if set.is_ok() && Reflect::set(&prototype, &"requestDevice".into(), &proxy).is_ok() {
            apply.forget();
        }
    }
}

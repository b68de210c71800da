//! What one core does at most: multiply-adds in registers, of which `build/peak.rs` writes a module.

use js_sys::{Function, Object, Reflect, Uint8Array, WebAssembly};
use wasm_bindgen::{JsCast, JsValue};

use super::now;

static FUSED: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/peak_fused.wasm"));
static PLAIN: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/peak_plain.wasm"));

/// Operations of a turn of the loop: chains, lanes, and a multiplication and an addition.
const PER_TURN: f64 = 12.0 * 4.0 * 2.0;
/// The first calls run what the browser compiled in a hurry; so many of so many turns make it compile again.
const WARM: (u32, u32) = (100, 50_000);
/// Then it is measured so many times for about so long, and the fastest counts: nothing makes a core faster than it is.
const TIMES: u32 = 5;
const MS: f64 = 10.0;

/// GFLOP/s of this thread's core, with relaxed SIMD's multiply-add or without.
///
/// # Errors
/// What the browser says against the module.
pub fn speed(fused: bool) -> Result<f64, JsValue> {
    let module = WebAssembly::Module::new(&Uint8Array::from(if fused { FUSED } else { PLAIN }))?;
    let exports = WebAssembly::Instance::new(&module, &Object::new())?.exports();
    let turns: Function = Reflect::get(&exports, &"turns".into())?.dyn_into()?;
    let run = |count: u32| turns.call1(&JsValue::NULL, &count.into()).map(drop);
    let from = now();
    for _ in 0..WARM.0 {
        run(WARM.1)?;
    }
    // Slower than it will be, so what is measured is no shorter than meant.
    let rate = f64::from(WARM.0 * WARM.1) / (now() - from).max(0.1);
    let count = (rate * MS).clamp(f64::from(WARM.1), f64::from(u32::MAX / 2)) as u32;
    let mut fastest = f64::INFINITY;
    for _ in 0..TIMES {
        let from = now();
        run(count)?;
        fastest = fastest.min(now() - from);
    }
    Ok(f64::from(count) * PER_TURN / fastest.max(f64::MIN_POSITIVE) / 1e6)
}

//! The generated inner loops, made callable: their module over the program's memory, its functions in the program's table.

use js_sys::{Function, Object, Reflect, Uint8Array, WebAssembly};
use wasm_bindgen::{JsCast, JsValue};

use crate::engine::cpu::{self, Kernels};

/// Makes the functions of `kernels` callable: before any engine is made.
///
/// # Errors
/// What the browser says against the module, or against a longer table.
pub fn install(kernels: &Kernels) -> Result<(), JsValue> {
    let exports = over_memory(kernels.code())?;
    let functions: Vec<Function> = Object::values(&exports).iter().map(JsCast::dyn_into).collect::<Result<_, _>>()?;
    let table: WebAssembly::Table = wasm_bindgen::function_table().dyn_into()?;
    let from = table.grow(functions.len() as u32)?;
    for (at, function) in (from..).zip(&functions) {
        table.set(at, function)?;
    }
    cpu::put((from as usize..).take(functions.len()));
    Ok(())
}

/// What a module exports that imports the program's memory.
///
/// # Errors
/// What the browser says against the module.
pub(super) fn over_memory(code: &[u8]) -> Result<Object, JsValue> {
    let module = WebAssembly::Module::new(&Uint8Array::from(code))?;
    let (imports, env) = (Object::new(), Object::new());
    Reflect::set(&env, &"memory".into(), &wasm_bindgen::memory())?;
    Reflect::set(&imports, &"env".into(), &env)?;
    Ok(WebAssembly::Instance::new(&module, &imports)?.exports().unchecked_into())
}

//! Formulas as functions of this worker: each module over the program's memory, its function in the program's table.

use std::cell::RefCell;

use js_sys::{Function, Reflect, WebAssembly};
use wasm_bindgen::{JsCast, JsValue};

use super::ordered::over_memory;
use crate::formula::compiled::{self, Maker};

/// How many functions that nobody calls are kept for the next formula that is the same but for its numbers.
const KEPT: usize = 16;

/// A function, and how many formulas call it.
struct Made {
    module: Vec<u8>,
    place: usize,
    users: usize,
}

thread_local! {
    /// In the order of their last use.
    static MADE: RefCell<Vec<Made>> = const { RefCell::new(Vec::new()) };
}

/// Has formulas compiled from now on.
pub fn install() {
    compiled::install(Maker { make, forget });
}

fn make(module: Vec<u8>) -> Option<usize> {
    MADE.with_borrow_mut(|made| {
        let known = made.iter().position(|made| made.module == module).map(|at| made.remove(at));
        let mut one = match known {
            Some(known) => known,
            None => {
                // The place of one that nobody calls is taken, if there are many of them.
                let idle = made.iter().filter(|made| made.users == 0).count();
                let old = made.iter().position(|made| made.users == 0 && idle >= KEPT);
                let place = put(&module, old.map(|at| made[at].place)).ok()?;
                old.map(|at| made.remove(at));
                Made { place, module, users: 0 }
            }
        };
        one.users += 1;
        let place = one.place;
        made.push(one);
        Some(place)
    })
}

fn forget(place: usize) {
    MADE.with_borrow_mut(|made| {
        if let Some(one) = made.iter_mut().find(|made| made.place == place) {
            one.users = one.users.saturating_sub(1);
        }
    });
}

/// Puts the module's function into the table, at a place that is given or a new one.
fn put(module: &[u8], place: Option<usize>) -> Result<usize, JsValue> {
    let exports = over_memory(module)?;
    let table: WebAssembly::Table = wasm_bindgen::function_table().dyn_into()?;
    let place = match place {
        Some(place) => place as u32,
        None => table.grow(1)?,
    };
    let function: Function = Reflect::get(&exports, &"f".into())?.dyn_into()?;
    table.set(place, &function)?;
    Ok(place as usize)
}

//! `catalogue()`: the one list, as plain objects.

use js_sys::Object;
use wasm_bindgen::JsValue;

use super::{plain, set};
use crate::catalogue::{List, summaries};

/// Every entry of every list by the list's name: names, formula, parameters and ranges, tables, paper, classes of cost, engines. An id is one of its list;
/// ways to join two streams, which are settings of a mask and of the matrices, say which.
pub fn catalogue() -> JsValue {
    let lists = Object::new();
    for list in List::ALL {
        set(&lists, list.id(), &plain(&summaries(list)));
    }
    lists.into()
}

//! `catalogue()`: the one list, as plain objects.

use js_sys::Object;
use serde_json::{Value, json};
use wasm_bindgen::JsValue;

use super::{plain, set};
use crate::catalogue::{List, StreamEntry, streams, summaries};

/// Every entry of every list by the list's name: names, formula, parameters and ranges, tables, paper, classes of cost, engines; and the ways to join two
/// streams, which are settings of a mask and of the weights.
pub fn catalogue() -> JsValue {
    let lists = Object::new();
    for list in List::ALL {
        set(&lists, list.id(), &plain(&summaries(list)));
    }
    set(&lists, "streams", &plain(&streams().iter().map(stream).collect::<Vec<_>>()));
    lists.into()
}

fn stream(s: &StreamEntry) -> Value {
    let looks = StreamEntry::SWITCHES.iter().zip(s.looks).filter_map(|(name, on)| on.then_some(*name));
    json!({
        "id": s.id, "name": s.name, "about": s.about, "mask": StreamEntry::MASK, "looks": looks.collect::<Vec<_>>(),
        "shared": s.shared, "paper": s.paper,
    })
}

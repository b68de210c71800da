//! `globalThis.attentionPlayground`: a promise of the object through which other programs use the page.
//!
//! Thin: values are turned from and into JavaScript here; what a request means is decided in `attention::request`, what a partial experiment
//! means in `experiment`. Nothing a caller passes can stop the page: every value is checked while it is read.
#![allow(improper_ctypes_definitions, reason = "both sides of a cut are this one compilation")]

mod catalogue;
mod error;
mod estimate;
mod events;
mod operate;
mod read;
mod result;
mod run;

use std::cell::OnceCell;
use std::rc::Rc;

use js_sys::{Function, Object, Promise, Reflect};
use leptos::prelude::{Owner, window};
use serde::Serialize;
use serde_wasm_bindgen::Serializer;
use wasm_bindgen::closure::Closure;
use wasm_bindgen::{JsCast, JsError, JsValue};
use wasm_bindgen_futures::{JsFuture, future_to_promise};
use wasm_split_helpers::{SplitLoaderError, wasm_split};

use crate::app::runner::Inputs;
use crate::app::state::Lab;
use crate::app::{url, whole};
use crate::attention;
use crate::engine::Outcome;
use crate::engine::pool::Pool;
use crate::experiment::{Experiment, Input, Issue, Issues, merge, message};

/// The promise's name, and that of the event that says that it is in place.
const NAME: &str = "attentionPlayground";

/// Puts the promise in place. The interface is a piece of the program of its own, fetched when somebody first reaches for the promise.
pub fn install(lab: Lab, pool: Pool) {
    let owner = Owner::current().unwrap_or_default();
    let promise = OnceCell::<JsValue>::new();
    let give = Closure::<dyn Fn() -> JsValue>::new(move || {
        let (owner, pool) = (owner.clone(), pool.clone());
        let fetch = || {
            let fetched = async move {
                let piece = interface(lab, pool, owner).await;
                let promise = piece.map_err(|_| JsError::new("a part of the page did not arrive; reload it"))?;
                JsFuture::from(promise).await
            };
            future_to_promise(fetched).into()
        };
        promise.get_or_init(fetch).clone()
    });
    let property = Object::new();
    set(&property, "get", &give.into_js_value());
    set(&property, "configurable", &JsValue::TRUE);
    set(&property, "enumerable", &JsValue::TRUE);
    Object::<JsValue>::define_property(js_sys::global().unchecked_ref(), &NAME.into(), &property);
    // Who asked before waits for this (index.html); an event of a plain name can be made and sent.
    let _ = web_sys::Event::new(NAME).and_then(|here| window().dispatch_event(&here));
}

/// The promise itself. It resolves when the first worker can compute, or has turned out to be unable to: `run` then says why.
#[wasm_split(api, fallible)]
fn interface(lab: Lab, pool: Pool, owner: Owner) -> Result<Promise, SplitLoaderError> {
    let events = owner.with(|| events::Events::new(lab));
    Ok(future_to_promise(async move {
        let one = vec![vec![0.0]];
        // Without it `run` and `set` say of some ids that there is no such entry.
        let _ = whole::fetch(lab).await;
        // Any answer will do: it shows that a worker is there.
        let _ = pool.load(&Input::one_head(one.clone(), one.clone(), one), None).await;
        object(lab, pool, events)
    }))
}

fn object(lab: Lab, pool: Pool, events: events::Events) -> Result<JsValue, JsValue> {
    let api = Object::new();
    let inputs = Rc::new(Inputs::new(pool.clone()));
    set(&api, "version", &env!("CARGO_PKG_VERSION").into());
    method(&api, "run", move |request, _| {
        let (pool, inputs) = (pool.clone(), inputs.clone());
        future_to_promise(async move { run::run(&pool, &inputs, &request).await }).into()
    });
    method(&api, "get", move |_, _| lab.experiment.with_untracked(written));
    method(&api, "set", move |patch, _| promised(change(lab, &patch)));
    method(&api, "link", move |experiment, _| {
        let link = if experiment.is_undefined() { own_link(lab) } else { read(&experiment).and_then(|e| link(&e)) };
        link.unwrap_or_else(|error| wasm_bindgen::throw_val(error))
    });
    method(&api, "catalogue", |_, _| catalogue::catalogue());
    method(&api, "on", move |event, handler| {
        events.on(&event, handler).unwrap_or_else(|error| wasm_bindgen::throw_val(error))
    });
    Ok(Object::freeze(&api).into())
}

/// `set`: part of an experiment over the one on the page.
fn change(lab: Lab, patch: &JsValue) -> Result<JsValue, JsValue> {
    let base = lab.experiment.get_untracked();
    let value = read::json(patch, "").map_err(error::experiment_error)?;
    let next = merge(&base, &value).map_err(error::experiment_error)?;
    fits(lab, &next).map_err(error::experiment_error)?;
    lab.replace("api", next.clone());
    Ok(written(&next))
}

/// What only the loaded input can say: whether cells, rectangles and tables lie inside it, and whether a captured text exists.
fn fits(lab: Lab, next: &Experiment) -> Result<(), Issues> {
    if let Input::Capture { id, .. } = &next.input {
        let known = lab.captures.with_untracked(|all| all.iter().map(|c| c.id.clone()).collect::<Vec<_>>());
        if !known.is_empty() && !known.contains(id) {
            let message = format!("there is no captured text `{id}`; there are {}", known.join(", "));
            return Err(Issue::new("input.id", message).into());
        }
    }
    let same_input = lab.experiment.with_untracked(|now| now.input == next.input);
    let loaded = lab.loaded.with_untracked(|loaded| loaded.as_ref().filter(|_| same_input).map(|loaded| loaded.dims));
    // Sizes of anything but a captured text are known without loading it.
    loaded.or_else(|| attention::dims_of(&next.input)).map_or(Ok(()), |dims| attention::fits(next, &dims))
}

/// The address of an experiment.
///
/// # Errors
/// An `ExperimentError` where its numbers are too many for one.
pub fn link(experiment: &Experiment) -> Result<JsValue, JsValue> {
    url::link(experiment).map(JsValue::from).ok_or_else(too_many)
}

/// The address of what the page shows, with the setting that it is compared with.
///
/// # Errors
/// As [`link`].
pub fn own_link(lab: Lab) -> Result<JsValue, JsValue> {
    url::whole_link(lab).map(JsValue::from).ok_or_else(too_many)
}

fn too_many() -> JsValue {
    let message = message!("these numbers are too many for an address", "这些数值过多，地址无法容纳");
    error::experiment_error(Issue::new("input", message))
}

/// An experiment as JavaScript gives it; absent fields have their defaults.
fn read(value: &JsValue) -> Result<Experiment, JsValue> {
    let value = read::json(value, "").map_err(error::experiment_error)?;
    merge(&Experiment::default(), &value).map_err(error::experiment_error)
}

/// What a run of the page gave, for whoever is told of results.
pub fn summary(outcome: &Outcome) -> JsValue {
    run::summary(outcome)
}

/// Serialisable data as plain JavaScript objects: maps too, and what is missing is null.
fn plain(value: &impl Serialize) -> JsValue {
    value.serialize(&Serializer::json_compatible()).unwrap_or(JsValue::NULL)
}

/// An experiment, or what else holds numbers of single precision, as links write it: 0.1 stays 0.1, where `plain` would give all digits of the nearest such number.
pub fn written(value: &impl Serialize) -> JsValue {
    let json = serde_json::to_string(value).and_then(|text| serde_json::from_str::<serde_json::Value>(&text));
    json.map_or(JsValue::NULL, |json| plain(&json))
}

fn promised(result: Result<JsValue, JsValue>) -> JsValue {
    match result {
        Ok(value) => Promise::resolve(&value).into(),
        Err(error) => Promise::reject(&error).into(),
    }
}

fn set(object: &JsValue, key: &str, value: &JsValue) {
    // Only frozen objects and setters that throw refuse; these objects are ours.
    let _ = Reflect::set(object, &key.into(), value);
}

fn method(object: &Object, name: &str, call: impl Fn(JsValue, JsValue) -> JsValue + 'static) {
    let closure = Closure::<dyn Fn(JsValue, JsValue) -> JsValue>::new(call);
    let function: Function = closure.into_js_value().unchecked_into();
    set(object, name, &function);
}

/// An issue about something that is not what was expected.
fn expected(path: &str, what: &str) -> Issue {
    Issue::new(path, format!("must be {what}"))
}

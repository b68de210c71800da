//! The protocol with the page around a frame: `{ type: "attention-playground", version: 1, id, method, params }`, answered to its sender alone.
//!
//! It is a thin layer over the JavaScript API; what needs no workers is answered without it. Whoever asks is answered; only the page that holds the frame may `set`; what changes is told only to
//! those who have spoken; what is no message of ours is ignored.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use js_sys::{Array, Function, Object, Promise, Reflect};
use leptos::prelude::*;
use leptos::task::spawn_local;
use wasm_bindgen::closure::Closure;
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::MessageEvent;

use crate::api;
use crate::app::reactive::effect;
use crate::app::state::Lab;

/// The `type` of every message.
const TYPE: &str = "attention-playground";
/// The protocol's version.
const VERSION: f64 = 1.0;
/// Those who are told of changes; of more the oldest goes that does not hold the frame.
const HEARERS: usize = 16;

type Hearers = Rc<RefCell<Vec<(JsValue, String)>>>;

/// Answers from now on, and says that it does. `wanted` is called when a program asks for something that computes.
pub fn listen(lab: Lab, wanted: impl Fn() + Clone + 'static) {
    let hearers = Hearers::default();
    let owner = Owner::current().unwrap_or_default();
    let follows = Cell::new(false);
    let on_message = Closure::<dyn Fn(MessageEvent)>::new(move |event: MessageEvent| {
        let Some(asked) = Asked::read(&event) else { return };
        // Only what computes starts a frame that waits, and only where it is allowed.
        if asked.method == "run" || asked.method == "set" && asked.holds() {
            wanted();
        }
        remember(&hearers, &asked);
        // Before the answer: who sets hears of the change.
        if !follows.replace(true) {
            owner.with(|| tell_changes(lab, hearers.clone()));
        }
        spawn_local(async move {
            let answer = asked.answer(lab).await;
            say(&asked.source, &asked.origin, &answer);
        });
    });
    // Listening to an event that exists cannot fail; it is heard for as long as the document lives.
    let _ = window().add_event_listener_with_callback("message", on_message.as_ref().unchecked_ref());
    on_message.forget();
    if let Some(parent) = parent() {
        say(&parent, "*", &notice("ready", &Object::new()));
    }
}

/// Tells the page around how high the frame's content is: in our own form, as AMP and as Embedly expect it.
pub fn tell_height(height: f64) {
    let Some(parent) = parent() else { return };
    let height = JsValue::from(height.ceil());
    let params = object(&[("height", &height)]);
    say(&parent, "*", &notice("resize", &params));
    say(&parent, "*", &object(&[("sentinel", &"amp".into()), ("type", &"embed-size".into()), ("height", &height)]));
    let src = window().location().href().unwrap_or_default();
    let embedly = object(&[("src", &src.into()), ("context", &"iframe.resize".into()), ("height", &height)]);
    if let Ok(text) = js_sys::JSON::stringify(&embedly) {
        say(&parent, "*", &text);
    }
}

/// A message to us.
struct Asked {
    source: JsValue,
    origin: String,
    id: JsValue,
    method: String,
    params: JsValue,
}

impl Asked {
    /// Nothing for what is no message of ours.
    fn read(event: &MessageEvent) -> Option<Self> {
        let data = event.data();
        let get = |key: &str| Reflect::get(&data, &key.into()).ok();
        // Somebody's message may be anything, also what has no properties.
        if !data.is_object() || get("type")?.as_string()? != TYPE || get("version")?.as_f64()? != VERSION {
            return None;
        }
        let method = get("method")?.as_string().filter(|m| matches!(m.as_str(), "get" | "set" | "run" | "link"))?;
        let source = Reflect::get(event, &"source".into()).ok().filter(|source| !source.is_null())?;
        let id = get("id").filter(|id| !id.is_undefined())?;
        Some(Self { source, origin: event.origin(), id, method, params: get("params")? })
    }

    /// Whether the page that holds the frame asks.
    fn holds(&self) -> bool {
        parent().is_some_and(|parent| Object::is(&parent, &self.source))
    }

    async fn answer(&self, lab: Lab) -> Object {
        let (key, value) = match self.result(lab).await {
            Ok(result) => ("result", result),
            Err(error) => ("error", plain(&error)),
        };
        object(&[("type", &TYPE.into()), ("version", &VERSION.into()), ("id", &self.id), (key, &value)])
    }

    async fn result(&self, lab: Lab) -> Result<JsValue, JsValue> {
        // What needs no workers does not wait for them: a frame out of sight has none.
        match self.method.as_str() {
            "get" => return Ok(lab.experiment.with_untracked(|experiment| api::written(experiment.as_ref()))),
            "link" if self.params.is_undefined() => return api::own_link(lab),
            "set" if !self.holds() => return Err(refusal("only the page that holds the frame may set")),
            _ => {}
        }
        let promise = Reflect::get(&js_sys::global(), &"attentionPlayground".into())?;
        let api = JsFuture::from(promise.dyn_into::<Promise>()?).await?;
        let method: Function = Reflect::get(&api, &self.method.as_str().into())?.dyn_into()?;
        let given = method.call1(&api, &self.params)?;
        match given.dyn_into::<Promise>() {
            Ok(promise) => JsFuture::from(promise).await,
            Err(value) => Ok(value),
        }
    }
}

/// An error as data: errors of a page's own kind do not survive the way.
fn plain(error: &JsValue) -> JsValue {
    let get = |key: &str| Reflect::get(error, &key.into()).unwrap_or(JsValue::UNDEFINED);
    let name = get("name").as_string().unwrap_or_else(|| "Error".to_owned());
    let issues = get("issues");
    let issues = if Array::is_array(&issues) {
        issues
    } else {
        let message = get("message").as_string().unwrap_or_else(|| format!("{error:?}"));
        Array::of1(&object(&[("path", &"".into()), ("message", &message.into())])).into()
    };
    object(&[("name", &name.into()), ("issues", &issues)]).into()
}

fn refusal(message: &str) -> JsValue {
    let issue = object(&[("path", &"".into()), ("message", &message.into())]);
    object(&[("name", &"ExperimentError".into()), ("issues", &Array::of1(&issue))]).into()
}

fn remember(hearers: &Hearers, asked: &Asked) {
    let mut all = hearers.borrow_mut();
    if !all.iter().any(|(window, origin)| *window == asked.source && *origin == asked.origin) {
        all.push((asked.source.clone(), asked.origin.clone()));
        let holder = parent();
        let other = |window: &JsValue| holder.as_ref().is_none_or(|holder| !Object::is(holder, window));
        if all.len() > HEARERS
            && let Some(oldest) = all.iter().position(|(window, _)| other(window))
        {
            all.remove(oldest);
        }
    }
}

/// Tells those who have spoken of every change and result from now on.
fn tell_changes(lab: Lab, hearers: Hearers) {
    let tell = move |event: &str, detail: JsValue| {
        for (window, origin) in hearers.borrow().iter() {
            say(window, origin, &notice(event, &detail));
        }
    };
    let (changed, mut before) = (tell.clone(), false);
    effect(move || {
        let experiment = lab.experiment.get();
        if std::mem::replace(&mut before, true) {
            changed("change", api::written(experiment.as_ref()));
        }
    });
    let mut before = false;
    effect(move || {
        let outcome = lab.outcome.get();
        if let (Some(outcome), true) = (outcome, std::mem::replace(&mut before, true)) {
            tell("result", api::summary(&outcome));
        }
    });
}

/// The page around, if there is one.
fn parent() -> Option<JsValue> {
    let window = window();
    let parent: JsValue = window.parent().ok().flatten()?.into();
    (!Object::is(&parent, &window)).then_some(parent)
}

/// Posts to a window, which may be of another origin: only `postMessage` may be touched. What can't be sent any more is lost, as is its window.
fn say(window: &JsValue, origin: &str, message: &JsValue) {
    let target = if origin == "null" || origin.is_empty() { "*" } else { origin };
    let post = Reflect::get(window, &"postMessage".into()).ok().and_then(|post| post.dyn_into::<Function>().ok());
    if let Some(post) = post {
        let _ = post.call2(window, message, &target.into());
    }
}

fn notice(method: &str, params: &JsValue) -> Object {
    object(&[("type", &TYPE.into()), ("version", &VERSION.into()), ("method", &method.into()), ("params", params)])
}

fn object(fields: &[(&str, &JsValue)]) -> Object {
    let object = Object::new();
    for (key, value) in fields {
        // Setting a property of a fresh object cannot fail.
        let _ = Reflect::set(&object, &(*key).into(), value);
    }
    object
}

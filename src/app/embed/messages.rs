//! The protocol with the page around a frame: `{ type: "attention-playground", version: 1, id, method, params }`, answered to its sender alone.
//!
//! It is a thin layer over the JavaScript API. Whoever asks is answered; only the page that holds the frame may `set`; what changes is told only to
//! those who have spoken; what is no message of ours is ignored.

use std::cell::RefCell;
use std::rc::Rc;

use js_sys::{Array, Function, Object, Promise, Reflect};
use leptos::prelude::*;
use leptos::task::spawn_local;
use wasm_bindgen::closure::Closure;
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::MessageEvent;

use crate::app::state::Lab;

/// The `type` of every message.
const TYPE: &str = "attention-playground";
/// The protocol's version.
const VERSION: f64 = 1.0;
/// Those who are told of changes; the oldest goes.
const HEARERS: usize = 16;

type Hearers = Rc<RefCell<Vec<(JsValue, String)>>>;

/// Answers from now on, and says that it does. `wanted` is called when a program asks for something that computes.
pub fn listen(lab: Lab, wanted: impl Fn() + Clone + 'static) {
    let hearers = Hearers::default();
    let heard = hearers.clone();
    let on_message = Closure::<dyn Fn(MessageEvent)>::new(move |event: MessageEvent| {
        let Some(asked) = Asked::read(&event) else { return };
        if asked.method == "run" || asked.method == "set" {
            wanted();
        }
        remember(&heard, &asked);
        let heard = heard.clone();
        spawn_local(async move {
            let answer = asked.answer().await;
            say(&asked.source, &asked.origin, &answer);
            tell_changes(lab, heard);
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
        Some(Self { source, origin: event.origin(), id: get("id")?, method, params: get("params")? })
    }

    async fn answer(&self) -> Object {
        let (key, value) = match self.result().await {
            Ok(result) => ("result", result),
            Err(error) => ("error", plain(&error)),
        };
        object(&[("type", &TYPE.into()), ("version", &VERSION.into()), ("id", &self.id), (key, &value)])
    }

    async fn result(&self) -> Result<JsValue, JsValue> {
        let holds = parent().is_some_and(|parent| js_sys::Object::is(&parent, &self.source));
        if self.method == "set" && !holds {
            return Err(refusal("only the page that holds the frame may set"));
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
        let surplus = all.len().saturating_sub(HEARERS);
        all.drain(..surplus);
    }
}

thread_local! {
    static FOLLOWS: std::cell::Cell<bool> = const { std::cell::Cell::new(false) };
}

/// Tells those who have spoken of every change and result, from the first answer on.
fn tell_changes(_: Lab, hearers: Hearers) {
    if FOLLOWS.with(|follows| follows.replace(true)) {
        return;
    }
    spawn_local(async move {
        let Ok(promise) = Reflect::get(&js_sys::global(), &"attentionPlayground".into()) else { return };
        let Ok(promise) = promise.dyn_into::<Promise>() else { return };
        let Ok(api) = JsFuture::from(promise).await else { return };
        let on = Reflect::get(&api, &"on".into()).ok().and_then(|on| on.dyn_into::<Function>().ok());
        let Some(on) = on else { return };
        for event in ["change", "result"] {
            let hearers = hearers.clone();
            let tell = Closure::<dyn Fn(JsValue)>::new(move |detail: JsValue| {
                let told = hearers.borrow().clone();
                for (window, origin) in told {
                    say(&window, &origin, &notice(event, &detail));
                }
            });
            let _ = on.call2(&api, &event.into(), &tell.into_js_value());
        }
    });
}

/// The page around, if there is one.
fn parent() -> Option<JsValue> {
    let window = window();
    let parent: JsValue = window.parent().ok().flatten()?.into();
    (!js_sys::Object::is(&parent, &window)).then_some(parent)
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

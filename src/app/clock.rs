//! The page's clock, the mark from which edit-to-paint is measured, and the moments after a task and after a paint.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::Rc;

use leptos::prelude::request_animation_frame;
use wasm_bindgen::closure::Closure;
use wasm_bindgen::prelude::wasm_bindgen;
use wasm_bindgen::{JsCast, JsValue};

thread_local! {
    static EDITED_AT: Cell<Option<f64>> = const { Cell::new(None) };
}

/// Milliseconds since the page was opened.
pub fn now() -> f64 {
    web_sys::window().and_then(|w| w.performance()).map_or(0.0, |p| p.now())
}

/// Remembers that the user changed something now; the earliest mark not yet taken wins.
pub fn mark_edit() {
    EDITED_AT.with(|at| {
        if at.get().is_none() {
            at.set(Some(now()));
        }
    });
}

/// Takes the mark: when the edit was made that the next run answers.
pub fn take_edit() -> Option<f64> {
    EDITED_AT.with(Cell::take)
}

/// Writes a duration into the browser's performance timeline, where benchmarks and developer tools read it.
pub fn publish(name: &str, ms: f64) {
    let Some(performance) = web_sys::window().and_then(|w| w.performance()) else { return };
    let options = js_sys::Object::new();
    // Setting a property of a fresh object cannot fail, and a timeline that is full only misses an entry.
    let _ = js_sys::Reflect::set(&options, &"start".into(), &0.into());
    let _ = js_sys::Reflect::set(&options, &"duration".into(), &ms.into());
    let _ = performance.unchecked_ref::<Timeline>().measure(name, &options);
}

#[wasm_bindgen]
extern "C" {
    /// The part of `Performance` that the bindings lack: `measure` with a start and a duration.
    type Timeline;
    #[wasm_bindgen(method, catch)]
    fn measure(this: &Timeline, name: &str, options: &js_sys::Object) -> Result<JsValue, JsValue>;

    type MessageChannel;
    type MessagePort;

    #[wasm_bindgen(constructor)]
    fn new() -> MessageChannel;
    #[wasm_bindgen(method, getter)]
    fn port1(this: &MessageChannel) -> MessagePort;
    #[wasm_bindgen(method, getter)]
    fn port2(this: &MessageChannel) -> MessagePort;
    #[wasm_bindgen(method, setter)]
    fn set_onmessage(this: &MessagePort, handler: Option<&js_sys::Function>);
    #[wasm_bindgen(method, js_name = postMessage)]
    fn post_message(this: &MessagePort, message: &JsValue);
    #[wasm_bindgen(method)]
    fn close(this: &MessagePort);
}

/// Calls back in a task of its own, after the microtasks in which effects run. Timers would wait four milliseconds for that.
pub fn after_effects(then: impl FnOnce() + 'static) {
    let channel = MessageChannel::new();
    let port = channel.port1();
    let handler = Closure::once_into_js(move || {
        port.set_onmessage(None);
        port.close();
        then();
    });
    channel.port1().set_onmessage(Some(handler.unchecked_ref()));
    channel.port2().post_message(&JsValue::NULL);
}

/// Calls back after the next frame is painted, with the time at which that frame began on the page's thread.
pub fn after_paint(then: impl FnOnce(f64) + 'static) {
    request_animation_frame(move || {
        let began = now();
        after_effects(move || then(began));
    });
}

/// Something to do once.
type Work = Box<dyn FnOnce()>;

/// Work of one view right before a frame is painted, when the document is laid out anyway: what is asked again before it is done takes the place of what was.
#[derive(Clone, Default)]
pub struct BeforePaint(Rc<RefCell<Option<Work>>>);

impl BeforePaint {
    /// Asks for it.
    pub fn ask(&self, work: impl FnOnce() + 'static) {
        if self.waits(Box::new(work)) {
            self.begin();
        }
    }

    /// The same, a frame later: where this one has enough to do.
    pub fn ask_later(&self, work: impl FnOnce() + 'static) {
        if self.waits(Box::new(work)) {
            let own = self.clone();
            after_paint(move |_| own.begin());
        }
    }

    /// Whether nothing had been asked.
    fn waits(&self, work: Work) -> bool {
        self.0.borrow_mut().replace(work).is_none()
    }

    fn begin(&self) {
        let waiting = self.0.clone();
        request_animation_frame(move || {
            let work = waiting.borrow_mut().take();
            work.into_iter().for_each(|work| work());
        });
    }

    /// Does it at once, and nothing of what was asked.
    pub fn instead(&self, work: impl FnOnce()) {
        self.0.take();
        work();
    }
}

thread_local! {
    static WAITING: RefCell<VecDeque<Work>> = const { RefCell::new(VecDeque::new()) };
}

/// How long small pictures and the like may hold the page's thread at once, milliseconds.
const TURN_MS: f64 = 8.0;

/// Does `work` soon, in its order, with what else waits: a few milliseconds of it in each turn of the browser. For what is looked at and not acted on.
pub fn in_turns(work: impl FnOnce() + 'static) {
    let begins = WAITING.with_borrow_mut(|waiting| {
        waiting.push_back(Box::new(work));
        waiting.len() == 1
    });
    if begins {
        after_effects(turn);
    }
}

fn turn() {
    let until = now() + TURN_MS;
    while let Some(work) = WAITING.with_borrow_mut(VecDeque::pop_front) {
        work();
        if now() > until && WAITING.with_borrow(|waiting| !waiting.is_empty()) {
            return after_effects(turn);
        }
    }
}

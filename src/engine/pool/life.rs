//! The life of the workers: started, listened to, replaced, watched.

use std::cell::RefCell;
use std::pin::Pin;
use std::rc::Rc;

use js_sys::Reflect;
use wasm_bindgen::closure::Closure;
use wasm_bindgen::{JsCast, JsValue};
use web_sys::{ErrorEvent, MessageEvent, Worker};

use super::schedule::{Side, Slot};
use super::state::{After, State};

/// Milliseconds between looks at the deadlines.
const WATCH_MS: i32 = 1000;

/// The share that is told of a run of which nothing is done yet.
const BEGUN: f64 = 0.005;

pub(super) struct Hub {
    pub state: RefCell<State>,
    pub gate: Option<Gate>,
    /// Whether no worker is put off until there is work for it.
    pub at_once: bool,
}

/// What is waited for before workers are started: the turn of a page among several that share a machine.
pub type Gate = Rc<dyn Fn() -> Pin<Box<dyn Future<Output = ()>>>>;

type Listener<Event> = Closure<dyn FnMut(Event)>;

/// A worker with what listens to it.
pub(super) struct Port {
    pub worker: Worker,
    _listeners: (Listener<MessageEvent>, Listener<ErrorEvent>, Listener<JsValue>),
}

impl Port {
    /// Nothing of this worker is heard any more, messages on their way included.
    pub fn silence(&self) {
        self.worker.set_onmessage(None);
        self.worker.set_onerror(None);
        self.worker.set_onmessageerror(None);
    }
}

/// Milliseconds since the page was opened.
pub(super) fn now() -> f64 {
    web_sys::window().and_then(|w| w.performance()).map_or(0.0, |p| p.now())
}

impl Hub {
    /// Starts a worker in a place of a side that has none, as soon as the gate is open, and in its other places when there is work for them, or a second later: until
    /// then they would only take their part of few cores, while the page is being mounted.
    pub fn launch(self: &Rc<Self>, side: Side) {
        let Some(gate) = &self.gate else { return self.start(side) };
        let (hub, open) = (self.clone(), gate());
        wasm_bindgen_futures::spawn_local(async move {
            open.await;
            hub.start(side);
        });
    }

    fn start(self: &Rc<Self>, side: Side) {
        let Some(slot) = self.state.borrow_mut().claim_places(side, now()) else { return };
        self.watch();
        let hub = self.clone();
        wasm_bindgen_futures::spawn_local(async move {
            // Not at once: whoever asked may be holding the state.
            hub.seat(slot);
            if hub.at_once {
                hub.seat_rest();
            }
            hub.pump();
        });
    }

    /// Starts the workers that were put off.
    fn seat_rest(self: &Rc<Self>) {
        let waiting = self.state.borrow_mut().take_waiting();
        waiting.into_iter().for_each(|slot| self.seat(slot));
    }

    /// Starts the worker of one place.
    fn seat(self: &Rc<Self>, slot: Slot) {
        let (source, generation) = {
            let mut state = self.state.borrow_mut();
            let side = state.board.side(slot);
            (state.source(side), state.next_generation(slot))
        };
        let worker = match source.and_then(|source| source.start()) {
            Ok(worker) => worker,
            Err(reason) => return self.lost(slot, &reason),
        };
        // A listener of a worker that was replaced in the meantime does nothing.
        let current = {
            let hub = Rc::downgrade(self);
            move || hub.upgrade().filter(|hub| hub.state.borrow().generation(slot) == generation)
        };
        let on_message = {
            let current = current.clone();
            Closure::<dyn FnMut(MessageEvent)>::new(move |event: MessageEvent| {
                if let Some(hub) = current() {
                    hub.receive(slot, &event.data());
                }
            })
        };
        let on_error = {
            let current = current.clone();
            Closure::<dyn FnMut(ErrorEvent)>::new(move |event: ErrorEvent| {
                event.prevent_default();
                if let Some(hub) = current() {
                    // A script that cannot be fetched gives an event without a message.
                    let message = Reflect::get(&event, &"message".into())
                        .ok()
                        .and_then(|m| m.as_string())
                        .filter(|m| !m.is_empty());
                    hub.lost(slot, &message.unwrap_or_else(|| "a worker's script did not load".to_owned()));
                }
            })
        };
        let on_bad_message = Closure::<dyn FnMut(JsValue)>::new(move |_| {
            if let Some(hub) = current() {
                hub.lost(slot, "a worker's message could not be read");
            }
        });
        worker.set_onmessage(Some(on_message.as_ref().unchecked_ref()));
        worker.set_onerror(Some(on_error.as_ref().unchecked_ref()));
        worker.set_onmessageerror(Some(on_bad_message.as_ref().unchecked_ref()));
        self.state.borrow_mut().seat(slot, Port { worker, _listeners: (on_message, on_error, on_bad_message) }, now());
    }

    /// The worker in this place is no more.
    fn lost(self: &Rc<Self>, slot: Slot, reason: &str) {
        let (after, old) = self.state.borrow_mut().lost(slot, reason, now());
        if let Some(port) = old {
            port.silence();
            port.worker.terminate();
            // One of its listeners may be what is running now.
            wasm_bindgen_futures::spawn_local(async move { drop(port) });
        }
        self.seat_rest();
        self.after(after);
    }

    fn receive(self: &Rc<Self>, slot: Slot, message: &JsValue) {
        let failed =
            Reflect::get(message, &"kind".into()).ok().and_then(|k| k.as_string()).is_some_and(|k| k == "failed");
        if failed {
            let why = Reflect::get(message, &"message".into()).ok().and_then(|m| m.as_string());
            return self.lost(slot, &why.unwrap_or_else(|| "a worker did not start".to_owned()));
        }
        let after = self.state.borrow_mut().receive(slot, message, now());
        self.after(after);
    }

    /// What is left to do once the state is consistent: answers and progress run foreign code, which may ask the pool again.
    fn after(self: &Rc<Self>, after: After) {
        for (reply, answer) in after.answers {
            reply.give(answer);
        }
        if let Some((progress, share)) = after.progress {
            progress(share);
        }
        if let Some((slot, reason)) = after.lost {
            return self.lost(slot, &reason);
        }
        if let Some(slot) = after.reseat {
            self.seat(slot);
        }
        self.pump();
    }

    /// Sends what can be sent.
    pub fn pump(self: &Rc<Self>) {
        let broken = self.state.borrow_mut().pump();
        for (slot, reason) in broken {
            self.lost(slot, &reason);
        }
        if self.state.borrow().wants_more() {
            self.seat_rest();
        }
        self.watch();
    }

    /// Looks at the deadlines as long as there are any.
    fn watch(self: &Rc<Self>) {
        if !self.state.borrow_mut().start_watch() {
            return;
        }
        let hub = Rc::downgrade(self);
        let due = now() + f64::from(WATCH_MS);
        let look = Closure::once_into_js(move || {
            let Some(hub) = hub.upgrade() else { return };
            // After a sleep of the machine or of the tab, deadlines have passed of which the answers wait behind this timer: they are heard first.
            let slept = now() - due > f64::from(WATCH_MS);
            let overdue = hub.state.borrow_mut().end_watch(if slept { f64::NEG_INFINITY } else { now() });
            let silent = hub.state.borrow().silent(now());
            silent.iter().for_each(|progress| progress(BEGUN));
            hub.seat_rest();
            for (slot, reason) in overdue {
                hub.lost(slot, &reason);
            }
            hub.watch();
        });
        if let Some(window) = web_sys::window() {
            // Without a timer there are no deadlines, which is no reason not to compute.
            let _ = window.set_timeout_with_callback_and_timeout_and_arguments_0(look.unchecked_ref(), WATCH_MS);
        }
    }
}

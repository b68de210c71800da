//! `on(event, handler)`: what happens on the page, told to whoever asked.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use js_sys::Function;
use wasm_bindgen::closure::Closure;
use wasm_bindgen::{JsCast, JsValue};

use super::result::Ran;
use super::{error, expected, plain, run, written};
use crate::app::reactive::effect;
use crate::app::state::{Lab, Status};
use crate::engine::Outcome;

/// The events there are.
const NAMES: [&str; 4] = ["change", "result", "error", "backend"];

type Handlers = Rc<RefCell<Vec<(u32, &'static str, Function)>>>;

/// Who listens to what.
#[derive(Clone)]
pub struct Events {
    handlers: Handlers,
    next: Rc<Cell<u32>>,
}

impl Events {
    /// Follows the page from now on.
    pub fn new(lab: Lab) -> Self {
        let events = Self { handlers: Handlers::default(), next: Rc::default() };
        let tell = events.clone();
        let mut opened = false;
        effect(move || {
            let experiment = lab.experiment.get();
            if std::mem::replace(&mut opened, true) {
                tell.tell("change", || written(experiment.as_ref()));
            }
        });
        let tell = events.clone();
        let mut last = None::<String>;
        effect(move || {
            let Some(outcome) = lab.outcome.get() else { return };
            tell.tell("result", || run::summary(&outcome));
            let ran = who(&outcome);
            if last.as_ref() != Some(&ran) {
                tell.tell("backend", || plain(&Ran::of(&outcome.report)));
            }
            last = Some(ran);
        });
        let tell = events.clone();
        effect(move || {
            let issues = lab.issues.get();
            if !issues.is_empty() {
                tell.tell("error", || error::experiment_error(crate::experiment::Issues(issues)));
            } else if let Status::Failed(message) = lab.status.get() {
                tell.tell("error", || error::experiment_error(crate::experiment::Issue::new("", message)));
            }
        });
        events
    }

    /// Adds a handler; gives the function that removes it.
    ///
    /// # Errors
    /// An `ExperimentError` for an unknown event or a handler that is no function.
    pub fn on(&self, event: &JsValue, handler: JsValue) -> Result<JsValue, JsValue> {
        let asked = event.as_string().unwrap_or_default();
        let name = NAMES.into_iter().find(|name| *name == asked);
        let name =
            name.ok_or_else(|| error::experiment_error(expected("event", &format!("one of {}", NAMES.join(", ")))))?;
        let handler: Function =
            handler.dyn_into().map_err(|_| error::experiment_error(expected("handler", "a function")))?;
        // Never used again: who removes twice removes nobody else's.
        let id = self.next.get();
        self.next.set(id.wrapping_add(1));
        self.handlers.borrow_mut().push((id, name, handler));
        let handlers = self.handlers.clone();
        let remove = Closure::<dyn Fn()>::new(move || handlers.borrow_mut().retain(|(other, ..)| *other != id));
        Ok(remove.into_js_value())
    }

    fn tell(&self, event: &str, detail: impl FnOnce() -> JsValue) {
        // Handlers may add and remove handlers.
        let called: Vec<Function> =
            self.handlers.borrow().iter().filter(|(_, name, _)| *name == event).map(|(.., f)| f.clone()).collect();
        if called.is_empty() {
            return;
        }
        let detail = detail();
        for handler in called {
            if let Err(error) = handler.call1(&JsValue::UNDEFINED, &detail) {
                web_sys::console::error_1(&error);
            }
        }
    }
}

/// Who computed, in a form that can be compared.
fn who(outcome: &Outcome) -> String {
    let report = &outcome.report;
    format!("{:?} {:?} {} {:?}", report.backend, report.algorithm, report.kernel, report.choice)
}

//! Errors as callers see them.

use js_sys::{Array, Error, Object};
use wasm_bindgen::JsValue;

use super::set;
use crate::catalogue::Lang;
use crate::engine::pool::RunError;
use crate::experiment::{Backend, Issue, Issues};

/// An `Error` with name `ExperimentError` and `issues: {path, message}[]`.
pub fn experiment_error(issues: impl Into<Issues>) -> JsValue {
    let issues = issues.into();
    let error = Error::new(&issues.lines(Lang::En));
    error.set_name("ExperimentError");
    set(&error, "issues", &list(&issues.0));
    error.into()
}

/// Issues as an array of `{path, message}`.
pub fn list(issues: &[Issue]) -> Array {
    let all = Array::new();
    for issue in issues {
        let one = Object::new();
        set(&one, "path", &issue.path.as_str().into());
        set(&one, "message", &issue.message.get(Lang::En).into());
        all.push(&one);
    }
    all
}

/// The error of a run on `backend`.
pub fn run_error(error: RunError, backend: Backend) -> JsValue {
    match error {
        RunError::Invalid(issues) => experiment_error(issues),
        RunError::Unavailable(message) => experiment_error(Issue::new("backend", message)),
        // Another engine may do what this one could not; there is none behind the CPU's.
        RunError::Failed(message) if backend == Backend::Webgpu => experiment_error(Issue::new("backend", message)),
        RunError::Failed(message) => experiment_error(Issue::new("", message)),
        RunError::Cancelled => experiment_error(Issue::new("signal", "the run was stopped")),
    }
}

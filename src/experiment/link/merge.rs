//! Setting part of an experiment from JSON: what `set` of the JavaScript API takes.

use serde_json::Value;

use super::super::{Experiment, Issue, Issues, check};
use super::UNREADABLE;
use super::tree::{Tree, choice_key, is_choice, is_whole};
use crate::catalogue::Text;

/// `base` with the fields of `patch` in place of its own: objects are merged, everything else replaces. Choosing another mask, position, normaliser,
/// product, selection or kind of input starts that field from its defaults; `null` resets a field and removes a parameter or table.
///
/// # Errors
/// Every unknown key, every value of the wrong type and everything that [`check`] finds, each with its path.
pub fn merge(base: &Experiment, patch: &Value) -> Result<Experiment, Issues> {
    if !patch.is_object() {
        let message = Text::new("an experiment is an object of fields", "实验必须是由字段组成的对象");
        return Err(Issue::new("", message).into());
    }
    let mut merger = Merger { tree: Tree::of(base), defaults: Tree::of(&Experiment::default()), issues: Vec::new() };
    merger.walk(&mut Vec::new(), patch);
    let Merger { tree, mut issues, .. } = merger;
    let Some(experiment) = tree.experiment() else {
        issues.push(Issue::new("", UNREADABLE));
        return Err(Issues(issues));
    };
    let found = check(&experiment).err().unwrap_or_default().0;
    let refused: Vec<String> = issues.iter().map(|issue| issue.path.clone()).collect();
    // A field that could not be set still has its old value: what is said of that would only confuse.
    let old = |path: &str| {
        refused.iter().any(|p| path.strip_prefix(p.as_str()).is_some_and(|r| !r.starts_with(char::is_alphanumeric)))
    };
    issues.extend(found.into_iter().filter(|issue| !old(&issue.path)));
    if issues.is_empty() { Ok(experiment) } else { Err(Issues(issues)) }
}

struct Merger {
    tree: Tree,
    defaults: Tree,
    issues: Vec<Issue>,
}

impl Merger {
    /// Merges `patch` at `path`. The depth is bounded by the experiment's own: an object goes deeper only where the experiment has one.
    fn walk<'a>(&mut self, path: &mut Vec<&'a str>, patch: &'a Value) {
        let Value::Object(fields) = patch else { return };
        let choice = match path[..] {
            [field] => choice_key(field),
            _ => None,
        };
        // The choice first: it starts the field anew.
        let chosen = fields.iter().filter(|(name, _)| choice == Some(name.as_str()));
        let others = fields.iter().filter(|(name, _)| choice != Some(name.as_str()));
        for (name, value) in chosen.chain(others) {
            path.push(name);
            self.field(path, value);
            path.pop();
        }
    }

    fn field<'a>(&mut self, path: &mut Vec<&'a str>, value: &'a Value) {
        let now = self.tree.get(path);
        if is_choice(path)
            && let Value::String(choice) = value
        {
            if now != Some(value) {
                let chosen = self.tree.choose(path[0], choice);
                self.note(chosen);
            }
            return;
        }
        if value.is_null() {
            return self.reset(path);
        }
        let opens = match now {
            Some(_) if is_whole(path) => false,
            Some(now) => now.is_object() || (now.is_null() && path[..] == ["score"]),
            None => matches!(path[..], ["mask" | "prob", "custom"]),
        };
        if opens && value.as_object().is_some_and(|fields| !fields.is_empty()) {
            return self.walk(path, value);
        }
        // An empty object changes nothing in an object, and is a start where there is none.
        if !(opens && now.is_some_and(Value::is_object) && value.is_object()) {
            self.set(path, value);
        }
    }

    fn set(&mut self, path: &[&str], value: &Value) {
        let set = self.tree.set(path, value.clone());
        self.note(set);
    }

    fn reset(&mut self, path: &[&str]) {
        match (path, self.defaults.get(path).cloned()) {
            ([_, "params", _] | ["data", _] | ["mask" | "prob", "custom"] | ["engine", "tiers"], _) => {
                self.tree.remove(path);
            }
            (_, Some(default)) => {
                let set = self.tree.set(path, default);
                self.note(set);
            }
            // A field of this choice only, or no field at all; the types say which.
            (_, None) => self.set(path, &Value::Null),
        }
    }

    fn note(&mut self, done: Result<(), Vec<Issue>>) {
        self.issues.extend(done.err().unwrap_or_default());
    }
}

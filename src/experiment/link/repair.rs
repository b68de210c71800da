//! Makes a valid experiment of a readable link: what the check refuses falls back to its default and is named.

use serde_json::Value;

use super::UNREADABLE;
use super::tree::{Tree, choice_key, start_of};
use crate::experiment::{Experiment, Issue, check};

/// The experiment of `tree` with what the check refuses reset: first the fields named, then whole groups, then everything.
pub(super) fn repair(mut tree: Tree, problems: &mut Vec<Issue>) -> Experiment {
    let defaults = Tree::of(&Experiment::default());
    for reset in [reset_field, reset_group] {
        let Some(experiment) = tree.experiment() else { break };
        let Err(issues) = check(&experiment) else { return experiment };
        let items: Vec<_> = issues.0.iter().filter_map(|issue| item(&issue.path)).collect();
        drop_items(&mut tree, &items);
        for issue in issues.0.iter().filter(|issue| item(&issue.path).is_none()) {
            reset(&mut tree, &defaults, &issue.path);
        }
        for issue in issues.0 {
            if !problems.contains(&issue) {
                problems.push(issue);
            }
        }
    }
    match tree.experiment() {
        Some(experiment) if check(&experiment).is_ok() => experiment,
        _ => {
            problems.push(Issue::new("", UNREADABLE));
            Experiment::default()
        }
    }
}

/// Resets the field at the path of an issue, as finely as possible.
fn reset_field(tree: &mut Tree, defaults: &Tree, path: &str) {
    let (field, rest) = path.split_once('.').unwrap_or((path, ""));
    if let Some(name) = rest.strip_prefix("params.") {
        return tree.remove(&[field, "params", name]);
    }
    if field == "data" {
        let name = rest.rfind('[').map_or(rest, |at| &rest[..at]);
        tree.remove(&["data", rest]);
        return tree.remove(&["data", name]);
    }
    let whole = path.ends_with(".id")
        || path.contains('[')
        || ["mask.custom", "prob.custom"].iter().any(|own| path.starts_with(own))
        || field == "score";
    let parts: Vec<&str> = path.split('.').collect();
    if !whole && set_default(tree, defaults, &parts) {
        return;
    }
    reset_group(tree, defaults, path);
}

/// Sets the default of the entry that the field has chosen.
fn set_default(tree: &mut Tree, defaults: &Tree, path: &[&str]) -> bool {
    let chosen = choice_key(path[0]).and_then(|key| tree.get(&[path[0], key])).and_then(Value::as_str);
    let default = match chosen {
        Some(chosen) => start_of(path[0], chosen)
            .and_then(|start| path[1..].iter().try_fold(&start, |value, name| value.get(name)).cloned()),
        None => defaults.get(path).cloned(),
    };
    default.is_some_and(|default| tree.set(path, default).is_ok())
}

/// List and index of a path such as `edits[3].row`.
fn item(path: &str) -> Option<(&str, usize)> {
    let (list, rest) = path.split_once('[')?;
    let index = rest.split(']').next()?.parse().ok()?;
    (!list.contains('.')).then_some((list, index))
}

/// Drops the items of lists that issues name.
fn drop_items(tree: &mut Tree, items: &[(&str, usize)]) {
    for list in ["edits", "combine", "paint"] {
        if !items.iter().any(|(other, _)| *other == list) {
            continue;
        }
        let Some(Value::Array(all)) = tree.get(&[list]) else { continue };
        let kept = all.iter().enumerate().filter(|(i, _)| !items.contains(&(list, *i))).map(|(_, item)| item.clone());
        let kept = Value::Array(kept.collect());
        // It reads back: every item did.
        let _ = tree.set(&[list], kept);
    }
}

/// Resets the whole top-level field.
fn reset_group(tree: &mut Tree, defaults: &Tree, path: &str) {
    let field = path.split(['.', '[']).next().unwrap_or_default();
    if let Some(default) = defaults.get(&[field]) {
        // The default reads back, since it was written from the types.
        let _ = tree.set(&[field], default.clone());
    }
}

//! An experiment as a tree of JSON, of which single fields can be set. Every change is held against the shapes of [`EXPERIMENT`] before it
//! counts, so no field is known here by name but the few that choose an entry.

use serde_json::{Map, Value, json};

use super::super::fields::EXPERIMENT;
use super::super::nearest::{shown, unknown};
use super::super::spec::Size;
use super::super::{CustomFormula, Experiment, Hidden, Input, Issue, Normals, Weights};
use crate::catalogue::Text;
use crate::formula::Sorted;

/// The fields that choose an entry by a key of their own; setting it starts the field anew.
const CHOICES: [(&str, &str); 13] = [
    ("estimator", "id"),
    ("input", "kind"),
    ("layers", "id"),
    ("mask", "id"),
    ("normaliser", "id"),
    ("position", "id"),
    ("prob", "id"),
    ("product", "id"),
    ("selection", "id"),
    ("hybrid", "id"),
    ("branch", "id"),
    ("branch_a", "id"),
    ("layout", "id"),
];

/// The key that chooses the entry of a field.
pub(super) fn choice_key(field: &str) -> Option<&'static str> {
    CHOICES.iter().find(|(name, _)| *name == field).map(|(_, key)| *key)
}

/// Whether a path names the key that chooses.
pub(super) fn is_choice(path: &[impl AsRef<str>]) -> bool {
    matches!(path, [field, key] if choice_key(field.as_ref()) == Some(key.as_ref()))
}

/// Path of a key in a link: `mask` is `mask.id`, and `mask.window` is `mask.params.window`.
pub(super) fn path_of(key: &str) -> Vec<String> {
    let mut path: Vec<String> = key.split('.').map(str::to_owned).collect();
    if let Some(choice) = choice_key(&path[0]) {
        match path.get(1).map(String::as_str) {
            None => path.push(choice.to_owned()),
            Some("id" | "params" | "custom" | "kind") => {}
            Some(_) if path[0] != "input" => path.insert(1, "params".to_owned()),
            Some(_) => {}
        }
    }
    path
}

/// The key of a path: the reverse of [`path_of`].
pub(super) fn key_of(path: &[&str]) -> String {
    match path {
        [field, "params", name]
            if *field != "input"
                && choice_key(field).is_some()
                && !["id", "params", "custom", "kind"].contains(name) =>
        {
            format!("{field}.{name}")
        }
        _ => path.join("."),
    }
}

/// What a field starts from when it chooses `choice`; `None` where there is no such kind of input. Whether an id exists is for the check
/// to say.
pub(super) fn start_of(field: &str, choice: &str) -> Option<Value> {
    // What a link does not say is as it was before there was a rule.
    let (size, normals) = (Size::default(), Normals::Unrounded);
    let input = match (field, choice) {
        ("mask" | "prob", "custom") => return Some(json!({ "id": choice, "custom": CustomFormula::default() })),
        ("input", "capture") => Input::default(),
        ("input", "generated") => {
            Input::Generated { recipe: "normal".to_owned(), size, seed: 0, normals, params: Sorted::new() }
        }
        ("input", "text") => Input::Text { text: String::new(), size, seed: 0, normals },
        ("input", "numbers") => Input::one_head(Vec::new(), Vec::new(), Vec::new()),
        ("input", "projected") => {
            let x = Hidden::generated("normal", 8, 16, 0);
            Input::Projected { x, weights: Weights::Normal, weights_b: None, size, seed: 0, normals, rounded: 0.0 }
        }
        ("input", _) => return None,
        _ => return Some(json!({ "id": choice })),
    };
    serde_json::to_value(input).ok()
}

/// Whether the field at a path is set as a whole: its parts depend on each other, so that none can be set before the rest.
pub(super) fn is_whole(path: &[&str]) -> bool {
    matches!(path, ["input", "x" | "weights" | "weights_b"])
}

/// What an absent object starts from.
pub(super) fn blank(path: &[&str]) -> Value {
    match path {
        ["score"] | ["mask" | "prob", "custom"] => json!(CustomFormula::default()),
        _ => json!({}),
    }
}

/// An experiment as JSON.
#[derive(Clone, Debug)]
pub(super) struct Tree(Map<String, Value>);

impl Tree {
    pub(super) fn of(experiment: &Experiment) -> Self {
        match serde_json::to_value(experiment) {
            Ok(Value::Object(fields)) => Self(fields),
            // An experiment is plain data with string keys: it always has a tree.
            _ => Self(Map::new()),
        }
    }

    /// The top-level fields.
    pub(super) fn fields(&self) -> impl Iterator<Item = (&str, &Value)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value))
    }

    pub(super) fn get(&self, path: &[&str]) -> Option<&Value> {
        let (field, rest) = path.split_first()?;
        rest.iter().try_fold(self.0.get(*field)?, |value, name| value.get(name))
    }

    /// Starts a field anew with the entry `choice`.
    pub(super) fn choose(&mut self, field: &str, choice: &str) -> Result<(), Vec<Issue>> {
        // A kind that there is not starts from nothing but its name, and is refused by its shape.
        let start = start_of(field, choice).unwrap_or_else(|| json!({ "kind": choice }));
        self.put(field, start)
    }

    /// Sets the field at `path`.
    ///
    /// # Errors
    /// Every part of the value that is not what its field holds, by its path; the tree stays as it was.
    pub(super) fn set(&mut self, path: &[&str], value: Value) -> Result<(), Vec<Issue>> {
        let (&field, rest) = path.split_first().unwrap_or((&"", &[]));
        let Some(now) = self.0.get(field) else {
            let known = EXPERIMENT.iter().map(|field| field.name);
            return Err(vec![Issue::new(shown(field), unknown(Text::new("field", "字段"), field, known))]);
        };
        let mut changed = now.clone();
        let mut place = &mut changed;
        for (depth, &name) in rest.iter().enumerate() {
            if !place.is_object() {
                *place = blank(&path[..=depth]);
            }
            let Value::Object(fields) = place else {
                let message = Text::new("names no field", "不是字段的名称");
                return Err(vec![Issue::new(path.join("."), message)]);
            };
            place = fields.entry(name).or_insert(Value::Null);
        }
        *place = value;
        self.put(field, changed)
    }

    /// Removes an entry of a map; nothing happens where there is none.
    pub(super) fn remove(&mut self, path: &[&str]) {
        let Some((&name, parents)) = path.split_last() else { return };
        let Some((&field, rest)) = parents.split_first() else { return };
        let map = rest.iter().try_fold(self.0.get_mut(field), |value, &name| value.map(|v| v.get_mut(name)));
        if let Some(Some(Value::Object(map))) = map {
            map.remove(name);
        }
    }

    /// Replaces a top-level field if it has the field's shape.
    fn put(&mut self, field: &str, value: Value) -> Result<(), Vec<Issue>> {
        let mut issues = Vec::new();
        if let Some(known) = EXPERIMENT.iter().find(|known| known.name == field) {
            known.shape.check(&value, field, &mut issues);
        }
        if !issues.is_empty() {
            return Err(issues);
        }
        self.0.insert(field.to_owned(), value);
        Ok(())
    }

    /// The experiment; `None` where the types refuse what the shapes let pass, which would be a mistake of ours.
    pub(super) fn experiment(&self) -> Option<Experiment> {
        serde_json::from_value(Value::Object(self.0.clone())).ok()
    }
}

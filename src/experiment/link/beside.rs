//! A second setting in a link: A, with which the page compares the one that the link opens. Readers that know of none name the field and open the rest.
//!
//! ```text
//! #v1&mask=dilated&compare=<the link of A, percent-encoded>&compare.inputs=same
//! ```

use std::sync::Arc;

use serde_json::Value;

use super::tree::Tree;
use super::{Pair, pairs, push, read};
use crate::catalogue::Text;
use crate::experiment::nearest::shown;
use crate::experiment::{Experiment, Issue};

/// The field, and what may follow it after a point.
const FIELD: &str = "compare";
const INPUTS: &str = "inputs";
/// Both are computed over A's numbers.
const SAME: &str = "same";

/// Numbers of an input's own beyond which it is compared as a whole.
const MOST_NUMBERS: usize = 4096;

/// A setting that is kept beside the one that is edited.
#[derive(Clone, Debug, PartialEq)]
pub struct Pinned {
    /// The setting.
    pub experiment: Arc<Experiment>,
    /// Whether the other one is compared over this one's input and edits.
    pub same_inputs: bool,
}

/// A field whose values differ between two settings, as links write them; `None` for the default.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Differing {
    /// The field's path, as links write it: `mask.window`.
    pub key: String,
    /// In A.
    pub a: Option<String>,
    /// In B.
    pub b: Option<String>,
}

/// A link's fragment, empty for the default experiment, with a setting beside it.
pub fn with_pinned(fragment: &str, pinned: &Pinned) -> String {
    let mut link = if fragment.is_empty() { super::VERSION } else { fragment }.to_owned();
    push(&mut link, FIELD, &super::encode(&pinned.experiment));
    if pinned.same_inputs {
        push(&mut link, "compare.inputs", SAME);
    }
    link
}

/// What a link says of a second setting: paths and texts, in its own order.
pub(super) type Beside = Vec<(Vec<String>, String)>;

/// Whether a path is about the second setting.
pub(super) fn is_beside(path: &[String]) -> bool {
    path.first().is_some_and(|field| field == FIELD)
}

/// The second setting of a link, of what it says of one; the last word counts, as with every field.
pub(super) fn pinned(said: Beside, problems: &mut Vec<Issue>) -> Option<Pinned> {
    let (mut experiment, mut same_inputs) = (None, false);
    for (path, text) in said {
        match path.get(1).map(String::as_str) {
            None => {
                let (opened, wrong, nested) = read(text.strip_prefix('#').unwrap_or(&text));
                let at = |path: &str| if path.is_empty() { FIELD.to_owned() } else { format!("{FIELD}.{path}") };
                problems.extend(wrong.into_iter().map(|issue| Issue::new(at(&issue.path), issue.message)));
                if nested.iter().any(|(path, _)| !is_beside(path)) {
                    let message = Text::new("a laboratory belongs to the link itself", "实验室应写在链接本身");
                    problems.push(Issue::new(at("lab"), message));
                }
                if nested.iter().any(|(path, _)| is_beside(path)) {
                    let message = Text::new(
                        "a setting that is compared with has none of its own",
                        "用于比较的设置本身不能再含有比较",
                    );
                    problems.push(Issue::new(at(FIELD), message));
                }
                experiment = Some(Arc::new(opened));
            }
            Some(INPUTS) if path.len() == 2 && text == SAME => same_inputs = true,
            Some(_) => problems.push(Issue::new(
                shown(&path.join(".")),
                Text::new("must be `compare` or `compare.inputs=same`", "应为 `compare` 或 `compare.inputs=same`"),
            )),
        }
    }
    if experiment.is_none() && same_inputs {
        let message = Text::new("there is no setting to compare with", "没有可比较的设置");
        problems.push(Issue::new("compare.inputs", message));
    }
    experiment.map(|experiment| Pinned { experiment, same_inputs })
}

/// Where two settings differ, but for what is looked at. A large input counts as one field.
pub fn differing(a: &Experiment, b: &Experiment) -> Vec<Differing> {
    let large = a.input.numbers().max(b.input.numbers()) > MOST_NUMBERS;
    let stripped = |e: &Experiment| {
        let mut e = Experiment { view: Default::default(), ..e.clone() };
        if large {
            e.input = Default::default();
        }
        e
    };
    let (a_rest, b_rest) = (stripped(a), stripped(b));
    let (tree_a, tree_b) = (Tree::of(&a_rest), Tree::of(&b_rest));
    let defaults = Tree::of(&Experiment::default());
    let (in_a, in_b) = (pairs(&tree_a, &defaults), pairs(&tree_b, &defaults));
    let find = |all: &[Pair], key: &str, of: &Experiment| {
        all.iter().find(|pair| pair.key == key).map(|pair| match pair.value {
            Value::Array(items) if items.len() > 16 => format!("[… {}]", items.len()),
            _ => shown(&pair.text(of)),
        })
    };
    let mut keys: Vec<&str> = in_a.iter().chain(&in_b).map(|pair| pair.key.as_str()).collect();
    keys.sort_unstable();
    keys.dedup();
    let value = |all: &[Pair], key: &str| all.iter().find(|pair| pair.key == key).map(|pair| pair.value.clone());
    let mut found: Vec<Differing> = keys
        .into_iter()
        .filter(|key| value(&in_a, key) != value(&in_b, key))
        .map(|key| Differing { key: key.to_owned(), a: find(&in_a, key, &a_rest), b: find(&in_b, key, &b_rest) })
        .collect();
    if large && a.input != b.input {
        found.push(Differing { key: "input".to_owned(), a: Some("A".to_owned()), b: Some("B".to_owned()) });
    }
    found
}

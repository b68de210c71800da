//! The link: an experiment as the fragment of an address.
//!
//! ```text
//! #v1&mask=dilated&mask.window=5&view.head=0&edits=~j<base64url of JSON>
//! ```
//!
//! The version comes first. Then `key=value` pairs hold what differs from the defaults, and the defaults of a version never change. A key is
//! the path of a field, percent-encoded; `mask=`, `position=`, `normaliser=`, `prob=`, `layers=`, `product=`, `selection=`, `layout=`, `hybrid=`, `branch=`, `branch_a=`,
//! `estimator=` and `input=` choose an entry and start from its own defaults, and
//! a parameter is `mask.window`, without `params`. A value is a number, `true`, `false`, a list `1,2,3`, bare text, text in JSON's quotes where it would
//! read as one of those, or, after `~j`, JSON in base64url.
//!
//! ```text
//! #v1~<base64url>
//! ```
//!
//! The same pairs packed: typed bytes, deflated. A long link is written so where that makes it a fifth shorter. Every number comes back with all its
//! bits in both forms; who wants a shorter link rounds the numbers first ([`round`]).
//!
//! `compare=` holds the link of a second setting, which the page compares with the first.
//!
//! `lab=` names a laboratory that the page opens with, and `lab.…` what it is set to.
//!
//! Reading never fails: what can't be used is named, and its field keeps the default.

pub(crate) mod base64;
mod beside;
mod bytes;
mod laboratory;
mod merge;
mod numbers;
mod packed;
mod repair;
mod rounded;
mod text;
mod tree;

use serde_json::Value;

use super::issue::message;
use super::nearest::shown;
use super::{Experiment, Input, Issue, Message, Weights, limits};
use crate::catalogue::Text;
use tree::Tree;

use beside::Beside;

pub use beside::{Differing, Pinned, differing, with_pinned};
pub use laboratory::{Laboratory, LaboratoryId, with_laboratory};
pub use merge::merge;
pub use rounded::{Rounded, round};

/// Most pairs that are read; a default experiment has about forty fields.
const MOST_PAIRS: usize = 1024;

/// Most problems that are kept: more would not be read by anybody.
const MOST_PROBLEMS: usize = 100;

/// Cells that setting fields may touch. Each setting reads its whole field again, so that many settings of a large field are as much work as both
/// multiplied; an honest link sets each of its cells once, and its large fields a few times.
const MOST_WORK: usize = 1 << 21;

/// The version that is written.
const VERSION: &str = "v1";

/// Said where the types refuse what the shapes of the fields let pass, which would be a mistake of ours.
const UNREADABLE: Text = Text::new("what was left made no valid experiment", "剩余部分不构成有效的实验");

/// What a link opened as.
#[derive(Clone, Debug, PartialEq)]
pub struct Opened {
    /// A valid experiment, the default one where the link says nothing usable.
    pub experiment: Experiment,
    /// The setting beside it, if the link holds one.
    pub pinned: Option<Pinned>,
    /// The laboratory that it opens, if it names one.
    pub laboratory: Option<Laboratory>,
    /// What could not be used, with the field that kept its default (no path: the whole link). Empty for a sound link, and for none.
    pub problems: Vec<Issue>,
    /// The link as it came, so that it can be copied when something was wrong.
    pub raw: String,
}

/// Readable links up to this many characters stay readable.
const SHORT: usize = 400;

/// How a link is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// `key=value`.
    Readable,
    /// Deflated bytes.
    Packed,
}

/// The fragment for an experiment, without `#`, in the form that suits its length. The default is just the version. One longer than
/// [`limits::LINK`] would not be read back: large inputs travel as files.
pub fn encode(experiment: &Experiment) -> String {
    let readable = encode_as(experiment, Form::Readable);
    if readable.len() <= SHORT {
        return readable;
    }
    let packed = encode_as(experiment, Form::Packed);
    if packed.len() * 5 <= readable.len() * 4 { packed } else { readable }
}

/// The fragment in a form of the caller's choice.
pub fn encode_as(experiment: &Experiment, form: Form) -> String {
    let tree = Tree::of(experiment);
    let pairs = pairs(&tree, &Tree::of(&Experiment::default()));
    let mut link = VERSION.to_owned();
    match form {
        Form::Packed => {
            link.push('~');
            link += &packed::write(pairs.iter().map(|pair| (pair.key.as_str(), pair.value)));
        }
        Form::Readable => {
            for pair in &pairs {
                push(&mut link, &pair.key, &pair.text(experiment));
            }
        }
    }
    link
}

/// What of an experiment differs from the defaults, in the order of the keys, whatever order the JSON library keeps: the same experiment has one link.
fn pairs<'a>(tree: &'a Tree, defaults: &Tree) -> Vec<Pair<'a>> {
    let mut pairs = Vec::new();
    for (field, value) in tree.fields() {
        let Some(default) = defaults.get(&[field]).filter(|default| *default != value) else { continue };
        let mut start = default.clone();
        if let Some(choice) = tree::choice_key(field) {
            let chosen = value.get(choice);
            if chosen != default.get(choice) || lacks_parameter(value, default) {
                let chosen = chosen.unwrap_or(&Value::Null);
                pairs.push(Pair { path: vec![field], value: chosen, key: field.to_owned() });
                start = tree::start_of(field, chosen.as_str().unwrap_or_default()).unwrap_or(Value::Null);
            }
        } else if !default.is_object() {
            start = tree::blank(&[field]);
        }
        differences(&mut pairs, &mut vec![field], value, &start);
    }
    pairs.sort_unstable_by(|a, b| a.key.cmp(&b.key));
    pairs
}

/// What differs from the default.
struct Pair<'a> {
    key: String,
    path: Vec<&'a str>,
    value: &'a Value,
}

impl Pair<'_> {
    /// The value's text in a readable link.
    fn text(&self, all: &Experiment) -> String {
        match (json(all, &self.path), self.value) {
            (Some(json), _) => text::pack(&json),
            (None, Value::Array(items)) if !items.iter().all(Value::is_number) || items.is_empty() => {
                let mut value = self.value.clone();
                value.sort_all_objects();
                text::pack(&value.to_string())
            }
            (None, value) => text::write(value),
        }
    }
}

/// Whether a parameter that the default sets explicitly is absent, which no pair can say.
fn lacks_parameter(value: &Value, default: &Value) -> bool {
    let names = |v: &Value| v.get("params").and_then(Value::as_object).map(|p| p.keys().cloned().collect::<Vec<_>>());
    let given = names(value).unwrap_or_default();
    names(default).unwrap_or_default().iter().any(|name| !given.contains(name))
}

/// Appends a pair for every leaf below `path` at which `value` differs from `start`.
fn differences<'a>(pairs: &mut Vec<Pair<'a>>, path: &mut Vec<&'a str>, value: &'a Value, start: &Value) {
    if value == start {
        return;
    }
    if let Value::Object(fields) = value
        && !tree::is_whole(path)
    {
        let blank = tree::blank(path);
        let start = if start.is_object() { start } else { &blank };
        for (name, value) in fields {
            path.push(name);
            differences(pairs, path, value, start.get(name).unwrap_or(&Value::Null));
            path.pop();
        }
        return;
    }
    pairs.push(Pair { key: tree::key_of(path), path: path.clone(), value });
}

/// JSON of fields with 32-bit numbers, written from their types: as trees they would show the digits of the nearest 64-bit numbers.
fn json(experiment: &Experiment, path: &[&str]) -> Option<String> {
    let json = match (path, &experiment.input) {
        (["edits"], _) => serde_json::to_string(&experiment.edits),
        (["input", "q"], Input::Numbers { q, .. }) => serde_json::to_string(q),
        (["input", "k"], Input::Numbers { k, .. }) => serde_json::to_string(k),
        (["input", "v"], Input::Numbers { v, .. }) => serde_json::to_string(v),
        (["input", "x"], Input::Projected { x, .. }) => serde_json::to_string(x),
        (["input", "weights"], Input::Projected { weights: weights @ Weights::Rows { .. }, .. }) => {
            serde_json::to_string(weights)
        }
        (["input", "weights_b"], Input::Projected { weights_b: Some(weights @ Weights::Rows { .. }), .. }) => {
            serde_json::to_string(weights)
        }
        _ => return None,
    };
    json.ok()
}

fn push(link: &mut String, key: &str, value: &str) {
    link.push('&');
    text::percent_encode(key, link);
    link.push('=');
    text::percent_encode(value, link);
}

/// Opens a fragment, with or without `#`.
pub fn decode(link: &str) -> Opened {
    let (experiment, mut problems, beside) = read(link.strip_prefix('#').unwrap_or(link));
    let (labs, beside) = beside.into_iter().partition(|(path, _)| laboratory::is_laboratory(path));
    let pinned = beside::pinned(beside, &mut problems);
    let laboratory = laboratory::laboratory(labs, &mut problems);
    Opened { experiment, pinned, laboratory, problems, raw: link.to_owned() }
}

/// What a fragment opens as, what of it could not be used, and what it says of a second setting and of a laboratory.
fn read(link: &str) -> (Experiment, Vec<Issue>, Beside) {
    let whole = |message: Message| (Experiment::default(), vec![Issue::new("", message)], Vec::new());
    if link.is_empty() {
        return (Experiment::default(), Vec::new(), Vec::new());
    }
    if link.len() > limits::LINK {
        let most = limits::LINK >> 10;
        return whole(message!("the link is longer than {most} KiB and was not read", "链接超过 {most} KiB，未读取"));
    }
    let mut parts = link.split('&');
    let first = parts.next().unwrap_or_default();
    let (version, packed) = first.split_once('~').map_or((first, None), |(version, rest)| (version, Some(rest)));
    let (major, minor) = version.split_once('.').unwrap_or((version, "0"));
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    if !major.strip_prefix('v').is_some_and(digits) || !digits(minor) {
        return whole(message!(
            "this is not a link of this page: it does not start with a version such as `{VERSION}`",
            "这不是本页面的链接：开头没有 `{VERSION}` 之类的版本号"
        ));
    }
    if major != VERSION {
        let version = shown(version);
        return whole(message!(
            "the link has version {version}, which this page does not know; it reads {VERSION}",
            "链接的版本是 {version}，本页面只能读取 {VERSION}"
        ));
    }
    let mut problems = Vec::new();
    let mut pairs = Vec::new();
    if let Some(packed) = packed {
        let Some(all) = packed::read(packed) else {
            return whole(message!("the packed link is damaged or cut short", "打包的链接已损坏或不完整"));
        };
        pairs.extend(all.into_iter().map(|(key, value)| (tree::path_of(&key), Said::Value(value))));
    }
    for part in parts.clone().take(MOST_PAIRS).filter(|part| !part.is_empty()) {
        match pair(part) {
            Ok((path, text)) => pairs.push((path, Said::Text(text))),
            Err(message) => problems.push(Issue::new("", message)),
        }
    }
    if parts.nth(MOST_PAIRS).is_some() {
        let message = message!("only the first {MOST_PAIRS} settings were read", "只读取了前 {MOST_PAIRS} 项设置");
        problems.push(Issue::new("", message));
    }
    let (beside, pairs): (Vec<_>, Vec<_>) =
        pairs.into_iter().partition(|(path, _)| beside::is_beside(path) || laboratory::is_laboratory(path));
    let beside = beside.into_iter().map(|(path, said)| (path, said.text())).collect();
    let mut tree = Tree::of(&Experiment::default());
    // Choices first, since each starts its field anew.
    let (choices, others): (Vec<_>, Vec<_>) = pairs.into_iter().partition(|(path, _)| tree::is_choice(path));
    let mut sizes: Vec<(String, usize)> = Vec::new();
    let mut work = 0;
    for (path, said) in choices.into_iter().chain(others) {
        let path: Vec<&str> = path.iter().map(String::as_str).collect();
        let field = path.first().copied().unwrap_or_default();
        let own = said.size();
        work += match sizes.iter_mut().find(|(known, _)| known == field) {
            Some((_, size)) => {
                *size += own;
                *size
            }
            None => {
                sizes.push((field.to_owned(), own));
                own
            }
        };
        if work > MOST_WORK || problems.len() > MOST_PROBLEMS {
            problems.truncate(MOST_PROBLEMS);
            let message =
                Text::new("too much was wrong or too large; the rest was not read", "错误过多或内容过大，其余未读取");
            problems.push(Issue::new("", message));
            break;
        }
        let done = match said {
            Said::Text(text) => apply(&mut tree, &path, &text),
            Said::Value(value) => set(&mut tree, &path, value),
        };
        problems.extend(done.err().unwrap_or_default());
    }
    let experiment = repair::repair(tree, &mut problems);
    (experiment, problems, beside)
}

/// A value as a link says it.
enum Said {
    Text(String),
    Value(Value),
}

impl Said {
    /// As text.
    fn text(self) -> String {
        match self {
            Self::Text(text) | Self::Value(Value::String(text)) => text,
            Self::Value(value) => value.to_string(),
        }
    }

    /// Cells and characters, about.
    fn size(&self) -> usize {
        fn cells(value: &Value) -> usize {
            match value {
                Value::Array(items) => items.iter().map(cells).sum::<usize>() + 1,
                Value::Object(fields) => fields.values().map(cells).sum::<usize>() + 1,
                Value::String(text) => text.len() / 8 + 1,
                _ => 1,
            }
        }
        match self {
            // A packed list has at most a number for each of its characters.
            Self::Text(text) => text.len(),
            Self::Value(value) => cells(value),
        }
    }
}

/// Path and text of `key=value`.
fn pair(part: &str) -> Result<(Vec<String>, String), Message> {
    let Some((key, value)) = part.split_once('=') else {
        let part = shown(part);
        return Err(message!("`{part}` is not `key=value`", "`{part}` 不是 `名称=值` 的形式"));
    };
    match (text::percent_decode(key), text::percent_decode(value)) {
        (Some(key), Some(value)) => Ok((tree::path_of(&key), value)),
        _ => {
            let part = shown(part);
            Err(message!("`{part}` is not UTF-8 in percent signs", "`{part}` 不是百分号编码的 UTF-8"))
        }
    }
}

/// Sets a field from its text.
fn apply(tree: &mut Tree, path: &[&str], text: &str) -> Result<(), Vec<Issue>> {
    let value = text::read(text).map_err(|message| vec![Issue::new(shown(&path.join(".")), message)])?;
    let plain = !value.is_string() && !text.starts_with('~');
    let done = set(tree, path, value);
    // Text that looks like a number is text where text is due.
    if done.is_err() && plain && tree.set(path, Value::from(text)).is_ok() {
        return Ok(());
    }
    done
}

/// Sets a field; choosing an entry starts its field anew.
fn set(tree: &mut Tree, path: &[&str], value: Value) -> Result<(), Vec<Issue>> {
    match (path, &value) {
        ([field, _], Value::String(choice)) if tree::is_choice(path) => tree.choose(field, choice),
        _ => tree.set(path, value),
    }
}

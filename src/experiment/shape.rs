//! What JSON must look like to be a field of an experiment or of a request: the user's words for a value of the wrong kind. The types of
//! [`spec`](super::spec) read the value afterwards; that both say yes to the same values is tested.

use serde_json::{Map, Value};

use super::issue::message;
use super::nearest::{shown, unknown};
use super::{Issue, Message};
use crate::catalogue::Text;

/// Issues after which the rest is not looked at.
const MOST: usize = 200;

/// What a value must be.
#[derive(Clone, Copy, Debug)]
pub enum Shape {
    /// A number.
    Number,
    /// A count or a place: at most [`u32::MAX`], since the page has 32-bit sizes.
    Count,
    /// A whole number of either sign.
    Whole,
    /// A whole number from 0 with up to 64 bits.
    Seed,
    /// True or false.
    Flag,
    /// Text.
    Text,
    /// One of these words.
    Word(&'static [&'static str]),
    /// From and to.
    Range,
    /// Any number of values.
    List(&'static Shape),
    /// Values under names of the user's own.
    Table(&'static Shape),
    /// Named fields.
    Object(&'static [Field]),
    /// Named fields that depend on the word under `kind`.
    Kinds(&'static [(&'static str, &'static [Field])]),
    /// An object of the second shape, or anything of the first.
    Or(&'static Shape, &'static Shape),
    /// Null, or a value of this shape.
    Optional(&'static Shape),
}

/// A field of an object.
#[derive(Clone, Copy, Debug)]
pub struct Field {
    /// Its name.
    pub name: &'static str,
    /// What its value must be.
    pub shape: Shape,
    /// Whether it must be there.
    pub needed: bool,
}

/// A field that may be left out.
pub const fn field(name: &'static str, shape: Shape) -> Field {
    Field { name, shape, needed: false }
}

/// A field that must be there.
pub const fn needed(name: &'static str, shape: Shape) -> Field {
    Field { name, shape, needed: true }
}

impl Shape {
    /// Adds an issue for every part of `value`, which stands at `path`, that is not what it must be.
    pub fn check(&self, value: &Value, path: &str, issues: &mut Vec<Issue>) {
        if issues.len() >= MOST {
            return;
        }
        let fits = match (self, value) {
            (Self::Number, value) => value.is_number(),
            (Self::Count, value) => value.as_u64().is_some_and(|x| x <= u64::from(u32::MAX)),
            (Self::Whole, value) => value.as_i64().is_some(),
            (Self::Seed, value) => value.as_u64().is_some(),
            (Self::Flag, value) => value.is_boolean(),
            (Self::Text, value) => value.is_string(),
            (Self::Word(words), value) => value.as_str().is_some_and(|word| words.contains(&word)),
            (Self::Range, value) => {
                let Some([from, to]) = value.as_array().map(Vec::as_slice) else {
                    return issues.push(self.refusal(value, path));
                };
                Self::Count.check(from, &format!("{path}[0]"), issues);
                return Self::Count.check(to, &format!("{path}[1]"), issues);
            }
            (Self::List(inner), Value::Array(items)) => {
                return items
                    .iter()
                    .enumerate()
                    .for_each(|(i, item)| inner.check(item, &format!("{path}[{i}]"), issues));
            }
            (Self::Table(inner), Value::Object(entries)) => {
                return entries.iter().for_each(|(name, entry)| inner.check(entry, &join(path, name), issues));
            }
            (Self::Object(fields), Value::Object(given)) => return object(fields, given, path, issues),
            (Self::Kinds(kinds), Value::Object(given)) => {
                let kind = given.get("kind").unwrap_or(&Value::Null);
                let Some((_, fields)) = kinds.iter().find(|(name, _)| kind == name) else {
                    let message = match kind.as_str() {
                        Some(kind) => unknown(Text::new("kind of input", "输入种类"), kind, kinds.iter().map(|k| k.0)),
                        None => must_be(&listed(kinds.iter().map(|k| k.0)), kind),
                    };
                    return issues.push(Issue::new(join(path, "kind"), message));
                };
                return object(fields, given, path, issues);
            }
            (Self::Or(_, object), Value::Object(_)) => return object.check(value, path, issues),
            (Self::Or(other, object), value) => {
                let before = issues.len();
                other.check(value, path, issues);
                if issues.len() > before {
                    // What the first shape says of it would keep the second one secret.
                    issues.truncate(before);
                    let (a, b) = (other.what(), object.what());
                    let (en, zh) = (format!("{} or {}", a.en, b.en), format!("{} 或 {}", a.zh, b.zh));
                    issues.push(Issue::new(path, must_be(&Message { en, zh }, value)));
                }
                return;
            }
            (Self::Optional(_), Value::Null) => true,
            (Self::Optional(inner), value) => return inner.check(value, path, issues),
            (Self::List(_) | Self::Table(_) | Self::Object(_) | Self::Kinds(_), _) => false,
        };
        if !fits {
            issues.push(self.refusal(value, path));
        }
    }

    fn refusal(&self, value: &Value, path: &str) -> Issue {
        Issue::new(path, must_be(&self.what(), value))
    }

    /// What is due, to follow "must be".
    fn what(&self) -> Message {
        let text = match self {
            Self::Number => Text::new("a number", "数"),
            Self::Count | Self::Seed => Text::new("a whole number, 0 or more", "非负整数"),
            Self::Whole => Text::new("a whole number", "整数"),
            Self::Flag => Text::new("true or false", "true 或 false"),
            Self::Text => Text::new("text", "文本"),
            Self::Range => Text::new("two whole numbers, [from, to]", "两个整数 [起, 止]"),
            Self::List(_) => Text::new("a list", "列表"),
            Self::Table(_) => Text::new("an object with names of your own", "由自定名称组成的对象"),
            Self::Word(words) => return listed(words.iter().copied()),
            Self::Object(fields) => {
                let names = fields.iter().map(|f| f.name).collect::<Vec<_>>().join(", ");
                return message!("an object {{ {names} }}", "对象 {{ {names} }}");
            }
            Self::Kinds(_) => Text::new("an object with a `kind`", "带有 `kind` 的对象"),
            Self::Or(shape, _) | Self::Optional(shape) => return shape.what(),
        };
        text.into()
    }
}

/// Fields that are there and should not be, fields that are not and should, and what they hold.
fn object(fields: &'static [Field], given: &Map<String, Value>, path: &str, issues: &mut Vec<Issue>) {
    for (name, value) in given {
        let at = join(path, name);
        match fields.iter().find(|field| field.name == name) {
            Some(field) => field.shape.check(value, &at, issues),
            None => {
                let known = fields.iter().map(|field| field.name);
                issues.push(Issue::new(at, unknown(Text::new("field", "字段"), name, known)));
            }
        }
    }
    let missing = fields.iter().filter(|field| field.needed && !given.contains_key(field.name));
    let missing = missing.map(|field| field.name).collect::<Vec<_>>().join(", ");
    if !missing.is_empty() {
        issues.push(Issue::new(path, message!("lacks {missing}", "缺少 {missing}")));
    }
}

/// The path of a field inside the one at `path`.
fn join(path: &str, name: &str) -> String {
    let name = shown(name);
    if path.is_empty() { name } else { format!("{path}.{name}") }
}

/// Words to choose from.
fn listed(words: impl Iterator<Item = &'static str>) -> Message {
    let words = words.collect::<Vec<_>>().join(", ");
    message!("one of {words}", "{words} 之一")
}

fn must_be(due: &Message, value: &Value) -> Message {
    let Message { en, zh } = due;
    let (found_en, found_zh) = match value {
        Value::Array(_) => ("a list".to_owned(), "列表".to_owned()),
        Value::Object(_) => ("an object".to_owned(), "对象".to_owned()),
        scalar => (shown(&scalar.to_string()), shown(&scalar.to_string())),
    };
    message!("must be {en}, and is {found_en}", "必须是{zh}，现为 {found_zh}")
}

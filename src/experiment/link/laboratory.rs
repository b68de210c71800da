//! A laboratory in a link: which one the page opens with, and what it is set to. Nothing runs by itself. Readers that know of none name the field and open the
//! rest.
//!
//! ```text
//! #v1&mask=dilated&lab=timing&lab.over=heads&lab.ways=dense,causal
//! ```

use super::{VERSION, push};
use crate::catalogue::Text;
use crate::experiment::nearest::{shown, unknown};
use crate::experiment::{Issue, message};

/// The field, and what may follow it after a point.
const FIELD: &str = "lab";
/// Most settings of a laboratory.
const MOST_SETTINGS: usize = 32;
/// Most characters of a setting's value.
const MOST_CHARS: usize = 2048;

/// Which laboratory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LaboratoryId {
    /// Times over sizes, workers and ways of computing.
    Timing,
    /// Position schemes over distance.
    Positions,
}

impl LaboratoryId {
    /// All of them, each with its name in links.
    pub const ALL: [(Self, &'static str); 2] = [(Self::Timing, "timing"), (Self::Positions, "positions")];

    fn name(self) -> &'static str {
        Self::ALL.iter().find(|(id, _)| *id == self).map_or("", |(_, name)| name)
    }
}

/// A laboratory that is open, and what of its settings is not as it begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Laboratory {
    /// Which.
    pub id: LaboratoryId,
    /// Names and values, as links write them; the laboratory says what they mean.
    pub settings: Vec<(String, String)>,
}

impl Laboratory {
    /// As it begins.
    pub fn new(id: LaboratoryId) -> Self {
        Self { id, settings: Vec::new() }
    }
}

/// A link's fragment, empty for the default experiment, that opens a laboratory.
pub fn with_laboratory(fragment: &str, laboratory: &Laboratory) -> String {
    let mut link = if fragment.is_empty() { VERSION } else { fragment }.to_owned();
    push(&mut link, FIELD, laboratory.id.name());
    for (name, value) in &laboratory.settings {
        push(&mut link, &format!("{FIELD}.{name}"), value);
    }
    link
}

/// Whether a path is about a laboratory.
pub(super) fn is_laboratory(path: &[String]) -> bool {
    path.first().is_some_and(|field| field == FIELD)
}

/// The laboratory of a link, of what it says of one; the last word counts, as with every field.
pub(super) fn laboratory(said: Vec<(Vec<String>, String)>, problems: &mut Vec<Issue>) -> Option<Laboratory> {
    let (mut id, mut settings): (_, Vec<(String, String)>) = (None, Vec::new());
    let mut orphan = None;
    for (path, text) in said {
        match &path[1..] {
            [] => match LaboratoryId::ALL.iter().find(|(_, name)| *name == text) {
                Some((known, _)) => id = Some(*known),
                None => {
                    let known = LaboratoryId::ALL.iter().map(|(_, name)| *name);
                    problems.push(Issue::new(FIELD, unknown(Text::new("laboratory", "实验室"), &text, known)));
                }
            },
            [name] if settings.len() < MOST_SETTINGS && text.len() <= MOST_CHARS => {
                orphan.get_or_insert(shown(&path.join(".")));
                settings.retain(|(other, _)| other != name);
                settings.push((name.clone(), text));
            }
            _ => {
                let message = message!("is no setting of a laboratory, or is too long", "不是实验室的设置，或内容过长");
                problems.push(Issue::new(shown(&path.join(".")), message));
            }
        }
    }
    if id.is_none()
        && let Some(path) = orphan
    {
        let message =
            Text::new("there is no laboratory to set, such as `lab=timing`", "没有可设置的实验室，例如 `lab=timing`");
        problems.push(Issue::new(path, message));
    }
    id.map(|id| Laboratory { id, settings })
}

//! What the position laboratory draws: a line for every scheme, and several for one that can go on past its trained length in several ways.

use super::super::entry::{PositionEntry, Rotary, Slot, Text};
use super::super::positions as schemes;
use super::beyond::beyond;
use crate::formula::Sorted;

/// A scheme, with a parameter set where what happens past the trained length hangs on it.
#[derive(Clone, Copy, Debug)]
pub struct PositionLine {
    /// Stable id: the scheme's, or the scheme's with the way it goes on.
    pub id: &'static str,
    /// The scheme.
    pub entry: &'static PositionEntry,
    /// Its name, with the way it goes on.
    pub name: Text,
    /// The parameter, and its value.
    pub set: Option<(&'static str, f64)>,
    /// What it does past the trained length.
    pub beyond: Option<Text>,
}

impl PositionLine {
    /// Whether a choice of a scheme with these parameters is this line.
    pub fn is(&self, id: &str, params: &Sorted<String, f64>) -> bool {
        let value = |name: &str| {
            let declared = self.entry.params.iter().find(|param| param.name == name);
            params.get(name).copied().unwrap_or(declared.map_or(0.0, |param| param.default))
        };
        self.entry.id == id && self.set.is_none_or(|(name, wanted)| value(name) == wanted)
    }

    /// Whether it is a rotation that differs from another only in how it goes on past the trained length.
    pub fn is_stretch(&self) -> bool {
        use Rotary::{DynamicNtk, Linear, Llama3, Ntk, Plain, Yarn};
        matches!(self.entry.slot, Slot::Rotary(Plain | Linear | Ntk | DynamicNtk | Yarn | Llama3))
    }
}

/// A way to go on.
struct Way {
    id: &'static str,
    value: f64,
    name: Text,
    beyond: Text,
}

/// The ways of the learned table, by its parameter `beyond`.
const LEARNED: [Way; 3] = [
    Way {
        id: "learned",
        value: 0.0,
        name: Text::new("Learned, last row repeated", "可学习，重复末行"),
        beyond: Text::new(
            "There is no row for it: the last one repeats, and later tokens can't be told apart.",
            "没有对应的行：重复最后一行，其后的词元无法区分。",
        ),
    },
    Way {
        id: "learned-wrap",
        value: 1.0,
        name: Text::new("Learned, begun anew", "可学习，循环"),
        beyond: Text::new(
            "The rows begin anew: tokens a whole trained length apart have the same one.",
            "从第一行重新开始：相隔整个训练长度的词元使用同一行。",
        ),
    },
    Way {
        id: "learned-interpolate",
        value: 2.0,
        name: Text::new("Learned, squeezed", "可学习，压缩"),
        beyond: Text::new(
            "The rows are spread over the longer text, and tokens take mixtures of two: all differ, but neighbours less than in training.",
            "把各行铺满更长的文本，词元取相邻两行的混合：彼此都不同，但相邻者的差别比训练时小。",
        ),
    },
];

/// Every line, in the order of the schemes.
pub fn position_lines() -> impl Iterator<Item = PositionLine> {
    schemes().iter().flat_map(|entry| {
        let ways = if matches!(entry.slot, Slot::Learned) { &LEARNED[..] } else { &[] };
        let set = ways.iter().map(|way| PositionLine {
            id: way.id,
            entry,
            name: way.name,
            set: Some(("beyond", way.value)),
            beyond: Some(way.beyond),
        });
        let plain = PositionLine { id: entry.id, entry, name: entry.name, set: None, beyond: beyond(entry.id) };
        set.chain(ways.is_empty().then_some(plain))
    })
}

/// The line with this id.
pub fn position_line(id: &str) -> Option<PositionLine> {
    position_lines().find(|line| line.id == id)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
mod tests {
    use super::*;

    #[test]
    fn every_scheme_has_a_line_and_every_line_a_sentence() {
        let mut ids = Vec::new();
        for line in position_lines() {
            let text = line.beyond.unwrap();
            assert!(text.en.ends_with('.') && text.zh.ends_with('。'), "{}", line.id);
            assert!(!ids.contains(&line.id), "{}", line.id);
            ids.push(line.id);
        }
        assert_eq!(ids.len(), schemes().len() + LEARNED.len() - 1);
        assert!(schemes().iter().all(|entry| ids.contains(&entry.id)));
        assert_eq!(position_lines().filter(PositionLine::is_stretch).count(), 6);
    }

    #[test]
    fn a_choice_is_one_line() {
        let none = Sorted::new();
        let wraps = Sorted::from([("beyond".to_owned(), 1.0)]);
        let of = |params| position_lines().filter(|line| line.is("learned", params)).map(|l| l.id).collect::<Vec<_>>();
        assert_eq!((of(&none), of(&wraps)), (vec!["learned"], vec!["learned-wrap"]));
    }
}

//! What of an entry is searched, and how its class of cost is written.

use crate::catalogue::{CostClass, Summary};

/// Whether every one of the words, in small letters, stands in its names, sentences or paper.
pub fn fits(entry: &Summary, words: &str) -> bool {
    let Summary { name, about, paper, .. } = entry;
    let paper = paper.map(|p| [p.title, &p.year.to_string(), p.id].join(" ")).unwrap_or_default();
    let text = [entry.id, name.en, name.zh, about.en, about.zh, &paper].join(" ").to_lowercase();
    words.split_whitespace().all(|word| text.contains(word))
}

/// Whether a class is that of its pairs or of its work.
pub fn grows(entry: &Summary, class: CostClass) -> bool {
    [entry.pairs, entry.work].contains(&Some(class))
}

/// The cost classes with the ids of their choices.
pub const CLASSES: [(CostClass, &str); 5] = [
    (CostClass::Linear, "linear"),
    (CostClass::NLogN, "n_log_n"),
    (CostClass::NSqrtN, "n_sqrt_n"),
    (CostClass::Subquadratic, "subquadratic"),
    (CostClass::Quadratic, "quadratic"),
];

/// Id of a class.
pub fn class_id(class: CostClass) -> &'static str {
    CLASSES.iter().find(|(other, _)| *other == class).map_or("any", |(_, id)| id)
}

/// Class of an id.
pub fn class_of(id: &str) -> Option<CostClass> {
    CLASSES.iter().find(|(_, other)| *other == id).map(|(class, _)| *class)
}

/// A cost class as it is written.
pub fn cost(class: CostClass) -> &'static str {
    match class {
        CostClass::Linear => "n",
        CostClass::NLogN => "n log n",
        CostClass::NSqrtN => "n √n",
        CostClass::Subquadratic => "n^a, 1 < a < 2",
        CostClass::Quadratic => "n²",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalogue::{List, normalisers, summaries};

    #[test]
    fn words_are_looked_for_everywhere() {
        let found =
            |list, words: &str| summaries(list).iter().filter(|e| fits(e, words)).map(|e| e.id).collect::<Vec<_>>();
        assert_eq!(found(List::Mask, "滑动窗口"), ["sliding-window"]);
        assert!(found(List::Mask, "2004.05150").contains(&"longformer"));
        assert_eq!(found(List::Position, "roformer 2021"), ["rope"]);
        assert_eq!(found(List::Selection, "native sparse"), ["nsa"]);
        assert_eq!(found(List::Normaliser, "no such word"), [""; 0]);
        assert_eq!(found(List::Normaliser, "").len(), normalisers().len());
    }
}

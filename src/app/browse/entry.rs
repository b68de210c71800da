//! Entries of the three lists in one shape.

use crate::catalogue::{self, CostClass, MaskEntry, NormaliserEntry, Paper, Param, PositionEntry, Slot, Text};

/// Which list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Masks.
    Mask,
    /// Position schemes.
    Position,
    /// Normalisers.
    Normaliser,
}

impl Kind {
    /// Its name among the choices.
    pub fn id(self) -> &'static str {
        match self {
            Self::Mask => "mask",
            Self::Position => "position",
            Self::Normaliser => "normaliser",
        }
    }

    /// The list of that name.
    pub fn of(id: &str) -> Self {
        [Self::Position, Self::Normaliser].into_iter().find(|kind| kind.id() == id).unwrap_or(Self::Mask)
    }
}

/// An entry of any list.
#[derive(Clone, Copy, Debug)]
pub enum Entry {
    /// A mask.
    Mask(&'static MaskEntry),
    /// A position scheme.
    Position(&'static PositionEntry),
    /// A normaliser.
    Normaliser(&'static NormaliserEntry),
}

impl PartialEq for Entry {
    fn eq(&self, other: &Self) -> bool {
        std::mem::discriminant(self) == std::mem::discriminant(other) && self.id() == other.id()
    }
}

/// Every entry of a list, in the order of its menu.
pub fn all(kind: Kind) -> impl Iterator<Item = Entry> {
    let (masks, positions, normalisers) = match kind {
        Kind::Mask => (catalogue::masks(), &[][..], &[][..]),
        Kind::Position => (&[][..], catalogue::positions(), &[][..]),
        Kind::Normaliser => (&[][..], &[][..], catalogue::normalisers()),
    };
    let masks = masks.iter().map(Entry::Mask).chain(positions.iter().map(Entry::Position));
    masks.chain(normalisers.iter().map(Entry::Normaliser))
}

impl Entry {
    pub fn id(&self) -> &'static str {
        match self {
            Self::Mask(e) => e.id,
            Self::Position(e) => e.id,
            Self::Normaliser(e) => e.id,
        }
    }

    pub fn name(&self) -> Text {
        match self {
            Self::Mask(e) => e.name,
            Self::Position(e) => e.name,
            Self::Normaliser(e) => e.name,
        }
    }

    pub fn about(&self) -> Text {
        match self {
            Self::Mask(e) => e.about,
            Self::Position(e) => e.about,
            Self::Normaliser(e) => e.about,
        }
    }

    pub fn paper(&self) -> Option<Paper> {
        match self {
            Self::Mask(e) => e.paper,
            Self::Position(e) => e.paper,
            Self::Normaliser(e) => e.paper,
        }
    }

    pub fn params(&self) -> &'static [Param] {
        match self {
            Self::Mask(e) => e.params,
            Self::Position(e) => e.params,
            Self::Normaliser(e) => e.params,
        }
    }

    /// The mask, where it is one.
    pub fn mask(&self) -> Option<&'static MaskEntry> {
        if let Self::Mask(entry) = self { Some(entry) } else { None }
    }

    /// How the number of allowed pairs grows.
    pub fn cost(&self) -> Option<CostClass> {
        self.mask().map(|entry| entry.cost)
    }

    /// Whether its formula can become the user's own.
    pub fn opens(&self) -> bool {
        match self {
            Self::Mask(_) => true,
            Self::Position(e) => matches!(e.slot, Slot::Score { .. }),
            Self::Normaliser(_) => false,
        }
    }

    /// Whether every one of the words, in small letters, stands in its names, sentences or paper.
    pub fn fits(&self, words: &str) -> bool {
        let (name, about) = (self.name(), self.about());
        let paper = self.paper().map(|p| format!("{} {} {}", p.title, p.year, p.id)).unwrap_or_default();
        let text = [self.id(), name.en, name.zh, about.en, about.zh, &paper].join(" ").to_lowercase();
        words.split_whitespace().all(|word| text.contains(word))
    }
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

/// The address of a paper, where its identifier has one.
pub fn address(id: &str) -> Option<String> {
    if let Some(number) = id.strip_prefix("arXiv:") {
        return Some(format!("https://arxiv.org/abs/{number}"));
    }
    if let Some(number) = id.strip_prefix("doi:") {
        return Some(format!("https://doi.org/{number}"));
    }
    (id.contains('.') && id.contains('/') && !id.contains(' ')).then(|| format!("https://{id}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_paper_has_an_address() {
        for entry in [Kind::Mask, Kind::Position, Kind::Normaliser].into_iter().flat_map(all) {
            if let Some(paper) = entry.paper() {
                let address = address(paper.id);
                assert!(address.is_some_and(|a| a.starts_with("https://")), "{}: {}", entry.id(), paper.id);
            }
        }
    }

    #[test]
    fn words_are_looked_for_everywhere() {
        let found = |kind, words: &str| all(kind).filter(|e| e.fits(words)).map(|e| e.id()).collect::<Vec<_>>();
        assert_eq!(found(Kind::Mask, "滑动窗口"), ["sliding-window"]);
        assert!(found(Kind::Mask, "2004.05150").contains(&"longformer"));
        assert_eq!(found(Kind::Position, "roformer 2021"), ["rope"]);
        assert_eq!(found(Kind::Normaliser, "no such word"), [""; 0]);
        assert_eq!(all(Kind::Normaliser).count(), catalogue::normalisers().len());
    }
}

//! Two streams of hidden states, joined as an entry of the catalogue says.

use super::{Experiment, Hidden, Input, MaskChoice, Normals, Weights};
use crate::catalogue::{self, StreamEntry};
use crate::formula::Sorted;

/// Joins the streams: sets the mask between them, with the length of stream A, and the matrices of stream B. Everything else stays, and so does
/// everything where X has fewer than two streams.
///
/// Matrices of B's own that are there stay; else they are seeded like those of A. What is the same whatever the seed (`identity`), or the
/// user's own, would not differ from A: there B has normal ones.
pub fn join(e: &mut Experiment, entry: &StreamEntry) {
    let Input::Projected { x, weights, weights_b, .. } = &mut e.input else { return };
    let [first, second] = x.streams();
    if second == 0 {
        return;
    }
    if entry.shared {
        *weights_b = None;
    } else if weights_b.is_none() {
        *weights_b = Some(match weights {
            Weights::Orthogonal => Weights::Orthogonal,
            Weights::Normal | Weights::Identity | Weights::Rows { .. } => Weights::Normal,
        });
    }
    let switches = StreamEntry::SWITCHES.iter().zip(entry.looks).map(|(name, on)| (*name, f64::from(u8::from(on))));
    let params = switches.chain([("first", first as f64)]).map(|(name, value)| (name.to_owned(), value));
    let params = params.fold(Sorted::new(), |mut all, (name, value)| {
        all.insert(name, value);
        all
    });
    e.mask = MaskChoice { id: StreamEntry::MASK.to_owned(), params, custom: None };
}

/// An input that has two streams: this one, or its text, or one of ours, beside another text. Sizes, seed and matrices stay where there are some.
pub(super) fn paired(input: &Input) -> Input {
    let (x, weights) = match input {
        Input::Projected { x, .. } if x.streams()[1] > 0 => return input.clone(),
        Input::Projected { x: Hidden::Text { text }, weights, .. } => (Hidden::beside(text), weights.clone()),
        // The user's own matrices are as long as the rows they were made for.
        Input::Projected { weights, .. } if !matches!(weights, Weights::Rows { .. }) => {
            (Hidden::beside(Hidden::WORDS), weights.clone())
        }
        Input::Text { text, .. } => (Hidden::beside(text), Weights::Normal),
        _ => (Hidden::beside(Hidden::WORDS), Weights::Normal),
    };
    let (size, seed) = input.made_of();
    // The same seed goes on giving the same numbers.
    let normals = match input {
        Input::Generated { normals, .. } | Input::Text { normals, .. } | Input::Projected { normals, .. } => *normals,
        Input::Capture { .. } | Input::Numbers { .. } => Normals::Rounded,
    };
    let rounded = match input {
        Input::Projected { rounded, .. } => *rounded,
        _ => 0.0,
    };
    Input::Projected { x, weights, weights_b: None, size, seed, normals, rounded }
}

/// The entry that an experiment's mask and matrices are; none where they are no entry's, or where X has fewer than two streams.
pub fn joined(e: &Experiment) -> Option<&'static StreamEntry> {
    let Input::Projected { x, weights_b, .. } = &e.input else { return None };
    let [first, second] = x.streams();
    if second == 0 || e.mask.id != StreamEntry::MASK {
        return None;
    }
    let declared = catalogue::mask(StreamEntry::MASK)?.params;
    let value = |name: &str| {
        let default = declared.iter().find(|param| param.name == name).map_or(0.0, |param| param.default);
        e.mask.params.get(name).copied().unwrap_or(default)
    };
    let looks = StreamEntry::SWITCHES.map(|name| value(name) != 0.0);
    let here = value("first") == first as f64;
    catalogue::streams().iter().find(|entry| here && entry.looks == looks && entry.shared == weights_b.is_none())
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
mod tests {
    use super::*;
    use crate::experiment::{Hidden, Normals, Size, check};

    fn two(weights: Weights) -> Experiment {
        let x = Hidden::Texts { a: "a small cat".to_owned(), b: "eine Katze".to_owned() };
        let input = Input::Projected {
            x,
            weights,
            weights_b: None,
            size: Size::default(),
            seed: 1,
            normals: Normals::Unrounded,
            rounded: 0.0,
        };
        let mut e = Experiment { input, ..Experiment::default() };
        (e.view.query, e.view.key, e.view.head) = (0, 0, 0);
        e
    }

    #[test]
    fn an_entry_is_known_by_what_it_sets() {
        for entry in catalogue::streams() {
            let mut e = two(Weights::Orthogonal);
            assert!(joined(&e).is_none());
            join(&mut e, entry);
            assert_eq!(joined(&e).unwrap().id, entry.id);
            assert!(check(&e).is_ok(), "{}", entry.id);
            let own = matches!(&e.input, Input::Projected { weights_b: Some(Weights::Orthogonal), .. });
            assert_eq!(own, !entry.shared, "{}", entry.id);
            e.mask.params.insert("first".to_owned(), 1.0);
            assert!(joined(&e).is_none());
        }
    }

    #[test]
    fn streams_of_their_own_never_have_the_same_matrices() {
        let entry = catalogue::streams().iter().find(|entry| !entry.shared).unwrap();
        let mut e = two(Weights::Identity);
        join(&mut e, entry);
        assert!(matches!(&e.input, Input::Projected { weights_b: Some(Weights::Normal), .. }));
    }

    #[test]
    fn one_stream_is_left_alone() {
        let mut e = two(Weights::Normal);
        if let Input::Projected { x, .. } = &mut e.input {
            *x = Hidden::Text { text: "one".to_owned() };
        }
        let before = e.clone();
        catalogue::streams().iter().for_each(|entry| join(&mut e, entry));
        assert_eq!(e, before);
    }
}

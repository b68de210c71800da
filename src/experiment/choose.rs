//! One entry of the catalogue in its place, whichever list it is of.

use super::normals::Normals;
use super::spec::{Choice, Experiment, Input, MaskChoice};
use super::streams::{join, joined, paired};
use crate::catalogue::{self, List};
use crate::formula::Sorted;

impl Experiment {
    /// Id of the entry that is chosen of a list. Formulas of the user's own are `custom`; inputs that no generator makes, and streams that
    /// are joined like no entry, are empty text.
    pub fn chosen(&self, list: List) -> &str {
        match list {
            List::Mask => &self.mask.id,
            List::Position => &self.position.id,
            List::Product => &self.product.id,
            List::Selection => &self.selection.id,
            List::Hybrid => &self.hybrid.id,
            List::Layout => &self.layout.id,
            List::Normaliser => &self.normaliser.id,
            List::Probability => &self.prob.id,
            List::Mix => &self.layers.id,
            List::Estimator => &self.estimator.id,
            List::Generator => match &self.input {
                Input::Generated { recipe, .. } => recipe,
                _ => "",
            },
            List::Stream => joined(self).map_or("", |entry| entry.id),
        }
    }

    /// Chooses an entry of a list with its default parameters. A generator keeps the sizes and the seed of an input that has some; a
    /// way to join two streams is a setting of the mask and of the matrices, and gives an input that has one stream another.
    pub fn choose(&mut self, list: List, id: &str) {
        let place = match list {
            List::Mask => return self.mask = MaskChoice::of(id),
            List::Probability => return self.prob = MaskChoice::of(id),
            List::Generator => {
                let (size, seed) = self.input.made_of();
                let (recipe, normals, params) = (id.to_owned(), Normals::Rounded, Sorted::new());
                return self.input = Input::Generated { recipe, size, seed, normals, params };
            }
            List::Stream => {
                let Some(entry) = catalogue::stream(id) else { return };
                self.input = paired(&self.input);
                return join(self, entry);
            }
            List::Position => &mut self.position,
            List::Product => &mut self.product,
            List::Selection => &mut self.selection,
            List::Hybrid => &mut self.hybrid,
            List::Layout => &mut self.layout,
            List::Normaliser => &mut self.normaliser,
            List::Mix => &mut self.layers,
            List::Estimator => &mut self.estimator,
        };
        *place = Choice::of(id);
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic, reason = "a failed unwrap is a failed test")]
mod tests {
    use super::*;
    use crate::catalogue::every_entry;
    use crate::experiment::{Size, check};

    #[test]
    fn every_entry_can_be_chosen_and_nothing_else_changes() {
        for entry in every_entry() {
            let mut chosen = Experiment::default();
            chosen.choose(entry.list, entry.id);
            assert_eq!(chosen.chosen(entry.list), entry.id);
            check(&chosen).unwrap_or_else(|issues| panic!("{}: {issues}", entry.id));
            let usual = Experiment::default();
            // How streams are joined is what the mask and the matrices of an input say.
            let part = |list: &List| entry.list == List::Stream && *list == List::Mask;
            for list in List::ALL.into_iter().filter(|list| *list != entry.list && !part(list)) {
                assert_eq!(chosen.chosen(list), usual.chosen(list), "{}", entry.id);
            }
        }
    }

    #[test]
    fn two_streams_are_found_or_made() {
        for entry in catalogue::streams() {
            let text = |text: &str| Input::Text {
                text: text.to_owned(),
                size: Size { d: 7, ..Size::default() },
                seed: 9,
                normals: Normals::Rounded,
            };
            let mut e = Experiment { input: text("a cat"), ..Experiment::default() };
            e.choose(List::Stream, entry.id);
            let Input::Projected { x, size, seed, .. } = &e.input else { panic!("{:?}", e.input) };
            assert_eq!((x.streams()[0], size.d, *seed), (2, 7, 9));
            let before = e.input.clone();
            catalogue::streams().iter().for_each(|other| e.choose(List::Stream, other.id));
            e.choose(List::Stream, entry.id);
            assert_eq!((&e.input, e.chosen(List::Stream)), (&before, entry.id));
        }
        let mut e = Experiment::default();
        e.choose(List::Stream, "none such");
        assert_eq!(e, Experiment::default());
    }

    #[test]
    fn a_generator_keeps_the_size() {
        let mut e = Experiment::default();
        let size = Size { n_q: 5, ..Size::default() };
        e.input = Input::generated("normal", size, 9);
        e.choose(List::Generator, "needle");
        let (recipe, normals, params) = ("needle".to_owned(), Normals::Rounded, Sorted::new());
        assert_eq!(e.input, Input::Generated { recipe, size, seed: 9, normals, params });
    }
}

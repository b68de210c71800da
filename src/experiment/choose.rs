//! One entry of the catalogue in its place, whichever list it is of.

use super::normals::Normals;
use super::spec::{Choice, Experiment, Input, MaskChoice, Size};
use crate::catalogue::List;

impl Experiment {
    /// Id of the entry that is chosen of a list. Formulas of the user's own are `custom`; inputs that no generator makes are empty text.
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
        }
    }

    /// Chooses an entry of a list with its default parameters. A generator keeps the sizes and the seed of an input that has some.
    pub fn choose(&mut self, list: List, id: &str) {
        let place = match list {
            List::Mask => return self.mask = MaskChoice::of(id),
            List::Probability => return self.prob = MaskChoice::of(id),
            List::Generator => {
                let (size, seed) = match &self.input {
                    Input::Generated { size, seed, .. }
                    | Input::Text { size, seed, .. }
                    | Input::Projected { size, seed, .. } => (*size, *seed),
                    Input::Capture { .. } | Input::Numbers { .. } => (Size::default(), 0),
                };
                return self.input = Input::Generated { recipe: id.to_owned(), size, seed, normals: Normals::Rounded };
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
    use crate::experiment::check;

    #[test]
    fn every_entry_can_be_chosen_and_nothing_else_changes() {
        for entry in every_entry() {
            let mut chosen = Experiment::default();
            chosen.choose(entry.list, entry.id);
            assert_eq!(chosen.chosen(entry.list), entry.id);
            check(&chosen).unwrap_or_else(|issues| panic!("{}: {issues}", entry.id));
            let usual = Experiment::default();
            for list in List::ALL.into_iter().filter(|list| *list != entry.list) {
                assert_eq!(chosen.chosen(list), usual.chosen(list), "{}", entry.id);
            }
        }
    }

    #[test]
    fn a_generator_keeps_the_size() {
        let mut e = Experiment::default();
        let size = Size { n_q: 5, ..Size::default() };
        e.input = Input::Generated { recipe: "normal".to_owned(), size, seed: 9, normals: Normals::Unrounded };
        e.choose(List::Generator, "needle");
        assert_eq!(e.input, Input::Generated { recipe: "needle".to_owned(), size, seed: 9, normals: Normals::Rounded });
    }
}

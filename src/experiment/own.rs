//! Entries of the catalogue turned into formulas of the user's own.

use super::{CustomFormula, Declared, FormulaChoice};
use crate::catalogue::{self, Param};

impl FormulaChoice {
    /// A formula over the weights that does what was chosen, its parameters as they are set; `p` where nothing was.
    pub fn own_probability(&self) -> CustomFormula {
        let Some(entry) = catalogue::probability(&self.id) else {
            return CustomFormula { text: "p".to_owned(), params: Vec::new() };
        };
        let declare = |p: &Param| {
            let value = self.params.get(p.name).copied().unwrap_or(p.default);
            Declared { name: p.name.to_owned(), ty: p.ty, min: p.min, max: p.max.max(value), step: p.step, value }
        };
        CustomFormula { text: entry.formula.to_owned(), params: entry.params.iter().map(declare).collect() }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
mod tests {
    use super::super::{Experiment, check};
    use super::*;

    #[test]
    fn a_formula_of_ones_own_starts_as_the_entry() {
        for entry in catalogue::probabilities() {
            let mut chosen = FormulaChoice::of(entry.id);
            chosen.params.insert("rate".to_owned(), 0.5);
            let own = chosen.own_probability();
            assert_eq!(own.text, entry.formula);
            assert_eq!(own.params.iter().find(|p| p.name == "rate").map(|p| p.value), Some(0.5));
            let prob = FormulaChoice { custom: Some(own), ..FormulaChoice::of("custom") };
            check(&Experiment { prob, ..Experiment::default() }).unwrap();
        }
        assert_eq!(FormulaChoice::of("none").own_probability().text, "p");
    }
}

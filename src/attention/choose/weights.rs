//! From scores to weights: the normaliser, and what is done to the weights.

use super::Chooser;
use crate::attention::problem::{Normaliser, Problem};
use crate::catalogue::{self, NormaliserEntry, NormaliserKind, Text};
use crate::experiment::{FormulaChoice, Issue};
use crate::formula::{DataValues, Sorted};

/// A normaliser that has its slots, with its parameters.
pub type Chosen = (&'static NormaliserEntry, Sorted<String, f64>);

impl Chooser<'_> {
    /// The normaliser entry `id`, but for what it does by content: that comes last, with [`Self::choosing`].
    pub fn normaliser(
        &mut self,
        problem: &mut Problem,
        id: &str,
        params: &Sorted<String, f64>,
        path: &str,
    ) -> Option<Chosen> {
        let Some(entry) = catalogue::normaliser(id) else {
            let ids = catalogue::normalisers().iter().map(|e| e.id);
            self.unknown(path, Text::new("normaliser", "归一化方式"), id, ids);
            return None;
        };
        let params = self.params(entry.params, params, path);
        problem.normaliser = match entry.kind {
            NormaliserKind::OffByOne => Normaliser::OffByOne,
            NormaliserKind::Sigmoid => Normaliser::Sigmoid,
            NormaliserKind::Sparsemax => Normaliser::Sparsemax,
            NormaliserKind::Entmax => Normaliser::Entmax,
            NormaliserKind::SquaredRelu => Normaliser::SquaredRelu,
            NormaliserKind::Inverted if params.get("rows") == Some(&0.0) => Normaliser::Exponential,
            NormaliserKind::Softmax | NormaliserKind::Sink | NormaliserKind::TopK | NormaliserKind::Inverted => {
                Normaliser::Softmax
            }
        };
        for table in entry.tables {
            if problem.sink.is_some() {
                let text = Text::new("the normaliser has a sink of its own", "该归一化方式已有自己的汇点");
                self.issues.push(Issue::new(table.name, text));
            }
            // A table that does not fit is an issue already.
            problem.sink = self.table(table, &params).map(|data| match &data.values {
                DataValues::Float(logits) => logits.clone(),
                _ => Vec::new(),
            });
        }
        Some((entry, params))
    }

    /// What a normaliser does by content, with the keys that everything else leaves.
    pub fn choosing(&mut self, problem: &mut Problem, chosen: Option<Chosen>, path: &str) {
        if let Some((entry, params)) = chosen {
            self.content(problem, &entry.content, entry.params, &params, path);
        }
    }

    /// What is done to the weights: the entry `id`, `none`, or a formula of the user's own.
    pub fn probability(&mut self, problem: &mut Problem, choice: &FormulaChoice, path: &str) {
        let FormulaChoice { id, params, custom } = choice;
        problem.probability = match (id.as_str(), custom) {
            ("none", _) => None,
            ("custom", Some(formula)) => Some(self.custom(formula, &format!("{path}.custom"))),
            ("custom", None) => {
                self.issues.push(Issue::new(format!("{path}.custom"), Text::new("the formula is missing", "缺少公式")));
                None
            }
            (id, _) => {
                let Some(entry) = catalogue::probability(id) else {
                    let ids = catalogue::probabilities().iter().map(|e| e.id);
                    return self.unknown(path, Text::new("change of the weights", "权重变换"), id, ids);
                };
                let params = self.params(entry.params, params, path);
                Some(self.term(entry.formula, entry.params, &[], &params, path))
            }
        };
    }
}

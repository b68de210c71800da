//! Stacks of layers that are not all alike.

use super::reach::{Bits, Reach, Walk};
use crate::attention::{Loaded, Plan, RowRules, assemble};
use crate::catalogue::MixEntry;
use crate::experiment::{Choice, Experiment, MaskChoice};

/// An experiment of which only the patterns are left: what depends on the contents of Q and K would wait to be computed, and no mask reads it.
pub fn patterns(e: &Experiment) -> Experiment {
    Experiment {
        edits: Vec::new(),
        score: None,
        position: Choice::of("none"),
        product: Choice::of("dot"),
        selection: Choice::of("none"),
        hybrid: Choice::of("none"),
        layout: Choice::of("plain"),
        normaliser: Choice::of("softmax"),
        prob: MaskChoice::of("none"),
        ..e.clone()
    }
}

/// The parameter of a mix that counts something, as it is set.
pub fn count(e: &Experiment, entry: &MixEntry, name: &str) -> usize {
    let default = entry.params.iter().find(|p| p.name == name).map_or(1.0, |p| p.default);
    e.layers.params.get(name).copied().unwrap_or(default) as usize
}

/// A stack whose layers differ in their masks.
#[derive(Debug)]
pub struct Stack {
    /// What a local layer sees, and what every so many see. Both are of one size.
    pub plans: [Plan; 2],
    /// Which of them each layer of a period is.
    pub order: Vec<usize>,
}

/// The stack of a mix. `None` where the layers see the same, and for an experiment that does not fit.
pub fn stack_of(e: &Experiment, loaded: &Loaded, entry: &MixEntry) -> Option<Stack> {
    entry.mask?;
    let every = count(e, entry, "every").max(1);
    let mut of_layer = patterns(e);
    let mut layer = |number: usize| {
        of_layer.layers.params.insert("layer".to_owned(), number as f64);
        Plan::compile(&assemble(&of_layer, loaded).ok()?.0).ok()
    };
    let order = (1..=every).map(|number| usize::from(MixEntry::differs(number, every))).collect();
    Some(Stack { plans: [layer(1)?, layer(every)?], order })
}

/// The reach of the stack in the head that is shown: all keys, or all earlier ones where no layer looks ahead. `None` as of [`stack_of`].
pub fn reach_of_mix(e: &Experiment, loaded: &Loaded, entry: &MixEntry) -> Option<Reach> {
    let Stack { plans, order } = stack_of(e, loaded, entry)?;
    let (n_q, n_k) = (plans[0].dims.n_q, plans[0].dims.n_k);
    let mut sees = Sight::new(&plans[0], n_k);
    let each = plans.each_ref().map(|plan| {
        let mut bits = Bits::new(n_q, n_k);
        let mut rules = RowRules::new(plan, n_k);
        let head = shown_head(e, plan);
        let mut row = vec![0; n_k];
        for q in 0..n_q {
            rules.begin_row(plan, 0, head, q);
            rules.mask(plan, 0, &mut row);
            sees.look(q, &row);
            bits.set_row(q, &row);
        }
        bits
    });
    Some(Walk::new(each.into(), order, sees.permitted()).finish())
}

/// The head of a plan that an experiment shows.
pub fn shown_head(e: &Experiment, plan: &Plan) -> usize {
    e.view.head.min(plan.dims.q_heads.saturating_sub(1))
}

/// Which pairs a pattern is held to: all where it looks ahead somewhere, else those up to the query's own place.
#[derive(Clone, Copy, Debug)]
pub struct Sight {
    n_q: usize,
    tokens: usize,
    offset: i64,
    ahead: bool,
}

impl Sight {
    /// Of the queries of a plan over so many tokens, none of whose rows has been looked at.
    pub fn new(plan: &Plan, tokens: usize) -> Self {
        Self { n_q: plan.dims.n_q, tokens, offset: i64::from(plan.offset_of(0)), ahead: false }
    }

    /// Keys up to the place of a query.
    fn own(&self, q: usize) -> usize {
        usize::try_from(q as i64 + self.offset + 1).unwrap_or(0).min(self.tokens)
    }

    /// Takes what a query sees, 0 or 1 for each token.
    pub fn look(&mut self, q: usize, row: &[u8]) {
        self.ahead |= row[self.own(q)..].contains(&1);
    }

    /// The pairs.
    pub fn permitted(&self) -> Bits {
        Bits::first(self.n_q, self.tokens, |q| if self.ahead { self.tokens } else { self.own(q) })
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
mod tests {
    use super::*;
    use crate::attention::load;
    use crate::catalogue;
    use crate::interchange::SerdeJson;

    #[test]
    fn a_stack_reaches_as_far_as_its_layers_together() {
        let input = r#"{ "input": { "kind": "generated", "recipe": "normal", "size": {"n_q": 64, "n_k": 64}, "seed": 1 },
            "mask": { "id": "causal" }, "selection": { "id": "top-k" }, "layers": { "id": "local-global" } }"#;
        let mut e: Experiment = serde_json::from_str(input).unwrap();
        let loaded = load::<SerdeJson>(&e.input, None).unwrap();
        let entry = catalogue::mix("local-global").unwrap();
        let layers = |e: &Experiment| reach_of_mix(e, &loaded, entry).unwrap().full();
        assert_eq!(layers(&e), Some(6));
        e.layers.params.insert("every".to_owned(), 12.0);
        assert_eq!(layers(&e), Some(9));
        e.layers.params.insert("every".to_owned(), 1.0);
        assert_eq!(layers(&e), Some(1));
        assert_eq!(reach_of_mix(&e, &loaded, catalogue::mix("some-nope").unwrap()), None);
    }
}

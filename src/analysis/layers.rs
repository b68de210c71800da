//! Stacks of layers that are not all alike.

use super::reach::{Reach, reach_of_stack};
use crate::attention::{Loaded, Plan, RowRules, assemble};
use crate::catalogue::MixEntry;
use crate::experiment::{Choice, Experiment, MaskChoice};

/// Most tokens for which the reach of a stack is walked at once, on a page's thread.
pub const WALKED: usize = 128;

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

/// The reach of the stack in the head that is shown: all keys, or all earlier ones where no layer looks ahead. `None` where the layers see
/// the same, more than [`WALKED`] tokens, or an experiment that does not fit.
pub fn reach_of_mix(e: &Experiment, loaded: &Loaded, entry: &MixEntry) -> Option<Reach> {
    let (n_q, n_k) = (loaded.dims.n_q, loaded.dims.n_k);
    if entry.mask.is_none() || n_q.max(n_k) > WALKED {
        return None;
    }
    let every = count(e, entry, "every");
    let mut of_layer = patterns(e);
    let mut offset = 0;
    let mut layer = |number: usize| -> Option<Vec<u8>> {
        of_layer.layers.params.insert("layer".to_owned(), number as f64);
        let plan = Plan::compile(&assemble(&of_layer, loaded).ok()?.0).ok()?;
        offset = i64::from(plan.offset_of(0));
        let head = e.view.head.min(plan.dims.q_heads.saturating_sub(1));
        let mut rules = RowRules::new(&plan, n_k);
        let mut cells = vec![0; n_q * n_k];
        for (q, row) in cells.chunks_exact_mut(n_k).enumerate() {
            rules.begin_row(&plan, 0, head, q);
            rules.mask(&plan, 0, row);
        }
        Some(cells)
    };
    let (local, global) = (layer(1)?, layer(every)?);
    let own = |q: usize| usize::try_from(q as i64 + offset + 1).unwrap_or(0).min(n_k);
    let ahead = global.chunks_exact(n_k).enumerate().any(|(q, row)| row[own(q)..].contains(&1));
    let cells = |number: usize| if MixEntry::differs(number, every) { &global } else { &local };
    Some(reach_of_stack(n_q, n_k, every, |number, q, k| cells(number)[q * n_k + k] != 0, |q, k| ahead || k < own(q)))
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

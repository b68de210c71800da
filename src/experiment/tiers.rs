//! What a GPU's kernels may use beyond the core of WebGPU, where somebody asks for it.

use serde::{Deserialize, Serialize};

/// One thing that not every GPU has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Tier {
    Subgroups,
    F16,
}

/// Which of them a run asks for: none by default. In JSON a list of `subgroups` and `f16`, and absent where it is empty.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(from = "Vec<Tier>", into = "Vec<Tier>")]
pub struct Tiers {
    /// Threads that run side by side tell each other numbers without memory between them. The result differs by the order of sums alone.
    pub subgroups: bool,
    /// Q, K, V and weights are held and multiplied in 16 bits; sums, statistics and outputs are of 32. The result is less exact.
    pub f16: bool,
}

impl Tiers {
    /// Whether nothing is asked for.
    pub fn is_empty(&self) -> bool {
        !(self.subgroups || self.f16)
    }
}

impl From<Vec<Tier>> for Tiers {
    fn from(tiers: Vec<Tier>) -> Self {
        Self { subgroups: tiers.contains(&Tier::Subgroups), f16: tiers.contains(&Tier::F16) }
    }
}

impl From<Tiers> for Vec<Tier> {
    fn from(tiers: Tiers) -> Self {
        let all = [(tiers.subgroups, Tier::Subgroups), (tiers.f16, Tier::F16)];
        all.into_iter().filter(|(asked, _)| *asked).map(|(_, tier)| tier).collect()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
mod tests {
    use serde_json::json;

    use super::Tiers;
    use crate::experiment::{EngineChoice, Experiment, Form, decode, encode_as, merge};

    #[test]
    fn what_nobody_asked_for_is_not_written() {
        let plain = serde_json::to_value(EngineChoice::default()).unwrap();
        assert_eq!(plain, json!({"backend": "auto", "algorithm": "auto"}));
        assert_eq!(serde_json::from_value::<EngineChoice>(plain).unwrap(), EngineChoice::default());
        let none: EngineChoice = serde_json::from_value(json!({"tiers": []})).unwrap();
        assert_eq!(none, EngineChoice::default());
    }

    #[test]
    fn links_and_partial_experiments_carry_them() {
        for (words, tiers) in [
            (json!(["f16"]), Tiers { f16: true, subgroups: false }),
            (json!(["f16", "subgroups", "f16"]), Tiers { f16: true, subgroups: true }),
            (json!(["subgroups"]), Tiers { f16: false, subgroups: true }),
            (json!([]), Tiers::default()),
        ] {
            let made = merge(&Experiment::default(), &json!({"engine": {"tiers": words}})).unwrap();
            assert_eq!(made.engine.tiers, tiers, "{words}");
            for form in [Form::Readable, Form::Packed] {
                let link = encode_as(&made, form);
                assert_eq!(link.contains("tiers"), form == Form::Readable && !tiers.is_empty(), "{link}");
                let opened = decode(&link);
                assert_eq!((opened.experiment, opened.problems), (made.clone(), Vec::new()), "{link}");
            }
            let without = merge(&made, &json!({"engine": {"tiers": null}})).unwrap();
            assert_eq!(without, Experiment::default());
        }
        merge(&Experiment::default(), &json!({"engine": {"tiers": ["f64"]}})).unwrap_err();
    }
}

//! What a position scheme does to scores when nothing else does: every query and every key is the same vector, and their scaled product is 1.
//!
//! A probe is an ordinary problem, so what is measured is what the engines compute: its scores after the biases, before any mask.

use std::sync::Arc;

use crate::attention::{Dims, Inputs, Loaded, Problem, assemble};
use crate::catalogue::{PositionEntry, Rotary, Setting, Slot};
use crate::experiment::{CausalAlignment, Choice, Experiment, Issues, MaskChoice, Scale};
use crate::formula::Sorted;

/// The sizes of a probe.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bench {
    /// Tokens.
    pub length: usize,
    /// Tokens that the scheme was trained on: parameters of that meaning are set to it, and factors to `length / trained` where that is more than 1.
    pub trained: usize,
    /// Query heads: slopes and seeded tables are made for so many.
    pub heads: usize,
    /// Size of a query and a key: so many places turn or are encoded.
    pub d: usize,
}

/// Which queries a probe has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Queries {
    /// That of the last token: one row, every distance once.
    Last,
    /// All: a square.
    All,
}

/// How a scheme reaches the scores, and with that what its curve says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Turns Q and K, or leaves them: what is left of a score of 1.
    Turns,
    /// Changes the scores: what it adds to a score of 1.
    Adds,
    /// Is added to Q and K: the scaled product of the encodings alone.
    Encodes,
}

impl Effect {
    /// Of an entry of the catalogue.
    pub fn of(entry: &PositionEntry) -> Self {
        match entry.slot {
            Slot::Nothing | Slot::Rotary(_) => Self::Turns,
            Slot::Score { .. } | Slot::Content(_) => Self::Adds,
            Slot::Sinusoidal | Slot::Learned => Self::Encodes,
        }
    }

    /// The scaled product of the probe's content.
    fn content(self) -> f32 {
        match self {
            Self::Turns | Self::Adds => 1.0,
            Self::Encodes => 0.0,
        }
    }

    /// What a cell of the probe's scores says, in place of the scores.
    pub fn read(self, scores: &mut [f32]) {
        if self == Self::Adds {
            scores.iter_mut().for_each(|score| *score -= 1.0);
        }
    }

    /// The curve over distance 0, 1, 2, …, from the scores of [`Queries::Last`].
    pub fn curve(self, mut scores: Vec<f32>) -> Vec<f32> {
        self.read(&mut scores);
        scores.reverse();
        scores
    }
}

/// The probe of a scheme: its parameters are `given`, else its own defaults; conventions, seed and tables are the experiment's, as far as they fit.
///
/// # Errors
/// As [`assemble`]: sizes that don't fit, parameters out of range.
pub fn probe(
    entry: &PositionEntry,
    given: &Sorted<String, f64>,
    experiment: &Experiment,
    bench: Bench,
    queries: Queries,
) -> Result<(Problem, Inputs), Issues> {
    let Bench { length, heads, d, .. } = bench;
    let n_q = if queries == Queries::Last { 1 } else { length };
    let dims = Dims { batch: 1, q_heads: heads, kv_heads: 1, n_q, n_k: length, d, d_v: 1 };
    let params = at(entry, given, bench);
    let mut alone = Experiment {
        mask: MaskChoice { id: "none".to_owned(), params: Sorted::new(), custom: None },
        position: Choice { id: entry.id.to_owned(), params },
        scale: Scale::InverseSqrt,
        conventions: experiment.conventions,
        seed: experiment.seed,
        ..Experiment::default()
    };
    alone.conventions.causal = CausalAlignment::BottomRight;
    keep_tables(entry, experiment, &dims, &mut alone);
    // 1/√d is the scale: a product of √d.
    let place = Effect::of(entry).content() * (d as f32).powf(-0.25);
    let inputs = Inputs {
        q: Arc::new(vec![place; dims.q_len()]),
        k: Arc::new(vec![place; dims.k_len()]),
        v: Arc::new(vec![0.0; dims.v_len()]),
    };
    let loaded = Loaded { dims, tokens_q: Vec::new(), tokens_k: Vec::new(), inputs, note: None };
    assemble(&alone, &loaded)
}

/// The parameters on a bench: what the scheme calls trained length and factor follows from it.
fn at(entry: &PositionEntry, given: &Sorted<String, f64>, bench: Bench) -> Sorted<String, f64> {
    let mut params = given.clone();
    // Scores are measured: what values get is nothing to them.
    params.remove("values");
    let has = |name: &str| entry.params.iter().find(|param| param.name == name);
    if let Some(trained) = has("trained") {
        params.insert("trained".to_owned(), (bench.trained as f64).clamp(trained.min, trained.hard_max));
    }
    // That of dynamic NTK is no length but a speed.
    let stretched = matches!(entry.slot, Slot::Rotary(Rotary::Linear | Rotary::Ntk | Rotary::Yarn | Rotary::Llama3));
    if let Some(factor) = has("factor").filter(|_| stretched) {
        let longer = bench.length as f64 / bench.trained.max(1) as f64;
        params.insert("factor".to_owned(), longer.clamp(1.0, factor.hard_max));
    }
    params
}

/// The user's tables that are as long as the scheme needs them on this bench; it makes its own in place of the others.
fn keep_tables(entry: &PositionEntry, experiment: &Experiment, dims: &Dims, into: &mut Experiment) {
    let params = crate::attention::values::values_of(entry.params, &into.position.params);
    let setting = Setting { n_q: dims.n_q, n_k: dims.n_k, heads: dims.q_heads, params: &params, seed: experiment.seed };
    for table in entry.tables() {
        if let Some(values) = experiment.data.get(table.name)
            && (table.make)(&setting).values.len() == values.len()
        {
            into.data.insert(table.name.to_owned(), values.clone());
        }
    }
}

/// The curve over its largest magnitude; one that is 0 everywhere stays.
pub fn normalised(curve: &[f32]) -> Vec<f32> {
    let top = curve.iter().filter(|x| x.is_finite()).fold(0.0_f32, |top, x| top.max(x.abs()));
    curve.iter().map(|x| if top > 0.0 { x / top } else { *x }).collect()
}

/// Whether the scheme reads the time of each token.
pub fn timed(entry: &PositionEntry) -> bool {
    entry.tables().iter().any(|table| table.name == "time")
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
mod tests {
    use super::*;
    use crate::attention::{Plan, lowering, reference};
    use crate::catalogue;

    const BENCH: Bench = Bench { length: 96, trained: 32, heads: 4, d: 16 };

    fn curve(id: &str, params: &[(&str, f64)], experiment: &Experiment, bench: Bench, head: usize) -> Vec<f32> {
        let entry = catalogue::position(id).unwrap();
        let given = params.iter().map(|&(name, value)| (name.to_owned(), value)).collect();
        let (problem, inputs) = lowered(probe(entry, &given, experiment, bench, Queries::Last).unwrap());
        let biased = reference::head(&Plan::compile(&problem).unwrap(), &inputs, 0, head).stages[3].clone();
        Effect::of(entry).curve(biased.iter().map(|&score| score as f32).collect())
    }

    fn lowered((mut problem, mut inputs): (Problem, Inputs)) -> (Problem, Inputs) {
        lowering::lower(&mut problem, &mut inputs).unwrap();
        (problem, inputs)
    }

    fn close(found: &[f32], wanted: impl Fn(f64) -> f64) {
        for (distance, &x) in found.iter().enumerate() {
            let wanted = wanted(distance as f64);
            // Tables of single precision, and 1 taken off.
            assert!((f64::from(x) - wanted).abs() < 2e-6 * wanted.abs().max(1.0), "{distance}: {x} is not {wanted}");
        }
    }

    #[test]
    fn a_rotation_leaves_the_mean_cosine() {
        let cosines = |scale: f64| {
            move |t: f64| (0..8).map(|i| (t * scale * 1e4_f64.powf(-f64::from(i) / 8.0)).cos()).sum::<f64>() / 8.0
        };
        let none = Experiment::default();
        close(&curve("rope", &[], &none, BENCH, 0), cosines(1.0));
        // Three times as long as trained: a third of every angle.
        close(&curve("rope-pi", &[], &none, BENCH, 2), cosines(1.0 / 3.0));
        // Shorter than trained: as trained.
        close(&curve("rope-pi", &[], &none, Bench { trained: 200, ..BENCH }, 2), cosines(1.0));
        // Half of the places stay as they are.
        close(&curve("rope", &[("fraction", 0.5)], &none, BENCH, 0), |t| {
            0.5 + (0..4).map(|i| (t * 1e4_f64.powf(-f64::from(i) / 4.0)).cos()).sum::<f64>() / 8.0
        });
        close(&curve("none", &[], &none, BENCH, 0), |_| 1.0);
    }

    #[test]
    fn a_bias_is_what_it_adds_in_the_chosen_head() {
        let none = Experiment::default();
        close(&curve("alibi", &[], &none, BENCH, 1), |t| -t / 16.0);
        close(&curve("kerple-log", &[], &none, BENCH, 0), |t| -(1.0 + t).ln());
        close(&curve("scalable-softmax", &[], &none, BENCH, 0), |_| 96_f64.ln() - 1.0);
        let slopes = Sorted::from([("slope".to_owned(), vec![0.0, 0.25, 0.0, 0.0])]);
        close(&curve("alibi", &[], &Experiment { data: slopes, ..none }, BENCH, 1), |t| -t / 4.0);
    }

    #[test]
    fn encodings_are_multiplied_without_content() {
        let found = curve("sinusoidal", &[("gain", 2.0)], &Experiment::default(), BENCH, 0);
        // Over √16.
        close(&found, |t| (0..8).map(|i| (t * 1e4_f64.powf(-f64::from(i) / 8.0)).cos()).sum::<f64>());
        // The learned table repeats its last row: the last token and all back to the trained length are one.
        let found = curve("learned", &[], &Experiment::default(), BENCH, 0);
        assert!(found[..65].iter().all(|&x| x == found[0]) && found[65] != found[0]);
    }

    #[test]
    fn tables_that_do_not_fit_are_left_out() {
        let time =
            |n: usize| Experiment { data: Sorted::from([("time".to_owned(), vec![5.0; n])]), ..Experiment::default() };
        assert!(curve("time-gap", &[], &time(96), BENCH, 0).iter().all(|&x| x == 0.0));
        assert!(curve("time-gap", &[], &time(95), BENCH, 0).iter().any(|&x| x < 0.0));
    }

    #[test]
    fn every_scheme_has_a_curve_and_a_square() {
        for entry in catalogue::positions() {
            let found = curve(entry.id, &[], &Experiment::default(), BENCH, 3);
            assert!(found.len() == 96 && found.iter().all(|x| x.is_finite()), "{}", entry.id);
            let given = Sorted::new();
            let (problem, _) = lowered(probe(entry, &given, &Experiment::default(), BENCH, Queries::All).unwrap());
            assert_eq!((problem.dims.n_q, Plan::compile(&problem).is_ok()), (96, true), "{}", entry.id);
        }
        assert!(timed(catalogue::position("time-gap").unwrap()) && !timed(catalogue::position("alibi").unwrap()));
        assert!(timed(catalogue::position("tisasrec").unwrap()));
    }

    #[test]
    fn the_largest_magnitude_becomes_one() {
        assert_eq!(normalised(&[1.0, -4.0, f32::NEG_INFINITY])[..2], [0.25, -1.0]);
        assert_eq!(normalised(&[0.0; 3]), [0.0; 3]);
    }
}

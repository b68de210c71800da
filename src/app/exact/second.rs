//! A second run beside that of the page, and the difference of both.

use std::sync::Arc;

use leptos::prelude::*;
use leptos::task::spawn_local;

use crate::app::controls::number;
use crate::app::estimators::percent;
use crate::app::reactive::{RwSignal, effect};
use crate::app::runner;
use crate::app::state::Lab;
use crate::attention::estimators::distance;
use crate::attention::{Dims, Loaded, assemble};
use crate::catalogue::Lang;
use crate::engine::pool::{Cancel, Lane, Run, RunError};
use crate::engine::{Outcome, Want};
use crate::experiment::{Experiment, Issues, Message};

/// Largest and mean absolute difference, and the largest magnitude of the exact numbers.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Difference {
    largest: f32,
    mean: f32,
    scale: f32,
}

impl Difference {
    /// Of `found` from `exact`; `None` where they are not as many.
    pub fn of(exact: &[f32], found: &[f32]) -> Option<Self> {
        if exact.len() != found.len() || exact.is_empty() {
            return None;
        }
        let (mut largest, mut sum, mut scale) = (0.0_f32, 0.0_f64, 0.0_f32);
        for (a, b) in exact.iter().zip(found) {
            let apart = (a - b).abs();
            largest = largest.max(apart);
            sum += f64::from(apart);
            scale = scale.max(a.abs());
        }
        Some(Self { largest, mean: (sum / exact.len() as f64) as f32, scale })
    }

    /// In words, of the tensor `name`.
    pub fn told(&self, lang: Lang, name: &str) -> String {
        let [largest, mean, scale] = [self.largest, self.mean, self.scale].map(|x| number(f64::from(x)));
        let share = if self.largest == 0.0 { 0.0 } else { self.largest / self.scale };
        let share = percent(share);
        match lang {
            Lang::En => {
                format!("{name}: largest error {largest}, {share} of the largest number, {scale}; mean {mean}")
            }
            Lang::Zh => format!("{name}：最大误差 {largest}，为最大数值 {scale} 的 {share}；平均 {mean}"),
        }
    }
}

/// How far the result is from another.
#[derive(Clone, Debug, PartialEq)]
pub struct Apart {
    /// All numbers of the output.
    pub all: Difference,
    /// `‖y − exact‖ / ‖exact‖` of each row `[batch, q_heads, n_q]`.
    pub rows: Arc<Vec<f32>>,
    /// Sizes of the result.
    pub dims: Dims,
}

impl Apart {
    /// Of `found` from `exact`; `None` where they have not the same sizes.
    fn of(exact: &Outcome, found: &Outcome) -> Option<Self> {
        let (dims, width) = (found.dims, found.y.len() / found.dims.rows().max(1));
        let all = Difference::of(&exact.y, &found.y)?;
        let pairs = found.y.chunks_exact(width.max(1)).zip(exact.y.chunks_exact(width.max(1)));
        let rows = pairs.map(|(y, exact)| {
            let exact: Vec<f64> = exact.iter().map(|&x| x.into()).collect();
            distance(y, &exact) as f32
        });
        Some(Self { all, rows: Arc::new(rows.collect()), dims })
    }
}

/// What is known of the difference. `Copy`: signals only.
#[derive(Clone, Copy)]
pub struct Against {
    /// The difference; while it is being computed, that of the result before.
    pub found: RwSignal<Option<Apart>>,
    /// Why there is none.
    pub fault: RwSignal<Option<Message>>,
    /// Whether it is being computed.
    pub busy: RwSignal<bool>,
}

/// How far the result is from that of its experiment as `other` changes it, which is run once more for every result, by the engine that it names; nothing
/// while `other` says so.
pub fn against(lab: Lab, other: fn(&Experiment) -> Option<Experiment>) -> Against {
    let (pool, cancel) = (runner::pool(), StoredValue::new_local(Cancel::default()));
    let against = Against { found: RwSignal::new(None), fault: RwSignal::new(None), busy: RwSignal::new(false) };
    let Against { found, fault, busy } = against;
    on_cleanup(move || cancel.with_value(Cancel::cancel));
    effect(move || {
        let outcome = lab.outcome.get();
        cancel.with_value(Cancel::cancel);
        let stop = Cancel::default();
        cancel.set_value(stop.clone());
        let other = lab.computed.get_untracked().and_then(|experiment| other(&experiment));
        let asked = outcome.zip(other).zip(lab.loaded.get_untracked());
        let asked = asked.map(|((outcome, other), loaded)| (outcome, run(&other, &loaded, stop)));
        busy.set(matches!(asked, Some((_, Ok(_)))));
        let (outcome, run) = match asked {
            Some((outcome, Ok(run))) => (outcome, run),
            refused => {
                found.set(None);
                return fault.set(refused.and_then(|(_, run)| run.err()).map(|issues| issues.message()));
            }
        };
        let pool = pool.get_value();
        spawn_local(async move {
            let (apart, why) = match pool.run(run).await {
                Ok(finished) => (Apart::of(&finished.outcome, &outcome), None),
                // A newer result has taken over.
                Err(RunError::Cancelled) => return,
                Err(error) => (None, Some(error.message())),
            };
            found.try_set(apart);
            fault.try_set(why);
            busy.try_set(false);
        });
    });
    against
}

/// The run of an experiment over the input of the page.
fn run(experiment: &Experiment, loaded: &Loaded, cancel: Cancel) -> Result<Run, Issues> {
    let (problem, inputs) = assemble(experiment, loaded)?;
    Ok(Run {
        problem: Arc::new(problem),
        inputs,
        backend: experiment.engine.backend,
        algorithm: experiment.engine.algorithm,
        tiers: experiment.engine.tiers,
        want: Want { stats: false, matrix: None },
        maps: Vec::new(),
        repeat: 1,
        lane: Lane::Api,
        progress: None,
        cancel,
    })
}

#[cfg(test)]
mod tests {
    use super::Difference;

    #[test]
    fn differences_are_counted() {
        let found = Difference::of(&[1.0, -4.0, 2.0, 0.0], &[1.5, -4.0, 1.0, 0.0]);
        assert_eq!(found, Some(Difference { largest: 1.0, mean: 0.375, scale: 4.0 }));
        assert_eq!(Difference::of(&[1.0], &[]), None);
    }
}

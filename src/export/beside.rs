//! The estimator beside the exact result, as the page runs it: a request of its own over the same Q, K and V.

use serde_json::{Map, Value, json};

use super::Subject;
use super::javascript::value;
use crate::attention::estimators::direction_of;
use crate::attention::reference::{self, At};
use crate::attention::{Plan, assemble, scale};
use crate::experiment::{Experiment, Issue, Issues, message};

/// Most pairs that are looked at for whether a mask lets a query see a later key.
const PAIRS: usize = 1 << 22;

/// The fields of its request but the tensors; nothing where no estimator is chosen.
///
/// # Errors
/// A scale that makes no sense; a mask too large to say whether it looks ahead.
pub fn estimate(subject: &Subject) -> Result<Option<Map<String, Value>>, Issues> {
    let experiment = subject.experiment;
    let choice = &experiment.estimator;
    if choice.id == "none" {
        return Ok(None);
    }
    let mut issues = Vec::new();
    let factor = scale(experiment, &subject.loaded.dims, &mut issues);
    if !issues.is_empty() {
        return Err(Issues(issues));
    }
    let causal = !looks_ahead(subject)?;
    let fields = json!({
        "estimator": value(choice),
        "is_causal": direction_of(choice, causal).unwrap_or(causal),
        "scale": factor,
        "outputs": ["Y", "exact", "error", "total_error"],
    });
    match fields {
        Value::Object(fields) => Ok(Some(fields)),
        _ => Ok(None),
    }
}

/// Whether the mask lets a query look at a later key: an estimator knows no more of it.
fn looks_ahead(subject: &Subject) -> Result<bool, Issues> {
    let Experiment { mask, combine, paint, conventions, data, seed, .. } = subject.experiment;
    if mask.id == "none" && combine.is_empty() && paint.is_empty() {
        return Ok(true);
    }
    let masked = Experiment {
        mask: mask.clone(),
        combine: combine.clone(),
        paint: paint.clone(),
        conventions: *conventions,
        data: data.clone(),
        seed: *seed,
        ..Experiment::default()
    };
    let plan = Plan::compile(&assemble(&masked, subject.loaded)?.0)?;
    let dims = &plan.dims;
    if dims.q_heads * dims.n_q * dims.n_k > PAIRS {
        let message = message!(
            "is too large to say here whether it is causal, which is all that an estimator knows of a mask",
            "过大，无法在此判断其是否为因果，而估计方法只能区分这一点"
        );
        return Err(Issue::new("mask.id", message).into());
    }
    let sees = |h: usize, q: usize| (q + 1..dims.n_k).any(|k| reference::allowed(&plan, At { b: 0, h, q, k }));
    Ok((0..dims.q_heads).any(|h| (0..dims.n_q).any(|q| sees(h, q))))
}

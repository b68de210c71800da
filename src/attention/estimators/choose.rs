//! From an entry of the catalogue with its parameters to an estimator over given sizes.

use super::{Cell, Estimator, Feature, Kernel, MAX_CELLS, Method};
use crate::attention::dims::Dims;
use crate::attention::values::values_of;
use crate::catalogue::{self, Direction, Text};
use crate::experiment::{Choice, Issue, Issues, check_params, message, unknown};

/// Which way an estimate of `choice` looks where the mask asks for `causal`: most can do one only. Nothing where there is no such entry.
pub fn direction_of(choice: &Choice, causal: bool) -> Option<bool> {
    catalogue::estimator(&choice.id).map(|entry| match entry.direction {
        Direction::Both => causal,
        Direction::Causal => true,
        Direction::Bidirectional => false,
    })
}

/// The estimator of an entry over tensors of these sizes, with room for the exact attention beside it. Faults carry the field: `path` and what is below it for
/// the choice, `is_causal`, or none.
///
/// # Errors
/// As [`alone`]; and sizes that are too large for exact attention.
pub fn fits(choice: &Choice, dims: Dims, causal: bool, scale: f32, path: &str) -> Result<Estimator, Issues> {
    let cells = dims.rows().saturating_mul(dims.n_k);
    let mut issues = Vec::new();
    if cells > MAX_CELLS {
        let text = message!(
            "exact attention beside it would have {cells} cells; there is room for {MAX_CELLS}",
            "一并计算的精确注意力将有 {cells} 个单元，最多 {MAX_CELLS} 个"
        );
        issues.push(Issue::new(path, text));
    }
    match alone(choice, dims, causal, scale, path) {
        Ok(estimator) if issues.is_empty() => Ok(estimator),
        Ok(_) => Err(Issues(issues)),
        Err(Issues(mut all)) => {
            all.append(&mut issues);
            Err(Issues(all))
        }
    }
}

/// The same for an estimate without exact attention beside it, of any size.
///
/// # Errors
/// An unknown entry or parameter, a number out of range, a direction that the entry does not have, sizes that do not fit.
pub fn alone(choice: &Choice, dims: Dims, causal: bool, scale: f32, path: &str) -> Result<Estimator, Issues> {
    let Some(entry) = catalogue::estimator(&choice.id) else {
        let known = catalogue::estimators().iter().map(|entry| entry.id);
        return Err(
            Issue::new(format!("{path}.id"), unknown(Text::new("estimator", "估计方法"), &choice.id, known)).into()
        );
    };
    let mut issues = check_params(&format!("{path}.params"), entry.params, &choice.params);
    let id = entry.id;
    match (entry.direction, causal) {
        (Direction::Causal, false) => {
            let text = message!("must be true: {id} looks back only", "必须为 true：{id} 只能向前看");
            issues.push(Issue::new("is_causal", text));
        }
        (Direction::Bidirectional, true) => {
            let text = message!("must be false: {id} mixes all keys", "必须为 false：{id} 会混合所有的键");
            issues.push(Issue::new("is_causal", text));
        }
        _ => {}
    }
    let (n_q, n_k) = (dims.n_q, dims.n_k);
    if (causal || entry.square) && n_q != n_k {
        let text = message!(
            "{id} needs as many keys as queries here, and there are {n_k} and {n_q}",
            "{id} 在此需要键与查询的数目相同，现为 {n_k} 与 {n_q}"
        );
        issues.push(Issue::new(format!("{path}.id"), text));
    }
    if !issues.is_empty() {
        return Err(Issues(issues));
    }
    let values = values_of(entry.params, &choice.params);
    let value = |name: &str| values.get(name).copied().unwrap_or_default();
    match method(id, &value) {
        Some(method) => Ok(Estimator { dims, method, causal, scale }),
        // A test holds the catalogue to the methods.
        None => Err(Issue::new(format!("{path}.id"), message!("`{id}` can't be computed", "无法计算 `{id}`")).into()),
    }
}

/// The method of the entry `id`, from the values of all its parameters.
fn method(id: &str, value: catalogue::Lookup) -> Option<Method> {
    let count = |name: &str| value(name).max(1.0) as usize;
    let seed = || value("seed") as u64;
    let recurrent = |cell| Method::Recurrent { cell, hidden: count("hidden"), seed: seed() };
    Some(match id {
        "linear" => {
            let feature = match value("feature") as u32 {
                0 => Feature::Elu,
                1 => Feature::Relu,
                _ => Feature::Identity,
            };
            Method::Linear { feature, normalised: value("normalised") != 0.0 }
        }
        "gated" => Method::Gated { decay: value("decay") },
        "delta" => Method::Delta { rate: value("rate") },
        "gated-delta" => Method::GatedDelta { decay: value("decay"), rate: value("rate") },
        "kda" => Method::Kda { fast: value("fast"), slow: value("slow"), rate: value("rate") },
        "retnet" => Method::Retention,
        "log-linear" => Method::LogLinear { lambda: value("lambda") },
        "performer" => Method::Performer { features: count("features"), seed: seed() },
        "linformer" => Method::Linformer { rank: count("rank"), pooled: value("pooled") != 0.0, seed: seed() },
        "nystrom" => Method::Nystrom { landmarks: count("landmarks"), iterations: count("iterations") },
        "h-transformer-1d" => Method::HTransformer { block: count("block") },
        "blockwise-summary" => Method::BlockSummary { block: count("block") },
        "hierarchical" => Method::Hierarchical { block: count("block"), seed: seed() },
        "ring" => Method::Ring { devices: count("devices") },
        "rnn" => recurrent(Cell::Rnn),
        "gru" => recurrent(Cell::Gru),
        "lstm" => recurrent(Cell::Lstm),
        "conv1d" => Method::Conv1d { width: count("width"), seed: seed() },
        "conv2d" => {
            let kernel = Kernel { rows: count("rows"), columns: count("columns"), width: count("picture") };
            Method::Conv2d { kernel, seed: seed() }
        }
        _ => return None,
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
mod tests {
    use super::*;

    fn dims(n_q: usize, n_k: usize) -> Dims {
        Dims { batch: 1, q_heads: 2, kv_heads: 1, n_q, n_k, d: 4, d_v: 3 }
    }

    #[test]
    fn every_entry_has_a_method_and_states_what_it_does() {
        for entry in catalogue::estimators() {
            let causal = entry.direction == Direction::Causal;
            let made = fits(&Choice::of(entry.id), dims(8, 8), causal, 0.5, "estimator").unwrap();
            assert_eq!(made.state_shape().is_some(), entry.state, "{}", entry.id);
        }
    }

    #[test]
    fn what_does_not_fit_is_named() {
        let paths = |id: &str, param: Option<(&str, f64)>, dims, causal| {
            let mut choice = Choice::of(id);
            param.into_iter().for_each(|(name, value)| _ = choice.params.insert(name.to_owned(), value));
            let issues = fits(&choice, dims, causal, 1.0, "estimator").err();
            issues.map_or_else(Vec::new, |all| all.0.into_iter().map(|issue| issue.path).collect::<Vec<_>>())
        };
        assert!(paths("linear", None, dims(4, 9), false).is_empty());
        assert_eq!(paths("linera", None, dims(4, 4), false), ["estimator.id"]);
        assert_eq!(paths("linear", Some(("featur", 1.0)), dims(4, 4), true), ["estimator.params.featur"]);
        assert_eq!(paths("performer", Some(("features", 1.5)), dims(4, 4), true), ["estimator.params.features"]);
        assert_eq!(paths("gated", None, dims(4, 4), false), ["is_causal"]);
        assert_eq!(paths("nystrom", None, dims(4, 4), true), ["is_causal"]);
        assert_eq!(paths("linear", None, dims(4, 9), true), ["estimator.id"]);
        assert_eq!(paths("blockwise-summary", None, dims(4, 9), false), ["estimator.id"]);
        // The last row of a picture may end early.
        assert!(paths("conv2d", Some(("picture", 3.0)), dims(8, 8), false).is_empty());
        assert_eq!(paths("ring", None, dims(1 << 12, 1 << 12), false), ["estimator"]);
    }
}

//! A request of attention that names an estimator: what it may hold beside it, and what it becomes.

use super::convert::tensors;
use super::tensor::{Layout, Tensor};
use super::{FormulaOrEntry, Request};
use crate::attention::estimators::{self, Estimate, Estimator};
use crate::experiment::{Algorithm, Backend, Conventions, Issue, Issues};

/// What can be had.
pub(super) const OUTPUTS: [&str; 6] = ["Y", "exact", "error", "total_error", "trace", "states"];
/// What is given when nothing is asked for.
const USUAL: [&str; 3] = ["Y", "exact", "error"];

/// An estimator with its tensors, ready to be computed.
#[derive(Clone, Debug, PartialEq)]
pub struct EstimatePrepared {
    /// What is computed.
    pub estimator: Estimator,
    /// Q, K and V, row-major `[batch, heads, length, size]`.
    pub tensors: Vec<Vec<f32>>,
    /// Layout of the estimate and of the exact output.
    pub layout: Layout,
    /// Names of the outputs wanted.
    pub outputs: Vec<String>,
    /// Times it is computed.
    pub repeat: u32,
}

impl EstimatePrepared {
    /// The wanted ones of what was computed, by their names. A `trace` is `[batch, heads, keys]`, of a ring `[batch, heads, steps, devices]`; `states` are
    /// `[batch, heads, frames, rows, columns]`. Without a state both are empty.
    pub fn named(&self, computed: Estimate) -> Vec<(&'static str, Tensor)> {
        let dims = self.estimator.dims;
        let (heads, extents) = ([dims.batch, dims.q_heads], [dims.batch, dims.q_heads, dims.n_q, dims.d_v]);
        let ring = self.estimator.devices();
        let trace_len = self.estimator.trace_len();
        let trace: Vec<usize> = if ring * ring == trace_len { vec![ring; 2] } else { vec![trace_len] };
        let [rows, columns] = self.estimator.state_shape().unwrap_or_default();
        let by_head = |rest: &[usize]| [&heads[..], rest].concat();
        let output = |data| Tensor::new(&self.layout.shape(extents), self.layout.pack(data, extents));
        let all = [
            output(computed.y),
            output(computed.exact),
            Tensor::new(&by_head(&[dims.n_q]), computed.error),
            Tensor::new(&heads, computed.total),
            Tensor::new(&by_head(&trace), computed.trace),
            Tensor::new(&by_head(&[self.estimator.frames().len(), rows, columns]), computed.states),
        ];
        let wanted = |name: &&str| self.outputs.iter().any(|output| output == *name);
        OUTPUTS.into_iter().zip(all).filter(|(name, _)| wanted(name)).collect()
    }
}

/// Turns a request with an estimator into what is computed.
///
/// # Errors
/// Every field that is wrong, and every one that an estimator can't respect: exact attention beside it would answer another question.
pub fn prepare_estimate(request: &Request) -> Result<EstimatePrepared, Issues> {
    let choice = request.estimator.as_ref().ok_or_else(|| Issue::new("estimator", "is missing"))?;
    let (dims, _, layout, inputs) = tensors(request)?;
    let mut issues: Vec<Issue> =
        unheard(request).map(|name| Issue::new(name, "can't be respected by an estimator")).collect();
    let causal = match &request.mask {
        None => request.is_causal,
        Some(FormulaOrEntry::Entry(entry)) if entry.id == "causal" => true,
        Some(FormulaOrEntry::Entry(entry)) if entry.id == "none" => request.is_causal,
        Some(_) => {
            issues.push(Issue::new("mask", "an estimator knows the masks `none` and `causal` only"));
            request.is_causal
        }
    };
    let scale = request.scale.unwrap_or_else(|| 1.0 / (dims.d as f32).sqrt());
    if !scale.is_finite() {
        issues.push(Issue::new("scale", "must be finite in single precision"));
    }
    let outputs = request.outputs.clone().unwrap_or_else(|| USUAL.map(str::to_owned).into());
    for (i, output) in outputs.iter().enumerate().filter(|(_, output)| !OUTPUTS.contains(&output.as_str())) {
        let message = format!("`{output}` is no output beside an estimator; there are {}", OUTPUTS.join(", "));
        issues.push(Issue::new(format!("outputs[{i}]"), message));
    }
    let repeat = request.repeat.unwrap_or(1);
    if !(1..=1000).contains(&repeat) {
        issues.push(Issue::new("repeat", format!("must be between 1 and 1000, and is {repeat}")));
    }
    if request.backend == Backend::Webgpu {
        issues.push(Issue::new("backend", "there is no GPU kernel for estimators; cpu and reference compute them"));
    }
    if let Some(i) = [&inputs.q, &inputs.k, &inputs.v].iter().position(|tensor| !tensor.iter().all(|x| x.is_finite())) {
        issues.push(Issue::new(format!("{}.data", ["Q", "K", "V"][i]), "must be finite beside an estimator"));
    }
    let estimator = match estimators::fits(choice, dims, causal, scale, "estimator") {
        Ok(estimator) => estimator,
        Err(more) => {
            issues.extend(more.0);
            return Err(Issues(issues));
        }
    };
    if !issues.is_empty() {
        return Err(Issues(issues));
    }
    let tensors = vec![inputs.q.to_vec(), inputs.k.to_vec(), inputs.v.to_vec()];
    Ok(EstimatePrepared { estimator, tensors, layout, outputs, repeat })
}

/// Fields that are set and mean something that no estimator does.
fn unheard(request: &Request) -> impl Iterator<Item = &'static str> {
    let softmax = request.normaliser.as_ref().is_none_or(|choice| choice.id == "softmax");
    let nowhere = request.position.as_ref().is_none_or(|choice| choice.id == "none");
    let open = |size: Option<i64>| size.is_none_or(|size| size == -1);
    let set = [
        ("attn_mask", request.attn_mask.is_some()),
        ("past_key", request.past_key.is_some()),
        ("past_value", request.past_value.is_some()),
        ("dY", request.dy.is_some()),
        ("nonpad_kv_seqlen", request.nonpad_kv_seqlen.is_some()),
        ("softcap", request.softcap.is_some_and(|cap| cap != 0.0)),
        ("left_window_size", !open(request.left_window_size)),
        ("right_window_size", !open(request.right_window_size)),
        ("qk_matmul_output_mode", request.qk_matmul_output_mode.is_some()),
        ("score", request.score.is_some()),
        ("temperature", request.temperature.is_some_and(|t| t != 1.0)),
        ("prob", request.prob.is_some()),
        ("sink_logit", request.sink_logit.is_some()),
        ("conventions", request.conventions != Conventions::default()),
        ("position", !nowhere),
        ("layers", request.layers.as_ref().is_some_and(|choice| choice.id != "same")),
        ("normaliser", !softmax),
        ("hybrid", request.hybrid.as_ref().is_some_and(|choice| choice.id != "none")),
        ("data", !request.data.is_empty()),
        ("algorithm", request.algorithm != Algorithm::Auto),
        ("tiers", !request.tiers.is_empty()),
        ("rect", request.rect.is_some()),
    ];
    set.into_iter().filter(|(_, set)| *set).map(|(name, _)| name)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
mod tests {
    use super::*;
    use crate::catalogue::List;
    use crate::experiment::Choice;

    fn request(id: &str, is_causal: bool) -> Request {
        let numbers = |count: usize| (0..count).map(|i| (i as f32 * 0.7).sin()).collect::<Vec<_>>();
        let tensor = |size: usize| Tensor::new(&[2, 6, size], numbers(2 * 6 * size));
        let (q, k, v) = (tensor(4), tensor(4), tensor(3));
        Request { q, k, v, is_causal, estimator: Some(Choice::of(id)), ..Request::default() }
    }

    fn outputs(request: &Request) -> Vec<(&'static str, Vec<usize>)> {
        let prepared = prepare_estimate(request).unwrap();
        let [q, k, v] = &prepared.tensors[..] else { return Vec::new() };
        let named = prepared.named(prepared.estimator.compute::<f32>(q, k, v));
        named.into_iter().map(|(name, tensor)| (name, tensor.shape)).collect()
    }

    #[test]
    fn outputs_have_their_shapes() {
        let output = || vec![2, 6, 3];
        let usual = outputs(&request("performer", false));
        assert_eq!(usual, [("Y", output()), ("exact", output()), ("error", vec![1, 2, 6])]);
        let all = Some(OUTPUTS.map(str::to_owned).into());
        let of = |id, causal| outputs(&Request { outputs: all.clone(), ..request(id, causal) })[3..].to_vec();
        let total = || ("total_error", vec![1, 2]);
        assert_eq!(of("gated", true), [total(), ("trace", vec![1, 2, 6]), ("states", vec![1, 2, 6, 4, 3])]);
        assert_eq!(of("ring", true), [total(), ("trace", vec![1, 2, 4, 4]), ("states", vec![1, 2, 0, 0, 0])]);
        assert_eq!(of("conv1d", true), [total(), ("trace", vec![1, 2, 0]), ("states", vec![1, 2, 0, 0, 0])]);
    }

    #[test]
    fn what_an_estimator_cant_respect_is_named() {
        let paths = |change: fn(&mut Request)| {
            let mut request = request("linear", true);
            change(&mut request);
            prepare_estimate(&request).err().map_or_else(Vec::new, |all| all.0.into_iter().map(|i| i.path).collect())
        };
        assert!(paths(|_| {}).is_empty());
        assert!(paths(|r| r.mask = Some(FormulaOrEntry::Entry(Choice::of("causal")))).is_empty());
        assert_eq!(paths(|r| r.mask = Some(FormulaOrEntry::Entry(Choice::of("document")))), ["mask"]);
        assert_eq!(paths(|r| r.mask = Some(FormulaOrEntry::Formula("k <= q".to_owned()))), ["mask"]);
        assert_eq!(paths(|r| (r.softcap, r.left_window_size) = (Some(2.0), Some(3))), ["softcap", "left_window_size"]);
        assert_eq!(paths(|r| r.normaliser = Some(Choice::of("sigmoid"))), ["normaliser"]);
        assert_eq!(paths(|r| r.backend = Backend::Webgpu), ["backend"]);
        // The engines that the catalogue names are those that are taken.
        let by = |name: &str| {
            let backend: Backend = serde_json::from_value(name.into()).unwrap();
            prepare_estimate(&Request { backend, ..request("linear", true) }).is_ok()
        };
        for name in List::Generator.engines() {
            assert_eq!(by(name), List::Estimator.engines().contains(name), "{name}");
        }
        assert_eq!(paths(|r| r.outputs = Some(vec!["weights".to_owned()])), ["outputs[0]"]);
        assert_eq!(paths(|r| std::sync::Arc::make_mut(&mut r.v.data)[3] = f32::NAN), ["V.data"]);
        assert_eq!(paths(|r| r.estimator = Some(Choice::of("nystrom"))), ["is_causal"]);
        assert_eq!(paths(|r| r.estimator = Some(Choice::of("linaer"))), ["estimator.id"]);
    }
}

//! From the experiment to an estimator and its answer.

use crate::app::state::Lab;
use crate::attention::estimators::{direction_of, fits};
use crate::attention::{Estimate, Estimator, Inputs, Operator, scale};
use crate::catalogue::Text;
use crate::engine::Map;
use crate::engine::pool::{Cancel, Operation, Pool, RunError};
use crate::experiment::{Backend, CausalAlignment, Choice, Experiment, Issue, Issues, Stage, limits, message};

/// What is asked.
#[derive(Clone, Debug, PartialEq)]
pub struct Question {
    estimator: Estimator,
    /// The choice that it came from.
    pub choice: Choice,
    inputs: Inputs,
    /// What the user should know of what is compared.
    pub notes: Vec<Text>,
}

/// What came of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    /// What was computed.
    pub estimator: Estimator,
    /// The choice that it came from.
    pub choice: Choice,
    /// What it gave.
    pub estimate: Estimate,
    /// What the user should know of what is compared.
    pub notes: Vec<Text>,
}

impl Question {
    /// The experiment's estimator over the inputs as they are edited; nothing while there is no estimator or no input.
    ///
    /// # Errors
    /// What does not fit.
    pub fn of(lab: Lab) -> Result<Option<Self>, Issues> {
        let experiment = lab.experiment.get();
        let (Some(inputs), Some(loaded)) = (lab.inputs.get(), lab.loaded.get_untracked()) else { return Ok(None) };
        let choice = experiment.estimator.clone();
        let (dims, ahead) = (loaded.dims, looks_ahead(lab, &experiment));
        if choice.id == "none" || inputs.q.len() != dims.q_len() {
            return Ok(None);
        }
        if dims.n_q.max(dims.n_k) > limits::TOKENS {
            let most = limits::TOKENS;
            let text = message!(
                "estimators are compared with exact attention in double precision, for at most {most} tokens",
                "近似方法须与双精度的精确注意力比较，最多 {most} 个词元"
            );
            return Err(Issue::new("input.size", text).into());
        }
        if !inputs.finite() {
            let text = message!("the input holds numbers that are not finite", "输入中含有非有限的数");
            return Err(Issue::new("input", text).into());
        }
        let causal = direction_of(&choice, !ahead).unwrap_or(!ahead);
        let mut issues = Vec::new();
        let factor = scale(&experiment, &dims, &mut issues);
        if !issues.is_empty() {
            return Err(Issues(issues));
        }
        let estimator = fits(&choice, dims, causal, factor, "estimator")?;
        Ok(Some(Self { estimator, choice, inputs, notes: notes(&experiment, ahead, causal) }))
    }

    /// Asks a worker, in double precision where the experiment names the reference.
    ///
    /// # Errors
    /// Why there is no answer.
    pub async fn ask(self, pool: &Pool, exact: bool, cancel: Cancel) -> Result<Answer, RunError> {
        let Self { estimator, choice, inputs, notes } = self;
        let tensors = vec![inputs.q.to_vec(), inputs.k.to_vec(), inputs.v.to_vec()];
        let operator = Operator::Estimator(estimator);
        let backend = if exact { Backend::Reference } else { Backend::Cpu };
        let done = pool.operate(Operation::of(&operator, tensors, backend, 1, cancel)).await?;
        Ok(Answer { estimator, choice, estimate: done.outputs.into(), notes })
    }
}

/// Whether the mask lets a query look at a later key. The two masks that an estimator knows say so themselves; of others the last result's pictures
/// are asked for a weight above the diagonal.
fn looks_ahead(lab: Lab, experiment: &Experiment) -> bool {
    match experiment.mask.id.as_str() {
        _ if !alone(experiment) => shown_ahead(lab),
        "none" => true,
        // With more keys than queries, the last query may stand at the last key: then it sees keys after its own number.
        "causal" if experiment.conventions.causal == CausalAlignment::default() => false,
        _ => shown_ahead(lab),
    }
}

/// Whether nothing is joined with the mask or painted over it.
fn alone(experiment: &Experiment) -> bool {
    experiment.paint.is_empty() && experiment.combine.is_empty()
}

fn shown_ahead(lab: Lab) -> bool {
    lab.maps.with(|maps| maps.iter().filter(|map| map.request.stage == Stage::Weights).any(weighs_ahead))
}

/// Whether a pixel that lies above the diagonal as a whole has a weight.
fn weighs_ahead(map: &Map) -> bool {
    let request = &map.request;
    let (rows, columns) = (request.height.max(1), request.width.max(1));
    let first_key = |column: usize| request.k.start + column * request.k.len() / columns;
    let end_of_queries = |row: usize| request.q.start + (row + 1) * request.q.len() / rows;
    // NaN is what the mask forbids.
    let weighs = |(at, weight): (usize, &f32)| *weight > 0.0 && first_key(at % columns) >= end_of_queries(at / columns);
    map.values.iter().enumerate().any(weighs)
}

/// What an estimator does not respect, and what stands beside it then.
fn notes(experiment: &Experiment, ahead: bool, causal: bool) -> Vec<Text> {
    let mut notes = Vec::new();
    let known = ["none", "causal"].contains(&experiment.mask.id.as_str()) && alone(experiment);
    notes.push(match (causal, ahead == causal || !known) {
        (true, false) => {
            Text::new("Causal: a query sees the keys up to its own place.", "因果：查询只看到自身位置及之前的键。")
        }
        (false, false) => Text::new("No mask: a query sees all keys.", "无掩码：查询可以看到所有的键。"),
        (true, true) => Text::new(
            "Your mask can't be respected here: the estimate and the exact answer beside it both have a causal mask.",
            "此处无法遵循你的掩码：估计与一旁的精确结果都使用因果掩码。",
        ),
        (false, true) => Text::new(
            "Your mask can't be respected here: the estimate and the exact answer beside it both have none.",
            "此处无法遵循你的掩码：估计与一旁的精确结果都不使用掩码。",
        ),
    });
    let plain = experiment.position.id == "none"
        && experiment.score.is_none()
        && experiment.softcap == 0.0
        && experiment.prob.id == "none"
        && experiment.layers.id == "same"
        && experiment.product.id == "dot"
        && experiment.selection.id == "none"
        && experiment.layout.id == "plain"
        && experiment.hybrid.id == "none"
        && experiment.normaliser.id == "softmax";
    if !plain {
        notes.push(Text::new(
            "Positions, other products than q · k, score formulas, softcap, selections, layouts of heads, second branches, other normalisers than softmax and what is done to the weights are left out on both sides.",
            "两边都不包含位置方案、q · k 以外的乘积、分数公式、softcap、选择、头的布局、第二分支、softmax 以外的归一化，以及对权重的变换。",
        ));
    }
    notes
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::{MapRequest, Pool};

    #[test]
    fn a_weight_above_the_diagonal_looks_ahead() {
        let request = MapRequest {
            stage: Stage::Weights,
            batch: 0,
            head: 0,
            q: 0..8,
            k: 0..8,
            width: 4,
            height: 4,
            pool: Pool::Max,
        };
        let with = |at: Option<usize>| {
            let mut values: Vec<f32> = (0..16).map(|i| if i % 4 <= i / 4 { 0.5 } else { f32::NAN }).collect();
            at.into_iter().for_each(|at| values[at] = 0.1);
            weighs_ahead(&Map { request: request.clone(), values })
        };
        assert!(!with(None) && with(Some(1)) && with(Some(11)) && !with(Some(10)));
    }
}

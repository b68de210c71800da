//! What a request wants back.

use super::{Rect, Request};
use super::{estimate, gradients};
use crate::attention::dims::Dims;
use crate::experiment::{Issue, Stage};

/// What a run gives, beside gradients.
const OF_A_RUN: [&str; 7] = ["Y", "rect", "present_key", "present_value", "qk_matmul_output", "weights", "logsumexp"];

/// The names of all outputs of a request of attention: those of a run and its gradients, and those that stand beside an estimator alone.
pub fn output_names() -> impl Iterator<Item = &'static str> {
    let beside = estimate::OUTPUTS.into_iter().filter(|name| !OF_A_RUN.contains(name));
    OF_A_RUN.into_iter().chain(gradients::OUTPUTS).chain(beside)
}

/// Those of a request with an estimator.
pub fn estimate_names() -> impl Iterator<Item = &'static str> {
    estimate::OUTPUTS.into_iter()
}

/// The outputs wanted, and the stages that the matrices among them show.
pub fn wanted(request: &Request, issues: &mut Vec<Issue>) -> (Vec<String>, [Option<Stage>; 2]) {
    let mode = match request.qk_matmul_output_mode.unwrap_or(0) {
        0 => Stage::Scaled,
        1 => Stage::Capped,
        2 => Stage::Masked,
        3 => Stage::Weights,
        other => {
            issues.push(Issue::new("qk_matmul_output_mode", format!("must be 0, 1, 2 or 3, and is {other}")));
            Stage::Scaled
        }
    };
    let outputs = request.outputs.clone().unwrap_or_else(|| vec!["Y".to_owned()]);
    for (i, output) in outputs.iter().enumerate() {
        let known = || OF_A_RUN.into_iter().chain(gradients::OUTPUTS);
        if !known().any(|name| name == output) {
            let known = known().collect::<Vec<_>>().join(", ");
            let message = format!("`{output}` can't be computed here; there are {known}");
            issues.push(Issue::new(format!("outputs[{i}]"), message));
        } else if output == "rect" && request.rect.is_none() {
            issues.push(Issue::new("rect", "is missing, and `outputs` asks for it"));
        }
    }
    let wanted = |name: &str| outputs.iter().any(|output| output == name);
    let stages = match (wanted("qk_matmul_output"), wanted("weights")) {
        (true, true) if mode != Stage::Weights => [Some(mode), Some(Stage::Weights)],
        (true, _) => [Some(mode), None],
        (false, true) => [Some(Stage::Weights), None],
        (false, false) => [None, None],
    };
    if request.rect.is_some() && !outputs.iter().any(|output| output == "rect") {
        let message = "is given, but `outputs` does not ask for it; add \"rect\" to `outputs`";
        issues.push(Issue::new("rect", message));
    }
    (outputs, stages)
}

/// Whether the rectangle lies in a head of these sizes.
pub fn check_rect(rect: Option<&Rect>, dims: &Dims, issues: &mut Vec<Issue>) {
    let Some(rect) = rect else { return };
    let mut say = |path: &str, message: String| issues.push(Issue::new(path, message));
    if rect.head >= dims.q_heads {
        say("rect.head", format!("must be below {}, counted from 0, and is {}", dims.q_heads, rect.head));
    }
    for (axis, [from, to], size) in [("rect.q", rect.q, dims.n_q), ("rect.k", rect.k, dims.n_k)] {
        if from >= to || to > size {
            say(axis, format!("must run upwards, its end exclusive and at most {size}, and is [{from}, {to}]"));
        }
    }
    for (path, pixels, [from, to]) in [("rect.width", rect.width, rect.k), ("rect.height", rect.height, rect.q)] {
        if pixels == 0 || pixels > to.saturating_sub(from).max(1) {
            let cells = to.saturating_sub(from);
            say(path, format!("must be between 1 and the {cells} cells it shows, and is {pixels}"));
        }
    }
    if let Some(pool) = rect.pool.as_deref().filter(|pool| !["max", "mean"].contains(pool)) {
        say("rect.pool", format!("is `{pool}`; `max` or `mean` is needed"));
    }
}

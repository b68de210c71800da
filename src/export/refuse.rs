//! What a target has no words for, told with the field that asks for it.

use super::formulas::entries;
use super::{Made, Subject, Target, array};
use crate::attention::{Normaliser, Problem, Term};
use crate::catalogue::{self, Slot};
use crate::experiment::{Experiment, Issue, Issues, message};
use crate::formula::Bound;

/// Most numbers in the tables of a script's formulas.
const TABLES: usize = 1 << 15;

/// Fields that scripts and requests tell, or that do not change what is computed.
const TOLD: [&str; 20] = [
    "input",
    "edits",
    "mask",
    "combine",
    "paint",
    "score",
    "position",
    "product",
    "scale",
    "temperature",
    "softcap",
    "layout",
    "selection",
    "normaliser",
    "estimator",
    "conventions",
    "data",
    "seed",
    "engine",
    "view",
];

/// Any other field that is set: what exports do not know of they would leave out, and compute something else. `also` are told by this target.
pub fn unknown(subject: &Subject, also: &[&str]) -> Result<(), Issues> {
    let fields = |experiment| match serde_json::to_value(experiment) {
        Ok(serde_json::Value::Object(fields)) => fields,
        _ => serde_json::Map::new(),
    };
    let (set, default) = (fields(subject.experiment), fields(&Experiment::default()));
    // Branches that nothing mixes are nothing.
    let idle = |name: &str| name.starts_with("branch") && subject.experiment.hybrid.id == "none";
    let told = |name: &&str| TOLD.contains(name) || also.contains(name) || idle(name);
    let others = set.iter().filter(|(name, value)| !told(&name.as_str()) && default.get(*name) != Some(value));
    let issue = |(name, _): (&String, &serde_json::Value)| {
        Issue::new(name.clone(), message!("can't be exported as code yet", "尚不能导出为代码"))
    };
    let issues: Vec<Issue> = others.map(issue).collect();
    if issues.is_empty() { Ok(()) } else { Err(Issues(issues)) }
}

/// What is computed from the contents of Q and K: no formula over positions says it.
pub fn content(subject: &Subject, problem: &Problem) -> Result<(), Issues> {
    if problem.lowering.is_none() {
        return Ok(());
    }
    let experiment = subject.experiment;
    let by_content = |id: &str| catalogue::position(id).is_some_and(|entry| matches!(entry.slot, Slot::Content(_)));
    let chosen = [
        ("product.id", &experiment.product.id, experiment.product.id != "dot"),
        ("layout.id", &experiment.layout.id, experiment.layout.id != "plain"),
        ("selection.id", &experiment.selection.id, experiment.selection.id != "none"),
        ("position.id", &experiment.position.id, by_content(&experiment.position.id)),
    ];
    let issue = |(path, id, _): (&str, &String, bool)| {
        let message = message!(
            "`{id}` depends on the contents of Q and K or mixes heads, for which the libraries have no words; this page's JavaScript has",
            "`{id}` 依赖 Q、K 的内容或混合各头，这些库无法表达；可用本页 JavaScript"
        );
        Issue::new(path, message)
    };
    let issues: Vec<Issue> = chosen.into_iter().filter(|(.., chosen)| *chosen).map(issue).collect();
    let path = if experiment.normaliser.id == "softmax" { "" } else { "normaliser.id" };
    let whole = || vec![Issue::new(path, message!("depends on the contents of Q and K", "依赖 Q、K 的内容"))];
    Err(Issues(if issues.is_empty() { whole() } else { issues }))
}

/// What `target` cannot say of a problem that depends on positions alone.
pub fn target(subject: &Subject, made: &Made, target: Target) -> Result<(), Issues> {
    let (plan, name) = (&made.plan, target.name().en);
    let mut issues = Vec::new();
    let mut refuse = |path: &str, en: String, zh: String| {
        issues.push(Issue::new(path, crate::experiment::Message { en, zh }));
    };
    if !made.inputs.finite() {
        refuse("input", "holds numbers that are not finite".to_owned(), "含有非有限数值".to_owned());
    }
    if entries(plan) > TABLES {
        refuse(
            "data",
            format!("the tables of the formulas hold more than {TABLES} numbers, too many for a script"),
            format!("公式所用的表超过 {TABLES} 个数，无法写入脚本"),
        );
    }
    if plan.dims.batch != 1 {
        refuse(
            "input",
            "holds several sequences, and a script one".to_owned(),
            "含多个序列，而脚本只写一个".to_owned(),
        );
    }
    if array::normalised(plan, "np").is_none() {
        let id = &subject.experiment.normaliser.id;
        refuse(
            "normaliser.id",
            format!("`{id}` can't be written as a script yet; this page's JavaScript has it"),
            format!("`{id}` 尚不能写成脚本；可用本页 JavaScript"),
        );
    }
    let library = matches!(target, Target::Sdpa | Target::Flex | Target::Onnx);
    if !library {
        return if issues.is_empty() { Ok(()) } else { Err(Issues(issues)) };
    }
    // What has a logit beside the scores, FlexAttention says by the log-sum-exp that it gives.
    let beside = plan.sink.is_some() || plan.normaliser == Normaliser::OffByOne;
    let exponential = matches!(plan.normaliser, Normaliser::Softmax | Normaliser::OffByOne);
    let softmax = exponential && (!beside || target == Target::Flex);
    if !softmax {
        let id = &subject.experiment.normaliser.id;
        let other = if exponential { "FlexAttention, NumPy, JAX" } else { "NumPy, JAX" };
        refuse(
            "normaliser.id",
            format!("{name} has softmax only, not `{id}`; use {other}"),
            format!("{name} 只有 softmax，没有 `{id}`；请用 {other}"),
        );
    }
    if let (Some(_), Some(term)) = (&plan.probability, &made.problem.probability) {
        refuse(
            &term.path,
            format!("{name} has no formula after the softmax; use NumPy, JAX"),
            format!("{name} 在 softmax 之后没有公式；请用 NumPy、JAX"),
        );
    }
    if target != Target::Flex {
        matrix_only(made, target, &mut refuse);
    }
    if issues.is_empty() { Ok(()) } else { Err(Issues(issues)) }
}

/// What a matrix added to the scores cannot say.
fn matrix_only(made: &Made, target: Target, refuse: &mut impl FnMut(&str, String, String)) {
    let (plan, name) = (&made.plan, target.name().en);
    if target == Target::Sdpa && plan.softcap.is_some() {
        refuse(
            "softcap",
            format!("{name} has no softcap; use FlexAttention"),
            format!("{name} 没有 softcap；请用 FlexAttention"),
        );
    }
    if target == Target::Onnx && plan.softcap.is_some() && !plan.bias_before_cap.is_empty() {
        refuse(
            "conventions.softcap",
            "ONNX caps before the biases, not after; use FlexAttention".to_owned(),
            "ONNX 先做 softcap 再加偏置；请用 FlexAttention".to_owned(),
        );
    }
    let all = |terms: &[Term], bounds: &[Bound]| -> Vec<String> {
        let paired = terms.iter().zip(bounds).filter(|(_, bound)| !bound.formula().adds());
        paired.map(|(term, _)| term.path.clone()).collect()
    };
    let before = all(&made.problem.bias_before_cap, &plan.bias_before_cap);
    for path in before.into_iter().chain(all(&made.problem.bias, &plan.bias)) {
        refuse(
            &path,
            format!("the formula does more than add to the score, and {name} adds a matrix; use FlexAttention"),
            format!("该公式不只是对分数做加法，而 {name} 只能加一个矩阵；请用 FlexAttention"),
        );
    }
}

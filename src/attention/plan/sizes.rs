//! What a problem's numbers must satisfy before anything is made from them.

use crate::attention::dims::Dims;
use crate::attention::problem::Problem;
use crate::attention::{late, lowering};
use crate::catalogue::Text;
use crate::experiment::{Issue, Message, message};
use crate::formula::Sizes;

/// Largest size of anything.
pub(super) const LIMIT: i32 = Sizes::LIMIT;

/// The most bytes that Q, K, V, the output and the tables of one problem may take together.
pub const MAX_BYTES: usize = 512 << 20;

/// Every problem with sizes and plain numbers.
pub fn check(problem: &Problem) -> Vec<Issue> {
    let mut issues = check_dims(&problem.dims);
    check_bytes(problem, &mut issues);
    check_numbers(problem, &mut issues);
    check_reals(problem, &mut issues);
    check_paint(problem, &mut issues);
    issues.extend(lowering::check(problem));
    issues
}

/// Every problem with the sizes alone.
pub fn check_dims(dims: &Dims) -> Vec<Issue> {
    let mut issues = Vec::new();
    let mut say = |path: &str, message: Message| issues.push(Issue::new(path, message));
    for (path, size) in [
        ("dims.batch", dims.batch),
        ("dims.q_heads", dims.q_heads),
        ("dims.kv_heads", dims.kv_heads),
        ("dims.n_q", dims.n_q),
        ("dims.n_k", dims.n_k),
        ("dims.d", dims.d),
        ("dims.d_v", dims.d_v),
    ] {
        if size == 0 {
            say(path, Text::new("must be at least 1", "不得小于 1").into());
        } else if size > LIMIT as usize {
            say(path, message!("must be at most {LIMIT}, and is {size}", "不得超过 {LIMIT}，现为 {size}"));
        }
    }
    if dims.kv_heads > 0 && !dims.q_heads.is_multiple_of(dims.kv_heads) {
        let Dims { q_heads, kv_heads, .. } = *dims;
        say(
            "dims.kv_heads",
            message!(
                "must divide the {q_heads} query heads, and is {kv_heads}",
                "必须整除 {q_heads} 个查询头，现为 {kv_heads}"
            ),
        );
    }
    issues
}

fn check_bytes(problem: &Problem, issues: &mut Vec<Issue>) {
    let message = match bytes(problem) {
        Some(total) if total <= MAX_BYTES => return,
        Some(total) => {
            let (mib, most) = (total >> 20, MAX_BYTES >> 20);
            message!("the tensors would take {mib} MiB; at most {most} MiB fit", "张量将占 {mib} MiB，最多 {most} MiB")
        }
        None => Text::new("the tensors are too large to be counted", "张量过大，无法计量").into(),
    };
    issues.push(Issue::new("dims", message));
}

fn check_numbers(problem: &Problem, issues: &mut Vec<Issue>) {
    let dims = problem.dims;
    let mut say = |path: &str, message: Message| issues.push(Issue::new(path, message));
    for (i, offset) in problem.offset.iter().enumerate() {
        if offset.unsigned_abs() > LIMIT as u32 {
            let message = message!(
                "must be at most {LIMIT} either way, and is {offset}",
                "绝对值不得超过 {LIMIT}，现为 {offset}"
            );
            say(&format!("offset[{i}]"), message);
        }
    }
    if let Some(sink) = &problem.sink {
        if sink.len() != dims.q_heads {
            let (count, heads) = (sink.len(), dims.q_heads);
            let message = format!("has {count} numbers; one for each of the {heads} query heads is needed");
            say("sink_logit", message.into());
        }
        if sink.iter().any(|x| x.is_nan() || *x == f32::INFINITY) {
            say("sink_logit", "holds NaN or infinity; finite numbers are needed (−∞ is no sink)".into());
        }
        if !super::exponential(problem.normaliser) {
            say("sink_logit", "means nothing with a normaliser that does not sum exponentials over the keys".into());
        }
    }
}

/// Scale, softcap and positions. What they must satisfy is known where their code is; without it, nothing can be made of positions, and numbers that are
/// no good are not told apart.
fn check_reals(problem: &Problem, issues: &mut Vec<Issue>) {
    let good = problem.scale.is_finite() && problem.softcap.is_none_or(|cap| cap.is_finite() && cap > 0.0);
    if good && problem.encoding.is_none() && problem.rotation.is_none() {
        return;
    }
    match late::check() {
        Some(check) => check(problem, issues),
        None => {
            let text = Text::new(
                "the part of the page that computes this did not arrive; try again",
                "页面中执行此计算的部分未能加载，请重试",
            );
            issues.push(Issue::new("position", text));
        }
    }
}

fn check_paint(problem: &Problem, issues: &mut Vec<Issue>) {
    let dims = problem.dims;
    let mut say = |path: &str, message: Message| issues.push(Issue::new(path, message));
    for (i, patch) in problem.paint.iter().enumerate() {
        if let Some(head) = patch.head
            && head >= dims.q_heads
        {
            let heads = dims.q_heads;
            let message = message!(
                "must be below {heads}, counted from 0, and is {head}",
                "从 0 计数，必须小于 {heads}，现为 {head}"
            );
            say(&format!("paint[{i}].head"), message);
        }
        for (axis, [from, to], size) in [("q", patch.q, dims.n_q), ("k", patch.k, dims.n_k)] {
            if from >= to || to > size {
                let message = message!(
                    "must run upwards, its end exclusive and at most {size}, and is [{from}, {to}]",
                    "必须递增，终点不含在内且不超过 {size}，现为 [{from}, {to}]"
                );
                say(&format!("paint[{i}].{axis}"), message);
            }
        }
    }
}

/// Bytes of Q, K, V, the output, and the tables; `None` where the count itself overflows.
fn bytes(problem: &Problem) -> Option<usize> {
    let dims = problem.dims;
    let product = |sizes: &[usize]| sizes.iter().try_fold(4_usize, |total, &size| total.checked_mul(size));
    let q = product(&[dims.batch, dims.q_heads, dims.n_q, dims.d])?;
    let k = product(&[dims.batch, dims.kv_heads, dims.n_k, dims.d])?;
    let v = product(&[dims.batch, dims.kv_heads, dims.n_k, dims.d_v])?;
    let y = product(&[dims.batch, dims.q_heads, dims.n_q, dims.d_v])?;
    let offsets = problem.offset.len().max(1);
    let positions = offsets.checked_mul(dims.n_q)?.checked_add(dims.n_k)?;
    let tables = usize::from(problem.encoding.is_some()) + usize::from(problem.rotation.is_some());
    let table = product(&[tables, positions, dims.d])?;
    let rows = product(&[dims.batch, dims.q_heads, dims.n_q])?;
    [q, k, v, y, table, rows].into_iter().try_fold(0_usize, usize::checked_add)
}

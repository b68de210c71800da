//! What a problem's numbers must satisfy before anything is made from them.

use crate::attention::dims::Dims;
use crate::attention::problem::{Encoding, Normaliser, Problem};
use crate::experiment::Issue;
use crate::formula::Sizes;

/// The most bytes that Q, K, V, the output and the tables of one problem may take together.
pub const MAX_BYTES: usize = 512 << 20;

/// Every problem with sizes and plain numbers.
pub fn check(problem: &Problem) -> Vec<Issue> {
    let mut issues = check_dims(&problem.dims);
    check_bytes(problem, &mut issues);
    check_numbers(problem, &mut issues);
    check_position(problem, &mut issues);
    check_paint(problem, &mut issues);
    issues
}

/// Every problem with the sizes alone.
pub fn check_dims(dims: &Dims) -> Vec<Issue> {
    let mut issues = Vec::new();
    let mut say = |path: &str, message: String| issues.push(Issue::new(path, message));
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
            say(path, "must be at least 1".to_owned());
        } else if size > Sizes::LIMIT as usize {
            say(path, format!("is {size}; at most {} is possible", Sizes::LIMIT));
        }
    }
    if dims.kv_heads > 0 && !dims.q_heads.is_multiple_of(dims.kv_heads) {
        say("dims.kv_heads", format!("{} key and value heads must divide {} query heads", dims.kv_heads, dims.q_heads));
    }
    issues
}

fn check_bytes(problem: &Problem, issues: &mut Vec<Issue>) {
    let message = match bytes(problem) {
        Some(total) if total <= MAX_BYTES => return,
        Some(total) => format!("needs {} MiB for its tensors; at most {} MiB fit", total >> 20, MAX_BYTES >> 20),
        None => "is too large to be counted".to_owned(),
    };
    issues.push(Issue::new("dims", message));
}

fn check_numbers(problem: &Problem, issues: &mut Vec<Issue>) {
    let dims = problem.dims;
    let mut say = |path: &str, message: String| issues.push(Issue::new(path, message));
    for (i, offset) in problem.offset.iter().enumerate() {
        if offset.unsigned_abs() > Sizes::LIMIT as u32 {
            say(&format!("offset[{i}]"), format!("is {offset}; at most {} either way is possible", Sizes::LIMIT));
        }
    }
    if !problem.scale.is_finite() {
        say("scale", format!("is {}; it must be a finite number", problem.scale));
    }
    if let Some(cap) = problem.softcap
        && !(cap.is_finite() && cap > 0.0)
    {
        say("softcap", format!("is {cap}; it must be above 0"));
    }
    if let Some(sink) = &problem.sink {
        if sink.len() != dims.q_heads {
            say(
                "sink_logit",
                format!("has {} numbers; one for each of the {} query heads is needed", sink.len(), dims.q_heads),
            );
        }
        if sink.iter().any(|x| x.is_nan() || *x == f32::INFINITY) {
            say("sink_logit", "holds NaN or infinity; finite numbers are needed (−∞ is no sink)".to_owned());
        }
        if problem.normaliser == Normaliser::Sigmoid {
            say("sink_logit", "means nothing with the sigmoid, which has no sum over the keys".to_owned());
        }
    }
}

fn check_position(problem: &Problem, issues: &mut Vec<Issue>) {
    let mut say = |path: &str, message: String| issues.push(Issue::new(path, message));
    match &problem.encoding {
        Some(Encoding::Sinusoidal { base, gain }) => {
            if !(base.is_finite() && *base > 0.0) {
                say("position.params.base", format!("is {base}; it must be above 0"));
            }
            if !gain.is_finite() {
                say("position.params.gain", format!("is {gain}; it must be a finite number"));
            }
        }
        Some(Encoding::Learned { trained, gain, .. }) => {
            if *trained == 0 || *trained > Sizes::LIMIT as usize {
                say("position.params.trained", format!("is {trained}; it must lie between 1 and {}", Sizes::LIMIT));
            }
            if !gain.is_finite() {
                say("position.params.gain", format!("is {gain}; it must be a finite number"));
            }
        }
        None => {}
    }
    if let Some(rotation) = &problem.rotation {
        if !(rotation.base.is_finite() && rotation.base > 0.0) {
            say("position.params.base", format!("is {}; it must be above 0", rotation.base));
        }
        if !rotation.dims.is_multiple_of(2) || rotation.dims > problem.dims.d {
            say(
                "position.params.fraction",
                format!("turns {} places; an even number up to d = {} is needed", rotation.dims, problem.dims.d),
            );
        }
    }
}

fn check_paint(problem: &Problem, issues: &mut Vec<Issue>) {
    let dims = problem.dims;
    let mut say = |path: &str, message: String| issues.push(Issue::new(path, message));
    for (i, patch) in problem.paint.iter().enumerate() {
        if let Some(head) = patch.head
            && head >= dims.q_heads
        {
            say(&format!("paint[{i}].head"), format!("is {head}; there are {} query heads", dims.q_heads));
        }
        for (axis, [from, to], size) in [("q", patch.q, dims.n_q), ("k", patch.k, dims.n_k)] {
            if from >= to || to > size {
                say(&format!("paint[{i}].{axis}"), format!("is {from}..{to}; a range within 0..{size} is needed"));
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

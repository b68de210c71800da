//! What a problem's numbers must satisfy before anything is made from them.

use crate::attention::dims::Dims;
use crate::attention::lowering;
use crate::attention::problem::{Encoding, Problem};
use crate::attention::rotation::{Axes, Decay, Rotation, Stretch};
use crate::catalogue::Text;
use crate::experiment::{Issue, Message, message};
use crate::formula::Sizes;

/// Largest size of anything.
const LIMIT: i32 = Sizes::LIMIT;

/// The most bytes that Q, K, V, the output and the tables of one problem may take together.
pub const MAX_BYTES: usize = 512 << 20;

/// Every problem with sizes and plain numbers.
pub fn check(problem: &Problem) -> Vec<Issue> {
    let mut issues = check_dims(&problem.dims);
    check_bytes(problem, &mut issues);
    check_numbers(problem, &mut issues);
    check_position(problem, &mut issues);
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

/// What is said of a number that must be above 0.
fn above_0(value: &dyn std::fmt::Display) -> Message {
    message!("must be above 0, and is {value}", "必须大于 0，现为 {value}")
}

/// What is said of a number that is not one.
fn finite(value: &dyn std::fmt::Display) -> Message {
    message!("must be a finite number, and is {value}", "必须是有限的数，现为 {value}")
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
    if !problem.scale.is_finite() {
        say("scale", finite(&problem.scale));
    }
    if let Some(cap) = problem.softcap
        && !(cap.is_finite() && cap > 0.0)
    {
        say("softcap", above_0(&cap));
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

fn check_position(problem: &Problem, issues: &mut Vec<Issue>) {
    let mut say = |path: &str, message: Message| issues.push(Issue::new(path, message));
    match &problem.encoding {
        Some(Encoding::Sinusoidal { base, gain }) => {
            if !(base.is_finite() && *base > 0.0) {
                say("position.params.base", above_0(base));
            }
            if !gain.is_finite() {
                say("position.params.gain", finite(gain));
            }
        }
        Some(Encoding::Learned { trained, gain, .. }) => {
            check_count("position.params.trained", *trained, &mut say);
            if !gain.is_finite() {
                say("position.params.gain", finite(gain));
            }
        }
        None => {}
    }
    if let Some(rotation) = &problem.rotation {
        check_rotation(rotation, problem, &mut say);
    }
}

fn check_rotation(rotation: &Rotation, problem: &Problem, say: &mut dyn FnMut(&str, Message)) {
    if !(rotation.base.is_finite() && rotation.base > 0.0) {
        say("position.params.base", above_0(&rotation.base));
    }
    if !rotation.dims.is_multiple_of(2) || rotation.dims > problem.dims.d {
        let (places, d) = (rotation.dims, problem.dims.d);
        let message = message!(
            "turns {places} places; an even number up to d = {d} is needed",
            "使 {places} 维旋转；需要不超过 d = {d} 的偶数"
        );
        say("position.params.fraction", message);
    }
    if !rotation.magnitude.is_finite() {
        say("position", finite(&rotation.magnitude));
    }
    if let Stretch::Linear { factor }
    | Stretch::Ntk { factor }
    | Stretch::DynamicNtk { factor, .. }
    | Stretch::Bands { factor, .. } = rotation.stretch
        && !(factor.is_finite() && factor >= 1.0)
    {
        let message = message!("must be at least 1, and is {factor}", "不得小于 1，现为 {factor}");
        say("position.params.factor", message);
    }
    if let Stretch::DynamicNtk { trained, .. } | Stretch::Bands { trained, .. } = rotation.stretch {
        check_count("position.params.trained", trained, say);
    }
    if let Stretch::Bands { slow, fast, .. } = rotation.stretch
        && !(slow >= 0.0 && fast > slow && fast.is_finite())
    {
        let message = message!("must be above `slow` = {slow}, and is {fast}", "必须大于 `slow` = {slow}，现为 {fast}");
        say("position.params.fast", message);
    }
    if let Axes::Grid { width } | Axes::Frames { width, .. } = rotation.axes {
        check_count("position.params.width", width, say);
    }
    if let Axes::Frames { height, .. } = rotation.axes {
        check_count("position.params.height", height, say);
    }
    if let Some(decay) = &rotation.decay {
        check_decay(decay, rotation.dims, problem, say);
    }
}

fn check_count(path: &str, count: usize, say: &mut dyn FnMut(&str, Message)) {
    if count == 0 || count > LIMIT as usize {
        let message =
            message!("must be between 1 and {LIMIT}, and is {count}", "必须在 1 到 {LIMIT} 之间，现为 {count}");
        say(path, message);
    }
}

/// The largest exponent of xPos's factors. A factor of a query times that of a key stays within single precision, with room for what they multiply.
const MAX_DECAY: f64 = 40.0;

fn check_decay(decay: &Decay, dims: usize, problem: &Problem, say: &mut dyn FnMut(&str, Message)) {
    let known =
        say_above_0("position.params.gamma", decay.gamma, say) & say_above_0("position.params.scale", decay.scale, say);
    if !known {
        return;
    }
    let last = |offset: i32| problem.dims.n_q as f64 - 1.0 + f64::from(offset);
    let offsets = || problem.offset.iter().copied().chain(problem.offset.is_empty().then_some(0));
    let middle = (problem.dims.n_k / 2) as f64;
    let ends = offsets().flat_map(|offset| [f64::from(offset), last(offset)]);
    let farthest = ends.map(|position| (position - middle).abs()).fold(middle, f64::max);
    // The first pair decays fastest.
    let most = decay.rate(0, dims.max(2)) * farthest;
    if most > MAX_DECAY {
        let scale = (decay.scale * most / MAX_DECAY).ceil();
        let message = message!(
            "must be at least {scale} for so many tokens; the factors would leave single precision",
            "词元数这样多时不得小于 {scale}，否则因子会超出单精度范围"
        );
        say("position.params.scale", message);
    }
}

/// Whether a number is above 0; says so where not.
fn say_above_0(path: &str, value: f64, say: &mut dyn FnMut(&str, Message)) -> bool {
    let fits = value.is_finite() && value > 0.0;
    if !fits {
        say(path, above_0(&value));
    }
    fits
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

//! What the real numbers of a problem must satisfy: scale, softcap, encodings and rotations. Sentences that hold such numbers are not part of the page's first
//! view, which has no code to write them.

use super::sizes::LIMIT;
use crate::attention::problem::{Encoding, Problem};
use crate::attention::rotation::{Axes, Decay, Rotation, Stretch};
use crate::experiment::{Issue, Message, message};

/// Everything wrong with them.
pub fn check(problem: &Problem, issues: &mut Vec<Issue>) {
    let mut say = |path: &str, message: Message| issues.push(Issue::new(path, message));
    if !problem.scale.is_finite() {
        say("scale", finite(&problem.scale));
    }
    if let Some(cap) = problem.softcap
        && !(cap.is_finite() && cap > 0.0)
    {
        say("softcap", above_0(&cap));
    }
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

/// What is said of a number that must be above 0.
fn above_0(value: &dyn std::fmt::Display) -> Message {
    message!("must be above 0, and is {value}", "必须大于 0，现为 {value}")
}

/// What is said of a number that is not one.
fn finite(value: &dyn std::fmt::Display) -> Message {
    message!("must be a finite number, and is {value}", "必须是有限的数，现为 {value}")
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

//! What is added to the rows of Q and K, and how they are turned, as lines of NumPy. Both are told by their definitions, from position numbers.

use super::inputs::unrounded;
use crate::attention::{Axes, Beyond, Dims, Encoding, Problem, Rotation, Stretch};

/// Lines that change `Q` and `K`, to follow `before`; empty where nothing changes them. They read `n_q`, `n_k` and `d`.
pub fn lines(problem: &Problem, before: &str) -> String {
    let offset = problem.offset.first().copied().unwrap_or(0);
    let mut text = String::new();
    if problem.encoding.is_none() && problem.rotation.is_none() {
        return text;
    }
    let moved = if offset == 0 { String::new() } else { format!(" + {offset}").replace("+ -", "- ") };
    text.push_str(&format!("q_positions, k_positions = np.arange(n_q){moved}, np.arange(n_k)\n"));
    if let Some(encoding) = &problem.encoding {
        text.push_str(&encoded(encoding, &problem.dims, offset, before));
    }
    if let Some(rotation) = &problem.rotation {
        text.push_str(&turned(rotation, &problem.dims, offset));
    }
    text
}

/// One more than the last position.
fn tokens(dims: &Dims, offset: i32) -> usize {
    usize::try_from(dims.n_q as i64 + i64::from(offset)).unwrap_or(0).max(dims.n_k)
}

fn encoded(encoding: &Encoding, dims: &Dims, offset: i32, before: &str) -> String {
    let add = "Q = Q + encoding(q_positions)\nK = K + encoding(k_positions)\n";
    match encoding {
        Encoding::Sinusoidal { base, gain } => format!(
            "
def encoding(positions):  # sinusoids, added to Q and K
    i = np.arange(d)
    angle = positions[:, None] * {base:?} ** (-(i // 2 * 2) / d)
    return np.float32({gain:?}) * np.where(i % 2 == 0, np.sin(angle), np.cos(angle)).astype(np.float32)

{add}"
        ),
        Encoding::Learned { trained, seed, gain, beyond } => {
            let tokens = tokens(dims, offset).max(1);
            let rows = (*trained).min(tokens);
            let last = rows - 1;
            let pick = match beyond {
                Beyond::Wrap => format!("    return table[positions % {rows}]\n"),
                Beyond::Interpolate if tokens > rows => format!(
                    "    at = np.clip(positions, 0, {}) * ({:?} / {:?})
    low, part = np.floor(at).astype(int), np.float32(at % 1)[:, None]
    return (1 - part) * table[low] + part * table[np.minimum(low + 1, {last})]
",
                    tokens - 1,
                    rows as f64 - 1.0,
                    (tokens as f64 - 1.0).max(1.0)
                ),
                _ => format!("    return table[np.clip(positions, 0, {last})]\n"),
            };
            let (definition, normal) = unrounded(before);
            format!(
                "{definition}r = np.random.default_rng({seed})
table = np.float32({gain:?}) * np.stack([{normal}(r, d) for _ in range({rows})]).astype(np.float32)

def encoding(positions):  # a table in the place of a learned one, added to Q and K
{pick}
{add}"
            )
        }
    }
}

fn turned(rotation: &Rotation, dims: &Dims, offset: i32) -> String {
    let Rotation { base, dims: turning, interleaved, stretch, magnitude, axes, decay } = rotation;
    let pairs = turning / 2;
    if pairs == 0 {
        return String::new();
    }
    // The exponent of the last pair; a single pair has frequency 1 with every base.
    let rebased = |factor: String| {
        format!("    return f * {factor} ** (-i / {})  # the base times a power of this\n", "max(count - 1, 1)")
    };
    let stretched = match stretch {
        Stretch::None => "    return f\n".to_owned(),
        Stretch::Linear { factor } => format!("    return f / {factor:?}\n"),
        Stretch::Ntk { factor } => rebased(format!("{factor:?}")),
        Stretch::DynamicNtk { factor, trained } => {
            let n = tokens(dims, offset).max(*trained);
            rebased(format!("({factor:?} * {n} / {trained} - ({factor:?} - 1))"))
        }
        Stretch::Bands { factor, trained, slow, fast } => format!(
            "    turns = {trained} * f / (2 * np.pi)
    kept = np.clip((turns - {slow:?}) / ({fast:?} - {slow:?}), 0, 1)
    return kept * f + (1 - kept) * f / {factor:?}
"
        ),
    };
    let (parts, frequencies) = match axes {
        Axes::Line => ("p[:, None]".to_owned(), format!("ladder({pairs})")),
        Axes::Grid { width } => {
            let (rows, columns) = (pairs.div_ceil(2), pairs / 2);
            (
                format!("np.stack([p // {width}] * {rows} + [p % {width}] * {columns}, axis=1)"),
                format!("np.concatenate([ladder({rows}), ladder({columns})])"),
            )
        }
        Axes::Frames { height, width } => {
            let frames = pairs / 4;
            let rows = (pairs - frames) / 2;
            let columns = pairs - frames - rows;
            (
                format!(
                    "np.stack([p // {width} // {height}] * {frames} + [p // {width} % {height}] * {rows} + [p % {width}] * {columns}, axis=1)"
                ),
                format!("ladder({pairs})"),
            )
        }
    };
    let size = match decay {
        None => format!("{magnitude:?}"),
        Some(decay) => format!(
            "{magnitude:?} * (((2 * np.arange({pairs}) / {turning} + {gamma:?}) / (1 + {gamma:?})) ** (side * (p[:, None] - n_k // 2) / {scale:?}))",
            gamma = decay.gamma,
            scale = decay.scale
        ),
    };
    let split = match interleaved {
        true => format!("x[..., 0:{turning}:2], x[..., 1:{turning}:2]"),
        false => format!("x[..., :{pairs}], x[..., {pairs}:{turning}]"),
    };
    let join = match interleaved {
        true => {
            format!("    out[..., 0:{turning}:2], out[..., 1:{turning}:2] = a * cos - b * sin, a * sin + b * cos\n")
        }
        false => {
            format!("    out[..., :{pairs}], out[..., {pairs}:{turning}] = a * cos - b * sin, a * sin + b * cos\n")
        }
    };
    format!(
        "
def ladder(count):  # radians of each pair for one step
    i = np.arange(count)
    f = {base:?} ** (-i / count)
{stretched}
def rotate(x, p, side):  # pairs of places, turned by their position p
    angle = {parts} * {frequencies}
    size = {size}
    cos, sin = (size * np.cos(angle)).astype(np.float32), (size * np.sin(angle)).astype(np.float32)
    out = x.copy()
    a, b = {split}
{join}    return out

Q, K = rotate(Q, q_positions, 1), rotate(K, k_positions, -1)
"
    )
}

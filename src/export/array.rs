//! NumPy and JAX: the definition over whole arrays, one stage after the other. NumPy computes in double precision and gives formulas the
//! single-precision scores that the language defines; JAX computes in single precision, as it does by default.

use super::formulas::Formulas;
use super::{Made, Subject, literal, script};
use crate::attention::{Normaliser, Plan};
use crate::formula::python::Arrays;

/// The script.
pub fn code(subject: &Subject, made: &Made, arrays: Arrays) -> String {
    let (numpy, xp) = (arrays == Arrays::Numpy, arrays.module());
    let mut text = script::head(subject, if numpy { "numpy" } else { "jax numpy" });
    text.push_str("import numpy as np\n");
    if !numpy {
        text.push_str("import jax.numpy as jnp\n");
    }
    text.push('\n');
    text.push_str(&script::inputs(subject, made));
    let formulas = Formulas::new(&made.plan, arrays);
    text.push_str(&formulas.definitions());
    text.push_str("\n# Where each score stands\n");
    match numpy {
        true => text.push_str("b, h, q, k = (x.astype(np.int32) for x in np.ogrid[:1, :q_heads, :n_q, :n_k])\n"),
        false => text.push_str(
            "b, h, q, k = (jnp.asarray(x, jnp.int32) for x in np.ogrid[:1, :q_heads, :n_q, :n_k])\nQ, K, V = (jnp.asarray(x) for x in (Q, K, V))\n",
        ),
    }
    let dims = &made.plan.dims;
    if dims.q_heads != dims.kv_heads {
        text.push_str(&format!(
            "K, V = ({xp}.repeat(x, q_heads // kv_heads, axis=1) for x in (K, V))  # {} query heads share a key head\n",
            dims.q_heads / dims.kv_heads
        ));
    }
    scores(made, &formulas, arrays, &mut text);
    masked(made, &formulas, arrays, &mut text);
    text.push_str("\n# Weights\n");
    text.push_str(&normalised(&made.plan, xp).unwrap_or_default());
    if let Some(probability) = &formulas.probability {
        let single = |x: &str| if numpy { format!("{x}.astype(np.float32)") } else { x.to_owned() };
        text.push_str(&format!("w = {xp}.where(s == -{xp}.inf, 0, {})\n", probability.call(&single("w"))));
    }
    let product = if numpy { "w @ V.astype(np.float64)" } else { "jnp.matmul(w, V, precision=\"highest\")" };
    text.push_str(&format!("\ny = {product}\n"));
    text.push_str(&script::result(subject));
    text
}

fn scores(made: &Made, formulas: &Formulas, arrays: Arrays, text: &mut String) {
    let (numpy, xp) = (arrays == Arrays::Numpy, arrays.module());
    let mut line = |words: String| text.push_str(&format!("{words}\n"));
    line(format!("\n# Scores, [1, q_heads, n_q, n_k]\nscale = {xp}.float32({:?})", made.plan.scale));
    match numpy {
        true => line("s = scale * (Q.astype(np.float64) @ K.astype(np.float64).swapaxes(-1, -2))".to_owned()),
        false => line("s = scale * jnp.matmul(Q, K.swapaxes(-1, -2), precision=\"highest\")".to_owned()),
    }
    // A formula takes and gives single precision.
    let scored = |call: String| match numpy {
        true => format!("s = np.broadcast_to({call}, s.shape).astype(np.float64)"),
        false => format!("s = jnp.broadcast_to(jnp.asarray({call}, jnp.float32), s.shape)"),
    };
    let score = if numpy { "s.astype(np.float32)" } else { "s" };
    formulas.before_cap.iter().for_each(|formula| line(scored(formula.call(score))));
    if let Some(cap) = made.plan.softcap {
        line(format!("softcap = {xp}.float32({cap:?})\ns = softcap * {xp}.tanh(s / softcap)"));
    }
    formulas.bias.iter().for_each(|formula| line(scored(formula.call(score))));
}

fn masked(made: &Made, formulas: &Formulas, arrays: Arrays, text: &mut String) {
    let xp = arrays.module();
    if !made.plan.masked() {
        return;
    }
    text.push_str(&format!("\n# Masks\nallowed = {xp}.ones(s.shape, bool)\n"));
    for formula in &formulas.masks {
        text.push_str(&format!("allowed = allowed & {}\n", formula.call("")));
    }
    text.push_str(&painted(made, arrays));
    text.push_str(&format!("s = {xp}.where(allowed, s, -{xp}.inf)\n"));
}

/// Lines that switch rectangles of `allowed`; the last one that holds a cell decides it.
pub fn painted(made: &Made, arrays: Arrays) -> String {
    let mut text = String::new();
    for patch in &made.plan.paint {
        let head = patch.head.map_or(":".to_owned(), |head| head.to_string());
        let ([q0, q1], [k0, k1]) = (patch.q, patch.k);
        let (place, value) = (format!("[:, {head}, {q0}:{q1}, {k0}:{k1}]"), if patch.allow { "True" } else { "False" });
        text.push_str(&match arrays {
            Arrays::Jax => format!("allowed = allowed.at{place}.set({value})\n"),
            _ => format!("allowed{place} = {value}\n"),
        });
    }
    text
}

/// The logits that take part in each head's softmax without a value, as an array of NumPy.
pub fn sinks(plan: &Plan) -> String {
    let heads = plan.dims.q_heads;
    let logit = |head| format!("{:?}", plan.sink_of(head).unwrap_or(f32::NEG_INFINITY));
    literal::array(&[heads], (0..heads).map(logit), "np.float32")
}

/// Lines that make the weights `w` of the scores `s`; none for a normaliser that this has no words for. A row of nothing but −∞ gets no weight.
#[allow(unreachable_patterns, reason = "a normaliser that comes later is refused until it is told here")]
pub fn normalised(plan: &Plan, xp: &str) -> Option<String> {
    let largest =
        format!("largest = s.max(-1, keepdims=True)\nlargest = {xp}.where(largest == -{xp}.inf, 0, largest)\n");
    let text = match plan.normaliser {
        Normaliser::Softmax | Normaliser::OffByOne if plan.sink.is_some() => format!(
            "sink = {}[:, None, None]  # one logit a head, without a value\nlargest = {xp}.maximum(s.max(-1, keepdims=True), sink)\nlargest = {xp}.where(largest == -{xp}.inf, 0, largest)\nw = {xp}.exp(s - largest)\ntotal = w.sum(-1, keepdims=True) + {xp}.exp(sink - largest)\nw = w / {xp}.where(total == 0, 1, total)\n",
            sinks(plan)
        ),
        Normaliser::Softmax => format!(
            "{largest}w = {xp}.exp(s - largest)\ntotal = w.sum(-1, keepdims=True)\nw = w / {xp}.where(total == 0, 1, total)\n"
        ),
        Normaliser::OffByOne => format!(
            "largest = {xp}.maximum(s.max(-1, keepdims=True), 0)\nw = {xp}.exp(s - largest)\nw = w / (w.sum(-1, keepdims=True) + {xp}.exp(-largest))  # one more in the sum\n"
        ),
        Normaliser::Sigmoid if xp == "np" => {
            "with np.errstate(over=\"ignore\"):\n    w = 1 / (1 + np.exp(np.log(np.float32(n_k)) - s))\n".to_owned()
        }
        Normaliser::Sigmoid => format!("w = 1 / (1 + {xp}.exp({xp}.log({xp}.float32(n_k)) - s))\n"),
        Normaliser::SquaredRelu => format!("w = {xp}.maximum(s, 0) ** 2 / n_k\n"),
        Normaliser::Sparsemax => format!(
            "{largest}# What lies 2 below the largest has no weight and does not move the threshold
z = -{xp}.sort(-{xp}.maximum(s - largest, -2), axis=-1)
count = {xp}.arange(1, n_k + 1)
threshold = (z.cumsum(-1) - 1) / count
size = (z > threshold).sum(-1, keepdims=True)
threshold = {xp}.take_along_axis(threshold, size - 1, axis=-1)
w = {xp}.where(s == -{xp}.inf, 0, {xp}.maximum(s - largest - threshold, 0))
"
        ),
        Normaliser::Entmax => format!(
            "{largest}# What lies 2 below the largest half has no weight and does not move the threshold
z = -{xp}.sort(-{xp}.maximum((s - largest) / 2, -2), axis=-1)
count = {xp}.arange(1, n_k + 1)
mean, square = z.cumsum(-1) / count, (z**2).cumsum(-1) / count
threshold = mean - {xp}.sqrt({xp}.maximum((1 - count * (square - mean**2)) / count, 0))
size = (z >= threshold).sum(-1, keepdims=True)
threshold = {xp}.take_along_axis(threshold, size - 1, axis=-1)
w = {xp}.where(s == -{xp}.inf, 0, {xp}.maximum((s - largest) / 2 - threshold, 0) ** 2)
"
        ),
        _ => return None,
    };
    Some(text)
}

//! Q, K and V as lines of NumPy: the seeded generators in the words of their definitions, everything else as numbers, in the text or in a file beside it.

use super::Subject;
use super::literal::{array, list, quoted};
use crate::attention::inputs::{self, Recipe, Seed, tokenize};
use crate::attention::{Dims, Inputs};
use crate::experiment::{Edit, Hidden, Input, Normals, TensorName, Weights};
use crate::formula::Sorted;

/// Most numbers that stand in the text itself.
const IN_TEXT: usize = 2048;

/// Name of the file that holds what does not fit into the text.
pub const FILE: &str = "attention-inputs.npz";

/// Lines that make `Q`, `K` and `V`, `float32` arrays `[1, heads, tokens, size]`.
pub struct Source {
    /// The lines.
    pub text: String,
    /// Whether they read [`FILE`].
    pub file: bool,
}

/// Box and Muller; see [`inputs::Rng::normals`].
const ROUNDED: &str = "
def normal(r, *shape):  # standard normal numbers, by Box and Muller, rounded so that every library has the same
    u, v = r.random((2, *shape))
    return np.round(65536 * np.sqrt(-2 * np.log1p(-u)) * np.cos(2 * np.pi * v)) / 65536
";

/// The same of inputs from before there was a rule.
const NORMAL: &str = "
def normal(r, *shape):  # standard normal numbers, by Box and Muller
    u, v = r.random((2, *shape))
    return np.sqrt(-2 * np.log1p(-u)) * np.cos(2 * np.pi * v)
";

const ORTHONORMAL: &str = "
def orthonormal(r, rows, width):  # by Gram and Schmidt, in blocks of `width` rows
    table = normal(r, rows, width)
    for row in range(rows):
        for _ in range(2):
            for other in range(row - row % width, row):
                table[row] -= (table[row] @ table[other]) * table[other]
        table[row] /= np.sqrt(table[row] @ table[row])
    return table
";

/// The lines that make normal numbers for an input.
fn definition(normals: Normals) -> &'static str {
    match normals {
        Normals::Rounded => ROUNDED,
        Normals::Unrounded => NORMAL,
    }
}

/// What lines after `text` need for numbers that are not rounded, and what they call it.
pub fn unrounded(text: &str) -> (String, &'static str) {
    match text {
        _ if text.contains(ROUNDED) => (NORMAL.replace("def normal(", "def unrounded("), "unrounded"),
        _ if text.contains(NORMAL) => (String::new(), "normal"),
        _ => (NORMAL.to_owned(), "normal"),
    }
}

/// The lines for a subject with these edited tensors.
pub fn source(subject: &Subject, edited: &Inputs) -> Source {
    let made = match &subject.experiment.input {
        Input::Generated { recipe, seed, normals, params, .. } => {
            Recipe::find(recipe).map(|recipe| generated(recipe, Seed { number: *seed, normals: *normals }, params))
        }
        Input::Text { text, seed, normals, .. } => Some(embedded(text, Seed { number: *seed, normals: *normals })),
        Input::Projected { x, weights, weights_b, seed, normals, .. } => {
            projected(x, weights, weights_b.as_ref(), Seed { number: *seed, normals: *normals })
        }
        Input::Capture { .. } | Input::Numbers { .. } => None,
    };
    match made {
        Some(mut text) => {
            subject.experiment.edits.iter().for_each(|edit| text.push_str(&changed(edit)));
            Source { text, file: false }
        }
        None => numbers(&subject.loaded.dims, edited),
    }
}

/// The tensors as they are.
fn numbers(dims: &Dims, edited: &Inputs) -> Source {
    let Dims { batch, q_heads, kv_heads, n_q, n_k, d, d_v } = *dims;
    if edited.q.len() + edited.k.len() + edited.v.len() > IN_TEXT {
        let text = format!(
            "# The page offers {FILE} beside this text.\nwith np.load(\"{FILE}\") as file:\n    Q, K, V = file[\"q\"], file[\"k\"], file[\"v\"]\n"
        );
        return Source { text, file: true };
    }
    let tensor = |name: &str, shape: [usize; 4], data: &[f32]| {
        format!("{name} = {}\n", array(&shape, data.iter().map(|x| format!("{x:?}")), "np.float32"))
    };
    let text = [
        tensor("Q", [batch, q_heads, n_q, d], &edited.q),
        tensor("K", [batch, kv_heads, n_k, d], &edited.k),
        tensor("V", [batch, kv_heads, n_k, d_v], &edited.v),
    ];
    Source { text: text.concat(), file: false }
}

fn changed(edit: &Edit) -> String {
    let Edit { tensor, head, row, col, value } = edit;
    let name = match tensor {
        TensorName::Q => "Q",
        TensorName::K => "K",
        TensorName::V => "V",
    };
    format!("{name}[0, {head}, {row}, {col}] = {value:?}\n")
}

fn generated(recipe: Recipe, seed: Seed, params: &Sorted<String, f64>) -> String {
    let Seed { number, normals } = seed;
    format!("{}\nQ, K, V = make({number}, q_heads, kv_heads, n_q, n_k, d, d_v)\n", function(recipe, normals, params))
}

/// The generator as a function of its seed and sizes, with what it calls.
fn function(recipe: Recipe, normals: Normals, params: &Sorted<String, f64>) -> String {
    let values = recipe.values(params);
    let value = |name: &str| values.get(name).copied().unwrap_or_default();
    let [margin, place, period, waves, noise] = ["margin", "place", "period", "waves", "noise"].map(value);
    let needle = if place == 0.5 { "n_k // 2".to_owned() } else { format!("min(int({place:?} * n_k), n_k - 1)") };
    let id = recipe.id();
    // One table of a key head after the other; all query heads of its group share it.
    let groups =
        |inside: &str, rest: &str| format!("    Q, K, V = [], [], []\n    for _ in range(kv_heads):\n{inside}{rest}");
    let stacked = "    Q, K = np.stack(Q)[None], np.stack(K)[None]\n";
    let normal_v = "    V = normal(r, 1, kv_heads, n_k, d_v).astype(np.float32)\n";
    let body = match recipe {
        Recipe::Normal => "    Q = normal(r, 1, q_heads, n_q, d).astype(np.float32)\n    K = normal(r, 1, kv_heads, n_k, d).astype(np.float32)\n    V = normal(r, 1, kv_heads, n_k, d_v).astype(np.float32)\n".to_owned(),
        Recipe::Uniform => "    Q = (2 * r.random((1, q_heads, n_q, d)) - 1).astype(np.float32)\n    K = (2 * r.random((1, kv_heads, n_k, d)) - 1).astype(np.float32)\n    V = (2 * r.random((1, kv_heads, n_k, d_v)) - 1).astype(np.float32)\n".to_owned(),
        Recipe::OneHot => "    def unit(heads, rows, width, length):\n        x = np.zeros((1, heads, rows, width), np.float32)\n        x[..., np.arange(rows), np.arange(rows) % width] = length\n        return x\n    length = np.sqrt(np.float32(d))\n    Q, K, V = unit(q_heads, n_q, d, length), unit(kv_heads, n_k, d, length), unit(kv_heads, n_k, d_v, 1)\n".to_owned(),
        Recipe::Orthogonal => groups(
            "        rows = (np.sqrt(d) * orthonormal(r, n_k, d)).astype(np.float32)\n        Q += [rows[np.arange(n_q) % n_k]] * (q_heads // kv_heads)\n        K.append(rows)\n",
            &format!("{stacked}{normal_v}"),
        ),
        Recipe::Needle => groups(
            &format!("        unit = orthonormal(r, 1, d)[0]\n        keys = normal(r, n_k, d)\n        keys -= np.outer(keys @ unit, unit)\n        keys[{needle}] = {margin:?} * unit\n        Q += [np.tile((np.sqrt(d) * unit).astype(np.float32), (n_q, 1))] * (q_heads // kv_heads)\n        K.append(keys.astype(np.float32))\n"),
            &format!("{stacked}{normal_v}    V[..., 0] = 0\n    V[..., {needle}, 0] = 1\n"),
        ),
        Recipe::Periodic => groups(
            &format!("        period = min({period}, max(n_q, n_k))\n        table = normal(r, period, d).astype(np.float32)\n        Q += [table[np.arange(n_q) % period]] * (q_heads // kv_heads)\n        K.append(table[np.arange(n_k) % period])\n        V.append(normal(r, period, d_v).astype(np.float32)[np.arange(n_k) % period])\n"),
            &format!("{stacked}    V = np.stack(V)[None]\n"),
        ),
        Recipe::Reversed => groups(
            "        table = normal(r, n_q, d).astype(np.float32)\n        Q += [table] * (q_heads // kv_heads)\n        K.append(table[n_q - 1 - np.arange(n_k) % n_q])\n",
            &format!("{stacked}{normal_v}"),
        ),
        Recipe::Smooth => groups(
            &format!("        frequency, phase = {waves:?} * normal(r, d), r.random(d)\n        def rows(n, frequency, phase):\n            t = np.arange(n)[:, None] / n\n            return (np.sqrt(2) * np.cos(2 * np.pi * (frequency * t + phase))).astype(np.float32)\n        Q += [rows(n_q, frequency, phase)] * (q_heads // kv_heads)\n        K.append(rows(n_k, frequency, phase))\n        frequency, phase = {waves:?} * normal(r, d_v), r.random(d_v)\n        V.append(rows(n_k, frequency, phase))\n"),
            &format!("{stacked}    V = np.stack(V)[None]\n"),
        ),
        Recipe::Noise => format!("    K = normal(r, 1, kv_heads, n_k, d).astype(np.float32)\n    Q = np.repeat(K[:, :, np.arange(n_q) % n_k], q_heads // kv_heads, axis=1)\n    Q = Q + np.float32({noise:?}) * normal(r, 1, q_heads, n_q, d).astype(np.float32)\n{normal_v}"),
    };
    let needs_normal = if body.contains("normal(") { definition(normals) } else { "" };
    let needs_rows = if body.contains("orthonormal(") { ORTHONORMAL } else { "" };
    let rng =
        if body.contains("r.random(") || body.contains("(r, ") { "    r = np.random.default_rng(seed)\n" } else { "" };
    format!(
        "{needs_normal}{needs_rows}\ndef make(seed, q_heads, kv_heads, n_q, n_k, d, d_v):  # the generator `{id}`\n{rng}{body}    return Q, K, V\n"
    )
}

/// Words with seeded embeddings; see [`inputs::embed`].
fn embedded(text: &str, seed: Seed) -> String {
    format!(
        "{}r = np.random.default_rng({})
group = q_heads // kv_heads
Q, K, V = [], [], []
for _ in range(kv_heads):
    W_K, W_V = normal(r, 64, d) / 8, normal(r, 64, d_v) / 8
    K.append(X @ W_K)
    V.append(X @ W_V)
    Q += [X @ ((W_K + normal(r, 64, d) / 8) * np.sqrt(0.5)) for _ in range(group)]
Q, K, V = (np.stack(x)[None].astype(np.float32) for x in (Q, K, V))
",
        words(text, seed),
        seed.number
    )
}

/// `X`, the embeddings of a text's words in double precision.
fn words(text: &str, seed: Seed) -> String {
    let tokens = list(tokenize(text).iter().map(|token| quoted(&token.to_lowercase())));
    let turned = seed.number.rotate_left(32);
    format!(
        "{}
def embedding(token):  # from the word's hash, FNV-1a
    hash = 0xCBF29CE484222325
    for byte in token.encode():
        hash = (hash ^ byte) * 0x100000001B3 % 2**64
    return normal(np.random.default_rng(hash ^ {turned}), 64)

tokens = {tokens}
X = np.stack([embedding(token) for token in tokens])
",
        definition(seed.normals)
    )
}

/// Hidden states and the matrices that project them; nothing where the numbers had better be in a file.
fn projected(x: &Hidden, weights: &Weights, second: Option<&Weights>, seed: Seed) -> Option<String> {
    let mut text = match x {
        Hidden::Text { text } => words(text, seed),
        Hidden::Texts { a, b } => words(&format!("{a} {b}"), seed),
        Hidden::Generated { recipe, rows, width, seed: own, params } => {
            let recipe = function(Recipe::find(recipe)?, seed.normals, params);
            format!("{recipe}\nX = make({own}, 1, 1, {rows}, {rows}, {width}, 1)[1][0, 0]\n")
        }
        Hidden::Rows { .. } | Hidden::Image { .. } | Hidden::TextImage { .. } => {
            let states = inputs::states(x, seed);
            if states.data.len() > IN_TEXT {
                return None;
            }
            let shape = [states.tokens.len(), states.width];
            format!("X = {}\n", array(&shape, states.data.iter().map(|x| format!("{x:?}")), "np.float32"))
        }
    };
    text.push_str("X = X.astype(np.float32).astype(np.float64)\n");
    matrices(&mut text, ["W_Q", "W_K", "W_V"], weights, x.width(), seed)?;
    let project = match second {
        None => "X @ W".to_owned(),
        Some(own) => {
            text.push_str("# the matrices of stream B\n");
            matrices(&mut text, ["U_Q", "U_K", "U_V"], own, x.width(), inputs::second(seed))?;
            let first = x.streams()[0];
            format!("np.concatenate([X[:{first}] @ W, X[{first}:] @ U])")
        }
    };
    let (both, pairs) = match second {
        None => ("W", ["W_Q", "W_K", "W_V"]),
        Some(_) => ("W, U", ["W_Q, U_Q", "W_K, U_K", "W_V, U_V"]),
    };
    let [q, k, v] = pairs;
    text.push_str(&format!(
        "
def heads({both}, heads, size):  # columns cut into heads
    return ({project}).reshape(len(X), heads, size).swapaxes(0, 1)[None].astype(np.float32)

Q, K, V = heads({q}, q_heads, d), heads({k}, kv_heads, d), heads({v}, kv_heads, d_v)
",
    ));
    Some(text)
}

/// The rule's lines, unless they are there: all of an input's numbers follow one.
fn needs_normal(text: &mut String, normals: Normals) {
    let lines = definition(normals);
    if !text.contains(lines) {
        text.push_str(lines);
    }
}

/// Lines that make the matrices and give them these names; nothing where the numbers had better be in a file. `seed` is that of the stream.
fn matrices(text: &mut String, names: [&str; 3], weights: &Weights, width: usize, seed: Seed) -> Option<()> {
    let columns = "(q_heads * d, kv_heads * d, kv_heads * d_v)";
    let all = names.join(", ");
    let rng = format!("r = np.random.default_rng({})\n", seed.number | 1 << 63);
    match weights {
        Weights::Normal => {
            needs_normal(text, seed.normals);
            text.push_str(&rng);
            text.push_str(&format!(
                "{all} = (normal(r, {width}, columns) / np.sqrt({width}) for columns in {columns})\n"
            ));
        }
        Weights::Orthogonal => {
            needs_normal(text, seed.normals);
            if !text.contains("def orthonormal(") {
                text.push_str(ORTHONORMAL);
            }
            text.push_str(&rng);
            text.push_str(&format!("{all} = (orthonormal(r, columns, {width}).T for columns in {columns})\n"));
        }
        Weights::Identity => {
            text.push_str(&format!(
                "{all} = (np.eye({width})[:, np.arange(columns) % {width}] for columns in {columns})\n"
            ));
        }
        Weights::Rows { q, k, v } => {
            if [q, k, v].into_iter().flatten().map(Vec::len).sum::<usize>() > IN_TEXT {
                return None;
            }
            for (name, rows) in names.into_iter().zip([q, k, v]) {
                let shape = [rows.len(), rows.first().map_or(0, Vec::len)];
                let numbers = rows.iter().flatten().map(|x| format!("{x:?}"));
                text.push_str(&format!("{name} = {}.astype(np.float64)\n", array(&shape, numbers, "np.float32")));
            }
        }
    }
    Some(())
}

//! Check of the input: sizes, text, pasted numbers.

use super::super::issue::message;
use super::super::nearest::{shown, unknown};
use super::super::spec::Size;
use super::super::words::tokens;
use super::super::{Input, TensorName};
use super::{FINITE, Found, check_params, hidden, limits};
use crate::catalogue::{self, Text};
use crate::formula::Sorted;

/// What is known of the extents of Q, K and V before the input is loaded: heads, rows, columns.
pub(super) struct Extents {
    q: [usize; 3],
    k: [usize; 3],
    v: [usize; 3],
}

impl Extents {
    pub(super) fn of(&self, tensor: TensorName) -> [usize; 3] {
        match tensor {
            TensorName::Q => self.q,
            TensorName::K => self.k,
            TensorName::V => self.v,
        }
    }

    /// The largest that any input may have.
    fn unknown() -> Self {
        let most = [limits::HEADS, limits::TOKENS, limits::SIZE];
        Self { q: most, k: most, v: most }
    }

    fn of_size(size: &Size) -> Self {
        Self {
            q: [size.q_heads, size.n_q, size.d],
            k: [size.kv_heads, size.n_k, size.d],
            v: [size.kv_heads, size.n_k, size.d_v],
        }
    }
}

pub(super) fn check(found: &mut Found, input: &Input) -> Extents {
    match input {
        Input::Capture { id, layer } => {
            let plain = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
            if id.is_empty() || id.len() > 64 || !id.chars().all(plain) {
                let id = shown(id);
                found.add(
                    "input.id",
                    message!("`{id}` can't be the name of a capture", "`{id}` 不能作为采集文本的名称"),
                );
            }
            found.range("input.layer", *layer, [1, limits::LAYERS]);
            Extents::unknown()
        }
        Input::Generated { recipe, size, seed, params, .. } => {
            generator(found, "input", recipe, params);
            sizes(found, size, Some([size.n_q, size.n_k]), limits::GENERATED);
            found.seed("input.seed", *seed);
            Extents::of_size(size)
        }
        Input::Text { text, size, seed, .. } => {
            let (characters, most) = (text.chars().count(), limits::TEXT);
            // A token is at least one character, so a text that is not too long has not too many of them.
            let tokens = if characters > most { None } else { Some(tokens(text)) };
            match tokens {
                Some(0) => found.add("input.text", Text::new("there are no words", "没有任何词")),
                Some(_) => {}
                None => found.add(
                    "input.text",
                    message!(
                        "at most {most} characters, and there are {characters}",
                        "最多 {most} 个字符，现有 {characters} 个"
                    ),
                ),
            }
            sizes(found, size, tokens.filter(|&n| n > 0).map(|n| [n, n]), limits::TOKENS);
            found.seed("input.seed", *seed);
            let n = tokens.unwrap_or(limits::TOKENS);
            Extents::of_size(&Size { n_q: n, n_k: n, ..*size })
        }
        Input::Numbers { q, k, v, q_heads, kv_heads, rounded } => {
            exactness(found, *rounded);
            let q_heads = heads(found, "input.q_heads", *q_heads, q.len());
            let kv_heads = heads(found, "input.kv_heads", *kv_heads, k.len());
            let q_columns = matrix(found, "input.q", q, q_heads);
            let k_columns = matrix(found, "input.k", k, kv_heads);
            let v_columns = matrix(found, "input.v", v, kv_heads);
            if !q_heads.is_multiple_of(kv_heads) {
                found.add(
                    "input.kv_heads",
                    message!(
                        "must divide the {q_heads} query heads, and is {kv_heads}",
                        "必须整除 {q_heads} 个查询头，现为 {kv_heads}"
                    ),
                );
            }
            if let (Some(a), Some(b)) = (q_columns, k_columns)
                && a != b
            {
                found.add(
                    "input.k",
                    message!(
                        "rows of K must be as long as rows of Q ({a} numbers), and have {b}",
                        "K 的每行须与 Q 等长（{a} 个数），现为 {b} 个"
                    ),
                );
            }
            let (rows, needed) = (v.len(), k.len());
            if rows != needed {
                found.add(
                    "input.v",
                    message!(
                        "V must have as many rows as K ({needed}), and has {rows}",
                        "V 的行数须与 K 相同（{needed} 行），现为 {rows} 行"
                    ),
                );
            }
            let extents =
                |m: &[Vec<f32>], heads: usize, columns: Option<usize>| [heads, m.len() / heads, columns.unwrap_or(0)];
            Extents {
                q: extents(q, q_heads, q_columns),
                k: extents(k, kv_heads, k_columns),
                v: extents(v, kv_heads, v_columns),
            }
        }
        Input::Projected { x, weights, weights_b, size, seed, rounded, .. } => {
            exactness(found, *rounded);
            let before = found.0.len();
            let tokens = hidden::hidden(found, x);
            sizes(found, size, tokens.map(|n| [n, n]), limits::TOKENS);
            found.seed("input.seed", *seed);
            if found.0.len() == before {
                hidden::weights(found, "input.weights", weights, x, size);
                if let Some(own) = weights_b {
                    hidden::second(found, own, x, size);
                }
            }
            let n = tokens.unwrap_or(limits::TOKENS);
            Extents::of_size(&Size { n_q: n, n_k: n, ..*size })
        }
    }
}

/// By how much a link has rounded.
fn exactness(found: &mut Found, rounded: f64) {
    if !(rounded.is_finite() && rounded >= 0.0) {
        found.add("input.rounded", message!("must be at least 0, and is {rounded}", "不得小于 0，现为 {rounded}"));
    }
}

/// Checks a generator and its parameters, at the fields `recipe` and `params` of `path`.
pub(super) fn generator(found: &mut Found, path: &str, recipe: &str, params: &Sorted<String, f64>) {
    match catalogue::recipe(recipe) {
        Some(entry) => found.0.extend(check_params(&format!("{path}.params"), entry.params, params)),
        None => {
            let known = catalogue::recipes().iter().map(|entry| entry.id);
            found.add(format!("{path}.recipe"), unknown(Text::new("generator", "生成器"), recipe, known));
        }
    }
}

/// Sizes of a made-up input; `lengths` are its queries and keys, where they are known, at most `most` each.
fn sizes(found: &mut Found, size: &Size, lengths: Option<[usize; 2]>, most: usize) {
    let before = found.0.len();
    found.range("input.size.q_heads", size.q_heads, [1, limits::HEADS]);
    found.range("input.size.kv_heads", size.kv_heads, [1, limits::HEADS]);
    found.range("input.size.d", size.d, [1, limits::SIZE]);
    found.range("input.size.d_v", size.d_v, [1, limits::SIZE]);
    let [n_q, n_k] = lengths.unwrap_or([1, 1]);
    found.range("input.size.n_q", n_q, [1, most]);
    found.range("input.size.n_k", n_k, [1, most]);
    // The rest would divide by zero or overflow with sizes that are out of range.
    if found.0.len() > before {
        return;
    }
    let (q, kv) = (size.q_heads, size.kv_heads);
    if !q.is_multiple_of(kv) {
        found.add(
            "input.size.kv_heads",
            message!("must divide the {q} query heads, and is {kv}", "必须整除 {q} 个查询头，现为 {kv}"),
        );
    }
    let bytes = (q * n_q * size.d + kv * n_k * (size.d + size.d_v)) * size_of::<f32>();
    if bytes > limits::BYTES {
        let (mib, most) = (bytes >> 20, limits::BYTES >> 20);
        found.add(
            "input.size",
            message!(
                "Q, K and V would take {mib} MiB, and at most {most} MiB are allowed",
                "Q、K、V 将占 {mib} MiB，最多允许 {most} MiB"
            ),
        );
    }
}

/// Checks a number of heads; 1 where it is none.
fn heads(found: &mut Found, path: &str, heads: usize, rows: usize) -> usize {
    let before = found.0.len();
    found.range(path, heads, [1, limits::HEADS]);
    if found.0.len() > before {
        return 1;
    }
    if !rows.is_multiple_of(heads) {
        found.add(
            path,
            message!("must divide the {rows} rows evenly, and is {heads}", "须能整除 {rows} 行，现为 {heads}"),
        );
    }
    heads
}

/// Checks pasted rows, those of one head after those of the other; the length of a row where all agree.
pub(super) fn matrix(found: &mut Found, path: &str, rows: &[Vec<f32>], heads: usize) -> Option<usize> {
    if rows.is_empty() || rows.len() > limits::TOKENS.saturating_mul(heads) {
        let (most, count) = (limits::TOKENS.saturating_mul(heads), rows.len());
        found
            .add(path, message!("must have 1 to {most} rows, and has {count}", "须有 1 到 {most} 行，现有 {count} 行"));
        return None;
    }
    let columns = rows[0].len();
    if columns == 0 || columns > limits::SIZE {
        let most = limits::SIZE;
        found.add(
            format!("{path}[0]"),
            message!("must have 1 to {most} numbers, and has {columns}", "须有 1 到 {most} 个数，现有 {columns} 个"),
        );
        return None;
    }
    let mut even = true;
    for (i, row) in rows.iter().enumerate() {
        let count = row.len();
        if count != columns {
            even = false;
            found.add(
                format!("{path}[{i}]"),
                message!(
                    "must have {columns} numbers as the first row, and has {count}",
                    "须与第一行一样有 {columns} 个数，现有 {count} 个"
                ),
            );
        } else if let Some(j) = row.iter().position(|x| !x.is_finite()) {
            found.add(format!("{path}[{i}][{j}]"), FINITE);
        }
    }
    even.then_some(columns)
}

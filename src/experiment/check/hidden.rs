//! Check of hidden states and of the matrices that project them.

use super::super::issue::message;
use super::super::spec::Size;
use super::super::{Hidden, Weights};
use super::input::{generator, matrix};
use super::{FINITE, Found, limits};
use crate::catalogue::Text;

/// Checks where X comes from; its tokens, as far as that makes sense.
pub(super) fn hidden(found: &mut Found, x: &Hidden) -> Option<usize> {
    let before = found.0.len();
    match x {
        Hidden::Rows { rows } => {
            matrix(found, "input.x.rows", rows, 1);
        }
        Hidden::Generated { recipe, rows, width, seed, params } => {
            generator(found, "input.x", recipe, params);
            found.range("input.x.rows", *rows, [1, limits::TOKENS]);
            found.range("input.x.width", *width, [1, limits::SIZE]);
            found.seed("input.x.seed", *seed);
        }
        Hidden::Text { text } => words(found, "input.x.text", text),
        Hidden::Image { width, cells } => image(found, *width, cells),
        Hidden::Texts { a, b } => {
            words(found, "input.x.a", a);
            words(found, "input.x.b", b);
        }
        Hidden::TextImage { text, width, cells } => {
            words(found, "input.x.text", text);
            image(found, *width, cells);
        }
    }
    // The number of tokens is asked only of what is not too long to be counted.
    (found.0.len() == before).then(|| x.streams().iter().sum())
}

fn words(found: &mut Found, path: &str, text: &str) {
    let (characters, most) = (text.chars().count(), limits::TEXT);
    if characters > most {
        found.add(
            path,
            message!(
                "at most {most} characters, and there are {characters}",
                "最多 {most} 个字符，现有 {characters} 个"
            ),
        );
    } else if super::super::words::tokens(text) == 0 {
        found.add(path, Text::new("there are no words", "没有任何词"));
    }
}

fn image(found: &mut Found, width: usize, cells: &[f32]) {
    found.range("input.x.width", width, [1, limits::TOKENS]);
    let count = cells.len();
    if count == 0 || count > limits::TOKENS || !count.is_multiple_of(width.max(1)) {
        let most = limits::TOKENS;
        found.add(
            "input.x.cells",
            message!(
                "must be whole rows of {width} patches, at most {most} in all, and are {count}",
                "须为整行（每行 {width} 块），总共最多 {most} 块，现有 {count} 块"
            ),
        );
    }
    if let Some(i) = cells.iter().position(|x| !x.is_finite()) {
        found.add(format!("input.x.cells[{i}]"), FINITE);
    }
}

/// Checks the user's own matrices against the width of X and the sizes of the heads.
pub(super) fn weights(found: &mut Found, field: &str, weights: &Weights, x: &Hidden, size: &Size) {
    let Weights::Rows { q, k, v } = weights else { return };
    let (heads, width) = (size, x.width());
    let due =
        [("q", q, heads.q_heads * heads.d), ("k", k, heads.kv_heads * heads.d), ("v", v, heads.kv_heads * heads.d_v)];
    for (name, rows, columns) in due {
        let path = format!("{field}.rows.{name}");
        let (have, across) = (rows.len(), rows.first().map_or(0, Vec::len));
        if have != width || rows.iter().any(|row| row.len() != columns) {
            found.add(
                path,
                message!(
                    "must have {width} rows (the width of X) of {columns} numbers (heads times size), and has {have} of {across}",
                    "须有 {width} 行（X 的宽度），每行 {columns} 个数（头数乘维度），现为 {have} 行 {across} 个"
                ),
            );
        } else if let Some(i) = rows.iter().position(|row| row.iter().any(|x| !x.is_finite())) {
            found.add(format!("{path}[{i}]"), FINITE);
        }
    }
}

/// Checks the matrices of stream B.
pub(super) fn second(found: &mut Found, own: &Weights, x: &Hidden, size: &Size) {
    if x.streams()[1] == 0 {
        let text =
            Text::new("are for the second of two streams, and X has one", "用于两个流中的第二个，而 X 只有一个流");
        return found.add("input.weights_b", text);
    }
    weights(found, "input.weights_b", own, x, size);
}

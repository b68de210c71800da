//! The tensors an experiment starts from: captured, generated, embedded from text, or pasted.

use std::sync::Arc;

use super::assemble::Loaded;
use super::dims::{Dims, Inputs};
use super::inputs::{self, Generated, Recipe, Seed};
use super::plan;
use super::problem::Problem;
use crate::catalogue::Text;
use crate::experiment::{self, Input, Issue, Issues, Size, message, unknown};
use crate::interchange::{Capture, Json};

/// Longest text, in bytes; every word becomes a row.
const MAX_TEXT: usize = 1 << 16;

/// Makes or reads the tensors of `input`, JSON read by `J`. A capture needs its file's bytes, which only the caller can fetch.
///
/// # Errors
/// Sizes out of range, a damaged or a different capture, rows of unequal length, each with the field at fault.
pub fn load<J: Json>(input: &Input, capture: Option<&[u8]>) -> Result<Loaded, Issues> {
    match input {
        Input::Capture { id, layer } => captured::<J>(id, *layer, capture),
        _ => made(input),
    }
}

/// Makes the tensors of any input but a capture.
///
/// # Errors
/// As [`load`].
pub fn made(input: &Input) -> Result<Loaded, Issues> {
    match input {
        Input::Capture { .. } => {
            Err(Issue::new("input", Text::new("is captured, not made", "是采集的，不是生成的")).into())
        }
        Input::Generated { recipe, seed, normals, params, .. } => {
            let found = Recipe::find(recipe);
            let message = || unknown(Text::new("generator", "生成器"), recipe, Recipe::ALL.iter().map(|r| r.id()));
            let recipe = found.ok_or_else(|| Issue::new("input.recipe", message()))?;
            let dims = sized(input)?;
            let made = inputs::generate(recipe, &dims, Seed { number: *seed, normals: *normals }, params);
            Ok(numbered(dims, shared(made)))
        }
        Input::Text { text, seed, normals, .. } => {
            let (bytes, most) = (text.len(), MAX_TEXT);
            if bytes > most {
                let message = message!("has {bytes} bytes; at most {most} fit", "有 {bytes} 字节，最多 {most} 字节");
                return Err(Issue::new("input.text", message).into());
            }
            let dims = sized(input)?;
            let made = inputs::embed(text, &dims, Seed { number: *seed, normals: *normals });
            Ok(Loaded {
                dims: made.dims,
                tokens_q: made.tokens.clone(),
                tokens_k: made.tokens,
                inputs: shared(made.inputs),
                note: None,
            })
        }
        Input::Numbers { q, k, v, q_heads, kv_heads, .. } => pasted([q, k, v], [*q_heads, *kv_heads]),
        Input::Projected { x, weights, weights_b, seed, normals, .. } => {
            // What the check finds, callers who skip it must hear as well: sizes here decide what memory is taken.
            experiment::check_input(input)?;
            let dims = sized(input)?;
            let seed = Seed { number: *seed, normals: *normals };
            let states = inputs::states(x, seed);
            let a = inputs::matrices(weights, states.width, &dims, seed);
            let own = weights_b.as_ref().map(|own| inputs::matrices(own, states.width, &dims, inputs::second(seed)));
            let made = inputs::project(&states, x.streams()[0], [&a, own.as_ref().unwrap_or(&a)], &dims);
            let tokens = states.tokens;
            Ok(Loaded { dims, tokens_q: tokens.clone(), tokens_k: tokens, inputs: shared(made), note: None })
        }
    }
}

/// Sizes of an input, where they are known before it is loaded: all but those of captures. Whether they make sense is not asked.
pub fn dims_of(input: &Input) -> Option<Dims> {
    let width = |rows: &[Vec<f32>]| rows.first().map_or(0, Vec::len);
    let (size, n_q, n_k) = match input {
        Input::Capture { .. } => return None,
        Input::Generated { size, .. } => (*size, size.n_q, size.n_k),
        Input::Text { text, size, .. } => {
            let n = inputs::tokenize(text).len();
            (*size, n, n)
        }
        Input::Projected { x, size, .. } => {
            let n = x.streams().iter().sum();
            (*size, n, n)
        }
        Input::Numbers { q, k, v, q_heads, kv_heads, .. } => {
            let size = Size { q_heads: *q_heads, kv_heads: *kv_heads, d: width(q), d_v: width(v), n_q: 0, n_k: 0 };
            (size, q.len() / (*q_heads).max(1), k.len() / (*kv_heads).max(1))
        }
    };
    let Size { q_heads, kv_heads, d, d_v, .. } = size;
    Some(Dims { batch: 1, q_heads, kv_heads, n_q, n_k, d, d_v })
}

/// Sizes of what is made here, checked before anything is.
fn sized(input: &Input) -> Result<Dims, Issues> {
    let dims = dims_of(input).ok_or_else(|| Issue::new("input", "has no sizes of its own"))?;
    if dims.n_q == 0
        && let Input::Text { .. } = input
    {
        return Err(Issue::new("input.text", Text::new("there are no words", "没有任何词")).into());
    }
    check(dims)?;
    Ok(dims)
}

/// Reads the tensors of a capture from its file.
///
/// # Errors
/// As [`load`].
pub fn captured<J: Json>(id: &str, layer: u32, bytes: Option<&[u8]>) -> Result<Loaded, Issues> {
    let missing = || message!("layer {layer} of `{id}` has not been fetched", "尚未取得 `{id}` 的第 {layer} 层");
    let bytes = bytes.ok_or_else(|| Issue::new("input", missing()))?;
    let damaged = |error: crate::interchange::InterchangeError| {
        message!("the file of the captured text is damaged: {error}", "采集文本的文件已损坏：{error}")
    };
    let capture = Capture::decode::<J>(bytes).map_err(|error| Issue::new("input", damaged(error)))?;
    if capture.id != id || capture.layer != layer {
        let Capture { layer: other_layer, id: other, .. } = &capture;
        let message = message!(
            "the file holds layer {other_layer} of `{other}`, not layer {layer} of `{id}`",
            "文件中是 `{other}` 的第 {other_layer} 层，而不是 `{id}` 的第 {layer} 层"
        );
        return Err(Issue::new("input", message).into());
    }
    let (n, heads, d) = (capture.tokens.len(), capture.heads, capture.d);
    Ok(Loaded {
        dims: Dims { batch: 1, q_heads: heads, kv_heads: heads, n_q: n, n_k: n, d, d_v: d },
        tokens_q: capture.tokens.clone(),
        tokens_k: capture.tokens,
        inputs: Inputs { q: Arc::new(capture.q), k: Arc::new(capture.k), v: Arc::new(capture.v) },
        note: None,
    })
}

/// Sizes of a generator, checked before anything is made.
fn check(dims: Dims) -> Result<(), Issues> {
    let mut issues = plan::check(&Problem::plain(dims));
    for issue in &mut issues {
        issue.path = issue.path.replacen("dims", "input.size", 1);
    }
    if issues.is_empty() { Ok(()) } else { Err(Issues(issues)) }
}

fn pasted([q, k, v]: [&[Vec<f32>]; 3], [q_heads, kv_heads]: [usize; 2]) -> Result<Loaded, Issues> {
    let mut issues = Vec::new();
    for (name, rows) in [("q", q), ("k", k), ("v", v)] {
        let width = rows.first().map_or(0, Vec::len);
        if width == 0 {
            issues.push(Issue::new(format!("input.{name}"), Text::new("holds no numbers", "没有数")));
        }
        if let Some(i) = rows.iter().position(|row| row.len() != width) {
            let count = rows[i].len();
            let message =
                message!("has {count} numbers; the first row has {width}", "有 {count} 个数，而第一行有 {width} 个");
            issues.push(Issue::new(format!("input.{name}[{i}]"), message));
        }
    }
    let width = |rows: &[Vec<f32>]| rows.first().map_or(0, Vec::len);
    if width(q) != width(k) {
        let (of_k, of_q) = (width(k), width(q));
        let message =
            message!("rows have {of_k} numbers; those of Q have {of_q}", "每行有 {of_k} 个数，而 Q 的每行有 {of_q} 个");
        issues.push(Issue::new("input.k", message));
    }
    if k.len() != v.len() {
        let (of_v, of_k) = (v.len(), k.len());
        issues
            .push(Issue::new("input.v", message!("has {of_v} rows; K has {of_k}", "有 {of_v} 行，而 K 有 {of_k} 行")));
    }
    for (name, heads, rows) in [("q_heads", q_heads, q.len()), ("kv_heads", kv_heads, k.len())] {
        if heads == 0 || !rows.is_multiple_of(heads) {
            let message =
                message!("must divide the {rows} rows evenly, and is {heads}", "须能整除 {rows} 行，现为 {heads}");
            issues.push(Issue::new(format!("input.{name}"), message));
        }
    }
    if !issues.is_empty() {
        return Err(Issues(issues));
    }
    let (n_q, n_k) = (q.len() / q_heads, k.len() / kv_heads);
    let dims = Dims { batch: 1, q_heads, kv_heads, n_q, n_k, d: width(q), d_v: width(v) };
    let flat = |rows: &[Vec<f32>]| Arc::new(rows.concat());
    Ok(numbered(dims, Inputs { q: flat(q), k: flat(k), v: flat(v) }))
}

fn shared(made: Generated) -> Inputs {
    Inputs { q: Arc::new(made.q), k: Arc::new(made.k), v: Arc::new(made.v) }
}

/// Rows without words are called by their numbers.
fn numbered(dims: Dims, inputs: Inputs) -> Loaded {
    let names = |n: usize| (0..n).map(|i| i.to_string()).collect();
    Loaded { dims, tokens_q: names(dims.n_q), tokens_k: names(dims.n_k), inputs, note: None }
}

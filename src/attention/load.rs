//! The tensors an experiment starts from: captured, generated, embedded from text, or pasted.

use std::sync::Arc;

use super::assemble::Loaded;
use super::dims::{Dims, Inputs};
use super::inputs::{self, Generated, Options, Recipe};
use super::plan;
use super::problem::Problem;
use crate::experiment::{Input, Issue, Issues};
use crate::interchange::Capture;

/// Longest text, in bytes; every word becomes a row.
const MAX_TEXT: usize = 1 << 16;

/// Makes or reads the tensors of `input`. A capture needs its file's bytes, which only the caller can fetch.
///
/// # Errors
/// Sizes out of range, a damaged or a different capture, rows of unequal length, each with the field at fault.
pub fn load(input: &Input, capture: Option<&[u8]>) -> Result<Loaded, Issues> {
    match input {
        Input::Capture { id, layer } => captured(id, *layer, capture),
        Input::Generated { recipe, size, seed } => {
            let recipe = Recipe::find(recipe)
                .ok_or_else(|| Issue::new("input.recipe", format!("there is no generator `{recipe}`")))?;
            let dims = Dims {
                batch: 1,
                q_heads: size.q_heads,
                kv_heads: size.kv_heads,
                n_q: size.n_q,
                n_k: size.n_k,
                d: size.d,
                d_v: size.d_v,
            };
            check(dims)?;
            let made = inputs::generate(recipe, &dims, *seed, &Options::default());
            Ok(numbered(dims, shared(made)))
        }
        Input::Text { text, size, seed } => {
            if text.len() > MAX_TEXT {
                return Err(
                    Issue::new("input.text", format!("has {} bytes; at most {MAX_TEXT} fit", text.len())).into()
                );
            }
            let n = inputs::tokenize(text).len();
            if n == 0 {
                return Err(Issue::new("input.text", "holds no words").into());
            }
            let dims = Dims {
                batch: 1,
                n_q: n,
                n_k: n,
                q_heads: size.q_heads,
                kv_heads: size.kv_heads,
                d: size.d,
                d_v: size.d_v,
            };
            check(dims)?;
            let made = inputs::embed(text, &dims, *seed);
            Ok(Loaded {
                dims: made.dims,
                tokens_q: made.tokens.clone(),
                tokens_k: made.tokens,
                inputs: shared(made.inputs),
                note: None,
            })
        }
        Input::Numbers { q, k, v } => pasted(q, k, v),
    }
}

fn captured(id: &str, layer: u32, bytes: Option<&[u8]>) -> Result<Loaded, Issues> {
    let bytes = bytes.ok_or_else(|| Issue::new("input", format!("layer {layer} of `{id}` has not been fetched")))?;
    let capture = Capture::decode(bytes).map_err(|error| Issue::new("input", error.to_string()))?;
    if capture.id != id || capture.layer != layer {
        let message =
            format!("the file holds layer {} of `{}`, not layer {layer} of `{id}`", capture.layer, capture.id);
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

fn pasted(q: &[Vec<f32>], k: &[Vec<f32>], v: &[Vec<f32>]) -> Result<Loaded, Issues> {
    let mut issues = Vec::new();
    for (name, rows) in [("q", q), ("k", k), ("v", v)] {
        let width = rows.first().map_or(0, Vec::len);
        if width == 0 {
            issues.push(Issue::new(format!("input.{name}"), "holds no numbers"));
        }
        if let Some(i) = rows.iter().position(|row| row.len() != width) {
            let message = format!("has {} numbers; the first row has {width}", rows[i].len());
            issues.push(Issue::new(format!("input.{name}[{i}]"), message));
        }
    }
    let width = |rows: &[Vec<f32>]| rows.first().map_or(0, Vec::len);
    if width(q) != width(k) {
        issues.push(Issue::new("input.k", format!("rows have {} numbers; those of Q have {}", width(k), width(q))));
    }
    if k.len() != v.len() {
        issues.push(Issue::new("input.v", format!("has {} rows; K has {}", v.len(), k.len())));
    }
    if !issues.is_empty() {
        return Err(Issues(issues));
    }
    let dims = Dims { batch: 1, q_heads: 1, kv_heads: 1, n_q: q.len(), n_k: k.len(), d: width(q), d_v: width(v) };
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
